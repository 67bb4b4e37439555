"""What lies in the inbox: only regular files are opened, everything is named, nothing stops the rest."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import socket
import stat
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import hostile_readers
import openpyxl
import pytest
from building import Book
from conftest import Outcome, Run

from pipeline import readers, state
from pipeline.__main__ import main
from pipeline.printable import printable
from pipeline.state import hold

posix = pytest.mark.skipif(os.name == "nt", reason="kinds of files and names that the system does not have")
DAY = "2022-03-20"
GOOD = {f"{DAY}/good.xlsx": Book("100").bytes()}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox" / DAY
    folder.mkdir(parents=True)
    return folder


def _reason(outcome: Outcome, file: str) -> list[str]:
    return [f["rule"] for f in outcome.findings if f["file"] == file]


def _link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _link_to_folder(path: Path) -> None:
    (path.parent.parent.parent / "elsewhere").mkdir()
    (path.parent.parent.parent / "elsewhere" / "secret.xlsx").write_bytes(Book("099").bytes())
    path.symlink_to(path.parent.parent.parent / "elsewhere")


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the address of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(5 << 30)


@posix
@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (_link, "file.unsupported"),
        (_loop, "file.unsupported"),
        (_link_to_folder, "file.unsupported"),
        (os.mkfifo, "file.unsupported"),
        (_socket, "file.unsupported"),
        (_sparse, "file.too-large"),
    ],
)
def test_what_is_no_file_to_read_is_named_and_never_opened(
    run: Run, inbox: Path, tmp_path: Path, make: Callable[[Path], None], rule: str
) -> None:
    make(inbox / "099 x.xlsx")
    outcome = run(GOOD)
    assert outcome.told() == [(f"{DAY}/099 x.xlsx", "", rule)]
    assert (outcome.unit("099")["status"], outcome.unit("100")["status"]) == ("rejected", "accepted")
    good = hashlib.sha256(GOOD[f"{DAY}/good.xlsx"]).hexdigest()
    assert [path.name for path in (tmp_path / "state/store").iterdir()] == [good]


def test_two_that_are_no_files_are_two_findings(run: Run, inbox: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        _sparse(inbox / name)
    assert [place[2] for place in run().told()] == ["file.too-large"] * 2


def test_a_folder_called_like_a_workbook_is_a_folder(run: Run, inbox: Path) -> None:
    outcome = run({f"{DAY}/x.xlsx/deep/er/099.xlsx": Book("099").bytes()})
    assert outcome.told() == []
    assert outcome.unit("099")["file"] == f"{DAY}/x.xlsx/deep/er/099.xlsx"


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "quy\u1ec1n"), (errno.ENOENT, "kh\u00f4ng c\u00f2n"), (errno.EIO, "\u1ed5 \u0111\u0129a")],
)
def test_a_file_that_cannot_be_opened_is_named(
    run: Run, inbox: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    (inbox / "bad.xlsx").write_bytes(b"x")
    monkeypatch.setattr(os, "open", _faulty_open("bad.xlsx", lambda path: _raise(OSError(number, "no", path))))
    outcome = run(GOOD)
    assert outcome.told() == [(f"{DAY}/bad.xlsx", "", "file.unreadable")]
    assert words in outcome.of_rule("file.unreadable")[0]["message"]


def _raise(fault: OSError) -> None:
    raise fault


def _faulty_open(name: str, first: Callable[[Path], None]) -> Callable[..., int]:
    """Return an `os.open` that does something first when this file is opened."""
    true_open = os.open

    def opening(path: str, *arguments: int, **more: int) -> int:
        if Path(path).name == name:
            first(Path(path))
        return true_open(path, *arguments, **more)

    return opening


def test_a_folder_that_cannot_be_opened_is_named(
    run: Run, inbox: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (inbox / "closed").mkdir()
    scan = os.scandir

    def scanning(path: Path | int) -> object:
        if isinstance(path, Path) and path.name == "closed":
            raise PermissionError(errno.EACCES, "no")
        return scan(path)

    monkeypatch.setattr("pipeline.intake.os.scandir", scanning)
    outcome = run(GOOD)
    assert outcome.told() == [(f"{DAY}/closed", "", "file.unreadable")]
    (inbox / "closed").rename(inbox / "open")
    monkeypatch.setattr("pipeline.intake.os.scandir", lambda path: scanning(Path("closed")))
    assert run().status == 2
    assert "quyền" in capsys.readouterr().err


def test_a_file_that_is_being_written_waits_for_the_next_run(
    run: Run, inbox: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = Book("099").bytes()
    (inbox / "slow.xlsx").write_bytes(content[:3000])
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", _faulty_open("slow.xlsx", lambda path: _append(path, content[3000:])))
        outcome = run(GOOD)
    assert outcome.told() == []
    assert outcome.unit("099")["status"] == "missing"
    assert f"{DAY}/slow.xlsx" in capsys.readouterr().out
    assert run().unit("099")["status"] == "accepted"


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


NAMES = [
    b"a\nb.xlsx", b"a\r\nBcc: x@y.vn.xlsx", b"a\"b'c.xlsx", b"-rf.xlsx", b"=1+1.xlsx", b"$(touch hacked).xlsx",
    b"*?[x].xlsx", b"\xff\xfe.xlsx", "e\u0323\u0302.xlsx".encode(), "\u1ec7.xlsx".encode(),
    "\U0001f600.xlsx".encode(), "\u202excod.xlsx".encode(), b"{{ 7*7 }}.xlsx", b"<b>&amp.xlsx", b"a\x1bb\x07.xlsx",
    b"con.xlsx", b"n" * 245 + b".xlsx", b" .xlsx", b"a\\xff.xlsx",
]  # fmt: skip


@posix
def test_any_name_is_told_safely_everywhere(
    run: Run, inbox: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(NAMES):
        (inbox / os.fsdecode(name)).write_bytes(b"%%PDF-1.%d" % number)
    outcome = run(GOOD)
    told = [f["file"] for f in outcome.of_rule("file.unsupported")]
    assert sorted(told) == sorted(f"{DAY}/{printable(os.fsdecode(name))}" for name in NAMES)
    assert not any(re.search("[\x00-\x1f\x7f\u202e\ud800-\udfff]", name) for name in told)
    screen = capsys.readouterr().out
    assert all(name in screen for name in told)
    assert outcome.status == 0
    assert not (tmp_path / "hacked").exists()
    sheets = openpyxl.load_workbook(outcome.folder / "tong-hop.xlsx").worksheets
    shown = {cell.value for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.data_type == "s"}
    assert {name for name in told if any(name in str(value) for value in shown)} == set(told)
    docx.Document(str(outcome.folder / "bao-cao.docx"))


@posix
def test_two_names_that_look_the_same_stay_apart(run: Run, inbox: Path) -> None:
    for number, name in enumerate((b"a\xff.xlsx", b"a\\xff.xlsx")):
        (inbox / os.fsdecode(name)).write_bytes(b"%%PDF-1.%d" % number)
    told = [place[0] for place in run().told()]
    assert told == [f"{DAY}/a\\xff.xlsx", f"{DAY}/a\\xff.xlsx (2)"]


IGNORED = [
    "~$danh sach.xlsx", ".DS_Store", "Thumbs.db", "desktop.ini", "a.xlsx.crdownload", "b.xlsx.part", "c.tmp",
    ".~lock.a.ods#", "d.xlsx~", "~WRL0001.tmp", "e.download/a.xlsx", "__MACOSX/a.xlsx",
]  # fmt: skip


def test_what_is_no_submission_is_ignored_and_said(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = run({**{f"{DAY}/{name}": b"x" for name in IGNORED}, f"{DAY}/.gitkeep": b"", **GOOD})
    assert outcome.told() == []
    screen = capsys.readouterr().out
    assert all(f"{DAY}/{name.split('/')[0]}" in screen for name in IGNORED)
    assert ".gitkeep" not in screen


# --- bundles


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_every_file_of_a_bundle_is_judged_by_itself(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(readers, "members", hostile_readers.members)
    content = _zip(
        {
            "a.xlsx": Book("099").bytes(),
            "2022-01-01/../b\n.xlsx": Book("100").bytes(),
            "..\\..\\d.xlsx": Book("101").bytes(),
            "c.pdf": b"%PDF-1.7",
            "__MACOSX/._a.xlsx": b"x",
        }
    )
    outcome = run({"2022-04-02/bundle.zip": content})
    assert sorted(f["rule"] for f in outcome.findings if f["rule"] != "submission.missing") == [
        "file.unsupported", "submission.late", "submission.late", "submission.late",
    ]  # fmt: skip
    assert outcome.of_rule("file.unsupported")[0]["file"] == "2022-04-02/bundle.zip/c.pdf"
    assert outcome.unit("099")["file"] == "2022-04-02/bundle.zip/a.xlsx"
    assert outcome.unit("100")["file"] == "2022-04-02/bundle.zip/2022-01-01/../b\\x0a.xlsx"
    assert "2022-04-02/bundle.zip/__MACOSX/._a.xlsx" in capsys.readouterr().out
    assert outcome.unit("101")["file"] == "2022-04-02/bundle.zip/..\\..\\d.xlsx"
    assert len(list((tmp_path / "state/store").iterdir())) == 5


def test_a_bundle_that_cannot_be_opened_is_one_finding(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "members", hostile_readers.refuse_members)
    outcome = run({f"{DAY}/099.zip": _zip({"a.xlsx": Book("099").bytes()}), **GOOD})
    assert outcome.told() == [(f"{DAY}/099.zip", "", "file.encrypted")]
    assert outcome.unit("099")["status"] == "rejected"


# --- the state folder


def test_a_second_run_waits_and_then_gives_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(state, "LOCK_WAIT", 0)
    with hold(tmp_path / "state"):
        assert run(GOOD).status == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert run().status == 0


def test_temporary_files_are_private_and_swept(tmp_path: Path) -> None:
    left = tmp_path / "state/tmp/left by a killed run"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    with hold(tmp_path / "state"):
        assert not left.exists()
        assert Path(tempfile.gettempdir()) == left.parent
        assert os.name == "nt" or stat.S_IMODE(left.parent.stat().st_mode) == 0o700
    assert not left.parent.exists()


def test_a_store_that_cannot_be_written_is_the_operators_fault(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/store").write_bytes(b"")
    assert run(GOOD).status == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_check_opens_bundles_and_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(readers, "members", hostile_readers.members)
    monkeypatch.chdir(tmp_path)
    Path("b.zip").write_bytes(_zip({"a.pdf": b"%PDF-1.7"}))
    assert main(["check", "b.zip", "--round", "dien-bien-2022"]) == 3
    assert "b.zip/a.pdf" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]
