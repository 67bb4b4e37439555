"""A smoke test of the benchmark: its files are what the program expects, and its page can be written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from conftest import drop_and_run

from bench import corpus, plain
from bench.__main__ import Table, page
from bench.measure import measure, python


def test_made_up_files_are_understood_and_the_page_can_be_written(tmp_path: Path) -> None:
    made = corpus.country(tmp_path, collector="11")
    outcome = drop_and_run(tmp_path, round=str(made.round))
    units = outcome.summary["units"]
    assert (made.files, made.rows) == (len(units), sum(unit["expected"] for unit in units))
    wrong = {"unit.unknown", "unit.spelling", "unit.missing"}  # one fault in thirteen misspells the unit
    listed = sum(unit["listed"] for unit in units)
    assert made.rows - len([f for f in outcome.findings if f["rule"] in wrong]) <= listed <= made.rows
    found = {f["rule"] for f in outcome.findings if f["severity"] == "error"}
    assert {"page-name.pattern", "link.missing", "phone.masked"} & found
    assert {unit["status"] for unit in units} <= {"accepted", "to-correct"}

    before = {path.read_bytes() for path in made.inbox.rglob("*.xlsx")}
    corpus.add_file(made)
    assert corpus.file_again(made).read_bytes() not in before
    corpus.file_again(made).unlink()

    floor = measure(python("-m", "bench.floor", made.inbox))
    assert int(floor.last) > made.rows and floor.seconds > 0 and floor.peak == 0
    assert measure(python("-m", "bench.floor", made.inbox), memory=True).peak > 0
    table = Table()
    for way in ("python-calamine alone", "the job, first run", "the plain script"):
        table.add(way, floor)
        table.add(way, replace(floor, peak=8.0))
    table.stages.append(json.loads('{"read": [1.0, 0.5]}'))
    text = page(made, 1, table, {"one more": floor})
    assert "1.0 times as fast" in text and "| read | 1.00 | 0.50 | 100% |" in text


def test_the_plain_script_does_the_whole_job(tmp_path: Path) -> None:
    made = corpus.country(tmp_path, collector="11")
    plain.main(str(made.round), made.inbox, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("letter.eml"))) == made.files
    assert list((tmp_path / "out").rglob("*.xlsx"))
