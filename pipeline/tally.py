"""Further counts that a form asks for: its `[[tables]]`, or one table for every column that can be counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from pipeline.model import Rows, Tally
from schemas.form import MEASURES, Column, Table
from schemas.kinds import number, yes_no
from schemas.messages import line
from schemas.round import Round


def tallies(round: Round, units: pd.DataFrame, rows: Rows, repaired: pd.DataFrame, claims: pd.Series) -> list[Tally]:
    """Return the tables of the form, counted over the rows that speak for their units (`claims`)."""
    counted = repaired[claims]
    origin = rows.origin.loc[counted.index]
    counter = _Counter(round, units, counted.assign(**{"": origin["code"]}), origin["submitter"])
    return [counter.tally(table) for table in round.form.tables or _usual_tables(round)]


def _usual_tables(round: Round) -> Iterator[Table]:
    """Yield the tables of a form that names none: numbers by submitting unit, answers by level."""
    form = round.form
    if numbers := [column.key for column in form.of_kind("number")]:
        yield Table(title=line("tables", "numbers"), by="sender", count=numbers)
    for column in form.columns:
        if column.kind in ("yes-no", "choice"):
            title = line("tables", "answers", label=form.label(column.key))
            yield Table(title=title, by="level", count=[column.key], split=True)


@dataclass(frozen=True)
class _Counter:
    round: Round
    units: pd.DataFrame
    rows: pd.DataFrame  # the repaired values, and the unit's code in the column ""
    senders: pd.Series

    def tally(self, table: Table) -> Tally:
        """Return one table; its last row counts everything."""
        columns = list(self._columns(table))
        header = [self._by(table), self._of_what(), *(label for label, _, _ in columns)]
        groups = list(self._groups(table))
        body = [[name, *self._counts(codes, rows, columns)] for name, codes, rows in groups]
        total = [line("tables", "total"), *self._counts(self.units.index, self.rows, columns)]
        return Tally(table.title, header, body, total if len(body) > 1 else [])

    def _by(self, table: Table) -> str:
        known = ("level", "sender")
        return line("tables", table.by) if table.by in known else self.round.form.label(table.by)

    def _of_what(self) -> str:
        return line("tables", self.round.form.rows)

    def _groups(self, table: Table) -> Iterator[tuple[str, pd.Index, pd.DataFrame]]:
        """Yield the name of each group, its expected units and its rows."""
        units, rows = self.units, self.rows
        if table.by == "level":
            for level in self.round.lists:
                codes = units.index[units["level"].eq(level)]
                yield line("levels", level), codes, rows[rows[""].isin(codes)]
        elif table.by == "sender":
            expected = units.groupby("submitter_code", sort=False).indices
            sent = rows.groupby(self.senders, sort=False).indices
            for code, unit in self.round.submitting_units.items():
                yield unit.full_name, units.index[expected.get(code, [])], rows.iloc[sent.get(code, [])]
        else:
            values, choices = rows[table.by], [value for value, _ in _answers(self.round.form.column(table.by))]
            for choice in choices:
                yield choice, self._units_of(rows[values.eq(choice)]), rows[values.eq(choice)]
            other = rows[~values.isin(choices)]
            if len(other):
                yield line("tables", "unknown"), self._units_of(other), other

    def _units_of(self, rows: pd.DataFrame) -> pd.Index:
        return self.units.index[self.units.index.isin(rows[""])]

    def _columns(self, table: Table) -> Iterator[tuple[str, str, str]]:
        """Yield label, key and the value counted ("" where the column is counted as a whole)."""
        form = self.round.form
        for key in table.count:
            if key in MEASURES:
                yield line("tables", key), key, ""
                continue
            column = form.column(key)
            if not table.split or column.kind == "number":
                yield form.label(key), key, yes_no.answers()[0] if column.kind == "yes-no" else ""
                continue
            prefix = f"{form.label(key)}: " if len(table.count) > 1 else ""
            for value, label in _answers(column):
                yield f"{prefix}{label}", key, value
            yield prefix + line("tables", "unknown"), key, "?"

    def _counts(self, codes: pd.Index, rows: pd.DataFrame, columns: list[tuple[str, str, str]]) -> Iterator[str | int]:
        people = self.round.form.rows == "persons"
        whole = len(rows) if people else len(codes)
        yield whole
        for _, key, value in columns:
            if key in MEASURES:
                yield int(self.units.loc[codes, key].sum())
            elif self.round.form.column(key).kind == "number":
                yield _sum(rows[key])
            elif value == "?":
                told = [answer for answer, _ in _answers(self.round.form.column(key))]
                yield whole - int(rows[key].isin(told).sum())
            else:
                yield int((rows[key].eq(value) if value else rows[key].ne("")).sum())


def _answers(column: Column) -> list[tuple[str, str]]:
    """Return the values that a column can hold, with their labels."""
    if column.kind == "yes-no":
        return list(zip(yes_no.answers(), (line("tables", "yes"), line("tables", "no")), strict=True))
    return [(choice.value, choice.value) for choice in column.choices]


def _sum(values: pd.Series) -> str | int:
    total = Decimal(0)
    for text in values:
        if number.is_number(text):  # anything else is told as a fault of its cell
            total += Decimal(text)
    return int(total) if total == total.to_integral() else str(total.normalize()).replace(".", ",")


def said_yes(
    round: Round,
    units: pd.DataFrame,
    rows: Rows,
    repaired: pd.DataFrame,
    claims: pd.Series,
    stated: Mapping[str, Mapping[str, str]],
) -> pd.DataFrame:
    """Return who says yes: a row for every expected unit, a boolean column for every yes/no column and question.

    A unit of several rows says yes if one of them does. A question is the sender's own: it counts at its own unit.
    """
    yes = yes_no.answers()[0]
    counted, codes = repaired[claims], rows.origin.loc[claims, "code"]
    answers = {c.key: units.index.isin(codes[counted[c.key].eq(yes)]) for c in round.form.of_kind("yes-no")}
    for question in round.questions:
        if question.kind == "yes-no":
            senders = [sender for sender, told in stated.items() if told.get(question.key) == yes]
            answers[question.key] = units.index.isin(senders)
    return pd.DataFrame(answers, index=units.index)


def of_statements(round: Round, stated: Mapping[str, Mapping[str, str]]) -> Iterator[Tally]:
    """Yield what senders stated, if any did: yes/no questions in one table, each open question in its own."""
    closed = [question for question in round.questions if question.kind == "yes-no"]
    body: list[list[str | int]] = []
    for question in closed:
        said = Counter(told.get(question.key, "") for told in stated.values())
        counts = [said[answer] for answer in yes_no.answers()]
        body.append([question.text, *counts, len(round.submitting_units) - sum(counts)])
    if closed and any(stated.values()):
        header = [line("tables", key) for key in ("question", "yes", "no", "unknown")]
        yield Tally(line("tables", "statements"), header, body)
    for question in round.questions:
        told = {code: told[question.key] for code, told in stated.items() if question.key in told}
        if question.kind == "text" and told:
            header = [line("tables", "sender"), line("tables", "answer")]
            senders = {code: unit for code, unit in round.submitting_units.items() if code in told}
            yield Tally(
                question.text, header, [[unit.full_name, told[code]] for code, unit in senders.items()], internal=True
            )
