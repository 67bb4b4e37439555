"""What a clerk answered in a workbook of ours: proposals accepted with a mark, findings explained in words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pipeline.model import Place, Sheet, Stamp, Workbook
from pipeline.read.worksheet import place_of
from schemas.codes import Rule
from schemas.data import TEMPLATES, read_toml
from schemas.form import Form
from schemas.text import clean, search_key

LONGEST_EXPLANATION = 500
_ADDED = ("todo", "check", "names", "units", "guide")


@dataclass(frozen=True)
class Accepted:
    """A proposal that was accepted: the cell of the list, what stood there, what stands there now."""

    sheet: str
    place: Place
    before: str
    after: str


@dataclass(frozen=True)
class Explained:
    """A finding that was confirmed or explained: its cell in the list (None: the whole file), rule and value then."""

    place: Place | None
    rule: str
    value: str
    words: str


@cache
def words() -> dict[str, Any]:
    """Return the words of our form (`templates/phieu-sua.toml`)."""
    return read_toml(TEMPLATES / "phieu-sua.toml")


def stamp_of(book: Workbook) -> Stamp | None:
    """Return what a workbook of ours says of itself: its properties, or the line that it shows."""
    if book.stamp:
        return book.stamp
    return next((stamp for sheet in book.sheets if (stamp := _identified(sheet))), None)


def _identified(sheet: Sheet) -> Stamp | None:
    """Return what the line says by which our form shows what it is."""
    for cells in sheet.cells[:10]:
        for text in filter(None, cells):
            if match := _identity().fullmatch(clean(text)):
                return Stamp(match["round"], match["unit"], int(match["version"]))
    return None


@cache
def _identity() -> re.Pattern[str]:
    """Return the line by which our form shows what it is."""
    pattern = re.escape(words()["list"]["identity"])
    groups = {
        "code": r"(?P<unit>[0-9]{2,5})",
        "round": r"(?P<round>[a-z0-9-]+)",
        "version": r"(?P<version>[0-9]{1,9})",
    }
    for name, group in groups.items():
        pattern = pattern.replace(re.escape("{" + name + "}"), group)
    return re.compile(pattern)


def with_answers(book: Workbook, form: Form) -> tuple[Workbook, list[Accepted]]:
    """Return a workbook of ours without the sheets that we added to the list, its accepted proposals applied.

    A proposal is applied only while its cell holds what it was made for: what the clerk typed since wins.
    """
    added = [sheet for sheet in book.sheets if any(_is(name, sheet) for name in _ADDED) or _lists_choices(sheet, form)]
    own = [sheet for sheet in book.sheets if sheet not in added]
    todo, listed = _todo(book), list_of(book)
    if todo is None or listed is None:
        return replace(book, sheets=own or book.sheets), []
    accepted = _accepted(todo, listed)
    cells = [list(row) for row in listed.cells]
    for answer in accepted:
        cells[answer.place[0]][answer.place[1]] = answer.after
    sheets = [replace(sheet, cells=cells) if sheet is listed else sheet for sheet in own]
    return replace(book, sheets=sheets), accepted


def list_of(book: Workbook) -> Sheet | None:
    """Return the sheet of a workbook of ours that holds the list: the one of its name, else the first that is known."""
    named = [sheet for sheet in book.sheets if sheet.name == words()["list"]["name"]]
    return next((sheet for sheet in [*named, *book.sheets] if sheet in named or _identified(sheet)), None)


def _is(name: str, sheet: Sheet) -> bool:
    """Tell a sheet that we add by its name, or by its title: clerks rename and copy sheets."""
    title = next((clean(text) for cells in sheet.cells for text in cells if clean(text)), "")
    return sheet.name == words()[name]["name"] or title == words()[name]["title"]


def _lists_choices(sheet: Sheet, form: Form) -> bool:
    """Tell the sheet of choices, which has no title: by its name, or by its headers."""
    headers = {clean(text) for text in sheet.cells[0] if clean(text)} if sheet.cells else set()
    return sheet.name == words()["choices"]["name"] or (
        bool(headers) and headers == {form.label(column.key) for column in form.columns if column.choices}
    )


def explanations_in(book: Workbook) -> list[Explained]:
    """Return what a clerk confirmed or explained in a workbook of ours, as plain text of limited length."""
    todo = _todo(book)
    columns = _columns(todo, "explanation_columns") if todo else None
    if todo is None or columns is None:
        return []
    no, rules = {search_key(word) for word in words()["todo"]["no"]}, set(Rule)
    found = []
    for cells in todo.cells:
        cell, value, said, rule = (clean(cells[c]) if c < len(cells) else "" for c in columns)
        place = place_of(cell)
        whole = cell == words()["todo"]["whole_file"]
        if rule in rules and (place or whole) and search_key(said) not in no:
            found.append(Explained(place, rule, value, said[:LONGEST_EXPLANATION]))
    return found


def _todo(book: Workbook) -> Sheet | None:
    return next((sheet for sheet in book.sheets if _is("todo", sheet)), None)


def _accepted(todo: Sheet, listed: Sheet) -> list[Accepted]:
    columns = _columns(todo, "answer_columns")
    if columns is None:
        return []
    yes = {search_key(word) for word in words()["todo"]["yes"]}
    answers: dict[Place, Accepted] = {}
    rows = [[clean(text) for text in cells] for cells in listed.cells]
    for cells in todo.cells:
        cell, unit, before, after, answer = (clean(cells[c]) if c < len(cells) else "" for c in columns)
        if not after or search_key(answer) not in yes:
            continue
        if (told := place_of(cell)) and (place := _now_at(rows, told, unit, before)):
            answers.setdefault(place, Accepted(listed.name, place, before, after))
    return list(answers.values())


def _now_at(rows: list[list[str]], told: Place, unit: str, before: str) -> Place | None:
    """Return where a cell of the list is that held a text: in its place, or in the only other cell of its unit.

    Clerks sort rows, and insert some. Where the cell is the one that names the unit, its rows are those that still name
    it as it was written: other rows of the unit, where it is right, are not meant.
    """
    row, column = told
    of_unit = [row for row, texts in enumerate(rows) if unit and unit in texts]
    if before != unit and any(unit in rows[row][column : column + 1] for row in of_unit):
        of_unit = [row for row, texts in enumerate(rows) if before in texts[column : column + 1]]
    if row < len(rows) and column < len(rows[row]) and rows[row][column] == before and (row in of_unit or not of_unit):
        return told
    found = [(row, column) for row in of_unit for column, text in enumerate(rows[row]) if text == before]
    return found[0] if before and len(found) == 1 else None


def _columns(todo: Sheet, asked: str) -> tuple[int, ...] | None:
    """Return where the columns stand that the words name under this key; None if one is not there."""
    headers = [words()["todo"]["headers"][place] for place in words()["todo"][asked]]
    for cells in todo.cells:
        texts = [clean(text) for text in cells]
        if all(header in texts for header in headers):
            return tuple(texts.index(header) for header in headers)
    return None
