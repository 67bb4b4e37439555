"""How a workbook of ours looks: titles, tables and pages that are right on opening and on paper.

Knows nothing of rounds or forms; its words and colours come from the TOML file of each workbook.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd
from xlsxwriter.chart import Chart

from pipeline.xlsx.book import Workbook
from pipeline.xlsx.sheet import Cell, Sheet
from schemas.text import storable

_HEADER_LIMIT = 120  # Excel allows 255 characters for the parts of a header together
_KINDS: dict[str, dict[str, Any]] = {
    "text": {},
    "given": {"num_format": "@", "quote_prefix": True},
    "small": {"num_format": "@", "quote_prefix": True, "font_size": 9},
    "center": {"align": "center"},
    "code": {"align": "center", "num_format": "@", "quote_prefix": True},
    "number": {"align": "center", "num_format": "#,##0"},
    "points": {"align": "center", "num_format": "#,##0.0"},
    "percent": {"align": "center", "num_format": "0.0%"},
    "date": {"align": "center", "num_format": "dd/mm/yyyy"},
}
_LINKED = {"font_color": "#0B5394", "underline": 1}
_MOST_LINKS = 60_000  # a sheet; Excel allows 65,530
# Heights are reckoned from the widths of letters (pixels of Times New Roman, a little generous), so that
# nothing is cut on paper: Excel does not fit rows of merged cells, LibreOffice fits none of a new file.
_SIZE, _LINE, _PADDING, _HIGHEST = 11, 14.5, 3.5, 409.0  # points; Excel's highest row
_BOLD = 1.08
_SMALL, _CAPITAL, _WIDEST, _SPACE = 7.0, 10.6, 12.0, 4.0


class _Letters(dict[str, float]):
    """The pixels of letters; of a letter that nobody measured those of a capital or of a small one."""

    def __missing__(self, letter: str) -> float:
        self[letter] = _CAPITAL if letter.isupper() else _SMALL
        return self[letter]


_LETTERS = _Letters({
    **dict.fromkeys("fijlrtI.,;:!|'()[]/-", 4.7), **dict.fromkeys("mwMW@%", _WIDEST),
    **dict.fromkeys("0123456789", 7.4), **dict.fromkeys(map(chr, range(0x300, 0x370)), 0.0),
    " ": _SPACE,
})  # fmt: skip


class Column(NamedTuple):
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

    def __init__(self, file: Workbook, words: dict[str, Any], facts: dict[str, Any]) -> None:
        self.file, self.words, self.facts = file, words, facts
        self._looks: dict[tuple[tuple[str, Any], ...], int] = {}
        self._cells: dict[tuple[Any, ...], int] = {}

    def another(self, file: Workbook, facts: dict[str, Any]) -> Book:
        """Return a book of another workbook in which the looks of this one have the same numbers."""
        other = Book(file, self.words, facts)
        file.looks, other._looks, other._cells = self.file.looks.copy(), {**self._looks}, {**self._cells}
        return other

    def sheet(self, name: str, widths: list[float]) -> SheetWriter:
        """Return a new sheet, ready to print."""
        return SheetWriter(self, name, widths)

    def paged(self, sheet: Sheet) -> Sheet:
        """Return a sheet, its pages headed by the words and facts of this book."""
        words = self.words["book"]
        header, footer = (_header_text(words[key], self.facts) for key in ("header", "footer"))
        small = words["small"]
        sheet.header = f"&L{small}{header}&R{small}{sheet.name}"
        sheet.footer = f"&L{small}{footer}&R{small}{words['page']}"
        return sheet

    def cell(self, kind: str, **look: Any) -> int:
        """Return the look of a table's cell."""
        key = (kind, *look.items())
        if key not in self._cells:
            grid = self.words["colours"]["grid"]
            self._cells[key] = self.format(border=1, border_color=grid, **_KINDS[kind], **look)
        return self._cells[key]

    def toned(self, kind: str, state: str, **look: Any) -> int:
        """Return the look of a cell that shows a state or a severity."""
        tone = self.words["tones"].get(state)
        return self.cell(kind, bg_color=self.words["colours"][tone], **look) if tone else self.cell(kind, **look)

    def format(self, **look: Any) -> int:
        """Return the number of this look."""
        key = tuple(sorted(look.items()))
        if key not in self._looks:
            base = {"font_name": self.words["book"]["font"], "font_size": _SIZE, "text_wrap": True}
            self._looks[key] = self.file.looks.add({**base, **look})
        return self._looks[key]


