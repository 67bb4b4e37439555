"""The ledger (SQLite): when each file was first seen, what counted when, and what we wrote."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """
    create table belongings (round text not null, sha256 text not null, sender text not null default '',
        primary key (round, sha256));
    insert or ignore into belongings (round, sha256) select round, value from runs, json_each(runs.files);
    create table purges (round text primary key, day text not null, counts text not null, done integer not null);
    """,
]

# What is left of each table when a round is purged: counts, days, hashes and fates, nothing that anybody typed.
# `:round` is the round, `gone` the contents that no other round holds, `kept` the papers that stay. A test sees to it
# that every table is named.
_FORGETTING: dict[str, str] = {
    "files": "delete from files where sha256 in (select sha256 from gone)",
    "belongings": "delete from belongings where round = :round or sha256 in (select sha256 from gone)",
    "papers": "delete from papers where round = :round and path not in (select path from kept)",
    "runs": "update runs set files = nameless(files) where round = :round",
    "versions": "update versions set rows = empty(rows), errors = untyped(errors) where round = :round",
    "letters": "",
    "purges": "",
}


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

    # --- what belongs to a round, and forgetting it

    def belong(self, round: str, senders: Mapping[str, str]) -> None:
        """Remember that contents (hash -> code of the sender, "" while nobody knows) belong to a round."""
        rows = [(round, sha256, sender) for sha256, sender in senders.items()]
        query = (
            "insert into belongings values (?, ?, ?) on conflict do update set sender = excluded.sender"
            " where excluded.sender <> ''"
        )
        with self._db:
            self._db.executemany(query, rows)

    def holders(self) -> dict[str, set[str]]:
        """Return the rounds that hold each content: those in which a unit sent it, else all that ever saw it."""
        holders: dict[str, set[str]] = {}
        query = (
            "select sha256, round from belongings b where sender <> '' or not exists"
            " (select 1 from belongings where sha256 = b.sha256 and sender <> '')"
        )
        for sha256, round in self._db.execute(query):
            holders.setdefault(sha256, set()).add(round)
        return holders

    def purged(self, round: str) -> tuple[dt.date, dict[str, Any]] | None:
        """Return on which day the purge of a round began and the counts that were kept (`summary.json`), or None."""
        row = self._db.execute("select day, counts from purges where round = ?", (round,)).fetchone()
        return (dt.date.fromisoformat(row[0]), json.loads(row[1])) if row else None

    def begin_purge(self, round: str, day: dt.date, counts: Mapping[str, Any]) -> None:
        """Remember, before anything goes, that a round is being purged, and its counts."""
        with self._db:
            row = (round, day.isoformat(), json.dumps(counts))
            self._db.execute("insert or ignore into purges values (?, ?, ?, 0)", row)

    def forget(self, round: str, contents: Iterable[str], papers: Mapping[str, str]) -> None:
        """Forget what anybody typed in a round, the contents that only it held, and all papers but these.

        Nothing of it is left in the file afterwards, nor beside it.
        """
        for function in (_nameless, _empty, _untyped):
            self._db.create_function(function.__name__.lstrip("_"), 1, function)
        self._db.execute("pragma secure_delete = on")
        self._db.execute("create temp table gone (sha256 text)")
        self._db.execute("create temp table kept (path text)")
        with self._db:
            self._db.executemany("insert into gone values (?)", [(sha256,) for sha256 in contents])
            self._db.executemany("insert into kept values (?)", [(path,) for path in papers])
            for statement in filter(None, _FORGETTING.values()):
                self._db.execute(statement, {"round": round} if ":round" in statement else {})
            rows = [(round, path, sha256) for path, sha256 in papers.items()]
            self._db.executemany("insert or ignore into papers values (?, ?, ?)", rows)
        self._db.execute("vacuum")
        self._db.execute("pragma wal_checkpoint(truncate)")
        with self._db:
            self._db.execute("update purges set done = 1 where round = ?", (round,))


def _nameless(files: str) -> str:
    """Return the files of a run (name -> hash) without their names."""
    return json.dumps(dict(enumerate(json.loads(files).values(), start=1)))


def _empty(rows: str) -> str:
    """Return which units a version listed, without what stood in their rows."""
    return json.dumps({code: {} for code in json.loads(rows)})


def _untyped(errors: str) -> str:
    """Return the keys of errors without the text that stands in place of a unit nobody knows."""
    return json.dumps([["" if unit.startswith("?") else unit, *rest] for unit, *rest in json.loads(errors)])


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
