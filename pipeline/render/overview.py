"""The overview page `tong-quan.html`: one file without persons, outside links or scripts from elsewhere.

All its words stand in `templates/tong-quan.html.j2`; here are only the counts that it shows.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline.records import undelivered
from pipeline.render.frames import charted, measure_words
from pipeline.render.letter import progress_line
from pipeline.render.shares import Share, against_targets, shares
from pipeline.render.templates import filled
from pipeline.render.wording import in_doubt
from pipeline.run import Result
from pipeline.trend import trend_of
from pipeline.weigh import closed_by
from schemas.data import TEMPLATES
from schemas.messages import line, title
from schemas.round import Round
from schemas.text import screen_date, storable

TEMPLATE = "tong-quan.html.j2"
SCRIPT = "tong-quan.js"


def write_overview(result: Result, told: pd.DataFrame, path: Path) -> None:
    """Write the page; `told` are the findings in words, of which it shows only how often each kind occurs.

    Raises:
        OperatorError: the template does not render.
    """
    path.write_text(filled(TEMPLATE, _facts(result, told)), encoding="utf-8", newline="\n")


@cache
def _script() -> tuple[Markup, str]:
    """Return the page's script, and the word by which the page allows this script and no other."""
    text = (TEMPLATES / SCRIPT).read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"sha256-{digest}"


def _facts(result: Result, told: pd.DataFrame) -> dict[str, Any]:
    """Return all that the template may name."""
    round, counts, closing = result.round, result.summary, closed_by(result.decisions)
    last_day = round.deadline.last_day
    statuses = Counter(unit["status"] for unit in counts["units"])
    received: dict[Any, Any] = result.rollup.senders["received"].to_dict()
    measure = charted(round)
    names = round.submitting_units
    script, script_hash = _script()
    return {
        "script": script,
        "script_hash": script_hash,
        "measures": round.measures,
        "measure": measure,
        "shown": list(dict.fromkeys([measure, "complete"])),
        "title": storable(round.title),
        "round": round.id,
        "as_of": screen_date(result.as_of),
        "collector": counts["collector"]["name"],
        "office": storable(round.office.name),
        "deadline": screen_date(last_day),
        "days": (last_day - result.as_of).days if last_day else None,
        "submissions": {**counts["submissions"], "missing": len(counts["submissions"]["missing"])},
        "statuses": {status: statuses[status] for status in ("accepted", "to-correct", "rejected", "missing")},
        "targets": [_target(target, round) for target in against_targets(result).to_dict("records")],
        "levels": [{"name": line("levels", level), **shares(of)} for level, of in counts["levels"].items()],
        "units": [_unit(unit, received[unit["code"]], result) for unit in counts["units"]],
        "timeline": _timeline([day for day in received.values() if day], last_day, result),
        "unclaimed": _unclaimed(told),
        "carried": len(result.carried),
        "previous": result.previous,
        "standings": [{**vars(s), "name": names[s.code].full_name} for s in result.standings],
        "yearly": any(s.year is not None for s in result.standings),
        "shifts": Counter(shift.kind for shift in result.shifts),
        "tables": [table for table in result.rollup.tables if not table.internal],
        "faults": _faults(told),
        "in_doubt": [in_doubt(round, letter) for letter in undelivered(result.posted)],
        "trend": trend_of(result),
        "decided": Counter(d.kind for d in result.rollup.findings["decision"] if d is not None),
        "closed": screen_date(closing.day) if closing else "",
        "word": line,
    }


def _target(target: Mapping[Any, Any], round: Round) -> dict[str, Any]:
    return {
        "level": line("levels", target["level"]),
        "label": measure_words(round, target["measure"]),
        "share": Share(target["count"], target["expected"]),
        "percent": target["percent"] * 100,
        "lacking": target["lacking"],
        "reached": target["reached"],
        "due": screen_date(target["due"]),
    }


def _unit(unit: dict[str, Any], received: dt.date | None, result: Result) -> dict[str, Any]:
    """Return a sender: counts as shares, the day of its version (for reading, for sorting), and the first day."""
    progress = result.progress.get(unit["code"])
    newest = progress.received if progress else received
    return {
        "version": result.version_of(unit["code"]),
        **{key: unit[key] for key in ("code", "name", "status", "late", "errors")},
        "warnings": result.senders[unit["code"]]["doubts"],
        **shares(unit),
        "lacking": unit["expected"] - (unit["established"] or 0),
        "received": screen_date(newest),
        "day": newest.isoformat() if newest else "",
        "first": screen_date(received) if received != newest else "",
        "progress": progress_line(result, unit["code"]),
    }


def _timeline(received: list[dt.date], last_day: dt.date | None, result: Result) -> dict[str, Any]:
    """Return how the senders came in, day by day, with places on a plot of 100 by 100, the origin on top.

    It begins a day before the first file came and ends at the day of the result or of the deadline.
    """
    if not received:
        return {"days": []}
    begin = min(received) - dt.timedelta(days=1)
    end = max([result.as_of, *received, *([last_day] if last_day else [])])
    whole = len(result.rollup.senders)

    def across(day: dt.date) -> float:
        return round(100 * ((day - begin).days / (end - begin).days), 2)

    days: list[dict[str, Any]] = []
    for day, count in sorted(Counter(received).items()):
        total = count + (days[-1]["total"] if days else 0)
        days.append(
            {
                "date": screen_date(day), "count": count, "total": total,
                "x": across(day), "y": round(100 - 100 * total / whole, 2),
            }
        )  # fmt: skip
    return {
        "days": days,
        "begin": screen_date(begin),
        "end": screen_date(end),
        "today": across(max([result.as_of, *received])),
        "limit": across(last_day) if last_day and last_day >= begin else None,
    }


def _unclaimed(told: pd.DataFrame) -> int:
    """Return how many files have an error and no sender."""
    return int(
        told.loc[told["submitter"].eq("") & told["severity"].eq("error") & told["file"].ne(""), "file"].nunique()
    )


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
