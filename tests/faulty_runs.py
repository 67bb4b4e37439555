"""Runs that are killed or that meet a fault, each in a process of its own: `python faulty_runs.py FOLDER HOW...`.

`HOW` is `FAULT:N`: at the n-th operation on the disk below FOLDER (a file opened, written, flushed, renamed, made or
removed, a statement or a commit of SQLite) the fault happens, or (`kill`) the process ends, as it does for `moment`
after N milliseconds of the processor's time. After each run the folder is looked at, the run is repeated undisturbed,
and one line of JSON says what was found: `wrong` is empty where every promise was kept. `HOW` may also be
`SEED*COUNT`: so many faults and moments by chance.

Everything is imported once and every run is a fork of this process: a run then takes a second.
"""

from __future__ import annotations

import atexit
import builtins
import errno
import hashlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from building import Book, right_rows

# Imported before the first fork: what a command would import by itself.
import pipeline.publish
import pipeline.readers
import pipeline.screen  # noqa: F401
from pipeline.__main__ import main
from pipeline.errors import guard_screen

ROUND = "dien-bien-2022"
FAULTS = {
    "io": OSError(errno.EIO, os.strerror(errno.EIO)),
    "full": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    "rights": OSError(errno.EACCES, os.strerror(errno.EACCES)),
    "memory": MemoryError(),
}
_EVENTS = {
    "open", "os.link", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.scandir", "os.listdir", "sqlite3.connect",
}  # fmt: skip


class Fault:
    """Counts what a run does on the disk below a folder and lets the n-th operation fail, or ends the process there.

    `full` lasts: from then on nothing can be written. The others happen once.
    """

    def __init__(self, folder: Path, kind: str, number: int) -> None:
        self.folder, self.kind, self.number = str(folder), kind, number
        self.count = 0
        self.met = ""

    def arm(self) -> None:
        """Watch this process from now on."""
        if self.kind == "moment":
            signal.setitimer(signal.ITIMER_PROF, self.number / 1000)  # nobody catches it: the end of the process
            return
        sys.addaudithook(self._heard)
        io.open = builtins.open = self._open  # type: ignore[assignment]
        flush, connect = os.fsync, sqlite3.connect
        os.fsync = lambda file: (self.operation("fsync"), flush(file))[1]  # type: ignore[assignment]
        fault = self

        class Connection(sqlite3.Connection):
            def execute(self, *arguments: Any) -> Any:
                fault.operation("sql")
                return super().execute(*arguments)

            def executemany(self, *arguments: Any) -> Any:
                fault.operation("sql")
                return super().executemany(*arguments)

            def executescript(self, *arguments: Any) -> Any:
                fault.operation("sql")
                return super().executescript(*arguments)

            def commit(self) -> None:
                fault.operation("sql")
                super().commit()

            def __exit__(self, kind: Any, value: Any, trace: Any) -> Any:
                if kind is None:
                    try:
                        fault.operation("sql")
                    except BaseException:
                        self.rollback()
                        raise
                return super().__exit__(kind, value, trace)

        sqlite3.connect = lambda *a, **more: connect(*a, **more, factory=Connection)  # type: ignore[assignment]

    def operation(self, what: str, *, writes: bool = True) -> None:
        """Count one operation; let it fail where its time has come."""
        self.count += 1
        lasting = self.kind == "full" and self.count > self.number and writes
        if self.count != self.number and not lasting:
            return
        self.met = self.met or what
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "sql" and self.kind != "memory":
            broken = sqlite3.OperationalError("made to fail")
            broken.sqlite_errorcode = sqlite3.SQLITE_FULL if self.kind == "full" else sqlite3.SQLITE_IOERR
            raise broken
        fault = FAULTS[self.kind]
        raise type(fault)(*fault.args)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS and self._is_ours(arguments[0]):
            mode = arguments[1] if event == "open" else "w"
            self.operation(f"{event} {Path(os.fsdecode(arguments[0])).name}", writes=mode not in ("r", "rb"))

    def _is_ours(self, path: Any) -> bool:
        return isinstance(path, (str, bytes)) and os.fsdecode(path).startswith(self.folder)

    def _open(self, file: Any, mode: str = "r", buffering: int = -1, *more: Any, **named: Any) -> Any:
        path = os.fspath(file) if isinstance(file, (str, bytes, os.PathLike)) else file
        if not (set(mode) & set("wax+")) or not self._is_ours(path):
            return _true_open(file, mode, buffering, *more, **named)
        text = dict(zip(("encoding", "errors", "newline", "closefd", "opener"), more, strict=False)) | named
        raw = _FaultyFile(path, mode.replace("b", "").replace("t", ""), opener=text.get("opener"), fault=self)
        binary = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        if "b" in mode:
            return binary
        return io.TextIOWrapper(binary, text.get("encoding"), text.get("errors"), text.get("newline"))


_true_open = io.open


class _FaultyFile(io.FileIO):
    """A file of which every write is an operation."""

    def __init__(self, path: Any, mode: str, *, opener: Any, fault: Fault) -> None:
        super().__init__(path, mode, opener=opener)
        self._fault = fault

    def write(self, data: Any) -> int:
        self._fault.operation("write")
        return super().write(data)


# --- the folder of a run


def tree(folder: Path) -> dict[str, str]:
    """Return the hashes of all files below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def in_a_process(work: Callable[[], int], log: Path) -> int:
    """Do some work in a fork of this process; return its exit status, negative for a signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(told, 1)
        os.dup2(told, 2)
        status = work()
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
        os._exit(status)


