"""The correction loop over simulated weeks: what counts, and what each letter says of progress."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from building import KEYS, ROUND, Book, Row, right_rows
from conftest import Outcome, Run
from openpyxl.worksheet.worksheet import Worksheet
from test_forms import persons_book

from pipeline.__main__ import main
from schemas.data import TEMPLATES, read_toml
from schemas.text import slug

SENDER = "102"
WORDS = read_toml(TEMPLATES / "phieu-sua.toml")
UNITS = ROUND.expected[SENDER]


def _faulty() -> list[Row]:
    rows = right_rows(SENDER)
    rows[1]["leader_phone"] = "0912xxxxxx"
    rows[2]["page_name"] = "Fanpage MTTQ"
    rows[3]["leader_email"] = "panh"
    rows[4]["page_link"] = "https://www.facebook.com/groups/abcdef"
    return rows


def _returned(outcome: Outcome) -> openpyxl.Workbook:
    return openpyxl.load_workbook(outcome.sender_folder(SENDER) / "phieu-sua.xlsx")


def _saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(sheet: Worksheet, unit: str, key: str) -> openpyxl.cell.Cell:
    row = next(cell.row for row in sheet.iter_rows(min_col=2, max_col=2) for cell in row if cell.value == unit)
    return sheet.cell(row, 2 + KEYS.index(key))


def _letter(outcome: Outcome) -> str:
    return (outcome.sender_folder(SENDER) / "tin-nhan.txt").read_text("utf-8")


def _correct(book: openpyxl.Workbook, number: int, key: str, value: str) -> None:
    _cell(book[WORDS["list"]["name"]], UNITS[number].full_name, key).value = value


def test_weeks_of_correcting(run: Run) -> None:
    first = run({"2022-03-01/a.xlsx": Book(SENDER, _faulty()).bytes()}, as_of="2022-03-01")
    assert "đã sửa" not in _letter(first)
    book = _returned(first)
    # Two faults corrected, one new; the version goes up.
    _correct(book, 1, "leader_phone", "0912345678")
    _correct(book, 2, "page_name", right_rows(SENDER)[2]["page_name"])
    _correct(book, 5, "leader_email", "a b")
    second = run({"2022-03-08/b.xlsx": _saved(book)}, as_of="2022-03-08")
    assert "đã sửa 2/4, còn 2, phát sinh 1" in _letter(second)
    assert second.unit(SENDER)["errors"] == 3
    assert "08/3/2022" in _letter(second)
    again = run(as_of="2022-03-08")
    assert _letter(again) == _letter(second)
    # The same bytes, and an older file that arrives late, change nothing.
    book = _returned(second)
    late = run(
        {"2022-03-10/copy.xlsx": Book(SENDER, _faulty()).bytes(), "2022-03-11/x.xlsx": b"PK"}, as_of="2022-03-11"
    )
    assert late.unit(SENDER)["errors"] == 3
    assert "đã sửa 2/4, còn 2, phát sinh 1" in _letter(late)
    # A part of the list: the other rows stay.
    part = run({"2022-03-15/c.xlsx": _saved(_only(book, 3, "leader_email", "panh@gmail.com"))}, as_of="2022-03-15")
    assert part.unit(SENDER)["errors"] == 2
    assert "đã sửa 1/3, còn 2, phát sinh 0" in _letter(part)
    # Everything right.
    book = _returned(part)
    _correct(book, 4, "page_link", right_rows(SENDER)[4]["page_link"])
    _correct(book, 5, "leader_email", right_rows(SENDER)[5]["leader_email"])
    last = run({"2022-03-20/d.xlsx": _saved(book)}, as_of="2022-03-20")
    assert last.unit(SENDER)["status"] == "accepted"


def _only(book: openpyxl.Workbook, number: int, key: str, value: str) -> openpyxl.Workbook:
    """Leave one unit in a returned workbook, corrected."""
    sheet = book[WORDS["list"]["name"]]
    _correct(book, number, key, value)
    names = {unit.full_name for place, unit in enumerate(UNITS) if place != number}
    for row in [cell.row for cells in sheet.iter_rows(min_col=2, max_col=2) for cell in cells if cell.value in names][
        ::-1
    ]:
        sheet.delete_rows(row)
    return book


def test_worse_is_said_too(run: Run) -> None:
    rows = right_rows(SENDER)
    rows[1]["leader_phone"] = "09"
    run({"2022-03-01/a.xlsx": Book(SENDER, rows).bytes()})
    rows[2]["leader_phone"] = "09"
    rows[3]["page_link"] = ""
    outcome = run({"2022-03-05/b.xlsx": Book(SENDER, rows).bytes()})
    assert "đã sửa 0/1, còn 1, phát sinh 2" in _letter(outcome)


def test_a_cell_that_is_wrong_in_another_way_is_not_corrected(run: Run) -> None:
    rows = _faulty()
    run({"2022-03-01/a.xlsx": Book(SENDER, rows).bytes()})
    rows[1]["leader_phone"] = ""
    rows[4]["page_link"] = "fb.me/abcdef"
    rows[3]["leader_email"] = right_rows(SENDER)[3]["leader_email"]
    outcome = run({"2022-03-05/b.xlsx": Book(SENDER, rows).bytes()})
    assert "đã sửa 1/4, còn 3, phát sinh 0" in _letter(outcome)


def test_accepted_proposals_are_applied_and_told(run: Run) -> None:
    rows = _faulty()
    rows[5]["leader_email"] = "panh@gmail.con"
    rows[6]["unit"] = "Xa Xuan Lao"
    first = run({"2022-03-01/a.xlsx": Book(SENDER, rows).bytes()})
    book = _returned(first)
    todo = book[WORDS["todo"]["name"]]
    accepted = 0
    for cells in todo.iter_rows():
        if isinstance(cells[0].value, int) and cells[7].value:
            cells[8].value = " X "
            accepted += 1
    second = run({"2022-03-08/b.xlsx": _saved(book)})
    right = right_rows(SENDER)
    assert accepted == 3
    assert second.rows[UNITS[2].code]["page_name"] == right[2]["page_name"]
    assert second.rows[UNITS[5].code]["leader_email"] == "panh@gmail.com"
    assert second.rows[UNITS[6].code]["status"] == "complete"
    told = {(f["value"], f["suggestion"]) for f in second.of_rule("cell.repaired")}
    assert told >= {
        ("Fanpage MTTQ", right[2]["page_name"]),
        ("panh@gmail.con", "panh@gmail.com"),
        ("Xa Xuan Lao", "Xã Xuân Lao"),
    }
    assert second.unit(SENDER)["warnings"] == 0


@pytest.mark.parametrize("moved", ["sorted", "row", "column"])
def test_an_accepted_proposal_is_found_where_its_cell_is_now(run: Run, moved: str) -> None:
    book = _returned(run({"2022-03-01/a.xlsx": Book(SENDER, _faulty()).bytes()}))
    sheet = book[WORDS["list"]["name"]]
    for area in list(sheet.merged_cells.ranges):
        sheet.unmerge_cells(str(area))
    places = [_cell(sheet, unit.full_name, KEYS[0]).row for unit in UNITS[1:]]
    if moved == "sorted":
        values = [[cell.value for cell in sheet[place]] for place in places]
        for place, row in zip(places, reversed(values), strict=True):
            for cell, value in zip(sheet[place], row, strict=True):
                cell.value = value
    else:
        (sheet.insert_rows if moved == "row" else sheet.insert_cols)(3)
    for cells in book[WORDS["todo"]["name"]].iter_rows():
        if isinstance(cells[0].value, int):
            cells[8].value = "x"
    outcome = run({"2022-03-08/b.xlsx": _saved(book)})
    assert outcome.rows[UNITS[2].code]["page_name"] == right_rows(SENDER)[2]["page_name"]


def test_what_the_clerk_typed_wins_over_an_accepted_proposal(run: Run) -> None:
    rows = right_rows(SENDER)
    rows[5]["leader_email"] = "panh@gmail.con"
    book = _returned(run({"2022-03-01/a.xlsx": Book(SENDER, rows).bytes()}))
    _correct(book, 5, "leader_email", "khac@gmail.com")
    for cells in book[WORDS["todo"]["name"]].iter_rows():
        if isinstance(cells[0].value, int):
            cells[8].value = "x"
    outcome = run({"2022-03-08/b.xlsx": _saved(book)})
    assert outcome.rows[UNITS[5].code]["leader_email"] == "khac@gmail.com"


def test_the_visible_line_tells_the_version_where_the_properties_are_lost(run: Run) -> None:
    book = _returned(run({"2022-03-01/a.xlsx": Book(SENDER, _faulty()).bytes()}))
    plain = openpyxl.Workbook()
    sheet = plain.active
    for cells in book[WORDS["list"]["name"]].iter_rows():
        for cell in cells:
            if not isinstance(cell, openpyxl.cell.MergedCell):
                sheet.cell(cell.row, cell.column, cell.value)
    _cell(sheet, UNITS[1].full_name, "leader_phone").value = "0912345678"
    outcome = run({"2022-02-20/b.xlsx": _saved(plain)})
    assert outcome.rows[UNITS[1].code]["leader_phone"] == "0912345678"


# --- blank and pre-filled forms


def _forms(tmp_path: Path) -> Path:
    folders = [f"--outbox={tmp_path / 'outbox'}", f"--state={tmp_path / 'state'}"]
    assert main(["forms", "--round", "dien-bien-2022", *folders, "--as-of", "2022-03-01"]) == 0
    return tmp_path / "outbox" / "bieu-mau-dien-bien-2022"


def test_one_form_a_sender_with_its_units_listed(tmp_path: Path) -> None:
    folder = _forms(tmp_path)
    assert [path.name[:3] for path in sorted(folder.iterdir())] == list(ROUND.submitting_units)
    book = openpyxl.load_workbook(next(folder.glob(f"{SENDER}-*")))
    assert book.sheetnames == [WORDS[name]["name"] for name in ("list", "questions", "check", "names", "guide")]
    listed = book[WORDS["list"]["name"]]
    cells = [_cell(listed, unit.full_name, "page_name") for unit in UNITS]
    assert all(cell.value is None and not cell.protection.locked for cell in cells)
    assert listed.protection.sheet
    assert _cell(listed, UNITS[0].full_name, "unit").protection.locked


def test_the_second_time_the_form_holds_what_was_in_order(run: Run, tmp_path: Path) -> None:
    run({"2022-03-01/a.xlsx": Book(SENDER, _faulty()).bytes()})
    listed = openpyxl.load_workbook(next(_forms(tmp_path).glob(f"{SENDER}-*")))[WORDS["list"]["name"]]
    assert _cell(listed, UNITS[5].full_name, "leader_name").value == "Lò Văn Pánh"
    # Of a row with an error only the wrong cell is left blank: a form sent back as it came takes nothing away.
    assert _cell(listed, UNITS[1].full_name, "leader_name").value == "Lò Văn Pánh"
    assert _cell(listed, UNITS[1].full_name, "leader_phone").value is None


needs_office = pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")


@pytest.fixture
def office(tmp_path: Path) -> Callable[[Path, str], Path]:
    """Open a workbook in LibreOffice and save it as another format (or the same, recalculated)."""

    def convert(path: Path, extension: str) -> Path:
        out = tmp_path / "office"
        profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
        command = ["soffice", profile, "--headless", "--convert-to", extension, "--outdir", str(out), str(path)]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        return out / f"{path.stem}.{extension}"

    return convert


@needs_office
def test_filled_and_saved_by_libreoffice_it_gives_the_same_rows(
    run: Run, tmp_path: Path, office: Callable[[Path, str], Path]
) -> None:
    path = next(_forms(tmp_path).glob(f"{SENDER}-*"))
    book = openpyxl.load_workbook(path)
    right = {row["unit"]: row for row in right_rows(SENDER)}
    for unit in UNITS:
        for key in KEYS[1:]:
            _cell(book[WORDS["list"]["name"]], unit.full_name, key).value = right[unit.full_name][key] or None
    filled = tmp_path / "dien.xlsx"
    filled.write_bytes(_saved(book))
    outcome = run({"2022-03-20/x.xlsx": office(filled, "xlsx").read_bytes()})
    assert outcome.told() == []
    assert {key: outcome.rows[UNITS[3].code][key] for key in KEYS} == right[UNITS[3].full_name]


@needs_office
def test_the_check_sheet_tells_what_is_missing_before_sending(
    tmp_path: Path, office: Callable[[Path, str], Path]
) -> None:
    path = next(_forms(tmp_path).glob(f"{SENDER}-*"))
    book = openpyxl.load_workbook(path)
    listed, rows = book[WORDS["list"]["name"]], right_rows(SENDER)
    rows[2]["leader_phone"] = "0912"
    rows[3]["page_link"] = ""
    rows[4]["page_name"] = "Trang khác"
    rows[0] |= {key: "" for key in KEYS if key.startswith("manager")}
    rows[1] |= {key: rows[1][key.replace("manager", "leader")] for key in KEYS if key.startswith("manager")}
    rows[1] |= {key: "" for key in KEYS if key.startswith("leader")} | {"manager_phone": 974319945}
    rows[5] |= dict.fromkeys(KEYS[3:], "")
    rows[6] |= {"leader_phone": "+84 912 345 678", "page_link": "m.facebook.com/mattran.nasang"}
    rows[8] = {**rows[8], "page_name": "", "page_link": ""}
    for unit, row in list(zip(UNITS, rows, strict=True))[:9]:
        for key in KEYS[1:]:
            _cell(listed, unit.full_name, key).value = row[key] or None
    filled = tmp_path / "dien.xlsx"
    filled.write_bytes(_saved(book))
    checked = openpyxl.load_workbook(office(filled, "xlsx"), data_only=True)[WORDS["check"]["name"]]
    table = {cells[1].value: [cell.value for cell in cells[2:]] for cells in checked.iter_rows(min_row=4)}
    judged = [key for key in KEYS if key != "unit"]

    def faults(number: int) -> dict[str, str]:
        *values, _ = table[UNITS[number].full_name]
        return {key: value for key, value in zip(judged, values, strict=True) if value}

    assert (faults(1), table[UNITS[1].full_name][-1]) == ({}, WORDS["check"]["ok"])
    assert faults(0) == {"manager_name": WORDS["check"]["blank"]}  # a district names two persons, a commune one
    assert faults(5) == {"leader_name": WORDS["check"]["blank"]}
    assert faults(6) == faults(8) == {}
    assert faults(2) == {"leader_phone": WORDS["hints"]["phone"]["wrong"]}
    assert faults(3) == {"page_link": WORDS["check"]["blank"]}
    assert faults(4) == {"page_name": WORDS["check"]["differs"]}
    assert table[UNITS[2].full_name][-1] == WORDS["check"]["wrong"]
    assert table[UNITS[8].full_name][-1] == WORDS["check"]["no_page"]


@needs_office
@pytest.mark.parametrize(
    ("content", "asked"),
    [
        (lambda: Book(SENDER, _told_otherwise()).bytes(), {}),
        (lambda: persons_book("every"), {"round": "nghe-an-2022", "as_of": "2022-02-21"}),
    ],
    ids=["pages", "persons"],
)
def test_what_the_check_sheet_says_is_what_its_formulas_say_and_what_was_found(
    run: Run, office: Callable[[Path, str], Path], tmp_path: Path, content: Callable[[], bytes], asked: dict[str, str]
) -> None:
    """Programs that do not reckon show what is stored; no row with an error passes, none without one is accused."""
    outcome = run({"2022-02-20/a.xlsx": content()}, **asked)
    path = next(outcome.folder.glob("don-vi/*/phieu-sua.xlsx"))
    stored = openpyxl.load_workbook(path, data_only=True)[WORDS["check"]["name"]]
    reckoned = tmp_path / "check.xlsx"
    book = openpyxl.load_workbook(path)
    reckoned.write_bytes(_saved(book))
    again = openpyxl.load_workbook(office(reckoned, "xlsx"), data_only=True)[WORDS["check"]["name"]]
    shown = [[cell.value or "" for cell in row] for row in stored.iter_rows(min_row=4)]
    assert shown == [[cell.value or "" for cell in row][: len(shown[0])] for row in again.iter_rows(min_row=4)]
    todo = book[WORDS["todo"]["name"]]
    marked = {(row[2].value or "")[1:] for row in todo.iter_rows() if row[1].value == "Phải sửa"}
    verdict = next(place for place, cell in enumerate(stored[3]) if cell.value == WORDS["check"]["verdict"])
    rows = book[WORDS["list"]["name"]].iter_rows()
    listed = [str(row[0].row) for row in rows if isinstance(row[0].value, int) and row[1].value]
    for place, row in zip(listed, shown, strict=True):
        assert (row[verdict] == WORDS["check"]["wrong"]) == (place in marked), (place, row)
    width = WORDS["check"]["width"]
    assert all(len(text) <= width for row in shown for text in row[2:verdict])


@needs_office
def test_where_one_of_two_was_corrected_the_other_is_no_longer_accused(
    run: Run, office: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    rows = right_rows(SENDER)
    rows[2]["page_link"] = rows[1]["page_link"]
    rows.append({**rows[4]})
    outcome = run({"2022-02-20/a.xlsx": Book(SENDER, rows).bytes()})
    book = _returned(outcome)
    stored = openpyxl.load_workbook(outcome.sender_folder(SENDER) / "phieu-sua.xlsx", data_only=True)
    check = stored[WORDS["check"]["name"]].iter_rows(min_row=4)
    accused = [row[1].value for row in check if row[10].value == WORDS["check"]["wrong"]]
    assert accused == [UNITS[number].full_name for number in (1, 2, 4, 4)]
    _correct(book, 2, "page_link", right_rows(SENDER)[2]["page_link"])
    listed = book[WORDS["list"]["name"]]
    [_, second] = [row for row in listed.iter_rows() if row[1].value == UNITS[4].full_name]
    for cell in second[1:]:
        cell.value = None
    filled = tmp_path / "sua.xlsx"
    filled.write_bytes(_saved(book))
    checked = openpyxl.load_workbook(office(filled, "xlsx"), data_only=True)[WORDS["check"]["name"]]
    assert {row[10].value or "" for row in checked.iter_rows(min_row=4)} == {WORDS["check"]["ok"], ""}
    again = run({"2022-02-25/b.xlsx": filled.read_bytes()})
    assert again.unit(SENDER)["status"] == "accepted"


@needs_office
def test_what_was_agreed_to_is_no_longer_accused(run: Run, office: Callable[[Path, str], Path], tmp_path: Path) -> None:
    rows = right_rows(SENDER)
    rows[1]["leader_phone"] = "0912xxxxxx"
    rows[2]["page_name"] = rows[3]["page_name"] = rows[4]["page_name"] = "Fanpage MTTQ"
    rows[5]["unit"] = f"{UNITS[5].full_name}i"
    book = _returned(run({"2022-02-20/a.xlsx": Book(SENDER, rows).bytes()}))
    todo, answer, proposal = book[WORDS["todo"]["name"]], *WORDS["todo"]["answer_columns"][:2:-1]
    for cells in todo.iter_rows():
        if isinstance(cells[0].value, int) and cells[proposal].value:
            cells[answer].value = "không" if cells[3].value == UNITS[3].full_name else "X "
    _correct(book, 4, "page_name", "Trang khác")
    filled = tmp_path / "sua.xlsx"
    filled.write_bytes(_saved(book))
    checked = openpyxl.load_workbook(office(filled, "xlsx"), data_only=True)[WORDS["check"]["name"]]
    accused = {row[1].value for row in checked.iter_rows(min_row=4) if row[10].value == WORDS["check"]["wrong"]}
    again = run({"2022-02-25/b.xlsx": filled.read_bytes()})
    assert accused == {UNITS[number].full_name for number in (1, 3, 4)}
    assert {f["unit_code"] for f in again.findings if f["severity"] == "error" and f["submitter_code"] == SENDER} == {
        UNITS[number].code for number in (1, 3, 4)
    }


def _told_otherwise() -> list[Row]:
    """Rows with faults that no formula sees, and without one where a formula would see some."""
    rows = right_rows(SENDER)
    rows[1] |= {"leader_phone": "ĐT: +84 912 345 678", "manager_name": "-", "manager_phone": "x"}
    rows[2]["page_link"] = "https://www.facebook.com/groups/123456789"
    rows[3]["leader_phone"] = "09123456789012"
    rows[4]["unit"] = "Xã Không Có Thật"
    rows[5]["page_link"] = "https://www.facebook.com/profile.php?id=100012345678901"
    rows[6] |= {"page_name": '=1+1 "trang" & <b>', "leader_email": "a b@gmail.com"}
    rows[7] |= dict.fromkeys(KEYS[3:], "")
    rows[8] |= dict.fromkeys(KEYS[1:], "")
    return rows


def test_the_ledger_tells_what_counted_when(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run({"2022-03-01/a.xlsx": Book(SENDER, _faulty()).bytes()}, as_of="2022-03-01")
    run({"2022-03-08/b.xlsx": Book(SENDER).bytes()}, as_of="2022-03-08")
    capsys.readouterr()
    ask = ["history", "--round", ROUND.id, "--unit", SENDER, f"--state={tmp_path / 'state'}"]
    assert main([*ask, "--as-of", "2022-03-05"]) == 0
    then = capsys.readouterr().out
    assert main([*ask, "--as-of", "2022-03-08"]) == 0
    now = capsys.readouterr().out
    assert ("a.xlsx" in then, "b.xlsx" in then) == (True, False)
    assert "b.xlsx" in now
    assert [kind for kind in ("thư đề nghị sửa", "biên nhận") if kind in now] == ["thư đề nghị sửa", "biên nhận"]
    assert "thư đề nghị sửa cho bản 1, " in now
    assert main([*ask[:4], "094", *ask[5:], "--as-of", "2022-03-08"]) == 0
    assert "thư đôn đốc, " in capsys.readouterr().out  # nothing came, so there is no version
    assert main(["history", "--round", ROUND.id, "--unit", "999"]) == 2
    assert main(["history", "--round", ROUND.id]) == 2
    assert "UNIT=" in capsys.readouterr().err
    for name in (UNITS[0].full_name, UNITS[0].name, slug(UNITS[0].name).replace("-", " ")):
        assert main([*ask[:4], name, *ask[5:], "--as-of", "2022-03-08"]) == 0
        assert capsys.readouterr().out == now
    assert main(["history", "--round", ROUND.id, "--unit", SENDER, f"--state={tmp_path / 'nothing here'}"]) == 0
