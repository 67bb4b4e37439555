"""Naming policies: the page name that a round's letter orders for each unit.

A policy holds the proposed name (the letter's example) and the other forms its letter can be read as;
these are accepted, with a request to rename.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import product
from typing import Any

from pydantic import BaseModel, ConfigDict

from schemas.data import vocabulary
from schemas.faults import Misfit
from schemas.messages import line
from schemas.text import spelling_key, without_accents
from schemas.units import Register, Unit

_PLACEHOLDER = re.compile(r"\{(\w+)\.(\w+)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
# A capital or digit behind a small letter, a word behind TP, TX, TT: a blank is missing. The letters are decomposed.
_JOINED = re.compile(
    r"([a-z\u0111][\u0300-\u036f]*)(?=[A-Z\u0110\d])|\b(T[PTX])(?=[A-Z\u0110][\u0300-\u036f]*[a-z\u0111])"
)
_FIELDS = {"name", "type", "Type", "abbr", "Abbr"}
_LEVELS = {"unit", "province", "district", "commune"}
_QUOTED = 3  # faulty names that are quoted in one line
LONGEST = 75  # characters: what Facebook allows a Page's name


class Policy(BaseModel):
    """How pages of one level are named; `clause` quotes the letter.

    `equal` forms are as right as the proposed one (those that the provinces' own letters order, in a round of the
    whole country), `accepted` ones are taken with a request to rename. What stands in square brackets in a form may be
    there or not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    equal: list[str] = []
    accepted: list[str] = []
    clause: str = ""

    @cached_property
    def right(self) -> list[str]:
        """Every template that is right, the proposed one first."""
        return [self.name, *(form for template in self.equal for form in _written_out(template))]

    @cached_property
    def forms(self) -> list[str]:
        """Every template that is accepted, the right ones first."""
        return [*self.right, *(form for template in self.accepted for form in _written_out(template))]

    @cached_property
    def key_forms(self) -> list[str]:
        """The spelling keys of all forms, their placeholders still to be filled with keys: each only once."""
        return list(dict.fromkeys(_key_form(template) for template in self.forms))

    def check(self) -> None:
        """Make sure that every placeholder can be filled, and stands apart from the words beside it.

        Raises:
            Misfit: a template has a placeholder that is none of ours.
        """
        for template in [self.name, *self.equal, *self.accepted]:
            if touching := re.search(r"\w\{[^}]*\}|\{[^}]*\}[\w{]", template):
                raise Misfit("touching", "naming", value=touching[0])
            for placeholder in re.findall(r"\{[^}]*\}", template):
                match = _PLACEHOLDER.fullmatch(placeholder)
                if not match or match[1] not in _LEVELS or match[2] not in _FIELDS:
                    raise Misfit("placeholder", "naming", value=placeholder)


class _WhenAsked(dict[str, frozenset[str]]):
    """Keys by unit code, made when they are asked for: most pages bear the proposed name. No unit, no keys."""

    def __init__(self, make: Callable[[str], frozenset[str]]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, code: str) -> frozenset[str]:
        self[code] = keys = self._make(code)
        return keys


@dataclass(frozen=True)
class RightNames:
    """The right page names of a round's units, and the keys by which other writings are told apart."""

    proposed: dict[str, str]  # unit code -> the name to propose
    right: Mapping[str, frozenset[str]]  # unit code -> every name that is as right
    spellings: Mapping[str, frozenset[str]]  # unit code -> keys of every accepted writing
    unaccented: Mapping[str, frozenset[str]]  # the same without accents
    owners: dict[str, tuple[str, ...]]  # right name -> codes of the units that bear it

    @cached_property
    def shared(self) -> list[tuple[str, ...]]:
        """The units to which the policy gives one and the same name: the policy's fault, never theirs."""
        return [codes for codes in self.owners.values() if len(codes) > 1]

    @cached_property
    def too_long(self) -> list[str]:
        """The units to which the policy gives a name that no Page can bear."""
        return [code for code, name in self.proposed.items() if len(name) > LONGEST]


