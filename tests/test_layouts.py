"""The same list in any layout gives the same rows: a law, tried on layouts that chance puts together."""

from __future__ import annotations

import io
import tempfile
import unicodedata
from pathlib import Path

import openpyxl
import pytest
from building import KEYS, OFFICIAL, ROUND, Book, Layout, Row, right_rows
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
    ["", "Tỷ lệ (%)", "100"],
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


@pytest.mark.parametrize("far", ["A1048576", "AZ3", "XFD20"])
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


# --- tables that clerks lay out by themselves, cell by cell

UNITS = ROUND.expected[SENDER]
SHORT_HEADER = ["TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết"]
PERSON = ["Họ và tên", "Số điện thoại", "Email"]
BOTH = [f"{part} {whose}" for whose in ("lãnh đạo phụ trách", "cán bộ quản lý") for part in PERSON]
TITLE = ["UBMTTQ HUYỆN ĐIỆN BIÊN ĐÔNG"]
ROWS = right_rows(SENDER)

Grid = list[list[str]]


def _book(*sheets: Grid, names: tuple[str, ...] = (), merges: tuple[str, ...] = ()) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, grid in enumerate(sheets):
        sheet = book.create_sheet(names[number] if names else f"S{number}")
        for row, texts in enumerate(grid, start=1):
            for column, text in enumerate(texts, start=1):
                sheet.cell(row, column, text or None)
        for area in merges:
            sheet.merge_cells(area)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cells(row: Row, *keys: str) -> list[str]:
    return [row[key] for key in keys]


def _table(header: list[str], keys: list[str], rows: list[Row] | None = None) -> Grid:
    numbered = enumerate(ROWS if rows is None else rows)
    return [TITLE, [], header, *([str(number), *_cells(row, *keys)] for number, row in numbered)]


def _in_one_cell(group: str, template: str) -> list[Row]:
    def one(row: Row) -> str:
        parts = {part: row[f"{group}_{part}"] for part in ("name", "phone", "email")}
        return template.format(**parts) if parts["name"] else ""

    return [row | {group: one(row)} for row in ROWS]


def _same_as_official(run: Run, content: bytes) -> list[dict[str, str]]:
    """Nothing is told of the file, and its rows are those of the faultless form; return the notes."""
    outcome = run({"2022-03-20/a.xlsx": content})
    assert outcome.told() == []
    for unit, row in zip(UNITS, ROWS, strict=True):
        got = outcome.rows[unit.code]
        assert {key: got[key] for key in KEYS[1:]} == {key: row[key] for key in KEYS[1:]}, unit.full_name
        assert got["status"] == "complete"
    return [finding for finding in outcome.findings if finding["severity"] == "note"]


