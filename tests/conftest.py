"""The front door: drop files, run the command, look at what comes out."""

from __future__ import annotations

import csv
import gc
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pipeline.__main__ import main
from pipeline.glance import forget

# The same examples at every run: what decides must not depend on chance.
settings.register_profile("decided", derandomize=True)
settings.load_profile("decided")

Place = tuple[str, str, str]
"""File, cell and rule of a finding."""


@dataclass(frozen=True)
class Outcome:
    """What a run left in the outbox."""

    folder: Path
    status: int

    @property
    def findings(self) -> list[dict[str, str]]:
        return self._table("findings.csv")

    @property
    def rows(self) -> dict[str, dict[str, str]]:
        return {row["code"]: row for row in self._table("rows.csv")}

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "ket-qua" / "summary.json").read_text(encoding="utf-8"))

    def unit(self, code: str) -> dict[str, Any]:
        return next(unit for unit in self.summary["units"] if unit["code"] == code)

    def told(self, *, notes: bool = False, sender: str = "") -> list[Place]:
        """Errors and warnings (and notes) as file, cell and rule; units that sent nothing are left out."""
        return sorted(
            (f["file"], f["cell"], f["rule"])
            for f in self.findings
            if (notes or f["severity"] != "note")
            and f["rule"] != "submission.missing"
            and (not sender or f["submitter_code"] == sender)
        )

    @property
    def asked(self) -> list[dict[str, str]]:
        """The findings that ask something of a unit: that it sent late is told by the day alone."""
        return [f for f in self.findings if f["severity"] != "note" and f["rule"] != "submission.late"]

    def of_rule(self, rule: str) -> list[dict[str, str]]:
        return [finding for finding in self.findings if finding["rule"] == rule]

    def sender_folder(self, code: str) -> Path:
        return next((self.folder / "don-vi").glob(f"{code}-*"))

    def _table(self, name: str) -> list[dict[str, str]]:
        with (self.folder / "ket-qua" / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


Run = Callable[..., Outcome]


def drop_and_run(
    folder: Path,
    files: Mapping[str, bytes] | None = None,
    *,
    round: str = "dien-bien-2022",
    as_of: str = "2022-04-05",
) -> Outcome:
    """Drop files into `folder/inbox` (path -> bytes) and run the round, also where nothing is new."""
    inbox, outbox, state = (folder / name for name in ("inbox", "outbox", "state"))
    inbox.mkdir(exist_ok=True)
    for name, content in (files or {}).items():
        path = inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    folders = ["--inbox", str(inbox), "--outbox", str(outbox), "--state", str(state)]
    forget(state)
    status = main(["run", "--round", round, *folders, "--as-of", as_of])
    return Outcome(outbox / Path(round).stem, status)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Drop files into the test's own inbox and run the round."""
    return partial(drop_and_run, tmp_path)


@pytest.fixture(scope="module")
def loop() -> Iterator[Any]:
    """The loop in which a module's mail servers run."""
    from servers import Loop

    loop = Loop()
    yield loop
    loop.stop()
    gc.collect()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Who vouches for a module's mail servers."""
    from servers import Authority

    return Authority(tmp_path_factory.mktemp("authority"))
