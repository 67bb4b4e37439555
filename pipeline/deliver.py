"""The outbox: everything is rendered beside its place, compared, and then takes its place at once."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from pipeline.agree import compare, compare_rollup
from pipeline.closing import LATE, Closed, changed_papers, closing_of, inputs_of, mark_of, parted, too_late, write_late
from pipeline.emulate import month_of, standings
from pipeline.errors import OperatorError
from pipeline.folders import Shelf, hashes_of
from pipeline.history import current_versions, with_history
from pipeline.intake import Intake, Signs, take_in
from pipeline.known import Known, open_known
from pipeline.ledger import Ledger, open_ledger
from pipeline.memory import give_back
from pipeline.model import Decision
from pipeline.period import earlier_periods, of_period, prefillable
from pipeline.recheck import rechecked, rules_of
from pipeline.records import Letter, Outcome, Run, Version
from pipeline.render.filling import prefilled
from pipeline.render.machine import write_machine_results
from pipeline.render.outgoing import Outgoing
from pipeline.render.overview import write_overview
from pipeline.render.papers import write_papers
from pipeline.render.rollup import write_rollup
from pipeline.render.sources import way_to
from pipeline.render.wording import worded
from pipeline.render.workbook import Forms
from pipeline.run import Result, judge
from pipeline.state import alone, hold, make, writable
from pipeline.terminal import watched
from pipeline.trend import moment_of
from pipeline.weigh import closed_by
from schemas.round import Round
from schemas.text import slug


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


def look(round: Round, inbox: Path, state: Path, today: dt.date) -> Result:
    """Return the result of the round on that day; nothing is written but the ledger and the store.

    Of a closed round it is that of the files and the day that were signed.
    """
    with hold(state), open_ledger(state) as ledger, open_known(state) as known:
        decided = ledger.decisions(round.id)
        arrivals = take_in(round, inbox, state, ledger, today).arrivals
        if closing := closed_by(decided):
            arrivals, today = parted(arrivals, ledger.sealed(closing.number, "input"))[0], closing.day
        earlier = earlier_periods(ledger, round)
        result = judge(round, arrivals, today, known, decided, earlier if earlier.newest else None)
        versions = current_versions(ledger, result)
        result = with_history(ledger, result.also(previous=round.called(earlier.newest)), versions)
        result = result.also(standings=standings(ledger, result, versions))
        return _with_letters(state, ledger, result)


def look_late(round: Round, inbox: Path, state: Path, today: dt.date) -> Result | None:
    """Return what came after the closing, None while the round is open; nothing is written but ledger and store."""
    with hold(state), open_ledger(state) as ledger, open_known(state) as known:
        closing = closed_by(ledger.decisions(round.id))
        if closing is None:
            return None
        intake = take_in(round, inbox, state, ledger, today)
        return _late(round, intake, ledger, known, today, closing)


def _late(round: Round, intake: Intake, ledger: Ledger, known: Known, today: dt.date, closing: Decision) -> Result:
    _, late = parted(intake.arrivals, ledger.sealed(closing.number, "input"))
    return too_late(judge(round, late, today, known), closing)


def seal_of(round: Round, outbox: Path, state: Path) -> Closed | None:
    """Return who closed the round and which papers have changed since; None while it is open. Nothing is written."""
    with hold(state), open_ledger(state) as ledger:
        closing = closed_by(ledger.decisions(round.id))
        return _seal(ledger, closing, outbox / round.id) if closing else None


def _seal(ledger: Ledger, closing: Decision, place: Path) -> Closed:
    return Closed(closing, changed_papers(ledger.sealed(closing.number, "paper"), hashes_of(place)))


def publish(
    round: Round,
    inbox: Path,
    outbox: Path,
    state: Path,
    today: dt.date,
    settled: Signs | None = None,
    *,
    signed: str = "",
) -> Published:
    """Run the whole line and put the result at `outbox/<round>`; `settled` are the files that it may take, None: all.

    With a name in `signed` the round is closed by it. The result of a closed round stays as it is; files that came
    later are told in a folder of their own.

    Raises:
        OperatorError: the inbox is not there, the outbox cannot be written, a template does not render, another run
            holds the state folder, or a file is still being copied into the inbox while the round is to be closed.
    """
    with hold(state), open_ledger(state) as ledger:
        decided = ledger.decisions(round.id)
        with open_known(state) as known:
            intake = take_in(round, inbox, state, ledger, today, settled)
            if closing := closed_by(decided):
                return _closed(round, intake, outbox, ledger, known, today, closing)
            earlier = earlier_periods(ledger, round)
            free = ledger.free_number()
            result = judge(round, intake.arrivals, today, known, decided, earlier if earlier.newest else None, free)
            result = result.also(previous=round.called(earlier.newest))
        ledger.belong(round.id, {s.sha256: s.submitter for s in result.submissions})
        if signed and intake.waiting:
            raise OperatorError("file_changing", path=intake.waiting[0])
        closing = closing_of(result, of_period(round, intake.arrivals)[0], signed) if signed else None
        if closing:
            closing = replace(closing, number=free + sum(d.is_new for d in result.decisions))
        versions = current_versions(ledger, result)
        result = _with_letters(state, ledger, with_history(ledger, result, versions))
        result = result.also(standings=standings(ledger, result, versions))
        now = Run(today, {s.file: s.sha256 for s in result.submissions}, rules_of(round))
        result, outcome = _with_record(ledger, result, versions, now)
        if closing:
            result = result.also(decisions=[*result.decisions, closing])
        told = worded(result)
        with writable(outbox):
            make(outbox)
            shelf = Shelf(outbox / round.id)
            shelf.recover()
            outgoing = Outgoing(result, told, shelf.staged, earlier.carried, shelf.place, ledger.folders(round.id))
            letters, signs = _render(result, told, outgoing, shelf.staged, way_to(inbox, shelf.staged))
            hashes = hashes_of(shelf.staged)
            kept = _keep_handwork(ledger, round.id, shelf)
            pdfs, outdated = _keep_pdfs(ledger, round.id, shelf)
            hashes |= pdfs
            ledger.will_write_papers(round.id, hashes)
            shelf.swap()
        ledger.wrote_papers(round.id, hashes, signs)
        ledger.record_run(round.id, now, replace(outcome, letters=letters, carried=earlier.used))
        ledger.record_scores(round.series or round.id, month_of(result), {s.code: s.score for s in result.standings})
        if closing:
            papers = hashes_of(shelf.place)
            seals = {"input": inputs_of(of_period(round, intake.arrivals)[0]), "paper": papers}
            ledger.record_decisions(round.id, [replace(closing, value=mark_of(papers))], seals)
        mailed = ledger.mail_senders()
        result = result.also(posted=ledger.posted(round.id))
    return Published(result, told, shelf.place, kept, intake, mailed, outdated=outdated)


def _with_letters(state: Path, ledger: Ledger, result: Result) -> Result:
    """Return the result with the letters so far; what was being sent when a sender died is uncertain."""
    with alone(state, "send") as nobody_sends:
        if nobody_sends:
            ledger.settle_unknown(result.round.id)
    return result.also(posted=ledger.posted(result.round.id))


def _closed(
    round: Round, intake: Intake, outbox: Path, ledger: Ledger, known: Known, today: dt.date, closing: Decision
) -> Published:
    """Tell which files came after the closing; what was signed is not touched."""
    result = _late(round, intake, ledger, known, today, closing)
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
    return Published(result, told, place, [], intake, ledger.mail_senders(), _seal(ledger, closing, place))


def _with_record(ledger: Ledger, result: Result, versions: dict[str, Version], now: Run) -> tuple[Result, Outcome]:
    """Return the result with what earlier runs found beside it, and what is to be remembered of this one."""
    rechecks = rechecked(ledger, result, versions, now)
    moment = moment_of(result)
    own = [m for m in ledger.moments(result.round.id) if m.day < moment.day]
    # Of each round before, how it ended.
    before = [m for round in result.round.previous for m in ledger.moments(round)[-1:]]
    moments = [*sorted(before, key=lambda m: m.day), *own, moment]
    result = result.also(moments=moments, rechecks=[*ledger.rechecks(result.round.id), *rechecks])
    return result, Outcome(versions, decisions=result.decisions, moment=moment, rechecks=rechecks)


def write_forms(round: Round, outbox: Path, state: Path, today: dt.date) -> tuple[Path, int]:
    """Write a form for every sender into `outbox/bieu-mau-<round>`: blank, or with the data last found in order.

    Return the folder and how many forms there are.
    """
    forms = Forms(round, round.right_names.proposed, today)
    shelf = forms_shelf(round, outbox)
    with hold(state), open_ledger(state) as ledger, writable(outbox):
        ledger.must_live(round.id)
        shelf.recover()
        make(outbox)
        shelf.staged.mkdir()
        carried = earlier_periods(ledger, round).carried
        for code, unit in watched(round.submitting_units.items(), len(round.submitting_units), "forms"):
            last = ledger.last_version(round.id, code)
            number = last.number + 1 if last else 1
            filling = prefilled(round, code, {**carried, **prefillable(last)})
            path = shelf.staged / f"{code}-{slug(unit.full_name)}.xlsx"
            path.write_bytes(forms.made(unit, filling, number))
        shelf.swap()
    return shelf.place, len(round.submitting_units)


def forms_shelf(round: Round, outbox: Path) -> Shelf:
    """Return where the forms of a round lie."""
    return Shelf(outbox / f"bieu-mau-{round.id}")


def late_shelf(round: Round, outbox: Path) -> Shelf:
    """Return where what came after the closing is told."""
    return Shelf(outbox / round.id / LATE, outbox / f"{round.id}.late")


def _render(
    result: Result, told: pd.DataFrame, outgoing: Outgoing, folder: Path, way: str
) -> tuple[list[Letter], dict[str, str]]:
    """Render everything into the folder, from which a `way` leads to the inbox.

    Return the letters prepared, and what each sender's folder was made from.
    """
    folder.mkdir()

    def papers() -> None:
        write_machine_results(result, told, folder / "ket-qua")
        write_papers(result, told, folder)
        give_back()
        write_overview(result, told, folder / "tong-quan.html")
        compare(folder, once=result.round.form.rows == "units")

    def rollup() -> None:
        write_rollup(result, told, folder / "tong-hop.xlsx", way)

    made = outgoing.write(beside=rollup, meanwhile=papers)
    compare_rollup(folder)
    return made


def _keep_handwork(ledger: Ledger, round: str, shelf: Shelf) -> list[Path]:
    """Carry over every file of the old result that is not as we wrote it, beside the new one of its name.

    A paper that is not written this time (nobody is to be urged any more) is never left as if it were of today.
    """
    kept = []
    place, staged = shelf.place, shelf.staged
    for path, sha256 in hashes_of(place).items():
        if ledger.is_ours(round, path, sha256) or Path(path).name.startswith(("~$", ".~lock")):
            continue
        target = staged / path
        ours = ledger.has_paper(round, path)
        if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
            continue
        number = 1
        while target.exists() or (ours and target == staged / path):
            target = (staged / path).with_stem(f"{Path(path).stem}.sua-tay-{number}")
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(place / path, target)
        kept.append(place / target.relative_to(staged))
    return kept


def _keep_pdfs(ledger: Ledger, round: str, shelf: Shelf) -> tuple[dict[str, str], list[str]]:
    """Carry over the PDFs that show their papers as they are now; return these with their hashes, and the others."""
    kept, outdated = {}, []
    for pdf in sorted(shelf.place.glob("*.pdf")):
        sha256 = hashlib.sha256(pdf.read_bytes()).hexdigest()
        target, paper = shelf.staged / pdf.name, pdf.with_suffix(".docx")
        if target.exists() or not ledger.is_ours(round, pdf.name, sha256):
            continue
        now = shelf.staged / paper.name
        if paper.exists() and now.exists() and now.read_bytes() == paper.read_bytes():
            shutil.copy2(pdf, target)
            kept[pdf.name] = sha256
        else:
            outdated.append(pdf.name)
    return kept, outdated
