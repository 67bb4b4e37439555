"""The straight line from files to what is rendered: gather, settle, normalise, validate, consolidate."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from pipeline.consolidate import RollUp, consolidate
from pipeline.gather import gather
from pipeline.known import Known
from pipeline.memory import give_back
from pipeline.model import Arrival, Decision, Moment, Progress, Recheck, Rows, Shift, Standing, Submission
from pipeline.normalise import normalise
from pipeline.period import Earlier, of_period, shifts, with_carried
from pipeline.records import Posted
from pipeline.summary import summary_of
from pipeline.validate import validate
from pipeline.versions import settle
from pipeline.weigh import Scales, persons_of, with_new
from schemas.codes import Rule
from schemas.round import Round
from schemas.same_person import repeated


@dataclass(frozen=True)
class Result:
    """All that a run knows: what every paper, letter and table is rendered from.

    `rows`, `repaired` and `claims` share one index: the rows that count as typed and as repaired, and whether they
    speak for their units. `progress` tells where each sender stands since its version before (empty where the ledger
    was not asked). `shifts` is what changed since the period before, which `previous` names ("" where the round has
    none); `standings` is the emulation, best first (empty where the round has none). `decisions` is what people
    decided, `moments` the faults of the days before, `rechecks` who stands otherwise because rules changed, `posted`
    the letters of the round so far with their fates.
    """

    round: Round
    as_of: dt.date
    submissions: list[Submission]
    rows: Rows
    repaired: pd.DataFrame
    claims: pd.Series
    rollup: RollUp
    progress: Mapping[str, Progress] = field(default_factory=dict)
    shifts: list[Shift] = field(default_factory=list)
    previous: str = ""
    standings: list[Standing] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    rechecks: list[Recheck] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)

    @cached_property
    def ids_of(self) -> dict[str, list[Any]]:
        """The rows that speak for a unit, by its code: one, or every person's."""
        ids: dict[str, list[Any]] = {}
        for id, code in self.rows.origin.loc[self.claims, "code"].items():
            ids.setdefault(code, []).append(id)
        return ids

    @cached_property
    def carried(self) -> frozenset[str]:
        """The codes of the units of which rows of an earlier period were carried forward: no file lists them."""
        origin = self.rows.origin
        return frozenset(origin.loc[self.claims & origin["file"].eq(""), "code"])

    @cached_property
    def senders(self) -> dict[str, dict[str, Any]]:
        """The records of `rollup.senders` by code, for who asks for one at a time: pandas takes its time over those."""
        return self.rollup.senders.to_dict("index")

    @cached_property
    def standing_of(self) -> dict[str, Standing]:
        """How each sender stands in the emulation, by its code."""
        return {standing.code: standing for standing in self.standings}

    @cached_property
    def _texts(self) -> tuple[dict[Any, int], dict[str, list[str]]]:
        """Where each row stands, and the repaired columns as lists, for the same reason."""
        places = {id: place for place, id in enumerate(self.repaired.index)}
        return places, {key: self.repaired[key].tolist() for key in self.repaired}

    def text(self, id: Any, key: str) -> str:
        """Return one repaired cell."""
        places, columns = self._texts
        return columns[key][places[id]]

    def texts(self, id: Any) -> list[str]:
        """Return the repaired cells of a row, in the order of the form's keys."""
        places, columns = self._texts
        return [column[places[id]] for column in columns.values()]

    @cached_property
    def _lines(self) -> dict[Any, tuple[Any, Any, tuple[str, str, str]]]:
        rows, origin = self.rows, self.rows.origin
        places = zip(origin["code"], origin["file"], origin["sheet"], strict=True)
        lines = zip(rows.typed.to_numpy(dtype=object), rows.where.to_numpy(dtype=object), places, strict=True)
        return dict(zip(rows.typed.index, lines, strict=True))

    def as_typed(self, id: Any) -> tuple[Any, Any, tuple[str, str, str]]:
        """Return a row's texts and cells in the order of the form's keys; its unit's code, its file and sheet."""
        return self._lines[id]

    @cached_property
    def ids_from(self) -> dict[str, list[Any]]:
        """The rows that count, by the code of their sender."""
        ids: dict[str, list[Any]] = {}
        for id, sender in self.rows.origin["submitter"].items():
            ids.setdefault(sender, []).append(id)
        return ids

    @cached_property
    def files_from(self) -> dict[str, list[Submission]]:
        """The files that came, by the code of their sender."""
        files: dict[str, list[Submission]] = {}
        for submission in self.submissions:
            files.setdefault(submission.submitter, []).append(submission)
        return files

    @cached_property
    def after_closing(self) -> frozenset[str]:
        """The codes of the senders of whom a file came after the round was closed."""
        findings = self.rollup.findings
        return frozenset(findings.loc[findings["rule"].eq(Rule.SUBMISSION_CLOSED), "submitter"])

    @cached_property
    def unread_from(self) -> dict[str, list[str]]:
        """The hashes of the files that could not be read or taken, by the code of their sender."""
        findings, hashes = self.rollup.findings, {s.file: s.sha256 for s in self.submissions}
        of_files = findings["rule"].str.startswith("file.") | findings["rule"].eq(Rule.SUBMISSION_UNKNOWN_UNIT)
        refused = findings[findings["severity"].eq("error") & of_files]
        unread: dict[str, list[str]] = {}
        for sender, file in dict.fromkeys(zip(refused["submitter"], refused["file"], strict=True)):
            if file in hashes:
                unread.setdefault(sender, []).append(hashes[file])
        return {sender: sorted(set(signs)) for sender, signs in unread.items()}

    @cached_property
    def summary(self) -> dict[str, Any]:
        """The counts of the round, as `summary.json` has them; nobody changes them."""
        return summary_of(self)

    def version_of(self, sender: str) -> int:
        """Return the number of the version that counts of a sender, 0 before anything does."""
        return self.progress[sender].number if sender in self.progress else 0


