"""From period to period: accepted data are carried forward, and what changed since is reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from pipeline.gather import ORIGIN
from pipeline.ledger import Ledger
from pipeline.model import Arrival, Rows, Shift, finding
from pipeline.recognise import Origin
from pipeline.records import Left, Version
from pipeline.versions import Settled
from schemas.codes import Rule
from schemas.form import Form
from schemas.kinds import link
from schemas.round import Round
from schemas.text import screen_date

Carried = Mapping[str, list[dict[str, str]]]
"""By unit's code: the repaired values of its rows."""
Row = dict[str, str]
"""The repaired values of a row, by column."""
UNTOLD = "\0"
"""Stands for a value that has an error: what it was meant to be is not known."""


def by_unit(version: Version | None) -> dict[str, list[dict[str, str]]]:
    """Return the rows of a version by unit's code."""
    rows: dict[str, list[dict[str, str]]] = {}
    for key, values in version.rows.items() if version else ():
        if values:  # of a purged round nothing is left
            rows.setdefault(key.partition("/")[0], []).append(values)
    return rows


def accepted(version: Version | None) -> dict[str, list[dict[str, str]]]:
    """Return the rows of a version that had no error, by unit's code."""
    wrong = {unit for unit, _, _ in version.errors} if version else set()
    return {code: rows for code, rows in by_unit(version).items() if code not in wrong}


def prefillable(version: Version | None) -> dict[str, list[dict[str, str]]]:
    """Return the rows of a version by unit's code, without the cells that had an error: what a form may hold."""
    wrong = {(unit, column) for unit, column, _ in version.errors} if version else set()
    return {
        code: [{key: "" if (code, key) in wrong else value for key, value in values.items()} for values in rows]
        for code, rows in by_unit(version).items()
    }


@dataclass(frozen=True)
class Earlier:
    """What earlier periods left: rows in order, to be carried forward; all rows last known, to compare with.

    `newest` is the latest earlier round that has any, "" for none. `used` is all of this by its source, to be kept with
    the round: an earlier one may be purged.
    """

    carried: Carried
    known: Carried
    newest: str
    used: list[Left]


def earlier_periods(ledger: Ledger, round: Round) -> Earlier:
    """Return what the earlier periods of a round left."""
    carried: dict[str, list[dict[str, str]]] = {}
    known: dict[str, list[dict[str, str]]] = {}
    used: list[Left] = []
    for place, earlier in enumerate(round.previous):
        kept_by = [round.id, *round.previous[:place]]
        for left in _kept(ledger, earlier, kept_by) if ledger.purged(earlier) else _left(ledger, earlier, round):
            is_right = left.in_order and left.unit not in carried
            if is_right or left.unit not in known:
                used.append(left)
            if is_right:
                carried[left.unit] = left.rows
            known.setdefault(left.unit, left.rows)
    newest = next((left.source for left in used if left.in_order), "")
    return Earlier(carried, known, newest, used)


def _left(ledger: Ledger, earlier: str, round: Round) -> Iterator[Left]:
    """Yield what an earlier round holds of the units that this one expects."""
    for sender, expected in round.expected.items():
        last = ledger.last_version(earlier, sender)
        every, in_order = by_unit(last), accepted(last)
        for unit in expected:
            if unit.code in every:
                yield Left(earlier, unit.code, every[unit.code], unit.code in in_order)


def _kept(ledger: Ledger, purged: str, later: Iterable[str]) -> Iterable[Left]:
    """Return what later rounds, the first before the next, keep of one that was purged."""
    kept: dict[str, Left] = {}
    for round in later:
        for left in ledger.carried(round, purged):
            kept.setdefault(left.unit, left)
    return kept.values()


def of_period(round: Round, arrivals: Iterable[Arrival]) -> tuple[list[Arrival], list[dict[str, Any]]]:
    """Return the files of this period, and a note for every file of another one."""
    ours, notes = [], []
    for arrival in arrivals:
        before = round.opens is not None and arrival.received < round.opens
        after = round.closes is not None and arrival.received >= round.closes
        if not before and not after:
            ours.append(arrival)
            continue
        facts = {
            "received": screen_date(arrival.received),
            "deadline": screen_date(round.opens if before else round.closes),
            "reason": "before" if before else "after",
        }
        notes.append(finding(Rule.FILE_OTHER_PERIOD, file=arrival.file, value=arrival.file, facts=facts))
    return ours, notes


