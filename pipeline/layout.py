"""Where the table is: header, columns, rows and sections of a form that clerks have rearranged.

Nothing here knows units but through the question `is_unit`, nor which form it is: words come from the form
and from the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise

from pipeline.gazetteer import section_level
from pipeline.headers import Headers
from pipeline.model import Place, Sheet
from schemas.codes import Rule
from schemas.data import vocabulary
from schemas.kinds import is_blank, link
from schemas.text import clean, search_key

HEADER_ROWS = 3
_NUMBERED = re.compile(r"^[(\[]?\s*\d{1,2}\s*[)\]]?(?:\s*=.*)?$")
_DATA = re.compile(r"@|https?:|facebook\.com|fb\.com|\d{6}", re.IGNORECASE)
_ORDINAL = re.compile(r"^\d{1,4}\s*[.)]?$|^[IVX]{1,4}\s*[.)]?$|^[A-Da-d]\s*[.)]?$")


@dataclass(frozen=True)
class Line:
    """One row of a table that lists a unit: texts and cells by column key, as far as the table has them."""

    row: int  # counted from 0
    ordinal: str
    texts: dict[str, str]
    cells: dict[str, Place]
    flaws: dict[str, tuple[Rule, str]]
    level: str  # the level whose section it stands in, or ""
    is_section: bool  # its unit cell names a section ("Cap huyen"), not a unit


@dataclass
class Found:
    """A table, or the part of one under one header."""

    sheet: str
    columns: dict[str, int]
    extra: dict[int, str]  # columns that the form does not have, with their header
    header: int  # row of the header
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """The tables of a sheet and the texts above the first one."""

    tables: list[Found]
    title: list[str]


def find_tables(sheet: Sheet, headers: Headers, is_unit: Callable[[str], bool]) -> Layout:
    """Return the tables of the sheet that have the form's columns."""
    return _Finder(sheet, headers, is_unit).find()


