"""How a workbook of ours looks: titles, tables and pages that are right on opening and on paper.

Knows nothing of rounds or forms; its words and colours come from the TOML file of each workbook.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.chart import Chart
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from schemas.text import storable

_A4 = 9
_HEADER_LIMIT = 120  # Excel allows 255 characters for the parts of a header together
_KINDS: dict[str, dict[str, Any]] = {
    "text": {},
    "given": {"num_format": "@", "quote_prefix": True},
    "small": {"num_format": "@", "quote_prefix": True, "font_size": 9},
    "center": {"align": "center"},
    "code": {"align": "center", "num_format": "@", "quote_prefix": True},
    "number": {"align": "center", "num_format": "#,##0"},
    "points": {"align": "center", "num_format": "#,##0.0#"},
    "percent": {"align": "center", "num_format": "0.0%"},
    "date": {"align": "center", "num_format": "dd/mm/yyyy"},
}
_LINKED = {"font_color": "#0B5394", "underline": 1}
_MOST_LINKS = 60_000  # a sheet; Excel allows 65,530
_FUNCTION = re.compile(r"(\w+)\(")
_OLD_FUNCTIONS = {
    "AND", "COUNTIF", "EXACT", "FIND", "IF", "IFERROR", "ISERROR", "ISNUMBER", "LEFT", "LEN", "LOWER", "MID", "NOT",
    "OR", "RIGHT", "SEARCH", "SUBSTITUTE", "SUM", "TRIM", "VALUE",
}  # fmt: skip
# Heights are reckoned from the widths of letters (pixels of Times New Roman, a little generous), so that
# nothing is cut on paper: Excel does not fit rows of merged cells, LibreOffice fits none of a new file.
_SIZE, _LINE, _PADDING, _HIGHEST = 11, 14.5, 3.5, 409.0  # points; Excel's highest row
_BOLD = 1.08
_SMALL, _CAPITAL, _SPACE = 7.0, 10.6, 4.0
_LETTERS = {
    **dict.fromkeys("fijlrtI.,;:!|'()[]/ -", 4.7), **dict.fromkeys("mwMW@%", 12.0),
    **dict.fromkeys("0123456789", 7.4), **dict.fromkeys(map(chr, range(0x300, 0x370)), 0.0),
}  # fmt: skip


PLAIN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
"""How XlsxWriter must be opened: no text becomes a formula, a link or a number."""


@dataclass(frozen=True)
class Column:
    """A printed column: `kind` is one of `_KINDS`, `span` how many of the sheet's columns it takes.

    `parent` is the heading above it, `toned` colours its cells by the row's `tone`, `link` names the frame's column
    that says where a click on its cells leads.
    """

    key: str
    header: str
    width: float = 0
    kind: str = "text"
    parent: str = ""
    toned: bool = False
    span: int = 1
    link: str = ""


def columns_of(words: dict[str, Any], frame: pd.DataFrame, facts: dict[str, Any] | None = None) -> list[Column]:
    """Return the columns of a table of the TOML file, as far as the frame has them; headings may mention `facts`."""
    return [
        Column(**{**entry, "header": entry["header"].format(**facts or {})})
        for entry in words["columns"]
        if entry["key"] in frame
    ]


class Book:
    """A workbook: its words (tables `book`, `colours`, `tones`), what titles may mention, one format for each look."""

    def __init__(self, file: xlsxwriter.Workbook, words: dict[str, Any], facts: dict[str, Any]) -> None:
        self.file, self.words, self.facts = file, words, facts
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}
        self._cells: dict[tuple[Any, ...], Format] = {}

    def sheet(self, name: str, widths: list[float]) -> SheetWriter:
        """Return a new sheet, ready to print."""
        return SheetWriter(self, name, widths)

    def cell(self, kind: str, **look: Any) -> Format:
        """Return the look of a table's cell."""
        key = (kind, *look.items())
        if key not in self._cells:
            grid = self.words["colours"]["grid"]
            self._cells[key] = self.format(border=1, border_color=grid, **_KINDS[kind], **look)
        return self._cells[key]

    def toned(self, kind: str, state: str, **look: Any) -> Format:
        """Return the look of a cell that shows a state or a severity."""
        tone = self.words["tones"].get(state)
        return self.cell(kind, bg_color=self.words["colours"][tone], **look) if tone else self.cell(kind, **look)

    def format(self, **look: Any) -> Format:
        """Return the one format of this look."""
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            base = {"font_name": self.words["book"]["font"], "font_size": _SIZE, "text_wrap": True}
            self._formats[key] = self.file.add_format({**base, "valign": "vcenter", **look})
        return self._formats[key]


