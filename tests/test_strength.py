"""Promises kept whatever happens: faults and kills at any moment, a full disk, odd machines, hostile cells, damage.

`SOAK=200` makes the loops that much longer than they are in the suite (`make soak`).
"""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import email
import email.policy
import io
import json
import os
import random
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest
from building import KEYS, Book, right_rows
from conftest import Outcome, Run, drop_and_run
from faulty_runs import tree
from searching import files_of

from pipeline import ledger_schema
from pipeline.errors import Refused
from pipeline.ledger import open_ledger
from pipeline.model import Arrival
from pipeline.read import read
from pipeline.readers import read_all
from pipeline.recognise import Recognising
from schemas.round import load_round

ROOT = Path(__file__).parent.parent
SOAK = int(os.environ.get("SOAK", "1"))
SEED = os.environ.get("SEED", "19")
posix = pytest.mark.skipif(os.name == "nt", reason="kills, limits and mounts of the system")
ROUND = "dien-bien-2022"


def _program(place: Path, *, before: str = "pass", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the round in a process of its own with these variables, after a line of Python; its screen is UTF-8."""
    folders = [f"--{name}={place / name}" for name in ("inbox", "outbox", "state")]
    code = f"import sys; {before}; from pipeline.__main__ import program; sys.exit(program())"
    return subprocess.run(
        [sys.executable, "-c", code, "run", f"--round={ROUND}", *folders, "--as-of=2022-04-05"],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip


# --- killed, or something fails, at any moment


@posix
def test_whatever_fails_nothing_is_lost_and_the_next_run_completes(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests/faulty_runs.py"), str(tmp_path / "yard"), f"{SEED}*{6 * SOAK}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.stderr == ""
    head, *attempts = [json.loads(line) for line in done.stdout.splitlines()]
    assert head["operations"] > 100
    assert len(attempts) == 6 * SOAK
    assert [attempt for attempt in attempts if attempt["wrong"]] == []
    assert any(attempt["status"] for attempt in attempts)


_OPENER = """
import sys
from pathlib import Path
from pipeline.ledger import open_ledger
for line in sys.stdin:
    try:
        with open_ledger(Path(line.rstrip())) as ledger:
            print(ledger.free_number(), flush=True)
    except Exception as fault:
        print(repr(fault), flush=True)
"""


def test_processes_that_start_together_make_one_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [tmp_path / str(number) for number in range(20)]
    for folder in folders:
        folder.mkdir()
    with monkeypatch.context() as older:  # half of them have the ledger of an older program
        older.setattr(ledger_schema, "MIGRATIONS", ledger_schema.MIGRATIONS[:3])
        for folder in folders[::2]:
            with open_ledger(folder):
                pass
    command = [sys.executable, "-c", _OPENER]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8", "cwd": ROOT}
    with contextlib.ExitStack() as stack:
        openers = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(4)]
        for folder in folders:
            for opener in openers:
                opener.stdin.write(f"{folder}\n")  # type: ignore[union-attr]
                opener.stdin.flush()  # type: ignore[union-attr]
            assert [opener.stdout.readline() for opener in openers] == ["1\n"] * 4  # type: ignore[union-attr]
        for opener in openers:
            opener.stdin.close()  # type: ignore[union-attr]


# --- the machine


@posix
@pytest.mark.parametrize("limit", [2_000, 30_000, 120_000])
def test_a_disk_that_takes_no_more_is_one_clear_line(tmp_path: Path, limit: int) -> None:
    before = drop_and_run(tmp_path, {"2022-03-20/a.xlsx": Book("099").bytes()})
    old = tree(before.folder)
    (tmp_path / "inbox/2022-03-20/b.xlsx").write_bytes(Book("100").bytes())
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))"
    done = _program(tmp_path, before=limited)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "ổ đĩa" in done.stderr
    left = tree(before.folder)
    assert drop_and_run(tmp_path).unit("100")["status"] == "accepted"
    assert left in (old, tree(before.folder))


@contextlib.contextmanager
def _mounted(place: Path, options: str) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=False).returncode:
        pytest.skip("only root can mount a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@posix
@pytest.mark.parametrize("part", ["outbox", "state"])
@pytest.mark.parametrize(("options", "word"), [("size=64k", "đầy"), ("ro", "chỉ cho đọc")])
def test_a_small_or_closed_disk_is_one_clear_line(tmp_path: Path, part: str, options: str, word: str) -> None:
    (tmp_path / "inbox/2022-03-20").mkdir(parents=True)
    (tmp_path / "inbox/2022-03-20/a.xlsx").write_bytes(Book("099").bytes())
    with _mounted(tmp_path / part, options):
        done = _program(tmp_path)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert word in done.stderr
        assert str(tmp_path / part) in done.stderr
    assert drop_and_run(tmp_path).unit("099")["status"] == "accepted"


@pytest.mark.skipif(os.name == "nt" or not os.geteuid(), reason="root may write anywhere")
def test_an_outbox_without_rights_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "outbox").mkdir(mode=0o555)
    done = _program(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "quyền" in done.stderr


@posix
def test_the_machines_language_zone_and_folders_change_nothing(tmp_path: Path) -> None:
    files = {"2022-03-20/Danh sách huyện Tuần Giáo.xlsx": b"%PDF-1.7", "2022-03-21/b.xlsx": Book("100").bytes()}
    outcome = drop_and_run(tmp_path, files)
    assert outcome.unit("099")["status"] == "rejected"  # told by the file's name
    right = tree(outcome.folder)
    odd = {
        "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TZ": "Asia/Ho_Chi_Minh",
        "TMPDIR": "/nonexistent", "COLUMNS": "20", "PYTHONHASHSEED": "7",
    }  # fmt: skip
    (tmp_path / "odd").mkdir()
    (tmp_path / "inbox").rename(tmp_path / "odd/inbox")
    done = _program(tmp_path / "odd", **odd)
    assert (done.returncode, done.stderr) == (0, "")
    assert tree(tmp_path / "odd/outbox" / ROUND) == right


# --- hostile cells: what is written always opens, and carries nothing that lives


def _hostile(place: Path, port: int) -> list[str]:
    touch, web = place / "hacked", f"http://127.0.0.1:{port}"
    return [
        *("=1+1", "+1+1", "-1+1", "@SUM(1+1)", "\t=1+1", "\r=1+1", "\n=1+1", "'=1+1", " =1+1", "\uff1b=1+1"),
        *(f'=HYPERLINK("{web}/x","x")', f"=cmd|'/C touch {touch}'!A0", f'=WEBSERVICE("{web}")', f"{web}/y"),
        *(f"$(touch {touch})", f"`touch {touch}`", f"; touch {touch} #", f"file://{touch}", "javascript:alert(1)"),
        *("mailto:a@b.invalid?bcc=c@d.invalid", "{{ 7391*7393 }}", "{% for i in range(9) %}x{% endfor %}"),
        *("{{ config }}", "${7391*7393}", "#{7391*7393}", "<%= 7391*7393 %>", "<script>alert(1)</script>"),
        *('"><img src=x onerror=alert(1)>', "</w:t></w:r><w:br/><w:altChunk/>", "a & b < c > d", "&lt;b&gt;", "]]>"),
        *("<!-- x", "a\r\nBcc: x@y.invalid", "a, b@c.invalid", "\u202etxt.exe", "\u0000x", "\u0007bell", "_x000D_"),
        *("_x0041_", "\ufffe", "\U0001f600" * 40, "x" * 32_767, "#REF!", "#N/A", "TRUE", "1E400", "0912345678" * 30),
        *("../../etc/passwd", "C:\\Windows\\system32", "con", "\u00ad", "%s%n{0}{x!r}"),
    ]


@pytest.fixture
def poisoned(run: Run, tmp_path: Path) -> Iterator[Outcome]:
    """A run over three files of which every cell is hostile in some way; nothing of it may be carried out."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        texts = _hostile(tmp_path, server.getsockname()[1])
        files = {}
        for number, sender in enumerate(("099", "100", "103")):
            rows = right_rows(sender)
            for place, row in enumerate(rows):
                for column, key in enumerate(KEYS):
                    if key != "unit" or place % 3 == 2:
                        text = texts[(number * 17 + place * 5 + column * 7) % len(texts)]
                        row[key] = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe]", "", text)
            book = Book(sender, rows)
            for cells in book.sheet.iter_rows():
                for cell in cells:
                    if cell.data_type == "f" and number:  # once as formulas, twice as text
                        cell.data_type = "s"
            files[f"2022-03-2{number}/{sender} =1+1 {{{{ 7391*7393 }}}}.xlsx"] = book.bytes()
        outcome = run(files)
        assert outcome.status == 0
        yield outcome
        with pytest.raises(BlockingIOError):
            server.accept()
    assert not (tmp_path / "hacked").exists()


