"""What the ledger keeps, as the rest of the program sees it: versions, letters and their fates, mails, runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.model import Decision, Moment, Recheck

TOLD = ("sent", "uncertain", "refused")
"""Fates of letters that were tried: the unit has it, may have it, or its mailbox will not have it."""


@dataclass(frozen=True)
class Version:
    """What counted of a sender at some time.

    `files` are the hashes of the files that counted, `errors` the keys (unit, column, rule) of what it was asked
    to correct, `rows` the repaired values by unit code and column
    (of a form of persons by `code/number`).
    """

    number: int
    files: list[str]
    received: dt.date
    recorded: dt.date
    errors: list[list[str]]
    rows: Mapping[str, dict[str, str]]


File = tuple[str, str]
"""A file that lay in the inbox: the hash of its content, and its path there."""


@dataclass(frozen=True)
class Left:
    """What an earlier round (its id is `source`) left of a unit: its repaired rows, and whether they had no error."""

    source: str
    unit: str
    rows: list[dict[str, str]]
    in_order: bool


Folders = Mapping[str, tuple[str, Mapping[str, str]]]
"""By the path of a folder of the last result: a mark of what it was made from, and the hashes of its files by name."""


@dataclass(frozen=True)
class Letter:
    """A letter prepared for a sender.

    `about` stands for the files that could not be read, which the version does not count; "" for none.
    """

    message_id: str
    submitter: str
    kind: str
    version: int
    about: str = ""


@dataclass(frozen=True)
class Posted(Letter):
    """A letter and what became of it: `prepared`, `sending`, `sent`, `deferred`, `refused` or `uncertain`.

    `prepared` is the day of the round on which it was first prepared, `address` where it was sent, `reply` what the
    mail server said.
    """

    prepared: dt.date = dt.date.min
    fate: str = "prepared"
    address: str = ""
    reply: str = ""
    is_current: bool = False  # of the last run: it lies in the outbox


def undelivered(posted: Iterable[Posted]) -> list[Posted]:
    """Return the letters that the officer has to see to: uncertain ones, and refused ones that nothing followed."""
    letters = list(posted)
    last = {letter.submitter: letter for letter in letters if letter.fate in TOLD}
    return [
        letter
        for letter in letters
        if letter.fate == "uncertain" or (letter.fate == "refused" and last[letter.submitter] is letter)
    ]


@dataclass(frozen=True)
class Mail:
    """A mail that came, by its number in a folder of an account; `sign` is the same wherever the same mail lies.

    `outcome` is one of `stored`, `empty`, `automatic`, `ours`, `known`, `too-large`; `files` are paths in the inbox.
    """

    account: str
    folder: str
    validity: str
    uid: int
    sign: str
    sender: str
    received: dt.date
    outcome: str
    files: list[str]


@dataclass(frozen=True)
class Run:
    """A run to remember: when, the files it saw (name -> hash), and a mark of each part of the rules it judged by."""

    day: dt.date
    files: dict[str, str]
    rules: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """What a run found and prepared: what counted of each sender, letters, what people decided, faults, rechecks.

    `carried` is what it used of earlier rounds: kept with this one, whatever becomes of those.
    """

    versions: dict[str, Version] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    moment: Moment | None = None
    rechecks: list[Recheck] = field(default_factory=list)
    carried: list[Left] = field(default_factory=list)
