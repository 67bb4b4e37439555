"""A sheet with its labels on the left, turned into a table: a form for one unit, or one column for each of many."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from pipeline.headers import Headers, Label
from pipeline.headings import without_bullet
from pipeline.layout import Layout, find_tables
from pipeline.lines import Line
from pipeline.model import Place, Sheet
from pipeline.view import ORDINAL
from schemas.kinds import is_empty
from schemas.text import clean

LONGEST = 700  # rows; a longer sheet is no form of this shape
_LABEL = re.compile(r"^\s*(?:[-+*\u2022]|\d{1,2}[.)])?\s*([^:]{2,60}?)\s*:\s*(?!//)(.*)$", re.DOTALL)

Cell = tuple[int, str]
"""A cell of a row: its column and its text."""


class Entry(NamedTuple):
    """One row of the form: its label under a heading, where it stands, and a value for each unit, with its cell."""

    heading: str
    label: str
    place: Place
    values: list[tuple[str, Place]]


def find_form(sheet: Sheet, headers: Headers, is_unit: Callable[[str], bool]) -> Layout | None:
    """Return the sheet's form as a table whose cells are those of the sheet, None where it is none."""
    if len(sheet.cells) > LONGEST:
        return None
    title, entries = _Reader(sheet, headers, is_unit).read()
    if _units_told_of(entries) == 1:  # beside its name stands another one: that of the place above it
        title, entries = _Reader(sheet, headers, lambda text: False).read()
    if not entries:
        return None
    entries = _with_blanks_beside(entries)
    first = len(title) + 2  # the row of the first unit
    cells: list[list[str]] = [*([text] for text in title), [entry.heading for entry in entries]]
    cells.append([entry.label for entry in entries])
    cells += ([""] * len(entries) for _ in range(max(len(entry.values) for entry in entries)))
    at: dict[Place, Place] = {}
    for column, entry in enumerate(entries):
        for row, (text, place) in enumerate(entry.values, start=first):
            cells[row][column], at[row, column] = text, place
    turned = Sheet(
        name=sheet.name,
        hidden=sheet.hidden,
        cells=cells,
        merges=_turned_merges(sheet, at),
        links={turned: sheet.links[place] for turned, place in at.items() if place in sheet.links},
        flaws={turned: sheet.flaws[place] for turned, place in at.items() if place in sheet.flaws},
    )
    heads = {column: entry.place for column, entry in enumerate(entries)}
    layout = find_tables(turned, headers, is_unit)
    for table in layout.tables:
        table.lines[:] = [_in_place(line, at, heads) for line in table.lines]
        table.heads = heads
    return layout if any(table.lines for table in layout.tables) else None


def _units_told_of(entries: list[Entry]) -> int:
    """Return of how many units anything is said besides their names, 0 where there is one column of values."""
    told = {row for entry in entries[1:] for row, (text, _) in enumerate(entry.values) if not is_empty(text)}
    return len(told) if any(len(entry.values) > 1 for entry in entries) else 0


def _with_blanks_beside(entries: list[Entry]) -> list[Entry]:
    """Return the entries with blank values in the column where most values stand, not at their labels."""
    beside = Counter(at[1] for entry in entries for _, at in entry.values if at != entry.place)
    if not beside:
        return entries
    [(column, _)] = beside.most_common(1)
    return [
        entry._replace(values=[("", (entry.place[0], column))]) if entry.values == [("", entry.place)] else entry
        for entry in entries
    ]


