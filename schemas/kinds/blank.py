"""What counts as an empty cell in every column."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from schemas.data import vocabulary
from schemas.text import clean

_FILLERS = " .-_\u2013\u2014\u2026/\\*|,;:"


@cache
def _blanks() -> frozenset[str]:
    return frozenset(vocabulary()["blanks"])


@cache
def _says_more() -> re.Pattern[str]:
    """Return what tells most texts at a glance: more letters and digits than any word for nothing has."""
    most = max(sum(map(str.isalnum, word)) for word in _blanks())
    return re.compile(rf"(?:[\W_]*[^\W_]){{{most + 1}}}")


def is_empty(text: str) -> bool:
    """Tell whether the cell is empty, or holds dashes or dots only."""
    return not text or not clean(text).strip(_FILLERS)


@lru_cache(maxsize=4_096)  # a row's cells are asked several times, one after the other
def is_blank(text: str) -> bool:
    """Tell whether the cell says nothing: empty, dashes or dots only, or a word for nothing."""
    if not text or _says_more().match(text):
        return not text
    text = clean(text).casefold()
    return not text.strip(_FILLERS) or text.strip(" .-()\u2026") in _blanks()
