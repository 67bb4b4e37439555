from __future__ import annotations

import dataclasses
import datetime as dt
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import openpyxl
import pytest
from building import FORM, NAMES, ROUND, Book, other_form, right_rows, units_of, without_tables
from conftest import Outcome, Run, drop_and_run
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.headers import Headers
from pipeline.intake import arrivals_of
from pipeline.layout import find_tables
from pipeline.model import Shift, Standing, Tally
from pipeline.read import read
from pipeline.render.rollup import write_rollup
from pipeline.render.sheets import line_count
from pipeline.render.sources import links
from pipeline.render.wording import worded
from pipeline.run import Result, judge
from schemas.data import HERE, read_toml

WORDS = read_toml(HERE.parent / "templates" / "tong-hop.toml")
SHEETS = ["summary", "list", "corrections", "repairs", "duplicates", "missing"]
HOSTILE = [
    '=HYPERLINK("x")',
    "@SUM(1)",
    "+84 912",
    "<r><t>x & y</t></r>",
    "http://a.example/ <b>&",
    "{{ 7 * 7 }}",
]


def typed_exactly(book: Book, number: int, key: str, text: str) -> None:
    """Put a text into a cell as text, whatever it looks like."""
    cell = book.sheet[book.at(number, key)[1]]
    cell.value = text
    cell.data_type = "s"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One clean sender, one late, one with hostile texts and repairs, two that claim the same page, a copied file."""
    hostile = Book("096")
    for number, text in enumerate(HOSTILE, start=1):
        typed_exactly(hostile, number, "page_name", text)
    typed_exactly(hostile, 8, "leader_phone", "+84 912.345.678")
    typed_exactly(hostile, 9, "unit", hostile.sheet[hostile.at(8, "unit")[1]].value)
    same_page = Book("097")
    same_page.sheet[same_page.at(3, "page_link")[1]].value = right_rows("094")[2]["page_link"]
    return drop_and_run(
        tmp_path_factory.mktemp("mixed"),
        {
            "2022-03-01/094.xlsx": Book("094").bytes(),
            "2022-03-02/094-ban-sao.xlsx": Book("094").bytes(),
            "2022-04-02/095.xlsx": Book("095").bytes(),
            "2022-03-03/096.xlsx": hostile.bytes(),
            "2022-03-04/097.xlsx": same_page.bytes(),
            "2022-03-05/098.xlsx": b"no workbook",
        },
    )


def sheets(outcome: Outcome) -> dict[str, Worksheet]:
    book = openpyxl.load_workbook(outcome.folder / "tong-hop.xlsx")
    return {key: book[WORDS[key]["name"]] for key in SHEETS}


def records(sheet: Worksheet, columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows below the header that prints these columns, up to the first row with an empty number."""
    headers = {column["header"]: column["key"] for column in columns}
    rows = list(sheet.iter_rows())
    start = next(n for n, row in enumerate(rows) if {"TT", "Nhóm"} & {row[0].value})
    places = {place: headers[cell.value] for place, cell in enumerate(rows[start]) if cell.value in headers}
    found = []
    for row in rows[start + 1 :]:
        if row[0].value is None or row[0].coordinate in sheet.merged_cells:
            break
        found.append({key: row[place].value for place, key in places.items()})
    return found


def columns(key: str) -> list[dict[str, Any]]:
    """The columns of a sheet as its words say, of a round that asks for pages."""
    return [{**c, "header": c["header"].format(measure="có Trang")} for c in WORDS[key]["columns"]]


def table(outcome: Outcome, key: str) -> list[dict[str, Any]]:
    return records(sheets(outcome)[key], columns(key))


def test_summary_agrees_with_the_machine_results(mixed: Outcome) -> None:
    counts = ("code", "name", "expected", "listed", "established", "named", "staffed", "complete", "errors")
    shown = table(mixed, "summary")
    doubts = Counter(f["submitter_code"] for f in mixed.asked if f["severity"] == "warning")
    assert {row["code"]: row["warnings"] for row in shown} == {row["code"]: doubts[row["code"]] for row in shown}
    assert [{key: row[key] for key in counts} for row in shown] == [
        {key: unit[key] for key in counts} for unit in mixed.summary["units"]
    ]
    assert [row["rate"] for row in shown] == [u["established"] / u["expected"] for u in mixed.summary["units"]]
    timing = Counter(row["timing"] for row in shown)
    submissions = mixed.summary["submissions"]
    assert (timing[WORDS["summary"]["on_time"]], timing[WORDS["summary"]["late"]]) == (
        submissions["on_time"],
        submissions["late"],
    )


