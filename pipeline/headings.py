"""Headings between the rows of a table that say what it has no column for: the unit, the group of persons."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from pipeline.gazetteer import section_level, unit_type
from pipeline.lines import Line
from pipeline.model import Place
from schemas.form import Form
from schemas.kinds import choice, name
from schemas.text import ROMAN, clean, without_remark

LONGEST = 60
_BULLET = re.compile(rf"^\s*(?:[-+*\u2022]|\d{{1,2}}[.)/]|{ROMAN}[.)/]|[A-Da-d][.)/])\s*")


def without_bullet(text: str) -> str:
    """Return a text without the number, letter or dash that it begins with."""
    return _BULLET.sub("", text)


class Headings:
    """The headings that a table stands under, from its first row on; one above others ends with the next of its kind.

    `lacking` are the keys of what such headings say: a unit is known by its level word, a choice by its name.
    """

    def __init__(self, form: Form, columns: Iterable[str], is_unit: Callable[[str], bool]) -> None:
        lacking = [column for column in form.columns if column.required and column.key not in {*columns}]
        self.unit = next((column.key for column in lacking if column.kind == "unit"), "")
        choices = [column for column in lacking if column.kind == "choice" and form.rows == "persons"]
        self.choice = choices[0] if len(choices) == 1 else None
        self.is_unit = is_unit
        self.one_row_each = form.rows == "units"
        self._said: dict[str, tuple[str, Place]] = {}
        self._order: list[str] = []  # the kinds of headings, the outermost first

    @property
    def lacking(self) -> bool:
        """Whether there is anything that a heading can say."""
        return bool(self.unit or self.choice)

    @property
    def said(self) -> set[str]:
        """The keys of which headings have told."""
        return {*self._order}

    def take(self, text: str, place: Place, *, numbered: bool) -> bool:
        """Take a text that stands alone in its row; tell whether it is a heading.

        What is no name of a person below such headings is one that nobody knows: it must not pass for the last one.
        """
        if section_level(text):
            self._said.clear()
            return not self.one_row_each
        text = clean(without_bullet(text))
        plain = clean(without_remark(text))
        if unit_type(text):
            return bool(self.unit) and self._take(self.unit, plain if self.is_unit(plain) else text, place)
        if self.choice is None:
            return False
        if choice.find(plain, self.choice.spellings):
            return self._take(self.choice.key, plain, place)
        is_person = numbered or name.in_order(text) or len(text) > LONGEST
        return self.choice.key in self._order and not is_person and self._take(self.choice.key, text, place)

    def _take(self, key: str, text: str, place: Place) -> bool:
        if key not in self._order:
            self._order.append(key)
        for inner in self._order[self._order.index(key) :]:
            self._said.pop(inner, None)
        self._said[key] = (text, place)
        return True

    def on(self, line: Line) -> Line:
        """Return the line with what the headings above it say; one unit has one row in a list of units."""
        texts = {key: text for key, (text, _) in self._said.items()}
        places = {key: place for key, (_, place) in self._said.items()}
        if self.one_row_each:
            self._said.clear()
        return replace(line, texts=line.texts | texts, elsewhere={**line.elsewhere, **places}) if texts else line

    def settle(self, lines: list[Line]) -> None:
        """Forget the units of headings in a list of units unless most rows have one: they may be of other units."""
        under = [line for line in lines if self.unit in line.texts]
        if self.one_row_each and 2 * len(under) <= len(lines):
            lines[:] = [_without(line, self.unit) for line in lines]


def _without(line: Line, key: str) -> Line:
    if key not in line.texts:
        return line
    texts = {other: text for other, text in line.texts.items() if other != key}
    return replace(line, texts=texts, elsewhere={k: place for k, place in line.elsewhere.items() if k != key})
