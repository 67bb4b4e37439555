"""The rounds that ship: names as their letters order, their questions and tables, and examples that run."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import re
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from building import workbook_of
from conftest import drop_and_run

from pipeline.__main__ import main
from schemas.messages import messages
from schemas.naming import name_key
from schemas.round import list_rounds, load_round
from schemas.text import slug

NAM_DINH, NGHE_AN, COUNTRY = "nam-dinh-2022", "nghe-an-2022", "toan-quoc-2022"

# The example of each letter, and other writings of it that its formula allows.
NAMED = [
    ("quang-nam-2021", "Huyện Phú Ninh", "", "Mặt trận Phú Ninh (tỉnh Quảng Nam)", ["Mặt trận Phú Ninh (Quảng Nam)"]),
    (
        "quang-nam-2021", "Phường An Mỹ", "Thành phố Tam Kỳ",
        "Mặt trận Phường An Mỹ (thành phố Tam Kỳ, tỉnh Quảng Nam)",
        ["Mặt trận An Mỹ (Tam Kỳ, Quảng Nam)", "Mặt trận phường An Mỹ, TP Tam Kỳ, tỉnh Quảng Nam"],
    ),
    ("dien-bien-2022", "Huyện Nậm Pồ", "", "Mặt trận Nậm Pồ (tỉnh Điện Biên)", ["Mặt trận Nậm Pồ Điện Biên"]),
    (
        "dien-bien-2022", "Xã Chung Chải", "Huyện Mường Nhé",
        "Mặt trận Chung Chải (huyện Mường Nhé, tỉnh Điện Biên)", ["Mặt trận Chung Chải Mường Nhé Điện Biên"],
    ),
    (
        NAM_DINH, "Phường Vị Hoàng", "Thành phố Nam Định",
        "Mặt trận Phường Vị Hoàng, TP Nam Định, Tỉnh Nam Định",
        ["Mặt trận Phường Vị Hoàng (thành phố Nam Định, tỉnh Nam Định)", "Mặt trận Vị Hoàng (Nam Định, Nam Định)"],
    ),
    (NAM_DINH, "Xã Hải An", "Huyện Hải Hậu", "Mặt trận Xã Hải An, Huyện Hải Hậu, Tỉnh Nam Định", []),
    ("thai-nguyen-2022", "Thành phố Phổ Yên", "", "Mặt trận Phổ Yên (tỉnh Thái Nguyên)", []),
    (COUNTRY, "Tỉnh Điện Biên", "", "Mặt trận Điện Biên", ["Mặt trận tỉnh Điện Biên"]),
    ("dien-bien-2026", "Xã Mường Nhé", "", "Mặt trận Mường Nhé (tỉnh Điện Biên)", []),
]  # fmt: skip


@pytest.mark.parametrize(("id", "unit", "parent", "right", "accepted"), NAMED, ids=lambda value: str(value)[:28])
def test_names_are_as_the_letter_orders(id: str, unit: str, parent: str, right: str, accepted: list[str]) -> None:
    round = load_round(id)
    units = round.register.units
    codes = [
        u.code
        for u in round.register.below(round.collector)
        if u.full_name == unit and (not parent or units[u.parent].full_name == parent)
    ]
    assert len(codes) == 1
    names = round.right_names
    assert names.proposed[codes[0]] == right
    for name in accepted:
        assert name_key(name) in names.spellings[codes[0]]
    wrong = right.replace("Mặt trận", "MTTQ")
    assert name_key(wrong) not in names.spellings[codes[0]]


@pytest.mark.parametrize("name", ["Mặt trậnXãTam Xuân II (huyện Núi Thành, tỉnh QuảngNam)", "MT Tam Xuân II, TPTam Kỳ"])
def test_a_blank_that_is_missing_makes_no_other_name(name: str) -> None:
    parted = {"trậnXã": "trận Xã ", "QuảngNam": "Quảng Nam", "MT": "Mặt trận", "TPTam": "thành phố Tam"}
    right = name
    for joined, apart in parted.items():
        right = right.replace(joined, apart)
    assert name_key(name) == name_key(right) != name_key(right.replace("Tam Xuân II", "Tam Xuân I"))


@pytest.mark.parametrize(
    ("id", "senders", "units"),
    [
        ("quang-nam-2021", 18, 18 + 241), ("dien-bien-2022", 10, 10 + 129), (NAM_DINH, 10, 10 + 226),
        ("thai-nguyen-2022", 9, 9 + 177), (COUNTRY, 63, 63 + 705 + 10_602), (NGHE_AN, 21, 21 + 460),
        ("dien-bien-2026", 45, 45),
    ],
)  # fmt: skip
def test_a_round_expects_the_units_of_its_day(id: str, senders: int, units: int) -> None:
    round = load_round(id)
    assert len(round.submitting_units) == senders
    assert abs(sum(map(len, round.expected.values())) - units) <= 1  # two communes of Pho Yen are one since 2022
    assert set(round.contacts) == set(round.submitting_units)
    assert all(address.endswith(".invalid") for address in round.contacts.values())


@pytest.mark.parametrize("id", [id for id in list_rounds() if id != COUNTRY])
def test_the_example_of_every_round_runs(id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--round", id, "--folder", str(tmp_path)]) == 0
    folder = next((tmp_path / "outbox").iterdir())
    summary = json.loads((folder / "ket-qua" / "summary.json").read_text(encoding="utf-8"))
    assert summary["submissions"]["received"] > summary["submissions"]["expected"] * 0.7
    told = capsys.readouterr().out
    assert "None" not in told and "nan" not in told.lower().split()
    with (folder / "ket-qua" / "findings.csv").open(encoding="utf-8-sig", newline="") as file:
        rules = {finding["rule"] for finding in csv.DictReader(file)}
    assert rules <= set(messages()["rules"])
    for name in ("bao-cao.docx", "thong-bao-ket-qua.docx"):
        assert "{{" not in _text(folder / name) and "None" not in _text(folder / name)


def _text(path: Path) -> str:
    document = docx.Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def test_nam_dinh_prints_the_figures_of_its_letter(tmp_path: Path) -> None:
    """10 of 10 districts and 68 communes have a page, 10 of 10 and 18 are connected (letter 501/CV-MTTQ)."""
    round = load_round(NAM_DINH)
    names, files, communes = round.right_names.proposed, {}, 0
    for sender, units in round.expected.items():
        rows = [["TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết", "Đã kết nối hệ thống", "Có logo"]]
        for unit in units:
            communes += unit.level == "commune"
            has_page = unit.level == "district" or communes <= 68
            connected = "x" if unit.level == "district" or communes <= 18 else "chưa" if communes <= 40 else ""
            link = f"https://www.facebook.com/mattran.{slug(unit.name).replace('-', '')}.{unit.code}"
            page = [names[unit.code], link, connected, "Có"] if has_page else ["", "", "", ""]
            rows.append(["", unit.full_name, *page])
        files[f"2022-12-30/{sender}-danh-sach.xlsx"] = workbook_of(rows)
    outcome = drop_and_run(tmp_path, files, round=NAM_DINH, as_of="2023-01-05")
    assert outcome.told() == []
    levels = outcome.summary["levels"]
    assert (levels["district"]["established"], levels["commune"]["established"]) == (10, 68)
    assert levels["commune"]["expected"] == 226 and levels["commune"]["staffed"] is None
    # pages, connected, not connected, not reported
    assert _row_of(outcome.folder, "Cấp huyện") == [10, 10, 10, 0, 0]
    assert _row_of(outcome.folder, "Cấp xã") == [226, 68, 18, 22, 226 - 40]
    text = _text(outcome.folder / "bao-cao.docx")
    assert "10/10" in text and "68/226" in text and re.search(r"30,1\s%", text)
    assert {unit["status"] for unit in outcome.summary["units"]} == {"accepted"}
    assert all(unit["score"] > 0 for unit in outcome.summary["units"])


def _row_of(folder: Path, name: str) -> list[Any]:
    """Return the numbers beside a level in the first of the further tables of the roll-up."""
    book = openpyxl.load_workbook(folder / "tong-hop.xlsx")
    for sheet in book:
        rows = list(sheet.iter_rows(values_only=True))
        at = [n for n, row in enumerate(rows) if row and "kết nối" in str(row[0] or "").lower()]
        if at:
            found = (r for r in rows[at[0] :] if r[0] and str(r[0]).lower() == name.lower())
            return [value for value in next(found)[1:] if isinstance(value, int)]
    raise AssertionError(name)


def test_persons_are_counted_and_shown_nowhere(tmp_path: Path) -> None:
    round = load_round(NGHE_AN)
    sender, units = next(iter(round.expected.items()))
    rows = [
        ["TT", "Đơn vị", "Đối tượng", "Họ và tên", "Tham gia Facebook", "Tham gia Zalo", "Tham gia Fanpage",
         "Tương tác Facebook", "Tương tác Zalo", "Tương tác Fanpage"],
    ]  # fmt: skip
    for unit in units:
        for number, group in enumerate(("chuyên trách", "BCTMT", "Ủy viên")):
            rows.append(
                ["", unit.full_name, group, f"Hoàng Thị {'ABC'[number]}nh Canary", "x", "", "Không", "x", "x", ""]
            )
    outcome = drop_and_run(
        tmp_path, {f"2022-02-20/{sender} nhan su.xlsx": workbook_of(rows)}, round=NGHE_AN, as_of="2022-03-01"
    )
    assert outcome.told(sender=sender) == []
    unit = outcome.unit(sender)
    assert (unit["status"], unit["listed"], unit["complete"]) == ("accepted", len(units), len(units))
    assert (unit["established"], unit["named"], unit["staffed"]) == (None, None, None)
    assert unit["score"] == 100.0 and outcome.unit("413")["score"] == 0.0
    lines = [line for line in outcome._table("rows.csv") if line["submitter_code"] == sender]
    assert len(lines) == 3 * len(units) and {line["joins_facebook"] for line in lines} == {"có"}
    for paper in ("bao-cao.docx", "thong-bao-ket-qua.docx"):
        assert "Canary" not in _text(outcome.folder / paper)
    assert "Canary" not in (outcome.folder / "tong-quan.html").read_text(encoding="utf-8")
    book = openpyxl.load_workbook(outcome.folder / "tong-hop.xlsx")
    values = [cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None]
    assert not [value for value in values if "Canary" in str(value)]
    assert "Cán bộ chuyên trách" in values and 3 * len(units) in values


QUESTIONS = load_round("dien-bien-2022").questions


def test_questions_are_asked_answered_and_counted(tmp_path: Path) -> None:
    from building import Book

    run = lambda files=None: drop_and_run(tmp_path, files)  # noqa: E731
    book = Book("102").book
    sheet = book.create_sheet("XÁC NHẬN")
    answers = ["Có", "x", "chưa", "sẽ làm sau", "", "Mạng yếu ở 3 bản"]
    for question, answer in zip(QUESTIONS, answers, strict=True):
        sheet.append(["", question.text, answer])
    out = io.BytesIO()
    book.save(out)
    outcome = run({"2022-03-20/ma.xlsx": out.getvalue()})
    told = outcome.told(sender="102")
    assert told == [("2022-03-20/ma.xlsx", "C4", "yes-no.invalid")]
    values = [
        row
        for sheet in openpyxl.load_workbook(outcome.folder / "tong-hop.xlsx")
        for row in sheet.values
        if row and row[0]
    ]
    assert any(
        row[0] == QUESTIONS[0].text and tuple(v for v in row[1:] if v is not None) == (1, 0, 9) for row in values
    )
    assert any(
        row[0] == QUESTIONS[2].text and tuple(v for v in row[1:] if v is not None) == (0, 1, 9) for row in values
    )
    assert any("Mạng yếu ở 3 bản" in row for row in values)
    for paper in ("bao-cao.docx", "thong-bao-ket-qua.docx"):
        assert "Mạng yếu" not in _text(outcome.folder / paper)  # free words are for the office
    # The workbook that goes back holds the answers, and is read back alike.
    returned = outcome.sender_folder("102") / "phieu-sua.xlsx"
    marked = openpyxl.load_workbook(returned)
    cell = marked["XÁC NHẬN"]["C7"]
    assert "Câu trả lời “sẽ làm sau”" in cell.comment.text and cell.fill.fgColor.rgb == "FFF8CBAD"
    [entry] = [row for row in marked["NỘI DUNG CẦN SỬA"].iter_rows() if row[10].value == "yes-no.invalid"]
    assert (entry[2].value, entry[2].hyperlink.location) == ("XÁC NHẬN C7", "'XÁC NHẬN'!C7")
    letter = email.message_from_bytes((returned.parent / "thu.eml").read_bytes(), policy=email.policy.default)
    body = letter.get_body(("plain",))
    assert body is not None and "Không rõ có hay không: 1 chỗ (trang “XÁC NHẬN”)" in body.get_content()
    again = run({"2022-03-25/ma lan 2.xlsx": returned.read_bytes()})
    assert again.told(sender="102") == [("2022-03-25/ma lan 2.xlsx", "C7", "yes-no.invalid")]


def test_a_page_named_before_its_unit_was_raised_is_asked_to_be_renamed() -> None:
    round = load_round("thai-nguyen-2022")
    ward = next(u for u in round.register.units.values() if u.full_name == "Phường Hồng Tiến")
    names = round.right_names
    assert names.proposed[ward.code] == "Mặt trận Phường Hồng Tiến (thành phố Phổ Yên, tỉnh Thái Nguyên)"
    for city in ("thị xã", "thành phố"):
        assert name_key(f"Mặt trận Xã Hồng Tiến ({city} Phổ Yên, tỉnh Thái Nguyên)") in names.spellings[ward.code]
    assert name_key("Mặt trận Thị trấn Hồng Tiến (thị xã Phổ Yên, tỉnh Thái Nguyên)") not in names.spellings[ward.code]
