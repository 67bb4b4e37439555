"""Binary workbooks (.xlsb): values by calamine, the rest from the records of the binary parts.

A record is a number, a length and so many bytes ([MS-XLSB] 2.1.4); number and length take seven bits a byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pipeline.errors import Refused
from pipeline.model import Place, Sheet
from pipeline.read import calamine
from pipeline.read.package import Package
from pipeline.read.values import CELL_LIMIT, COLUMN_LIMIT, ROW_LIMIT
from schemas.rules import Rule

_ROW, _CELLS, _ERRORS = 0, range(1, 12), (3, 11)
_COLUMNS, _BUNDLE_SHEET, _STRINGS, _MERGE, _LINK = 60, 156, 159, 176, 494
_ERROR_TEXTS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}  # fmt: skip


def read_xlsb(content: bytes, package: Package) -> list[Sheet]:
    """Return the sheets.

    Raises:
        Refused: `file.unreadable` or `file.too-large`.
    """
    try:
        details = {name: _Details(package, path, hidden) for name, path, hidden in _sheets(package)}
        _check_strings(package)
    except (struct.error, IndexError, UnicodeDecodeError) as fault:  # a record shorter than it must be
        raise Refused(Rule.FILE_UNREADABLE) from fault
    book = calamine.open_book(content)
    if book is None or not details:
        raise Refused(Rule.FILE_UNREADABLE)
    sheets = []
    for name, detail in details.items():
        cells = calamine.cells_of(book, name)
        if cells is None:
            raise Refused(Rule.FILE_UNREADABLE)
        sheets.append(detail.sheet(name, cells))
    return sheets


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        code, place = _number(data, place, 2)
        size, place = _number(data, place, 4)
        yield code, data[place : place + size]
        place += size


def _number(data: bytes, place: int, longest: int) -> tuple[int, int]:
    number = 0
    for count in range(longest):
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            break
    return number, place


def _string(data: bytes, place: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", data, place)
    if length == 0xFFFFFFFF:
        return "", place + 4
    end = place + 4 + 2 * length
    if end > len(data):
        raise struct.error
    return data[place + 4 : end].decode("utf-16-le"), end


def _sheets(package: Package) -> Iterator[tuple[str, str, bool]]:
    """Yield name, part and whether it is hidden of every worksheet."""
    targets = package.relations(package.main)
    for code, data in _records(package.parts[package.main]):
        if code == _BUNDLE_SHEET:
            (state,) = struct.unpack_from("<I", data)
            relation, place = _string(data, 8)
            name, _ = _string(data, place)
            kind, target = targets.get(relation, ("", ""))
            if kind == "worksheet" and package.find(target):
                yield name, package.find(target), state != 0


def _check_strings(package: Package) -> None:
    """Refuse a count of shared strings that the part cannot hold: the library would make room for all."""
    for kind, target in package.relations(package.main).values():
        part = package.get(target) if kind == "sharedStrings" else b""
        for code, data in _records(part[:64]):
            if code == _STRINGS and len(data) >= 8 and struct.unpack_from("<I", data, 4)[0] > len(part):
                raise Refused(Rule.FILE_UNREADABLE)


class _Details:
    """What calamine does not tell of a sheet, and its true size."""

    def __init__(self, package: Package, path: str, hidden: bool) -> None:
        self.hidden = hidden
        self.merges: list[tuple[Place, Place]] = []
        self.links: dict[Place, str] = {}
        self.flaws: dict[Place, tuple[Rule, str]] = {}
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        targets = {id: target for id, (_, target) in package.relations(path).items()}
        row = width = height = 0
        for code, data in _records(package.parts[path]):
            if code == _ROW:
                (row,) = struct.unpack_from("<I", data)
                height = max(height, row + 1)
                if len(data) > 11 and data[11] & 0x10:
                    self.hidden_rows.add(row)
            elif code in _CELLS:
                (column,) = struct.unpack_from("<I", data)
                width = max(width, column + 1)
                if code in _ERRORS:
                    self.flaws[row, column] = (Rule.CELL_ERROR_VALUE, _ERROR_TEXTS.get(data[8], "#N/A"))
            elif code in (_COLUMNS, _MERGE, _LINK):
                self._area(code, data, targets)
        if height > ROW_LIMIT or width > COLUMN_LIMIT or width * height > CELL_LIMIT:
            raise Refused(Rule.FILE_TOO_LARGE, size=f"{height} x {width}", limit=str(CELL_LIMIT))

    def _area(self, code: int, data: bytes, targets: dict[str, str]) -> None:
        if code == _COLUMNS:
            first, last = struct.unpack_from("<II", data)
            if data[16] & 0x01:
                self.hidden_columns.update(range(first, min(last + 1, COLUMN_LIMIT)))
            return
        top, bottom, left, right = struct.unpack_from("<4I", data)
        if code == _MERGE:
            self.merges.append(((top, left), (bottom, right)))
        elif target := targets.get(_string(data, 16)[0], ""):
            self.links[top, left] = target

    def sheet(self, name: str, cells: list[list[str]]) -> Sheet:
        """Return the sheet with its values."""
        return Sheet(
            name, self.hidden, cells, self.merges, self.links, self.flaws, {}, frozenset(self.hidden_rows),
            frozenset(self.hidden_columns),
        )  # fmt: skip
