"""How two writings of the same Vietnamese words are compared.

Three depths, each built on the one before: `clean` (what a reader cannot see), `spelling_key`
(what an office may write either way) and `search_key` (accents thrown away: only ever a last resort).
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from string import ascii_letters, digits

from unidecode import unidecode

ROMAN = "[IVXL]{1,8}"
"""The Roman numbers of rows and headings, as a pattern: a province has fewer than ninety units of a kind."""
# Zero-width characters, joiners, bidirectional marks, byte-order mark, soft hyphen: copied from web pages and chats.
_UNSEEN = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_FORBIDDEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff"
_INVISIBLE = re.compile(f"[{_UNSEEN}]")
_ILLEGAL = re.compile(f"[{_FORBIDDEN}]")
_SPACES = re.compile(r"\s+")
# Eth stands in for D with stroke in many old documents; NFC does not touch it.
_LOOKALIKES = str.maketrans({"\u00d0": "\u0110", "\u00f0": "\u0111", "\u0189": "\u0110", "\u0256": "\u0111"})
# What nearly all texts are: words of ASCII and of the Vietnamese alphabet, composed (NFC), with single spaces.
_PLAIN = "!-~\u00c0-\u00cf\u00d1-\u00d6\u00d9-\u00ef\u00f1-\u00f6\u00f9-\u0131\u0168\u0169\u01a0\u01a1\u01af\u01b0"
_CLEAN = re.compile(f"[{_PLAIN}\u1ea0-\u1ef9]+(?: [{_PLAIN}\u1ea0-\u1ef9]+)*")
# Cyrillic and Greek letters that a reader takes for Latin ones.
_LATIN = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405"
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf\u03c1\u03b9",
    "aeopcyxijsdhqwABEKMHOPCTYXIJSABEZHIKMNOPTYXopi",
)
_CYRILLIC = re.compile("[\u0370-\u052f]")
_HALF_WIDTH = re.compile("[\uff01-\uff5e]+")
_FOREIGN = re.compile("[\u0370-\u052f\uff01-\uff5e]")
_REMARK = re.compile(r"\(.*?\)|:.*$")
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc\u02b9`\u00b4\u2032]")
TONES = "\u0300\u0301\u0303\u0309\u0323"
_TONE = re.compile(f"[{TONES}]")
_MARKS = re.compile("[\u0300-\u036f]")
_STROKES = str.maketrans("\u0111\u0110", "dD")
_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f][^\W_]*)*")
_Y_FOR_I = re.compile(r"^((?:qu|[hklmstv]))y$")
_NUMBER = re.compile(r"\d(?:[ .-]?\d){7,}")
_LEADING_ZEROS = re.compile(r"^0+(?=\d)")


def clean(text: str) -> str:
    """Return the text in NFC, without invisible or illegal characters, with single spaces."""
    if not text or _CLEAN.fullmatch(text):
        return text
    text = _ILLEGAL.sub("", _INVISIBLE.sub("", text))
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text).translate(_LOOKALIKES)).strip()


def few(texts: Iterable[str], most: int = 20) -> list[str]:
    """Return the texts of a list as far as anybody reads it: the first ones, and an ellipsis for the others."""
    first = list(islice(texts, most + 1))
    return [*first[:most], "\u2026"] if len(first) > most else first


def in_latin_letters(text: str) -> str:
    """Return the cleaned text with full-width characters and letters of other alphabets that look Latin made Latin.

    Only where the text is Latin otherwise: a word that is Cyrillic stays what it is. Never for web addresses,
    where a letter that only looks right leads elsewhere.
    """
    text = clean(text)
    if text.isascii() or not _FOREIGN.search(text):
        return text
    plain = _HALF_WIDTH.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text).translate(_LATIN)
    letters = [character for character in plain if character.isalpha()]
    latin = all(unicodedata.name(character, "").startswith("LATIN") for character in letters)
    mixed = any(character in text for character in letters)
    return clean(plain) if latin and (mixed or not _CYRILLIC.search(text)) else text


@lru_cache(maxsize=20_000)
def spelling_key(text: str) -> str:
    """Return words that are equal for two legitimate spellings of one name.

    Folded: capitals, punctuation, apostrophes, tone placement, y for i in open syllables (after
    h k l m s t v and qu), leading zeros. Accents stay.
    """
    decomposed = unicodedata.normalize(
        "NFD", _APOSTROPHES.sub("", in_latin_letters(unicodedata.normalize("NFKC", text)))
    ).casefold()
    return " ".join(_syllable_key(word) for word in _WORD.findall(decomposed))


@lru_cache(maxsize=20_000)
def _syllable_key(word: str) -> str:
    tones = "".join(_TONE.findall(word))
    letters = _Y_FOR_I.sub(r"\1i", _LEADING_ZEROS.sub("", _TONE.sub("", word)))
    return unicodedata.normalize("NFC", letters + tones)


@lru_cache(maxsize=20_000)
def search_key(text: str) -> str:
    """Return the spelling key without accents: fit for searching, never for deciding between two units."""
    return without_accents(spelling_key(text))


def without_accents(key: str) -> str:
    """Return a spelling key with its accents thrown away."""
    return key if key.isascii() else _unaccented(key)


@lru_cache(maxsize=20_000)
def _unaccented(key: str) -> str:
    plain = _MARKS.sub("", unicodedata.normalize("NFD", key)).translate(_STROKES)
    return plain if plain.isascii() else unidecode(key)


def foreign_initials(words: Iterable[str]) -> frozenset[str]:
    """Return the ASCII letters and digits that none of these words begins with, in capitals, with accents or without.

    A text that begins with one of them is none of these words, whatever `clean` does to it.
    """
    initials = {unicodedata.normalize("NFD", word)[0].lower() for word in words}
    return frozenset(character for character in ascii_letters + digits if character.lower() not in initials)


def capitalised(text: str) -> str:
    """Return the text with its first letter in upper case, the rest untouched."""
    return text[:1].upper() + text[1:]


def slug(text: str) -> str:
    """Return the text as a file name: lower-case ASCII words joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", unidecode(clean(text)).lower()))


