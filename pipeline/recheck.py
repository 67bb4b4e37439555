"""After a rule changed: who stands otherwise although it sent nothing new.

Every run judges everything again, so what was accepted is always checked by the rules in force. Here the difference
is told: the ledger keeps a mark of each part of what judges, and what every version was asked to correct.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pipeline.ledger import Ledger
from pipeline.marks import mark_of, mark_of_files
from pipeline.model import Decision, Recheck
from pipeline.recognise import NOT_JUDGING
from pipeline.records import Run, Version
from pipeline.run import Result
from schemas.codes import Rule
from schemas.data import HERE
from schemas.messages import line, messages
from schemas.round import Round


def rules_of(round: Round) -> dict[str, str]:
    """Return a mark of each part of what judges a round, by the part's key in `messages.toml`."""
    severities = {rule: words["severity"] for rule, words in messages()["rules"].items()}
    return {
        "severities": mark_of(severities),
        "round": mark_of(round.model_dump(mode="json", exclude=NOT_JUDGING)),
        "form": mark_of(round.form.model_dump(mode="json")),
        "register": mark_of([(u.code, u.type, u.name, u.parent) for u in round.register.below(round.collector)]),
        "program": _program(),
    }


@cache
def _program() -> str:
    """Return a mark of the code that reads and judges, its vocabulary, and the libraries that decide."""
    pipeline = Path(__file__).parent
    files = [*pipeline.glob("*.py"), *(pipeline / "read").glob("*.py"), *HERE.rglob("*.py"), *HERE.glob("*.toml")]
    return mark_of_files(set(files) - {HERE / "messages.toml"}, ("pandera", "phonenumbers", "email-validator"))


def rechecked(ledger: Ledger, result: Result, versions: dict[str, Version], now: Run) -> list[Recheck]:
    """Return the senders whose errors changed with the rules since the last run, though their files did not."""
    last = ledger.last_run(result.round.id)
    if last is None or not last.rules:
        return []
    changed = [part for part, mark in now.rules.items() if last.rules.get(part) != mark]
    if not changed:
        return []
    parts = ", ".join(line("parts", part) for part in changed)
    same_files = sorted(last.files.values()) == sorted(now.files.values())
    found = []
    for sender, counting in versions.items():
        before = ledger.last_version(result.round.id, sender)
        if before is None or before.files != counting.files:
            continue
        old, new = ({tuple(key) for key in v.errors} for v in (before, counting))
        told = set(_by_rules(old ^ new, sender, result.decisions, same_files))
        if told:
            was, now_is = ("to-correct" if errors else "accepted" for errors in (old, new))
            found.append(Recheck(result.as_of, parts, sender, was, now_is, len(told & new), len(told & old)))
    return found


def _by_rules(
    keys: set[tuple[str, ...]], sender: str, decisions: list[Decision], same_files: bool
) -> Iterator[tuple[str, ...]]:
    """Yield the differences that come from rules, and not from a decision or from another sender's file."""
    decided = {(d.submitter, d.unit, d.column, d.rule) for d in decisions}
    for unit, column, rule in keys:
        elsewhere = rule == Rule.LINK_DUPLICATE and not same_files
        if not elsewhere and (sender, unit, column, rule) not in decided:
            yield unit, column, rule
