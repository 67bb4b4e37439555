"""Rounds that come again: what was in order is carried forward, what changed is reported; extensions; months."""

from __future__ import annotations

import datetime as dt
from functools import partial
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from docx.oxml.ns import qn

from pipeline.__main__ import main
from schemas.data import HERE, TEMPLATES, read_toml
from schemas.periods import span_of, spans_before
from schemas.round import load_round
from schemas.round_parts import Deadline
from tests.building import Book, Layout, right_rows
from tests.conftest import Outcome, drop_and_run
from tests.faulty_runs import tree
from tests.searching import holding
from tests.test_forms import PERSONS, persons_book

MUONG_ANG, NAM_PO = "102", "103"
ROUND = (HERE / "rounds" / "dien-bien-2022.toml").read_text(encoding="utf-8")
MONTHLY = """
[period]
every = "month"
last_day = 25

[emulation]
praise = 90
[[emulation.criteria]]
measure = "on-time"
points = 40
title = "Đúng hạn"
lack = "gửi đúng hạn"
[[emulation.criteria]]
measure = "complete"
points = 60
title = "Đầy đủ"
lack = "bổ sung, sửa lỗi"
"""


@pytest.fixture
def monthly(tmp_path: Path) -> Any:
    """Run a monthly round on a day, with these files."""
    path = tmp_path / "hang-thang.toml"
    text = ROUND.replace('id = "dien-bien-2022"', 'id = "hang-thang"').replace('tỉnh Điện Biên"', 'tỉnh, {period}"', 1)
    path.write_text(text + MONTHLY, encoding="utf-8")

    def run(day: str, files: dict[str, bytes] | None = None) -> Outcome:
        outcome = drop_and_run(tmp_path, files, round=str(path), as_of=day)
        return Outcome(tmp_path / "outbox" / f"hang-thang-{day[:7]}", outcome.status)

    return run


def _changed(rows: list[dict[str, Any]], **values: str) -> list[dict[str, Any]]:
    return [{**rows[1], **values}, *rows[2:4]]


def test_a_month_carries_the_last_one_forward(monthly: Any) -> None:
    march = monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG).bytes()})
    assert march.unit(MUONG_ANG)["status"] == "accepted"
    april = monthly("2022-04-20")
    assert april.unit(MUONG_ANG)["status"] == "missing"
    assert april.unit(MUONG_ANG)["complete"] == march.unit(MUONG_ANG)["complete"]
    assert april.summary["levels"]["commune"]["established"] == march.summary["levels"]["commune"]["established"]
    assert [f["file"] for f in april.of_rule("file.other-period")] == ["2022-03-20/ma.xlsx"]
    listed = [row for row in april.rows.values() if row["submitter_code"] == MUONG_ANG]
    assert {row["status"] for row in listed} == {"complete"}
    assert {(row["file"], row["sheet"], row["row"]) for row in listed} == {("", "", "")}
    # Over a month in which nothing came.
    june = monthly("2022-06-02")
    assert june.unit(MUONG_ANG)["complete"] == march.unit(MUONG_ANG)["complete"]


