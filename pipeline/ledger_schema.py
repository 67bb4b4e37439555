"""The tables of the ledger: how they came about, and what is left of them after a purge."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import OperatorError

MIGRATIONS = [
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
    alter table runs add column made text not null default '';
    alter table letters add column about text not null default '';
    alter table letters add column run integer not null default 0;
    alter table letters add column address text not null default '';
    alter table letters add column tried text not null default '';
    alter table letters add column reply text not null default '';
    create table mails (
        account text not null, folder text not null, validity text not null, uid integer not null,
        sign text not null, sender text not null, received text not null, outcome text not null, files text not null,
        primary key (account, folder, validity, uid)
    );
    """,
    """
    create table decisions (
        number integer primary key, round text not null, kind text not null, day text not null, by text not null,
        words text not null, submitter text not null, unit text not null, rule text not null, "column" text not null,
        value text not null, until text, source text not null, ended text, ended_by text not null default ''
    );
    create unique index explained_once on decisions (round, submitter, unit, rule, "column", value, source)
        where kind = 'explanation';
    create table seals (
        decision integer not null, kind text not null, name text not null, sha256 text not null,
        primary key (decision, kind, name)
    );
    create table faults (
        round text not null, day text not null, submitter text not null, rule text not null, count integer not null,
        primary key (round, day, submitter, rule)
    );
    create table rechecks (
        round text not null, day text not null, parts text not null, submitter text not null, before text not null,
        after text not null, new integer not null, gone integer not null
    );
    alter table runs add column rules text not null default '{}';
    """,
    """
    create table belongings (round text not null, sha256 text not null, sender text not null default '',
        primary key (round, sha256));
    insert or ignore into belongings (round, sha256) select round, value from runs, json_each(runs.files);
    create table purges (round text primary key, day text not null, counts text not null, done integer not null);
    """,
    """
    create table scores (round text not null, submitter text not null, month text not null, score real not null,
        primary key (round, submitter, month));
    """,
    """
    alter table decisions add column person text not null default '';
    drop index explained_once;
    create unique index explained_once on decisions (round, submitter, unit, rule, "column", value, person, source)
        where kind = 'explanation';
    """,
    """
    create table carried (round text not null, source text not null, unit text not null, in_order integer not null,
        rows text not null, primary key (round, source, unit));
    """,
    """
    alter table files rename to old_files;
    create table files (sha256 text not null, name text not null, first_seen text not null, there integer not null,
        primary key (sha256, name));
    insert into files select sha256, name, first_seen, 1 from old_files;
    drop table old_files;
    """,
    """
    create table folders (round text not null, path text not null, sign text not null, primary key (round, path));
    """,
]

# What is left of each table when a round is purged, in this order: counts, days, hashes and fates, nothing that anybody
# typed. `:round` is the round, `gone` the contents that no other round holds, `kept` the papers that stay. A test sees
# to it that every table is named.
FORGETTING: dict[str, str] = {
    "mails": "update mails set sender = '', files = '[]' where files = '[]' or ("
    " exists (select 1 from json_each(mails.files) f join files on name = f.value join gone using (sha256)) and"
    " not exists (select 1 from json_each(mails.files) f join files on name = f.value"
    " where sha256 not in (select sha256 from gone)))",
    "files": "delete from files where sha256 in (select sha256 from gone) and name <> rowid",
    "belongings": "delete from belongings where round = :round or sha256 in (select sha256 from gone)",
    "papers": "delete from papers where round = :round and path not in (select path from kept)",
    "folders": "delete from folders where round = :round",
    "runs": "update runs set files = nameless(files) where round = :round",
    "versions": "update versions set rows = empty(rows), errors = untyped(errors) where round = :round",
    "letters": "update letters set address = '', reply = '' where round = :round",
    "decisions": "update decisions set by = '', ended_by = '', words = '', value = '', person = '', source = number"
    " where round = :round and kind <> 'closing'",
    "seals": "update or replace seals set name = sha256 where kind = 'input'"
    " and decision in (select number from decisions where round = :round)",
    "faults": "",
    "rechecks": "",
    "scores": "",
    "carried": "delete from carried where round = :round",
    "purges": "",
}


@contextmanager
def open_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file of a ledger, making or migrating it.

    Raises:
        OperatorError: the file is damaged, or made by a newer version of the program.
    """
    connection = sqlite3.connect(path, timeout=30)
    try:
        try:
            _log_ahead(connection)
            if connection.execute("pragma quick_check").fetchone()[0] != "ok":
                raise OperatorError("ledger_damaged", path=path)
            if _version(connection) != len(MIGRATIONS):
                _migrate(connection, path)
        except sqlite3.OperationalError:  # the disk, not the file: whoever holds the state folder tells it
            raise
        except sqlite3.DatabaseError as fault:
            raise OperatorError("ledger_damaged", path=path) from fault
        yield connection
    finally:
        connection.close()


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work side by side; where another process is just making the ledger, it does this."""
    try:
        connection.execute("pragma journal_mode = wal")
    except sqlite3.OperationalError as fault:
        if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the ledger to this version, whole or not at all; of several processes one does it, the others wait for it.

    Raises:
        OperatorError: it was made by a newer version of the program.
    """
    with connection:
        connection.execute("begin immediate")
        version = _version(connection)
        if version > len(MIGRATIONS):
            raise OperatorError("ledger_newer", path=path)
        for statement in ";".join(MIGRATIONS[version:]).split(";"):
            connection.execute(statement)
        connection.execute(f"pragma user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])


def forget(
    connection: sqlite3.Connection,
    round: str,
    contents: Iterable[str],
    papers: Mapping[str, str],
    lying: Iterable[str],
) -> None:
    """Empty the tables of a round as `FORGETTING` says; see `Ledger.forget`."""
    for function in (_nameless, _empty, _untyped):
        connection.create_function(function.__name__.lstrip("_"), 1, function)
    connection.execute("pragma secure_delete = on")
    connection.execute("create temp table gone (sha256 text)")
    connection.execute("create temp table kept (path text)")
    with connection:
        connection.executemany("insert into gone values (?)", [(sha256,) for sha256 in contents])
        connection.executemany("insert into kept values (?)", [(path,) for path in papers])
        for table, statement in FORGETTING.items():
            if table == "files":
                connection.executemany("update files set name = rowid where sha256 = ?", [(x,) for x in lying])
            if statement:
                connection.execute(statement, {"round": round} if ":round" in statement else {})
        rows = [(round, path, sha256) for path, sha256 in papers.items()]
        connection.executemany("insert or ignore into papers values (?, ?, ?)", rows)
    connection.execute("vacuum")
    connection.execute("pragma wal_checkpoint(truncate)")
    with connection:
        connection.execute("update purges set done = 1 where round = ?", (round,))


def _nameless(files: str) -> str:
    """Return the files of a run (name -> hash) without their names."""
    return json.dumps(dict(enumerate(json.loads(files).values(), start=1)))


def _empty(rows: str) -> str:
    """Return which units a version listed, without what stood in their rows."""
    return json.dumps({code: {} for code in json.loads(rows)})


def _untyped(errors: str) -> str:
    """Return the keys of errors without the text that stands in place of a unit nobody knows."""
    return json.dumps([["" if unit.startswith("?") else unit, *rest] for unit, *rest in json.loads(errors)])
