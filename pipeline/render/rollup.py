"""The provincial roll-up `tong-hop.xlsx`: senders, full list, corrections, repairs, duplicates, the missing.

Titles, columns, widths, colours stand in `templates/tong-hop.toml`; the list's first columns are the form's.
Every frame has the columns that its sheet may print, named by the keys of that file: a key that a frame does
not have is left out, and its column `tone` colours the cells of the columns marked `toned`.
"""

from __future__ import annotations

import datetime as dt
import math
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.chart import Chart
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from pipeline.consolidate import MEASURES, vietnamese_date
from pipeline.errors import OperatorError
from pipeline.render.machine import summary
from pipeline.render.workbook import TEMPLATES
from pipeline.run import Result
from schemas.codes import Rule
from schemas.data import read_toml
from schemas.kinds import link
from schemas.messages import line, title
from schemas.text import capitalised, storable

WORDS = TEMPLATES / "tong-hop.toml"
CHARTED = "established"  # the measure of the chart, and of the rate beside it
_A4 = 9
_HEADER_LIMIT = 120  # Excel allows 255 characters for the parts of a header together
_KINDS: dict[str, dict[str, Any]] = {
    "text": {},
    "given": {"num_format": "@", "quote_prefix": True},
    "small": {"num_format": "@", "quote_prefix": True, "font_size": 9},
    "center": {"align": "center"},
    "code": {"align": "center", "num_format": "@", "quote_prefix": True},
    "number": {"align": "center", "num_format": "#,##0"},
    "percent": {"align": "center", "num_format": "0.0%"},
    "date": {"align": "center", "num_format": "dd/mm/yyyy"},
}
# Heights are reckoned from the widths of letters (pixels of Times New Roman, a little generous), so that
# nothing is cut on paper: Excel does not fit rows of merged cells, LibreOffice fits none of a new file.
_SIZE, _LINE, _PADDING, _HIGHEST = 11, 14.5, 3.5, 409.0  # points; Excel's highest row
_BOLD = 1.08
_SMALL, _CAPITAL, _SPACE = 7.0, 10.6, 4.0
_LETTERS = {
    **dict.fromkeys("fijlrtI.,;:!|'()[]/ -", 4.7), **dict.fromkeys("mwMW@%", 12.0),
    **dict.fromkeys("0123456789", 7.4), **dict.fromkeys(map(chr, range(0x300, 0x370)), 0.0),
}  # fmt: skip


def write_rollup(result: Result, told: pd.DataFrame, path: Path) -> None:
    """Write the workbook; `told` are the findings in words. It holds no formula and no link to elsewhere."""
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(path), plain) as file:
        file.set_properties({"created": dt.datetime.combine(result.as_of, dt.time())})
        book = _Book(file, _facts(result, told))
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


def against_targets(result: Result) -> pd.DataFrame:
    """Return a row for every target of the round.

    Columns: `level`, `measure`, `count` (units that reached the measure), `expected`, `rate` and `percent`
    (of 1; `rate` None without units), `lacking` (units still to come), `reached`, `due` (a date or None).
    """
    levels, records = summary(result)["levels"], []
    for target in result.round.targets:
        if target.level not in levels:
            continue
        count, expected = levels[target.level][target.measure], levels[target.level]["expected"]
        asked = math.ceil(Fraction(str(target.percent)) * expected / 100)
        records.append(
            {
                "level": target.level, "measure": target.measure, "count": count, "expected": expected,
                "rate": _share(count, expected), "percent": target.percent / 100,
                "lacking": max(asked - count, 0), "reached": count >= asked, "due": target.last_day,
            }
        )  # fmt: skip
    columns = ["level", "measure", "count", "expected", "rate", "percent", "lacking", "reached", "due"]
    return pd.DataFrame(records, columns=columns, dtype=object)


def _share(count: int, expected: int) -> float | None:
    return count / expected if expected else None


def _senders(result: Result) -> pd.DataFrame:
    """Return the record of every sender; `timing` and `target` are there only where the round has them."""
    words, counts = _words()["summary"], summary(result)["units"]
    frame = pd.DataFrame(counts, dtype=object).assign(tone=[unit["status"] for unit in counts])
    frame["number"] = range(1, len(frame) + 1)
    frame["status"] = [line("statuses", unit["status"]) for unit in counts]
    frame["rate"] = _objects(_share(unit[CHARTED], unit["expected"]) for unit in counts)
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
        row["rate"] = _share(row[CHARTED], row["expected"])
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
    last_day = result.round.deadline.last_day
    units = [unit for unit in summary(result)["units"] if unit["status"] == "missing"]
    frame = pd.DataFrame(units, columns=["code", "name", "expected"], dtype=object)
    frame["number"] = range(1, len(frame) + 1)
    frame["contact"] = [result.round.contacts.get(unit["code"], "") for unit in units]
    if last_day:
        frame["due"] = _objects([last_day] * len(frame))
        frame["days_over"] = max((result.as_of - last_day).days, 0)
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


