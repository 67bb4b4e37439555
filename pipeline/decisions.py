"""What an officer decides by name: waivers and their end, closing a round and opening it again.

Nothing decided is ever deleted from the ledger; who ended it stands beside it.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pipeline.closing import must_be_open
from pipeline.errors import OperatorError
from pipeline.ledger import open_ledger
from pipeline.look import look
from pipeline.model import Decision
from pipeline.publish import Published, publish_last
from pipeline.state import hold
from pipeline.weigh import closed_by, persons_of
from schemas.codes import Rule
from schemas.round import Round
from schemas.text import clean, screen_date

# Where nothing could be read there is nothing that could be accepted.
_NEVER_WAIVED = (Rule.SUBMISSION_UNKNOWN_UNIT, Rule.SUBMISSION_MISSING, Rule.SUBMISSION_CLOSED)


def waive(
    round: Round,
    inbox: Path,
    state: Path,
    today: dt.date,
    decision: Decision,
) -> list[Decision]:
    """Waive what a rule finds at a unit now, and return the waivers, one for every value.

    `decision` says unit, rule, column (its key or label, "" for all), by whom, in which words, and until when.

    Raises:
        OperatorError: a name or reason is missing, the day has passed, the rule cannot be waived or finds nothing
            there, or the round is closed.
    """
    by, words = _said("by", decision.by), _said("why", decision.words)
    if decision.until is None or decision.until < today:
        raise OperatorError("waiver_past", until=screen_date(decision.until))
    if decision.rule not in set(Rule):
        raise OperatorError("no_rule", rule=decision.rule)
    if decision.rule.startswith("file.") or decision.rule in _NEVER_WAIVED:
        raise OperatorError("never_waived", rule=decision.rule)
    result = look(round, inbox, state, today)
    must_be_open(result.decisions)
    found = result.rollup.findings
    here = found["unit"].eq(decision.unit) | (found["unit"].eq("") & found["submitter"].eq(decision.unit))
    told = found[here & found["severity"].isin(["error", "warning"])]
    form, column = round.form, decision.column
    columns = {key for key in form.keys if column in (key, form.label(key), "")} | ({""} if not column else set())
    chosen = told[told["rule"].eq(decision.rule) & told["column"].isin(columns)]
    if chosen.empty:
        rules = sorted({f"{f.rule} ({f.column})" if f.column else f.rule for f in told.itertuples()})
        raise OperatorError("nothing_to_waive", rule=decision.rule, unit=decision.unit, found=", ".join(rules) or "-")
    persons = persons_of(form, result.rows.typed)
    waivers = {
        waiver.place: waiver
        for f in chosen.itertuples()
        for waiver in [
            Decision(
                "waiver",
                today,
                by,
                words,
                f.submitter,
                f.unit,
                f.rule,
                f.column,
                clean(f.value),
                decision.until,
                person=persons.get(f.id, ""),
            )
        ]
    }
    with hold(state), open_ledger(state) as ledger:
        ledger.record_decisions(round.id, waivers.values())
        return [d for d in ledger.decisions(round.id) if d.number and d.place in waivers][-len(waivers) :]


def withdraw(round: Round, state: Path, today: dt.date, number: int, by: str) -> Decision:
    """End a waiver, or decline what a unit explained, and return it: it is asked again from that day on.

    Raises:
        OperatorError: no such decision is in force, the name is missing, or the round is closed.
    """
    by = _said("by", by)
    with hold(state), open_ledger(state) as ledger:
        decisions = ledger.decisions(round.id)
        must_be_open(decisions)
        chosen = next((d for d in decisions if d.number == number and d.rule and d.ended is None), None)
        if chosen is None:
            raise OperatorError("no_decision", number=number)
        # The same said twice of the same value ends together.
        same = [d.number for d in decisions if (d.kind, d.place) == (chosen.kind, chosen.place)]
        ledger.end_decisions(same, today, by)
    return chosen


def close(round: Round, inbox: Path, outbox: Path, state: Path, today: dt.date, by: str) -> Published:
    """Publish a last time and seal the result by name: from now on files for the round are too late.

    Raises:
        OperatorError: as `publish_last`; the name is missing.
    """
    return publish_last(round, inbox, outbox, state, today, _said("by", by))


def reopen(round: Round, state: Path, today: dt.date, by: str, why: str) -> None:
    """Open a closed round again: the next run counts what came in the meantime.

    Raises:
        OperatorError: the name or the reason is missing, or the round is open.
    """
    by, why = _said("by", by), _said("why", why)
    with hold(state), open_ledger(state) as ledger:
        if closed_by(ledger.decisions(round.id)) is None:
            raise OperatorError("not_closed")
        ledger.record_decisions(round.id, [Decision("reopening", today, by, why)])


def decisions_of(round: Round, state: Path) -> list[Decision]:
    """Return all that was decided in a round, oldest first."""
    if not state.is_dir():
        return []
    with open_ledger(state) as ledger:
        return ledger.decisions(round.id)


def _said(key: str, text: str) -> str:
    if not (said := clean(text)):
        raise OperatorError("not_said", key=key.upper())
    return said