def test_a_list_is_checked_in_the_period_of_the_day_asked_for(
    monthly: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A form of April is none of March's."""
    round = ["--round", str(tmp_path / "hang-thang.toml")]
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    assert main(["forms", *round, *folders, "--as-of=2022-04-20"]) == 0
    form = next(tmp_path.glob(f"outbox/bieu-mau-hang-thang-2022-04/{MUONG_ANG}-*.xlsx"))
    told = {}
    for month in ("2022-03", "2022-04"):
        capsys.readouterr()
        assert main(["check", *round, str(form), f"--as-of={month}-20"]) == 3
        told[month] = "hang-thang-2022-04" in capsys.readouterr().out
    assert told == {"2022-03": True, "2022-04": False}


def test_what_was_carried_forward_is_listed_as_what_it_is(monthly: Any) -> None:
    monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG).bytes()})
    changed = _changed(right_rows(MUONG_ANG), leader_name="Vàng Thị Súa")
    april = monthly("2022-04-20", {"2022-04-10/np.xlsx": Book(NAM_PO).bytes()})
    for paper in ("bao-cao.docx", "thong-bao-ket-qua.docx"):
        text = _text(april.folder / paper)
        assert "số liệu của 11 đơn vị chưa báo cáo lại trong kỳ này được lấy từ các dòng không lỗi" in text
        assert "của kỳ trước (gần nhất: tháng 3" in text
        assert "Huyện Mường Ảng (chưa gửi kỳ này; số liệu không lỗi của kỳ trước: 11/11 đơn vị có Trang)" in text
        assert right_rows(MUONG_ANG)[5]["page_name"] in text
    assert "Huyện Mường Nhé (chưa gửi danh sách)" in _text(april.folder / "bao-cao.docx")
    # Of whom a file came the rows that it does not list.
    may = monthly("2022-05-20", {"2022-05-10/ma.xlsx": Book(MUONG_ANG, changed).bytes()})
    text = _text(may.folder / "bao-cao.docx")
    assert text.count("Đầy đủ (kỳ trước)") == 8 and "Huyện Mường Ảng (11/11 đơn vị có Trang)" in text
    assert "Huyện Nậm Pồ (chưa gửi kỳ này" in text
    cells = [c.value for row in openpyxl.load_workbook(may.folder / "tong-hop.xlsx")["Danh sách"] for c in row]
    assert not {"None", "A0", "0"} & {str(value) for value in cells if value is not None}
    assert "được lấy từ các dòng không lỗi của kỳ trước (gần nhất: tháng 4" in (
        may.folder / "tong-quan.html"
    ).read_text(encoding="utf-8")


def test_a_returned_workbook_holds_what_was_carried_forward(monthly: Any) -> None:
    rows = right_rows(MUONG_ANG)
    monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG, rows).bytes()})
    april = monthly(
        "2022-04-20", {"2022-04-10/ma.xlsx": Book(MUONG_ANG, _changed(rows, leader_phone="09120000")).bytes()}
    )
    book = openpyxl.load_workbook(april.sender_folder(MUONG_ANG) / "phieu-sua.xlsx")
    names = {cell.value for row in book["DANH SÁCH"] for cell in row}
    assert {row["page_name"] for row in rows} <= names


def _text(path: Path) -> str:
    paragraphs = docx.Document(str(path)).element.body.iter(qn("w:p"))
    texts = ("".join(t.text or "" for t in paragraph.iter(qn("w:t"))) for paragraph in paragraphs)
    return "\n".join(texts).replace("\u00a0", " ")


def test_a_month_may_send_only_what_changed(monthly: Any) -> None:
    rows = right_rows(MUONG_ANG)
    monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG, rows).bytes()})
    link = "https://www.facebook.com/trang.moi.muong.ang"
    april = monthly("2022-04-20", {"2022-04-10/ma.xlsx": Book(MUONG_ANG, _changed(rows, page_link=link)).bytes()})
    assert april.told(sender=MUONG_ANG) == []
    assert april.unit(MUONG_ANG)["status"] == "accepted"
    assert april.rows[_code(MUONG_ANG, 1)]["page_link"] == link
    assert april.rows[_code(MUONG_ANG, 2)]["file"] == "2022-04-10/ma.xlsx"
    assert april.rows[_code(MUONG_ANG, 5)]["file"] == ""
    assert april.unit(MUONG_ANG)["listed"] == april.unit(MUONG_ANG)["expected"]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"page_link": "https://www.facebook.com/trang.moi"}, "moved"),
        ({"page_name": "", "page_link": "", "leader_name": "", "leader_phone": "", "leader_email": ""}, "closed"),
        ({"leader_name": "Vàng Thị Súa"}, "persons"),
    ],
)
def test_what_changed_is_reported(monthly: Any, values: dict[str, str], kind: str) -> None:
    told = read_toml(TEMPLATES / "tong-hop.toml")["shifts"]["kinds"][kind]
    rows = right_rows(MUONG_ANG)
    monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG, rows).bytes()})
    april = monthly("2022-04-20", {"2022-04-10/ma.xlsx": Book(MUONG_ANG, _changed(rows, **values)).bytes()})
    sheet = openpyxl.load_workbook(april.folder / "tong-hop.xlsx")["Thay đổi"]
    texts = [str(cell.value) for row in sheet.iter_rows(min_row=4) for cell in row if cell.value]
    assert any(told in text for text in texts)
    assert "tháng 3 năm 2022" in str([cell.value for cell in sheet["A"]] + [cell.value for cell in sheet[2]])
    # The next month knows nothing new.
    may = monthly("2022-05-05")
    again = openpyxl.load_workbook(may.folder / "tong-hop.xlsx")["Thay đổi"]
    assert not any(told in str(cell.value) for row in again.iter_rows(min_row=4) for cell in row)


