"""Names of persons."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from schemas.data import vocabulary
from schemas.text import TONES, clean, in_latin_letters, search_key

_PART = re.compile(r"[^\s'\u2019-]+")
_APART = re.compile(r"\s+|(?<=\w)['\u2019](?=\w)")  # "K'Bre" is a whole name
# "A va B" (two words at least on either side), "A - B".
_TWO_PERSONS = re.compile("\\S+ \\S+ v\u00e0 \\S+ \\S+|\\s[-\u2013\u2014]\\s", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s+[-\u2013\u2014]+\s*|\s*[-\u2013\u2014]+\s+|\s*[,;:(/|\u2013\u2014]\s*")
_LONGEST = 60
_VOWELS = "aeiouy\u0103\u00e2\u00ea\u00f4\u01a1\u01b0"
_SMALL = "bcdfghjklmnpqrstvwxz\u0111" + "".join(
    unicodedata.normalize("NFC", vowel + tone) for vowel in _VOWELS for tone in ["", *TONES]
)
_CONSONANTS = "bcdfghjklmnpqrstvwxz\u0111"
_SOUNDING = "".join(letter for letter in _SMALL if letter not in _CONSONANTS)
_WORD = rf"(?:[{_SOUNDING.upper()}][{_SMALL}]*|[{_CONSONANTS.upper()}](?:[{_CONSONANTS}]*[{_SOUNDING}][{_SMALL}]*)?)"
# Two to five words, each capitalised; a letter alone, or with a vowel.
_CAPITALISED = re.compile(rf"{_WORD}(?: {_WORD}){{1,4}}")
# A word that nobody can say, but for the ways in which names are shortened ("Ng. Van Hung") and a vowel lost ("Thnh").
_ONSET = "(?:ngh?|nh|ch|tr|th|ph|kh|gh)"
_UNSPEAKABLE = re.compile(rf"(?!(?:{_ONSET}|(?:{_ONSET}|[a-z])(?:nh|ng|ch))$)[bcdfghjklmnpqrstvwxz]{{2,}}")
# The same in capitals: a position or an office in short.
_SHORT = "[BCDFGHJKLMNPQRSTVWXZ\u0110]{2,}"
_NO_OFFICE = "(?!(?i:ub)?(?i:mttq))"  # what an office is called by, not somebody in it
# Dots or stars for what was left out, or for a line to write on.
_CUT = re.compile(r"(?P<stars>\w[*_]{2,})|\.{2,}|\u2026|[*_]{2,}")
_WHOLE = 3  # words of a name that dots may follow


def _is_plain(text: str) -> bool:
    """Tell a name that leaves nothing to be repaired or judged: no word of it speaks of anything else."""
    if not _CAPITALISED.fullmatch(text):
        return False
    words = text.lower().split(" ")
    return words[0] not in _beginning() and _speaking().isdisjoint(words)


@cache
def _speaking() -> frozenset[str]:
    """Return the last word of every position and office, and the one between two persons: without it there is none."""
    phrases = (phrase for key in ("positions", "trailing", "offices") for phrase in vocabulary()["names"][key])
    return frozenset(phrase.casefold().split()[-1] for phrase in [*phrases, "v\u00e0"])


@cache
def _beginning() -> frozenset[str]:
    """Return the first word of all that only stands before a name, or in the place of one."""
    phrases = [*vocabulary()["names"]["honorifics"], *_instead()]
    return frozenset(phrase.casefold().split()[0] for phrase in phrases)


def _instead() -> list[str]:
    """Return what a text begins with that names nobody: an office, a unit, a refusal."""
    words = vocabulary()
    return [*words["names"]["instead"], *words["unit_types"]]


def repair(text: str) -> str:
    """Return the bare name, capitalised: without forms of address and without positions written into the cell."""
    return text if _is_plain(text) else _repaired(text)


@lru_cache(maxsize=20_000)
def _repaired(text: str) -> str:
    if _is_cut(clean(text)):
        return clean(text)
    lines = re.sub(r"\s*[\r\n]+\s*", ", ", text.strip())
    name = _without_positions(_without_honorifics(in_latin_letters(lines).strip(" .,;:-\u2013\u2014*+")))
    if not name or any(character.isdigit() or character == "@" for character in name):
        return clean(text)
    return _PART.sub(lambda part: part[0][:1].upper() + part[0][1:].lower(), name.strip(" .,;:-\u2013\u2014"))


def _is_cut(text: str) -> bool:
    """Tell a name of which dots or stars hide the end; behind a whole name they are the line that it was written on."""
    text = text.lstrip(" .*_\u2026")
    cut = _CUT.search(text)
    if not cut:
        return False
    words = text[: cut.start()].split()
    return bool(cut["stars"]) or len(words) < _WHOLE or len(words[-1]) == 1 or _is_middle(words[-1])


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
    if len(_APART.split(text.strip())) < 2 or len(text) > _LONGEST:
        return False
    if ".." in text or any(map(_UNSPEAKABLE.fullmatch, search_key(text).split())):
        return False
    return not _speaks_of_an_office(text) and not _are_two_persons(text)


def _are_two_persons(text: str) -> bool:
    return bool(_TWO_PERSONS.search(text) or _two_names().match(text))


@cache
def _two_names() -> re.Pattern[str]:
    """Return the pattern of two names one behind the other: each has its own middle name."""
    middle = f"(?:{'|'.join(vocabulary()['names']['middles'])})"
    return re.compile(rf"\S+ {middle} \S+ (?:\S+ )?\S+ {middle} \S", re.IGNORECASE)


def _speaks_of_an_office(text: str) -> bool:
    """Tell a position, an office or a refusal without a person: "Pho Chu tich Uy ban MTTQ xa", "Cong an xa"."""
    words = f" {text.casefold()} "
    if any(f" {word} " in words for word in vocabulary()["names"]["offices"]):
        return True
    return bool(_no_person().match(text) or _positions()[0].match(text))


@cache
def _no_person() -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in sorted(_instead(), key=len, reverse=True))
    return re.compile(rf"(?:{words})(?![^\W_])", re.IGNORECASE)


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
    glued = re.compile(rf"(?:-|(?<=\w\w)\.)(?=(?:{any_of})(?![^\W_]))", re.IGNORECASE)
    return start, inside, glued


@cache
def _shortened() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return the short forms of positions and offices: alone, before a name, after one without a separator.

    The third is for a name of which every word begins with a capital: there short forms are told by their capitals,
    and what follows them in small letters or is a unit's belongs to them. The last knows only the vocabulary's.
    """
    words = "|".join(re.escape(word) for word in vocabulary()["names"]["trailing"])
    units = "|".join(map(re.escape, vocabulary()["unit_types"]))
    either = rf"(?:{_SHORT}|(?i:{words}))(?![^\W_])"
    return (
        re.compile(rf"{either}(?:\s+{either})*"),
        re.compile(rf"(?:{_SHORT}[.:]?\s+)+"),
        re.compile(rf"(?:\s+{either})+$|\s+{_NO_OFFICE}{either}(?:\s+{either})*\s+(?:(?i:{units})\b.*|[{_SMALL}].*)$"),
        re.compile(rf"(?:\s+(?:{words}))+$", re.IGNORECASE),
    )


