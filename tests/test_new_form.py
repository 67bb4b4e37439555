"""A form and a round of another trade, written in TOML alone, run from messy files to papers and back."""

from __future__ import annotations

import datetime as dt
import io
import re
import tomllib
from functools import partial
from pathlib import Path

import openpyxl
import pytest
from building import saved
from conftest import Outcome, drop_and_run

from pipeline.__main__ import main
from pipeline.answers import words
from pipeline.example import write_example
from schemas.round import load_round

FORM = """
id = "tien-do"
document = "biểu tiến độ xây dựng nhà Đại đoàn kết"
title = ["BIỂU TIẾN ĐỘ", "XÂY DỰNG NHÀ ĐẠI ĐOÀN KẾT {unit}"]

[[groups]]
key = "built"
header = "Xây mới"

[[groups]]
key = "mended"
header = "Sửa chữa"

[[columns]]
key = "unit"
kind = "unit"
header = "Địa phương"
required = true

[[columns]]
key = "handed_over"
kind = "date"
header = "Ngày bàn giao"
min = 2022-01-01
max = 2022-12-31

[[parts]]
key = "houses"
kind = "number"
header = "Số nhà"
whole = true
min = 0
max = 400

[[parts]]
key = "money"
kind = "number"
header = "Kinh phí (triệu đồng)"
aliases = ["Kinh phí"]
min = 0

[[columns]]
key = "built_houses"
part = "houses"
group = "built"

[[columns]]
key = "built_money"
part = "money"
group = "built"

[[columns]]
key = "mended_houses"
part = "houses"
group = "mended"

[[columns]]
key = "mended_money"
part = "money"
group = "mended"

[[columns]]
key = "source"
kind = "choice"
header = "Nguồn vốn"
required = true
filled = true
choices = ["Quỹ Vì người nghèo", { value = "Xã hội hóa", aliases = ["XHH"] }, "Ngân sách"]

[[columns]]
key = "finished"
kind = "yes-no"
header = "Đã hoàn thành năm 2022"

[[columns]]
key = "remark"
kind = "text"
header = "Ghi chú"
"""

ROUND = """
id = "nha-2022"
title = "Tiến độ xây dựng nhà Đại đoàn kết năm 2022"
form = "bieu/tien-do.toml"
register = "2022"
collector = "11"
submitters = "district"
lists = ["commune"]

[source]
type = "Công văn"
number = "77/MTTQ-BTT"
date = 2022-11-01
issuer = "Ban Thường trực Ủy ban MTTQ Việt Nam tỉnh Điện Biên"
subject = "báo cáo tiến độ xây dựng nhà Đại đoàn kết"

[deadline]
by = 2022-11-30

[letterhead]
parent = ["ỦY BAN MTTQ VIỆT NAM", "TỈNH ĐIỆN BIÊN"]
issuer = "BAN THƯỜNG TRỰC"
symbol = "BC-MTTQ-BTT"
place = "Điện Biên"
authority = "TM. BAN THƯỜNG TRỰC"
position = "PHÓ CHỦ TỊCH"
signer = ""
addressee = "Ban Thường trực Ủy ban Trung ương MTTQ Việt Nam"
collector = "Ủy ban MTTQ Việt Nam tỉnh Điện Biên"
recipients = ["Như trên"]

[office]
name = "Ban Thường trực Ủy ban MTTQ Việt Nam tỉnh Điện Biên"
email = "tonghop@mttq-dienbien.invalid"
"""


@pytest.fixture
def configured(tmp_path: Path) -> str:
    """The two files on disk, the form beside the round in a folder of its own."""
    (tmp_path / "bieu").mkdir()
    (tmp_path / "bieu" / "tien-do.toml").write_text(FORM, encoding="utf-8")
    (tmp_path / "nha-2022.toml").write_text(ROUND, encoding="utf-8")
    return str(tmp_path / "nha-2022.toml")


