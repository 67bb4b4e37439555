"""Which unit above it a row belongs to, where its own name does not tell: what the file says beside and around it.

Two communes of one name are told apart by the district that stands in the row's own cell, in a column beside it, in
the district's row or a heading above it, or that the sheet is for. What stands around a row counts only if the rows
around it agree: a heading left over from the block before, or the last district of a list of districts, does not.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.gazetteer import UNACCENTED, Gazetteer, is_higher, rest_of
from pipeline.lines import Line
from schemas.data import vocabulary
from schemas.kinds import is_blank
from schemas.text import clean, search_key
from schemas.units import Register, Unit

AGREED = 0.8  # share of the rows of known place that must agree with what stands around them
_CODE = re.compile(r"^\d{1,5}$")

Codes = frozenset[str]
NOWHERE: Codes = frozenset()


@dataclass(slots=True)
class Row:
    """A row of the file: what it says, on which sheet, and the units that answer to its name."""

    line: Line
    sheet: str
    text: str
    candidates: list[Unit]
    clues: list[Codes] = field(default_factory=list)  # codes of units above, the surest clue first
    coded: Codes = NOWHERE  # units whose official code stands in the row


class Context:
    """The rows of one file in their order; `places` are the units of the sender that others stand under."""

    def __init__(self, places: Gazetteer, register: Register, titles: dict[str, list[str]]) -> None:
        self.places = places
        self.register = register
        self.titles = titles
        self._lineages: dict[str, Codes] = {}
        self._sheets: dict[str, Codes] = {}

    def read(self, rows: list[Row]) -> None:
        """Give every row its codes and its clues."""
        tables: dict[tuple[str, int], list[Row]] = defaultdict(list)
        for row in rows:
            tables[row.sheet, row.line.table].append(row)
        for table in tables.values():
            self._read_codes(table)
        if len(self.places.units) < 2:
            return
        for row in rows:
            row.clues.append(self._named(rest_of(row.text)))
        for table in tables.values():
            self._read_columns(table)
        self._agree(rows, self._markers(rows))
        self._agree(rows, ((row.sheet, self._of_sheet(row.sheet)) for row in rows))

    def under(self, unit: Unit, above: Codes) -> bool:
        """Tell whether the unit stands under one of these units, or is one."""
        return not above.isdisjoint(self._lineage(unit.code))

    def _lineage(self, code: str) -> Codes:
        if code not in self._lineages:
            self._lineages[code] = frozenset(unit.code for unit in self.register.lineage(code).values())
        return self._lineages[code]

    # --- what a row says itself

    def _named(self, text: str) -> Codes:
        """Return the places that a text names as a whole, or within it with their level word."""
        if is_blank(text):
            return NOWHERE
        sure, found = self.places.find(text)
        if not found or (sure % UNACCENTED == 0 and not is_higher(text)):
            mentions = self.places.mentions(text)
            found = [mention.unit for mention in mentions if mention.typed] or [mention.unit for mention in mentions]
        return frozenset(unit.code for unit in found)

    def _read_codes(self, rows: list[Row]) -> None:
        """Read columns of official codes: believed where they agree with names that leave no doubt."""
        for column in _columns(rows):
            if not any(_is_code_header(row.line.headers.get(column, "")) for row in rows[:1]):
                continue
            codes = [self._codes(row.line.beside.get(column, "")) for row in rows]
            sure = [(row, code) for row, code in zip(rows, codes, strict=True) if code and len(row.candidates) == 1]
            agreeing = sum(row.candidates[0].code in code for row, code in sure)
            above = sum(self.under(row.candidates[0], code) for row, code in sure)
            if sure and agreeing >= AGREED * len(sure):
                for row, code in zip(rows, codes, strict=True):
                    row.coded = code or row.coded
            elif sure and above >= AGREED * len(sure):
                for row, code in zip(rows, codes, strict=True):
                    row.clues.append(code)

    def _codes(self, text: str) -> Codes:
        """Return the codes that a number can be: Excel drops the zeros before it."""
        text = clean(text)
        if not _CODE.match(text):
            return NOWHERE
        return frozenset(code for size in (2, 3, 5) if (code := text.zfill(size)) in self.register.units)

    # --- what stands beside and around it

    def _read_columns(self, rows: list[Row]) -> None:
        """Read columns that name places: a value speaks for its row, then for the empty cells below it."""
        for column in _columns(rows):
            texts = [row.line.beside.get(column, "") for row in rows]
            filled = [text for text in texts if not is_blank(text)]
            named = {text: self._named(text) for text in set(filled)}
            if not filled or sum(bool(named[text]) for text in filled) < AGREED * len(filled):
                continue
            groups: list[tuple[Hashable, Codes]] = []
            last: tuple[int, Codes] = (0, NOWHERE)
            for place, text in enumerate(texts):
                if not is_blank(text):
                    last = (place, named[text])
                groups.append(((column, *last), last[1]))
            self._agree(rows, groups)

    def _markers(self, rows: list[Row]) -> Iterator[tuple[Hashable, Codes]]:
        """Yield for each row the last place named above it on its sheet: by its own row or by a heading."""
        marker: tuple[Hashable, Codes] = ("", NOWHERE)
        sheet, heading = "", ""
        for number, row in enumerate(rows):
            if row.sheet != sheet:
                sheet, heading, marker = row.sheet, "", ("", NOWHERE)
            if row.line.heading != heading:
                heading = row.line.heading
                marker = (number, self._named(heading))
            if len(row.candidates) == 1 and row.candidates[0] in self.places.units:
                marker = (number, frozenset([row.candidates[0].code]))
            yield (sheet, marker[0]), marker[1]

    def _of_sheet(self, name: str) -> Codes:
        if name not in self._sheets:
            self._sheets[name] = self._named_for(name)
        return self._sheets[name]

    def _named_for(self, name: str) -> Codes:
        """Return the place that the sheet is for: named in its title with its level word, else by its name."""
        for title in self.titles.get(name, []):
            typed = {mention.unit for mention in self.places.mentions(title) if mention.typed}
            lowest = [unit for unit in typed if not any(other.parent == unit.code for other in typed)]
            if len(lowest) == 1 and lowest[0].parent in self.places.codes:
                return frozenset([lowest[0].code])
        return frozenset(unit.code for unit in self.places.find(name)[1])

    def _agree(self, rows: list[Row], groups: Iterable[tuple[Hashable, Codes]]) -> None:
        """Give the rows of a group their clue if those of known place agree with it."""
        together: dict[Hashable, list[tuple[Row, Codes]]] = defaultdict(list)
        for row, (key, codes) in zip(rows, groups, strict=True):
            together[key].append((row, codes))
        for group in together.values():
            said = [(row, codes) for row, codes in group if codes and row.candidates]
            known = [self.under(row.candidates[0], codes) for row, codes in said if len(row.candidates) == 1]
            open_ = [any(self.under(unit, codes) for unit in row.candidates) for row, codes in said]
            if (known and sum(known) >= AGREED * len(known)) or (not known and all(open_)):
                for row, codes in group:
                    row.clues.append(codes)


def _columns(rows: list[Row]) -> list[int]:
    return sorted(Counter(column for row in rows for column in row.line.beside))


@lru_cache(maxsize=1_024)
def _is_code_header(text: str) -> bool:
    return any(f"{search_key(text)} ".startswith(f"{search_key(word)} ") for word in vocabulary()["table"]["codes"])
