"""Which column is which, all headers of a table together: to whom a column belongs that does not say it."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.form import Form

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Guess:
    """What a header says: a column (`key`), a column of a group that it does not name (`role`), or the running number.

    `also` holds the groups that the header names besides the one it speaks of.
    """

    score: float
    key: str = ""
    role: str = ""
    also: frozenset[str] = frozenset()


class NamedColumns:
    """The form's columns as the headers of a table can name them: by key, or as a part (`role`) of a person's group.

    `in_group` has the key of each part of a group; names are the parts by which a person is told, `further_roles` its
    number and address.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.in_group = {(c.group, c.role): c.key for c in form.columns if c.group}
        contacts = {key: form.column(key).role for contact in form.persons.values() for key in contact.values()}
        self.contact_roles = frozenset(contacts.values())
        self.name_roles = frozenset(contacts[contact["name"]] for contact in form.persons.values())
        self.further_roles = self.contact_roles - self.name_roles

    def places(self, guesses: list[Guess | None]) -> dict[str, int]:
        """Return the place of each column, from what each header says alone, from left to right."""
        columns: dict[str, int] = {}
        named = [(guess.score, -place, guess.key) for place, guess in enumerate(guesses) if guess and guess.key]
        for _, place, key in sorted(named, reverse=True):
            columns.setdefault(key, -place)
        silent = [(place, guess) for place, guess in enumerate(guesses) if guess and guess.role and not guess.key]
        # A column that does not say to which group it belongs follows the group on its left, else the first still free.
        only = self._only_person(guesses)
        for place, guess in silent:
            if guess.role in self.further_roles:
                continue
            left = only or self._group_left_of(place, columns)
            free = [key for (_, role), key in self.in_group.items() if role == guess.role and key not in columns]
            if free and (not left or (left, guess.role) in self.in_group):
                columns[next((key for key in free if self.form.column(key).group == left), free[0])] = place
        for role in dict.fromkeys(guess.role for _, guess in silent if guess.role in self.further_roles):
            ranked = sorted((-guess.score, place) for place, guess in silent if guess.role == role)
            self._give(role, [place for _, place in ranked], columns)
        self._speak_for_all(columns, guesses)
        return dict(sorted(columns.items(), key=lambda pair: pair[1]))  # as they stand, whatever they scored

    def _only_person(self, guesses: list[Guess | None]) -> str:
        """Return the group of a table's one person of whom only what else is told says whose name it is ("Chuc vu")."""
        told = [guess for guess in guesses if guess and guess.role]
        names = [guess for guess in told if guess.role in self.name_roles]
        of_role = {role: [group for group, of in self.in_group if of == role] for role in {g.role for g in told}}
        telling = {of[0] for role, of in of_role.items() if len(of) == 1 and role not in self.contact_roles}
        named = {self.form.column(guess.key).group for guess in told if guess.key}
        return (
            telling.pop() if len(names) == 1 and not names[0].key and len(telling | named) == len(telling) == 1 else ""
        )

    def _group_left_of(self, place: int, columns: dict[str, int]) -> str:
        """Return the group of the nearest column on the left that has one, else ""."""
        group_at = {p: self.form.column(key).group for key, p in columns.items()}
        return next((group_at[p] for p in range(place - 1, -1, -1) if group_at.get(p)), "")

    def _give(self, role: str, places: list[int], columns: dict[str, int]) -> None:
        """Give the numbers or addresses that do not say whose they are, best header first, to the persons there are.

        Each belongs to the person on its left; a second one of one person is no other person's.
        """
        key_of = {group: key for (group, of), key in self.in_group.items() if of == role}
        begins: dict[str, int] = {}
        for key, place in columns.items():
            if (group := self.form.column(key).group) in key_of:
                begins[group] = min(place, begins.get(group, place))
        persons = sorted(begins, key=lambda group: begins[group]) or [*key_of][:1]
        lacking = [group for group in persons if key_of[group] not in columns]
        among = bool(begins) and begins[persons[0]] < min(places) < begins[persons[-1]]
        if not among and len(lacking) == len(places):  # all names first, or each number before its name
            owners = dict(zip(sorted(places), lacking, strict=True))
        else:
            owners = {place: self._group_left_of(place, columns) for place in places}
        for place in sorted(places, key=lambda place: not owners[place]):
            if key := key_of.get(owners[place] or persons[0], ""):
                columns.setdefault(key, place)

    def _speak_for_all(self, columns: dict[str, int], guesses: list[Guess | None]) -> None:
        """Let the one person of a table speak for every group that the header names ("Lanh dao kiem quan ly")."""
        group_of = {key: self.form.column(key).group for key in columns}
        for key, group in group_of.items():
            heads = [guesses[columns[other]] for other in group_of if group and group_of[other] == group]
            for silent in _NOBODY.union(*(head.also for head in heads if head)) - set(group_of.values()):
                if silent_key := self.in_group.get((silent, self.form.column(key).role)):
                    columns[silent_key] = columns[key]
