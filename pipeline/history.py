"""From version to version: what a sender has corrected since, what is left, what is new, what has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import pandas as pd

from pipeline.ledger import Ledger
from pipeline.model import Change, Progress, Submission
from pipeline.period import by_unit, paired
from pipeline.records import Version
from pipeline.run import Result
from schemas.form import Form


def current_versions(ledger: Ledger, result: Result) -> dict[str, Version]:
    """Return what counts of every sender now, numbered: the last number again while the same files count."""
    submissions = {submission.file: submission for submission in result.submissions}
    findings, origin = result.rollup.findings, result.rows.origin
    errors, rows = _keys(findings[findings["severity"].eq("error")]), _rows(result)
    counting_of: dict[str, list[Submission]] = {}
    for sender, file in sorted(set(zip(origin["submitter"], origin["file"], strict=True))):
        if file:
            counting_of.setdefault(sender, []).append(submissions[file])
    versions = {}
    for sender, counting in counting_of.items():
        files = sorted({s.sha256 for s in counting})
        last = ledger.last_version(result.round.id, sender)
        same = last is not None and last.files == files
        number = last.number if last and same else max((last.number if last else 0) + 1, *(s.version for s in counting))
        versions[sender] = Version(
            number=number,
            files=files,
            received=max(s.received for s in counting),
            recorded=last.recorded if last and same else result.as_of,
            errors=sorted(errors.get(sender, [])),
            rows=rows.get(sender, {}),
        )
    return versions


def with_history(ledger: Ledger, result: Result, versions: dict[str, Version]) -> Result:
    """Return the result with the progress of every sender since the version before.

    What was accepted since is no more asked for, and was not corrected either: it is left out.
    """
    progress = {}
    findings = result.rollup.findings
    accepted = _keys(findings[findings["decision"].notna()])
    for sender, version in versions.items():
        last = ledger.last_version(result.round.id, sender, before=version.number) if version.number > 1 else None
        progress[sender] = _progress(result.round.form, last, version, accepted.get(sender, []))
    return replace(result, progress=progress)


def _progress(form: Form, before: Version | None, now: Version, accepted: list[list[str]]) -> Progress:
    if before is None:
        return Progress(now.number, now.received)
    asked, left, settled = (Counter(map(tuple, keys)) for keys in (before.errors, now.errors, accepted))
    asked -= settled - left
    gone, new = asked - left, left - asked
    # A cell that is still wrong, if by another rule, was not corrected; of a unit's persons nobody knows which it is.
    still = 0 if form.rows == "persons" else (_cells(gone) & _cells(new)).total()
    return Progress(
        number=now.number,
        received=now.received,
        asked=asked.total(),
        fixed=gone.total() - still,
        left=(asked & left).total() + still,
        new=new.total() - still,
        changes=list(_changes(form, before, now)),
    )


def _cells(keys: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    """Return in which cells (unit, column) faults stand."""
    cells: Counter[tuple[str, ...]] = Counter()
    for (*cell, _), count in keys.items():
        if cell[-1]:
            cells[tuple(cell)] += count
    return cells


def _keys(findings: pd.DataFrame) -> dict[str, list[list[str]]]:
    """Return what makes two findings the same (unit, column, rule), by sender."""
    keys: dict[str, list[list[str]]] = {}
    columns = (findings[name] for name in ("submitter", "unit", "value", "column", "rule"))
    for submitter, unit, value, column, rule in zip(*columns, strict=True):
        keys.setdefault(submitter, []).append([unit or f"?{value}", column, rule])
    return keys


def _rows(result: Result) -> dict[str, _Listed]:
    """Return the repaired values of the units that each sender lists."""
    persons = result.round.form.rows == "persons"
    rows: dict[str, _Listed] = {}
    for code, sender in result.rollup.units["submitter_code"].items():
        for number, id in enumerate(result.ids_of.get(str(code), []), start=1):
            listed = rows.setdefault(sender, _Listed(result.round.form.keys, result.texts))
            listed.ids[f"{code}/{number}" if persons else str(code)] = id
    return rows


@dataclass(frozen=True)
class _Listed(Mapping[str, dict[str, str]]):
    """The repaired values of what a sender lists, by unit: made when they are asked for, since no row is to be held
    twice. `texts` gives those of a row in the order of `columns`.
    """

    columns: list[str]
    texts: Callable[[Any], list[str]]
    ids: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, unit: str) -> dict[str, str]:
        return dict(zip(self.columns, self.texts(self.ids[unit]), strict=True))

    def __iter__(self) -> Iterator[str]:
        return iter(self.ids)

    def __len__(self) -> int:
        return len(self.ids)


def _changes(form: Form, before: Version, now: Version) -> Iterator[Change]:
    """Yield what differs, unit by unit; a person is compared with itself, wherever in the list it stands now."""
    then, since = by_unit(before), by_unit(now)
    for unit in [*then, *(unit for unit in since if unit not in then)]:
        lists = then.get(unit, []), since.get(unit, [])
        pairs = paired(form, *lists) if form.rows == "persons" else zip_longest(*lists, fillvalue={})
        for old, new in pairs:
            for column in new or old:
                if old.get(column, "") != new.get(column, ""):
                    yield Change(unit, column, old.get(column, ""), new.get(column, ""))