def test_errors_are_not_carried_forward(monthly: Any) -> None:
    rows = right_rows(MUONG_ANG)
    rows[1] = {**rows[1], "leader_phone": "0912xxxxxx"}
    monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG, rows).bytes()})
    april = monthly("2022-04-20")
    assert april.rows[_code(MUONG_ANG, 1)]["status"] == "not-listed"
    assert april.rows[_code(MUONG_ANG, 2)]["status"] == "complete"


def test_points_of_months_make_the_year(monthly: Any) -> None:
    files = {"2022-03-20/ma.xlsx": Book(MUONG_ANG).bytes(), "2022-03-27/np.xlsx": Book(NAM_PO).bytes()}
    march = monthly("2022-03-28", files)
    assert (march.unit(MUONG_ANG)["score"], march.unit(NAM_PO)["score"]) == (100.0, 60.0)
    assert march.unit("094")["score"] == 0.0
    april = monthly("2022-04-20")
    assert april.unit(MUONG_ANG)["score"] == 0.0
    assert "\ngửi danh sách “Trang cộng đồng”\n" in _text(april.folder / "bao-cao.docx")  # not: in time
    text = (april.folder / "tong-quan.html").read_text(encoding="utf-8")
    assert "50,0" in text or "50" in text  # the year: the mean of 100 and 0


def _code(sender: str, place: int) -> str:
    return load_round("dien-bien-2022").expected[sender][place].code


def test_an_extension_is_one_units_own(tmp_path: Path) -> None:
    path = tmp_path / "gia-han.toml"
    path.write_text(ROUND + f'\n[[extensions]]\nunit = "{MUONG_ANG}"\nby = 2022-04-04\n', encoding="utf-8")
    run = partial(drop_and_run, tmp_path, round=str(path))
    files = {"2022-04-04/ma.xlsx": Book(MUONG_ANG).bytes(), "2022-04-04/np.xlsx": Book(NAM_PO).bytes()}
    outcome = run(files)
    outcome = Outcome(tmp_path / "outbox" / "dien-bien-2022", outcome.status)
    assert not outcome.unit(MUONG_ANG)["late"] and outcome.unit(NAM_PO)["late"]
    files = {"2022-04-05/ma.xlsx": Book(MUONG_ANG, right_rows(MUONG_ANG)[::-1]).bytes()}
    (tmp_path / "inbox" / "2022-04-04" / "ma.xlsx").unlink()
    run(files)
    assert outcome.unit(MUONG_ANG)["late"]


@pytest.mark.parametrize(
    ("limit", "last_day"),
    [
        ({"before": dt.date(2022, 3, 31)}, dt.date(2022, 3, 30)),
        ({"by": dt.date(2022, 3, 31)}, dt.date(2022, 3, 31)),
        ({"before_month": "2022-03"}, dt.date(2022, 2, 28)),
        ({"before_month": "2024-03"}, dt.date(2024, 2, 29)),
        ({"before_month": "2022-01"}, dt.date(2021, 12, 31)),
        ({}, None),
    ],
)
def test_last_days(limit: dict[str, Any], last_day: dt.date | None) -> None:
    assert Deadline(**limit).last_day == last_day


