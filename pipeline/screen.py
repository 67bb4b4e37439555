"""What the officer reads on the screen."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.consolidate import vietnamese_date
from pipeline.deliver import Published
from pipeline.intake import printable
from pipeline.ledger import open_ledger
from pipeline.purge import Kept, Remains
from pipeline.render.letter import progress_line
from pipeline.render.machine import summary
from pipeline.render.wording import worded
from pipeline.run import Result
from pipeline.state import writable
from schemas.codes import Rule
from schemas.messages import line, title
from schemas.round import Round

COMMON_FAULTS = 5


def print_result(published: Published) -> None:
    """Print what was found and where everything lies."""
    result, told, folder = published.result, published.told, published.folder
    _heading(result)
    severities = Counter(told["severity"])
    print(
        line("screen", "findings", errors=severities["error"], warnings=severities["warning"], notes=severities["note"])
    )
    grave = told[told["severity"].ne("note") & told["rule"].ne(Rule.SUBMISSION_MISSING)]
    common = [f"{title(rule)} ({count})" for rule, count in grave["rule"].value_counts().head(COMMON_FAULTS).items()]
    if common:
        print(line("screen", "faults", faults=", ".join(common)))
    nobodys = told["submitter"].eq("") & told["severity"].eq("error") & told["file"].ne("")
    for unknown in told[nobodys].itertuples():
        print(line("screen", "unknown", file=unknown.file, message=unknown.message))
    for name in published.intake.waiting:
        print(line("screen", "waiting", file=name))
    for name in published.intake.ignored:
        print(line("screen", "ignored", file=name))
    for path in published.kept:
        print(line("screen", "kept", path=path))
    print(line("screen", "report", path=folder / "bao-cao.docx"))
    print(line("screen", "rollup", path=folder / "tong-hop.xlsx"))
    print(line("screen", "overview", path=folder / "tong-quan.html"))
    print(line("screen", "letters", count=len(result.rollup.senders), path=folder / "don-vi"))


def print_findings(result: Result) -> bool:
    """Print the findings of some files with their places; tell whether an error is among them."""
    told = worded(result)
    told = told[told["file"].ne("") | told["rule"].eq(Rule.UNIT_MISSING)]
    # Files that are only tried are not late.
    told = told[told["severity"].ne("note") & told["rule"].ne(Rule.SUBMISSION_LATE)]
    for f in told.itertuples():
        place = " ".join(part for part in (f.file, f.sheet, f.cell) if part)
        print(f"{line('severities', f.severity)} | {place} | {f.rule} | {f.message}")
    if told.empty:
        print(line("screen", "no_findings"))
    return bool(told["severity"].eq("error").any())


def print_status(result: Result) -> None:
    """Print a table of the senders: who has sent, who must correct, who has not sent."""
    _heading(result)
    last_day = result.round.deadline.last_day
    if last_day is None:
        print(line("screen", "no_deadline"))
    else:
        days = (last_day - result.as_of).days
        key = "days_left" if days >= 0 else "days_over"
        print(line("screen", key, days=abs(days), deadline=vietnamese_date(last_day)))
        if -days > result.round.keep_days and result.submissions:
            print(line("screen", "keeps", days=-days, files=len(result.submissions), round=result.round.id))
    rows = [line("screen", "status_head").split("|")]
    for code, sender in result.rollup.senders.iterrows():
        progress = result.progress.get(str(code))
        rows.append(
            [
                sender["name"],
                line("statuses", sender["status"]),
                str(progress.number) if progress else "",
                vietnamese_date(sender["received"]),
                f"{sender['listed']}/{sender['expected']}",
                str(sender["established"]),
                str(sender["errors"]),
                str(sender["warnings"]),
                progress_line(result, str(code)),
            ]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def print_remains(round: Round, found: Remains, *, with_inbox: bool) -> None:
    """Print what purging deletes, what somebody made by hand among it, and what stays and why."""
    print(line("screen", "purge_heading", title=round.title, round=round.id))
    print(line("screen", "purge_goes", contents=len(found.contents), papers=len(found.papers)))
    for paper in found.handwork:
        print(line("screen", "purge_handwork", path=printable(paper)))
    if found.shared:
        others = sorted(set().union(*found.shared.values()))
        print(line("screen", "purge_shared", count=len(found.shared), rounds=", ".join(others)))
    for path in found.inbox:
        print(line("screen", "purge_inbox_goes" if with_inbox else "purge_inbox_stays", path=printable(str(path))))


def print_purged(round: Round, kept: Kept) -> None:
    """Print when a round was purged, and the counts that were kept."""
    print(line("screen", "purged", title=round.title, round=round.id, date=vietnamese_date(kept.day)))
    if kept.counts:
        _print_counts(kept.counts)


def _heading(result: Result) -> None:
    print(line("screen", "title", title=result.round.title, round=result.round.id, date=vietnamese_date(result.as_of)))
    _print_counts(summary(result))


def _print_counts(counts: Mapping[str, Any]) -> None:
    submissions = counts["submissions"]
    print(line("screen", "received", **{**submissions, "missing": len(submissions["missing"])}))
    for level, measures in counts["levels"].items():
        print(line("screen", "level", **{**measures, "level": line("levels", level)}))


def print_history(round: Round, sender: str, state: Path, until: dt.date) -> None:
    """Print what counted of a sender up to a day, version by version, and the letters prepared for it."""
    print(round.submitting_units[sender].full_name)
    if not state.is_dir():
        print(line("screen", "no_version"))
        return
    with writable(state), open_ledger(state) as ledger:
        versions, letters = ledger.versions(round.id, sender), ledger.letters(round.id, sender)
        names, purged = ledger.file_names(), ledger.purged(round.id)
    if purged:
        print(line("screen", "purged", title=round.title, round=round.id, date=vietnamese_date(purged[0])))
    counted = [version for version in versions if version.received <= until]
    for version in counted:
        files = ", ".join(names.get(sha256, sha256[:12]) for sha256 in version.files)
        facts = {"number": version.number, "received": vietnamese_date(version.received), "files": files}
        print(line("screen", "version", **facts, listed=len(version.rows), errors=len(version.errors)))
    if not counted:
        print(line("screen", "no_version"))
    for prepared, kind, number, fate in letters:
        facts = {"kind": line("kinds", kind), "fate": line("fates", fate), "number": number}
        print(line("screen", "letter", **facts, prepared=vietnamese_date(dt.date.fromisoformat(prepared))))
