"""What each header says: its words misspelt, shortened, in another order, in one row or in several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz import fuzz, process

from pipeline.columns_named import Guess, NamedColumns
from pipeline.hints import LONGEST
from schemas.data import vocabulary
from schemas.form import Form
from schemas.text import search_key

ALIKE = 84  # how like a name of the form a header must be, of 100
CONTAINS = 92  # all words of a name stand in the header
OF_THEIRS = 96  # a name, and that it is the unit's or the page's
OF_ANOTHER = 91  # a name, and whose else it is: sure enough where nothing else is called so
OF_ANOTHER_SITE = -15  # under a heading that names another site: the page's own column goes before it
SHORT = 4  # names up to this length must be equal
NAMED = 2  # weight of the words by which a header names a person
TELLING = 3  # of those that tell a person's part beside the name: "Can bo" alone is a position
_DIGIT = re.compile(r"\d")
_LINKING = {"va", "kiem", "hoac", "cua"}
_GAP = " \0 "  # where a word of a group stood

Label = tuple[str, ...]
"""The header texts of one column, from the top down."""


class _Whose(NamedTuple):
    """The group that a header speaks of ("" for none), what its last part says besides, the other groups in it, how
    much the words of the group tell, and whether the header ends with them.
    """

    group: str
    rest: str
    also: frozenset[str] = frozenset()
    told: int = 0
    ends: bool = False


class Headers:
    """The words of a form's headers."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._ordinal = {search_key(name) for name in [form.ordinal.header, *form.ordinal.aliases]}
        self._single = [(search_key(name), c.key) for c in form.columns if not c.group for name in c.names]
        grouped = [(search_key(name), c.role) for c in form.columns if c.group for name in c.names]
        self._grouped = list(dict.fromkeys(grouped))
        words = {g.key: g.words or {g.header: 1} for g in form.groups}
        # The longest first: of "quan tri vien" nothing is left.
        self._groups = {
            key: dict(
                sorted(((search_key(word), weight) for word, weight in of.items()), key=lambda pair: -len(pair[0]))
            )
            for key, of in words.items()
        }
        self._told = frozenset(name for name, _ in grouped)
        self._columns = NamedColumns(form)
        dated = vocabulary()["table"]
        self._former, self._current = (tuple(map(search_key, dated[key])) for key in ("former", "current"))
        self._family = {search_key(text) for text in vocabulary()["names"]["family"]}
        self._given = search_key(vocabulary()["names"]["given"])
        offices = [
            word for word in vocabulary()["organisation"]["prefixes"] if word not in vocabulary()["pages"]["labels"]
        ]
        self._offices = tuple(map(search_key, offices))  # in many a title
        self._owners = frozenset(map(search_key, vocabulary()["table"]["owners"]))
        self._of_pages = frozenset(map(search_key, vocabulary()["pages"]["labels"]))
        self._other_sites = [search_key(site) for site in vocabulary()["pages"]["other_sites"]]
        self._fillers = [search_key(word) for word in form.fillers]
        persons = [pair for pair in self._grouped if pair[1] in self._columns.contact_roles]
        self._persons = sorted(persons, key=lambda pair: -len(pair[0]))
        self._names = {name for name, _ in [*self._single, *self._grouped]} | self._ordinal
        self._choices = sorted(self._names)
        self._with_digits = any(map(_DIGIT.search, self._names))
        spoken = [*self._names, *self._fillers, *(word for words in self._groups.values() for word in words)]
        self._words = frozenset(word for text in spoken for word in text.split())
        self._guessed = lru_cache(maxsize=4096)(self._best)
        self._known = lru_cache(maxsize=4096)(self._knows)
        self._whose = lru_cache(maxsize=4096)(self._group_in)
        self._matched = lru_cache(maxsize=1024)(self._match)  # most files of a round have the same header

    def match(self, labels: list[Label]) -> tuple[dict[str, int], dict[int, str]]:
        """Return the columns by key, and the header of every other column ("" for the running number)."""
        columns, extra = self._matched(tuple(labels))
        return {**columns}, {**extra}

    def _match(self, labels: tuple[Label, ...]) -> tuple[dict[str, int], dict[int, str]]:
        guesses = [self._guess(label) for label in self.of_today(labels)]
        columns = self._columns.places(guesses)
        taken = set(columns.values())
        numbers = {place for place, guess in enumerate(guesses) if guess and not guess.key and not guess.role}
        extra = {
            place: "" if place in numbers else " ".join(label)
            for place, label in enumerate(labels)
            if label and place not in taken
        }
        return columns, extra

    def of_today(self, labels: Sequence[Label]) -> list[Label]:
        """Return the headers without those of old values that stand beside the new ones ("Link cu", "Link moi")."""
        keys = [tuple(map(search_key, label)) for label in labels]
        bare = [self._without(self._former + self._current, key) for key in keys]
        former = [self._without(self._former, key) != key for key in keys]
        present = {text for text, is_former in zip(bare, former, strict=True) if not is_former}
        past = {text for text, is_former in zip(bare, former, strict=True) if is_former} & present - {()}
        return [
            label if text not in past else () if is_former else text
            for label, text, is_former in zip(labels, bare, former, strict=True)
        ]

    def _without(self, words: tuple[str, ...], key: Label) -> Label:
        """Return a header without the words that its parts end in."""
        for word in words:
            key = tuple(f" {part}".removesuffix(f" {word}").strip() for part in key)
        return tuple(part for part in key if part)

    def knows(self, text: str) -> bool:
        """Tell whether a text alone says which column it heads, or whose."""
        return self._known(text)

    def _knows(self, text: str) -> bool:
        if not self._like_a_header(text):
            return False
        whose = self._whose((search_key(text),))
        return self._guess((text,)) is not None or (whose.group != "" and not whose.rest)

    def is_split(self, left: Label, right: Label) -> bool:
        """Tell whether two columns side by side head one name: family name and given name."""
        alike = bool(left) and bool(right) and left[:-1] == right[:-1]
        return alike and search_key(left[-1]) in self._family and search_key(right[-1]).split()[:1] == [self._given]

    def heads_names(self, label: Label) -> bool:
        """Tell whether a header heads the names of persons."""
        guess = self._guess(label)
        return guess is not None and (
            guess.role in self._columns.name_roles or (guess.key != "" and self.form.column(guess.key).kind == "name")
        )

    def heads_person(self, text: str) -> bool:
        """Tell whether a text alone heads the names of a person, or all that is told of one."""
        guess = self._guess((text,)) if 0 < len(text) <= LONGEST else None
        return guess is not None and guess.role in self._columns.name_roles

    def heads_contact(self, text: str) -> bool:
        """Tell whether a text alone heads what is told of a person, and does not say of whom ("Ho va ten", "Email")."""
        guess = self._guess((text,)) if 0 < len(text) <= LONGEST else None
        return guess is not None and not guess.key and guess.role in self._columns.contact_roles

    def heads_all_of_person(self, text: str) -> bool:
        """Tell whether a text alone says of whom something is told, and not what ("Lanh dao phu trach")."""
        return self._person_alone(text).group != ""

    def person_in(self, text: str) -> str:
        """Return the group of the person of whom a cell says what he does ("Can bo quan ly"), else ""."""
        whose = self._person_alone(text)
        return whose.group if whose.told >= TELLING else ""

    def _person_alone(self, text: str) -> _Whose:
        whose = self._whose((search_key(text),)) if 0 < len(text) <= LONGEST else _Whose("", "")
        return whose if whose.group in self.form.persons and not whose.rest else _Whose("", "")

    def persons_of(self, labels: Sequence[Label]) -> frozenset[str]:
        """Return the groups of persons whom headers name, each for itself and in so many words."""
        found = [self._whose(tuple(map(search_key, label))) for label in labels if label]
        return frozenset(whose.group for whose in found if whose.told >= NAMED and not whose.also)

    def is_ordinal(self, text: str) -> bool:
        """Tell whether a text alone heads the running numbers."""
        return search_key(text) in self._ordinal

    def is_name(self, text: str) -> bool:
        """Tell whether a text alone is one of the form's header texts."""
        return len(text) <= LONGEST and search_key(text) in self._names

    def _like_a_header(self, text: str) -> bool:
        """Tell cheaply whether the comparison is worth its while: most words are words of headers, or the whole is."""
        if len(text) > LONGEST or (_DIGIT.search(text) and not self._with_digits):
            return False
        words = search_key(text).split()
        known = sum(word in self._words for word in words)
        return 2 * known >= len(words) > 0 or self._is_like(" ".join(words))

    def _is_like(self, key: str) -> bool:
        return process.extractOne(key, self._choices, scorer=fuzz.ratio, score_cutoff=ALIKE) is not None

    def _guess(self, label: Label) -> Guess | None:
        return self._guessed(label) if label else None

    def _best(self, label: Label) -> Guess | None:
        parts = [search_key(part) for part in label]
        joined, last = " ".join(parts), parts[-1]
        if joined in self._ordinal or last in self._ordinal:
            return Guess(100)
        group, rest, also, told, ends = self._whose(tuple(parts))
        guesses = [Guess(self._single_score(parts, name, bool(group)), key) for name, key in self._single]
        for name, role in self._grouped:
            key = self._columns.in_group.get((group, role), "")
            if group and key:
                # Of two columns of one person the one that says most of whose it is.
                score = max(_likeness(rest, name) + 1 + told / 100, self._own_score(parts, name, role))
                guesses.append(Guess(score, key, role, also))
            elif not group:
                score = max(_likeness(last, name), self._own_score(parts, name, role))
                guesses.append(Guess(score - (10 if len(parts) > 1 else 0), "", role))
        if group and not rest and group in self.form.persons:
            key = self.form.persons[group]["name"]
            guesses.append(Guess(ALIKE, key, self.form.column(key).role, also))
        elif roles := self._roles_in(rest):
            role = next((role for role in roles if role in self._columns.name_roles), roles[0])
            if not group or (group, role) in self._columns.in_group:
                guesses.append(Guess(ALIKE, self._columns.in_group.get((group, role), ""), role, also))
        elif ends and (role := self._begun_by(rest)) and (key := self._columns.in_group.get((group, role), "")):
            guesses.append(Guess(ALIKE, key, role, also))
        best = max(guesses, key=lambda guess: guess.score)
        return best if best.score >= ALIKE else None

    def _single_score(self, parts: list[str], name: str, of_a_person: bool) -> float:
        words = name.split()
        joined = " ".join(parts)
        bare, of, owner = joined.partition(" cua ")
        is_theirs = of != "" and owner in self._owners | self._of_pages
        text = bare if owner in self._owners else joined  # the page of the unit is no unit
        above = f" {' '.join(parts[:-1])} "
        elsewhere = OF_ANOTHER_SITE if any(f" {site} " in above for site in self._other_sites) else 0
        contained = not of_a_person and _contains(text, words) and not name.startswith(self._offices)
        # A heading may reach too far over the columns beside it: a column that names itself belongs to nobody.
        return elsewhere + max(
            100 + 2 * (parts[-1] == name) if joined == name or parts[-1] == name else 0,
            (OF_THEIRS if is_theirs else OF_ANOTHER) if of and bare == name else 0,
            CONTAINS + len(words) / 100 if contained else 0,
            _likeness(joined, name),
            _likeness(parts[-1], name),
            _likeness(parts[0], name) - 15,
        )

    def _own_score(self, parts: list[str], name: str, role: str) -> float:
        """Score a name that speaks for itself, whatever words of groups it has: further columns of a person."""
        if role in self._columns.contact_roles:
            return 0
        words = name.split()
        if parts[-1] == name:
            return 102
        return CONTAINS + len(words) / 100 if len(words) > 2 and _contains(" ".join(parts), words) else 0

    def _roles_in(self, text: str) -> list[str]:
        """Return the roles that a header lists for one column ("ho ten, SDT, email"): two or more, and nothing else."""
        roles = []
        for name, role in self._persons:
            if f" {name} " in f" {text} ":
                text = f" {text} ".replace(f" {name} ", " , ")
                roles.append(role)
        rest = {word for word in text.split() if word not in (",", "so")} - _LINKING
        return list(dict.fromkeys(roles)) if len(set(roles)) >= 2 and not rest else []

    def _begun_by(self, text: str) -> str:
        """Return the role that a header of a group begins with, whatever it says besides of the person, else ""."""
        begun = (pair for pair in self._persons if f"{text} ".startswith(f"{pair[0]} "))
        return next((role for name, role in begun if role not in self._columns.name_roles or " " in name), "")

    def _group_in(self, parts: tuple[str, ...]) -> _Whose:
        """Return of whom a header speaks, whose parts these are as search keys."""
        joined, last = " ".join(parts), parts[-1]
        scores = dict.fromkeys(self._groups, 0)
        rest = f" {last} "
        for group, phrases in self._groups.items():
            for phrase, weight in phrases.items():
                found = _find(phrase, joined)
                if found:
                    scores[group] += weight
                    rest = rest.replace(f" {found} ", _GAP)
        several = len(parts) > 1 and sum(map(bool, scores.values())) > 1
        nearest = self._nearest(parts) if several else ""
        best = nearest or max(scores, key=lambda group: scores[group], default="")
        if not best or not scores[best] or (not nearest and list(scores.values()).count(scores[best]) > 1):
            return _Whose("", last)
        for filler in self._fillers:
            rest = rest.replace(f" {filler} ", " ")
        around = [text.strip() for text in rest.split(_GAP.strip())]
        # What stands between words of groups only tells more of who that is ("Can bo duoc giao van hanh").
        is_between = len(around) > 2 and not around[0] and not around[-1]
        words = [] if is_between else " ".join(around).split()
        also = frozenset(group for group, score in scores.items() if score and group != best)
        ends = around[-1] in {*self._owners, ""}
        if set(words) <= _LINKING:  # the other way round: what is told stands above of whom it is
            words = [parts[-2]] if len(parts) > 1 and parts[-2] in self._told else []
        return _Whose(best, " ".join(words), also, scores[best], ends)

    def _nearest(self, parts: tuple[str, ...]) -> str:
        """Return the group that the lowest part of a header that speaks of any names alone, and surely; else ""."""
        for part in reversed(parts):
            told = {g: sum(w for phrase, w in of.items() if _find(phrase, part)) for g, of in self._groups.items()}
            if any(told.values()):
                best = max(told, key=lambda group: told[group])
                return best if sum(map(bool, told.values())) == 1 and told[best] >= TELLING else ""
        return ""


def _contains(text: str, words: list[str]) -> bool:
    """Tell whether all words of a name of several words stand in the text."""
    return len(words) > 1 and set(words) <= set(text.split())


def _likeness(text: str, name: str) -> float:
    if text == name:
        return 100
    if min(len(text), len(name)) <= SHORT or _DIGIT.findall(text) != _DIGIT.findall(name):
        return 0  # another year or number is another column, however alike
    return float(fuzz.ratio(text, name))


def _find(phrase: str, text: str) -> str:
    """Return the words of the text that are the phrase, or nearly."""
    if f" {phrase} " in f" {text} ":
        return phrase
    size, words = len(phrase.split()), text.split()
    if len(phrase) > SHORT + 1:
        for start in range(len(words) - size + 1):
            candidate = " ".join(words[start : start + size])
            if fuzz.ratio(phrase, candidate) >= 90:
                return candidate
    return ""
