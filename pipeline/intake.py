"""Taking in: every file of the inbox is kept by its hash in the store before anything looks inside."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pipeline.errors import OperatorError
from pipeline.ledger import Ledger
from pipeline.model import Arrival

_IGNORED = re.compile(r"^[.~]|^(?:thumbs\.db|desktop\.ini)$|\.(?:tmp|part|partial|crdownload|download)$", re.IGNORECASE)
_DATES = (
    re.compile(r"^(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})$"),
    re.compile(r"^(?P<d>\d{1,2})[-.](?P<m>\d{1,2})[-.](?P<y>\d{4})$"),
)


def take_in(inbox: Path, state: Path, ledger: Ledger, today: dt.date) -> list[Arrival]:
    """Return the files of the inbox, oldest first; their bytes are in `state/store` from now on.

    A file is received on the date that its folder is named by, else on the day that it was first seen.

    Raises:
        OperatorError: there is no such inbox.
    """
    if not inbox.is_dir():
        raise OperatorError("no_inbox", path=inbox)
    store = state / "store"
    store.mkdir(parents=True, exist_ok=True)
    arrivals = []
    for path in _files(inbox):
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        _keep(store / sha256, content)
        name = path.relative_to(inbox).as_posix()
        first_seen = ledger.first_seen(sha256, name, today)
        received = _folder_date(name) or first_seen
        arrivals.append(Arrival(name, store / sha256, sha256, received))
    return sorted(arrivals, key=lambda arrival: (arrival.received, arrival.file))


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if _IGNORED.search(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _keep(path: Path, content: bytes) -> None:
    if path.exists():
        return
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as copy:
        copy.write(content)
        copy.flush()
        os.fsync(copy.fileno())
    Path(copy.name).replace(path)


def _folder_date(file: str) -> dt.date | None:
    for folder in reversed(PurePosixPath(file).parts[:-1]):
        for pattern in _DATES:
            if match := pattern.match(folder):
                try:
                    return dt.date(int(match["y"]), int(match["m"]), int(match["d"]))
                except ValueError:
                    continue
    return None


def arrivals_of(files: list[Path], today: dt.date) -> list[Arrival]:
    """Return these files as if they had arrived today; nothing is kept.

    Raises:
        OperatorError: one of them is not there.
    """
    arrivals = []
    for path in files:
        if not path.is_file():
            raise OperatorError("no_file", path=path)
        arrivals.append(Arrival(path.name, path, hashlib.sha256(path.read_bytes()).hexdigest(), today))
    return arrivals
