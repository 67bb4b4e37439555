"""What the officer reads on the screen."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.ledger import open_ledger
from pipeline.model import Decision
from pipeline.names import LATE, OVERVIEW, PAPERS, ROLLUP, SENDERS
from pipeline.printable import printable
from pipeline.records import Mail, undelivered
from pipeline.render.frames import charted, words
from pipeline.render.letter import progress_line
from pipeline.render.wording import in_doubt, in_words
from pipeline.run import Result
from pipeline.state import writable
from pipeline.terminal import coloured, table
from schemas.codes import Rule
from schemas.messages import line, title
from schemas.naming import policy_faults
from schemas.round import Round
from schemas.text import capitalised, masked, masked_numbers, screen_date
from schemas.units import Unit

if TYPE_CHECKING:
    from pipeline.closing import Closed
    from pipeline.due import Due
    from pipeline.publish import Published
    from pipeline.purge import Holding, Kept, Remains
    from pipeline.rehearse import Rehearsal
    from pipeline.send import Outcome

COMMON_FAULTS = 5
PLACES_SHOWN = 5
SENDERS_SHOWN = 25
_URGENCY = ["missing", "rejected", "to-correct", "accepted"]


def print_result(published: Published) -> None:
    """Print what was found and where everything lies."""
    result, told, folder = published.result, published.told, published.folder
    if published.closed:
        print(_decision_line(None, published.closed.closing))
        print_seal(published.closed, told, result.round)
        return
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
        if unit := _unit_of_mail(published, unknown.file):
            print(line("screen", "mailed", unit=unit.full_name, code=unit.code))
    for replaced in told[told["rule"].eq(Rule.FILE_SUPERSEDED)].itertuples():
        if replaced.facts["tied"]:  # nothing but a name decided between the two
            print(line("screen", "tied", unit=replaced.submitter_name, message=replaced.message))
    _print_decided(result)
    for name in published.intake.waiting:
        print(line("screen", "waiting", file=name))
    for name in published.intake.ignored:
        print(line("screen", "ignored", file=name))
    for name in published.intake.misdated:
        print(line("screen", "misdated", folder=name))
    for path in published.kept:
        print(line("screen", "kept", path=path))
    if published.outdated:
        print(line("screen", "outdated", papers=published.outdated, round=_known_as(result.round)))
    for text in policy_faults(result.round.right_names, result.round.register):
        print(text)
    for name in PAPERS:
        if (folder / name).exists():
            print(line("screen", Path(name).stem, path=folder / name))
    print(line("screen", "rollup", path=folder / ROLLUP))
    print(line("screen", "overview", path=folder / OVERVIEW))
    print(line("screen", "letters", count=len(result.rollup.senders), path=folder / SENDERS))
    _print_senders(result, most=SENDERS_SHOWN)


def print_next(published: Published) -> None:
    """Print what to do next, with the command to type."""
    result = published.result
    if published.closed:
        return
    told, statuses = published.told, result.rollup.senders["status"]
    if (told["submitter"].eq("") & told["severity"].eq("error") & told["file"].ne("")).any():
        key = "next_unknown"
    elif statuses.eq("accepted").all():
        key = "next_done"
    else:
        key = "next_letters"
    print(coloured(line("screen", key, round=_known_as(result.round), path=published.folder), "head"))


def print_seal(closed: Closed, told: pd.DataFrame, round: Round) -> None:
    """Print whether the papers of a closed round are as they were signed, and what came too late."""
    print(line("screen", "seal_broken", papers=", ".join(closed.changed)) if closed.changed else line("screen", "seal"))
    for message in told["message"]:
        print(printable(message))
    if told["submitter"].ne("").any():
        print(line("screen", "next_late", folder=LATE, round=_known_as(round)))


def _print_decided(result: Result) -> None:
    """Print how much was decided by people, the explanations that are new, what is on trial, what rules changed."""
    kinds = Counter(d.kind for d in result.rollup.findings["decision"] if d is not None)
    if kinds:
        print(line("screen", "decisions", waivers=kinds["waiver"], explanations=kinds["explanation"]))
    for decision in result.decisions:
        if decision.kind == "explanation" and decision.is_new:
            print(_decision_line(result.round, decision))
    trial = result.rollup.trial
    for rule in result.round.trials:
        found = trial[trial["rule"].eq(rule)]
        counting = result.rows.origin["file"].nunique()
        facts = {"places": len(found), "stopped": found["file"].nunique(), "files": counting}
        print(line("screen", "trial", rule=rule, title=title(rule), **facts))
    for r in result.rechecks:
        if r.day == result.as_of:
            name = result.round.submitting_units[r.submitter].full_name
            words = {"before": line("statuses", r.before), "after": line("statuses", r.after)}
            print(line("screen", "recheck", name=name, parts=r.parts, new=r.new, gone=r.gone, **words))


def print_decisions(round: Round, decisions: Iterable[Decision]) -> None:
    """Print decisions, one a line, with the number by which they can be ended."""
    lines = [_decision_line(round, decision) for decision in decisions]
    print("\n".join(lines) or line("screen", "no_decisions"))


def _decision_line(round: Round | None, d: Decision) -> str:
    where = []
    if round and (code := d.unit or d.submitter):
        where = [round.register.units[code].full_name, round.form.label(d.column) if d.column else ""]
        where.append(masked(d.value) if d.column in round.form.personal else d.value)
    facts = {
        "number": d.number, "kind": line("decisions", d.kind), "day": screen_date(d.day), "by": d.by,
        "rule": d.rule, "where": " | ".join(part for part in where if part), "words": masked_numbers(d.words),
        "until": screen_date(d.until), "ended": screen_date(d.ended), "ended_by": d.ended_by,
        "inputs": d.source[:16] if d.kind == "closing" else "", "papers": d.value[:16] if d.kind == "closing" else "",
    }  # fmt: skip
    return printable(line("screen", "decision", **facts))


def print_rehearsal(round: Round, rehearsal: Rehearsal) -> None:
    """Print which files would be stopped, how many and where; persons are masked."""
    counts = {name: len(getattr(rehearsal, name)) for name in ("stopped", "worse", "freed", "new", "gone")}
    print(line("screen", "rehearsal", files=rehearsal.files, **counts))
    for file in [*rehearsal.stopped, *rehearsal.worse]:
        own = rehearsal.new[rehearsal.new["file"].eq(file)]
        print(line("screen", "stopped" if file in rehearsal.stopped else "worse", file=file, count=len(own)))
        for f in own.head(PLACES_SHOWN).itertuples():
            place = " ".join(part for part in (f.sheet, f.cell) if part)
            value = masked(f.value) if f.column in round.form.personal else f.value
            print(printable(f"    {place} | {f.unit_name} | {f.rule} | {value}"))
    for file in rehearsal.freed:
        print(line("screen", "freed", file=file))


def _unit_of_mail(published: Published, file: str) -> Unit | None:
    """Return the unit from whose mailbox a file came, as its mail says; a hint: anybody can write any address there."""
    round = published.result.round
    senders = {sender for path, sender in published.mailed.items() if file == path or file.startswith(f"{path}/")}
    codes = [code for code, address in round.contacts.items() if address.lower() in senders]
    return round.submitting_units[codes[0]] if len(codes) == 1 else None


def print_findings(result: Result) -> bool:
    """Print the findings of some files with their places; tell whether an error is among them.

    Persons are masked: a screen is seen, photographed and copied into logs. Whoever corrects has the cell's name.
    """
    findings = result.rollup.findings
    personal = findings["column"].isin(result.round.form.personal)
    discreet = {part: findings[part].mask(personal, findings[part].map(masked)) for part in ("value", "suggestion")}
    told = in_words(result, findings.assign(**discreet))
    told = told[told["file"].ne("") | told["rule"].eq(Rule.UNIT_MISSING)]
    # Files that are only tried are not late.
    told = told[told["severity"].ne("note")]
    for f in told.itertuples():
        place = " ".join(part for part in (f.file, f.sheet, f.cell) if part)
        print(f"{line('severities', f.severity)} | {place} | {f.rule} | {f.message}")
    if told.empty:
        print(line("screen", "no_findings"))
    return bool(told["severity"].eq("error").any())


def print_status(result: Result) -> None:
    """Print a table of the senders: who has sent, who must correct, who has not sent; who closed the round."""
    _heading(result)
    for decision in result.decisions:
        if not decision.rule:
            print(_decision_line(result.round, decision))
    last_day = result.round.deadline.last_day
    if last_day is None:
        print(line("screen", "no_deadline"))
    else:
        days = (last_day - result.as_of).days
        key = "days_left" if days >= 0 else "days_over"
        print(line("screen", key, days=abs(days), deadline=screen_date(last_day)))
    print_letters(result)
    _print_senders(result)


def _known_as(round: Round) -> str:
    """Return the id by which commands know the round: of a period that of the round as written."""
    return round.series or round.id


def _print_senders(result: Result, most: int = 0) -> None:
    """Print a table of the senders; with `most` only so many, those who have something to do first."""
    measure = charted(result.round)
    head = line("screen", "senders", measure=capitalised(words()["measures"][measure])).split("|")
    rows, looks = [head], ["head"]
    senders = result.rollup.senders
    if most:
        senders = senders.sort_values("status", key=lambda s: s.map(_URGENCY.index), kind="stable")[:most]
    for code, sender in senders.iterrows():
        progress = result.progress.get(str(code))
        looks.append(sender["status"])
        rows.append(
            [
                sender["name"], line("statuses", sender["status"]), str(progress.number) if progress else "",
                screen_date(progress.received if progress else sender["received"]),
                f"{sender[measure]}/{sender['expected']}",
                str(sender["errors"]), str(sender["doubts"]), progress_line(result, str(code)),
            ]
        )  # fmt: skip
    print()
    for text in table(rows, (2, 4, 5, 6), looks):
        print(text)
    if rest := len(result.rollup.senders) - len(senders):
        print(line("screen", "senders_more", count=rest, round=_known_as(result.round)))
    print()


def print_keeps(round: Round, holding: Holding, today: dt.date) -> None:
    """Print that a round, as it is in the period that holds personal data, was closed or over long ago."""
    end = round.closes - dt.timedelta(days=1) if round.series and round.closes else None
    last_day = holding.closed or round.deadline.last_day or end
    days = (today - last_day).days if last_day else 0
    if days > round.keep_days:
        facts = {"days": days, "files": holding.files, "round": _known_as(round), "day": end and end.isoformat()}
        print(line("screen", "keeps", title=round.title, **facts))


def print_remains(round: Round, found: Remains, today: dt.date, *, with_inbox: bool) -> None:
    """Print what purging deletes, what somebody made by hand among it, what stays and why; and if it is too early."""
    print(line("screen", "purge_heading", title=round.title, round=round.id))
    print(line("screen", "purge_goes", contents=len(found.contents), papers=len(found.papers)))
    if (last_day := round.deadline.last_day) and today <= last_day:
        days = (last_day - today).days
        print(line("screen", "purge_running", days=days, deadline=screen_date(last_day)))
    for paper in found.handwork:
        print(line("screen", "purge_handwork", path=printable(paper)))
    if found.shared:
        others = sorted(set().union(*found.shared.values()))
        print(line("screen", "purge_shared", count=len(found.shared), rounds=", ".join(others)))
    for path in found.inbox:
        print(line("screen", "purge_inbox_goes" if with_inbox else "purge_inbox_stays", path=printable(str(path))))
    if found.inbox and not with_inbox:
        print(line("screen", "purge_inbox_hint"))


def print_purged(round: Round, kept: Kept) -> None:
    """Print when a round was purged, and the counts that were kept."""
    print(line("screen", "purged", title=round.title, round=round.id, date=screen_date(kept.day)))
    if kept.counts:
        _print_counts(round, kept.counts)


def print_letters(result: Result) -> None:
    """Print how many letters met which fate, and those that the officer has to see to."""
    fates = Counter(letter.fate for letter in result.posted if letter.fate != "deferred" or letter.is_current)
    if fates.keys() & {"sent", "deferred", "refused", "uncertain"}:
        print(line("send", "fates", **{fate: fates[fate] for fate in ("sent", "deferred", "refused", "uncertain")}))
    for letter in undelivered(result.posted):
        print(in_doubt(result.round, letter))


def print_due(letters: Iterable[Due]) -> None:
    """Print which letters go to whom, which do not and why."""
    told = 0
    for due in letters:
        if due.reason == "told":
            told += 1
            continue
        facts = {"unit": due.unit.full_name, "code": due.unit.code, "address": masked(due.address)}
        print(line("send", f"is_{due.reason}", kind=line("kinds", due.letter.kind), **facts))
    if told:
        print(line("send", "is_told", count=told))


def print_outcome(outcome: Outcome) -> None:
    """Print what became of a letter."""
    unit, letter = outcome.due.unit, outcome.due.letter
    facts = {"unit": unit.full_name, "code": unit.code, "address": masked(outcome.due.address), "reply": outcome.reply}
    print(line("send", outcome.fate, kind=line("kinds", letter.kind), **facts), flush=True)


def print_fates(fates: Iterable[str]) -> None:
    """Print how many letters of a sending met which fate."""
    counts = Counter(fates)
    print(line("send", "fates", **{fate: counts[fate] for fate in ("sent", "deferred", "refused", "uncertain")}))


def print_mails(mails: Iterable[Mail]) -> None:
    """Print what every new mail brought, as it comes."""
    outcomes: Counter[str] = Counter()
    files = 0
    for mail in mails:
        outcomes[mail.outcome] += 1
        files += len(mail.files)
        facts = {"sender": masked(mail.sender), "date": screen_date(mail.received)}
        if mail.outcome in ("stored", "empty", "too-large"):
            print(line("fetch", mail.outcome, files=mail.files, **facts), flush=True)
    put_aside = outcomes["automatic"] + outcomes["ours"] + outcomes["known"]
    print(line("fetch", "done", mails=outcomes["stored"], files=files, put_aside=put_aside))


def _heading(result: Result) -> None:
    facts = {"title": result.round.title, "round": result.round.id, "date": screen_date(result.as_of)}
    print(coloured(line("screen", "title", **facts), "head"))
    _print_counts(result.round, result.summary)


def _print_counts(round: Round, counts: Mapping[str, Any]) -> None:
    submissions = counts["submissions"]
    print(line("screen", "received", **{**submissions, "missing": len(submissions["missing"])}))
    names = words()["measures"]
    for level, of in counts["levels"].items():
        told = "; ".join(f"{of[measure]} {names[measure]}" for measure in round.measures)
        print(line("screen", "level", level=capitalised(line("levels", level)), expected=of["expected"], counts=told))


def print_history(round: Round, sender: str, state: Path, until: dt.date) -> None:
    """Print what counted of a sender up to a day, version by version, decisions about it and letters to it."""
    print(round.submitting_units[sender].full_name)
    if not state.is_dir():
        print(line("screen", "no_version"))
        return
    with writable(state), open_ledger(state) as ledger:
        versions, letters = ledger.versions(round.id, sender), ledger.letters(round.id, sender)
        names, purged = ledger.file_names(), ledger.purged(round.id)
        decisions = [d for d in ledger.decisions(round.id) if d.submitter == sender and d.day <= until]
    if purged:
        print(line("screen", "purged", title=round.title, round=round.id, date=screen_date(purged[0])))
    counted = [version for version in versions if version.received <= until]
    for version in counted:
        files = ", ".join(names.get(sha256, sha256[:12]) for sha256 in version.files)
        facts = {"number": version.number, "received": screen_date(version.received), "files": files}
        print(line("screen", "version", **facts, listed=len(version.rows), errors=len(version.errors)))
    if not counted:
        print(line("screen", "no_version"))
    for decision in decisions:
        print(_decision_line(round, decision))
    numbers = {version.number for version in versions}
    for prepared, kind, number, fate in letters:
        told = number if number in numbers else ""
        facts = {"kind": line("kinds", kind), "fate": line("fates", fate), "number": told}
        print(line("screen", "letter", **facts, prepared=screen_date(dt.date.fromisoformat(prepared))))
