"""The writer of workbooks: what is written is what other programs read, and as XlsxWriter would have said it."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import openpyxl
import pytest
import python_calamine
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.xlsx.book import Workbook
from pipeline.xlsx.notes import Note
from pipeline.xlsx.sheet import Formula, Sheet, Validation, one_of
from schemas.text import storable

DAY = dt.date(2026, 3, 2)
LOOK = {"font_name": "Times New Roman", "font_size": 11, "text_wrap": True}
TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "=1+1",
        "@SUM(1)",
        "_x0041_",
        "_x005F_x0041_",
        " a ",
        "a\nb",
        "a\r\nb",
        "\t",
        "<r><t>x</t></r>",
        "&amp;",
        '"',
        "]]>",
    ]
)
VALUES = st.lists(st.lists(TEXTS | st.integers(-(10**9), 10**9) | st.none(), max_size=5), max_size=5)


def _book(*sheets: str, widths: tuple[float, ...] = (8.0, 12.5, 20.0)) -> tuple[Workbook, list[Sheet]]:
    book = Workbook(DAY, {"round": "a & b", "version": "2"})
    return book, [book.sheet(name, [*widths]) for name in sheets]


def _part(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as package:
        return package.read(name)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_cells_are_read_as_they_were_written(tmp_path_factory, rows) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("book") / "a.xlsx"
    book, (sheet,) = _book("Danh s\u00e1ch", widths=(8.0,) * 5)
    look = book.looks.add(LOOK)
    for row, values in enumerate(rows):
        sheet.write(row, [(column, value, look) for column, value in enumerate(values)])
    path.write_bytes(book.content())
    read = python_calamine.load_workbook(str(path)).get_sheet_by_index(0)
    found = {
        (row, column): value
        for row, values in enumerate(read.to_python(skip_empty_area=False))
        for column, value in enumerate(values)
        if value != ""
    }
    wanted = {
        (row, column): storable(value) if isinstance(value, str) else float(value)
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
        if value is not None and (not isinstance(value, str) or storable(value))
    }
    assert found == wanted


def test_a_long_sheet_is_read_whole(tmp_path: Path) -> None:
    """Its rows wait on the disk, in portions."""
    path = tmp_path / "a.xlsx"
    book, (sheet,) = _book("A")
    look = book.looks.add(LOOK)
    for row in range(4_500):
        sheet.write(row, [(0, row, look), (1, f"d\u00f2ng {row} & <{row}>", look)])
    path.write_bytes(book.content())
    assert zipfile.ZipFile(path).testzip() is None
    read = python_calamine.load_workbook(str(path)).get_sheet_by_index(0).to_python()
    assert [row[:2] for row in read] == [[row, f"d\u00f2ng {row} & <{row}>"] for row in range(4_500)]


def test_a_text_is_never_longer_than_excel_allows(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book, (sheet,) = _book("A")
    sheet.write(0, [(0, "\U0001f600" * 20_000, book.looks.add(LOOK))])
    path.write_bytes(book.content())
    rows = ElementTree.fromstring(_part(path, "xl/worksheets/sheet1.xml")).find("{*}sheetData")
    assert rows is not None
    text = "".join(rows.itertext())
    assert len(text.encode("utf-16-le")) <= 2 * 32_767 and set(text) == {"\U0001f600"}


@pytest.mark.parametrize("name", ["", "a" * 32, "a/b", "[a]", "Same"])
def test_a_name_that_excel_refuses_is_refused(name: str) -> None:
    book, _ = _book("same")
    with pytest.raises(ValueError, match=f"^{re.escape(name)}$"):
        book.sheet(name, [8.0])


def test_what_stands_beside_a_cell_is_as_long_as_excel_allows() -> None:
    rule = ElementTree.fromstring(Validation("list", title="t" * 99, message="\u1eb7" * 999).xml("A1"))
    assert (len(rule.attrib["promptTitle"]), len(rule.attrib["prompt"])) == (32, 255)


def test_a_workbook_is_of_the_version_that_its_charts_are_written_for(tmp_path: Path) -> None:
    """Otherwise LibreOffice shows the name of every bar, its series and a key beside its value."""
    path = tmp_path / "a.xlsx"
    book, _ = _book("A")
    path.write_bytes(book.content())
    assert openpyxl.load_workbook(path).properties is not None
    assert b"<AppVersion>12.0000</AppVersion>" in _part(path, "docProps/app.xml")
    assert b"/docProps/app.xml" in _part(path, "[Content_Types].xml") and b"docProps/app.xml" in _part(
        path, "_rels/.rels"
    )


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        book, (sheet,) = _book("A")
        sheet.write(0, [(0, "x", book.looks.add(LOOK))])
        sheet.notes.append(Note(0, 0, "note", 60))
        (tmp_path / name).write_bytes(book.content())
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_another_program_reads_what_stands_around_the_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book, (first, second) = _book("T\u1ed5ng 'h\u1ee3p'", "B")
    plain, marked = (book.looks.add({**LOOK, **look}) for look in ({}, {"bg_color": "#FFC7CE", "locked": False}))
    first.merge(0, 0, 0, 2)
    first.write(0, [(0, "title", plain), (1, None, plain), (2, None, plain)])
    formula = Formula('IF(A2<>"","x & y","")', "x & y")
    first.write(1, [(0, "a", marked), (1, DAY, plain), (2, formula, plain)], 30)
    first.link(1, 0, "external:../../inbox/a b.xlsx#'S 1'!C7", "a")
    first.link(0, 0, "internal:'B'!A1", "title")
    first.validate(1, 0, 9, Validation("list", formulas=one_of(["c\u00f3", "kh\u00f4ng"]), title="t", message="m\nn"))
    first.validate(1, 2, 9, Validation("whole", "between", ("0", "5")))
    first.freeze(1, 1)
    first.filter(0, 9, 2)
    first.print((0, 0), (9, 2))
    first.break_page(5)
    first.notes.append(Note(1, 1, " look\nhere", 60))
    second.protection = 'scenarios="1"'
    second.active = True
    path.write_bytes(book.content())

    read = openpyxl.load_workbook(path)
    sheet, other = read.worksheets
    assert (sheet.title, other.title, read.active.title) == ("T\u1ed5ng 'h\u1ee3p'", "B", "B")
    assert {prop.name: prop.value for prop in read.custom_doc_props.props} == {"round": "a & b", "version": "2"}
    assert sheet["B2"].value == (DAY - dt.date(1899, 12, 30)).days
    assert sheet["C2"].value == '=IF(A2<>"","x & y","")' and sheet["B2"].comment.text == " look\nhere"
    assert sheet["A2"].fill.fgColor.rgb == "FFFFC7CE" and not sheet["A2"].protection.locked
    assert sheet["A2"].hyperlink.target == "..\\..\\inbox\\a%20b.xlsx" and sheet["A2"].hyperlink.location == "'S 1'!C7"
    assert sheet["A1"].hyperlink.location == "'B'!A1"
    assert [str(cells) for cells in sheet.merged_cells.ranges] == ["A1:C1"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("B2", "A1:C10")
    assert (sheet.print_area, sheet.print_title_rows) == ("'T\u1ed5ng ''h\u1ee3p'''!$A$1:$C$10", "$1:$1")
    assert [rule.formula1 for rule in sheet.data_validations.dataValidation] == ['"c\u00f3,kh\u00f4ng"', "0"]
    assert sheet.data_validations.dataValidation[0].prompt == "m\nn"
    assert [cut.id for cut in sheet.row_breaks.brk] == [5] and sheet.row_dimensions[2].height == 30
    assert other.protection.sheet and not sheet.protection.sheet


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 4), st.integers(20, 900)), unique_by=lambda n: n[:2]))
def test_boxes_of_notes_lie_where_xlsxwriter_puts_them(tmp_path_factory, places) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("notes")
    book, (sheet,) = _book("A")
    for row in range(0, 40, 3):
        sheet.write(row, [], 12 + 7.25 * row)
    sheet.notes += [Note(row, column, "x", height) for row, column, height in sorted(places)]
    (folder / "a.xlsx").write_bytes(book.content())
    with xlsxwriter.Workbook(folder / "b.xlsx") as other:
        paper = other.add_worksheet("A")
        for column, width in enumerate([8.0, 12.5, 20.0]):
            paper.set_column(column, column, width)
        for row in range(0, 40, 3):
            paper.set_row(row, 12 + 7.25 * row)
        for row, column, height in places:
            paper.write_comment(row, column, "x", {"x_scale": 2.4, "height": height, "font_size": 10})
    if places:
        for name in ("xl/drawings/vmlDrawing1.vml", "xl/comments1.xml"):
            assert _part(folder / "a.xlsx", name) == _part(folder / "b.xlsx", name)
    else:
        assert zipfile.ZipFile(folder / "a.xlsx").testzip() is None
