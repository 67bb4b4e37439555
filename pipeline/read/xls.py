"""Excel 97-2003 workbooks (BIFF), read by xlrd: it knows errors, merges, links, fonts and what is hidden.

calamine reads them faster, but gives errors as blanks, and a crafted one takes the process down with it.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import xlrd
from xlrd.compdoc import CompDoc

from pipeline.errors import Refused
from pipeline.model import Place, Sheet
from pipeline.read.sniff import OLE
from pipeline.read.values import CELL_LIMIT, text_of, too_many
from schemas.codes import Rule

_FILE_PASS, _HYPERLINK = 0x2F, 0x1B8
_STREAMS = ("Workbook", "Book", "WORKBOOK", "BOOK")
_VISIBLE = 0


def read_xls(content: bytes) -> list[Sheet]:
    """Return the sheets.

    Raises:
        Refused: `file.unreadable`, `file.encrypted` or `file.too-large`.
    """
    _check_records(_stream(content))
    book = _open(content, formatting_info=True) or _open(content, formatting_info=False)
    if book is None or not book.nsheets:
        raise Refused(Rule.FILE_UNREADABLE)
    return [_sheet(book, sheet) for sheet in book.sheets()]


def _stream(content: bytes) -> bytes:
    """Return the workbook's records, out of the compound file that usually holds them."""
    if not content.startswith(OLE):
        return content
    try:
        document = CompDoc(content, logfile=io.StringIO())
        streams = (document.get_named_stream(name) for name in _STREAMS)
        return next((bytes(stream) for stream in streams if stream), b"")
    except Exception as fault:  # the library's own: a damaged directory makes it stumble anywhere
        raise Refused(Rule.FILE_UNREADABLE) from fault


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place + 4 <= len(stream):
        code, size = struct.unpack_from("<HH", stream, place)
        yield code, stream[place + 4 : place + 4 + size]
        place += 4 + size


def _check_records(stream: bytes) -> None:
    """Refuse passwords, and areas that the library would write out cell by cell."""
    covered = 0
    for code, data in _records(stream):
        if code == _FILE_PASS:
            raise Refused(Rule.FILE_ENCRYPTED)
        if code == _HYPERLINK and len(data) >= 8:
            top, bottom, left, right = struct.unpack_from("<4H", data)
            covered += max(bottom - top + 1, 0) * max(right - left + 1, 0)
        if covered > CELL_LIMIT:
            raise too_many("cells", CELL_LIMIT)


def _open(content: bytes, formatting_info: bool) -> Any:
    """Return the workbook, None where the library cannot; without formats it reads some files more."""
    try:
        return xlrd.open_workbook(
            file_contents=content, formatting_info=formatting_info, ragged_rows=True, logfile=io.StringIO()
        )
    except Exception:  # the library's own: it indexes and unpacks what a damaged file says
        return None


def _sheet(book: Any, sheet: Any) -> Sheet:
    cells: list[list[str]] = []
    flaws: dict[Place, tuple[Rule, str]] = {}
    for row in range(sheet.nrows):
        kinds, values = sheet.row_types(row), sheet.row_values(row)
        cells.append([_text(kind, value, book.datemode) for kind, value in zip(kinds, values, strict=True)])
        for column, kind in enumerate(kinds):
            if kind == xlrd.XL_CELL_ERROR:
                flaws[row, column] = (Rule.CELL_ERROR_VALUE, xlrd.error_text_from_code.get(values[column], "#N/A"))
    merges = [((top, left), (bottom - 1, right - 1)) for top, bottom, left, right in sheet.merged_cells]
    links = {(h.frowx, h.fcolx): h.url_or_path for h in sheet.hyperlink_list if h.type == "url" and h.url_or_path}
    return Sheet(
        sheet.name, sheet.visibility != _VISIBLE, cells, merges, {k: _address(v) for k, v in links.items()}, flaws,
        {}, frozenset(row for row, info in sheet.rowinfo_map.items() if info.hidden),
        frozenset(column for column, info in sheet.colinfo_map.items() if info.hidden),
        frozenset(_struck(book, sheet)),
    )  # fmt: skip


def _address(url: str | bytes) -> str:
    return url.decode("utf-8", "replace") if isinstance(url, bytes) else url.rstrip("\0")


def _text(kind: int, value: Any, datemode: int) -> str:
    if kind in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK, xlrd.XL_CELL_ERROR):
        return ""
    if kind == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if value else "FALSE"
    if kind == xlrd.XL_CELL_DATE:
        try:
            return text_of(xlrd.xldate_as_datetime(value, datemode))
        except (xlrd.XLDateError, OverflowError, ValueError):
            return text_of(value)
    return text_of(value)


def _struck(book: Any, sheet: Any) -> Iterator[Place]:
    """Yield the cells in a font that strikes out."""
    fonts = {place for place, font in enumerate(book.font_list) if font.struck_out}
    styles = {place for place, style in enumerate(book.xf_list) if style.font_index in fonts}
    if not styles or not book.formatting_info:
        return
    for row in range(sheet.nrows):
        for column in range(sheet.row_len(row)):
            if sheet.cell_xf_index(row, column) in styles:
                yield row, column
