"""How two writings of the same Vietnamese words are compared.

Three depths, each built on the one before: `clean` (what a reader cannot see), `spelling_key`
(what an office may write either way) and `search_key` (accents thrown away: only ever a last resort).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from unidecode import unidecode

# Zero-width characters, joiners, bidirectional marks, byte-order mark, soft hyphen: copied from web pages and chats.
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"\s+")
# Eth stands in for D with stroke in many old documents; NFC does not touch it.
_LOOKALIKES = str.maketrans({"\u00d0": "\u0110", "\u00f0": "\u0111", "\u0189": "\u0110", "\u0256": "\u0111"})
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc\u02b9`\u00b4\u2032]")
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_TONE = re.compile(f"[{_TONES}]")
_MARKS = re.compile("[\u0300-\u036f]")
_STROKES = str.maketrans("\u0111\u0110", "dD")
_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f][^\W_]*)*")
_Y_FOR_I = re.compile(r"^((?:qu|[hklmstv]))y$")
_LEADING_ZEROS = re.compile(r"^0+(?=\d)")


@lru_cache(maxsize=200_000)
def clean(text: str) -> str:
    """Return the text in NFC, without invisible or illegal characters, with single spaces."""
    text = _ILLEGAL.sub("", _INVISIBLE.sub("", text))
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text).translate(_LOOKALIKES)).strip()


@lru_cache(maxsize=200_000)
def spelling_key(text: str) -> str:
    """Return words that are equal for two legitimate spellings of one name.

    Folded: capitals, punctuation, apostrophes, tone placement, y for i in open syllables (after
    h k l m s t v and qu), leading zeros. Accents stay.
    """
    decomposed = unicodedata.normalize(
        "NFD", _APOSTROPHES.sub("", clean(unicodedata.normalize("NFKC", text)))
    ).casefold()
    return " ".join(_syllable_key(word) for word in _WORD.findall(decomposed))


def _syllable_key(word: str) -> str:
    tones = "".join(_TONE.findall(word))
    letters = _Y_FOR_I.sub(r"\1i", _LEADING_ZEROS.sub("", _TONE.sub("", word)))
    return unicodedata.normalize("NFC", letters + tones)


@lru_cache(maxsize=200_000)
def search_key(text: str) -> str:
    """Return the spelling key without accents: fit for searching, never for deciding between two units."""
    return without_accents(spelling_key(text))


def without_accents(key: str) -> str:
    """Return a spelling key with its accents thrown away."""
    return key if key.isascii() else _unaccented(key)


@lru_cache(maxsize=50_000)
def _unaccented(key: str) -> str:
    plain = _MARKS.sub("", unicodedata.normalize("NFD", key)).translate(_STROKES)
    return plain if plain.isascii() else unidecode(key)


def capitalised(text: str) -> str:
    """Return the text with its first letter in upper case, the rest untouched."""
    return text[:1].upper() + text[1:]


def slug(text: str) -> str:
    """Return the text as a file name: lower-case ASCII words joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", unidecode(clean(text)).lower()))


def storable(text: str) -> str:
    """Return the text as any output format can hold it: no illegal characters, at most 32,767 of them."""
    return _ILLEGAL.sub("", text)[:32_767]
