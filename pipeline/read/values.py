"""Values as a person in Vietnam would type them: whole numbers without a fraction, a decimal comma, days first."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator

from pipeline.errors import Refused
from schemas.codes import Rule
from schemas.text import grouped

CELL_LIMIT = 5_000_000
ROW_LIMIT, COLUMN_LIMIT = 1_048_576, 16_384
# What spreadsheets show in place of a value; `Err:` is LibreOffice's.
ERROR = re.compile(
    r"#(?:REF!|N/A|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|UNKNOWN!|BUSY!|EXTERNAL!"
    r"|PYTHON!|TIMEOUT!|ERROR!|GETTING_DATA)|Err:\d{3}"
)
HYPERLINK_FORMULA = re.compile(r'^[\s=]*(?:of:=)?HYPERLINK\s*\(\s*"([^"]+)"', re.IGNORECASE)
_EPOCH, _EPOCH_1904 = dt.datetime(1899, 12, 30), dt.datetime(1904, 1, 1)
_LAST_SERIAL = 2_958_466
_BUILT_IN_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
_NOT_DATE_CODES = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|General', re.IGNORECASE)


def too_many(what: str, limit: int, at: str = "") -> Refused:
    """Return the refusal of a file with more than `limit` of `what`: `rows`, `cells`, `parts` or `merges`.

    `at` is the cell up to which it was read.
    """
    return Refused(Rule.FILE_TOO_LARGE, many=what, limit=grouped(limit), at=at)


def numbers_in(spans: Iterable[tuple[int, int]], limit: int) -> Iterator[int]:
    """Yield the numbers below the limit in these spans (first, last), each once however much the spans overlap."""
    reached = 0
    for first, last in sorted(spans):
        yield from range(max(first, reached), min(last + 1, limit))
        reached = max(reached, last + 1)


def text_of(value: object) -> str:
    """Return a cell's value as text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value).replace(".", ",")
    if isinstance(value, dt.datetime):
        return value.strftime("%d/%m/%Y" if value.time() == dt.time() else "%d/%m/%Y %H:%M")
    if isinstance(value, dt.date):
        return value.strftime("%d/%m/%Y")
    return str(value)


def number_text(text: str) -> str:
    """Return a number that a file holds as text, as `text_of` would; anything else as it is."""
    try:
        return text_of(float(text))
    except ValueError:
        return text


def date_text(serial: str, epoch_1904: bool) -> str:
    """Return a day counted from the workbook's first, as text; a number that is no day as it is."""
    try:
        number = float(serial)
    except ValueError:
        return serial
    if not 0 <= number < _LAST_SERIAL:
        return text_of(number)
    if number < 1:
        return (dt.datetime.min + dt.timedelta(seconds=round(number * 86_400))).strftime("%H:%M:%S")
    day = (_EPOCH_1904 if epoch_1904 else _EPOCH) + dt.timedelta(seconds=round(number * 86_400))
    return text_of(day)


def is_date_format(number: int, code: str) -> bool:
    """Tell whether a number format shows days or times: by its number if built in, else by its code."""
    if not code:
        return number in _BUILT_IN_DATES
    return re.search("[dmyhs]", _NOT_DATE_CODES.sub("", code), re.IGNORECASE) is not None
