"""The ledger (SQLite): when each file was first seen, what counted when, and what we wrote."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from pipeline import clock
from pipeline.errors import OperatorError
from pipeline.model import Decision, Moment, Recheck
from pipeline.records import File, Folders, Left, Letter, Mail, Outcome, Posted, Run, Version

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
_FORGETTING: dict[str, str] = {
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

_NO_NUMBER = 2**63 - 1  # of a version: SQLite knows no greater one
_PERIODS = "{}-[0-9][0-9][0-9][0-9]*"  # the ids of a round's periods


class Ledger:
    """The record of a data folder. Every write is one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def first_seen(self, files: Iterable[File], today: dt.date, opens: dt.date | None) -> dict[File, dt.date]:
        """Return the day on which each of the files that are there now was first seen; it is today if it never was.

        A content under a new name is a file renamed if its old name has just gone, or had gone earlier in this period
        (since `opens`; None: at any time): it keeps its day. Else it is a second copy, and arrived today.
        """
        rows = self._db.execute("select sha256, name, first_seen, there from files").fetchall()
        known = {(sha256, name): (first_seen, there) for sha256, name, first_seen, there in rows}
        now = dict.fromkeys(files, today.isoformat())
        gone: dict[str, list[str]] = {}
        for file, (day, there) in known.items():
            if file in now and there:
                now[file] = day
            elif there or opens is None or day >= opens.isoformat():
                gone.setdefault(file[0], []).append(day)
        for file in now:
            if not known.get(file, ("", 0))[1]:
                now[file] = min(gone.get(file[0], [now[file]]))
        left = [file for file, (_, there) in known.items() if there and file not in now]
        new = [(*file, day, 1) for file, day in now.items() if known.get(file) != (day, 1)]
        with self._db:
            self._db.executemany("update files set there = 0 where sha256 = ? and name = ?", left)
            self._db.executemany("insert or replace into files values (?, ?, ?, ?)", new)
        return {file: dt.date.fromisoformat(day) for file, day in now.items()}

    def file_names(self) -> dict[str, str]:
        """Return the name under which each content was first seen, by hash."""
        return dict(self._db.execute("select sha256, name from files order by first_seen desc, name desc").fetchall())

    def is_ours(self, round: str, path: str, sha256: str) -> bool:
        """Tell whether we wrote this paper with this content, the last time or in a run that was killed."""
        query = "select 1 from papers where round = ? and path = ? and sha256 = ?"
        return self._db.execute(query, (round, path, sha256)).fetchone() is not None

    def has_paper(self, round: str, path: str) -> bool:
        """Tell whether a paper of that name was ours at the last time."""
        query = "select 1 from papers where round = ? and path = ?"
        return self._db.execute(query, (round, path)).fetchone() is not None

    def will_write_papers(self, round: str, hashes: Mapping[str, str]) -> None:
        """Remember the papers before they take their place: a run killed in between leaves no doubt whose they are."""
        rows = [(round, path, sha256) for path, sha256 in hashes.items()]
        with self._db:
            self._db.executemany("insert or ignore into papers values (?, ?, ?)", rows)

    def wrote_papers(self, round: str, hashes: Mapping[str, str], signs: Mapping[str, str]) -> None:
        """Forget the papers of before: these have taken their place; `signs` tell what each folder was made from."""
        with self._db:
            for table, told in (("papers", hashes), ("folders", signs)):
                self._db.execute(f"delete from {table} where round = ?", (round,))
                rows = [(round, path, mark) for path, mark in told.items()]
                self._db.executemany(f"insert into {table} values (?, ?, ?)", rows)

    def folders(self, round: str) -> Folders:
        """Return what each folder of the last result was made from, and the hashes of its papers, by path and name.

        Of a result that took its place but was not recorded any more nothing is told.
        """
        signs = dict(self._db.execute("select path, sign from folders where round = ?", (round,)).fetchall())
        papers: dict[str, dict[str, str]] = {}
        for path, sha256 in self._db.execute("select path, sha256 from papers where round = ?", (round,)):
            folder, _, name = path.rpartition("/")
            if papers.setdefault(folder, {}).setdefault(name, sha256) != sha256:
                signs.pop(folder, None)
        return {path: (sign, papers[path]) for path, sign in signs.items() if path in papers}

    def versions(self, round: str, submitter: str) -> list[Version]:
        """Return all that ever counted of a sender, oldest first; it grows with the past."""
        return self._versions(round, submitter, "order by number")

    def first_version(self, round: str, submitter: str) -> Version | None:
        """Return what counted of a sender first, None where nothing ever did."""
        return next(iter(self._versions(round, submitter, "order by number limit 1")), None)

    def last_version(self, round: str, submitter: str, before: int = _NO_NUMBER) -> Version | None:
        """Return what counted of a sender last, of the versions `before` that number if any; None where nothing did."""
        last = "and number < ? order by number desc limit 1"
        return next(iter(self._versions(round, submitter, last, before)), None)

    def _versions(self, round: str, submitter: str, which: str, *values: int) -> list[Version]:
        found = self._db.execute(
            "select number, files, received, recorded, errors, rows from versions"
            f" where round = ? and submitter = ? {which}",
            (round, submitter, *values),
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

    def last_run(self, round: str) -> Run | None:
        """Return the last run of a round, None before the first."""
        query = "select as_of, files, rules from runs where round = ? order by id desc limit 1"
        row = self._db.execute(query, (round,)).fetchone()
        return Run(dt.date.fromisoformat(row[0]), json.loads(row[1]), json.loads(row[2])) if row else None

    def _prepare(self, round: str, letters: Iterable[Letter], day: dt.date) -> None:
        """Remember letters as those of the last run."""
        (number,) = self._db.execute("select max(id) from runs where round = ?", (round,)).fetchone()
        self._db.executemany(
            "insert into letters (message_id, round, submitter, kind, version, about, prepared, run)"
            " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (message_id) do update set run = excluded.run",
            [(x.message_id, round, x.submitter, x.kind, x.version, x.about, day.isoformat(), number) for x in letters],
        )

    def last_day(self, series: str) -> dt.date | None:
        """Return the latest day as of which any period of a round was run, None where there was no run."""
        query = "select max(as_of) from runs where round glob ?"
        (day,) = self._db.execute(query, (_PERIODS.format(series),)).fetchone()
        return dt.date.fromisoformat(day) if day else None

    def record_run(self, round: str, run: Run, outcome: Outcome) -> None:
        """Remember a run and its outcome; faults of an earlier run of the same day give way to these."""
        day = run.day.isoformat()
        with self._db:
            self._db.execute(
                "insert into runs (round, as_of, files, rules, made) values (?, ?, ?, ?, ?)",
                (round, day, json.dumps(run.files), json.dumps(run.rules), clock.today().isoformat()),
            )
            self._db.executemany(
                "insert or replace into versions values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        round, submitter, v.number, json.dumps(v.files), v.received.isoformat(), v.recorded.isoformat(),
                        json.dumps(v.errors), json.dumps(dict(v.rows)),
                    )
                    for submitter, v in outcome.versions.items()
                ),
            )  # fmt: skip
            self._prepare(round, outcome.letters, run.day)
            for decision in outcome.decisions:
                if decision.is_new:
                    self._decide(round, decision)
            if outcome.moment:
                self._db.execute("delete from faults where round = ? and day = ?", (round, day))
                faults = [(round, day, *key, count) for key, count in outcome.moment.counts.items()]
                self._db.executemany("insert into faults values (?, ?, ?, ?, ?)", faults)
            self._db.executemany(
                "insert into rechecks values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (round, r.day.isoformat(), r.parts, r.submitter, r.before, r.after, r.new, r.gone)
                    for r in outcome.rechecks
                ],
            )
            self._db.execute("delete from carried where round = ?", (round,))
            self._db.executemany(
                "insert into carried values (?, ?, ?, ?, ?)",
                [(round, x.source, x.unit, x.in_order, json.dumps(x.rows)) for x in outcome.carried],
            )

    def carried(self, round: str, source: str) -> list[Left]:
        """Return what a round used, at its last run, of an earlier one."""
        query = "select unit, rows, in_order from carried where round = ? and source = ?"
        found = self._db.execute(query, (round, source))
        return [Left(source, unit, json.loads(rows), bool(in_order)) for unit, rows, in_order in found]

    def scores(self, round: str, first: str, last: str) -> dict[str, dict[str, float]]:
        """Return the points of each sender by month (`2022-04`), from one month to another."""
        found: dict[str, dict[str, float]] = {}
        query = "select submitter, month, score from scores where round = ? and month between ? and ? order by month"
        for submitter, month, score in self._db.execute(query, (round, first, last)):
            found.setdefault(submitter, {})[month] = score
        return found

    def record_scores(self, round: str, month: str, scores: Mapping[str, float]) -> None:
        """Remember the points of a month; a later result of the same month takes the place of an earlier one."""
        rows = [(round, submitter, month, score) for submitter, score in scores.items()]
        with self._db:
            self._db.executemany("insert or replace into scores values (?, ?, ?, ?)", rows)

    # --- what people decided

    def decisions(self, round: str) -> list[Decision]:
        """Return all that was ever decided in a round, oldest first."""
        names = [f.name for f in fields(Decision) if f.name != "is_new"]
        columns = ", ".join(f'"{name}"' for name in names)
        found = self._db.execute(f"select {columns} from decisions where round = ? order by number", (round,))
        return [_decision(dict(zip(names, row, strict=True))) for row in found]

    def record_decisions(
        self, round: str, decisions: Iterable[Decision], seals: Mapping[str, Mapping[str, str]] = {}
    ) -> None:
        """Remember decisions, with what they seal: `input` and `paper` -> name -> hash."""
        with self._db:
            for decision in decisions:
                number = self._decide(round, decision)
                rows = [(number, kind, name, sha) for kind, of in seals.items() for name, sha in of.items()]
                self._db.executemany("insert into seals values (?, ?, ?, ?)", rows)

    def _decide(self, round: str, decision: Decision) -> int | None:
        d = decision
        return self._db.execute(
            "insert or ignore into decisions (number, round, kind, day, by, words, submitter, unit, rule,"
            ' "column", value, until, source, person) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (
                d.number or None, round, d.kind, d.day.isoformat(), d.by, d.words, d.submitter, d.unit, d.rule,
                d.column, d.value,
                d.until.isoformat() if d.until else None, d.source, d.person,
            ),
        ).lastrowid  # fmt: skip

    def free_number(self) -> int:
        """Return the number from which on no decision of any round has one."""
        return int(self._db.execute("select coalesce(max(number), 0) + 1 from decisions").fetchone()[0])

    def end_decisions(self, numbers: Iterable[int], day: dt.date, by: str) -> None:
        """Remember who ended these decisions, and when; they stay in the record."""
        with self._db:
            self._db.executemany(
                "update decisions set ended = ?, ended_by = ? where number = ? and ended is null",
                [(day.isoformat(), by, number) for number in numbers],
            )

    def sealed(self, decision: int, kind: str) -> dict[str, str]:
        """Return what a closing seals, by name: the hashes of its `input` files or of its `paper`s."""
        query = "select name, sha256 from seals where decision = ? and kind = ? order by name"
        return dict(self._db.execute(query, (decision, kind)).fetchall())

    # --- over time

    def moments(self, round: str) -> list[Moment]:
        """Return the faults of every day on which a round was run, oldest first."""
        query = "select distinct as_of from runs where round = ? and rules <> '{}'"
        found: dict[str, dict[tuple[str, str], int]] = {day: {} for (day,) in self._db.execute(query, (round,))}
        query = "select day, submitter, rule, count from faults where round = ?"
        for day, submitter, rule, count in self._db.execute(query, (round,)):
            found.setdefault(day, {})[submitter, rule] = count
        return [Moment(round, dt.date.fromisoformat(day), counts) for day, counts in sorted(found.items())]

    def rechecks(self, round: str) -> list[Recheck]:
        """Return which senders stand otherwise because rules changed, oldest first."""
        query = "select day, parts, submitter, before, after, new, gone from rechecks where round = ? order by rowid"
        return [Recheck(dt.date.fromisoformat(day), *rest) for day, *rest in self._db.execute(query, (round,))]

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

    def prepare_late(self, round: str, letters: Iterable[Letter], day: dt.date) -> None:
        """Remember the letters about what came after the closing, in place of those of before."""
        with self._db:
            self._db.execute("update letters set run = 0 where round = ? and kind = 'closed'", (round,))
            self._prepare(round, letters, day)

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
        sent: dict[str, set[str]] = {}
        seen: dict[str, set[str]] = {}
        for sha256, round, sender in self._db.execute("select sha256, round, sender from belongings"):
            (sent if sender else seen).setdefault(sha256, set()).add(round)
        return seen | sent

    def carrying(self) -> set[str]:
        """Return the rounds that keep rows which they carried over."""
        return {round for (round,) in self._db.execute("select distinct round from carried")}

    def purged(self, round: str) -> tuple[dt.date, dict[str, Any]] | None:
        """Return on which day the purge of a round began and the counts that were kept (`summary.json`), or None."""
        row = self._db.execute("select day, counts from purges where round = ?", (round,)).fetchone()
        return (dt.date.fromisoformat(row[0]), json.loads(row[1])) if row else None

    def must_live(self, round: str) -> None:
        """Refuse a round of which the personal data is gone: its counts would be counted down to nothing.

        Raises:
            OperatorError: it was purged.
        """
        if gone := self.purged(round):
            raise OperatorError("purged", round=round, date=f"{gone[0]:%d/%m/%Y}")

    def begin_purge(self, round: str, day: dt.date, counts: Mapping[str, Any]) -> None:
        """Remember, before anything goes, that a round is being purged, and its counts."""
        with self._db:
            row = (round, day.isoformat(), json.dumps(counts))
            self._db.execute("insert or ignore into purges values (?, ?, ?, 0)", row)

    def forget(self, round: str, contents: Iterable[str], papers: Mapping[str, str], lying: Iterable[str]) -> None:
        """Forget what anybody typed in a round, the contents that only it held, and all papers but these.

        Of contents `lying` in the inbox still the day is kept without a name: they have not come anew.
        Nothing else of it is left in the file afterwards, nor beside it.
        """
        for function in (_nameless, _empty, _untyped):
            self._db.create_function(function.__name__.lstrip("_"), 1, function)
        self._db.execute("pragma secure_delete = on")
        self._db.execute("create temp table gone (sha256 text)")
        self._db.execute("create temp table kept (path text)")
        with self._db:
            self._db.executemany("insert into gone values (?)", [(sha256,) for sha256 in contents])
            self._db.executemany("insert into kept values (?)", [(path,) for path in papers])
            for table, statement in _FORGETTING.items():
                if table == "files":
                    self._db.executemany("update files set name = rowid where sha256 = ?", [(x,) for x in lying])
                if statement:
                    self._db.execute(statement, {"round": round} if ":round" in statement else {})
            rows = [(round, path, sha256) for path, sha256 in papers.items()]
            self._db.executemany("insert or ignore into papers values (?, ?, ?)", rows)
        self._db.execute("vacuum")
        self._db.execute("pragma wal_checkpoint(truncate)")
        with self._db:
            self._db.execute("update purges set done = 1 where round = ?", (round,))


def _decision(record: dict[str, Any]) -> Decision:
    days = {name: dt.date.fromisoformat(record[name]) for name in ("day", "until", "ended") if record[name]}
    return Decision(**{**record, **days})


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


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
            _log_ahead(connection)
            if connection.execute("pragma quick_check").fetchone()[0] != "ok":
                raise OperatorError("ledger_damaged", path=path)
            if _version(connection) != len(_MIGRATIONS):
                _migrate(connection, path)
        except sqlite3.OperationalError:  # the disk, not the file: whoever holds the state folder tells it
            raise
        except sqlite3.DatabaseError as fault:
            raise OperatorError("ledger_damaged", path=path) from fault
        yield Ledger(connection)
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
        if version > len(_MIGRATIONS):
            raise OperatorError("ledger_newer", path=path)
        for statement in ";".join(_MIGRATIONS[version:]).split(";"):
            connection.execute(statement)
        connection.execute(f"pragma user_version = {len(_MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])