@pytest.mark.parametrize(
    "template",
    [
        "{name}\n{phone}\n{email}", "{name}\nSĐT: {phone}\nEmail: {email}", "{name}, {phone}, {email}",
        "{name} - {phone} - {email}", "Họ tên: {name}; ĐT: {phone}; Gmail: {email}",
        "{name} (ĐT: {phone}; email: {email})",
        "{email} / {phone} / {name}", "Đ/c {name} - Phó Chủ tịch\n{phone}\n{email}", "{name} {phone} {email}",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "words", ["Lãnh đạo phụ trách|Cán bộ quản lý", "Lãnh đạo (họ tên, SĐT, email)|Quản trị (họ tên, SĐT, email)"]
)
def test_a_person_in_one_cell(run: Run, template: str, words: str) -> None:
    rows = [
        one | {"manager": two["manager"]}
        for one, two in zip(_in_one_cell("leader", template), _in_one_cell("manager", template), strict=True)
    ]
    header = [*SHORT_HEADER, *words.split("|")]
    _same_as_official(run, _book(_table(header, [*KEYS[:3], "leader", "manager"], rows)))


def test_number_and_address_in_one_cell_beside_the_name(run: Run) -> None:
    rows = [
        row
        | {
            "l": f"{row['leader_phone']}\n{row['leader_email']}",
            "m": f"{row['manager_phone']}\n{row['manager_email']}".strip(),
        }
        for row in ROWS
    ]
    header = [
        *SHORT_HEADER,
        "Họ tên lãnh đạo",
        "Liên hệ lãnh đạo (SĐT, email)",
        "Họ tên cán bộ quản lý",
        "Liên hệ cán bộ quản lý (SĐT, email)",
    ]
    _same_as_official(run, _book(_table(header, [*KEYS[:3], "leader_name", "l", "manager_name", "m"], rows)))


def test_a_fault_inside_a_shared_cell_stands_at_that_cell(run: Run) -> None:
    rows = _in_one_cell("leader", "{name}\n{phone}\n{email}")
    rows[3]["leader"] = "Lò Văn Pánh\n0912.....\nlovanpanh@gmail.con"
    rows[4]["leader"] = "Lò Văn Pánh\n0912345678"
    header = [*SHORT_HEADER, "Lãnh đạo phụ trách", *BOTH[3:]]
    outcome = run({"2022-03-20/a.xlsx": _book(_table(header, [*KEYS[:3], "leader", *KEYS[6:]], rows))})
    file = "2022-03-20/a.xlsx"
    assert outcome.told() == [(file, "E7", "email.typo"), (file, "E7", "phone.masked"), (file, "E8", "email.missing")]


@pytest.mark.parametrize("whose", ["Lãnh đạo phụ trách kiêm cán bộ quản lý, vận hành", "Cán bộ phụ trách"])
def test_one_person_for_both_duties(run: Run, whose: str) -> None:
    header = [*SHORT_HEADER, *(f"{part} {whose}" for part in PERSON)]
    outcome = run({"2022-03-20/a.xlsx": _book(_table(header, KEYS[:6]))})
    assert outcome.told() == [("2022-03-20/a.xlsx", "E4", "contact.same-person")]
    row = outcome.rows[UNITS[1].code]
    assert row["leader_name"] == row["manager_name"] == "Lò Văn Pánh"
    assert row["leader_email"] == row["manager_email"] == ROWS[1]["leader_email"]


@pytest.mark.parametrize(
    "template",
    [
        "{0}, {1}, {2}\n{3}, {4}, {5}",
        "1. {0} - {1} - {2} 2. {3} - {4} - {5}",
        "Cán bộ quản lý: {3}; ĐT: {4}; {5}\nLãnh đạo phụ trách: {0} - Chủ tịch; ĐT: {1}; {2}",
    ],
)
def test_both_persons_in_one_cell(run: Run, template: str) -> None:
    second = {"manager_name": "Vừ A Sùng", "manager_phone": "0912345678", "manager_email": "sung@gmail.com"}
    rows = [row | second for row in ROWS]
    cells = [row | {"both": template.format(*_cells(row, *KEYS[3:]))} for row in rows]
    header = [*SHORT_HEADER, "Lãnh đạo phụ trách; cán bộ quản lý, vận hành"]
    outcome = run({"2022-03-20/a.xlsx": _book(_table(header, [*KEYS[:3], "both"], cells))})
    assert outcome.told() == []
    for unit, row in zip(UNITS, rows, strict=True):
        assert {key: outcome.rows[unit.code][key] for key in KEYS} == row | {"unit": unit.full_name}


@pytest.mark.parametrize("how", ["below", "staggered", "merged"])
def test_two_persons_in_two_lines_of_one_unit(run: Run, how: str) -> None:
    header = [*SHORT_HEADER, *(PERSON if how != "staggered" else BOTH)]
    grid: Grid = [TITLE, [], header]
    for number, row in enumerate(ROWS):
        leader, manager = _cells(row, *KEYS[3:6]), _cells(row, *KEYS[6:])
        grid.append([str(number), *_cells(row, *KEYS[:3]), *leader])
        if any(manager):
            grid.append(["", "", "", "", *([""] * 3 if how == "staggered" else []), *manager])
    merges = tuple(f"{column}4:{column}5" for column in "ABCD") if how == "merged" else ()
    _same_as_official(run, _book(grid, merges=merges))


@pytest.mark.parametrize("mark", ["nt", "-nt-", "//", '"', "Như trên", "NT", "〃"])
def test_ditto_marks_mean_the_cell_above(run: Run, mark: str) -> None:
    rows = right_rows(SENDER)
    for row in rows[2:5]:
        row |= {"leader_name": mark, "leader_phone": mark, "leader_email": mark}
    book = Book(SENDER, rows)
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == []
    assert [outcome.rows[unit.code]["leader_email"] for unit in UNITS[1:5]] == [rows[1]["leader_email"]] * 4
    notes = {(f["cell"], f["value"], f["suggestion"]) for f in outcome.of_rule("cell.repaired")}
    assert (book.at(4, "leader_phone")[1], mark, rows[1]["leader_phone"]) in {
        (c, v.lstrip("'"), s) for c, v, s in notes
    }
    assert len(notes) == 9


def test_a_fault_repeated_by_ditto_marks_is_one_fault(run: Run) -> None:
    rows = right_rows(SENDER)
    rows[1]["leader_phone"] = "0912xxxxxx"
    rows[2]["leader_phone"] = rows[3]["leader_phone"] = "nt"
    rows[5]["page_link"] = "nt"
    book = Book(SENDER, rows)
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    file = "2022-03-20/a.xlsx"
    assert sorted(outcome.told()) == sorted(
        [(file, book.at(1, "leader_phone")[1], "phone.masked"), (file, book.at(5, "page_link")[1], "link.invalid")]
    )


@pytest.mark.parametrize("how", ["merged", "repeated", "once", "in-both"])
def test_the_district_in_a_column_of_its_own(run: Run, how: str) -> None:
    grid: Grid = [["DANH SÁCH"], ["TT", "Huyện", "Xã", "Tên Trang", "Địa chỉ liên kết", *BOTH]]
    district = UNITS[0].full_name
    for number, row in enumerate(ROWS):
        own = "" if number == 0 and how != "in-both" else row["unit"]
        left = district if how in ("repeated", "in-both") or number == 0 else ""
        grid.append([str(number), left, own, *_cells(row, *KEYS[1:])])
    merges = (f"B3:B{len(grid)}",) if how == "merged" else ()
    _same_as_official(run, _book(grid, merges=merges))


@pytest.mark.parametrize("first", [0, 2])
def test_a_unit_merged_over_two_rows_with_a_page_each(run: Run, first: int) -> None:
    """Of a commune both are told as one unit twice; a district's cell may reach over communes that are not named."""
    second = ROWS[first] | {"unit": "", "page_link": "https://www.facebook.com/mattran.thuhai"}
    grid = _table([*SHORT_HEADER, *BOTH], KEYS, [*ROWS[: first + 1], second, *ROWS[first + 1 :]])
    row = 4 + first
    outcome = run({"2022-03-20/a.xlsx": _book(grid, merges=(f"B{row}:B{row + 1}",))})
    told = [(f["cell"], f["rule"], f["unit_code"]) for f in outcome.findings if f["column"] == "unit"]
    at, rule, code = (row + 1, "unit.unknown", "") if first == 0 else (row, "unit.duplicate", UNITS[first].code)
    assert told == [(f"B{at}", rule, code)]


def test_headers_swapped_or_strange_do_not_matter_where_the_content_tells(run: Run) -> None:
    for header in (
        ["TT", "Đơn vị", "Địa chỉ liên kết", "Tên Trang", *BOTH],
        ["TT", "Đơn vị", "Tên Trang", "Facebook của Mặt trận", *BOTH],
        ["TT", "", "Tên Trang", "Link", *BOTH],
        ["TT", "Đơn vị", "Tên Trang", "Link", BOTH[0], BOTH[2], BOTH[1], *BOTH[3:]],
        ["TT", "Đơn vị", "Tên Trang", "", *BOTH[:2], "", *BOTH[3:]],
        ["TT", "Nơi lập", "Mạng", "Link", *BOTH],
    ):
        _same_as_official(run, _book(_table(header, KEYS)))


def test_a_header_that_its_cells_contradict_heads_a_column_too_many(run: Run) -> None:
    rows = [row | {"place": f"Bản Nà Luống {number}"} for number, row in enumerate(ROWS)]
    header = ["TT", "Đơn vị", "Địa chỉ", "Tên Trang", "Link", *BOTH]
    notes = _same_as_official(run, _book(_table(header, ["unit", "place", *KEYS[1:]], rows)))
    assert [(note["rule"], note["cell"], note["value"]) for note in notes] == [("form.extra-column", "C3", "Địa chỉ")]


def test_an_empty_column_under_its_header_is_not_replaced(run: Run) -> None:
    rows = [row | {"page_link": ""} for row in ROWS]
    outcome = run({"2022-03-20/a.xlsx": _book(_table([*SHORT_HEADER, *BOTH], KEYS, rows))})
    assert {rule for _, _, rule in outcome.told()} == {"link.missing"}


def test_a_header_over_three_rows(run: Run) -> None:
    top = ["TT", "Đơn vị", "Trang cộng đồng", "", "Người phụ trách Trang", "", "", "", "", ""]
    middle = ["", "", "Tên Trang", "Địa chỉ liên kết", "Lãnh đạo phụ trách", "", "", "Cán bộ quản lý, vận hành", "", ""]
    grid = [TITLE, [], top, middle, ["", "", "", "", *PERSON, *PERSON], *_table([], KEYS)[3:]]
    merges = ("A3:A5", "B3:B5", "C3:D3", "C4:C5", "D4:D5", "E3:J3", "E4:G4", "H4:J4")
    _same_as_official(run, _book(grid, merges=merges))


@pytest.mark.parametrize("merged", [True, False])
def test_a_blank_row_between_a_heading_and_its_columns(run: Run, merged: bool) -> None:
    top = [*SHORT_HEADER, "Lãnh đạo phụ trách", "", "", "Cán bộ quản lý, vận hành", "", ""]
    grid = [TITLE, [], top, [], ["", "", "", "", *PERSON, *PERSON], *_table([], KEYS)[3:]]
    assert _same_as_official(run, _book(grid, merges=("E3:G3", "H3:J3") if merged else ())) == []


def test_a_column_over_several_of_the_sheet_is_one(run: Run) -> None:
    rows = [row | {"none": ""} for row in ROWS]
    keys = [*KEYS[:2], "none", KEYS[2], KEYS[3], "none", *KEYS[4:]]
    header = [*SHORT_HEADER[:3], "", SHORT_HEADER[3], BOTH[0], "", *BOTH[1:]]
    grid = _table(header, keys, rows)
    merges = tuple(f"{area[0]}{row}:{area[1]}{row}" for row in range(3, len(grid) + 1) for area in ("CD", "FG"))
    assert _same_as_official(run, _book(grid, merges=merges)) == []
    grid[7][6] = "Phó Chủ tịch"  # what stands there in any row is told all the same
    notes = _same_as_official(run, _book(grid, merges=("C3:D3", "F3:G3")))
    assert [note["cell"] for note in notes if note["rule"] == "form.extra-column"] == ["G3"]


def _under_headings(leaves: list[str], heads: dict[int, str], keys: list[str]) -> Grid:
    """A table of two persons whose headings are typed, not merged, over the columns of these numbers."""
    top = ["TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết", *([""] * 6)]
    for place, text in heads.items():
        top[place] = text
    return [TITLE, [], top, ["", "", "", "", *leaves], *_table([], keys)[3:]]


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_heading_typed_over_any_of_a_persons_columns(run: Run, shift: int) -> None:
    heads = {4 + shift: "Lãnh đạo phụ trách", 7 + shift: "Cán bộ quản lý"}
    _same_as_official(run, _book(_under_headings([*PERSON, *PERSON], heads, KEYS)))
    alone = [TITLE, [], ["", "", "", "", *([""] * 6)], ["TT", "Đơn vị", "Tên Trang", "Link", *PERSON, *PERSON]]
    for place, text in heads.items():
        alone[2][place] = text
    _same_as_official(run, _book([*alone, *_table([], KEYS)[3:]]))


def test_a_heading_over_the_first_column_leads_though_the_name_stands_last(run: Run) -> None:
    heads = {4: "Lãnh đạo phụ trách", 7: "Cán bộ quản lý"}
    keys = [*KEYS[:3], *(f"{group}_{part}" for group in ("leader", "manager") for part in ("phone", "email", "name"))]
    leaves = [*PERSON[1:], PERSON[0]]
    _same_as_official(run, _book(_under_headings([*leaves, *leaves], heads, keys)))


@pytest.mark.parametrize("how", ["merged", "named", "named under a heading", "broken"])
def test_a_name_split_over_two_columns_is_joined(run: Run, how: str) -> None:
    persons = ["Họ và tên lãnh đạo", "", *BOTH[1:3], "Họ và tên cán bộ quản lý", "", *BOTH[4:]]
    if how == "named":
        persons[0:2], persons[4:6] = ["Họ đệm", "Tên"], ["Họ đệm", "Tên"]
    if how == "broken":
        persons[0:2], persons[4:6] = ["Họ và", "tên lãnh đạo"], ["Họ, đệm", "Tên cán bộ quản lý"]
    grid = [TITLE, [], [*SHORT_HEADER, *persons]]
    if how == "named under a heading":
        grid[2:] = [
            [*SHORT_HEADER, "Lãnh đạo phụ trách", "", "", "", "Cán bộ quản lý"],
            ["", "", "", "", *(["Họ và tên đệm", "Tên", "SĐT", "Email"] * 2)],
        ]
    for number, row in enumerate(ROWS):
        leader, manager = (row[f"{group}_name"].rpartition(" ") for group in ("leader", "manager"))
        split = [leader[0], leader[2], *_cells(row, *KEYS[4:6]), manager[0], manager[2], *_cells(row, *KEYS[7:])]
        grid.append([str(number), *_cells(row, *KEYS[:3]), *split])
    _same_as_official(run, _book(grid, merges=("E3:F3", "I3:J3") if how == "merged" else ()))


def test_a_name_split_over_three_columns_is_joined(run: Run) -> None:
    grid = [TITLE, [], [*SHORT_HEADER, "Họ và tên", "", "", "Số điện thoại", "Email", *BOTH[3:]]]
    for number, row in enumerate(ROWS):
        grid.append([str(number), *_cells(row, *KEYS[:3]), *row["leader_name"].split(), *_cells(row, *KEYS[4:])])
    _same_as_official(run, _book(grid, merges=("E3:G3",)))


@pytest.mark.parametrize("beside", [["PCT", "UVTT"], ["Nam", "Nữ"], ["1970", "1984"]])
def test_what_stands_beside_a_name_is_no_part_of_it(run: Run, beside: list[str]) -> None:
    grid = [TITLE, [], [*SHORT_HEADER, BOTH[0], "", *BOTH[1:]]]
    for number, row in enumerate(ROWS):
        grid.append([str(number), *_cells(row, *KEYS[:4]), beside[number % 2], *_cells(row, *KEYS[4:])])
    _same_as_official(run, _book(grid, merges=("E3:F3",)))


ONE = ["Họ tên lãnh đạo phụ trách", "SĐT", "Email"]
NUMBER, ADDRESS = "02153856001", "trang.mattran@gmail.com"


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ([*ONE[:2], "Zalo", ONE[2]], ["leader_name", "leader_phone", NUMBER, "leader_email"]),
        ([*ONE[:2], "Zalo", ONE[2]], ["leader_name", "leader_phone", "x", "leader_email"]),
        ([*ONE[:1], "SĐT 1", "SĐT 2", ONE[2]], ["leader_name", "leader_phone", NUMBER, "leader_email"]),
        ([*ONE[:1], "Điện thoại cơ quan", "Di động", ONE[2]], ["leader_name", NUMBER, "leader_phone", "leader_email"]),
        (["SĐT của cơ quan", "Email của Trang", *ONE], [NUMBER, ADDRESS, *KEYS[3:6]]),
        (["Tài khoản quản trị", "Mật khẩu", *ONE], [NUMBER, "matkhau1", *KEYS[3:6]]),
        (["Ai lo Trang này", "SĐT", "Zalo", "Email"], ["leader_name", "leader_phone", NUMBER, "leader_email"]),
    ],
)  # fmt: skip
def test_a_second_number_or_address_of_one_person_is_nobody_elses(
    run: Run, header: list[str], values: list[str]
) -> None:
    grid = [TITLE, [], [*SHORT_HEADER, *header]]
    for number, row in enumerate(ROWS):
        grid.append([str(number), *_cells(row, *KEYS[:3]), *(row.get(value, value) for value in values)])
    outcome = run({"2022-03-20/a.xlsx": _book(grid)})
    for unit, row in zip(UNITS, ROWS, strict=True):
        got = outcome.rows[unit.code]
        assert {key: got[key] for key in KEYS[3:]} == {key: row[key] for key in KEYS[3:6]} | dict.fromkeys(KEYS[6:], "")
    told = {f["value"] for f in outcome.of_rule("form.extra-column")}
    assert told == {text for text, value in zip(header, values, strict=True) if value not in KEYS}