@pytest.mark.parametrize(
    ("day", "every", "first_day", "key", "opens", "before"),
    [
        ("2022-04-20", "month", 1, "2022-04", "2022-04-01", "2022-03"),
        ("2022-01-01", "month", 1, "2022-01", "2022-01-01", "2021-12"),
        ("2022-04-20", "month", 15, "2022-05", "2022-04-15", "2022-04"),
        ("2022-04-14", "month", 15, "2022-04", "2022-03-15", "2022-03"),
        ("2021-12-31", "month", 15, "2022-01", "2021-12-15", "2021-12"),
        ("2022-03-31", "quarter", 1, "2022-q1", "2022-01-01", "2021-q4"),
        ("2022-03-20", "quarter", 15, "2022-q2", "2022-03-15", "2022-q1"),
        ("2022-12-31", "year", 1, "2022", "2022-01-01", "2021"),
        ("2022-12-31", "year", 15, "2023", "2022-12-15", "2022"),
    ],
)
def test_periods(day: str, every: str, first_day: int, key: str, opens: str, before: str) -> None:
    span = span_of(dt.date.fromisoformat(day), every, first_day)
    assert (span.key, span.opens.isoformat()) == (key, opens)
    assert next(spans_before(span, first_day)).key == before


def test_a_period_looked_at_later_is_as_it_was(monthly: Any) -> None:
    """Files of the next period lie in the same inbox."""
    rows = right_rows(MUONG_ANG)
    files = {"2022-03-20/ma.xlsx": Book(MUONG_ANG, rows).bytes()}
    link = "https://www.facebook.com/trang.moi.muong.ang"
    files["2022-04-10/ma.xlsx"] = Book(MUONG_ANG, _changed(rows, page_link=link)).bytes()
    march = monthly("2022-03-28", files)
    assert march.rows[_code(MUONG_ANG, 1)]["page_link"] == rows[1]["page_link"]
    assert [f["file"] for f in march.of_rule("file.other-period")] == ["2022-04-10/ma.xlsx"]
    assert march.unit(MUONG_ANG)["listed"] == march.unit(MUONG_ANG)["expected"]
    april = monthly("2022-04-20")
    assert april.rows[_code(MUONG_ANG, 1)]["page_link"] == link


def test_a_workbook_of_the_period_before_is_taken(monthly: Any) -> None:
    rows = right_rows(MUONG_ANG)
    rows[1] = {**rows[1], "leader_phone": "0912xxxxxx"}
    march = monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG, rows).bytes()})
    returned = (march.sender_folder(MUONG_ANG) / "phieu-sua.xlsx").read_bytes()
    april = monthly("2022-04-05", {"2022-04-03/phieu-sua.xlsx": returned})
    assert [rule for _, _, rule in april.told(sender=MUONG_ANG)] == ["phone.masked"]


def test_what_was_never_right_is_compared_all_the_same(monthly: Any) -> None:
    """A page is no new one because a number beside it was wrong before, and a wrong address is none."""
    rows = right_rows(MUONG_ANG)
    wrong = [{**row, "leader_phone": "0912xxxxxx"} if place == 1 else row for place, row in enumerate(rows)]
    monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG, wrong).bytes()})
    now = [*rows]
    now[2] = {**rows[2], "page_link": "chưa nhớ địa chỉ"}
    april = monthly("2022-04-20", {"2022-04-10/ma.xlsx": Book(MUONG_ANG, now).bytes()})
    sheet = openpyxl.load_workbook(april.folder / "tong-hop.xlsx")["Thay đổi"]
    kinds = set(read_toml(TEMPLATES / "tong-hop.toml")["shifts"]["kinds"].values())
    told = [row[3] for row in sheet.iter_rows(values_only=True) if row[3] in kinds]
    assert told == [read_toml(TEMPLATES / "tong-hop.toml")["shifts"]["kinds"]["persons"]]


def _purge(folder: Path, day: str, *more: str) -> int:
    places = [f"--{name}={folder / name}" for name in ("inbox", "outbox", "state")]
    return main(["purge", "--round", str(folder / "hang-thang.toml"), *places, f"--as-of={day}", "--yes", *more])


