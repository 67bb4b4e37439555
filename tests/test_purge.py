"""Purging: what is personal is gone from the disk, the counts stay, whatever is killed in between."""

from __future__ import annotations

import os
import shutil
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from building import Book, Row, right_rows
from conftest import Outcome, drop_and_run
from faulty_runs import Fault, in_a_process, tree
from searching import holding

from pipeline.__main__ import main
from pipeline.ledger import open_ledger
from pipeline.ledger_schema import FORGETTING
from pipeline.period import accepted

posix = pytest.mark.skipif(os.name == "nt", reason="forks")
NAME, PHONE, WORD = "Giàng Thị Zxqwy", "0977123456", "zqxjkvb"
PERSONAL = (NAME, "Zxqwy", PHONE, WORD)
ROUND = "dien-bien-2022"


def _rows() -> list[Row]:
    rows = right_rows("099")
    rows[1] |= {"leader_name": NAME, "leader_phone": PHONE, "leader_email": f"{WORD}@gmail.com"}
    rows[2] |= {"leader_phone": "09"}
    rows[3] |= {"unit": f"Xã {WORD}"}
    return rows


FILES = {f"2022-03-20/{WORD} 099.xlsx": Book("099", _rows()).bytes(), "2022-03-21/b.xlsx": Book("100").bytes()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished round: two versions, forms, handwork, and the remains of another paper."""
    folder = tmp_path_factory.mktemp("finished")
    first = drop_and_run(folder, FILES)
    assert first.status == 0
    (first.folder / "bao-cao.docx").write_bytes(f"signed by {NAME}".encode())
    (first.folder / "ghi chu.txt").write_text(PHONE, encoding="utf-8")
    rows = _rows()
    rows[1]["leader_phone"] = "0977123457"
    drop_and_run(folder, {"2022-03-22/c.xlsx": Book("099", rows).bytes()})
    assert main(["forms", "--round", ROUND, *_folders(folder)]) == 0
    return folder


@pytest.fixture
def place(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "place"))


def _folders(place: Path) -> list[str]:
    return [f"--{name}={place / name}" for name in ("inbox", "outbox", "state")]


def _history(place: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of a sender's history, without the names of files."""
    capsys.readouterr()
    assert main(["history", "--round", ROUND, "--unit=099", *_folders(place)]) == 0
    return [line.partition(" (")[0] for line in capsys.readouterr().out.splitlines()]


def _purge(place: Path, *more: str) -> int:
    return main(["purge", "--round", ROUND, *_folders(place), "--as-of=2023-01-02", *more])


def test_nothing_personal_is_left_and_the_counts_are(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"ledger.sqlite", "known.sqlite"} <= set(holding(PERSONAL, place / "state"))
    before = Outcome(place / "outbox" / ROUND, 0).summary
    history = _history(place, capsys)
    assert len(history) == 5
    assert _purge(place, "--yes") == 0
    said = capsys.readouterr().out
    assert all(str(place / "inbox" / name) in said for name in FILES)
    assert "ghi chu.txt" in said
    assert holding(PERSONAL, place / "state", place / "outbox") == []
    outcome = Outcome(place / "outbox" / ROUND, 0)
    after = outcome.summary
    assert [unit.pop("file") for unit in after["units"]] == [""] * 10
    assert after == {**before, "units": [{k: v for k, v in unit.items() if k != "file"} for unit in before["units"]]}
    assert sorted(tree(place / "outbox")) == [
        f"{ROUND}/{name}"
        for name in (
            "bao-cao.docx",
            "cong-van-don-doc.docx",
            "ket-qua/summary.json",
            "thong-bao-ket-qua.docx",
            "tong-quan.html",
        )
    ]
    assert list((place / "state/store").iterdir()) == []
    assert main(["status", "--round", ROUND, *_folders(place)]) == 0
    told = capsys.readouterr().out
    assert "02/01/2023" in told
    assert "Đã nhận 2/10" in told
    kept = _history(place, capsys)
    assert "02/01/2023" in kept[1]
    assert [kept[0], *kept[2:]] == history
    assert not any(word in text for word in PERSONAL for text in (told, *kept))


def test_a_purged_round_is_not_run_again(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _purge(place, "--yes")
    left = {part: tree(place / part) for part in ("outbox", "state/store")}
    for command in ("run", "forms", "send"):
        assert main([command, "--round", ROUND, *_folders(place)]) == 2
    assert capsys.readouterr().err.count("02/01/2023") == 3
    assert {part: tree(place / part) for part in left} == left


def test_it_tells_that_a_round_is_not_over(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day, told in (("2022-03-20", "còn 10 ngày"), ("2023-01-02", "")):
        assert main(["purge", "--round", ROUND, *_folders(place), f"--as-of={day}"]) == 2
        out = capsys.readouterr().out
        assert told in out and ("chưa xong" in out) is bool(told)


@pytest.mark.parametrize("answer", [None, "khong", ROUND])
def test_it_asks_before_it_deletes(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: str | None
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: answer is not None)
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
    before = tree(place / "outbox")
    assert _purge(place) == (0 if answer == ROUND else 2)
    assert (tree(place / "outbox") == before) is (answer != ROUND)
    assert all(text.endswith(": ") for text in asked)
    if answer is None:
        assert "YES=1" in capsys.readouterr().err


def test_the_inbox_is_emptied_of_the_rounds_files_only_when_asked(place: Path) -> None:
    (place / "inbox/2022-03-20/other.txt").write_text("never taken in", encoding="utf-8")
    inbox = tree(place / "inbox")
    assert _purge(place, "--yes") == 0
    assert tree(place / "inbox") == inbox
    assert _purge(place, "--yes", "--with-inbox") == 0


def test_the_inbox_is_emptied_when_asked(place: Path) -> None:
    (place / "inbox/2022-03-20/other.txt").write_text("never taken in", encoding="utf-8")
    assert _purge(place, "--yes", "--with-inbox") == 0
    assert list(tree(place / "inbox")) == ["2022-03-20/other.txt"]


def test_what_another_round_holds_stays_until_that_is_purged(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parent.parent / "schemas/rounds" / f"{ROUND}.toml").read_text(encoding="utf-8")
    other = place / "second.toml"
    other.write_text(text.replace(f'id = "{ROUND}"', 'id = "second"'), encoding="utf-8")
    assert main(["run", "--round", str(other), *_folders(place), "--as-of=2022-04-05"]) == 0
    capsys.readouterr()
    assert _purge(place, "--yes") == 0
    assert "3 tệp vì cũng thuộc đợt second" in capsys.readouterr().out
    assert len(list((place / "state/store").iterdir())) == 3
    assert holding(PERSONAL, place / "outbox" / ROUND) == []
    assert main(["purge", "--round", str(other), *_folders(place), "--yes"]) == 0
    assert holding(PERSONAL, place / "state", place / "outbox") == []


@posix
def test_a_purge_that_is_killed_anywhere_is_finished_by_the_next(place: Path, tmp_path: Path) -> None:
    def purge(folder: Path, fault: Fault | None) -> int:
        if fault:
            fault.arm()
        return _purge(folder, "--yes")

    number, step, status = 1, 19, -9
    while status == -9:
        folder = Path(shutil.copytree(place, tmp_path / f"killed-{number}"))
        status = in_a_process(partial(purge, folder, Fault(folder, "kill", number)), tmp_path / "log")
        assert status in (-9, 0)
        ledger = sqlite3.connect(folder / "state/ledger.sqlite")
        assert ledger.execute("pragma integrity_check").fetchone() == ("ok",)
        ledger.close()
        assert in_a_process(partial(purge, folder, None), tmp_path / "log") == 0
        assert holding(PERSONAL, folder / "state", folder / "outbox") == []
        assert Outcome(folder / "outbox" / ROUND, 0).summary["submissions"]["received"] == 2
        assert len(list((folder / "outbox").iterdir())) == 1
        shutil.rmtree(folder)
        number += step
    assert number > 3 * step


def test_nothing_is_carried_forward_from_a_purged_period(place: Path) -> None:
    _purge(place, "--yes")
    with open_ledger(place / "state") as ledger:
        versions = ledger.versions(ROUND, "100")
    assert len(versions[-1].rows) == 22
    assert accepted(versions[-1]) == {}


def test_every_table_of_the_ledger_says_what_is_left_of_it(place: Path) -> None:
    ledger = sqlite3.connect(place / "state/ledger.sqlite")
    tables = {name for (name,) in ledger.execute("select name from sqlite_master where type = 'table'")}
    ledger.close()
    assert tables == set(FORGETTING)


def test_status_asks_for_a_purge_when_a_round_is_long_over(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day, asked in (("2022-06-28", False), ("2022-06-29", True)):
        assert main(["status", "--round", ROUND, *_folders(place), f"--as-of={day}"]) == 0
        assert (f"make purge ROUND={ROUND}" in capsys.readouterr().out) is asked


def test_a_round_with_nothing_to_purge_is_not_barred(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _purge(tmp_path, "--yes") == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert drop_and_run(tmp_path, FILES).status == 0
    assert _purge(tmp_path, "--yes") == 0


def test_a_closed_round_with_one_file_twice_is_purged(place: Path) -> None:
    twice = place / "inbox" / "2022-03-22" / "c lan nua.xlsx"
    shutil.copy(place / "inbox" / "2022-03-22" / "c.xlsx", twice)
    assert main(["close", "--round", ROUND, *_folders(place), "--as-of=2022-04-05", "--by", "Lò Văn Chốt"]) == 0
    assert _purge(place, "--yes", "--with-inbox") == 0
    assert holding(PERSONAL, place / "state") == []
