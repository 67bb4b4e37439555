"""Judging: the pandera schema of the form, run once over all rows; failures become findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrorReason, SchemaErrors

from pipeline.model import Rows, finding, findings_frame
from schemas.codes import Rule
from schemas.kinds import is_news, link, shown
from schemas.messages import line
from schemas.naming import LONGEST, RightNames
from schemas.round import Round
from schemas.rules import FACTS, PRECEDENCE, SUGGESTIONS, Cells, Table, schema_for
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
    units = rows.origin[["code", "level"]].assign(claims=claims)
    table = Table(round, names, rows.typed, repaired, rows.where, rows.flaws, units)
    failures = pd.DataFrame(_failures(table), columns=["id", "column", "rule"])
    failures = failures.sort_values("rule", key=lambda rules: rules.map(PRECEDENCE), kind="stable")
    failures["trial"] = failures["rule"].isin(round.trials)
    failures = failures.drop_duplicates(["id", "column", "trial"]).sort_values(["id"], kind="stable")
    found = [*earlier, *_unit_findings(rows), *_cell_findings(table, rows, failures), *_repairs(table, rows, failures)]
    return findings_frame(found)


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


def _unit_findings(rows: Rows) -> Iterator[dict[str, Any]]:
    origin = rows.origin[rows.origin["unit_rule"].ne("")]
    key = rows.typed.columns[0]
    for id, row in origin.iterrows():
        if row["unit_rule"].startswith("cell."):
            continue
        typed = clean(rows.typed.at[id, key])
        yield _at(rows, id, key, Rule(row["unit_rule"]), typed, row["unit_suggestion"], row["unit_facts"])


def _cell_findings(table: Table, rows: Rows, failures: pd.DataFrame) -> Iterator[dict[str, Any]]:
    form, register = table.round.form, table.round.register
    suggested: dict[tuple[str, str], pd.Series] = {}
    claimants = _claimants(table)
    for id, key, rule in zip(failures["id"], failures["column"], failures["rule"], strict=True):
        column = form.column(key)
        if rule in SUGGESTIONS and (rule, key) not in suggested:
            suggested[rule, key] = SUGGESTIONS[rule](Cells(column, table.rows[key], table))
        suggestion = str(suggested[rule, key].at[id]) if rule in SUGGESTIONS else ""
        code = table.units.at[id, "code"]
        facts: dict[str, Any] = {"unit": register.units[code].full_name if code else ""}
        if rule in FACTS:
            facts |= FACTS[rule](Cells(column, table.rows[key], table), table.rows.at[id, key])
        if rule == Rule.PAGE_NAME_OTHER_UNIT:
            owners = table.names.owners[table.rows.at[id, key]]
            facts["other"] = ", ".join(register.units[owner].full_name for owner in owners)
        elif rule == Rule.PAGE_NAME_TOO_LONG:
            facts |= {"limit": LONGEST, "size": len(table.rows.at[id, key])}
        elif rule == Rule.LINK_DUPLICATE:
            facts["other"] = _others(table, rows, claimants, id, key)
        elif rule == Rule.CONTACT_MISSING:
            required, _ = table.round.persons_asked(table.units.at[id, "level"])
            facts |= {
                "group": form.group(column.group).header,
                "asked": line("words", "asked_both" if required else "asked_one"),
            }
        yield _at(rows, id, key, Rule(rule), rows.typed.at[id, key], suggestion, facts)


def _claimants(table: Table) -> dict[str, list[Any]]:
    """Return the rows that claim each page, by the page's identity."""
    claimants: dict[str, list[Any]] = {}
    for column in table.round.form.of_kind("link"):
        for id, text in table.typed.loc[table.units["claims"], column.key].items():
            if identity := link.parse(text).identity:
                claimants.setdefault(identity, []).append(id)
    return claimants


def _others(table: Table, rows: Rows, claimants: dict[str, list[Any]], id: Any, key: str) -> str:
    """Name the other claimants to their common sender only: no sender learns of another's units."""
    origin, sender = rows.origin, rows.origin.at[id, "submitter"]
    others = [other for other in claimants[link.parse(table.typed.at[id, key]).identity] if other != id]
    names = [
        line("words", "other_unit_same_sender", unit=table.round.register.units[origin.at[other, "code"]].full_name)
        if origin.at[other, "submitter"] == sender
        else line("words", "other_unit_elsewhere")
        for other in others
    ]
    return ", ".join(dict.fromkeys(names))


def _repairs(table: Table, rows: Rows, failures: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield a note for every cell whose repaired value differs from what was typed by more than blanks."""
    yield from _dittos(table, rows)
    told = failures[~failures["trial"]]
    failed = set(zip(told["id"], told["column"], strict=True))
    for column in table.round.form.columns:
        if column.kind == "unit":
            continue
        typed, value = table.typed[column.key], table.rows[column.key]
        differs = value.ne("") & typed.ne(value) & typed.map(clean).ne(value)
        shown_for = {
            pair: shown(pair[1], column)
            for pair in set(zip(typed[differs], value[differs], strict=True))
            if is_news(*pair, column)
        }
        for id, pair in zip(differs.index[differs], zip(typed[differs], value[differs], strict=True), strict=True):
            if pair in shown_for and (id, column.key) not in failed:
                yield _at(rows, id, column.key, Rule.CELL_REPAIRED, pair[0], shown_for[pair], {})


def _dittos(table: Table, rows: Rows) -> Iterator[dict[str, Any]]:
    """Yield a note for every cell that repeats the row above, with the value taken from there."""
    dittos = rows.origin["dittos"]
    for id, marks in dittos[dittos.map(bool)].items():
        for key, (cell, text) in marks.items():
            if value := table.rows.at[id, key]:
                told = _at(rows, id, key, Rule.CELL_REPAIRED, text, value, {})
                yield told | {"cell": cell, "row": int(rows.origin.at[id, "row"])}


def _at(
    rows: Rows, id: Any, key: str, rule: Rule, value: str, suggestion: str, facts: dict[str, Any]
) -> dict[str, Any]:
    origin, cell = rows.origin.loc[id], rows.where.at[id, key]
    return finding(
        rule, id=id, submitter=origin["submitter"], unit=origin["code"], file=origin["file"], sheet=origin["sheet"],
        row=int(cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") or origin["row"]), column=key, cell=cell, value=value,
        suggestion=suggestion, facts=facts,
    )  # fmt: skip
