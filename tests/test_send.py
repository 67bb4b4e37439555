"""Letters out: each once, to its unit alone, whatever the mail server and the machine do."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import ROUND, Book, right_rows
from conftest import Outcome, drop_and_run
from servers import Authority, Loop, Post

from pipeline.__main__ import main
from pipeline.look import look
from schemas.data import HERE
from schemas.round_parts import Reminding

pytestmark = [
    # aiosmtpd leaves the plain socket behind when it goes over to TLS.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

ROOT = HERE.parent
DAY = "2022-03-25"
ADDRESSES = sorted(ROUND.contacts.values())
ONE = ROUND.contacts["098"]


@pytest.fixture
def post(loop: Loop, authority: Authority) -> Post:
    return Post(loop, authority).start()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A round as it stands after a run: one unit in order, one to correct, eight that have not sent."""
    folder = tmp_path_factory.mktemp("round")
    rows = right_rows("098")
    rows[3]["leader_phone"] = "0912xxxxxx"
    drop_and_run(
        folder,
        {"2022-03-20/a.xlsx": Book("100").bytes(), "2022-03-21/b.xlsx": Book("098", rows).bytes()},
        as_of=DAY,
    )
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HOP_THU", raising=False)
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path


def _arguments(folder: Path, *more: str, day: str = DAY, round: str = ROUND.id) -> list[str]:
    folders = [f"--{name}={folder / name}" for name in ("inbox", "outbox", "state")]
    return ["send", "--round", round, *folders, "--as-of", day, *more]


def _configure(folder: Path, post: Post, **more: object) -> None:
    settings = post.settings() | more
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    (folder / "state" / "hop-thu.toml").write_text("\n".join(["[send]", *lines]), encoding="utf-8")


def _send(folder: Path, post: Post, *more: str, day: str = DAY, round: str = ROUND.id) -> int:
    _configure(folder, post)
    return main(_arguments(folder, *more, day=day, round=round))


def _fates(capsys: pytest.CaptureFixture[str]) -> list[int]:
    """What the last line of a sending counts: sent, deferred, refused, uncertain."""
    return [int(number) for number in re.findall(r"\d+", capsys.readouterr().out.splitlines()[-1])]


def at(moment: str, fault: str, recipient: str = "") -> Callable[[str, str], str]:
    """A fault at a moment, for one recipient or for all."""
    return lambda now, to: fault if now == moment and recipient in ("", to) else ""


# --- what goes out


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_every_unit_gets_its_letter_alone_and_once(
    folder: Path, loop: Loop, authority: Authority, security: str, capsys: pytest.CaptureFixture[str]
) -> None:
    post = Post(loop, authority, security).start()
    assert _send(folder, post) == 0
    assert _fates(capsys) == [10, 0, 0, 0]
    assert sorted(post.recipients) == ADDRESSES
    for delivered in post.delivered:
        message = delivered.message
        (recipient,) = delivered.recipients
        code = message["X-Submission-Id"].partition("/")[0]
        assert (recipient, [a.addr_spec for a in message["To"].addresses]) == (ROUND.contacts[code], [recipient])
        for name in ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"):
            assert len(message.get_all(name)) == 1
        assert [message[name] for name in ("Cc", "Bcc", "X-Unsent")] == [None] * 3
        assert (message.defects, delivered.writer) == ([], ROUND.office.email)
        others = [unit.full_name for other, unit in ROUND.submitting_units.items() if other != code]
        body = message.get_body(("plain",))
        assert body is not None
        assert [name for name in others if name in body.get_content()] == []
    assert _send(folder, post) == 0
    assert _fates(capsys) == [0, 0, 0, 0]
    assert len(post.delivered) == 10


def test_the_letter_that_arrives_is_the_one_that_was_prepared(folder: Path, post: Post) -> None:
    _send(folder, post)
    outcome = Outcome(folder / "outbox" / ROUND.id, 0)
    (delivered,) = [d for d in post.delivered if d.recipients == [ONE]]
    (attachment,) = delivered.message.iter_attachments()
    assert attachment.get_content() == (outcome.sender_folder("098") / "phieu-sua.xlsx").read_bytes()
    prepared = (outcome.sender_folder("098") / "thu.eml").read_bytes()
    assert delivered.content.partition(b"\r\n\r\n")[2] == prepared.partition(b"\r\n\r\n")[2]


