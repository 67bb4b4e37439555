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
    """Return what the files say; the same content twice from one sender counts once, with a note.

    What is `known` of a file from an earlier run is not read again.
    """
    recognised = list(_recognised(round, arrivals, known))
    original = _originals([file.submission for file in recognised])
    findings: list[dict[str, Any]] = []
    for file in recognised:
        name = file.submission.file
        if (other := original[name]) == name:
            findings += file.findings
        else:
            sender = file.submission.submitter
            findings.append(
                finding(Rule.FILE_DUPLICATE, submitter=sender, file=name, value=name, facts={"other": other})
            )
    recognised = [file for file in recognised if original[file.submission.file] == file.submission.file]
    return Gathered([file.submission for file in recognised], framed(round.form, recognised), findings)


def _originals(submissions: list[Submission]) -> dict[str, str]:
    """Return of each file the first one with its content and its sender: itself, where it is no copy.

    Who sent a file may be told by its name: a copy in another's name is no copy. One of which nobody can tell who
    sent it is a copy of any that can be told.
    """
    first: dict[tuple[str, str], str] = {}
    original: dict[str, str] = {}
    for s in sorted(submissions, key=lambda s: not s.submitter):
        anyone = first.setdefault((s.sha256, ""), s.file)
        original[s.file] = first.setdefault((s.sha256, s.submitter), s.file) if s.submitter else anyone
    return original


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
