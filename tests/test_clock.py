"""What day it is: Vietnam's, whatever the zone of the machine that the program runs on."""

from __future__ import annotations

import datetime as dt
import io
import json
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import Book

from pipeline import clock
from pipeline.__main__ import main
from pipeline.read.package import Package

ZONES = ["America/New_York", "UTC", "Asia/Ho_Chi_Minh", "Pacific/Kiritimati"]


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The machine's zone."""
    if not hasattr(time, "tzset"):
        pytest.skip("no zone can be set")
    with monkeypatch.context() as patched:
        patched.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2022-03-31T16:59:59+00:00", "2022-03-31"), ("2022-03-31T17:00:00+00:00", "2022-04-01"),
        ("2022-03-31T23:30:00-04:00", "2022-04-01"), ("2022-04-01T00:30:00+14:00", "2022-03-31"),
        ("2022-03-31T23:59:59", "2022-03-31"),
    ],
)  # fmt: skip
def test_the_day_is_vietnams(zone: str, moment: str, day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: dt.datetime.fromisoformat(moment))
    assert clock.today().isoformat() == day


def test_the_clock_of_the_machine_is_asked(zone: str) -> None:
    assert abs(clock.now().timestamp() - time.time()) < 60
    assert clock.now().utcoffset() == dt.timedelta(hours=7)


@pytest.mark.parametrize("zone", ["America/New_York", "UTC"], indirect=True)
def test_a_file_of_the_morning_after_the_deadline_is_late(
    zone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At half past six in Hanoi it is the evening of the last day in London."""
    monkeypatch.setattr(clock, "now", lambda: dt.datetime(2022, 3, 31, 23, 30, tzinfo=dt.UTC))
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.xlsx").write_bytes(Book("102").bytes())
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    assert main(["run", "--round", "dien-bien-2022", *folders]) == 0
    results = tmp_path / "outbox" / "dien-bien-2022" / "ket-qua"
    assert json.loads((results / "summary.json").read_text(encoding="utf-8"))["as_of"] == "2022-04-01"
    assert "submission.late" in (results / "findings.csv").read_text(encoding="utf-8-sig")
    ledger = sqlite3.connect(tmp_path / "state" / "ledger.sqlite")
    assert ledger.execute("select as_of, made from runs").fetchall() == [("2022-04-01", "2022-04-01")]
    assert ledger.execute("select first_seen from files").fetchall() == [("2022-04-01",)]
    ledger.close()


@pytest.mark.parametrize(
    ("part", "said", "modified"),
    [
        ("docProps/core.xml", "<p><modified>2022-03-30T02:00:00Z</modified></p>", "2022-03-30T09:00:00"),
        ("meta.xml", "<m><date>2022-03-30T09:00:00.123456789</date></m>", "2022-03-30T09:00:00.123456"),
        ("meta.xml", "<m><date>2022-03-30T09:00:00+07:00</date></m>", "2022-03-30T09:00:00"),
        ("docProps/core.xml", "<p><modified>9999-12-31T23:00:00Z</modified></p>", ""),
        ("docProps/core.xml", "<p><modified>0001-01-01T00:00:00+14:00</modified></p>", ""),
        ("docProps/core.xml", "<p><modified>hom qua</modified></p>", ""),
    ],
)
def test_the_same_hour_is_the_same_in_every_format(zone: str, part: str, said: str, modified: str) -> None:
    """Excel writes the time of Greenwich, LibreOffice that of the wall."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(part, said)
    found = Package.of(out.getvalue()).modified()
    assert (found.isoformat() if found else "") == modified