class SheetWriter:
    """One sheet on A4 landscape, written from the top down: `row` is the next free row."""

    def __init__(self, book: Book, name: str, widths: list[float]) -> None:
        self.book, self.widths, self.row = book, widths, 0
        self.paper = book.paged(book.file.sheet(name, widths))
        self._room = [pixels(width) - 8 for width in widths]  # of a text, in pixels
        self._filter: tuple[int, int] | None = None
        self._links = 0

    @property
    def last(self) -> int:
        """The last column."""
        return len(self.widths) - 1

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
        height = _height(_title_lines(text, pixels(sum(self.widths)) / scale / _BOLD)) * scale
        self.paper.merge(self.row, 0, self.row, self.last)
        self.write([(0, text, self.book.format(**look))], height)

    # --- tables

    def header(self, columns: list[Column]) -> int:
        """Write a header of one row; return that row."""
        placed, head = list(_placed_columns(columns)), self._head
        lines = max(_title_lines(c.header, self.width(place, c.span) / _BOLD) for place, c in placed)
        cells = [cell for place, c in placed for cell in self._across(place, c.span, c.header, head)]
        return self.write(cells, _height(lines))

    def form_header(self, columns: list[Column]) -> int:
        """Write a header of two rows, parents merged over their columns; return the upper one."""
        upper: list[Cell] = []
        lower: list[Cell] = []
        lines, head = 1, self._head
        for parent, group in groupby(enumerate(columns), key=lambda placed: placed[1].parent):
            placed = list(group)
            if parent:
                upper += self._across(placed[0][0], len(placed), parent, head)
            for place, column in placed:
                if parent:
                    lines = max(lines, _title_lines(column.header, self.width(place) / _BOLD))
                else:
                    self.paper.merge(self.row, place, self.row + 1, place)
                    upper.append((place, column.header, head))
                lower.append((place, column.header if parent else None, head))
        row = self.write(upper, _height(1))
        self.write(lower, _height(lines))
        return row

    def section(self, texts: list[str]) -> None:
        """Write a heading row of the form."""
        look = {"bold": True, "bg_color": self.book.words["colours"]["section"]}
        first, rest = self.book.cell("center", **look), self.book.cell("text", **look)
        texts = texts + [""] * (len(self.widths) - len(texts))
        self.write([(place, text, rest if place else first) for place, text in enumerate(texts)])

    def _across(self, place: int, span: int, value: Any, look: int) -> list[Cell]:
        """Return the cells of this row over which a value stands, merged."""
        self.paper.merge(self.row, place, self.row, place + span - 1)
        return [(place, value, look), *((blank, None, look) for blank in range(place + 1, place + span))]

    def rows(
        self,
        columns: list[Column],
        frame: pd.DataFrame,
        marks: Mapping[str, Mapping[Any, str]] | None = None,
        **look: Any,
    ) -> None:
        """Write the frame's rows, each as high as its texts need; a column that it lacks stays empty.

        `marks` names the severity of the cells that have a finding, by the column and the row's `id`.
        """
        lines, table = [1] * len(frame), []
        for place, column in _placed_columns(columns):
            values = frame[column.key].tolist() if column.key in frame else [""] * len(frame)
            looks = self._looks(column, frame, marks or {}, look)
            if column.link in frame:
                self._link(place, column, values, frame[column.link].tolist(), looks)
            self._heighten(lines, place, column, values)
            table.append((place, values, looks))
            for beside in range(place + 1, place + column.span):
                table.append((beside, [None] * len(frame), looks))
            for row in range(self.row, self.row + len(frame)) if column.span > 1 else ():
                self.paper.merge(row, place, row, place + column.span - 1)
        places, columnwise, looked = zip(*table, strict=True)
        for texts, styles, high in zip(zip(*columnwise, strict=True), zip(*looked, strict=True), lines, strict=True):
            self.write(zip(places, texts, styles, strict=True), _height(high))

    def _looks(
        self, column: Column, frame: pd.DataFrame, marks: Mapping[str, Mapping[Any, str]], look: dict[str, Any]
    ) -> list[int]:
        """Return how the cells of a column look: as its kind, as the row's tone, as what was found there."""
        looks = [self.book.cell(column.kind, **look)] * len(frame)
        if column.toned and "tone" in frame:
            tones = frame["tone"].tolist()
            toned = {tone: self.book.toned(column.kind, tone) for tone in dict.fromkeys(tones) if tone}
            looks = [toned.get(tone, plain) for tone, plain in zip(tones, looks, strict=True)]
        if found := marks.get(column.key):
            looks = [
                self.book.toned(column.kind, found[id]) if id in found else plain
                for id, plain in zip(frame["id"].tolist(), looks, strict=True)
            ]
        return looks

    def _link(self, place: int, column: Column, values: list[Any], targets: list[str], looks: list[int]) -> None:
        """Let the values that are there lead somewhere, as long as the sheet may have more links."""
        linked = self.book.cell(column.kind, **_LINKED) if any(targets) else 0
        for offset, (value, target) in enumerate(zip(values, targets, strict=True)):
            if target and value not in (None, "") and self._links < _MOST_LINKS:
                self._links += 1
                self.paper.link(self.row + offset, place, target, str(value))
                looks[offset] = linked

    def _heighten(self, lines: list[int], place: int, column: Column, values: list[Any]) -> None:
        """Give rows as many lines as the texts of a column need."""
        width = self.width(place, column.span) * _SIZE / _KINDS[column.kind].get("font_size", _SIZE)
        fits = max(int(width / _CAPITAL), 1)  # letters that stand on one line whatever they are
        texts = {
            value
            for high, value in zip(lines, values, strict=True)
            if type(value) is str and len(value) > fits and (" " in value or len(value) * _WIDEST >= high * width)
        }
        if counted := {text: line_count(text, width) for text in texts}:
            lines[:] = [max(high, counted.get(value, 1)) for high, value in zip(lines, values, strict=True)]

    def tell_charts(self, row: int, column: int, values: Sequence[Any]) -> None:
        """Tell what stands in a column that charts of this sheet show."""
        self.book.file.charted().tell(self.paper.name, (row, column), values)

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
            self.book.file.charted().insert(self.paper.name, self.widths, (self.row, column), chart, where)
        self.row += math.ceil(height / 20)

    def new_page(self) -> None:
        """Let a new page begin here on paper."""
        self.paper.break_page(self.row)

    def filter(self, rows: tuple[int, int]) -> None:
        """Let the reader filter these rows, of which the first is the header."""
        self._filter = rows

    def finish(self, header: tuple[int, int], *, frozen_columns: int, filtered: bool = True) -> None:
        """Freeze the header, repeat it on every page, filter below it; texts of digits are no mistake."""
        end = max(self.row - 1, header[1])
        top, bottom = self._filter or (header[1], end)
        self.paper.freeze(header[1] + 1, frozen_columns)
        if filtered:
            self.paper.filter(top, bottom, self.last)
        self.paper.print(header, (end, self.last))

    @property
    def _head(self) -> int:
        return self.book.cell("center", bold=True, bg_color=self.book.words["colours"]["header"])

    def width(self, place: int, span: int = 1) -> float:
        """Return how many pixels a text has in a column, or in several merged."""
        return sum(self._room[place : place + span]) + 8 * (span - 1)

    def write(self, cells: Iterable[Cell], height: float = 0, rest: str = "") -> int:
        """Write the next row, so many points high; return which it is. A text never becomes a formula or a link.

        `rest` is the XML of further cells.
        """
        row, self.row = self.row, self.row + 1
        self.paper.write(row, cells, height, rest)
        return row

    def write_fit(self, cells: list[Cell], fitted: slice = slice(None)) -> int:
        """Write the next row as high as its texts need, or those of some of its cells; return which it is."""
        lines = 1
        for place, value, _ in cells[fitted]:
            if isinstance(value, str):
                lines = line_count(value, self._room[place], lines)
        return self.write(cells, _height(lines))


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


