"""The rulebook `RULES.md`: every rule in the words that units are told, with what it stands on; never edited."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.codes import Rule
from schemas.data import HERE
from schemas.form import load_form
from schemas.messages import clause, how, line, messages, sentence, severity, title
from schemas.round import Round, list_rounds, load_round
from schemas.rules import rules_of

PLACE = HERE.parent / "RULES.md"


def rulebook() -> str:
    """Return the text of `RULES.md`."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from (f"# {line('rulebook', 'title')}", "", line("rulebook", "intro"), "")
    yield from (f"## {line('rulebook', 'how')}", "")
    yield from _table("how_head", _columns())
    yield from ("", f"## {line('rulebook', 'rules')}", "")
    yield from _table("head", _rules())
    yield from ("", f"## {line('rulebook', 'rounds')}", "")
    for id in list_rounds():
        yield from _of_round(load_round(id))


def _table(head: str, rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    headers = line("rulebook", head).split("|")
    yield f"| {' | '.join(headers)} |"
    yield "|" + "---|" * len(headers)
    for texts in rows:
        yield f"| {' | '.join(text.replace('|', '/') for text in texts)} |"


def _columns() -> Iterator[tuple[str, ...]]:
    """Yield how each column of the forms is filled, each kind of a heading once."""
    told = set()
    for path in sorted((HERE / "forms").glob("*.toml")):
        form = load_form(path.stem)
        for column in form.columns:
            filled = column.header, column.hint or how(column.kind)
            if filled not in told:
                told.add(filled)
                yield *filled, "; ".join(title(rule) for rule in rules_of(column, form))


def _rules() -> Iterator[tuple[str, ...]]:
    facts = {
        name: said if isinstance(said, bool) else f"\u2039{said}\u203a" for name, said in messages()["facts"].items()
    }
    for rule in Rule:
        said = sentence(rule, facts)
        if stands_on := clause(rule):
            said = f"{said} {line('rulebook', 'based', clause=stands_on)}"
        yield f"`{rule}`", line("severities", severity(rule)), f"**{title(rule)}.** {said}"


def _of_round(round: Round) -> Iterator[str]:
    yield from (f"### {round.title} (`{round.id}`)", "")
    rows = list(_clauses(round))
    if rows:
        yield from (*_table("round_head", iter(rows)), "")
    for rule, judged in round.severities.items():
        yield from (f"* {line('rulebook', 'severity', rule=rule, severity=line('severities', judged))}", "")


def _clauses(round: Round) -> Iterator[tuple[str, str]]:
    for level, policy in round.naming.items():
        if policy.clause:
            yield line("rulebook", "of_level", rule="`page-name.*`", level=line("levels", level)), policy.clause
    if round.deadline.clause:
        yield ", ".join(f"`{rule}`" for rule in (Rule.SUBMISSION_MISSING, Rule.SUBMISSION_LATE)), round.deadline.clause
    for prefix, said in round.clauses.items():
        yield (f"`{prefix}`" if "." in prefix else f"`{prefix}.*`"), said
