"""Which unit a text names: the names of some units, looked up in every way that clerks write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from operator import itemgetter
from typing import NamedTuple

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from schemas.data import vocabulary
from schemas.text import ROMAN, clean, search_key, spelling_key, without_accents, without_remark
from schemas.units import Unit

_CODED = re.compile(r"^\W*(\d{5})\W+(?=\D)")  # a commune's code before its name
# A lone "X." is the short form of a level word, and a Roman ten only before another one.
_TENTH = ("x",)
_NUMBERING = re.compile(
    rf"{_CODED.pattern}|"
    r"^\s*\d{1,3}\s*[-\u2013]\s*(?=\D)|^\s*(?:\d{1,3}|[IVXL]{2,8}|[ivx]{2,8}|[IVivA-Da-d])(?:\s*[.)/:]|\s+[-\u2013]\s)\s*"
    r"|^\s*[-+*\u2013\u2022]\s*"
)
_NUMERAL = re.compile(rf"^\s*(?:\d{{1,3}}|{ROMAN}|[A-D])\s+")
_GLUED = re.compile(r"^([A-Za-z]{1,2})(?=\d)")  # a level word and the number that is the name
_NO_HEADING = re.compile(r"@|://|\d{3}|\d\.\d")
_CUT = re.compile(r"\s+[-\u2013\u2014]\s*|\s*[,;(/]\s*|\n")
NEAREST = 75
REMEMBERED = 200_000  # texts of which the units are kept: more than one file has rows
LONGEST = 200  # no text that names a unit is longer
EXACT, BARE, OTHER_TYPE = 1, 2, 3  # how sure: name and level word; name alone; name with another level word
CODE = 3  # digits of a code that stands for a name: shorter numbers are names of wards
UNACCENTED = 3  # added where only the names without accents are equal

Words = tuple[str, ...]


class Reading(NamedTuple):
    """One way to read a text: a level word ("" for none) and the key of a name; `plain`: the word lacks accents."""

    type: str
    key: str
    plain: bool = False


@dataclass(frozen=True)
class Mention:
    """A unit named in a running text, with its level word or bare."""

    unit: Unit
    typed: bool


class Gazetteer:
    """The names of some units. Accents decide; without them a name counts only if nothing else answers to it."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self.units = list(units)
        self.codes = {unit.code: unit for unit in self.units}
        self._named: dict[str, list[Unit]] = {}
        self._found: dict[str, tuple[int, list[Unit]]] = {}
        for unit in self.units:
            for key in _keys(unit.name):
                self._named.setdefault(key, []).append(unit)

    @cached_property
    def _unaccented(self) -> dict[str, list[Unit]]:
        names: dict[str, list[Unit]] = {}
        for key, units in self._named.items():
            names.setdefault(without_accents(key), []).extend(units)
        place = {code: number for number, code in enumerate(self.codes)}
        for units in names.values():
            units.sort(key=lambda unit: place[unit.code])
        return names

    def find(self, text: str) -> tuple[int, list[Unit]]:
        """Return how sure the best reading is (`EXACT` and so on: the smaller the surer, 0 for none) and its units."""
        if len(text) > LONGEST or not self.units:
            return 0, []
        if text not in self._found:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            self._found[text] = self._find(text)
        return self._found[text]

    def _find(self, text: str) -> tuple[int, list[Unit]]:
        if len(text.strip()) >= CODE and text.strip() in self.codes:
            return EXACT, [self.codes[text.strip()]]
        if (coded := _CODED.match(text)) and (unit := self.codes.get(coded[1])):
            sure, units = self._find(text[coded.end() :])
            return (sure, [unit]) if unit in units else (0, [])
        best = self._best(text)
        if not best and (piece := parted(text)[0]) and len(piece) < len(text):
            best = self._best(piece)
        return min(best.items(), default=(0, []))

    def _best(self, text: str) -> dict[int, list[Unit]]:
        """Return the units by how surely they are read; writings without accents are asked where the others fail."""
        readings, best = _readings(text), dict[int, list[Unit]]()
        for reading in readings:
            if not reading.plain and (units := self._named.get(reading.key)):
                self._read(best, 0, reading, units)
        for reading in () if best else readings:
            self._read(best, UNACCENTED * reading.plain, reading, self._named.get(reading.key, []))
            self._read(best, UNACCENTED, reading, self._unaccented.get(without_accents(reading.key), []))
        return best

    def _read(self, best: dict[int, list[Unit]], offset: int, reading: Reading, units: list[Unit]) -> None:
        for unit in units:
            sure = offset + (BARE if not reading.type else EXACT if reading.type == unit.type else OTHER_TYPE)
            if unit not in best.setdefault(sure, []):
                best[sure].append(unit)

    def nearest(self, text: str) -> Unit | None:
        """Return the unit whose name is most like the text, if any is like it at all.

        Compared with the level word where the text has one, or has a word that may be meant for it; accents count for
        half.
        """
        best: tuple[float, Unit | None] = (NEAREST, None)
        readings = _readings(text) if len(text) <= LONGEST else ()
        for reading, (names, plain) in [
            *((reading, self._full if reading.type else self._bare) for reading in readings),
            *((reading, self._full) for reading in readings if not any(other.type for other in readings)),
        ]:
            key = f"{spelling_key(reading.type)} {reading.key}".strip()
            # Few are alike enough without accents to be so with them; a table of all (cdist) would need numpy.
            found = process.extract(
                without_accents(key), plain, scorer=fuzz.ratio, score_cutoff=2 * NEAREST - 100, limit=None
            )
            for _, unaccented, place in sorted(found, key=itemgetter(2)):
                score = (fuzz.ratio(key, names[place]) + unaccented) / 2
                if score > best[0] or (best[1] is None and score >= NEAREST):
                    best = (score, self.units[place])
        return best[1]

    def within_a_letter(self, text: str) -> list[Unit]:
        """Return the units from whose names a text differs by one letter or accent, or by nothing."""
        keys = {reading.key for reading in _readings(text)} if len(text) <= LONGEST else set()
        pairs = zip(self.units, self._bare[0], strict=True)
        return [unit for unit, name in pairs if any(OSA.distance(key, name, score_cutoff=1) <= 1 for key in keys)]

    @cached_property
    def _full(self) -> tuple[list[str], list[str]]:
        return _with_unaccented([spelling_key(unit.full_name) for unit in self.units])

    @cached_property
    def _bare(self) -> tuple[list[str], list[str]]:
        return _with_unaccented([spelling_key(unit.name) for unit in self.units])

    @cached_property
    def of_type(self) -> dict[str, list[Unit]]:
        """The units by their level word."""
        units: dict[str, list[Unit]] = {}
        for unit in self.units:
            units.setdefault(unit.type, []).append(unit)
        return units

    def mentions(self, text: str) -> list[Mention]:
        """Return the units named in a running text; longer names hide the shorter ones inside them."""
        words = tuple(spelling_key(text).split())
        found = list(_scan(words, self._named, self._longest))
        if not found and without_accents(" ".join(words)) == " ".join(words):
            found = list(_scan(words, self._unaccented, self._longest))
        return found

    @cached_property
    def _longest(self) -> int:
        """The words of the longest name."""
        return max((len(key.split()) for names in (self._named, self._unaccented) for key in names), default=0)


