"""The round: one collection, read from `rounds/<id>.toml` or from a path to such a file."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections import Counter
from collections.abc import Iterable
from email.headerregistry import Address
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.codes import Rule
from schemas.data import HERE, read_toml, vocabulary
from schemas.faults import Misfit, RoundFault, first_fault, shown, toml_fault
from schemas.form import MEASURES as MEASURES
from schemas.form import Column, Form, load_form
from schemas.kinds import link
from schemas.kinds.email import PLAIN
from schemas.messages import clause as usual_clause
from schemas.messages import line
from schemas.messages import severity as usual_severity
from schemas.naming import Policy, RightNames, right_names
from schemas.periods import span_named, span_of, spans_before
from schemas.text import capitalised, paper_date, search_key, spelling_key
from schemas.units import CENTRE, Amendment, Register, Unit, load_register

Level = Literal["province", "district", "commune"]
ROMAN = ("I", "II", "III", "IV")
SENDING = ("on-time", "right-first", "improved")
"""What is measured of the sending itself."""
Severity = Literal["error", "warning", "note", "trial"]
_STRUCTURE = ("file.", "submission.", "form.", "unit.")


def _one_address(text: str) -> str:
    """Return an e-mail address that is one and nothing more: no second one, no line break, no name."""
    if PLAIN.fullmatch(text):
        return text
    try:
        address = Address(addr_spec=text)
    except Exception:  # the parser's faults are of many classes
        raise Misfit("address", value=text) from None
    is_plain = text.isascii() and text.isprintable() and address.addr_spec == text
    if not (is_plain and address.username and address.domain):
        raise Misfit("address", value=text)
    return text


EmailAddress = Annotated[str, AfterValidator(_one_address)]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Data):
    """The letter that orders the collection; `type` as it is called in a sentence. A draft has no number or date."""

    type: str
    number: str = ""
    date: dt.date | None = None
    issuer: str
    subject: str

    @property
    def reference(self) -> str:
        """The letter as a sentence names it: type, number, date."""
        return line("words", "reference", type=self.type, number=self.number, date=paper_date(self.date))


class Limit(_Data):
    """A last day, as letters write it: `before` is strict, `by` includes the day, `before_month` is `2022-03`."""

    before: dt.date | None = None
    by: dt.date | None = None
    before_month: str = Field(default="", pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$")

    @model_validator(mode="after")
    def _is_one_day(self) -> Limit:
        if sum(map(bool, (self.before, self.by, self.before_month))) > 1:
            raise Misfit("one_limit")
        return self

    @property
    def last_day(self) -> dt.date | None:
        """The last day that is still in time; None where there is no limit."""
        before = dt.date.fromisoformat(f"{self.before_month}-01") if self.before_month else self.before
        return before - dt.timedelta(days=1) if before else self.by


class Deadline(Limit):
    """When the collector must have the submissions; `clause` quotes the letter."""

    clause: str = ""


class Extension(Limit):
    """More time that the collector granted one submitting unit."""

    unit: str
    reason: str = ""


class Reminder(Limit):
    """A date between other parties: told, never judged."""

    level: Level
    text: str


class Reminding(_Data):
    """How often a unit that has not sent is reminded: once between one day of `days` and the next.

    `days` are days before the deadline, negative ones after it; in a round without a deadline it is reminded once
    in `every` days.
    """

    days: list[int] = [7, 3, 1, 0, -1, -7, -14, -30]
    every: int = Field(default=7, ge=1)

    def same_time(self, first: dt.date, second: dt.date, last_day: dt.date | None) -> bool:
        """Tell whether a reminder of the first day makes one of the second day superfluous."""
        if last_day is None:
            return (second - first).days < self.every
        return self._passed(last_day, first) == self._passed(last_day, second)

    def _passed(self, last_day: dt.date, day: dt.date) -> int:
        return sum((last_day - day).days <= days for days in self.days)


class Target(Limit):
    """What share of the units of a level must have reached a measure, in percent.

    `measure`: one of the five, the key of a yes/no column, or the key of a question to the submitting units.
    """

    level: Level
    measure: str
    percent: float = Field(ge=0, le=100)


class Question(_Data):
    """What submitting units state of themselves beside the list; open answers are not reported, never a fault.

    `text` stands in the form, the answer to the right of it.
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["yes-no", "text"] = "yes-no"
    text: str

    @property
    def column(self) -> Column:
        """The question as a column of its kind: repaired and judged like one."""
        return Column(key=self.key, kind=self.kind, header=self.text, width=60, hint="")


