"""The same list in any layout gives the same rows: a law, tried on layouts that chance puts together."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path

import pytest
from building import KEYS, OFFICIAL, ROUND, Book, Layout, right_rows
from conftest import Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model import Arrival
from pipeline.run import judge

SENDER = "101"
SHORT = {
    "unit": "Tên đơn vị",
    "page_name": "Tên fanpage",
    "page_link": "Link",
    "leader": "Lãnh đạo PT",
    "manager": "CB quản lý",
    "name": "Họ tên",
    "phone": "SĐT",
    "email": "Gmail",
}
MISSPELT = {
    "unit": "Đơn vi",
    "page_name": "Tên Tràng",
    "page_link": "Điạ chỉ liên kêt",
    "leader": "Lảnh đạo phụ trách",
    "manager": "Cán bộ quản lí, vận hành",
    "name": "Họ và  tên",
    "phone": "Số điện thọai",
    "email": "Địa chỉ hộp thư điên tử",
}
REORDERED = ["page_name", "page_link", "unit", *KEYS[6:], *KEYS[3:6]]
SEED_EXAMPLE = [
    ["* Ví dụ:"],
    ["- Tên Trang: Mặt trận Điện Biên"],
    ["- Địa chỉ liên kết: https://www.facebook.com/Mat-tran-Dien-Bien"],
    ["+ Họ tên: Giàng Văn X - Phó Chủ tịch Ủy ban MTTQ Việt Nam tỉnh."],
    ["+ Điện thoại: 0912....."],
]
SIGNATURE = [
    ["", "Tổng cộng", "15 Trang"],
    ["", "Nơi nhận:", "", "", "TM. BAN THƯỜNG TRỰC"],
    ["", "- BTT UBMTTQ tỉnh;", "", "", "CHỦ TỊCH"],
    ["", "", "", "", "Lò Văn A"],
]

layouts = st.builds(
    Layout,
    top=st.integers(0, 4),
    left=st.integers(0, 3),
    titles=st.sampled_from([("UBMTTQ HUYỆN ĐIỆN BIÊN ĐÔNG",), ("PHỤ LỤC", "TỈNH ĐIỆN BIÊN", "DANH SÁCH")]),
    header=st.sampled_from(["merged", "unmerged", "flat"]),
    sections=st.sampled_from(["rows", "merged", "data", "sheets", "none"]),
    columns=st.sampled_from([KEYS, REORDERED]),
    words=st.sampled_from([OFFICIAL, SHORT, MISSPELT]),
    blank_every=st.integers(0, 4),
    header_again=st.sampled_from([0, 5]),
    column_numbers=st.booleans(),
    below=st.sampled_from([[], SEED_EXAMPLE, SIGNATURE, [["", "..."], ["", "x"]], [["16"], ["17"]]]),
    extra=st.sampled_from([(), ("Ghi chú",), ("Chức vụ", "Lượt theo dõi")]),
)


def _judged(content: bytes) -> tuple[list[tuple[str, ...]], list[str]]:
    """The repaired rows of the sender, and the errors and warnings about them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.xlsx"
        path.write_bytes(content)
        day = ROUND.source.date
        result = judge(ROUND, [Arrival("a.xlsx", path, "0", day)], day)
    units = result.rollup.units
    rows = [tuple(result.repaired.loc[id]) if id >= 0 else () for id in units["id"]]
    findings = result.rollup.findings
    told = findings[findings["severity"].ne("note") & findings["submitter"].isin([SENDER, ""])]
    return rows, sorted(told["rule"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layouts)
def test_any_layout_gives_the_same_rows(layout: Layout) -> None:
    plain, nothing = _judged(Book(SENDER).bytes())
    assert nothing == []
    assert _judged(Book(SENDER, layout=layout).bytes()) == (plain, [])


def test_findings_stand_at_the_senders_own_cells(run: Run) -> None:
    rows = right_rows(SENDER)
    rows[7]["leader_phone"] = "0912xxxxxx"
    for layout in (
        Layout(top=3, left=2, header="unmerged", sections="sheets", blank_every=2),
        Layout(left=1, columns=REORDERED, header="flat", sections="none", header_again=4, words=SHORT),
    ):
        book = Book(SENDER, rows, layout)
        outcome = run({"2022-03-20/a.xlsx": book.bytes()})
        found = outcome.of_rule("phone.masked")
        assert [(f["sheet"], f["cell"]) for f in found] == [book.at(7, "leader_phone")]
        assert outcome.told() == [("2022-03-20/a.xlsx", book.at(7, "leader_phone")[1], "phone.masked")]


def test_a_hyperlink_behind_other_text_is_the_address(run: Run) -> None:
    rows = right_rows(SENDER)
    book = Book(SENDER, rows)
    for number, behind in ((2, "https://www.facebook.com/mattran.moi1"), (3, "HTTPS://M.FACEBOOK.COM/mattran.moi2")):
        cell = book.sheet[book.at(number, "page_link")[1]]
        cell.value, cell.hyperlink = "Bấm vào đây", behind
    book.sheet[book.at(4, "page_link")[1]] = '=HYPERLINK("https://fb.com/mattran.moi3","Trang")'
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == []
    links = [outcome.rows[unit.code]["page_link"] for unit in ROUND.expected[SENDER][2:5]]
    assert links == [f"https://www.facebook.com/mattran.moi{n}" for n in (1, 2, 3)]


def test_invisible_differences_are_no_fault(run: Run) -> None:
    rows = right_rows(SENDER)
    for row in rows[1:6]:
        for key in ("unit", "page_name", "leader_name"):
            row[key] = "\u200b" + unicodedata.normalize("NFD", row[key]).replace(" ", "\u00a0") + " \ufeff"
    outcome = run({"2022-03-20/a.xlsx": Book(SENDER, rows).bytes()})
    assert outcome.told() == []
    assert {row["leader_name"] for row in outcome.rows.values() if row["submitter_code"] == SENDER} == {"Lò Văn Pánh"}


@pytest.mark.parametrize("far", ["A5000", "AZ3"])
def test_one_stray_character_far_away_changes_nothing(run: Run, far: str) -> None:
    book = Book(SENDER)
    book.sheet[far] = "."
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == []


def test_a_sheet_of_prose_beside_the_table_is_passed_over(run: Run) -> None:
    book = Book(SENDER)
    prose = book.book.create_sheet("Hướng dẫn", 0)
    prose["A1"], prose["A2"] = "Hướng dẫn của huyện Tuần Giáo", "Điền đủ các cột Đơn vị, Tên Trang."
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == []
    assert outcome.unit(SENDER)["status"] == "accepted"
