"""The results for machines: `findings.csv`, `rows.csv`, `summary.json`."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.names import FINDINGS_CSV, ROWS_CSV, SUMMARY_JSON
from pipeline.run import Result
from schemas.text import LONGEST, storable

FINDINGS = [
    "submitter_code", "submitter", "unit_code", "file", "sheet", "row", "column", "cell", "rule", "severity", "value",
    "suggestion", "message",
]  # fmt: skip
HEAD, PLACE = ["code", "level", "name", "parent_code", "submitter_code", "status"], ["file", "sheet", "row"]
"""What `rows.csv` says of a unit before its row, and of the row behind it."""
_LIKE_A_FORMULA = re.compile(r"\|[=+@-]")  # at the beginning of a cell, in a line of cells
_NUMBER = re.compile(r"-\d+(?:\.\d+)?", re.ASCII)


def write_machine_results(result: Result, told: pd.DataFrame, folder: Path) -> None:
    """Write the three files into the folder; `told` are the findings in words."""
    folder.mkdir(parents=True, exist_ok=True)
    write_findings(told, folder / FINDINGS_CSV)
    _write_csv(folder / ROWS_CSV, [*HEAD, *result.round.form.keys, *PLACE], _rows(result))
    text = json.dumps(result.summary, ensure_ascii=False, indent=2)
    (folder / SUMMARY_JSON).write_text(text + "\n", encoding="utf-8")


def write_findings(told: pd.DataFrame, path: Path) -> None:
    """Write findings in words as a CSV."""
    _write_csv(path, FINDINGS, _findings(told))


def _findings(told: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Yield the lines of `findings.csv`, of which each column is one of `told`; no number for a finding without row."""
    names = {"submitter_code": "submitter", "submitter": "submitter_name", "unit_code": "unit", "severity": "weighed"}
    columns = {name: told[names.get(name, name)].tolist() for name in FINDINGS}
    columns["row"] = [row or "" for row in columns["row"]]
    yield from zip(*columns.values(), strict=True)


def _rows(result: Result) -> Iterator[tuple[Any, ...]]:
    """Yield the lines of `rows.csv`: of every unit its rows, or one without values."""
    units, values, origin = result.rollup.units, result.repaired, result.rows.origin
    heads = zip(units.index, *(units[key].tolist() for key in HEAD[1:]), strict=True)
    place = origin[PLACE].astype({"row": object}).where(origin["file"].ne(""), "")  # carried forward: in no file
    columns = [*(values[key] for key in result.round.form.keys), *(place[key] for key in PLACE)]
    tail_of = dict(zip(values.index, zip(*(column.tolist() for column in columns), strict=True), strict=True))
    blank = ("",) * len(columns)
    for head in heads:
        for id in result.ids_of.get(head[0], []):
            yield head + tail_of[id]
        if head[0] not in result.ids_of:
            yield head + blank


def _write_csv(path: Path, header: list[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write UTF-8 with a byte-order mark, so that Excel shows Vietnamese; no cell begins like a formula."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("\ufeff")
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(row if _are_harmless(row) else [*map(_harmless, row)] for row in rows)


def _are_harmless(row: Sequence[Any]) -> bool:
    """Tell a line of which no cell needs to be looked at by itself: nearly every one."""
    whole = "|" + "|".join(map(str, row))
    return whole.isprintable() and len(whole) <= LONGEST and not _LIKE_A_FORMULA.search(whole)


def _harmless(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = storable(value)
    if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text
