"""Purging: after a round what is personal goes, the counts stay.

Whatever is killed in between, purging again finishes it: the ledger knows first that the round is being purged, and
forgets which contents are its own only when they are gone. What is kept is named here; all the rest goes.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import OperatorError
from pipeline.folders import hashes_of
from pipeline.glance import forget
from pipeline.intake import lying_in
from pipeline.known import KNOWN
from pipeline.ledger import Ledger, open_ledger
from pipeline.names import DISPATCH, NOTICE, OVERVIEW, REPORT, RESULTS, SUMMARY_JSON
from pipeline.outbox import forms_shelf, late_shelf, result_shelf
from pipeline.state import hold, sync, writable
from pipeline.store import store_of
from pipeline.weigh import closed_by
from schemas.round import Round

FOR_MANY = tuple(Path(name).stem for name in (REPORT, NOTICE, DISPATCH, OVERVIEW))
"""The papers that go to many and name no person, whatever their format: they outlive the round's data."""
_COUNTS = f"{RESULTS}/{SUMMARY_JSON}"


@dataclass(frozen=True)
class Remains:
    """What a round still holds of persons: contents in the store, papers in the outbox, files in the inbox.

    `handwork` are papers that somebody edited or added, `shared` the contents that another round holds too, with
    the rounds; `purged` is the day on which the round was purged before, None for never.
    """

    contents: list[str]
    papers: list[str]
    handwork: list[str] = field(default_factory=list)
    inbox: list[Path] = field(default_factory=list)
    shared: dict[str, set[str]] = field(default_factory=dict)
    purged: dt.date | None = None


@dataclass(frozen=True)
class Kept:
    """What a purge left: the day on which it began, and the counts of then (`summary.json`; {} where none were)."""

    day: dt.date
    counts: dict[str, Any]


@dataclass(frozen=True)
class Holding:
    """How many files a round or a period (its id) still holds, and on which day it was closed (None: never)."""

    id: str
    files: int
    closed: dt.date | None


def holdings(round: Round, state: Path) -> list[Holding]:
    """Return what is still held of the round, and of every other period of it; the oldest first.

    A period in which nothing came may hold what it carried over: no files, and persons all the same.
    """
    if not state.is_dir():
        return []
    with writable(state), open_ledger(state) as ledger:
        files = Counter(holder for rounds in ledger.holders().values() for holder in rounds)
        ids = sorted(id for id in {*files, *ledger.carrying()} if id == round.id or round.opening_of(id))
        closings = {id: closed_by(ledger.decisions(id)) for id in ids}
    return [Holding(id, files[id], closing.day if closing else None) for id, closing in closings.items()]


def kept_of(round: Round, state: Path) -> Kept | None:
    """Return what is kept of a round that was purged, None where it was not."""
    if not state.is_dir():
        return None
    with writable(state), open_ledger(state) as ledger:
        purged = ledger.purged(round.id)
    return Kept(*purged) if purged else None


def remains(round: Round, inbox: Path, outbox: Path, state: Path) -> Remains:
    """Return what purging the round would delete; nothing is written.

    Raises:
        OperatorError: there is nothing (the round was never run), or another run holds the state folder.
    """
    with hold(state), open_ledger(state) as ledger:
        return _remains(ledger, round, inbox, outbox)


def purge(round: Round, inbox: Path, outbox: Path, state: Path, today: dt.date, *, with_inbox: bool = False) -> Remains:
    """Delete what the round holds of persons; return what that was.

    The inbox is the officer's: its files stay unless `with_inbox`.

    Raises:
        OperatorError: there is nothing (the round was never run); something cannot be deleted, or another run holds
            the state folder: purging again goes on.
    """
    with hold(state), open_ledger(state) as ledger:
        found = _remains(ledger, round, inbox, outbox)
        with writable(outbox):
            ledger.begin_purge(round.id, today, _counts(outbox / round.id / _COUNTS))
            papers = _clear_outbox(ledger, round, outbox)
        if with_inbox:
            with writable(inbox):
                for path in found.inbox:
                    path.unlink()
        for sha256 in found.contents:
            (store_of(state) / sha256).unlink(missing_ok=True)
        for cache in state.glob(f"{KNOWN}*"):
            cache.unlink()
        forget(state)
        for folder in (state, store_of(state)):
            if folder.is_dir():
                sync(folder)
        lying = {sha256 for _, sha256 in lying_in(inbox)} & {*found.contents}
        ledger.forget(round.id, found.contents, papers, lying)
    return found


def _remains(ledger: Ledger, round: Round, inbox: Path, outbox: Path) -> Remains:
    holders = ledger.holders()
    own = {sha256: rounds - {round.id} for sha256, rounds in holders.items() if round.id in rounds}
    contents = {sha256 for sha256, others in own.items() if not others}
    papers = hashes_of(outbox / round.id)
    going = {path: sha256 for path, sha256 in papers.items() if not _stays(ledger, round, path, sha256)}
    known = ledger.purged(round.id)
    if not (known or own or papers or forms_shelf(round, outbox).place.exists() or ledger.last_run(round.id)):
        raise OperatorError("nothing_to_purge", round=round.id)
    return Remains(
        contents=sorted(contents),
        papers=[*going, *(path.name for path in forms_shelf(round, outbox).place.glob("*"))],
        handwork=[path for path, sha256 in going.items() if not ledger.is_ours(round.id, path, sha256)],
        inbox=[path for path, sha256 in lying_in(inbox) if sha256 in contents],
        shared={sha256: others for sha256, others in own.items() if others},
        purged=known[0] if known else None,
    )


def _stays(ledger: Ledger, round: Round, path: str, sha256: str) -> bool:
    """Tell whether a paper outlives the data: the counts, and those for many as we wrote them."""
    for_many = "/" not in path and Path(path).stem in FOR_MANY
    return path == _COUNTS or (for_many and ledger.is_ours(round.id, path, sha256))


def _counts(path: Path) -> dict[str, Any]:
    """Return the counts of a summary without the files' names, which may be a person's; {} where there is none."""
    try:
        counts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return {**counts, "units": [{**unit, "file": ""} for unit in counts["units"]]}
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):  # never run, or edited
        return {}


def _clear_outbox(ledger: Ledger, round: Round, outbox: Path) -> dict[str, str]:
    """Let the folder of the round be replaced by one with the papers that stay; return their hashes."""
    shelf, forms = result_shelf(round, outbox), forms_shelf(round, outbox)
    for one in (shelf, forms, late_shelf(round, outbox)):
        one.recover()
    if forms.place.exists():
        shutil.rmtree(forms.place)
    if not shelf.place.is_dir():
        return {}
    shelf.staged.mkdir()
    for path, sha256 in hashes_of(shelf.place).items():
        if path != _COUNTS and _stays(ledger, round, path, sha256):
            shutil.copy2(shelf.place / path, shelf.staged / path)
    if (known := ledger.purged(round.id)) and known[1]:
        text = json.dumps(known[1], ensure_ascii=False, indent=2)
        (shelf.staged / _COUNTS).parent.mkdir()
        (shelf.staged / _COUNTS).write_text(text + "\n", encoding="utf-8")
    kept = hashes_of(shelf.staged)
    shelf.swap()
    shelf.recover()  # here nothing may be left behind: what cannot be deleted is told
    return kept
