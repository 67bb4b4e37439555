"""What stands on the sheets of the roll-up: a frame a sheet, of which each column is named by a key of `tong-hop.toml`.

A column `tone` colours the cells of the columns marked `toned`; `link` is the way to the cell of the sender's file.
Of a form whose rows are persons it has counts only: no value that somebody typed, no sentence that quotes one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from typing import Any

import pandas as pd

from pipeline.errors import OperatorError
from pipeline.render.shares import against_targets, share_of
from pipeline.render.sources import links
from pipeline.run import Result
from schemas.codes import Rule
from schemas.data import TEMPLATES, read_toml
from schemas.form import Form
from schemas.kinds import cell_value, link
from schemas.messages import line, title
from schemas.round import Round
from schemas.text import capitalised, screen_date

WORDS = TEMPLATES / "tong-hop.toml"
_QUOTES = ["value", "suggestion", "message", "remark", "before", "after"]


@cache
def words() -> dict[str, Any]:
    """Return the words, columns and colours of the roll-up.

    Raises:
        OperatorError: the file is gone or is no TOML.
    """
    try:
        return read_toml(WORDS)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise OperatorError("bad_template", name=WORDS.name, reason=fault) from None


def charted(round: Round) -> str:
    """Return the measure of which rates are drawn: that of the first target, else the first that says something."""
    wanted = [target.measure for target in round.targets] + ["established", "complete"]
    return next(measure for measure in wanted if measure in round.measures)


def measure_words(round: Round, key: str) -> str:
    """Return what is measured, as a sentence names it: one of the five, a yes/no column or a question."""
    if known := words()["measures"].get(key):
        return str(known)
    text = round.label(key)
    return text[:1].lower() + text[1:]


def facts(result: Result, told: pd.DataFrame) -> dict[str, Any]:
    """Return what titles, notes and headings may mention."""
    counts, severities = result.summary, told["severity"].value_counts()
    submissions = counts["submissions"]
    return {
        **submissions, "missing": len(submissions["missing"]), "round": result.round.title,
        "collector": counts["collector"]["name"], "date": screen_date(result.as_of),
        "errors": int(severities.get("error", 0)), "warnings": int(severities.get("warning", 0)),
        "measure": words()["measures"][charted(result.round)], "document": result.round.form.document,
        "previous": result.previous,
    }  # fmt: skip


# --- by sender


def senders(result: Result) -> pd.DataFrame:
    """Return the record of every sender; `timing`, `target`, `rank` are there only where the round has them."""
    round, text, counts = result.round, words()["summary"], result.summary["units"]
    measure = charted(round)
    frame = pd.DataFrame(counts, dtype=object).assign(tone=[unit["status"] for unit in counts])
    frame["number"] = range(1, len(frame) + 1)
    frame["status"] = [line("statuses", unit["status"]) for unit in counts]
    frame["rate"] = _objects(share_of(unit[measure], unit["expected"]) for unit in counts)
    frame["received"] = _objects(result.rollup.senders["received"])
    frame["warnings"] = _objects(result.rollup.senders["doubts"])
    if round.deadline.last_day:
        frame["timing"] = [text[_timing(unit)] for unit in counts]
    if asked := _asked(result):
        frame["target"] = _objects(asked.get(unit["code"]) for unit in counts)
    if ranks := {standing.code: standing.rank for standing in result.standings}:
        frame["rank"] = _objects(ranks.get(unit["code"]) for unit in counts)
    return _measured(frame, round)


def _timing(unit: dict[str, Any]) -> str:
    if unit["status"] == "missing":
        return "not_sent"
    return "late" if unit["late"] else "on_time"


def _asked(result: Result) -> dict[Any, float]:
    """Return the share of its units that the targets ask of each sender; empty without such a target."""
    measure = charted(result.round)
    percents = {t.level: t.percent / 100 for t in result.round.targets if t.measure == measure}
    units = result.rollup.units
    if not percents or units.empty:
        return {}
    return units["level"].map(percents).fillna(0.0).groupby(units["submitter_code"]).mean().to_dict()


def totals(result: Result) -> pd.DataFrame:
    """Return the total over all senders, then one row a level (findings are not counted by level)."""
    text, counts, round = words()["summary"], result.summary, result.round
    levels, units = counts["levels"], counts["units"]
    counted = {key: sum(unit[key] for unit in units) for key in ("expected", *round.measures, "errors")}
    rows: list[dict[str, Any]] = [
        {"name": text["total"], **counted, "warnings": int(result.rollup.senders["doubts"].sum())}
    ]
    for level, of_level in levels.items() if len(levels) > 1 else ():
        rows.append({"name": text["level"].format(level=line("levels", level)), **of_level})
    for row in rows:
        row["rate"] = share_of(row[charted(round)], row["expected"])
    return pd.DataFrame(rows, dtype=object).fillna("")


def targets(result: Result) -> pd.DataFrame:
    """Return a row for every target: `label, verdict, due, percent, expected, count, lacking, rate`."""
    text, frame = words()["targets"], against_targets(result)
    verdicts = ["reached" if reached else "short" for reached in frame["reached"]]
    labels = [
        text["label"].format(level=capitalised(line("levels", level)), measure=measure_words(result.round, measure))
        for level, measure in zip(frame["level"], frame["measure"], strict=True)
    ]
    frame["number"] = range(1, len(frame) + 1)
    return frame.assign(label=labels, tone=verdicts, verdict=[text[verdict] for verdict in verdicts])


def standings(result: Result) -> pd.DataFrame:
    """Return the emulation, best first: `rank, code, name, score, full, year, months, lacking`, a column a criterion.

    The columns of the criteria are named by their titles.
    """
    text, names = words()["standings"], result.round.submitting_units
    records = [
        {
            "rank": s.rank, "code": s.code, "name": names[s.code].full_name, "score": s.score,
            "year": s.year, "months": s.months, "lacking": "\n".join(s.lacking),
            "praised": text["praised"] if s.praised else "", "tone": "reached" if s.praised else "",
            **{text["criterion"].format(title=title, full=full): points for title, points, full in s.criteria},
        }
        for s in result.standings
    ]  # fmt: skip
    frame = pd.DataFrame(records, dtype=object)
    return frame if frame["year"].notna().any() else frame.drop(columns=["year", "months"])


def missing(result: Result) -> pd.DataFrame:
    """Return the senders of whom nothing arrived, with the address that the round has for them."""
    units = [unit for unit in result.summary["units"] if unit["status"] == "missing"]
    frame = pd.DataFrame(units, columns=["code", "name", "expected"], dtype=object)
    frame["number"] = range(1, len(frame) + 1)
    frame["contact"] = [result.round.contacts.get(unit["code"], "") for unit in units]
    if result.round.deadline.last_day:
        due = [result.round.last_day_of(unit["code"]) for unit in units]
        frame["due"] = _objects(due)
        frame["days_over"] = [max((result.as_of - day).days, 0) if day else 0 for day in due]
    return frame


# --- findings


def corrections(result: Result, told: pd.DataFrame, way: str) -> pd.DataFrame:
    """Return every error and warning in words, sender by sender, the gravest first."""
    found = _placed(told[told["severity"].ne("note")], way)
    severities = [line("severities", severity) for severity in found["severity"]]
    asked = found["unit"].where(found["unit"].ne(""), found["submitter"])
    return discreet(found.assign(tone=found["severity"], severity=severities, unit=asked), result)


def repairs(result: Result, told: pd.DataFrame, way: str) -> pd.DataFrame:
    """Return what was decided without the unit: each value used in place of the typed one, and every note."""
    ids, keys = set(result.repaired.index), set(result.repaired.columns)
    places = zip(told["id"], told["column"], told["suggestion"], strict=True)
    taken = [
        bool(suggestion) and id in ids and key in keys and result.text(id, key) == suggestion
        for id, key, suggestion in places
    ]
    decided = told["decision"].notna()  # what people settled stands as it was written
    found = _placed(
        told[(told["severity"].eq("note") & ~decided) | pd.Series(taken, index=told.index, dtype=bool)], way
    )
    return discreet(found.assign(remark=found["message"].where(found["suggestion"].eq(""), "")), result)


def duplicates(result: Result, told: pd.DataFrame, way: str) -> pd.DataFrame:
    """Return pages, units and files that occur more than once; those of one kind share a `group` number."""
    found = pd.concat([_same_pages(told), _same_units(told), _same_files(result, told)], ignore_index=True)
    groups = found.groupby("key", sort=False).ngroup() + 1
    return discreet(_placed(found, way).assign(group=groups), result)


def _same_pages(told: pd.DataFrame) -> pd.DataFrame:
    found = told[told["rule"].eq(Rule.LINK_DUPLICATE)]
    return _keyed(found, [link.parse(text).identity for text in found["value"]])


def _same_units(told: pd.DataFrame) -> pd.DataFrame:
    found = told[told["rule"].eq(Rule.UNIT_DUPLICATE)]
    return _keyed(found, (found["file"] + "/" + found["unit"]).tolist())


def _same_files(result: Result, told: pd.DataFrame) -> pd.DataFrame:
    """Return each file that came more than once: the copy that counts, then the others."""
    copies = told[told["rule"].eq(Rule.FILE_DUPLICATE) & told["sheet"].eq("")]
    originals = [facts["other"] for facts in copies["facts"]]
    both = pd.concat([copies.assign(file=originals), copies]).assign(value="")
    found = _keyed(both, [*originals, *originals]).drop_duplicates(["key", "file"])
    of_file = {submission.file: submission.submitter for submission in result.submissions}
    units = [result.round.register.units.get(of_file.get(key, "")) for key in found["key"]]
    return found.assign(submitter_name=[unit.full_name if unit else "" for unit in units])


def _keyed(found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return found.assign(key=keys).sort_values("key", kind="stable")


def _placed(found: pd.DataFrame, way: str) -> pd.DataFrame:
    """Add a running number, the rule's title, the way to the cell, and the row's number where there is no cell."""
    cells = list(zip(found["cell"], found["row"], strict=True))
    places = [cell or (f"A{row}" if row else "") for cell, row in cells]
    return found.assign(
        number=range(1, len(found) + 1),
        title=[title(rule) for rule in found["rule"]],
        cell=[cell or (str(row) if row else "") for cell, row in cells],
        link=links(way, zip(found["file"], found["sheet"], places, strict=True)),
    )


def discreet(frame: pd.DataFrame, result: Result) -> pd.DataFrame:
    """Return the frame without what was typed, where a row is a person."""
    return frame.drop(columns=_QUOTES, errors="ignore") if result.round.form.rows == "persons" else frame


# --- by unit


def shifts(result: Result) -> pd.DataFrame:
    """Return what changed since the period before: `unit_name, submitter_name, kind, label, before, after`."""
    form, names, text = result.round.form, _names(result), words()["shifts"]["kinds"]
    sender = result.rollup.units["submitter_code"].to_dict()
    records = [
        {
            "number": number, "unit_name": names.get(s.unit, s.unit), "kind": text[s.kind],
            "submitter_name": names.get(sender.get(s.unit, ""), ""),
            "label": form.label(s.column) if s.column else "",
            "before": form.shown(s.column, s.before), "after": form.shown(s.column, s.after),
        }
        for number, s in enumerate(result.shifts, start=1)
    ]  # fmt: skip
    columns = ["number", "unit_name", "submitter_name", "kind", "label", "before", "after"]
    return discreet(pd.DataFrame(records, columns=columns, dtype=object), result)


def listed(result: Result, way: str) -> pd.DataFrame:
    """Return a row for every expected unit, level by level, under the headings of the form.

    Columns: the form's keys with the repaired values (of persons only how many there are: `persons`), `level`,
    `id`, `code`, `status`, `tone`, the source's `file`, `sheet`, `cell` and `link`; `parent` where units belong to
    different ones, `submitter` where some unit's row came neither from itself nor from its parent.
    """
    form, units = result.round.form, result.rollup.units
    units = pd.concat([units[units["level"].eq(level)] for level in result.round.lists])
    names = _names(result)
    own, sender, parent = units.index.to_series(), units["submitter_code"], units["parent_code"]
    frame = pd.concat([_of_rows(result, units), units[["level", "id"]]], axis=1)
    if parent.nunique() > 1:
        frame["parent"] = parent.map(names).fillna("")
    if not (parent.eq(sender) | own.eq(sender)).all():
        frame["submitter"] = sender.map(names)
    statuses = {status: line("statuses", status) for status in units["status"].unique()}
    places = zip(frame["file"], frame["sheet"], frame["cell"], strict=True)
    return frame.assign(
        **{form.unit_key: units["name"]}, code=own, tone=units["status"],
        status=units["status"].map(statuses), link=links(way, places),
    )  # fmt: skip


def _of_rows(result: Result, units: pd.DataFrame) -> pd.DataFrame:
    """Return what the row of each unit says, and where it stands; "" for a unit without one."""
    form, rows = result.round.form, result.rows
    cells = zip(rows.where[form.unit_key], rows.origin["row"], strict=True)
    source = rows.origin[["file", "sheet"]].assign(cell=[cell or (f"A{row}" if row else "") for cell, row in cells])
    if form.rows == "persons":
        counts = rows.origin.groupby("code").size()
        first = source.set_axis(rows.origin["code"])
        source = first[~first.index.duplicated()]
        told = source.astype(object).reindex(units.index, fill_value="")
        return told.assign(persons=_objects(counts.reindex(units.index, fill_value=0).tolist()).set_axis(units.index))
    parts = [
        frame.astype(object).reindex(units["id"].to_numpy(), fill_value="").set_axis(units.index)
        for frame in (_by_type(result.repaired, form), source)
    ]
    return pd.concat(parts, axis=1)


def _by_type(rows: pd.DataFrame, form: Form) -> pd.DataFrame:
    """Return the repaired rows with numbers and days as what they are."""
    columns = [column for kind in ("number", "date") for column in form.of_kind(kind)]
    return rows.assign(**{c.key: _objects(cell_value(v, c) for v in rows[c.key]).set_axis(rows.index) for c in columns})


def _names(result: Result) -> dict[str, str]:
    return {code: unit.full_name for code, unit in result.round.register.units.items()}


def marks(told: pd.DataFrame) -> dict[str, dict[int, str]]:
    """Return the gravest severity of every cell that has an error or a warning, by column and row id."""
    found = told[told["id"].ge(0) & told["column"].ne("") & told["severity"].ne("note")]
    found = found.sort_values("gravity", ascending=False)
    marks: dict[str, dict[int, str]] = {}
    for column, id, severity in zip(found["column"], found["id"], found["severity"], strict=True):
        marks.setdefault(column, {})[id] = severity
    return marks


def _measured(frame: pd.DataFrame, round: Round) -> pd.DataFrame:
    """Return the frame with those measures only that this round counts."""
    return frame.drop(columns=[key for key in words()["measures"] if key not in round.measures])


def _objects(values: Iterable[Any]) -> pd.Series:
    """Return the values as they are: None stays None, a date a date."""
    return pd.Series(list(values), dtype=object)