def test_purging_a_month_takes_nothing_away_from_a_later_one(monthly: Any, tmp_path: Path) -> None:
    rows = right_rows(MUONG_ANG)
    wrong = [{**row, "leader_phone": "0912xxxxxx"} if place == 1 else row for place, row in enumerate(rows)]
    monthly("2022-02-28", {"2022-02-20/ma.xlsx": Book(MUONG_ANG, rows).bytes()})
    files = {"2022-03-20/ma.xlsx": Book(MUONG_ANG, wrong).bytes(), "2022-03-20/np.xlsx": Book(NAM_PO).bytes()}
    monthly("2022-03-28", files)
    link = "https://www.facebook.com/trang.moi.muong.ang"
    files = {"2022-04-10/ma.xlsx": Book(MUONG_ANG, _changed(rows, page_link=link)).bytes()}
    april = tree(monthly("2022-04-20", files).folder)
    for done in ("2022-02-28", "2022-03-28"):
        assert _purge(tmp_path, done) == 0
        assert tree(monthly("2022-04-20").folder) == april
    # A month that had not begun then carries what April did, and keeps it when April goes.
    may = monthly("2022-05-20")
    assert {row["status"] for row in may.rows.values() if row["submitter_code"] == NAM_PO} == {"complete"}
    assert may.rows[_code(MUONG_ANG, 1)]["page_link"] == link
    before = tree(may.folder)
    assert _purge(tmp_path, "2022-04-20") == 0
    assert tree(monthly("2022-05-20").folder) == before
    # What nobody carries any more is gone.
    assert _purge(tmp_path, "2022-05-20") == 0
    assert holding(["giangthidua"], tmp_path / "state", tmp_path / "outbox") == []
    june = monthly("2022-06-20")
    assert june.unit(NAM_PO)["complete"] == 0


def test_the_same_bytes_sent_again_count_in_the_month_of_the_second_copy(monthly: Any, tmp_path: Path) -> None:
    """In folders without a date a file is received on the day on which that copy was first seen."""
    content = Book(MUONG_ANG).bytes()
    monthly("2022-03-20", {"ma.xlsx": content})
    april = monthly("2022-04-10", {"ma (1).xlsx": content})
    assert (april.unit(MUONG_ANG)["status"], april.unit(MUONG_ANG)["file"]) == ("accepted", "ma (1).xlsx")
    assert [f["file"] for f in april.of_rule("file.other-period")] == ["ma.xlsx"]
    march = monthly("2022-03-31")
    assert march.unit(MUONG_ANG)["file"] == "ma.xlsx"
    # What was filed away, and comes again under its old name.
    (tmp_path / "inbox" / "ma.xlsx").unlink()
    (tmp_path / "inbox" / "ma (1).xlsx").unlink()
    assert monthly("2022-05-02").unit(MUONG_ANG)["status"] == "missing"
    assert monthly("2022-05-10", {"ma.xlsx": content}).unit(MUONG_ANG)["status"] == "accepted"