def test_the_office_number_stands_in_a_column_of_its_own_under_the_same_heading(run: Run) -> None:
    top = [*SHORT_HEADER, "Lãnh đạo phụ trách", "", "", "", "Cán bộ quản lý", "", ""]
    middle = ["", "", "", "", "Họ tên", "Điện thoại", "", "Email", *PERSON]
    grid = [TITLE, [], top, middle, ["", "", "", "", "", "Cơ quan", "Di động"]]
    for number, row in enumerate(ROWS):
        grid.append([str(number), *_cells(row, *KEYS[:4]), NUMBER, *_cells(row, *KEYS[4:])])
    tall = tuple(f"{column}3:{column}5" for column in "ABCD") + tuple(f"{column}4:{column}5" for column in "EHIJK")
    _same_as_official(run, _book(grid, merges=(*tall, "E3:H3", "I3:K3", "F4:G4")))


def test_numbers_and_addresses_behind_both_names_come_in_their_order(run: Run) -> None:
    header = [BOTH[0], BOTH[3], "SĐT", "SĐT", "Email", "Email"]
    keys = [f"{group}_{part}" for part in ("name", "phone", "email") for group in ("leader", "manager")]
    _same_as_official(run, _book(_table([*SHORT_HEADER, *header], [*KEYS[:3], *keys])))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("Link cũ", "Link mới", "page_link"),
        ("Địa chỉ liên kết", "Địa chỉ liên kết cũ", "page_link"),
        ("Tên Trang trước đây", "Tên Trang hiện nay", "page_name"),
        ("Tên Trang cũ", "Tên Trang", "page_name"),
        ("SĐT lãnh đạo mới", "SĐT lãnh đạo trước đây", ""),
    ],
)
def test_of_an_old_and_a_new_value_the_new_one_is_taken(run: Run, old: str, new: str, key: str) -> None:
    values = {"page_link": "https://www.facebook.com/trang.cu", "page_name": "MTTQ xã"}
    header, keys = [*SHORT_HEADER, *BOTH], [*KEYS]
    place = KEYS.index(key) + 1 if key else 5
    header[place : place + 1] = [old, new]
    keys.insert(place - 1 + (not _is_old(old)), "old")
    rows = [row | {"old": values.get(key, NUMBER)} for row in ROWS]
    outcome = run({"2022-03-20/a.xlsx": _book(_table(header, keys, rows))})
    assert outcome.told() == []
    assert [outcome.rows[unit.code][key or "leader_phone"] for unit in UNITS] == [
        row[key or "leader_phone"] for row in ROWS
    ]
    assert [f["value"] for f in outcome.of_rule("form.extra-column")] == [old if _is_old(old) else new]


