"""What goes back to a sender: its own rows, and only its own, with the marks on their cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import compress
from typing import Any

from pipeline.gazetteer import section_level
from pipeline.model import Decision, sheet_and_cell
from pipeline.render.filling import Filling, FormRow, Mark
from pipeline.render.letter import progress_line
from pipeline.run import Result
from pipeline.statements import said_in
from schemas.codes import Rule
from schemas.messages import line, title
from schemas.text import clean, screen_date

REPAIRS_SHOWN = 60
_Marks = dict[tuple[str, str], dict[tuple[str, str], list[Mark]]]
"""By file and sheet those of a cell and column."""


def filling_of(result: Result, told: list[Any], sender: str) -> Filling:
    """Return the sender's form as it wrote it, marked; `told` are its findings in words.

    Units that it did not list stand there as blank rows (unless a misspelt row is probably theirs), rows of no
    known unit at the end.
    """
    by_unit: dict[str, list[FormRow]] = {}
    for code, row in _typed(result, sender, _marks_by_cell(told, result.round.form.unit_key)):
        by_unit.setdefault(code, []).append(row)
    missing = {f.unit: _mark(f) for f in told if f.rule == Rule.UNIT_MISSING}
    key = result.round.form.unit_key
    rows: dict[str, list[FormRow]] = {level: [] for level in result.round.lists}
    for unit in result.round.expected[sender]:
        name = result.round.listed_names[unit.code]
        for row in by_unit.get(unit.code, []):
            if row.values[key] != name and section_level(row.values[key]):
                row.values[key] = name
            rows[unit.level].append(row)
        if unit.code in missing:
            rows[unit.level].append(FormRow({key: name}, {key: [missing[unit.code]]}, unit.code))
    rows[result.round.lists[-1]].extend(by_unit.get("", []))
    statements = said_in(result.files_from.get(sender, []))
    answers: dict[str, list[Mark]] = {}
    for f in told:
        if f.cell and f.column in statements and f.severity != "note":
            answers.setdefault(f.column, []).append(_mark(f))
    elsewhere = [f for f in told if not f.cell and f.rule != Rule.UNIT_MISSING]
    whole = [f for f in elsewhere if f.severity != "note" or _may_be_explained(f)]
    repaired = [f for f in told if f.rule == Rule.CELL_REPAIRED][:REPAIRS_SHOWN]
    settled = [f for f in told if isinstance(f.decision, Decision)][:REPAIRS_SHOWN]
    return Filling(
        rows,
        whole=[_mark(f) for f in whole],
        repaired=[replace(_mark(f), message="") for f in repaired],
        settled=[replace(_mark(f), message=_settled(f), suggestion="") for f in settled],
        changes=list(_changes(result, sender)),
        progress=progress_line(result, sender),
        statements=statements,
        answers=answers,
    )


def _changes(result: Result, sender: str) -> Iterator[Mark]:
    """Yield what differs from the version before: the value then, the value now."""
    progress = result.progress.get(sender)
    for change in progress.changes[:REPAIRS_SHOWN] if progress else ():
        form = result.round.form
        unit, label = result.round.listed_names[change.unit], form.label(change.column)
        before, after = (form.shown(change.column, value) for value in (change.before, change.after))
        yield Mark("note", "", "", unit=unit, label=label, value=before, suggestion=after)


def _marks_by_cell(findings: list[Any], unit_key: str) -> _Marks:
    """Return the marks on cells; a row of which the unit is not known stands at the end, so its row is told."""
    marks: _Marks = {}
    for f in findings:
        if f.severity != "note" and f.cell:
            mark = _mark(f)
            if f.column == unit_key and not f.unit and f.row:
                mark = replace(mark, message=line("words", "in_row", said=f.message, row=f.row))
            marks.setdefault((f.file, f.sheet), {}).setdefault((f.cell, f.column), []).append(mark)
    return marks


def _may_be_explained(f: Any) -> bool:
    """Tell a note that a unit may still say something of: that it sent late."""
    return f.rule == Rule.SUBMISSION_LATE and f.weighed == "warning"


def _mark(f: Any) -> Mark:
    name = line("severities", f.severity)
    said = line("words", "late", said=f.message) if _may_be_explained(f) else f.message
    return Mark(f.severity, name, said, f.unit_name, f.label, clean(f.value), f.suggestion, f.rule)


def _settled(f: Any) -> str:
    """Return what a sender is told of a finding that was decided: its own words, or until when it is accepted."""
    decision = f.decision
    if decision.kind == "explanation":
        return line("words", "you_explained", title=title(f.rule), words=decision.words)
    return line("words", "accepted_until", title=title(f.rule), until=screen_date(decision.until))


def _typed(result: Result, sender: str, marks: _Marks) -> Iterator[tuple[str, FormRow]]:
    """Yield the unit's code and, as it was typed, every row that counts of a sender."""
    keys = result.round.form.keys
    for id in result.ids_from.get(sender, []):
        typed, where, (code, file, sheet) = result.as_typed(id)
        found = marks.get((file, sheet), {})
        marked = {key: found[cell, key] for cell, key in zip(where, keys, strict=True) if (cell, key) in found}
        for key, (other, cell) in [(k, sheet_and_cell(c, sheet)) for k, c in zip(keys, where, strict=True) if "!" in c]:
            if there := marks.get((file, other), {}).get((cell, key)):
                marked[key] = there
        judged = frozenset(compress(keys, where))
        yield code, FormRow(dict(zip(keys, map(clean, typed), strict=True)), marked, code, judged)
