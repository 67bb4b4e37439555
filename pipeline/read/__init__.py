"""Reading: any file becomes sheets of text cells with their addresses, or is refused with one reason.

The type is told from the content (`sniff`). Zip packages are checked as bytes first (`package`); then one
module a format family makes sheets, and `tidy` makes all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pipeline.errors import Refused
from pipeline.model import Sheet, Workbook
from pipeline.read.docx import read_docx
from pipeline.read.html import read_html
from pipeline.read.legacy_fonts import decode
from pipeline.read.ods import is_encrypted, read_ods
from pipeline.read.package import Package, megabytes
from pipeline.read.sniff import Kind, kind
from pipeline.read.spreadsheet_xml import read_spreadsheet_xml
from pipeline.read.text import read_text
from pipeline.read.tidy import tidy
from pipeline.read.xls import read_xls
from pipeline.read.xlsb import read_xlsb
from pipeline.read.xlsx import read_xlsx
from schemas.codes import Rule

LIMIT = 30 * 1024 * 1024
_READERS: dict[Kind, Callable[[bytes], list[Sheet]]] = {
    Kind.XLS: read_xls,
    Kind.FLAT_ODS: read_ods,
    Kind.HTML: read_html,
    Kind.SPREADSHEET_XML: read_spreadsheet_xml,
    Kind.TEXT: read_text,
}
_UNREADABLE: dict[Kind, tuple[Rule, dict[str, str]]] = {
    Kind.EMPTY: (Rule.FILE_UNREADABLE, {"reason": str(Kind.EMPTY)}),
    Kind.DAMAGED: (Rule.FILE_UNREADABLE, {}),
    Kind.ENCRYPTED: (Rule.FILE_ENCRYPTED, {}),
}


def read(content: bytes) -> Workbook:
    """Return the workbook that these bytes hold; the type is told from the content.

    Raises:
        Refused: with the rule `file.*` that says why it cannot be read; `file.unsupported` has the fact
            `kind`, what it is instead (a key of the message's table).
    """
    if len(content) > LIMIT:
        raise Refused(Rule.FILE_TOO_LARGE, size=megabytes(len(content)), limit=megabytes(LIMIT))
    found = kind(content)
    if found in _UNREADABLE:
        rule, why = _UNREADABLE[found]
        raise Refused(rule, **why)
    if found is Kind.PACKAGE:
        book = _read_package(content)
    elif found in _READERS:
        book = Workbook(_READERS[found](content))
    else:
        raise Refused(Rule.FILE_UNSUPPORTED, reason=str(found))
    return replace(book, sheets=[decode(tidy(sheet)) for sheet in book.sheets])


def _read_package(content: bytes) -> Workbook:
    package = Package.of(content)
    name = package.main.rpartition("/")[2].lower()
    if package.mimetype.startswith("application/vnd.oasis.opendocument"):
        if is_encrypted(package):
            raise Refused(Rule.FILE_ENCRYPTED)
        if "spreadsheet" not in package.mimetype:
            raise Refused(Rule.FILE_UNSUPPORTED, reason=str(Kind.WORD if "text" in package.mimetype else Kind.OTHER))
        return Workbook(read_ods(package.get("content.xml")), modified=package.modified())
    if name.endswith(".bin"):
        return Workbook(read_xlsb(package), modified=package.modified())
    if name.startswith("document") or name == "word.xml":
        return Workbook(read_docx(package), modified=package.modified())
    if "presentation" in name:
        raise Refused(Rule.FILE_UNSUPPORTED, reason=str(Kind.OTHER))
    if package.main:
        return read_xlsx(content, package)
    if not package.parts:
        raise Refused(Rule.FILE_UNREADABLE)
    raise Refused(Rule.FILE_UNSUPPORTED, reason=str(Kind.ARCHIVE))
