"""The papers as PDF: LibreOffice converts what lies in the outbox, as the officer left it."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from pipeline.errors import OperatorError
from pipeline.folders import Shelf
from pipeline.ledger import open_ledger
from pipeline.outbox import result_shelf
from pipeline.state import hold, temporary, writable
from schemas.round import Round

SECONDS, SECONDS_A_PAPER = 60, 60  # to start for the first time; to convert a country's list of pages
_COMMANDS = ("soffice", "libreoffice")
_USUAL_PLACES = (
    Path("C:/Program Files/LibreOffice/program/soffice.exe"),
    Path("C:/Program Files (x86)/LibreOffice/program/soffice.exe"),
    Path("/Applications/LibreOffice.app/Contents/MacOS/soffice"),
)
_LOCK_FILES = ("~$", ".")  # of a paper that is open in Word or LibreOffice


def write_pdfs(round: Round, outbox: Path, state: Path) -> list[Path]:
    """Convert the Word papers in `outbox/<round>` and return the PDFs, which lie beside them.

    They count as ours: a run that changes a paper takes its PDF away.

    Raises:
        OperatorError: LibreOffice is not there, fails or takes too long; there are no papers; the disk refuses.
    """
    office = find_office()
    if office is None:
        raise OperatorError("no_libreoffice")
    with hold(state), open_ledger(state) as ledger, writable(outbox):
        shelf = result_shelf(round, outbox)
        shelf.recover()
        place = shelf.place
        papers = [path for path in sorted(place.glob("*.docx")) if not path.name.startswith(_LOCK_FILES)]
        if not papers:
            raise OperatorError("no_papers", path=place)
        folder = temporary(state).absolute() / "pdf"
        folder.mkdir()
        convert(office, papers, folder)
        made = [folder / f"{paper.stem}.pdf" for paper in papers]
        for paper, pdf in zip(papers, made, strict=True):
            if not pdf.exists():
                raise OperatorError("pdf_failed", path=paper)
        ledger.will_write_papers(round.id, {pdf.name: hashlib.sha256(pdf.read_bytes()).hexdigest() for pdf in made})
        return _put(made, shelf)


def find_office() -> Path | None:
    """Return LibreOffice's program, None where there is none."""
    found = next(filter(None, map(shutil.which, _COMMANDS)), None)
    return Path(found) if found else next((path for path in _USUAL_PLACES if path.exists()), None)


def convert(office: Path, papers: list[Path], folder: Path) -> None:
    """Run LibreOffice once for all papers, with a profile of its own: one that is open does not disturb."""
    profile = (folder / "profile").as_uri()
    command: list[str | Path] = [
        office, f"-env:UserInstallation={profile}", "--headless", "--norestore", "--convert-to", "pdf",
        "--outdir", folder, *(paper.absolute() for paper in papers),
    ]  # fmt: skip
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        process.wait(SECONDS + SECONDS_A_PAPER * len(papers))
    except subprocess.TimeoutExpired:
        raise OperatorError("pdf_slow") from None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End LibreOffice with the processes that it started itself, if it still runs."""
    if process.poll() is not None:
        return
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _put(pdfs: list[Path], shelf: Shelf) -> list[Path]:
    """Put every PDF into its place at once: no reader ever opens half of one, and no run takes half of one over."""
    shelf.staged.mkdir()
    try:
        for pdf in pdfs:
            shutil.copyfile(pdf, shelf.staged / pdf.name)
        return [(shelf.staged / pdf.name).replace(shelf.place / pdf.name) for pdf in pdfs]
    finally:
        shutil.rmtree(shelf.staged, ignore_errors=True)
