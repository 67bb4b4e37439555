"""The ledger (SQLite): when each file was first seen, what counted when, and what we wrote."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import OperatorError

_MIGRATIONS = [
    """
    create table files (sha256 text primary key, first_seen text not null, name text not null);
    create table papers (round text not null, path text not null, sha256 text not null, primary key (round, path));
    """,
    """
    create table versions (
        round text not null, submitter text not null, number integer not null,
        files text not null, received text not null, recorded text not null, errors text not null, rows text not null,
        primary key (round, submitter, number)
    );
    create table runs (id integer primary key, round text not null, as_of text not null, files text not null);
    create table letters (
        message_id text primary key, round text not null, submitter text not null, kind text not null,
        version integer not null, prepared text not null, fate text not null default 'prepared'
    );
    """,
    """
    alter table papers rename to old_papers;
    create table papers (round text not null, path text not null, sha256 text not null,
        primary key (round, path, sha256));
    insert into papers select * from old_papers;
    drop table old_papers;
    """,
]


@dataclass(frozen=True)
class Version:
    """What counted of a sender at some time.

    `files` are the hashes of the files that counted, `errors` the keys (unit, column, rule) of what it was asked
    to correct, `rows` the repaired values by unit code and column.
    """

    number: int
    files: list[str]
    received: dt.date
    recorded: dt.date
    errors: list[list[str]]
    rows: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Letter:
    """A letter prepared for a sender."""

    message_id: str
    submitter: str
    kind: str
    version: int


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

    def file_names(self) -> dict[str, str]:
        """Return the name under which each content was first seen, by hash."""
        return dict(self._db.execute("select sha256, name from files").fetchall())

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

    def versions(self, round: str, submitter: str) -> list[Version]:
        """Return what counted of a sender, oldest first."""
        found = self._db.execute(
            "select number, files, received, recorded, errors, rows from versions"
            " where round = ? and submitter = ? order by number",
            (round, submitter),
        )
        return [
            Version(
                number, json.loads(files), dt.date.fromisoformat(received), dt.date.fromisoformat(recorded),
                json.loads(errors), json.loads(rows),
            )
            for number, files, received, recorded, errors, rows in found
        ]  # fmt: skip

    def letters(self, round: str, submitter: str) -> list[tuple[str, str, int, str]]:
        """Return the letters to a sender, oldest first: day prepared, kind, version, fate."""
        return self._db.execute(
            "select prepared, kind, version, fate from letters"
            " where round = ? and submitter = ? order by prepared, version",
            (round, submitter),
        ).fetchall()

    def record_run(
        self, round: str, as_of: dt.date, files: dict[str, str], versions: dict[str, Version], letters: list[Letter]
    ) -> None:
        """Remember a run: the files it saw (name -> hash), what counted of each sender, the letters it prepared."""
        with self._db:
            self._db.execute(
                "insert into runs (round, as_of, files) values (?, ?, ?)", (round, as_of.isoformat(), json.dumps(files))
            )
            self._db.executemany(
                "insert or replace into versions values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        round, submitter, v.number, json.dumps(v.files), v.received.isoformat(), v.recorded.isoformat(),
                        json.dumps(v.errors), json.dumps(v.rows),
                    )
                    for submitter, v in versions.items()
                ],
            )  # fmt: skip
            self._db.executemany(
                "insert or ignore into letters (message_id, round, submitter, kind, version, prepared)"
                " values (?, ?, ?, ?, ?, ?)",
                [(x.message_id, round, x.submitter, x.kind, x.version, as_of.isoformat()) for x in letters],
            )


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
        except sqlite3.OperationalError:  # the disk, not the file: whoever holds the state folder tells it
            raise
        except sqlite3.DatabaseError as fault:
            raise OperatorError("ledger_damaged", path=path) from fault
        if version > len(_MIGRATIONS):
            raise OperatorError("ledger_newer", path=path)
        for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
            connection.executescript(f"begin; {script} pragma user_version = {number}; commit;")
        yield Ledger(connection)
    finally:
        connection.close()
