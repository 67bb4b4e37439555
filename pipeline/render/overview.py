"""The overview page `tong-quan.html`: one file without persons, outside links or scripts from elsewhere.

All its words stand in `templates/tong-quan.html.j2`; here are only the counts that it shows.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError

from pipeline.consolidate import vietnamese_date
from pipeline.errors import OperatorError
from pipeline.ledger import undelivered
from pipeline.render.machine import summary
from pipeline.render.shares import Share, against_targets, shares
from pipeline.render.wording import in_doubt
from pipeline.run import Result
from schemas.data import TEMPLATES
from schemas.messages import line, title
from schemas.text import storable

TEMPLATE = "tong-quan.html.j2"


def write_overview(result: Result, told: pd.DataFrame, path: Path) -> None:
    """Write the page; `told` are the findings in words, of which it shows only how often each kind occurs.

    Raises:
        OperatorError: the template does not render.
    """
    try:
        text = _template().render(_facts(result, told))
    except TemplateError as fault:
        raise OperatorError("bad_template", name=TEMPLATE, reason=fault) from None
    path.write_text(text, encoding="utf-8", newline="\n")


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE)


def _facts(result: Result, told: pd.DataFrame) -> dict[str, Any]:
    """Return all that the template may name."""
    round, counts = result.round, summary(result)
    last_day = round.deadline.last_day
    statuses = Counter(unit["status"] for unit in counts["units"])
    received: dict[Any, Any] = result.rollup.senders["received"].to_dict()
    return {
        "title": storable(round.title),
        "round": round.id,
        "as_of": vietnamese_date(result.as_of),
        "collector": counts["collector"]["name"],
        "office": storable(round.office.name),
        "deadline": vietnamese_date(last_day),
        "days": (last_day - result.as_of).days if last_day else None,
        "submissions": {**counts["submissions"], "missing": len(counts["submissions"]["missing"])},
        "statuses": {status: statuses[status] for status in ("accepted", "to-correct", "rejected", "missing")},
        "targets": [_target(target) for target in against_targets(result).to_dict("records")],
        "levels": [{"name": line("levels", level), **shares(of)} for level, of in counts["levels"].items()],
        "units": [_unit(unit, received[unit["code"]], result.version_of(unit["code"])) for unit in counts["units"]],
        "faults": _faults(told),
        "in_doubt": [in_doubt(round, letter) for letter in undelivered(result.posted)],
        "word": line,
    }


def _target(target: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "level": line("levels", target["level"]),
        "measure": target["measure"],
        "share": Share(target["count"], target["expected"]),
        "percent": target["percent"] * 100,
        "lacking": target["lacking"],
        "reached": target["reached"],
        "due": vietnamese_date(target["due"]),
    }


def _unit(unit: dict[str, Any], received: dt.date | None, version: int) -> dict[str, Any]:
    """Return a sender: counts as shares, the day it sent for reading and for sorting."""
    return {
        "version": version,
        **{key: unit[key] for key in ("code", "name", "status", "late", "errors", "warnings")},
        **shares(unit),
        "lacking": unit["expected"] - unit["established"],
        "received": vietnamese_date(received),
        "day": received.isoformat() if received else "",
    }


def _faults(told: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the kinds of errors and warnings (`title, severity, count, senders`), most frequent first."""
    grave = told[told["severity"].ne("note")]
    kinds = [
        {
            "title": title(str(rule)),
            "severity": group["severity"].iloc[0],
            "count": len(group),
            "senders": int(group.loc[group["submitter"].ne(""), "submitter"].nunique()),
        }
        for rule, group in grave.groupby("rule", sort=False)
    ]
    return sorted(kinds, key=lambda kind: (-kind["count"], kind["title"]))
