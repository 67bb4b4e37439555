"""The letter: an e-mail that mail programs open as a draft, in the right kind, with its attachment."""

from __future__ import annotations

import email
import email.policy
import io
import re
import shutil
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path

import docx
import openpyxl
import pytest
from building import ROUND, Book, right_rows
from conftest import Outcome, Run, drop_and_run

from pipeline.render import templates
from pipeline.render.mime import letter_of
from schemas.data import TEMPLATES

SENDER = "098"


def _letter(outcome: Outcome, sender: str = SENDER) -> EmailMessage:
    content = (outcome.sender_folder(sender) / "thu.eml").read_bytes()
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def _faulty() -> bytes:
    rows = right_rows(SENDER)
    rows[2]["leader_phone"] = "0912xxxxxx"
    rows[3]["leader_email"] = "bimat@gmail.con"
    return Book(SENDER, rows).bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("thu.txt.j2", b"{{ no_such_thing }}"), ("tin-nhan.txt.j2", b"{% if kind %}"), ("thu.html.j2", b"\xff\xfe"),
        ("thu.txt.j2", None), ("tong-quan.html.j2", None),
    ],
)  # fmt: skip
def test_a_broken_template_is_the_operators_fault(
    name: str,
    content: bytes | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = tmp_path / "templates"
    shutil.copytree(TEMPLATES, place)
    (place / name).unlink()
    if content is not None:
        (place / name).write_bytes(content)
    monkeypatch.setattr(templates, "TEMPLATES", place)
    assert drop_and_run(tmp_path).status == 2
    told = capsys.readouterr().err
    assert (told.count("\n"), name in told) == (1, True)


@pytest.mark.parametrize(
    ("files", "kind", "attached"),
    [
        ({}, "reminder", ["bieu-mau.xlsx"]),
        ({"2022-03-20/a.xlsx": Book(SENDER).bytes()}, "receipt", []),
        ({"2022-03-20/a.xlsx": _faulty()}, "correction", ["phieu-sua.xlsx"]),
        ({"2022-03-20/Tủa Chùa.xlsx": b"%PDF-1.7"}, "rejection", ["bieu-mau.xlsx"]),
    ],
)
def test_the_kind_follows_the_status(run: Run, files: dict[str, bytes], kind: str, attached: list[str]) -> None:
    message = _letter(run(files))
    assert f".{kind}." in message["Message-ID"]
    assert [part.get_filename() for part in message.iter_attachments()] == attached
    assert (message.get_body(("html",)) is not None, message.defects) == (True, [])


def test_its_headers(run: Run) -> None:
    outcome = run({"2022-03-20/a.xlsx": _faulty()})
    message = _letter(outcome)
    for name in ("From", "To", "Subject", "Date", "Message-ID"):
        assert len(message.get_all(name)) == 1
    assert message["To"].addresses[0].addr_spec == ROUND.contacts[SENDER]
    assert len(message["To"].addresses) == 1
    assert (message["Cc"], message["Bcc"]) == (None, None)
    assert (message["X-Submission-Id"], message["X-Unsent"]) == (f"{SENDER}/{ROUND.id}/1", "1")
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(rf"<{SENDER}\.{ROUND.id}\.correction\.1\.20220405@[\w.-]+>", message["Message-ID"])
    raw = (outcome.sender_folder(SENDER) / "thu.eml").read_bytes()
    assert raw.isascii()


@pytest.mark.parametrize("sign", ["098-r-20220405", f"098-{'long-' * 12}-20220405"])
@pytest.mark.parametrize("attached", [False, True])
def test_it_is_what_the_library_of_python_writes(sign: str, attached: bool) -> None:
    head = {
        "From": str(Address("Ban Thường trực, tỉnh Điện Biên", addr_spec="van-phong@mttq.invalid")),
        "To": str(Address("Huyện Tủa Chùa", addr_spec="098@mttq.invalid")),
        "Subject": "Plain enough",
        "Message-ID": f"<{sign}@mttq.invalid>",
        "X-Submission-Id": f"098/{sign}/1",
    }
    text, html = "Kính gửi\n\n- một\n- hai " + "dài " * 40, "<p>Kính gửi</p>\n"
    workbook = Book(SENDER).bytes() if attached else b""
    message = EmailMessage(policy=email.policy.SMTP)
    for name, value in head.items():
        message[name] = value
    message.set_content(text, cte="base64")
    message.add_alternative(html, subtype="html", cte="base64")
    if attached:
        kind = "vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        message.add_attachment(workbook, maintype="application", subtype=kind, filename="a.xlsx")
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=={sign}-{number}==")
    assert letter_of(head, text, html, "a.xlsx", workbook, sign) == message.as_bytes()


def test_it_says_how_many_and_where_but_shows_no_personal_data(run: Run) -> None:
    outcome = run({"2022-03-20/a.xlsx": _faulty()})
    text = _text(_letter(outcome))
    chat = (outcome.sender_folder(SENDER) / "tin-nhan.txt").read_text("utf-8")
    unit = outcome.unit(SENDER)
    assert f"{unit['errors']} nội dung phải sửa" in text
    assert f"{unit['errors']} nội dung phải sửa" in chat
    assert ROUND.expected[SENDER][2].full_name in text
    assert "bimat" not in text + chat
    assert "0912" not in text + chat
    assert len(chat) < 400


def test_the_attachment_is_the_workbook_of_the_folder(run: Run) -> None:
    outcome = run({"2022-03-20/a.xlsx": _faulty()})
    (attachment,) = _letter(outcome).iter_attachments()
    assert attachment.get_content() == (outcome.sender_folder(SENDER) / "phieu-sua.xlsx").read_bytes()
    (form,) = _letter(outcome, "099").iter_attachments()
    book = openpyxl.load_workbook(io.BytesIO(form.get_content()))
    cells = [cell.value for row in book.worksheets[0].iter_rows(min_col=2, max_col=2) for cell in row]
    names = [unit.full_name for unit in ROUND.expected["099"]]
    assert [cell for cell in cells if cell in names] == names


@pytest.mark.parametrize(
    ("as_of", "words"), [("2022-03-25", "còn 5 ngày"), ("2022-03-30", "hạn cuối"), ("2022-04-02", "quá hạn 3 ngày")]
)
def test_a_reminder_counts_the_days(run: Run, as_of: str, words: str) -> None:
    assert words in _text(_letter(run(as_of=as_of)))


def test_a_filled_blank_form_is_a_submission_in_order(run: Run) -> None:
    (form,) = _letter(run(), SENDER).iter_attachments()
    book = openpyxl.load_workbook(io.BytesIO(form.get_content()))
    right = {row["unit"]: row for row in right_rows(SENDER)}
    for cells in book.worksheets[0].iter_rows(min_row=8):
        for cell, key in zip(cells[1:], ROUND.form.keys, strict=False):
            if cells[1].value in right:
                cell.value = right[cells[1].value][key] or None
    out = io.BytesIO()
    book.save(out)
    outcome = run({"2022-03-20/x.xlsx": out.getvalue()})
    assert outcome.told() == []
    assert outcome.unit(SENDER)["status"] == "accepted"


def test_a_long_subject_keeps_its_spaces(run: Run) -> None:
    """Wherever a header is folded: a space between two encoded words is not one of the text."""
    outcome = run({}, round="nghe-an-2022", as_of="2022-03-06")
    for path in (outcome.folder / "don-vi").glob("*/thu.eml"):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert "danh sách cán bộ Mặt trận tham gia các trang mạng xã hội (" in message["Subject"]
        assert max(map(len, path.read_bytes().split(b"\r\n\r\n")[0].split(b"\r\n"))) <= 78


def test_the_day_beside_a_version_is_its_own(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """On time or late is what came first; a number and a day beside it are of one version."""
    rows = right_rows("103")
    rows[3]["leader_phone"] = "0912xxxxxx"
    run({"2022-04-01/np.xlsx": Book("103", rows).bytes()}, as_of="2022-04-02")
    capsys.readouterr()
    outcome = run({"2022-04-04/np.xlsx": Book("103").bytes()})
    (said,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Huyện Nậm Pồ")]
    assert re.search(r"2 +04/04/2022", said)
    page = (outcome.folder / "tong-quan.html").read_text(encoding="utf-8")
    assert '04/04/2022 (lần đầu 01/04/2022, <span class="late-word">muộn</span>)' in page
    sheet = openpyxl.load_workbook(outcome.folder / "tong-hop.xlsx").worksheets[0]
    cells = {cell.value: cell for row in sheet.iter_rows() for cell in row if cell.value}
    row, column = cells["Huyện Nậm Pồ"].row, cells["Ngày gửi lần đầu"].column
    assert f"{sheet.cell(row, column).value:%d/%m/%Y}" == "01/04/2022"
    assert "(gửi ngày 04/4/2022, lần đầu ngày 01/4/2022, quá hạn 2 ngày)" in _text(_letter(outcome, "103"))


def test_a_late_list_in_order_has_nothing_to_look_at(run: Run) -> None:
    outcome = run({"2022-04-04/np.xlsx": Book("103").bytes()})
    folder = outcome.sender_folder("103")
    assert outcome.unit("103")["warnings"] == 1 and not (folder / "phieu-sua.xlsx").exists()
    assert "nên xem lại" not in (folder / "tin-nhan.txt").read_text(encoding="utf-8")


def test_lateness_is_no_thing_to_look_at_in_any_paper(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    row = right_rows("103")[3] | {"page_link": "https://www.facebook.com/profile.php?id=100067037703148"}
    outcome = run({"2022-04-04/np.xlsx": Book("103", [*right_rows("103")[:3], row, *right_rows("103")[4:]]).bytes()})
    folder = outcome.sender_folder("103")
    assert outcome.unit("103")["warnings"] == 2  # for machines both are
    screen = capsys.readouterr().out
    assert "1 nội dung nên xem lại" in screen and "Gửi sau thời hạn (" not in screen
    assert "Có 1 nội dung nên xem lại" in _text(_letter(outcome, "103"))
    todo = openpyxl.load_workbook(folder / "phieu-sua.xlsx")["NỘI DUNG CẦN SỬA"]
    cells = [[cell.value for cell in row] for row in todo.iter_rows()]
    assert any("1 nội dung nên xem lại" in str(row[0]) for row in cells)
    late = next(row for row in cells if row[2] == "Cả tệp")
    assert late[1] == "Đã ghi nhận" and "Nếu có lý do" in str(late[5])  # it may be explained
    assert "nên xem lại 1 chỗ" in (outcome.folder / "tong-quan.html").read_text(encoding="utf-8")
    report = docx.Document(str(outcome.folder / "bao-cao.docx"))
    assert any("01 nội dung đề nghị đơn vị xem lại" in paragraph.text for paragraph in report.paragraphs)