_LIVE_PARTS = re.compile(r"vbaProject|externalLink|oleObject|connections\.xml|activeX", re.IGNORECASE)
_LIVE_TAGS = re.compile(
    rb"<(?:\w+:)?(?:altChunk|oleObject|ddeLink|ddeItem|externalReference|attachedTemplate|control)\b"
    rb"|Target=\"(?!mailto:|https://www\.facebook\.com/|\.\.[\\/])[^\"]*\"[^>]*TargetMode=\"External\"",
    re.IGNORECASE,
)


def test_outputs_open_and_carry_nothing_that_lives(poisoned: Outcome) -> None:
    kinds = {name.rpartition(".")[2] for name in tree(poisoned.folder)}
    assert {"xlsx", "docx", "eml", "csv", "json", "html", "txt"} <= kinds
    for path in (path for path in poisoned.folder.rglob("*") if path.is_file()):
        if path.suffix == ".xlsx":
            _opens_as_workbook(path.read_bytes())
        elif path.suffix == ".docx":
            docx.Document(str(path))
        elif path.suffix == ".eml":
            _opens_as_letter(path.read_bytes())
    json.loads((poisoned.folder / "ket-qua/summary.json").read_text(encoding="utf-8"))
    for name, content in files_of(poisoned.folder):
        assert not _LIVE_PARTS.search(name), name
        if name.endswith((".xml", ".rels")):
            assert not _LIVE_TAGS.search(content), name
        assert b"54641663" not in content, name  # a template that was evaluated
        if name.endswith(".html"):
            assert b"<script>alert" not in content, name
            assert not re.search(rb"<img src=x|javascript:alert", content), name


