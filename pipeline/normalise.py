"""Repairing: what was typed becomes what the roll-up holds. One function a kind of column (`schemas/kinds`)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pipeline.model import Rows
from schemas.form import Form
from schemas.kinds import REPAIRS, is_blank


def normalise(rows: Rows, form: Form, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the repaired values: the index and columns of `rows.typed`, "" for every blank or valueless cell.

    The unit column holds the unit's name as lists have it (`names`, by code) where the unit is known.
    """
    repaired = {}
    for column in form.columns:
        typed = rows.typed[column.key]
        repair = REPAIRS[column.kind]
        values = {text: "" if is_blank(text) else repair(text) for text in typed.unique()}
        repaired[column.key] = typed.map(values).where(rows.flaws[column.key].eq(""), "")
    repaired[form.unit_key] = rows.origin["code"].map(names).fillna(repaired[form.unit_key])
    return pd.DataFrame(repaired, columns=form.keys, index=rows.typed.index).astype("str")
