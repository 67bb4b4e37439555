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
from pipeline.ledger_schema import forget, open_database
from pipeline.model import Decision, Moment, Recheck
from pipeline.records import File, Folders, Left, Letter, Mail, Outcome, Posted, Run, Version
from schemas.text import screen_date

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
            raise OperatorError("purged", round=round, date=screen_date(gone[0]))

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
        forget(self._db, round, contents, papers, lying)


def _decision(record: dict[str, Any]) -> Decision:
    days = {name: dt.date.fromisoformat(record[name]) for name in ("day", "until", "ended") if record[name]}
    return Decision(**{**record, **days})


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()


@contextmanager
def open_ledger(state: Path) -> Iterator[Ledger]:
    """Open the ledger of a state folder, making or migrating it.

    Raises:
        OperatorError: the file is damaged, or made by a newer version of the program.
    """
    with open_database(state / "ledger.sqlite") as connection:
        yield Ledger(connection)
