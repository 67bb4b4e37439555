"""The provincial roll-up: one record for every expected unit and every sender, counted in one place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.model import Rows, Submission, Tally, finding, findings_frame
from pipeline.statements import stated
from pipeline.tally import of_statements, said_yes, tallies
from pipeline.weigh import TRIAL, Scales, asks
from schemas.codes import Rule
from schemas.form import MEASURES
from schemas.round import Round
from schemas.text import screen_date


@dataclass(frozen=True)
class RollUp:
    """The result of a round on a day.

    `units`: a record for every expected unit (index: code; columns `level, name, parent_code, submitter_code,
    status`, the measures as booleans, `id` of its first row or -1). `senders`: a record for every submitting unit
    (index: code; columns `name, status, late, received, expected`, the measures as counts, `errors, warnings,
    doubts` (those warnings that ask something of it), `file`). `findings`: all of them, with `severity` and
    `decision`.
    `yes`: which units say yes to what (index: code; a boolean column for every yes/no column and question);
    `stated`: the answers to the round's questions, by sender. `tables`: further counts that the form asks for, each to
    be printed as it is. `trial`: findings of rules on trial, for the collector alone; they count nowhere.
    """

    units: pd.DataFrame
    senders: pd.DataFrame
    findings: pd.DataFrame
    yes: pd.DataFrame
    stated: Mapping[str, Mapping[str, str]]
    tables: list[Tally] = field(default_factory=list)
    trial: pd.DataFrame = field(default_factory=pd.DataFrame)


def consolidate(
    round: Round,
    submissions: list[Submission],
    rows: Rows,
    repaired: pd.DataFrame,
    claims: pd.Series,
    findings: pd.DataFrame,
    scales: Scales,
) -> RollUp:
    """Return the roll-up; `findings` gets what only the whole shows: who is missing, late or not listed."""
    arrived = _arrivals(submissions)
    findings = scales.weigh(findings)
    trial, findings = findings[findings["severity"].eq(TRIAL)], findings[findings["severity"].ne(TRIAL)]
    units = _units(round, rows, repaired, claims, findings)
    found = [*_missing_units(round, arrived, units, findings), *_missing_and_late(round, arrived)]
    if found:
        findings = pd.concat([findings, scales.weigh(findings_frame(found))], ignore_index=True)
    findings, trial = _told_once(findings), _told_once(trial)
    counting = set(rows.origin["file"])
    senders = _senders(round, arrived, counting, units, findings)
    answers = stated(round, arrived)
    tables = [*tallies(round, units, rows, repaired, claims), *of_statements(round, answers)]
    yes = said_yes(round, units, rows, repaired, claims, answers)
    return RollUp(units, senders, findings, yes, answers, tables, trial)


def _told_once(findings: pd.DataFrame) -> pd.DataFrame:
    """Return the findings as they are told: in a merged cell once, however many rows it speaks for."""
    placed = findings[findings["cell"].ne("")]
    repeated = placed.index[placed.duplicated(["file", "sheet", "cell", "rule", "value", "severity"])]
    return findings.drop(index=repeated).reset_index(drop=True)


def _arrivals(submissions: list[Submission]) -> dict[str, list[Submission]]:
    arrived: dict[str, list[Submission]] = {}
    for submission in sorted(submissions, key=lambda s: (s.received, s.file)):
        if submission.submitter:
            arrived.setdefault(submission.submitter, []).append(submission)
    return arrived


def _units(round: Round, rows: Rows, repaired: pd.DataFrame, claims: pd.Series, findings: pd.DataFrame) -> pd.DataFrame:
    """Return the record of every expected unit, in the register's order."""
    ids_of: dict[str, list[int]] = {}
    for id, code in rows.origin.loc[claims, "code"].items():
        ids_of.setdefault(code, []).append(id)
    errors: dict[int, set[tuple[str, str]]] = {}
    counting = findings["id"].ge(0)
    told = findings[counting & findings["severity"].eq("error")]
    for id, column, rule in zip(*(told[name].tolist() for name in ("id", "column", "rule")), strict=True):
        errors.setdefault(id, set()).add((column, rule))
    excused: dict[int, set[str]] = {}
    told = findings[counting & findings["decision"].notna()]
    for id, column, rule in zip(told["id"], told["column"], told["rule"], strict=True):
        group = round.form.column(column).group if rule == Rule.CONTACT_MISSING else ""
        excused.setdefault(id, set()).update([column, *(c.key for c in round.form.of_group(group) if group)])
    columns = (repaired[key].tolist() for key in round.form.keys)
    values = dict(zip(repaired.index, zip(*columns, strict=True), strict=True))
    asked = _Asked(round)
    records: list[tuple[Any, ...]] = []
    for sender, units in round.expected.items():
        for unit in units:
            ids = ids_of.get(unit.code, [])
            first = ids[0] if ids else -1
            status, measures = "not-listed", _NOTHING
            if ids:
                wrong = set().union(*(errors[id] for id in ids if id in errors))
                status = asked.status([values[id] for id in ids], wrong)
                measures = asked.measure(unit.level, values[first], wrong, excused.get(first, set()))
            records.append((unit.code, unit.level, unit.full_name, unit.parent, sender, status, *measures, first))
    names = ["code", "level", "name", "parent_code", "submitter_code", "status", *MEASURES, "id"]
    return pd.DataFrame(records, columns=names).set_index("code")


