"""When two entries are of one person."""

from __future__ import annotations

from functools import cache
from typing import Literal

import pandas as pd

from schemas.form import Form
from schemas.kinds import name
from schemas.text import without_accents


def repeated(form: Form, codes: pd.Series, rows: pd.DataFrame, *, keep: Literal["first", False] = "first") -> pd.Series:
    """Tell the rows that say of a person just what another one of its unit says; `keep="first"`: but the first such.

    `codes` are the units of the rows, "" where a row is not judged by its unit. Namesakes differ in something else.
    """
    if form.rows != "persons":
        return pd.Series(data=False, index=rows.index)
    named = codes.ne("") & rows[[column.key for column in form.of_kind("name")]].ne("").any(axis=1)
    who = rows.drop(columns=form.unit_key).assign(**{form.unit_key: codes})
    return named & who.duplicated(keep=keep)


def same_names(one: pd.Series, other: pd.Series) -> pd.Series:
    """Tell row by row whether two columns of names name one person, accents and case aside; "" is nobody."""
    key = cache(lambda text: without_accents(name.same_person_key(text)))
    equal = [a != "" and (a == b or key(a) == key(b)) for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    return pd.Series(equal, index=one.index, dtype=bool)
