"""The tables of a round's file: the letter, the days, what is measured, the papers' constants."""

from __future__ import annotations

import datetime as dt
from email.headerregistry import Address
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.faults import Misfit
from schemas.form import Column
from schemas.kinds.email import PLAIN
from schemas.messages import line
from schemas.text import paper_date

Level = Literal["province", "district", "commune"]
Severity = Literal["error", "warning", "note", "trial"]


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

    @model_validator(mode="after")
    def _has_a_day(self) -> Extension:
        if self.last_day is None:
            raise Misfit("extension_day", "extensions", unit=self.unit)
        return self


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
