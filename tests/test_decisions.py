"""What people decide: waivers, explanations, trials, rehearsals, closing; and what is told when a rule changes."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from building import ROUND, Book, Row, right_rows
from conftest import Outcome, Run, drop_and_run

from pipeline.__main__ import main
from pipeline.render.filling import prefilled
from pipeline.render.workbook import Forms
from schemas.data import HERE, TEMPLATES, read_toml
from schemas.round import load_round

SENDER = "102"
UNITS = ROUND.expected[SENDER]
FORM_WORDS, SHEET_WORDS = (read_toml(TEMPLATES / name) for name in ("phieu-sua.toml", "tong-hop.toml"))
PROFILE = "https://www.facebook.com/profile.php?id=100067037781122"
Command = Callable[..., str]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in the test's own folders; return what it said, and check how it ended."""

    def give(name: str, *options: str, as_of: str = "2022-03-20", status: int = 0, round: str = ROUND.id) -> str:
        folders = [f"--{folder}={tmp_path / folder}" for folder in ("inbox", "outbox", "state")]
        capsys.readouterr()
        assert main([name, "--round", round, *folders, "--as-of", as_of, *options]) == status
        said = capsys.readouterr()
        return said.out + said.err

    return give


Look = Callable[..., tuple[str, int, int]]


@pytest.fixture
def look(tmp_path: Path, command: Command) -> Look:
    """Drop files and ask how the sender stands, without papers: its status, errors and warnings."""

    def told(files: dict[str, bytes] | None = None, **options: str) -> tuple[str, int, int]:
        (tmp_path / "inbox").mkdir(exist_ok=True)
        for name, content in (files or {}).items():
            (tmp_path / "inbox" / name).write_bytes(content)
        (row,) = re.findall(
            r"^Huyện Mường Ảng +(\S.*?)  .* \d+/\d+ +(\d+) +(\d+)", command("status", **options), re.MULTILINE
        )
        return row[0], int(row[1]), int(row[2])

    return told


def _sheet(outcome: Outcome, key: str) -> list[list[object]]:
    book = openpyxl.load_workbook(outcome.folder / "tong-hop.xlsx")
    return [[cell.value for cell in row] for row in book[SHEET_WORDS[key]["name"]].iter_rows()]


def _with(number: int, **values: str) -> list[Row]:
    rows = right_rows(SENDER)
    rows[number] |= values
    return rows


def _round_with(tmp_path: Path, text: str) -> str:
    """The shipped round with these severities, in a file of its own."""
    shipped = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    assert "[severities]\n" in shipped
    path = tmp_path / f"{ROUND.id}.toml"
    path.write_text(shipped.replace("[severities]\n", f"[severities]\n{text}\n"), encoding="utf-8")
    return str(path)


WAIVER = ("--unit", UNITS[3].code, "--rule", "phone.masked", "--by", "Lò Văn Pánh", "--why", "Chưa lắp máy")


# --- waivers


def test_a_waived_finding_counts_as_in_order_until_its_day(run: Run, command: Command) -> None:
    masked = {"2022-03-01/a.xlsx": Book(SENDER, _with(3, leader_phone="0912xxxxxx")).bytes()}
    before = run(masked, as_of="2022-03-20")
    assert (before.unit(SENDER)["status"], before.unit(SENDER)["errors"]) == ("to-correct", 1)
    said = command("waive", *WAIVER, "--until", "2022-03-25")
    assert all(word in said for word in (UNITS[3].full_name, "Lò Văn Pánh", "25/03/2022", "Số 1"))

    waived = run(as_of="2022-03-25")
    assert (waived.unit(SENDER)["status"], waived.unit(SENDER)["errors"]) == ("accepted", 0)
    assert waived.rows[UNITS[3].code]["status"] == "complete"
    assert waived.unit(SENDER)["complete"] == len(UNITS)
    (finding,) = waived.of_rule("phone.masked")
    assert finding["severity"] == "note"
    assert all(word in finding["message"] for word in ("Lò Văn Pánh", "Chưa lắp máy", "25/03/2022"))
    assert not (waived.sender_folder(SENDER) / "phieu-sua.xlsx").exists()
    row = next(row for row in _sheet(waived, "decisions") if row[0] == "1")
    assert {"Miễn", "Đang áp dụng", "Lò Văn Pánh", UNITS[3].full_name, "0912xxxxxx", "Chưa lắp máy"} <= set(row)

    after = run(as_of="2022-03-26")
    assert (after.unit(SENDER)["status"], after.of_rule("phone.masked")[0]["severity"]) == ("to-correct", "error")
    assert "Đã hết hạn" in next(row for row in _sheet(after, "decisions") if row[0] == "1")