class _Reader:
    """Walks down the form; the state is its heading, and the columns of the units that were named last."""

    def __init__(self, sheet: Sheet, headers: Headers, is_unit: Callable[[str], bool]) -> None:
        self.sheet = sheet
        self.headers = headers
        self.is_unit = is_unit
        self.unit_label = headers.form.column(headers.form.unit_key).header
        self.heading = ""
        self.columns: list[int] = []  # none in a form for one unit
        self.persons: list[Cell] = []  # where the columns of a form for one unit are its persons

    def read(self) -> tuple[list[str], list[Entry]]:
        """Return the texts above the form, and its entries."""
        title: list[str] = []
        entries: list[Entry] = []
        named = self._units_alone()
        for row, filled in self._rows():
            found: list[Entry | None]
            if row in named:
                self.heading, self.persons = "", []
                found = [Entry("", self.unit_label, (row, filled[0][0]), [(filled[0][1], (row, filled[0][0]))])]
            elif persons := self._persons_in(filled):
                self.persons, found = persons, []
            elif units := self._units_in(filled):
                self.columns = [column for column, _ in units]
                found = [
                    Entry("", self.unit_label, (row, filled[0][0]), [(text, (row, column)) for column, text in units])
                ]
            elif self.columns:
                found = [self._entry_of_many(row, filled)]
            elif self.persons and self.headers.heads_contact(_label_of(filled[0][1])):
                found = [*self._entries_of_persons(row, filled[0])]
            else:
                found = [self._entry(row, piece) for piece in self._pieces(self._below_group(filled))]
            if any(found):
                entries.extend(entry for entry in found if entry)
            elif not entries and not self.headers.knows(_label_of(filled[0][1])):
                title.append(clean(filled[0][1]))
        return title, entries

    def _rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Yield the rows that say something, without their running numbers."""
        for row, cells in enumerate(self.sheet.cells):
            filled = [(column, text) for column, text in enumerate(cells) if text.strip()]
            if len(filled) > 1 and ORDINAL.match(clean(filled[0][1])):
                filled = filled[1:]
            if filled:
                yield row, filled

    def _units_alone(self) -> set[int]:
        """Return the rows that name a unit alone, each above what is told of it, where two units or more are so named
        and no label does it.
        """
        rows = list(self._rows())
        known = [self.headers.knows(_label_of(filled[0][1])) for _, filled in rows]
        labels: list[Label] = [
            (_label_of(filled[0][1]),) for (_, filled), is_known in zip(rows, known, strict=True) if is_known
        ]
        if self.headers.form.unit_key in self.headers.match(labels)[0]:
            return set()
        units = {
            row
            for (row, filled), (is_known, is_below) in zip(rows, pairwise([*known, False]), strict=True)
            if len(filled) == 1 and is_below and not is_known and self.is_unit(without_bullet(filled[0][1]))
        }
        return units if len(units) > 1 else set()

    def _units_in(self, filled: list[Cell]) -> list[Cell]:
        """Return the cells of a row that names a unit in each, two at least, behind a label that says so or nothing."""
        first = next((n for n, (_, text) in enumerate(filled) if self.is_unit(text)), len(filled))
        units = filled[first:]
        if first > 1 or 2 * sum(self.is_unit(text) for _, text in units) <= max(len(units), 2):
            return []
        matched, others = self.headers.match([(_label_of(filled[0][1]),)]) if first else ({}, {0: "-"})
        return units if self.headers.form.unit_key in matched or (not matched and others != {0: ""}) else []

    def _persons_in(self, filled: list[Cell]) -> list[Cell]:
        """Return the cells of a row that names a person's part in each, two at least, at most behind one other."""
        for behind in filled, filled[1:]:
            parts = {self.headers.person_in(_label_of(text)) for _, text in behind}
            if len(behind) > 1 and len(parts) == len(behind) and "" not in parts:
                return behind
        return []

    def _entries_of_persons(self, row: int, label: Cell) -> Iterator[Entry]:
        """Yield what the row tells of each person."""
        cells = self.sheet.cells[row]
        for column, part in self.persons:
            value = cells[column] if column < len(cells) else ""
            yield Entry(_label_of(part), _label_of(label[1]), (row, label[0]), [(value, (row, column))])

    def _below_group(self, filled: list[Cell]) -> list[Cell]:
        """Return the cells of a row behind that of a person's part, if the next one is the label of the name."""
        part, label = (_label_of(text) for _, text in [*filled, (0, "")][:2])
        if (
            self.headers.heads_all_of_person(part)
            and self.headers.heads_contact(label)
            and self.headers.heads_person(label)
        ):
            self.heading = part
            return filled[1:]
        return filled

    def _pieces(self, filled: list[Cell]) -> Iterator[list[Cell]]:
        """Yield a row's cells from label to label: a person's name, number and address may stand on one line."""
        start, bare = 0, _LABEL.match(filled[0][1])
        for place in range(1, len(filled)):
            match = _LABEL.match(filled[place][1])
            value = place == 1 and not (bare and bare[2])  # of the first label, unless that is a bare label too
            if match and not (value and match[2]) and self.headers.knows(_label_of(filled[place][1])):
                yield filled[start:place]
                start = place
        yield filled[start:]

    def _entry(self, row: int, filled: list[Cell]) -> Entry | None:
        """Return what the row tells of one unit: a label, and a value behind it or beside it."""
        column, text = filled[0]
        match, label = _LABEL.match(text), _label_of(text)
        if not self.headers.knows(label) or self.headers.match([(label,)])[1] == {0: ""}:
            return None  # nothing, or the row above the running numbers
        at, value = filled[1] if len(filled) > 1 else (column, match[2] if match else "")
        if is_empty(value) and (row, at) not in self.sheet.flaws and self._is_heading(row, label, colon=bool(match)):
            self.heading = label
            return None
        heading = "" if self.headers.persons_of([(label,)]) else self.heading
        return Entry(heading, label, (row, column), [(value, (row, at))])

    def _is_heading(self, row: int, label: str, *, colon: bool) -> bool:
        """Tell whether a label without a value heads what stands below it, and is not a column that was left blank."""
        if self.headers.heads_all_of_person(label):
            below = self._label_below(row)
            return self.headers.heads_contact(below) and self.headers.heads_person(below)
        return not (colon or self.headers.is_name(label) or self.headers.persons_of([(label,)]))

    def _entry_of_many(self, row: int, filled: list[Cell]) -> Entry | None:
        """Return what the row tells of each unit; a row without values is a heading if a name stands below it."""
        labels = [(column, text) for column, text in filled if column < self.columns[0]]
        texts, cells = [_label_of(text) for _, text in labels], self.sheet.cells[row]
        values = [(cells[c] if c < len(cells) else "", (row, c)) for c in self.columns]
        says = sum(not is_empty(text) or place in self.sheet.flaws for text, place in values)
        if not labels or not (self.headers.knows(texts[-1]) or says > 1):
            return None
        if len(labels) > 1 and self.headers.knows(texts[0]):
            self.heading = texts[0]
        elif not says and self.headers.heads_person(texts[0]) and self._is_above_a_name(row):
            self.heading = texts[0]
            return None
        return Entry(self.heading, texts[-1], (row, labels[-1][0]), values)

    def _is_above_a_name(self, row: int) -> bool:
        return self.headers.heads_names((self._label_below(row),))

    def _label_below(self, row: int) -> str:
        return _label_of(next((filled[0][1] for r, filled in self._rows() if r > row), ""))


def _label_of(text: str) -> str:
    match = _LABEL.match(text)
    return without_bullet(clean(match[1] if match else text)).strip(" :")


def _turned_merges(sheet: Sheet, at: dict[Place, Place]) -> list[tuple[Place, Place]]:
    """Return the merged cells that reach over several units."""
    turned = {place: here for here, place in at.items()}
    ends = [(first, (first[0], last[1])) for first, last in sheet.merges if last[1] > first[1]]
    return [(turned[first], turned[last]) for first, last in ends if first in turned and last in turned]


def _in_place(line: Line, at: dict[Place, Place], heads: dict[int, Place]) -> Line:
    """Return the line with the cells that the sender's sheet has: at its label what is said of other units alone."""
    cells = {key: at.get(place, heads[place[1]]) for key, place in line.cells.items()}
    return replace(line, row=min(row for row, _ in cells.values()), elsewhere=cells)
