"""What a finding weighs: what the round says of its rule, and what people decided of this one.

A waived finding and an explained warning are notes: they stay in the record and count as in order. A finding of a
rule on trial is set apart: it is the collector's alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from pipeline.model import Decision
from schemas.codes import Rule
from schemas.form import Form
from schemas.round import Round
from schemas.text import clean

TRIAL = "trial"


@dataclass(frozen=True)
class Scales:
    """A round and its decisions, on a day."""

    round: Round
    decisions: list[Decision]
    as_of: dt.date
    persons: Mapping[Any, str] = field(default_factory=dict)  # whose row it is, by row id

    def weigh(self, findings: pd.DataFrame) -> pd.DataFrame:
        """Return the findings with two more columns: `severity`, and `decision` (None where nobody decided)."""
        severities = {rule: self.round.severity(rule) for rule in findings["rule"].unique()}
        weighed = findings.assign(severity=findings["rule"].map(severities), decision=None)
        waivers, explanations = self._in_force("waiver"), self._in_force("explanation")
        if not waivers and not explanations:
            return weighed
        keys = ("id", "submitter", "unit", "column", "rule", "value")
        for id, row, *parts, value in zip(findings.index, *(findings[key] for key in keys), strict=True):
            place = (*parts, clean(value), self.persons.get(row, ""))
            decision = waivers.get(place)
            if decision is None and weighed.at[id, "severity"] == "warning":
                decision = explanations.get(place)
            if decision and weighed.at[id, "severity"] in ("error", "warning"):
                weighed.at[id, "severity"], weighed.at[id, "decision"] = "note", decision
        return weighed

    def _in_force(self, kind: str) -> dict[tuple[str, ...], Decision]:
        """Return what counts today, by place; of several in one place the last."""
        return {d.place: d for d in self.decisions if d.kind == kind and d.counts(self.as_of)}


def asks(findings: pd.DataFrame) -> pd.Series:
    """Tell which weighed findings ask something of a unit: not notes, nor that it sent late, which nobody can mend.

    Lateness stays a warning for machines, and a unit may explain it; people are told of it by the day, once.
    """
    warning = findings["severity"].eq("warning")
    return findings["severity"].ne("note") & ~(warning & findings["rule"].eq(Rule.SUBMISSION_LATE))


def persons_of(form: Form, typed: pd.DataFrame) -> dict[Any, str]:
    """Return whose row each is, by row id; empty where a row is a unit."""
    names = form.of_kind("name") if form.rows == "persons" else []
    return {id: clean(name) for id, name in typed[names[0].key].items()} if names else {}


def with_new(decided: Iterable[Decision], explained: Iterable[Decision], free: int = 0) -> list[Decision]:
    """Return what the ledger holds and what files explain, each once: what was read before keeps its number.

    What is new has numbers from `free` on, none for 0.
    """
    known = list(decided)
    seen = {(d.place, d.source) for d in known}
    new = {(d.place, d.source): d for d in explained if (d.place, d.source) not in seen}
    ordered = sorted(new.values(), key=lambda d: (d.day, d.source, d.place))
    return [*known, *(replace(d, number=free and free + n, is_new=True) for n, d in enumerate(ordered))]


def closed_by(decisions: Iterable[Decision]) -> Decision | None:
    """Return the closing that is in force, None while the round is open."""
    last = [d for d in decisions if d.kind in ("closing", "reopening")][-1:]
    return last[0] if last and last[0].kind == "closing" else None
