"""The roll-up `tong-hop.xlsx`: senders, full list, corrections, repairs, duplicates, the missing, changes.

Titles, columns, widths, colours stand in `templates/tong-hop.toml`; the list's columns are the form's and a few more.
A key of that file that a frame does not have is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from xlsxwriter.chart import Chart

from pipeline.render import frames
from pipeline.render.frames import words
from pipeline.render.record import record_frames, trend_sheet
from pipeline.render.sheets import Book, Column, SheetWriter, columns_of
from pipeline.run import Result
from pipeline.xlsx.book import Workbook
from pipeline.xlsx.charts import Charts
from pipeline.xlsx.text import sheet_name
from schemas.form import Form
from schemas.naming import policy_faults
from schemas.round import Round


def write_rollup(result: Result, told: pd.DataFrame, path: Path, way: str = "") -> None:
    """Write the workbook; `told` are the findings in words, `way` leads from its folder to the inbox ("": no links).

    It holds no formula, and no link but to its own sheets and to senders' files of plain kinds.
    """
    file = Workbook(result.as_of, _stamp(result))
    book = Book(file, words(), frames.facts(result, told))
    corrections = frames.corrections(result, told, way)
    _summary_sheet(book, result, told, corrections)
    if result.standings:
        _criteria_sheet(book, frames.standings(result))
    _list_sheet(book, result, told, way)
    if _has_own_page(result.round):
        _own_sheet(book, result)
    if result.rollup.tables:
        _tables_sheet(book, result)
    _plain_sheet(book, "corrections", corrections)
    _plain_sheet(book, "repairs", frames.repairs(result, told, way))
    _plain_sheet(book, _duplicates_key(result), frames.duplicates(result, told, way))
    _plain_sheet(book, "missing", frames.missing(result))
    if result.previous:
        _plain_sheet(book, "shifts", frames.shifts(result))
    for key, frame in record_frames(result):
        _plain_sheet(book, key, frame)
    trend_sheet(book, result)
    path.write_bytes(file.content())


def _duplicates_key(result: Result) -> str:
    return "duplicates" if result.round.form.of_kind("link") else "duplicate_units"


def _plain_sheet(book: Book, key: str, frame: pd.DataFrame, more: list[Column] | None = None) -> None:
    """Write a sheet with one table; `more` columns stand before the last that the words name."""
    text = words()[key]
    columns = columns_of(text, frame, book.facts)
    if more:
        columns = [*columns[:-1], *more, columns[-1]]
    sheet = book.sheet(text["name"], [column.width for column in columns])
    sheet.heading(text["title"], text["notes"])
    header = sheet.header(columns)
    sheet.rows(columns, frame)
    if frame.empty:
        sheet.line(text["empty"], italic=True)
    sheet.finish((header, header), frozen_columns=0)


def _criteria_sheet(book: Book, frame: pd.DataFrame) -> None:
    """Write the emulation: a column for every criterion."""
    text = words()["standings"]
    known = {column["key"] for column in text["columns"]} | {"tone"}
    criteria = [Column(key, key, text["criterion_width"], "points") for key in frame if key not in known]
    _plain_sheet(book, "standings", frame, criteria)


def _tables_sheet(book: Book, result: Result) -> None:
    """Write the further tables of the round, one below the other."""
    text, tables = words()["tables"], result.rollup.tables
    count = max(len(table.header) for table in tables)
    rest = max(text["width"], (text["whole_width"] - text["first_width"]) / max(count - 1, 1))
    sheet = book.sheet(text["name"], [text["first_width"], *[rest] * (count - 1)])
    sheet.heading(text["title"], text["notes"])
    first = sheet.row
    for table in tables:
        sheet.row += 1
        sheet.line(table.title, bold=True)
        worded = {place for row in table.rows for place, cell in enumerate(row) if isinstance(cell, str)}
        columns = [
            Column(str(place), head, kind="given" if place in worded else "number")
            for place, head in enumerate(table.header)
        ]
        sheet.header(columns)
        keys = [column.key for column in columns]
        sheet.rows(columns, pd.DataFrame(table.rows, columns=keys, dtype=object))
        if table.total:
            look = {"bold": True, "bg_color": words()["colours"]["section"]}
            sheet.rows(columns, pd.DataFrame([table.total], columns=keys, dtype=object), **look)
    sheet.finish((0, first - 1), frozen_columns=1, filtered=False)


def _summary_sheet(book: Book, result: Result, told: pd.DataFrame, corrections: pd.DataFrame) -> None:
    text, frame = words()["summary"], frames.senders(result)
    frame["link"] = _at_corrections(frame, corrections)
    columns = columns_of(text, frame, book.facts)
    sheet = book.sheet(text["name"], [column.width for column in columns])
    sheet.heading(text["title"], text["notes" if result.round.deadline.last_day else "notes_no_deadline"])
    header = sheet.header(columns)
    sheet.rows(columns, frame)
    sheet.filter((header, sheet.row - 1))
    sheet.rows(columns, frames.totals(result), bold=True, bg_color=words()["colours"]["section"])
    if unclaimed := int((told["submitter"].eq("") & told["severity"].eq("error")).sum()):
        sheet.line(text["unclaimed"].format(count=unclaimed, sheet=words()["corrections"]["name"]), italic=True)
    if result.carried:
        sheet.line(text["carried"].format(count=len(result.carried), previous=result.previous), italic=True)
    for fault in policy_faults(result.round.right_names, result.round.register):
        sheet.line(fault, italic=True)
    _target_table(sheet, result)
    _charts(sheet, [column.key for column in columns], header, frame)
    sheet.finish((header, header), frozen_columns=3)


def _at_corrections(senders: pd.DataFrame, corrections: pd.DataFrame) -> list[str]:
    """Return for each sender the way to the first thing that it must correct, "" where there is none."""
    text = words()["corrections"]
    below = SheetWriter.heading_rows(text["notes"]) + 2  # the header; rows of Excel begin with 1
    first: dict[str, int] = {}
    for place, code in enumerate(corrections["submitter"]):
        first.setdefault(code, place + below)
    asked = zip(senders["code"], senders["errors"], strict=True)
    return [f"internal:{sheet_name(text['name'])}!A{first[code]}" if errors else "" for code, errors in asked]


def _target_table(sheet: SheetWriter, result: Result) -> None:
    text, frame = words()["targets"], frames.targets(result)
    if frame.empty:
        return
    sheet.row += 1
    sheet.line(text["title"], bold=True)
    columns = columns_of(text, frame)
    sheet.header(columns)
    sheet.rows(columns, frame)


def _charts(sheet: SheetWriter, keys: list[str], header: int, frame: pd.DataFrame) -> None:
    """Draw beside each other the rate of every sender over its target, and what it must correct; some senders a row."""
    text, count = words()["charts"], len(frame)
    size = text["units_per_chart"]
    parts = math.ceil(count / size)
    for part in range(parts):
        first = header + 1 + part * size
        rows = (first, min(first + size, header + 1 + count) - 1)
        pair = []
        for draw, names in ((_rates, text["rates"]), (_corrections, text["corrections"])):
            name = names["title"].format(**sheet.book.facts)
            if parts > 1:
                name += text["part"].format(part=part + 1, parts=parts)
            chart = draw(sheet.book.file.charted(), keys, rows)
            chart.set_title({"name": name, "name_font": {**_font(), "size": 13}})
            pair.append((chart, names["description"].format(**sheet.book.facts)))
        if count > text["units_beside_table"]:
            sheet.new_page()
        sheet.charts(pair, 90 + 27 * (rows[1] - rows[0] + 1))
    for key in _DRAWN:
        if count and key in keys:
            sheet.tell_charts(header + 1, keys.index(key), frame[key].tolist())


_DRAWN = ("name", "rate", "target", "errors", "warnings")


def _font() -> dict[str, Any]:
    return {"name": words()["book"]["font"], "size": 9}


def _rates(charts: Charts, keys: list[str], rows: tuple[int, int]) -> Chart:
    """Return the chart of the rates, each over the bar of its target."""
    text, colours = words()["charts"]["rates"], words()["colours"]
    chart = charts.new({"type": "bar"})
    if "target" in keys:
        border = {"color": colours["line"], "dash_type": "dash"}
        _draw(chart, keys, rows, "target", text["target"], fill={"color": colours["track"]}, border=border)
    label = {"value": True, "num_format": "0.0%", "position": "inside_base", "font": {**_font(), "bold": True}}
    border = {"color": colours["line"]}
    _draw(chart, keys, rows, "rate", text["rate"], fill={"color": colours["bar"]}, border=border, data_labels=label)
    return _with_axes(chart, {"min": 0, "max": 1})


def _corrections(charts: Charts, keys: list[str], rows: tuple[int, int]) -> Chart:
    """Return the chart of what is to be corrected and to be looked at again."""
    text, colours = words()["charts"]["corrections"], words()["colours"]
    chart = charts.new({"type": "bar", "subtype": "stacked"})
    for key, fill in (
        ("errors", {"fill": {"color": colours["bad"]}}),
        ("warnings", {"pattern": {"pattern": "light_upward_diagonal", "fg_color": colours["line"]}}),
    ):
        label = {"value": True, "num_format": "0;;", "font": {**_font(), "bold": True}}
        _draw(chart, keys, rows, key, text[key], border={"color": colours["line"]}, data_labels=label, **fill)
    return _with_axes(chart, {"min": 0})


def _draw(chart: Chart, keys: list[str], rows: tuple[int, int], key: str, name: str, **look: Any) -> None:
    sheet = words()["summary"]["name"]
    names, values = ([sheet, rows[0], keys.index(k), rows[1], keys.index(k)] for k in ("name", key))
    chart.add_series({"categories": names, "values": values, "name": name, "overlap": 100, "gap": 45, **look})


def _with_axes(chart: Chart, scale: dict[str, int]) -> Chart:
    no_lines = {"major_gridlines": {"visible": False}}
    chart.set_y_axis({"reverse": True, "num_font": _font(), "interval_unit": 1, **no_lines})
    chart.set_x_axis({**scale, "visible": False, **no_lines})
    chart.set_legend({"position": "bottom", "font": _font()})
    return chart


def _stamp(result: Result) -> dict[str, str]:
    """Return what tells a round of the office above what this workbook is, and which of its sheets hold the list."""
    sheets = [words()["list"]["name"], *([words()["own"]["name"]] if _has_own_page(result.round) else [])]
    told = {"round": result.round.id, "unit": result.round.collector, "version": f"{result.as_of:%Y%m%d}"}
    return {**told, "sheets": "/".join(sheets)}


def _has_own_page(round: Round) -> bool:
    """Tell whether the list goes on to the centre, which asks for the province's own page as well."""
    unit = round.collecting_unit
    return unit is not None and unit.level == "province" and bool(round.form.of_kind("link"))


