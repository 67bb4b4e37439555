"""The round: one collection, read from `rounds/<id>.toml` or from a path to such a file."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.codes import Rule
from schemas.data import HERE, read_toml, vocabulary
from schemas.faults import EntryFault, Misfit, first_fault, shown, toml_fault
from schemas.form import MEASURES, Form, load_form
from schemas.kinds import link
from schemas.messages import clause as usual_clause
from schemas.messages import line
from schemas.messages import severity as usual_severity
from schemas.naming import Policy, RightNames, right_names
from schemas.periods import span_named, span_of, spans_before
from schemas.round_parts import (
    Deadline,
    EmailAddress,
    Emulation,
    Extension,
    Letterhead,
    Level,
    Office,
    Period,
    Question,
    Reminder,
    Reminding,
    Severity,
    Source,
    Target,
)
from schemas.text import capitalised, screen_date, search_key, spelling_key
from schemas.units import CENTRE, Amendment, Register, Unit, load_register

ROMAN = ("I", "II", "III", "IV")
SENDING = ("on-time", "right-first", "improved")
"""What is measured of the sending itself."""
_STRUCTURE = ("file.", "submission.", "form.", "unit.")


class Round(BaseModel):
    """One collection: who collects what from whom, by when, judged how."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    notes: list[str] = []  # what the letter orders beside the list: printed with the form
    questions: list[Question] = []
    extensions: list[Extension] = []
    reminding: Reminding = Reminding()
    targets: list[Target] = []
    period: Period | None = None
    previous: list[str] = []  # ids of earlier rounds, the latest first: accepted data are carried forward
    opens: dt.date | None = None  # files received before belong to an earlier period
    closes: dt.date | None = None  # files received from then on belong to a later one
    series: str = ""  # what the periods of a round share: its id as written
    names: dict[str, str] = {}  # what earlier rounds are called in a sentence, by id
    emulation: Emulation | None = None
    persons: dict[Level, list[str] | Annotated[int, Field(ge=0, le=9)]] = {}
    naming: dict[Level, Policy] = {}
    letterhead: Letterhead
    office: Office
    contacts: dict[str, EmailAddress] = {}
    keep_days: int = Field(default=90, ge=0)  # after the last day; from then on `status` asks to purge personal data
    example_day: dt.date | None = None  # the last day in time of the made-up example, where the round has none
    amendments: list[Amendment] = []  # what changed in the register by the round's date
    own: dict[str, str] = {}  # the collector's own page, by the form's keys
    severities: dict[str, Severity] = {}  # of rules, where the round judges otherwise than usual
    clauses: dict[str, str] = {}  # what a rule, or all that begin like it, stands on

    @model_validator(mode="after")
    def _register_has_the_collector(self) -> Round:
        try:
            units = self.register.units
        except ValueError as fault:
            raise Misfit("amendments", value=fault) from None
        if self.collector not in (*units, CENTRE):
            raise Misfit("collector", value=self.collector)
        return self

    @model_validator(mode="after")
    def _own_row_has_columns(self) -> Round:
        for key in self.own:
            if key not in self.form.keys or key == self.form.unit_key:
                raise Misfit("own", value=key)
        return self

    @model_validator(mode="after")
    def _persons_are_groups(self) -> Round:
        for level, asked in self.persons.items():
            for group in asked if isinstance(asked, list) else []:
                if group not in self.form.persons:
                    raise Misfit("persons", f"persons.{level}", value=group)
        return self

    @model_validator(mode="after")
    def _senders_exist(self) -> Round:
        for name, codes in (("contacts", self.contacts), ("extensions", [e.unit for e in self.extensions])):
            for code in codes:
                if code not in self.submitting_units:
                    raise Misfit("no_sender", name, value=code)
        return self

    @model_validator(mode="after")
    def _deadline_is_of_the_period(self) -> Round:
        if self.period and not self.period.last_day and (day := self.deadline.last_day):
            raise Misfit("fixed_deadline", "period.last_day", value=screen_date(day))
        return self

    @model_validator(mode="after")
    def _extensions_are_later(self) -> Round:
        for extension in self.extensions:
            day = extension.last_day
            deadline = self.in_period(day).deadline.last_day if day else None
            if day and deadline and day < deadline:
                facts = {"unit": extension.unit, "value": screen_date(day), "deadline": screen_date(deadline)}
                raise Misfit("extensions", **facts)
        return self

    @model_validator(mode="after")
    def _questions_are_new(self) -> Round:
        for question in self.questions:
            if not search_key(question.text):
                raise Misfit("question_text", "questions", value=question.text)
            if question.key in {*self.form.keys, *MEASURES, *SENDING}:
                raise Misfit("questions", value=question.key)
        return self

    @model_validator(mode="after")
    def _measures_are_known(self) -> Round:
        answers = {question.key for question in self.questions if question.kind == "yes-no"}
        known = {*self.measures, *answers, *(column.key for column in self.form.of_kind("yes-no"))}
        for target in self.targets:
            if target.measure not in known or (target.measure in answers and target.level != self.submitters):
                raise Misfit("targets", value=target.measure)
        for criterion in self.emulation.criteria if self.emulation else []:
            if criterion.measure not in {*known, *SENDING}:
                raise Misfit("emulation", value=criterion.measure)
        return self

    @model_validator(mode="after")
    def _policies_hold(self) -> Round:
        for policy in self.naming.values():
            policy.check()
        return self

    @model_validator(mode="after")
    def _rules_exist(self) -> Round:
        for rule, severity in self.severities.items():
            # What a file, its sender or its units are cannot be left open: the other rules build on it.
            if rule not in set(Rule) or (severity == "trial" and rule.startswith(_STRUCTURE)):
                raise Misfit("severities", value=rule)
        for prefix in self.clauses:
            if not any(rule == prefix or rule.startswith(f"{prefix}.") for rule in Rule):
                raise Misfit("clauses", value=prefix)
        return self

    def in_period(self, day: dt.date) -> Round:
        """Return the round of the period to which a day belongs: a round with an id, title and dates of its own."""
        if self.period is None:
            return self
        span = span_of(day, self.period.every, self.period.first_day)
        before = {f"{self.id}-{earlier.key}": earlier.name for earlier in spans_before(span, self.period.first_day)}
        last_day = self.period.last_day and span.last_month.replace(day=self.period.last_day)
        return self.model_copy(
            update={
                "id": f"{self.id}-{span.key}",
                "title": self.title.replace("{period}", span.name),
                "deadline": Deadline(by=last_day, clause=self.deadline.clause) if last_day else self.deadline,
                "previous": [*before, *self.previous],
                "opens": span.opens,
                "closes": span.closes,
                "extensions": [e for e in self.extensions if e.last_day and span.opens <= e.last_day < span.closes],
                "names": before,
                "series": self.id,
            }
        )

    def id_on(self, day: dt.date) -> str:
        """Return the id of the round to which a file received on that day belongs: of a period that of its period."""
        if self.period is None or not self.series:
            return self.id
        return f"{self.series}-{span_of(day, self.period.every, self.period.first_day).key}"

    def opening_of(self, id: str) -> dt.date | None:
        """Return on which day the period of that id opens, None where it is no period of this round."""
        key = id.removeprefix(f"{self.series or self.id}-")
        if self.period is None or id == key:
            return None
        span = span_named(key, self.period.every, self.period.first_day)
        return span.opens if span else None

    @cached_property
    def form(self) -> Form:
        """The form that the units fill."""
        return load_form(self.form_id)

    @cached_property
    def register(self) -> Register:
        """The register that decides what is expected."""
        register = load_register(self.register_id)
        return register.amended(self.amendments) if self.amendments else register

    @property
    def collecting_unit(self) -> Unit | None:
        """The unit whose office collects; None for the centre."""
        return self.register.units.get(self.collector)

    @cached_property
    def taken_pages(self) -> dict[str, str]:
        """The pages that no unit of a round may claim, by their identity: whose they are."""
        pages = dict(vocabulary()["organisation"]["pages"])
        own = (self.own.get(column.key, "") for column in self.form.of_kind("link"))
        pages |= dict.fromkeys(own, self.letterhead.collector)
        return {identity: owner for page, owner in pages.items() if (identity := link.parse(page).identity)}

    @property
    def collector_name(self) -> str:
        """The collecting unit's name; the centre is called as in the letterhead."""
        return unit.full_name if (unit := self.collecting_unit) else self.letterhead.collector

    @cached_property
    def sections(self) -> dict[str, tuple[str, str]]:
        """By level: number and label of its heading row, as the form words it; a list of one level has none."""
        labels: dict[str, str] = {level: capitalised(line("levels", level)) for level in self.lists}
        labels |= {section.level: section.label for section in self.form.sections}
        numbered = zip(ROMAN, self.lists, strict=False)
        return {level: (number, labels[level]) for number, level in numbered} if len(self.lists) > 1 else {}

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
    def listed_names(self) -> dict[str, str]:
        """By code: how a unit is called in its sender's list; units of one name have the unit above them added."""
        names: dict[str, str] = {unit.code: unit.full_name for unit in self.register.below(self.collector)}
        for units in self.expected.values():
            called = [names[unit.code] for unit in units]
            if len(set(called)) == len(called):
                continue
            count = Counter(called)
            for unit, name in zip(units, called, strict=True):
                if count[name] > 1:
                    names[unit.code] = f"{unit.full_name}, {self.register.units[unit.parent].name_in_text}"
        return names

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """What this round counts of its units: of the five measures those that its form can tell."""
        kinds = {column.kind for column in self.form.columns}
        told = {
            "established": "link" in kinds,
            "named": "page-name" in kinds and bool(self.naming),
            "staffed": bool(self.form.persons) and any(self.persons.values()),
        }
        return tuple(measure for measure in MEASURES if told.get(measure, True))

    def label(self, key: str) -> str:
        """Return what a column or a question is called in a sentence."""
        questions = {question.key: question.text for question in self.questions}
        return questions.get(key) or self.form.label(key)

    @cached_property
    def right_names(self) -> RightNames:
        """The right page names of all units of the collector's region."""
        return right_names(self.register, [u.code for u in self.register.below(self.collector)], self.naming)

    def called(self, earlier: str) -> str:
        """Return what an earlier round is called in a sentence."""
        return self.names.get(earlier, earlier)

    def units_called(self, text: str, codes: Iterable[str]) -> list[Unit]:
        """Return which of these units a person means: that of the code, else all of the name, accents or none."""
        units = {code: self.register.units[code] for code in codes}
        if text in units:
            return [units[text]]
        for key in (spelling_key, search_key):
            asked = key(text)
            found = [
                unit
                for code, unit in units.items()
                if asked in {key(name) for name in (unit.name, unit.full_name, self.listed_names[code])}
            ]
            if found:
                return found
        return []

    def last_day_of(self, submitter: str) -> dt.date | None:
        """Return the last day that is in time for a submitting unit; None where there is no deadline."""
        extended = [e.last_day for e in self.extensions if e.unit == submitter]
        return extended[-1] if extended else self.deadline.last_day

    def severity(self, rule: str) -> str:
        """Return `error`, `warning`, `note`, or `trial`: told to the collector alone, and not counted."""
        return self.severities.get(rule) or usual_severity(rule)

    @property
    def trials(self) -> list[str]:
        """The rules on trial."""
        return [rule for rule in Rule if self.severity(rule) == "trial"]

    def clause(self, rule: str, level: str = "") -> str:
        """Return what a rule stands on, "" where nothing says: a clause of the round's letter, else what is usual.

        A page's name stands on the naming policy of its unit's level, the sending on the deadline.
        """
        prefix = rule.partition(".")[0]
        policy = self.naming.get(level) if prefix == "page-name" else None  # type: ignore[call-overload]
        own = self.clauses.get(rule) or self.clauses.get(prefix) or (policy.clause if policy else "")
        if not own and rule in (Rule.SUBMISSION_MISSING, Rule.SUBMISSION_LATE):
            own = self.deadline.clause
        return line("words", "of_letter", source=self.source, clause=own) if own else usual_clause(rule)

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
        schemas.faults.EntryFault: the file, or the form's, is not TOML; a key is missing, unknown or has a wrong
            value. A form given by its path lies relative to the round's.
    """
    try:
        record = _record(Path(name) if name.endswith(".toml") else HERE / "rounds" / f"{name}.toml")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise EntryFault("round", name, "", toml_fault(fault)) from None
    except Misfit as fault:
        raise EntryFault("round", name, fault.key, line("entry_errors", fault.reason, **fault.facts)) from None
    try:
        return Round.model_validate(record)
    except ValidationError as faults:
        path, reason = first_fault(record, faults)
        raise EntryFault("round", name, ".".join(map(str, path)), reason) from None


def _record(path: Path) -> dict[str, Any]:
    """Return the keys of a round's file, laid over those of the round that it is based on."""
    record = read_toml(path)
    if str(record.get("form", "")).endswith(".toml"):
        record["form"] = str(path.parent / record["form"])
    if isinstance(told := record.get("amendments"), list):
        record["amendments"] = [amendment for entry in told for amendment in _amendments_of(entry, path)]
    base = record.pop("base", "")
    if not base:
        return record
    if not isinstance(base, str):
        raise Misfit("base", "base", value=shown(base))
    other = _path_of(base, path)
    # A file that is based on itself, or that has no id of its own, is no round.
    found = {} if other.resolve() == path.resolve() else _record(other)
    return {**{key: value for key, value in found.items() if key != "id"}, **record}


def _path_of(name: str, path: Path) -> Path:
    """Return the file of the round that another one's file names by its id or path."""
    return path.parent / name if name.endswith(".toml") else HERE / "rounds" / f"{name}.toml"


def _amendments_of(entry: Any, path: Path) -> list[Any]:
    """Return an entry of `amendments`; for a text those in the file of the round that it names."""
    return (isinstance(entry, str) and read_toml(_path_of(entry, path)).get("amendments")) or [entry]
