"""Reading in worker processes: whatever a file does to its reader is one finding, and the others are read."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import hostile_readers
import pytest
from building import Book, right_rows
from conftest import Outcome, Run
from pebble import ProcessExpired

from pipeline import readers
from pipeline.errors import FaultIn, guard_screen
from pipeline.known import Known, open_known
from pipeline.model import Arrival, Stamp
from pipeline.read import read
from pipeline.read.plain import pack, unpack
from pipeline.readers import Limits, read_all
from pipeline.recognise import Recognised, Recogniser, Recognising
from schemas.round import load_round

ROOT = Path(__file__).parent.parent
OTHERWISE: dict[str, Any] = {"sha256": "another", "file": "b.xlsx", "received": dt.date(2022, 3, 2)}
Files = Callable[..., list[Arrival]]
posix = pytest.mark.skipif(os.name == "nt", reason="limits of the system")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Keep these contents and let the hostile reader read them."""
    monkeypatch.setattr(readers, "read", hostile_readers.read)
    monkeypatch.chdir(tmp_path)

    def keep(*contents: str) -> list[Arrival]:
        arrivals = []
        for number, content in enumerate(contents):
            path = tmp_path / f"{number:03}"
            path.write_text(content)
            arrivals.append(Arrival(path.name, path, f"hash of {content}", dt.date(2022, 3, 1)))
        return arrivals

    return keep


def _told(arrivals: list[Arrival], known: Known | None = None) -> list[str]:
    """What each file says, or why it could not be read: by a worker, or (where it died) by who waited for it."""
    found = read_all(arrivals, hostile_readers.Telling(), known)
    return [told.decode() if isinstance(told, bytes) else told.facts["reason"] for _, told in found]


@posix
@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("abort", "crash"),
        ("exit", "crash"),
        ("panic", "crash"),
        ("broken", "crash"),
        ("write", "crash"),
        ("eat", "memory"),
        ("hang", "slow"),
        ("wait", "time"),
        ("refuse", "file.too-large"),
    ],
)
def test_a_hostile_file_is_one_refusal_and_the_others_are_read(
    files: Files, monkeypatch: pytest.MonkeyPatch, deed: str, reason: str
) -> None:
    wall = 1 if deed == "wait" else 60
    monkeypatch.setattr(readers, "LIMITS", Limits(cpu_seconds=1, wall_seconds=wall, pool_seconds=60))
    assert _told(files("good 1", deed, "good 2")) == ["good 1", reason, "good 2"]


def test_the_pool_ends_a_reader_that_does_not_end_itself(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "LIMITS", Limits(pool_seconds=1, work_seconds=0))
    monkeypatch.setattr(readers, "ATTEMPTS", 1)
    assert _told(files("wait", "good")) == ["time", "good"]


@posix
def test_what_is_asked_of_a_file_may_not_take_for_ever(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "LIMITS", Limits(work_seconds=1))
    assert _told(files("good 1", "good that hangs", "good 2")) == ["good 1", "slow", "good 2"]


def test_a_fault_of_ours_in_a_worker_is_no_fault_of_the_file_but_names_it(
    files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for hook in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, hook, getattr(sys, hook))
    guard_screen()
    with pytest.raises(FaultIn) as met:
        _told(files("good 1", "good that breaks"))
    sys.excepthook(met.type, met.value, met.tb)
    told = capsys.readouterr().err
    assert told.count("001") == 1
    assert "KeyError" in told
    assert "sharedStrings" not in told


