"""The provincial roll-up `tong-hop.xlsx`: senders, full list, corrections, repairs, duplicates, the missing.

Titles, columns, widths, colours stand in `templates/tong-hop.toml`; the list's first columns are the form's.
Every frame has the columns that its sheet may print, named by the keys of that file: a key that a frame does
not have is left out, and its column `tone` colours the cells of the columns marked `toned`.
"""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.chart import Chart

from pipeline.consolidate import MEASURES, vietnamese_date
from pipeline.errors import OperatorError
from pipeline.render.machine import summary
from pipeline.render.shares import against_targets, share_of
from pipeline.render.sheets import PLAIN, Book, Column, SheetWriter, columns_of
from pipeline.run import Result
from schemas.codes import Rule
from schemas.data import TEMPLATES, read_toml
from schemas.kinds import link
from schemas.messages import line, title
from schemas.text import capitalised

WORDS = TEMPLATES / "tong-hop.toml"
CHARTED = "established"  # the measure of the chart, and of the rate beside it


def write_rollup(result: Result, told: pd.DataFrame, path: Path) -> None:
    """Write the workbook; `told` are the findings in words. It holds no formula and no link to elsewhere."""
    with xlsxwriter.Workbook(str(path), PLAIN) as file:
        file.set_properties({"created": dt.datetime.combine(result.as_of, dt.time())})
        book = Book(file, _words(), _facts(result, told))
        _summary_sheet(book, result, told)
        _list_sheet(book, result, told)
        _plain_sheet(book, "corrections", _corrections(told))
        _plain_sheet(book, "repairs", _repairs(result, told))
        _plain_sheet(book, "duplicates", _duplicates(result, told))
        _plain_sheet(book, "missing", _missing(result))


@cache
def _words() -> dict[str, Any]:
    try:
        return read_toml(WORDS)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise OperatorError("bad_template", name=WORDS.name, reason=fault) from None


def _facts(result: Result, told: pd.DataFrame) -> dict[str, Any]:
    """Return what titles and notes may mention."""
    counts, severities = summary(result), told["severity"].value_counts()
    submissions = counts["submissions"]
    return {
        **submissions, "missing": len(submissions["missing"]), "round": result.round.title,
        "collector": counts["collector"]["name"], "date": vietnamese_date(result.as_of),
        "errors": int(severities.get("error", 0)), "warnings": int(severities.get("warning", 0)),
    }  # fmt: skip


# --- what stands on the sheets


def _senders(result: Result) -> pd.DataFrame:
    """Return the record of every sender; `timing` and `target` are there only where the round has them."""
    words, counts = _words()["summary"], summary(result)["units"]
    frame = pd.DataFrame(counts, dtype=object).assign(tone=[unit["status"] for unit in counts])
    frame["number"] = range(1, len(frame) + 1)
    frame["status"] = [line("statuses", unit["status"]) for unit in counts]
    frame["rate"] = _objects(share_of(unit[CHARTED], unit["expected"]) for unit in counts)
    frame["received"] = _objects(result.rollup.senders["received"])
    if result.round.deadline.last_day:
        frame["timing"] = [words[_timing(unit)] for unit in counts]
    if asked := _asked(result):
        frame["target"] = _objects(asked.get(unit["code"]) for unit in counts)
    return frame


def _timing(unit: dict[str, Any]) -> str:
    if unit["status"] == "missing":
        return "not_sent"
    return "late" if unit["late"] else "on_time"


def _asked(result: Result) -> dict[Any, float]:
    """Return the share of its units that the targets ask of each sender; empty without such a target."""
    percents = {t.level: t.percent / 100 for t in result.round.targets if t.measure == CHARTED}
    units = result.rollup.units
    if not percents or units.empty:
        return {}
    return units["level"].map(percents).fillna(0.0).groupby(units["submitter_code"]).mean().to_dict()


