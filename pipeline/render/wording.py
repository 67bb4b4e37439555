"""The findings in words, once for all papers: message, labels and names beside the codes."""

from __future__ import annotations

from pathlib import PurePosixPath

import pandas as pd

from pipeline.run import Result
from schemas.messages import messages, sentence


def worded(result: Result) -> pd.DataFrame:
    """Return the findings with the columns `message, label, unit_name, submitter_name` added, the gravest first."""
    form, listed = result.round.form, result.round.listed_names
    labels = {column.key: form.label(column.key) for column in form.columns}
    findings = result.rollup.findings
    told = findings.assign(
        label=findings["column"].map(labels).fillna(""),
        unit_name=findings["unit"].map(listed).fillna(""),
        submitter_name=findings["submitter"].map(listed).fillna(""),
    )
    words = [
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
        )
        for f in told.itertuples()
    ]
    gravity = list(messages()["severities"])
    told = told.assign(message=words, gravity=told["severity"].map(gravity.index))
    return told.sort_values(["submitter", "gravity", "file", "sheet", "row", "cell"], kind="stable").reset_index(
        drop=True
    )


def _shown(rule: str, value: str) -> str:
    """Return the value as a sentence shows it: of a file its name, not the folder that the officer keeps it in."""
    return PurePosixPath(value).name if rule.startswith(("file.", "submission.")) else value
