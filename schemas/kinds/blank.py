"""What counts as an empty cell in every column."""

from functools import cache

from schemas.data import vocabulary
from schemas.text import clean, foreign_initials

_FILLERS = " .-_\u2013\u2014\u2026/\\*|,;:"


@cache
def _blanks() -> frozenset[str]:
    return frozenset(vocabulary()["blanks"])


@cache
def _telling() -> frozenset[str]:
    """Return the characters by which most texts are told: no word for nothing begins with them."""
    return foreign_initials(_blanks())


def is_empty(text: str) -> bool:
    """Tell whether the cell is empty, or holds dashes or dots only."""
    return not clean(text).strip(_FILLERS)


def is_blank(text: str) -> bool:
    """Tell whether the cell says nothing: empty, dashes or dots only, or a word for nothing."""
    if not text or text[0] in _telling():
        return not text
    text = clean(text).casefold()
    return not text.strip(_FILLERS) or text.strip(" .-()\u2026") in _blanks()
