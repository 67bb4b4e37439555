"""Which letters are due: those of what counts now that their unit was not told yet. Nothing is sent here."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from pipeline import clock
from pipeline.errors import OperatorError
from pipeline.intake import signs_of
from pipeline.ledger import open_ledger
from pipeline.look import look, look_late
from pipeline.records import TOLD, Letter, Posted
from pipeline.render.letter import letter_to
from pipeline.state import hold
from pipeline.weigh import closed_by
from schemas.round import Round
from schemas.units import Unit


@dataclass(frozen=True)
class Due:
    """Whether a unit gets a letter now, and why.

    `reason`: `due` (`letter` lies in the outbox and will be sent), `told` (it has been), `uncertain` or `refused` (it
    was tried), `stale` (the outbox is older than what counts), `no-address`.
    """

    unit: Unit
    letter: Letter
    address: str
    reason: str


def letters_due(round: Round, inbox: Path, state: Path, as_of: dt.date | None) -> list[Due]:
    """Return for every sender of the round whether a letter is due; of a closed round also about what came too late.

    The day is `as_of`, else today; where the last run was made as of another day, the days since it are added to that
    one.

    Raises:
        OperatorError: no run has prepared letters, or a file is just being written into the inbox.
    """
    with hold(state), open_ledger(state) as ledger:
        day = ledger.day_of(round.id, clock.today())
    if day is None:
        raise OperatorError("nothing_prepared", round=round.id)
    before = signs_of(inbox)
    result = look(round, inbox, state, as_of or day)
    late = look_late(round, inbox, state, as_of or day) if closed_by(result.decisions) else None
    if signs_of(inbox) != before:
        raise OperatorError("inbox_changing", path=inbox)
    # What a unit was told of what counts, and of what came after the closing, are two matters.
    posted: dict[tuple[str, bool], list[Posted]] = {}
    for letter in result.posted:
        posted.setdefault((letter.submitter, letter.kind == "closed"), []).append(letter)
    units = round.submitting_units
    dues = [
        _due(round, unit, letter_to(result, code), posted.get((code, False), []), result.as_of, late is not None)
        for code, unit in units.items()
    ]
    if late:
        senders = [code for code in units if code in late.after_closing]
        dues += [
            _due(round, units[code], letter_to(late, code), posted.get((code, True), []), late.as_of, closed=True)
            for code in senders
        ]
    return dues


def _due(round: Round, unit: Unit, wanted: Letter, posted: list[Posted], today: dt.date, closed: bool) -> Due:
    address = round.contacts.get(unit.code, "")
    if not address:
        return Due(unit, wanted, address, "no-address")
    if told := _told(round, wanted, posted, address, today):
        return Due(unit, wanted, address, "told" if told.fate == "sent" else told.fate)
    prepared = next((letter for letter in posted if letter.is_current), None)
    if closed and wanted.kind == "reminder":  # what comes now comes too late
        return Due(unit, wanted, address, "stale")
    if prepared is None or not _says_the_same(round, prepared, wanted, today):
        return Due(unit, wanted, address, "stale")
    return Due(unit, prepared, address, "due")


def _told(round: Round, wanted: Letter, posted: list[Posted], address: str, today: dt.date) -> Posted | None:
    """Return the letter that has told the unit what `wanted` says.

    What a unit was told last holds. A reminder holds until the next day of the round's that is one for reminding.
    What a mailbox refused was told unless the unit has another mailbox now.
    """
    tried = [p for p in posted if p.fate in TOLD and (p.fate != "refused" or p.address == address)]
    if wanted.kind == "reminder":
        last_day = round.last_day_of(wanted.submitter)
        reminders = [p for p in tried if p.kind == "reminder"]
        return next((p for p in reversed(reminders) if round.reminding.same_time(p.prepared, today, last_day)), None)
    same = [p for p in tried if p.message_id == wanted.message_id]
    return same[0] if same else tried[-1] if tried and _is_same(tried[-1], wanted) else None


def _is_same(one: Letter, other: Letter) -> bool:
    return (one.kind, one.version, one.about) == (other.kind, other.version, other.about)


def _says_the_same(round: Round, prepared: Posted, wanted: Letter, today: dt.date) -> bool:
    """Tell whether a prepared letter is true today: a reminder counts days, others may speak of a day to come."""
    last_day = round.last_day_of(wanted.submitter)
    if wanted.kind == "reminder":
        return prepared.message_id == wanted.message_id
    return _is_same(prepared, wanted) and (last_day is None or not prepared.prepared <= last_day < today)