def test_a_waiver_speaks_of_one_value_until_somebody_ends_it(look: Look, command: Command) -> None:
    masked = Book(SENDER, _with(3, leader_phone="0912xxxxxx")).bytes()
    assert look({"a.xlsx": masked}, as_of="2022-03-20") == ("Cần sửa", 1, 0)
    command("waive", *WAIVER, "--until", "2022-12-31")
    assert look(as_of="2022-03-20") == ("Đạt", 0, 0)
    other = {"b.xlsx": Book(SENDER, _with(3, leader_phone="0988xxxxxx")).bytes()}
    assert look(other, as_of="2022-03-21") == ("Cần sửa", 1, 0)
    back = {"c.xlsx": Book(SENDER, _with(3, leader_phone=" 0912xxxxxx ")).bytes()}
    assert look(back, as_of="2022-03-22") == ("Đạt", 0, 0)
    command("withdraw", "--number", "1", "--by", "Quàng Thị Nó", as_of="2022-03-23")
    assert look(as_of="2022-03-22") == ("Đạt", 0, 0)
    assert look(as_of="2022-03-23") == ("Cần sửa", 1, 0)
    assert "Quàng Thị Nó" in command("decisions")
    assert "Quàng Thị Nó" in command("history", "--unit", SENDER, as_of="2022-03-23")
    assert "số 1" in command("withdraw", "--number", "1", "--by", "Quàng Thị Nó", status=2)


def test_what_was_accepted_was_not_corrected(run: Run, look: Look, command: Command) -> None:
    rows = _with(3, leader_phone="0912xxxxxx", leader_email="a b")
    run({"2022-03-01/a.xlsx": Book(SENDER, rows).bytes()}, as_of="2022-03-20")
    command("waive", *WAIVER, "--until", "2022-12-31")
    rows[3]["leader_email"] = "panh@gmail.com"
    assert look({"b.xlsx": Book(SENDER, rows).bytes()}, as_of="2022-03-21") == ("Đạt", 0, 0)
    assert "đã sửa 1/1, còn 0" in command("status", as_of="2022-03-21")


def test_a_person_who_need_not_be_named_yet_counts_as_named(run: Run, look: Look, command: Command) -> None:
    alone = dict.fromkeys(("manager_name", "manager_phone", "manager_email"), "")
    look({"a.xlsx": Book(SENDER, _with(0, **alone)).bytes()})
    asked = ("--unit", SENDER, "--rule", "contact.missing", "--column", "manager_name")
    command("waive", *asked, "--by", "A", "--why", "đang kiện toàn", "--until", "2022-04-30")
    unit = run(as_of="2022-03-20").unit(SENDER)
    assert (unit["status"], unit["staffed"], unit["complete"]) == ("accepted", len(UNITS), len(UNITS))


