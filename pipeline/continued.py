"""A sheet without a header that goes on with the rows of an earlier sheet's table, as its cells must bear out."""

from __future__ import annotations

from collections.abc import Hashable

from pipeline.columns import PLAIN_KINDS, SURE, TOLD_APART, Content, contents
from pipeline.headers import Headers
from pipeline.layout import Finder, Layout, Question
from pipeline.lines import Found, Line, follows
from pipeline.model import Sheet
from schemas.form import Column, Form
from schemas.kinds import KINDS
from schemas.text import clean

AGREEING = 3  # columns that must hold what stood above them, the units' among them; where the numbers go on, one less
_ANSWERS = ("choice", "yes-no", "number")  # kinds that tell of each text whether it is one of theirs


def with_continued(
    sheets: list[Sheet], layouts: list[Layout], headers: Headers, is_unit: Question, is_heading: Question
) -> list[Layout]:
    """Return the layouts of a file's sheets, those without a table with the rows that go on from a sheet before."""
    result: list[Layout] = []
    for sheet, layout in zip(sheets, layouts, strict=True):
        above = None if layout.tables or not any(map(any, sheet.cells)) else _last(result)
        if above:
            finder = Finder(sheet, headers, is_unit, is_heading)
            found = contents(finder.header_rows.sample(0), is_unit)
            going_on = finder.go_on(above) if _bears_out(found, above, headers.form) else layout
            layout = going_on if _is_new(going_on, result, headers.form) else layout
        result.append(layout)
    return result


def _last(layouts: list[Layout]) -> Found | None:
    """Return the table that ends the sheets so far, if it stands alone and lists anything."""
    tables = next((layout.tables for layout in reversed(layouts) if layout.tables), [])
    last = [table for table in tables if table.header == tables[-1].header]
    return last[0] if len(last) == 1 and last[0].lines else None


def _bears_out(found: dict[int, Content], above: Found, form: Form) -> bool:
    """Tell whether columns without a header hold what those of the table above them do, and no others say anything."""
    known = {*above.columns.values(), *above.extra, above.ordinal, above.types, *(place + 1 for place in above.split)}
    if not found.keys() <= known:
        return False
    agreeing, kinds = set(), set()
    for key, place in above.columns.items():
        column = form.column(key)
        if place in found and _is_of(column, found[place]):
            agreeing.add(place)
            kinds.add(column.kind)
        elif place in found and place not in above.combined and _is_of_another(column, found[place]):
            return False
    numbered = above.ordinal in found and follows(clean(found[above.ordinal].texts[0]), above.lines[-1])
    if kinds.isdisjoint((*PLAIN_KINDS, *_ANSWERS)):
        return False  # of names alone there are many lists
    return above.columns.get(form.unit_key) in agreeing and len(agreeing) >= AGREEING - numbered


def _is_of(column: Column, content: Content) -> bool:
    """Tell whether most cells are of the column's kind; of texts and days nobody can say."""
    if column.kind in TOLD_APART:
        return content.mostly(column.kind)
    if column.kind not in _ANSWERS:
        return False
    return sum(KINDS[column.kind].says(text, column) for text in content.texts) >= SURE * content.filled


def _is_of_another(column: Column, content: Content) -> bool:
    return any(content.mostly(kind) for kind in PLAIN_KINDS if kind != column.kind) or column.kind == "unit"


def _is_new(going_on: Layout, before: list[Layout], form: Form) -> bool:
    """Tell a list that goes on from one that says again what the sheets before it say."""
    listed = {_identity(line, form) for layout in before for table in layout.tables for line in table.lines}
    here = [_identity(line, form) for table in going_on.tables for line in table.lines]
    return 2 * sum(said in listed for said in here) < len(here)


def _identity(line: Line, form: Form) -> Hashable:
    """Return what no two rows have alike: the unit, or all that is said of a person."""
    unit = clean(line.texts.get(form.unit_key, "")).casefold()
    return unit if form.rows == "units" else tuple(map(clean, line.texts.values()))
