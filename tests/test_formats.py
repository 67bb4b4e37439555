"""Formats: the same table in each gives the same rows; what is damaged, hostile or no table is refused at once."""

from __future__ import annotations

import contextlib
import csv
import io
import random
import re
import shutil
import struct
import subprocess
import tempfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import docx
import pytest
import xlsxwriter
from building import ROUND, Book, Layout, right_rows
from conftest import Run
from openpyxl.styles import Font

from pipeline.errors import Refused
from pipeline.model import Arrival
from pipeline.read import read
from pipeline.read.bundle import members
from pipeline.read.worksheet import is_plain
from pipeline.run import judge
from schemas.messages import sentence

SENDER = "101"
SOFFICE = shutil.which("soffice")
LINK = "https://www.facebook.com/mattran.behind"


def _sample() -> Book:
    """A filled form with a fault, an error cell, a link behind a text and a number for a phone."""
    rows = right_rows(SENDER)
    rows[2]["leader_phone"] = "0912xxxxxx"
    rows[4]["leader_phone"] = 912345678
    book = Book(SENDER, rows, Layout(titles=("PHỤ LỤC", "UBMTTQ HUYỆN ĐIỆN BIÊN ĐÔNG")))
    cell = book.sheet[book.at(3, "page_link")[1]]
    cell.value, cell.hyperlink = "Bấm vào đây", LINK
    book.sheet[book.at(5, "leader_email")[1]] = "#REF!"
    return book


def _told(content: bytes) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """Return status and repaired values of the sender's units, and what is told: column and rule."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(content)
        day = ROUND.source.date
        result = judge(ROUND, [Arrival("a.xls", path, "0", day)], day)
    units = result.rollup.units
    own = units[units["submitter_code"].eq(SENDER)]
    rows = {
        str(code): (unit["status"], *(result.repaired.loc[unit["id"]] if unit["id"] >= 0 else ()))
        for code, unit in own.iterrows()
    }
    findings = result.rollup.findings
    told = findings[findings["submitter"].eq(SENDER) & findings["rule"].ne("cell.repaired")]
    return rows, sorted(zip(told["column"], told["rule"], strict=True))


def _cells(content: bytes) -> list[list[str]]:
    """Return the cells of the first sheet without the blanks at the ends."""
    cells = [list(row) for row in read(content).sheets[0].cells]
    for row in cells:
        while row and not row[-1]:
            row.pop()
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _refusal(content: bytes) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        read(content)
    return caught.value.rule, caught.value.facts.get("reason", "")


def _repacked(content: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """Return the package with its parts changed; None drops one."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (part := change(name, old.read(name))) is not None:
                new.writestr(name, part)
    return out.getvalue()


