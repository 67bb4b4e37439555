"""Mail in: every attachment once into the inbox, whatever the mail says and whenever the connection or we die."""

from __future__ import annotations

import datetime as dt
import imaplib
import json
import os
import subprocess
import sys
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from building import ROUND, Book
from conftest import drop_and_run
from servers import Authority, Loop, Mailbox

from pipeline.__main__ import main
from pipeline.fetch import file_name
from schemas.data import HERE
from schemas.round import list_rounds, load_round

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

SHEET = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
CONTACT = ROUND.contacts["098"]


@pytest.fixture
def box(loop: Loop, authority: Authority) -> Mailbox:
    return Mailbox(loop, authority).start()


def _mail(*files: tuple[str, bytes], sender: str = CONTACT, number: int = 1, **headers: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = f"Tủa Chùa <{sender}>", ROUND.office.email, "Danh sách Trang"
    message["Message-ID"] = f"<{number}@mail.invalid>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Kính gửi danh sách.")
    for name, content in files:
        message.add_attachment(content, maintype=SHEET[0], subtype=SHEET[1], filename=name)
    return message.as_bytes()


def _arguments(folder: Path) -> list[str]:
    return ["fetch", "--round", ROUND.id, *(f"--{name}={folder / name}" for name in ("inbox", "outbox", "state"))]


def _configure(place: Path, box: Mailbox, **more: object) -> None:
    lines = [f"{key} = {json.dumps(value)}" for key, value in (box.settings() | more).items()]
    (place / "state").mkdir(exist_ok=True)
    (place / "state" / "hop-thu.toml").write_text("\n".join(["[fetch]", *lines]), encoding="utf-8")


def _fetch(place: Path, box: Mailbox, **more: object) -> int:
    _configure(place, box, **more)
    return main(_arguments(place))


def _inbox(folder: Path) -> dict[str, bytes]:
    """Return the files in the inbox: day and name (without the folder of the mail) -> content."""
    inbox = folder / "inbox"
    files = [path for path in sorted(inbox.rglob("*")) if path.is_file()]
    found = {f"{path.relative_to(inbox).parts[0]}/{path.name}": path.read_bytes() for path in files}
    assert len(found) == len(files), "twice"
    return found


