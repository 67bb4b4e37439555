"""The letter to a sender: receipt, correction request, rejection or reminder, as an e-mail and in chat length."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.clock import HANOI
from pipeline.names import LETTER, MESSAGE, SENDERS
from pipeline.records import Letter
from pipeline.render.mime import letter_of
from pipeline.render.shares import decimal
from pipeline.render.templates import filled
from pipeline.run import Result
from schemas.codes import Rule
from schemas.messages import line, title
from schemas.round import Round
from schemas.text import clean, paper_date, slug
from schemas.units import Unit

UNITS_NAMED = 5
_ROUTING = {"from", "sender", "reply-to", "to", "cc", "bcc"}
_OF_FILES = (Rule.SUBMISSION_UNKNOWN_UNIT, Rule.SUBMISSION_CLOSED)
_KINDS = {"accepted": "receipt", "to-correct": "correction", "rejected": "rejection", "missing": "reminder"}


def folder_of(unit: Unit) -> str:
    """Return where in a result the papers of a sender lie."""
    return f"{SENDERS}/{unit.code}-{slug(unit.full_name)}"


def letter_to(result: Result, sender: str) -> Letter:
    """Return which letter a sender gets: what it answers, and the Message-ID that is the same whenever it is made."""
    round = result.round
    kind, version, about = _kind(result, sender), max(result.version_of(sender), 1), _about(result, sender)
    parts = [sender, round.id, kind, str(version), f"{result.as_of:%Y%m%d}", *([about] if about else [])]
    domain = round.office.email.partition("@")[2]
    return Letter(f"<{'.'.join(parts)}@{domain}>", sender, kind, version, about)


def _about(result: Result, sender: str) -> str:
    """Return a sign for the files that a letter speaks of beside the version that counts, "" where there are none.

    They could not be read, or came after the closing.
    """
    hashes = result.unread_from.get(sender, [])
    if sender in result.after_closing:
        hashes = sorted({s.sha256 for s in result.files_from[sender]})
    return hashlib.sha256("".join(hashes).encode()).hexdigest()[:8] if hashes else ""


def _kind(result: Result, sender: str) -> str:
    """Return the kind of letter that a sender gets: by its status, or because its file came after the closing."""
    if sender in result.after_closing:
        return "closed"
    return _KINDS[result.senders[sender]["status"]]


def write_letter(
    result: Result, told: list[Any], sender: str, folder: Path, name: str = "", attachment: bytes = b""
) -> Letter:
    """Write `thu.eml` and `tin-nhan.txt` into the sender's folder; `told` are its findings in words.

    The attachment, if there is any, is a workbook of that name.
    """
    letter = letter_to(result, sender)
    facts = _facts(result, told, sender, letter.kind, name)
    text = filled("thu.txt.j2", facts).strip() + "\n"
    (folder / LETTER).write_bytes(_message(result, letter, facts, text, attachment))
    (folder / MESSAGE).write_text(filled("tin-nhan.txt.j2", facts).strip() + "\n", encoding="utf-8")
    return letter


def _facts(result: Result, told: list[Any], sender: str, kind: str, attachment: str) -> dict[str, Any]:
    round, status = result.round, result.senders[sender]
    own = [f for f in told if f.severity != "note"]
    last_day = round.last_day_of(sender)
    return {
        "kind": kind,
        "unit": round.register.units[sender].name_in_text,
        "office": round.office,
        "document": round.form.document,
        "pages": "established" in round.measures,
        "source": round.source,
        "deadline": paper_date(last_day),
        "days": (last_day - result.as_of).days if last_day else None,
        "late": _lateness(result, sender, status),
        "received": paper_date(_newest(result, sender) or status["received"]),
        "faults": list(_faults(own)) if status["status"] != "missing" else [],
        "attachment": attachment,
        "progress": progress_line(result, sender),
        "changes": _changes(result, sender),
        "standing": _standing(result, sender),
        "warnings": sum(f.severity == "warning" for f in own),
        **{key: status[key] for key in ("expected", "listed", "established", "errors")},
    }


def progress_line(result: Result, sender: str) -> str:
    """Return what of the version before was corrected, "" where nothing was asked."""
    progress = result.progress.get(sender)
    if progress is None or not progress.asked:
        return ""
    counts = {key: getattr(progress, key) for key in ("fixed", "asked", "left", "new")}
    return line("letters", "progress", **counts)


def _newest(result: Result, sender: str) -> dt.date | None:
    """Return when the newest file that counts of a sender was received."""
    return result.progress[sender].received if sender in result.progress else None


def _changes(result: Result, sender: str) -> str:
    """Return how many cells changed since the version before, by column; values stay in the attachment."""
    progress = result.progress.get(sender)
    if progress is None or not progress.changes:
        return ""
    form = result.round.form
    columns = Counter(change.column for change in progress.changes)
    counted = ", ".join(f"{form.label(key)}: {columns[key]}" for key in form.keys if columns[key])
    return line("letters", "changes", count=len(progress.changes), columns=counted)


def _standing(result: Result, sender: str) -> dict[str, Any]:
    """Return where a sender stands in the emulation, nothing where the round has none."""
    standing = result.standing_of.get(sender)
    if standing is None:
        return {}
    return {
        "rank": standing.rank,
        "of": len(result.standings),
        "score": decimal(standing.score),
        "full": decimal(standing.full),
        "year": "" if standing.year is None else decimal(standing.year),
        "months": standing.months,
        "lacking": "; ".join(standing.lacking),
    }


def _lateness(result: Result, sender: str, status: dict[str, Any]) -> str:
    last_day = result.round.last_day_of(sender)
    if last_day is None:
        return ""
    if status["status"] == "missing":
        days = (last_day - result.as_of).days
        if days > 0:
            return line("letters", "days_left", days=days, deadline=paper_date(last_day))
        return line("letters", "late_by", days=-days) if days < 0 else line("letters", "last_day")
    first = status["received"]
    if not status["late"]:
        return ""
    key = "late_by" if _newest(result, sender) in (first, None) else "first_late_by"
    return line("letters", key, day=paper_date(first), days=(first - last_day).days)


def _faults(findings: list[Any]) -> Iterator[dict[str, Any]]:
    """Yield one line a rule: its title, how often, at which units. Values stay in the attachment."""
    groups: dict[str, list[Any]] = {}
    for f in findings:
        groups.setdefault(f.rule, []).append(f)
    for rule, group in groups.items():
        names = list(dict.fromkeys(name for f in group if (name := f.unit_name or _in_answers(f))))
        more = [line("letters", "more", count=len(names) - UNITS_NAMED)] if len(names) > UNITS_NAMED else []
        of_files = rule.startswith("file.") or rule in _OF_FILES
        yield {
            "title": title(rule),
            "count": len(group),
            "of_files": of_files,
            "where": "" if of_files else ", ".join(names[:UNITS_NAMED] + more),
            "advice": group[0].message if of_files or rule.startswith("form.") else "",
        }


def _in_answers(f: Any) -> str:
    """Return where the answers to the round's questions stand if a finding is about one, else ""."""
    return line("letters", "on_questions") if f.facts.get("question") else ""


