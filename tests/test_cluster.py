"""Reading on a Dask cluster: the same results, and a hostile file still ends only its own reader."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hostile_readers
import pytest
from building import Book, right_rows
from conftest import Run

from pipeline import readers
from pipeline.__main__ import main
from pipeline.marks import mark_of_reading
from pipeline.model import Arrival

distributed = pytest.importorskip("distributed", reason="the optional package of the extra `cluster`")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two workers, each a process, on the loopback interface."""
    here = str(Path(__file__).parent)
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([here, str(Path(here).parent), before])
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            local_directory=str(tmp_path_factory.mktemp("dask")),
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client
    os.environ["PYTHONPATH"] = before


def _arrival(path: Path) -> Arrival:
    return Arrival(path.name, path, path.name, dt.date(2022, 3, 1))


def _papers(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_cluster_gives_the_same_bytes(cluster: Any, run: Run, tmp_path: Path) -> None:
    rows = right_rows("100")
    rows[1]["leader_phone"] = "09"
    files = {"a.xlsx": Book("099").bytes(), "b.xlsx": Book("100", rows).bytes(), "c.xlsx": b"PK damaged"}
    here = run({f"2022-03-20/{name}": content for name, content in files.items()})
    folders = ["--inbox", f"{tmp_path / 'inbox'}", "--outbox", f"{tmp_path / 'there'}", "--state", f"{tmp_path / 's2'}"]
    address = cluster.scheduler.address
    status = main(["run", "--round", "dien-bien-2022", *folders, "--as-of", "2022-04-05", "--scheduler", address])
    assert (status, here.status) == (0, 0)
    assert _papers(tmp_path / "there" / "dien-bien-2022") == _papers(here.folder)
    # It was the cluster that read: each of its readers is at rest in a worker process of its own.
    assert any(cluster.run(lambda: len(__import__("multiprocessing").active_children()) > 0).values())


@pytest.mark.skipif(os.name == "nt", reason="limits of the system")
def test_a_hostile_file_ends_no_worker_of_the_cluster(cluster: Any, tmp_path: Path) -> None:
    before = cluster.run(os.getpid)
    told = {}
    for deed in ("abort", "panic", "good"):
        path = tmp_path / deed
        path.write_text(deed)
        told[deed] = cluster.submit(
            hostile_readers.read_on_cluster, _arrival(path), mark_of_reading(), pure=False
        ).result(60)
    assert {deed: outcome[0] for deed, outcome in told.items()} == {
        "abort": "refused",
        "panic": "refused",
        "good": "done",
    }
    assert told["abort"][1][1] == {"reason": "crash"}
    assert cluster.run(os.getpid) == before


@pytest.mark.parametrize(
    ("path", "mark", "reason"), [("here", "another", "version"), ("nowhere", mark_of_reading(), "unseen")]
)
def test_a_machine_that_cannot_give_the_same_result_says_so(tmp_path: Path, path: str, mark: str, reason: str) -> None:
    (tmp_path / "here").write_bytes(b"")
    asked = hostile_readers.Telling()
    assert readers.read_file(_arrival(tmp_path / path), asked, mark) == ("elsewhere", reason)


def test_a_cluster_that_does_not_answer_is_told_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    assert main(["run", "--round", "dien-bien-2022", *folders, "--scheduler", "tcp//nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
