"""Where the results of a round lie in the outbox, and what of an old one goes over into the new one."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from pipeline.folders import Shelf, hashes_of
from pipeline.ledger import Ledger
from pipeline.names import LATE
from schemas.round import Round


def result_shelf(round: Round, outbox: Path) -> Shelf:
    """Return where the result of a round lies."""
    return Shelf(outbox / round.id)


def forms_shelf(round: Round, outbox: Path) -> Shelf:
    """Return where the forms of a round lie."""
    return Shelf(outbox / f"bieu-mau-{round.id}")


def late_shelf(round: Round, outbox: Path) -> Shelf:
    """Return where what came after the closing is told."""
    return Shelf(outbox / round.id / LATE, outbox / f"{round.id}.late")


def keep_handwork(ledger: Ledger, round: str, shelf: Shelf) -> list[Path]:
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


def keep_pdfs(ledger: Ledger, round: str, shelf: Shelf) -> tuple[dict[str, str], list[str]]:
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