def _is_old(header: str) -> bool:
    return header.endswith((" cũ", " trước đây"))


def test_an_old_value_without_a_new_one_is_read(run: Run) -> None:
    _same_as_official(run, _book(_table([*SHORT_HEADER[:3], "Link cũ", *BOTH], KEYS)))


def test_a_second_number_between_two_persons_is_nobody_elses(run: Run) -> None:
    header = [*BOTH[:2], "Zalo", BOTH[2], BOTH[3], BOTH[5]]
    keys = [*KEYS[:5], "zalo", *KEYS[5:7], KEYS[8]]
    rows = [row | {"zalo": row["leader_phone"]} for row in ROWS]
    outcome = run({"2022-03-20/a.xlsx": _book(_table([*SHORT_HEADER, *header], keys, rows))})
    assert {outcome.rows[unit.code]["manager_phone"] for unit in UNITS} == {""}
    assert [f["value"] for f in outcome.of_rule("form.extra-column")] == ["Zalo"]


def test_a_postal_address_under_the_links_header_is_told_as_a_column_of_its_own(run: Run) -> None:
    rows = [row | {"place": f"Bản Nà Luống {number}"} for number, row in enumerate(ROWS)]
    header = ["TT", "Đơn vị", "Địa chỉ", "Tên Trang", "Link", *BOTH]
    outcome = run({"2022-03-20/a.xlsx": _book(_table(header, ["unit", "place", *KEYS[1:]], rows))})
    assert outcome.told() == []
    assert [f["value"] for f in outcome.of_rule("form.extra-column")] == ["Địa chỉ"]