def test_what_cannot_be_waived_is_told_in_one_line(look: Look, command: Command) -> None:
    look({"a.xlsx": Book(SENDER, _with(3, leader_phone="0912xxxxxx")).bytes()})
    wrong: list[tuple[dict[str, str], str]] = [
        ({"--by": " "}, "BY="),
        ({"--why": ""}, "WHY="),
        ({"--until": "2022-03-19"}, "19/03/2022"),
        ({"--until": ""}, "UNTIL="),
        ({"--rule": "phone.ugly"}, "phone.ugly"),
        ({"--rule": "file.unreadable"}, "không miễn được"),
        ({"--rule": "email.typo"}, "phone.masked (leader_phone)"),
        ({"--unit": UNITS[4].code}, UNITS[4].code),
        ({"--unit": "99999"}, "mã hoặc tên “99999”"),
        ({"--unit": ""}, "Thiếu UNIT="),
        ({"--unit": "Thanh Minh"}, "phone.masked"),
        ({"--unit": "muong nhe"}, "nhiều đơn vị: 096 (Huyện Mường Nhé), 03160 (Xã Mường Nhé)"),
        ({"--column": "leader_email"}, "phone.masked"),
    ]
    for changes, said in wrong:
        given = dict(zip(WAIVER[::2], WAIVER[1::2], strict=True)) | {"--until": "2022-03-25"} | changes
        told = command("waive", *(f"{key}={value}" for key, value in given.items()), status=2)
        assert said in told
        assert len(told.splitlines()) == 1
    assert "Chưa có quyết định nào" in command("decisions")


def test_a_waiver_of_a_person_is_of_no_other(tmp_path: Path, command: Command) -> None:
    round = load_round("nghe-an-2022")
    (code, unit), inbox = next(iter(round.submitting_units.items())), tmp_path / "inbox"
    inbox.mkdir()
    path = inbox / f"{code}.xlsx"
    path.write_bytes(Forms(round, {}, ROUND.source.date).made(unit, prefilled(round, code, {}), 1))
    book = openpyxl.load_workbook(path)
    sheet = book[FORM_WORDS["list"]["name"]]
    keys = round.form.keys
    row = next(cell.row for (cell,) in sheet.iter_rows(min_col=2, max_col=2) if cell.value == unit.full_name)
    name = 2 + keys.index(round.form.of_kind("name")[0].key)
    sheet.cell(row, name).value = "Lò Văn Pánh"
    book.save(path)
    options = {"round": round.id, "as_of": "2022-02-20"}

    def faults() -> int:
        command("run", **options)
        with (tmp_path / "outbox" / round.id / "ket-qua" / "findings.csv").open(encoding="utf-8-sig") as file:
            return sum(f["rule"] == "value.missing" and f["severity"] == "error" for f in csv.DictReader(file))

    assert faults() > 0
    asked = ("--unit", code, "--rule", "value.missing", "--by", "A", "--why", "b", "--until", "2022-12-31")
    command("waive", *asked, **options)
    assert faults() == 0
    sheet.cell(row, name).value = "Quàng Thị Nó"
    book.save(path)
    assert faults() > 0


# --- explanations