def _own_sheet(book: Book, result: Result) -> None:
    """Write the form with one row, the collector's own, for the officer to complete before it goes on."""
    text, round = words()["own"], result.round
    columns = _form_columns(round.form, round.form.keys)
    sheet = book.sheet(text["name"], [column.width for column in columns])
    unit = round.register.units[round.collector]
    sheet.line(text["title"].format(unit=unit.full_name.upper()), bold=True, font_size=words()["book"]["title_size"])
    sheet.line(text["note"], italic=True)
    header = sheet.form_header(columns)
    sheet.rows(columns, pd.DataFrame([{"number": 1, round.form.unit_key: unit.full_name, **round.own}], dtype=object))
    sheet.finish((header, header + 1), frozen_columns=2, filtered=False)


_CELLS = {"phone": "code", "number": "center", "date": "date"}
"""How the cells of a kind look, where they are not plain text."""


def _form_columns(form: Form, keys: Iterable[str]) -> list[Column]:
    """Return the ordinal column and those of the form that are among the keys."""
    text = words()["list"]
    ordinal = Column("number", form.ordinal.header, text["ordinal_width"], "center")
    own = [
        Column(
            c.key, c.header, text["widths"].get(c.kind, c.width),
            "number" if c.whole else _CELLS.get(c.kind, "given"),
            parent=form.group(c.group).header if c.group else "",
        )
        for c in form.columns if c.key in keys
    ]  # fmt: skip
    return [ordinal, *own]


def _list_sheet(book: Book, result: Result, told: pd.DataFrame, way: str) -> None:
    """Write all expected units as a filled form, with their state and source to the right of it."""
    text, form, frame = words()["list"], result.round.form, frames.listed(result, way)
    ordinal, *own = _form_columns(form, frame)
    beside = [Column(**entry) for entry in text["beside_unit"] if entry["key"] in frame]
    after = next(place for place, column in enumerate(own, start=1) if column.key == form.unit_key)
    columns = [ordinal, *own[:after], *beside, *own[after:], *columns_of(text, frame, book.facts)]
    sheet = book.sheet(text["name"], [column.width for column in columns])
    unit = result.round.collecting_unit
    sheet.form_title([title.format(unit=unit.full_name.upper() if unit else "").strip() for title in form.title])
    header = sheet.form_header(columns)
    found = frames.marks(told)
    for level in result.round.lists:
        units = frame[frame["level"].eq(level)]
        if level in result.round.sections and len(units):
            sheet.section([*result.round.sections[level]])
        sheet.rows(columns, units.assign(number=range(1, len(units) + 1)), found)
    if frame.empty:
        sheet.line(text["empty"], italic=True)
    sheet.finish((header, header + 1), frozen_columns=after + 1)
