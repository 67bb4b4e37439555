"""Kinds of column: one module a kind, each with what can be repaired and how the repaired value is judged.

A repair returns the value as the roll-up holds it, or the cleaned text where nothing is certain; repairing twice
is repairing once. `blank.py` says what counts as an empty cell.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from schemas.kinds import blank, choice, date, email, link, name, number, page_name, phone, yes_no
from schemas.text import clean, spelling_key

if TYPE_CHECKING:
    from schemas.form import Column

_EXCEL_DIGITS = 15
_NUMERAL = re.compile(r"\d+", re.ASCII)
Repair = Callable[[str], str]


@dataclass(frozen=True)
class Kind:
    """How the cells of a column of this kind are repaired, and how a repaired value is shown to people.

    `in_order` tells the texts that leave nothing to be asked: what a rule is answered of one, it is answered of all.
    `says` tells of a text that would be blank elsewhere ("x", "0") whether it is a value here; `same` of a writing
    whether it is as good as the value shown, so that nobody needs to be told of the repair.
    """

    repair: Callable[[Column], Repair]
    shown: Callable[[str], str] = str
    in_order: Callable[[str], bool] = lambda text: False
    says: Callable[[str, Column], bool] = lambda text, column: False
    same: Callable[[str, str], bool] = lambda typed, shown: typed == shown


def _same_day(typed: str, shown: str) -> bool:
    """Tell whether two writings hold the same numbers, leading zeros and what stands between them aside."""
    said, meant = ([digits.lstrip("0") for digits in _NUMERAL.findall(text)] for text in (typed, shown))
    return said == meant


def _same_digits(typed: str, shown: str) -> bool:
    """Tell whether two writings of a number differ in their separators only, or in what is counted."""
    return "".join(_NUMERAL.findall(typed)) == "".join(_NUMERAL.findall(shown))


def _alone(repair: Repair) -> Callable[[Column], Repair]:
    return lambda column: repair


KINDS = {
    "unit": Kind(_alone(clean)),
    "page-name": Kind(_alone(page_name.repair)),
    "link": Kind(_alone(link.repair)),
    "name": Kind(_alone(name.repair), in_order=name.in_order),
    "phone": Kind(_alone(phone.repair), in_order=phone.in_order),
    "email": Kind(_alone(email.repair), in_order=email.in_order),
    "text": Kind(_alone(clean)),
    "yes-no": Kind(
        _alone(yes_no.repair),
        says=lambda text, column: yes_no.is_answer(yes_no.repair(text)),
        same=lambda typed, shown: True,
    ),
    "choice": Kind(
        lambda column: partial(choice.repair, choices=column.spellings),
        says=lambda text, column: choice.find(text, column.spellings) != "",
        same=lambda typed, shown: spelling_key(typed) == spelling_key(shown),
    ),
    "date": Kind(_alone(date.repair), date.shown, same=_same_day),
    "number": Kind(
        _alone(number.repair),
        number.shown,
        says=lambda text, column: number.parse(text) is not None,
        same=_same_digits,
    ),
}


is_empty = blank.is_empty


def is_blank(text: str, column: Column | None = None) -> bool:
    """Tell whether a cell says nothing: in any column, or in this one."""
    return blank.is_blank(text) and (column is None or not KINDS[column.kind].says(text, column))


def repaired(text: str, column: Column) -> str:
    """Return the value as the roll-up holds it, "" for a blank cell, repaired until nothing is left to repair."""
    return repairer(column)(text)


def repairer(column: Column) -> Repair:
    """Return how the cells of a column are repaired, for whoever has many of them."""
    kind = KINDS[column.kind]
    repair, says, says_nothing = kind.repair(column), kind.says, blank.is_blank

    def repaired(text: str) -> str:
        if says_nothing(text) and not says(text, column):
            return ""
        value = repair(text)
        if value == text:
            return text
        seen = {text}
        while value not in seen:
            if says_nothing(value) and not says(value, column):
                return ""
            seen.add(value)
            value = repair(value)
        return value

    return repaired


def shown(value: str, column: Column) -> str:
    """Return a repaired value as people read it: days as 31/03/2022, numbers as 1.234,5."""
    return KINDS[column.kind].shown(value)


def cell_value(value: str, column: Column) -> str | int | float | dt.date:
    """Return a repaired value as a cell of a workbook holds it: numbers and days by their type, all else as text.

    So does a number of more digits than Excel keeps.
    """
    if column.kind == "number" and len(value) <= _EXCEL_DIGITS and number.is_number(value):
        return float(value) if "." in value else int(value)
    if column.kind == "date" and date.is_day(value):
        return dt.date.fromisoformat(value)
    return value


def is_news(typed: str, value: str, column: Column) -> bool:
    """Tell whether a repair is worth telling: a tick taken for yes, or zeros put before a day, is none."""
    kind = KINDS[column.kind]
    return not kind.same(clean(typed), kind.shown(value))


__all__ = ["KINDS", "Kind", "cell_value", "is_blank", "is_empty", "is_news", "repaired", "repairer", "shown"]
