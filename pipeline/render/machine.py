"""The results for machines: `findings.csv`, `rows.csv`, `summary.json`."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.run import Result
from schemas.round import MEASURES, Round
from schemas.text import storable

FINDINGS = [
    "submitter_code", "submitter", "unit_code", "file", "sheet", "row", "column", "cell", "rule", "severity", "value",
    "suggestion", "message",
]  # fmt: skip


def write_machine_results(result: Result, told: pd.DataFrame, folder: Path) -> None:
    """Write the three files into the folder; `told` are the findings in words."""
    folder.mkdir(parents=True, exist_ok=True)
    write_findings(told, folder / "findings.csv")
    columns = [
        "code",
        "level",
        "name",
        "parent_code",
        "submitter_code",
        "status",
        *result.round.form.keys,
        "file",
        "sheet",
        "row",
    ]
    _write_csv(folder / "rows.csv", columns, _rows(result))
    text = json.dumps(summary(result), ensure_ascii=False, indent=2)
    (folder / "summary.json").write_text(text + "\n", encoding="utf-8")


def write_findings(told: pd.DataFrame, path: Path) -> None:
    """Write findings in words as a CSV."""
    _write_csv(path, FINDINGS, _findings(told))


def summary(result: Result) -> dict[str, Any]:
    """Return the counts of the round: numerators and denominators by level and by sender."""
    round, units, senders = result.round, result.rollup.units, result.rollup.senders
    arrived = senders["status"].ne("missing")
    scores = {standing.code: standing.score for standing in result.standings}
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
                "code": code, "name": s["name"], "status": s["status"], "late": bool(s["late"]),
                "expected": s["expected"],
                **_told(round, s), "errors": s["errors"], "warnings": s["warnings"],
                "score": scores.get(str(code)), "file": s["file"],
            }
            for code, s in senders.iterrows()
        ],
    }  # fmt: skip


def _counts(round: Round, units: pd.DataFrame) -> dict[str, int | None]:
    return _told(round, {measure: int(units[measure].sum()) for measure in MEASURES})


def _told(round: Round, counts: Mapping[str, int]) -> dict[str, int | None]:
    """Return every measure, None where the round's form cannot tell it."""
    return {measure: counts[measure] if measure in round.measures else None for measure in MEASURES}


def _findings(told: pd.DataFrame) -> Iterable[list[Any]]:
    for f in told.itertuples():
        yield [
            f.submitter, f.submitter_name, f.unit, f.file, f.sheet, f.row or "", f.column, f.cell, f.rule, f.severity,
            f.value, f.suggestion, f.message,
        ]  # fmt: skip


def _rows(result: Result) -> Iterable[list[Any]]:
    origin = result.rows.origin
    ids = result.ids_of
    places = origin[["file", "sheet", "row"]].to_dict("split", index=True)
    place_of = dict(zip(places["index"], places["data"], strict=True))
    values_of = dict(zip(result.repaired.index, result.repaired.itertuples(index=False), strict=True))
    for code, unit in result.rollup.units.iterrows():
        head = [code, unit["level"], unit["name"], unit["parent_code"], unit["submitter_code"], unit["status"]]
        for id in ids.get(str(code), []):
            yield [*head, *values_of[id], *place_of[id]]
        if code not in ids:
            yield [*head, *[""] * len(result.round.form.keys), "", "", ""]


def _write_csv(path: Path, header: list[str], rows: Iterable[list[Any]]) -> None:
    """Write UTF-8 with a byte-order mark, so that Excel shows Vietnamese; no cell begins like a formula."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([[_harmless(value) for value in row] for row in rows])


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = storable(value)
    if re.fullmatch(r"-\d+(?:\.\d+)?", text, re.ASCII):
        return text
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