def _explained(outcome: Outcome, *words: str, rule: str) -> bytes:
    """The returned workbook with these words beside the findings of a rule, in their order."""
    book = openpyxl.load_workbook(outcome.sender_folder(SENDER) / "phieu-sua.xlsx")
    _, _, said, code = FORM_WORDS["todo"]["explanation_columns"]
    cells = [row for row in book[FORM_WORDS["todo"]["name"]].iter_rows() if row[code].value == rule]
    for row, text in zip(cells, words, strict=True):
        row[said].value = text
        row[said].data_type = "s"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_an_explained_warning_is_not_asked_again_while_the_value_stays(run: Run, look: Look, tmp_path: Path) -> None:
    rows = _with(3, page_link=PROFILE)
    first = run({"2022-03-01/a.xlsx": Book(SENDER, rows).bytes()}, as_of="2022-03-01")
    assert (first.unit(SENDER)["warnings"], first.of_rule("link.profile-id")[0]["severity"]) == (1, "warning")
    answer = _explained(first, "Đúng là Trang của xã,\nđã kiểm tra", rule="link.profile-id")
    second = run({"2022-03-05/b.xlsx": answer}, as_of="2022-03-05")
    assert (second.unit(SENDER)["warnings"], second.of_rule("link.profile-id")[0]["severity"]) == (0, "note")
    assert "Đúng là Trang của xã, đã kiểm tra" in second.of_rule("link.profile-id")[0]["message"]
    row = next(row for row in _sheet(second, "decisions") if row[1] == "Trả lời")
    assert {"Đúng là Trang của xã, đã kiểm tra", UNITS[3].full_name, PROFILE} <= set(row)
    # Our workbook is gone from the inbox, and a file that is none of ours comes: the same value, then another.
    (tmp_path / "inbox" / "2022-03-05" / "b.xlsx").unlink()
    rows[5]["leader_phone"] = "0912345678"
    assert look({"c.xlsx": Book(SENDER, rows).bytes()}, as_of="2022-03-08") == ("Đạt", 0, 0)
    rows[3]["page_link"] = PROFILE.replace("1122", "1133")
    assert look({"d.xlsx": Book(SENDER, rows).bytes()}, as_of="2022-03-09") == ("Đạt", 0, 1)


def test_an_explanation_can_be_declined_and_given_again(run: Run, command: Command) -> None:
    first = run({"2022-03-01/a.xlsx": Book(SENDER, _with(3, page_link=PROFILE)).bytes()}, as_of="2022-03-01")
    run({"2022-03-05/b.xlsx": _explained(first, "đúng", rule="link.profile-id")}, as_of="2022-03-05")
    command("withdraw", "--number", "1", "--by", "Lò Văn Pánh", as_of="2022-03-06")
    again = run(as_of="2022-03-06")
    assert again.unit(SENDER)["warnings"] == 1
    insisted = _explained(again, "đúng, có quyết định kèm theo", rule="link.profile-id")
    assert run({"2022-03-07/c.xlsx": insisted}, as_of="2022-03-07").unit(SENDER)["warnings"] == 0


def test_what_a_unit_answered_has_its_number_at_once(run: Run, command: Command) -> None:
    first = run({"2022-03-01/a.xlsx": Book(SENDER, _with(3, page_link=PROFILE)).bytes()}, as_of="2022-03-01")
    (first.folder.parent.parent / "inbox/2022-03-05").mkdir()
    answer = _explained(first, "đúng là Trang của xã", rule="link.profile-id")
    (first.folder.parent.parent / "inbox/2022-03-05/b.xlsx").write_bytes(answer)
    assert "Số" not in command("status", as_of="2022-03-05")  # nothing is recorded yet
    assert "Số 1. Trả lời" in command("run", as_of="2022-03-05")
    numbers = [row[0] for row in _sheet(first, "decisions") if "Trả lời" in row]
    assert numbers == ["1"]
    command("close", "--by", "Lò Văn Pánh", as_of="2022-03-06")
    assert [row[0] for row in _sheet(first, "decisions") if {"Trả lời", "Chốt đợt"} & {*row}] == ["2", "1"]
    assert "Số 2. Chốt đợt" in command("decisions", as_of="2022-03-06")


def test_an_error_is_not_explained_away_but_its_words_are_shown(run: Run) -> None:
    first = run({"2022-03-01/a.xlsx": Book(SENDER, _with(3, leader_phone="0912xxxxxx")).bytes()}, as_of="2022-03-01")
    second = run({"2022-03-05/b.xlsx": _explained(first, "chưa lắp máy", rule="phone.masked")}, as_of="2022-03-05")
    assert second.unit(SENDER)["errors"] == 1
    assert any({"chưa lắp máy", "Vẫn phải sửa"} <= set(row) for row in _sheet(second, "decisions"))


