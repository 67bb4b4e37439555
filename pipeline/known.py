"""What files said once: results by content, name and day of a file, by what was asked and the version of the code, so
that a second run reads new files alone. It is a convenience: damaged, lost or full, everything is simply read again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pipeline.marks import mark_of_reading
from pipeline.model import Arrival

KNOWN = "known.sqlite"
_COLUMNS = ("version", "round", "asked", "sha256", "file", "received", "status", "found")
_SCHEMA = f"create table if not exists recognised ({', '.join(_COLUMNS)}, unique (round, sha256, file))"
_GET = "select status, found from recognised where round = ? and sha256 = ? and file = ? and asked = ? and received = ?"
_PUT = f"insert or replace into recognised values ({', '.join('?' * len(_COLUMNS))})"


class Known:
    """What was made of files: `done` and bytes, or `refused` and the rule with its facts."""

    def __init__(self, connection: sqlite3.Connection | None = None) -> None:
        self._db = connection

    def get(self, round: str, asked: str, arrival: Arrival) -> tuple[str, Any] | None:
        """Return what this version made of a file that a round asked just that; None where it never did."""
        if self._db is None:
            return None
        key = (round, arrival.sha256, arrival.file, asked, arrival.received.isoformat())
        try:
            row = self._db.execute(_GET, key).fetchone()
        except sqlite3.DatabaseError:  # damaged, or the disk fails
            return None
        if row is None:
            return None
        return row[0], (row[1] if row[0] == "done" else json.loads(row[1]))

    def put(self, round: str, asked: str, arrival: Arrival, outcome: tuple[str, Any]) -> None:
        """Remember what was made of a file, instead of what the round asked before."""
        if self._db is None:
            return
        status, found = outcome
        content = found if status == "done" else json.dumps(found).encode()
        day = arrival.received.isoformat()
        row = (mark_of_reading(), round, asked, arrival.sha256, arrival.file, day, status, content)
        with suppress(sqlite3.DatabaseError):  # damaged, or a full disk: read again next time
            self._db.execute(_PUT, row)


class Consulted(Known):
    """What is known, where something else is asked only to see what it would give: that is not kept."""

    def __init__(self, known: Known) -> None:
        super().__init__(known._db)

    def put(self, round: str, asked: str, arrival: Arrival, outcome: tuple[str, Any]) -> None:
        """Leave what the round itself asked."""


@contextmanager
def open_known(state: Path) -> Iterator[Known]:
    """Open what is known in a state folder; what another version of the code made is forgotten."""
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
        connection.execute("drop table if exists known")  # of versions before 0.4
        connection.execute(_SCHEMA)
        connection.execute("delete from recognised where version <> ?", (mark_of_reading(),))
        connection.commit()
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection
