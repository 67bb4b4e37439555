"""The commands, and rounds written as data alone."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import OFFICIAL, Book, Layout, right_rows
from conftest import Run

from pipeline.__main__ import main
from pipeline.errors import OperatorError
from pipeline.glance import forget
from schemas.data import HERE
from schemas.messages import line

SHIPPED = (HERE / "rounds" / "dien-bien-2022.toml").read_text(encoding="utf-8")


def _round(tmp_path: Path, **changes: str) -> str:
    text = SHIPPED
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "my-round.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_check_tells_the_places_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = right_rows("102")
    rows[3]["leader_phone"] = "0912xxxxxx"
    book = Book("102", rows)
    bad, good = tmp_path / "bad.xlsx", tmp_path / "good.xlsx"
    bad.write_bytes(book.bytes())
    good.write_bytes(Book("103").bytes())
    assert main(["check", "--round", "dien-bien-2022", str(good)]) == 0
    capsys.readouterr()
    assert main(["check", "--round", "dien-bien-2022", str(bad), str(good)]) == 3
    out = capsys.readouterr().out
    assert [line.split(" | ")[2] for line in out.splitlines()] == ["phone.masked"]
    assert book.at(3, "leader_phone")[1] in out
    (tmp_path / "~$good.xlsx").write_bytes(b"open in Excel")
    assert main(["check", "--round", "dien-bien-2022", str(tmp_path)]) == 3
    assert capsys.readouterr().out == out
    (tmp_path / "~$good.xlsx").unlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.xlsx", "good.xlsx"]


def test_check_tells_files_of_one_name_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = right_rows("102")
    rows[3]["leader_phone"] = "0912xxxxxx"
    later = right_rows("102")
    later[4]["leader_email"] = "panh"
    monkeypatch.chdir(tmp_path)
    for folder, told in (("a", rows), ("c", later)):
        Path(folder).mkdir()
        Path(folder, "ds.xlsx").write_bytes(Book("102", told).bytes())
    assert main(["check", "--round", "dien-bien-2022", "a/ds.xlsx", "c/ds.xlsx"]) == 3
    out = capsys.readouterr().out
    [said] = [line.split(" | ") for line in out.splitlines()]  # of the two the last one counts
    assert (said[1].split()[0], said[2]) == ("c/ds.xlsx", "email.invalid")
    for folder in ("a", "c"):
        Path(folder, "in").mkdir()
        Path(folder, "ds.xlsx").rename(Path(folder, "in", "ds.xlsx"))
    assert main(["check", "--round", "dien-bien-2022", "a", "c"]) == 3
    assert capsys.readouterr().out == out.replace("c/ds.xlsx", "c/in/ds.xlsx")


def test_check_names_a_folder_that_it_cannot_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = os.scandir

    def closed(folder: Any) -> Any:
        if str(folder).endswith("closed"):
            raise PermissionError(errno.EACCES, "closed")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", closed)
    (tmp_path / "closed").mkdir()
    (tmp_path / "103.xlsx").write_bytes(Book("103").bytes())
    assert main(["check", "--round", "dien-bien-2022", str(tmp_path)]) == 3
    [said] = capsys.readouterr().out.splitlines()
    assert said.split(" | ")[1:3] == ["closed", "file.unreadable"]


def test_status_names_who_has_not_sent(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run({"2022-03-20/a.xlsx": Book("102").bytes()})
    capsys.readouterr()
    folders = [f"--inbox={tmp_path / 'inbox'}", f"--state={tmp_path / 'state'}"]
    assert main(["status", "--round", "dien-bien-2022", *folders, "--as-of", "2022-03-25"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "Chưa gửi" in line]) == 9
    assert any(line.startswith("Huyện Mường Ảng") and "Đạt" in line for line in lines)
    assert any("Còn 5 ngày" in line for line in lines)


def test_rounds_and_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rounds"]) == 0
    assert "dien-bien-2022" in capsys.readouterr().out
    assert main(["rules"]) == 0
    assert "phone.masked" in capsys.readouterr().out


def test_a_wrong_file_of_one_round_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(HERE / "rounds", tmp_path / "rounds")
    (tmp_path / "rounds" / "a-wrong-one.toml").write_text(SHIPPED.replace("submitters", "submiters"), encoding="utf-8")
    monkeypatch.setattr("schemas.round.HERE", tmp_path)
    assert main(["rounds"]) == 2
    said = capsys.readouterr()
    assert "toan-quoc-2022" in said.out
    assert (said.err.count("\n"), "a-wrong-one" in said.err, "submitters" in said.err) == (1, True, True)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({'collector = "11"': 'collector = "77777"'}, "collector"),
        ({'submitters = "district"': 'submitters = "quarter"'}, "submitters"),
        ({"before = 2022-03-31\nclause": "befor = 2022-03-31\nclause"}, "deadline.befor"),
        ({"percent = 100": "percent = 1000"}, "targets.0.percent"),
        ({"({province.type} {province.name})": "({province.kind})"}, "naming"),
        ({'title = "': 'titel = "'}, "title"),
        ({'"094" = ': '"999" = '}, "contacts"),
        ({'form = "page-list"': 'form = "page-lists"'}, "page-lists"),
        ({'register = "2022"': 'register = "1999"'}, "1999"),
        ({'form = "page-list"': r'form = "\u0000"'}, "form"),
        ({'text = "Đã hoàn thành kế hoạch hoạt động của “Trang cộng đồng” (mục 1)"': 'text = "{}"'}, "questions"),
        ({"commune = 1": "commune = 99999999999999999999"}, "persons.commune"),
        ({'collector = "11"': r'collector = "a\r\nb"'}, "collector"),
    ],
)
def test_a_wrong_round_file_gets_one_line_that_names_the_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], key: str
) -> None:
    (tmp_path / "inbox").mkdir()
    round = _round(tmp_path, **changes)
    assert main(["run", "--round", round, f"--inbox={tmp_path / 'inbox'}", f"--state={tmp_path / 's'}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"“{key}" in error


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--round", "no-such-round"],
        ["run"],
        ["status", "--round", ""],
        ["withdraw", "--round", "dien-bien-2022", "--number", "9" * 5000, "--state", "/tmp/no-state-{}"],
        ["run", "--round", "dien-bien-2022", "--as-of", "31/3/2022"],
        ["run", "--round", "dien-bien-2022", "--inbox", "/no/such/inbox", "--state", "/tmp/no-state-{}"],
        ["run", "--round", "dien-bien-2022", "--inbox", "data", "--outbox", "data", "--state", "/tmp/no-state-{}"],
        ["status", "--round", "dien-bien-2022", "--inbox", "data/..", "--state", "data/state"],
        ["check", "--round", "dien-bien-2022", "/no/such/file.xlsx"],
        ["nonsense"],
    ],
)
def test_an_operators_mistake_is_one_clear_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.replace("/tmp/no-state-{}", str(tmp_path)) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)


@pytest.mark.parametrize(
    ("option", "path"),
    [("--outbox", "{}/file/x"), ("--outbox", "/proc/x"), ("--outbox", "{}/a\udcff"), ("--folder", "{}/file")],
)
def test_a_place_where_nothing_can_be_made_is_one_clear_line(
    option: str, path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "file").touch()
    folders = [f"--inbox={tmp_path / 'inbox'}", f"--state={tmp_path / 'state'}"]
    command = ["demo"] if option == "--folder" else ["run", *folders]
    assert main([*command, "--round=dien-bien-2022", f"{option}={path.format(tmp_path)}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_made_up_files_never_lie_beside_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "inbox" / "102.xlsx"
    own.parent.mkdir()
    own.write_bytes(b"sent")
    command = ["demo", "--round", "dien-bien-2022", "--folder", str(tmp_path)]
    assert main(command) == 2
    assert "102.xlsx" in capsys.readouterr().err
    assert list(tmp_path.rglob("*.*")) == [own]
    own.unlink()
    assert (main(command), main(command)) == (0, 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize(("screen", "status"), [("sys.stdout.flush()", 2), ("sys.stdout = sys.stderr = None", 0)])
def test_a_screen_that_takes_nothing_is_no_fault_of_ours(screen: str, status: int) -> None:
    code = f"import sys; {screen}; from pipeline.__main__ import end, program; end(program())"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, "rules"], cwd=HERE.parent, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr.decode().count("\n")) == (status, bool(status))


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["run"], "ROUND="),
        (["run", "--round", " "], "ROUND="),
        (["withdraw", "--round", "dien-bien-2022"], "NUMBER="),
        (["withdraw", "--round", "dien-bien-2022", "--number=-1"], "số -1"),
        (["withdraw", "--round", "dien-bien-2022", "--number=abc"], "số abc"),
    ],
)
def test_what_is_missing_is_named(command: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 2
    assert told in capsys.readouterr().err


def test_broken_toml_names_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("id = \n", encoding="utf-8")
    assert main(["run", "--round", str(path)]) == 2
    assert "dòng 1" in capsys.readouterr().err


def test_another_policy_header_deadline_and_target_need_no_python(run: Run, tmp_path: Path) -> None:
    round = _round(
        tmp_path,
        **{
            'id = "dien-bien-2022"': 'id = "my-round"',
            'name = "Mặt trận {unit.name} ({province.type} {province.name})"': 'name = "MTTQ {unit.abbr} {unit.name}"',
            'name = "Mặt trận {unit.name} ({district.type} {district.name}, {province.type} {province.name})"': (
                'name = "MTTQ {unit.Type} {unit.name} - {district.name}"'
            ),
            "before = 2022-03-31\nclause": "by = 2022-05-01\nclause",
            "percent = 100": "percent = 50",
            'form = "page-list"': f'form = "{_form(tmp_path)}"',
        },
    )
    rows = right_rows("100")
    for row in rows:
        name = row["unit"].split(" ", 1)[1]
        row["page_name"] = "MTTQ huyện Điện Biên" if row is rows[0] else f"MTTQ Xã {name} - Điện Biên"
    rows[2]["page_name"] = "Mặt trận " + rows[2]["page_name"]
    words = OFFICIAL | {"page_link": "Nơi tìm thấy Trang"}
    book = Book("100", rows, Layout(words=words))
    outcome = run({"2022-05-01/a.xlsx": book.bytes()}, round=round, as_of="2022-05-02")
    assert outcome.told() == [("2022-05-01/a.xlsx", book.at(2, "page_name")[1], "page-name.pattern")]
    assert outcome.unit("100")["late"] is False
    assert outcome.summary["round"] == "my-round"


def _form(tmp_path: Path) -> str:
    """A form of one's own, beside the round: the page list with another header text for the link."""
    text = (HERE / "forms" / "page-list.toml").read_text(encoding="utf-8")
    path = tmp_path / "my-form.toml"
    path.write_text(text.replace('header = "Địa chỉ liên kết"', 'header = "Nơi tìm thấy Trang"'), encoding="utf-8")
    return str(path)


