"""Every paper of a result says the same: roll-up, overview, report and notice read back and compared with the rest."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from building import Book, right_rows
from conftest import Outcome, drop_and_run
from lxml import html

from pipeline.agree import Disagreement, compare, compare_rollup
from pipeline.names import NOTICE, OVERVIEW, REPORT, ROLLUP
from schemas.data import TEMPLATES, read_toml
from schemas.messages import line

WORDS = read_toml(TEMPLATES / "tong-hop.toml")
MEASURES = ("listed", "established", "named", "staffed", "complete")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Senders in every state, with pages claimed twice, units left out, faults of several kinds."""
    faulty = Book("096")
    faulty.sheet[faulty.at(2, "leader_phone")[1]].value = "0912xxxxxx"
    faulty.sheet[faulty.at(3, "page_link")[1]].value = "https://www.facebook.com/groups/abc"
    faulty.sheet[faulty.at(4, "page_name")[1]].value = "Fanpage xã"
    short = Book("097", [row for number, row in enumerate(right_rows("097")) if number not in (2, 5)])
    return drop_and_run(
        tmp_path_factory.mktemp("agreement"),
        {
            "2022-03-01/094.xlsx": Book("094").bytes(),
            "2022-04-02/095.xlsx": Book("095").bytes(),
            "2022-03-03/096.xlsx": faulty.bytes(),
            "2022-03-04/097.xlsx": short.bytes(),
            "2022-03-05/098.xlsx": b"no workbook",
        },
    )


def below(rows: list[list[Any]], *heads: str) -> list[dict[str, Any]]:
    """The rows below the header that has these headings, up to an empty row: heading -> value."""
    start = next(place for place, row in enumerate(rows) if set(heads) <= set(row))
    found = []
    for row in rows[start + 1 :]:
        if not any(value not in (None, "") for value in row):
            break
        found.append(dict(zip(rows[start], row, strict=False)))
    return found


def sheet_of(outcome: Outcome, key: str) -> list[list[Any]]:
    book = openpyxl.load_workbook(outcome.folder / "tong-hop.xlsx")
    return [[cell.value for cell in row] for row in book[WORDS[key]["name"]].iter_rows()]


def text_of(element: Any) -> str:
    return " ".join(element.text_content().split())


def page_rows(outcome: Outcome, section: str) -> list[list[str]]:
    tree = html.fromstring((outcome.folder / "tong-quan.html").read_text(encoding="utf-8"))
    return [[text_of(cell) for cell in row] for row in tree.xpath(f'//section[@aria-labelledby="{section}"]//tbody/tr')]


def paper_tables(outcome: Outcome, name: str) -> list[list[list[str]]]:
    document = docx.Document(str(outcome.folder / name))
    return [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]


def test_there_is_something_to_compare(outcome: Outcome) -> None:
    states = Counter(unit["status"] for unit in outcome.summary["units"])
    assert set(states) == {"accepted", "to-correct", "rejected", "missing"}
    commune = outcome.summary["levels"]["commune"]
    assert len({commune[measure] for measure in ("expected", *MEASURES)}) >= 5


def test_rows_say_what_the_summary_counts(outcome: Outcome) -> None:
    rows = outcome.rows.values()
    for level, counts in outcome.summary["levels"].items():
        here = [row for row in rows if row["level"] == level]
        assert (len(here), sum(row["status"] != "not-listed" for row in here)) == (counts["expected"], counts["listed"])
    errors = Counter(f["submitter_code"] for f in outcome.findings if f["severity"] == "error")
    assert {unit["code"]: unit["errors"] for unit in outcome.summary["units"]} == {
        unit["code"]: errors[unit["code"]] for unit in outcome.summary["units"]
    }


def test_the_roll_up_says_what_the_summary_says(outcome: Outcome) -> None:
    heads = {column["key"]: column["header"] for column in WORDS["summary"]["columns"]}
    rows = sheet_of(outcome, "summary")
    shown = {row[heads["code"]]: row for row in below(rows, heads["code"], heads["name"])}
    for unit in outcome.summary["units"]:
        row = shown[unit["code"]]
        assert row[heads["name"]] == unit["name"]
        assert row[heads["status"]] == line("statuses", unit["status"])
        for key in ("expected", *MEASURES, "errors"):
            assert row[heads[key]] == unit[key], (unit["code"], key)
        assert row[heads["warnings"]] == unit["warnings"] - unit["late"]
    for level, counts in outcome.summary["levels"].items():
        name = WORDS["summary"]["level"].format(level=line("levels", level))
        of_level = next(dict(zip(rows[3], row, strict=True)) for row in rows if name in row)
        assert [of_level[heads[key]] for key in ("expected", *MEASURES)] == [
            counts[key] for key in ("expected", *MEASURES)
        ]


