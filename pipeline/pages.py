"""A page's name and address in one cell, as clerks copy them together."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from functools import cache
from typing import NamedTuple

from pipeline.lines import Found
from pipeline.model import Place, Sheet
from schemas.data import vocabulary
from schemas.form import Form
from schemas.kinds import is_blank, is_empty, link
from schemas.text import clean, search_key

KINDS = ("page-name", "link")
_LINES = re.compile(r"[\r\n;|]+")
_LABEL = re.compile(r"\s*[-+*\u2022(]?\s*([^:]{2,40}?)\s*:\s*(?!//)")
_GLUED = re.compile(r"[^\S\r\n]+[^\s()\[\];,|:\u2013-]")  # words in the same line, with nothing but a blank before them
_EDGES = " \t,;:|/<>-\u2013\u2014\"'\u201c\u201d"


class Page(NamedTuple):
    """What a cell says of a page: its name and its address, "" for what it does not say."""

    name: str = ""
    link: str = ""


def page_in(text: str, is_unit: Callable[[str], bool]) -> Page:
    """Return the page's name and its address if the text surely holds both, else the text as the one that it is.

    Words right behind an address may belong to it: a blank typed into a name makes another page of it.
    """
    if not link.is_address(text):
        return Page(name=text)
    found = link.addresses_in(text)
    if len(found) != 1:
        return Page(link=text)
    before, _, behind = text.partition(found[0])
    name, after = _said(before), _said(behind)
    if bool(name) is bool(after):
        return Page(link=text)
    is_sure = not _GLUED.match(behind) or (is_unit(after) and not after.isascii())
    name = name or after
    return Page(name, found[0]) if is_sure and len(name.split()) > 1 else Page(link=text)


class Pages:
    """The pages of one sheet: their names and addresses, where each has a cell of its own and where not."""

    def __init__(self, sheet: Sheet, form: Form, is_unit: Callable[[str], bool]) -> None:
        keys = [column.key for kind in KINDS for column in form.of_kind(kind)]
        self.keys = keys if len(keys) == 2 else []
        self.sheet = sheet
        self.is_unit = is_unit

    def with_links_behind(self, columns: dict[str, int], row: int, sample: list[list[str]]) -> dict[str, int]:
        """Let the column of the names speak for the addresses as well, where these stand behind the names.

        `sample` are the rows from this one on.
        """
        if not self.sheet.links or not self.keys or self.keys[0] not in columns or self.keys[1] in columns:
            return columns
        place = columns[self.keys[0]]
        filled = [row + n for n, cells in enumerate(sample) if place < len(cells) and not is_blank(cells[place])]
        behind = sum((r, place) in self.sheet.links for r in filled)
        return {**columns, self.keys[1]: place} if 0 < len(filled) <= 2 * behind else columns

    def value(self, key: str, text: str, place: Place) -> str:
        """Return the name or the address from a cell that may hold both."""
        page = page_in(text, self.is_unit)
        return page.name if key == self.keys[0] else page.link or self._behind(place)

    def is_plain(self, texts: dict[str, str]) -> bool:
        """Tell cheaply whether name and address stand each in its own cell, if there are any."""
        if not self.keys:
            return True
        name, address = self.keys
        return texts.get(address, "")[:4] == "http" and not is_blank(texts.get(name, ""))

    def part(
        self, row: int, texts: dict[str, str], elsewhere: dict[str, Place], flaws: Container[str], table: Found
    ) -> None:
        """Take a name or an address from the cell of the other one, where its own is blank and that holds both.

        Beside an address may stand a remark: from there only a name that names a unit is taken. Who says in words that
        there is no address means it, whatever is left behind the name.
        """
        blank = [key for key in self.keys if key in texts and key not in flaws and is_blank(texts[key])]
        if len(blank) != 1:
            return
        [full] = {*self.keys} - {*blank}
        if full not in texts or table.columns[full] in table.combined:
            return
        place = elsewhere.get(full, (row, table.columns[full]))
        page = page_in(texts[full], self.is_unit)
        if page.name and is_empty(texts[blank[0]]):
            page = Page(page.name, page.link or self._behind(place))
        if all(page) and (full == self.keys[0] or self.is_unit(page.name)):
            texts.update(zip(self.keys, page, strict=True))
            elsewhere[blank[0]] = place

    def _behind(self, place: Place) -> str:
        behind = self.sheet.links.get(place, "")
        return behind if behind.lower().startswith(("http://", "https://")) else ""


def _said(text: str) -> str:
    """Return what is said on one side of an address, without the labels of what follows."""
    said = []
    for line in _LINES.split(text):
        match = _LABEL.match(line)
        line = line[match.end() :] if match and _is_label(match[1]) else line
        line = clean(line).strip(_EDGES).lstrip(")]").rstrip("([").strip(_EDGES)
        said += [] if is_blank(line) or _is_label(line) else [line]
    return " ".join(said)


def _is_label(text: str) -> bool:
    return search_key(text) in _labels()


@cache
def _labels() -> frozenset[str]:
    return frozenset(map(search_key, vocabulary()["pages"]["labels"]))