def test_attachments_lie_in_the_folder_of_the_day_on_which_the_mail_came(
    tmp_path: Path, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    book = Book("098").bytes()
    box.drop(_mail(("Danh sách.xlsx", book), ("Phụ lục.xlsx", b"two")), "30-Mar-2022 23:30:00 +0700")
    box.drop(_mail(("b.xlsx", b"three"), number=2), "30-Mar-2022 18:00:00 +0000")
    box.drop(_mail(("old.xlsx", b"old"), number=3), "01-Jan-2022 09:00:00 +0700")
    assert _fetch(tmp_path, box) == 0
    assert _inbox(tmp_path) == {
        "2022-03-30/Danh sách.xlsx": book, "2022-03-30/Phụ lục.xlsx": b"two", "2022-03-31/b.xlsx": b"three"
    }  # fmt: skip
    assert box.seen() == []
    outcome = drop_and_run(tmp_path, as_of="2022-04-05")
    assert (outcome.unit("098")["status"], outcome.unit("098")["late"]) == ("accepted", False)
    out = capsys.readouterr().out
    assert (CONTACT in out, "t***@mttq-dienbien.invalid" in out) == (False, True)
    assert _fetch(tmp_path, box) == 0
    assert len(_inbox(tmp_path)) == 3


@pytest.mark.parametrize("round", [id for id in list_rounds() if load_round(id).source.date is None])
def test_the_mails_of_a_draft_without_a_date_come_too(round: str, tmp_path: Path, box: Mailbox) -> None:
    last_day = load_round(round).deadline.last_day or dt.date.today()
    box.drop(_mail(("a.xlsx", b"one")), f"{last_day - dt.timedelta(days=20):%d-%b-%Y} 09:00:00 +0700")
    box.drop(_mail(("old.xlsx", b"old"), number=2), "01-Jan-2019 09:00:00 +0700")
    _configure(tmp_path, box)
    assert main(["fetch", "--round", round, *_arguments(tmp_path)[3:]]) == 0
    assert list(_inbox(tmp_path).values()) == [b"one"]


def test_a_mail_is_marked_as_read_only_where_that_is_asked(tmp_path: Path, box: Mailbox) -> None:
    box.drop(_mail(("a.xlsx", b"one")))
    box.drop(_mail(number=2))
    _fetch(tmp_path, box, mark_seen=True)
    assert len(box.seen()) == 2


def test_nobody_elses_mail_is_read_unless_the_certificate_is_right(
    tmp_path: Path, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    box.drop(_mail(("a.xlsx", b"one")))
    for change in ({"ca_file": ""}, {"password": "another"}, {"folder": "No such"}, {"port": 1}, {"host": ""}):
        assert _fetch(tmp_path, box, **change) == 2
        error = capsys.readouterr().err
        assert (error.count("\n"), "another" in error) == (1, False)
    (tmp_path / "state" / "hop-thu.toml").unlink()
    assert main(_arguments(tmp_path)) == 2
    assert _inbox(tmp_path) == {}


def test_what_the_server_answers_names_nobodys_address(
    tmp_path: Path, box: Mailbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"[AUTHENTICATIONFAILED] no\tpassword of {CONTACT}".encode()

    def refuse(self: imaplib.IMAP4, *_: object) -> None:
        raise self.error(said)

    with monkeypatch.context() as refusing:
        refusing.setattr(imaplib.IMAP4, "login", refuse)
        assert _fetch(tmp_path, box) == 2
    shown = "[AUTHENTICATIONFAILED] no password of t***@mttq-dienbien.invalid"
    assert f"({shown})" in capsys.readouterr().err
    monkeypatch.setattr(imaplib.IMAP4, "select", lambda *_: ("NO", [said]))
    assert _fetch(tmp_path, box) == 2
    assert f"({shown})" in capsys.readouterr().err


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"}, {"Auto_Submitted": "auto-generated; owner"}, {"Return_Path": "<>"},
        {"Precedence": "auto_reply"}, {"sender": "MAILER-DAEMON@mail.invalid"},
        {"X_Submission_Id": "098/dien-bien-2022/1", "sender": ROUND.office.email},
    ],
)  # fmt: skip
def test_what_no_unit_wrote_is_put_aside_once(tmp_path: Path, box: Mailbox, headers: dict[str, str]) -> None:
    box.drop(_mail(("phieu-sua.xlsx", b"ours"), **headers))  # type: ignore[arg-type]
    box.drop(_mail(("a.xlsx", b"one"), number=2, Auto_Submitted="no"))
    assert _fetch(tmp_path, box) == 0
    assert list(_inbox(tmp_path).values()) == [b"one"]
    asked = len(box.commands)
    assert _fetch(tmp_path, box) == 0
    assert not [command for command in box.commands[asked:] if b"FETCH" in command]


def test_our_own_letters_are_not_taken_for_lists(tmp_path: Path, box: Mailbox) -> None:
    outcome = drop_and_run(tmp_path, as_of="2022-03-25")
    letter = (outcome.sender_folder("098") / "thu.eml").read_bytes()
    box.drop(letter.replace(b"Auto-Submitted: auto-generated\r\n", b"").replace(b"X-Submission-Id", b"X-Other"))
    assert _fetch(tmp_path, box) == 0
    assert _inbox(tmp_path) == {}


def test_pictures_of_a_signature_are_no_files_but_forwarded_mails_bring_theirs(tmp_path: Path, box: Mailbox) -> None:
    inner = EmailMessage(policy=SMTP)
    inner["From"], inner["Subject"] = "x@mail.invalid", "Fwd"
    inner.set_content("text")
    inner.add_attachment(b"inner", maintype=SHEET[0], subtype=SHEET[1], filename="inner.xlsx")
    message = EmailMessage(policy=SMTP)
    message["From"], message["Message-ID"] = CONTACT, "<9@mail.invalid>"
    message.set_content("text")
    message.add_alternative("<p>text<img src=cid:logo></p>", subtype="html")
    html = message.get_body(("html",))
    assert html is not None
    html.add_related(b"\x89PNG", "image", "png", cid="<logo>", filename="logo.png", disposition="inline")
    message.add_attachment(inner)
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="anh chup.png")
    message.add_attachment(b"nameless", maintype=SHEET[0], subtype=SHEET[1])
    box.drop(message.as_bytes())
    _fetch(tmp_path, box)
    assert set(_inbox(tmp_path).values()) == {b"\x89PNG", b"inner", b"nameless"}
    assert "2022-03-20/anh chup.png" in _inbox(tmp_path)


def test_names_from_a_mail_are_never_a_path(tmp_path: Path, box: Mailbox) -> None:
    names = [
        "../../../outside.xlsx", "/etc/passwd", "C:\\Windows\\a.xlsx", "..", ".hidden.xlsx", "~$lock.xlsx", "a/b.xlsx",
        "con.xlsx", "x" * 400 + ".xlsx", "Ư" * 200 + ".xlsx", "a\u202exslx.exe", "A.XLSX", "a.xlsx", "a.xlsx",
        "$(touch x).xlsx",
    ]  # fmt: skip
    box.drop(_mail(*((name, f"{number}".encode()) for number, name in enumerate(names))))
    assert _fetch(tmp_path, box) == 0
    contents = [path.read_bytes() for path in (tmp_path / "inbox" / "2022-03-20").glob("thu-*/*")]
    assert sorted(contents, key=int) == [f"{number}".encode() for number in range(len(names))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inbox", "state"]
    shown = [path.name for path in (tmp_path / "inbox" / "2022-03-20").glob("thu-*/*")]
    assert all(not name.startswith((".", "~")) and len(name.encode()) <= 150 for name in shown)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Danh sách.xlsx", "Danh sách.xlsx"),
        ("102-danh-sach.xlsx", "102-danh-sach.xlsx"),
        ("a\r\nBcc: x.xlsx", "a_x0d_x0aBcc_ x.xlsx"),
        ("", "tep.xlsx"),
        ("báo cáo", "báo cáo.xlsx"),
        (". . /", "tep.xlsx"),
    ],
)
def test_a_name_is_kept_as_it_can_be_shown(name: str, kept: str) -> None:
    assert file_name(name, "/".join(SHEET)) == kept