def test_summary_shows_totals_by_level_targets_and_a_chart(mixed: Outcome) -> None:
    sheet = sheets(mixed)["summary"]
    rows = [[cell.value for cell in row if cell.value not in (None, "")] for row in sheet.iter_rows()]
    levels = mixed.summary["levels"]
    for name, expected in (
        (WORDS["summary"]["total"], sum(level["expected"] for level in levels.values())),
        (WORDS["summary"]["level"].format(level="cấp xã"), levels["commune"]["expected"]),
    ):
        assert expected in next(row for row in rows if name in row)
    target = next(row for row in rows if "Cấp xã có Trang" in row)
    assert target[-4:] == [
        129,
        levels["commune"]["established"],
        129 - levels["commune"]["established"],
        levels["commune"]["established"] / 129,
    ]
    assert len(sheet._charts) == 2


def test_the_list_reads_as_a_filled_form(mixed: Outcome) -> None:
    content = (mixed.folder / "tong-hop.xlsx").read_bytes()
    sheet = next(sheet for sheet in read(content).sheets if sheet.name == WORDS["list"]["name"])
    names = {unit.full_name for units in ROUND.expected.values() for unit in units}
    (found,) = find_tables(sheet, Headers(FORM), lambda text: text in names).tables
    assert list(found.columns) == FORM.keys
    expected = [row for level in ROUND.lists for row in mixed.rows.values() if row["level"] == level]
    assert [(line.level, line.texts["unit"]) for line in found.lines] == [
        (row["level"], row["name"]) for row in expected
    ]
    for key in ("leader_name", "leader_phone", "page_link"):
        assert [line.texts.get(key, "") for line in found.lines] == [row[key] for row in expected]


