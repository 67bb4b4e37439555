"""Watching: a settled file is processed once, a file being written waits, whatever is dropped the watcher lives."""

from __future__ import annotations

import datetime as dt
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from building import ROUND, Book
from conftest import Outcome, drop_and_run

from pipeline import watch as watching
from pipeline.__main__ import main
from pipeline.intake import Signs, signs_of
from pipeline.publish import publish
from pipeline.watch import Settling, Watched, stopping, watch
from schemas.data import HERE

DAY = dt.date(2022, 3, 25)
ROOT = HERE.parent


def _signs(**sizes: int) -> Signs:
    return {name: (size, 0, 1) for name, size in sizes.items()}


# --- when a run is due: a clock that the test turns


def _decide(*looks: tuple[float, Signs]) -> list[float]:
    """Return the times at which a run was due, looking at the inbox at the given times."""
    settling, runs = Settling(quiet=5), []
    for now, signs in looks:
        if settling.due(signs, DAY, now):
            settling.began()
            settling.ended(0, now)
            runs.append(now)
    return runs


def test_what_lies_there_at_the_start_is_processed_once() -> None:
    assert _decide(*((now, _signs(a=1)) for now in range(0, 100, 2))) == [6]


def test_a_file_that_grows_waits_until_it_is_whole() -> None:
    looks = [(now, _signs(a=min(now, 40))) for now in range(0, 100, 2)]
    assert _decide(*looks) == [46]


def test_a_burst_is_one_run() -> None:
    looks = [(now, _signs(**{f"f{n}": 1 for n in range(min(now, 30))})) for now in range(0, 100, 2)]
    assert _decide(*looks) == [36]


def test_what_came_during_a_run_is_processed_by_the_next() -> None:
    settling = Settling(quiet=5)
    assert [settling.due(_signs(a=1), DAY, now) for now in (0, 4, 5)] == [False, False, True]
    settling.began()
    settling.ended(0, 60)
    assert [settling.due(_signs(a=1, b=1), DAY, now) for now in (60, 62, 65)] == [False, False, True]


def test_a_run_that_fails_is_tried_again_ever_more_rarely() -> None:
    settling, runs = Settling(quiet=5), []
    for now in range(0, 20_000, 2):
        if settling.due(_signs(a=1), DAY, now):
            settling.began()
            settling.ended(2 if len(runs) < 9 else 0, now)
            runs.append(now)
    assert [later - earlier for earlier, later in pairwise(runs)] == [
        60, 120, 240, 480, 960, 1920, 3600, 3600, 3600
    ]  # fmt: skip


def test_a_new_day_is_a_reason_to_run() -> None:
    settling = Settling(quiet=5)
    settling.due({}, DAY, 0)
    assert settling.due({}, DAY, 5)
    settling.began()
    settling.ended(0, 5)
    tomorrow = DAY + dt.timedelta(1)
    assert [settling.due({}, day, now) for day, now in ((DAY, 50), (tomorrow, 60), (tomorrow, 65))] == [
        False, False, True
    ]  # fmt: skip


# --- what a run takes


