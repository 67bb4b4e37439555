"""Repairing: what was typed becomes what the roll-up holds. One function a kind of column (`schemas/kinds`)."""

from __future__ import annotations

import pandas as pd

from pipeline.model import Rows
from schemas.form import Form
from schemas.kinds import REPAIRS, is_blank
from schemas.units import Register


def normalise(rows: Rows, form: Form, register: Register) -> pd.DataFrame:
    """Return the repaired values: the index and columns of `rows.typed`, "" for every blank or valueless cell.

    The unit column holds the register's full name where the unit is known.
    """
    repaired = {}
    for column in form.columns:
        typed = rows.typed[column.key]
        repair = REPAIRS[column.kind]
        values = {text: "" if is_blank(text) else repair(text) for text in typed.unique()}
        repaired[column.key] = typed.map(values).where(rows.flaws[column.key].eq(""), "")
    names = rows.origin["code"].map({code: unit.full_name for code, unit in register.units.items()})
    repaired[form.unit_key] = names.fillna(repaired[form.unit_key])
    return pd.DataFrame(repaired, columns=form.keys, index=rows.typed.index).astype("str")
