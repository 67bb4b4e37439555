"""What was read once: the results of reading by content and by version of the reading code, so that a second run
reads new files alone. It is a convenience: damaged, lost or full, everything is simply read again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.marks import mark_of_files

KNOWN = "known.sqlite"
_SCHEMA = "create table if not exists known (sha256 text primary key, version text, status text, found blob)"


class Known:
    """Results of reading by the hash of the content: `done` and JSON, or `refused` and the rule with its facts."""

    def __init__(self, connection: sqlite3.Connection | None = None) -> None:
        self._db = connection

    def get(self, sha256: str) -> tuple[str, Any] | None:
        """Return the result of reading this content, None where it was never read by this version."""
        if self._db is None:
            return None
        try:
            row = self._db.execute("select status, found from known where sha256 = ?", (sha256,)).fetchone()
        except sqlite3.DatabaseError:  # damaged, or the disk fails
            return None
        if row is None:
            return None
        return row[0], (row[1] if row[0] == "done" else json.loads(row[1]))

    def put(self, sha256: str, outcome: tuple[str, Any]) -> None:
        """Remember a result."""
        if self._db is None:
            return
        status, found = outcome
        content = found if status == "done" else json.dumps(found).encode()
        with suppress(sqlite3.DatabaseError):  # damaged, or a full disk: read again next time
            self._db.execute(
                "insert or replace into known values (?, ?, ?, ?)", (sha256, version_mark(), status, content)
            )


@contextmanager
def open_known(state: Path) -> Iterator[Known]:
    """Open what is known in a state folder; what another version of the reading code found is forgotten."""
    path = state / KNOWN
    try:
        connection = _connect(path)
    except sqlite3.DatabaseError:
        try:
            for rest in state.glob(path.name + "*"):
                rest.unlink()
            connection = _connect(path)
        except (OSError, sqlite3.DatabaseError):  # the disk: everything is read again
            yield Known()
            return
    try:
        yield Known(connection)
        with suppress(sqlite3.DatabaseError):
            connection.commit()
    finally:
        connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    try:
        connection.execute("pragma synchronous = off")
        connection.execute(_SCHEMA)
        connection.execute("delete from known where version <> ?", (version_mark(),))
        connection.commit()
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


@cache
def version_mark() -> str:
    """Return a mark of all that decides how a file is read: our code, its data and the libraries' versions."""
    here = Path(__file__).parent
    files = [*(here / "read").rglob("*.py"), here / "model.py", here / "readers.py"]
    files += [path for path in (here.parent / "schemas").iterdir() if path.suffix in (".py", ".toml")]
    return mark_of_files(files, ("python-calamine", "lxml"))
