"""One list on several sheets: the same units on each, the pages on one, the persons on another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import replace

from pipeline.headers import Headers
from pipeline.layout import Finder, Layout, Question
from pipeline.lines import Found, Line
from pipeline.model import Sheet
from schemas.kinds import is_blank
from schemas.text import clean

COMMON = 0.5  # share of the units of each sheet that the other one must list as well

KeyOf = Callable[[Line], Hashable]
"""What tells a unit's row from the others of its sheet and is the same on every sheet; None where no unit is named."""


def with_joined(
    sheets: list[Sheet], layouts: list[Layout], headers: Headers, is_unit: Question, is_heading: Question, key_of: KeyOf
) -> list[Layout]:
    """Return the layouts with what several sheets say of a unit in one row: that of the sheet with the pages.

    Sheets are joined if each names a unit once, both name mostly the same ones, and what both say is the same.
    A sheet that holds nothing but columns that are lacking is read for this alone.
    """
    form = headers.form
    known = {key for layout in layouts for table in layout.tables for key in table.keys}
    lacking = frozenset(form.keys) - known if known else frozenset()
    if form.rows == "persons" or len(layouts) < 2:
        return layouts
    result = [
        layout if layout.tables or len(lacking) < 2 else Finder(sheet, headers, is_unit, is_heading, lacking).find()
        for sheet, layout in zip(sheets, layouts, strict=True)
    ]
    required = {column.key for column in form.columns if column.required}
    tables = [layout.tables[0] for layout in result if len(layout.tables) == 1 and layout.tables[0].lines]
    tables.sort(key=lambda table: -len(required & table.columns.keys()))
    for other in tables[1:]:
        if other.keys - tables[0].keys and _fits(tables[0], other, form.unit_key, key_of):
            _join(tables[0], other, form.unit_key, key_of)
    pairs = zip(layouts, result, strict=True)
    return [new if old.tables or any(table.also for table in new.tables) else old for old, new in pairs]


def _fits(first: Found, other: Found, unit_key: str, key_of: KeyOf) -> bool:
    here, there = (Counter(map(key_of, table.lines)) for table in (first, other))
    common = here.keys() & there.keys()
    if None in common or len(common) < COMMON * max(len(here), len(there)):
        return False
    if max(*here.values(), *there.values()) > 1:
        return False
    lines, both = {key_of(line): line for line in other.lines}, (first.keys & other.keys) - {unit_key}
    pairs = [(line, lines[key]) for line in first.lines if (key := key_of(line)) in common]
    return all(_agree(line.texts.get(key, ""), same.texts.get(key, "")) for line, same in pairs for key in both)


def _agree(text: str, other: str) -> bool:
    return is_blank(text) or is_blank(other) or clean(text).casefold() == clean(other).casefold()


def _join(first: Found, other: Found, unit_key: str, key_of: KeyOf) -> None:
    """Give the rows of the first table the cells of the other one, which keeps the units that the first does not have.

    What is not told of a unit because it stands on one sheet alone is missing at its name.
    """
    lines = {key_of(line): line for line in other.lines}
    ours, theirs = first.keys, other.keys
    for number, line in enumerate(first.lines):
        same = lines.pop(key_of(line), None)
        first.lines[number] = (
            _with_cells_of(line, same, other.sheet, unit_key) if same else _blank(line, theirs - ours, unit_key)
        )
    other.lines[:] = [_blank(line, ours - theirs, unit_key) for line in lines.values()]
    first.also |= theirs
    other.also |= ours


def _with_cells_of(line: Line, other: Line, sheet: str, unit_key: str) -> Line:
    cells = other.cells
    keys = [key for key in other.texts if key != unit_key and key in cells and is_blank(line.texts.get(key, ""))]
    return replace(
        line,
        texts=line.texts | {key: other.texts[key] for key in keys},
        elsewhere={**line.elsewhere, **{key: cells[key] for key in keys}},
        sheets={**line.sheets, **dict.fromkeys(keys, sheet)},
        flaws={**line.flaws, **{key: other.flaws[key] for key in keys if key in other.flaws}},
        dittos={**line.dittos, **{key: other.dittos[key] for key in keys if key in other.dittos}},
    )


def _blank(line: Line, keys: set[str], unit_key: str) -> Line:
    place = line.cells.get(unit_key, (line.row, 0))
    return replace(
        line, texts=dict.fromkeys(keys, "") | line.texts, elsewhere={**dict.fromkeys(keys, place), **line.elsewhere}
    )
