"""The ledger (SQLite): when each file was first seen, and what we wrote."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import OperatorError

_MIGRATIONS = [
    """
    create table files (sha256 text primary key, first_seen text not null, name text not null);
    create table papers (round text not null, path text not null, sha256 text not null, primary key (round, path));
    """,
    """
    alter table papers rename to old_papers;
    create table papers (round text not null, path text not null, sha256 text not null,
        primary key (round, path, sha256));
    insert into papers select * from old_papers;
    drop table old_papers;
    """,
]


class Ledger:
    """The record of a data folder. Every write is one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def first_seen(self, files: Mapping[str, str], today: dt.date) -> dict[str, dt.date]:
        """Return the day on which each content (hash -> name) was first seen; it is today if it never was."""
        rows = [(sha256, today.isoformat(), name) for sha256, name in files.items()]
        with self._db:
            self._db.executemany("insert or ignore into files values (?, ?, ?)", rows)
        query = "select first_seen from files where sha256 = ?"
        return {sha: dt.date.fromisoformat(self._db.execute(query, (sha,)).fetchone()[0]) for sha in files}

    def is_ours(self, round: str, path: str, sha256: str) -> bool:
        """Tell whether we wrote this paper with this content, the last time or in a run that was killed."""
        query = "select 1 from papers where round = ? and path = ? and sha256 = ?"
        return self._db.execute(query, (round, path, sha256)).fetchone() is not None

    def will_write_papers(self, round: str, hashes: Mapping[str, str]) -> None:
        """Remember the papers before they take their place: a run killed in between leaves no doubt whose they are."""
        rows = [(round, path, sha256) for path, sha256 in hashes.items()]
        with self._db:
            self._db.executemany("insert or ignore into papers values (?, ?, ?)", rows)

    def wrote_papers(self, round: str, hashes: Mapping[str, str]) -> None:
        """Forget the papers of before: these have taken their place."""
        rows = [(round, path, sha256) for path, sha256 in hashes.items()]
        with self._db:
            self._db.execute("delete from papers where round = ?", (round,))
            self._db.executemany("insert into papers values (?, ?, ?)", rows)


@contextmanager
def open_ledger(state: Path) -> Iterator[Ledger]:
    """Open the ledger of a state folder, making or migrating it.

    Raises:
        OperatorError: the file is damaged, or made by a newer version of the program.
    """
    path = state / "ledger.sqlite"
    connection = sqlite3.connect(path, timeout=30)
    try:
        try:
            connection.execute("pragma journal_mode = wal")
            if connection.execute("pragma quick_check").fetchone()[0] != "ok":
                raise OperatorError("ledger_damaged", path=path)
            version = connection.execute("pragma user_version").fetchone()[0]
        except sqlite3.DatabaseError as fault:
            raise OperatorError("ledger_damaged", path=path) from fault
        if version > len(_MIGRATIONS):
            raise OperatorError("ledger_newer", path=path)
        for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
            connection.executescript(f"begin; {script} pragma user_version = {number}; commit;")
        yield Ledger(connection)
    finally:
        connection.close()
