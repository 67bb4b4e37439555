"""Workbooks as units send them, built cell by cell for the tests; all persons and numbers are made up."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.model import Arrival, Workbook
from pipeline.recognise import Recognising
from pipeline.run import Result, judge
from schemas.data import HERE
from schemas.naming import right_names
from schemas.round import Round, load_round
from schemas.text import slug
from schemas.units import Unit

ROUND = load_round("dien-bien-2022")
FORM = ROUND.form
KEYS = FORM.keys
NAMES = right_names(ROUND.register, list(ROUND.register.units), ROUND.naming).proposed
OFFICIAL = {
    "unit": "Đơn vị",
    "page_name": "Tên Trang",
    "page_link": "Địa chỉ liên kết",
    "leader": "Lãnh đạo phụ trách",
    "manager": "Cán bộ quản lý, vận hành",
    "name": "Họ và tên",
    "phone": "Số điện thoại",
    "email": "Địa chỉ hộp thư điện tử",
}

Row = dict[str, Any]


def other_form(form: str, folder: Path) -> Round:
    """The round of these tests with another form (TOML) and without targets."""
    path, text = folder / "dot.toml", (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    (folder / "bieu-mau.toml").write_text(form, encoding="utf-8")
    begin, end = text.index("[[targets]]"), text.index("# Người phải có")
    text = (text[:begin] + text[end:]).replace('form = "page-list"', f'form = "{folder / "bieu-mau.toml"}"')
    path.write_text(text, encoding="utf-8")
    return load_round(str(path))


def judged(round: Round, books: dict[str, Workbook], as_of: dt.date) -> Result:
    """The result of files (by name) that were read as these workbooks, received on that day: nothing is on a disk."""

    def read_all(arrivals: list[Arrival], work: Recognising, known: object) -> Iterator[tuple[Arrival, bytes]]:
        return ((arrival, work(arrival, books[arrival.file])) for arrival in arrivals)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.gather.read_all", read_all)
        return judge(round, [Arrival(name, Path(), name, as_of) for name in books], as_of)


def without_tables(result: Result) -> Result:
    """The result of a round that asks for no further tables."""
    return replace(result, rollup=replace(result.rollup, tables=[]))


def units_of(sender: str) -> list[Unit]:
    """The units that a sender must list: the district, then its communes."""
    return ROUND.expected[sender]


def right_row(unit: Unit) -> Row:
    """A row without a fault: a district names two persons, a commune one."""
    name = slug(unit.name).replace("-", "")
    tail = f"{int(unit.code):06d}"
    row = dict.fromkeys(KEYS, "") | {
        "unit": unit.full_name,
        "page_name": NAMES[unit.code],
        "page_link": f"https://www.facebook.com/mattran.{name}.{unit.code}",
        "leader_name": "Lò Văn Pánh",
        "leader_phone": f"0912{tail}",
        "leader_email": f"lovanpanh{unit.code}@gmail.com",
    }
    if unit.level == "district":
        row |= {
            "manager_name": "Giàng Thị Dua",
            "manager_phone": f"0987{tail}",
            "manager_email": f"giangthidua{unit.code}@gmail.com",
        }
    return row


def right_rows(sender: str) -> list[Row]:
    """The faultless rows of a sender."""
    return [right_row(unit) for unit in units_of(sender)]


FIGURES_FILE = Path(__file__).parent / "rounds" / "figures.toml"
FIGURES = load_round(str(FIGURES_FILE))
"""A round of numbers, dates and choices among the same units; its form is `forms/figures.toml`."""


def figures_rows(sender: str) -> list[Row]:
    """Rows without a fault of the round of figures."""
    right = {"held_on": dt.date(2022, 3, 15), "households": 1250, "fund": 12.5, "result": "Hoàn thành", "has_plan": "x"}
    return [{**right, "unit": unit.full_name, "note": ""} for unit in FIGURES.expected[sender]]


def plain_book(round: Round, rows: list[Row]) -> bytes:
    """A workbook with the form's headers in one row and the values below, as they are."""
    book = openpyxl.Workbook()
    form = round.form
    book.active.append([form.ordinal.header, *(form.label(key) for key in form.keys)])
    for number, row in enumerate(rows, start=1):
        book.active.append([number, *(None if row[key] == "" else row[key] for key in form.keys)])
    return saved(book)


