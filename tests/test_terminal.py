from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest
from building import Book
from conftest import Run

from pipeline import terminal
from schemas.messages import line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)


def ticking(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let every look at the clock take so long."""
    times: Iterator[float] = (number * seconds for number in range(10_000))
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(times))


def test_a_bar_is_drawn_where_it_takes_long_and_wiped_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    ticking(monkeypatch, 0.3)
    assert list(terminal.watched("abcdefgh", 8, "reading")) == list("abcdefgh")
    drawn = screen.getvalue().split("\r")
    assert drawn[1].startswith(line("bars", "reading")) and drawn[1].endswith("3/8")
    assert [text.rpartition(" ")[2] for text in drawn[1:-1]] == ["3/8", "4/8", "5/8", "6/8", "7/8"]
    assert drawn[-1] == "\x1b[K"


def test_no_bar_where_it_is_quick_or_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    ticking(monkeypatch, 0.01)
    assert list(terminal.watched(range(9), 9, "reading")) == list(range(9))
    assert screen.getvalue() == ""
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    ticking(monkeypatch, 9)
    assert list(terminal.watched(range(9), 9, "reading")) == list(range(9))
    assert file.getvalue() == ""


def test_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal.os, "name", "posix")
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert terminal.coloured("x", "accepted") == "\x1b[32mx\x1b[0m"
    assert terminal.coloured("x", "anything") == "x"
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert terminal.coloured("x", "accepted") == "x"
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert terminal.coloured("x", "accepted") == "x"


def test_a_table_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [["Đơn vị gửi", "Lỗi", "So với bản trước"], ["Huyện Tủa Chùa", "5", "đã sửa 0/5, còn 5"], ["A", "0", ""]]
    shown = lambda: list(terminal.table(rows, [1], ["", "", ""]))  # noqa: E731
    assert shown()[1] == "Huyện Tủa Chùa    5  đã sửa 0/5, còn 5"
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "80")
    assert shown()[1] == "Huyện Tủa Chùa    5  đã sửa 0/5, còn 5"
    monkeypatch.setenv("COLUMNS", "21")
    assert shown()[2:5] == ["Huyện Tủa Chùa    5", "    đã sửa 0/5, còn 5", "A                 0"]
    monkeypatch.setenv("COLUMNS", "18")
    assert shown()[-1] == "A                0"


def test_a_run_ends_with_the_senders_and_the_next_command(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    broken = Book("096")
    broken.sheet[broken.at(3, "leader_phone")[1]].value = "0912xxxxxx"
    outcome = run({"2022-03-01/094.xlsx": Book("094").bytes(), "2022-03-02/096.xlsx": broken.bytes()})
    out = capsys.readouterr().out
    assert "\x1b" not in out
    head = out.index(line("screen", "senders", measure="Có Trang").split("|")[0] + "  ")
    rows = out[head:].splitlines()[1:11]
    units = {unit["name"]: unit for unit in outcome.summary["units"]}
    shown = {next(name for name in units if row.startswith(f"{name}  ")): row for row in rows}
    assert shown.keys() == units.keys()
    for name, row in shown.items():
        unit = units[name]
        assert line("statuses", unit["status"]) in row
        counts = row.split(f"{unit['established']}/{unit['expected']}")[1].split()
        assert counts[:2] == [str(unit["errors"]), str(unit["warnings"])]
    assert "Chưa gửi" in rows[0] and "Đạt" in rows[-1]
    assert out.rstrip().splitlines()[-1].startswith("Việc tiếp theo") and "make send ROUND=dien-bien-2022" in out
    run({"khong-ro.xlsx": b"x"})
    assert "đổi tên các tệp chưa rõ" in capsys.readouterr().out.rstrip().splitlines()[-1]