def with_carried(settled: Settled, round: Round, carried: Carried) -> Settled:
    """Return the rows that count with those carried forward for units that no file lists: they have no file."""
    listed = set(settled.rows.origin.loc[settled.claims, "code"])
    sender_of = {unit.code: sender for sender, units in round.expected.items() for unit in units}
    new = [(code, values) for code, rows in carried.items() if code not in listed for values in rows]
    if not new:
        return settled
    old = settled.rows
    start = 1 + max(old.origin.index, default=-1)
    index = pd.RangeIndex(start, start + len(new))
    keys = round.form.keys
    typed = pd.DataFrame([[v.get(key, "") for key in keys] for _, v in new], columns=keys, index=index, dtype="str")
    empty = pd.DataFrame("", columns=keys, index=index, dtype="str")
    units = round.register.units
    places = [Origin("", 0, code, units[code].level, "", "", {}, {}) for code, _ in new]
    origin = pd.DataFrame(
        [("", sender_of[place.code], *place) for place in places], columns=ORIGIN, index=index
    ).astype(old.origin.dtypes.to_dict())
    rows = Rows(
        pd.concat([old.typed, typed]), pd.concat([old.where, empty]), pd.concat([old.flaws, empty]),
        pd.concat([old.origin, origin]),
    )  # fmt: skip
    claims = pd.concat([settled.claims, pd.Series(True, index=index)])
    return Settled(rows, claims, settled.findings)


def shifts(
    round: Round, known: Carried, rows: Rows, repaired: pd.DataFrame, claims: pd.Series, findings: pd.DataFrame
) -> Iterator[Shift]:
    """Yield what differs from what was known, unit by unit; a cell with an error tells nothing."""
    wrong = findings[findings["severity"].eq("error")]
    in_error: dict[Any, set[str]] = {}
    for id, column in zip(wrong["id"], wrong["column"], strict=True):
        in_error.setdefault(id, set()).add(column)
    now: dict[str, list[dict[str, str]]] = {}
    spoken = claims & rows.origin["file"].ne("")
    values = repaired[spoken].to_dict("index")
    for id, code in rows.origin.loc[spoken, "code"].items():
        now.setdefault(code, []).append(values[id] | dict.fromkeys(in_error.get(id, ()), UNTOLD))
    for units in round.expected.values():
        for unit in units:
            if unit.code in now:
                yield from _shifts_of(round.form, unit.code, known.get(unit.code, []), now[unit.code])


def _values(row: Row, keys: list[str]) -> tuple[str, ...]:
    return tuple(row.get(key, "").strip(UNTOLD) for key in keys)


def paired(form: Form, before: list[Row], now: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Yield the rows of each person then and now, in the order of now; {} where it is new, or no more.

    A person is known by the whole row, else by name and telephone, by the name, by the telephone; what has no name (a
    collective) by its place.
    """
    name, phone = ([column.key for column in form.of_kind(kind)[:1]] for kind in ("name", "phone"))
    marks: list[Callable[[Row], object]] = [
        lambda row: tuple(row.items()),
        *(partial(_values, keys=keys) for keys in (name + phone, name, phone)),
        lambda row: not any(_values(row, name)),
    ]
    left: dict[int, Row] = dict(enumerate(before))
    then: dict[int, Row] = {}
    for mark in marks:
        waiting: dict[object, list[int]] = {}
        for place, row in left.items():
            waiting.setdefault(mark(row), []).append(place)
        for place, row in enumerate(now):
            sign = mark(row)
            known = sign is True or (isinstance(sign, tuple) and any(sign))
            if place not in then and known and waiting.get(sign):
                then[place] = left.pop(waiting[sign].pop(0))
    yield from ((then.get(place, {}), row) for place, row in enumerate(now))
    yield from ((row, {}) for row in left.values())


def _shifts_of(form: Form, code: str, before: list[dict[str, str]], now: list[dict[str, str]]) -> Iterator[Shift]:
    if form.rows == "persons":
        if any(
            not old or not new or any(value not in (old.get(key, ""), UNTOLD) for key, value in new.items())
            for old, new in paired(form, before, now)
        ):
            yield Shift(code, "persons", "", str(len(before)), str(len(now)), personal=True)
        return
    old, new = before[0] if before else {}, now[0]
    links = [column.key for column in form.of_kind("link")]
    began = [key for key in links if new[key] not in ("", UNTOLD) and not old.get(key)]
    ended = [key for key in links if old.get(key) and not new[key]]
    for key in form.keys:
        column, was, value = form.column(key), old.get(key, ""), new[key]
        if value in (was, UNTOLD) or column.kind == "unit":
            continue
        if key in began or key in ended:
            yield Shift(code, "new" if key in began else "closed", key, was, value)
        elif column.kind == "link":
            if link.parse(was).identity != link.parse(value).identity:
                yield Shift(code, "moved", key, was, value)
        elif began or ended:
            continue  # with the page its name and its persons come and go
        elif column.kind == "page-name":
            yield Shift(code, "renamed", key, was, value)
        elif column.group in form.persons or column.kind in ("name", "phone", "email"):
            yield Shift(code, "persons", key, was, value, personal=True)
        elif before:
            yield Shift(code, "value", key, was, value)
