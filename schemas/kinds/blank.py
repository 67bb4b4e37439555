"""What counts as an empty cell in every column."""

from functools import cache, lru_cache

from schemas.data import vocabulary
from schemas.text import clean

_FILLERS = frozenset(" .-_\u2013\u2014\u2026/\\*|,;:")


@cache
def _blanks() -> frozenset[str]:
    return frozenset(vocabulary()["blanks"])


def is_empty(text: str) -> bool:
    """Tell whether the cell is empty, or holds dashes or dots only."""
    return all(character in _FILLERS for character in clean(text))


@lru_cache(maxsize=50_000)
def is_blank(text: str) -> bool:
    """Tell whether the cell says nothing: empty, dashes or dots only, or a word for nothing."""
    text = clean(text).casefold()
    return is_empty(text) or text.strip(" .-()\u2026") in _blanks()