def test_only_what_has_settled_is_taken(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    (inbox / "2022-03-20").mkdir(parents=True)
    whole = inbox / "2022-03-20" / "a.xlsx"
    whole.write_bytes(Book("100").bytes())
    settled = signs_of(inbox)
    half = inbox / "2022-03-20" / "b.xlsx"
    half.write_bytes(Book("098").bytes()[:3000])
    published = publish(ROUND, inbox, tmp_path / "outbox", tmp_path / "state", DAY, settled)
    assert published.intake.waiting == ["2022-03-20/b.xlsx"]
    outcome = Outcome(tmp_path / "outbox" / ROUND.id, 0)
    assert (outcome.unit("100")["status"], outcome.unit("098")["status"]) == ("accepted", "missing")
    half.write_bytes(Book("098").bytes())
    publish(ROUND, inbox, tmp_path / "outbox", tmp_path / "state", DAY, signs_of(inbox))
    assert outcome.unit("098")["status"] == "accepted"


def test_looking_survives_what_is_dropped(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    assert signs_of(inbox) == {}
    (inbox / "folder.xlsx").mkdir(parents=True)
    (inbox / "~$lock.xlsx").write_bytes(b"x")
    (inbox / "x.crdownload").write_bytes(b"x")
    (inbox / "loop").symlink_to("loop")
    os.mkfifo(inbox / "pipe")
    (inbox / os.fsdecode(b"\xff.xlsx")).write_bytes(b"x")
    assert sorted(os.fsencode(name) for name in signs_of(inbox)) == [b"loop", b"pipe", b"\xff.xlsx"]


# --- the watcher


@pytest.fixture
def one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "POLL", 0.01)


def test_the_watcher_goes_on_after_runs_that_fail(
    tmp_path: Path, one_look: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Jobs are recorded, not done: the first ends with a fault of the operator's, the second is killed."""
    done: list[str] = []
    statuses = [2, -9, 0]
    stopped = threading.Event()

    def job(command: str, watched: Watched, signs: Signs | None, stop: threading.Event) -> int:
        done.append(command)
        if command == "fetch":
            return 2
        status = statuses[done.count("run") - 1]
        if status == 0:
            stop.set()
        return status

    clock = iter(range(0, 100_000, 40))
    monkeypatch.setattr(watching, "_in_process", job)
    watched = Watched(ROUND.id, tmp_path / "inbox", tmp_path / "outbox", tmp_path / "state", DAY, fetch_every=300)
    watch(watched, stopped, lambda: float(next(clock)))
    assert done.count("run") == 3
    assert done[0] == "fetch"
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("wrong", [["--fetch-every", "60"], ["--quiet", "soon"], ["--round", "no-such-round"]])
def test_what_cannot_be_watched_is_told_at_once(
    tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inbox").mkdir()
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    assert main(["watch", "--round", ROUND.id, *folders, *wrong]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)


def test_asked_to_end_it_ends(one_look: None) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopping() as stopped:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stopped.wait(10)
    assert signal.getsignal(signal.SIGTERM) == before


def test_ctrl_c_reaches_no_command_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no Windows here: the test looks at what Windows is asked for."""
    asked: list[int] = []

    class Started:
        returncode = 0

        def __init__(self, *_: object, creationflags: int, **__: object) -> None:
            asked.append(creationflags)

        def poll(self) -> int:
            return 0

        terminate = kill = poll

    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(subprocess, "Popen", Started)
    watched = Watched(ROUND.id, *(tmp_path / name for name in ("inbox", "outbox", "state")))
    assert watching._in_process("run", watched, {}, threading.Event()) == 0
    assert asked == [0x200]


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], queue.Queue[str]]]:
    """A watcher as the officer runs it, with the lines that it prints."""
    (tmp_path / "inbox").mkdir()
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    command = [sys.executable, "-u", "-m", "pipeline", "watch", "--round", ROUND.id, *folders]
    process = subprocess.Popen(
        [*command, "--as-of", "2022-03-25", "--quiet", "0.5"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    output = process.stdout
    reader = threading.Thread(target=lambda: [lines.put(line) for line in output], daemon=True)
    reader.start()
    yield process, lines
    process.kill()
    process.wait(30)
    reader.join(30)
    output.close()


def _until(lines: queue.Queue[str], word: str) -> list[str]:
    found = []
    while word not in "".join(found[-1:]):
        found.append(lines.get(timeout=120))
    return found


def _open_files(process: subprocess.Popen[str]) -> int:
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


def test_a_round_has_one_watcher(
    tmp_path: Path,
    watcher: tuple[subprocess.Popen[str], queue.Queue[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    process, lines = watcher
    _until(lines, "Đang theo dõi")
    monkeypatch.setattr(watching, "watch", lambda *_: None)
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    assert main(["watch", "--round", ROUND.id, *folders]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "theo dõi ở một cửa sổ khác" in captured.err
    assert main(["watch", "--round", "nghe-an-2022", *folders]) == 0  # another round has a watcher of its own
    process.kill()
    process.wait(30)
    assert main(["watch", "--round", ROUND.id, *folders]) == 0  # a killed one leaves nothing behind


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_a_watcher_lives_and_ends(tmp_path: Path, watcher: tuple[subprocess.Popen[str], queue.Queue[str]]) -> None:
    process, lines = watcher
    _until(lines, "Đã cập nhật")
    before = _open_files(process)
    outcome = Outcome(tmp_path / "outbox" / ROUND.id, 0)
    assert outcome.unit("098")["status"] == "missing"
    staged = tmp_path / "a.xlsx"
    staged.write_bytes(Book("098").bytes())
    (tmp_path / "inbox/2022-03-20").mkdir()
    (tmp_path / "inbox/2022-03-20/bad.xlsx").write_bytes(os.urandom(5000))
    staged.rename(tmp_path / "inbox/2022-03-20/a.xlsx")
    _until(lines, "Đã cập nhật")
    assert outcome.unit("098")["status"] == "accepted"
    assert _open_files(process) <= before + 2
    # Nothing is held between runs: another run does not have to wait.
    assert drop_and_run(tmp_path, as_of="2022-03-25").status == 0
    # What fails is told, and it goes on.
    (tmp_path / "outbox").rename(tmp_path / "outbox.away")
    (tmp_path / "outbox").write_text("in the way")
    (tmp_path / "inbox/b.xlsx").write_bytes(Book("100").bytes())
    assert any("Không dùng được" in line for line in _until(lines, "chưa xong"))
    process.send_signal(signal.SIGTERM)
    assert "Đã dừng theo dõi" in "".join(_until(lines, "Đã dừng"))
    assert process.wait(30) == 0