def test_a_no_confirms_nothing(run: Run) -> None:
    rows, words = right_rows(SENDER), ["", " - ", "Không", "sai", "đúng"]
    for number, _ in enumerate(words, start=1):
        rows[number]["page_link"] = f"{PROFILE[:-1]}{number}"
    first = run({"2022-03-01/a.xlsx": Book(SENDER, rows).bytes()}, as_of="2022-03-01")
    answer = _explained(first, *words, rule="link.profile-id")
    assert run({"2022-03-05/b.xlsx": answer}, as_of="2022-03-05").unit(SENDER)["warnings"] == 4


def test_late_sending_can_be_explained(run: Run) -> None:
    first = run({"2022-04-02/a.xlsx": Book(SENDER, _with(3, page_link=PROFILE)).bytes()}, as_of="2022-04-03")
    assert first.unit(SENDER)["warnings"] == 2
    second = run({"2022-04-04/b.xlsx": _explained(first, "Mất điện ba ngày", rule="submission.late")})
    assert (second.unit(SENDER)["warnings"], second.unit(SENDER)["late"]) == (1, True)
    assert second.of_rule("submission.late")[0]["severity"] == "note"


def test_hostile_words_are_data_and_the_sender_s_own(run: Run, command: Command) -> None:
    other = right_rows("103")
    other[3]["page_link"] = PROFILE.replace("1122", "1144")
    files = {
        "2022-03-01/a.xlsx": Book(SENDER, _with(3, page_link=PROFILE, leader_email="a@gmail.con")).bytes(),
        "2022-03-01/o.xlsx": Book("103", other).bytes(),
    }
    first = run(files, as_of="2022-03-01")
    hostile = '=HYPERLINK("http://x.invalid","Bí mật")\x9b31m {{ 7 * 7 }} <b>' + "x" * 900
    second = run({"2022-03-05/b.xlsx": _explained(first, hostile, rule="link.profile-id")}, as_of="2022-03-05")
    cell = next(row for row in _sheet(second, "decisions") if row[1] == "Trả lời")[9]
    assert isinstance(cell, str)
    assert cell.startswith('=HYPERLINK("http://x.invalid"') and "{{ 7 * 7 }} <b>" in cell and len(cell) <= 500
    assert "\x9b" not in command("decisions")
    assert "Bí mật" not in (second.folder / "tong-quan.html").read_text("utf-8")
    for path in second.folder.rglob("*"):
        if path.suffix in (".xlsx", ".eml", ".txt") and SENDER not in path.parts[-2]:
            content = path.read_bytes()
            texts = (
                "".join(map(str, openpyxl.load_workbook(path))) if path.suffix == ".xlsx" else content.decode("utf-8")
            )
            assert path.name == "tong-hop.xlsx" or "Bí mật" not in texts
    book = openpyxl.load_workbook(second.sender_folder(SENDER) / "phieu-sua.xlsx")
    todo = book[FORM_WORDS["todo"]["name"]]
    assert any("Bí mật" in str(cell.value) and cell.data_type == "s" for row in todo.iter_rows() for cell in row)


# --- rules on trial, rehearsed, changed


def test_a_rule_on_trial_is_told_to_the_officer_alone(run: Run, tmp_path: Path, command: Command) -> None:
    files = {"2022-03-01/a.xlsx": Book(SENDER, _with(3, page_link=PROFILE, leader_phone="0912xxxxxx")).bytes()}
    round = _round_with(tmp_path, '"link.profile-id" = "trial"\n"phone.masked" = "trial"')
    outcome = run(files, as_of="2022-03-20", round=round)
    # Without the rule on trial the next one judges the cell.
    assert outcome.told(sender=SENDER) == [
        ("2022-03-01/a.xlsx", Book(SENDER).at(3, "leader_phone")[1], "phone.invalid")
    ]
    assert (outcome.unit(SENDER)["warnings"], outcome.unit(SENDER)["established"]) == (0, len(UNITS))
    trial = _sheet(outcome, "trial")
    assert sum(PROFILE in row for row in trial) == 1
    assert sum("0912xxxxxx" in row for row in trial) == 1
    todo = openpyxl.load_workbook(outcome.sender_folder(SENDER) / "phieu-sua.xlsx")[FORM_WORDS["todo"]["name"]]
    assert not any("link.profile-id" in [cell.value for cell in row] for row in todo.iter_rows())
    assert "link.profile-id" in command("run", as_of="2022-03-20", round=round)


