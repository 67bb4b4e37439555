"""Yes or no: a tick, a word, or a short sentence that begins with one."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

from schemas.data import vocabulary
from schemas.text import clean, spelling_key

LONGEST = 8  # words; a longer text is a remark


@cache
def answers() -> tuple[str, str]:
    """Return the two repaired values: yes, no."""
    yes, no = vocabulary()["yes_no"]["values"]
    return yes, no


def is_answer(value: str) -> bool:
    """Tell whether a repaired value is one of the two."""
    return value in answers()


@lru_cache(maxsize=20_000)
def repair(text: str) -> str:
    """Return one of `answers()`, or the cleaned text where it says neither for sure.

    Undone here: ticks and crosses, `1`/`0`, Excel's TRUE/FALSE, words without accents, a verb that is repeated
    ("da ket noi", "chua co logo"). A sentence that says both, or that nobody knows, stays what it is.
    """
    yes, no = answers()
    words = vocabulary()["yes_no"]
    mark = clean(unicodedata.normalize("NFKC", text)).casefold().strip(" .,;:!()[]")
    if mark in words["yes"]:
        return yes
    if mark in words["no"]:
        return no
    key = spelling_key(text)
    said = key.split()
    if not said or len(said) > LONGEST or any(f" {word} " in f" {key} " for word in _keys("unsure")):
        return clean(text)
    if said[0] in _keys("no_begins"):
        return no
    if said[0] in _keys("yes_begins") and _keys("no_begins").isdisjoint(said):
        return yes
    return clean(text)


@cache
def _keys(name: str) -> frozenset[str]:
    return frozenset(map(spelling_key, vocabulary()["yes_no"][name]))
