"""Names of persons."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from schemas.data import vocabulary
from schemas.text import TONES, clean, in_latin_letters

_PART = re.compile(r"[^\s'\u2019-]+")
# "A va B" (two words at least on either side), "A - B".
_TWO_PERSONS = re.compile("\\S+ \\S+ v\u00e0 \\S+ \\S+|\\s[-\u2013\u2014]\\s", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s+[-\u2013\u2014]+\s*|\s*[-\u2013\u2014]+\s+|\s*[,;:(/|\u2013\u2014]\s*")
_LONGEST = 60
_VOWELS = "aeiouy\u0103\u00e2\u00ea\u00f4\u01a1\u01b0"
_SMALL = "bcdfghjklmnpqrstvwxz\u0111" + "".join(
    unicodedata.normalize("NFC", vowel + tone) for vowel in _VOWELS for tone in ["", *TONES]
)
# Two words at least, each capitalised.
_CAPITALISED = re.compile(rf"[{_SMALL.upper()}][{_SMALL}]*(?: [{_SMALL.upper()}][{_SMALL}]*)+")


def _is_plain(text: str) -> bool:
    """Tell a name that leaves nothing to be repaired or judged: no word of it speaks of anything else."""
    return bool(_CAPITALISED.fullmatch(text)) and _speaking().isdisjoint(text.lower().split(" "))


@cache
def _speaking() -> frozenset[str]:
    """Return every word of the forms of address, positions and offices, and the one between two persons."""
    words = vocabulary()["names"]
    phrases = [phrase for key in ("honorifics", "positions", "trailing", "offices") for phrase in words[key]]
    return frozenset(word for phrase in [*phrases, "v\u00e0"] for word in phrase.casefold().split())


def repair(text: str) -> str:
    """Return the bare name, capitalised: without forms of address and without positions written into the cell."""
    return text if _is_plain(text) else _repaired(text)


@lru_cache(maxsize=20_000)
def _repaired(text: str) -> str:
    lines = re.sub(r"\s*[\r\n]+\s*", ", ", text.strip())
    name = _without_positions(_without_honorifics(in_latin_letters(lines).strip(" .,;:-\u2013\u2014*+")))
    if not name or any(character.isdigit() or character == "@" for character in name):
        return clean(text)
    return _PART.sub(lambda part: part[0][:1].upper() + part[0][1:].lower(), name.strip(" .,;:-\u2013\u2014"))


def in_order(text: str) -> bool:
    """Tell a name that is written as it should be."""
    return len(text) <= _LONGEST and _is_plain(text)


def is_name(text: str) -> bool:
    """Tell whether the text can be a person's name: at least two words of letters."""
    if in_order(text):
        return True
    letters = [c for c in text if not c.isspace() and c not in "'\u2019-."]
    if not all(unicodedata.category(c)[0] in "LM" for c in letters):
        return False
    if len(text.split()) < 2 or len(text) > _LONGEST:
        return False
    return not _speaks_of_an_office(text) and not _TWO_PERSONS.search(text)


def _speaks_of_an_office(text: str) -> bool:
    """Tell a position or an office without a person: "Pho Chu tich Uy ban MTTQ xa"."""
    words = f" {text.casefold()} "
    return any(f" {word} " in words for word in vocabulary()["names"]["offices"])


def same_person_key(text: str) -> str:
    """Return the name as it is compared between two cells."""
    return clean(text).casefold()


@cache
def _honorifics() -> re.Pattern[str]:
    words = sorted(vocabulary()["names"]["honorifics"], key=len, reverse=True)
    ends = "|".join(re.escape(word) + (r"\s*" if word.endswith(".") else r"(?:\s*[.:]\s*|\s+)") for word in words)
    return re.compile(rf"^(?:{ends})+", re.IGNORECASE)


def _without_honorifics(text: str) -> str:
    match = _honorifics().match(text)
    if not match:
        return text
    words = text[match.end() :].split()
    # A family name may sound like a form of address: nobody is called by a middle name and one more.
    is_name = len(words) < 2 or (len(words) == 2 and match[0][-2:].strip().isalpha() and _is_middle(words[0]))
    return text if is_name else " ".join(words)


def _is_middle(word: str) -> bool:
    return word.casefold() in vocabulary()["names"]["middles"]


@cache
def _positions() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    words = sorted(vocabulary()["names"]["positions"], key=len, reverse=True)
    any_of = "|".join(re.escape(word) for word in words)
    phrases = "|".join(re.escape(word) for word in words if " " in word)
    start = re.compile(rf"^(?:{any_of})(?![^\W_])", re.IGNORECASE)
    inside = re.compile(rf"\s(?:{phrases})(?![^\W_]).*$", re.IGNORECASE)
    glued = re.compile(rf"-(?=(?:{any_of})(?![^\W_]))", re.IGNORECASE)
    return start, inside, glued


@cache
def _trailing() -> re.Pattern[str]:
    """Return the short forms of positions and offices that may follow a name without a separator."""
    words = "|".join(re.escape(word) for word in vocabulary()["names"]["trailing"])
    return re.compile(rf"(?:\s+(?:{words}))+$", re.IGNORECASE)


def _without_positions(text: str) -> str:
    """Cut a position before the name ("PCT. Nguyen Van A") or after it ("Nguyen Van A - Pho Chu tich ...")."""
    start, inside, glued = _positions()
    text = glued.sub(" - ", text)
    pieces = [piece for piece in _SEPARATOR.split(text) if piece.strip(" .)")]
    kept = [piece.strip(" )") for piece in pieces if not start.match(piece.strip())]
    if kept and len(kept) < len(pieces):
        text = ", ".join(_without_honorifics(piece) for piece in kept)
    leading = start.match(text)
    if leading and not text[leading.end() :].strip(" .:-"):
        return text
    if leading:
        rest = text[leading.end() :].strip(" .:-\u2013")
        # "Pho Chu tich Uy ban MTTQ ..." is a position alone; a name follows a position directly.
        text = rest if 2 <= len(rest.split()) <= 5 else text
    words = _trailing().sub("", inside.sub("", text)).split()
    return text if len(words) < 2 or _is_middle(words[-1]) else " ".join(words)
