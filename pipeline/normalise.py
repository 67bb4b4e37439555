"""Repairing: what was typed becomes what the roll-up holds. One function a kind of column (`schemas/kinds`)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pipeline.model import Rows
from schemas.cells import concerned
from schemas.form import Form
from schemas.kinds import repairer
from schemas.text import clean


def normalise(rows: Rows, form: Form, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the repaired values: the index and columns of `rows.typed`, "" for every blank or valueless cell.

    The unit column holds the unit's name as lists have it (`names`, by code) where the unit is known. A column that
    does not concern a row (`where`) holds there what was typed, cleaned.
    """
    values = {}
    for column in form.columns:
        typed, repaired = rows.typed[column.key].tolist(), repairer(column)
        of = {text: repaired(text) for text in set(typed)}
        flaws = rows.flaws[column.key].tolist()
        values[column.key] = ["" if flaw else of[text] for text, flaw in zip(typed, flaws, strict=True)]
    units = zip(rows.origin["code"].tolist(), values[form.unit_key], strict=True)
    values[form.unit_key] = [names.get(code, value) for code, value in units]
    frame = pd.DataFrame(values, columns=form.keys, index=rows.typed.index).astype("str")
    for column in form.columns:
        if column.where:
            as_typed = rows.typed[column.key].map(clean).where(frame[column.key].ne(""), "")
            frame[column.key] = frame[column.key].where(concerned(column, frame), as_typed)
    return frame