def _plain_sheet(book: _Book, key: str, frame: pd.DataFrame) -> None:
    words = _words()[key]
    columns = _columns(words, frame)
    sheet = book.sheet(words["name"], [column.width for column in columns])
    sheet.heading(words["title"], words["notes"])
    header = sheet.header(columns)
    sheet.rows(columns, frame)
    if frame.empty:
        sheet.line(words["empty"], italic=True)
    sheet.finish((header, header), frozen_columns=0)


def _summary_sheet(book: _Book, result: Result, told: pd.DataFrame) -> None:
    words, frame = _words()["summary"], _senders(result)
    columns = _columns(words, frame)
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


def _target_table(sheet: _Sheet, result: Result) -> None:
    words, frame = _words()["targets"], _targets(result)
    if frame.empty:
        return
    sheet.row += 1
    sheet.line(words["title"], bold=True)
    columns = _columns(words, frame)
    sheet.header(columns)
    sheet.rows(columns, frame)


def _charts(sheet: _Sheet, keys: list[str], header: int, count: int) -> None:
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


def _list_sheet(book: _Book, result: Result, told: pd.DataFrame) -> None:
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
    columns = [ordinal, *columns, *_columns(words, frame)]
    sheet = book.sheet(words["name"], [column.width for column in columns])
    sheet.form_title([text.format(unit=book.facts["collector"].upper()) for text in form.title])
    header = sheet.form_header(columns)
    sections = {section.level: section for section in form.sections} if len(result.round.lists) > 1 else {}
    marks = _marks(told)
    for level in result.round.lists:
        units = frame[frame["level"].eq(level)]
        if level in sections and len(units):
            sheet.section([sections[level].number, sections[level].label])
        first = sheet.row
        sheet.rows(columns, units.assign(number=range(1, len(units) + 1)))
        sheet.mark(columns, units, first, marks)
    if frame.empty:
        sheet.line(words["empty"], italic=True)
    sheet.finish((header, header + 1), frozen_columns=2)


# --- how a sheet is written


@dataclass(frozen=True)
class Column:
    """A printed column: `kind` is one of `_KINDS`, `span` how many of the sheet's columns it takes.

    `parent` is the heading above it, `toned` colours its cells by the row's `tone`.
    """

    key: str
    header: str
    width: float = 0
    kind: str = "text"
    parent: str = ""
    toned: bool = False
    span: int = 1


def _columns(words: dict[str, Any], frame: pd.DataFrame) -> list[Column]:
    """Return the columns of a table of the TOML file, as far as the frame has them."""
    return [Column(**entry) for entry in words["columns"] if entry["key"] in frame]


class _Book:
    """The workbook: its words, what titles may mention, and one format for each look."""

    def __init__(self, file: xlsxwriter.Workbook, facts: dict[str, Any]) -> None:
        self.file, self.facts, self.words = file, facts, _words()
        self._formats: dict[tuple[tuple[str, Any], ...], Format] = {}

    def sheet(self, name: str, widths: list[float]) -> _Sheet:
        """Return a new sheet, ready to print."""
        return _Sheet(self, name, widths)

    def cell(self, kind: str, **look: Any) -> Format:
        """Return the look of a table's cell."""
        return self.format(border=1, border_color=self.words["colours"]["grid"], **_KINDS[kind], **look)

    def toned(self, kind: str, state: str) -> Format:
        """Return the look of a cell that shows a state or a severity."""
        tone = self.words["tones"].get(state)
        return self.cell(kind, bg_color=self.words["colours"][tone]) if tone else self.cell(kind)

    def format(self, **look: Any) -> Format:
        """Return the one format of this look."""
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            base = {"font_name": self.words["book"]["font"], "font_size": _SIZE, "text_wrap": True}
            self._formats[key] = self.file.add_format({**base, "valign": "vcenter", **look})
        return self._formats[key]


