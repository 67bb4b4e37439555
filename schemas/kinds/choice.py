"""One of the choices that the form lists."""

from __future__ import annotations

from functools import lru_cache

from rapidfuzz import fuzz, process

from schemas.text import clean, search_key, spelling_key

Spellings = tuple[tuple[str, ...], ...]
"""The choices: of each the value that counts, then its other names."""

LEAST = 4  # letters of a text that may be likened: two or three are like too much ("CT", "BCT")
ALIKE = 70  # how like a choice a text must be for a proposal, of 100


def repair(text: str, choices: Spellings) -> str:
    """Return the choice as the form spells it, or the cleaned text where it is none of them."""
    return find(text, choices) or clean(text)


@lru_cache(maxsize=20_000)
def find(text: str, choices: Spellings) -> str:
    """Return the one choice that the text names, "" for none or several.

    Compared as typed, then without regard to capitals and punctuation, then without accents; what is nearly a
    choice is proposed (`nearest`), never taken.
    """
    for key in (clean, spelling_key, search_key):
        wanted = key(text)
        found = [names[0] for names in choices if wanted and wanted in map(key, names)]
        if len(found) == 1:
            return found[0]
    return ""


@lru_cache(maxsize=20_000)
def nearest(text: str, choices: Spellings) -> str:
    """Return the choice that was probably meant, "" where nothing is near."""
    if len(choices) == 1:
        return choices[0][0]
    said = search_key(text)
    keys = {search_key(name): names[0] for names in choices for name in names}
    contained = {keys[key] for key in keys if f" {key} " in f" {said} "}
    if contained:
        return contained.pop() if len(contained) == 1 else ""
    if len(said) < LEAST:
        return ""
    best = process.extractOne(said, list(keys), scorer=fuzz.ratio, score_cutoff=ALIKE)
    return keys[best[0]] if best else ""