LONGEST = 32_767
"""Characters that a cell of a workbook holds."""


def storable(text: str) -> str:
    """Return the text as any output format can hold it: no illegal characters, not too many of them."""
    return (text if text.isprintable() else _ILLEGAL.sub("", text))[:LONGEST]  # what is printable is legal


def masked(text: str) -> str:
    """Return what stands for a person as a screen may show it: `0912***678`, `d***@example.vn`, `N*** V*** A***`."""
    return re.sub(r"\S+", lambda word: _masked_word(word[0]), masked_numbers(text))


def masked_numbers(text: str) -> str:
    """Return a text of which the telephone numbers are masked."""
    return _NUMBER.sub(lambda number: number[0][:4] + "***" + number[0][-3:], text)


def _masked_word(word: str) -> str:
    local, at, domain = word.rpartition("@")
    if at and "." in domain:
        return f"{local[:1]}***@{domain}"
    return word if "***" in word or not any(map(str.isalnum, word)) else f"{word[:1]}***"


def grouped(number: int) -> str:
    """Return a number with a dot before every three digits: `10.603`."""
    return f"{number:,}".replace(",", ".")


def without_remark(text: str) -> str:
    """Return a heading without what it says besides: in brackets, or after a colon."""
    return _REMARK.sub(" ", text)


def paper_date(day: dt.date | None) -> str:
    """Return a date as official papers write it: a leading zero for days below 10 and for months 1 and 2 only.

    Decree 30/2020/ND-CP, annex I: `05/01/2022`, `27/5/2022`.
    """
    if day is None:
        return ""
    return f"{day.day:02d}/{day.month:02d}/{day.year}" if day.month < 3 else f"{day.day:02d}/{day.month}/{day.year}"


def screen_date(day: dt.date | None) -> str:
    """Return a date as screens and tables print it: `05/03/2022`."""
    return day.strftime("%d/%m/%Y") if day else ""