def test_a_file_that_is_renamed_keeps_its_day(monthly: Any, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    march = monthly("2022-03-20", {"a.xlsx": Book(MUONG_ANG).bytes()})
    (inbox / "a.xlsx").rename(inbox / "102-a.xlsx")
    march = monthly("2022-03-28")
    assert (march.unit(MUONG_ANG)["file"], march.unit(MUONG_ANG)["late"]) == ("102-a.xlsx", False)
    (inbox / "102-a.xlsx").rename(inbox / "102-b.xlsx")
    april = monthly("2022-04-02")
    assert [f["file"] for f in april.of_rule("file.other-period")] == ["102-b.xlsx"]
    # Also when it was away for a while.
    monthly("2022-04-24", {"c.xlsx": Book(NAM_PO).bytes()})
    (inbox / "c.xlsx").rename(tmp_path / "c.xlsx")
    monthly("2022-04-25")
    (tmp_path / "c.xlsx").rename(inbox / "103-c.xlsx")
    assert monthly("2022-04-28").unit(NAM_PO)["late"] is False


def test_a_file_of_an_unknown_sender_is_of_the_month_in_which_it_came(monthly: Any, tmp_path: Path) -> None:
    rows = [
        {**row, "unit": "", "page_name": "", "page_link": "", "leader_name": "Giàng Thị Zxqwy"}
        for row in right_rows("100")[:2]
    ]
    unknown = Book("100", rows, Layout(titles=())).bytes()
    march = monthly("2022-03-28", {"2022-03-20/x.xlsx": unknown})
    assert march.of_rule("submission.unknown-unit")
    monthly("2022-04-20")
    assert holding(["Zxqwy"], tmp_path / "state" / "store")
    assert _purge(tmp_path, "2022-03-28") == 0
    assert not holding(["Zxqwy"], tmp_path / "state", tmp_path / "outbox")
    # It lies in the inbox still: of a month that is purged nothing is held but by a later one, which is purged in turn.
    monthly("2022-04-20")
    assert _purge(tmp_path, "2022-04-20") == 0
    assert not holding(["Zxqwy"], tmp_path / "state", tmp_path / "outbox")


def test_looking_back_at_a_month_takes_nothing_new_into_it(monthly: Any) -> None:
    monthly("2022-04-20")
    march = monthly("2022-03-31", {"ma.xlsx": Book(MUONG_ANG).bytes()})
    assert march.unit(MUONG_ANG)["status"] == "missing"
    assert monthly("2022-04-22").unit(MUONG_ANG)["status"] == "accepted"


def test_what_lies_in_the_inbox_when_its_month_is_purged_has_not_come_anew(monthly: Any, tmp_path: Path) -> None:
    content = Book(MUONG_ANG).bytes()
    monthly("2022-03-28", {"ma.xlsx": content})
    assert _purge(tmp_path, "2022-03-28") == 0
    assert not holding(["ma.xlsx"], tmp_path / "state")
    april = monthly("2022-04-20")
    assert april.unit(MUONG_ANG)["status"] == "missing"
    assert monthly("2022-04-22", {"ma 2.xlsx": content}).unit(MUONG_ANG)["status"] == "accepted"
    assert _purge(tmp_path, "2022-04-20", "--with-inbox") == 0
    assert monthly("2022-05-02", {"ma.xlsx": content}).unit(MUONG_ANG)["status"] == "accepted"


def test_status_names_every_month_that_is_due_for_a_purge(
    monthly: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def asked(day: str) -> list[str]:
        places = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
        capsys.readouterr()
        assert main(["status", "--round", str(tmp_path / "hang-thang.toml"), *places, f"--as-of={day}"]) == 0
        said = [line for line in capsys.readouterr().out.splitlines() if "make purge" in line]
        return [line.partition("make purge ROUND=hang-thang DAY=")[2] for line in said]

    monthly("2022-03-28", {"2022-03-20/ma.xlsx": Book(MUONG_ANG).bytes()})
    monthly("2022-04-20")  # nothing came, and persons were carried over
    assert asked("2022-06-20") == []
    assert asked("2022-07-20") == ["2022-03-31"]
    assert asked("2022-08-20") == ["2022-03-31", "2022-04-30"]
    assert _purge(tmp_path, "2022-03-31", "--with-inbox") == 0
    assert asked("2022-08-20") == ["2022-04-30"]
    assert _purge(tmp_path, "2022-04-30") == 0
    assert asked("2022-08-20") == []
    # A month of two years ago is not forgotten.
    monthly("2022-09-28", {"2022-09-20/np.xlsx": Book(NAM_PO).bytes()})
    assert asked("2024-12-20") == ["2022-09-30"]


def test_a_list_of_persons_changes_with_its_persons_only(tmp_path: Path) -> None:
    """Another order is none, and a cell in which something is wrong tells nothing."""
    path = tmp_path / "dot.toml"
    path.write_text(
        'base = "nghe-an-2022"\nid = "nghe-an"\n[deadline]\n[period]\nevery = "month"\nlast_day = 25\n',
        encoding="utf-8",
    )

    def shifts(day: str, persons: list[tuple[str, list[Any]]]) -> list[tuple[Any, ...]]:
        files = {f"{day}/quynh luu.xlsx": persons_book("every", persons)}
        drop_and_run(tmp_path, files, round=str(path), as_of=day)
        book = openpyxl.load_workbook(tmp_path / "outbox" / f"nghe-an-{day[:7]}" / "tong-hop.xlsx")
        name = read_toml(TEMPLATES / "tong-hop.toml")["shifts"]["name"]
        rows = book[name].iter_rows(values_only=True) if name in book.sheetnames else ()
        return [row[1] for row in rows if isinstance(row[0], int)]

    shifts("2022-02-20", PERSONS)
    assert shifts("2022-03-20", PERSONS[::-1]) == []
    assert shifts("2022-04-20", [*PERSONS[:2], *PERSONS[3:]]) == ["Xã Quỳnh Thắng"]
