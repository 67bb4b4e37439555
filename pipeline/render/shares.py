"""Rates and targets, reckoned in one place for all papers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd

from pipeline.run import Result
from schemas.form import MEASURES
from schemas.text import grouped


@dataclass(frozen=True)
class Share:
    """So many of so many; a rate never rounds up to a whole that was not reached."""

    count: int
    whole: int

    @property
    def ratio(self) -> str:
        """Numerator and denominator: `5/6`, `9.630/10.603`."""
        return f"{grouped(self.count)}/{grouped(self.whole)}"

    @property
    def rate(self) -> str:
        """The rate with one decimal and a decimal comma: `83,3 %`; `-` of nothing."""
        if not self.whole:
            return "-"
        tenths = (2000 * self.count + self.whole) // (2 * self.whole)
        if self.count < self.whole:
            tenths = min(tenths, 999)
        return f"{tenths // 10},{tenths % 10}\u00a0%"


def shares(counts: dict[str, int]) -> dict[str, Any]:
    """Return `expected` as it is and every measure that the round tells as a share of it."""
    whole = counts["expected"]
    return {
        "expected": whole,
        **{measure: Share(counts[measure], whole) for measure in MEASURES if counts[measure] is not None},
    }


def against_targets(result: Result) -> pd.DataFrame:
    """Return a row for every target of the round.

    Columns: `level`, `measure`, `count` (units that reached the measure), `expected`, `rate` and `percent`
    (of 1; `rate` None without units), `lacking` (units still to come), `reached`, `due` (a date or None).
    """
    levels, records = result.summary["levels"], []
    for target in result.round.targets:
        if target.level not in levels:
            continue
        expected = levels[target.level]["expected"]
        count = levels[target.level].get(target.measure) or _yeses(result, target.level, target.measure)
        asked = math.ceil(Fraction(str(target.percent)) * expected / 100)
        records.append(
            {
                "level": target.level, "measure": target.measure, "count": count, "expected": expected,
                "rate": share_of(count, expected), "percent": target.percent / 100,
                "lacking": max(asked - count, 0), "reached": count >= asked, "due": target.last_day,
            }
        )  # fmt: skip
    columns = ["level", "measure", "count", "expected", "rate", "percent", "lacking", "reached", "due"]
    return pd.DataFrame(records, columns=columns, dtype=object)


def _yeses(result: Result, level: str, key: str) -> int:
    """Return how many units of a level say yes to a column or question."""
    units, yes = result.rollup.units, result.rollup.yes
    return int(yes.loc[units["level"].eq(level), key].sum()) if key in yes else 0


def share_of(count: int, expected: int) -> float | None:
    """Return the share as a number for a spreadsheet, None of nothing."""
    return count / expected if expected else None


def points_of(number: float) -> str:
    """Return points with the one decimal that all of a column have: `76,0`."""
    return f"{number:.1f}".replace(".", ",")


def decimal(number: float) -> str:
    """Return a number with at most two decimals and a decimal comma."""
    return f"{number:.2f}".rstrip("0").rstrip(".").replace(".", ",")


def ranked(result: Result, measure: str) -> list[tuple[int, str]]:
    """Return rank and code of every sender, best first; rank 0 for those of which nothing counts.

    The emulation decides where a round has one; else the share of `measure`, then that of what is complete, then the
    fewest errors. Equals share a rank and stand in the register's order.
    """
    if result.standings:
        return [(standing.rank, standing.code) for standing in result.standings]
    keys = {
        code: (-_part(s[measure], s["expected"]), -_part(s["complete"], s["expected"]), s["errors"])
        for code, s in result.senders.items()
        if s["status"] in ("accepted", "to-correct")
    }
    order = sorted(keys, key=keys.__getitem__)
    ranks: dict[tuple[Any, ...], int] = {}
    for place, code in enumerate(order, start=1):
        ranks.setdefault(keys[code], place)
    return [*((ranks[keys[code]], code) for code in order), *((0, code) for code in result.senders if code not in keys)]


def _part(count: int, whole: int) -> Fraction:
    return Fraction(count, whole or 1)
