"""The outbox: everything is rendered beside its place, compared, and then takes its place at once."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from pipeline.agree import compare
from pipeline.history import current_versions, with_history
from pipeline.intake import Intake, Signs, take_in
from pipeline.known import open_known
from pipeline.ledger import Ledger, Letter, open_ledger
from pipeline.render.folders import Folders
from pipeline.render.machine import write_machine_results
from pipeline.render.overview import write_overview
from pipeline.render.report import write_report
from pipeline.render.rollup import write_rollup
from pipeline.render.sources import way_to
from pipeline.render.wording import worded
from pipeline.render.workbook import prefilled, write_form
from pipeline.run import Result, judge
from pipeline.state import alone, hold, writable
from schemas.round import Round
from schemas.text import slug


@dataclass(frozen=True)
class Published:
    """A result and where it lies; `kept` are files that somebody edited or added, kept beside the new ones.

    `mailed` tells which files of the inbox came by mail: path -> address that it was sent from.
    """

    result: Result
    told: pd.DataFrame
    folder: Path
    kept: list[Path]
    intake: Intake
    mailed: dict[str, str]


def look(round: Round, inbox: Path, state: Path, as_of: dt.date | None) -> Result:
    """Return the result of the round on that day; nothing is written but the ledger and the store."""
    today = as_of or dt.date.today()
    with hold(state), open_ledger(state) as ledger, open_known(state) as known:
        result = judge(round, take_in(inbox, state, ledger, today).arrivals, today, known)
        return _with_letters(state, ledger, with_history(ledger, result, current_versions(ledger, result)))


def publish(
    round: Round, inbox: Path, outbox: Path, state: Path, as_of: dt.date | None, settled: Signs | None = None
) -> Published:
    """Run the whole line and put the result at `outbox/<round>`; `settled` are the files that it may take, None: all.

    Raises:
        OperatorError: the inbox is not there, the outbox cannot be written, a template does not render, or another run
            holds the state folder.
    """
    today = as_of or dt.date.today()
    with hold(state), open_ledger(state) as ledger:
        with open_known(state) as known:
            intake = take_in(inbox, state, ledger, today, settled)
            result = judge(round, intake.arrivals, today, known)
        versions = current_versions(ledger, result)
        result = _with_letters(state, ledger, with_history(ledger, result, versions))
        told = worded(result)
        with writable(outbox):
            outbox.mkdir(parents=True, exist_ok=True)
            place, staged, old = outbox / round.id, outbox / f".{round.id}.new", outbox / f".{round.id}.old"
            _recover(place, staged, old)
            letters = _render(result, told, staged, way_to(inbox, staged))
            compare(staged)
            hashes = _hashes(staged)
            kept = _keep_handwork(ledger, round.id, place, staged)
            ledger.will_write_papers(round.id, hashes)
            _swap(place, staged, old)
        ledger.wrote_papers(round.id, hashes)
        ledger.record_run(round.id, today, {s.file: s.sha256 for s in result.submissions}, versions, letters)
        mailed = ledger.mail_senders()
    return Published(result, told, place, kept, intake, mailed)


def _with_letters(state: Path, ledger: Ledger, result: Result) -> Result:
    """Return the result with the letters so far; what was being sent when a sender died is uncertain."""
    with alone(state, "send") as nobody_sends:
        if nobody_sends:
            ledger.settle_unknown(result.round.id)
    return replace(result, posted=ledger.posted(result.round.id))


def write_forms(round: Round, outbox: Path, state: Path, as_of: dt.date | None) -> tuple[Path, int]:
    """Write a form for every sender into `outbox/bieu-mau-<round>`: blank, or with the data last found in order.

    Return the folder and how many forms there are.
    """
    today = as_of or dt.date.today()
    names = round.right_names.proposed
    place, staged = outbox / f"bieu-mau-{round.id}", outbox / f".bieu-mau-{round.id}.new"
    with hold(state), open_ledger(state) as ledger, writable(outbox):
        _recover(place, staged, staged.with_suffix(".old"))
        staged.mkdir(parents=True)
        for code, unit in round.submitting_units.items():
            versions = ledger.versions(round.id, code)
            number = versions[-1].number + 1 if versions else 1
            filling = prefilled(round, code, versions[-1] if versions else None)
            path = staged / f"{code}-{slug(unit.full_name)}.xlsx"
            write_form(path, round, unit, filling, names, version=number, as_of=today)
        _swap(place, staged, staged.with_suffix(".old"))
    return place, len(round.submitting_units)


def _swap(place: Path, staged: Path, old: Path) -> None:
    """Let the new folder take the place of the old one."""
    if place.exists():
        place.rename(old)
    try:
        staged.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _recover(place: Path, staged: Path, old: Path) -> None:
    """Undo what a killed run left: the old result goes back unless the new one is in place."""
    if old.exists() and not place.exists():
        old.rename(place)
    for rest in (staged, old):
        if rest.exists():
            shutil.rmtree(rest)


def _render(result: Result, told: pd.DataFrame, folder: Path, way: str) -> list[Letter]:
    """Render everything into the folder, from which a `way` leads to the inbox; return the letters prepared."""
    folder.mkdir()

    def papers() -> None:
        write_machine_results(result, told, folder / "ket-qua")
        write_report(result, told, folder / "bao-cao.docx")
        write_rollup(result, told, folder / "tong-hop.xlsx", way)
        write_overview(result, told, folder / "tong-quan.html")

    return Folders(result, told, folder).write(meanwhile=papers)


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _keep_handwork(ledger: Ledger, round: str, place: Path, staged: Path) -> list[Path]:
    """Carry over every file of the old result that is not as we wrote it, beside the new one of its name."""
    kept = []
    for path, sha256 in _hashes(place).items() if place.exists() else ():
        if ledger.is_ours(round, path, sha256) or Path(path).name.startswith(("~$", ".~lock")):
            continue
        target = staged / path
        if target.exists() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
            continue
        number = 1
        while target.exists():
            target = (staged / path).with_stem(f"{Path(path).stem}.sua-tay-{number}")
            number += 1
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(place / path, target)
        kept.append(place / target.relative_to(staged))
    return kept
