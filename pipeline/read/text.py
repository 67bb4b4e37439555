"""Text tables: comma, semicolon or tab, in any encoding that a Vietnamese office computer writes; lines of a form."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from typing import Literal

from pipeline.errors import Refused
from pipeline.model import Sheet
from pipeline.read.legacy_fonts import is_vietnamese
from pipeline.read.values import CELL_LIMIT, ROW_LIMIT, too_many
from schemas.codes import Rule

NAME = "CSV"
DELIMITERS = "\t;,|"
SAMPLE_LINES = 200
RUNAWAY = 30  # line breaks in one cell: a quotation mark that was never closed
FEW, NARROW = 2, 3  # rows and columns that a table has at least; prose has commas too
LABEL = 60  # characters of a label at most
LINES = 3  # that a form has at least: labels and values, in two columns or with a colon between; most lines are such
_MARKS = [
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*")
_LABELLED = re.compile(r"[-+*\s\d.)]*[^\W\d_][^:\n]{1,60}:(?!//)")
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f]")
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\r?\n', re.IGNORECASE)


def read_text(content: bytes) -> list[Sheet]:
    """Return the table as one sheet.

    Raises:
        Refused: `file.unsupported`: a text, but no table, or not even a text.
    """
    text = decoded(content)
    if _NO_TEXT.search(text):
        raise Refused(Rule.FILE_UNSUPPORTED, reason="other")
    if told := _SEPARATOR_LINE.match(text):
        text = text[told.end() :]
    _check_size(text)
    delimiter = told[1] if told else _delimiter(text)
    rows = _rows(text, delimiter)
    if sum(len(row) >= NARROW for row in rows) < FEW:
        rows = _form(text, rows, delimiter)
    if not rows:
        raise Refused(Rule.FILE_UNSUPPORTED, reason="text")
    return [Sheet(NAME, False, rows)]


def _form(text: str, rows: list[list[str]], delimiter: str) -> list[list[str]]:
    """Return the rows of a text that is a form of one unit, [] where it is none."""
    lines = text.splitlines()
    filled = [row for row in rows if any(row)]
    in_columns = _are_most([len(row) == 2 and 0 < len(row[0]) <= LABEL and row[1] != "" for row in filled])
    is_labelled = _are_most([_LABELLED.match(line) is not None for line in lines if line.strip()])
    if is_labelled and (not in_columns or delimiter == ","):  # a comma may stand in any value
        return [[line] for line in lines]
    return rows if in_columns else []


def _are_most(told: list[bool]) -> bool:
    return sum(told) >= max(LINES, len(told) / 2)


def _check_size(text: str) -> None:
    if text.count("\n") > ROW_LIMIT:
        raise too_many("rows", ROW_LIMIT)
    if sum(map(text.count, DELIMITERS)) > CELL_LIMIT:
        raise too_many("cells", CELL_LIMIT)


def decoded(content: bytes) -> str:
    """Return the text of bytes that say their encoding by a mark, are UTF-8, or else are a Windows code page."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if content[:200].count(0) * 3 > len(content[:200]):
        return content.decode("utf-16-be" if content[0] == 0 else "utf-16-le", "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return max((content.decode(page, "replace") for page in ("cp1252", "cp1258")), key=_vietnamese_words)


def _vietnamese_words(text: str) -> int:
    """Count the words with an accent that can be Vietnamese; TCVN3 and VNI bytes make none in either page."""
    words = {word for word in _WORD.findall(text[:200_000]) if not word.isascii()}
    return sum(map(is_vietnamese, words))


def _delimiter(text: str) -> str:
    """Return the delimiter that cuts most rows into equally many cells."""
    sample = "".join(text.splitlines(keepends=True)[:SAMPLE_LINES])

    def cells(delimiter: str) -> int:
        widths = Counter(len(row) for row in _rows(sample, delimiter))
        return max(((width - 1) * count for width, count in widths.items()), default=0)

    return max(DELIMITERS, key=cells)


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows = _parsed(text, delimiter, csv.QUOTE_MINIMAL)
    if any(cell.count("\n") > RUNAWAY for row in rows for cell in row):
        return _parsed(text, delimiter, csv.QUOTE_NONE)
    return rows


def _parsed(text: str, delimiter: str, quoting: Literal[0, 3]) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting))
    except csv.Error as fault:
        if quoting == csv.QUOTE_NONE:
            raise Refused(Rule.FILE_UNREADABLE) from fault
        return _parsed(text, delimiter, csv.QUOTE_NONE)
