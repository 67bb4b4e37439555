"""The state folder: one run at a time, and a private place for temporary files, which hold citizens' data."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import get_temp_dir
from pathlib import Path

from pipeline.errors import OperatorError
from schemas.messages import line

LOCK_WAIT = 10.0  # seconds that a second run waits for the first: longer than a round of a province takes
RUN_WAIT = 600.0  # the same of mail, in and out: what it brings, and what it says, is of what counts after the run
_POLL = 0.1
# Why a disk did not take something, by the names of `disk` in `messages.toml`; whatever is not here is our own fault.
_DISK: dict[str, tuple[str, ...]] = {
    "full": ("ENOSPC", "EDQUOT", "EFBIG"),
    "rights": ("EACCES", "EPERM", "EBUSY", "ETXTBSY"),
    "readonly": ("EROFS",),
    "place": ("ENOTDIR", "EISDIR", "EEXIST", "ENAMETOOLONG"),
    "handles": ("EMFILE", "ENFILE"),
    "broken": ("EIO", "ESTALE", "ENXIO", "ENODEV"),
}
_REASONS = {getattr(errno, name): reason for reason, names in _DISK.items() for name in names if hasattr(errno, name)}
# The same of SQLite, by its primary error codes: FULL, PERM, READONLY, CANTOPEN, BUSY, LOCKED, IOERR.
_SQLITE_REASONS = {
    13: "full", 3: "rights", 8: "rights", 14: "rights", 5: "locked", 6: "locked", 10: "broken",
}  # fmt: skip


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Tell what the disk refuses as the operator's fault: it is full, there are no rights, a file is open in Excel.

    Raises:
        OperatorError: the place that the fault names, or `path` where it names none, and the reason.
    """
    try:
        yield
    except Exception as fault:
        for cause in (fault, *fault.args[:1]):  # XlsxWriter hands on the fault within one of its own
            if reason := disk_reason(cause):
                place = getattr(cause, "filename", None) or path
                raise OperatorError("disk", path=place, reason=line("disk", reason)) from fault
        raise


def disk_reason(fault: object) -> str:
    """Return the reason where it is the disk that failed, "" where it is something else."""
    if isinstance(fault, sqlite3.OperationalError):
        return _SQLITE_REASONS.get(getattr(fault, "sqlite_errorcode", 0) & 0xFF, "")
    return _REASONS.get(fault.errno or 0, "") if isinstance(fault, OSError) else ""


@contextmanager
def hold(state: Path, wait: float = LOCK_WAIT) -> Iterator[None]:
    """Hold the state folder alone, with an empty private folder for temporary files.

    Raises:
        OperatorError: another run holds it and does not end within `wait` seconds, or the disk refuses it.
    """
    with _lock_file(state, "run") as lock:
        _wait_for(lock, state, wait)
        with writable(state), _private_temporary_files(state):
            yield


@contextmanager
def alone(state: Path, job: str) -> Iterator[bool]:
    """Hold a job (`send`, `fetch`, a round's `watch`) for as long as the block; False where another process has it."""
    with _lock_file(state, job) as lock:
        yield _locked(lock)


@contextmanager
def _lock_file(state: Path, name: str) -> Iterator[int]:
    with writable(state):
        make(state)
        lock = os.open(state / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def make(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        OSError: the disk refuses it; also where nothing can be made, which systems tell as if it were only not there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as fault:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from fault


def sync(folder: Path) -> None:
    """Make sure that the names in a folder are on the disk, as what they name is."""
    if os.name == "nt":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def temporary(state: Path) -> Path:
    """Return the folder for files on their way into the state folder; a killed run's are swept by the next."""
    return state / "tmp"


def _wait_for(lock: int, state: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while not _locked(lock):
        if time.monotonic() >= deadline:
            raise OperatorError("state_busy", path=state)
        time.sleep(_POLL)


def _locked(lock: int) -> bool:
    """Take the lock if it is free. The system frees it when its process ends, however it ends."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        if fault.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True


@contextmanager
def _private_temporary_files(state: Path) -> Iterator[None]:
    """Sweep what a killed run left; libraries write their temporary files here and nowhere else."""
    folder = temporary(state)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    get_temp_dir()  # the readers outlive this folder: their socket lies elsewhere
    before = tempfile.tempdir
    tempfile.tempdir = str(folder.absolute())
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)