def test_a_rehearsal_names_the_files_that_a_rule_would_stop(run: Run, command: Command) -> None:
    rows = {"102": _with(3, page_link=PROFILE), "103": right_rows("103"), "096": right_rows("096")}
    rows["096"][2] |= {"page_link": PROFILE.replace("1122", "1133"), "leader_phone": "09"}
    files = {f"2022-03-01/{sender}.xlsx": Book(sender, own).bytes() for sender, own in rows.items()}
    before = run(files, as_of="2022-03-20").summary
    said = command("rehearse", "--rule", "link.profile-id")
    assert "2/3 tệp có thêm lỗi, trong đó 1 tệp đang đạt sẽ bị chặn" in said
    assert "Chặn: 2022-03-01/102.xlsx (1 chỗ)" in said
    assert "Thêm lỗi: 2022-03-01/096.xlsx (1 chỗ)" in said
    assert Book("102").at(3, "page_link")[1] in said
    assert "Hết lỗi: 2022-03-01/096.xlsx" in command("rehearse", "--rule", "phone.invalid", "--severity", "warning")
    assert "1 tệp không còn lỗi" not in said
    assert run(as_of="2022-03-20").summary == before
    for wrong in (["--rule", "link.ugly"], ["--rule", "link.short", "--severity", "grave"], []):
        assert len(command("rehearse", *wrong, status=2).splitlines()) == 1


def test_a_changed_round_file_is_rehearsed(look: Look, command: Command, tmp_path: Path) -> None:
    look({"a.xlsx": Book(SENDER).bytes(), "b.xlsx": Book("103").bytes()})
    shipped = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    policy = tmp_path / "thu.toml"
    policy.write_text(shipped.replace("commune = 1", "commune = 2"), encoding="utf-8")
    command("run")

    def known() -> list[tuple[object, ...]]:
        with contextlib.closing(sqlite3.connect(tmp_path / "state" / "known.sqlite")) as db:
            return db.execute("select asked, file, received from recognised order by file").fetchall()

    before = known()
    assert len(before) == 2
    assert "2/2 tệp có thêm lỗi, trong đó 2 tệp" in command("rehearse", "--policy", str(policy))
    assert known() == before  # what the round itself asks is not read again after a rehearsal


def test_what_a_changed_rule_makes_of_old_files_is_told(run: Run, command: Command, tmp_path: Path) -> None:
    files = {"2022-03-01/a.xlsx": Book(SENDER, _with(3, page_link=PROFILE)).bytes()}
    assert run({**files, "2022-03-01/b.xlsx": Book("103").bytes()}, as_of="2022-03-20").unit(SENDER)["errors"] == 0
    stricter = _round_with(tmp_path, '"link.profile-id" = "error"')
    # A new file of another sender is no rule's doing.
    later = {"2022-03-20/o.xlsx": Book("103", right_rows("103")[:-1]).bytes()}
    drop_and_run(tmp_path, later, as_of="2022-03-21")
    said = command("run", as_of="2022-03-21", round=stricter)
    (told,) = [line for line in said.splitlines() if "không gửi gì mới" in line]
    assert all(word in told for word in ("tệp cài đặt đợt", "Huyện Mường Ảng", "“Đạt”", "“Cần sửa”", "thêm 1 lỗi"))
    outcome = drop_and_run(tmp_path, as_of="2022-03-22", round=stricter)
    assert [row[2] for row in _sheet(outcome, "rechecks") if row[0] == 1] == ["Huyện Mường Ảng"]
    assert "không gửi gì mới" not in command("run", as_of="2022-03-22", round=stricter)