class _Paper(Worksheet):
    """A sheet that does not look through our formulas, thirty times each, for functions newer than Excel 2007."""

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        if _OLD_FUNCTIONS.issuperset(_FUNCTION.findall(formula)):
            return formula.removeprefix("=")
        prepared: str = super()._prepare_formula(formula, expand_future_functions)
        return prepared


class SheetWriter:
    """One sheet on A4 landscape, written from the top down: `row` is the next free row."""

    def __init__(self, book: Book, name: str, widths: list[float]) -> None:
        self.book, self.widths, self.row = book, widths, 0
        self.paper: Worksheet = book.file.add_worksheet(name, _Paper)
        self._filter: tuple[int, int] | None = None
        self._breaks: list[int] = []
        self._links = 0
        self._page(name)

    @property
    def last(self) -> int:
        """The last column."""
        return len(self.widths) - 1

    def _page(self, name: str) -> None:
        paper, words = self.paper, self.book.words["book"]
        header, footer = (_header_text(words[key], self.book.facts) for key in ("header", "footer"))
        small = words["small"]
        paper.set_landscape()
        paper.set_paper(_A4)
        paper.set_margins(left=0.35, right=0.35, top=0.65, bottom=0.65)
        paper.set_header(f"&L{small}{header}&R{small}{name}")
        paper.set_footer(f"&L{small}{footer}&R{small}{words['page']}")
        paper.fit_to_pages(1, 0)
        paper.hide_gridlines(2)
        for column, width in enumerate(self.widths):
            paper.set_column(column, column, width)

    # --- titles

    @staticmethod
    def heading_rows(notes: list[str]) -> int:
        """Return how many rows a heading takes."""
        return 2 + len(notes)

    def heading(self, text: str, notes: list[str]) -> None:
        """Write the title, the round and its date, and the notes."""
        words = self.book.words["book"]
        self.line(text, bold=True, font_size=words["title_size"])
        self.line(words["as_of"].format(**self.book.facts), italic=True)
        for note in notes:
            self.line(note.format(**self.book.facts))

    def form_title(self, lines: list[str]) -> None:
        """Write the form's own title in two lines, so that the frozen head stays low; then round and date."""
        words = self.book.words["book"]
        half = (len(lines) + 1) // 2
        for text in (words["title_joint"].join(lines[:half]), " ".join(lines[half:])):
            self.line(text, bold=True, font_size=words["title_size"])
        self.line(words["as_of"].format(**self.book.facts), italic=True)

    def line(self, text: str, **look: Any) -> None:
        """Write a line over the whole width, as high as its text needs."""
        scale = look.get("font_size", _SIZE) / _SIZE
        height = _height(line_count(text, pixels(sum(self.widths)) / scale / _BOLD)) * scale
        self.paper.set_row(self.row, height)
        self._merged((self.row, 0, self.row, self.last), text, self.book.format(**look))
        self.row += 1

    # --- tables

    def header(self, columns: list[Column]) -> int:
        """Write a header of one row; return that row."""
        row, texts = self.row, []
        for place, column in _placed_columns(columns):
            self._merged((row, place, row, place + column.span - 1), column.header, self._head)
            texts.append((column.header, self.width(place, column.span) / _BOLD))
        self.fit(row, texts)
        self.row += 1
        return row

    def form_header(self, columns: list[Column]) -> int:
        """Write a header of two rows, parents merged over their columns; return the upper one."""
        row, head, place = self.row, self._head, 0
        while place < len(columns):
            parent, end = columns[place].parent, place + 1
            while parent and end < len(columns) and columns[end].parent == parent:
                end += 1
            if parent:
                self._merged((row, place, row, end - 1), parent, head)
                for column in range(place, end):
                    self.paper.write_string(row + 1, column, excel_text(columns[column].header), head)
            else:
                self._merged((row, place, row + 1, place), columns[place].header, head)
            place = end
        self.paper.set_row(row, _height(1))
        lower = [(c.header, self.width(place) / _BOLD) for place, c in enumerate(columns) if c.parent]
        self.fit(row + 1, lower)
        self.row += 2
        return row

    def section(self, texts: list[str]) -> None:
        """Write a heading row of the form."""
        look = {"bold": True, "bg_color": self.book.words["colours"]["section"]}
        for place in range(len(self.widths)):
            text = texts[place] if place < len(texts) else ""
            self.put(self.row, place, text, self.book.cell("center" if place == 0 else "text", **look))
        self.row += 1

    def rows(self, columns: list[Column], frame: pd.DataFrame, **look: Any) -> None:
        """Write the frame's rows, each as high as its texts need; a column that it lacks stays empty."""
        tones = frame["tone"].tolist() if "tone" in frame else []
        lines = [1] * len(frame)
        for place, column in _placed_columns(columns):
            style = self.book.cell(column.kind, **look)
            width = self.width(place, column.span) * _SIZE / _KINDS[column.kind].get("font_size", _SIZE)
            values = frame[column.key].tolist() if column.key in frame else [""] * len(frame)
            links = frame[column.link].tolist() if column.link in frame else []
            for offset, value in enumerate(values):
                row = self.row + offset
                if links and links[offset] and self._link(row, place, value, links[offset], column.kind):
                    continue
                cell = self.book.toned(column.kind, tones[offset]) if column.toned and tones else style
                if column.span > 1:
                    self.paper.merge_range(row, place, row, place + column.span - 1, "", cell)
                self.put(row, place, value, cell)
                if isinstance(value, str) and len(value) > 1:
                    lines[offset] = max(lines[offset], line_count(value, width))
        for offset, count in enumerate(lines):
            self.paper.set_row(self.row + offset, _height(count))
        self.row += len(frame)

    def mark(self, columns: list[Column], frame: pd.DataFrame, first: int, marks: dict[tuple[int, str], str]) -> None:
        """Colour the cells of these rows that have a finding."""
        for place, column in enumerate(columns):
            if column.key not in frame:
                continue
            for offset, (id, value) in enumerate(zip(frame["id"], frame[column.key], strict=True)):
                if severity := marks.get((id, column.key)):
                    self.put(first + offset, place, value, self.book.toned(column.kind, severity))

    def charts(self, charts: list[tuple[Chart, str]], height: int) -> None:
        """Put charts, each with its description, beside each other over the whole width below what is written."""
        self.row += 1
        edges = [0]
        for width in self.widths:
            edges.append(edges[-1] + int(pixels(width)))
        share = edges[-1] // len(charts)
        for number, (chart, description) in enumerate(charts):
            column = next(place for place, edge in enumerate(edges[1:]) if edge > number * share)
            chart.set_size({"width": share, "height": height})
            where = {"x_offset": number * share - edges[column], "description": description, "object_position": 2}
            self.paper.insert_chart(self.row, column, chart, where)
        self.row += math.ceil(height / 20)

    def new_page(self) -> None:
        """Let a new page begin here on paper."""
        self._breaks.append(self.row)
        self.paper.set_h_pagebreaks(self._breaks)

    def filter(self, rows: tuple[int, int]) -> None:
        """Let the reader filter these rows, of which the first is the header."""
        self._filter = rows

    def finish(self, header: tuple[int, int], *, frozen_columns: int, filtered: bool = True) -> None:
        """Freeze the header, repeat it on every page, filter below it; texts of digits are no mistake."""
        end = max(self.row - 1, header[1])
        top, bottom = self._filter or (header[1], end)
        self.paper.freeze_panes(header[1] + 1, frozen_columns)
        self.paper.repeat_rows(*header)
        if filtered:
            self.paper.autofilter(top, 0, bottom, self.last)
        self.paper.print_area(0, 0, end, self.last)
        self.paper.ignore_errors({"number_stored_as_text": xl_range(0, 0, end, self.last)})

    @property
    def _head(self) -> Format:
        return self.book.cell("center", bold=True, bg_color=self.book.words["colours"]["header"])

    def width(self, place: int, span: int = 1) -> float:
        """Return how many pixels a text has in a column, or in several merged."""
        return sum(pixels(width) for width in self.widths[place : place + span]) - 8

    def fit(self, row: int, texts: list[tuple[str, float]]) -> None:
        """Make a row as high as these texts need, each in a cell so many pixels wide."""
        self.paper.set_row(row, _height(max((line_count(*text) for text in texts), default=1)))

    def _link(self, row: int, column: int, value: Any, target: str, kind: str) -> bool:
        """Write a value with a link, as long as the sheet may have more of them; tell whether it did."""
        if value in (None, "") or self._links >= _MOST_LINKS:
            return False
        self._links += 1
        look = self.book.cell(kind, **_LINKED)
        self.paper.write_url(row, column, target, look, excel_text(str(value)))
        if not isinstance(value, str):
            self.put(row, column, value, look)
        return True

    def _merged(self, area: tuple[int, int, int, int], text: str, style: Format) -> None:
        if area[:2] != area[2:]:
            self.paper.merge_range(*area, "", style)
        self.paper.write_string(area[0], area[1], excel_text(text), style)

    def put(self, row: int, column: int, value: Any, style: Format) -> None:
        """Write one value by its type; a text is always written as text, never as a formula or a link."""
        if value is None or value == "":
            self.paper.write_blank(row, column, None, style)
        elif isinstance(value, str):
            self.paper.write_string(row, column, excel_text(value), style)
        elif isinstance(value, dt.date):
            self.paper.write_datetime(row, column, value, style)
        else:
            self.paper.write_number(row, column, value, style)


