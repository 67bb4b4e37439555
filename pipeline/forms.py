"""The forms of a round, one for every sender, before anything was sent."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pipeline.ledger import open_ledger
from pipeline.outbox import forms_shelf
from pipeline.period import earlier_periods, prefillable
from pipeline.render.filling import prefilled
from pipeline.render.workbook import Forms
from pipeline.state import hold, make, writable
from pipeline.terminal import watched
from schemas.round import Round
from schemas.text import slug


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
