"""Which column is which, where the header is strange or silent: then what stands below it tells.

Links, addresses of mail, phone numbers and units are told apart for sure; names only where a column is still free.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from pipeline import pages
from pipeline.gazetteer import bare_type
from pipeline.persons import by_kind, has_email
from schemas.data import vocabulary
from schemas.form import Column, Form
from schemas.kinds import link, name
from schemas.kinds.blank import is_blank
from schemas.text import clean

SAMPLE = 40  # rows looked at
SURE = 0.6  # share of a column's cells that must be of one kind
ENOUGH = 3  # cells that must contradict a header which the form knows
PLAIN_KINDS = ("link", "email", "phone")
TOLD_APART = (*PLAIN_KINDS, "unit", "page-name", "name")  # what a cell of another kind holds proves nothing
_HINT = re.compile(r"@|\d")
_LETTERS_ONLY = re.compile(r"^[^\d@/:]+$")


@dataclass(frozen=True)
class Content:
    """What stands in one column: the texts that say something. What they are is asked only where it matters."""

    texts: list[str]
    is_unit: Callable[[str], bool]
    _has: dict[str, bool] = field(default_factory=dict)

    @property
    def filled(self) -> int:
        """How many cells say something."""
        return len(self.texts)

    @cached_property
    def kinds(self) -> Counter[str]:
        """How many cells are of each kind."""
        return Counter(kind for text in self.texts for kind in _kinds(text, self.is_unit))

    @cached_property
    def units(self) -> frozenset[str]:
        """The distinct units."""
        return frozenset(clean(text).casefold() for text in self.texts if self.is_unit(text))

    @property
    def most_units(self) -> int:
        """How many distinct units it can hold at most."""
        return len(set(self.texts))

    def has(self, kind: str) -> bool:
        """Tell whether any cell is of that kind."""
        if kind not in self._has:
            self._has[kind] = any(kind in _kinds(text, self.is_unit) for text in self.texts)
        return self._has[kind]

    def mostly(self, kind: str) -> bool:
        """Tell whether the column is of that kind."""
        return self.kinds[kind] > 0 and self.kinds[kind] >= SURE * self.filled


def contents(rows: list[list[str]], is_unit: Callable[[str], bool]) -> dict[int, Content]:
    """Return the content of every column that has one; rows with few texts (headings, remarks) do not count."""
    columns: dict[int, list[str]] = {}
    for row in rows[: 3 * SAMPLE]:
        texts = [(place, text) for place, text in enumerate(row) if not is_blank(text)]
        if len(texts) >= 3:
            for place, text in texts:
                columns.setdefault(place, []).append(text)
    return {place: Content(texts[:SAMPLE], is_unit) for place, texts in columns.items()}


def _kinds(text: str, is_unit: Callable[[str], bool]) -> list[str]:
    """Return every kind that the text can be, "mixed" where it is a person with a number or an address."""
    if link.is_address(text) and not has_email(text):
        return ["link"]
    parts = by_kind(text) if _HINT.search(text) else {}
    kinds = [kind for kind in parts if kind != "name"]
    if kinds:
        return [*kinds, "mixed"] if len(kinds) > 1 or len(parts.get("name", "").split()) >= 2 else kinds
    if is_unit(text):
        return ["unit", "page-name"]
    return ["name"] if _LETTERS_ONLY.match(text) and name.is_name(name.repair(text)) else []


def is_split(rows: list[list[str]], place: int) -> bool:
    """Tell whether the names in a column go on in the next one: family name and given name."""
    pairs = [(cells[place], cells[place + 1]) for cells in rows if place + 1 < len(cells)]
    pairs = [pair for pair in pairs if all(_LETTERS_ONLY.match(text) and not is_blank(text) for text in pair)]
    if {clean(given).casefold() for _, given in pairs} <= set(vocabulary()["names"]["sexes"]):
        return False
    joined = [f"{family} {given}" for family, given in pairs]
    names = sum(len(name.repair(text).split()) == len(text.split()) and name.is_name(text) for text in joined)
    return names >= SURE * len(pairs)


def are_types(rows: list[list[str]], place: int) -> bool:
    """Tell whether a column holds the level words of the units beside it ("Xa", "Thi tran") and nothing else."""
    texts = [cells[place] for cells in rows if place < len(cells) and not is_blank(cells[place])]
    return bool(texts) and sum(bool(bare_type(text)) for text in texts) >= SURE * len(texts)


def settle(form: Form, columns: dict[str, int], found: dict[int, Content]) -> dict[str, int]:
    """Return the columns by key; what a header says stands unless its cells contradict it."""
    return _Columns(form, columns, found).settled()


class _Columns:
    """The columns of one table on their way from what the header says to what the cells show."""

    def __init__(self, form: Form, columns: dict[str, int], found: dict[int, Content]) -> None:
        self.form = form
        self.found = found
        self.columns = dict(columns)

    def settled(self) -> dict[str, int]:
        """Return the columns by key; what a header says stands unless its cells contradict it."""
        before = dict(self.columns)
        self._choose_unit()
        moved = [key for kind in PLAIN_KINDS for key in self._place(kind)]
        if not moved and self.columns == before and set(before) == set(self.form.keys):
            return before
        for kind in ("page-name", "name"):
            self._place(kind)
        self._share()
        self._share_page()
        return self.columns if len(self.columns) >= len(before) else before

    def _free(self) -> list[int]:
        """Return the columns that belong to no key, or whose cells contradict the key that they belong to."""
        taken = {place for key, place in self.columns.items() if not self._contradicted(key)}
        return [place for place in sorted(self.found) if place not in taken]

    def _contradicted(self, key: str) -> bool:
        """Tell whether the column holds something else throughout."""
        content, kind = self.found.get(self.columns[key]), self.form.column(key).kind
        if kind not in TOLD_APART or content is None or content.filled < ENOUGH or content.has(kind):
            return False
        return any(content.mostly(other) for other in PLAIN_KINDS if other != kind)

    def _choose_unit(self) -> None:
        """Take the column that names most units: districts beside their communes are few names."""
        key = self.form.unit_key
        now = self.columns.get(key, -1)
        others = [place for place in self.found if place not in self.columns.values()]
        few = len(self.found[now].units) if now in self.found else 0
        if few > 1 and 2 * few >= max((self.found[place].most_units for place in others), default=0):
            return
        best = max(others, key=lambda place: (len(self.found[place].units), -place), default=-1)
        if best < 0 or not self.found[best].mostly("unit"):
            return
        many = len(self.found[best].units)
        if now not in self.found or (many > 1 and (few <= 1 or 2 * few < many)):
            self.columns[key] = best

    def _place(self, kind: str) -> list[str]:
        """Give free columns of that kind to the keys of that kind which have none, from left to right."""
        placed = []
        for column in self.form.of_kind(kind):
            here = self.columns.get(column.key)
            lacks = here is None or self._contradicted(column.key) or self._empty_of(here, kind)
            free = self._free() if lacks else []
            places = [p for p in free if p != here and self.found[p].mostly(kind) and self._fits(p, kind)]
            if places and self._has_person(column, places[0], free):
                for key in [key for key, place in self.columns.items() if place == places[0]]:
                    del self.columns[key]
                self.columns[column.key] = places[0]
                placed.append(column.key)
        return placed

    def _empty_of(self, place: int, kind: str) -> bool:
        content = self.found.get(place)
        return kind in PLAIN_KINDS and content is not None and content.filled >= ENOUGH and not content.has(kind)

    def _fits(self, place: int, kind: str) -> bool:
        """A person's name stands left of the number or the address that belongs to it."""
        if kind != "name":
            return not self.found[place].mostly("mixed") or kind == "link"
        return any(self.form.column(key).kind in ("phone", "email") and p > place for key, p in self.columns.items())

    def _has_person(self, column: Column, place: int, free: list[int]) -> bool:
        """Tell whether there is anybody to whom a number or an address can belong: a second one is nobody else's.

        Where the header names one person only, another's name stands between that one's and the number.
        """
        persons, columns, group = self.form.persons, self.columns, column.group
        here = {other for other in persons if not columns.keys().isdisjoint(persons[other].values())}
        if group not in persons or not here:
            return True
        names = {columns[keys["name"]]: other for other, keys in persons.items() if keys["name"] in columns}
        last = max((name for name in names if name < place), default=-1)
        if group in here:
            own = columns.get(persons[group]["name"], -1)
            owner = persons.get(names.get(last, ""), {})
            return own < place or not last < columns.get(owner.get(column.kind, ""), -1) < place
        others = sum(last < p < place and self.found[p].mostly("name") for p in free)
        return others > sum(persons[other]["name"] not in columns for other in here)

    def _share(self) -> None:
        """Let a person's column that also holds the number or the address speak for those keys as well."""
        for keys in self.form.persons.values():
            places = [self.columns[key] for key in keys.values() if key in self.columns]
            for kind, key in keys.items():
                if key in self.columns:
                    continue
                wanted = "mixed" if kind == "name" else kind
                place = next((p for p in places if p in self.found and 2 * self._mixed(p, wanted) >= 1), None)
                if place is not None:
                    self.columns[key] = place

    def _share_page(self) -> None:
        """Let the column of the pages' names speak for their addresses as well, or the other way, if it holds both."""
        keys = [column.key for kind in pages.KINDS for column in self.form.of_kind(kind)]
        here = [key for key in keys if key in self.columns]
        content = self.found.get(self.columns[here[0]]) if len(keys) == 2 and len(here) == 1 else None
        if content and 2 * sum(all(pages.page_in(text, content.is_unit)) for text in content.texts) >= content.filled:
            self.columns = {**dict.fromkeys(keys, self.columns[here[0]]), **self.columns}

    def _mixed(self, place: int, kind: str) -> float:
        content = self.found[place]
        return min(content.kinds[kind], content.kinds["mixed"]) / content.filled
