"""Zip packages, looked at as bytes before any library is: how much they really hold, and whether it is sound."""

from __future__ import annotations

import datetime as dt
import io
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from pipeline.clock import in_hanoi
from pipeline.errors import Refused
from pipeline.read.markup import declares_entities, local, parse
from pipeline.read.values import too_many
from schemas.codes import Rule

# Limits that cost honest files nothing, measured on thousands of real forms.
ENTRY_LIMIT = 2_000
PART_LIMIT, TOTAL_LIMIT = 100 * 1024 * 1024, 200 * 1024 * 1024
RATIO_LIMIT, RATIO_GRACE = 200, 100 * 1024
_CHUNK = 1 << 20
_ENCRYPTED = 0x1
# What zipfile raises on damaged archives.
_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, OSError, EOFError, NotImplementedError, ValueError,
    RuntimeError, LookupError,
)  # fmt: skip


def megabytes(size: int) -> str:
    """Return a size as people read it."""
    return f"{size / 1024 / 1024:.0f} MB"


def inflated(content: bytes, keep: Callable[[str], bool]) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Yield every entry with its content (b"" where it is not to be kept).

    Each is inflated once, which checks its CRC, and its real size is counted: the declared one may lie.

    Raises:
        Refused: `file.unreadable` (damaged), `file.encrypted` or `file.too-large`.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = archive.infolist()
    except _DAMAGE as fault:
        raise Refused(Rule.FILE_UNREADABLE) from fault
    if len(entries) > ENTRY_LIMIT:
        raise too_many("parts", ENTRY_LIMIT)
    total = 0
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise Refused(Rule.FILE_ENCRYPTED)
        size, chunks = 0, []
        for chunk in _chunks(archive, entry):
            size, total = size + len(chunk), total + len(chunk)
            if size > max(RATIO_GRACE, RATIO_LIMIT * entry.compress_size):
                raise Refused(Rule.FILE_TOO_LARGE, ratio=RATIO_LIMIT)
            for reached, limit in ((size, PART_LIMIT), (total, TOTAL_LIMIT)):
                if reached > limit:
                    raise Refused(Rule.FILE_TOO_LARGE, size=megabytes(reached), limit=megabytes(limit))
            if keep(entry.filename):
                chunks.append(chunk)
        yield entry, b"".join(chunks)


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(entry) as part:
            while chunk := part.read(_CHUNK):
                yield chunk
    except _DAMAGE as fault:
        raise Refused(Rule.FILE_UNREADABLE) from fault


@dataclass(frozen=True)
class Package:
    """An Office document: its parts by path; media and the like were checked but are not kept."""

    parts: dict[str, bytes]

    @classmethod
    def of(cls, content: bytes) -> Package:
        """Return the package.

        Raises:
            Refused: damaged, with a password, too large, with entities, or the same path twice.
        """
        parts: dict[str, bytes] = {}
        seen: dict[str, int] = {}
        for entry, part in inflated(content, _is_kept):
            name = entry.filename.replace("\\", "/").lstrip("/")
            if seen.setdefault(name, entry.CRC) != entry.CRC:
                raise Refused(Rule.FILE_UNREADABLE)  # two readers would see two documents
            if part and declares_entities(part, name):
                raise Refused(Rule.FILE_UNREADABLE)
            parts[name] = part
        return cls(parts)

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {name.lower(): name for name in self.parts}

    def find(self, path: str) -> str:
        """Return the path as the package writes it, "" where there is none: some writers differ in capitals."""
        return path if path in self.parts else self._folded.get(path.lower(), "")

    def get(self, path: str) -> bytes:
        """Return a part, b"" where there is none."""
        return self.parts.get(self.find(path), b"")

    @cached_property
    def main(self) -> str:
        """The path of the document itself, "" where it is no Office document."""
        for kind, target in self.relations("").values():
            if kind == "officeDocument" and self.find(target):
                return self.find(target)
        endings = ("workbook.xml", "workbook.bin", "word/document.xml", "ppt/presentation.xml")
        return next((name for name in self.parts if name.lower().endswith(endings)), "")

    @cached_property
    def mimetype(self) -> str:
        """What an OpenDocument file says it is, "" for other packages."""
        return self.get("mimetype")[:100].decode("ascii", "replace").strip()

    @cached_property
    def _relations(self) -> dict[str, dict[str, tuple[str, str]]]:
        return {}

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return kind and target of a part's relations by id; targets inside the package are paths."""
        if part not in self._relations:
            self._relations[part] = self._read_relations(part)
        return self._relations[part]

    def _read_relations(self, part: str) -> dict[str, tuple[str, str]]:
        folder, name = posixpath.split(part)
        content = self.get(f"{folder}/_rels/{name}.rels".lstrip("/"))
        relations: dict[str, tuple[str, str]] = {}
        for relation in parse(content) if content else ():
            target = relation.get("Target", "") if isinstance(relation.tag, str) else ""
            if relation.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/" + folder, target.replace("\\", "/"))).lstrip("/")
            relations[relation.get("Id", "")] = (relation.get("Type", "").rpartition("/")[2], target)
        return relations

    def modified(self) -> dt.datetime | None:
        """Return when the document was last saved, as it says itself: as a clock in Hanoi showed it."""
        content, tag = self.get("docProps/core.xml"), "modified"
        if not content:
            content, tag = self.get("meta.xml"), "date"
        for element in parse(content).iter() if content else ():
            if local(element) == tag:
                try:
                    return in_hanoi(dt.datetime.fromisoformat(element.text or "")).replace(tzinfo=None)
                except (ValueError, OverflowError):
                    return None
        return None


def _is_kept(name: str) -> bool:
    lower = name.lower()
    return lower == "mimetype" or lower.endswith((".xml", ".rels", ".vml")) or _is_binary_workbook(lower)


def _is_binary_workbook(lower: str) -> bool:
    """Tell the parts of an .xlsb that are read; printer settings and macros end in .bin too."""
    return lower.endswith(".bin") and "vba" not in lower and "printer" not in lower and "embed" not in lower