def test_a_trial_cannot_leave_open_what_a_file_is(tmp_path: Path, command: Command) -> None:
    for text in ('"unit.unknown" = "trial"', '"link.ugly" = "error"', '"link.short" = "grave"'):
        assert "severities" in command("status", round=_round_with(tmp_path, text), status=2)


# --- closing


def _results(outcome: Outcome) -> dict[str, bytes]:
    late = outcome.folder / "sau-khi-chot"
    return {
        path.relative_to(outcome.folder).as_posix(): path.read_bytes()
        for path in outcome.folder.rglob("*")
        if path.is_file() and not path.is_relative_to(late)
    }


def test_nothing_moves_a_closed_round_but_reopening_it(run: Run, command: Command, tmp_path: Path) -> None:
    masked = Book(SENDER, _with(3, leader_phone="0912xxxxxx")).bytes()
    open_ = run({"2022-03-01/a.xlsx": masked}, as_of="2022-03-20")
    assert "BY=" in command("close", status=2)
    said = command("close", "--by", "Lò Văn Pánh", as_of="2022-03-30")
    assert "Lò Văn Pánh" in said
    marks = re.findall(r"mã (?:số liệu|văn bản) ([0-9a-f]{16})", command("status").lower())
    assert len(set(marks)) == 2
    assert "Lò Văn Pánh" in command("close", "--by", "Ai đó", status=2)
    signed = _results(open_)
    sheet = _sheet(open_, "decisions")
    assert any("Chốt đợt" in row and "Lò Văn Pánh" in row for row in sheet)

    right = {"2022-04-01/b.xlsx": Book(SENDER).bytes(), "2022-04-01/c.xlsx": Book("103").bytes()}
    late = run(right, as_of="2022-04-05")
    assert _results(late) == signed
    with (late.folder / "sau-khi-chot" / "findings.csv").open(encoding="utf-8-sig") as file:
        told = file.read()
    assert told.count("submission.closed") == 2
    letters = sorted((late.folder / "sau-khi-chot" / "don-vi").glob("*/tin-nhan.txt"))
    assert [path.parent.name[:3] for path in letters] == [SENDER, "103"]
    assert "30/3/2022" in letters[0].read_text("utf-8")
    # Neither does a changed rule.
    command("run", as_of="2022-04-06", round=_round_with(tmp_path, '"phone.masked" = "note"'))
    assert _results(late) == signed
    assert "còn nguyên" in command("run", as_of="2022-04-06")
    status = command("status", as_of="2022-04-06")
    assert re.search(r"Huyện Mường Ảng +Cần sửa", status)
    assert re.search(r"Huyện Nậm Pồ +Chưa gửi", status)
    assert "Lò Văn Pánh" in command("waive", *WAIVER, "--until", "2022-12-31", status=2)

    assert "WHY=" in command("reopen", "--by", "Lò Văn Pánh", status=2)
    command("reopen", "--by", "Quàng Thị Nó", "--why", "bổ sung hai huyện", as_of="2022-04-07")
    again = run(as_of="2022-04-07")
    assert [again.unit(code)["status"] for code in (SENDER, "103")] == ["accepted", "accepted"]
    assert not (again.folder / "sau-khi-chot").exists()
    assert any("Quàng Thị Nó" in row for row in _sheet(again, "decisions"))
    assert "đang mở" in command("reopen", "--by", "A", "--why", "B", status=2)


