"""The files of a round, each read and recognised by a worker, become the rows of one frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.known import Known
from pipeline.model import Arrival, Rows, Submission, finding
from pipeline.read.plain import unpack
from pipeline.readers import read_all
from pipeline.recognise import Origin, Recognised, Recognising
from pipeline.terminal import watched
from schemas.codes import Rule
from schemas.form import Form
from schemas.round import Round

ORIGIN = ["file", "submitter", *Origin._fields]
_NO_TEXT = ("row", "unit_facts", "dittos")


@dataclass(frozen=True)
class Gathered:
    """All files of the round: submissions, their rows, and what was found while recognising."""

    submissions: list[Submission]
    rows: Rows
    findings: list[dict[str, Any]]


def gather(round: Round, arrivals: list[Arrival], known: Known | None = None) -> Gathered:
    """Return what the files say; the same content twice counts once, with a note.

    What is `known` of a file from an earlier run is not read again.
    """
    first_of: dict[str, Arrival] = {}
    for arrival in arrivals:
        first_of.setdefault(arrival.sha256, arrival)
    recognised = list(_recognised(round, list(first_of.values()), known))
    said = {file.submission.sha256: file.findings for file in recognised}
    findings: list[dict[str, Any]] = []
    for arrival in arrivals:
        if (first := first_of[arrival.sha256]) is arrival:
            findings += said[arrival.sha256]
        else:
            other = {"other": first.file}
            findings.append(finding(Rule.FILE_DUPLICATE, file=arrival.file, value=arrival.file, facts=other))
    return Gathered([file.submission for file in recognised], framed(round.form, recognised), findings)


def _recognised(round: Round, arrivals: list[Arrival], known: Known | None) -> Iterator[Recognised]:
    recognising = Recognising.of(round)
    files = read_all(arrivals, recognising, known)
    for arrival, found in watched(files, len(arrivals), "reading"):
        # What no worker outlived is recognised here: as a file that was refused.
        yield unpack(Recognised, found if isinstance(found, bytes) else recognising(arrival, found))


def framed(form: Form, files: Iterable[Recognised]) -> Rows:
    """Return the rows of all files as frames."""
    files = list(files)

    def frame(table: str) -> pd.DataFrame:
        columns: dict[str, list[str]] = {key: [] for key in form.keys}
        for file in files:
            for key, texts in getattr(file, table).items():
                columns[key] += texts
        return pd.DataFrame(columns, columns=form.keys, dtype="str")

    origin = pd.DataFrame(
        [(file.submission.file, file.submission.submitter, *origin) for file in files for origin in file.origins],
        columns=ORIGIN,
    )
    origin = origin.astype({name: "str" for name in ORIGIN if name not in _NO_TEXT})
    return Rows(frame("typed"), frame("where"), frame("flaws"), origin)
