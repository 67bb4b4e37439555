"""One sheet: cells written from the top down, and what stands around them."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from html import escape
from typing import IO, Any

from pipeline.model import address, letters_of
from pipeline.xlsx.notes import Note
from pipeline.xlsx.package import Part, pack
from pipeline.xlsx.text import HEAD, MAIN, RELATIONS, area, attribute, quoted, sheet_name, shown

_EPOCH = dt.date(1899, 12, 30)  # Excel's day 0, for every day after February 1900
_ROW_HEIGHT, _COLUMN_WIDTH = 20, 64  # pixels of a row or column that nobody changed
_DIGIT, _PADDING = 7, 5  # pixels
_TITLE, _MESSAGE = 32, 255  # characters that Excel allows beside a cell
_AT_ONCE = 2000  # rows that wait in memory
_IN_A_WAY = {ord(mark): f"%{ord(mark):02x}" for mark in ' "<>[]^`{}'}
_DRAWN = {"drawing": "drawing", "vmlDrawing": "legacyDrawing"}
_PAPER = (
    '<pageMargins left="0.35" right="0.35" top="0.65" bottom="0.65" header="0.3" footer="0.3"/>'
    '<pageSetup paperSize="9" fitToHeight="0" orientation="landscape"/>'
)  # A4, as wide as one page


@dataclass(frozen=True)
class Validation:
    """What may be typed into a cell: Excel's `type` ("" for anything), the operator, one or two formulas.

    `title` and `message` are shown beside the cell and when something else was typed, which a clerk may keep.
    """

    type: str = ""
    operator: str = ""
    formulas: tuple[str, ...] = ()
    title: str = ""
    message: str = ""

    def xml(self, cells: str) -> str:
        """Return the rule for these cells."""
        opening, inner = self._xml
        return f'{opening} sqref="{cells}"{inner}'

    @cached_property
    def _xml(self) -> tuple[str, str]:
        kind = f' type="{self.type}"' if self.type else ""
        warns = ' errorStyle="warning"' if self.title else ""
        operator = f' operator="{self.operator}"' if self.operator else ""
        title, message = attribute(self.title[:_TITLE]), attribute(self.message[:_MESSAGE])
        told = f' errorTitle="{title}" error="{message}" promptTitle="{title}" prompt="{message}"' if title else ""
        inner = "".join(f"<formula{n}>{attribute(f)}</formula{n}>" for n, f in enumerate(self.formulas, start=1))
        return (
            f'<dataValidation{kind}{warns}{operator} allowBlank="1" showInputMessage="1" showErrorMessage="1"{told}',
            f">{inner}</dataValidation>" if inner else "/>",
        )


def one_of(choices: Iterable[str]) -> tuple[str, ...]:
    """Return the formula of a drop-down with these choices.

    Raises:
        ValueError: one holds a comma, at which Excel would part it.
    """
    choices = list(choices)
    if any("," in choice for choice in choices):
        raise ValueError(choices)
    return (quoted(",".join(choices)),)


Cell = tuple[int, Any, int]
"""Column, value, and the number of its look."""


@dataclass(frozen=True)
class Formula:
    """A formula of ours, and what it shows to a program that does not reckon."""

    text: str
    result: str


def cells_xml(row: int | str, cells: Iterable[Cell]) -> str:
    """Return cells of a row, which Excel counts from 1, from left to right.

    A value is a text, a number, a day, a `Formula` or nothing. No text becomes a formula.
    """
    written = []
    for column, value, look in cells:
        if isinstance(value, str) and value:
            written.append(f'<c r="{letters_of(column)}{row}" s="{look}" t="inlineStr"><is>{shown(value)}</is></c>')
        elif value is None or value == "" or value != value:  # a number that is none
            written.append(f'<c r="{letters_of(column)}{row}" s="{look}"/>')
        else:
            written.append(f'<c r="{letters_of(column)}{row}" s="{look}"{_reckoned(value)}</v></c>')
    return "".join(written)


def _reckoned(value: Any) -> str:
    """Return what a cell holds that is no text."""
    if isinstance(value, Formula):
        return f' t="str"><f>{escape(value.text, quote=False)}</f><v>{escape(value.result, quote=False)}'
    return f"><v>{(value - _EPOCH).days}" if isinstance(value, dt.date) else f"><v>{value:.16G}"


class Sheet:
    """A sheet of a workbook, written from the top down; rows and columns are counted from 0."""

    def __init__(self, name: str, widths: list[float]) -> None:
        self.name = name
        self.hidden = 0  # columns to the right of the others that nobody sees
        self.header = self.footer = ""  # with Excel's commands, such as `&P`
        self.active = False
        self.protection = ""  # attributes of what is allowed or not, "" for a sheet that is not protected
        self.relations: list[tuple[str, str, bool]] = []  # kind, target, whether it lies outside of the workbook
        self._files: dict[str, str] = {}  # relations by the way that links lead
        self._drawings = ""
        self.notes: list[Note] = []
        self._frozen = (1, 0)  # rows and columns
        self._pixels = [int(width * _DIGIT + 0.5) + _PADDING for width in widths]
        self._rows: list[str] = []
        self._earlier: IO[bytes] | None = None  # rows of a long sheet, so that they do not wait in memory
        self._heights: dict[int, int] = {}  # pixels
        self._last_row = 0
        self._filtered: tuple[int, int, int, int] | None = None
        self._printed = ((0, 0), (0, 0))
        self._merged: list[str] = []
        self._links: list[str] = []
        self._validations: list[str] = []
        self._breaks: list[int] = []

    # --- cells

    def write(self, row: int, cells: Iterable[Cell], height: float = 0, rest: str = "") -> None:
        """Write a row below those that are there, so many points high, with cells from left to right.

        `rest` is the XML of further cells.
        """
        high, pixels = "", int(height * 4 / 3 + 0.5)
        if pixels:
            high, self._heights[row] = f' ht="{pixels * 0.75:g}" customHeight="1"', pixels
        self._rows.append(f'<row r="{row + 1}"{high}>{cells_xml(row + 1, cells)}{rest}</row>')
        self._last_row = row
        if len(self._rows) >= _AT_ONCE:
            self._earlier = self._earlier or tempfile.TemporaryFile()  # noqa: SIM115 (closed once it is packed)
            self._earlier.write("".join(self._rows).encode())
            self._rows.clear()

    def merge(self, row: int, column: int, last_row: int, last_column: int) -> None:
        """Merge cells, if there are several; the first holds what is shown."""
        if (row, column) != (last_row, last_column):
            self._merged.append(area(row, column, last_row, last_column))

    # --- around the cells

    def link(self, row: int, column: int, target: str, text: str) -> None:
        """Let a click on a cell lead somewhere: `internal:'Sheet'!A1`, or `external:way/file#'Sheet'!A1`."""
        cell, (kind, _, rest) = address((row, column)), target.partition(":")
        if kind == "internal":
            self._links.append(f'<hyperlink ref="{cell}" location="{attribute(rest)}" display="{attribute(text)}"/>')
            return
        path, _, place = rest.partition("#")
        where = f' location="{attribute(place)}"' if place else ""
        if path not in self._files:
            self._files[path] = self.relate("hyperlink", _as_target(path), outside=True)
        id = self._files[path]
        self._links.append(f'<hyperlink ref="{cell}" r:id="{id}"{where}/>')

    def relate(self, kind: str, target: str, *, outside: bool = False) -> str:
        """Relate the sheet to another part, or to a file outside of the workbook; return the relation's name."""
        self.relations.append((kind, target, outside))
        id = f"rId{len(self.relations)}"
        if kind in _DRAWN:
            self._drawings += f'<{_DRAWN[kind]} r:id="{id}"/>'
        return id

    def validate(self, row: int, column: int, last_row: int, validation: Validation) -> None:
        """Tell what may be typed into the cells of a column."""
        self._validations.append(validation.xml(area(row, column, last_row, column)))

    def freeze(self, rows: int, columns: int) -> None:
        """Let these rows (one at least) and columns stay when the reader goes on."""
        self._frozen = (rows, columns)

    def filter(self, first_row: int, last_row: int, last_column: int) -> None:
        """Let the reader filter these rows, of which the first is the header."""
        self._filtered = (first_row, 0, last_row, last_column)

    def print(self, repeated: tuple[int, int], last: tuple[int, int]) -> None:
        """Print the cells up to a last one, and on every page the rows from one to another."""
        self._printed = (repeated, last)

    @property
    def names(self) -> dict[str, str]:
        """What Excel knows by names of its own: the area to print, the rows on every page, the area with a filter."""
        name = sheet_name(self.name)
        (first, last), end = self._printed
        names = {"Print_Area": f"{name}!{_fixed(0, 0, *end)}", "Print_Titles": f"{name}!${first + 1}:${last + 1}"}
        return names | ({"_FilterDatabase": f"{name}!{_fixed(*self._filtered)}"} if self._filtered else {})

    def break_page(self, row: int) -> None:
        """Begin a new page above a row."""
        self._breaks.append(row)

    def width_of(self, column: int) -> int:
        """Return the pixels of a column."""
        return self._pixels[column] if column < len(self._pixels) else _COLUMN_WIDTH

    def height_of(self, row: int) -> int:
        """Return the pixels of a row."""
        return self._heights.get(row, _ROW_HEIGHT)

    # --- as XML

    @cached_property
    def packed(self) -> Part:
        """The sheet as a part; nothing can be added any more."""
        return pack(self._xml())

    def _xml(self) -> Iterator[bytes]:
        head = (
            f'{HEAD}<worksheet xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
            f'<dimension ref="{self._cells}"/>{self._view()}<sheetFormatPr defaultRowHeight="15"/>'
            f"{self._columns()}<sheetData>"
        )
        rest = f"{''.join(self._rows)}</sheetData>{''.join(self._below())}"
        if self._earlier:
            with self._earlier as earlier:
                earlier.seek(0)
                yield head.encode()
                yield from iter(partial(earlier.read, 1 << 20), b"")
            head = ""
        yield f"{head}{rest}".encode()

    @property
    def _cells(self) -> str:
        return area(0, 0, self._last_row, len(self._pixels) - 1)

    def _below(self) -> Iterator[str]:
        if self.protection:
            yield f'<sheetProtection sheet="1" {self.protection}/>'
        if self._filtered:
            yield f'<autoFilter ref="{area(*self._filtered)}"/>'
        yield _list("mergeCells", [f'<mergeCell ref="{cells}"/>' for cells in self._merged])
        yield _list("dataValidations", self._validations)
        if self._links:
            yield f"<hyperlinks>{''.join(self._links)}</hyperlinks>"
        yield f"{_PAPER}<headerFooter>{_told('oddHeader', self.header)}{_told('oddFooter', self.footer)}</headerFooter>"
        if self._breaks:
            count = len(self._breaks)
            breaks = "".join(f'<brk id="{row}" max="16383" man="1"/>' for row in self._breaks)
            yield f'<rowBreaks count="{count}" manualBreakCount="{count}">{breaks}</rowBreaks>'
        yield f'<ignoredErrors><ignoredError sqref="{self._cells}" numberStoredAsText="1"/></ignoredErrors>'
        yield f"{self._drawings}</worksheet>"

    def _view(self) -> str:
        rows, columns = self._frozen
        split = (f' xSplit="{columns}"' if columns else "") + f' ySplit="{rows}"'
        panes = {"topRight": address((0, columns)), "bottomLeft": address((rows, 0))} if columns else {}
        last = "bottomRight" if columns else "bottomLeft"
        pane = f'<pane{split} topLeftCell="{address((rows, columns))}" activePane="{last}" state="frozen"/>'
        pane += "".join(f'<selection pane="{p}" activeCell="{cell}" sqref="{cell}"/>' for p, cell in panes.items())
        pane += f'<selection pane="{last}"/>'
        active = ' tabSelected="1"' if self.active else ""
        return f'<sheetViews><sheetView showGridLines="0"{active} workbookViewId="0">{pane}</sheetView></sheetViews>'

    def _columns(self) -> str:
        columns = [
            f'<col min="{place}" max="{place}" width="{int(pixels / _DIGIT * 256) / 256:.16G}" customWidth="1"/>'
            for place, pixels in enumerate(self._pixels, start=1)
        ]
        if self.hidden:
            first = len(columns) + 1
            columns.append(f'<col min="{first}" max="{first + self.hidden - 1}" width="9" hidden="1" customWidth="1"/>')
        return f"<cols>{''.join(columns)}</cols>"


def _fixed(row: int, column: int, last_row: int, last_column: int) -> str:
    return f"${letters_of(column)}${row + 1}:${letters_of(last_column)}${last_row + 1}"


def _list(name: str, parts: list[str]) -> str:
    return f'<{name} count="{len(parts)}">{"".join(parts)}</{name}>' if parts else ""


def _told(name: str, text: str) -> str:
    return f"<{name}>{escape(text, quote=False)}</{name}>" if text else ""


def _as_target(path: str) -> str:
    """Return the way to a file as Excel writes it."""
    return path.replace("/", "\\").translate(_IN_A_WAY)
