"""Taking in: every file of the inbox is kept by its hash in the store before anything looks inside.

Only regular files are opened, and no link is followed; what is something else is named with its reason. A name
is data: it is made printable here, once, and never becomes a path of ours.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pipeline import clock
from pipeline.errors import OperatorError, Refused
from pipeline.ledger import Ledger
from pipeline.model import Arrival
from pipeline.printable import printable
from pipeline.read import LIMIT, megabytes
from pipeline.readers import unpack_bundle
from pipeline.received import misdated, received_on
from pipeline.state import temporary, writable
from pipeline.store import Store, store_of
from schemas.codes import Rule
from schemas.round import Round

# Hidden files, locks and backups of office programs, folders' own files, downloads that are not finished.
_IGNORED = re.compile(
    r"^\.|^~\$|^~wr[a-z]\d|^(?:thumbs|ehthumbs)\.db$|^desktop\.ini$|^__macosx$|^icon\r$|~$"
    r"|\.(?:tmp|temp|part|partial|crdownload|download|opdownload|filepart)$",
    re.IGNORECASE,
)
_OURS = ".gitkeep"
_KINDS: list[tuple[Callable[[int], bool], str]] = [
    (stat.S_ISLNK, "link"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
]
_OPEN = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


@dataclass(frozen=True)
class Intake:
    """What lay in the inbox: the files to read, oldest first; names ignored; names left for the next run."""

    arrivals: list[Arrival]
    ignored: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @property
    def misdated(self) -> list[str]:
        """The folders whose names are written like a date but are none: their files count from when they were seen."""
        return misdated(arrival.file for arrival in self.arrivals)


class _Changing(Exception):
    """Somebody is still writing this file."""


Signs = dict[str, tuple[int, int, int]]
"""What tells that a file has changed: path within the inbox -> size, time of change (ns), number on the disk."""


def signs_of(inbox: Path) -> Signs:
    """Return the signs of all that a run would look at, without opening anything; {} where there is no inbox."""
    signs: Signs = {}
    try:
        for path, fault in _walk(inbox):
            if fault is None and not _IGNORED.search(path.name):
                with suppress(OSError):  # it went away meanwhile
                    signs[os.fspath(path.relative_to(inbox))] = _sign(os.lstat(path))
    except OperatorError:
        return {}
    return signs


def _sign(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino


def take_in(
    round: Round, inbox: Path, state: Path, ledger: Ledger, today: dt.date, settled: Signs | None = None
) -> Intake:
    """Return the files of the inbox for a round; their bytes are in `state/store` from now on.

    Where `settled` is given, a file with another sign waits: somebody has begun to write it since. A file is
    received on the date that its folder is named by, else on the day that it was first seen. What is no readable file
    is an arrival that is refused already; the files of a bundle are arrivals of their own. Each content belongs to the
    period in which it was received, or to this round if that one was purged.

    Raises:
        OperatorError: there is no such inbox, the store cannot be written, or the round was purged.
    """
    ledger.must_live(round.id)
    if not inbox.is_dir():
        raise OperatorError("no_inbox", path=inbox)
    with writable(state):
        store = Store(store_of(state), temporary(state))
        intake = _taken(inbox, store, today, settled)
        day = max(today, _looked_before(round, ledger))
        seen = ledger.first_seen([(a.sha256, a.file) for a in intake.arrivals], day, round.opens)
        dated = [replace(a, received=received_on(a.file) or seen[a.sha256, a.file]) for a in intake.arrivals]
        taken = _unbundled(replace(intake, arrivals=dated), store)
        kept: dict[str, set[str]] = {}
        for arrival in [*dated, *taken.arrivals]:
            if not arrival.refused:
                kept.setdefault(round.id_on(arrival.received), set()).add(arrival.sha256)
        for id, contents in kept.items():
            ledger.belong(round.id if ledger.purged(id) else id, dict.fromkeys(sorted(contents), ""))
        return taken


def _looked_before(round: Round, ledger: Ledger) -> dt.date:
    """Return when a round that comes again was last run: what was not there then has not come in a period before."""
    last = ledger.last_day(round.series) if round.series else None
    return min(last or dt.date.min, clock.today())  # a day to come was a slip


def lying_in(inbox: Path) -> Iterator[tuple[Path, str]]:
    """Yield the regular files of the inbox with the hashes of their contents."""
    for path, fault in _walk(inbox) if inbox.is_dir() else ():
        with suppress(OSError, Refused, _Changing):
            if not fault:
                yield path, hashlib.sha256(_content(path, None)).hexdigest()


def arrivals_of(files: list[Path], folder: Path, today: dt.date) -> list[Arrival]:
    """Return these files, and those of folders among them, as if they had arrived today.

    Their bytes are in `folder` as long as it lives.

    Raises:
        OperatorError: one of them is not there.
    """
    store = Store(store_of(folder), folder)
    arrivals = []
    for path, name, fault in _named(files):
        if fault:
            arrivals.append(_refused(name, _of_fault(fault), today))
            continue
        if not path.is_file():
            raise OperatorError("no_file", path=printable(str(path)))
        try:
            arrivals.append(_arrival(path.resolve(), name, store, today))
        except _Changing:
            raise OperatorError("file_changing", path=printable(str(path))) from None
    store.settle()
    return _unbundled(Intake(arrivals), store).arrivals


def _named(files: list[Path]) -> Iterator[tuple[Path, str, OSError | None]]:
    """Yield the files, and those that lie in the folders among them, with their names or ways there, each another.

    Folders among those that cannot be opened come with their fault.
    """
    found: list[tuple[Path, Path, OSError | None]] = []
    for path in files:
        inside = sorted(_walk(path)) if path.is_dir() else [(path, None)]
        folder = path if path.is_dir() else path.parent
        found += [(folder, at, fault) for at, fault in inside if at == path or fault or _is_to_check(at)]
    ways = Counter(path.relative_to(folder) for folder, path, _ in found)
    names: set[str] = set()
    for folder, path, fault in found:
        way = path.relative_to(folder)
        name = way if ways[way] == 1 else PurePosixPath(folder.resolve().name, way)
        yield path, _distinct(printable(name.as_posix()), names), fault


def _is_to_check(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and not _IGNORED.search(path.name)


# --- the inbox


def _taken(inbox: Path, store: Store, today: dt.date, settled: Signs | None) -> Intake:
    arrivals: list[Arrival] = []
    ignored: list[str] = []
    waiting: list[str] = []
    names: set[str] = set()
    for path, fault in _walk(inbox):
        name = _distinct(printable(path.relative_to(inbox).as_posix()), names)
        if _IGNORED.search(path.name):
            ignored.append(name)
            continue
        try:
            if fault:
                arrivals.append(_refused(name, _of_fault(fault), today))
            else:
                sign = settled.get(os.fspath(path.relative_to(inbox)), ()) if settled is not None else None
                arrivals.append(_arrival(path, name, store, today, sign))
        except _Changing:
            waiting.append(name)
    store.settle()
    return Intake(arrivals, ignored, waiting)


def _walk(inbox: Path) -> Iterator[tuple[Path, OSError | None]]:
    """Yield what lies in the inbox and its real folders, and the folders that cannot be opened with their fault."""
    folders = [inbox]
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
        except OSError as fault:
            if folder == inbox:
                raise OperatorError("no_inbox", path=inbox, closed=isinstance(fault, PermissionError)) from fault
            yield folder, fault
            continue
        for entry in entries:
            if entry.name == _OURS:
                continue
            if entry.is_dir(follow_symlinks=False) and not _IGNORED.search(entry.name):
                folders.append(Path(entry.path))
            else:
                yield Path(entry.path), None


def _distinct(name: str, names: set[str]) -> str:
    """Return the name, numbered where another one looks the same once both are printable."""
    number, shown = 1, name
    while shown in names:
        number += 1
        shown = f"{name} ({number})"
    names.add(shown)
    return shown


def _arrival(path: Path, name: str, store: Store, today: dt.date, sign: tuple[int, ...] | None = None) -> Arrival:
    """Keep the file's bytes and return its arrival; `sign` is the one that it must have, if any.

    Raises:
        _Changing: somebody is still writing it.
    """
    try:
        content = _content(path, sign)
    except Refused as refusal:
        return _refused(name, refusal, today)
    except OSError as fault:
        return _refused(name, _of_fault(fault), today)
    return store.keep(name, content, today)


def _content(path: Path, sign: tuple[int, ...] | None) -> bytes:
    """Return the bytes of a regular file, opened without following a link or waiting for a pipe."""
    expected = os.lstat(path)
    if sign is not None and sign != _sign(expected):
        raise _Changing
    if not stat.S_ISREG(expected.st_mode):
        kind = next((kind for test, kind in _KINDS if test(expected.st_mode)), "device")
        raise Refused(Rule.FILE_UNSUPPORTED, reason=kind)
    if expected.st_size > LIMIT:
        raise Refused(Rule.FILE_TOO_LARGE, size=megabytes(expected.st_size), limit=megabytes(LIMIT))
    with os.fdopen(os.open(path, _OPEN), "rb") as file:
        content = file.read(expected.st_size + 1)
        found = os.fstat(file.fileno())
    if (found.st_size, found.st_mtime_ns) != (expected.st_size, expected.st_mtime_ns) or len(content) != found.st_size:
        raise _Changing
    return content


def _of_fault(fault: OSError) -> Refused:
    reasons = {errno.EACCES: "rights", errno.EPERM: "rights", errno.ENOENT: "vanished", errno.ELOOP: "link"}
    reason = reasons.get(fault.errno or 0, "disk")
    return Refused(Rule.FILE_UNSUPPORTED if reason == "link" else Rule.FILE_UNREADABLE, reason=reason)


def _refused(name: str, refusal: Refused, today: dt.date) -> Arrival:
    sign = hashlib.sha256(f"no content: {name}".encode()).hexdigest()
    return Arrival(name, Path(), sign, today, refusal)


# --- bundles


def _unbundled(intake: Intake, store: Store) -> Intake:
    """Return the arrivals, oldest first, with the files of every bundle in its place."""
    arrivals: list[Arrival] = []
    ignored = list(intake.ignored)
    names = {arrival.file for arrival in intake.arrivals}
    for arrival in intake.arrivals:
        members = _members(arrival) if arrival.sha256 in store.bundles else None
        if not isinstance(members, list):
            arrivals.append(replace(arrival, refused=members) if members else arrival)
            continue
        for member, content in members:
            name = _distinct(f"{arrival.file}/{printable(member)}", names)
            parts = PurePosixPath(member.replace("\\", "/")).parts
            if any(_IGNORED.search(part) for part in parts if part != ".."):
                ignored.append(name)
            else:
                arrivals.append(store.keep(name, content, arrival.received))
    store.settle()
    return replace(intake, arrivals=sorted(arrivals, key=lambda a: (a.received, a.file)), ignored=ignored)


def _members(arrival: Arrival) -> list[tuple[str, bytes]] | Refused | None:
    try:
        return unpack_bundle(arrival.path)
    except Refused as refusal:
        return refusal
