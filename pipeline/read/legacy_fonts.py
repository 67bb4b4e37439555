"""Text typed with TCVN3 or VNI fonts: on the surface Latin-1 letters, decided by a vote of the whole sheet.

A cell alone proves little, so cells only vote; the sheet is converted when enough of them can be
Vietnamese in one encoding and in no other way. This runs before anything is trimmed: in TCVN3 the soft
hyphen U+00AD is a letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from pipeline.model import Place, Sheet
from schemas.data import HERE, read_toml, vocabulary

VOTES, MAJORITY = 3, 5
_TONES = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
_TONED_CONSONANT = re.compile("[bcdfghjklmnpqrstvwxz\u0111][\u0300\u0301\u0303\u0309\u0323]")
_TOKEN = re.compile(r"[^\s\d!-/:-@\[-`{-~\u201c\u201d\u2018\u2019\u2013\u2014\u2026]+")
# Letters that only Unicode has: D with stroke, breve, horn, tilde on i and u, the Vietnamese block, combining tones.
_UNICODE_ONLY = re.compile(
    "[\u0102\u0103\u0110\u0111\u0128\u0129\u0168\u0169\u01a0\u01a1\u01af\u01b0\u1ea0-\u1ef9\u0300-\u0323]"
)
_FOREIGN = re.compile("[^\u0000-\u00ff\u2013\u2014\u2018\u2019\u201c\u201d\u2026]")
_CAPITALS = re.compile("[A-Z]")

Decoder = Callable[[str], str]


def decode(sheet: Sheet) -> Sheet:
    """Return the sheet with its legacy text in Unicode, the originals under `legacy`; other sheets as they are."""
    places = [
        (row, column)
        for row, cells in enumerate(sheet.cells)
        for column, text in enumerate(cells)
        if not text.isascii() and not _FOREIGN.search(text) and text.strip() not in _ticks()
    ]
    if not places:
        return sheet
    votes = Counter(vote for row, column in places if (vote := _vote(sheet.cells[row][column])))
    ranked = votes.most_common(2)
    if not ranked or ranked[0][1] < VOTES or (len(ranked) > 1 and ranked[0][1] < MAJORITY * ranked[1][1]):
        return sheet
    return _converted(sheet, places, ranked[0][0])


def _converted(sheet: Sheet, places: list[Place], encoding: str) -> Sheet:
    mixed = any(_UNICODE_ONLY.search(text) for cells in sheet.cells for text in cells if not text.isascii())
    cells = [list(row) for row in sheet.cells]
    originals = {
        (row, column): text
        for row, column in places
        for text in [cells[row][column]]
        if not mixed or _is_in(text, encoding)
    }
    capitals = Counter(_in_capitals(text) for text in originals.values())
    for (row, column), text in originals.items():
        decoded = _with_capitals(_decoders()[encoding](text)) if encoding == "tcvn3" else _decoders()[encoding](text)
        upper = _in_capitals(text) or (_in_capitals(text) is None and capitals[True] > capitals[False])
        cells[row][column] = decoded.upper() if upper else decoded
    return replace(sheet, cells=cells, legacy=originals)


def _with_capitals(text: str) -> str:
    """Return a text with the capitals that TCVN3 does not have, vowels with a tone, beside words that have theirs."""
    words = text.split(" ")
    capital = [word[:1].isupper() and word[1:].islower() for word in ["", *words, ""]]
    return " ".join(
        word[:1].upper() + word[1:]
        if (before or after) and _TONES.search(unicodedata.normalize("NFD", word[:1]))
        else word
        for word, before, after in zip(words, capital, capital[2:], strict=False)
    )


@cache
def _ticks() -> frozenset[str]:
    """Return what fonts of signs show as a tick: one such letter alone is no word."""
    return frozenset(text for text in vocabulary()["yes_no"]["yes"] if len(text) == 1)


def _is_in(text: str, encoding: str) -> bool:
    """Tell of a text beside Unicode whether its words with accents are Vietnamese in this encoding, not as they stand.

    Short forms ("D/c.") and words without accents are as good in any.
    """
    words = [word for word in _TOKEN.findall(text) if not word.isascii() and len(word) > 1]
    decoded = map(_decoders()[encoding], words)
    return bool(words) and not all(map(_is_syllable, words)) and all(map(_is_syllable, decoded))


@lru_cache(maxsize=50_000)
def _vote(text: str) -> str:
    """Return the one encoding in which every word can be Vietnamese, "" where the text is already, or none is."""
    if is_vietnamese(text):
        return ""
    fitting = [name for name, decoder in _decoders().items() if is_vietnamese(decoder(text))]
    return fitting[0] if len(fitting) == 1 else ""


@cache
def _decoders() -> dict[str, Decoder]:
    tables = read_toml(HERE / "legacy_fonts.toml")
    return {"tcvn3": _tcvn3(tables["tcvn3"]), "vni": _vni(tables["vni"])}


def _tcvn3(table: dict[str, str]) -> Decoder:
    letters = {
        int(code, 16): letter for codes, row in table.items() for code, letter in zip(codes.split(), row, strict=True)
    }
    return lambda text: text.translate(letters)


def _vni(table: dict[str, Any]) -> Decoder:
    pairs = dict(table["single"])
    for key, row in table["marks"].items():
        for code, letter in zip(row["codes"], row["marked"], strict=True):
            pairs[row.get("base", key) + code] = letter
    pairs |= {written.upper(): letter.upper() for written, letter in pairs.items()}
    pairs |= {
        written[0].upper() + written[1:]: letter.upper() for written, letter in pairs.items() if len(written) == 2
    }
    pattern = re.compile("|".join(sorted(map(re.escape, pairs), key=len, reverse=True)))
    return lambda text: pattern.sub(lambda match: pairs[match[0]], text)


def _in_capitals(text: str) -> bool | None:
    """Tell whether a text is in capitals, None where it does not show.

    The capital fonts of TCVN3 show small codes as capitals, so only plain letters tell: two capitals in one word.
    """
    if any(character.isascii() and character.islower() for character in text):
        return False
    return True if any(len(_CAPITALS.findall(word)) > 1 for word in text.split()) else None


@cache
def _syllables() -> frozenset[str]:
    words = read_toml(HERE / "legacy_fonts.toml")["syllables"]
    return frozenset(onset + rime for onset in words["onsets"] for rime in words["rimes"].split())


@lru_cache(maxsize=50_000)
def is_vietnamese(text: str) -> bool:
    """Tell whether every word of the text can be Vietnamese in Unicode."""
    tokens = _TOKEN.findall(text)
    return bool(tokens) and all(_is_syllable(token) for token in tokens)


def _is_syllable(token: str) -> bool:
    decomposed = unicodedata.normalize("NFD", token.lower())
    tones = _TONES.findall(decomposed)
    if len(tones) > 1 or _TONED_CONSONANT.search(decomposed):
        return False
    return unicodedata.normalize("NFC", _TONES.sub("", decomposed)) in _syllables()