def test_received_on_the_day_first_seen_where_the_folder_has_no_date(run: Run) -> None:
    run({"a.xlsx": Book("100").bytes()}, as_of="2022-03-28")
    outcome = run(as_of="2022-04-10")
    assert outcome.unit("100")["late"] is False
    assert dt.date.fromisoformat(outcome.summary["as_of"]) == dt.date(2022, 4, 10)


def test_status_is_said_again_at_once_while_nothing_changed(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run({"2022-03-20/a.xlsx": Book("103").bytes()})

    def status() -> str:
        capsys.readouterr()
        folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
        assert main(["status", "--round", "dien-bien-2022", *folders, "--as-of", "2022-04-05"]) == 0
        return capsys.readouterr().out

    with monkeypatch.context() as patched:
        patched.setattr("pipeline.look.look", None)  # nothing is judged: the run said what there is to say
        first = status()
    forget(tmp_path / "state")
    assert status() == first and "Huy\u1ec7n N\u1eadm P\u1ed3" in first
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.look.look", None)
        assert status() == first
    (tmp_path / "inbox" / "2022-03-20" / "b.xlsx").write_bytes(Book("102").bytes())
    assert status() != first
    run({})
    assert "Huyện Mường Ảng" in status()


CHANGES: dict[str, Callable[[Path], object]] = {
    "file": lambda place: (place / "inbox/2022-03-20/b.xlsx").write_bytes(Book("102").bytes()),
    "edited paper": lambda place: (place / "outbox/mine/bao-cao.docx").write_bytes(b"edited"),
    "added paper": lambda place: (place / "outbox/mine/ghi-chu.txt").write_text("thêm"),
    "no store": lambda place: shutil.rmtree(place / "state/store"),
    "spoilt store": lambda place: [
        path.write_bytes(bytes(path.stat().st_size)) for path in (place / "state/store").iterdir()
    ],
    "no papers": lambda place: shutil.rmtree(place / "outbox"),
    "round": lambda place: (place / "mine.toml").write_text((place / "mine.toml").read_text("utf-8") + " ", "utf-8"),
    "decision": lambda place: main(["close", *_asked(place), "--by=Lò Văn A"]),
}


def _asked(place: Path) -> list[str]:
    folders = [f"--{name}={place / name}" for name in ("inbox", "outbox", "state")]
    return [f"--round={place / 'mine.toml'}", *folders, "--as-of=2022-04-05"]


def test_a_run_ends_at_once_where_nothing_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "mine.toml"
    text = (HERE / "rounds" / "dien-bien-2022.toml").read_text(encoding="utf-8")
    place.write_text(text.replace('id = "dien-bien-2022"', 'id = "mine"'), encoding="utf-8")
    (tmp_path / "inbox/2022-03-20").mkdir(parents=True)
    (tmp_path / "inbox/2022-03-20/a.xlsx").write_bytes(Book("103").bytes())

    def said(*more: str) -> str:
        capsys.readouterr()
        assert main(["run", *_asked(tmp_path), *more]) == 0
        return capsys.readouterr().out

    def said_at_once(*more: str) -> str:
        with monkeypatch.context() as patched:
            patched.setattr("pipeline.publish.publish", None)
            try:
                return said(*more)
            except TypeError:
                return ""

    first = said()
    assert said_at_once() == f"{line('screen', 'unchanged')}\n{first}"
    assert said_at_once("--as-of=2022-04-06") == ""
    for name, change in CHANGES.items():
        change(tmp_path)
        assert said_at_once() == "", name
        now = said()
        stored = list((tmp_path / "state/store").iterdir())
        assert stored and all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in stored), name
        assert name == "decision" or said_at_once() == f"{line('screen', 'unchanged')}\n{now}", name


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (["run"], ["run"]),
        *(([name, "DAY=2026-09-30"], [name, "--as-of=2026-09-30"]) for name in (
            "run", "forms", "pdf", "status", "decisions", "purge", "send", "watch",
        )),
        (["check", "DAY=2026-09-30", "FILE=a.xlsx"], ["check", "--as-of=2026-09-30", "a.xlsx"]),
        (["check", "FILE=my inbox/a b.xlsx"], ["check", "my inbox/a b.xlsx"]),
        (["check", "FILES=a.xlsx b.xlsx"], ["check", "a.xlsx", "b.xlsx"]),
        (["check", "FILE=a b.xlsx", "FILES=c.xlsx"], ["check", "a b.xlsx", "c.xlsx"]),
        (["purge", "WITH_INBOX=1", "YES=1"], ["purge", "--with-inbox", "--yes"]),
        (["history", "UNIT=Mường Ảng"], ["history", "--unit=Mường Ảng"]),
        (["send", "DRY=1", "AGAIN=Huyện Mường Ảng"], ["send", "--dry-run", "--again=Huyện Mường Ảng"]),
        (["close", "DAY=2026-09-30", "BY=Lò Văn A"], ["close", "--as-of=2026-09-30", "--by=Lò Văn A"]),
        (["close", "BY=$HOME $(x) `y` \"z'#"], ["close", "--by=$HOME $(x) `y` \"z'#"]),
        (["check", "FILE=a $b.xlsx"], ["check", "a $b.xlsx"]),
        (["reopen", "WHY=$", "BY="], ["reopen", "--by=", "--why=$"]),
    ],
)  # fmt: skip
def test_make_hands_over_what_was_typed(asked: list[str], given: list[str]) -> None:
    make = ["make", "--silent", "--old-file=.venv/ready", "ROUND=x", r"RUN=printf %s\\n", *asked]
    said = subprocess.run(make, cwd=HERE.parent, capture_output=True, text=True, check=True).stdout.splitlines()
    assert [word for word in said if not word.startswith("Đợt")] == [given[0], "--round", "x", *given[1:]]


def test_a_run_is_done_whatever_becomes_of_what_status_will_say(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OperatorError("disk", path="state", reason="")

    monkeypatch.setattr("pipeline.purge.holdings", refused)
    assert run({"2022-03-20/a.xlsx": Book("103").bytes()}).status == 0
