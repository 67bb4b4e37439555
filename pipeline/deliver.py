"""The outbox: everything is rendered beside its place, compared, and then takes its place at once."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.agree import compare
from pipeline.consolidate import vietnamese_date
from pipeline.errors import OperatorError
from pipeline.folders import Shelf, hashes_of
from pipeline.history import current_versions, with_history
from pipeline.intake import Intake, take_in
from pipeline.known import open_known
from pipeline.ledger import Ledger, Letter, open_ledger
from pipeline.render.letter import write_letter
from pipeline.render.machine import write_machine_results
from pipeline.render.overview import write_overview
from pipeline.render.report import write_report
from pipeline.render.returned import filling_of
from pipeline.render.rollup import write_rollup
from pipeline.render.wording import worded
from pipeline.render.workbook import blank, prefilled, write_form
from pipeline.run import Result, judge
from pipeline.state import hold, writable
from schemas.round import Round
from schemas.text import slug


@dataclass(frozen=True)
class Published:
    """A result and where it lies; `kept` are files that somebody edited or added, kept beside the new ones."""

    result: Result
    told: pd.DataFrame
    folder: Path
    kept: list[Path]
    intake: Intake


def look(round: Round, inbox: Path, state: Path, as_of: dt.date | None) -> Result:
    """Return the result of the round on that day; nothing is written but the ledger and the store."""
    today = as_of or dt.date.today()
    with hold(state), open_ledger(state) as ledger, open_known(state) as known:
        _must_live(ledger, round)
        result = judge(round, take_in(round.id, inbox, state, ledger, today).arrivals, today, known)
        return with_history(ledger, result, current_versions(ledger, result))


def publish(round: Round, inbox: Path, outbox: Path, state: Path, as_of: dt.date | None) -> Published:
    """Run the whole line and put the result at `outbox/<round>`.

    Raises:
        OperatorError: the inbox is not there, the outbox cannot be written, a template does not render, or another run
            holds the state folder.
    """
    today = as_of or dt.date.today()
    with hold(state), open_ledger(state) as ledger:
        _must_live(ledger, round)
        with open_known(state) as known:
            intake = take_in(round.id, inbox, state, ledger, today)
            result = judge(round, intake.arrivals, today, known)
        ledger.belong(round.id, {s.sha256: s.submitter for s in result.submissions})
        versions = current_versions(ledger, result)
        result = with_history(ledger, result, versions)
        told = worded(result)
        with writable(outbox):
            outbox.mkdir(parents=True, exist_ok=True)
            shelf = Shelf(outbox / round.id)
            shelf.recover()
            letters = _render(result, told, shelf.staged)
            compare(shelf.staged)
            hashes = hashes_of(shelf.staged)
            kept = _keep_handwork(ledger, round.id, shelf)
            ledger.will_write_papers(round.id, hashes)
            shelf.swap()
        ledger.wrote_papers(round.id, hashes)
        ledger.record_run(round.id, today, {s.file: s.sha256 for s in result.submissions}, versions, letters)
    return Published(result, told, shelf.place, kept, intake)


def write_forms(round: Round, outbox: Path, state: Path, as_of: dt.date | None) -> tuple[Path, int]:
    """Write a form for every sender into `outbox/bieu-mau-<round>`: blank, or with the data last found in order.

    Return the folder and how many forms there are.
    """
    today = as_of or dt.date.today()
    names = round.right_names.proposed
    shelf = forms_shelf(round, outbox)
    with hold(state), open_ledger(state) as ledger, writable(outbox):
        _must_live(ledger, round)
        shelf.recover()
        shelf.staged.mkdir(parents=True)
        for code, unit in round.submitting_units.items():
            versions = ledger.versions(round.id, code)
            number = versions[-1].number + 1 if versions else 1
            filling = prefilled(round, code, versions[-1] if versions else None)
            path = shelf.staged / f"{code}-{slug(unit.full_name)}.xlsx"
            write_form(path, round, unit, filling, names, version=number, as_of=today)
        shelf.swap()
    return shelf.place, len(round.submitting_units)


def forms_shelf(round: Round, outbox: Path) -> Shelf:
    """Return where the forms of a round lie."""
    return Shelf(outbox / f"bieu-mau-{round.id}")


def _must_live(ledger: Ledger, round: Round) -> None:
    """Refuse a round of which the personal data is gone: its counts would be counted down to nothing."""
    if gone := ledger.purged(round.id):
        raise OperatorError("purged", round=round.id, date=vietnamese_date(gone[0]))


def _render(result: Result, told: pd.DataFrame, folder: Path) -> list[Letter]:
    """Render everything into the folder; return the letters prepared."""
    folder.mkdir()
    write_machine_results(result, told, folder / "ket-qua")
    write_report(result, told, folder / "bao-cao.docx")
    write_rollup(result, told, folder / "tong-hop.xlsx")
    write_overview(result, told, folder / "tong-quan.html")
    return _render_senders(result, told, folder)


def _render_senders(result: Result, told: pd.DataFrame, folder: Path) -> list[Letter]:
    letters = []
    round, senders = result.round, result.rollup.senders
    names = round.right_names.proposed
    findings = {str(code): group for code, group in told.groupby("submitter")}
    nothing = told.iloc[:0]
    for code, unit in round.submitting_units.items():
        own = findings.get(code, nothing)
        status = senders.at[code, "status"]
        place = folder / "don-vi" / f"{code}-{slug(unit.full_name)}"
        place.mkdir(parents=True)
        version = result.version_of(code) + 1
        if status in ("missing", "rejected"):
            form = place / "bieu-mau.xlsx"
            write_form(form, round, unit, blank(round, code), names, version=version, as_of=result.as_of)
        else:
            form = place / "phieu-sua.xlsx"
            if senders.at[code, "errors"] or senders.at[code, "warnings"]:
                write_form(form, round, unit, filling_of(result, own, code), names, version=version, as_of=result.as_of)
        letters.append(write_letter(result, own, code, place, form))
        if form.name == "bieu-mau.xlsx":
            form.unlink()
    return letters


def _keep_handwork(ledger: Ledger, round: str, shelf: Shelf) -> list[Path]:
    """Carry over every file of the old result that is not as we wrote it, beside the new one of its name."""
    kept = []
    place, staged = shelf.place, shelf.staged
    for path, sha256 in hashes_of(place).items():
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
