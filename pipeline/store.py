"""The store: the bytes of every file ever seen, under their hashes (`state/store/<sha256>`)."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from pipeline.model import Arrival
from pipeline.state import sync

_OFFICE_BEGIN = b"[content_types].xml"
_OFFICE_PARTS = {_OFFICE_BEGIN.decode(), "mimetype", "content.xml"}
_DIRECTORY_LIMIT = 1 << 20
_AT_ONCE = 16  # files that are waited for: a disk makes one journey for all of them


def store_of(state: Path) -> Path:
    """Return where the contents lie."""
    return state / "store"


class Store:
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