class Yard:
    """A folder with a published result and one more file in the inbox; `new` is what an undisturbed run makes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.template = folder / "template"
        rows = right_rows("099")
        rows[1]["leader_phone"] = "09"
        self._drop("2022-03-20/a.xlsx", Book("099", rows).bytes())
        self._drop("2022-03-20/b.pdf", b"%PDF-1.7")
        assert self.run(self.template) == 0, self.told(self.template)
        (self.template / "outbox" / ROUND / "ghi-chu.txt").write_text("my own", encoding="utf-8")
        self.old = tree(self.template / "outbox" / ROUND)
        self._drop("2022-03-21/c.xlsx", Book("100").bytes())
        whole = folder / "whole"
        shutil.copytree(self.template, whole)
        assert self.run(whole) == 0, self.told(whole)
        self.new, self.inbox, self.store = (tree(whole / part) for part in (f"outbox/{ROUND}", "inbox", "state/store"))
        self.operations, self.milliseconds = self._count(folder / "count")

    def _count(self, place: Path) -> tuple[int, int]:
        """Return how many operations and how much of the processor's time an undisturbed run takes."""
        shutil.copytree(self.template, place)
        fault = Fault(place, "io", 0)
        self.run(place, fault)
        operations, milliseconds = json.loads(place.with_suffix(".count").read_text())
        return operations, milliseconds

    def _drop(self, name: str, content: bytes) -> None:
        path = self.template / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def run(self, place: Path, fault: Fault | None = None) -> int:
        """Run the round in a folder; what it says goes to `log` there."""
        folders = [f"--{name}={place / name}" for name in ("inbox", "outbox", "state")]

        def work() -> int:
            guard_screen()
            if fault:
                fault.arm()
                atexit.register(_note, place.with_suffix(".count"), fault)
            return main(["run", f"--round={ROUND}", *folders, "--as-of=2022-04-05"])

        return in_a_process(work, place / "log")

    @staticmethod
    def told(place: Path) -> list[str]:
        """Return the lines that the last run said in a folder."""
        return (place / "log").read_text(encoding="utf-8").splitlines()

    def attempt(self, kind: str, number: int) -> dict[str, Any]:
        """Run once with the fault, look, run once more; return what happened and what promise was broken."""
        place = self.folder / f"{kind}-{number}"
        shutil.copytree(self.template, place)
        fault = Fault(place, kind, number)
        status = self.run(place, fault)
        said = self.told(place)
        wrong = [*self._wrong_end(kind, status, said), *self._wrong_folder(place)]
        again = self.run(place)
        wrong += [f"second run: {part}" for part in self._wrong_second(place, again)]
        shutil.rmtree(place)
        return {"how": f"{kind}:{number}", "status": status, "said": said if wrong else said[-1:], "wrong": wrong}

    @staticmethod
    def _wrong_end(kind: str, status: int, said: list[str]) -> Iterable[str]:
        if kind in ("kill", "moment"):
            if status not in (0, -signal.SIGKILL, -signal.SIGPROF):
                yield f"status {status}"
        elif status == 2 and len(said) != 1:
            yield "more than one line"
        elif status not in (0, 2) and kind != "memory":
            yield f"status {status}: {said[-1:]}"

    def _wrong_folder(self, place: Path) -> Iterable[str]:
        """What must hold at any time, whatever happened."""
        visible = place / "outbox" / ROUND
        if visible.exists():
            shown = tree(visible)
            if shown not in (self.old, self.new):
                yield "the outbox is neither old nor new"
        elif tree(visible.with_name(f".{ROUND}.old")) != self.old:
            yield "the old result is gone"
        if tree(place / "inbox") != self.inbox:
            yield "the inbox was changed"
        yield from self._wrong_state(place / "state")

    def _wrong_state(self, state: Path) -> Iterable[str]:
        stored = tree(state / "store")
        if any(name != sha256 for name, sha256 in stored.items()):
            yield "a kept file is damaged"
        ledger = sqlite3.connect(state / "ledger.sqlite")
        if ledger.execute("pragma integrity_check").fetchone() != ("ok",):
            yield "the ledger is damaged"
        if lost := {sha256 for (sha256,) in ledger.execute("select sha256 from files")} - set(stored):
            yield f"in the ledger but not kept: {lost}"
        ledger.close()

    def _wrong_second(self, place: Path, status: int) -> Iterable[str]:
        if status:
            yield f"status {status}: {self.told(place)[-1:]}"
        if tree(place / "outbox" / ROUND) != self.new:
            yield "other bytes than an undisturbed run"
        if left := [path.name for path in (place / "outbox").iterdir() if path.name != ROUND]:
            yield f"left in the outbox: {left}"
        if tree(place / "state" / "store") != self.store or (place / "state" / "tmp").exists():
            yield "the state folder is not as it should be"
        yield from self._wrong_folder(place)


def _note(path: Path, fault: Fault) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    told = json.dumps([fault.count, int((usage.ru_utime + usage.ru_stime) * 1000)])
    os.write(os.open(path, os.O_WRONLY | os.O_CREAT), told.encode())


def _by_chance(yard: Yard, seed: str, count: int) -> Iterable[tuple[str, int]]:
    chance = random.Random(seed)
    for _ in range(count):
        kind = chance.choice([*FAULTS, "kill", "kill", "moment", "moment"])
        yield kind, chance.randint(1, yard.milliseconds if kind == "moment" else yard.operations)


if __name__ == "__main__":
    yard = Yard(Path(sys.argv[1]))
    print(json.dumps({"operations": yard.operations, "milliseconds": yard.milliseconds}), flush=True)
    for how in sys.argv[2:]:
        kind, _, number = how.partition(":")
        seed, _, count = how.partition("*")
        for attempt in _by_chance(yard, seed, int(count)) if count else [(kind, int(number))]:
            print(json.dumps(yard.attempt(*attempt)), flush=True)