def test_tables_one_below_the_other_and_side_by_side(run: Run) -> None:
    header = [*SHORT_HEADER, *BOTH]
    whole = _table(header, KEYS)
    half = len(whole) // 2
    below = [*whole[:half], [], ["", "", "(Tiếp theo)"], [], header, *whole[half:]]
    _same_as_official(run, _book(below))
    left, right = whole[3:half], whole[half:]
    beside = [
        (left[n] if n < len(left) else [""] * len(header)) + [""] + (right[n] if n < len(right) else [])
        for n in range(max(len(left), len(right)))
    ]
    _same_as_official(run, _book([TITLE, [*header, "", *header], *beside]))


def test_one_sheet_a_commune(run: Run) -> None:
    header = [*SHORT_HEADER, *BOTH]
    sheets = [[[f"UBMTTQ {row['unit'].upper()}"], [], header, ["1", *_cells(row, *KEYS)]] for row in ROWS]
    _same_as_official(run, _book(*sheets))


@pytest.mark.parametrize("told", ["title", "sheet"])
def test_one_sheet_a_commune_without_a_column_for_the_unit(run: Run, told: str) -> None:
    header = [SHORT_HEADER[2], SHORT_HEADER[3], *BOTH]
    titles = [f"BAN THƯỜNG TRỰC UBMTTQ {unit.full_name.upper()}" if told == "title" else "DANH SÁCH" for unit in UNITS]
    sheets = [[[title], [], header, _cells(row, *KEYS[1:])] for title, row in zip(titles, ROWS, strict=True)]
    names = tuple(unit.full_name for unit in UNITS) if told == "sheet" else ()
    _same_as_official(run, _book(*sheets, names=names))