def test_the_list_of_the_roll_up_is_the_rows(outcome: Outcome) -> None:
    rows = sheet_of(outcome, "list")
    head = next(place for place, row in enumerate(rows) if row[0] == "TT")
    code, status = rows[head].index("Mã số"), rows[head].index("Tình trạng")
    link = rows[head].index("Địa chỉ liên kết")
    shown = {row[code]: (row[1], row[link] or "", row[status]) for row in rows[head + 2 :] if row[code]}
    assert shown == {
        code: (row["name"], row["page_link"], line("statuses", row["status"])) for code, row in outcome.rows.items()
    }


def test_the_page_says_what_the_summary_says(outcome: Outcome) -> None:
    shown = page_rows(outcome, "cac-don-vi")
    for row, unit in zip(shown, outcome.summary["units"], strict=True):
        assert (row[0], row[6], row[7]) == (unit["name"], str(unit["errors"]), str(unit["warnings"] - unit["late"]))
        assert line("statuses", unit["status"]) in row[1]
        for place, measure in ((4, "established"), (5, "complete")):
            assert row[place].split()[0] == f"{unit[measure]}/{unit['expected']}"
    for row, counts in zip(page_rows(outcome, "theo-cap"), outcome.summary["levels"].values(), strict=True):
        assert [cell.split()[0] for cell in row[1:]] == [f"{counts[m]}/{counts['expected']}" for m in MEASURES]


@pytest.mark.parametrize("paper", ["bao-cao.docx", "thong-bao-ket-qua.docx"])
def test_the_word_papers_say_what_the_summary_says(outcome: Outcome, paper: str) -> None:
    cells = [[" ".join(cell.split()) for cell in row] for table in paper_tables(outcome, paper) for row in table]
    for level, counts in outcome.summary["levels"].items():
        name = line("levels", level)
        row = next(row for row in cells if any(cell.lower() == name for cell in row))
        printed = {word for cell in row for word in cell.split() if "/" in word}
        assert f"{counts['established']}/{counts['expected']}" in printed
        assert printed <= {f"{counts[measure]}/{counts['expected']}" for measure in MEASURES}
    for unit in outcome.summary["units"]:
        own = [row for row in cells if unit["name"] in row]
        assert own, unit["name"]
        numbers = Counter(str(unit[key]) for key in ("expected", *MEASURES, "errors", "warnings"))
        assert any(len(Counter(c for c in row[2:] if c.isdecimal()) - numbers) == 0 for row in own), unit["name"]


@pytest.mark.parametrize("name", [REPORT, NOTICE, OVERVIEW, ROLLUP])
def test_a_paper_that_is_missing_is_a_contradiction(outcome: Outcome, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "result"
    shutil.copytree(outcome.folder, folder)
    (folder / name).unlink()
    with pytest.raises(Disagreement, match=f"{name}: missing"):
        compare(folder)
        compare_rollup(folder)


def _page(folder: Path) -> None:
    path = folder / "tong-quan.html"
    text = path.read_text(encoding="utf-8")
    begin = text.index(">13/13", text.index('data-key="established"'))
    path.write_text(f"{text[:begin]}>12{text[begin + 3 :]}", encoding="utf-8")


def _roll_up(folder: Path) -> None:
    path = folder / "tong-hop.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book[WORDS["summary"]["name"]]
    row = next(row for row in sheet.iter_rows() if row[1].value == "096")
    cell = next(cell for cell in row if cell.value == 12)
    cell.value = 11
    book.save(path)


def _summary(folder: Path) -> None:
    path = folder / "ket-qua" / "summary.json"
    text = path.read_text(encoding="utf-8")
    assert '"errors": 3' in text
    path.write_text(text.replace('"errors": 3', '"errors": 4', 1), encoding="utf-8")


@pytest.mark.parametrize("change", [_page, _roll_up, _summary])
def test_a_contradiction_is_not_published(outcome: Outcome, tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = tmp_path / "result"
    shutil.copytree(outcome.folder, folder)
    compare(folder)
    compare_rollup(folder)
    change(folder)
    with pytest.raises(Disagreement):
        compare(folder)
        compare_rollup(folder)
