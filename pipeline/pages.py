"""A page's name and address in one cell, as clerks copy them together."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from schemas.data import vocabulary
from schemas.kinds import is_blank, link
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
