"""Persons as clerks write them: name, number and address in one cell, or the same as in the row above."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from schemas.data import vocabulary
from schemas.kinds import is_blank
from schemas.text import clean, foreign_initials

_EMAIL = re.compile(r"[^\s@,;:|/<>()]+@[^\s@,;|/<>()]+")
_PHONE = re.compile(r"\+?\(?\d[\d .()\u2013-]{6,}\d[xX*]*|\d{3,}[ .-]*(?:\.{3,}|\u2026|[xX*]{2,})")
_PATTERNS = {"email": _EMAIL, "phone": _PHONE}
_BREAKS = re.compile(r"[\r\n;|]+")
_PERSONS = re.compile(r"[\r\n]+|(?<!\S)\d[.)](?=\s)")
_EDGES = " \t,;:|/<>()-\u2013\u2014"


def has_email(text: str) -> bool:
    """Tell whether an address of mail stands in the text."""
    return "@" in text and bool(_EMAIL.search(text))


def is_ditto(text: str) -> bool:
    """Tell whether the cell says that it holds what the cell above it holds."""
    if text[:1] in _telling():
        return False
    text = clean(text).casefold()
    return text in _dittos() or text.strip(" .-()") in _dittos()


def by_kind(text: str) -> dict[str, str]:
    """Return the parts of a person's cell by kind: `email`, `phone`, and what remains as `name`.

    A part that a label announces ("Email: ...") is of that kind whatever it looks like.
    """
    parts: dict[str, list[str]] = {"name": []}
    for kind, field in _fields(text):
        rest = field
        for other, pattern in _PATTERNS.items():
            parts.setdefault(other, []).extend(pattern.findall(rest))
            rest = pattern.sub("\n", rest)
        unread = kind in _PATTERNS and rest == field
        parts.setdefault(kind if unread else "name", []).extend(rest.split("\n"))
    parts["name"] = [piece.strip(_EDGES) for piece in parts["name"]]
    told = {kind: [p for p in pieces if not is_blank(p) and not _is_label(p)] for kind, pieces in parts.items()}
    return {kind: ", ".join(pieces) for kind, pieces in told.items() if pieces}


def each_in(text: str) -> list[str]:
    """Return the texts of the persons of a cell, each on a line or behind a number, if all have a name and more."""
    pieces = [piece for piece in _PERSONS.split(text) if piece.strip(_EDGES)]
    told = [by_kind(piece) for piece in pieces]
    return pieces if all("name" in kinds and len(kinds) > 1 for kinds in told) else [text]


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """Yield every line of the text, cut before each label, with the kind that the label announces ("" for none)."""
    for line in _BREAKS.split(text):
        kind, start = "", 0
        for match in _labels().finditer(line):
            yield kind, line[start : match.start()]
            kind, start = _kind_of(match[1]), match.end()
        yield kind, line[start:]


@cache
def _label_kinds() -> dict[str, str]:
    words = vocabulary()
    lists = {"name": words["names"], "phone": words["phones"], "email": words["emails"]}
    return {label.casefold(): kind for kind, section in lists.items() for label in section["labels"]}


def _kind_of(label: str) -> str:
    return _label_kinds()[clean(label).casefold()]


def _is_label(text: str) -> bool:
    return clean(text).casefold().strip(" .:") in _label_kinds()


@cache
def _labels() -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in sorted(_label_kinds(), key=len, reverse=True))
    return re.compile(rf"(?<![\w@.])({words})\s*(?::+|\.+(?=\s)|(?=[\s(]*[+(]*\d))\s*", re.IGNORECASE)


@cache
def _telling() -> frozenset[str]:
    """Return the characters by which most texts are told: no ditto mark begins with them."""
    return foreign_initials(_dittos())


@cache
def _dittos() -> frozenset[str]:
    return frozenset(vocabulary()["dittos"])
