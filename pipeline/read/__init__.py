"""Reading: any file becomes sheets of text cells with their addresses, or is refused with one reason."""

from __future__ import annotations

from dataclasses import replace

from pipeline.errors import Refused
from pipeline.model import Workbook
from pipeline.read.legacy_fonts import decode
from pipeline.read.xlsx import megabytes, read_xlsx
from schemas.codes import Rule

LIMIT = 30 * 1024 * 1024
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read(content: bytes) -> Workbook:
    """Return the workbook that these bytes hold; the type is told from the content.

    Raises:
        Refused: with the rule `file.*` that says why it cannot be read.
    """
    if len(content) > LIMIT:
        raise Refused(Rule.FILE_TOO_LARGE, size=megabytes(len(content)), limit=megabytes(LIMIT))
    if content.startswith(_OLE):
        raise Refused(Rule.FILE_ENCRYPTED if _ENCRYPTED in content else Rule.FILE_UNSUPPORTED)
    if not content.startswith(b"PK"):
        raise Refused(Rule.FILE_UNSUPPORTED if content.strip(b"\0 \r\n\t") else Rule.FILE_UNREADABLE)
    book = read_xlsx(content)
    return replace(book, sheets=[decode(sheet) for sheet in book.sheets])
