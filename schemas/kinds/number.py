"""Numbers as they are written in Vietnam: dots between thousands, a comma before the decimals.

A repaired value has plain digits and a decimal point. With exactly three decimals it gets a fourth (`12.3450`):
`12.345` means twelve thousand to whoever reads it here.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import cache, lru_cache

from schemas.data import vocabulary
from schemas.text import clean, spelling_key

DIGITS = 15  # as many as a cell of a workbook holds
_SPACED = re.compile(r"(?<=\d)[ '\u2019](?=\d{3}(?!\d))")
_THOUSANDS = re.compile(r"^[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*$")
_BOTH = (re.compile(r"^[1-9]\d{0,2}(?:\.\d{3})+,\d+$"), re.compile(r"^[1-9]\d{0,2}(?:,\d{3})+\.\d+$"))
_PLAIN = re.compile(r"^(?:0?\d|[1-9]\d*)(?:[.,]\d+)?(?:[eE]\+?\d{1,2})?$", re.ASCII)
_PARTS = re.compile(r"^([+\u2212-]?)\s*([\d.,]+(?:[eE]\+?\d{1,2})?)\s*(.*)$", re.ASCII)
_INSIDE = re.compile(r"\d[\d.,]*", re.ASCII)


def repair(text: str) -> str:
    """Return the number as `-1234.5`, or the cleaned text where it is none for sure.

    Undone here: separators of thousands, the decimal comma, a plus sign, what is counted ("12 ho"). Never guessed:
    "about 12", "12-15", "1,5 million", several numbers.
    """
    number = parse(text)
    return clean(text) if number is None else plain(number)


@lru_cache(maxsize=50_000)
def parse(text: str) -> Decimal | None:
    """Return the number that a text is, None where it is none."""
    text = clean(unicodedata.normalize("NFKC", text))
    match = _PARTS.match(_SPACED.sub("", text))
    if not match or not _only_counts(match[3]):
        return None
    digits = _with_point(match[2].rstrip(".,"))
    if digits is None:
        return None
    number = Decimal(digits)
    if number.adjusted() >= DIGITS:
        return None
    number = round(number, max(0, DIGITS - 1 - max(number.adjusted(), 0)))
    return -number if match[1] in ("-", "\u2212") and number else number


def proposal(text: str, whole: bool = False) -> str:
    """Return the only number inside a text that is none, as people write it, "" where there is none or several.

    Where the number must be whole, a comma before three digits was probably meant to separate thousands.
    """
    if parse(text) is not None:
        thousands = _SPACED.sub("", clean(text)).replace(",", ".")
        return thousands if whole and _THOUSANDS.match(thousands) else ""
    found = _INSIDE.findall(_SPACED.sub("", clean(text)))
    number = parse(found[0]) if len(found) == 1 and not _scaled(text) else None
    return "" if number is None else shown(plain(number))


def plain(number: Decimal) -> str:
    """Return the number as a repaired value."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text + "0" if re.search(r"\.\d{3}$", text) else text


def shown(value: str) -> str:
    """Return a repaired number as people read it: `-1.234,5`; anything else as it is."""
    if not is_number(value):
        return value
    whole, _, decimals = value.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    decimals = decimals.rstrip("0")
    return sign + f"{Decimal(whole):,}".replace(",", ".") + (f",{decimals}" if decimals else "")


def is_number(value: str) -> bool:
    """Tell whether a repaired value is a number."""
    number = parse(value)
    return number is not None and plain(number) == value


def _with_point(text: str) -> str | None:
    """Return digits with a decimal point; dots between groups of three separate thousands, a lone comma decimals."""
    for pattern, separator in zip(_BOTH, ".,", strict=True):
        if pattern.match(text):
            return text.replace(separator, "").replace(",", ".")
    match = _THOUSANDS.match(text)
    if match and (match[1] == "." or text.count(",") > 1):
        return text.replace(match[1], "")
    return text.replace(",", ".") if _PLAIN.match(text) else None


def _only_counts(words: str) -> bool:
    """Tell whether what follows a number only says what is counted."""
    said = words.strip(" .").strip()
    if said in ("", "%"):
        return True
    return all(part.isalpha() for part in said.split()) and len(said.split()) <= 3 and not _scaled(said)


def _scaled(text: str) -> bool:
    return not set(spelling_key(text).split()).isdisjoint(_scales())


@cache
def _scales() -> frozenset[str]:
    return frozenset(spelling_key(word) for word in vocabulary()["numbers"]["scales"])
