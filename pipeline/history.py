"""From version to version: what a sender has corrected since, what is left, what is new, what has changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.ledger import Ledger, Version
from pipeline.model import Change, Progress
from pipeline.run import Result


def current_versions(ledger: Ledger, result: Result) -> dict[str, Version]:
    """Return what counts of every sender now, numbered: the last number again while the same files count."""
    hashes = {submission.file: submission.sha256 for submission in result.submissions}
    origin = result.rows.origin
    versions = {}
    for sender, rows in origin.groupby("submitter"):
        counting = [s for s in result.submissions if s.file in set(rows["file"])]
        files = sorted({hashes[file] for file in rows["file"]})
        earlier = ledger.versions(result.round.id, str(sender))
        last = earlier[-1] if earlier else None
        same = last is not None and last.files == files
        number = last.number if last and same else max((last.number if last else 0) + 1, *(s.version for s in counting))
        versions[str(sender)] = Version(
            number=number,
            files=files,
            received=max(s.received for s in counting),
            recorded=last.recorded if last and same else result.as_of,
            errors=sorted(_errors(result, str(sender))),
            rows=_rows(result, str(sender)),
        )
    return versions


def with_history(ledger: Ledger, result: Result, versions: dict[str, Version]) -> Result:
    """Return the result with the progress of every sender since the version before."""
    progress = {}
    for sender, version in versions.items():
        earlier = [v for v in ledger.versions(result.round.id, sender) if v.number < version.number]
        progress[sender] = _progress(earlier[-1] if earlier else None, version)
    return replace(result, progress=progress)


def _progress(before: Version | None, now: Version) -> Progress:
    if before is None:
        return Progress(now.number, now.received)
    asked, left = ({tuple(key) for key in version.errors} for version in (before, now))
    return Progress(
        number=now.number,
        received=now.received,
        asked=len(asked),
        fixed=len(asked - left),
        left=len(asked & left),
        new=len(left - asked),
        changes=list(_changes(before, now)),
    )


def _errors(result: Result, sender: str) -> Iterator[list[str]]:
    findings = result.rollup.findings
    own = findings[findings["submitter"].eq(sender) & findings["severity"].eq("error")]
    for f in own.itertuples():
        yield [f.unit or f"?{f.value}", f.column, f.rule]


def _rows(result: Result, sender: str) -> dict[str, dict[str, str]]:
    units = result.rollup.units
    own = units[units["submitter_code"].eq(sender) & units["id"].ge(0)]
    return {str(code): result.repaired.loc[id].to_dict() for code, id in own["id"].items()}


def _changes(before: Version, now: Version) -> Iterator[Change]:
    for unit in [*before.rows, *(unit for unit in now.rows if unit not in before.rows)]:
        old, new = before.rows.get(unit, {}), now.rows.get(unit, {})
        for column in new or old:
            if old.get(column, "") != new.get(column, ""):
                yield Change(unit, column, old.get(column, ""), new.get(column, ""))