_NOTHING = (False,) * len(MEASURES)
Values = tuple[str, ...]
"""The repaired cells of a row, in the order of the form's keys."""


class _Asked:
    """What a round asks of a unit's row, with the places of the cells that it asks for."""

    def __init__(self, round: Round) -> None:
        form = round.form
        place = {key: number for number, key in enumerate(form.keys)}
        self._kinds = {kind: {c.key: place[c.key] for c in form.of_kind(kind)} for kind in ("link", "page-name")}
        self._pages = [number for places in self._kinds.values() for number in places.values()]
        self._contacts = {
            group: {key: place[key] for key in contact.values()} for group, contact in form.persons.items()
        }
        self._asked: dict[str, tuple[list[str], int]] = {level: round.persons_asked(level) for level in round.lists}
        self._measures = [MEASURES.index(measure) for measure in round.measures if measure != "complete"]

    def measure(self, level: str, row: Values, errors: set[tuple[str, str]], excused: set[str]) -> tuple[bool, ...]:
        """Return the `MEASURES` of a unit; cells that are `excused` may be blank (a page that is not there is none)."""
        broken = {column for column, _ in errors}
        filled = {
            group: all((row[number] or key in excused) and key not in broken for key, number in contact.items())
            for group, contact in self._contacts.items()
        }
        required, least = self._asked[level]
        established = self._in_order("link", row, errors)
        named = established and self._in_order("page-name", row, errors)
        staffed = all(filled[group] for group in required) and sum(filled.values()) >= least
        measured = (True, established, named, staffed)
        return *measured, not errors and all(measured[number] for number in self._measures)

    def _in_order(self, kind: str, row: Values, errors: set[tuple[str, str]]) -> bool:
        places = self._kinds[kind]
        if not places or not all(row[number] for number in places.values()):
            return False
        return not any(column in places and rule.startswith((f"{kind}.", "cell.")) for column, rule in errors)

    def status(self, rows: list[Values], errors: set[tuple[str, str]]) -> str:
        """Return how a unit stands that is listed."""
        if errors:
            return "to-correct"
        return "no-page" if self._pages and not any(row[n] for row in rows for n in self._pages) else "complete"


# A row whose unit could not be told, with the codes of those that it may mean.
_DOUBTFUL = (
    Rule.UNIT_UNKNOWN, Rule.UNIT_WRONG_PARENT, Rule.UNIT_AMBIGUOUS, Rule.UNIT_FORMER,
    Rule.CELL_ERROR_VALUE, Rule.CELL_NO_VALUE,
)  # fmt: skip


