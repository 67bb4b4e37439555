"""Every sender's folder: its letter and its workbook. Many are rendered side by side by forked processes.

A folder that would be made from the same as in the last result, and lies there as it was written, is taken over.
"""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.marks import mark_of, mark_of_program
from pipeline.memory import most_held
from pipeline.names import FORM, RETURNED
from pipeline.period import Carried
from pipeline.records import Folders, Letter
from pipeline.render.filling import prefilled
from pipeline.render.letter import folder_of, letter_to, write_letter
from pipeline.render.returned import filling_of
from pipeline.render.workbook import Forms
from pipeline.run import Result
from pipeline.terminal import watched
from schemas.units import Unit

ALONE = 40  # fewer folders are rendered sooner by this process alone
PROCESSES = 2
MOST_SHARED = 500  # MiB: two processes that walk through more than that would come to hold it twice
_CAN_FORK = sys.platform == "linux"  # where a fork shares what the run knows, and nothing of the system minds


class Outgoing:
    """The senders' folders of a result; `told` are the findings in words, `carried` is given to who sent none.

    `last` tells of the folders that lie at `place` what each was made from, and the hashes of its files.
    """

    def __init__(
        self, result: Result, told: pd.DataFrame, folder: Path, carried: Carried, place: Path, last: Folders
    ) -> None:
        self._result, self._folder, self._carried = result, folder, carried
        self._place, self._last = place, last
        self._senders = list(result.round.submitting_units.values())
        self._told: dict[str, list[Any]] = {}
        for finding in told.itertuples(index=False, name="Told"):
            self._told.setdefault(finding.submitter, []).append(finding)
        self._forms = Forms(result.round, result.round.right_names.proposed, result.as_of)
        round = result.round
        self._common = mark_of(
            (mark_of_program(), round.model_dump(), round.form.model_dump(), result.as_of, len(result.standings))
        )

    def write(self, beside: Callable[[], None], meanwhile: Callable[[], None]) -> tuple[list[Letter], dict[str, str]]:
        """Write them all; another process does something `beside` them, if there is one, `meanwhile` this one the rest.

        Return the letters in the order of the senders, and by the folders' paths what each was made from.
        """
        pieces: list[Callable[[], Any]] = [beside, *(partial(self._one, unit) for unit in self._senders)]
        with _Helpers(pieces) as helpers:
            meanwhile()
            _, *made = helpers.finish()
        signs = zip(map(folder_of, self._senders), (sign for _, sign in made), strict=True)
        return [letter for letter, _ in made], dict(signs)

    def _one(self, unit: Unit) -> tuple[Letter, str]:
        sign = self._sign(unit)
        if not self._taken_over(folder_of(unit), sign):
            self._write(unit)
        return letter_to(self._result, unit.code), sign

    def _write(self, unit: Unit) -> None:
        result, sender = self._result, unit.code
        own, status = self._told.get(sender, []), result.senders[sender]["status"]
        place = self._folder / folder_of(unit)
        # What was taken over in part is the visible result itself: written into, it would change there too.
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        version, name, form = result.version_of(sender) + 1, RETURNED, b""
        if status in ("missing", "rejected"):
            filling = prefilled(result.round, sender, self._carried)
            name, form = FORM, self._forms.made(unit, filling, version)
        elif any(f.severity != "note" for f in own):
            form = self._forms.made(unit, filling_of(result, own, sender), version)
            (place / name).write_bytes(form)
        write_letter(result, own, sender, place, name, form)

    def _sign(self, unit: Unit) -> str:
        """Return a mark of all that a sender's folder is made from."""
        result, sender = self._result, unit.code
        rows = [(typed.tolist(), where.tolist(), at) for typed, where, at in map(result.as_typed, self._ids(sender))]
        round, names = result.round, result.round.right_names.proposed
        units = [(u, round.listed_names[u.code], names.get(u.code)) for u in round.expected[sender]]
        files = [(s.sha256, s.file, s.statements) for s in result.files_from.get(sender, [])]
        known = [self._carried.get(u.code) for u, *_ in units]
        told = [
            finding._replace(id=0) for finding in self._told.get(sender, [])
        ]  # which counts the rows of all senders
        return mark_of(
            (
                self._common, unit, units, known, files, rows, told, result.senders[sender],
                result.progress.get(sender), result.standing_of.get(sender), result.unread_from.get(sender),
                sender in result.after_closing,
            )
        )  # fmt: skip

    def _ids(self, sender: str) -> list[Any]:
        return self._result.ids_from.get(sender, [])

    def _taken_over(self, folder: str, sign: str) -> bool:
        """Take a folder from the last result, if it was made from the same and nobody has touched it since."""
        made_from, files = self._last.get(folder, ("", {}))
        old, new = self._place / folder, self._folder / folder
        if made_from != sign:
            return False
        with suppress(OSError):
            if all(hashlib.sha256((old / name).read_bytes()).hexdigest() == mark for name, mark in files.items()):
                new.mkdir(parents=True)
                for name in files:
                    _linked(old / name, new / name)
                return True
        return False