def judge(
    round: Round,
    arrivals: Iterable[Arrival],
    as_of: dt.date,
    known: Known | None = None,
    decided: Iterable[Decision] = (),
    earlier: Earlier | None = None,
    free: int = 0,
) -> Result:
    """Return the result of the round with these files: from reading to consolidating.

    Nothing is written but what is `known` of the files: what was read of them in an earlier run is not read again.
    `decided` is what the ledger holds of people's decisions; what the files explain is added to it. `earlier` is
    what earlier periods left: their rows count for units which no file of this one lists. `free` is the first number
    that a new decision may have (0: they have none yet).
    """
    names = round.right_names
    arrivals, others = of_period(round, arrivals)
    gathered = gather(round, arrivals, known)
    once, submissions = round.form.rows == "units", gathered.submissions
    settled = settle(submissions, gathered.rows, [*gathered.findings, *others], once=once)
    settled = with_carried(settled, round, earlier.carried if earlier else {})
    del gathered  # of many rows, the memory that is not needed any more is wanted now
    give_back()
    repaired = normalise(settled.rows, round.form, round.listed_names)
    claims = settled.claims & ~repeated(round.form, settled.rows.origin["code"], repaired)
    findings = validate(settled.rows, repaired, claims, round, names, settled.findings)
    decisions = with_new(decided, (d for s in submissions for d in s.explanations), free)
    scales = Scales(round, decisions, as_of, persons_of(round.form, settled.rows.typed))
    rollup = consolidate(round, submissions, settled.rows, repaired, claims, findings, scales)
    changed: list[Shift] = []
    if earlier:
        changed = list(shifts(round, earlier.known, settled.rows, repaired, claims, rollup.findings))
    return Result(
        round, as_of, submissions, settled.rows, repaired, claims, rollup, shifts=changed,
        decisions=decisions,
    )  # fmt: skip
