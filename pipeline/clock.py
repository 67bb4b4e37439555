"""What day it is: Vietnam's, whatever the zone of the machine."""

from __future__ import annotations

import datetime as dt

HANOI = dt.timezone(dt.timedelta(hours=7))


def now() -> dt.datetime:
    """Return the moment."""
    return dt.datetime.now(HANOI)


def today() -> dt.date:
    """Return the day that it is in Vietnam."""
    return in_hanoi(now()).date()


def in_hanoi(moment: dt.datetime) -> dt.datetime:
    """Return a moment as a clock in Hanoi shows it; one without a zone was read from such a clock.

    Raises:
        OverflowError: there no calendar has it any more.
    """
    return moment.replace(tzinfo=HANOI) if moment.tzinfo is None else moment.astimezone(HANOI)
