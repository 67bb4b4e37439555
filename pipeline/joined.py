"""One list in several tables, on one sheet or more: the same units in each, pages in one, persons in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import replace

from pipeline.layout import Layout
from pipeline.lines import Found, Line
from pipeline.model import Sheet
from schemas.form import Form
from schemas.kinds import is_blank
from schemas.text import clean

COMMON = 0.5  # share of the units of each sheet that the other one must list as well

KeyOf = Callable[[Line], Hashable]
"""What tells a unit's row from the others of its sheet and is the same on every sheet; None where no unit is named."""
Find = Callable[[Sheet, frozenset[str]], Layout]
"""Returns the tables of a sheet; with keys, those that say these and nothing else of units."""


def with_joined(sheets: list[Sheet], layouts: list[Layout], form: Form, find: Find, key_of: KeyOf) -> list[Layout]:
    """Return the layouts with what several tables say of a unit in one row: that of the table with the pages.

    Tables are joined if each names a unit once, both name mostly the same ones, and what both say is the same; a
    table that names no unit goes with the one row above it. What holds nothing but columns that are lacking is read
    for this alone.
    """
    known = {key for layout in layouts for table in layout.tables for key in table.keys}
    lacking = frozenset(form.keys) - known
    if form.rows == "persons" or not known:
        return layouts
    pieces = [
        _pieces(sheet, layout, find, lacking) if len(lacking) > 1 else [layout]
        for sheet, layout in zip(sheets, layouts, strict=True)
    ]
    required = {column.key for column in form.columns if column.required}

    def join(tables: list[Found]) -> None:
        for other in tables[1:]:
            if other.keys - tables[0].keys and (key := _key_of_both(tables[0], other, form.unit_key, key_of)):
                _join(tables[0], other, form.unit_key, key)

    for of_sheet in pieces:
        join([piece.tables[0] for piece in of_sheet if _is_single(piece)])
    join(
        sorted(
            (of_sheet[0].tables[0] for of_sheet in pieces if _is_single(of_sheet[0])),
            key=lambda table: -len(required & table.columns.keys()),
        )
    )
    return [
        Layout([table for piece in of_sheet for table in piece.tables], of_sheet[0].title, layout.sheet)
        if any(table.also for piece in of_sheet for table in piece.tables)
        else layout
        for of_sheet, layout in zip(pieces, layouts, strict=True)
    ]


def _is_single(layout: Layout) -> bool:
    return len(layout.tables) == 1 and bool(layout.tables[0].lines)


def _pieces(sheet: Sheet, layout: Layout, find: Find, lacking: frozenset[str]) -> list[Layout]:
    """Return the layout of a sheet, or those of its part with the pages and of what is lacking there."""
    more = find(sheet, lacking)
    if not more.tables:
        return [layout]
    if not layout.tables:
        return [more]
    return [find(replace(sheet, cells=sheet.cells[: more.tables[0].header]), frozenset()), more]


def _key_of_both(first: Found, other: Found, unit_key: str, key_of: KeyOf) -> KeyOf | None:
    """Return what the rows of both tables are told by, None where they do not fit."""
    if unit_key not in other.columns:
        alone = len(first.lines) == len(other.lines) == 1 and first.sheet == other.sheet
        alone = alone and bool(other.parts or other.named)  # else it may be anybody's: who answers for the list
        return (lambda line: "") if alone else None
    return key_of if _fits(first, other, unit_key, key_of) else None


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
    for table in (first, other):
        table.also |= ours | theirs


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
