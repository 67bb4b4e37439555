"""The forms of Nam Dinh and Nghe An as clerks fill them: further columns, groups, one row a person."""

from __future__ import annotations

import email
import email.policy
import io
from typing import Any

import openpyxl
import pytest
from building import saved, workbook_of
from conftest import Outcome, Run

from pipeline.headers import Headers
from schemas.form import Form, load_form
from schemas.round import load_round

LEADER, MANAGER = "Lãnh đạo phụ trách", "Cán bộ quản lý, vận hành"
JOINS, INTERACTS = "Tham gia", "Tương tác với Trang Mặt trận Nghệ An"


@pytest.mark.parametrize(
    ("form", "labels", "keys"),
    [
        (
            "page-list-nam-dinh",
            [
                ("TT",), ("Đơn vị",), ("Tên Trang",), ("Địa chỉ liên kết",), (LEADER, "Họ và tên"), (LEADER, "Chức vụ"),
                (LEADER, "Email"), (MANAGER, "Họ và tên"), (MANAGER, "Chức vụ"), (MANAGER, "Cấp độ"),
                (MANAGER, "Nhóm quản trị"), (MANAGER, "SĐT"), (MANAGER, "Facebook cá nhân"), ("Đã kết nối hệ thống",),
                ("Có logo",), ("Nút gửi tin nhắn",), ("Chi tiết Trang",),
            ],
            [
                "", "unit", "page_name", "page_link", "leader_name", "", "leader_email", "manager_name",
                "manager_position", "manager_tier", "manager_group", "manager_phone", "manager_facebook", "connected",
                "has_logo", "has_message_button", "category",
            ],
        ),
        (
            "page-list-nam-dinh",
            [
                ("STT",), ("Tên xã",), ("Tên Fanpage",), ("Link",), ("Họ tên người quản lý",), ("Chức vụ",),
                ("Cấp độ",),
                ("Nhóm quản trị",), ("Số điện thoại",), ("Gmail",), ("Link Facebook cá nhân người quản lý",),
                ("Đã kết nối vào hệ thống tuyentruyen.mattran.org.vn (có/không)",), ("Logo MTTQ",), ("Hạng mục trang",),
                ("Nút nhắn tin trên Trang",),
            ],
            [
                "", "unit", "page_name", "page_link", "manager_name", "manager_position", "manager_tier",
                "manager_group", "manager_phone", "manager_email", "manager_facebook", "connected", "has_logo",
                "category", "has_message_button",
            ],
        ),
        (
            "page-list-nam-dinh",
            [
                ("TT",), ("Đơn vị",), ("Tên Trang",), ("Link trang",), ("Họ tên lãnh đạo",), ("Chức vụ",), ("ĐT",),
                ("Họ tên người quản lý",), ("Chức vụ",), ("ĐT",), ("Facebook cá nhân",), ("Kết nối",),
            ],
            [
                "", "unit", "page_name", "page_link", "leader_name", "", "leader_phone", "manager_name",
                "manager_position", "manager_phone", "manager_facebook", "connected",
            ],
        ),
        (
            "page-list-nam-dinh",
            [
                ("STT",), ("Họ và tên",), ("Chức vụ",), ("Cấp độ",), ("Nhóm quản trị",), ("Số điện thoại",),
                ("Đơn vị",), ("Email",), ("Tài khoản Facebook cá nhân",), ("Tên Trang",), ("Link Trang",),
            ],
            [
                "", "manager_name", "manager_position", "manager_tier", "manager_group", "manager_phone", "unit",
                "manager_email", "manager_facebook", "page_name", "page_link",
            ],
        ),
        (
            "page-list-nam-dinh",
            [("Đơn vị",), ("Tên Trang",), ("Link",), ("Họ và tên",), ("Số điện thoại",), ("Chức vụ",)],
            ["unit", "page_name", "page_link", "manager_name", "manager_phone", "manager_position"],
        ),
        # Nothing tells who it is, a leader is told beside, or there are two of them.
        (
            "page-list-nam-dinh",
            [("Đơn vị",), ("Tên Trang",), ("Họ và tên",), ("Số điện thoại",), ("Logo",)],
            ["unit", "page_name", "leader_name", "leader_phone", "has_logo"],
        ),
        (
            "page-list-nam-dinh",
            [("Đơn vị",), ("Tên Trang",), ("Họ và tên",), ("Chức vụ",), ("Điện thoại lãnh đạo",)],
            ["unit", "page_name", "leader_name", "", "leader_phone"],
        ),
        (
            "page-list-nam-dinh",
            [("Đơn vị",), ("Tên Trang",), ("Họ và tên",), ("SĐT",), ("Họ và tên",), ("Chức vụ",), ("SĐT",)],
            ["unit", "page_name", "leader_name", "leader_phone", "manager_name", "manager_position", "manager_phone"],
        ),
        (
            "personnel",
            [
                ("STT",), ("Họ tên",), ("Xã",), ("Khối, xóm",), ("Loại cán bộ",), ("Tham gia FB",), ("Tham gia Zalo",),
                ("Tham gia trang Fanpage",), ("Tương tác Facebook",), ("Tương tác kênh Zalo của tỉnh",),
                ("Tương tác Fanpage Mặt trận Nghệ An",), ("Trang của tập thể",),
            ],
            [
                "", "full_name", "unit", "residential_area", "group", "joins_facebook", "joins_zalo", "joins_fanpage",
                "interacts_facebook", "interacts_zalo", "interacts_fanpage", "account",
            ],
        ),
        (
            "personnel",
            [
                ("TT",), ("Đơn vị",), ("Họ và tên",), ("Đối tượng",), ("Facebook",), ("Zalo",), ("Fanpage",),
                ("Facebook",), ("Zalo",), ("Fanpage",),
            ],
            [
                "", "unit", "full_name", "group", "joins_facebook", "joins_zalo", "joins_fanpage",
                "interacts_facebook", "interacts_zalo", "interacts_fanpage",
            ],
        ),
    ],
)  # fmt: skip
def test_columns_are_recognised(form: str, labels: list[tuple[str, ...]], keys: list[str]) -> None:
    columns, _ = Headers(load_form(form)).match(labels)
    found = {place: key for key, place in columns.items()}
    assert [found.get(place, "") for place in range(len(labels))] == keys


