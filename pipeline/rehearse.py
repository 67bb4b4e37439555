"""Before a rule is switched on, or a policy changed: which submissions it would stop, how many, and where."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pandas as pd

from pipeline.errors import OperatorError
from pipeline.intake import take_in
from pipeline.known import Consulted, open_known
from pipeline.ledger import open_ledger
from pipeline.render.wording import worded
from pipeline.run import Result, judge
from pipeline.state import hold
from schemas.codes import Rule
from schemas.round import Round
from schemas.round_parts import Severity


@dataclass(frozen=True)
class Rehearsal:
    """What would be otherwise: of `files` readable files, those `stopped` (in order now), `worse`, and `freed`.

    `new` and `gone` are the errors in words that would be there, or no longer.
    """

    files: int
    stopped: list[str]
    worse: list[str]
    freed: list[str]
    new: pd.DataFrame
    gone: pd.DataFrame


def with_severity(round: Round, rule: str, severity: str) -> Round:
    """Return the round judging a rule by that severity.

    Raises:
        OperatorError: there is no such rule or severity.
    """
    if rule not in set(Rule):
        raise OperatorError("no_rule", rule=rule)
    if severity not in get_args(Severity):
        raise OperatorError("no_severity", severity=severity, known=", ".join(get_args(Severity)))
    return round.model_copy(update={"severities": {**round.severities, rule: severity}})


def rehearse(now: Round, then: Round, inbox: Path, state: Path, today: dt.date) -> Rehearsal:
    """Judge the inbox by the round as it is and as it would be, and return the difference; nothing is published."""
    with hold(state), open_ledger(state) as ledger, open_known(state) as known:
        decided = ledger.decisions(now.id)
        arrivals = take_in(now, inbox, state, ledger, today).arrivals
        before = judge(now, arrivals, today, known, decided)
        after = judge(then, arrivals, today, Consulted(known), decided)
    errors = [_errors(result) for result in (before, after)]
    old, new = (set(frame.index) for frame in errors)
    counting = [s.file for s in before.submissions if s.readable and s.file in set(before.rows.origin["file"])]
    wrong_before, wrong_after = (_files(frame) for frame in errors)
    added = _files(errors[1].loc[[key for key in errors[1].index if key not in old]])
    return Rehearsal(
        files=len(counting),
        stopped=[file for file in counting if file in wrong_after and file not in wrong_before],
        worse=[file for file in counting if file in added and file in wrong_before],
        freed=[file for file in counting if file in wrong_before and file not in wrong_after],
        new=errors[1].loc[[key for key in errors[1].index if key not in old]],
        gone=errors[0].loc[[key for key in errors[0].index if key not in new]],
    )


def _errors(result: Result) -> pd.DataFrame:
    """Return the errors in words, by what makes two of them the same: file, place, unit, column, rule."""
    told = worded(result)
    wrong = told[told["severity"].eq("error")]
    # What is missing stands in no file: it stops the sender's newest one.
    newest = wrong["submitter"].map(result.rollup.senders["file"]).fillna("")
    wrong = wrong.assign(file=wrong["file"].where(wrong["file"].ne(""), newest))
    keys = zip(*(wrong[key] for key in ("file", "sheet", "cell", "unit", "column", "rule")), strict=True)
    return wrong.set_axis(pd.Index(list(keys), tupleize_cols=False), axis=0)


def _files(errors: pd.DataFrame) -> set[str]:
    """Return the files that have one of these errors."""
    return set(errors["file"])
