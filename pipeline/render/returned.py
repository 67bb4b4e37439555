"""What goes back to a sender: its own rows, and only its own, with the marks on their cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from pipeline.consolidate import vietnamese_date
from pipeline.gazetteer import section_level
from pipeline.render.letter import progress_line
from pipeline.render.workbook import Filling, FormRow, Mark
from pipeline.run import Result
from pipeline.statements import said_by
from schemas.codes import Rule
from schemas.messages import line, title
from schemas.text import clean

REPAIRS_SHOWN = 60


def filling_of(result: Result, told: pd.DataFrame, sender: str) -> Filling:
    """Return the sender's form as it wrote it, marked; `told` are the findings in words.

    Units that it did not list stand there as blank rows (unless a misspelt row is probably theirs), rows of no
    known unit at the end.
    """
    own = told[told["submitter"].eq(sender)]
    marks = _marks_by_cell(own)
    ids = result.rows.origin.index[result.rows.origin["submitter"].eq(sender)]
    by_unit: dict[str, list[Any]] = {}
    for id in ids:
        by_unit.setdefault(result.rows.origin.at[id, "code"], []).append(id)
    missing = {f.unit: _mark(f) for f in own[own["rule"].eq(Rule.UNIT_MISSING)].itertuples()}
    key = result.round.form.unit_key
    rows: dict[str, list[FormRow]] = {level: [] for level in result.round.lists}
    for unit in result.round.expected[sender]:
        for id in by_unit.get(unit.code, []):
            rows[unit.level].append(_row(result, id, marks, result.round.listed_names[unit.code]))
        if unit.code in missing:
            rows[unit.level].append(FormRow({key: result.round.listed_names[unit.code]}, {key: [missing[unit.code]]}))
    rows[result.round.lists[-1]].extend(_row(result, id, marks, "") for id in by_unit.get("", []))
    elsewhere = own["cell"].eq("") | own["column"].isin([question.key for question in result.round.questions])
    whole = own[elsewhere & own["rule"].ne(Rule.UNIT_MISSING) & own["severity"].ne("note")]
    repaired = own[own["rule"].eq(Rule.CELL_REPAIRED)].head(REPAIRS_SHOWN)
    settled = own[own["decision"].notna()].head(REPAIRS_SHOWN)
    return Filling(
        rows,
        whole=[_mark(f) for f in whole.itertuples()],
        repaired=[replace(_mark(f), message="") for f in repaired.itertuples()],
        settled=[replace(_mark(f), message=_settled(f), suggestion="") for f in settled.itertuples()],
        changes=list(_changes(result, sender)),
        progress=progress_line(result, sender),
        statements=said_by(sender, result.submissions),
    )


def _changes(result: Result, sender: str) -> Iterator[Mark]:
    """Yield what differs from the version before: the value then, the value now."""
    progress = result.progress.get(sender)
    for change in progress.changes[:REPAIRS_SHOWN] if progress else ():
        form = result.round.form
        unit, label = result.round.listed_names[change.unit], form.label(change.column)
        before, after = (form.shown(change.column, value) for value in (change.before, change.after))
        yield Mark("note", "", "", unit=unit, label=label, value=before, suggestion=after)


def _marks_by_cell(findings: pd.DataFrame) -> dict[tuple[str, str, str, str], list[Mark]]:
    marks: dict[tuple[str, str, str, str], list[Mark]] = {}
    for f in findings[findings["severity"].ne("note") & findings["cell"].ne("")].itertuples():
        marks.setdefault((f.file, f.sheet, f.cell, f.column), []).append(_mark(f))
    return marks


def _mark(f: Any) -> Mark:
    name = line("severities", f.severity)
    return Mark(f.severity, name, f.message, f.unit_name, f.label, clean(f.value), f.suggestion, f.rule)


def _settled(f: Any) -> str:
    """Return what a sender is told of a finding that was decided: its own words, or until when it is accepted."""
    decision = f.decision
    if decision.kind == "explanation":
        return line("words", "you_explained", title=title(f.rule), words=decision.words)
    return line("words", "accepted_until", title=title(f.rule), until=vietnamese_date(decision.until))


def _row(result: Result, id: Any, marks: dict[tuple[str, str, str, str], list[Mark]], unit_name: str) -> FormRow:
    rows, key = result.rows, result.round.form.unit_key
    origin = rows.origin.loc[id]
    values = {column: clean(text) for column, text in rows.typed.loc[id].items()}
    if unit_name and section_level(values[key]):
        values[key] = unit_name
    cells = {column: (origin["file"], origin["sheet"], cell, column) for column, cell in rows.where.loc[id].items()}
    return FormRow(values, {column: marks[cell] for column, cell in cells.items() if cell in marks})
