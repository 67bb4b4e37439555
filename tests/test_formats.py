"""Formats: the same table in each gives the same rows; what is damaged, hostile or no table is refused at once."""

from __future__ import annotations

import csv
import io
import re
import shutil
import struct
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import docx
import pytest
from building import ROUND, Book, Layout, right_rows
from conftest import Run
from openpyxl.styles import Font

from pipeline.errors import Refused
from pipeline.model import Arrival
from pipeline.read import read
from pipeline.run import judge

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
    return caught.value.rule, caught.value.facts.get("kind", "")


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
    "form", ["xlsx", "xls", "ods", "docx", "html", "spreadsheet-xml", "xlsb", "strict", "prefixed", "own"]
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
