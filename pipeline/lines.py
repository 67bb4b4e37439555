"""The rows of a table, and what they owe to the row above: ditto marks, a second person; on their way to a unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipeline.model import Place
from pipeline.persons import is_ditto
from schemas.codes import Rule
from schemas.form import Column
from schemas.kinds import is_blank
from schemas.units import Unit

if TYPE_CHECKING:
    from pipeline.headings import Headings

NOTHING: Mapping[Any, Any] = MappingProxyType({})
"""What most lines have elsewhere, of flaws, and so on."""
_NUMBER = re.compile(r"[0-9]{1,9}")
NO_HEADER = -1  # the row of a header that stands on an earlier sheet
JUDGED = (None, Rule.UNIT_SPELLING, Rule.UNIT_DUPLICATE, Rule.UNIT_FORMER)
"""A row of which one of these is told is still judged by its unit."""
Keys = dict[str, str]
"""The columns of one person: kind -> key."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table that lists a unit: its texts by column key, as far as the table has them.

    There are as many as rows, so they are small: what is the same for all rows of a table is shared by them.
    """

    row: int  # counted from 0
    ordinal: str
    texts: dict[str, str]
    level: str  # the level whose section it stands in, or ""
    is_section: bool  # its unit cell names a section ("Cap huyen"), not a unit
    columns: Mapping[str, Column]  # the form's, by key
    places: Mapping[str, int]  # the table's columns by key
    headers: Mapping[int, str]  # the headers of the columns that the form does not have
    table: int  # the row of its table's header
    heading: str  # the last heading above it that may name the unit that it belongs to
    elsewhere: Mapping[str, Place]  # the cells that stand in another row or column than `row` and `places` say
    flaws: Mapping[str, tuple[Rule, str]]
    beside: Mapping[int, str]  # what stands in the columns that the form does not have
    dittos: Mapping[str, tuple[Place, str]]  # cells that repeat the row above (which `elsewhere` names), as typed
    sheets: Mapping[str, str]  # the other sheets of cells that stand on one

    @property
    def cells(self) -> dict[str, Place]:
        """The cells by key, where the texts stand."""
        return {**{key: (self.row, column) for key, column in self.places.items()}, **self.elsewhere}

    @property
    def own(self) -> set[str]:
        """The keys of the cells that say something and stand in this row itself, not in one above it."""
        texts, elsewhere = self.texts, self.elsewhere
        own = {key for key in self.places if not is_blank(texts[key], self.columns[key])} | self.flaws.keys()
        if elsewhere:
            own |= {key for key in elsewhere if not is_blank(texts[key], self.columns[key])}
            own -= {key for key, place in elsewhere.items() if place[0] < self.row and key not in self.sheets}
        return own


@dataclass(slots=True)
class Listed:
    """A row on its way to a unit: `candidates` while several answer, `rule` and `facts` what is to be told of it.

    `counts` is False for a row beside another one of the same unit, which is told which of them counts.
    """

    line: Line
    sheet: str
    candidates: list[Unit] = field(default_factory=list)
    sure: int = 0
    rule: Rule | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    suggestion: str = ""
    counts: bool = True
    copy_of: str = ""  # another sheet that has the same row, or the new one beside this old one: that row counts alone

    @property
    def unit(self) -> Unit | None:
        """The unit, where exactly one answers."""
        return self.candidates[0] if len(self.candidates) == 1 else None

    @property
    def judged(self) -> Unit | None:
        """The unit that the row is judged by, None where it is not."""
        return self.unit if self.rule in JUDGED and self.counts else None


def follows(ordinal: str, last: Line | None) -> bool:
    """Tell whether a running number is the next one after a row's; figures in circles or raised are none."""
    here, above = ordinal.strip(" .)"), last.ordinal.strip(" .)") if last else ""
    return bool(_NUMBER.fullmatch(here) and _NUMBER.fullmatch(above)) and int(here) == int(above) + 1


@dataclass
class Found:
    """A table, or the part of one under one header."""

    sheet: str
    columns: dict[str, int]  # several keys may share one: a person in one cell, one person for two duties
    extra: dict[int, str]  # columns that the form does not have, with their header
    header: int  # row of the header, or `NO_HEADER`
    combined: frozenset[int] = frozenset()  # columns that hold a person's name, number and address together
    split: frozenset[int] = frozenset()  # columns whose names go on in the next one: family name and given name
    types: int = -1  # the column of the level words that belong to the units' names beside it, -1 where there is none
    headings: Headings | None = None  # where it lacks columns for what headings between its rows can say
    lines: list[Line] = field(default_factory=list)
    also: set[str] = field(default_factory=set)  # the keys that another sheet tells of, with which it was joined
    heads: dict[int, Place] = field(default_factory=dict)  # the headers of columns that stand in another row
    named: frozenset[str] = frozenset()  # the groups of persons whom its headers name
    part: slice | None = None  # its part of a row, where other tables stand beside it
    parts: set[int] = field(default_factory=set)  # columns that tell what the person in the row does
    totalled: bool = False  # a total stands in it: what follows may break it down
    ended: bool = False  # by what stands below a table

    @property
    def keys(self) -> set[str]:
        """The keys that the table tells of: in its columns, in a row with a second person, from its title and so on."""
        return {*self.columns, *self.also}.union(
            *(line.texts for line in self.lines if len(line.texts) > len(self.columns))
        )

    def cells_in(self, row: list[str]) -> list[str]:
        """Return its own cells of a row."""
        return row if self.part is None else row[self.part]

    def head(self, column: int) -> Place:
        """Return the cell that holds the column's header."""
        return self.heads.get(column, (self.header, column))

    @cached_property
    def ordinal(self) -> int:
        """The column of the running numbers, -1 where there is none."""
        return next((column for column, text in self.extra.items() if text == ""), min(self.columns.values()) - 1)


