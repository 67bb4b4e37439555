"""Rounds that come again: the period to which a day belongs, and what the periods before were called."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.messages import line

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True)
class Span:
    """One period: its key (`2022-04`, `2022-q2`, `2022`), the first days of it and of the next, and its last month."""

    every: str
    year: int
    number: int  # of the period within its year, from 1
    opens: dt.date
    closes: dt.date  # the day on which the next one opens

    @property
    def key(self) -> str:
        """What is added to the round's id; keys of one round sort by time."""
        return {"month": f"{self.year}-{self.number:02}", "quarter": f"{self.year}-q{self.number}"}.get(
            self.every, str(self.year)
        )

    @property
    def name(self) -> str:
        """The period as a sentence names it."""
        return line("periods", self.every, number=self.number, year=self.year)

    @property
    def last_month(self) -> dt.date:
        """The first day of the period's last month."""
        return dt.date(self.year, self.number * _MONTHS[self.every], 1)


def span_of(day: dt.date, every: str, first_day: int = 1) -> Span:
    """Return the period of that day; `first_day` after the first begins it in the month before."""
    months = day.year * 12 + day.month - 1 + (first_day > 1 and day.day >= first_day)
    return _span(months // _MONTHS[every], every, first_day)


def span_named(key: str, every: str, first_day: int = 1) -> Span | None:
    """Return the period of that key, None where it is the key of none."""
    year, _, number = key.partition("-")
    try:
        index = int(year) * 12 // _MONTHS[every] + int(number.removeprefix("q") or 1) - 1
        span = _span(index, every, first_day)
    except ValueError:
        return None
    return span if span.key == key else None


def spans_before(span: Span, first_day: int = 1, count: int = 12) -> Iterator[Span]:
    """Yield the periods before, the latest first."""
    index = (span.last_month.year * 12 + span.last_month.month - 1) // _MONTHS[span.every]
    for back in range(1, count + 1):
        yield _span(index - back, span.every, first_day)


def _span(index: int, every: str, first_day: int) -> Span:
    length = _MONTHS[every]
    first = index * length - (first_day > 1)
    year, number = divmod(index * length, 12)
    opens, closes = (dt.date(month // 12, month % 12 + 1, first_day) for month in (first, first + length))
    return Span(every, year, number // length + 1, opens, closes)
