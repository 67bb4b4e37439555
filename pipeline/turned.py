"""A sheet that is a form for one unit: labels on the left, values beside them, turned into a table of one row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from pipeline.headers import Headers
from pipeline.layout import ORDINAL, Layout, find_tables
from pipeline.lines import Line
from pipeline.model import Place, Sheet
from schemas.kinds import is_empty
from schemas.text import clean

LONGEST = 200  # rows; a longer sheet is no form for one unit
_LABEL = re.compile(r"^\s*(?:[-+*\u2022]|\d{1,2}[.)])?\s*([^:]{2,60}?)\s*:\s*(?!//)(.*)$", re.DOTALL)
_BULLET = re.compile(r"^\s*(?:[-+*\u2022]|\d{1,2}[.)]|[IVXa-d][.)])\s*")

Entry = tuple[str, str, str, Place]
"""Heading, label, value and the cell that holds the value."""


def find_form(sheet: Sheet, headers: Headers, is_unit: Callable[[str], bool]) -> Layout | None:
    """Return the sheet's form as a table of one row whose cells are those of the sheet, None where it is none."""
    if len(sheet.cells) > LONGEST:
        return None
    title, entries = _entries(sheet, headers)
    if not entries:
        return None
    headings, labels, values, places = (list(column) for column in zip(*entries, strict=True))
    turned = Sheet(
        name=sheet.name,
        hidden=sheet.hidden,
        cells=[*([text] for text in title), headings, labels, values],
        links={(len(title) + 2, n): sheet.links[place] for n, place in enumerate(places) if place in sheet.links},
        flaws={(len(title) + 2, n): sheet.flaws[place] for n, place in enumerate(places) if place in sheet.flaws},
    )
    layout = find_tables(turned, headers, is_unit)
    for table in layout.tables:
        table.lines[:] = [_in_place(line, places) for line in table.lines]
    return layout if any(table.lines for table in layout.tables) else None


def _entries(sheet: Sheet, headers: Headers) -> tuple[list[str], list[Entry]]:
    """Return the texts above the form, and its entries under their headings."""
    title: list[str] = []
    entries: list[Entry] = []
    heading = ""
    for row, cells in enumerate(sheet.cells):
        filled = [(column, text) for column, text in enumerate(cells) if text.strip()]
        if not filled:
            continue
        if len(filled) > 1 and ORDINAL.match(clean(filled[0][1])):
            filled = filled[1:]  # the entry's running number
        for piece in _pieces(filled, headers):
            column, text = piece[0]
            label, behind = _label(text)
            beside = piece[1] if len(piece) > 1 else (column, behind or "")
            if not headers.knows(label):
                title.extend([] if entries else [clean(text)])
            elif headers.match([(label,)])[1] == {0: ""}:
                continue  # the row above the running numbers
            elif is_empty(beside[1]) and (row, beside[0]) not in sheet.flaws and behind is None:
                heading = label
            else:
                entries.append((heading, label, beside[1], (row, beside[0])))
    return title, entries


def _pieces(filled: list[tuple[int, str]], headers: Headers) -> Iterator[list[tuple[int, str]]]:
    """Yield a row's cells from label to label: a person's name, number and address may stand on one line."""
    start = 0
    for place in range(1, len(filled)):
        label, behind = _label(filled[place][1])
        alone = place == 1 and not _label(filled[0][1])[1]  # the first label's value, unless that is a bare label
        if behind is not None and not (alone and behind) and headers.knows(label):
            yield filled[start:place]
            start = place
    yield filled[start:]


def _label(text: str) -> tuple[str, str | None]:
    """Return the label that a text is or begins with, and what stands behind its colon (None: it has none)."""
    match = _LABEL.match(text)
    return _BULLET.sub("", clean(match[1] if match else text)).strip(" :"), match[2] if match else None


def _in_place(line: Line, places: list[Place]) -> Line:
    """Return the line with the cells that the sender's sheet has."""
    cells = {key: places[column] for key, (_, column) in line.cells.items()}
    return replace(line, row=min(row for row, _ in cells.values()), elsewhere=cells)