def with_dittos(line: Line, above: Line | None, persons: list[Keys]) -> Line:
    """Return the line with ditto marks in persons' cells resolved: such a cell speaks through the one above it."""
    keys = [key for keys in persons for key in keys.values() if is_ditto(line.texts.get(key, ""))]
    if not keys or above is None:
        return line
    here, there = line.cells, above.cells
    keys = [key for key in keys if key in here and here[key][0] == line.row and key in there]
    if not keys:
        return line
    return replace(
        line,
        texts=line.texts | {key: above.texts[key] for key in keys},
        elsewhere={**line.elsewhere, **{key: there[key] for key in keys}},
        flaws={**line.flaws, **{key: above.flaws[key] for key in keys if key in above.flaws}},
        dittos={key: (here[key], line.texts[key]) for key in keys},
    )


def with_part(line: Line, of: Keys, part: Keys) -> Line:
    """Return the line with the person of these columns in another part, as a cell beside the name tells."""
    if of == part:
        return line
    moved = _moved(line, line, of, part)
    return replace(
        moved,
        texts=moved.texts | dict.fromkeys(of.values(), ""),
        flaws={key: flaw for key, flaw in moved.flaws.items() if key not in of.values()},
    )


def with_second(line: Line, below: Line, persons: list[Keys], further: set[str]) -> Line | None:
    """Return the line with the person that the row right below it adds, None if that row does anything else.

    Who stands in the first row leads, who stands in the second manages; the `further` columns of a person tell of the
    second one. A running number counts units, or the persons of a table that names no units.
    """
    names_units = any(line.columns[key].kind == "unit" for key in line.places)
    if len(persons) != 2 or below.row != line.row + 1 or (below.ordinal and names_units):
        return None
    first, second = persons
    both = _with_person(line, below, first, second, below.own - further)
    keys = further & below.texts.keys()
    if both is None or not keys or both.cells[second["name"]][0] != below.row:
        return both
    cells, flaws = below.cells, {key: below.flaws[key] for key in keys if key in below.flaws}
    return replace(
        both,
        texts=both.texts | {key: below.texts[key] for key in keys},
        elsewhere={**both.elsewhere, **{key: cells[key] for key in keys}},
        flaws={key: flaw for key, flaw in both.flaws.items() if key not in keys} | flaws,
    )


def _with_person(line: Line, below: Line, first: Keys, second: Keys, own: set[str]) -> Line | None:
    persons = [first, second]
    if not own <= {*first.values(), *second.values()}:
        return None
    kinds = {kind for keys in persons for kind, key in keys.items() if key in own}
    here = [keys for keys in persons if not own.isdisjoint(keys.values())]
    shared = _is_shared(below, first, second)
    if not {"name"} < kinds or (len(here) == 2 and not shared):
        return None
    leads, manages = (any(not is_blank(line.texts.get(key, "")) for key in keys.values()) for keys in persons)
    if _is_shared(line, first, second) or (leads and not manages):
        return _moved(line, below, here[0], second)
    if leads:
        return None
    if manages and here == [second]:
        return _moved(_moved(line, line, second, first), below, second, second)
    return _moved(line, below, here[0], first if manages else here[0])


def _is_shared(line: Line, first: Keys, second: Keys) -> bool:
    """Tell whether the same cells speak for both persons."""
    cells, texts = line.cells, line.texts
    pairs = [(first[kind], second[kind]) for kind in first if kind in second and first[kind] in cells]
    return any(cells[one] == cells.get(other) and texts[one] and texts[one] == texts[other] for one, other in pairs)


def _moved(line: Line, source: Line, group: Keys, to: Keys) -> Line:
    """Return the line with the person that stands in a group of the source row, put into another group."""
    cells = source.cells
    keys = {group[kind]: to[kind] for kind in group if kind in to and group[kind] in cells}
    return replace(
        line,
        texts=line.texts | {new: source.texts[old] for old, new in keys.items()},
        elsewhere={**line.elsewhere, **{new: cells[old] for old, new in keys.items()}},
        flaws={key: flaw for key, flaw in line.flaws.items() if key not in keys.values()}
        | {new: source.flaws[old] for old, new in keys.items() if old in source.flaws},
    )
