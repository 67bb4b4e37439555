"""Several rows of one unit, on one sheet or several: which of them counts, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.gazetteer import Gazetteer
from pipeline.lines import JUDGED, Line, Listed
from pipeline.model import address
from schemas.codes import Rule
from schemas.kinds import is_empty
from schemas.round import Round
from schemas.text import few
from schemas.units import Unit


def without_headings(listed: list[Listed], round: Round) -> list[Listed]:
    """Leave out rows that only name a unit above the rows below them, where its own row stands elsewhere."""
    rows: dict[str, list[Listed]] = {}
    for item in listed:
        if item.unit:
            rows.setdefault(item.unit.code, []).append(item)
    headings = set()
    for items in rows.values():
        blank = [item for item in items if _may_head(item, round) and item.line.own <= {round.form.unit_key}]
        headings |= {id(item) for item in (blank if len(blank) < len(items) else blank[1:])}
    return [item for item in listed if id(item) not in headings]


def _may_head(item: Listed, round: Round) -> bool:
    """Tell a section, or a row that names a unit which others stand under."""
    return item.line.is_section or (item.unit is not None and item.unit.level != round.lists[-1])


def give_by_page(listed: list[Listed], round: Round, unit_of_page: Callable[[Listed], Unit | None]) -> None:
    """Of the rows of one unit, give one that bears the right page name of another, not listed yet, to that one.

    Only where what is typed differs from its name by accents or the level word; where it is merely like it, the
    row's unit is unknown, and the other one is proposed. `unit_of_page` returns the unit whose page a row has.
    """
    rows = _rows_of(listed)
    for code in [code for code, items in rows.items() if len(items) > 1]:
        for item in rows[code][:]:
            unit = unit_of_page(item)
            if unit is None or unit.code in rows or len(rows[code]) == 1:
                continue
            like, text = Gazetteer([unit]), item.line.texts.get(round.form.unit_key, "")
            if like.find(text)[1]:
                item.rule, item.candidates, item.suggestion = Rule.UNIT_SPELLING, [unit], round.listed_names[unit.code]
            elif like.nearest(text):
                item.rule, item.candidates = Rule.UNIT_UNKNOWN, []
            else:
                continue
            rows[code].remove(item)
            rows[unit.code] = [item]


def mark_copies(listed: list[Listed], old: set[str], unit_key: str) -> None:
    """Mark rows that say on a further sheet what the first one says of the unit, or nothing but the unit, and old
    ones beside new ones; `old` are the sheets of former values.
    """
    for items in _rows_of(listed).values():
        todays = [item for item in items if item.sheet not in old] or items
        counting = next((item for item in todays if not _only_names(item.line, unit_key)), todays[0])
        for item in items:
            less = (item.sheet in old and counting.sheet not in old) or _only_names(item.line, unit_key)
            if item.sheet != counting.sheet and (less or _same(item.line, counting.line)):
                item.copy_of = counting.sheet


def _only_names(line: Line, unit_key: str) -> bool:
    """Tell a row in which nothing is written but its unit."""
    return not line.flaws and all(is_empty(text) for key, text in line.texts.items() if key != unit_key)


def mark_duplicates(listed: list[Listed], round: Round) -> None:
    """Tell units listed more than once: the first row counts, of former units the one with the new name first."""
    for code, items in _rows_of(listed).items():
        if len(items) == 1:
            continue
        named = [item for item in items if item.rule is not Rule.UNIT_FORMER]
        counting, others = (named or items)[0], _numbers_of(named, named, round.form.unit_key)
        instead = _numbers_of([counting], items, round.form.unit_key)
        for item in items:
            if item.rule is Rule.UNIT_FORMER and item is not counting:
                item.counts = False
                item.facts |= {"rows": instead}
        for item in named if len(named) > 1 else ():
            item.rule, item.suggestion = Rule.UNIT_DUPLICATE, ""
            item.facts = {"rows": others, "unit": round.listed_names[code]}


def _numbers_of(items: list[Listed], among: list[Listed], unit_key: str) -> str:
    """Return the rows' numbers as far as anybody reads them, with sheets or cells where these differ."""
    several = len({item.sheet for item in among}) > 1
    beside = len({(item.sheet, item.line.row) for item in among}) < len(among)

    def said(item: Listed) -> str:
        cell = item.line.cells.get(unit_key) if beside else None
        further = [address(cell)] if cell else []
        further += [f"\u201c{item.sheet}\u201d"] if several else []
        return f"{item.line.row + 1} ({', '.join(further)})" if further else str(item.line.row + 1)

    return ", ".join(few(map(said, items)))


def _rows_of(listed: list[Listed]) -> dict[str, list[Listed]]:
    """Return the rows that are judged by their unit, by its code."""
    rows: dict[str, list[Listed]] = {}
    for item in listed:
        if item.unit and item.rule in JUDGED:
            rows.setdefault(item.unit.code, []).append(item)
    return rows


def _same(one: Line, other: Line) -> bool:
    """Tell whether two rows say the same, and no cell of theirs is at fault."""
    return one.texts == other.texts and not one.flaws and not other.flaws