def test_texts_stay_texts(mixed: Outcome) -> None:
    cells: list[Cell] = [cell for sheet in sheets(mixed).values() for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    texts = {cell.value for cell in cells if cell.data_type == "s"}
    codes = {unit.code for units in ROUND.expected.values() for unit in units}
    assert codes <= texts
    assert {row["leader_phone"] for row in mixed.rows.values() if row["leader_phone"]} <= texts
    assert set(HOSTILE) <= texts


def test_text_that_looks_like_markup_is_shown_as_typed(mixed: Outcome) -> None:
    content = (mixed.folder / "tong-hop.xlsx").read_bytes()
    (sheet,) = (sheet for sheet in read(content).sheets if sheet.name == WORDS["corrections"]["name"])
    texts = {text for row in sheet.cells for text in row}
    assert set(HOSTILE) <= texts


def test_links_lead_to_the_cells_of_senders_files(mixed: Outcome) -> None:
    shown = sheets(mixed)
    links = [cell.hyperlink for cell in shown["list"]["P"] if cell.hyperlink]
    listed = [row for level in ROUND.lists for row in mixed.rows.values() if row["level"] == level and row["file"]]
    assert len(links) == len(listed) > 30
    for link, row in zip(links, listed, strict=True):
        path = (mixed.folder / unquote(link.target).replace("\\", "/")).resolve()
        assert path == (mixed.folder.parent.parent / "inbox" / row["file"]).resolve() and path.is_file()
        book = openpyxl.load_workbook(path)
        sheet, _, cell = link.location.rpartition("!")
        assert book[sheet.strip("'")][cell].value == row["name"]
    inside = [cell.hyperlink.location for row in shown["summary"].iter_rows() for cell in row if cell.hyperlink]
    first = {row[1].value: row[0].coordinate for row in reversed(list(shown["corrections"].iter_rows()))}
    senders = [unit for unit in mixed.summary["units"] if unit["errors"]]
    assert inside == [f"'{WORDS['corrections']['name']}'!{first[unit['name']]}" for unit in senders]


def test_nothing_that_could_run_is_linked() -> None:
    def linked(file: str, sheet: str = "Bảng", cell: str = "C7") -> str:
        return links("../../inbox", [(file, sheet, cell)])[0]

    assert linked("2022-03-01/Danh sách (1).xlsx", "Cấp 'xã'") == (
        "external:../../inbox/2022-03-01/Danh sách (1).xlsx#'Cấp ''xã'''!C7"
    )
    assert linked("a.docx") == "external:../../inbox/a.docx"
    for file in ("a.xlsm", "a.csv", "a.html", "a.hta", "a.lnk", "a", "", "../a.xlsx", "/etc/a.xlsx", "goi.zip/a.xlsx"):
        assert linked(file) == "", file
    for file in ("a%41.xlsx", "a#b.xlsx", "a\\b.xlsx", "a?.xlsx", "a\u202ex.xlsx", "a" * 1000 + ".xlsx"):
        assert linked(file) == "", file
    assert linked("a.xlsx", "x#y") == linked("a.xlsx", "") == "external:../../inbox/a.xlsx"
    assert links("", [("a.xlsx", "Bảng", "C7")]) == [""]


def test_corrections_are_the_errors_and_warnings(mixed: Outcome) -> None:
    shown = [(row["file"] or "", row["cell"] or "", row["message"]) for row in table(mixed, "corrections")]
    found = [(f["file"], f["cell"], f["message"]) for f in mixed.asked]
    assert Counter((file, message) for file, _, message in shown) == Counter(
        (file, message) for file, _, message in found
    )
    assert {cell for _, cell, _ in found if cell} <= {cell for _, cell, _ in shown}


def test_repairs_show_typed_and_repaired(mixed: Outcome) -> None:
    shown = {(row["value"], row["suggestion"]) for row in table(mixed, "repairs")}
    assert ("+84 912.345.678", "0912345678") in shown


def test_duplicates_name_both_sides_and_no_person(mixed: Outcome) -> None:
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in table(mixed, "duplicates"):
        groups.setdefault(row["group"], []).append(row)
    sides = [[(row["submitter_name"], row["file"]) for row in rows] for rows in groups.values()]
    towns = [ROUND.register.units[code].full_name for code in ("094", "096", "097")]
    assert [(towns[0], "2022-03-01/094.xlsx"), (towns[2], "2022-03-04/097.xlsx")] in sides
    assert [(towns[1], "2022-03-03/096.xlsx")] * 2 in sides
    assert [(towns[0], "2022-03-01/094.xlsx"), (towns[0], "2022-03-02/094-ban-sao.xlsx")] in sides
    texts = " ".join(str(value) for rows in groups.values() for row in rows for value in row.values())
    assert not any(person in texts for person in ("Lò Văn Pánh", "Giàng Thị Dua", "@gmail.com", "0912"))


def test_missing_senders_have_their_contact(mixed: Outcome) -> None:
    shown = {row["code"]: row["contact"] for row in table(mixed, "missing")}
    assert shown == {code: ROUND.contacts[code] for code in mixed.summary["submissions"]["missing"]}


def test_every_sheet_prints_on_a4_landscape(mixed: Outcome) -> None:
    for key, sheet in sheets(mixed).items():
        assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (9, "landscape")
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.print_title_rows and sheet.freeze_panes and sheet.auto_filter.ref
        assert "&P" in sheet.oddFooter.right.text and sheet.oddHeader.left.text
        assert sheet["A1"].value, key


def test_a_long_name_of_the_round_is_cut_and_no_day(run: Run) -> None:
    feet = {s.oddFooter.left.text for s in sheets(run({}, round="nghe-an-2022", as_of="2022-03-05")).values()}
    (foot,) = feet
    assert foot.endswith("… – ngày 05/03/2022") and "Tổng hợp, hoàn thiện dữ liệu cán bộ MTTQ" in foot
    assert len(foot) < 160


def test_rows_are_high_enough_for_their_texts(mixed: Outcome) -> None:
    sheet = sheets(mixed)["list"]
    name = NAMES[units_of("094")[1].code]
    row = next(row for row in sheet.iter_rows() if row[3].value == name)
    assert sheet.row_dimensions[row[0].row].height >= 2 * 14
    assert line_count("một hai ba bốn", 40) > line_count("một hai ba bốn", 80) > 1
    assert line_count("a\nb", 100) == 2
    assert line_count("https://www.facebook.com/mattrantoquoc", 60) >= 4


def test_equal_results_are_equal_files(run: Run) -> None:
    outcome = run({"094.xlsx": Book("094").bytes()})
    first = (outcome.folder / "tong-hop.xlsx").read_bytes()
    assert (run().folder / "tong-hop.xlsx").read_bytes() == first


def test_empty_inbox(run: Run) -> None:
    outcome = run()
    assert [row["code"] for row in table(outcome, "missing")] == list(ROUND.submitting_units)
    assert table(outcome, "repairs") == table(outcome, "duplicates") == []
    assert WORDS["duplicates"]["empty"] in [row[0].value for row in sheets(outcome)["duplicates"].iter_rows()]


def test_round_of_one_level_without_date_or_target(run: Run, tmp_path: Path) -> None:
    text = (HERE / "rounds" / "dien-bien-2022.toml").read_text(encoding="utf-8")
    for begin, end in (("[deadline]", "# Cấp xã gửi"), ("[[targets]]", "# Người phải có")):
        text = text[: text.index(begin)] + text[text.index(end) :]
    path = tmp_path / "mot-cap.toml"
    path.write_text(text.replace('lists = ["district", "commune"]', 'lists = ["commune"]'), encoding="utf-8")
    outcome = run({"094.xlsx": Book("094").bytes()}, round=str(path))
    folder = next(outcome.folder.parent.glob("*/tong-hop.xlsx"))
    book = openpyxl.load_workbook(folder)
    headers = {cell.value for row in book[WORDS["summary"]["name"]].iter_rows() for cell in row}
    assert not headers & {"Thời hạn", "Chỉ tiêu có Trang", WORDS["targets"]["title"]}
    assert "Tỷ lệ có Trang" in headers
    units = [row[1].value for row in book[WORDS["list"]["name"]].iter_rows()]
    assert "Cấp xã" not in units
    assert "Phường Noong Bua" in units


# --- rounds with more, and of other forms


def written(result: Result, path: Path) -> openpyxl.Workbook:
    write_rollup(result, worded(result), path)
    return openpyxl.load_workbook(path)


def texts(sheet: Worksheet) -> list[list[Any]]:
    """The filled cells of each row that has some."""
    rows = [[cell.value for cell in row if cell.value is not None] for row in sheet.iter_rows()]
    return [row for row in rows if row]


def test_sheets_that_only_some_rounds_have(tmp_path: Path) -> None:
    empty = without_tables(judge(ROUND, [], dt.date(2022, 4, 5)))
    assert empty.standings == empty.shifts == empty.rollup.tables == []
    names = set(written(empty, tmp_path / "a.xlsx").sheetnames)
    assert names >= {WORDS[key]["name"] for key in SHEETS}
    assert not names & {WORDS[key]["name"] for key in ("shifts", "standings", "tables")}
    tally = Tally(
        "Người theo nhóm", ["Đơn vị", "Nhóm A", "Nhóm B"], [["Huyện X", 3, 4], ["Huyện Y", 0, 1]], ["Cộng", 3, 5]
    )
    full = dataclasses.replace(
        empty,
        rollup=dataclasses.replace(empty.rollup, tables=[tally, dataclasses.replace(tally, total=[])]),
        previous="dien-bien-2021",
        shifts=[Shift("095", "renamed", "page_name", "=1+1", "Mặt trận Mường Lay"), Shift("03124", "new", "", "", "")],
        standings=[
            Standing("096", 1, 9.5, 10, [("Gửi đúng hạn", 5, 5), ("Đủ Trang", 4.5, 5)], [], 8.25, 2, praised=True),
            Standing("094", 2, 4, 10, [("Gửi đúng hạn", 0, 5), ("Đủ Trang", 4, 5)], ["Gửi danh sách"], 4, 1),
        ],
    )
    book = written(full, tmp_path / "b.xlsx")
    shifts = records(book[WORDS["shifts"]["name"]], WORDS["shifts"]["columns"])
    assert [(s["unit_name"], s["submitter_name"], s["kind"], s["before"], s["after"]) for s in shifts] == [
        ("Thị xã Mường Lay", "Thị xã Mường Lay", "Đổi tên Trang", "=1+1", "Mặt trận Mường Lay"),
        ("Phường Noong Bua", "Thành phố Điện Biên Phủ", "Trang mới", None, None),
    ]
    assert ["So với: dien-bien-2021."] in texts(book[WORDS["shifts"]["name"]])
    ranks = texts(book[WORDS["standings"]["name"]])
    head = next(place for place, row in enumerate(ranks) if row[0] == "Hạng")
    assert ranks[head][-3:] == ["Gửi đúng hạn (tối đa 5)", "Đủ Trang (tối đa 5)", "Việc cần làm để đủ điểm"]
    assert ranks[head + 1 :] == [
        [1, "096", "Huyện Mường Nhé", 9.5, 8.25, 2, "Biểu dương", 5, 4.5],
        [2, "094", "Thành phố Điện Biên Phủ", 4, 4, 1, 0, 4, "Gửi danh sách"],
    ]
    shown = texts(book[WORDS["tables"]["name"]])
    assert shown[2:6] == [[tally.title], tally.header, *tally.rows] and shown[6] == tally.total
    assert shown[7:] == [[tally.title], tally.header, *tally.rows]
    summary = texts(book[WORDS["summary"]["name"]])
    head = next(row for row in summary if row[0] == "TT")
    assert next(row for row in summary if "Huyện Mường Nhé" in row)[head.index("Xếp hạng")] == 1


def test_of_persons_only_counts(mixed: Outcome, tmp_path: Path) -> None:
    """Where a row is a person the roll-up repeats nothing that somebody typed, and names nobody."""
    form = (HERE / "forms" / "page-list.toml").read_text(encoding="utf-8")
    round = other_form(form.replace('id = "page-list"', 'id = "nguoi"\nrows = "persons"'), tmp_path)
    inbox = mixed.folder.parent.parent / "inbox"
    arrivals = arrivals_of(sorted(inbox.rglob("*.xlsx")), tmp_path, dt.date(2022, 3, 1))
    result = judge(round, arrivals, dt.date(2022, 4, 5))
    book = written(result, tmp_path / "a.xlsx")
    everything = " ".join(str(value) for sheet in book for row in texts(sheet) for value in row)
    typed = {text for column in result.rows.typed.drop(columns="unit") for text in result.rows.typed[column] if text}
    assert len(typed) > 50 and result.rollup.findings["value"].ne("").any()
    assert [text for text in typed if len(text) > 3 and text in everything] == []
    lists = texts(book[WORDS["list"]["name"]])
    head = next(row for row in lists if row[0] == "TT")
    row = next(row for row in lists if "Phường Noong Bua" in row)
    assert head[:5] == ["TT", "Đơn vị", "Trực thuộc", "Số người", "Mã số"]
    assert row[:5] == [1, "Phường Noong Bua", "Thành phố Điện Biên Phủ", 1, "03124"]


def test_a_round_of_figures_shows_its_own_measures_only(tmp_path: Path) -> None:
    form = (HERE / "forms" / "page-list.toml").read_text(encoding="utf-8")
    begin, end = form.index('[[columns]]\nkey = "page_name"'), form.index("# Mỗi nhóm (một người)")
    round = other_form(form[:begin] + form[end:], tmp_path)
    assert round.measures == ("listed", "staffed", "complete")
    book = written(judge(round, [], dt.date(2022, 4, 5)), tmp_path / "a.xlsx")
    head = next(row for row in texts(book[WORDS["summary"]["name"]]) if row[0] == "TT")
    assert {"Có trong danh sách", "Đủ người phụ trách", "Tỷ lệ đầy đủ, không lỗi"} <= set(head)
    everything = " ".join(str(value) for sheet in book for row in texts(sheet) for value in row)
    assert "Trang đúng tên" not in everything and "TRÙNG TRANG" not in everything
