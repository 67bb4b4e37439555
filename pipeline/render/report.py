"""The official report: a Word template of the office, filled with the counts of the round.

Fixed sentences and all layout live in `templates/bao-cao.docx`, words chosen by the counts in
`templates/bao-cao.toml`. Nothing that names a person is ever handed to the template.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from docx.opc.exceptions import OpcError
from docxtpl import DocxTemplate
from jinja2 import Environment, StrictUndefined, TemplateError
from lxml.etree import XMLSyntaxError
from markupsafe import Markup, escape

from pipeline.consolidate import MEASURES, vietnamese_date
from pipeline.errors import OperatorError
from pipeline.render.machine import summary
from pipeline.render.shares import Share, against_targets, shares
from pipeline.run import Result
from schemas.data import TEMPLATES, read_toml
from schemas.messages import line, messages, title
from schemas.text import search_key, storable

TEMPLATE = TEMPLATES / "bao-cao.docx"
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_REACHES_A_PERSON = re.compile(r"@|\d(?:[\s.\-]*\d){6}")
_BROKEN_FILE = (OSError, OpcError, zipfile.BadZipFile, KeyError, ValueError)


def write_report(result: Result, told: pd.DataFrame, path: Path, template: Path = TEMPLATE) -> None:
    """Write the report; `told` are the findings in words. The words file lies beside the template, same stem.

    Raises:
        OperatorError: the template or its words do not render.
    """
    words = _Words(template.with_suffix(".toml"))
    facts = _storable(_facts(result, told, words))
    path.write_bytes(_repacked(_rendered(template, facts, result)))


class _Words:
    """The words chosen by the counts: entries of a TOML file, each a small template."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._environment = Environment(undefined=StrictUndefined, autoescape=False)
        try:
            self._tables = read_toml(path)
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
            raise OperatorError("bad_template", name=path.name, reason=fault) from None

    def entry(self, table: str, key: str) -> Any:
        """Return an entry as it stands."""
        try:
            return self._tables[table][key]
        except (KeyError, TypeError):
            raise OperatorError("bad_template", name=self._path.name, reason=f"{table}.{key}") from None

    def say(self, table: str, key: str, **facts: Any) -> str:
        """Return an entry filled with the facts."""
        try:
            return self._environment.from_string(str(self.entry(table, key))).render(facts)
        except TemplateError as fault:
            reason = f"{table}.{key}: {fault}"
            raise OperatorError("bad_template", name=self._path.name, reason=reason) from None


def _rendered(template: Path, facts: dict[str, Any], result: Result) -> bytes:
    """Return the filled document.

    Raises:
        OperatorError: the file is no Word document, or a placeholder in it cannot be filled.
    """
    environment = Environment(undefined=StrictUndefined, autoescape=True, finalize=_verbatim)
    environment.filters["padded"] = _padded
    try:
        document = DocxTemplate(template)
        document.init_docx()
    except _BROKEN_FILE as fault:
        raise OperatorError("bad_template", name=template.name, reason=fault) from None
    try:
        document.render(facts, environment)
    except (TemplateError, XMLSyntaxError) as fault:
        raise OperatorError("bad_template", name=template.name, reason=fault) from None
    _set_properties(document, result)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _verbatim(value: Any) -> Markup:
    """Return a value as XML; its underscores as entities, for docxtpl would turn `{_{` into `{{`."""
    return Markup(str(escape(value)).replace("_", "&#95;"))


def _set_properties(document: DocxTemplate, result: Result) -> None:
    properties = document.docx.core_properties
    properties.title = storable(result.round.title)[:255]
    properties.author = properties.last_modified_by = storable(result.round.office.name)[:255]
    properties.created = properties.modified = dt.datetime.combine(result.as_of, dt.time())
    properties.revision = 1