def test_another_year_is_another_column_however_alike() -> None:
    headers = ["Xã", "Số hộ nghèo năm 2022", "Số hộ nghèo năm 2021", "Số hộ nghèo", "Số hộ cận nghèo"]
    columns = [
        {"key": f"c{place}", "kind": "number" if place else "unit", "header": header}
        for place, header in enumerate(headers)
    ]
    form = Form.model_validate({"id": "f", "document": "biểu", "title": [], "columns": columns})
    labels = ["Xã", "Hộ nghèo năm 2021", "số hộ nghèo, năm 2022", "Số hộ nghèo năm 2023", "Hộ cận nghèo", "Số hộ ngèo"]
    found, extra = Headers(form).match([(label,) for label in labels])
    assert found == {"c0": 0, "c2": 1, "c1": 2, "c4": 4, "c3": 5}
    assert extra == {3: "Số hộ nghèo năm 2023"}


# --- persons: one row each, their unit told in every row or once

PERSONS: list[tuple[str, list[Any]]] = [
    ("Huyện Quỳnh Lưu", ["", "Cán bộ chuyên trách", "Đ/c NGUYỄN VĂN AN - Chủ tịch", "x", "x", "", "x", "", ""]),
    ("Huyện Quỳnh Lưu", ["", "tập thể", "Ban Thường trực UBMTTQ huyện", "x", "x", "x", "", "", ""]),
    ("Xã Quỳnh Thắng", ["", "Bán chuyên trách", "Hồ Thị Lan", "có", "không", "", "chưa", "", ""]),
    ("Xã Quỳnh Thắng", ["Xóm 3", "BCTMT", "Trần Văn Bình", "", "", "", "", "", ""]),
    ("Xã Quỳnh Bảng", ["", "uỷ viên", "", "x", "", "", "", "", ""]),
    ("Xã Quỳnh Bảng", ["", "Cộng tác viên", "Lê Văn Cường", "?", "", "", "", "", ""]),
]