class _Sheet:
    """One sheet on A4 landscape, written from the top down: `row` is the next free row."""

    def __init__(self, book: _Book, name: str, widths: list[float]) -> None:
        self.book, self.widths, self.row = book, widths, 0
        self.paper: Worksheet = book.file.add_worksheet(name)
        self._filter: tuple[int, int] | None = None
        self._breaks: list[int] = []
        self._page(name)

    @property
    def last(self) -> int:
        """The last column."""
        return len(self.widths) - 1

    def _page(self, name: str) -> None:
        paper, words = self.paper, self.book.words["book"]
        header, footer = (_header_text(words[key], self.book.facts) for key in ("header", "footer"))
        small = words["small"]
        paper.set_landscape()
        paper.set_paper(_A4)
        paper.set_margins(left=0.35, right=0.35, top=0.65, bottom=0.65)
        paper.set_header(f"&L{small}{header}&R{small}{name}")
        paper.set_footer(f"&L{small}{footer}&R{small}{words['page']}")
        paper.fit_to_pages(1, 0)
        paper.hide_gridlines(2)
        for column, width in enumerate(self.widths):
            paper.set_column(column, column, width)

    # --- titles

    def heading(self, text: str, notes: list[str]) -> None:
        """Write the title, the round and its date, and the notes."""
        words = self.book.words["book"]
        self.line(text, bold=True, font_size=words["title_size"])
        self.line(words["as_of"].format(**self.book.facts), italic=True)
        for note in notes:
            self.line(note.format(**self.book.facts))

    def form_title(self, lines: list[str]) -> None:
        """Write the form's own title in two lines, so that the frozen head stays low; then round and date."""
        words = self.book.words["book"]
        half = (len(lines) + 1) // 2
        for text in (words["title_joint"].join(lines[:half]), " ".join(lines[half:])):
            self.line(text, bold=True, font_size=words["title_size"])
        self.line(words["as_of"].format(**self.book.facts), italic=True)

    def line(self, text: str, **look: Any) -> None:
        """Write a line over the whole width, as high as its text needs."""
        scale = look.get("font_size", _SIZE) / _SIZE
        height = _height(_lines(text, _pixels(sum(self.widths)) / scale / _BOLD)) * scale
        self.paper.set_row(self.row, height)
        self._merged((self.row, 0, self.row, self.last), text, self.book.format(**look))
        self.row += 1

    # --- tables

    def header(self, columns: list[Column]) -> int:
        """Write a header of one row; return that row."""
        row, texts = self.row, []
        for place, column in _placed_columns(columns):
            self._merged((row, place, row, place + column.span - 1), column.header, self._head)
            texts.append((column.header, self._width(place, column.span) / _BOLD))
        self._fit(row, texts)
        self.row += 1
        return row

    def form_header(self, columns: list[Column]) -> int:
        """Write a header of two rows, parents merged over their columns; return the upper one."""
        row, head, place = self.row, self._head, 0
        while place < len(columns):
            parent, end = columns[place].parent, place + 1
            while parent and end < len(columns) and columns[end].parent == parent:
                end += 1
            if parent:
                self._merged((row, place, row, end - 1), parent, head)
                for column in range(place, end):
                    self.paper.write_string(row + 1, column, excel_text(columns[column].header), head)
            else:
                self._merged((row, place, row + 1, place), columns[place].header, head)
            place = end
        self.paper.set_row(row, _height(1))
        lower = [(c.header, self._width(place) / _BOLD) for place, c in enumerate(columns) if c.parent]
        self._fit(row + 1, lower)
        self.row += 2
        return row

    def section(self, texts: list[str]) -> None:
        """Write a heading row of the form."""
        look = {"bold": True, "bg_color": self.book.words["colours"]["section"]}
        for place in range(len(self.widths)):
            text = texts[place] if place < len(texts) else ""
            self._put(self.row, place, text, self.book.cell("center" if place == 0 else "text", **look))
        self.row += 1

    def rows(self, columns: list[Column], frame: pd.DataFrame, **look: Any) -> None:
        """Write the frame's rows, each as high as its texts need; a column that it lacks stays empty."""
        tones = frame["tone"].tolist() if "tone" in frame else []
        lines = [1] * len(frame)
        for place, column in _placed_columns(columns):
            style = self.book.cell(column.kind, **look)
            width = self._width(place, column.span) * _SIZE / _KINDS[column.kind].get("font_size", _SIZE)
            values = frame[column.key].tolist() if column.key in frame else [""] * len(frame)
            for offset, value in enumerate(values):
                row = self.row + offset
                cell = self.book.toned(column.kind, tones[offset]) if column.toned and tones else style
                if column.span > 1:
                    self.paper.merge_range(row, place, row, place + column.span - 1, "", cell)
                self._put(row, place, value, cell)
                if isinstance(value, str) and len(value) > 1:
                    lines[offset] = max(lines[offset], _lines(value, width))
        for offset, count in enumerate(lines):
            self.paper.set_row(self.row + offset, _height(count))
        self.row += len(frame)

    def mark(self, columns: list[Column], frame: pd.DataFrame, first: int, marks: dict[tuple[int, str], str]) -> None:
        """Colour the cells of these rows that have a finding."""
        for place, column in enumerate(columns):
            if column.key not in frame:
                continue
            for offset, (id, value) in enumerate(zip(frame["id"], frame[column.key], strict=True)):
                if severity := marks.get((id, column.key)):
                    self._put(first + offset, place, value, self.book.toned(column.kind, severity))

    def chart(self, chart: Chart, description: str, height: int) -> None:
        """Put a chart over the whole width below what is written."""
        self.row += 1
        chart.set_size({"width": sum(int(_pixels(width)) for width in self.widths), "height": height})
        self.paper.insert_chart(self.row, 0, chart, {"description": description, "object_position": 2})
        self.row += math.ceil(height / 20)

    def new_page(self) -> None:
        """Let a new page begin here on paper."""
        self._breaks.append(self.row)
        self.paper.set_h_pagebreaks(self._breaks)

    def filter(self, rows: tuple[int, int]) -> None:
        """Let the reader filter these rows, of which the first is the header."""
        self._filter = rows

    def finish(self, header: tuple[int, int], *, frozen_columns: int) -> None:
        """Freeze the header, repeat it on every page, filter below it; texts of digits are no mistake."""
        end = max(self.row - 1, header[1])
        top, bottom = self._filter or (header[1], end)
        self.paper.freeze_panes(header[1] + 1, frozen_columns)
        self.paper.repeat_rows(*header)
        self.paper.autofilter(top, 0, bottom, self.last)
        self.paper.print_area(0, 0, end, self.last)
        self.paper.ignore_errors({"number_stored_as_text": xl_range(0, 0, end, self.last)})

    @property
    def _head(self) -> Format:
        return self.book.cell("center", bold=True, bg_color=self.book.words["colours"]["header"])

    def _width(self, place: int, span: int = 1) -> float:
        return sum(_pixels(width) for width in self.widths[place : place + span]) - 8

    def _fit(self, row: int, texts: list[tuple[str, float]]) -> None:
        self.paper.set_row(row, _height(max((_lines(*text) for text in texts), default=1)))

    def _merged(self, area: tuple[int, int, int, int], text: str, style: Format) -> None:
        if area[:2] != area[2:]:
            self.paper.merge_range(*area, "", style)
        self.paper.write_string(area[0], area[1], excel_text(text), style)

    def _put(self, row: int, column: int, value: Any, style: Format) -> None:
        """Write one value by its type; a text is always written as text, never as a formula or a link."""
        if value is None or value == "":
            self.paper.write_blank(row, column, None, style)
        elif isinstance(value, str):
            self.paper.write_string(row, column, excel_text(value), style)
        elif isinstance(value, dt.date):
            self.paper.write_datetime(row, column, value, style)
        else:
            self.paper.write_number(row, column, value, style)


