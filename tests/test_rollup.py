from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from building import FORM, NAMES, ROUND, Book, right_rows, units_of
from conftest import Outcome, Run, drop_and_run
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.headers import Headers
from pipeline.layout import find_tables
from pipeline.read import read
from pipeline.render.sheets import excel_text, line_count
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


def table(outcome: Outcome, key: str) -> list[dict[str, Any]]:
    return records(sheets(outcome)[key], WORDS[key]["columns"])


def test_summary_agrees_with_the_machine_results(mixed: Outcome) -> None:
    counts = ("code", "name", "expected", "listed", "established", "named", "staffed", "complete", "errors", "warnings")
    shown = table(mixed, "summary")
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
    assert len(sheet._charts) == 1


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
    assert not [cell for cell in cells if cell.data_type == "f" or getattr(cell, "hyperlink", None)]
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
    assert excel_text("<r>a</r>") == '<r><t xml:space="preserve">&lt;r&gt;a&lt;/r&gt;</t></r>'


def test_corrections_are_the_errors_and_warnings(mixed: Outcome) -> None:
    shown = [(row["file"] or "", row["cell"] or "", row["message"]) for row in table(mixed, "corrections")]
    found = [(f["file"], f["cell"], f["message"]) for f in mixed.findings if f["severity"] != "note"]
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


def test_rows_are_high_enough_for_their_texts(mixed: Outcome) -> None:
    sheet = sheets(mixed)["list"]
    name = NAMES[units_of("094")[1].code]
    row = next(row for row in sheet.iter_rows() if row[2].value == name)
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
    assert not headers & {"Thời hạn", "Mục tiêu có Trang", WORDS["targets"]["title"]}
    units = [row[1].value for row in book[WORDS["list"]["name"]].iter_rows()]
    assert "Cấp xã" not in units
    assert "Phường Noong Bua" in units
