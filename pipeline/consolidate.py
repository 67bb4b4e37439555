"""The provincial roll-up: one record for every expected unit and every sender, counted in one place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.model import Rows, Submission, Tally, finding, findings_frame
from pipeline.statements import stated
from pipeline.tally import of_statements, said_yes, tallies
from pipeline.weigh import TRIAL, Scales
from schemas.codes import Rule
from schemas.round import MEASURES, Round
from schemas.units import Unit


@dataclass(frozen=True)
class RollUp:
    """The result of a round on a day.

    `units`: a record for every expected unit (index: code; columns `level, name, parent_code, submitter_code,
    status`, the measures as booleans, `id` of its first row or -1). `senders`: a record for every submitting unit
    (index: code; columns `name, status, late, received, expected`, the measures as counts, `errors, warnings,
    file`). `findings`: all of them, with `severity` and `decision`.
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
    keys = round.form.keys
    values = dict(zip(repaired.index, zip(*(repaired[key].tolist() for key in keys), strict=True), strict=True))
    records: list[tuple[Any, ...]] = []
    for sender, units in round.expected.items():
        for unit in units:
            ids = ids_of.get(unit.code, [])
            wrong = set().union(*(errors.get(id, set()) for id in ids))
            own = [dict(zip(keys, values[id], strict=True)) for id in ids]
            fine = excused.get(ids[0], set()) if ids else set()
            measured = _measure(round, unit, own[0], wrong, fine) if own else dict.fromkeys(MEASURES, False)
            status = _status(round, own, wrong) if own else "not-listed"
            measures = [measured[measure] for measure in MEASURES]
            place = (unit.code, unit.level, unit.full_name, unit.parent, sender)
            records.append((*place, status, *measures, ids[0] if ids else -1))
    columns = ["code", "level", "name", "parent_code", "submitter_code", "status", *MEASURES, "id"]
    return pd.DataFrame(records, columns=columns).set_index("code")


def _measure(
    round: Round, unit: Unit, values: dict[str, str], errors: set[tuple[str, str]], excused: set[str]
) -> dict[str, bool]:
    """Return the measures of a unit; cells that are `excused` may be blank (a page that is not there is none)."""
    form = round.form
    broken = {column for column, _ in errors}

    def in_order(kind: str) -> bool:
        keys = [column.key for column in form.of_kind(kind)]
        prefix = f"{kind}."
        wrong = any(column in keys and (rule.startswith((prefix, "cell."))) for column, rule in errors)
        return bool(keys) and all(values[key] for key in keys) and not wrong

    groups = {
        group: all((values[key] or key in excused) and key not in broken for key in contact.values())
        for group, contact in form.persons.items()
    }
    required, least = round.persons_asked(unit.level)
    established = in_order("link")
    named = established and in_order("page-name")
    staffed = all(groups[group] for group in required) and sum(groups.values()) >= least
    measured = {"listed": True, "established": established, "named": named, "staffed": staffed}
    measured["complete"] = not errors and all(measured[m] for m in round.measures if m in measured)
    return measured


def _status(round: Round, rows: list[dict[str, str]], errors: set[tuple[str, str]]) -> str:
    pages = [column.key for kind in ("page-name", "link") for column in round.form.of_kind(kind)]
    if errors:
        return "to-correct"
    return "no-page" if pages and not any(row[key] for row in rows for key in pages) else "complete"


# A row whose unit could not be told, with the codes of those that it may mean.
_DOUBTFUL = (Rule.UNIT_UNKNOWN, Rule.UNIT_WRONG_PARENT, Rule.UNIT_AMBIGUOUS, Rule.UNIT_FORMER)


def _missing_units(
    round: Round, arrived: dict[str, list[Submission]], units: pd.DataFrame, findings: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """Yield the units that a sender's files do not list; one that a row's proposal names is told there already."""
    told = zip(findings["submitter"], findings["rule"], findings["facts"], strict=True)
    proposed = {(sender, code) for sender, rule, facts in told if rule in _DOUBTFUL for code in facts.get("codes", [])}
    for code, unit in units[units["status"].eq("not-listed")].iterrows():
        sender = unit["submitter_code"]
        if not any(s.readable for s in arrived.get(sender, [])) or (sender, code) in proposed:
            continue
        yield finding(
            Rule.UNIT_MISSING, submitter=sender, unit=str(code), facts={"unit": round.listed_names[str(code)]}
        )


def _missing_and_late(round: Round, arrived: dict[str, list[Submission]]) -> Iterator[dict[str, Any]]:
    for code, unit in round.submitting_units.items():
        deadline = vietnamese_date(round.last_day_of(code))
        if code not in arrived:
            facts = {"unit": unit.full_name, "deadline": deadline}
            yield finding(Rule.SUBMISSION_MISSING, submitter=code, unit=code, facts=facts)
            continue
        first = _first_of(arrived[code])
        if _is_late(round, code, first):
            facts = {"unit": unit.full_name, "deadline": deadline, "received": vietnamese_date(first.received)}
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
    counts = {
        kind: findings[findings["severity"].eq(kind)].groupby("submitter").size() for kind in ("error", "warning")
    }
    grouped = units.groupby("submitter_code")[list(MEASURES)]
    expected, reached = grouped.size(), grouped.sum().to_dict("index")
    records = []
    for code, unit in round.submitting_units.items():
        submissions = arrived.get(code, [])
        errors, warnings = int(counts["error"].get(code, 0)), int(counts["warning"].get(code, 0))
        readable = [s for s in submissions if s.readable]
        if not submissions:
            status = "missing"
        elif not readable:
            status = "rejected"
        else:
            status = "to-correct" if errors else "accepted"
        records.append(
            {
                "code": code, "name": unit.full_name, "status": status,
                "late": bool(submissions) and _is_late(round, code, _first_of(submissions)),
                "received": _first_of(submissions).received if submissions else None,
                "expected": int(expected.get(code, 0)),
                **{m: int(reached[code][m]) if code in reached else 0 for m in MEASURES},
                "errors": errors, "warnings": warnings,
                "file": max(
                    submissions, key=lambda s: (s.file in counting, s.received, s.file)
                ).file if submissions else "",
            }
        )  # fmt: skip
    return pd.DataFrame(records).set_index("code")


def vietnamese_date(day: dt.date | None) -> str:
    """Return a date as papers print it: `05/01/2022`."""
    return day.strftime("%d/%m/%Y") if day else ""
