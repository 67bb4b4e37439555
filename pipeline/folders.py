"""Folders that take their place at once: written beside it, then renamed; and what a killed run left of them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shelf:
    """The place of one result in the outbox: the new one is `staged` beside it, the `old` one put aside there.

    Where `beside` is given, both lie beside that path instead, under its name.
    """

    place: Path
    beside: Path | None = None

    @property
    def staged(self) -> Path:
        """Where the new result is written."""
        return self._aside("new")

    @property
    def old(self) -> Path:
        """Where the old result lies for the moment of the exchange."""
        return self._aside("old")

    def _aside(self, state: str) -> Path:
        path = self.beside or self.place
        return path.with_name(f".{path.name}.{state}")

    def recover(self) -> None:
        """Undo what a killed run left: the old result goes back unless the new one is in place."""
        if self.old.exists() and not self.place.exists():
            self.old.rename(self.place)
        for rest in (self.staged, self.old):
            if rest.exists():
                shutil.rmtree(rest)

    def swap(self) -> None:
        """Let the new folder take the place of the old one, which is deleted as far as nobody has it open."""
        if self.place.exists():
            self.place.rename(self.old)
        try:
            self.staged.rename(self.place)
        except OSError:
            if self.old.exists():
                self.old.rename(self.place)
            raise
        shutil.rmtree(self.old, ignore_errors=True)


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the hashes of all files below a folder, by their paths within it; none where there is no folder."""
    files = (Path(path) for path in paths_below(folder))
    hashes = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }
    return dict(sorted(hashes.items()))


def paths_below(folder: Path) -> Iterator[str]:
    """Yield the paths of all files below a folder, in order; none where there is no folder."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (os.path.join(place, name) for name in sorted(names))  # noqa: PTH118 - thousands of them