def test_a_mail_that_nobody_can_take_apart_is_told_like_any_wrong_file(tmp_path: Path, box: Mailbox) -> None:
    raw = (
        b"From: =?utf-8?q?=ff?= <<>>,@@\r\nContent-Type: multipart/mixed; boundary=\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%ff%00\r\n\r\n--\r\n\r\n\x00\xff"
    )
    box.drop(raw)
    box.drop(_mail(("a.xlsx", b"one"), number=2))
    assert _fetch(tmp_path, box) == 0
    assert b"one" in _inbox(tmp_path).values()


def test_who_sent_a_file_of_an_unknown_unit_is_a_hint_and_no_more(
    tmp_path: Path, box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    box.drop(_mail(("danh sach.pdf", b"%PDF-1.7")))
    _fetch(tmp_path, box)
    outcome = drop_and_run(tmp_path, as_of="2022-03-25")
    assert outcome.unit("098")["status"] == "missing"
    out = capsys.readouterr().out
    assert "Huyện Tủa Chùa (mã 098)" in out


# --- faults


def test_other_numbers_for_the_same_mails_bring_nothing_twice(tmp_path: Path, box: Mailbox) -> None:
    box.drop(_mail(("a.xlsx", b"one")))
    box.drop(_mail(("b.xlsx", b"two"), number=2))
    _fetch(tmp_path, box)
    box.renumber()
    box.drop(_mail(("c.xlsx", b"three"), number=3))
    assert _fetch(tmp_path, box) == 0
    assert sorted(_inbox(tmp_path).values()) == [b"one", b"three", b"two"]


@pytest.mark.parametrize("bytes_left", [0, 30, 700])
@pytest.mark.parametrize("command", [b"SEARCH", b"RFC822.SIZE", b"BODY.PEEK"])
def test_a_connection_that_is_cut_loses_and_doubles_nothing(
    tmp_path: Path, box: Mailbox, command: bytes, bytes_left: int
) -> None:
    for number in range(3):
        box.drop(_mail((f"{number}.xlsx", f"{number}".encode() * 5000), number=number))
    seen = 0

    def cut(asked: bytes) -> int:
        nonlocal seen
        seen += command in asked
        return bytes_left if command in asked and (seen == 2 or command == b"SEARCH") else -1

    box.cut = cut
    status = _fetch(tmp_path, box)
    assert status == (0 if bytes_left == 700 and command != b"BODY.PEEK" else 2)
    assert len(_inbox(tmp_path)) == (3 if status == 0 else 0 if command == b"SEARCH" else 1)
    box.cut = lambda asked: -1
    assert _fetch(tmp_path, box) == 0
    assert [len(content) for content in _inbox(tmp_path).values()] == [5000] * 3


MOMENTS = """
import os, signal, sys
from pathlib import Path
import pipeline.fetch
from pipeline.__main__ import main
from pipeline.ledger import Ledger
holder, name, call, first = {
    "written": (os, "fsync", 1, True), "in-place": (Path, "rename", 1, True),
    "recorded": (Ledger, "record_mail", 1, True), "before-recorded": (Ledger, "record_mail", 2, False),
}[sys.argv[1]]
function, calls = getattr(holder, name), 0
def deadly(*arguments, **more):
    global calls
    calls += 1
    result = None if calls == call and not first else function(*arguments, **more)
    if calls == call:
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(holder, name, deadly)
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("moment", ["written", "in-place", "recorded", "before-recorded"])
def test_killed_at_any_moment_the_next_time_completes(tmp_path: Path, box: Mailbox, moment: str) -> None:
    for number in range(3):
        box.drop(_mail((f"{number}.xlsx", f"{number}".encode()), number=number))
    _configure(tmp_path, box, mark_seen=True)
    command = [sys.executable, "-c", MOMENTS, moment, *_arguments(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    killed = subprocess.run(
        command, cwd=HERE.parent, env=environment, stdout=subprocess.DEVNULL, check=False, timeout=120
    )
    assert killed.returncode == -9
    assert len(box.seen()) <= 1
    assert _fetch(tmp_path, box, mark_seen=True) == 0
    assert list(_inbox(tmp_path).values()) == [b"0", b"1", b"2"]
    assert not list((tmp_path / "inbox").rglob(".*"))