def workbook_of(rows: Sequence[Sequence[Any]]) -> bytes:
    """A workbook of one sheet with these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return saved(book)


_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*")


def saved(book: openpyxl.Workbook) -> bytes:
    """The file; the same book gives the same bytes at any time."""
    book.properties.created = dt.datetime(2022, 3, 1)
    written, out = io.BytesIO(), io.BytesIO()
    book.save(written)
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = _MODIFIED.sub(rb"\g<1>2022-03-01T00:00:00Z", old.read(name))  # openpyxl writes when it saved
            new.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


@dataclass
class Layout:
    """How a clerk lays out the form. `columns` is the order of the keys, `words` the header words used."""

    top: int = 0  # blank rows above everything
    left: int = 0  # blank columns before the table
    titles: Sequence[str] = ("PHỤ LỤC", "DANH SÁCH “Trang cộng đồng”")
    header: str = "merged"  # merged, unmerged, flat
    sections: str = "rows"  # rows, merged, data, sheets, none
    columns: Sequence[str] = tuple(KEYS)
    words: dict[str, str] = field(default_factory=lambda: dict(OFFICIAL))
    blank_every: int = 0  # a blank row after every n rows
    header_again: int = 0  # the header set again after so many rows
    column_numbers: bool = False
    below: Sequence[Sequence[str]] = ()
    extra: Sequence[str] = ()


class Book:
    """A workbook under construction; `cells[code, key]` tells where each value was put."""

    def __init__(self, sender: str, rows: list[Row] | None = None, layout: Layout | None = None) -> None:
        self.layout = layout or Layout()
        self.sender = ROUND.submitting_units[sender]
        self.book = openpyxl.Workbook()
        self.sheet: Worksheet = self.book.active
        self.cells: dict[tuple[int, str], tuple[str, str]] = {}
        self._fill(right_rows(sender) if rows is None else rows)

    def bytes(self) -> bytes:
        """The file; the same book gives the same bytes at any time."""
        return saved(self.book)

    def at(self, number: int, key: str) -> tuple[str, str]:
        """Sheet and address of a value: `number` counts the rows as they were given."""
        return self.cells[number, key]

    def _fill(self, rows: list[Row]) -> None:
        numbered = list(enumerate(rows))
        if self.layout.sections != "sheets":
            self._table(self.sheet, numbered)
            return
        for place, (title, some) in enumerate((("Cấp huyện", numbered[:1]), ("Cấp xã", numbered[1:]))):
            sheet = self.sheet if place == 0 else self.book.create_sheet()
            sheet.title = title
            self._table(sheet, some)

    def _table(self, sheet: Worksheet, rows: list[tuple[int, Row]]) -> None:
        layout, row = self.layout, self.layout.top + 1
        for title in layout.titles:
            sheet.cell(row, layout.left + 1, title)
            row += 1
        row = self._header(sheet, row)
        if layout.column_numbers:
            for place in range(len(layout.columns) + 1):
                sheet.cell(row, layout.left + 1 + place, f"({place + 1})")
            row += 1
        for count, (number, values) in enumerate(rows):
            if layout.sections in ("rows", "merged") and count in (0, 1):
                row = self._section(sheet, row, count)
            if layout.header_again and count == layout.header_again:
                row = self._header(sheet, row)
            values = {**values}
            sheet.cell(row, layout.left + 1, count)
            if layout.sections == "data" and count == 0:
                values["unit"] = "Cấp huyện"
                sheet.cell(row, layout.left + 1, "I")
            for place, key in enumerate(layout.columns, start=layout.left + 2):
                cell = sheet.cell(row, place, None if values[key] == "" else values[key])
                self.cells[number, key] = (sheet.title, cell.coordinate)
            row += 1
            if layout.blank_every and count % layout.blank_every == 0:
                row += 1
        for texts in layout.below:
            for place, text in enumerate(texts, start=layout.left + 1):
                sheet.cell(row, place, text or None)
            row += 1

    def _section(self, sheet: Worksheet, row: int, number: int) -> int:
        left = self.layout.left + 1
        numeral, text = (("I", "Cấp huyện"), ("II", "Cấp xã"))[number]
        if self.layout.sections == "merged":
            sheet.cell(row, left, f"{numeral}. {text.upper()}")
            sheet.merge_cells(start_row=row, end_row=row, start_column=left, end_column=left + len(KEYS))
        else:
            sheet.cell(row, left, numeral)
            sheet.cell(row, left + 1, text)
        return row + 1

    def _header(self, sheet: Worksheet, row: int) -> int:
        layout, words, left = self.layout, self.layout.words, self.layout.left + 1
        sheet.cell(row, left, "TT")
        merged = layout.header == "merged"
        deep = layout.header != "flat"
        previous = ""
        for place, key in enumerate(layout.columns, start=left + 1):
            group, _, part = key.partition("_") if key.startswith(("leader", "manager")) else ("", "", key)
            if not group:
                sheet.cell(row, place, words[key])
                if merged:
                    sheet.merge_cells(start_row=row, end_row=row + 1, start_column=place, end_column=place)
            elif deep:
                if group != previous:
                    sheet.cell(row, place, words[group])
                    if merged:
                        sheet.merge_cells(start_row=row, end_row=row, start_column=place, end_column=place + 2)
                sheet.cell(row + 1, place, words[part])
            else:
                sheet.cell(row, place, f"{words[part]} {words[group].lower()}")
            previous = group
        for place, text in enumerate(layout.extra, start=left + 1 + len(layout.columns)):
            sheet.cell(row, place, text)
        return row + (2 if deep else 1)
