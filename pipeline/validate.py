"""Judging: the pandera schema of the form, run once over all rows; failures become findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import ascii_uppercase
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrorReason, SchemaErrors

from pipeline.model import Rows, finding, findings_frame, sheet_and_cell
from schemas.cells import Cell, Table
from schemas.codes import PRECEDENCE, Rule
from schemas.judging import schema_for
from schemas.kinds import is_news, shown
from schemas.naming import RightNames
from schemas.round import Round
from schemas.rules import FACTS, SUGGESTIONS
from schemas.text import clean


def validate(
    rows: Rows,
    repaired: pd.DataFrame,
    claims: pd.Series,
    round: Round,
    names: RightNames,
    earlier: Iterable[dict[str, Any]],
) -> pd.DataFrame:
    """Return all findings: those of the cells, of the rows' units, and the `earlier` ones of files.

    A cell has at most one finding: that of the first rule in the order of `Rule`; a rule on trial takes no other's
    place. The frame has the columns `FINDING_COLUMNS`; one in a merged cell stands for every row that it speaks for.
    """
    units = rows.origin[["code", "level", "submitter"]].assign(claims=claims)
    table = Table(round, names, rows.typed, repaired, rows.where, rows.flaws, units)
    failures = pd.DataFrame(_failures(table), columns=["id", "column", "rule"])
    failures = failures.sort_values("rule", key=lambda rules: rules.map(PRECEDENCE), kind="stable")
    failures["trial"] = failures["rule"].isin(round.trials)
    failures = failures.drop_duplicates(["id", "column", "trial"]).sort_values(["id"], kind="stable")
    at = _Places(rows, repaired)
    found = [
        *earlier,
        *_unit_findings(table.round.form.unit_key, rows, at),
        *_cell_findings(table, at, failures),
        *_repairs(table, at, failures),
    ]
    return findings_frame(found)


class _Places:
    """What stands in single cells, and where: pandas takes its time over each."""

    def __init__(self, rows: Rows, repaired: pd.DataFrame) -> None:
        self._number = {id: number for number, id in enumerate(rows.typed.index)}
        frames = {"typed": rows.typed, "value": repaired, "where": rows.where, "origin": rows.origin}
        self._columns = {of: {key: frame[key].tolist() for key in frame} for of, frame in frames.items()}

    def typed(self, id: Any, key: str) -> str:
        """Return what was written in a cell."""
        return str(self._columns["typed"][key][self._number[id]])

    def value(self, id: Any, key: str) -> str:
        """Return the repaired value of a cell."""
        return str(self._columns["value"][key][self._number[id]])

    def origin(self, id: Any, name: str) -> Any:
        """Return where a row comes from: a column of `Rows.origin`."""
        return self._columns["origin"][name][self._number[id]]

    def finding(
        self, id: Any, key: str, rule: Rule, value: str, suggestion: str, facts: dict[str, Any]
    ) -> dict[str, Any]:
        """Return a finding of a cell."""
        number, origin = self._number[id], self._columns["origin"]
        submitter, unit, file, sheet, row = (
            origin[name][number] for name in ("submitter", "code", "file", "sheet", "row")
        )
        sheet, cell = sheet_and_cell(str(self._columns["where"][key][number]), sheet)
        return finding(
            rule, id=id, submitter=submitter, unit=unit, file=file, sheet=sheet,
            row=int(cell.lstrip(ascii_uppercase) or row), column=key, cell=cell, value=value, suggestion=suggestion,
            facts=facts,
        )  # fmt: skip


def _failures(table: Table) -> Iterator[tuple[Any, str, str]]:
    """Yield (row id, column, rule) for every check that a cell fails; our own exceptions stay exceptions."""
    if table.rows.empty:
        return
    try:
        schema_for(table).validate(table.rows, lazy=True)
    except SchemaErrors as failed:
        for error in failed.schema_errors:
            if error.reason_code is not SchemaErrorReason.DATAFRAME_CHECK:
                raise error from None
            check: pa.Check = error.check
            passed: pd.Series = error.check_output
            column, rule = str(error.schema.name), str(check.name)
            # A column that the sender's table does not have is told once, not in every row.
            failing = ~passed & table.where[column].ne("")
            yield from ((id, column, rule) for id in passed.index[failing])


def _unit_findings(unit_key: str, rows: Rows, at: _Places) -> Iterator[dict[str, Any]]:
    told = rows.origin["unit_rule"]
    for id, rule in told[told.ne("") & ~told.str.startswith("cell.")].items():
        typed, suggestion = clean(at.typed(id, unit_key)), at.origin(id, "unit_suggestion")
        yield at.finding(id, unit_key, Rule(rule), typed, suggestion, at.origin(id, "unit_facts"))


def _cell_findings(table: Table, at: _Places, failures: pd.DataFrame) -> Iterator[dict[str, Any]]:
    form, register = table.round.form, table.round.register
    suggested = {
        (rule, key): SUGGESTIONS[rule](table.cells[key].only(ids)).to_dict()
        for (rule, key), ids in failures.groupby(["rule", "column"])["id"]
        if rule in SUGGESTIONS
    }
    for id, key, rule in zip(*(failures[name].tolist() for name in ("id", "column", "rule")), strict=True):
        code = at.origin(id, "code")
        suggestion = str(suggested[rule, key][id]) if rule in SUGGESTIONS else ""
        facts: dict[str, Any] = {"unit": register.units[code].full_name if code else ""}
        if rule in FACTS:
            row = (at.origin(id, name) for name in ("level", "submitter"))
            facts |= FACTS[rule](Cell(table, form.column(key), id, at.value(id, key), at.typed(id, key), code, *row))
        if key == form.unit_key:  # which unit it is may be told by the row's page
            suggestion, facts = at.origin(id, "unit_suggestion"), facts | at.origin(id, "unit_facts")
        yield at.finding(id, key, Rule(rule), at.typed(id, key), suggestion, facts)


def _repairs(table: Table, at: _Places, failures: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield a note for every cell whose repaired value differs from what was typed by more than blanks."""
    yield from _dittos(table, at)
    told = failures[~failures["trial"]]
    failed = set(zip(told["id"], told["column"], strict=True))
    for column in table.round.form.columns:
        if column.kind == "unit":
            continue
        typed, value = table.typed[column.key], table.rows[column.key]
        differs = value.ne("") & typed.ne(value)
        pairs = list(zip(typed[differs].tolist(), value[differs].tolist(), strict=True))
        shown_for = {
            pair: shown(pair[1], column) for pair in set(pairs) if clean(pair[0]) != pair[1] and is_news(*pair, column)
        }
        for id, pair in zip(differs.index[differs], pairs, strict=True):
            if pair in shown_for and (id, column.key) not in failed:
                yield at.finding(id, column.key, Rule.CELL_REPAIRED, pair[0], shown_for[pair], {})


def _dittos(table: Table, at: _Places) -> Iterator[dict[str, Any]]:
    """Yield a note for every cell that repeats the row above, with the value taken from there."""
    for id in table.rows.index:
        for key, (cell, text) in at.origin(id, "dittos").items():
            if value := at.value(id, key):
                told = at.finding(id, key, Rule.CELL_REPAIRED, text, value, {})
                yield told | {"cell": cell, "row": int(cell.lstrip(ascii_uppercase))}