def _totals(result: Result) -> pd.DataFrame:
    """Return the total over all senders, then one row a level (findings are not counted by level)."""
    words, counts = _words()["summary"], summary(result)
    levels, units = counts["levels"], counts["units"]
    keys = ("expected", *MEASURES, "errors", "warnings")
    total: dict[str, Any] = {key: sum(unit[key] for unit in units) for key in keys}
    rows = [{"name": words["total"], **total}]
    for level, of_level in levels.items() if len(levels) > 1 else ():
        rows.append({"name": words["level"].format(level=line("levels", level)), **of_level})
    for row in rows:
        row["rate"] = share_of(row[CHARTED], row["expected"])
    return pd.DataFrame(rows, dtype=object).fillna("")


def _targets(result: Result) -> pd.DataFrame:
    words, measures, frame = _words()["targets"], _words()["measures"], against_targets(result)
    verdicts = ["reached" if reached else "short" for reached in frame["reached"]]
    labels = [
        words["label"].format(level=capitalised(line("levels", level)), measure=measures[measure])
        for level, measure in zip(frame["level"], frame["measure"], strict=True)
    ]
    frame["number"] = range(1, len(frame) + 1)
    return frame.assign(label=labels, tone=verdicts, verdict=[words[verdict] for verdict in verdicts])


def _corrections(told: pd.DataFrame) -> pd.DataFrame:
    """Return every error and warning in words, sender by sender, the gravest first."""
    found = _placed(told[told["severity"].ne("note")])
    words = [line("severities", severity) for severity in found["severity"]]
    return found.assign(tone=found["severity"], severity=words)


def _repairs(result: Result, told: pd.DataFrame) -> pd.DataFrame:
    """Return what was decided without the unit: each value used in place of the typed one, and every note."""
    used = result.repaired.stack()
    places = zip(told["id"], told["column"], told["suggestion"], strict=True)
    taken = [bool(suggestion) and used.get((id, column)) == suggestion for id, column, suggestion in places]
    found = _placed(told[told["severity"].eq("note") | pd.Series(taken, index=told.index, dtype=bool)])
    return found.assign(remark=found["message"].where(found["suggestion"].eq(""), ""))


def _placed(findings: pd.DataFrame) -> pd.DataFrame:
    """Add a running number, the rule's title, and the row's number where a finding has no cell."""
    rows = findings["row"].map(lambda row: str(row) if row else "")
    return findings.assign(
        number=range(1, len(findings) + 1),
        title=[title(rule) for rule in findings["rule"]],
        cell=findings["cell"].where(findings["cell"].ne(""), rows),
    )


def _duplicates(result: Result, told: pd.DataFrame) -> pd.DataFrame:
    """Return pages, units and files that occur more than once; those of one kind share a `group` number."""
    found = pd.concat([_same_pages(told), _same_units(told), _same_files(result, told)], ignore_index=True)
    return _placed(found).assign(group=found.groupby("key", sort=False).ngroup() + 1)


def _same_pages(told: pd.DataFrame) -> pd.DataFrame:
    found = told[told["rule"].eq(Rule.LINK_DUPLICATE)]
    return _keyed(found, [link.parse(text).identity for text in found["value"]])


def _same_units(told: pd.DataFrame) -> pd.DataFrame:
    found = told[told["rule"].eq(Rule.UNIT_DUPLICATE)]
    return _keyed(found, (found["file"] + "/" + found["unit"]).tolist())


def _same_files(result: Result, told: pd.DataFrame) -> pd.DataFrame:
    """Return each file that came more than once: the copy that counts, then the others."""
    copies = told[told["rule"].eq(Rule.FILE_DUPLICATE)]
    originals = [facts["other"] for facts in copies["facts"]]
    both = pd.concat([copies.assign(file=originals), copies]).assign(value="")
    found = _keyed(both, [*originals, *originals]).drop_duplicates(["key", "file"])
    senders = {submission.file: submission.submitter for submission in result.submissions}
    units = [result.round.register.units.get(senders.get(key, "")) for key in found["key"]]
    return found.assign(submitter_name=[unit.full_name if unit else "" for unit in units])


