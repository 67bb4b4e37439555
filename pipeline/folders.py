"""Folders that take their place at once: written beside it, then renamed; and what a killed run left of them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
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
    return {name: _hash_of(path) for name, path in sorted(_files(os.fspath(folder), ""))}


def _files(folder: str, way: str) -> Iterator[tuple[str, str]]:
    """Yield the files below a folder that can be opened: the way to each, and its path. pathlib takes twice as long."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, f"{way}{entry.name}/")
            elif entry.is_file():
                yield way + entry.name, entry.path


def _hash_of(path: str) -> str:
    with FileIO(path) as file:
        return hashlib.sha256(file.read()).hexdigest()