def _with_unaccented(keys: list[str]) -> tuple[list[str], list[str]]:
    return keys, [without_accents(key) for key in keys]


def _scan(words: Words, names: dict[str, list[Unit]], longest: int) -> Iterator[Mention]:
    place = 0
    while place < len(words):
        for length in range(min(longest, len(words) - place), 0, -1):
            units = names.get(" ".join(words[place : place + length]))
            if units:
                type_before = _type_before(words[:place])
                for unit in units:
                    if not type_before or unit.type == type_before:
                        yield Mention(unit, bool(type_before))
                place += length
                break
        else:
            place += 1


def _type_before(words: Words) -> str:
    for forms in _type_forms():
        for form, name in forms:
            if words[-len(form) :] == form:
                return name
    return ""


@lru_cache(maxsize=20_000)
def _readings(text: str) -> tuple[Reading, ...]:
    text = _GLUED.sub(r"\1 ", _NUMBERING.sub("", clean(text)))
    readings: dict[Reading, None] = {}
    for piece in dict.fromkeys([text, _CUT.split(text, maxsplit=1)[0]]):
        words = tuple(spelling_key(piece).split())
        for start in _after_prefixes(words):
            readings |= dict.fromkeys([Reading("", " ".join(start)), *_typed(start)])
        for start in _after_prefixes(words[1:]) if words[:1] == _TENTH else ():
            readings |= dict.fromkeys(_typed(start))
    return tuple(reading for reading in readings if reading.key)


