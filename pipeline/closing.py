"""A closed round: what was signed stays as it is; files that come later are told to be too late, beside it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pipeline.errors import OperatorError
from pipeline.model import Arrival, Decision, finding, findings_frame
from pipeline.names import FINDINGS_CSV
from pipeline.records import Letter
from pipeline.render.letter import folder_of, write_letter
from pipeline.render.machine import write_findings
from pipeline.run import Result
from pipeline.weigh import Scales, closed_by
from schemas.codes import Rule
from schemas.messages import line
from schemas.text import paper_date, screen_date


@dataclass(frozen=True)
class Closed:
    """A closing and the papers that are no longer as they were signed."""

    closing: Decision
    changed: list[str]


def must_be_open(decisions: Iterable[Decision]) -> None:
    """Refuse to change anything about a round while a closing is in force.

    Raises:
        OperatorError: by whom it was closed, and when.
    """
    if closing := closed_by(decisions):
        raise OperatorError("round_closed", by=closing.by, day=screen_date(closing.day))


def closing_of(result: Result, arrivals: Iterable[Arrival], by: str) -> Decision:
    """Return the closing of a result by a person: what it counted, and the hash of the files that it rests on."""
    submissions = result.summary["submissions"]
    files = inputs_of(arrivals)
    words = line("decisions", "signed", **{**submissions, "missing": len(submissions["missing"])}, files=len(files))
    return Decision("closing", result.as_of, by, words, source=mark_of(files))


def inputs_of(arrivals: Iterable[Arrival]) -> dict[str, str]:
    """Return the hash of every file, by name."""
    return {arrival.file: arrival.sha256 for arrival in arrivals}


def mark_of(files: Mapping[str, str]) -> str:
    """Return one hash of many files, whatever their order."""
    listed = "\n".join(f"{sha256} {name}" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(listed.encode()).hexdigest()


def changed_papers(sealed: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return the papers that are gone, or no longer as they were signed."""
    return [name for name, sha256 in sealed.items() if found.get(name) != sha256]


def parted(arrivals: Iterable[Arrival], sealed: Mapping[str, str]) -> tuple[list[Arrival], list[Arrival]]:
    """Return which arrivals were there at a closing, by the names and hashes that it `sealed`, and which came later.

    Known bytes under another name are a file renamed if an old name of theirs is gone, else one more that came.
    """
    arrivals = list(arrivals)
    there = {arrival.file for arrival in arrivals}
    gone = Counter(sha256 for file, sha256 in sealed.items() if file not in there)
    signed, late = [], []
    for arrival in arrivals:
        renamed = sealed.get(arrival.file) != arrival.sha256
        if renamed and not gone[arrival.sha256]:
            late.append(arrival)
            continue
        gone[arrival.sha256] -= renamed
        signed.append(arrival)
    return signed, late


def too_late(result: Result, closing: Decision) -> Result:
    """Return the result of the late files alone with one finding a file: it came after the closing."""
    found = findings_frame(
        finding(
            Rule.SUBMISSION_CLOSED, submitter=s.submitter, unit=s.submitter, file=s.file, value=s.file,
            facts={"received": paper_date(s.received), "closed": paper_date(closing.day)},
        )
        for s in result.submissions
    )  # fmt: skip
    findings = Scales(result.round, [], result.as_of).weigh(found)
    return replace(result, rollup=replace(result.rollup, findings=findings))


def write_late(result: Result, told: pd.DataFrame, folder: Path) -> list[Letter]:
    """Write the findings of the late files, and a letter to every sender of one; return the letters."""
    folder.mkdir(parents=True)
    write_findings(told, folder / FINDINGS_CSV)
    letters = []
    for code, own in told[told["submitter"].ne("")].groupby("submitter"):
        place = folder / folder_of(result.round.submitting_units[str(code)])
        place.mkdir(parents=True)
        letters.append(write_letter(result, list(own.itertuples()), str(code), place))
    return letters