class _Finder:
    """Walks down one sheet; the state is the table being read, the section, and whether the table has ended."""

    def __init__(self, sheet: Sheet, headers: Headers, is_unit: Callable[[str], bool]) -> None:
        self.sheet = sheet
        self.headers = headers
        self.form = form = headers.form
        self.is_unit = is_unit
        self.unit_key = form.unit_key
        self.link_keys = {column.key for column in form.of_kind("link")}
        self.email_keys = {column.key for column in form.of_kind("email")}
        self.levels = {section.level for section in form.sections}
        self.level = section_level(sheet.name)
        self.ended = False

    def find(self) -> Layout:
        tables: list[Found] = []
        title: list[str] = []
        row, count = 0, len(self.sheet.cells)
        while row < count:
            header = self._header_at(row)
            if header:
                tables.append(Found(self.sheet.name, *header[1:], header=row))
                self.ended = False
                row += header[0]
                continue
            if not tables:
                title.extend(text for text in map(clean, self.sheet.cells[row]) if text)
            elif line := self._line_at(row, tables[-1]):
                tables[-1].lines.append(line)
            row += 1
        return Layout(tables, title)

    # --- cells

    @cached_property
    def _anchors(self) -> dict[Place, Place]:
        """Every cell of a merged area -> the area's first cell."""
        anchors = {}
        rows, columns = len(self.sheet.cells), max(map(len, self.sheet.cells), default=0)
        for (top, left), (bottom, right) in self.sheet.merges:
            for row in range(top, min(bottom, rows - 1) + 1):
                for column in range(left, min(right, columns - 1) + 1):
                    anchors[row, column] = (top, left)
        return anchors

    def _text(self, place: Place) -> str:
        row, column = place
        cells = self.sheet.cells
        return cells[row][column] if row < len(cells) and column < len(cells[row]) else ""

    # --- headers

    def _header_at(self, row: int) -> tuple[int, dict[str, int], dict[int, str]] | None:
        """Return how many rows a header at this row has, its columns by key and the foreign columns."""
        if not self._may_be_header(row):
            return None
        best: tuple[int, dict[str, int], dict[int, str]] = (0, {}, {})
        for depth in range(1, HEADER_ROWS + 1):
            if depth > 1 and not self._may_be_header(row + depth - 1):
                break
            columns, extra = self.headers.match(self._labels(row, depth))
            if len(columns) > len(best[1]):
                best = (depth, columns, extra)
        depth, columns, _ = best
        if not self._is_header(columns):
            return None
        if depth > 1 and self.headers.match(self._labels(row + 1, depth - 1))[0] == columns:
            return None  # a title row above the header, which says nothing of the columns
        return best

    def _is_header(self, columns: dict[str, int]) -> bool:
        required = [column.key for column in self.form.columns if column.required]
        matched = sum(key in columns for key in required)
        return len(columns) >= min(3, len(self.form.columns)) and matched >= min(2, len(required))

    def _may_be_header(self, row: int) -> bool:
        if row >= len(self.sheet.cells):
            return False
        texts = [clean(text) for text in self.sheet.cells[row] if text.strip()]
        if len(texts) < 2 or any(len(text) > 120 or _DATA.search(text) for text in texts):
            return False
        return sum(map(self.headers.knows, texts)) * 2 >= len(texts)

    def _labels(self, row: int, depth: int) -> list[tuple[str, ...]]:
        """Return each column's header texts from the top down; a heading reaches over the columns below it."""
        width = max(len(cells) for cells in self.sheet.cells[row : row + depth])
        grid = [
            [clean(self._text(self._anchor_from(row, (r, c)))) for c in range(width)] for r in range(row, row + depth)
        ]
        for above, below in pairwise(grid):
            for column in range(1, width):
                if not above[column] and below[column] and below[column - 1] and above[column - 1] != below[column - 1]:
                    above[column] = above[column - 1]
        return [tuple(dict.fromkeys(part for part in parts if part)) for parts in zip(*grid, strict=True)]

    def _anchor_from(self, first_row: int, place: Place) -> Place:
        """Return the first cell of the merged area, unless that lies above the rows in question."""
        anchor = self._anchors.get(place, place)
        return anchor if anchor[0] >= first_row else place

    # --- rows

    def _line_at(self, row: int, table: Found) -> Line | None:
        texts = {key: self._value(row, column, key, table) for key, column in table.columns.items()}
        cells = {key: self._anchor(row, column, key, table) for key, column in table.columns.items()}
        flaws = {key: self.sheet.flaws[place] for key, place in cells.items() if place in self.sheet.flaws}
        first = next((clean(text) for text in self.sheet.cells[row] if not is_blank(text)), "")
        if not first and not flaws:
            return None
        unit = clean(texts.get(self.unit_key, ""))
        own = {k for k, place in cells.items() if place[0] == row and (not is_blank(texts[k]) or k in flaws)}
        data = own - {self.unit_key}
        ordinal = self._ordinal(row, table)
        level, heading = self._section_in(row, texts)
        data -= {heading}
        if self.is_unit(unit):
            if self.ended and not data:
                return None
        elif level and (not data or section_level(unit) == level):
            self.level, self.ended = level, False
            return Line(row, ordinal, texts, cells, flaws, level, True) if data else None
        elif len(data) < 3 and self._is_footer(row):
            self.ended = True
            return None
        if self.ended or self._is_filler(row, unit, first, ordinal, own):
            return None
        return Line(row, ordinal, texts, cells, flaws, self.level, False)

    def _section_in(self, row: int, texts: dict[str, str]) -> tuple[str, str]:
        """Return the level that a row's texts name as a section, and the column that says so ("" outside the form)."""
        for key in [self.unit_key, *texts]:
            if (level := section_level(texts.get(key, ""))) in self.levels:
                return level, key
        others = [text for text in self.sheet.cells[row] if text.strip()][:2]
        return next((level for level in map(section_level, others) if level in self.levels), ""), ""

    def _anchor(self, row: int, column: int, key: str, table: Found) -> Place:
        """Return the cell that holds the value: a person merged over several rows speaks for each of them."""
        place = self._anchors.get((row, column), (row, column))
        vertical = place[1] == column and place[0] > table.header and key != self.unit_key
        return place if vertical else (row, column)

    def _value(self, row: int, column: int, key: str, table: Found) -> str:
        place = self._anchor(row, column, key, table)
        text = self._text(place)
        behind = self.sheet.links.get(place, "")
        if key in self.link_keys and behind.lower().startswith(("http://", "https://")) and not link.is_address(text):
            return behind
        if key in self.email_keys and behind.lower().startswith("mailto:") and "@" not in text and not is_blank(text):
            return behind
        return text

    def _ordinal(self, row: int, table: Found) -> str:
        left = min(table.columns.values())
        column = next((c for c, text in table.extra.items() if text == ""), left - 1)
        text = clean(self._text((row, column))) if column >= 0 else ""
        return text if _ORDINAL.match(text) else ""

    def _is_footer(self, row: int) -> bool:
        texts = [search_key(text) for text in self.sheet.cells[row] if text.strip()]
        return any(_starts_with(key, _footers()) for key in texts) or any(map(is_date_line, self.sheet.cells[row]))

    def _is_filler(self, row: int, unit: str, first: str, ordinal: str, own: set[str]) -> bool:
        """Tell rows that list nothing: numbers of columns, totals, dots, empty numbered rows, stray remarks."""
        texts = [clean(text) for text in self.sheet.cells[row] if not is_blank(text)]
        if len(texts) >= 3 and all(_NUMBERED.match(text) for text in texts):
            return True
        if any(_is_total(text) for text in (first, unit)) or self._repeats_header(row):
            return True
        if is_blank(unit):
            # Without a unit only a row with a page says something; a lone text is a remark or a signature.
            return not own or (self.unit_key not in own and not self._speaks_of_a_page(own))
        if own == {self.unit_key}:
            return len(unit) > 60 or _NUMBERED.match(unit) is not None or unit.endswith(":")
        return False

    def _speaks_of_a_page(self, own: set[str]) -> bool:
        required = {column.key for column in self.form.columns if column.required}
        return bool(own & required) or len(own) >= 3

    def _repeats_header(self, row: int) -> bool:
        """Tell a header row set again between the rows, or the second row of one."""
        texts = [text for text in self.sheet.cells[row] if text.strip()]
        return len(texts) >= 3 and sum(map(self.headers.is_name, texts)) * 2 > len(texts)


def is_date_line(text: str) -> bool:
    """Tell a line of place and date: its place is where the letter was signed, no sender and no row."""
    return bool(re.search(vocabulary()["table"]["date_line"], clean(text), re.IGNORECASE))


@cache
def _footers() -> tuple[str, ...]:
    return tuple(search_key(text) for text in vocabulary()["table"]["footers"])


@cache
def _totals() -> frozenset[str]:
    return frozenset(search_key(text) for text in vocabulary()["table"]["totals"])


def _is_total(text: str) -> bool:
    key = re.sub(r"\d+", " ", search_key(re.sub(r"\(.*?\)|:.*$", " ", text)))
    return " ".join(key.split()) in _totals()


def _starts_with(key: str, phrases: tuple[str, ...]) -> bool:
    return any(key == phrase or key.startswith(phrase + " ") for phrase in phrases)
