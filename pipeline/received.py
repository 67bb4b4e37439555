"""Days in the names of files and folders: when a file was received, and which digits are no code of a unit."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import PurePosixPath

# The day may be followed by words of the officer's own: "2022-03-30 dot 2".
_DATES = (
    re.compile(r"^(?P<y>\d{4})[-._](?P<m>\d{1,2})[-._](?P<d>\d{1,2})(?![-._]?\d)"),
    re.compile(r"^(?P<d>\d{1,2})[-._](?P<m>\d{1,2})[-._](?P<y>\d{4})(?![-._]?\d)"),
)
# Day, month and year, day and month, month and year; what has more digits is a code before a date: "11-30.08.2022".
_LIKE_A_DATE = re.compile(
    r"^(?:[0-3]?\d[-._](?:\d{1,2}[-._](?:\d{4}|\d\d)|(?:0?[1-9]|1[0-2]))|(?:0?[1-9]|1[0-2])[-._]\d{4})(?![-._]?\d)"
)


def received_on(file: str) -> dt.date | None:
    """Return the day by which the nearest folder of a file (a way within the inbox) is named, if any."""
    return next(filter(None, map(_date_of, reversed(PurePosixPath(file).parts[:-1]))), None)


def misdated(files: Iterable[str]) -> list[str]:
    """Return the folders of these files that are named like a day that no calendar has."""
    folders = {folder for file in files for folder in PurePosixPath(file).parts[:-1]}
    return sorted(f for f in folders if any(p.match(f) for p in _DATES) and _date_of(f) is None)


def begins_like_a_date(name: str) -> bool:
    """Tell a name that begins as days are written: its first two digits are no code of a province."""
    return bool(_LIKE_A_DATE.match(name))


def _date_of(folder: str) -> dt.date | None:
    for match in filter(None, (pattern.match(folder) for pattern in _DATES)):
        with suppress(ValueError):
            return dt.date(int(match["y"]), int(match["m"]), int(match["d"]))
    return None
