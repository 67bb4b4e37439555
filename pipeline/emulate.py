"""Emulation: points of a month for every sender by the round's criteria, the year from the ledger's months, a ranking.

The letters of Nghe An (2022) and Nam Dinh (501/CV-MTTQ) order it and give no scale: criteria and weights stand in the
round's file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import fmean

from pipeline.ledger import Ledger
from pipeline.model import Standing
from pipeline.records import Version
from pipeline.run import Result
from schemas.kinds import yes_no
from schemas.messages import line
from schemas.periods import span_of
from schemas.round_parts import Criterion


def month_of(result: Result) -> str:
    """Return the month to which the result counts: `2022-04`."""
    period = result.round.period
    return span_of(result.as_of, "month", period.first_day if period else 1).key


def standings(ledger: Ledger, result: Result, versions: Mapping[str, Version]) -> list[Standing]:
    """Return how every sender stands, best first; nothing where the round has no emulation.

    A month's score is that of its last result. The year's is the mean of its months up to this one.
    """
    emulation = result.round.emulation
    if emulation is None:
        return []
    month = month_of(result)
    months = ledger.scores(result.round.series or result.round.id, f"{month[:4]}-01", month)
    full = sum(criterion.points for criterion in emulation.criteria)
    found, units = [], result.rollup.units
    yes = result.rollup.yes.groupby(units["submitter_code"]).mean().to_dict("index")
    for code in result.round.submitting_units:
        first = ledger.first_version(result.round.id, code) or versions.get(code)
        reached = [(c, _share(result, code, c.measure, first, yes.get(code, {}))) for c in emulation.criteria]
        points = [(c.title, round(c.points * share, 1), c.points) for c, share in reached]
        score = round(sum(got for _, got, _ in points), 1)
        year = [*(s for m, s in months.get(code, {}).items() if m != month), score]
        found.append(
            Standing(
                code=code, rank=0, score=score, full=full, criteria=points,
                lacking=list(_lacking(result, code, reached)), year=round(fmean(year), 1), months=len(year),
                praised=score * 100 >= emulation.praise * full,
            )
        )  # fmt: skip
    return list(_ranked(found))


def _ranked(found: list[Standing]) -> Iterator[Standing]:
    """Yield them best first; equal scores have the same rank."""
    ranks: dict[float, int] = {}
    for place, standing in enumerate(sorted(found, key=lambda s: -s.score), start=1):
        yield replace(standing, rank=ranks.setdefault(standing.score, place))


def _lacking(result: Result, code: str, reached: list[tuple[Criterion, float]]) -> Iterator[str]:
    """Yield what to do for the points that are missing; who sent nothing has one thing to do first."""
    if result.senders[code]["status"] in ("missing", "rejected"):
        yield line("words", "not_sent", document=result.round.form.document)
    else:
        yield from (criterion.lack for criterion, share in reached if share < 1)


def _share(result: Result, code: str, measure: str, first: Version | None, yes: dict[str, float]) -> float:
    """Return how far a sender has come by one criterion, from 0 to 1; `yes` is the share of its units by column."""
    sender = result.senders[code]
    if sender["status"] in ("missing", "rejected"):
        return 0.0
    if measure == "on-time":
        return float(not sender["late"])
    if measure == "right-first":
        return float(first is not None and not first.errors)
    if measure == "improved":
        progress = result.progress.get(code)
        return progress.fixed / progress.asked if progress and progress.asked else float(not sender["errors"])
    if measure in result.round.measures:
        return float(sender[measure] / sender["expected"]) if sender["expected"] else 1.0
    if measure in {question.key for question in result.round.questions}:
        return float(result.rollup.stated.get(code, {}).get(measure) == yes_no.answers()[0])
    return yes[measure] if yes else 1.0
