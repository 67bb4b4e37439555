"""The one writer of the form: blank, or filled with what a unit wrote and marked where it must be corrected.

The workbook is always written anew from the form's definition; nothing of a sender's file is carried along.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from pipeline.model import address
from schemas.data import HERE, read_toml
from schemas.form import Column
from schemas.round import Round
from schemas.text import storable
from schemas.units import Unit

TEMPLATES = HERE.parent / "templates"
FONT = "Times New Roman"
NOTES_PER_SHEET = 2_000  # beyond this Excel becomes slow; the list of corrections still names every cell
_SPARE_ROWS = 10
_LINE_HEIGHT = 16.5  # points, for the font in use


@dataclass(frozen=True)
class Mark:
    """What must be done about a cell, or (without a cell) about the whole file."""

    severity: str
    severity_name: str
    message: str
    unit: str = ""
    label: str = ""
    value: str = ""
    suggestion: str = ""


@dataclass(frozen=True)
class FormRow:
    """One row to print: texts by column key, and the marks on its cells."""

    values: dict[str, str]
    marks: dict[str, list[Mark]] = field(default_factory=dict)


@dataclass(frozen=True)
class Filling:
    """What stands in a form: rows by level, marks that belong to no cell, and what was repaired."""

    rows: dict[str, list[FormRow]]
    whole: list[Mark] = field(default_factory=list)
    repaired: list[Mark] = field(default_factory=list)

    @property
    def marks(self) -> Iterable[Mark]:
        """All marks, those of the whole file first."""
        yield from self.whole
        for rows in self.rows.values():
            for row in rows:
                for marks in row.marks.values():
                    yield from marks


def blank(round: Round, sender: str) -> Filling:
    """Return the filling of an empty form: the units that the sender must list, nothing else."""
    key = round.form.unit_key
    rows: dict[str, list[FormRow]] = {level: [] for level in round.lists}
    for unit in round.expected[sender]:
        rows[unit.level].append(FormRow({key: unit.full_name}))
    return Filling(rows)


def write_form(
    path: Path,
    round: Round,
    sender: Unit,
    filling: Filling,
    right_names: dict[str, str],
    *,
    version: int,
    as_of: dt.date,
) -> None:
    """Write the form of a sender; `version` is the number the workbook will have when it comes back."""
    book = xlsxwriter.Workbook(
        str(path), {"strings_to_urls": False, "strings_to_formulas": False, "strings_to_numbers": False}
    )
    book.set_properties({"created": dt.datetime.combine(as_of, dt.time())})
    for name, value in (("round", round.id), ("unit", sender.code), ("version", str(version))):
        book.set_custom_property(name, value, "text")
    try:
        _Writer(book, round, sender, filling, right_names, version, as_of).write()
    finally:
        book.close()


@cache
def _words() -> dict[str, Any]:
    return read_toml(TEMPLATES / "phieu-sua.toml")


class _Writer:
    def __init__(
        self,
        book: xlsxwriter.Workbook,
        round: Round,
        sender: Unit,
        filling: Filling,
        names: dict[str, str],
        version: int,
        as_of: dt.date,
    ) -> None:
        self.as_of = as_of
        self.book, self.round, self.form, self.sender = book, round, round.form, sender
        self.filling, self.names, self.version = filling, names, version
        self.words = _words()
        self.marked = any(True for _ in filling.marks)
        self.formats: dict[tuple[tuple[str, Any], ...], Format] = {}
        self.todo_sheet = book.add_worksheet(self.words["sheets"]["todo"]) if self.marked else None
        self.list_sheet = book.add_worksheet(self.words["sheets"]["list"])
        self.names_sheet = book.add_worksheet(self.words["sheets"]["names"])
        self.places: list[tuple[Mark, str]] = []  # every mark with its cell, in the order of the list

    def write(self) -> None:
        self._list()
        if self.todo_sheet:
            self._todo(self.todo_sheet)
            self.todo_sheet.activate()
        self._right_names()

    def _format(self, **properties: Any) -> Format:
        key = tuple(sorted(properties.items()))
        if key not in self.formats:
            base = {"font_name": FONT, "font_size": 12, "valign": "vcenter", "text_wrap": True}
            self.formats[key] = self.book.add_format({**base, **properties})
        return self.formats[key]

    def _page(self, sheet: Worksheet, header_rows: tuple[int, int], last: tuple[int, int]) -> None:
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(*header_rows)
        sheet.print_area(0, 0, *last)
        sheet.set_footer("&C" + self.words["list"]["footer"])
        sheet.hide_gridlines(2)

    # --- the list

    def _list(self) -> None:
        sheet, columns = self.list_sheet, self.form.columns
        self._widths(sheet, [self.form.ordinal.width, *(column.width for column in columns)])
        row = self._heading(sheet, len(columns))
        header = row
        row = self._header(sheet, row)
        first = row
        for level in self.round.lists:
            row = self._section(sheet, row, level)
        spare = self._format(border=1, num_format="@")
        for _ in range(_SPARE_ROWS):
            for place in range(len(columns) + 1):
                sheet.write_blank(row, place, None, spare)
            row += 1
        for place, column in enumerate(columns, start=1):
            self._input_rule(sheet, column, first, row - 1, place)
        sheet.freeze_panes(first, 2)
        self._page(sheet, (header, first - 1), (row - 1, len(columns)))

    @staticmethod
    def _widths(sheet: Worksheet, widths: list[float]) -> None:
        for column, width in enumerate(widths):
            sheet.set_column(column, column, width)

    def _heading(self, sheet: Worksheet, last: int) -> int:
        texts = self.words["list"]
        day = self.round.deadline.last_day
        deadline = day.strftime("%d/%m/%Y") if day else texts["no_deadline"]
        title = [line.format(unit=self.sender.full_name.upper()) for line in self.form.title]
        identity = texts["identity"].format(unit=self.sender.code, round=self.round.id, version=self.version)
        guide = texts["guide_marked"] if self.marked else texts["guide_blank"].format(deadline=deadline)
        for row, text in enumerate(title):
            sheet.merge_range(row, 0, row, last, text, self._format(bold=True, align="center", font_size=13))
        sheet.merge_range(
            len(title), 0, len(title), last, identity, self._format(italic=True, align="center", font_size=11)
        )
        sheet.merge_range(len(title) + 1, 0, len(title) + 1, last, guide, self._format(italic=True, align="left"))
        return len(title) + 2

    def _header(self, sheet: Worksheet, row: int) -> int:
        head = self._format(bold=True, align="center", border=1, bg_color=self.words["colours"]["header"])
        if not self.form.groups:
            for place, text in enumerate([self.form.ordinal.header, *(c.header for c in self.form.columns)]):
                sheet.write_string(row, place, text, head)
            return row + 1
        sheet.merge_range(row, 0, row + 1, 0, self.form.ordinal.header, head)
        place = 1
        while place <= len(self.form.columns):
            column = self.form.columns[place - 1]
            members = self.form.of_group(column.group) if column.group else []
            if not members:
                sheet.merge_range(row, place, row + 1, place, column.header, head)
                place += 1
                continue
            sheet.merge_range(row, place, row, place + len(members) - 1, self.form.group(column.group).header, head)
            for member in members:
                sheet.write_string(row + 1, place, member.header, head)
                place += 1
        sheet.set_row(row + 1, 34)
        return row + 2

    def _section(self, sheet: Worksheet, row: int, level: str) -> int:
        section = next((section for section in self.form.sections if section.level == level), None)
        if section:
            shade = self._format(bold=True, border=1, bg_color=self.words["colours"]["section"])
            sheet.write_string(row, 0, section.number, shade)
            sheet.write_string(row, 1, section.label, shade)
            for place in range(2, len(self.form.columns) + 1):
                sheet.write_blank(row, place, None, shade)
            row += 1
        for number, form_row in enumerate(self.filling.rows.get(level, []), start=1):
            sheet.write_string(row, 0, str(number), self._format(border=1, align="center", num_format="@"))
            for place, column in enumerate(self.form.columns, start=1):
                self._cell(sheet, row, place, form_row.values.get(column.key, ""), form_row.marks.get(column.key, []))
            texts = [form_row.values.get(column.key, "") for column in self.form.columns]
            _fit(sheet, row, texts, [column.width for column in self.form.columns])
            row += 1
        return row

    def _cell(self, sheet: Worksheet, row: int, column: int, text: str, marks: list[Mark]) -> None:
        colour = {"bg_color": self.words["colours"][marks[0].severity]} if marks else {}
        sheet.write_string(row, column, storable(text), self._format(border=1, num_format="@", **colour))
        if not marks:
            return
        self.places.extend((mark, address((row, column))) for mark in marks)
        if len(self.places) <= NOTES_PER_SHEET:
            note = "\n".join(f"{mark.severity_name}: {mark.message}" for mark in marks)
            height = 24 + 17 * sum(len(part) // 42 + 1 for part in note.split("\n"))
            sheet.write_comment(row, column, storable(note), {"x_scale": 2.4, "height": height, "font_size": 10})

    def _input_rule(self, sheet: Worksheet, column: Column, first: int, last: int, place: int) -> None:
        hint = self.words["hints"].get(column.kind, self.words["hints"]["text"])
        rule: dict[str, Any] = {"validate": "any"}
        if column.kind == "unit":
            count = len(self.round.expected[self.sender.code])
            rule = {"validate": "list", "source": f"='{self.words['sheets']['names']}'!$C$3:$C${count + 2}"}
        elif "rule" in hint:
            rule = {"validate": "custom", "value": hint["rule"].format(cell=address((first, place)))}
        sheet.data_validation(
            first, place, last, place,
            {
                **rule, "error_type": "warning", "error_title": hint["title"], "error_message": hint["message"],
                "input_title": hint["title"], "input_message": hint["message"],
            },
        )  # fmt: skip

    # --- what must be corrected

    def _todo(self, sheet: Worksheet) -> None:
        texts = self.words["todo"]
        last = len(texts["headers"]) - 1
        self._widths(sheet, texts["widths"])
        row = self._todo_heading(sheet, last)
        header = row
        head = self._format(bold=True, align="center", border=1, bg_color=self.words["colours"]["header"])
        for column, text in enumerate(texts["headers"]):
            sheet.write_string(row, column, text, head)
        entries = [(mark, "") for mark in self.filling.whole] + self.places
        gravity = list(self.words["colours"])
        entries.sort(key=lambda entry: gravity.index(entry[0].severity))
        for number, (mark, cell) in enumerate(entries, start=1):
            self._entry(sheet, row + number, number, mark, cell)
        row += len(entries) + 1
        sheet.freeze_panes(header + 1, 0)
        if self.filling.repaired:
            row = self._repairs(sheet, row + 1, last)
        self._page(sheet, (header, header), (row, last))

    def _todo_heading(self, sheet: Worksheet, last: int) -> int:
        texts, marks = self.words["todo"], list(self.filling.marks)
        day = self.round.deadline.last_day
        in_time = day and day >= self.as_of
        deadline = texts["deadline"].format(date=f"{day:%d/%m/%Y}") if in_time else texts["overdue"] if day else ""
        counts = {kind: sum(mark.severity == kind for mark in marks) for kind in ("error", "warning")}
        lines: list[tuple[str, dict[str, Any]]] = [
            (texts["title"], {"bold": True, "align": "center", "font_size": 14}),
            (texts["unit"].format(unit=self.sender.full_name), {"bold": True, "align": "center", "font_size": 13}),
            (texts["summary"].format(errors=counts["error"], warnings=counts["warning"]), {"bold": True}),
            *((step.format(office=self.round.office.name, deadline=deadline), {}) for step in texts["steps"]),
        ]
        for row, (text, properties) in enumerate(lines):
            sheet.merge_range(row, 0, row, last, text, self._format(**properties))
        return len(lines)

    def _entry(self, sheet: Worksheet, row: int, number: int, mark: Mark, cell: str) -> None:
        plain = self._format(border=1, num_format="@", valign="top")
        shade = self._format(border=1, bg_color=self.words["colours"][mark.severity], valign="top")
        sheet.write_number(row, 0, number, self._format(border=1, align="center", valign="top"))
        sheet.write_string(row, 1, mark.severity_name, shade)
        if cell:
            link = self._format(border=1, font_color="#0563C1", underline=1, align="center", valign="top")
            sheet.write_url(row, 2, f"internal:'{self.words['sheets']['list']}'!{cell}", link, cell)
        else:
            sheet.write_string(row, 2, self.words["todo"]["whole_file"], plain)
        texts = [mark.unit, mark.label, mark.message, mark.value, mark.suggestion]
        for column, text in enumerate(texts, start=3):
            sheet.write_string(row, column, storable(text), plain)
        _fit(sheet, row, texts, self.words["todo"]["widths"][3:])

    def _repairs(self, sheet: Worksheet, row: int, last: int) -> int:
        sheet.merge_range(row, 0, row, last, self.words["todo"]["repaired_title"], self._format(bold=True))
        plain = self._format(border=1, num_format="@", valign="top")
        for mark in self.filling.repaired:
            row += 1
            texts = ["", "", "", mark.unit, mark.label, "", mark.value, mark.suggestion]
            for column, text in enumerate(texts):
                sheet.write_string(row, column, storable(text), plain)
            _fit(sheet, row, texts, self.words["todo"]["widths"])
        return row

    # --- right names

    def _right_names(self) -> None:
        sheet, texts = self.names_sheet, self.words["names"]
        self._widths(sheet, texts["widths"])
        sheet.merge_range(
            0, 0, 0, len(texts["headers"]) - 1, texts["title"], self._format(bold=True, align="center", font_size=13)
        )
        head = self._format(bold=True, align="center", border=1, bg_color=self.words["colours"]["header"])
        plain = self._format(border=1, num_format="@")
        for column, text in enumerate(texts["headers"]):
            sheet.write_string(1, column, text, head)
        units = self.round.expected[self.sender.code]
        for number, unit in enumerate(units, start=1):
            for column, text in enumerate((str(number), unit.code, unit.full_name, self.names.get(unit.code, ""))):
                sheet.write_string(number + 1, column, text, plain)
        sheet.freeze_panes(2, 0)
        self._page(sheet, (1, 1), (len(units) + 1, len(texts["headers"]) - 1))


def _fit(sheet: Worksheet, row: int, texts: list[str], widths: list[float]) -> None:
    """Make a row as high as its wrapped texts need; programs do not do it for files they did not make."""
    lines = max((-(-len(text) * 1.12 // width) for text, width in zip(texts, widths, strict=True)), default=1)
    sheet.set_row(row, _LINE_HEIGHT * max(1, lines))
