"""The annexes of the Word papers: pages, corrections, changes since the last period; and persons, kept inside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from typing import Any

import pandas as pd

from pipeline.model import SHIFTS, Shift
from pipeline.render.shares import Share
from pipeline.render.word import Words, padded
from pipeline.run import Result
from schemas.messages import line, messages, title
from schemas.text import paper_date, search_key

_REACHES_A_PERSON = re.compile(r"@|\d(?:[\s.\-]*\d){6}")


def duties(result: Result, told: pd.DataFrame, behind: list[dict[str, Any]], words: Words) -> list[dict[str, str]]:
    """Return what every sender that is behind must do, by when, and its errors by kind; no value of a cell."""
    made: dict[str, Counter[str]] = {}
    wrong = told[told["severity"].eq("error")]
    for code, rule in zip(wrong["submitter"], wrong["rule"], strict=True):
        made.setdefault(code, Counter())[rule] += 1
    order = list(messages()["rules"])
    listed = []
    for sender in behind:
        last_day = result.round.last_day_of(sender["code"])
        ahead = last_day is not None and last_day >= result.as_of
        times = made.get(sender["code"], Counter())
        kinds = sorted(times, key=lambda rule: (-times[rule], order.index(rule)))
        absent = sender["expected"] - sender["listed"]
        facts = {"errors": padded(sender["errors"]), "absent": padded(absent), "document": result.round.form.document}
        listed.append(
            {
                "code": sender["code"],
                "name": sender["name"],
                "faults": "; ".join(
                    words.say("duties", "fault", title=title(rule), count=padded(times[rule])) for rule in kinds
                ),
                "action": words.say("duties", sender["status"], **facts),
                "day": words.say("duties", "by" if ahead else "now", day=paper_date(last_day)),
            }
        )
    return listed


# --- pages


def listed_levels(result: Result, words: Words) -> list[str]:
    """Return the levels whose units the annexes list one by one: a country's lowest would fill a thousand pages."""
    levels: list[str] = list(result.round.lists)
    return levels if len(result.rollup.units) <= int(words.entry("limits", "pages")) else levels[:-1] or levels


def page_groups(result: Result, senders: list[dict[str, Any]], words: Words) -> list[dict[str, Any]]:
    """Return by sender a heading (none where a sender lists only itself) and its pages."""
    units: dict[str, list[Any]] = {}
    here = result.rollup.units["level"].isin(listed_levels(result, words))
    for unit in result.rollup.units[here].itertuples():
        units.setdefault(unit.submitter_code, []).append(unit)
    groups, number = [], 1
    for sender in senders:
        own = units.get(sender["code"], [])
        alone = len(own) == 1
        state = sender["status"]
        if state in ("missing", "rejected") and any(unit.Index in result.carried for unit in own):
            state = "carried"
        absent = state in ("missing", "rejected") and not alone
        told = {} if state == "carried" and not alone else result.carried  # once, in the heading
        pages = [] if absent else list(_pages(result, own, number, words, told))
        number += len(pages)
        groups.append({"heading": "" if alone else _heading(sender, state, words), "pages": pages})
    return groups


