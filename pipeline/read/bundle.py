"""A zip that a unit packed its files into: its members, for intake to judge each by itself."""

from __future__ import annotations

from pipeline.read.package import Package, inflated
from pipeline.read.sniff import Kind, kind

_UTF8_NAME = 0x800


def members(content: bytes) -> list[tuple[str, bytes]] | None:
    """Return name and content of every file in the archive; None where this is no archive but a document.

    Names are data: they may hold `..`, slashes or anything else, and are never used as paths. One level only:
    an archive inside is returned as a member, and refused when it is read. Names that a system adds
    (`__MACOSX/`, `.DS_Store`) are returned too.

    Raises:
        Refused: `file.unreadable` (damaged), `file.encrypted` or `file.too-large`.
    """
    if kind(content) is not Kind.PACKAGE:
        return None
    found = [
        (_name(entry.filename, entry.flag_bits), data, entry.is_dir())
        for entry, data in inflated(content, lambda name: True)
    ]
    if _is_document({name: data for name, data, _ in found}):
        return None
    return [(name, data) for name, data, is_folder in found if not is_folder]


def _is_document(parts: dict[str, bytes]) -> bool:
    package = Package(parts)
    return bool(package.mimetype) or bool(package.get("[Content_Types].xml")) or bool(package.get("_rels/.rels"))


def _name(name: str, flags: int) -> str:
    """Return a member's name: archives of some systems hold UTF-8 without saying so."""
    if flags & _UTF8_NAME:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name