def two_row_book() -> bytes:
    """As an office lays it out: letterhead, two header rows with merged headings, a total, a signature."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["ỦY BAN MTTQ VIỆT NAM HUYỆN ĐIỆN BIÊN"])
    sheet.append(["BIỂU TIẾN ĐỘ"])
    sheet.append(["STT", "Tên xã", "Ngày bàn giao", "Xây mới", "", "Sửa chữa", "", "Nguồn vốn", "Hoàn thành năm 2022"])
    sheet["B3"] = "Địa phương (xã)"
    sheet.append(["", "", "", "Số nhà", "Kinh phí", "Số nhà", "Kinh phí"])
    sheet.merge_cells("D3:E3")
    sheet.merge_cells("F3:G3")
    sheet.append([1, "Xã Mường Pồn", dt.datetime(2022, 9, 5), 12, "1.234,5", 3, 45.25, "quỹ vì người nghèo", "x"])
    sheet.append([2, "xã Thanh Nưa", "31/6/2022", "12 nhà", "600", 0, "", "XHH", "chưa"])
    sheet.append([3, "Hua Thanh", "2/9/2022", "năm", 250, "", "", "Ngan sach", "đang làm"])
    sheet.append([4, "Xã Thanh Luông", "", 7, 350, "", "", "Vốn vay", ""])
    sheet.append([5, "Xã Thanh Hưng", "", 500, 9000, "", "", "", ""])
    sheet.append(["", "Tổng cộng", "", 519, 10000])
    sheet.append([])
    sheet.append(["", "NGƯỜI LẬP BIỂU"])
    return saved(book)


def one_row_book() -> bytes:
    """Another clerk: one header row, the columns in another order, some of them not there."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Huyện Tuần Giáo"])
    sheet.append(["Địa phương", "Nguồn vốn", "Số nhà xây mới", "Số nhà sửa chữa", "Đã hoàn thành năm 2022", "Ghi chú"])
    sheet.append(["Xã Quài Nưa", "Ngân sách", 4, 1, "có", "bàn giao sớm"])
    sheet.append(["Xã Quài Cang", "Xã hội hoá", "1 200", 0, "", ""])
    return saved(book)


def test_another_form_runs_from_messy_files_to_papers_and_back(configured: str, tmp_path: Path) -> None:
    files = {"2022-11-20/huyen Dien Bien.xlsx": two_row_book(), "2022-11-21/tuan giao.xlsx": one_row_book()}
    outcome = drop_and_run(tmp_path, files, round=configured, as_of="2022-12-05")

    told = [place for place in outcome.told() if place[2] != "unit.missing"]
    assert told == [
        ("2022-11-20/huyen Dien Bien.xlsx", "C6", "date.invalid"),
        ("2022-11-20/huyen Dien Bien.xlsx", "D7", "number.invalid"),
        ("2022-11-20/huyen Dien Bien.xlsx", "D9", "number.invalid"),
        ("2022-11-20/huyen Dien Bien.xlsx", "H8", "choice.invalid"),
        ("2022-11-20/huyen Dien Bien.xlsx", "H9", "value.missing"),
        ("2022-11-20/huyen Dien Bien.xlsx", "I7", "yes-no.invalid"),
        ("2022-11-21/tuan giao.xlsx", "C4", "number.invalid"),
    ]
    rows = {row["unit"]: row for row in outcome.rows.values()}
    first = rows["Xã Mường Pồn"]
    assert first["handed_over"] == "2022-09-05"
    assert (first["built_houses"], first["built_money"]) == ("12", "1234.5")
    assert (first["mended_houses"], first["mended_money"]) == ("3", "45.25")
    assert (first["source"], first["finished"], first["status"]) == ("Quỹ Vì người nghèo", "có", "complete")
    second = rows["Xã Thanh Nưa"]
    assert (second["built_houses"], second["mended_houses"]) == ("12", "0")
    assert (second["source"], second["finished"], second["status"]) == ("Xã hội hóa", "không", "to-correct")
    assert rows["Xã Hua Thanh"]["source"] == "Ngân sách"
    other = rows["Xã Quài Nưa"]
    assert (other["built_houses"], other["mended_houses"], other["finished"]) == ("4", "1", "có")
    assert other["status"] == "complete"  # optional columns that are not there are no fault
    assert rows["Xã Quài Cang"]["source"] == "Xã hội hóa"


def test_papers_of_another_form_are_written(configured: str, tmp_path: Path) -> None:
    outcome = drop_and_run(tmp_path, {"2022-11-20/100.xlsx": two_row_book()}, round=configured, as_of="2022-12-05")
    for name in ("bao-cao.docx", "tong-hop.xlsx", "tong-quan.html"):
        assert (outcome.folder / name).stat().st_size > 1000
    assert (outcome.sender_folder("100") / "thu.eml").exists()

    rollup = openpyxl.load_workbook(outcome.folder / "tong-hop.xlsx")
    lines = [row for sheet in rollup for row in sheet.iter_rows(values_only=True) if "Xã Mường Pồn" in row]
    assert any({dt.datetime(2022, 9, 5), 12, 1234.5, 45.25, "có"} <= set(row) for row in lines)  # by their types

    book = openpyxl.load_workbook(outcome.sender_folder("100") / "phieu-sua.xlsx")
    sheet = book["DANH SÁCH"]
    rules = {
        str(rule.sqref).split(":")[0][0]: (rule.type, rule.formula1) for rule in sheet.data_validations.dataValidation
    }
    assert rules["C"][0] == "custom"  # a day, as text: no regional setting turns it
    assert rules["D"] == ("whole", "0")
    assert rules["E"] == ("decimal", "0")
    assert rules["H"] == ("list", "'CÁC LỰA CHỌN'!$A$2:$A$4")
    assert rules["I"] == ("list", '"có,không"')
    assert [cell.value for cell in book["CÁC LỰA CHỌN"]["A"]][1:] == ["Quỹ Vì người nghèo", "Xã hội hóa", "Ngân sách"]
    row = next(cells for cells in sheet.iter_rows(values_only=True) if cells[1] == "Xã Mường Pồn")
    assert row[2:7] == ("05/09/2022", 12, 1234.5, 3, 45.25)
    noted = {cell.coordinate for cells in sheet.iter_rows() for cell in cells if cell.comment}
    assert len(noted) >= 6
    assert "DANH MỤC ĐƠN VỊ" in book.sheetnames
    guide = {row[0]: row[1] for row in book["HƯỚNG DẪN"].iter_rows(values_only=True)}
    assert "Không nhỏ hơn 0." in guide["Số nhà (Xây mới)"]
    assert "Không lớn hơn 400." in guide["Số nhà (Xây mới)"]


