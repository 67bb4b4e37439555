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
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path, PurePosixPath

from pipeline.errors import OperatorError, Refused
from pipeline.ledger import Ledger
from pipeline.model import Arrival
from pipeline.read import LIMIT, megabytes
from pipeline.readers import unpack_bundle
from pipeline.state import sync, temporary, writable
from schemas.codes import Rule
from schemas.round import Round

# Hidden files, locks and backups of office programs, folders' own files, downloads that are not finished.
_IGNORED = re.compile(
    r"^\.|^~\$|^~wr[a-z]\d|^(?:thumbs|ehthumbs)\.db$|^desktop\.ini$|^__macosx$|^icon\r$|~$"
    r"|\.(?:tmp|temp|part|partial|crdownload|download|opdownload|filepart)$",
    re.IGNORECASE,
)
_OURS = ".gitkeep"
# The day may be followed by words of the officer's own: "2022-03-30 dot 2".
_DATES = (
    re.compile(r"^(?P<y>\d{4})[-._](?P<m>\d{1,2})[-._](?P<d>\d{1,2})(?![-._]?\d)"),
    re.compile(r"^(?P<d>\d{1,2})[-._](?P<m>\d{1,2})[-._](?P<y>\d{4})(?![-._]?\d)"),
)
# What a screen, a cell or a line of CSV cannot show as it is: control characters, bytes that are no UTF-8, line
# separators, marks that turn the direction of writing, and code points that are no characters.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_KINDS: list[tuple[Callable[[int], bool], str]] = [
    (stat.S_ISLNK, "link"),
    (stat.S_ISFIFO, "pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
]
_OPEN = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_OFFICE_BEGIN = b"[content_types].xml"
_OFFICE_PARTS = {_OFFICE_BEGIN.decode(), "mimetype", "content.xml"}
_DIRECTORY_LIMIT = 1 << 20
_AT_ONCE = 16  # files that are waited for: a disk makes one journey for all of them


@dataclass(frozen=True)
class Intake:
    """What lay in the inbox: the files to read, oldest first; names ignored; names left for the next run."""

    arrivals: list[Arrival]
    ignored: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)

    @property
    def misdated(self) -> list[str]:
        """The folders whose names are written like a date but are none: their files count from when they were seen."""
        folders = {folder for arrival in self.arrivals for folder in PurePosixPath(arrival.file).parts[:-1]}
        return sorted(f for f in folders if any(p.match(f) for p in _DATES) and _date_of(f) is None)


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
        store = _Store(state / "store", temporary(state))
        intake = _taken(inbox, store, today, settled)
        day = max(today, _looked_before(round, ledger))
        seen = ledger.first_seen([(a.sha256, a.file) for a in intake.arrivals], day, round.opens)
        dated = [replace(a, received=_folder_date(a.file) or seen[a.sha256, a.file]) for a in intake.arrivals]
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
    return min(last or dt.date.min, dt.date.today())  # a day to come was a slip


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
    store = _Store(folder / "store", folder)
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


def printable(name: str) -> str:
    """Return a name as any screen, cell or line can hold it: what cannot be shown stands there as its code.

    A name is UTF-8 whatever the machine's own language says.
    """
    if os.name != "nt" and sys.getfilesystemencoding() != "utf-8":
        with suppress(UnicodeEncodeError):  # no name of a file
            name = os.fsencode(name).decode("utf-8", "surrogateescape")
    return _UNPRINTABLE.sub(_code, name)


def _code(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


# --- the inbox


def _taken(inbox: Path, store: _Store, today: dt.date, settled: Signs | None) -> Intake:
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


def _arrival(path: Path, name: str, store: _Store, today: dt.date, sign: tuple[int, ...] | None = None) -> Arrival:
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


def _folder_date(file: str) -> dt.date | None:
    return next(filter(None, map(_date_of, reversed(PurePosixPath(file).parts[:-1]))), None)


def _date_of(folder: str) -> dt.date | None:
    for match in filter(None, (pattern.match(folder) for pattern in _DATES)):
        with suppress(ValueError):
            return dt.date(int(match["y"]), int(match["m"]), int(match["d"]))
    return None


# --- the store


class _Store:
    """Contents under their hashes. `bundles` are the hashes of those that may be a bundle of files.

    What is new is on the disk, and has its name there, after `settle`: nobody looks inside before.
    """

    def __init__(self, folder: Path, temporary: Path) -> None:
        for place in (folder, temporary):
            place.mkdir(parents=True, exist_ok=True)
        self._folder, self._temporary = folder, temporary
        self._new: set[str] = set()
        self.bundles: set[str] = set()

    def keep(self, name: str, content: bytes, received: dt.date) -> Arrival:
        """Keep a content."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._folder / sha256
        if sha256 not in self._new and not _holds(path, content):
            (self._temporary / sha256).write_bytes(content)
            self._new.add(sha256)
        if _may_be_bundle(content):
            self.bundles.add(sha256)
        return Arrival(name, path, sha256, received)

    def settle(self) -> None:
        """Bring all that is new whole onto the disk, before it stands under its hash, then the names too."""
        if not self._new:
            return
        with ThreadPoolExecutor(_AT_ONCE) as disk:
            list(disk.map(_to_disk, (self._temporary / sha256 for sha256 in self._new)))
        for sha256 in self._new:
            (self._temporary / sha256).replace(self._folder / sha256)
        sync(self._folder)
        self._new.clear()


def _holds(path: Path, content: bytes) -> bool:
    """Tell whether these bytes are kept there: what lies there is read instead of what was sent."""
    try:
        return path.read_bytes() == content
    except FileNotFoundError:
        return False


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


# --- bundles


def _may_be_bundle(content: bytes) -> bool:
    """Tell an archive of files from an office document, which is one too, by its list of names alone.

    Nearly every office program begins with the name that tells: that saves reading the list.
    """
    if not content.startswith(b"PK") or content[30:49].lower() == _OFFICE_BEGIN:
        return False
    end = content.rfind(b"PK\x05\x06")
    if end < 0:
        return False
    if int.from_bytes(content[end + 12 : end + 16], "little") > _DIRECTORY_LIMIT:
        return False
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = {name.lower() for name in archive.namelist()}
    except Exception:  # whatever a damaged archive makes zipfile raise: its reader will say what is wrong with it
        return False
    return bool(names) and not names & _OFFICE_PARTS


def _unbundled(intake: Intake, store: _Store) -> Intake:
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
