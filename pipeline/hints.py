"""What a header holds besides its words: an example, a hint, the number of its column; and what only data holds."""

from __future__ import annotations

import re
from functools import cache

from schemas.data import vocabulary
from schemas.text import without_accents

LONGEST = 120  # longer texts are no headers
_ADDRESS = re.compile(r"@(?<=[\w.+-]@)\w")
_NUMBER = re.compile(r"^[^\w\n]*[0-9]{6}", re.MULTILINE)
_LINK = re.compile(r"https?:|facebook\.com|fb\.com", re.IGNORECASE)
_EXAMPLE = re.compile(r"@|https?:|facebook\.com|fb\.com|\d{6}", re.IGNORECASE)
_ASIDE = re.compile(r"[(\[][^()\[\]]*(?:[)\]]|$)")
_COLUMN_NUMBER = re.compile(r"(?<=\S)\s*[(\[]\d{1,2}[)\]]$")
_BARE_ADDRESS = re.compile(
    r"\b(?:https?://(?:www\.)?(?:(?:facebook|fb)\.com)?|(?:www\.)?(?:facebook|fb)\.com)/?[.\u2026]*(?=[\s,;]|$)",
    re.IGNORECASE,
)


def is_person_data(text: str) -> bool:
    """Tell a cell, or cells one below the other, with an address of mail or a number of six digits at its beginning."""
    return _ADDRESS.search(text) is not None or _NUMBER.search(text) is not None


def is_data(text: str) -> bool:
    """Tell a text that holds what stands in a header as an example only: also a link."""
    return is_person_data(text) or _LINK.search(text) is not None


def without_example(text: str) -> str:
    """Return a cleaned header without its column's number and, where it holds data or is long, without its asides.

    An example stands in brackets or behind a word that says so; a bare `https://` is a hint as well.
    """
    if text.endswith((")", "]")):
        text = _COLUMN_NUMBER.sub("", text)
    if len(text) <= LONGEST and not _EXAMPLE.search(text):
        return text
    while (shorter := _ASIDE.sub(" ", text)) != text:
        text = shorter
    return _BARE_ADDRESS.sub("", _examples().sub("", text)).strip(" ,;:-\u2013")


def may_hold_example(text: str) -> bool:
    """Tell quickly a text in which data may be an example: most rows of data hold no such."""
    return "(" in text or "[" in text or _examples().search(text) is not None


@cache
def _examples() -> re.Pattern[str]:
    words = vocabulary()["table"]["examples"]
    words = sorted({*words, *map(without_accents, words)}, key=lambda word: (-len(word), word))
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b.*", re.IGNORECASE | re.DOTALL)