def route(message: EmailMessage, round: Round, sender: str) -> None:
    """Set who writes and who alone receives a letter: as the round says, whatever the letter said before."""
    for name in set(message.keys()):
        if name.lower() in _ROUTING or name.lower().startswith("resent-"):
            del message[name]
    for name, value in _addresses(round, sender).items():
        message[name] = value


def _addresses(round: Round, sender: str) -> dict[str, str]:
    """Return who writes and, where the round has an address of the sender, who receives."""
    addresses = {"From": _address(round.office.name, round.office.email)}
    if sender in round.contacts:
        addresses["To"] = _address(round.submitting_units[sender].full_name, round.contacts[sender])
    return addresses


@cache
def _address(name: str, address: str) -> str:
    return str(Address(clean(name), addr_spec=address))


def _message(result: Result, letter: Letter, facts: dict[str, Any], text: str, attachment: bytes) -> bytes:
    round, sender = result.round, letter.submitter
    subject = clean(
        line("letters", letter.kind, document=facts["document"], unit=facts["unit"], errors=facts["errors"])
    )
    head = {
        **_addresses(round, sender),
        "Subject": subject,
        "Date": format_datetime(dt.datetime.combine(result.as_of, dt.time(8), HANOI)),
        "Message-ID": letter.message_id,
        "X-Submission-Id": f"{sender}/{round.id}/{letter.version}",
        "Auto-Submitted": "auto-generated",
        "X-Unsent": "1",
    }
    html = filled("thu.html.j2", {"subject": subject, "paragraphs": list(_paragraphs(text))})
    sign = f"{sender}-{round.id}-{result.as_of:%Y%m%d}"
    return letter_of(head, text, html, facts["attachment"], attachment, sign)


def _paragraphs(text: str) -> Iterator[str | list[str]]:
    """Yield the paragraphs of a plain letter; lines that begin with a dash make one list."""
    items: list[str] = []
    for part in re.split(r"\n+", text.strip()):
        if part.startswith("- "):
            items.append(part[2:])
            continue
        if items:
            yield items
            items = []
        yield part
    if items:
        yield items