def _without_positions(text: str) -> str:
    """Cut a position before the name ("PCT. Nguyen Van A") or after it ("Nguyen Van A - Pho Chu tich ...")."""
    start, inside, glued = _positions()
    alone, before, _, _ = _shortened()
    text = glued.sub(" - ", text)
    pieces = [piece.strip(" )") for piece in _SEPARATOR.split(text) if piece.strip(" .)")]
    kept = [piece for piece in pieces if not start.match(piece) and not alone.fullmatch(piece.rstrip("."))]
    if kept and len(kept) < len(pieces):
        text = ", ".join(_without_honorifics(piece) for piece in kept)
    rest = text
    while leading := start.match(rest) or (before.match(rest) if _is_mixed(text) else None):
        rest = rest[leading.end() :].strip(" .:-\u2013")
    if text and not rest:
        return text
    # "Pho Chu tich Uy ban MTTQ ..." is a position alone; a name follows a position directly.
    text = rest if 2 <= len(rest.split()) <= 5 and not _no_person().match(rest) else text
    words = _without_short_forms(inside.sub("", text)).split()
    return text if len(words) < 2 or _is_middle(words[-1]) else " ".join(words)


def _is_mixed(text: str) -> bool:
    """Tell a text that is not in capitals as a whole: a word in capitals means something there."""
    return text != text.upper()


def _without_short_forms(text: str) -> str:
    if len(text) > _LONGEST * 5:
        return text  # no name, however much is cut off; looking at every word of it would take its time
    _, _, after_capitals, after = _shortened()
    match = after_capitals.search(text) if _is_mixed(text) else None
    if match and all(word[0].isupper() for word in text[: match.start()].split()):
        return text[: match.start()]
    return after.sub("", text)
