"""What a sender is told of its sheets, besides the rows: old fonts converted, hidden parts that were read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pipeline.layout import SEARCHED, Layout
from pipeline.model import Arrival, Workbook, address, finding
from schemas.codes import Rule
from schemas.text import clean

UNREAD = 2  # units of which a sheet tells: one may be named in a remark
_DATA = re.compile(r"@|https?:|facebook\.com|(?:\d[ .]?){9}")


def remarks(arrival: Arrival, book: Workbook, layouts: list[Layout]) -> list[dict[str, Any]]:
    """Return the notes about the sheets of a file, of which `layouts` were read."""
    return [*_hidden_notes(arrival, book, layouts), *_font_notes(arrival, book)]


def _hidden_notes(arrival: Arrival, book: Workbook, layouts: list[Layout]) -> list[dict[str, Any]]:
    """Tell once a sheet which hidden rows and columns hold something: they are read like all others."""
    read = {table.sheet for layout in layouts for table in layout.tables}
    notes = []
    for sheet in book.sheets:
        if sheet.name in read and (sheet.hidden_rows or sheet.hidden_columns):
            facts = {
                "rows": _ranges(sheet.hidden_rows, lambda row: str(row + 1)),
                "columns": _ranges(sheet.hidden_columns, lambda column: address((0, column)).rstrip("1")),
            }
            notes.append(
                finding(Rule.FILE_HIDDEN_SHEET, file=arrival.file, sheet=sheet.name, value=sheet.name, facts=facts)
            )
    return notes


def unread(
    arrival: Arrival, book: Workbook, layouts: list[Layout], unit_in: Callable[[str], str], listed: set[str] | None
) -> Iterator[dict[str, Any]]:
    """Yield errors of visible sheets without a table that hold what the list does not: what is said of units that are
    not `listed`, or of any unit (None), where the list lacks columns.

    `unit_in` returns the code of the one unit that a text names. A unit beside an address or a number is data; a
    sheet of names alone (choices) or of counts is not.
    """
    read = {table.sheet for layout in layouts for table in layout.tables}
    for sheet in book.sheets:
        if sheet.name in read or sheet.hidden:
            continue
        rows = [cells for cells in sheet.cells[:SEARCHED] if any(map(_DATA.search, cells))]
        named = {code for cells in rows for code in map(unit_in, cells) if code}
        if len(named - (listed or set())) >= UNREAD:
            yield finding(
                Rule.FILE_NO_TABLE, file=arrival.file, sheet=sheet.name, value=sheet.name, facts={"unread": True}
            )


def _ranges(numbers: Iterable[int], name: Callable[[int], str]) -> str:
    """Return numbers as people list them: `5-7, 9`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(name(run[0]) + (f"-{name(run[-1])}" if len(run) > 1 else "") for run in runs)


def _font_notes(arrival: Arrival, book: Workbook) -> list[dict[str, Any]]:
    """Tell once a sheet that its text was converted, with one cell to show how."""
    notes = []
    for sheet in book.sheets:
        for place, original in list(sheet.legacy.items())[:1]:
            notes.append(
                finding(
                    Rule.CELL_LEGACY_FONT, file=arrival.file, sheet=sheet.name, row=place[0] + 1, cell=address(place),
                    value=original, suggestion=clean(sheet.cells[place[0]][place[1]]),
                )
            )  # fmt: skip
    return notes