class Criterion(_Data):
    """What a submitting unit gets points for; `lack` says what to do for those that are missing.

    `measure`: `on-time`, `right-first` (nothing to correct at the first sending), `improved` (share corrected of what
    was asked), one of the five measures or a yes/no column (share of the units listed), or a question.
    """

    measure: str
    points: float = Field(gt=0)
    title: str
    lack: str


class Emulation(_Data):
    """How submitting units are ranked, by points a month and the mean of the year's months.

    The letters of Nghe An and Nam Dinh order that results count for emulation and give no scale: all weights are ours.
    `praise`: the share of the full points, in percent, from which a unit is named as doing well.
    """

    praise: float = Field(90, ge=0, le=100)
    clause: str = ""
    criteria: list[Criterion]


class Period(_Data):
    """A round that comes again: data in order are carried forward, what changed since the last time is reported.

    `first_day`: files received from that day on belong to the period (1: of its first month; later: of the month
    before). `last_day`: the last day in time, in the period's last month; 0 for none.
    """

    every: Literal["month", "quarter", "year"]
    first_day: int = Field(1, ge=1, le=28)
    last_day: int = Field(0, ge=0, le=28)

    @model_validator(mode="after")
    def _ends_in_time(self) -> Period:
        """What is sent by the last day must not belong to the next period."""
        if 1 < self.first_day <= self.last_day:
            raise Misfit("period_end", "period.last_day", value=self.last_day, first_day=self.first_day)
        return self


Paper = Literal["report", "dispatch", "notice"]


class Letterhead(_Data):
    """The constants of the office's papers.

    `symbol` and `recipients` are the report's; those of the dispatch and the notice follow from them unless they stand
    in `symbols` and `recipients_of`.
    """

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
    symbols: dict[Paper, str] = {}
    recipients_of: dict[Paper, list[str]] = {}


class Office(_Data):
    """Who sends the letters."""

    name: str
    email: EmailAddress
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
    def _names_exist(self) -> Round:
        try:
            units = self.register.units
        except ValueError as fault:
            raise Misfit("amendments", value=fault) from None
        if self.collector not in (*units, CENTRE):
            raise Misfit("collector", value=self.collector)
        for key in self.own:
            if key not in self.form.keys or key == self.form.unit_key:
                raise Misfit("own", value=key)
        groups = self.form.persons
        for level, asked in self.persons.items():
            for group in asked if isinstance(asked, list) else []:
                if group not in groups:
                    raise Misfit("persons", f"persons.{level}", value=group)
        for name, codes in (("contacts", self.contacts), ("extensions", [e.unit for e in self.extensions])):
            for code in codes:
                if code not in self.submitting_units:
                    raise Misfit("no_sender", name, value=code)
        if self.period and not self.period.last_day and (day := self.deadline.last_day):
            raise Misfit("fixed_deadline", "period.last_day", value=f"{day:%d/%m/%Y}")
        for extension in self.extensions:
            day = extension.last_day
            deadline = self.in_period(day).deadline.last_day if day else None
            if day and deadline and day < deadline:
                facts = {"unit": extension.unit, "value": f"{day:%d/%m/%Y}", "deadline": f"{deadline:%d/%m/%Y}"}
                raise Misfit("extensions", **facts)
        answers = {question.key for question in self.questions if question.kind == "yes-no"}
        known = {*self.measures, *answers, *(column.key for column in self.form.of_kind("yes-no"))}
        for question in self.questions:
            if not search_key(question.text):
                raise Misfit("question_text", "questions", value=question.text)
            if question.key in {*self.form.keys, *MEASURES, *SENDING}:
                raise Misfit("questions", value=question.key)
        for target in self.targets:
            if target.measure not in known or (target.measure in answers and target.level != self.submitters):
                raise Misfit("targets", value=target.measure)
        for criterion in self.emulation.criteria if self.emulation else []:
            if criterion.measure not in {*known, *SENDING}:
                raise Misfit("emulation", value=criterion.measure)
        for policy in self.naming.values():
            policy.check()
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
        schemas.faults.RoundFault: the file is not TOML; a key is missing, unknown or has a wrong value.
        schemas.faults.FormFault: the same of the form's file. A form given by its path lies relative to the round's.
    """
    try:
        record = _record(Path(name) if name.endswith(".toml") else HERE / "rounds" / f"{name}.toml")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise RoundFault(name, "", toml_fault(fault)) from None
    except Misfit as fault:
        raise RoundFault(name, fault.key, line("entry_errors", fault.reason, **fault.facts)) from None
    try:
        return Round.model_validate(record)
    except ValidationError as faults:
        path, reason = first_fault(record, faults)
        raise RoundFault(name, ".".join(map(str, path)), reason) from None


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
