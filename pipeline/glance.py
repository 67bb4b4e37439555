"""What a command said, said again at once while nothing has changed: no reading, no judging.

The mark of what it was made from is made of names, sizes and times of files alone. Its own files are in the state
folder, and hold what stood on the screen: no persons.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import IO

from pipeline.errors import OperatorError
from schemas.data import HERE, TEMPLATES

_LOOKS = ("NO_COLOR", "TERM")  # of the environment: what decides how a screen looks
_NAME = "da-xem-"
_OURS = ("ledger.sqlite", "ledger.sqlite-wal")


def said(key: list[str], inbox: Path, state: Path, say: Callable[[], None]) -> None:
    """Print what `say` prints: from the last time, where key, inbox, ledger and program are the same.

    `key` is the command, the round, and whatever else decides.
    """
    mark = mark_of_asked(key, inbox)
    try:
        known = json.loads(_place(key, state).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = None
    if isinstance(known, list) and len(known) == 2 and known[0] == [mark, *_ledger(state)]:
        sys.stdout.write(str(known[1]))
        return
    tee = _Tee(sys.stdout)
    with redirect_stdout(tee):  # type: ignore[type-var]
        say()
    if mark == mark_of_asked(key, inbox):  # else somebody is writing in the inbox
        _keep(key, mark, state, "".join(tee.parts))


def will_say(key: list[str], inbox: Path, state: Path, say: Callable[[], None], mark: str) -> None:
    """Keep what `say` prints for the next who asks, and print nothing: not even that the disk refuses.

    `mark` is that of before the run: what came into the inbox since is not in what it says.
    """
    if mark != mark_of_asked(key, inbox):
        return
    try:
        with redirect_stdout(_Silent(sys.stdout)) as silent:  # type: ignore[type-var]
            say()
    except OperatorError:  # the run is done, and has told so
        return
    _keep(key, mark, state, "".join(silent.parts))


def _keep(key: list[str], mark: str, state: Path, text: str) -> None:
    place = _place(key, state)
    written = place.with_suffix(".new")
    with suppress(OSError):  # it is only to save time
        written.write_text(json.dumps([[mark, *_ledger(state)], text]), encoding="utf-8")
        written.replace(place)


def _place(key: list[str], state: Path) -> Path:
    return state / f"{_NAME}{'-'.join(key[:2])}.json"


def forget(state: Path) -> None:
    """Delete all that was said: it may name who decided what."""
    for path in state.glob(f"{_NAME}*"):
        path.unlink(missing_ok=True)


def mark_of_asked(key: list[str], inbox: Path) -> str:
    """Return a mark of what is asked and on what kind of screen, of the inbox and of the program."""
    asked = [*key, str(sys.stdout.isatty()), *(os.environ.get(name, "") for name in _LOOKS)]
    mark = hashlib.sha256(json.dumps(asked).encode())
    for root in (inbox, HERE, TEMPLATES, Path(__file__).parent):
        for path in _files(root):
            mark.update(f"{path}\0{_sign(path)}\n".encode("utf-8", "surrogateescape"))
    return mark.hexdigest()


def _ledger(state: Path) -> list[str]:
    return [_sign(state / name) for name in _OURS]


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(folder, name) for name in sorted(names))


def _sign(path: Path) -> str:
    try:
        stat = path.lstat()
    except OSError:
        return ""
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"


class _Tee:
    """Writes on, and keeps what was written."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.parts: list[str] = []

    def write(self, text: str) -> int:
        """Write the text on and keep it."""
        self.parts.append(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


class _Silent(_Tee):
    """Keeps what was written, and writes nothing."""

    def write(self, text: str) -> int:
        """Keep the text."""
        self.parts.append(text)
        return len(text)
