"""Which rows count: of each unit, those of its sender's newest file that lists it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.model import Rows, Submission, finding
from schemas.codes import Rule

Order = tuple[int, dt.date, dt.datetime]


@dataclass(frozen=True)
class Settled:
    """`rows`: those that count; `claims`: True for the one row that speaks for its unit."""

    rows: Rows
    claims: pd.Series
    findings: list[dict[str, Any]]


def settle(submissions: list[Submission], rows: Rows, findings: Iterable[dict[str, Any]]) -> Settled:
    """Return the rows that count, and the findings without those of files that no longer count.

    Newer is decided by the version written in the form, then the received date, then the workbook's own
    date of change. A file replaces the rows of the units that it lists; other rows stay. Rows whose unit is
    not known count as long as their file does.
    """
    order = _order(submissions)
    origin = rows.origin
    frame = pd.DataFrame({"code": origin["code"], "file": origin["file"]})
    newest: dict[str, str] = {}
    for code, file in zip(frame["code"], frame["file"], strict=True):
        if code and (code not in newest or order[file] > order[newest[code]]):
            newest[code] = file
    known = frame["code"].ne("")
    current = known & frame["file"].eq(frame["code"].map(newest))
    living = set(frame.loc[current, "file"]) | (set(frame["file"]) - set(frame.loc[known, "file"]))
    counts = current | (~known & frame["file"].isin(living))
    kept = rows.only(rows.origin.index[counts])
    claims = current[counts] & ~frame[counts].duplicated(["code"])
    dead = [s for s in submissions if s.readable and s.file not in living]
    superseded = [_superseded(s, submissions, newest, frame, order) for s in dead]
    gone = {s.file for s in dead}
    return Settled(kept, claims, [*(f for f in findings if f["file"] not in gone), *superseded])


def _order(submissions: list[Submission]) -> dict[str, tuple[Order, str]]:
    """Return what decides which of two files is newer, by file; the name only settles a tie, which is told."""
    return {s.file: ((s.version, s.received, s.modified or dt.datetime.min), s.file) for s in submissions}


def _superseded(
    submission: Submission,
    submissions: list[Submission],
    newest: dict[str, str],
    frame: pd.DataFrame,
    order: dict[str, tuple[Order, str]],
) -> dict[str, Any]:
    codes = frame.loc[frame["file"].eq(submission.file) & frame["code"].ne(""), "code"]
    others = sorted({newest[code] for code in codes})
    tied = any(order[other][0] == order[submission.file][0] for other in others)
    return finding(
        Rule.FILE_SUPERSEDED, submitter=submission.submitter, file=submission.file, value=submission.file,
        facts={"others": ", ".join(others), "tied": tied},
    )  # fmt: skip