def test_the_form_comes_back_as_it_went_out(configured: str, tmp_path: Path) -> None:
    keys = [column["key"] for column in tomllib.loads(FORM)["columns"]]

    def values(outcome: Outcome, codes: list[str]) -> list[list[str]]:
        return [[outcome.rows[code][key] for key in keys] for code in codes]

    def asked(outcome: Outcome, codes: list[str]) -> set[tuple[str, str, str]]:
        told = [f for f in outcome.findings if f["unit_code"] in codes and f["severity"] != "note"]
        return {(f["unit_code"], f["column"], f["rule"]) for f in told}

    run = partial(drop_and_run, tmp_path, round=configured, as_of="2022-12-05")
    outcome = run({"2022-11-20/100.xlsx": two_row_book()})
    listed = [code for code, row in outcome.rows.items() if row["file"]]
    assert len(listed) == 5
    before = values(outcome, listed), asked(outcome, listed)
    marked = (outcome.sender_folder("100") / "phieu-sua.xlsx").read_bytes()
    (tmp_path / "inbox" / "2022-11-20" / "100.xlsx").unlink()
    outcome = run({"2022-11-25/phieu.xlsx": marked})
    assert (values(outcome, listed), asked(outcome, listed)) == before


def test_a_units_column_that_is_not_the_first_gets_its_findings(configured: str, tmp_path: Path) -> None:
    path = Path(configured).parent / "bieu" / "tien-do.toml"
    unit, date = ("[[columns]]" + part for part in FORM.split("[[columns]]")[1:3])
    date = date.split("[[parts]]")[0]
    path.write_text(FORM.replace(unit, "").replace(date, date + unit), encoding="utf-8")
    book = openpyxl.Workbook()
    for row in (
        ["Huyện Tuần Giáo"],
        ["STT", "Ngày bàn giao", "Địa phương", "Nguồn vốn", "Số nhà xây mới"],
        [1, "5/9/2022", "Xã Quài Nưa", "Ngân sách", 4],
        [2, "6/9/2022", "Xã Quài Không Có", "Ngân sách", 5],
    ):
        book.active.append(row)
    outcome = drop_and_run(tmp_path, {"2022-11-20/tuan giao.xlsx": saved(book)}, round=configured, as_of="2022-12-05")
    assert [place for place in outcome.told() if place[2] != "unit.missing"] == [
        ("2022-11-20/tuan giao.xlsx", "C4", "unit.unknown")
    ]
    (found,) = outcome.of_rule("unit.unknown")
    assert (found["column"], found["value"]) == ("unit", "Xã Quài Không Có")
    sheet = openpyxl.load_workbook(outcome.sender_folder(found["submitter_code"]) / "phieu-sua.xlsx")["DANH SÁCH"]
    (cell,) = (cell for cells in sheet.iter_rows() for cell in cells if cell.value == "Xã Quài Không Có")
    assert cell.comment


def test_the_example_of_a_wide_form_has_all_its_widths(configured: str, tmp_path: Path) -> None:
    more = "".join(f'[[columns]]\nkey = "t{n}"\nkind = "text"\nheader = "Cột {n}"\nwidth = 33\n' for n in range(12))
    (Path(configured).parent / "bieu" / "tien-do.toml").write_text(FORM + more, encoding="utf-8")
    paths, _ = write_example(load_round(configured), tmp_path / "inbox")
    sheets = [openpyxl.load_workbook(path).active for path in paths if path.suffix == ".xlsx"]
    assert all(sheet.column_dimensions[letter].width == 33 for sheet in sheets for letter in ("P", "Q", "U"))
    assert sheets


