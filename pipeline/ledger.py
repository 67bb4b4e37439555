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
]

TOLD = ("sent", "uncertain", "refused")
"""Fates of letters that were tried: the unit has it, may have it, or its mailbox will not have it."""


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
    """A letter prepared for a sender.

    `about` stands for the files that could not be read, which the version does not count; "" for none.
    """

    message_id: str
    submitter: str
    kind: str
    version: int
    about: str = ""


@dataclass(frozen=True)
class Posted(Letter):
    """A letter and what became of it: `prepared`, `sending`, `sent`, `deferred`, `refused` or `uncertain`.

    `prepared` is the day of the round on which it was first prepared, `address` where it was sent, `reply` what the
    mail server said.
    """

    prepared: dt.date = dt.date.min
    fate: str = "prepared"
    address: str = ""
    reply: str = ""
    is_current: bool = False  # of the last run: it lies in the outbox


@dataclass(frozen=True)
class Mail:
    """A mail that came, by its number in a folder of an account; `sign` is the same wherever the same mail lies.

    `outcome` is one of `stored`, `empty`, `automatic`, `ours`, `known`, `too-large`; `files` are paths in the inbox.
    """

    account: str
    folder: str
    validity: str
    uid: int
    sign: str
    sender: str
    received: dt.date
    outcome: str
    files: list[str]


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
        made = dt.date.today().isoformat()
        with self._db:
            run = self._db.execute(
                "insert into runs (round, as_of, files, made) values (?, ?, ?, ?)",
                (round, as_of.isoformat(), json.dumps(files), made),
            ).lastrowid
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
                "insert into letters (message_id, round, submitter, kind, version, about, prepared, run)"
                " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (message_id) do update set run = excluded.run",
                [
                    (x.message_id, round, x.submitter, x.kind, x.version, x.about, as_of.isoformat(), run)
                    for x in letters
                ],
            )

    # --- letters out

    def day_of(self, round: str, today: dt.date) -> dt.date | None:
        """Return which day it is in a round whose last run may have been made as of another day than its own.

        None where there was no run.
        """
        query = "select as_of, made from runs where round = ? order by id desc limit 1"
        row = self._db.execute(query, (round,)).fetchone()
        if row is None:
            return None
        as_of, made = (dt.date.fromisoformat(text) if text else today for text in row)
        return as_of + (today - made)

    def posted(self, round: str) -> list[Posted]:
        """Return all letters of a round with their fates; those that were tried last, in the order of trying."""
        found = self._db.execute(
            "select message_id, submitter, kind, version, about, prepared, fate, address, reply,"
            " run = (select max(id) from runs where round = ?) from letters where round = ? order by tried, rowid",
            (round, round),
        )
        return [
            Posted(
                message_id, submitter, kind, version, about,
                dt.date.fromisoformat(prepared), fate, address, reply, bool(current),
            )
            for message_id, submitter, kind, version, about, prepared, fate, address, reply, current in found
        ]  # fmt: skip

    def will_send(self, round: str, message_id: str, address: str) -> bool:
        """Commit that a letter is about to be sent; False where it must not be.

        That is where it was tried before, or where a later run has prepared others.
        """
        with self._db:
            changed = self._db.execute(
                "update letters set fate = 'sending', address = ?, tried = ?, reply = ''"
                " where round = ? and message_id = ? and run = (select max(id) from runs where round = ?)"
                " and (fate in ('prepared', 'deferred') or (fate = 'refused' and address <> ?))",
                (address, _now(), round, message_id, round, address),
            )
        return changed.rowcount == 1

    def has_fate(self, message_id: str, address: str, fate: str, reply: str) -> None:
        """Remember what became of a letter that was sent to an address."""
        with self._db:
            self._db.execute(
                "update letters set fate = ?, address = ?, reply = ?, tried = ? where message_id = ?",
                (fate, address, reply, _now(), message_id),
            )

    def settle_unknown(self, round: str) -> None:
        """Call uncertain what a sender that no longer lives was sending. Only while nobody else can be sending."""
        with self._db:
            self._db.execute("update letters set fate = 'uncertain' where round = ? and fate = 'sending'", (round,))

    def decide(self, round: str, submitter: str, fate: str) -> int:
        """Give the uncertain and refused letters to a sender the fate that the officer knows; return how many."""
        with self._db:
            changed = self._db.execute(
                "update letters set fate = ? where round = ? and submitter = ? and fate in ('uncertain', 'refused')",
                (fate, round, submitter),
            )
        return changed.rowcount

    # --- mail in

    def mails_known(self, account: str, folder: str, validity: str) -> set[int]:
        """Return the UIDs of the mails of a folder that were taken in or put aside."""
        query = "select uid from mails where account = ? and folder = ? and validity = ?"
        return {uid for (uid,) in self._db.execute(query, (account, folder, validity))}

    def is_known_mail(self, sign: str) -> bool:
        """Tell whether a mail of this sign was recorded, under whatever number."""
        return self._db.execute("select 1 from mails where sign = ?", (sign,)).fetchone() is not None

    def is_our_letter(self, message_id: str) -> bool:
        """Tell whether we wrote a letter of this Message-ID."""
        return self._db.execute("select 1 from letters where message_id = ?", (message_id,)).fetchone() is not None

    def record_mail(self, mail: Mail) -> None:
        """Remember a mail: its number, its sign, who sent it, what became of it and which files it brought."""
        values = (
            mail.account, mail.folder, mail.validity, mail.uid, mail.sign, mail.sender, mail.received.isoformat(),
            mail.outcome, json.dumps(mail.files),
        )  # fmt: skip
        with self._db:
            self._db.execute("insert or ignore into mails values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def mail_senders(self) -> dict[str, str]:
        """Return who sent the files that came by mail: path within the inbox -> address."""
        found = self._db.execute("select files, sender from mails where files <> '[]'")
        return {file: sender for files, sender in found for file in json.loads(files)}


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


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
