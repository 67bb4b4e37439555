"""The counts of a round: numerators and denominators by level and by sender."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from schemas.form import MEASURES
from schemas.round import Round

if TYPE_CHECKING:
    from pipeline.run import Result


def summary_of(result: Result) -> dict[str, Any]:
    """Return what stands in `summary.json`."""
    round, units, senders = result.round, result.rollup.units, result.rollup.senders
    arrived = senders["status"].ne("missing")
    levels = {}
    for level in round.lists:
        here = units[units["level"].eq(level)]
        levels[level] = {"expected": len(here), **_counts(round, here)}
    return {
        "round": round.id,
        "as_of": result.as_of.isoformat(),
        "collector": {"code": round.collector, "name": round.collector_name},
        "submissions": {
            "expected": len(senders),
            "received": int(arrived.sum()),
            "on_time": int((arrived & ~senders["late"]).sum()),
            "late": int(senders["late"].sum()),
            "missing": list(senders.index[~arrived]),
        },
        "levels": levels,
        "units": [
            {
                "code": code, "name": s["name"], "status": s["status"], "late": s["late"], "expected": s["expected"],
                **_told(round, s), "errors": s["errors"], "warnings": s["warnings"],
                "score": result.standing_of[code].score if code in result.standing_of else None, "file": s["file"],
            }
            for code, s in result.senders.items()
        ],
    }  # fmt: skip


def _counts(round: Round, units: pd.DataFrame) -> dict[str, int | None]:
    return _told(round, {measure: int(units[measure].sum()) for measure in MEASURES})


def _told(round: Round, counts: Mapping[str, int]) -> dict[str, int | None]:
    """Return every measure, None where the round's form cannot tell it."""
    return {measure: counts[measure] if measure in round.measures else None for measure in MEASURES}