def _opens_as_workbook(content: bytes) -> None:
    for sheet in openpyxl.load_workbook(io.BytesIO(content)).worksheets:
        formulas = [cell.value for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
        assert not [text for text in formulas if re.search(r"1\+1|127\.0\.0\.1|cmd\||7391", str(text))]
        links = [cell.hyperlink.target or "" for row in sheet.iter_rows() for cell in row if cell.hyperlink]
        assert not [link for link in links if re.search(r"127\.0\.0\.1|javascript|file:|bcc=", link)]


def _opens_as_letter(content: bytes) -> None:
    letter = email.message_from_bytes(content, policy=email.policy.default)
    assert [len(letter.get_all(key, [])) for key in ("From", "To", "Subject", "Date", "Message-ID")] == [1] * 5
    assert letter["Bcc"] is None
    assert not letter.defects
    for part in letter.walk():
        assert not part.defects
        if part.get_content_subtype().endswith("sheet"):
            _opens_as_workbook(part.get_payload(decode=True))


def test_no_cell_of_a_csv_begins_like_a_formula(poisoned: Outcome) -> None:
    paths = sorted((poisoned.folder / "ket-qua").glob("*.csv"))
    assert len(paths) == 2
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert len(cells) > 1000
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))], path.name


# --- damage by chance


_VALID = Book("095").bytes()


def _values(content: bytes) -> list[list[list[str]]]:
    """The rows of every sheet without the blank cells at their ends, of which a second reader gives none."""
    blank = re.compile("\0+$")
    return [[blank.sub("", "\0".join(row)).split("\0") for row in sheet.cells] for sheet in read(content).sheets]


_VALUES = _values(_VALID)


def _damaged(content: bytes, chance: random.Random) -> bytes:
    """Flip bits, cut, blank out, repeat, move or insert some bytes."""
    bad, place = bytearray(content), chance.randrange(len(content))
    length = chance.choice((1, 1, 1, 4, 64, 2000))
    how = chance.randrange(6)
    if how == 0:
        for _ in range(chance.choice((1, 1, 8))):
            bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
    elif how == 1:
        del bad[place:]
    elif how == 2:
        bad[place : place + length] = bytes(len(bad[place : place + length]))
    elif how == 3:
        bad[place:place] = bad[place : place + length]
    elif how == 4:
        del bad[place : place + length]
    else:
        bad[place:place] = chance.randbytes(length)
    return bytes(bad)


def test_damage_never_changes_a_value_in_silence_and_never_crashes() -> None:
    chance = random.Random(SEED)
    refused = 0
    for number in range(250 * SOAK):
        try:
            values = _values(_damaged(_VALID, chance))
        except Refused:
            refused += 1
            continue
        assert values == _VALUES, number
    assert refused > 100


def test_parts_of_a_package_in_each_others_place_stop_nobody(tmp_path: Path) -> None:
    """The package is whole and its parts are not what they should be: read in a worker, as every file is."""
    chance = random.Random(SEED)
    with zipfile.ZipFile(io.BytesIO(_VALID)) as package:
        parts: dict[str, Any] = {name: package.read(name) for name in package.namelist()}
    arrivals = []
    for number in range(12 * SOAK):
        one, other = chance.sample(sorted(parts), 2)
        swapped = {**parts, one: parts[other], other: chance.choice((parts[one], b"", parts[one][:200]))}
        path = tmp_path / str(number)
        with zipfile.ZipFile(path, "w") as package:
            for name, content in swapped.items():
                package.writestr(name, content)
        arrivals.append(Arrival(path.name, path, path.name, dt.date(2022, 3, 1)))
    (tmp_path / "good").write_bytes(_VALID)
    arrivals.append(Arrival("good", tmp_path / "good", "good", dt.date(2022, 3, 1)))
    asked = Recognising.of(load_round("dien-bien-2022"))
    found = {arrival.file: said for arrival, said in read_all(arrivals, asked)}
    assert len(found) == 12 * SOAK + 1
    assert found["good"] == asked(arrivals[-1], read(_VALID))
