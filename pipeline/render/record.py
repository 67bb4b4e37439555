"""The sheets of the roll-up that tell what people decided, what is on trial, and how faults go over time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipeline.render.frames import discreet
from pipeline.render.sheets import Book, Column
from pipeline.render.wording import in_words
from pipeline.run import Result
from pipeline.trend import trend_of
from pipeline.weigh import persons_of
from schemas.messages import line, title
from schemas.text import clean


def record_frames(result: Result) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield those of the tables that have something to tell, by the key of their words."""
    tables = {
        "decisions": pd.DataFrame(_decisions(result)) if result.decisions else None,
        "trial": _trial(result) if result.round.trials else None,
        "rechecks": pd.DataFrame(_rechecks(result)) if result.rechecks else None,
    }
    for key, frame in tables.items():
        if frame is not None:
            yield key, discreet(frame.assign(number=range(1, len(frame) + 1)), result)


def _decisions(result: Result) -> Iterator[dict[str, Any]]:
    """Yield every decision with how it stands today, the newest first."""
    form, units = result.round.form, result.round.register.units
    states = _states(result)
    for d, state in zip(reversed(result.decisions), reversed(states), strict=True):
        seal = line("decisions", "seal", inputs=d.source[:16], papers=d.value[:16]) if d.kind == "closing" else ""
        yield {
            "number": d.number, "code": str(d.number or ""), "kind": line("decisions", d.kind), "day": d.day,
            "by": d.by, "unit": units[d.unit or d.submitter].full_name if d.unit or d.submitter else "",
            "label": form.label(d.column) if d.column in form.keys else "",
            "title": title(d.rule) if d.rule else "", "value": seal or d.value, "words": d.words, "until": d.until,
            "state": line("decisions", state, by=d.ended_by), "tone": state,
        }  # fmt: skip


def _states(result: Result) -> list[str]:
    """Return how each decision stands: in force, ended, run out, over, or about what is no longer there."""
    findings = result.rollup.findings
    used = {id(decision) for decision in findings["decision"] if decision is not None}
    wrong = findings[findings["severity"].eq("error")]
    persons = persons_of(result.round.form, result.rows.typed)
    keys = ("id", "submitter", "unit", "column", "rule", "value")
    asked = {
        (*place, clean(value), persons.get(row, ""))
        for row, *place, value in zip(*(wrong[key] for key in keys), strict=True)
    }
    last = [d for d in result.decisions if not d.rule][-1:]
    states = []
    for d in result.decisions:
        if not d.rule:
            states.append("in_force" if d in last else "over")
        elif d.ended:
            states.append("ended")
        elif d.until and d.until < result.as_of:
            states.append("run_out")
        elif id(d) in used:
            states.append("in_force")
        else:
            states.append("asked" if d.place in asked else "unused")
    return states


def _trial(result: Result) -> pd.DataFrame:
    told = in_words(result, result.rollup.trial)
    return told.assign(title=[title(rule) for rule in told["rule"]])


def _rechecks(result: Result) -> Iterator[dict[str, Any]]:
    for r in reversed(result.rechecks):
        yield {
            "day": r.day, "parts": r.parts, "name": result.round.submitting_units[r.submitter].full_name,
            "before": line("statuses", r.before), "after": line("statuses", r.after), "new": r.new, "gone": r.gone,
            "tone": r.after,
        }  # fmt: skip


def trend_sheet(book: Book, result: Result) -> None:
    """Write the faults over time, as a table and a chart, where there is more than one day to show."""
    trend = trend_of(result)
    if trend is None:
        return
    words = book.words["trend"]
    columns = [Column("name", words["by_rule"], words["width"])]
    columns += [Column(f"at{place}", label, words["day_width"], "number") for place, label in enumerate(trend.labels)]
    sheet = book.sheet(words["name"], [column.width for column in columns])
    sheet.heading(words["title"], words["notes"])
    first = sheet.header(columns)
    sheet.rows(columns, _counts({words["total"]: trend.total}), bold=True)
    sheet.rows(columns, _counts(trend.by_rule))
    sheet.row += 1
    sheet.header([Column("name", words["by_unit"], words["width"]), *columns[1:]])
    sheet.rows(columns, _counts(trend.by_unit))
    chart = book.file.charted().new({"type": "line"})
    last = len(trend.labels)
    # The total and the most frequent kinds, as the table has them.
    for row in range(first + 1, first + 2 + min(len(trend.by_rule), words["charted"])):
        chart.add_series(
            {
                "name": [words["name"], row, 0],
                "categories": [words["name"], first, 1, first, last],
                "values": [words["name"], row, 1, row, last],
                "marker": {"type": "automatic"},
            }
        )
    font = {"name": book.words["book"]["font"], "size": 10}
    chart.set_title({"name": words["chart"], "name_font": {**font, "size": 13}})
    chart.set_legend({"position": "bottom", "font": font})
    chart.set_x_axis({"num_font": font})
    chart.set_y_axis({"min": 0, "num_font": font, "major_gridlines": {"visible": True, "line": {"color": "#D9D9D9"}}})
    sheet.charts([(chart, words["description"])], words["height"])
    names = [words["by_rule"], words["total"], *trend.by_rule]
    counted = [trend.labels, trend.total, *trend.by_rule.values()]
    for column, values in enumerate([names, *zip(*counted, strict=True)]):
        sheet.tell_charts(first, column, values)
    sheet.finish((first, first), frozen_columns=1, filtered=False)


def _counts(table: dict[str, list[int]]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"name": name, **{f"at{place}": n for place, n in enumerate(counts)}} for name, counts in table.items()]
    )