def persons_book(layout: str, persons: list[tuple[str, list[Any]]] = PERSONS, sender: str = "Huyện Quỳnh Lưu") -> bytes:
    """The persons in one of four layouts: `every` row names its unit, `merged`, `once`, `headings`, `sheets`."""
    book = openpyxl.Workbook()
    sheet = book.active
    for unit in dict.fromkeys(unit for unit, _ in persons):
        if layout == "sheets":
            sheet = book.create_sheet(unit)
        if layout == "sheets" or unit == persons[0][0]:
            sheet.append([f"ỦY BAN MTTQ VIỆT NAM {sender.upper()}"])
            sheet.append([unit.upper() if layout == "sheets" else "DANH SÁCH"])
            top = sheet.max_row + 1
            sheet.append(["TT", "Đơn vị", "Khu dân cư", "Đối tượng", "Họ và tên", JOINS, "", "", INTERACTS])
            sheet.append([*[""] * 5, *["Facebook", "Zalo", "Fanpage"] * 2])
            sheet.merge_cells(start_row=top, end_row=top, start_column=6, end_column=8)
            sheet.merge_cells(start_row=top, end_row=top, start_column=9, end_column=11)
        if layout == "headings":
            sheet.append(["", unit])
        first = sheet.max_row + 1
        for number, (_, values) in enumerate((p for p in persons if p[0] == unit), start=1):
            told = layout == "every" or (layout in ("once", "merged") and number == 1)
            sheet.append([number, unit if told else "", *values])
        if layout == "merged":
            sheet.merge_cells(start_row=first, end_row=sheet.max_row, start_column=2, end_column=2)
    sheet.append([])
    sheet.append(["", "NGƯỜI LẬP BIỂU", "", "", "TM. BAN THƯỜNG TRỰC"])
    return saved(book)


TOLD = (
    [
        ("Huyện Quỳnh Lưu", "Cán bộ chuyên trách", "Nguyễn Văn An", "có", "có"),
        ("Huyện Quỳnh Lưu", "Tập thể", "Ban Thường trực UBMTTQ huyện", "có", "có"),
        ("Xã Quỳnh Bảng", "Ủy viên Ủy ban MTTQ", "", "có", ""),
        ("Xã Quỳnh Bảng", "Cộng tác viên", "Lê Văn Cường", "?", ""),
        ("Xã Quỳnh Thắng", "Cán bộ bán chuyên trách", "Hồ Thị Lan", "có", "không"),
        ("Xã Quỳnh Thắng", "Ban công tác Mặt trận", "Trần Văn Bình", "", ""),
    ],
    # One cause, one finding: whether a name must be there depends on a group that is not known.
    [("full_name", "value.missing"), ("group", "choice.invalid"), ("joins_facebook", "yes-no.invalid")],
)


@pytest.mark.parametrize("layout", ["every", "merged", "once", "headings", "sheets"])
def test_persons_are_read_in_any_layout(layout: str, run: Run) -> None:
    outcome = run({"2022-02-20/quynh luu.xlsx": persons_book(layout)}, round="nghe-an-2022", as_of="2022-03-05")
    assert _told(outcome) == TOLD


