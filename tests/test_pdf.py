"""PDFs of the papers: by LibreOffice where it is, else one line that says how to get it."""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

import pytest
from building import Book
from conftest import Outcome, Run

from pipeline import pdf
from pipeline.__main__ import main
from pipeline.names import PAPERS

FILES = {"2022-03-20/a.xlsx": Book("099").bytes()}
posix = pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for LibreOffice")


def _command(outcome: Outcome) -> int:
    folders = [f"--{name}={outcome.folder.parent.parent / name}" for name in ("inbox", "outbox", "state")]
    return main(["pdf", "--round", outcome.folder.name, *folders])


def _office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a shell script stand in for LibreOffice; it is given the options and papers that LibreOffice gets."""
    program = tmp_path / "soffice"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(pdf, "find_office", lambda: program)


COPY = """while [ "$1" != --outdir ]; do shift; done; out=$2; shift 2
for paper; do echo "PDF of $(basename "$paper")" > "$out/$(basename "$paper" .docx).pdf"; done"""


@posix
def test_every_paper_has_its_pdf_until_a_run_changes_the_paper(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(FILES)
    (outcome.folder / "bao-cao.docx").write_bytes(b"with number and date")
    (outcome.folder / "~$bao-cao.docx").write_bytes(b"open in Word")
    _office(tmp_path, monkeypatch, COPY)
    capsys.readouterr()
    assert _command(outcome) == 0
    names = {path.name: path.read_bytes() for path in outcome.folder.glob("*.pdf")}
    assert names == {name.replace(".docx", ".pdf"): f"PDF of {name}\n".encode() for name in PAPERS}
    assert capsys.readouterr().out.count(".pdf") == len(PAPERS)
    assert sorted(path.name for path in outcome.folder.iterdir() if path.name.startswith(".")) == []
    capsys.readouterr()
    # Nothing is new: only what was made from the edited report shows another one now.
    assert {path.name for path in run().folder.glob("*.pdf")} == {*names} - {"bao-cao.pdf"}
    said = capsys.readouterr().out
    assert ("bao-cao.pdf" in said, "make pdf" in said) == (True, True)
    assert _command(outcome) == 0
    assert (outcome.folder / "bao-cao.sua-tay-1.pdf").exists()
    capsys.readouterr()
    run()
    assert ("make pdf" in capsys.readouterr().out, len(list(outcome.folder.glob("*.pdf")))) == (False, len(names) + 1)
    # The day after every paper says another day; the edited one is as it was.
    run(as_of="2022-04-06")
    assert [path.name for path in outcome.folder.glob("*.pdf")] == ["bao-cao.sua-tay-1.pdf"]


@posix
def test_a_disk_that_fills_up_leaves_nothing_that_looks_like_handwork(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(FILES)
    before = sorted(outcome.folder.rglob("*"))

    def cut_off(_: Path, to: Path) -> None:
        to.write_bytes(b"half")
        assert sorted(outcome.folder.rglob("*")) == before  # what a kill here would leave
        raise OSError(errno.ENOSPC, "full")

    _office(tmp_path, monkeypatch, COPY)
    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", cut_off)
        assert _command(outcome) == 2
    assert sorted(outcome.folder.rglob("*")) == before
    assert [path.name for path in outcome.folder.parent.iterdir()] == [outcome.folder.name]
    # A kill leaves what the next command takes away.
    left = outcome.folder.with_name(f".{outcome.folder.name}.new")
    left.mkdir()
    (left / "bao-cao.pdf").write_bytes(b"half")
    assert _command(outcome) == 0
    assert not left.exists()
    assert (outcome.folder / "bao-cao.pdf").read_bytes() == b"PDF of bao-cao.docx\n"


def test_without_libreoffice_one_line_says_how_to_get_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(FILES)
    monkeypatch.setattr(pdf, "find_office", lambda: None)
    capsys.readouterr()
    assert _command(outcome) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n"), "libreoffice.org" in said.err) == ("", 1, True)


@posix
def test_without_papers_one_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _office(tmp_path, monkeypatch, COPY)
    folders = [f"--{name}={tmp_path / name}" for name in ("inbox", "outbox", "state")]
    assert main(["pdf", "--round", "dien-bien-2022", *folders]) == 2
    assert "make run" in capsys.readouterr().err


@posix
@pytest.mark.parametrize(("script", "said"), [("exit 1", "không chuyển được"), ("sleep 600 > alive & wait", "quá lâu")])
def test_what_libreoffice_cannot_do_is_one_line_and_leaves_no_process(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    script: str,
    said: str,
) -> None:
    outcome = run(FILES)
    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    _office(tmp_path, monkeypatch, f"cd {tmp_path}; {script}")
    monkeypatch.setattr(pdf, "SECONDS", 1)
    monkeypatch.setattr(pdf, "SECONDS_A_PAPER", 0)
    assert _command(outcome) == 2
    assert said in capsys.readouterr().err
    assert list(outcome.folder.glob("*.pdf")) == []
    os.set_blocking(alive, True)
    assert os.read(alive, 1) == b""  # whoever held the other end is gone
    os.close(alive)


@pytest.mark.skipif(pdf.find_office() is None, reason="LibreOffice is not installed")
def test_the_papers_as_libreoffice_prints_them(run: Run) -> None:
    outcome = run(FILES)
    assert _command(outcome) == 0
    pages = {}
    for path in outcome.folder.glob("*.pdf"):
        content = path.read_bytes()
        assert content.startswith(b"%PDF")
        pages[path.stem] = [
            tuple(round(float(number)) for number in box.split())
            for box in re.findall(rb"/Type/Page/.*?/MediaBox\s*\[0 0 ([\d. ]+)\]", content, re.DOTALL)
        ]
    assert set(pages) == {Path(name).stem for name in PAPERS}
    upright, across = (595, 842), (842, 595)
    assert pages["cong-van-don-doc"][-1] == upright and len(pages["cong-van-don-doc"]) >= 2
    assert set(pages["phu-luc-noi-bo"]) == {across}
    report = pages["bao-cao"]
    assert report[:3] == [upright] * 3 and across in report
