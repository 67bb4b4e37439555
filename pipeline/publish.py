"""The whole line: everything is rendered beside its place, compared, and then takes its place at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from pipeline.agree import compare, compare_rollup
from pipeline.closing import Closed, closing_of, inputs_of, mark_of, must_be_open, write_late
from pipeline.emulate import month_of
from pipeline.errors import OperatorError
from pipeline.folders import hashes_of
from pipeline.intake import Intake, Signs, take_in
from pipeline.known import Known, open_known
from pipeline.ledger import Ledger, open_ledger
from pipeline.look import Stand, late, seal, stand
from pipeline.memory import give_back
from pipeline.model import Decision
from pipeline.names import LATE, OVERVIEW, RESULTS, ROLLUP
from pipeline.outbox import keep_handwork, keep_pdfs, late_shelf, result_shelf
from pipeline.period import of_period
from pipeline.recheck import rechecked, rules_of
from pipeline.records import Letter, Outcome, Run, Version
from pipeline.render.machine import write_machine_results
from pipeline.render.outgoing import Outgoing
from pipeline.render.overview import write_overview
from pipeline.render.papers import write_papers
from pipeline.render.rollup import write_rollup
from pipeline.render.sources import way_to
from pipeline.render.wording import worded
from pipeline.run import Result
from pipeline.state import hold, make, writable
from pipeline.trend import moment_of
from pipeline.weigh import closed_by
from schemas.round import Round


@dataclass(frozen=True)
class Published:
    """A result and where it lies; `kept` are files that somebody edited or added, kept beside the new ones.

    `outdated` are PDFs that are gone because their papers are others now.
    `closed`: the round was closed before; the result is then that of the files that came too late.
    `mailed` tells which files of the inbox came by mail: path -> address that it was sent from.
    """

    result: Result
    told: pd.DataFrame
    folder: Path
    kept: list[Path]
    intake: Intake
    mailed: dict[str, str]
    closed: Closed | None = None
    outdated: list[str] = field(default_factory=list)

    @property
    def tells_once(self) -> bool:
        """Whether it tells what the next run would not tell again: that something went, waits or is new."""
        return bool(self.outdated or self.intake.waiting) or any(d.is_new for d in self.result.decisions)


def publish(
    round: Round, inbox: Path, outbox: Path, state: Path, today: dt.date, settled: Signs | None = None
) -> Published:
    """Run the whole line and put the result at `outbox/<round>`; `settled` are the files that it may take, None: all.

    The result of a closed round stays as it is; files that came later are told in a folder of their own.

    Raises:
        OperatorError: the inbox is not there, the outbox cannot be written, a template does not render, or another
            run holds the state folder.
    """
    with hold(state), open_ledger(state) as ledger:
        with open_known(state) as known:
            intake = take_in(round, inbox, state, ledger, today, settled)
            if closing := closed_by(ledger.decisions(round.id)):
                return _published_late(round, intake, outbox, ledger, known, today, closing)
            counted = stand(round, intake.arrivals, state, today, ledger, known)
        return _published(counted, intake, inbox, outbox, ledger)


def publish_last(round: Round, inbox: Path, outbox: Path, state: Path, today: dt.date, by: str) -> Published:
    """Run the whole line and put the result at `outbox/<round>`, closed: sealed by that name.

    Raises:
        OperatorError: as `publish`; the round is closed already, or a file is still being copied into the inbox.
    """
    with hold(state), open_ledger(state) as ledger:
        must_be_open(ledger.decisions(round.id))
        with open_known(state) as known:
            intake = take_in(round, inbox, state, ledger, today)
            if intake.waiting:
                raise OperatorError("file_changing", path=intake.waiting[0])
            counted = stand(round, intake.arrivals, state, today, ledger, known)
        decisions, arrivals = counted.result.decisions, of_period(round, intake.arrivals)[0]
        number = ledger.free_number() + sum(d.is_new for d in decisions)
        closing = replace(closing_of(counted.result, arrivals, by), number=number)
        counted = replace(counted, result=replace(counted.result, decisions=[*decisions, closing]))
        published = _published(counted, intake, inbox, outbox, ledger)
        papers = hashes_of(published.folder)
        seals = {"input": inputs_of(arrivals), "paper": papers}
        ledger.record_decisions(round.id, [replace(closing, value=mark_of(papers))], seals)
    return published


def _published(counted: Stand, intake: Intake, inbox: Path, outbox: Path, ledger: Ledger) -> Published:
    """Put a result into its place, and remember it."""
    round = counted.result.round
    ledger.belong(round.id, {s.sha256: s.submitter for s in counted.result.submissions})
    now = Run(counted.result.as_of, {s.file: s.sha256 for s in counted.result.submissions}, rules_of(round))
    result, outcome = _with_record(ledger, counted.result, counted.versions, now)
    told = worded(result)
    with writable(outbox):
        make(outbox)
        shelf = result_shelf(round, outbox)
        shelf.recover()
        last = ledger.folders(round.id)
        outgoing = Outgoing(result, told, shelf.staged, counted.earlier.carried, shelf.place, last)
        letters, signs = _render(result, told, outgoing, shelf.staged, way_to(inbox, shelf.staged))
        hashes = hashes_of(shelf.staged)
        kept = keep_handwork(ledger, round.id, shelf)
        pdfs, outdated = keep_pdfs(ledger, round.id, shelf)
        hashes |= pdfs
        ledger.will_write_papers(round.id, hashes)
        shelf.swap()
    ledger.wrote_papers(round.id, hashes, signs)
    ledger.record_run(round.id, now, replace(outcome, letters=letters, carried=counted.earlier.used))
    ledger.record_scores(round.series or round.id, month_of(result), {s.code: s.score for s in result.standings})
    result = replace(result, posted=ledger.posted(round.id))
    return Published(result, told, shelf.place, kept, intake, ledger.mail_senders(), outdated=outdated)


def _published_late(
    round: Round, intake: Intake, outbox: Path, ledger: Ledger, known: Known, today: dt.date, closing: Decision
) -> Published:
    """Tell which files came after the closing; what was signed is not touched."""
    result = late(round, intake, ledger, known, today, closing)
    told, place = worded(result), outbox / round.id
    letters = []
    with writable(outbox):
        shelf = late_shelf(round, outbox)
        shelf.recover()
        if result.submissions:
            place.mkdir(parents=True, exist_ok=True)
            letters = write_late(result, told, shelf.staged)
            papers = {f"{LATE}/{name}": sha256 for name, sha256 in hashes_of(shelf.staged).items()}
            ledger.will_write_papers(round.id, papers)
            shelf.swap()
    ledger.prepare_late(round.id, letters, today)
    return Published(result, told, place, [], intake, ledger.mail_senders(), seal(ledger, closing, place))


def _with_record(ledger: Ledger, result: Result, versions: dict[str, Version], now: Run) -> tuple[Result, Outcome]:
    """Return the result with what earlier runs found beside it, and what is to be remembered of this one."""
    rechecks = rechecked(ledger, result, versions, now)
    moment = moment_of(result)
    own = [m for m in ledger.moments(result.round.id) if m.day < moment.day]
    # Of each round before, how it ended.
    before = [m for round in result.round.previous for m in ledger.moments(round)[-1:]]
    moments = [*sorted(before, key=lambda m: m.day), *own, moment]
    result = replace(result, moments=moments, rechecks=[*ledger.rechecks(result.round.id), *rechecks])
    return result, Outcome(versions, decisions=result.decisions, moment=moment, rechecks=rechecks)


def _render(
    result: Result, told: pd.DataFrame, outgoing: Outgoing, folder: Path, way: str
) -> tuple[list[Letter], dict[str, str]]:
    """Render everything into the folder, from which a `way` leads to the inbox.

    Return the letters prepared, and what each sender's folder was made from.
    """
    folder.mkdir()

    def papers() -> None:
        write_machine_results(result, told, folder / RESULTS)
        write_papers(result, told, folder)
        give_back()
        write_overview(result, told, folder / OVERVIEW)
        compare(folder, once=result.round.form.rows == "units")

    def rollup() -> None:
        write_rollup(result, told, folder / ROLLUP, way)

    made = outgoing.write(beside=rollup, meanwhile=papers)
    compare_rollup(folder)
    return made
