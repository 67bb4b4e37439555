"""Phone numbers of Vietnam.

Source: the numbering plan in force since 15/9/2018 (11-digit mobile numbers became 10-digit ones) and
phonenumbers' own metadata.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

import phonenumbers

from schemas.data import vocabulary
from schemas.kinds import latest
from schemas.text import clean

_MASK = re.compile(r"[xX*#?_]{2,}|\.{3,}|\u2026|[.\s-][xX*]+$|\d[xX*]+$")
# The same in what is no number anyway: "0912345..", "0912.345.x02".
_HIDDEN = re.compile(rf"{_MASK.pattern}|\d[.\s]*\.\.$|\d[.\s-]?[xX*]+[.\s-]?\d")
_FOOTNOTE = re.compile(r"^(0[\d .-]{8,14}\d)\s?\*{1,3}$")  # a star behind a whole number
_SLASHED = re.compile(r"(?<!\d)(0\d{2,3})/(\d{3})/(\d{3,4})(?!\d)")
_DIGITS_ONLY = re.compile(r"\+?[\d.() -]+")
_NEARLY = (9, 10, 11)  # digits of a number, or of one with a slip
_GROUPS = 12  # groups of digits in two numbers
_SUBSCRIBER = re.compile(r"^(?:0[35-9]\d{8}|02\d{9})$", re.ASCII)  # no hotlines, no short numbers
_BETWEEN = re.compile(r"\s*[,;/|\n]\s*|\s+[-\u2013]\s+")  # between two numbers, or within one
_SHORTENED = re.compile(r"^\+?(\d)[.,](\d+)[eE]\+?(\d{1,2})$")
_CANDIDATE = re.compile(r"\+?\(?\d[\d\s.,_()\-\u2013]*\d")
# Letters typed for the digit zero inside a run of digits.
_LETTER_O = re.compile(r"(?<![^\W\d_])[oO](?=[\d.\s]*\d{3})")


def repair(text: str) -> str:
    """Return the number as `0912345678`: national digits without separators, its lost zero put back.

    Undone here: dots, spaces and brackets; `+84`, `84`, `0084`; the zero that Excel drops from numbers;
    numbers shown as `9.12345678E+08` or `912345678.0`; labels such as `Zalo`; the prefixes of before 2018.
    Of several numbers the first counts, or the new one (`latest`). Anything else comes back cleaned, to be judged.
    """
    found = _digits(text)
    return (_current(found) or found) if found else clean(text)


def in_order(text: str) -> bool:
    """Tell a mobile number that is written as it should be."""
    return _mobile().fullmatch(text) is not None


def is_valid(number: str) -> bool:
    """Tell whether a repaired number can be dialled in Vietnam."""
    return bool(_mobile().fullmatch(number) or (_SUBSCRIBER.match(number) and _can_be_dialled(number)))


@cache
def _mobile() -> re.Pattern[str]:
    """Return the library's own pattern of the mobile numbers: asking the library takes twenty times as long."""
    known = phonenumbers.PhoneMetadata.metadata_for_region("VN")
    numbers = known.mobile.national_number_pattern if known and known.mobile else "(?!)"
    return re.compile(rf"0(?=[35-9])(?:{numbers})", re.ASCII)


@lru_cache(maxsize=20_000)
def _can_be_dialled(number: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, "VN"))
    except phonenumbers.NumberParseException:
        return False


def is_masked(text: str) -> bool:
    """Tell whether digits were hidden on purpose (`0912.....`, `0912xxxxxx`)."""
    return not _digits(text) and any(c.isdigit() for c in text) and bool(_HIDDEN.search(clean(text)))


def has_old_prefix(text: str) -> bool:
    """Tell whether the number typed is from before 15/9/2018."""
    found = _digits(text)
    return bool(found) and _current(found) is not None


@cache
def _old_prefixes() -> dict[str, str]:
    return dict(vocabulary()["phones"]["old_prefixes"])


def _current(number: str) -> str | None:
    new = _old_prefixes().get(number[:4]) if len(number) == 11 else None
    return new + number[4:] if new else None


def _digits(text: str) -> str:
    """Return the national number that the text holds (its zero first), or "" where it holds none for sure."""
    return text if _mobile().fullmatch(text) else _digits_within(text)


@lru_cache(maxsize=20_000)
def _digits_within(text: str) -> str:
    if not _DIGITS_ONLY.fullmatch(text):
        if latest.tells(text) and (found := [*_numbers(text)]):
            place = latest.chosen(text, [span for span, _ in found])
            return found[place][1] if place is not None else ""
        text = _SLASHED.sub(r"\1\2\3", _FOOTNOTE.sub(r"\1", text))
    whole = _digits_of(text)
    if whole or _MASK.search(text):
        return whole
    for pieces in (_BETWEEN.split(text), _two_numbers(text), text.split()):
        for piece in pieces:
            if number := _digits_of(piece):
                return number
            if _DIGITS_ONLY.fullmatch(piece) and len(re.sub(r"\D", "", piece)) in _NEARLY:
                return ""  # a digit too many or too few: another number beside it is not the one meant first
    return ""


def _two_numbers(text: str) -> list[str]:
    """Return the halves of a text that is two numbers with nothing but blanks between them, else nothing."""
    groups = text.split()[:_GROUPS]
    halves = ((" ".join(groups[:place]), " ".join(groups[place:])) for place in range(1, len(groups)))
    return next(
        ([*pair] for pair in halves if all(_DIGITS_ONLY.fullmatch(half) and _national(half) for half in pair)), []
    )


def _numbers(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield the numbers of a text that stand alone, and where."""
    for match in _CANDIDATE.finditer(text):
        if number := _national(match[0]):
            yield match.span(), number


def _digits_of(text: str) -> str:
    text = unicodedata.normalize("NFKC", clean(text)).strip(" '`\u2019")
    if (shortened := _SHORTENED.match(text)) and len(shortened[2]) >= int(shortened[3]):
        text = shortened[1] + shortened[2][: int(shortened[3])]  # all digits are there: else nobody can tell them
    elif re.fullmatch(r"\d+\.0+", text):
        text = text.partition(".")[0]
    text = _LETTER_O.sub("0", text)
    if _MASK.search(text):
        return ""
    for candidate in _CANDIDATE.findall(text):
        number = _national(candidate)
        if number:
            return number
    return ""


def _national(candidate: str) -> str:
    digits = re.sub(r"\D", "", candidate)
    plain = digits.removeprefix("00") if digits.startswith("0084") else digits
    forms = [plain]
    if plain.startswith("84"):
        rest = plain.removeprefix("84").lstrip("0")
        forms = ["0" + rest] if len(plain) > 10 else [plain, "0" + rest]
    for form in forms:
        for number in (form, "0" + form):
            if number.startswith("0") and not number.startswith("00") and (is_valid(number) or _current(number)):
                return number
    return ""
