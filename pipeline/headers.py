"""Which column is which: header words misspelt, shortened, in another order, in one row or in several."""

from __future__ import annotations

from dataclasses import dataclass

from rapidfuzz import fuzz

from schemas.form import Form
from schemas.text import search_key

ALIKE = 84  # how like a name of the form a header must be, of 100
CONTAINS = 92  # all words of a name stand in the header
SHORT = 4  # names up to this length must be equal

Label = tuple[str, ...]
"""The header texts of one column, from the top down."""


@dataclass(frozen=True)
class Guess:
    """What a header says: a column (`key`), a kind of an unnamed person's column, or the running number."""

    score: float
    key: str = ""
    kind: str = ""


class Headers:
    """The words of a form's headers."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self._ordinal = {search_key(name) for name in [form.ordinal.header, *form.ordinal.aliases]}
        self._single = [(search_key(name), c.key) for c in form.columns if not c.group for name in c.names]
        grouped = [(search_key(name), c.kind) for c in form.columns if c.group for name in c.names]
        self._grouped = list(dict.fromkeys(grouped))
        self._groups = {g.key: {search_key(word): weight for word, weight in g.words.items()} for g in form.groups}
        self._in_group = {(c.group, c.kind): c.key for c in form.columns if c.group}
        self._fillers = [search_key(word) for word in form.fillers]
        self._seen: dict[Label, Guess | None] = {}

    def match(self, labels: list[Label]) -> tuple[dict[str, int], dict[int, str]]:
        """Return the columns by key, and the header of every other column ("" for the running number)."""
        guesses = [self._guess(label) for label in labels]
        columns: dict[str, int] = {}
        named = [(guess.score, -place, guess.key) for place, guess in enumerate(guesses) if guess and guess.key]
        for _, place, key in sorted(named, reverse=True):
            columns.setdefault(key, -place)
        # A person's column that does not say whose it is follows the person on its left, else the first still free.
        for place, guess in enumerate(guesses):
            if guess is None or guess.key or not guess.kind:
                continue
            group_at = {p: self.form.column(key).group for key, p in columns.items()}
            left = next((group_at[p] for p in range(place - 1, -1, -1) if group_at.get(p)), "")
            free = [key for (_, kind), key in self._in_group.items() if kind == guess.kind and key not in columns]
            if free:
                columns[next((key for key in free if self.form.column(key).group == left), free[0])] = place
        taken = set(columns.values())
        numbers = {place for place, guess in enumerate(guesses) if guess and not guess.key and not guess.kind}
        extra = {
            place: "" if place in numbers else " ".join(label)
            for place, label in enumerate(labels)
            if label and place not in taken
        }
        return columns, extra

    def knows(self, text: str) -> bool:
        """Tell whether a text alone says which column it heads, or whose."""
        return self._guess((text,)) is not None

    def is_name(self, text: str) -> bool:
        """Tell whether a text alone is one of the form's header texts."""
        key = search_key(text)
        names = {name for name, _ in [*self._single, *self._grouped]}
        return key in names or key in self._ordinal

    def _guess(self, label: Label) -> Guess | None:
        if label not in self._seen:
            self._seen[label] = self._best(label) if label else None
        return self._seen[label]

    def _best(self, label: Label) -> Guess | None:
        parts = [search_key(part) for part in label]
        joined, last = " ".join(parts), parts[-1]
        if joined in self._ordinal or last in self._ordinal:
            return Guess(100)
        group, rest = self._group_in(joined, last)
        guesses = [Guess(self._single_score(parts, name, bool(group)), key) for name, key in self._single]
        for name, kind in self._grouped:
            if group:
                guesses.append(Guess(_likeness(rest, name) + 1, self._in_group.get((group, kind), ""), kind))
            else:
                guesses.append(Guess(_likeness(last, name) - (10 if len(parts) > 1 else 0), "", kind))
        if group and not rest:
            guesses.append(Guess(ALIKE, self._in_group.get((group, "name"), ""), "name"))
        best = max(guesses, key=lambda guess: guess.score)
        return best if best.score >= ALIKE else None

    def _single_score(self, parts: list[str], name: str, of_a_person: bool) -> float:
        words = name.split()
        joined = " ".join(parts)
        contained = len(words) > 1 and not of_a_person and set(words) <= set(joined.split())
        # A heading may reach too far over the columns beside it: a column that names itself belongs to nobody.
        return max(
            100 + 2 * (parts[-1] == name) if joined == name or parts[-1] == name else 0,
            CONTAINS if contained else 0,
            _likeness(joined, name),
            _likeness(parts[-1], name),
            _likeness(parts[0], name) - 15,
        )

    def _group_in(self, joined: str, last: str) -> tuple[str, str]:
        """Return the group that a header speaks of, and what its last part says besides."""
        scores = dict.fromkeys(self._groups, 0)
        rest = f" {last} "
        for group, phrases in self._groups.items():
            for phrase, weight in phrases.items():
                found = _find(phrase, joined)
                if found:
                    scores[group] += weight
                    rest = rest.replace(f" {found} ", " ")
        best = max(scores, key=lambda group: scores[group], default="")
        if not best or not scores[best] or list(scores.values()).count(scores[best]) > 1:
            return "", last
        for filler in self._fillers:
            rest = rest.replace(f" {filler} ", " ")
        words = rest.split()
        return best, "" if words in ([], ["va"]) else " ".join(words)


def _likeness(text: str, name: str) -> float:
    if text == name:
        return 100
    return 0 if min(len(text), len(name)) <= SHORT else float(fuzz.ratio(text, name))


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