def _keyed(found: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return found.assign(key=keys).sort_values("key", kind="stable")


def _missing(result: Result) -> pd.DataFrame:
    """Return the senders of whom nothing arrived, with the address that the round has for them."""
    units = [unit for unit in summary(result)["units"] if unit["status"] == "missing"]
    frame = pd.DataFrame(units, columns=["code", "name", "expected"], dtype=object)
    frame["number"] = range(1, len(frame) + 1)
    frame["contact"] = [result.round.contacts.get(unit["code"], "") for unit in units]
    if result.round.deadline.last_day:
        due = [result.round.last_day_of(unit["code"]) for unit in units]
        frame["due"] = _objects(due)
        frame["days_over"] = [max((result.as_of - day).days, 0) if day else 0 for day in due]
    return frame


def _list(result: Result) -> pd.DataFrame:
    """Return a row for every expected unit, level by level.

    Columns: the form's keys with the repaired values, `level`, `id`, `code`, `submitter`, `status`, `tone`,
    the source's `file`, `sheet` and `row`, and `parent` where some unit's is not its sender.
    """
    units, key = result.rollup.units, result.round.form.unit_key
    units = pd.concat([units[units["level"].eq(level)] for level in result.round.lists])
    names = {code: unit.full_name for code, unit in result.round.register.units.items()}
    source = result.rows.origin[["file", "sheet", "row"]]
    parts = [
        frame.astype(object).reindex(units["id"].to_numpy(), fill_value="").set_axis(units.index)
        for frame in (result.repaired, source)
    ]
    frame = pd.concat([*parts, units[["level", "id"]]], axis=1)
    sender, own = units["submitter_code"], units.index.to_series()
    if not (units["parent_code"].eq(sender) | own.eq(sender)).all():
        frame["parent"] = units["parent_code"].map(names)
    words = {status: line("statuses", status) for status in units["status"].unique()}
    return frame.assign(
        **{key: units["name"]}, code=own, submitter=sender.map(names),
        tone=units["status"], status=units["status"].map(words),
    )  # fmt: skip


def _marks(told: pd.DataFrame) -> dict[tuple[int, str], str]:
    """Return the gravest severity of every cell that has an error or a warning, by row id and column."""
    found = told[told["id"].ge(0) & told["column"].ne("") & told["severity"].ne("note")]
    found = found.sort_values("gravity", ascending=False)
    return dict(zip(zip(found["id"], found["column"], strict=True), found["severity"], strict=True))


def _objects(values: Iterable[Any]) -> pd.Series:
    """Return the values as they are: None stays None, a date a date."""
    return pd.Series(list(values), dtype=object)


# --- the sheets


def _plain_sheet(book: Book, key: str, frame: pd.DataFrame) -> None:
    words = _words()[key]
    columns = columns_of(words, frame)
    sheet = book.sheet(words["name"], [column.width for column in columns])
    sheet.heading(words["title"], words["notes"])
    header = sheet.header(columns)
    sheet.rows(columns, frame)
    if frame.empty:
        sheet.line(words["empty"], italic=True)
    sheet.finish((header, header), frozen_columns=0)


def _summary_sheet(book: Book, result: Result, told: pd.DataFrame) -> None:
    words, frame = _words()["summary"], _senders(result)
    columns = columns_of(words, frame)
    sheet = book.sheet(words["name"], [column.width for column in columns])
    sheet.heading(words["title"], words["notes" if result.round.deadline.last_day else "notes_no_deadline"])
    header = sheet.header(columns)
    sheet.rows(columns, frame)
    sheet.filter((header, sheet.row - 1))
    sheet.rows(columns, _totals(result), bold=True, bg_color=_words()["colours"]["section"])
    if unclaimed := int((told["submitter"].eq("") & told["severity"].eq("error")).sum()):
        told_at = _words()["corrections"]["name"]
        sheet.line(words["unclaimed"].format(count=unclaimed, sheet=told_at), italic=True)
    _target_table(sheet, result)
    _charts(sheet, [column.key for column in columns], header, len(frame))
    sheet.finish((header, header), frozen_columns=3)


def _target_table(sheet: SheetWriter, result: Result) -> None:
    words, frame = _words()["targets"], _targets(result)
    if frame.empty:
        return
    sheet.row += 1
    sheet.line(words["title"], bold=True)
    columns = columns_of(words, frame)
    sheet.header(columns)
    sheet.rows(columns, frame)


def _charts(sheet: SheetWriter, keys: list[str], header: int, count: int) -> None:
    """Draw the rate of every sender over its target, some senders a chart."""
    words = _words()["chart"]
    size = words["units_per_chart"]
    parts = math.ceil(count / size)
    for part in range(parts):
        first = header + 1 + part * size
        rows = (first, min(first + size, header + 1 + count) - 1)
        text = words["title"] if parts == 1 else words["title_part"].format(part=part + 1, parts=parts)
        chart = _chart(sheet.book.file, keys, rows)
        chart.set_title({"name": text, "name_font": {"name": _words()["book"]["font"], "size": 13}})
        if count > words["units_beside_table"]:
            sheet.new_page()
        sheet.chart(chart, words["description"], 90 + 22 * (rows[1] - rows[0] + 1))


def _chart(file: xlsxwriter.Workbook, keys: list[str], rows: tuple[int, int]) -> Chart:
    words, colours, name = _words()["chart"], _words()["colours"], _words()["summary"]["name"]
    font = {"name": _words()["book"]["font"], "size": 10}
    chart = file.add_chart({"type": "bar"})

    def draw(key: str, **look: Any) -> None:
        where = {
            part: [name, rows[0], keys.index(column), rows[1], keys.index(column)]
            for part, column in (("categories", "name"), ("values", key))
        }
        chart.add_series({**where, "name": words[key], "overlap": 100, "gap": 45, **look})

    if "target" in keys:
        border = {"color": colours["line"], "dash_type": "dash"}
        draw("target", fill={"color": colours["track"]}, border=border)
    label = {"value": True, "num_format": "0.0%", "position": "inside_base", "font": {**font, "bold": True}}
    draw("rate", fill={"color": colours["bar"]}, border={"color": colours["line"]}, data_labels=label)
    no_lines = {"major_gridlines": {"visible": False}}
    chart.set_y_axis({"reverse": True, "num_font": font, "interval_unit": 1, **no_lines})
    chart.set_x_axis({"min": 0, "max": 1, "visible": False, **no_lines})
    chart.set_legend({"position": "bottom", "font": font})
    return chart


def _list_sheet(book: Book, result: Result, told: pd.DataFrame) -> None:
    """Write all expected units as a filled form, with their state and source to the right of it."""
    words, form, frame = _words()["list"], result.round.form, _list(result)
    ordinal = Column("number", form.ordinal.header, words["ordinal_width"], "center")
    columns = [
        Column(
            c.key, c.header, words["widths"].get(c.kind, c.width), "code" if c.kind == "phone" else "given",
            parent=form.group(c.group).header if c.group else "",
        )
        for c in form.columns
    ]  # fmt: skip
    columns = [ordinal, *columns, *columns_of(words, frame)]
    sheet = book.sheet(words["name"], [column.width for column in columns])
    sheet.form_title([text.format(unit=book.facts["collector"].upper()) for text in form.title])
    header = sheet.form_header(columns)
    sections = result.round.sections
    marks = _marks(told)
    for level in result.round.lists:
        units = frame[frame["level"].eq(level)]
        if level in sections and len(units):
            sheet.section([*sections[level]])
        first = sheet.row
        sheet.rows(columns, units.assign(number=range(1, len(units) + 1)))
        sheet.mark(columns, units, first, marks)
    if frame.empty:
        sheet.line(words["empty"], italic=True)
    sheet.finish((header, header + 1), frozen_columns=2)