def test_of_communes_of_one_name_a_sheets_is_the_senders_and_who_is_listed_twice_counts_once(run: Run) -> None:
    """Dong Van is a commune of three districts. Namesakes differ in something, collectives have no name."""
    person = ["", "Ủy viên", "Vi Văn Tám", "x", "", "", "", "", ""]
    collective = ["", "Tập thể", "", "x", "", "", "", "", ""]
    persons = [
        ("Huyện Quế Phong", ["", "Chuyên trách", "Nguyễn Văn An", "x", "x", "", "", "", ""]),
        *[("Xã Đồng Văn", list(row)) for row in (person, person, ["Bản Mường", *person[1:]], collective, collective)],
    ]
    book = persons_book("sheets", persons, "Huyện Quế Phong")
    outcome = run({"2022-02-20/415.xlsx": book}, round="nghe-an-2022", as_of="2022-02-21")
    names = [row["full_name"] for row in outcome._table("rows.csv") if row["file"]]
    assert sorted(names) == ["", "", "Nguyễn Văn An", "Vi Văn Tám", "Vi Văn Tám"]
    told = [(f["rule"], f["row"]) for f in outcome.findings if f["file"] and f["severity"] != "note"]
    assert told == [("contact.same-person", "5"), ("contact.same-person", "6")]


def test_more_columns_beside_the_forms_than_it_has(run: Run) -> None:
    book = openpyxl.load_workbook(io.BytesIO(persons_book("every")))
    sheet = book.active
    for area in list(sheet.merged_cells.ranges):
        sheet.unmerge_cells(str(area))
    sheet.insert_cols(6, 5)
    for column, text in enumerate(("Năm sinh", "Nam", "Nữ", "Dân tộc", "Chức vụ"), start=6):
        sheet.cell(3, column, text)
        sheet.cell(5, column, "x")
    outcome = run({"2022-02-20/quynh luu.xlsx": saved(book)}, round="nghe-an-2022", as_of="2022-03-05")
    assert _told(outcome) == TOLD
    assert len(outcome.of_rule("form.extra-column")) == 5


def _told(outcome: Outcome) -> tuple[list[tuple[str, ...]], list[tuple[str, str]]]:
    """The persons, unit by unit, and what was found in their cells."""
    keys = ("unit", "group", "full_name", "joins_facebook", "joins_zalo")
    rows = [tuple(row[key] for key in keys) for row in outcome._table("rows.csv") if row["file"]]
    found = [(f["column"], f["rule"]) for f in outcome.findings if f["cell"] and f["severity"] != "note"]
    return sorted(rows, key=lambda row: row[0]), sorted(found)


def test_a_marked_list_of_persons_comes_back_as_it_went_out(run: Run) -> None:
    outcome = run({"2022-02-20/a.xlsx": persons_book("once")}, round="nghe-an-2022", as_of="2022-02-21")
    marked = (outcome.sender_folder("421") / "phieu-sua.xlsx").read_bytes()
    sheet = openpyxl.load_workbook(io.BytesIO(marked))["DANH SÁCH"]
    assert not sheet.protection.sheet  # nobody knows how many rows a unit needs
    assert _told(run({"2022-02-25/b.xlsx": marked}, round="nghe-an-2022", as_of="2022-02-26")) == TOLD


@pytest.mark.parametrize("moved", [False, True])
def test_a_units_name_is_corrected_in_its_row_though_others_have_it_right(run: Run, *, moved: bool) -> None:
    persons = [(unit if number != 3 else "Xa Quynh Thang", row) for number, (unit, row) in enumerate(PERSONS[:4])]
    outcome = run({"2022-02-20/a.xlsx": persons_book("every", persons)}, round="nghe-an-2022", as_of="2022-02-21")
    assert len(outcome.of_rule("unit.spelling")) == 1
    book = openpyxl.load_workbook(outcome.sender_folder("421") / "phieu-sua.xlsx")
    for cells in book["NỘI DUNG CẦN SỬA"].iter_rows():
        if cells[10].value == "unit.spelling":
            cells[8].value = "x"
    if moved:
        book["DANH SÁCH"].insert_rows(9)
    outcome = run({"2022-02-25/b.xlsx": saved(book)}, round="nghe-an-2022", as_of="2022-02-26")
    assert outcome.of_rule("unit.spelling") == []


