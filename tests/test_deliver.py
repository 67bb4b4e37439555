"""The outbox: whole or not at all, the same for the same inputs, and nobody's work overwritten."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, NoReturn

import openpyxl
import pytest
from building import ROUND, Book, right_rows
from conftest import Run

from pipeline import publish
from pipeline.__main__ import main
from pipeline.agree import Disagreement, compare
from pipeline.render import outgoing
from schemas.data import HERE
from schemas.form import load_form

FILES = {"2022-03-20/a.xlsx": Book("099").bytes(), "2022-03-21/b.xlsx": Book("100", right_rows("100")[:9]).bytes()}


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_inputs_give_the_same_bytes(run: Run) -> None:
    outcome = run(FILES)
    first = _hashes(outcome.folder)
    assert len(first) > 20
    shutil.rmtree(outcome.folder)
    assert _hashes(run().folder) == first


def test_what_did_not_change_is_taken_over_and_is_what_it_would_be_made_anew(run: Run) -> None:
    first = run(FILES)
    before = {code: (first.sender_folder(code) / "thu.eml").stat().st_ino for code in ("098", "099", "100")}
    rows = right_rows("100")[:9]
    rows[2]["leader_phone"] = "09"
    again = run({"2022-03-19/before.xlsx": Book("098").bytes(), "2022-03-22/b.xlsx": Book("100", rows).bytes()})
    after = {code: (again.sender_folder(code) / "thu.eml").stat().st_ino for code in before}
    assert [code for code in before if before[code] == after[code]] == ["099"]
    taken_over = _hashes(again.folder)
    shutil.rmtree(again.folder)
    assert _hashes(run().folder) == taken_over


@pytest.mark.parametrize("name", ["phieu-sua.xlsx", "tin-nhan.txt"])
def test_a_folder_that_somebody_touched_is_not_taken_over(run: Run, name: str) -> None:
    first = run(FILES)
    before = _hashes(first.folder)
    touched = first.sender_folder("100") / name
    touched.write_bytes(b"by hand")
    again = run()
    kept = touched.with_stem(f"{touched.stem}.sua-tay-1")
    assert kept.read_bytes() == b"by hand"
    kept.unlink()
    assert _hashes(again.folder) == before
    touched.unlink()
    assert _hashes(run().folder) == before


def test_a_fault_while_a_folder_is_taken_over_leaves_the_visible_result(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run(FILES)
    before, link, write = _hashes(outcome.folder), os.link, Path.write_bytes

    def full(*_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "full")

    def linked(old: Path, new: Path) -> None:
        full() if new.name == "thu.eml" else link(old, new)

    def begun(path: Path, content: bytes) -> int:
        if path.name != "phieu-sua.xlsx":
            return write(path, content)
        path.open("wb").close()
        full()

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", linked)
        patched.setattr(shutil, "copy2", full)
        patched.setattr(Path, "write_bytes", begun)
        assert run().status == 2
    assert _hashes(outcome.folder) == before
    assert _hashes(run().folder) == before


def test_a_form_that_was_edited_makes_every_folder_anew(run: Run, tmp_path: Path) -> None:
    form = (HERE / "forms" / "page-list.toml").read_text(encoding="utf-8")
    text = (HERE / "rounds" / f"{ROUND.id}.toml").read_text(encoding="utf-8")
    (tmp_path / "dot.toml").write_text(
        text.replace('form = "page-list"', 'form = "bieu.toml"').replace(f'"{ROUND.id}"', '"dot"'), encoding="utf-8"
    )
    for label in ("Địa chỉ liên kết", "Đường dẫn của Trang"):
        edited = form.replace('"Địa chỉ liên kết"', f'"{label}"')
        (tmp_path / "bieu.toml").write_text(edited, encoding="utf-8")
        load_form.cache_clear()
        place = run(FILES, round=str(tmp_path / "dot.toml")).sender_folder("100") / "phieu-sua.xlsx"
        sheet = openpyxl.load_workbook(place)["DANH SÁCH"]
        assert label in {cell.value for cells in sheet.iter_rows() for cell in cells}


def test_other_words_make_every_folder_anew(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    place = run(FILES).sender_folder("099") / "thu.eml"
    before = place.stat().st_ino
    assert run() and place.stat().st_ino == before
    monkeypatch.setattr(outgoing, "mark_of_program", lambda: "another")
    assert run() and place.stat().st_ino != before


def test_the_inbox_is_never_written_to(run: Run, tmp_path: Path) -> None:
    run(FILES)
    before = _hashes(tmp_path / "inbox")
    run()
    assert _hashes(tmp_path / "inbox") == before == {k: hashlib.sha256(v).hexdigest() for k, v in FILES.items()}


def test_every_file_is_kept_by_its_hash(run: Run, tmp_path: Path) -> None:
    run({**FILES, "x.pdf": b"%PDF"})
    kept = {path.name for path in (tmp_path / "state" / "store").iterdir()}
    assert kept == {hashlib.sha256(content).hexdigest() for content in [*FILES.values(), b"%PDF"]}


def test_a_paper_that_the_officer_edited_is_kept_beside_the_new_one(run: Run) -> None:
    outcome = run(FILES)
    (outcome.folder / "bao-cao.docx").write_bytes(b"edited by hand")
    (outcome.folder / "ghi-chu.txt").write_text("my own")
    run()
    again = run()
    assert (again.folder / "bao-cao.docx").read_bytes() != b"edited by hand"
    assert (again.folder / "bao-cao.sua-tay-1.docx").read_bytes() == b"edited by hand"
    assert (again.folder / "ghi-chu.txt").read_text() == "my own"
    assert not (again.folder / "bao-cao.sua-tay-2.docx").exists()


def test_a_folder_of_a_sender_that_needs_nothing_any_more_holds_no_old_workbook(run: Run) -> None:
    rows = right_rows("098")
    rows[1]["leader_phone"] = "09"
    first = run({"2022-03-20/a.xlsx": Book("098", rows).bytes()})
    assert (first.sender_folder("098") / "phieu-sua.xlsx").exists()
    second = run({"2022-03-21/b.xlsx": Book("098").bytes()})
    assert sorted(path.name for path in second.sender_folder("098").iterdir()) == ["thu.eml", "tin-nhan.txt"]


def test_a_run_killed_between_the_two_renames_is_recovered(run: Run) -> None:
    outcome = run(FILES)
    before = _hashes(outcome.folder)
    outcome.folder.rename(outcome.folder.with_name(f".{outcome.folder.name}.old"))
    (outcome.folder.with_name(f".{outcome.folder.name}.new")).mkdir()
    assert _hashes(run().folder) == before
    assert [path.name for path in outcome.folder.parent.iterdir()] == [outcome.folder.name]


def test_a_bug_while_rendering_leaves_the_old_result_and_is_not_hidden(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = run(FILES)
    before = _hashes(outcome.folder)

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(publish, "write_rollup", broken)
    with pytest.raises(ZeroDivisionError):
        run({"2022-03-22/c.xlsx": Book("101").bytes()})
    assert _hashes(outcome.folder) == before


def test_results_that_disagree_are_not_published(run: Run, tmp_path: Path) -> None:
    outcome = run(FILES)
    copy = tmp_path / "copy"
    shutil.copytree(outcome.folder, copy)
    compare(copy)
    path = copy / "ket-qua" / "summary.json"
    path.write_text(path.read_text("utf-8").replace('"errors": 0', '"errors": 7', 1), "utf-8")
    with pytest.raises(Disagreement, match="errors"):
        compare(copy)


def test_an_outbox_that_cannot_be_written_is_the_operators_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "outbox").write_text("a file, not a folder")
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    assert main(["run", "--round", "dien-bien-2022", *folders]) == 2
    error = capsys.readouterr().err
    assert (error.count("\n"), "outbox" in error) == (1, True)


def test_an_edited_dispatch_is_never_left_as_if_it_were_of_today(run: Run) -> None:
    files = {f"2022-03-20/{code}.xlsx": Book(code).bytes() for code in ROUND.submitting_units}
    late = files.pop("2022-03-20/103.xlsx")
    outcome = run(files)
    (outcome.folder / "cong-van-don-doc.docx").write_bytes(b"with number and date")
    again = run({"2022-03-29/103.xlsx": late})
    assert not (again.folder / "cong-van-don-doc.docx").exists()
    assert (again.folder / "cong-van-don-doc.sua-tay-1.docx").read_bytes() == b"with number and date"
    assert sorted(path.name for path in run().folder.glob("cong-van*")) == ["cong-van-don-doc.sua-tay-1.docx"]


def test_a_run_does_not_read_all_that_ever_counted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten versions of every sender cost what one does."""
    monkeypatch.setattr("pipeline.ledger.Ledger.versions", None)
    for day in (20, 21, 22):
        phone = f"09123456{day}"
        rows = [{**right_rows("102")[0], "leader_phone": phone}, *right_rows("102")[1:]]
        outcome = run({f"2022-03-{day}/a.xlsx": Book("102", rows).bytes()}, as_of=f"2022-03-{day}")
    assert phone in {row["leader_phone"] for row in outcome.rows.values()}
    folders = [f"--{name}={outcome.folder.parents[1] / name}" for name in ("inbox", "outbox", "state")]
    assert main(["forms", "--round", "dien-bien-2022", *folders]) == 0
