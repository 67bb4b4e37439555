"""What the checks are asked of: all rows of a round in one table, and the cells of its columns with their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from schemas.form import Column
from schemas.kinds import KINDS, link
from schemas.naming import RightNames, name_key
from schemas.round import Round
from schemas.text import without_accents


@dataclass(frozen=True)
class Table:
    """All rows of a round that are judged, in aligned frames (one index, the form's keys as columns).

    `typed` is what was written, `rows` the repaired values, `where` the cells' addresses ("" where the
    sender's table has no such column), `flaws` the rule broken by a cell that holds no value at all.
    `units` has the columns `code` and `level` ("" where the row is not judged by its unit), `submitter`, and `claims`
    (True where the row speaks for its unit).
    """

    round: Round
    names: RightNames
    typed: pd.DataFrame
    rows: pd.DataFrame
    where: pd.DataFrame
    flaws: pd.DataFrame
    units: pd.DataFrame

    @cached_property
    def cells(self) -> dict[str, Cells]:
        """The columns by key, each with its answers: what several checks ask is asked once."""
        code = self.units["code"]
        return {c.key: Cells(c, self.rows[c.key], self.typed[c.key], code, self) for c in self.round.form.columns}

    @cached_property
    def filled(self) -> pd.DataFrame:
        """True where a cell says something, be it an error value."""
        return self.rows.ne("") | self.flaws.ne("")

    @cached_property
    def no_page(self) -> pd.Series:
        """True where the unit says that it has no page: name and link both blank."""
        return ~self.filled[self._page_keys].any(axis=1) if self._page_keys else self._never

    @property
    def _page_keys(self) -> list[str]:
        form = self.round.form
        return [column.key for kind in ("page-name", "link") for column in form.of_kind(kind)]

    @property
    def _never(self) -> pd.Series:
        return pd.Series(False, index=self.rows.index)

    def group_filled(self, group: str) -> pd.Series:
        """True where that person's name, number or address is filled; what else is told of it asks for nothing."""
        return self.filled[[*self.round.form.persons[group].values()]].any(axis=1)

    @cached_property
    def claimants(self) -> dict[str, dict[str, dict[Any, str]]]:
        """The rows that claim each page, by the page's identity and their sender, with their units."""
        claimants: dict[str, dict[str, dict[Any, str]]] = {}
        told = self.units[self.units["claims"]]
        whose = list(zip(told.index, told["submitter"].tolist(), told["code"].tolist(), strict=True))
        for column in self.round.form.of_kind("link"):
            pages = self.cells[column.key].page[told.index].tolist()
            for (id, submitter, code), page in zip(whose, pages, strict=True):
                if page:
                    claimants.setdefault(page, {}).setdefault(submitter, {})[id] = code
        return claimants

    @cached_property
    def asked_for(self) -> dict[str, pd.Series]:
        """By group: True where the policy asks for this person, nothing is written, and there is a page."""
        groups = list(self.round.form.persons)
        blank = {group: ~self.group_filled(group) & ~self.no_page for group in groups}
        asked = dict.fromkeys(groups, self._never)
        for level in self.round.lists:
            here = self.units["level"].eq(level)
            required, least = self.round.persons_asked(level)
            for group in required:
                asked[group] = asked[group] | (here & blank[group])
            if required:
                continue
            short = least - sum((self.group_filled(group).astype(int) for group in groups), start=0)
            for group in groups:
                name_key = self.round.form.persons[group]["name"]
                told = here & blank[group] & (short > 0) & self.where[name_key].ne("")
                asked[group] = asked[group] | told
                short = short - told.astype(int)
        return asked


def concerned(column: Column, rows: pd.DataFrame) -> pd.Series:
    """Tell of every row (repaired values) whether the column concerns it: its `where` holds."""
    here = pd.Series(True, index=rows.index)
    for key, values in column.where.items():
        here = here & rows[key].isin(values)
    return here


@dataclass(frozen=True)
class Cells:
    """The cells of one column, or some of them, with the table they stand in."""

    column: Column
    value: pd.Series  # repaired
    typed: pd.Series  # as written
    code: pd.Series  # the row's unit, "" where the row is not judged by its unit
    table: Table

    def only(self, ids: Sequence[Any]) -> Cells:
        """Return the cells of these rows."""
        return replace(self, value=self.value.loc[ids], typed=self.typed.loc[ids], code=self.code.loc[ids])

    @cached_property
    def blank(self) -> pd.Series:
        """True where nothing is written."""
        return self.value.eq("")

    @cached_property
    def proposed(self) -> pd.Series:
        """The page name that the policy proposes, "" where the row is not judged by its unit."""
        return self.code.map(self.table.names.proposed).fillna("").astype(str)

    @cached_property
    def unlike(self) -> list[int]:
        """The places of the cells that do not hold the page name that the policy proposes."""
        proposed, pairs = self.table.names.proposed, zip(self.value.tolist(), self.code.tolist(), strict=True)
        return [place for place, (text, code) in enumerate(pairs) if text != proposed.get(code)]

    def bear(self, accepted: Mapping[str, frozenset[str]], key: Callable[[str], str]) -> pd.Series:
        """Return True where a page bears one of its unit's `accepted` names, which are compared by `key`."""
        texts, codes = self.value.tolist(), self.code.tolist()
        hits = [True] * len(texts)
        for place in self.unlike:
            hits[place] = key(texts[place]) in accepted[codes[place]]
        return pd.Series(hits, index=self.value.index, dtype=bool)

    @cached_property
    def right_or_spelling(self) -> pd.Series:
        """True where a page bears an accepted name, whatever its spelling."""
        return self.bear(self.table.names.spellings, name_key)

    @cached_property
    def right_without_accents(self) -> pd.Series:
        """True where a page bears an accepted name but for its accents."""
        return self.bear(self.table.names.unaccented, lambda text: without_accents(name_key(text)))

    @cached_property
    def link_fault(self) -> pd.Series:
        """What is wrong with a page's address, "" for nothing."""
        faults = pd.Series([fault for fault, _ in self._addresses], index=self.value.index, dtype="str")
        return faults.where(~self.blank, "")

    @cached_property
    def page(self) -> pd.Series:
        """The identity of the page that an address leads to, "" where it leads to none."""
        return pd.Series([identity for _, identity in self._addresses], index=self.value.index, dtype="str")

    @cached_property
    def _addresses(self) -> list[tuple[str, str]]:
        texts = self.typed.tolist()
        told = {text: ((address := link.parse(text)).fault, address.identity) for text in set(texts)}
        return [told[text] for text in texts]

    def sibling(self, kind: str) -> pd.Series:
        """True where the column of that kind (of the same group, if there is one) is filled."""
        columns = [c.key for c in self.table.round.form.of_kind(kind) if c.group == self.column.group]
        return self.table.filled[columns].any(axis=1)

    @property
    def person_filled(self) -> pd.Series:
        """True where any cell of this column's person is filled and the person is needed (there is a page)."""
        if self.column.group not in self.table.round.form.persons:
            return self.blank & False
        return self.table.group_filled(self.column.group) & ~self.table.no_page

    @cached_property
    def _doubtful(self) -> list[int]:
        """The places of the cells that something must be asked about: the others are in order, and as typed."""
        values, in_order = self.value.tolist(), KINDS[self.column.kind].in_order
        settled = {text for text in set(values) if in_order(text)}
        pairs = zip(values, self.typed.tolist(), strict=True)
        return [place for place, (value, typed) in enumerate(pairs) if value not in settled or value != typed]

    def of(self, test: Callable[[str], object]) -> pd.Series:
        """Return a test of each repaired value, asked once a distinct value; of all those in order, once."""
        return self._ask(self.value, test)

    def each(self, value: Callable[[str], str]) -> pd.Series:
        """Return a text made from each typed value, asked once a distinct value."""
        return self._ask(self.typed, value).astype(str)

    def of_typed(self, test: Callable[[str], object]) -> pd.Series:
        """Return a test of each typed value, asked once a distinct value; of all those in order, once."""
        return self._ask(self.typed, test)

    def _ask(self, series: pd.Series, test: Callable[[str], object]) -> pd.Series:
        texts, places = series.tolist(), self._doubtful
        answers = {text: test(text) for text in {texts[place] for place in places}}
        if len(places) == len(texts):
            return pd.Series([answers[text] for text in texts], index=series.index)
        in_order = next(place for place, doubtful in enumerate([*places, -1]) if place != doubtful)
        told = [test(texts[in_order])] * len(texts)
        for place in places:
            told[place] = answers[texts[place]]
        return pd.Series(told, index=series.index)


class Cell(NamedTuple):
    """One cell that breaks a rule: its row's id, the repaired value, what was typed, whose row it is."""

    table: Table
    column: Column
    id: Any
    value: str
    typed: str
    code: str
    level: str
    submitter: str
