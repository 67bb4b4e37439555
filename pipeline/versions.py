"""Which rows count: of each unit, those of its sender's newest file that lists it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from pipeline.model import Age, Rows, Submission, finding
from schemas.codes import Rule
from schemas.text import few


@dataclass(frozen=True)
class Settled:
    """`rows`: those that count; `claims`: True for the rows that speak for their units."""

    rows: Rows
    claims: pd.Series
    findings: list[dict[str, Any]]


def settle(
    submissions: list[Submission], rows: Rows, findings: Iterable[dict[str, Any]], *, once: bool = True
) -> Settled:
    """Return the rows that count, and the findings without those of files that no longer count.

    Newer is decided by the version written in the form, then the received date, then the workbook's own date of change.
    A file replaces the rows of the units that it lists; other rows stay. Rows whose unit is not known count as long as
    their file does; a file of such rows alone, until its sender sends a better one. `once`: one row speaks for a unit;
    else every one of its rows does.
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
    naming = set(frame.loc[current, "file"])
    nameless = set(frame["file"]) - set(frame.loc[known, "file"])
    living = naming | _without_better(submissions, naming, nameless)
    counts = current | (~known & frame["file"].isin(living))
    kept = rows.only(rows.origin.index[counts])
    claims = current[counts] & ~(frame[counts].duplicated(["code"]) & once)
    counting: dict[str, list[Submission]] = {}
    for submission in submissions:
        if submission.file in living:
            counting.setdefault(submission.submitter, []).append(submission)
    dead = [s for s in submissions if s.file not in living and (s.readable or _is_outdated(s, counting))]
    superseded = [_superseded(s, counting.get(s.submitter, [])) for s in dead]
    gone = {s.file for s in dead}
    return Settled(kept, claims, [*(f for f in findings if f["file"] not in gone), *superseded])


def _without_better(submissions: list[Submission], naming: set[str], nameless: set[str]) -> set[str]:
    """Return the files that name no unit and after which (by version or day) their sender sent none that does."""
    last: dict[str, tuple[int, dt.date]] = {}
    for s in submissions:
        if s.file in naming and s.submitter:
            last[s.submitter] = max(last.get(s.submitter, s.age[:2]), s.age[:2])
    return {s.file for s in submissions if s.file in nameless and s.age[:2] >= last.get(s.submitter, s.age[:2])}


def _order(submissions: list[Submission]) -> dict[str, tuple[Age, str]]:
    """Return what decides which of two files is newer, by file; the name only settles a tie, which is told."""
    return {s.file: (s.age, s.file) for s in submissions}


def _is_outdated(refused: Submission, counting: dict[str, list[Submission]]) -> bool:
    """Tell whether its sender has sent something readable since."""
    return any(s.received > refused.received for s in counting.get(refused.submitter, []) if refused.submitter)


def _superseded(submission: Submission, counting: list[Submission]) -> dict[str, Any]:
    """Return the note of a file of which nothing counts, with the files that do and why."""
    facts = {
        "others": ", ".join(few(sorted(PurePosixPath(s.file).name for s in counting))),
        "tied": any(s.age == submission.age for s in counting),
        "higher": all(s.version > submission.version and s.received < submission.received for s in counting),
    }
    return finding(
        Rule.FILE_SUPERSEDED, submitter=submission.submitter, file=submission.file, value=submission.file, facts=facts
    )