def _linked(old: Path, new: Path) -> None:
    """Let a file lie in a second place, where the disk cannot do that as a copy."""
    try:
        os.link(old, new)
    except OSError:
        shutil.copy2(old, new)


class _Helpers:
    """Pieces of work, shared out to processes forked from this one.

    What a helper did not bring to its end, this process does again: so a fault shows here, as if there were none.
    """

    def __init__(self, pieces: list[Callable[[], Any]]) -> None:
        self._pieces, self._count = pieces, len(pieces)
        self._done: dict[int, Any] = {}
        self._helpers: list[tuple[Any, Connection]] = []
        self._step = self._count // 4096 + 1  # so that a pipe holds the first numbers of all portions

    def __enter__(self) -> _Helpers:
        self._begin()
        return self

    def __exit__(self, *fault: object) -> None:
        for process, connection in self._helpers:
            connection.close()
            process.kill()
            process.join()
        if self._helpers:
            os.close(self._numbers)

    def finish(self) -> list[Any]:
        """Do what is left, and return what every piece of work gave, in the order of their numbers."""
        if self._helpers:
            self._done.update(self._taken())
            for _, connection in self._helpers:
                with suppress(EOFError):
                    self._done.update(connection.recv())
        numbers = watched(range(self._count), self._count, "rendering")
        return [self._done[n] if n in self._done else self._pieces[n]() for n in numbers]

    def _begin(self) -> None:
        if self._count < ALONE or not _CAN_FORK or most_held() > MOST_SHARED:
            return
        self._numbers, numbers = os.pipe()
        os.write(numbers, b"".join(n.to_bytes(4) for n in range(0, self._count, self._step)))
        os.close(numbers)
        context = multiprocessing.get_context("fork")
        gc.freeze()  # the collector would write into every page that the processes share
        parent = os.getpid()
        for _ in range(PROCESSES - 1):
            mine, theirs = context.Pipe(duplex=False)
            process = context.Process(target=self._help, args=(theirs, parent), daemon=True)
            process.start()
            theirs.close()
            self._helpers.append((process, mine))
        gc.unfreeze()

    def _taken(self) -> Iterator[tuple[int, Any]]:
        """Take the next piece until there is none; yield its number and what it gave."""
        while first := os.read(self._numbers, 4):
            for number in range(self._count)[int.from_bytes(first) :][: self._step]:
                yield number, self._pieces[number]()

    def _help(self, connection: Connection, parent: int) -> None:
        """Work until nothing is left or the parent is gone; say nothing of a fault: the parent will meet it."""
        gc.disable()
        try:
            done = {}
            for number, given in self._taken():
                done[number] = given
                if os.getppid() != parent:
                    os._exit(1)
            connection.send(done)
        except BaseException:
            os._exit(1)
