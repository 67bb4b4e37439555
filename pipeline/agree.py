"""Agreement: a result whose files contradict each other is never published."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any


class Disagreement(Exception):
    """Two files of a result say different things: our fault, never the operator's."""


def compare(folder: Path) -> None:
    """Count again what `rows.csv` and `findings.csv` say and compare it with `summary.json`.

    Raises:
        Disagreement: with both counts.
    """
    results = folder / "ket-qua"
    summary = json.loads((results / "summary.json").read_text(encoding="utf-8"))
    rows, findings = _records(results / "rows.csv"), _records(results / "findings.csv")
    for level, counts in summary["levels"].items():
        here = [row for row in rows if row["level"] == level]
        listed = [row for row in here if row["status"] != "not-listed"]
        _same(f"{level}: expected", counts["expected"], len(here))
        _same(f"{level}: listed", counts["listed"], len(listed))
        if counts["complete"] > sum(row["status"] == "complete" for row in here):
            raise Disagreement(f"{level}: complete {counts['complete']}")
    _same("units once", len({row["code"] for row in rows}), len(rows))
    counted = Counter((finding["submitter_code"], finding["severity"]) for finding in findings)
    for unit in summary["units"]:
        _same(f"{unit['code']}: expected", unit["expected"], sum(r["submitter_code"] == unit["code"] for r in rows))
        for severity in ("error", "warning"):
            _same(f"{unit['code']}: {severity}s", unit[f"{severity}s"], counted[unit["code"], severity])
    for measure in ("expected", "listed", "established", "named", "staffed", "complete"):
        by_level = sum(counts[measure] for counts in summary["levels"].values())
        _same(measure, by_level, sum(unit[measure] for unit in summary["units"]))


def _records(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _same(what: str, one: Any, other: Any) -> None:
    if one != other:
        raise Disagreement(f"{what}: {one} and {other}")