def _missing_units(
    round: Round, arrived: dict[str, list[Submission]], units: pd.DataFrame, findings: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """Yield the units that a sender's files do not list.

    One that a row's proposal names is told there already, and all of them are where no table has a column of units.
    """
    nameless = findings["rule"].eq(Rule.FORM_MISSING_COLUMN) & findings["column"].eq(round.form.unit_key)
    untold = {*findings.loc[nameless & findings["severity"].eq("error"), "submitter"]}
    untold -= {*units.loc[units["status"].ne("not-listed"), "submitter_code"]}
    told = zip(findings["submitter"], findings["rule"], findings["facts"], strict=True)
    proposed = {(sender, code) for sender, rule, facts in told if rule in _DOUBTFUL for code in facts.get("codes", [])}
    for code, unit in units[units["status"].eq("not-listed")].iterrows():
        sender = unit["submitter_code"]
        told_already = sender in untold or (sender, code) in proposed
        if told_already or not any(s.readable for s in arrived.get(sender, [])):
            continue
        facts = {"unit": round.listed_names[str(code)], "pages": bool(round.form.of_kind("link"))}
        yield finding(Rule.UNIT_MISSING, submitter=sender, unit=str(code), facts=facts)


def _missing_and_late(round: Round, arrived: dict[str, list[Submission]]) -> Iterator[dict[str, Any]]:
    for code, unit in round.submitting_units.items():
        deadline = screen_date(round.last_day_of(code))
        if code not in arrived:
            facts = {"unit": unit.full_name, "deadline": deadline}
            yield finding(Rule.SUBMISSION_MISSING, submitter=code, unit=code, facts=facts)
            continue
        first = _first_of(arrived[code])
        if _is_late(round, code, first):
            facts = {"unit": unit.full_name, "deadline": deadline, "received": screen_date(first.received)}
            yield finding(Rule.SUBMISSION_LATE, submitter=code, unit=code, file=first.file, facts=facts)


def _first_of(submissions: list[Submission]) -> Submission:
    """Return the file by which a sender is on time or late: the first that could be read, else the first."""
    return next((s for s in submissions if s.readable), submissions[0])


def _is_late(round: Round, sender: str, submission: Submission) -> bool:
    last_day = round.last_day_of(sender)
    return last_day is not None and submission.received > last_day


def _senders(
    round: Round,
    arrived: dict[str, list[Submission]],
    counting: set[str],
    units: pd.DataFrame,
    findings: pd.DataFrame,
) -> pd.DataFrame:
    """Return the record of every sender; `counting` are the files of which rows count."""
    error, warning = findings["severity"].eq("error"), findings["severity"].eq("warning")
    kinds = {"errors": error, "warnings": warning, "doubts": warning & asks(findings)}
    counts = {kind: findings[of_kind].groupby("submitter").size() for kind, of_kind in kinds.items()}
    grouped = units.groupby("submitter_code")[list(MEASURES)]
    expected, reached = grouped.size(), grouped.sum().to_dict("index")
    records = []
    for code, unit in round.submitting_units.items():
        submissions = arrived.get(code, [])
        found = {key: int(of_kind.get(code, 0)) for key, of_kind in counts.items()}
        readable = [s for s in submissions if s.readable]
        if not submissions:
            status = "missing"
        elif not readable:
            status = "rejected"
        else:
            status = "to-correct" if found["errors"] else "accepted"
        records.append(
            {
                "code": code, "name": unit.full_name, "status": status,
                "late": bool(submissions) and _is_late(round, code, _first_of(submissions)),
                "received": _first_of(submissions).received if submissions else None,
                "expected": int(expected.get(code, 0)),
                **{m: int(reached[code][m]) if code in reached else 0 for m in MEASURES},
                **found,
                "file": max(
                    submissions, key=lambda s: (s.file in counting, s.received, s.file)
                ).file if submissions else "",
            }
        )  # fmt: skip
    return pd.DataFrame(records).set_index("code")
