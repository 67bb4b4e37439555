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

LOCK_WAIT = 10.0  # seconds that a second run waits for the first: longer than a round of a province takes
_POLL = 0.1
_NOT_WRITABLE = {
    getattr(errno, name)
    for name in ("EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EBUSY", "ENOTDIR", "EEXIST", "EFBIG", "EIO")
    if hasattr(errno, name)
}


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Tell a folder that cannot be written as the operator's fault: a full disk, no rights, a file open in Excel."""
    try:
        yield
    except OSError as fault:
        if fault.errno not in _NOT_WRITABLE:
            raise
        raise OperatorError("outbox_busy", path=path, reason=fault.strerror or fault) from fault
    except sqlite3.OperationalError as fault:
        raise OperatorError("outbox_busy", path=path, reason=fault) from fault


@contextmanager
def hold(state: Path, wait: float = LOCK_WAIT) -> Iterator[None]:
    """Hold the state folder alone, with an empty private folder for temporary files.

    Raises:
        OperatorError: another run holds it and does not end within `wait` seconds, or it cannot be written.
    """
    with _lock_file(state, "run") as lock:
        _wait_for(lock, state, wait)
        with _private_temporary_files(state):
            yield


@contextmanager
def alone(state: Path, job: str) -> Iterator[bool]:
    """Hold a job (`send`, `fetch`, `watch`) as long as the block lasts; False where another process has it."""
    with _lock_file(state, job) as lock:
        yield _locked(lock)


@contextmanager
def _lock_file(state: Path, name: str) -> Iterator[int]:
    with writable(state):
        state.mkdir(parents=True, exist_ok=True)
        lock = os.open(state / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


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
    with writable(state):
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