def _typed(words: Words) -> Iterator[Reading]:
    """Yield the readings with the level words that the words begin with."""
    for plain, forms in enumerate(_types_by_first() if words else ()):
        for form, name in forms.get(words[0], ()):
            if words[: len(form)] == form and len(words) > len(form):
                yield Reading(name, " ".join(words[len(form) :]), bool(plain))


def _after_prefixes(words: Words) -> Iterator[Words]:
    """Yield the words as they are, then without the office's name before the unit's."""
    yield words
    stripped = True
    while stripped:
        stripped = False
        for prefix in _prefixes().get(words[0], ()) if words else ():
            if words[: len(prefix)] == prefix and len(words) > len(prefix):
                words, stripped = words[len(prefix) :], True
                yield words
                break


@cache
def _prefixes() -> dict[str, list[Words]]:
    """Return what stands before a unit's name, the longest first, by its first word."""
    keys = [spelling_key(prefix) for prefix in vocabulary()["organisation"]["prefixes"]]
    forms = {tuple(form.split()) for key in keys for form in (key, without_accents(key))}
    by_first: dict[str, list[Words]] = {}
    for form in sorted(forms, key=len, reverse=True):
        by_first.setdefault(form[0], []).append(form)
    return by_first


@cache
def _type_forms() -> tuple[tuple[tuple[Words, str], ...], ...]:
    """Return the level words with accents, then without: an accented name must not be mistaken for one."""
    keys = [(spelling_key(form), name) for name, forms in vocabulary()["unit_types"].items() for form in forms]
    accented = tuple((tuple(key.split()), name) for key, name in keys)
    plain = tuple((tuple(without_accents(key).split()), name) for key, name in keys)
    order = sorted(accented, key=lambda pair: -len(pair[0]))
    return tuple(order), tuple(pair for pair in sorted(plain, key=lambda pair: -len(pair[0])) if pair not in accented)


@cache
def _types_by_first() -> list[dict[str, list[tuple[Words, str]]]]:
    """Return the same by the first word."""
    by_first: list[dict[str, list[tuple[Words, str]]]] = []
    for forms in _type_forms():
        by_first.append({})
        for form, name in forms:
            by_first[-1].setdefault(form[0], []).append((form, name))
    return by_first


@lru_cache(maxsize=20_000)
def _keys(name: str) -> list[str]:
    """Return the keys of a unit's name, and of what else it is called."""
    key = spelling_key(name)
    return [key, *map(spelling_key, vocabulary()["unit_aliases"].get(name, []))]


def rest_of(text: str) -> str:
    """Return what a cell says after the name of its unit: `huyen B, tinh C` of `Xa A, huyen B, tinh C`."""
    text = _NUMBERING.sub("", clean(text))
    pieces = _CUT.split(text, maxsplit=1)
    return (pieces[1] if len(pieces) > 1 else parted(text)[1]).strip(" )")


