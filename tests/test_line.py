"""The straight line: no stage changes what it was given or touches the disk; the inbox stays as it was found."""

from __future__ import annotations

import builtins
import dataclasses
import datetime as dt
import io
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest
from building import ROUND, Book, judged, right_rows

from pipeline import run as line
from pipeline.__main__ import main
from pipeline.read import read

STAGES = ("settle", "with_carried", "normalise", "repeated", "validate", "consolidate")
DAY = dt.date(2022, 4, 5)


def _books() -> dict[str, Any]:
    """Three files: two versions of one sender, with faults, repairs and a unit of another's."""
    rows = right_rows("100")
    rows[1] |= {"leader_phone": "+84 912 345 678", "page_name": "Trang", "page_link": "", "leader_email": "a@gmail.con"}
    files = {"a.xlsx": Book("100", rows), "b.xlsx": Book("100", rows[:4]), "c.xlsx": Book("099", [*rows[2:4]])}
    return {name: read(book.bytes()) for name, book in files.items()}


def _frames(value: Any) -> Iterator[pd.DataFrame]:
    """Yield the frames in what a stage is given, columns alone as frames too."""
    if isinstance(value, pd.DataFrame | pd.Series):
        yield pd.DataFrame(value)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _frames(part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _frames(getattr(value, field.name))


def _said(given: Any) -> list[str]:
    return [repr((frame.to_dict("split"), list(frame.dtypes))) for frame in _frames(given)]


def test_no_stage_changes_a_frame_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: set[str] = set()

    def watched(name: str, stage: Callable[..., Any]) -> Callable[..., Any]:
        def watching(*given: Any, **more: Any) -> Any:
            before = _said(given)
            made = stage(*given, **more)
            assert _said(given) == before, name
            assert before, name
            looked_at.add(name)
            return made

        return watching

    for name in STAGES:
        monkeypatch.setattr(line, name, watched(name, getattr(line, name)))
    judged(ROUND, _books(), DAY)
    assert looked_at == set(STAGES)


def test_no_stage_after_reading_touches_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    books = _books()
    told = judged(ROUND, books, DAY).rollup.findings  # what is loaded once is loaded now

    def touched(*given: Any, **more: Any) -> NoReturn:
        raise AssertionError(given)

    for module, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "scandir"), (sqlite3, "connect")):
        monkeypatch.setattr(module, name, touched)
    again = judged(ROUND, books, DAY).rollup.findings
    monkeypatch.undo()
    assert list(again["rule"]) == list(told["rule"])
    assert len(again) > 10


def test_the_inbox_stays_as_it_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inbox = tmp_path / "inbox" / "2022-03-20"
    inbox.mkdir(parents=True)
    (inbox / "a.xlsx").write_bytes(Book("100").bytes())
    (inbox / "b.xlsx").write_bytes(b"PK\x03\x04 broken")

    def lying() -> list[tuple[Path, int, bytes]]:
        places = sorted((tmp_path / "inbox").rglob("*"))
        return [(path, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in places]

    before = lying()
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    for command in ("run", "status", "forms", "send", "decisions"):
        assert main([command, f"--round={ROUND.id}", *folders, f"--as-of={DAY}"]) == 0
    assert main(["close", f"--round={ROUND.id}", *folders, f"--as-of={DAY}", "--by=A"]) == 0
    assert main(["purge", f"--round={ROUND.id}", *folders, "--as-of=2022-12-31", "--yes"]) == 0
    assert lying() == before