@pytest.mark.parametrize("how", ["beside", "behind", "numbered", "one line", "one line, behind"])
def test_one_form_a_commune(run: Run, how: str) -> None:
    def form(row: Row) -> Grid:
        entries = [("Đơn vị", row["unit"]), ("Tên Trang", row["page_name"]), ("Địa chỉ", row["page_link"])]
        person = [("Họ tên", "name"), ("Điện thoại", "phone"), ("Gmail", "email")]
        lines = [[f"- {label}: {value}"] if how == "behind" else [label, value] for label, value in entries]
        for heading, group in (("1. Lãnh đạo phụ trách", "leader"), ("2. Cán bộ quản lý, vận hành", "manager")):
            values = [(label, row[f"{group}_{part}"]) for label, part in person]
            if how.startswith("one line"):
                pairs = [(heading, values[0][1]), *values[1:]]
                told = [[f"{label}: {v}"] if how.endswith("behind") else [f"{label}:", v] for label, v in pairs]
                lines.append([cell for cells in told for cell in cells])
                continue
            lines += [
                [heading],
                *([f"+ {label}: {v}"] if how == "behind" else [f"+ {label}", v] for label, v in values),
            ]
        if how == "numbered":
            lines = [["TT", "Nội dung", "Thông tin"], *([f"{n}", *line] for n, line in enumerate(lines, start=1))]
        return [["UBMTTQ HUYỆN ĐIỆN BIÊN ĐÔNG"], ["PHIẾU"], [], *lines, [], ["", "TM. BAN THƯỜNG TRỰC"], ["", "Lò A"]]

    _same_as_official(run, _book(*map(form, ROWS)))