def line_count(text: str, width: float, least: int = 1) -> int:
    """Return on how many lines a text stands in a cell so many pixels wide; `least` if these are no fewer."""
    if "\n" in text:
        return max(least, sum(_lines(paragraph, width) for paragraph in text.split("\n")))
    if len(text) * _CAPITAL <= width or (" " not in text and len(text) * _WIDEST < least * width):
        return least
    return max(least, _lines(text, width))


_title_lines = lru_cache(maxsize=500)(line_count)  # titles and headings are the same in many workbooks


def _lines(paragraph: str, width: float) -> int:
    lines, end = 1, 0.0
    for word in paragraph.split(" "):
        size = sum(map(_LETTERS.__getitem__, word))
        if end + size <= width:
            end += size + _SPACE
            continue
        full = int(size // width)  # a long word is broken where the line ends
        lines, end = lines + full + (end > 0), size - full * width + _SPACE
    return lines


def _header_text(text: str, facts: dict[str, Any]) -> str:
    """Return a text as a part of a page's header, in which `&` begins a command; the round's name is cut, no day."""
    whole = storable(text.format_map(facts))
    if (over := len(whole) - _HEADER_LIMIT) > 0:
        name = facts["round"][: -over - 2].rpartition(" ")[0]
        whole = storable(text.format_map({**facts, "round": f"{name}\u2026"}))[:_HEADER_LIMIT]
    return whole.replace("&", "&&")
