"""What counts now: the result of a round from its inbox and the ledger, of which nothing is rendered yet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.closing import Closed, changed_papers, parted, too_late
from pipeline.emulate import standings
from pipeline.folders import hashes_of
from pipeline.history import current_versions, with_history
from pipeline.intake import Intake, take_in
from pipeline.known import Known, open_known
from pipeline.ledger import Ledger, open_ledger
from pipeline.model import Arrival, Decision
from pipeline.period import Earlier, earlier_periods
from pipeline.records import Version
from pipeline.run import Result, judge
from pipeline.state import alone, hold
from pipeline.weigh import closed_by
from schemas.round import Round


@dataclass(frozen=True)
class Stand:
    """A result beside what the ledger remembers: every sender's version that counts, what earlier periods left."""

    result: Result
    versions: dict[str, Version]
    earlier: Earlier


def look(round: Round, inbox: Path, state: Path, today: dt.date) -> Result:
    """Return the result of the round on that day; nothing is written but the ledger and the store.

    Of a closed round it is that of the files and the day that were signed.
    """
    with hold(state), open_ledger(state) as ledger, open_known(state) as known:
        arrivals: Iterable[Arrival] = take_in(round, inbox, state, ledger, today).arrivals
        if closing := closed_by(ledger.decisions(round.id)):
            arrivals, today = parted(arrivals, ledger.sealed(closing.number, "input"))[0], closing.day
        return stand(round, arrivals, state, today, ledger, known).result


def stand(
    round: Round, arrivals: Iterable[Arrival], state: Path, today: dt.date, ledger: Ledger, known: Known
) -> Stand:
    """Judge the files of a round and put the result beside what the ledger remembers."""
    earlier = earlier_periods(ledger, round)
    decided, free = ledger.decisions(round.id), ledger.free_number()
    result = judge(round, arrivals, today, known, decided, earlier if earlier.newest else None, free)
    versions = current_versions(ledger, result)
    result = with_history(ledger, replace(result, previous=round.called(earlier.newest)), versions)
    result = replace(result, standings=standings(ledger, result, versions))
    with alone(state, "send") as nobody_sends:
        if nobody_sends:  # what was being sent when a sender died is uncertain
            ledger.settle_unknown(round.id)
    return Stand(replace(result, posted=ledger.posted(round.id)), versions, earlier)


def look_late(round: Round, inbox: Path, state: Path, today: dt.date) -> Result | None:
    """Return what came after the closing, None while the round is open; nothing is written but ledger and store."""
    with hold(state), open_ledger(state) as ledger, open_known(state) as known:
        closing = closed_by(ledger.decisions(round.id))
        if closing is None:
            return None
        intake = take_in(round, inbox, state, ledger, today)
        return late(round, intake, ledger, known, today, closing)


def late(round: Round, intake: Intake, ledger: Ledger, known: Known, today: dt.date, closing: Decision) -> Result:
    """Return the result of the files that came after a closing."""
    _, arrivals = parted(intake.arrivals, ledger.sealed(closing.number, "input"))
    return too_late(judge(round, arrivals, today, known), closing)


def seal_of(round: Round, outbox: Path, state: Path) -> Closed | None:
    """Return who closed the round and which papers have changed since; None while it is open. Nothing is written."""
    with hold(state), open_ledger(state) as ledger:
        closing = closed_by(ledger.decisions(round.id))
        return seal(ledger, closing, outbox / round.id) if closing else None


def seal(ledger: Ledger, closing: Decision, folder: Path) -> Closed:
    """Return a closing with the papers in the folder that are not as they were signed."""
    return Closed(closing, changed_papers(ledger.sealed(closing.number, "paper"), hashes_of(folder)))