REMARKS: list[list[str]] = [
    ["Ghi chú: các xã vùng cao chưa phủ sóng."],
    ["", "", "Các xã còn lại đang xây dựng Trang"],
    ["", "Cụm 1: các xã phía Bắc"],
    ["", "", "", "", "", "", "", "(Danh sách còn tiếp)"],
    ["Ví dụ", "Xã Pú Nhi", "Mặt trận Pú Nhi", "https://www.facebook.com/mattran.vidu", "Giàng Văn X", "0912....."],
    ["1", "Ví dụ", "Mặt trận Điện Biên", "https://www.facebook.com/Mat-tran-Dien-Bien", "Giàng Văn X", "0912....."],
    [
        "1",
        "Tỉnh Điện Biên",
        "Mặt trận Điện Biên",
        "https://www.facebook.com/mattrandienbien",
        "Giàng Văn X",
        "0912345678",
    ],
    ["(1)", "(2)", "(3)", "(4)", "(5)"],
    ["1.", "2.", "3.", "4.", "5."],
    ["A", "B", "1", "2", "3", "4", "5 = 3 + 4"],
    ["(a)", "(b)", "(c)", "(d)"],
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X"],
    ["", "Cộng:", "7"],
    ["", "Cộng cụm 1", "4", "4"],
    ["...", "...", "..."],
]