def parted(text: str) -> tuple[str, str]:
    """Return a text up to the level word of a district or province inside it, and from there on."""
    text = _NUMBERING.sub("", clean(text))
    match = _higher(text.isascii()).search(text, 1)
    return (text[: match.start()], text[match.start() :].strip()) if match else (text, "")


def without_hamlet(text: str) -> str:
    """Return what stands behind a hamlet in a text that begins with one: `xa B` of `Xom 3, xa B`."""
    match = _behind_hamlet().match(clean(text))
    return match[1] if match else text


@cache
def _behind_hamlet() -> re.Pattern[str]:
    words, types = vocabulary()["hamlets"], vocabulary()["unit_types"]
    hamlets, bodies = (
        "|".join(map(re.escape, sorted(words[key], key=len, reverse=True))) for key in ("words", "bodies")
    )
    forms = [form for name in words["within"] for form in types[name]]
    communes = "|".join(re.escape(form) + (r"[\s.]" if len(form) > 1 else r"\.") for form in forms)
    return re.compile(rf"(?:(?:{bodies})\s+)*(?:{hamlets})\b.*?\W((?:{communes}).*?)\)?$", re.IGNORECASE)


@cache
def _higher(plain: bool) -> re.Pattern[str]:
    forms = [form for name in vocabulary()["higher_types"] for form in vocabulary()["unit_types"][name]]
    words = sorted({without_accents(form) if plain else form for form in forms}, key=len, reverse=True)
    written = "|".join(re.escape(word) + (r"[\s.]+" if len(word) > 1 else r"\.\s*") for word in words)
    return re.compile(rf"(?<=\w)\s+(?:{written})(?=\w)(?!(?:{written})\w)", re.IGNORECASE)


def is_higher(text: str) -> bool:
    """Tell whether a text begins with the level word of a district or a province."""
    return unit_type(text) in vocabulary()["higher_types"]


def unit_type(text: str) -> str:
    """Return the level word that a text begins with, be it followed by a name that no unit bears, or ""."""
    return next((reading.type for reading in _readings(text) if reading.type), "")


def bare_type(text: str) -> str:
    """Return the level word that a text consists of, after an office's name (`UBMTTQ huyen`), or ""."""
    words = tuple(spelling_key(_NUMBERING.sub("", clean(text))).split()) if len(text) <= LONGEST else ()
    rests = [rest for rest in _after_prefixes(words) if len("".join(rest)) > 1]
    return next((name for forms in _type_forms() for form, name in forms if form in rests), "")


MIXED, OWN = "mixed", "own"
"""What a heading says that names several levels, and one that names the sender's own by its kind of unit."""


def section_level(text: str) -> str:
    """Return the level that a heading such as `I. Cap huyen` names, `MIXED` or `OWN`, or ""."""
    return "" if len(text) > LONGEST or _NO_HEADING.search(text) else _level_of_heading(text)


@lru_cache(maxsize=20_000)
def _level_of_heading(text: str) -> str:
    text = _NUMERAL.sub("", _NUMBERING.sub("", without_remark(clean(text)))).strip()
    if not text or search_key(text.split()[-1]) not in _last_words():
        return ""
    words = tuple(spelling_key(text).split())
    for start in _after_prefixes(words):
        key = " ".join(start)
        for level, names in _section_keys():
            if key in names or without_accents(key) in names:
                return level
    return ""


@cache
def _last_words() -> frozenset[str]:
    return frozenset(without_accents(name).split()[-1] for _, names in _section_keys() for name in names)


@cache
def _section_keys() -> list[tuple[str, frozenset[str]]]:
    sections = vocabulary()["sections"]
    keys = {level: [spelling_key(name) for name in names] for level, names in sections.items()}
    return [(level, frozenset([*names, *map(without_accents, names)])) for level, names in keys.items()]