def test_a_file_is_not_blamed_for_the_death_of_another_ones_reader(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, blamed = readers._submit, iter([ProcessExpired("died", code=-6)])

    def submitted(*task: Any) -> Any:
        if death := next(blamed, None):
            future: Future[Any] = Future()
            future.set_exception(death)
            return future
        return submit(*task)

    monkeypatch.setattr(readers, "_submit", submitted)
    assert _told(files("good")) == ["good"]


def test_results_come_in_the_order_of_the_files(files: Files) -> None:
    contents = [f"{'abort' if number % 20 == 7 else 'good'} {number}" for number in range(150)]
    assert _told(files(*contents)) == [c if c.startswith("good") else "crash" for c in contents]


def test_what_was_read_is_not_read_again_but_a_chance_end_is(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrivals = files("good", "refuse", "broken", "wait")
    submitted: list[Path] = []
    submit = readers._submit

    def counted(*task: Any) -> Any:
        submitted.append(task[-2].path)
        return submit(*task)

    monkeypatch.setattr(readers, "_submit", counted)
    monkeypatch.setattr(readers, "LIMITS", Limits(wall_seconds=1))
    seen = []
    for _ in range(2):
        with open_known(tmp_path) as known:
            seen.append(_told(arrivals, known))
    assert seen == [["good", "file.too-large", "crash", "time"]] * 2
    # A death is believed when it happens twice; the clock's is asked again in the second run.
    assert [path.name for path in submitted] == ["000", "001", "002", *["003"] * 4]


def test_damaged_memory_of_what_was_read_is_thrown_away(files: Files, tmp_path: Path) -> None:
    (tmp_path / "known.sqlite").write_bytes(b"not a database" * 100)
    with open_known(tmp_path) as known:
        assert _told(files("good"), known) == ["good"]


def test_what_was_asked_otherwise_or_of_another_file_is_asked_again(files: Files, tmp_path: Path) -> None:
    [arrival] = files("good")
    done = ("done", b"good")
    with open_known(tmp_path) as known:
        known.put("round", "asked", arrival, done)
        assert known.get("round", "asked", arrival) == done
        others = [replace(arrival, **{key: value}) for key, value in OTHERWISE.items()]
        assert [known.get("round", "asked", other) for other in others] == [None] * len(OTHERWISE)
        assert known.get("round", "asked more", arrival) is known.get("another", "asked", arrival) is None
        known.put("round", "asked more", arrival, done)
        assert known.get("round", "asked", arrival) is None  # and it is not kept for ever


def test_another_version_of_the_program_reads_again(files: Files, tmp_path: Path, monkeypatch: Any) -> None:
    [arrival] = files("good")
    with open_known(tmp_path) as known:
        known.put("round", "asked", arrival, ("done", b"good"))
    monkeypatch.setattr("pipeline.known.mark_of_reading", lambda: "another")
    with open_known(tmp_path) as known:
        assert known.get("round", "asked", arrival) is None


def test_what_a_file_says_travels_as_plain_data_unchanged() -> None:
    round = load_round("dien-bien-2022")
    rows = right_rows("099")
    rows[1] |= {"unit": "Xã Nà Tấu", "leader_phone": "09", "leader_name": "nt"}
    book = replace(read(Book("099", rows).bytes()), stamp=Stamp(round.id, "099", 3), modified=dt.datetime(2022, 3, 4))
    cells = book.sheets[0].cells
    cells[:] = [["\ud800" if text == "09" else text for text in row] for row in cells]
    arrival = Arrival("a.xlsx", Path("a"), "a", dt.date(2022, 3, 1))
    said = Recogniser(round).recognise(arrival, book)
    assert said.typed["leader_phone"][1] == "\ud800"
    assert unpack(Recognised, pack(said)) == said
    assert unpack(Recognised, Recognising.of(round)(arrival, book)) == said


def test_a_worker_loads_no_frames() -> None:
    code = "import pipeline.recognise, sys; print({'pandas', 'numpy', 'pandera', 'xlsxwriter'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "set()"


CHANGING = """
import os
from pipeline import readers

if __name__ == "__main__":
    readers.start()
    for number in range(20_000):
        os.environ[f"NAME{number % 50}"] = "value" * 20
        os.environ.pop(f"NAME{(number + 25) % 50}", "")
    with readers._starting:
        assert readers._new_pool().active
"""


@posix
def test_the_readers_start_whatever_libraries_do_to_the_environment_meanwhile(tmp_path: Path) -> None:
    # numpy adds and removes variables while it is imported: of five starts four met an environment in the making.
    (tmp_path / "changing.py").write_text(CHANGING)
    for _ in range(3):
        told = subprocess.run(
            [sys.executable, "changing.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (told.returncode, told.stderr) == (0, "")


def test_judging_loads_nothing_that_only_tests_need() -> None:
    code = "import schemas.judging, pandera.backends.pandas.builtin_checks, sys; print('hypothesis' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "False"


# --- a run that is killed


def _command(tmp_path: Path, *more: str) -> list[str]:
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    return ["run", "--round=dien-bien-2022", *folders, "--as-of=2022-04-05", *more]


def _papers(outcome: Outcome) -> dict[str, bytes]:
    paths = [path for path in outcome.folder.rglob("*") if path.is_file()]
    return {path.relative_to(outcome.folder).as_posix(): path.read_bytes() for path in paths}


@posix
@pytest.mark.parametrize("moment", ["copied", "stored", "read", "rendered", "old-put-aside", "new-in-place"])
def test_a_killed_run_is_made_good_by_the_next(run: Run, tmp_path: Path, moment: str) -> None:
    rows = right_rows("099")
    rows[1]["leader_phone"] = "09"
    before = run({"2022-03-20/a.xlsx": Book("099", rows).bytes()})
    (tmp_path / "inbox/2022-03-20/b.xlsx").write_bytes(Book("100").bytes())
    command = [sys.executable, str(ROOT / "tests" / "killed_run.py"), moment, *_command(tmp_path)]
    # The pipe closes only when every process of the run is gone: no worker outlives it.
    killed = subprocess.run(command, cwd=ROOT, env=_with_root(), stdout=subprocess.PIPE, timeout=60, check=False)
    assert killed.returncode == -9
    outcome = run()
    assert outcome.status == 0
    assert (outcome.unit("099")["status"], outcome.unit("100")["status"]) == ("to-correct", "accepted")
    papers = _papers(outcome)
    assert set(_papers(before)) <= set(papers)
    assert not [path for path in papers if "sua-tay" in path]
    assert [path.name for path in (tmp_path / "outbox").iterdir()] == ["dien-bien-2022"]
    assert len(list((tmp_path / "state/store").iterdir())) == 2
    assert not (tmp_path / "state/tmp").exists()


def _with_root() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_three_runs_at_once_leave_one_whole_result(run: Run, tmp_path: Path) -> None:
    (tmp_path / "inbox/2022-03-20").mkdir(parents=True)
    (tmp_path / "inbox/2022-03-20/a.xlsx").write_bytes(Book("099").bytes())
    command = [sys.executable, "-m", "pipeline", *_command(tmp_path)]
    runs = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(3)]
    ends = [(one.communicate(timeout=60)[1], one.returncode) for one in runs]
    assert {status for _, status in ends} <= {0, 2}
    assert all(told.count(b"\n") == (status == 2) for told, status in ends)
    assert run().unit("099")["status"] == "accepted"