def test_a_paper_changed_after_the_closing_is_named(run: Run, command: Command) -> None:
    outcome = run({"2022-03-01/a.xlsx": Book(SENDER).bytes()}, as_of="2022-03-20")
    command("close", "--by", "Lò Văn Pánh")
    assert "còn nguyên" in command("run")
    (outcome.folder / "bao-cao.docx").write_bytes(b"edited")
    for said in (command("run"), command("status")):
        assert "bao-cao.docx" in said
    (outcome.folder / "tong-quan.html").write_bytes(b"edited")
    assert "tong-quan.html" in command("status")
    assert (outcome.folder / "bao-cao.docx").read_bytes() == b"edited"


def test_known_bytes_that_come_after_the_closing_are_named(run: Run, command: Command, tmp_path: Path) -> None:
    content, inbox = Book("103").bytes(), tmp_path / "inbox"
    run({"2022-03-01/a.xlsx": content, "2022-03-01/b.xlsx": Book("099").bytes()}, as_of="2022-03-20")
    command("close", "--by", "Lò Văn Pánh")
    (inbox / "2022-03-01/b.xlsx").rename(inbox / "099-b.xlsx")
    assert "còn nguyên" in command("run")
    assert not list(tmp_path.glob("outbox/*/sau-khi-chot"))
    run({f"{SENDER}-c.xlsx": content})  # in the name of a unit that had sent nothing
    for said in (command("run"), command("status")):
        assert f"{SENDER}-c.xlsx" in said and "099-b" not in said
    assert re.search(r"Huyện Mường Ảng +Chưa gửi", command("status"))


# --- over time


def test_faults_over_time_stand_in_a_table_and_a_chart(run: Run) -> None:
    rows = _with(3, leader_phone="0912xxxxxx", page_name="Fanpage")
    first = run({"2022-03-01/a.xlsx": Book(SENDER, rows).bytes()}, as_of="2022-03-01")
    assert SHEET_WORDS["trend"]["name"] not in openpyxl.load_workbook(first.folder / "tong-hop.xlsx").sheetnames
    rows[3]["page_name"] = right_rows(SENDER)[3]["page_name"]
    run({"2022-03-05/b.xlsx": Book(SENDER, rows).bytes()}, as_of="2022-03-05")
    third = run({"2022-03-05/c.xlsx": Book("103").bytes()}, as_of="2022-03-05")
    table = {row[0]: row[1:3] for row in _sheet(third, "trend")}
    assert table[SHEET_WORDS["trend"]["by_rule"]] == ["01/03/2022", "05/03/2022"]
    assert table["Số điện thoại bị che"] == [1, 1]
    assert table["Tên Trang không đúng mẫu"] == [1, 0]
    assert table["Chưa gửi danh sách"] == [9, 8]
    assert table["Huyện Mường Ảng"] == [2, 1]
    assert table[SHEET_WORDS["trend"]["total"]] == [11, 9]
    assert len(openpyxl.load_workbook(third.folder / "tong-hop.xlsx")[SHEET_WORDS["trend"]["name"]]._charts) == 1
    page = (third.folder / "tong-quan.html").read_text("utf-8")
    assert "01/03/2022" in page
    assert "Diễn biến" in page


def test_faults_over_time_go_back_to_the_rounds_before(run: Run, tmp_path: Path) -> None:
    run({"2022-03-01/a.xlsx": Book(SENDER, _with(3, leader_phone="0912xxxxxx")).bytes()}, as_of="2022-03-01")
    run(as_of="2022-03-05")
    shipped = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    second = tmp_path / "dot-hai.toml"
    second.write_text(shipped.replace(f'id = "{ROUND.id}"', f'id = "dot-hai"\nprevious = ["{ROUND.id}"]'), "utf-8")
    outcome = run({"2022-06-01/b.xlsx": Book(SENDER).bytes()}, as_of="2022-06-01", round=str(second))
    table = {row[0]: row[1:3] for row in _sheet(outcome, "trend")}
    assert table[SHEET_WORDS["trend"]["by_rule"]] == [f"05/03/2022\n{ROUND.id}", "01/06/2022\ndot-hai"]
    assert table["Số điện thoại bị che"] == [1, 0]