def _placed_columns(columns: list[Column]) -> Iterator[tuple[int, Column]]:
    """Yield each column with the place on the sheet where it begins."""
    place = 0
    for column in columns:
        yield place, column
        place += column.span


def _pixels(width: float) -> float:
    """Return how wide a column of that many characters is."""
    return width * 7 + 5


def _height(lines: int) -> float:
    return min(lines * _LINE + _PADDING, _HIGHEST)


@lru_cache(maxsize=100_000)
def _lines(text: str, width: float) -> int:
    """Return on how many lines a text stands in a cell so many pixels wide."""
    if len(text) * _CAPITAL <= width and "\n" not in text:
        return 1
    lines = 0
    for paragraph in text.split("\n"):
        lines, end = lines + 1, 0.0
        for word in paragraph.split(" "):
            size = sum(_LETTERS[c] if c in _LETTERS else _CAPITAL if c.isupper() else _SMALL for c in word)
            if end and end + size > width:
                lines, end = lines + 1, 0.0
            full = int(size // width)  # a long word is broken where the line ends
            lines, end = lines + full, end + size - full * width + _SPACE
    return lines


def _header_text(text: str, facts: dict[str, Any]) -> str:
    """Return a text as a part of a page's header, in which `&` begins a command."""
    return storable(text.format(**facts))[:_HEADER_LIMIT].replace("&", "&&")


def excel_text(text: str) -> str:
    """Return the text as XlsxWriter must be given it, so that the cell shows exactly what was typed.

    A text that looks like one of its own rich strings (`<r>...</r>`) it would put into the file as XML.
    """
    text = storable(text)
    if text.startswith("<r>") and text.endswith("</r>"):
        return f'<r><t xml:space="preserve">{escape(text, quote=False)}</t></r>'
    return text
