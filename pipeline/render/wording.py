"""The findings in words, once for all papers: message, labels and names beside the codes."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from pipeline.records import Posted
from pipeline.run import Result
from pipeline.weigh import asks
from schemas.messages import line, messages, sentence
from schemas.round import Round
from schemas.text import masked, screen_date


def worded(result: Result) -> pd.DataFrame:
    """Return the findings in words, the gravest first."""
    return in_words(result, result.rollup.findings)


def in_words(result: Result, findings: pd.DataFrame) -> pd.DataFrame:
    """Return findings with the columns `message, label, unit_name, submitter_name, gravity, weighed` added.

    `severity` is what people are told (what asks nothing of a unit is a note), `weighed` what machines are.
    """
    form, listed = result.round.form, result.round.listed_names
    labels = {column.key: form.label(column.key) for column in form.columns}
    labels |= {question.key: question.text for question in result.round.questions}
    told = findings.assign(
        label=findings["column"].map(labels).fillna(""),
        unit_name=findings["unit"].map(listed).fillna(""),
        submitter_name=findings["submitter"].map(listed).fillna(""),
    )
    words = [
        _founded(
            result,
            f,
            sentence(
                f.rule,
                {
                    "label": f.label,
                    "sheet": f.sheet,
                    "unit": f.unit_name,
                    **f.facts,
                    "value": _shown(f.rule, f.value),
                    "suggestion": f.suggestion,
                },
            ),
        )
        for f in told.itertuples()
    ]
    gravity = list(messages()["severities"])
    told = told.assign(
        message=words,
        gravity=told["severity"].map(gravity.index),
        weighed=told["severity"],
        severity=told["severity"].where(asks(told), "note"),
    )
    return told.sort_values(["submitter", "gravity", "file", "sheet", "row", "cell"], kind="stable").reset_index(
        drop=True
    )


def _founded(result: Result, f: Any, said: str) -> str:
    """Return a sentence with the clause that its rule stands on, and with what people decided of the finding."""
    unit = result.round.register.units.get(f.unit)
    if clause := result.round.clause(f.rule, unit.level if unit else ""):
        said = line("words", "clause", said=said, clause=clause)
    if decision := f.decision:
        facts = {"by": decision.by, "words": decision.words, "day": screen_date(decision.day)}
        return line("words", decision.kind, said=said, until=screen_date(decision.until), **facts)
    return said


def _shown(rule: str, value: str) -> str:
    """Return the value as a sentence shows it: of a file its name, not the folder that the officer keeps it in."""
    return PurePosixPath(value).name if rule.startswith(("file.", "submission.")) else value


def in_doubt(round: Round, letter: Posted) -> str:
    """Return what the officer has to know of a letter that is uncertain or refused, and what to do."""
    unit = round.register.units[letter.submitter]
    facts = {"unit": unit.full_name, "code": unit.code, "address": masked(letter.address), "reply": letter.reply}
    return line("send", letter.fate, kind=line("kinds", letter.kind), **facts)