def established_only(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the groups with those pages alone that anybody can follow, numbered anew."""
    number, kept = 0, []
    for group in groups:
        pages = [page for page in group["pages"] if page["established"]]
        if pages:
            kept.append({**group, "pages": [{**page, "number": number + n} for n, page in enumerate(pages, start=1)]})
            number += len(pages)
    return kept


def _heading(sender: dict[str, Any], state: str, words: Words) -> str:
    key = f"heading_{state}" if state in ("missing", "rejected", "carried") else "heading"
    established = Share(sender["established"], sender["expected"])
    return words.say("pages", key, unit=sender["name"], established=established.ratio)


def _pages(
    result: Result, units: list[Any], number: int, words: Words, carried: Container[str]
) -> Iterator[dict[str, Any]]:
    """Yield a line a unit, numbered on from `number`; of those that are `carried` it tells so."""
    for place, unit in enumerate(units):
        name, link = _page(result, unit.Index, unit, words)
        status = line("statuses", unit.status)
        yield {
            "number": number + place,
            "unit": unit.name,
            "name": name,
            "link": link,
            "status": words.say("pages", "status_carried", status=status) if unit.Index in carried else status,
            "established": unit.established,
        }


def _page(result: Result, code: str, unit: Any, words: Words) -> tuple[str, str]:
    """Return the page's name and link as far as they are fit for all eyes: a wrong cell may hold anything."""
    if unit.id < 0:
        return "", ""
    form = result.round.form
    name, link = (
        "".join(result.text(unit.id, column.key) for column in form.of_kind(kind)) for kind in ("page-name", "link")
    )
    if name and not unit.named and not _speaks_of_the_unit_only(name, result, code, unit.id):
        name = words.say("pages", "name_withheld")
    if link and not unit.established:
        link = words.say("pages", "link_wrong")
    return name, link


def _speaks_of_the_unit_only(name: str, result: Result, code: str, id: Any) -> bool:
    """Tell whether a page name speaks of its unit and of none of the row's persons."""
    words = f" {search_key(name)} "
    columns = [column.key for column in result.round.form.columns if column.group and id >= 0]
    persons = {search_key(result.text(id, key)) for key in columns} - {""}
    unit = search_key(result.round.register.units[code].name)
    leaks = _REACHES_A_PERSON.search(name) or any(person in words for person in persons)
    return f" {unit} " in words and not leaks


# --- changes since the period before


def changes(result: Result, words: Words) -> dict[str, Any]:
    """Return what changed since the period before: a sentence with counts, and a line a change.

    Of persons only that they changed is told, and where: one line a unit.
    """
    counts = Counter(shift.kind for shift in result.shifts if not shift.personal)
    counts["persons"] += len({shift.unit for shift in result.shifts if shift.personal})
    told = [words.say("shifts", kind, count=padded(counts[kind])) for kind in SHIFTS if counts[kind]]
    return {
        "previous": result.previous,
        "sentence": "; ".join(told) or words.say("shifts", "nothing"),
        "rows": list(_shift_rows(result, words)),
    }


def _shift_rows(result: Result, words: Words) -> Iterator[dict[str, str]]:
    units, order = result.round.register.units, list(result.rollup.units.index)
    place = {code: number for number, code in enumerate(order)}
    persons_told: set[str] = set()
    for shift in sorted(result.shifts, key=lambda s: (place.get(s.unit, len(order)), SHIFTS.index(s.kind), s.column)):
        if shift.personal and shift.unit in persons_told:
            continue
        kind = "persons" if shift.personal else shift.kind
        if shift.personal:
            persons_told.add(shift.unit)
        label = result.round.form.label(shift.column) if shift.column else ""
        yield {
            "unit": _name_with_parent(units, shift.unit),
            "what": words.say("shift_names", kind, label=label),
            "before": "" if kind == "persons" else _fit(shift.before, shift, result, words),
            "after": "" if kind == "persons" else _fit(shift.after, shift, result, words),
        }


def _fit(value: str, shift: Shift, result: Result, words: Words) -> str:
    """Return a value of before or now as far as it is fit for all eyes."""
    kind = result.round.form.column(shift.column).kind if shift.column else ""
    if value and kind == "page-name":
        id = result.rollup.units["id"].get(shift.unit, -1)
        return value if _speaks_of_the_unit_only(value, result, shift.unit, id) else words.say("pages", "name_withheld")
    if value and kind == "link":
        return value if value.startswith("https://www.facebook.com/") else words.say("pages", "link_wrong")
    return "" if _REACHES_A_PERSON.search(value) else result.round.form.shown(shift.column, value)


def _name_with_parent(units: Any, code: str) -> str:
    unit = units[code]
    parent = units.get(unit.parent)
    return (
        unit.full_name if parent is None or parent.level == "province" else f"{unit.full_name}, {parent.name_in_text}"
    )


# --- persons, for the collector alone


def persons(result: Result, senders: list[dict[str, Any]], words: Words) -> dict[str, Any]:
    """Return who is in charge at every unit that names somebody: by sender, a line a person."""
    form, round, found = result.round.form, result.round, result.rollup.findings
    levels = listed_levels(result, words)
    errors = found[found["severity"].eq("error")]
    wrong = set(zip(errors["id"], errors["column"], strict=True))
    headers = list(dict.fromkeys(column.header for column in form.columns if column.group))

    def shown(id: Any, key: str) -> str:
        value = result.text(id, key)
        return words.say("persons", "wrong", value=value) if value and (id, key) in wrong else value

    number, groups, ids = 0, [], result.rollup.units["id"].to_dict()
    for sender in senders:
        units, lines = [unit for unit in round.expected[sender["code"]] if unit.level in levels], []
        for unit in units:
            id = ids[unit.code]
            for group in form.groups if id >= 0 else ():
                values = {column.header: shown(id, column.key) for column in form.of_group(group.key)}
                if any(values.values()):
                    number += 1
                    cells = [values.get(header, "") for header in headers]
                    lines.append({"number": number, "unit": unit.full_name, "duty": group.header, "cells": cells})
        if lines:
            groups.append({"heading": sender["name"] if len(units) > 1 else "", "persons": lines})
    return {"headers": headers, "senders": groups}
