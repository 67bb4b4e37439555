"""The round: one collection, read from `rounds/<id>.toml` or from a path to such a file."""

from __future__ import annotations

import datetime as dt
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.data import HERE, read_toml
from schemas.form import Form, load_form
from schemas.naming import Policy, RightNames, right_names
from schemas.units import Register, Unit, load_register

Level = Literal["province", "district", "commune"]
Measure = Literal["listed", "established", "named", "staffed", "complete"]
MEASURES: tuple[str, ...] = get_args(Measure)


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Data):
    """The letter that orders the collection; `type` as it is called in a sentence."""

    type: str
    number: str
    date: dt.date
    issuer: str
    subject: str


class Limit(_Data):
    """A last day, as letters write it: `before` is strict, `by` includes the day."""

    before: dt.date | None = None
    by: dt.date | None = None

    @property
    def last_day(self) -> dt.date | None:
        """The last day that is still in time; None where there is no limit."""
        return self.before - dt.timedelta(days=1) if self.before else self.by


class Deadline(Limit):
    """When the collector must have the submissions; `clause` quotes the letter."""

    clause: str = ""


class Reminder(Limit):
    """A date between other parties: told, never judged."""

    level: Level
    text: str


class Target(Limit):
    """What share of the units of a level must have reached a measure, in percent."""

    level: Level
    measure: Measure
    percent: float = Field(ge=0, le=100)


class Letterhead(_Data):
    """The constants of the office's papers."""

    parent: list[str]
    issuer: str
    symbol: str
    place: str
    authority: str
    position: str
    signer: str
    addressee: str
    collector: str
    recipients: list[str]


class Office(_Data):
    """Who sends the letters."""

    name: str
    email: str
    phone: str = ""


class Round(_Data):
    """One collection: who collects what from whom, by when, judged how."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    form_id: str = Field(alias="form")
    register_id: str = Field(alias="register")
    collector: str
    submitters: Level
    lists: list[Level]
    source: Source
    deadline: Deadline = Deadline()
    reminders: list[Reminder] = []
    targets: list[Target] = []
    persons: dict[Level, list[str] | int] = {}
    naming: dict[Level, Policy] = {}
    letterhead: Letterhead
    office: Office
    contacts: dict[str, str] = {}
    keep_days: int = Field(default=90, ge=0)  # after the last day; from then on `status` asks to purge personal data

    @model_validator(mode="after")
    def _names_exist(self) -> Round:
        if self.collector not in self.register.units:
            raise ValueError(f"collector: {self.collector}")
        groups = {group.key for group in self.form.groups}
        for level, asked in self.persons.items():
            for group in asked if isinstance(asked, list) else []:
                if group not in groups:
                    raise ValueError(f"persons.{level}: {group}")
        for code in self.contacts:
            if code not in self.submitting_units:
                raise ValueError(f"contacts: {code}")
        for policy in self.naming.values():
            policy.check()
        return self

    @cached_property
    def form(self) -> Form:
        """The form that the units fill."""
        return load_form(self.form_id)

    @cached_property
    def register(self) -> Register:
        """The register that decides what is expected."""
        return load_register(self.register_id)

    @cached_property
    def submitting_units(self) -> dict[str, Unit]:
        """The units that must send a file, by code, in the register's order."""
        return {u.code: u for u in self.register.below(self.collector) if u.level == self.submitters}

    @cached_property
    def expected(self) -> dict[str, list[Unit]]:
        """By submitter's code: the units that its submissions must list, level by level."""
        return {
            code: sorted(
                (u for u in self.register.below(code) if u.level in self.lists),
                key=lambda u: self.lists.index(u.level),  # type: ignore[arg-type]
            )
            for code in self.submitting_units
        }

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """What this round counts of its units: of the five measures those that its form can tell."""
        kinds = {column.kind for column in self.form.columns}
        told = {
            "established": "link" in kinds,
            "named": "page-name" in kinds and bool(self.naming),
            "staffed": bool(self.form.groups) and any(self.persons.values()),
        }
        return tuple(measure for measure in MEASURES if told.get(measure, True))

    @cached_property
    def right_names(self) -> RightNames:
        """The right page names of all units of the collector's region."""
        return right_names(self.register, [u.code for u in self.register.below(self.collector)], self.naming)

    def persons_asked(self, level: str) -> tuple[list[str], int]:
        """Return which groups a unit of that level must fill, and how many groups at least."""
        asked = self.persons.get(level, 0)  # type: ignore[call-overload]
        return ([], asked) if isinstance(asked, int) else (asked, len(asked))


def list_rounds() -> list[str]:
    """Return the ids of the rounds that are configured."""
    return sorted(path.stem for path in (HERE / "rounds").glob("*.toml"))


def load_round(name: str) -> Round:
    """Return the round of that id, or of the TOML file at that path.

    Raises:
        FileNotFoundError: no round, form or register has that name.
        tomllib.TOMLDecodeError: the file is not TOML.
        pydantic.ValidationError: a key is missing, unknown or has a wrong value.
    """
    path = Path(name) if name.endswith(".toml") else HERE / "rounds" / f"{name}.toml"
    return Round.model_validate(read_toml(path))