def _placed_columns(columns: list[Column]) -> Iterator[tuple[int, Column]]:
    """Yield each column with the place on the sheet where it begins."""
    place = 0
    for column in columns:
        yield place, column
        place += column.span


def pixels(width: float) -> float:
    """Return how wide a column of that many characters is."""
    return width * 7 + 5


def _height(lines: int) -> float:
    return min(lines * _LINE + _PADDING, _HIGHEST)


@lru_cache(maxsize=100_000)
def line_count(text: str, width: float) -> int:
    """Return on how many lines a text stands in a cell so many pixels wide."""
    if len(text) * _CAPITAL <= width and "\n" not in text:
        return 1
    lines = 0
    for paragraph in text.split("\n"):
        lines, end = lines + 1, 0.0
        for word in paragraph.split(" "):
            size = sum(_LETTERS[c] if c in _LETTERS else _CAPITAL if c.isupper() else _SMALL for c in word)
            if end and end + size > width:
                lines, end = lines + 1, 0.0
            full = int(size // width)  # a long word is broken where the line ends
            lines, end = lines + full, end + size - full * width + _SPACE
    return lines


def _header_text(text: str, facts: dict[str, Any]) -> str:
    """Return a text as a part of a page's header, in which `&` begins a command."""
    return storable(text.format(**facts))[:_HEADER_LIMIT].replace("&", "&&")


def excel_text(text: str) -> str:
    """Return the text as XlsxWriter must be given it, so that the cell shows exactly what was typed.

    A text that looks like one of its own rich strings (`<r>...</r>`) it would put into the file as XML.
    """
    text = storable(text)
    if text.startswith("<r>") and text.endswith("</r>"):
        return f'<r><t xml:space="preserve">{escape(text, quote=False)}</t></r>'
    return text