@pytest.mark.parametrize("remark", REMARKS)
@pytest.mark.parametrize("place", [4, 9])
def test_rows_that_list_nothing_are_passed_over(run: Run, remark: list[str], place: int) -> None:
    grid = _table([*SHORT_HEADER, *BOTH], KEYS)
    _same_as_official(run, _book([*grid[:place], remark, *grid[place:]]))


def test_letters_that_do_not_count_on_are_no_numbers_of_columns(run: Run) -> None:
    grid = _table([*SHORT_HEADER, *BOTH], KEYS)
    outcome = run({"2022-03-20/a.xlsx": _book([*grid, ["", "", "B", "A", "D"]])})
    assert ("2022-03-20/a.xlsx", f"B{len(grid) + 1}", "unit.unknown") in outcome.told()


@pytest.mark.parametrize("column", [0, 1, 2, 3, 5, 9])
def test_a_signature_block_in_any_column(run: Run, column: int) -> None:
    block = [["TM. BAN THƯỜNG TRỰC"], ["CHỦ TỊCH"], [], ["(Đã ký)"], ["Lò Văn Pánh"]]
    below = [[], *([""] * column + line for line in block)]
    _same_as_official(run, _book([*_table([*SHORT_HEADER, *BOTH], KEYS), *below]))


def test_a_title_over_several_cells_names_the_sender(run: Run) -> None:
    rows = right_rows(SENDER)[:1]
    rows[0]["unit"] = "Cấp huyện"
    grid = [["ỦY BAN MTTQ VIỆT NAM", "", "HUYỆN", "ĐIỆN BIÊN ĐÔNG"], *_table([*SHORT_HEADER, *BOTH], KEYS, rows)[1:]]
    outcome = run({"2022-03-20/a.xlsx": _book(grid)})
    assert outcome.rows[SENDER]["status"] == "complete"


def _and_sheet(rows: list[Row], lines: list[list[str]], columns: list[str] = KEYS) -> bytes:
    """A list, and a second sheet without a header of ours."""
    book = Book("102", rows, Layout(columns=columns, titles=("HUYỆN MƯỜNG ẢNG",)))
    other = book.book.create_sheet("Tiếp theo")
    for line in lines:
        other.append(line)
    return book.bytes()


_REST = [[row["unit"], row["page_link"], row["leader_phone"]] for row in right_rows("102")[6:]]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_and_sheet(right_rows("102")[:6], _REST), True),  # the list goes on
        (_and_sheet(right_rows("102"), _REST, KEYS[:3]), True),  # the persons stand apart
        (_and_sheet(right_rows("102"), _REST), False),  # nothing that the list does not have
        (_and_sheet(right_rows("102")[:6], [line[:1] for line in _REST]), False),  # choices
        (_and_sheet(right_rows("102")[:6], [[line[0], "1250", "12"] for line in _REST]), False),  # counts
    ],
)
def test_a_visible_sheet_that_is_not_read_is_named_if_the_list_lacks_what_it_holds(
    run: Run, content: bytes, told: bool
) -> None:
    outcome = run({"2022-03-20/a.xlsx": content})
    unread = outcome.of_rule("file.no-table")
    assert [(found["sheet"], found["submitter_code"]) for found in unread] == [("Tiếp theo", "102")] * told
    assert outcome.unit("102")["status"] == ("accepted" if not outcome.told(sender="102") else "to-correct")