def right_names(register: Register, codes: list[str], policies: Mapping[Any, Policy]) -> RightNames:
    """Return the names of these units under the policies of their levels; units without a policy have none."""
    units, lineages = register.units, {code: register.lineage(code) for code in codes}
    judged = {code: policy for code in codes if (policy := policies.get(units[code].level))}

    before = {former.unit.code: former.unit for former in register.formers if former.now == (former.unit.code,)}

    def written(code: str) -> frozenset[str]:
        """Also as the unit and those above were called before the register was amended: pages are older than that."""
        if code not in judged:
            return frozenset()
        called = [[u, before[u.code]] if u.code in before else [u] for u in lineages[code].values()]
        lineages_called = [{u.level: u for u in names} for names in product(*called)]
        return frozenset(
            _fill(form, names[units[code].level], names, key=True)
            for form in judged[code].key_forms
            for names in lineages_called
        )

    def right(code: str) -> frozenset[str]:
        forms = judged[code].right if code in judged else []
        return frozenset(_fill(form, units[code], lineages[code]) for form in forms)

    proposed = {code: _fill(policy.name, units[code], lineages[code]) for code, policy in judged.items()}
    owners: dict[str, tuple[str, ...]] = {}
    for code, name in proposed.items():
        owners[name] = (*owners.get(name, ()), code)
    spellings = _WhenAsked(written)
    return RightNames(
        proposed=proposed,
        right=_WhenAsked(right),
        spellings=spellings,
        unaccented=_WhenAsked(lambda code: frozenset(map(without_accents, spellings[code]))),
        owners=owners,
    )


def _written_out(template: str) -> list[str]:
    """Return the template with and without each of its optional parts."""
    if not (part := _OPTIONAL.search(template)):
        return [template]
    head, tail = template[: part.start()], template[part.end() :]
    return [form for text in (part[1], "") for form in _written_out(head + text + tail)]


def policy_faults(names: RightNames, register: Register) -> list[str]:
    """Return a line for each fault of a naming policy itself: units are never blamed for these."""
    units = register.units

    def told(texts: list[str]) -> str:
        rest = len(texts) - _QUOTED
        return "; ".join([*texts[:_QUOTED], *([line("naming", "more", count=rest)] if rest > 0 else [])])

    shared = [
        f"{names.proposed[codes[0]]} ({', '.join(units[code].full_name for code in codes)})" for codes in names.shared
    ]
    long = [names.proposed[code] for code in names.too_long]
    return [
        *([line("naming", "shared", names=told(shared))] if shared else []),
        *([line("naming", "too_long", names=told(long), count=len(long), limit=LONGEST)] if long else []),
    ]


def name_key(text: str) -> str:
    """Return the spelling key of a page name, with abbreviations written out and missing blanks put in."""
    words = _abbreviations()
    parted = _JOINED.sub(r"\1\2 ", unicodedata.normalize("NFD", text))
    return " ".join(words.get(word, word) for word in spelling_key(parted).split())


@cache
def _abbreviations() -> dict[str, str]:
    written_out = {**vocabulary()["unit_types"], **vocabulary()["organisation"]["in_page_names"]}
    return {
        spelling_key(short): spelling_key(long)
        for long, shorts in written_out.items()
        for short in shorts
        if " " not in short
    }


def _key_form(template: str) -> str:
    """Return the template with its words as keys, so that filling it with keys gives the key of the filled one."""
    words: list[str] = []
    for number, part in enumerate(_PLACEHOLDER.split(template)):
        # The split yields words, then the two names of a placeholder, and so on.
        if number % 3 == 0:
            words.extend(name_key(part).split())
        elif number % 3 == 1:
            words.append(f"{{{part}.")
        else:
            words[-1] += f"{part}}}"
    return " ".join(words)


_key_of_value = lru_cache(maxsize=50_000)(name_key)


def _fill(template: str, unit: Unit, lineage: Mapping[str, Unit], *, key: bool = False) -> str:
    words, *places = _parts(template)
    for level, field, after in places:
        text = str(getattr(unit if level == "unit" else lineage[level], field))
        words += (_key_of_value(text) if key else text) + after
    return words


@cache
def _parts(template: str) -> tuple[Any, ...]:
    """Return the words before the first placeholder, then of each its level, its field and the words after it."""
    first, *rest = _PLACEHOLDER.split(template)
    return first, *zip(rest[::3], rest[1::3], rest[2::3], strict=True)
