"""How a workbook of ours looks: titles, tables and pages that are right on opening and on paper.

Knows nothing of rounds or forms; its words and colours come from the TOML file of each workbook.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd
from xlsxwriter.chart import Chart

from pipeline.xlsx.book import Workbook
from schemas.text import storable

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
# Heights are reckoned from the widths of letters (pixels of Times New Roman, a little generous), so that
# nothing is cut on paper: Excel does not fit rows of merged cells, LibreOffice fits none of a new file.
_SIZE, _LINE, _PADDING, _HIGHEST = 11, 14.5, 3.5, 409.0  # points; Excel's highest row
_BOLD = 1.08
_SMALL, _CAPITAL, _SPACE = 7.0, 10.6, 4.0


class _Letters(dict[str, float]):
    """The pixels of letters; of a letter that nobody measured those of a capital or of a small one."""

    def __missing__(self, letter: str) -> float:
        self[letter] = _CAPITAL if letter.isupper() else _SMALL
        return self[letter]


_LETTERS = _Letters({
    **dict.fromkeys("fijlrtI.,;:!|'()[]/-", 4.7), **dict.fromkeys("mwMW@%", 12.0),
    **dict.fromkeys("0123456789", 7.4), **dict.fromkeys(map(chr, range(0x300, 0x370)), 0.0),
    " ": _SPACE,
})  # fmt: skip

_Marks = Mapping[tuple[Any, str], str]


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

    def __init__(self, file: Workbook, words: dict[str, Any], facts: dict[str, Any]) -> None:
        self.file, self.words, self.facts = file, words, facts
        self._looks: dict[tuple[tuple[str, Any], ...], int] = {}
        self._cells: dict[tuple[Any, ...], int] = {}

    def sheet(self, name: str, widths: list[float]) -> SheetWriter:
        """Return a new sheet, ready to print."""
        return SheetWriter(self, name, widths)

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
        self.paper = book.file.sheet(name, widths)
        self._filter: tuple[int, int] | None = None
        self._links = 0
        self._page()

    @property
    def last(self) -> int:
        """The last column."""
        return len(self.widths) - 1

    def _page(self) -> None:
        words = self.book.words["book"]
        header, footer = (_header_text(words[key], self.book.facts) for key in ("header", "footer"))
        small = words["small"]
        self.paper.header = f"&L{small}{header}&R{small}{self.paper.name}"
        self.paper.footer = f"&L{small}{footer}&R{small}{words['page']}"

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
        self.paper.height(self.row, height)
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
                    self.put(row + 1, column, columns[column].header, head)
            else:
                self._merged((row, place, row + 1, place), columns[place].header, head)
            place = end
        self.paper.height(row, _height(1))
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

    def rows(
        self,
        columns: list[Column],
        frame: pd.DataFrame,
        marks: Mapping[tuple[Any, str], str] | None = None,
        **look: Any,
    ) -> None:
        """Write the frame's rows, each as high as its texts need; a column that it lacks stays empty.

        `marks` names the severity of the cells that have a finding, by the row's `id` and the column.
        """
        fields = [_Field.of(self, place, column, frame, look) for place, column in _placed_columns(columns)]
        tones = frame["tone"].tolist() if "tone" in frame else [""] * len(frame)
        ids = frame["id"].tolist() if marks else [None] * len(frame)
        for offset, values in enumerate(zip(*(field.values for field in fields), strict=True)):
            cells, lines = [], 1
            for field, value in zip(fields, values, strict=True):
                style, column = field.style, field.column
                if marks and (ids[offset], column.key) in marks:
                    style = self.book.toned(column.kind, marks[ids[offset], column.key])
                elif column.toned and tones[offset]:
                    style = self.book.toned(column.kind, tones[offset])
                if column.span > 1:
                    self.paper.merge(self.row, field.place, self.row, field.place + column.span - 1, style)
                if field.links and self._link(self.row, field.place, value, field.links[offset]):
                    style = field.linked
                cells.append((field.place, value, style))
                if type(value) is str and len(value) > field.fits:
                    lines = max(lines, line_count(value, field.width))
            self.paper.write_row(self.row, cells)
            self.paper.height(self.row, _height(lines))
            self.row += 1
            self.paper.done(self.row)

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
        return sum(pixels(width) for width in self.widths[place : place + span]) - 8

    def fit(self, row: int, texts: list[tuple[str, float]]) -> None:
        """Make a row as high as these texts need, each in a cell so many pixels wide."""
        self.paper.height(row, _height(max((line_count(*text) for text in texts), default=1)))

    def _link(self, row: int, column: int, value: Any, target: str) -> bool:
        """Let a value that is there lead somewhere, as long as the sheet may have more links; tell whether it does."""
        if not target or value in (None, "") or self._links >= _MOST_LINKS:
            return False
        self._links += 1
        self.paper.link(row, column, target, str(value))
        return True

    def _merged(self, cells: tuple[int, int, int, int], text: str, style: int) -> None:
        if cells[:2] != cells[2:]:
            self.paper.merge(*cells, style)
        self.put(cells[0], cells[1], text, style)

    def put(self, row: int, column: int, value: Any, style: int) -> None:
        """Write one value by its type; a text is always written as text, never as a formula or a link."""
        self.paper.write(row, column, value, style)


@dataclass(frozen=True)
class _Field:
    """A column of a table while its rows are written: where it stands, how wide in pixels, what is in it."""

    column: Column
    place: int
    width: float
    fits: int  # letters that stand on one line whatever they are
    values: list[Any]
    links: list[str]
    style: int
    linked: int

    @staticmethod
    def of(sheet: SheetWriter, place: int, column: Column, frame: pd.DataFrame, look: dict[str, Any]) -> _Field:
        """Return the column with the frame's values."""
        width = sheet.width(place, column.span) * _SIZE / _KINDS[column.kind].get("font_size", _SIZE)
        links = frame[column.link].tolist() if column.link in frame else []
        style = sheet.book.cell(column.kind, **look)
        return _Field(
            column, place, width, max(int(width / _CAPITAL), 1),
            frame[column.key].tolist() if column.key in frame else [""] * len(frame),
            links, style, sheet.book.cell(column.kind, **_LINKED) if any(links) else style,
        )  # fmt: skip


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


@lru_cache(maxsize=5_000)  # what stands in every form; the texts of rows are told apart
def line_count(text: str, width: float) -> int:
    """Return on how many lines a text stands in a cell so many pixels wide."""
    if len(text) * _CAPITAL <= width and "\n" not in text:
        return 1
    return sum(_lines(paragraph, width) for paragraph in text.split("\n"))


def _lines(paragraph: str, width: float) -> int:
    if _pixels_of(paragraph) <= width:
        return 1
    lines, end = 1, 0.0
    for word in paragraph.split(" "):
        size = _pixels_of(word)
        if end and end + size > width:
            lines, end = lines + 1, 0.0
        full = int(size // width)  # a long word is broken where the line ends
        lines, end = lines + full, end + size - full * width + _SPACE
    return lines


def _pixels_of(text: str) -> float:
    return sum(map(_LETTERS.__getitem__, text))


def _header_text(text: str, facts: dict[str, Any]) -> str:
    """Return a text as a part of a page's header, in which `&` begins a command."""
    return storable(text.format(**facts))[:_HEADER_LIMIT].replace("&", "&&")
