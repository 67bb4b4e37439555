"""Faults over time: how many there were on each day, by rule and by unit, in this round and in those before it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pipeline.model import Moment
from pipeline.run import Result
from pipeline.weigh import asks
from schemas.messages import messages, title
from schemas.text import screen_date

SHOWN = 8  # days, the latest; a page holds no more


@dataclass(frozen=True)
class Trend:
    """Errors and warnings at several moments (`labels`, oldest first): `by_rule` and `by_unit` in words, `total`."""

    labels: list[str]
    by_rule: dict[str, list[int]]
    by_unit: dict[str, list[int]]
    total: list[int]

    @property
    def points(self) -> list[tuple[int, int, int, str]]:
        """The line of the totals in a field of 1000 by 100: x, y (down), the total, its label."""
        step, most = 1000 // max(len(self.total) - 1, 1), max(self.total) or 1
        counted = zip(self.total, self.labels, strict=True)
        return [(step * place, 100 - 100 * n // most, n, label) for place, (n, label) in enumerate(counted)]


def moment_of(result: Result) -> Moment:
    """Return the errors and warnings of this run, counted by sender and rule."""
    findings = result.rollup.findings
    grave = findings[asks(findings)]
    counts = Counter(zip(grave["submitter"], grave["rule"], strict=True))
    return Moment(result.round.id, result.as_of, dict(sorted(counts.items())))


def trend_of(result: Result) -> Trend | None:
    """Return the faults over time, the most frequent first; None where there is one moment only."""
    moments = result.moments[-SHOWN:]
    if len(moments) < 2:
        return None
    rounds = {moment.round for moment in moments}
    labels = [screen_date(m.day) + (f"\n{m.round}" if len(rounds) > 1 else "") for m in moments]
    names = {code: unit.full_name for code, unit in result.round.submitting_units.items()}
    titles = {rule: title(rule) for rule in messages()["rules"]}
    by_rule: dict[str, list[int]] = {}
    by_unit: dict[str, list[int]] = {}
    for place, moment in enumerate(moments):
        for (submitter, rule), count in moment.counts.items():
            for table, name in ((by_rule, titles.get(rule)), (by_unit, names.get(submitter))):
                if name:
                    table.setdefault(name, [0] * len(moments))[place] += count
    total = [sum(moment.counts.values()) for moment in moments]
    return Trend(labels, _most(by_rule), _most(by_unit), total)


def _most(table: dict[str, list[int]]) -> dict[str, list[int]]:
    return dict(sorted(table.items(), key=lambda item: (-item[1][-1], -sum(item[1]), item[0])))
