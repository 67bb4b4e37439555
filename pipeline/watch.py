"""Watching: the line is run again whenever the inbox has settled.

Every run is a process of its own: what it held goes with it, and a run that fails or dies is told and nothing more.
While nothing happens nothing is held but the watching itself: a round has one watcher.
"""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.clock import today
from pipeline.intake import Signs, signs_of
from schemas.messages import line

QUIET = 5.0  # seconds without a change after which the inbox has settled
POLL = 2.0  # seconds between two looks
_FIRST_RETRY, _LAST_RETRY = 60.0, 3600.0  # seconds after which a run that failed is tried again: doubled every time
_END = (12.0, 6.0, 2.0)  # seconds that a run has when the watcher stops: to end by itself, asked to, and killed


@dataclass
class Settling:
    """Decides when a run is due; times are seconds of a clock that never jumps.

    A run is due when something differs from what the last one saw and nothing has changed for `quiet` seconds: a
    file that is being written waits, and a burst of files is one run. A new day is a difference too.
    """

    quiet: float = QUIET
    _last: tuple[dt.date, Signs] | None = None
    _since: float = 0.0
    _seen: tuple[dt.date, Signs] | None = None
    _failures: int = 0
    _retry: float = field(default=float("inf"))

    def due(self, signs: Signs, day: dt.date, now: float) -> bool:
        """Tell whether a run is due, given what lies in the inbox now."""
        found = day, signs
        if found != self._last:
            self._last, self._since = found, now
        if now - self._since < self.quiet:
            return False
        return found != self._seen or now >= self._retry

    def began(self) -> None:
        """A run begins, with what was found last."""
        self._seen = self._last

    def ended(self, status: int, now: float) -> None:
        """A run has ended; one that failed is tried again after a while, even if nothing changes."""
        self._failures = self._failures + 1 if status else 0
        wait = min(_FIRST_RETRY * 2 ** min(self._failures - 1, 10), _LAST_RETRY)
        self._retry = now + wait if status else float("inf")


@dataclass(frozen=True)
class Watched:
    """What is watched and how: the round's name or file, the folders, seconds between two fetches (0: none)."""

    round: str
    inbox: Path
    outbox: Path
    state: Path
    as_of: dt.date | None = None
    quiet: float = QUIET
    fetch_every: float = 0.0


def watch(watched: Watched, stopped: threading.Event, clock: Callable[[], float] = time.monotonic) -> None:
    """Run the line whenever the inbox has settled, until `stopped`."""
    settling = Settling(watched.quiet)
    next_fetch = 0.0 if watched.fetch_every else float("inf")
    while not stopped.is_set():
        if clock() >= next_fetch:
            _in_process("fetch", watched, None, stopped)
            next_fetch = clock() + watched.fetch_every
        began = time.perf_counter()
        signs = signs_of(watched.inbox)
        # A large inbox must not keep the computer busy.
        poll = min(max(POLL, 20 * (time.perf_counter() - began)), 10 * POLL)
        if settling.due(signs, watched.as_of or today(), clock()):
            settling.began()
            status = _in_process("run", watched, signs, stopped)
            settling.ended(status, clock())
            if not stopped.is_set():
                print(line("watch", "done" if status == 0 else "failed"), flush=True)
        stopped.wait(poll)


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """Give the event that the system sets when it asks the program to end (SIGTERM) or the officer does (Ctrl-C)."""
    stopped = threading.Event()

    def stop(*_: Any) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_process(command: str, watched: Watched, signs: Signs | None, stopped: threading.Event) -> int:
    """Run a command in a process of its own; return its exit status, negative where it was killed.

    When the watcher stops, the command is given a while to end by itself; killed after that, it loses nothing.
    """
    with tempfile.TemporaryFile() as settled:
        settled.write(json.dumps(signs).encode())
        settled.seek(0)
        # Ctrl-C reaches the whole group of processes: in a group of its own the command is the watcher's to end.
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *_arguments(command, watched)],
            stdin=settled,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # Windows knows no sessions
        )
    while process.poll() is None and not stopped.is_set():
        _wait(process, 0.2)
    for end, seconds in zip((lambda: None, process.terminate, process.kill), _END, strict=True):
        if process.poll() is None:
            end()
            _wait(process, seconds)
    return process.returncode if process.returncode is not None else -1


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _arguments(command: str, watched: Watched) -> list[str]:
    folders = [f"--{name}={getattr(watched, name)}" for name in ("inbox", "outbox", "state")]
    arguments = [command, "--round", watched.round, *folders]
    if command == "run":
        arguments += ["--settled", *(["--as-of", watched.as_of.isoformat()] if watched.as_of else [])]
    return arguments
