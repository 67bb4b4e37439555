"""One sheet: cells written from the top down, and what stands around them."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import IO, Any

from pipeline.model import address, letters_of
from pipeline.xlsx.notes import Note
from pipeline.xlsx.text import HEAD, MAIN, RELATIONS, area, attribute, shown

_EPOCH = dt.date(1899, 12, 30)  # Excel's day 0, for every day after February 1900
_ROW_HEIGHT, _COLUMN_WIDTH = 20, 64  # pixels of a row or column that nobody changed
_DIGIT, _PADDING = 7, 5  # pixels
_ROWS = 1 << 20  # of a sheet
_TITLE, _MESSAGE = 32, 255  # characters that Excel allows beside a cell
_AT_ONCE = 2000  # rows that wait in memory
_MOST_SHARED = 100_000  # texts that a workbook holds once; more would wait in memory, so they stand in their cells
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
        kind = f' type="{self.type}"' if self.type else ""
        warns = ' errorStyle="warning"' if self.title else ""
        operator = f' operator="{self.operator}"' if self.operator else ""
        title, message = attribute(self.title[:_TITLE]), attribute(self.message[:_MESSAGE])
        told = f' errorTitle="{title}" error="{message}" promptTitle="{title}" prompt="{message}"' if title else ""
        opening = (
            f'<dataValidation{kind}{warns}{operator} allowBlank="1" showInputMessage="1" showErrorMessage="1"{told} '
            f'sqref="{cells}"'
        )
        inner = "".join(f"<formula{n}>{attribute(f)}</formula{n}>" for n, f in enumerate(self.formulas, start=1))
        return f"{opening}>{inner}</dataValidation>" if inner else f"{opening}/>"


def one_of(choices: Iterable[str]) -> tuple[str, ...]:
    """Return the formula of a drop-down with these choices, which hold no comma."""
    return (f'"{",".join(choices)}"',)


class Sheet:
    """A sheet of a workbook; rows and columns are counted from 0.

    Cells of a row may come in any order until the row is `done`: then it is XML, which is all that is kept of it.
    """

    def __init__(self, name: str, widths: list[float], strings: dict[str, int]) -> None:
        self.name = name
        self.header = self.footer = ""  # with Excel's commands, such as `&P`
        self.active = False
        self.protection = ""  # attributes of what is allowed or not, "" for a sheet that is not protected
        self.relations: list[tuple[str, str, bool]] = []  # kind, target, whether it lies outside of the workbook
        self._drawings = ""
        self.notes: list[Note] = []
        self._frozen = (1, 0)  # rows and columns
        self._pixels = [int(width * _DIGIT + 0.5) + _PADDING for width in widths]
        self._strings = strings
        self._open: dict[int, dict[int, str]] = {}
        self._rows: list[str] = []
        self._earlier: IO[bytes] | None = None  # rows of a long sheet, so that they do not wait in memory
        self._heights: dict[int, int] = {}  # pixels
        self._last = (0, 0)
        self._filtered: tuple[int, int, int, int] | None = None
        self._printed = ((0, 0), (0, 0))
        self._merged: list[str] = []
        self._links: list[str] = []
        self._validations: list[str] = []
        self._breaks: list[int] = []

    # --- cells

    def write(self, row: int, column: int, value: Any, look: int) -> None:
        """Write a text, a number, a day or nothing into a cell; what stood there is gone."""
        self.write_row(row, [(column, value, look)])

    def write_row(self, row: int, cells: Iterable[tuple[int, Any, int]]) -> None:
        """Write several cells of a row: column, value, look."""
        strings, written = self._strings, self._open.setdefault(row, {})
        for column, value, look in cells:
            cell = f'<c r="{letters_of(column)}{row + 1}" s="{look}"'
            if value is None or value == "" or value != value:  # a number that is none
                cell += "/>"
            elif isinstance(value, str):
                place = strings.get(value)
                if place is None and len(strings) < _MOST_SHARED:
                    place = strings[value] = len(strings)
                cell += f' t="inlineStr"><is>{shown(value)}</is></c>' if place is None else f' t="s"><v>{place}</v></c>'
            elif isinstance(value, dt.date):
                cell += f"><v>{(value - _EPOCH).days}</v></c>"
            else:
                cell += f"><v>{value:.16G}</v></c>"
            written[column] = cell

    def formula(self, row: int, column: int, formula: str, result: str, look: int) -> None:
        """Write a formula of ours, and what it shows to a program that does not reckon."""
        kind = ' t="str"' if result else ""
        inner = f"<f>{escape(formula, quote=False)}</f><v>{escape(result, quote=False) if result else ''}</v>"
        cell = f'<c r="{letters_of(column)}{row + 1}" s="{look}"{kind}>{inner}</c>'
        self._open.setdefault(row, {})[column] = cell

    def height(self, row: int, points: float) -> None:
        """Set how high a row is."""
        self._heights[row] = int(points * 4 / 3 + 0.5)
        self._open.setdefault(row, {})

    def merge(self, row: int, column: int, last_row: int, last_column: int, look: int) -> None:
        """Merge cells, which are blank, and give them a look."""
        for down in range(row, last_row + 1):
            self.write_row(down, [(across, None, look) for across in range(column, last_column + 1)])
        self._merged.append(area(row, column, last_row, last_column))

    def done(self, before: int) -> None:
        """Tell that nothing more will be written into the rows above one."""
        for row in sorted(row for row in self._open if row < before):
            cells = self._open.pop(row)
            height = f' ht="{self._heights[row] * 0.75:g}" customHeight="1"' if row in self._heights else ""
            self._rows.append(f'<row r="{row + 1}"{height}>{"".join(cells[column] for column in sorted(cells))}</row>')
            self._last = (row, max(self._last[1], *cells)) if cells else (row, self._last[1])
        if len(self._rows) >= _AT_ONCE:
            self._earlier = self._earlier or tempfile.TemporaryFile()  # noqa: SIM115 (closed once it is written)
            self._earlier.write("".join(self._rows).encode())
            self._rows.clear()

    # --- around the cells

    def link(self, row: int, column: int, target: str, text: str) -> None:
        """Let a click on a cell lead somewhere: `internal:'Sheet'!A1`, or `external:way/file#'Sheet'!A1`."""
        cell, (kind, _, rest) = address((row, column)), target.partition(":")
        if kind == "internal":
            self._links.append(f'<hyperlink ref="{cell}" location="{attribute(rest)}" display="{attribute(text)}"/>')
            return
        path, _, place = rest.partition("#")
        where = f' location="{attribute(place)}"' if place else ""
        id = self.relate("hyperlink", _as_target(path), outside=True)
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
        name = "'" + self.name.replace("'", "''") + "'"
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

    def write_xml(self, part: IO[bytes]) -> None:
        """Write the sheet's XML; nothing can be added any more."""
        self.done(_ROWS)
        head = (
            f'{HEAD}<worksheet xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
            f'<dimension ref="{area(0, 0, *self._last)}"/>{self._view()}<sheetFormatPr defaultRowHeight="15"/>'
            f"{self._columns()}<sheetData>"
        )
        rest = f"{''.join(self._rows)}</sheetData>{''.join(self._below())}"
        if self._earlier:
            part.write(head.encode())
            self._earlier.seek(0)
            shutil.copyfileobj(self._earlier, part, 1 << 20)
            self._earlier.close()
            head = ""
        part.write(f"{head}{rest}".encode())

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
        cells = area(0, 0, *self._last)
        yield f'<ignoredErrors><ignoredError sqref="{cells}" numberStoredAsText="1"/></ignoredErrors>'
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
