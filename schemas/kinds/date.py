"""Days, written day first as in Vietnam. A repaired value is `2022-03-31`; people read `31/03/2022`."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from contextlib import suppress
from functools import lru_cache

from schemas.data import vocabulary
from schemas.text import clean, search_key

_SERIALS = range(20_000, 60_000)  # Excel's numbers of the days from 1954 to 2064
_EPOCH = dt.date(1899, 12, 30)
_YEARS = range(1900, 2100)
_TIME = re.compile(r"[\sT]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s*[APap]\.?[Mm]\.?|\s*(?:SA|CH))?$")
_DAY_FIRST = re.compile(r"^(\d{1,2})\s*([/.\-])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{2})$", re.ASCII)
_YEAR_FIRST = re.compile(r"^(\d{4})\s*([/.\-])\s*(\d{1,2})\s*\2\s*(\d{1,2})$", re.ASCII)


def repair(text: str) -> str:
    """Return the day as `2022-03-31`, or the cleaned text where it is none for sure.

    Undone here: days and months without their zero, dots and hyphens, a time behind, two digits of the year,
    "ngay 31 thang 3 nam 2022", the year first, a day that a workbook holds as a bare number.
    """
    day = parse(text)
    return day.isoformat() if day else clean(text)


@lru_cache(maxsize=50_000)
def parse(text: str) -> dt.date | None:
    """Return the day that a text is, None where it is none, or where the month would stand first."""
    text = _TIME.sub("", clean(unicodedata.normalize("NFKC", text)).strip(" .,'"))
    if text.isascii() and text.isdigit() and len(text) == 5 and int(text) in _SERIALS:
        return _EPOCH + dt.timedelta(days=int(text))
    if match := _YEAR_FIRST.match(text):
        return _day(match[1], match[3], match[4])
    if match := _DAY_FIRST.match(text):
        return _day(match[4], match[3], match[1])
    if match := re.search(vocabulary()["dates"]["in_words"], search_key(text)):
        return _day(match[3], match[2], match[1])
    return None


def proposal(text: str) -> str:
    """Return the day that a text with the month first probably means, as people write it; "" for anything else."""
    match = _DAY_FIRST.match(_TIME.sub("", clean(text)))
    day = _day(match[4], match[1], match[3]) if match and not parse(text) else None
    return shown(day.isoformat()) if day else ""


def shown(value: str) -> str:
    """Return a repaired day as people read it: `31/03/2022`; anything else as it is."""
    return "/".join(reversed(value.split("-"))) if is_day(value) else value


def is_day(value: str) -> bool:
    """Tell whether a repaired value is a day."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return False
    with suppress(ValueError):
        dt.date.fromisoformat(value)
        return True
    return False


def _day(year: str, month: str, day: str) -> dt.date | None:
    full = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 50 else 1900)
    try:
        return dt.date(full, int(month), int(day)) if full in _YEARS else None
    except ValueError:
        return None
