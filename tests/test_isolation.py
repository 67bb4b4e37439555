"""Reading in worker processes: whatever a file does to its reader is one finding, and the others are read."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import hostile_readers
import pytest
from building import Book, right_rows
from conftest import Outcome, Run
from pebble import ProcessExpired

from pipeline import readers
from pipeline.errors import Refused
from pipeline.known import open_known
from pipeline.model import Arrival, Sheet, Stamp, Workbook
from pipeline.read import read
from pipeline.read.plain import pack, unpack
from pipeline.readers import Limits, read_all
from schemas.codes import Rule

ROOT = Path(__file__).parent.parent
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


def _told(found: Workbook | Refused) -> Any:
    return found.facts.get("reason", found.rule) if isinstance(found, Refused) else found.sheets[0].cells[0][0]


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
    found = list(read_all(files("good 1", deed, "good 2")))
    assert [_told(book) for _, book in found] == ["good 1", reason, "good 2"]


def test_the_pool_ends_a_reader_that_does_not_end_itself(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "LIMITS", Limits(pool_seconds=1))
    monkeypatch.setattr(readers, "ATTEMPTS", 1)
    assert [_told(book) for _, book in read_all(files("wait", "good"))] == ["time", "good"]


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
    assert [_told(book) for _, book in read_all(files("good"))] == ["good"]


def test_results_come_in_the_order_of_the_files(files: Files) -> None:
    contents = [f"{'abort' if number % 20 == 7 else 'good'} {number}" for number in range(150)]
    found = list(read_all(files(*contents)))
    assert [arrival.file for arrival, _ in found] == [f"{number:03}" for number in range(150)]
    assert [_told(book) for _, book in found] == [c if c.startswith("good") else "crash" for c in contents]


def test_what_was_read_is_not_read_again_but_a_chance_end_is(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrivals = files("good", "refuse", "broken", "wait")
    submitted: list[Path] = []
    submit = readers._submit

    def counted(*task: Any) -> Any:
        submitted.append(task[-1])
        return submit(*task)

    monkeypatch.setattr(readers, "_submit", counted)
    monkeypatch.setattr(readers, "LIMITS", Limits(wall_seconds=1))
    seen = []
    for _ in range(2):
        with open_known(tmp_path) as known:
            seen.append([_told(book) for _, book in read_all(arrivals, known)])
    assert seen == [["good", "file.too-large", "crash", "time"]] * 2
    # A death is believed when it happens twice; the clock's is asked again in the second run.
    assert [path.name for path in submitted] == ["000", "001", "002", *["003"] * 4]


def test_damaged_memory_of_what_was_read_is_thrown_away(files: Files, tmp_path: Path) -> None:
    (tmp_path / "known.sqlite").write_bytes(b"not a database" * 100)
    with open_known(tmp_path) as known:
        assert [_told(book) for _, book in read_all(files("good"), known)] == ["good"]


def test_another_version_of_the_reader_reads_again(files: Files, tmp_path: Path, monkeypatch: Any) -> None:
    with open_known(tmp_path) as known:
        known.put("a", ("done", b"{}"))
    monkeypatch.setattr("pipeline.known.version_mark", lambda: "another")
    with open_known(tmp_path) as known:
        assert known.get("a") is None


@pytest.mark.parametrize(
    "book",
    [
        read(Book("099").bytes()),
        Workbook(
            [
                Sheet(
                    "Trang t\u00ednh \ud800", True, [["a", ""], ["\udc80"]], [((0, 0), (1, 0))],
                    {(1, 2): "https://a"}, {(0, 1): (Rule.CELL_ERROR_VALUE, "#REF!")}, {(5, 6): "\u00ad"},
                )
            ],
            Stamp("dien-bien-2022", "099", 3),
            dt.datetime(2022, 3, 4, 5, 6, 7, 8),
        ),
    ],
    ids=["read", "built"],
)  # fmt: skip
def test_a_workbook_travels_as_plain_data_unchanged(book: Workbook) -> None:
    assert unpack(pack(book)) == book


def test_a_worker_loads_no_frames() -> None:
    code = "import pipeline.readers, sys; print({'pandas', 'numpy', 'pandera', 'jinja2'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "set()"


def test_judging_loads_nothing_that_only_tests_need() -> None:
    code = "import schemas.rules, pandera.backends.pandas.builtin_checks, sys; print('hypothesis' in sys.modules)"
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