def test_what_changed_in_a_list_is_told_person_by_person(run: Run) -> None:
    """One who is inserted does not make others of all that stand below."""
    run({"2022-02-20/a.xlsx": persons_book("every")}, round="nghe-an-2022", as_of="2022-02-21")
    new = ("Xã Quỳnh Thắng", ["", "Bán chuyên trách", "Vi Thị Mới", "x", "", "", "", "", ""])
    moved = [*PERSONS[:2], new, PERSONS[3], PERSONS[2], *PERSONS[4:]]
    moved[3] = (moved[3][0], ["Xóm 5", *moved[3][1][1:]])  # Tran Van Binh
    outcome = run({"2022-02-25/b.xlsx": persons_book("every", moved)}, round="nghe-an-2022", as_of="2022-02-26")
    message = email.message_from_bytes(
        (outcome.sender_folder("421") / "thu.eml").read_bytes(), policy=email.policy.default
    )
    body = message.get_body(("plain",))
    assert body is not None
    told = "Thay đổi 5 ô (Đơn vị: 1, Khu dân cư: 1, Đối tượng: 1, Họ và tên: 1, Facebook (Tham gia): 1)"
    assert told in body.get_content()


def test_what_else_nam_dinh_asks_is_optional(run: Run) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(
        [
            "TT",
            "Đơn vị",
            "Tên Trang",
            "Địa chỉ liên kết",
            "Đã kết nối",
            "Có logo",
            "Chi tiết Trang",
            "Cấp độ",
            "FB cá nhân",
        ]
    )
    right = load_round("nam-dinh-2022").right_names.proposed
    values: list[list[Any]] = [
        ["x", "chưa", "tổ chức chính trị", "xã", "https://www.facebook.com/nguyen.van.a.1990"],
        ["", "", "", "", ""],
        ["đã kết nối", "có", "Cộng đồng", "cấp phường", "Nguyễn Văn B"],
    ]
    units = [unit for unit in load_round("nam-dinh-2022").expected["359"] if unit.level == "commune"][:3]
    for number, (unit, told) in enumerate(zip(units, values, strict=True), start=1):
        link = f"https://www.facebook.com/mattran.{unit.code}"
        sheet.append([number, unit.full_name, right[unit.code], link, *told])
    outcome = run({"2022-12-20/359.xlsx": saved(book)}, round="nam-dinh-2022", as_of="2022-12-25")
    keys = ("connected", "has_logo", "category", "manager_tier", "has_message_button", "status")
    assert [tuple(outcome.rows[unit.code][key] for key in keys) for unit in units] == [
        ("có", "không", "Tổ chức chính trị", "Cấp xã", "", "complete"),
        ("", "", "", "", "", "complete"),
        ("có", "có", "Cộng đồng", "Cấp xã", "", "to-correct"),
    ]
    codes = [unit.code for unit in units]
    told = [
        (f["unit_code"], f["rule"], f["suggestion"]) for f in outcome.findings if f["cell"] and f["unit_code"] in codes
    ]
    assert [place for place in told if place[1] != "cell.repaired"] == [
        (codes[2], "choice.invalid", "Tổ chức chính trị")
    ]
    assert not outcome.of_rule("form.missing-column")


def test_the_collectors_own_page_is_no_units(run: Run) -> None:
    round = load_round("nam-dinh-2022")
    units = [unit for unit in round.expected["360"] if unit.level == "commune"][:3]
    links = [round.own["page_link"], "m.facebook.com/mttqvietnam", "https://www.facebook.com/mattran.rieng"]
    rows = [
        [number, unit.full_name, round.right_names.proposed[unit.code], link]
        for number, (unit, link) in enumerate(zip(units, links, strict=True), start=1)
    ]
    content = workbook_of([["TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết"], *rows])
    outcome = run({"2022-12-20/360.xlsx": content}, round="nam-dinh-2022", as_of="2022-12-25")
    assert [outcome.rows[unit.code]["status"] for unit in units] == ["to-correct", "to-correct", "complete"]
    messages = [found["message"] for found in outcome.of_rule("link.duplicate")]
    assert len(messages) == 2
    assert "Ủy ban MTTQ Việt Nam tỉnh Nam Định khai" in messages[0]
    assert "Ủy ban Trung ương MTTQ Việt Nam khai" in messages[1]
