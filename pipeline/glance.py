"""What a command said, said again at once while nothing has changed: no reading, no judging.

The mark of what it was made from is made of names, sizes and times of files alone. Its own files are in the state
folder, and hold what stood on the screen: no persons.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipeline.folders import paths_below
from pipeline.terminal import room
from schemas.data import HERE, TEMPLATES, read_files

_LOOKS = ("NO_COLOR", "TERM")  # of the environment: what decides how a screen looks
_NAME = "da-xem-"
_LEDGER = ("ledger.sqlite", "ledger.sqlite-wal")
_PROGRAM = (HERE, TEMPLATES, Path(__file__).parent)


@dataclass(frozen=True)
class Glance:
    """What is asked: `key` is the command, the round and whatever else decides beside the inbox and the state.

    `made` is the folder that the command wrote: it says the same only while everything lies there as it was left.
    """

    key: tuple[str, ...]
    inbox: Path
    state: Path
    made: Path

    def said(self) -> str | None:
        """Return what was said the last time, if nothing has changed since."""
        try:
            marks, paths, text = json.loads(self._place.read_text(encoding="utf-8"))
            same: bool = marks == self._marks(lying(self.inbox), paths)
        except (OSError, ValueError, TypeError):
            return None
        return str(text) if same else None

    def keep(self, text: str, before: str) -> None:
        """Keep what was said; `before` is what was `lying` in the inbox when it was made."""
        paths = sorted(str(path.absolute()) for path in read_files if not path.is_relative_to(HERE.parent))
        written = self._place.with_suffix(".new")
        with suppress(OSError):  # it is only to save time
            written.write_text(json.dumps([self._marks(before, paths), paths, text]), encoding="utf-8")
            written.replace(self._place)

    def _marks(self, before: str, paths: list[str]) -> list[str]:
        """Return marks of what was asked and found, of what it left behind, of files of the officer's own."""
        screen = [str(sys.stdout.isatty()), str(room()), *(os.environ.get(name, "") for name in _LOOKS)]
        ledger = [_sign(self.state / name) for name in _LEDGER]
        # What lies in the store is a promise too: a run brings back what is lacking there. Its name is that of
        # `store_of`, which would bring too much with it to be imported here.
        made = _mark_of_stamps((self.state / "store", self.made))
        return [*self.key, *screen, before, *ledger, made, *map(_sign, paths)]

    @property
    def _place(self) -> Path:
        return self.state / f"{_NAME}{hashlib.sha256(' '.join(self.key[:2]).encode()).hexdigest()[:16]}.json"


def forget(state: Path) -> None:
    """Delete all that was said: it may name who decided what."""
    for path in state.glob(f"{_NAME}*"):
        path.unlink(missing_ok=True)


@contextmanager
def overheard(*, silent: bool = False) -> Iterator[list[str]]:
    """Give the parts of what is printed inside; `silent`: print nothing."""
    tee = _Tee(sys.stdout, silent=silent)
    with redirect_stdout(tee):  # type: ignore[type-var]
        yield tee.parts


def lying(inbox: Path) -> str:
    """Return a mark of what lies in the inbox, and of the program."""
    return _mark_of_stamps((inbox, *_PROGRAM))


def _mark_of_stamps(roots: Iterable[Path]) -> str:
    mark = hashlib.sha256()
    for path in (path for root in roots for path in paths_below(root) if "__pycache__" not in path):
        mark.update(f"{path}\0{_sign(path)}\n".encode("utf-8", "surrogateescape"))
    return mark.hexdigest()


def _sign(path: str | Path) -> str:
    try:
        stat = os.lstat(path)
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"


class _Tee:
    """Writes on (unless it is silent), and keeps what was written."""

    def __init__(self, stream: IO[str], *, silent: bool) -> None:
        self._stream, self._silent = stream, silent
        self.parts: list[str] = []

    def write(self, text: str) -> int:
        """Keep the text and write it on."""
        self.parts.append(text)
        return len(text) if self._silent else self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