def test_quotation_marks_in_words_of_ours_break_no_formula(
    configured: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = FORM.replace('"Quỹ Vì người nghèo"', "'Quỹ \"Vì người nghèo\"'")
    form = form.replace(
        'header = "Ghi chú"', 'header = "Ghi chú"\nfilled = true\nwhere = { source = [\'Quỹ "Vì người nghèo"\'] }'
    )
    form += '[[columns]]\nkey = "page"\nkind = "page-name"\nheader = "Trang"\n'
    (Path(configured).parent / "bieu" / "tien-do.toml").write_text(form, encoding="utf-8")
    naming = "\n[naming.commune]\nname = 'Nhà \"đẹp\" {unit.name}'\n"
    Path(configured).write_text(ROUND + naming, encoding="utf-8")
    for key in ("list", "todo", "names", "choices"):
        monkeypatch.setitem(words()[key], "name", f"{words()[key]['name'][:8]}'{key}")
    for key in ("blank", "differs", "wrong"):
        monkeypatch.setitem(words()["check"], key, f'"{words()["check"][key]}" hay \'không')

    outcome = drop_and_run(tmp_path, {"2022-11-20/100.xlsx": two_row_book()}, round=configured, as_of="2022-12-05")
    book = openpyxl.load_workbook(outcome.sender_folder("100") / "phieu-sua.xlsx")
    cells = [cell for sheet in book for cells in sheet.iter_rows() for cell in cells]
    formulas = [cell.value for cell in cells if cell.data_type == "f"]
    formulas += [rule.formula1 for sheet in book for rule in sheet.data_validations.dataValidation if rule.formula1]
    links = [cell.hyperlink.location for cell in cells if cell.hyperlink and cell.hyperlink.location]
    assert any('""Vì người nghèo""' in formula for formula in formulas)
    assert any('""đẹp""' in formula for formula in formulas)
    assert links
    for formula in [*formulas, *links]:
        apart = re.sub(r'"(?:[^"]|"")*"', "", formula)
        named = re.findall(r"'((?:[^']|'')+)'!", apart)
        assert {name.replace("''", "'") for name in named} <= set(book.sheetnames), formula
        left = re.sub(r"'(?:[^']|'')+'!", "", apart)
        assert left.isascii() and "'" not in left and '"' not in left, formula


def test_the_blank_form_and_the_example_need_no_python_either(configured: str, tmp_path: Path) -> None:
    folders = ["--outbox", str(tmp_path / "outbox"), "--state", str(tmp_path / "state"), "--as-of", "2022-11-05"]
    assert main(["forms", "--round", configured, *folders]) == 0
    path = next((tmp_path / "outbox").glob("bieu-mau-*/**/100*.xlsx"))
    sheet = openpyxl.load_workbook(io.BytesIO(path.read_bytes()))["DANH SÁCH"]
    assert "Xã Mường Pồn" in [cell.value for cell in sheet["B"]]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "choice"', 'kind = "lua-chon"', "không có loại cột “lua-chon”"),
        (
            'choices = ["Quỹ Vì người nghèo", { value = "Xã hội hóa", aliases = ["XHH"] }, "Ngân sách"]',
            "",
            "cột loại choice phải có danh sách lựa chọn",
        ),
        ('kind = "unit"', 'kind = "text"', "phải có đúng một cột loại unit"),
        ('key = "handed_over"', 'key = "source"', "“source” được ghi hai lần"),
        ('key = "handed_over"', 'key = "status"', "khóa “status” dành riêng"),
        ('group = "built"', 'group = "bui"', "không có nhóm cột (groups) nào tên “bui”"),
        ('part = "money"', 'part = "moneys"', "không có phần dùng chung (parts) nào tên “moneys”"),
        ("min = 2022-01-01", "min = 2023-01-01", "giới hạn dưới (min) lớn hơn giới hạn trên (max)"),
        ("min = 2022-01-01", "min = 5", "giới hạn (min, max) chỉ dùng cho"),
        ('header = "Ghi chú"', 'header = "Ghi chú"\nwhole = true', "số nguyên (whole) chỉ dùng cho cột number"),
        ('header = "Ghi chú"', 'header = "Ghi chú"\nwhere = { source = ["Khác"] }', "điều kiện theo cột “source”"),
        ('header = "Ghi chú"', 'header = "Ghi chú', "sai cú pháp TOML"),
        ('header = "Ghi chú"', "", "“columns.remark.header”: thiếu mục này"),
        ('header = "Ghi chú"', 'heder = "Ghi chú"\nheader = "GC"', "“columns.remark.heder”: mục này không có"),
        ('header = "Ghi chú"', 'header = "Nguồn vốn"', "“Nguồn vốn” được ghi hai lần"),
        ('"XHH"', '"Ngân sách"', "có hai lựa chọn"),
    ],
)
def test_what_is_wrong_in_a_form_is_said_in_one_line(
    configured: str, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    path = Path(configured).parent / "bieu" / "tien-do.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert main(["status", "--round", configured]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]
    assert "tien-do.toml" in lines[0]