def _in_sheet(content: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return _repacked(content, lambda name, part: change(part) if name.startswith("xl/worksheets/sheet") else part)


# --- the same table in every format


def _converted(content: bytes, folder: Path, suffix: str) -> bytes:
    """Return what LibreOffice makes of a workbook."""
    if SOFFICE is None:
        pytest.skip("LibreOffice is not installed")
    source = folder / "source.xlsx"
    source.write_bytes(content)
    profile = f"-env:UserInstallation=file://{folder / 'profile'}"
    command = [SOFFICE, profile, "--headless", "--convert-to", suffix, "--outdir", str(folder / "out"), str(source)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return next((folder / "out").iterdir()).read_bytes()


def _grid(book: Book) -> list[list[str]]:
    return [["" if cell.value is None else str(cell.value) for cell in row] for row in book.sheet.iter_rows()]


def _as_csv(book: Book, delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(_grid(book))
    return out.getvalue()


def _as_docx(book: Book) -> bytes:
    """A Word form: titles are paragraphs, the table has the workbook's merged cells and links."""
    document = docx.Document()
    rows = _grid(book)
    for row in rows[: len(book.layout.titles)]:
        document.add_paragraph(row[0])
    above = len(book.layout.titles)
    table = document.add_table(rows=len(rows) - above, cols=len(rows[0]))
    for number, row in enumerate(rows[above:]):
        for column, text in enumerate(row):
            table.cell(number, column).text = text
    for area in book.sheet.merged_cells.ranges:
        first = table.cell(area.min_row - 1 - above, area.min_col - 1)
        text = first.text
        first.merge(table.cell(area.max_row - 1 - above, area.max_col - 1)).text = text
    for cell in (cell for row in book.sheet.iter_rows() for cell in row if cell.hyperlink):
        _link(document, table.cell(cell.row - 1 - above, cell.column - 1), cell.hyperlink.target)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _link(document: Any, cell: Any, target: str) -> None:
    """Put what a Word cell holds inside a hyperlink."""
    paragraph = cell.paragraphs[0]._p
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
    element = docx.oxml.OxmlElement("w:hyperlink")
    element.set(docx.oxml.ns.qn("r:id"), document.part.relate_to(target, kind, is_external=True))
    for run in list(paragraph.r_lst):
        element.append(run)
    paragraph.append(element)


def _as_spreadsheet_xml(book: Book) -> bytes:
    """What Excel 2003 calls an XML spreadsheet."""
    merged = {area.coord.split(":")[0]: area for area in book.sheet.merged_cells.ranges}
    rows = []
    for row in book.sheet.iter_rows():
        cells = []
        for cell in row:
            if cell.value is None:
                continue
            area = merged.get(cell.coordinate)
            spans = (
                f' ss:MergeAcross="{area.size["columns"] - 1}" ss:MergeDown="{area.size["rows"] - 1}"' if area else ""
            )
            link = f' ss:HRef="{cell.hyperlink.target}"' if cell.hyperlink else ""
            kind = {"n": "Number", "e": "Error"}.get(cell.data_type, "String")
            data = f'<Data ss:Type="{kind}">{escape(str(cell.value))}</Data>'
            cells.append(f'<Cell ss:Index="{cell.column}"{spans}{link}>{data}</Cell>')
        rows.append(f'<Row ss:Index="{row[0].row}">{"".join(cells)}</Row>')
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    return (
        f'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="{space}" xmlns:ss="{space}">'
        f'<Worksheet ss:Name="Sheet"><Table>{"".join(rows)}</Table></Worksheet></Workbook>'
    ).encode()


def _as_xlsb(book: Book) -> bytes:
    """A binary workbook of the few records that matter; no program at hand writes one."""

    def record(code: int, data: bytes = b"") -> bytes:
        number = bytes([code]) if code < 128 else bytes([code & 0x7F | 0x80, code >> 7])
        size, length = len(data), b""
        while size > 127:
            length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
        return number + length + bytes([size]) + data

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value.encode("utf-16-le")) // 2) + value.encode("utf-16-le")

    sheet = record(129) + record(145)
    links, relations = b"", ""
    for row in book.sheet.iter_rows():
        sheet += record(0, struct.pack("<IIHBBB", row[0].row - 1, 0, 300, 0, 0, 0) + struct.pack("<I", 0))
        for cell in row:
            head = struct.pack("<II", cell.column - 1, 0)
            if cell.data_type == "e":
                sheet += record(3, head + b"\x17")
            elif cell.data_type == "n" and cell.value is not None:
                sheet += record(5, head + struct.pack("<d", cell.value))
            elif cell.value is not None:
                sheet += record(6, head + text(cell.value))
            if cell.hyperlink:
                place = struct.pack("<4I", cell.row - 1, cell.row - 1, cell.column - 1, cell.column - 1)
                links += record(494, place + text("rId1") + text("") * 3)
                kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
                target = cell.hyperlink.target
                relations = f'<Relationship Id="rId1" Type="{kind}" Target="{target}" TargetMode="External"/>'
    sheet += record(146)
    areas = [
        struct.pack("<4I", a.min_row - 1, a.max_row - 1, a.min_col - 1, a.max_col - 1) for a in book.sheet.merged_cells
    ]
    sheet += record(177, struct.pack("<I", len(areas))) + b"".join(record(176, area) for area in areas) + record(178)
    sheet += links + record(130)
    bundle = struct.pack("<II", 0, 1) + text("rId1") + text("Sheet")
    workbook = record(131) + record(143) + record(156, bundle) + record(144) + record(132)
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    space = "http://schemas.openxmlformats.org/package/2006"
    binary = "application/vnd.ms-excel.sheet.binary.macroEnabled.main"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{space}/content-types"><Default Extension="bin" ContentType="{binary}"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{space}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.bin"/></Relationships>',
        "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{space}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.bin"/></Relationships>',
        "xl/worksheets/_rels/sheet1.bin.rels": (
            f'<Relationships xmlns="{space}/relationships">{relations}</Relationships>'
        ),
        "xl/workbook.bin": workbook,
        "xl/worksheets/sheet1.bin": sheet,
    }
    return _zipped(parts)


def _zipped(parts: Mapping[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return out.getvalue()


def _strict(content: bytes) -> bytes:
    """The same workbook as Excel's "Strict Open XML" writes it: other namespaces."""

    def change(name: str, part: bytes) -> bytes:
        for old, new in (
            (
                b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                b"http://purl.oclc.org/ooxml/spreadsheetml/main",
            ),
            (
                b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
                b"http://purl.oclc.org/ooxml/officeDocument/relationships",
            ),
        ):
            part = part.replace(old, new)
        return part

    return _repacked(content, change)


def _prefixed(content: bytes) -> bytes:
    def change(sheet: bytes) -> bytes:
        sheet = re.sub(rb"<(/?)([A-Za-z])", rb"<\1x:\2", sheet)
        return sheet.replace(b"xmlns=", b"xmlns:x=", 1)

    return _in_sheet(content, change)


def _with_unknown_error(content: bytes) -> bytes:
    """An error value that calamine refuses the whole sheet for."""
    return _in_sheet(content, lambda sheet: sheet.replace(b"#REF!", b"#SPILL!"))


@pytest.mark.parametrize(
    "form", ["xlsx", "xls", "ods", "fods", "docx", "html", "spreadsheet-xml", "xlsb", "strict", "prefixed", "own"]
)
def test_the_same_table_gives_the_same_rows_in_every_format(tmp_path: Path, form: str) -> None:
    plain, told = _told(_sample().bytes())
    assert ("leader_email", "cell.error-value") in told
    assert ("leader_phone", "phone.masked") in told
    assert plain[ROUND.expected[SENDER][3].code][3] == LINK
    content = _sample().bytes()
    if form == "docx":
        content = _as_docx(_sample())
    elif form == "strict":
        content = _strict(content)
    elif form == "prefixed":
        content = _prefixed(content)
    elif form == "spreadsheet-xml":
        content = _as_spreadsheet_xml(_sample())
    elif form == "xlsb":
        content = _as_xlsb(_sample())
    elif form == "own":
        content = _with_unknown_error(content)
    elif form != "xlsx":
        content = _converted(content, tmp_path, form)
    assert _told(content) == (plain, told)


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-16-le", ";"), ("cp1258", ","), ("utf-8", "|")],
)
def test_text_tables_in_any_encoding_give_the_same_rows(encoding: str, delimiter: str) -> None:
    book = _sample()
    book.sheet[book.at(3, "page_link")[1]] = LINK
    plain = _told(book.bytes())
    content = _encoded(_as_csv(book, delimiter), encoding)
    assert _told(content) == plain


def _encoded(text: str, encoding: str) -> bytes:
    """Windows-1258 has letters and tones apart, and keeps some letters whole."""
    if encoding != "cp1258":
        return text.encode(encoding)
    import unicodedata

    letters = []
    for letter in text:
        try:
            letters.append(letter.encode("cp1258"))
        except UnicodeEncodeError:
            parts = unicodedata.normalize("NFD", letter)
            tone = next(mark for mark in parts if mark in "\u0300\u0301\u0303\u0309\u0323")
            letters.append(
                unicodedata.normalize("NFC", parts.replace(tone, "")).encode("cp1258") + tone.encode("cp1258")
            )
    return b"".join(letters)


def test_a_struck_out_row_is_a_warning_and_counts(run: Run) -> None:
    book = Book(SENDER)
    place = book.at(3, "unit")[1]
    book.sheet[place].font = Font(strike=True)
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", place, "cell.struck-out")]
    assert outcome.unit(SENDER)["listed"] == outcome.unit(SENDER)["expected"]


def _with_runs(shared: bool) -> bytes:
    """A list in whose cells parts are struck out: as strings of the workbook (shared) or of their cells."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out) if shared else xlsxwriter.Workbook(out, {"constant_memory": True})
    sheet, struck = book.add_worksheet(), book.add_format({"font_strikeout": True})
    plain = book.add_format({"bold": True})
    for row, texts in enumerate(_grid(Book(SENDER, layout=Layout(sections="none", header="flat")))):
        for column, text in enumerate(texts):
            if (row, column) == (4, 4):
                sheet.write_rich_string(row, column, struck, "Lò Văn Cũ", plain, "\nLò Thị Mới")
            elif (row, column) == (4, 5):
                sheet.write_rich_string(row, column, struck, "0912345678", " ", plain, "0987654321")
            elif (row, column) == (5, 4):
                sheet.write_rich_string(row, column, struck, "Lò Văn ", struck, "Pánh")
            elif (row, column) == (6, 4):
                sheet.write_rich_string(row, column, plain, "Lò Văn ", "Pánh")
            elif text:
                sheet.write_string(row, column, text)
    book.close()
    return out.getvalue()


@pytest.mark.parametrize("shared", [True, False])
def test_of_a_cell_of_which_a_part_is_struck_out_the_rest_counts(run: Run, shared: bool) -> None:
    outcome = run({"2022-03-20/a.xlsx": _with_runs(shared)})
    assert outcome.told() == [("2022-03-20/a.xlsx", "E6", "cell.struck-out")]
    unit = ROUND.expected[SENDER][1]
    notes = {f["cell"]: (f["value"], f["suggestion"]) for f in outcome.of_rule("cell.repaired")}
    assert notes["E5"] == ("Lò Văn Cũ Lò Thị Mới", "Lò Thị Mới")
    row = outcome.rows[unit.code]
    assert (row["leader_name"], row["leader_phone"]) == ("Lò Thị Mới", "0987654321")


# --- what else a sheet says


@pytest.mark.parametrize("form", ["xlsx", "xls", "ods"])
def test_hidden_rows_and_columns_are_read_and_said(run: Run, tmp_path: Path, form: str) -> None:
    book = Book(SENDER)
    for number in (3, 4, 6):
        book.sheet.row_dimensions[book.sheet[book.at(number, "unit")[1]].row].hidden = True
    book.sheet.column_dimensions["D"].hidden = True
    content = book.bytes() if form == "xlsx" else _converted(book.bytes(), tmp_path, form)
    outcome = run({"2022-03-20/a.xlsx": content})
    assert [place[2] for place in outcome.told(notes=True)] == ["file.hidden-sheet"]
    (note,) = outcome.of_rule("file.hidden-sheet")
    first = book.sheet[book.at(3, "unit")[1]].row
    assert f"{first}-{first + 1}, {first + 3}" in note["message"]
    assert " D " in note["message"]
    assert outcome.unit(SENDER)["status"] == "accepted"


@pytest.mark.parametrize("form", ["xls", "ods", "html", "docx", "xlsb"])
def test_error_cells_and_struck_out_text_are_found_in_every_format(tmp_path: Path, form: str) -> None:
    book = Book(SENDER)
    book.sheet[book.at(2, "leader_name")[1]] = "#REF!"
    struck = book.sheet[book.at(3, "unit")[1]]
    struck.font = Font(strike=True)
    make = {"docx": lambda: _as_docx(book), "xlsb": lambda: _as_xlsb(book)}
    content = make[form]() if form in make else _converted(book.bytes(), tmp_path, form)
    (sheet,) = read(content).sheets
    assert list(sheet.flaws.values()) == [("cell.error-value", "#REF!")]
    assert "#REF!" not in {text for row in sheet.cells for text in row}
    if form in ("xls", "ods", "html"):
        assert sheet.struck == {(struck.row - 1, struck.column - 1)}


@pytest.mark.parametrize("form", ["xlsx", "ods", "unknown"])
def test_a_formula_with_an_empty_result_is_blank_one_without_result_is_not(tmp_path: Path, form: str) -> None:
    """`=IF(1=1,"","x")`: an office program says that the result is a text, others leave it to be reckoned."""
    book = Book(SENDER)
    place = book.sheet[book.at(3, "manager_name")[1]]
    place.value = '=IF(1=1,"","x")'
    content = book.bytes()
    if form == "xlsx":
        place_of = b'r="%s"' % place.coordinate.encode()
        content = _in_sheet(content, lambda sheet: sheet.replace(place_of, place_of + b' t="str"'))
    elif form == "ods":
        content = _converted(content, tmp_path, form)
    (sheet,) = read(content).sheets
    assert [rule for rule, _ in sheet.flaws.values()] == (["cell.no-value"] if form == "unknown" else [])
    assert sheet.cells[place.row - 1][place.column - 1 : place.column] in ([""], [])


def test_values_under_merged_cells_are_not_read() -> None:
    book = Book(SENDER)
    first, under = book.at(1, "leader_name")[1], book.at(2, "leader_name")[1]
    content = book.bytes()
    book.sheet.merge_cells(f"{first}:{under}")
    merged = f'<mergeCells count="1"><mergeCell ref="{first}:{under}"/></mergeCells>'.encode()
    content = _in_sheet(content, lambda sheet: re.sub(rb"<mergeCells.*</mergeCells>", merged, sheet))
    row, column = book.sheet[under].row - 1, book.sheet[under].column - 1
    (sheet,) = read(content).sheets
    assert sheet.cells[row - 1][column] != ""
    assert sheet.cells[row][column] == ""
    assert not sheet.concealed  # what it would show is the same


def test_values_under_merged_cells_that_say_something_else_are_told(run: Run) -> None:
    rows = right_rows(SENDER)
    rows[2]["leader_name"] = "Lò Thị Mới"
    book = Book(SENDER, rows)
    first, under = book.at(1, "leader_name")[1], book.at(3, "leader_name")[1]
    merged = f'<mergeCell ref="{first}:{under}"/></mergeCells>'.encode()
    content = _in_sheet(book.bytes(), lambda sheet: sheet.replace(b"</mergeCells>", merged))
    outcome = run({"2022-03-20/a.xlsx": content})
    [note] = outcome.of_rule("cell.repaired")
    assert (note["cell"], note["unit_code"]) == (first, ROUND.expected[SENDER][1].code)
    assert (note["value"], note["suggestion"]) == ("Lò Thị Mới", rows[1]["leader_name"])
    assert "nằm khuất dưới ô gộp" in note["message"]


def test_two_sheets_of_one_name_are_each_read() -> None:
    book = Book(SENDER, layout=Layout(sections="sheets"))
    twice = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book.bytes())) as old, zipfile.ZipFile(twice, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace("Cấp xã".encode(), "Cấp huyện".encode()))
    sheets = read(twice.getvalue()).sheets
    assert [sheet.name for sheet in sheets] == ["Cấp huyện"] * 2
    listed = [row[1] for sheet in sheets for row in sheet.cells if row[0].isdigit()]
    assert listed == [row["unit"] for row in right_rows(SENDER)]


def test_our_own_reader_agrees_with_calamine() -> None:
    import datetime as dt

    book = Book(SENDER)
    values = [
        dt.date(2022, 3, 1),
        dt.datetime(2022, 3, 1, 8, 30),
        True,
        0.5,
        912345678,
        -3,
        " a  b ",
        "a\nb",
        "x_x0041_",
    ]
    for row, value in enumerate(values, start=60):
        book.sheet.cell(row, 2, value)
    content = book.bytes()
    without_addresses = _in_sheet(content, lambda sheet: sheet.replace(b"<c r=", b"<c  r="))
    assert _cells(without_addresses) == _cells(content)


@pytest.mark.parametrize("far", ["A5000", "A1048576", "XFD1"])
def test_one_far_cell_is_read_without_the_room_between(far: str) -> None:
    book = Book(SENDER)
    plain = _cells(book.bytes())
    book.sheet[far] = "."
    cells = _cells(book.bytes())
    if far == "XFD1":
        assert cells[0].pop() == "."
        cells[0] = cells[0][: len(plain[0])]
    else:
        assert cells.pop() == ["."]
    assert cells[: len(plain)] == plain


# --- Word


def _document(*blocks: str) -> bytes:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = f'<w:document xmlns:w="{space}"><w:body>{"".join(blocks)}</w:body></w:document>'
    return _zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": xml})


def _paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def _row(*cells: str | tuple[str, str]) -> str:
    parts = [cell if isinstance(cell, tuple) else ("", cell) for cell in cells]
    inner = "".join(f"<w:tc><w:tcPr>{told}</w:tcPr>{_paragraph(text)}</w:tc>" for told, text in parts)
    return f"<w:tr>{inner}</w:tr>"


def _table(*rows: str) -> str:
    return f"<w:tbl>{''.join(rows)}</w:tbl>"


def test_a_word_table_cut_in_two_with_headings_between_gives_the_same_rows() -> None:
    book = Book(SENDER, layout=Layout(sections="none", header="flat"))
    plain = _told(Book(SENDER).bytes())
    rows = [_row(*(escape(text) for text in row)) for row in _grid(book)[2:]]
    content = _document(
        _table(_row("ỦY BAN MTTQ VIỆT NAM HUYỆN ĐIỆN BIÊN ĐÔNG", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")),
        _paragraph("PHỤ LỤC"),
        _table(rows[0]),
        _paragraph("I. Cấp huyện"),
        _table(rows[1]),
        _table(_row("II", ('<w:gridSpan w:val="9"/>', "Cấp xã"))),
        _table(*rows[2:8]),
        "<w:p/>",
        _table(*rows[8:]),
        _paragraph("Nơi nhận: như trên"),
    )
    assert _told(content) == plain


def test_cells_of_word_merged_downwards_and_deleted_text() -> None:
    restart, go_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    deleted = "<w:p><w:del><w:r><w:delText>x</w:delText></w:r></w:del><w:ins><w:r><w:t>y</w:t></w:r></w:ins></w:p>"
    content = _document(
        _table(
            _row((restart, "a"), ('<w:gridSpan w:val="2"/>', "b")),
            _row((go_on, ""), "c", "d"),
            _row((go_on, ""), "e", "f"),
        ),
        deleted,
    )
    (sheet,) = read(content).sheets
    assert _cells(content) == [["a", "b"], ["", "c", "d"], ["", "e", "f"], ["y"]]
    assert sorted(sheet.merges) == [((0, 0), (2, 0)), ((0, 1), (0, 2))]


def test_what_word_does_not_show_is_not_read() -> None:
    deleted = _row("x", "y").replace("<w:tr>", '<w:tr><w:trPr><w:del w:id="1" w:author="a"/></w:trPr>', 1)
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>x</w:t></w:r>"
    shown = '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>y</w:t></w:r>'
    struck = "<w:r><w:rPr><w:strike/></w:rPr><w:t>1 </w:t></w:r><w:r><w:t>2</w:t></w:r>"
    content = _document(
        _table(_row("a", "b"), deleted, _row("c", "d")), f"<w:p>{hidden}{shown}</w:p><w:p>{struck}</w:p>"
    )
    assert _cells(content) == [["a", "b"], ["c", "d"], ["y"], ["2"]]
    (sheet,) = read(content).sheets
    assert sheet.corrected == {(3, 0): "1 2"}


def test_a_border_dragged_in_one_row_makes_no_column() -> None:
    widths = "".join(f'<w:gridCol w:w="{width}"/>' for width in (500, 1900, 100, 2000))
    two = '<w:gridSpan w:val="2"/>'
    rows = [_row("1", (two, "a"), "b"), _row("2", "c", (two, "d"))]
    assert _cells(_document(_table(f"<w:tblGrid>{widths}</w:tblGrid>", *rows))) == [["1", "a", "b"], ["2", "c", "d"]]


def test_a_web_archive_is_read() -> None:
    page = b"<html><table><tr><td>T=C3=AAn</td><td>b</td></tr></table></html>"
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n"
    part = b"--x\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    assert _cells(head + part + page + b"\r\n--x--\r\n") == [["T\u00ean", "b"]]


# --- what is refused, and why


OLE = bytes.fromhex("d0cf11e0a1b11ae1")
BOF = struct.pack("<HHHH", 0x809, 16, 0x600, 5) + b"\0" * 12


@pytest.mark.parametrize(
    ("content", "rule", "kind"),
    [
        (b"%PDF-1.7", "file.unsupported", "pdf"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "file.unsupported", "picture"),
        (
            b"Return-Path: <a@b.invalid>\r\nReceived: x\r\n y\r\nFrom: a@b.invalid\r\n\r\nabc",
            "file.unsupported",
            "mail",
        ),
        (b"Rar!\x1a\x07\x01\0abc", "file.unsupported", "archive"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "file.unsupported", "archive"),
        (b"{\\rtf1 abc}", "file.unsupported", "word"),
        (OLE + b"\0" * 600 + "WordDocument".encode("utf-16-le"), "file.unsupported", "word"),
        (OLE + b"\0" * 600, "file.unreadable", ""),
        (b"MZ\x90\0\3\0\0\0", "file.unsupported", "other"),
        ("Kính gửi: Ban Thường trực,\n\nXin gửi danh sách sau.\n".encode(), "file.unsupported", "text"),
        (_zipped({"a.xlsx": b"x", "b.txt": b"y"}), "file.unsupported", "archive"),
        (
            _zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<a/>"}),
            "file.unsupported",
            "word",
        ),
        (b" \r\n\0", "file.unreadable", "empty"),
        (b"a.xlsx".ljust(257, b"\0") + b"ustar\x0000", "file.unsupported", "archive"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0\1\2" * 99, "file.unsupported", "other"),
        (BOF + struct.pack("<HHH", 0x2F, 2, 0), "file.encrypted", ""),
    ],
)
def test_what_is_no_table_says_what_it_is(content: bytes, rule: str, kind: str) -> None:
    assert _refusal(content) == (rule, kind)


@pytest.mark.parametrize("kind", ["pdf", "picture", "word", "archive", "mail", "text", "other"])
def test_every_refusal_has_its_words(kind: str) -> None:
    sentence_of_kind = sentence("file.unsupported", {"value": "a.bin", "reason": kind})
    assert "a.bin" in sentence_of_kind
    assert sentence_of_kind.endswith("gửi lại.")


def test_an_encrypted_open_document_says_so() -> None:
    manifest = "<m><file-entry full-path='content.xml'><encryption-data/></file-entry></m>"
    mimetype = "application/vnd.oasis.opendocument.spreadsheet"
    parts = {"mimetype": mimetype, "META-INF/manifest.xml": manifest, "content.xml": b"\x01\x02"}
    assert _refusal(_zipped(parts)) == ("file.encrypted", "")


def _replaced(name: str, old: bytes, new: bytes) -> bytes:
    content = _with_shared_strings()
    return _repacked(content, lambda part, xml: xml.replace(old, new, 1) if part == name else xml)


def _with_shared_strings() -> bytes:
    """The same table as Excel writes it: strings in a part of their own."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        for row, texts in enumerate(_grid(_sample())):
            sheet.write_row(row, 0, texts)
        sheet.merge_range("A50:B51", "x")
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
HOSTILE = {
    "entities": (SHEET, b"<worksheet", b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet', "file.unreadable"),
    "column too far": (SHEET, b'r="A1"', b'r="XFE1"', "file.unreadable"),
    "no column at all": (SHEET, b'r="A1"', b'r="ZZZZZZZZZ1"', "file.unreadable"),
    "row too far": (SHEET, b'r="A1"', b'r="A99999999999"', "file.unreadable"),
    "lost strings": (STRINGS, b"<si>", b"<no>", "file.unreadable"),
    "cut XML": (SHEET, b"</sheetData>", b"", "file.unreadable"),
    "a sheet that is not there": ("xl/_rels/workbook.xml.rels", b"sheet1.xml", b"sheet9.xml", "file.unreadable"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_workbooks_are_refused_at_once(name: str) -> None:
    part, old, new, rule = HOSTILE[name]
    started = time.monotonic()
    assert _refusal(_replaced(part, old, new))[0] == rule
    assert time.monotonic() - started < 5


def test_a_workbook_of_charts_alone_is_whole_and_has_no_sheet() -> None:
    charts = _replaced("xl/_rels/workbook.xml.rels", b"relationships/worksheet", b"relationships/chartsheet")
    assert read(charts).sheets == []
    assert _refusal(_replaced("xl/workbook.xml", b"<sheet ", b"<other "))[0] == "file.unreadable"


def test_what_there_is_too_much_of_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.read.text.CELL_LIMIT", 1000)
    with pytest.raises(Refused) as refused:
        read(b"a;b;c\n" * 600)
    told = sentence(refused.value.rule, {"value": "a.csv", **refused.value.facts})
    assert "1.000 ô" in told and "1200" not in told


HARMLESS = {
    "far corner": (SHEET, b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'),
    "a lie about the strings": (STRINGS, b"uniqueCount=", b'uniqueCount="4294967295" was='),
    "everything merged": (SHEET, b'ref="A50:B51"', b'ref="A50:XFD1048576"'),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_lies_about_size_cost_nothing(name: str) -> None:
    plain = _cells(_with_shared_strings())
    started = time.monotonic()
    assert _cells(_replaced(*HARMLESS[name]))[: len(plain)] == plain
    assert time.monotonic() - started < 5


def test_cells_that_are_only_styled_cost_next_to_nothing() -> None:
    blanks = "".join(f'<c r="{letter}{{n}}" s="1"/>' for letter in "ABCDEFGHIJ")
    rows = "".join(f'<row r="{n}">{blanks.format(n=n)}</row>' for n in range(2, 5_000))
    told = f'<worksheet><sheetData><row r="1"><c r="A1"><v>1</v></c></row>{rows}</sheetData></worksheet>'.encode()
    tracemalloc.start()
    try:
        assert is_plain(told)
        assert tracemalloc.get_traced_memory()[1] < 2 * len(told)
    finally:
        tracemalloc.stop()
    assert not is_plain(told.replace(b'<c r="B7" s="1"/>', b'<c s="1"/>'))


def test_rows_that_all_reach_to_the_last_column_are_too_large() -> None:
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(100, 1100))
    assert _refusal(_replaced(SHEET, b"</sheetData>", rows.encode() + b"</sheetData>"))[0] == "file.too-large"


def test_spans_beyond_reason_are_cut() -> None:
    wide = _document(*[_table(_row(('<w:gridSpan w:val="1000000"/>', "a"), "b"))] * 100)
    assert len(_cells(wide)) == 100
    page = b"<table>" + b"<tr><td colspan=99999999 rowspan=99999999>a</td><td>b</td></tr>" * 20 + b"</table>"
    assert _cells(page)[0][0] == "a"


@pytest.mark.parametrize("content", [b"<table>" * 100_000, b"<div>" * 100_000 + b"a", b"<table><tr><td>" * 20_000])
def test_deep_nesting_is_decided_quickly(content: bytes) -> None:
    started = time.monotonic()
    with contextlib.suppress(Refused):
        read(content)
    assert time.monotonic() - started < 10


# --- bundles


def test_a_bundle_gives_its_members_and_a_document_does_not() -> None:
    inner = Book(SENDER).bytes()
    bundle = _zipped({"huyện/a.xlsx": inner, "../b.zip": _zipped({"c": b"d"}), "đ.txt": b"x"})
    found = members(bundle)
    assert found is not None
    assert [name for name, _ in found] == ["huyện/a.xlsx", "../b.zip", "đ.txt"]
    assert found[0][1] == inner
    assert members(inner) is None
    assert members(_as_docx(Book(SENDER))) is None
    assert members(b"a,b") is None


def test_names_of_a_bundle_that_do_not_say_their_encoding() -> None:
    name = "Điện.csv"
    plain = "x" * len(name.encode())
    assert members(_zipped({plain: b"y"}).replace(plain.encode(), name.encode())) == [(name, b"y")]


def test_bundles_with_a_password_or_too_much_in_them_are_refused() -> None:
    locked = bytearray(_zipped({"a.xlsx": b"x" * 50}))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    for content, rule in (
        (bytes(locked), "file.encrypted"),
        (_zipped({"a": b"\0" * (101 * 1024 * 1024)}), "file.too-large"),
        (_zipped({str(n): b"" for n in range(2001)}), "file.too-large"),
        (_zipped({"a.xlsx": b"x" * 50})[:60], "file.unreadable"),
    ):
        with pytest.raises(Refused) as caught:
            members(content)
        assert caught.value.rule == rule


# --- damage by chance


@pytest.mark.parametrize("form", ["xlsx", "docx", "xls", "ods", "xlsb"])
def test_damage_never_changes_a_value_nor_crashes(tmp_path: Path, form: str) -> None:
    """In zips a checksum guards every byte: the same cells, or refused. An .xls has none: it must only not crash."""
    book = _sample()
    make = {"xlsx": book.bytes, "docx": lambda: _as_docx(book), "xlsb": lambda: _as_xlsb(book)}
    content = make[form]() if form in make else _converted(book.bytes(), tmp_path, form)
    plain, chance = _said(content), random.Random(form)
    until = time.monotonic() + 3
    for _ in range(2_000):
        if time.monotonic() > until:
            break
        try:
            found = _said(_damaged(content, chance))
        except Refused:
            continue
        if form != "xls":
            assert found == plain


def _said(content: bytes) -> list[tuple[Any, ...]]:
    """Return all that the sheets say, blanks apart."""
    return [
        (
            {(r, c): text for r, row in enumerate(sheet.cells) for c, text in enumerate(row) if text},
            sheet.merges, sheet.links, sheet.flaws, sheet.struck,
        )
        for sheet in read(content).sheets
    ]  # fmt: skip


def _damaged(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    kind = chance.randrange(3)
    if kind == 0:
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del changed[chance.randrange(len(changed)) :]
    else:
        one, other, size = (chance.randrange(len(changed) - 200) for _ in range(3))
        size %= 200
        changed[one : one + size], changed[other : other + size] = (
            changed[other : other + size],
            changed[one : one + size],
        )
    return bytes(changed[: len(content)])
