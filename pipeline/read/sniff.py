"""What a file is, told from its bytes alone: units rename files, and programs save HTML as .xls."""

from __future__ import annotations

import io
import re
from enum import StrEnum

from xlrd.compdoc import CompDoc

OLE = bytes.fromhex("d0cf11e0a1b11ae1")
HEAD = 4096


class Kind(StrEnum):
    """What the bytes are; from `PDF` on these are words of the message that refuses them."""

    EMPTY = "empty"
    PACKAGE = "package"  # a zip: Office document or bundle
    XLS = "xls"
    ENCRYPTED = "encrypted"
    HTML = "html"
    SPREADSHEET_XML = "spreadsheet-xml"
    FLAT_ODS = "flat-ods"
    TEXT = "text"
    DAMAGED = "damaged"
    PDF = "pdf"
    PICTURE = "picture"
    WORD = "word"
    ARCHIVE = "archive"
    MAIL = "mail"
    OTHER = "other"


_MAGIC = [
    (Kind.PACKAGE, re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)")),
    (Kind.PDF, re.compile(rb"[\s\S]{0,1024}%PDF-")),
    (Kind.PICTURE, re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|BM[\s\S]{4}\0\0\0\0|II\*\0|MM\0\*|RIFF[\s\S]{4}WEBP")),
    (Kind.PICTURE, re.compile(rb"[\s\S]{4}ftyp(?:hei|mif|avi)")),
    (
        Kind.ARCHIVE,
        re.compile(rb"Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\0|PK|[\s\S]{257}ustar"),
    ),
    (Kind.WORD, re.compile(rb"\{\\rtf")),
    # A BIFF stream that no compound file holds: versions 2 to 8 begin with a BOF record.
    (Kind.XLS, re.compile(rb"\x09[\x00\x02\x04\x08][\x04\x06\x08\x10]\x00[\s\S]{2}[\x05\x10]\x00")),
]
_HTML = re.compile(r"^\s*mime-version:|<(?:html|table|body|!doctype\s+html)\b", re.IGNORECASE)
# A web page saved with its pictures has such headers too, but neither of the last three.
_MAIL = re.compile(r"(?=[\w-]+:)(?:\S.*\n|[ \t].*\n)*?(?:message-id|received|to):", re.IGNORECASE)
_SPREADSHEET_XML = re.compile(r"<(?:\w+:)?Workbook\b[^>]*urn:schemas-microsoft-com:office:spreadsheet", re.DOTALL)
_FLAT_ODS = re.compile(r"<(?:\w+:)?document\b[^>]*mimetype=[\"']application/vnd\.oasis\.opendocument\.spreadsheet")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")


def kind(content: bytes) -> Kind:
    """Return what these bytes are."""
    if not content.strip(b"\0 \r\n\t"):
        return Kind.EMPTY
    if content.startswith(OLE):
        return _compound(content)
    for found, magic in _MAGIC:
        if magic.match(content):
            return found
    return _of_text(content)


def _compound(content: bytes) -> Kind:
    """Return what an OLE compound file holds, by the streams at its root; a damaged one by the names in it."""
    try:
        streams = {node.name for node in CompDoc(content, logfile=io.StringIO()).dirlist if node.parent == 0}
    except Exception:  # a library's own: it raises whatever a damaged directory makes it stumble over
        streams = {name for name in ("EncryptedPackage", "WordDocument") if name.encode("utf-16-le") in content}
        if not streams:
            return Kind.DAMAGED
    if "EncryptedPackage" in streams:
        return Kind.ENCRYPTED
    if streams & {"Workbook", "Book", "WORKBOOK", "BOOK"}:
        return Kind.XLS
    return Kind.WORD if "WordDocument" in streams else Kind.OTHER


def _of_text(content: bytes) -> Kind:
    head = content[:HEAD]
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff")) or head[1:40:2].count(0) > 8 or head[:40:2].count(0) > 8
    if not wide and _CONTROL.search(head):
        return Kind.OTHER
    text = head.replace(b"\0", b"").decode("latin-1")
    if _MAIL.match(text) and re.search(r"^from:", text, re.IGNORECASE | re.MULTILINE):
        return Kind.MAIL
    if _SPREADSHEET_XML.search(text):
        return Kind.SPREADSHEET_XML
    if _FLAT_ODS.search(text):
        return Kind.FLAT_ODS
    if _HTML.search(text):
        return Kind.HTML
    return Kind.OTHER if text.lstrip("\xef\xbb\xbf \r\n\t").startswith("<?xml") else Kind.TEXT