def test_unless_it_is_configured_nothing_is_sent_but_listed(
    folder: Path, post: Post, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(_arguments(folder)) == 0
    assert _send(folder, post, "--dry-run") == 0
    out = capsys.readouterr().out
    assert out.count("t***@mttq-dienbien.invalid") == 4
    assert [address for address in ADDRESSES if address in out] == []
    assert str(folder / "state" / "hop-thu.toml") in out
    assert post.moments == []
    (folder / "state" / "hop-thu.toml").unlink()
    for key, value in post.settings().items():
        monkeypatch.setenv(f"HOP_THU_SEND_{key.upper()}", str(value))
    assert main(_arguments(folder)) == 0
    assert len(post.delivered) == 10


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"port": "many"}, "send.port"),
        ({"host": ""}, "send.host"),
        ({"security": "none"}, "send.security"),
        ({"hots": "x"}, "send.hots"),
        ({"ca_file": "/no/such/file"}, "ca_file"),
        ({"ca_file": ""}, "CERTIFICATE_VERIFY_FAILED"),
        ({"password": "bí mật sai"}, "send.password"),
        ({"password": "sai"}, "mật khẩu"),
    ],
)
def test_wrong_settings_are_one_line_and_nothing_is_sent(
    folder: Path, post: Post, capsys: pytest.CaptureFixture[str], change: dict[str, object], told: str
) -> None:
    _configure(folder, post, **change)
    assert main(_arguments(folder)) == 2
    error = capsys.readouterr().err
    assert (error.count("\n"), told in error, "bí mật sai" in error) == (1, True, False)
    assert post.delivered == []


def test_a_misnamed_table_and_a_code_that_nobody_has_are_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--again=zzz"], ["--dry-run", "--again=zzz"], ["--arrived=zzz"]):
        assert main(_arguments(folder, *options)) == 2
        assert "zzz" in capsys.readouterr().err
    settings = folder / "state" / "hop-thu.toml"
    settings.write_text('[Send]\nhost = "mail.invalid"\n', encoding="utf-8")
    assert main(_arguments(folder)) == 2
    assert "“Send”" in capsys.readouterr().err


def test_a_server_without_encryption_gets_nothing(folder: Path, loop: Loop, post: Post) -> None:
    from aiosmtpd.smtp import SMTP

    port = loop.serve(lambda: SMTP(object()))
    _configure(folder, post, port=port, user="")
    assert main(_arguments(folder)) == 2
    _configure(folder, post, port=port, user="", security="tls")
    assert main(_arguments(folder)) == 2


# --- which letters are due