def _repacked(document: bytes) -> bytes:
    """Return the same parts in a zip without dates, so that equal results are equal files."""
    buffer = io.BytesIO()
    old = zipfile.ZipFile(io.BytesIO(document))
    with old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, _ZIP_DATE), old.read(name), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _facts(result: Result, told: pd.DataFrame, words: _Words) -> dict[str, Any]:
    """Return all that the template may name."""
    round, counts = result.round, summary(result)
    levels = [_level(level, counts["levels"][level]) for level in round.lists]
    total = {key: sum(sender[key] for sender in counts["units"]) for key in ("expected", *MEASURES, "errors")}
    targets = [_target(target, words) for target in against_targets(result).to_dict("records")]
    faults, fault_count = _faults(told, words)
    behind = [sender for sender in counts["units"] if sender["status"] != "accepted"]
    return {
        "title": round.title[:1].lower() + round.title[1:],
        "office": round.office.name,
        "head": round.letterhead.model_dump(),
        "year": result.as_of.year,
        "as_of": vietnamese_date(result.as_of),
        "source": {**round.source.model_dump(), "date": vietnamese_date(round.source.date)},
        "submitters": line("levels", round.submitters),
        "deadline": _deadline(result),
        "reminders": [reminder.text for reminder in round.reminders],
        "targets": targets,
        "unmet": sum(target["lacking"] > 0 for target in targets),
        "sent": _sent(result, counts, words),
        "strays": sum(not submission.submitter for submission in result.submissions),
        "levels": levels,
        "whole": shares(total),
        "senders": [_sender(sender, words) for sender in counts["units"]],
        "total": total,
        "faults": faults,
        "fault_count": fault_count,
        "warnings": int(told["severity"].eq("warning").sum()),
        "duties": [_duty(sender, result, words) for sender in behind],
        "groups": _groups(result, counts["units"], words),
    }


def _level(level: str, counts: dict[str, int]) -> dict[str, Any]:
    name = line("levels", level)
    return {"name": name, "label": name[:1].upper() + name[1:], **shares(counts)}


def _deadline(result: Result) -> dict[str, Any]:
    """Return the clause, the last day ("" for none) and the days left (below zero: over, or no limit)."""
    deadline = result.round.deadline
    last_day = deadline.last_day
    days_left = (last_day - result.as_of).days if last_day else -1
    return {"clause": deadline.clause, "last_day": vietnamese_date(last_day), "days_left": days_left}


def _target(target: Mapping[Any, Any], words: _Words) -> dict[str, Any]:
    share = Share(target["count"], target["expected"])
    verdict = "nobody" if not share.whole else "reached" if target["reached"] else "lacking"
    return {
        "level": line("levels", target["level"]),
        "measure": words.say("measures", target["measure"]),
        "percent": f"{target['percent'] * 100:g}\u00a0%".replace(".", ","),
        "day": vietnamese_date(target["due"]),
        "result": share,
        "lacking": target["lacking"],
        "verdict": words.say("targets", verdict, count=_padded(target["lacking"])),
    }


def _sent(result: Result, counts: dict[str, Any], words: _Words) -> dict[str, Any]:
    """Return how many have sent, and by name who is late, unreadable or missing."""
    sent, units, senders = counts["submissions"], counts["units"], result.rollup.senders
    by_status: dict[str, list[str]] = {}
    for unit in units:
        by_status.setdefault(unit["status"], []).append(result.round.register.units[unit["code"]].name_in_text)

    def dated(code: str) -> str:
        received: Any = senders.at[code, "received"]
        unit = result.round.register.units[code].name_in_text
        return words.say("senders", "received", unit=unit, day=vietnamese_date(received))

    return {
        "expected": sent["expected"],
        "received": Share(sent["received"], sent["expected"]),
        "on_time": sent["on_time"],
        "late": [dated(unit["code"]) for unit in units if unit["late"]],
        "missing": by_status.get("missing", []),
        "rejected": by_status.get("rejected", []),
        "accepted": len(by_status.get("accepted", [])),
        "to_correct": len(by_status.get("to-correct", [])),
    }


def _sender(sender: dict[str, Any], words: _Words) -> dict[str, Any]:
    status = line("statuses", sender["status"])
    return {**sender, "status": words.say("senders", "late", status=status) if sender["late"] else status}


