"""Whole files: what cannot be read, what counts, what is late."""

from __future__ import annotations

import email
import io
import zipfile
from email import policy
from pathlib import Path

import openpyxl
import pytest
from building import ROUND, Book, Layout, Row, right_rows, saved, workbook_of
from conftest import Run

from pipeline.__main__ import main
from schemas.round import load_round

OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def _bomb() -> bytes:
    out = io.BytesIO(Book("099").bytes())
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/media/image1.bin", b"\0" * (120 * 1024 * 1024))
    return out.getvalue()


def _flipped(content: bytes) -> bytes:
    place = len(content) // 3
    return content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "file.unreadable"),
        (Book("099").bytes()[:4000], "file.unreadable"),
        (_flipped(Book("099").bytes()), "file.unreadable"),
        (OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "file.encrypted"),
        (b"%PDF-1.7 ...", "file.unsupported"),
        (b"\x89PNG\r\n\x1a\n", "file.unsupported"),
        (_bomb(), "file.too-large"),
        (workbook_of([["B\u00e1o c\u00e1o", "th\u00e1ng 3"], ["a", "b"]]), "file.no-table"),
        (Book("099", []).bytes(), "file.empty"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_used_gets_one_reason_and_stops_nobody(run: Run, content: bytes, rule: str) -> None:
    bad = "2022-03-20/DS huyện Tuần Giáo.xlsx"
    outcome = run({bad: content, "2022-03-20/good.xlsx": Book("100").bytes()})
    assert outcome.status == 0
    assert outcome.told() == [(bad, "", rule)]
    assert (outcome.unit("099")["status"], outcome.unit("100")["status"]) == ("rejected", "accepted")
    assert (outcome.sender_folder("099") / "thu.eml").exists()


def _names_only(**said: str) -> list[Row]:
    """The units of a sender with nothing but their names, and what is said of the first."""
    rows = [dict.fromkeys(row, "") | {"unit": row["unit"]} for row in right_rows("099")]
    return [rows[0] | said, *rows[1:]]


def test_a_form_sent_back_as_it_was_handed_out_is_no_answer(run: Run, tmp_path: Path) -> None:
    folders = ["--outbox", str(tmp_path / "forms"), "--state", str(tmp_path / "state"), "--as-of", "2022-03-01"]
    assert main(["forms", "--round", ROUND.id, *folders]) == 0
    form = next((tmp_path / "forms").glob("**/099*.xlsx")).read_bytes()
    outcome = run({"2022-03-20/form.xlsx": form})
    assert outcome.told(notes=True) == [("2022-03-20/form.xlsx", "", "file.empty")]
    assert outcome.unit("099")["status"] == "rejected"
    assert "ghi “chưa có”" in outcome.of_rule("file.empty")[0]["message"]
    letter = email.message_from_bytes((outcome.sender_folder("099") / "thu.eml").read_bytes(), policy=policy.default)
    again = next(part.get_content() for part in letter.iter_attachments() if ".xlsx" in part.get_filename())
    assert run({"2022-03-24/again.xlsx": again}).unit("099")["status"] == "rejected"


@pytest.mark.parametrize("text", ["", "không có", "Chưa lập", "0", "x"])
def test_who_lists_its_units_or_says_that_there_is_nothing_has_answered(run: Run, text: str) -> None:
    outcome = run({"2022-03-20/099.xlsx": Book("099", _names_only(page_name=text)).bytes()})
    assert not outcome.of_rule("file.empty")
    assert {row["status"] for row in outcome.rows.values() if row["file"]} == {"no-page"}


def test_a_workbook_of_another_round_is_named(run: Run) -> None:
    run()
    form = _returned_form(run)
    book = openpyxl.load_workbook(io.BytesIO(form))
    book.custom_doc_props["round"].value = "quang-nam-2021"
    out = io.BytesIO()
    book.save(out)
    outcome = run({"2022-03-21/Tuần Giáo.xlsx": out.getvalue()})
    assert ("2022-03-21/Tuần Giáo.xlsx", "", "file.wrong-form") in outcome.told()


def test_the_form_of_another_round_typed_by_hand_is_named(run: Run) -> None:
    """Persons with their groups and channels, in a round that asks for pages: no list of pages, whosever its units."""
    channels = ["Facebook", "Zalo", "Fanpage"]
    above = ["TT", "Đơn vị", "Đối tượng", "Họ và tên", "Tham gia", "", "", "Tương tác với Trang Mặt trận", "", ""]
    book = openpyxl.Workbook()
    for cells in (["UBMTTQ HUYỆN TUẦN GIÁO"], above, ["", "", "", "", *channels, *channels]):
        book.active.append([text or None for text in cells])
    for area in ("A2:A3", "B2:B3", "C2:C3", "D2:D3", "E2:G2", "H2:J2"):
        book.active.merge_cells(area)
    for number, unit in enumerate(ROUND.expected["099"], start=1):
        book.active.append([number, unit.full_name, "Cán bộ chuyên trách", "Lò Văn Pánh", *["có"] * 6])
    outcome = run({"2022-03-20/099.xlsx": saved(book)})
    assert outcome.told() == [("2022-03-20/099.xlsx", "", "file.wrong-form")]
    assert load_round("nghe-an-2022").form.document in outcome.of_rule("file.wrong-form")[0]["message"]
    assert outcome.unit("099")["status"] == "rejected"


def _returned_form(run: Run) -> bytes:
    rows = right_rows("099")
    rows[1]["leader_phone"] = "09"
    outcome = run({"2022-03-01/x.xlsx": Book("099", rows).bytes()})
    return (outcome.sender_folder("099") / "phieu-sua.xlsx").read_bytes()


def test_the_same_bytes_twice_are_told_and_counted_once(run: Run) -> None:
    content = Book("099").bytes()
    outcome = run({"2022-03-20/a.xlsx": content, "2022-03-21/b.xlsx": content})
    assert outcome.told(notes=True) == [("2022-03-21/b.xlsx", "", "file.duplicate")]


def test_a_copy_in_anothers_name_takes_nothing_from_its_sender(run: Run) -> None:
    """Files of which everything is of another sender are one finding; none of its persons is seen by the one named."""
    bare = Layout(titles=("DANH SÁCH",), sections="none")
    own, others = Book("095").bytes(), right_rows("099")
    outcome = run(
        {
            "2022-03-20/094-a.xlsx": own,
            "2022-03-20/095-a.xlsx": own,
            "2022-03-21/a.xlsx": own,
            "2022-03-20/096-b.xlsx": Book("097").bytes(),
            "2022-03-20/097-b.xlsx": Book("096").bytes(),
            "2022-03-20/100-c.xlsx": Book("100", others[2:5], bare).bytes(),
            "2022-03-20/101-d.xlsx": Book("101", [*right_rows("101"), others[5]]).bytes(),
            "2022-03-20/102-e.xlsx": Book("102", others[6:8], bare).bytes(),
            "2022-03-20/103-f.xlsx": Book(
                "103", others[6:9], Layout(titles=("HUYỆN NẬM PỒ",), sections="none")
            ).bytes(),
        }
    )
    told = [(f["submitter_code"], f["rule"]) for f in outcome.findings if f["file"]]
    assert sorted(told) == [
        ("094", "submission.unknown-unit"),
        ("095", "file.duplicate"),
        *[(code, "submission.unknown-unit") for code in ("096", "097", "100")],
        ("101", "unit.wrong-parent"),
        *[("102", "unit.wrong-parent")] * 2,
        *[("103", "unit.wrong-parent")] * 3,
    ]
    assert outcome.of_rule("file.duplicate")[0]["file"] == "2022-03-21/a.xlsx"
    assert outcome.unit("095")["status"] == "accepted"
    assert {unit["code"] for unit in outcome.summary["units"] if unit["status"] == "rejected"} == {
        "094", "096", "097", "100",
    }  # fmt: skip
    for code, other in (("094", "Thị xã Mường Lay"), ("096", "Huyện Mường Chà"), ("100", "Huyện Tuần Giáo")):
        (told_it,) = (f for f in outcome.of_rule("submission.unknown-unit") if f["submitter_code"] == code)
        assert other in told_it["message"]
        assert not (outcome.sender_folder(code) / "phieu-sua.xlsx").exists()


def test_a_newer_file_replaces_the_rows_of_its_units_only(run: Run) -> None:
    old, new = right_rows("099"), right_rows("099")[:3]
    old[1]["leader_phone"] = "0912xxxxxx"
    old[5]["leader_email"] = "panh"
    first = Book("099", old)
    outcome = run({"2022-03-20/a.xlsx": first.bytes(), "2022-03-25/b.xlsx": Book("099", new).bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", first.at(5, "leader_email")[1], "email.invalid")]
    assert {row["file"] for row in outcome.rows.values()} == {"", "2022-03-20/a.xlsx", "2022-03-25/b.xlsx"}


def test_a_file_of_which_nothing_counts_is_told(run: Run) -> None:
    old = right_rows("099")
    old[1]["leader_phone"] = "0912xxxxxx"
    outcome = run({"2022-03-25/b.xlsx": Book("099").bytes(), "2022-03-20/a.xlsx": Book("099", old).bytes()})
    assert outcome.told(notes=True) == [("2022-03-20/a.xlsx", "", "file.superseded")]


@pytest.mark.parametrize("day", ["2022-03-20", "2022-03-21"])
def test_files_between_which_only_a_name_decides_are_shown_to_the_officer(
    run: Run, capsys: pytest.CaptureFixture[str], day: str
) -> None:
    table = "TT;Đơn vị;Tên Trang;Địa chỉ liên kết\n1;Huyện Tuần Giáo;Mặt trận huyện Tuần Giáo;{}\n"
    run({"2022-03-20/099 a.csv": table.format("").encode(), f"{day}/099 b.csv": table.format("-").encode()})
    assert ("099 a.csv" in capsys.readouterr().out) is (day == "2022-03-20")


def test_an_unreadable_newer_file_leaves_the_older_counting(run: Run) -> None:
    outcome = run({"2022-03-20/099 a.xlsx": Book("099").bytes(), "2022-03-25/099 b.xlsx": b"PK\x03\x04broken"})
    assert outcome.told() == [("2022-03-25/099 b.xlsx", "", "file.unreadable")]
    assert outcome.unit("099")["listed"] == outcome.unit("099")["expected"]


def test_a_damaged_file_is_forgotten_once_a_good_one_has_come(run: Run) -> None:
    outcome = run({"2022-03-20/099 a.xlsx": b"PK\x03\x04broken", "2022-03-25/099 b.xlsx": Book("099").bytes()})
    assert outcome.told(notes=True) == [("2022-03-20/099 a.xlsx", "", "file.superseded")]
    assert (outcome.unit("099")["status"], outcome.unit("099")["file"]) == ("accepted", "2022-03-25/099 b.xlsx")


@pytest.mark.parametrize(
    ("folder", "late"),
    [
        ("2022-03-30", False),
        ("2022-03-31", True),
        ("30.3.2022", False),
        ("2022-3-30 đợt 2", False),
        ("31-3-2022_bo sung", True),
        ("2022-03-40", True),
        ("2022-03-30-15", True),
        ("tuan 4", True),
    ],
)
def test_late_is_after_the_last_day(run: Run, capsys: pytest.CaptureFixture[str], folder: str, late: bool) -> None:
    outcome = run({f"{folder}/a.xlsx": Book("099").bytes()})
    assert [f["rule"] for f in outcome.findings if f["submitter_code"] == "099"] == ["submission.late"] * late
    assert outcome.unit("099")["late"] is late
    assert outcome.summary["submissions"]["late"] == int(late)
    assert (f"“{folder}” không phải ngày" in capsys.readouterr().out) is (folder == "2022-03-40")


def test_nobody_has_sent(run: Run) -> None:
    outcome = run()
    assert {f["rule"] for f in outcome.findings} == {"submission.missing"}
    assert outcome.summary["submissions"] == {
        "expected": 10, "received": 0, "on_time": 0, "late": 0, "missing": list(ROUND.submitting_units),
    }  # fmt: skip
    assert (outcome.folder / "bao-cao.docx").exists()


def test_a_hidden_old_list_is_not_read_but_named(run: Run) -> None:
    book = Book("099")
    hidden = book.book.copy_worksheet(book.sheet)
    hidden.title, hidden.sheet_state = "cu", "hidden"
    hidden["C12"] = "Trang cu"
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told(notes=True) == [("2022-03-20/a.xlsx", "", "file.hidden-sheet")]


def test_a_missing_column_is_told_once_and_its_cells_are_not(run: Run) -> None:
    keys = [key for key in Layout().columns if key != "manager_email"]
    outcome = run({"2022-03-20/a.xlsx": Book("099", layout=Layout(columns=keys, header="flat")).bytes()})
    assert [(f["rule"], f["column"]) for f in outcome.findings if f["submitter_code"] == "099"] == [
        ("form.missing-column", "manager_email")
    ]


def test_a_foreign_column_is_noted_and_copied_nowhere(run: Run) -> None:
    rows = right_rows("099")
    book = Book("099", rows, Layout(extra=("Ng\u00e0y sinh",)))
    place = book.at(3, "manager_email")[1]
    cell = book.sheet[place]
    book.sheet.cell(cell.row, cell.column + 1, "KHONG-DUOC-CHEP")
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert [place[2] for place in outcome.told(notes=True)] == ["form.extra-column"]
    for path in outcome.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            parts = [content]
            if content.startswith(b"PK"):
                with zipfile.ZipFile(path) as package:
                    parts = [package.read(name) for name in package.namelist()]
            assert not any(b"KHONG-DUOC-CHEP" in part for part in parts)


def test_error_cells_and_formulas_without_results(run: Run) -> None:
    book = Book("099")
    names = {2: "#REF!", 3: "=B3&C3"}
    for number, text in names.items():
        book.sheet[book.at(number, "leader_name")[1]] = text
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    file = "2022-03-20/a.xlsx"
    expected = [
        (file, book.at(2, "leader_name")[1], "cell.error-value"),
        (file, book.at(3, "leader_name")[1], "cell.no-value"),
    ]
    assert outcome.told() == sorted(expected)


def test_a_person_merged_over_rows_speaks_for_each_and_is_told_once(run: Run) -> None:
    rows = right_rows("099")
    for number in (4, 5):
        rows[number] |= {"leader_name": "", "leader_phone": "", "leader_email": ""}
    rows[3]["leader_phone"] = "0912xxxxxx"
    book = Book("099", rows)
    for key in ("leader_name", "leader_phone", "leader_email"):
        book.sheet.merge_cells(f"{book.at(3, key)[1]}:{book.at(5, key)[1]}")
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", book.at(3, "leader_phone")[1], "phone.masked")]
    assert [outcome.rows[ROUND.expected["099"][n].code]["leader_name"] for n in (3, 4, 5)] == ["Lò Văn Pánh"] * 3


def test_text_in_an_old_font_is_converted_and_said(run: Run) -> None:
    from pipeline.read.legacy_fonts import _decoders

    table = {_decoders()["tcvn3"](chr(code)): chr(code) for code in range(0xA1, 0xFF)}
    rows = right_rows("099")
    for row in rows:
        for key in ("unit", "page_name", "leader_name"):
            row[key] = "".join(table.get(letter, letter) for letter in row[key])
    outcome = run({"2022-03-20/a.xlsx": Book("099", rows, Layout(titles=(), words=dict(Layout().words))).bytes()})
    assert {f["rule"] for f in outcome.findings if f["submitter_code"] == "099"} <= {"cell.legacy-font"}
    assert outcome.of_rule("cell.legacy-font") != []
    assert outcome.rows[ROUND.expected["099"][3].code]["leader_name"] == "Lò Văn Pánh"
