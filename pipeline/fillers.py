"""Texts and rows of a table that list nothing: totals, examples, hints, numbers of columns, what stands below it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase, digits

from schemas.data import vocabulary
from schemas.kinds.blank import is_blank
from schemas.text import ROMAN, clean, foreign_initials, search_key, without_remark

_NUMBERED = re.compile(r"^[(\[]?\s*(\d{1,2}|[A-Za-z]|[IVX]{2,5})\s*[)\].]{0,2}(?:\s*=.*)?$")
_NUMBER = re.compile(rf"^\s*(?:{ROMAN}|\d{{1,2}})[.)/]\s*")
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI")
_COUNTED = {pair for marks in (ascii_uppercase, ascii_lowercase, _ROMAN) for pair in pairwise(["", *marks])}
_DIGITS = re.compile(r"\d+")


def is_footer(cells: list[str]) -> bool:
    """Tell a row that stands below a table: a signature, recipients, a line of place and date."""
    texts = [search_key(_NUMBER.sub("", text[:60])) for text in cells if text.strip()]
    return any(f"{key} ".startswith(_footers()) for key in texts) or any(map(is_date_line, cells))


def is_date_line(text: str) -> bool:
    """Tell a line of place and date: its place is where the letter was signed, no sender and no row."""
    return bool(_date_line().search(clean(text)))


def holds_numbers_only(cells: list[str]) -> bool:
    """Tell a row that numbers the columns: `1 2 3`, `A B 1 2`, `I II III`; letters count on from the first one."""
    numbers, last = 0, ""
    for text in cells:
        match = None if len(text) > 5 and text[0].isalpha() else _NUMBERED.match(clean(text))
        mark = match[1] if match else ""
        if {(last, mark), ("", mark)} & _COUNTED or (mark.isdigit() and not is_blank(text)):
            numbers, last = numbers + 1, mark
        elif not is_blank(text):
            return False
    return numbers >= 3


def holds_hints_only(cells: list[str]) -> bool:
    """Tell a row that says under the header how its columns are filled: `(as on the list) (10 digits)`."""
    texts = [text for text in map(clean, cells) if text]
    return len(texts) >= 3 and all(text[0] == "(" and text[-1] == ")" for text in texts)


def is_example(text: str, is_unit: Callable[[str], bool]) -> bool:
    """Tell the mark of a row that was left as an example: `VD`, or `VD: Xa A` where no unit is called so."""
    text = text.lstrip("([*- ")
    if text[:1] in _of_no_example():
        return False
    mark, _, rest = text.replace(")", ":", 1).partition(":")
    return len(mark) <= 30 and search_key(mark) in _examples() and not is_unit(rest)


def is_total(text: str) -> bool:
    """Tell the words of a row that sums up: `Tong cong`, `Cong: 12 xa`."""
    if text.isdecimal() or text[:1] in _of_no_total():
        return False
    key = _DIGITS.sub(" ", search_key(without_remark(text)))
    return " ".join(key.split()) in _totals()


def is_grouping(text: str) -> bool:
    """Tell a heading that names units by what they have in common: `Cum so 1`, `Cac xa vung cao`."""
    return search_key(text).startswith(_groupings())


@cache
def _groupings() -> tuple[str, ...]:
    return tuple(f"{search_key(text)} " for text in vocabulary()["table"]["groupings"])


@cache
def _date_line() -> re.Pattern[str]:
    return re.compile(vocabulary()["table"]["date_line"], re.IGNORECASE)


@cache
def _footers() -> tuple[str, ...]:
    return tuple(f"{search_key(text)} " for text in vocabulary()["table"]["footers"])


@cache
def _totals() -> frozenset[str]:
    return frozenset(search_key(text) for text in vocabulary()["table"]["totals"])


@cache
def _of_no_total() -> frozenset[str]:
    return foreign_initials(_totals()) - {*digits}  # a total may be numbered


@cache
def _examples() -> frozenset[str]:
    return frozenset(search_key(text) for text in vocabulary()["table"]["examples"])


@cache
def _of_no_example() -> frozenset[str]:
    return foreign_initials(_examples())