def test_a_letter_is_new_where_it_says_something_new(
    folder: Path, post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    _send(folder, post)
    drop_and_run(folder, as_of="2022-03-26")
    _send(folder, post, day="2022-03-26")
    assert len(post.delivered) == 10
    drop_and_run(folder, {"2022-03-26/c.xlsx": Book("098").bytes()}, as_of="2022-03-26")
    _send(folder, post, day="2022-03-26")
    assert post.recipients[10:] == [ONE]
    assert ".receipt.2." in post.delivered[10].message["Message-ID"]
    assert _fates(capsys) == [1, 0, 0, 0]


def test_every_file_that_cannot_be_read_is_answered(folder: Path, post: Post) -> None:
    for number, content in enumerate([b"%PDF-1.7 one", b"%PDF-1.7 two"]):
        drop_and_run(folder, {f"2022-03-25/Nậm Pồ {number}.pdf": content}, as_of=DAY)
        _send(folder, post)
        _send(folder, post)
    ids = [d.message["Message-ID"].strip() for d in post.delivered if d.recipients == [ROUND.contacts["103"]]]
    assert len(set(ids)) == len(ids) == 2
    assert all(".rejection." in one for one in ids)


def test_a_reminder_goes_once_between_two_days_for_reminding() -> None:
    """The round's last day is 30 March; it reminds at 7, 3, 1, 0, -1, -7 days and so on, and once before that."""
    sent: list[dt.date] = []
    for number in range(60):
        day = dt.date(2022, 3, 1) + dt.timedelta(number)
        if not any(ROUND.reminding.same_time(earlier, day, ROUND.deadline.last_day) for earlier in sent):
            sent.append(day)
    assert [f"{day:%d/%m}" for day in sent] == [
        "01/03", "23/03", "27/03", "29/03", "30/03", "31/03", "06/04", "13/04", "29/04"
    ]  # fmt: skip
    weekly = Reminding(every=7)
    assert [weekly.same_time(sent[0], sent[0] + dt.timedelta(days), None) for days in (0, 6, 7)] == [True, True, False]


def test_who_was_reminded_is_not_reminded_every_day(folder: Path, post: Post) -> None:
    for day, letters in (("2022-03-25", 10), ("2022-03-26", 10), ("2022-03-27", 18)):
        drop_and_run(folder, as_of=day)
        _send(folder, post, day=day)
        assert len(post.delivered) == letters


def test_an_outbox_that_is_older_than_what_counts_is_not_sent(
    folder: Path, post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "inbox/2022-03-25/c.xlsx"
    file.parent.mkdir()
    file.write_bytes(Book("098").bytes())
    _send(folder, post)
    assert ONE not in post.recipients
    assert len(post.delivered) == 9
    assert "make run" in capsys.readouterr().out
    drop_and_run(folder, as_of=DAY)
    _send(folder, post)
    assert post.recipients[9:] == [ONE]
    assert ".receipt." in post.delivered[9].message["Message-ID"]


def test_nothing_is_sent_while_a_file_is_being_copied(
    folder: Path, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_and_copy(*arguments: Any) -> Any:
        result = look(*arguments)
        (folder / "inbox" / "new.xlsx").write_bytes(b"half")
        return result

    monkeypatch.setattr("pipeline.due.look", look_and_copy)
    assert _send(folder, post) == 2
    assert post.moments == []


def test_yesterdays_reminder_is_not_sent_today(folder: Path, post: Post) -> None:
    _send(folder, post, day="2022-03-26")
    assert sorted(post.recipients) == sorted([ONE, ROUND.contacts["100"]])


def test_the_day_goes_on_from_the_last_run(folder: Path, post: Post) -> None:
    _configure(folder, post)
    assert main([a for a in _arguments(folder) if a not in ("--as-of", DAY)]) == 0
    assert len(post.delivered) == 10


def test_a_run_while_letters_go_out_stops_those_that_it_replaces(folder: Path, post: Post) -> None:
    def run_between(moment: str, recipient: str) -> str:
        if moment == "rcpt" and len(post.delivered) == 3 and not (folder / "inbox/2022-03-25").exists():
            drop_and_run(folder, {"2022-03-25/c.xlsx": Book("103").bytes()}, as_of=DAY)
        return ""

    post.at = run_between
    _send(folder, post)
    assert (len(post.delivered), ROUND.contacts["103"] in post.recipients) == (9, False)
    _send(folder, post)
    assert sorted(post.recipients) == ADDRESSES
    assert ".receipt." in post.delivered[9].message["Message-ID"]


# --- whom


def test_what_stands_in_the_letter_decides_nothing_about_who_gets_it(folder: Path, post: Post) -> None:
    path = Outcome(folder / "outbox" / ROUND.id, 0).sender_folder("098") / "thu.eml"
    spy = b"To: spy@evil.invalid\nCc: spy@evil.invalid\r\nBcc: spy@evil.invalid\nResent-To: spy@evil.invalid\r\n"
    path.write_bytes(spy + path.read_bytes())
    _send(folder, post)
    (delivered,) = [d for d in post.delivered if d.recipients == [ONE]]
    assert b"spy@evil" not in delivered.content
    assert sorted(post.recipients) == ADDRESSES


def test_a_letter_that_lies_in_anothers_folder_is_not_sent(
    folder: Path, post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = Outcome(folder / "outbox" / ROUND.id, 0)
    shutil.copy(outcome.sender_folder("100") / "thu.eml", outcome.sender_folder("098") / "thu.eml")
    (outcome.sender_folder("103") / "thu.eml").unlink()
    (outcome.sender_folder("102") / "thu.eml").write_bytes(os.urandom(2000))
    _send(folder, post)
    assert set(ADDRESSES) - set(post.recipients) == {ROUND.contacts[code] for code in ("098", "102", "103")}
    assert capsys.readouterr().out.count("thu.eml") == 3


def test_a_unit_without_an_address_is_named(folder: Path, post: Post, capsys: pytest.CaptureFixture[str]) -> None:
    text = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    round = folder / "mine.toml"
    round.write_text(text.replace(f'"098" = "{ONE}"', ""), encoding="utf-8")
    assert _send(folder, post, round=str(round)) == 0
    assert len(post.delivered) == 9
    assert "(mã 098)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "address",
    [
        "a@b.invalid, spy@evil.invalid", "a@b.invalid\\r\\nBcc: spy@evil.invalid", "a@b.invalid\\nTo: spy@evil.invalid",
        "A <a@b.invalid>", "a@b.invalid;spy@evil.invalid", "a b@c.invalid", "a", "@b.invalid", "a\\u0000@b.invalid", "",
    ],
)  # fmt: skip
def test_an_address_that_is_more_than_one_is_the_operators_fault(
    folder: Path, post: Post, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    round = folder / "mine.toml"
    round.write_text(text.replace(ONE, address), encoding="utf-8")
    assert _send(folder, post, round=str(round)) == 2
    assert "contacts.098" in capsys.readouterr().err
    assert post.moments == []


def test_names_from_the_round_file_cannot_add_a_header(folder: Path, post: Post) -> None:
    text = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    name = "Ban, Thường trực\\r\\nBcc: spy@evil.invalid\\r\\n\\r\\n<x@evil.invalid>"
    round = folder / f"{ROUND.id}.toml"
    assert '[office]\nname = "' in text
    round.write_text(re.sub(r'(\[office\]\nname = ").*"', lambda m: f'{m[1]}{name}"', text), encoding="utf-8")
    drop_and_run(folder, round=str(round), as_of=DAY)
    _send(folder, post, round=str(round))
    assert len(post.delivered) == 10
    for delivered in post.delivered:
        message = delivered.message
        for header in ("From", "To", "Subject", "Date", "Message-ID"):
            assert len(message.get_all(header)) == 1
        assert (message["Bcc"], message.defects, len(message["From"].addresses)) == (None, [], 1)
        assert message["From"].addresses[0].addr_spec == ROUND.office.email
    assert sorted(post.recipients) == ADDRESSES


# --- what came after the closing


def test_what_came_after_the_closing_is_answered_once(
    folder: Path, post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [f"--{name}={folder / name}" for name in ("inbox", "outbox", "state")]

    def dry(day: str) -> list[str]:
        assert _send(folder, post, "--dry-run", day=day) == 0
        return [line for line in capsys.readouterr().out.splitlines() if "Sẽ gửi thư báo" in line]

    _send(folder, post)
    assert main(["close", "--round", ROUND.id, *folders, "--as-of", "2022-03-30", "--by", "Lò Văn A"]) == 0
    _send(folder, post, day="2022-03-30")
    before = len(post.delivered)
    drop_and_run(folder, {"2022-04-01/c.xlsx": Book("103").bytes()}, as_of="2022-04-02")
    assert "make send ROUND=dien-bien-2022" in capsys.readouterr().out
    assert len(dry("2022-04-02")) == 1
    # The day after: the letter that lies there says what is true still.
    assert _send(folder, post, day="2022-04-03") == 0
    assert _fates(capsys) == [1, 0, 0, 0]
    (letter,) = post.delivered[before:]
    assert letter.recipients == [ROUND.contacts["103"]]
    assert ("c.xlsx" in letter.message.get_body(("plain",)).get_content(), letter.message["X-Unsent"]) == (True, None)
    drop_and_run(folder, as_of="2022-04-04")
    assert dry("2022-04-04") == []
    _send(folder, post, day="2022-04-04")
    assert _fates(capsys) == [0, 0, 0, 0]
    # A further file is something new; until a run has prepared the letter nothing is said of it.
    (folder / "inbox/2022-04-05").mkdir()
    (folder / "inbox/2022-04-05/d.xlsx").write_bytes(Book("103", right_rows("103")[:4]).bytes())
    (folder / "inbox/2022-04-05/e.xlsx").write_bytes(Book("102").bytes())
    assert dry("2022-04-05") == []
    drop_and_run(folder, as_of="2022-04-05")
    assert len(dry("2022-04-05")) == 2
    post.at = at("text", "drop", ROUND.contacts["102"])
    _send(folder, post, day="2022-04-05")
    assert _fates(capsys) == [1, 0, 0, 1]
    assert len(post.delivered[before:]) == 3  # the server has it, and never said so
    post.at = at("", "")
    _send(folder, post, day="2022-04-05")
    assert _fates(capsys) == [0, 0, 0, 0]
    _send(folder, post, "--again", "102", day="2022-04-05")
    assert _fates(capsys) == [1, 0, 0, 0]
    assert main(["history", "--round", ROUND.id, *folders, "--unit", "102"]) == 0
    assert "thư báo gửi sau khi chốt, đã gửi" in capsys.readouterr().out


# --- faults of the server


@pytest.mark.parametrize("moment", ["mail", "rcpt", "data", "text"])
def test_what_is_refused_for_now_goes_out_the_next_time(
    folder: Path, post: Post, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    left = 4

    def busy(now: str, recipient: str) -> str:
        nonlocal left
        left -= now == moment
        return "451 4.3.0 later" if now == moment and left >= 0 else ""

    post.at = busy
    assert _send(folder, post) == 0
    assert _fates(capsys) == [6, 4, 0, 0]
    assert _send(folder, post) == 0
    assert _fates(capsys) == [4, 0, 0, 0]
    assert sorted(post.recipients) == ADDRESSES


@pytest.mark.parametrize("moment", ["rcpt", "data"])
def test_a_connection_lost_before_the_text_loses_nothing(
    folder: Path, post: Post, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    post.at = at(moment, "drop", ONE)
    _send(folder, post)
    assert _fates(capsys) == [9, 1, 0, 0]
    post.at = at("", "")
    _send(folder, post)
    assert sorted(post.recipients) == ADDRESSES


@pytest.mark.parametrize("moment", ["rcpt", "data", "text"])
def test_a_refusal_for_good_is_named_and_the_others_go_on(
    folder: Path, post: Post, moment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    post.at = at(moment, f"550 5.1.1 <{ONE}>: no such mailbox", ONE)
    _send(folder, post)
    out = capsys.readouterr().out
    assert "t***@mttq-dienbien.invalid>: no such mailbox" in out
    assert (ONE in out, len(post.delivered)) == (False, 9)
    tried = len(post.moments)
    _send(folder, post)
    assert len(post.moments) == tried
    out = capsys.readouterr().out
    assert "AGAIN=098" in out
    post.at = at("", "")
    _send(folder, post, "--again", "098")
    assert sorted(post.recipients) == ADDRESSES


def test_a_new_address_is_tried_after_a_refusal(folder: Path, post: Post) -> None:
    post.at = at("rcpt", "550 5.1.1 no such mailbox", ONE)
    _send(folder, post)
    text = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    round = folder / "mine.toml"
    round.write_text(text.replace(ONE, "tuachua.moi@mttq-dienbien.invalid"), encoding="utf-8")
    _send(folder, post, round=str(round))
    assert post.recipients[9:] == ["tuachua.moi@mttq-dienbien.invalid"]


def test_a_server_that_takes_nothing_from_us_stops_the_sending(folder: Path, post: Post) -> None:
    post.at = at("mail", "553 5.7.1 not your address")
    assert _send(folder, post) == 2
    post.at = at("", "")
    assert _send(folder, post) == 0
    assert sorted(post.recipients) == ADDRESSES


@pytest.mark.parametrize(("fault", "taken"), [("drop", 1), ("lose", 0)])
def test_a_letter_without_an_answer_is_uncertain_and_never_sent_by_itself(
    folder: Path, post: Post, fault: str, taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    post.at = at("text", fault, ONE)
    _send(folder, post)
    assert _fates(capsys) == [9, 0, 0, 1]
    post.at = at("", "")
    _send(folder, post)
    drop_and_run(folder, as_of="2022-03-26")
    _send(folder, post, day="2022-03-26")
    assert post.recipients.count(ONE) == taken
    out = capsys.readouterr().out
    assert out.count("AGAIN=098") == 2
    status = ["status", *_arguments(folder, day="2022-03-26")[1:]]
    assert main([argument for argument in status if "outbox" not in argument]) == 0
    assert "Huyện Tủa Chùa đã nhận thư đề nghị sửa hay chưa" in capsys.readouterr().out
    assert "Huyện Tủa Chùa" in (folder / "outbox" / ROUND.id / "tong-quan.html").read_text("utf-8")
    _send(folder, post, "--again", "098", day="2022-03-26")
    assert post.recipients.count(ONE) == taken + 1
    assert _send(folder, post, "--again", "098", day="2022-03-26") == 2


def test_an_uncertain_letter_that_arrived_is_as_good_as_sent(
    folder: Path, post: Post, capsys: pytest.CaptureFixture[str]
) -> None:
    post.at = at("text", "drop", ONE)
    _send(folder, post)
    post.at = at("", "")
    capsys.readouterr()
    _send(folder, post, "--arrived", "098")
    assert "AGAIN" not in capsys.readouterr().out
    assert sorted(post.recipients) == ADDRESSES


def test_a_server_that_never_answers_does_not_make_all_letters_uncertain(folder: Path, post: Post) -> None:
    post.at = at("text", "drop")
    assert _send(folder, post) == 2
    post.at = at("", "")
    assert _send(folder, post) == 0
    assert (len(post.delivered), max(Counter(post.recipients).values())) == (10, 1)


def test_a_server_that_hangs_after_the_text_is_not_waited_for_for_ever(
    folder: Path, post: Post, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    head, _, _ = text.partition("[contacts]")
    round = folder / "mine.toml"
    round.write_text(f'{head}[contacts]\n"098" = "{ONE}"\n', encoding="utf-8")
    monkeypatch.setattr("pipeline.send._PATIENCE", 0.01)
    post.at = at("text", "hang")
    assert _send(folder, post, round=str(round)) == 0
    assert _fates(capsys) == [0, 0, 0, 1]


# --- the machine


def _process(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pipeline", *_arguments(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    ("moment", "fates"),
    [("data", {1}), ("text", {1}), ("answered", {0, 1})],
)
def test_killed_at_any_moment_no_letter_is_sent_twice_or_lost(
    folder: Path, post: Post, moment: str, fates: set[int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed at 250 the sender may have noted it or not: nothing else can be uncertain."""
    post.at = lambda now, to: "kill" if now == moment and len(post.delivered) >= 2 and post.pid else ""
    _configure(folder, post)
    process = _process(folder)
    post.pid = process.pid
    process.communicate(timeout=120)
    assert process.returncode == -9
    post.pid = 0
    _send(folder, post)
    out = capsys.readouterr().out
    assert max(Counter(post.recipients).values()) == 1
    uncertain = out.count("AGAIN=")
    assert uncertain in fates
    missing = len(ADDRESSES) - len(post.delivered)
    assert missing == (uncertain if moment == "data" else 0)


def test_three_senders_at_once_send_every_letter_once(folder: Path, post: Post) -> None:
    _configure(folder, post)
    senders = [_process(folder) for _ in range(3)]
    ends = [(sender.communicate(timeout=120)[1], sender.returncode) for sender in senders]
    assert {status for _, status in ends} <= {0, 2}
    assert all(told.count(b"\n") == (status == 2) for told, status in ends)
    assert sorted(post.recipients) == ADDRESSES
