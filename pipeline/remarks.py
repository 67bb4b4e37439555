"""What a sender is told of its file as a whole: columns, sheets, hidden parts, old fonts, what was written anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pipeline.answers import Accepted
from pipeline.layout import SEARCHED, Layout
from pipeline.lines import NO_HEADER, Listed
from pipeline.model import Arrival, Workbook, address, finding
from schemas.codes import Rule
from schemas.round import Round
from schemas.text import clean, few

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


def of_columns(arrival: Arrival, round: Round, layouts: list[Layout], listed: list[Listed]) -> list[dict[str, Any]]:
    """Return findings of columns that are missing, once a file, and notes of foreign ones, once a sheet."""
    form = round.form
    findings: dict[tuple[str, ...], dict[str, Any]] = {}
    for table in (table for layout in layouts for table in layout.tables):
        rows = {(table.sheet, line.row) for line in table.lines}
        levels = {item.unit.level for item in listed if (item.sheet, item.line.row) in rows and item.unit}
        keys = table.keys
        for key in _needed(round, keys, levels):
            if key not in keys:
                found = finding(
                    Rule.FORM_MISSING_COLUMN, file=arrival.file, sheet=table.sheet, column=key,
                    facts={"label": form.label(key)},
                )  # fmt: skip
                findings.setdefault(("-", key), found)
        for column, header in table.extra.items():
            if header and table.header != NO_HEADER:
                found = finding(
                    Rule.FORM_EXTRA_COLUMN, file=arrival.file, sheet=table.sheet,
                    row=table.head(column)[0] + 1, cell=address(table.head(column)), value=header,
                )  # fmt: skip
                findings.setdefault(("+", header, table.sheet), found)
    return list(findings.values())


def _needed(round: Round, present: set[str], levels: set[str]) -> list[str]:
    """Return the columns that a table listing units of these levels must have."""
    form = round.form
    needed = {column.key for column in form.columns if column.required or column.filled}
    persons = form.persons
    asked = {group for level in levels for group in round.persons_asked(level)[0]}
    least = max((round.persons_asked(level)[1] for level in levels), default=0)
    begun = [group for group, contact in persons.items() if present.intersection(contact.values())]
    for group in [*asked, *begun, *(list(persons)[:least] if len(begun) < least else [])]:
        needed.update(persons[group].values())
    return [key for key in form.keys if key in needed]


def struck_out(arrival: Arrival, book: Workbook, listed: list[Listed], unit_key: str) -> list[dict[str, Any]]:
    """Return warnings of rows that are struck through (their unit, or all they say) and of single cells that are:
    they count all the same.
    """
    struck = {(sheet.name, place) for sheet in book.sheets for place in sheet.struck}
    findings = []
    for item in listed if struck else []:
        cells, texts = item.line.cells, item.line.texts
        unit = cells.get(unit_key, (item.line.row, 0))
        sheets = item.line.sheets
        filled = {place: key for key, place in cells.items() if texts[key].strip()}
        here = {place: key for place, key in filled.items() if (sheets.get(key, item.sheet), place) in struck}
        whole = (item.sheet, unit) in struck or (filled and len(here) == len(filled))
        for place, key in ({unit: unit_key} if whole else here).items():
            findings.append(
                finding(
                    Rule.CELL_STRUCK_OUT, unit=item.unit.code if item.unit else "", file=arrival.file,
                    sheet=sheets.get(key, item.sheet), row=place[0] + 1, column=key, cell=address(place),
                    value=clean(texts.get(key, "")), facts={} if whole else {"alone": True},
                )
            )  # fmt: skip
    return findings


def copies_told(arrival: Arrival, listed: list[Listed]) -> list[dict[str, Any]]:
    """Tell once a sheet that rows of it stand on another one, and count there."""
    copies = dict.fromkeys((item.sheet, item.copy_of) for item in listed if item.copy_of)
    return [
        finding(
            Rule.FILE_DUPLICATE, file=arrival.file, sheet=sheet, value=sheet, facts={"other": other, "inside": True}
        )
        for sheet, other in copies
    ]


def written_anew(
    arrival: Arrival, book: Workbook, listed: list[Listed], accepted: list[Accepted]
) -> list[dict[str, Any]]:
    """Tell every proposal that the clerk accepted, every cell of the list without what is struck out in it, and every
    merged one without what it conceals: what stood there, and what stands there now.
    """
    notes = []
    concealed = {(s.name, p): (texts, s.cells[p[0]][p[1]]) for s in book.sheets for p, texts in s.concealed.items()}
    corrected = {(s.name, p): (text, s.cells[p[0]][p[1]]) for s in book.sheets for p, text in s.corrected.items()}
    asked = bool(accepted or corrected or concealed)
    cells = ((item, key, place) for item in reversed(listed) for key, place in item.line.cells.items()) if asked else ()
    at = {(item.sheet, place): (item, key) for item, key, place in cells}
    left = [Accepted(*place, clean(text), clean(rest)) for place, (text, rest) in corrected.items() if place in at]
    under = [
        Accepted(*place, "; ".join(few(texts)), clean(text))
        for place, (texts, text) in concealed.items()
        if place in at
    ]
    for answer, facts in [*((answer, {}) for answer in [*accepted, *left]), *((a, {"under": True}) for a in under)]:
        item, key = at.get((answer.sheet, answer.place), (None, ""))
        notes.append(
            finding(
                Rule.CELL_REPAIRED, unit=item.unit.code if item and item.unit else "", file=arrival.file,
                sheet=answer.sheet, row=answer.place[0] + 1, column=key, cell=address(answer.place),
                value=answer.before, suggestion=answer.after, facts=facts,
            )
        )  # fmt: skip
    return notes


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