def _faults(told: pd.DataFrame, words: _Words) -> tuple[list[dict[str, Any]], int]:
    """Return the most frequent kinds of error, the rest as one kind; and the number of errors."""
    errors = told[told["severity"].eq("error")]
    order = list(messages()["rules"])
    times = Counter(errors["rule"])
    rules = sorted(times, key=lambda rule: (-times[rule], order.index(rule)))
    limit = int(words.entry("limits", "faults"))
    named = rules if len(rules) <= limit + 1 else rules[:limit]
    kinds = [_fault(title(rule), errors[errors["rule"].eq(rule)]) for rule in named]
    rest = errors[~errors["rule"].isin(named)]
    return [*kinds, *([_fault(words.say("faults", "others"), rest)] if len(rest) else [])], len(errors)


def _fault(name: str, findings: pd.DataFrame) -> dict[str, Any]:
    """Return one kind of error: `senders` counts those known to have made it."""
    senders = findings.loc[findings["submitter"].ne(""), "submitter"].nunique()
    return {"title": name, "count": len(findings), "senders": senders}


def _duty(sender: dict[str, Any], result: Result, words: _Words) -> dict[str, str]:
    """Return what a sender must do, and by when."""
    last_day = result.round.last_day_of(sender["code"])
    ahead = last_day is not None and last_day >= result.as_of
    absent = sender["expected"] - sender["listed"]
    counts = {"errors": _padded(sender["errors"]), "absent": _padded(absent)}
    return {
        "name": sender["name"],
        "action": words.say("duties", sender["status"], **counts),
        "day": words.say("duties", "by" if ahead else "now", day=vietnamese_date(last_day)),
    }


def _groups(result: Result, senders: list[dict[str, Any]], words: _Words) -> list[dict[str, Any]]:
    """Return the annex: by sender a heading (none where a sender lists only itself) and its pages."""
    units = result.rollup.units
    groups, number = [], 1
    for sender in senders:
        own = units[units["submitter_code"].eq(sender["code"])]
        alone = len(own) == 1
        absent = sender["status"] in ("missing", "rejected") and not alone
        pages = [] if absent else list(_pages(result, own, number, words))
        number += len(pages)
        groups.append({"heading": "" if alone else _heading(sender, words), "pages": pages})
    return groups


def _heading(sender: dict[str, Any], words: _Words) -> str:
    key = {"missing": "heading_missing", "rejected": "heading_rejected"}.get(sender["status"], "heading")
    established = Share(sender["established"], sender["expected"])
    return words.say("pages", key, unit=sender["name"], established=established.ratio)


def _pages(result: Result, units: pd.DataFrame, number: int, words: _Words) -> Iterator[dict[str, Any]]:
    """Yield a line a unit, numbered on from `number`."""
    for place, (code, unit) in enumerate(units.iterrows()):
        name, link = _page(result, str(code), unit, words)
        status = line("statuses", unit["status"])
        yield {"number": number + place, "unit": unit["name"], "name": name, "link": link, "status": status}


def _page(result: Result, code: str, unit: pd.Series, words: _Words) -> tuple[str, str]:
    """Return the page's name and link as far as they are fit for all eyes: a wrong cell may hold anything."""
    if unit["id"] < 0:
        return "", ""
    row, form = result.repaired.loc[unit["id"]], result.round.form
    name, link = ("".join(row[c.key] for c in form.of_kind(kind)) for kind in ("page-name", "link"))
    if name and not unit["named"] and not _names_only_the_unit(name, result, code, row):
        name = words.say("pages", "name_withheld")
    if link and not unit["established"]:
        link = words.say("pages", "link_wrong")
    return name, link


def _names_only_the_unit(name: str, result: Result, code: str, row: pd.Series) -> bool:
    """Tell whether a page name speaks of its unit and of none of the row's persons."""
    words = f" {search_key(name)} "
    persons = {search_key(row[column.key]) for column in result.round.form.columns if column.group} - {""}
    unit = search_key(result.round.register.units[code].name)
    leaks = _REACHES_A_PERSON.search(name) or any(person in words for person in persons)
    return f" {unit} " in words and not leaks


def _padded(number: int) -> str:
    """Return a count as official papers write it: two digits at least."""
    return f"{number:02d}"


def _storable(value: Any) -> Any:
    """Return the same facts, every text such as a document can hold it."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value
