"""Binary workbooks (.xlsb), read from the records of their parts ([MS-XLSB] 2.1.4).

A record is a number, a length and so many bytes; number and length take seven bits a byte. No library: the one
at hand gives error cells as blanks, knows no merges here, and panics on ordinary files.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.errors import Refused
from pipeline.model import Place, Sheet, address
from pipeline.read.package import Package
from pipeline.read.values import (
    CELL_LIMIT,
    COLUMN_LIMIT,
    ROW_LIMIT,
    date_text,
    is_date_format,
    numbers_in,
    text_of,
    too_many,
)
from schemas.codes import Rule

_ROW, _LAST_CELL, _SHORT_CELLS, _RICH_CELL = 0, 11, range(12, 19), 62
_ERRORS, _STRINGS = (3, 11), (6, 8)
_STRING_ITEM, _FONT, _FORMAT, _STYLE, _COLUMNS = 19, 43, 44, 47, 60
_WORKBOOK, _BUNDLE_SHEET, _MERGE, _LINK, _STYLES_BEGIN, _STYLES_END = 153, 156, 176, 494, 617, 618
_ERROR_TEXTS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}  # fmt: skip


def read_xlsb(package: Package) -> list[Sheet]:
    """Return the sheets.

    Raises:
        Refused: `file.unreadable` or `file.too-large`.
    """
    try:
        book = _Book.of(package)
        sheets = [_Reader(book, package, path).sheet(name, hidden) for name, path, hidden in _sheets(package)]
    except (struct.error, IndexError, UnicodeDecodeError) as fault:  # a record shorter than it must be
        raise Refused(Rule.FILE_UNREADABLE) from fault
    if not sheets:
        raise Refused(Rule.FILE_UNREADABLE)
    return sheets


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        code, place = data[place], place + 1
        if code & 0x80:
            code, place = code & 0x7F | data[place] << 7, place + 1
        size = shift = 0
        while True:
            byte, place = data[place], place + 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift == 28:
                break
        if place + size > len(data):
            raise IndexError
        yield code, data[place : place + size]
        place += size


def _string(data: bytes, place: int) -> tuple[str, int]:
    """Return a string and where it ends."""
    (length,) = struct.unpack_from("<I", data, place)
    if length == 0xFFFFFFFF:
        return "", place + 4
    end = place + 4 + 2 * length
    if end > len(data):
        raise IndexError
    return data[place + 4 : end].decode("utf-16-le", "surrogatepass"), end


def _sheets(package: Package) -> Iterator[tuple[str, str, bool]]:
    """Yield name, part and whether it is hidden of every worksheet.

    Raises:
        Refused: a sheet is listed but not there.
    """
    targets = package.relations(package.main)
    for code, data in _records(package.parts[package.main]):
        if code != _BUNDLE_SHEET:
            continue
        relation, place = _string(data, 8)
        kind, target = targets.get(relation, ("", ""))
        if kind not in ("worksheet", ""):
            continue
        if not target or not package.find(target):
            raise Refused(Rule.FILE_UNREADABLE)
        yield _string(data, place)[0], package.find(target), data[0] != 0


@dataclass
class _Book:
    """What the sheets share."""

    strings: list[str] = field(default_factory=list)
    dates: set[int] = field(default_factory=set)
    struck: set[int] = field(default_factory=set)
    epoch_1904: bool = False

    @classmethod
    def of(cls, package: Package) -> _Book:
        book = cls()
        parts = {kind: package.get(target) for kind, target in package.relations(package.main).values()}
        book.strings = [
            _string(data, 1)[0] for code, data in _records(parts.get("sharedStrings", b"")) if code == _STRING_ITEM
        ]
        for code, data in _records(package.parts[package.main]):
            if code == _WORKBOOK:
                book.epoch_1904 = bool(data[0] & 1)
        book._read_styles(parts.get("styles", b""))
        return book

    def _read_styles(self, part: bytes) -> None:
        codes: dict[int, str] = {}
        fonts: list[bool] = []
        count = -1
        for code, data in _records(part):
            if code == _FORMAT:
                codes[struct.unpack_from("<H", data)[0]] = _string(data, 2)[0]
            elif code == _FONT:
                fonts.append(bool(data[2] & 0x08))
            elif code in (_STYLES_BEGIN, _STYLES_END):
                count = 0 if code == _STYLES_BEGIN else -1
            elif code == _STYLE and count >= 0:
                number, font = struct.unpack_from("<HH", data, 2)
                if is_date_format(number, codes.get(number, "")):
                    self.dates.add(count)
                if font < len(fonts) and fonts[font]:
                    self.struck.add(count)
                count += 1


class _Reader:
    """One worksheet on its way to a sheet."""

    def __init__(self, book: _Book, package: Package, path: str) -> None:
        self.book = book
        self.targets = {id: target for id, (_, target) in package.relations(path).items()}
        self.cells: list[list[str]] = []
        self.merges: list[tuple[Place, Place]] = []
        self.links: dict[Place, str] = {}
        self.flaws: dict[Place, tuple[Rule, str]] = {}
        self.struck: set[Place] = set()
        self.hidden_rows: set[int] = set()
        self.hidden_columns: list[tuple[int, int]] = []
        self.row, self.column, self.size = -1, -1, 0
        notes: dict[int, Callable[[bytes], None]] = {
            _ROW: self._row, _COLUMNS: self._columns, _MERGE: self._merge, _LINK: self._link,
        }  # fmt: skip
        for code, data in _records(package.parts[path]):
            if code in notes:
                notes[code](data)
            elif 0 < code <= _LAST_CELL or code in _SHORT_CELLS or code == _RICH_CELL:
                self._cell(code, data)

    def sheet(self, name: str, hidden: bool) -> Sheet:
        """Return the sheet."""
        return Sheet(
            name, hidden, self.cells, self.merges, self.links, self.flaws, {}, frozenset(self.hidden_rows),
            frozenset(numbers_in(self.hidden_columns, COLUMN_LIMIT)), frozenset(self.struck),
        )  # fmt: skip

    def _row(self, data: bytes) -> None:
        (self.row,), self.column = struct.unpack_from("<I", data), -1
        if self.row >= ROW_LIMIT:
            raise Refused(Rule.FILE_UNREADABLE)
        if data[11] & 0x10:
            self.hidden_rows.add(self.row)

    def _columns(self, data: bytes) -> None:
        first, last = struct.unpack_from("<II", data)
        if data[16] & 0x01:
            self.hidden_columns.append((first, last))

    def _merge(self, data: bytes) -> None:
        top, bottom, left, right = struct.unpack_from("<4I", data)
        self.merges.append(((top, left), (bottom, right)))

    def _link(self, data: bytes) -> None:
        top, _, left, _ = struct.unpack_from("<4I", data)
        if target := self.targets.get(_string(data, 16)[0], ""):
            self.links[top, left] = target

    def _cell(self, code: int, data: bytes) -> None:
        """Place a cell; the short kinds follow the cell before them and do not say their column."""
        if code in _SHORT_CELLS:
            code, self.column, data = code - 11, self.column + 1, b"\0\0\0\0" + data
        else:
            (self.column,) = struct.unpack_from("<I", data)
        place, style = (self.row, self.column), struct.unpack_from("<I", data, 4)[0] & 0xFFFFFF
        if self.row < 0 or self.column >= COLUMN_LIMIT:
            raise Refused(Rule.FILE_UNREADABLE)
        if code in _ERRORS:
            self.flaws[place] = (Rule.CELL_ERROR_VALUE, _ERROR_TEXTS.get(data[8], "#N/A"))
        if text := self._text(code, data, style):
            self._put(place, text)
        if style in self.book.struck:
            self.struck.add(place)

    def _put(self, place: Place, text: str) -> None:
        row, column = place
        self.cells.extend([] for _ in range(row + 1 - len(self.cells)))
        texts = self.cells[row]
        self.size += column + 1 - len(texts)
        if self.size > CELL_LIMIT:
            raise too_many("cells", CELL_LIMIT, address(place))
        texts.extend([""] * (column + 1 - len(texts)))
        texts[column] = text

    def _text(self, code: int, data: bytes, style: int) -> str:
        if code in _STRINGS:
            return _string(data, 8)[0]
        if code == _RICH_CELL:
            return _string(data, 9)[0]
        if code == 7:
            return self.book.strings[struct.unpack_from("<I", data, 8)[0]]
        if code in (4, 10):
            return text_of(bool(data[8]))
        if code not in (2, 5, 9):
            return ""
        number = _packed(data[8:12]) if code == 2 else struct.unpack_from("<d", data, 8)[0]
        return date_text(repr(number), self.book.epoch_1904) if style in self.book.dates else text_of(number)


def _packed(data: bytes) -> float:
    """Return a number kept in four bytes: the upper 30 bits of a float or an integer, perhaps a hundredfold."""
    (bits,) = struct.unpack("<i", data)
    number = float(bits >> 2) if bits & 2 else struct.unpack("<d", b"\0\0\0\0" + struct.pack("<i", bits & ~3))[0]
    return float(number / 100 if bits & 1 else number)
