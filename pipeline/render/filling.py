"""What stands in a form: rows, and the marks where they must be corrected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.period import Carried
from schemas.round import Round


@dataclass(frozen=True)
class Mark:
    """What must be done about a cell, or (without a cell) about the whole file."""

    severity: str
    severity_name: str
    message: str
    unit: str = ""
    label: str = ""
    value: str = ""
    suggestion: str = ""
    rule: str = ""


@dataclass(frozen=True)
class FormRow:
    """One row to print: texts by column key, the marks on its cells, its unit's code, the columns that were judged."""

    values: dict[str, str]
    marks: dict[str, list[Mark]] = field(default_factory=dict)
    unit: str = ""
    judged: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Filling:
    """What stands in a form: rows by level, and marks that belong to no cell.

    `repaired`, `settled` (explained or accepted) and `changes` (since the version before) are told below the
    corrections, `progress` above them. `statements` are the answers to the round's questions, as typed, `answers` the
    marks on them.
    """

    rows: dict[str, list[FormRow]]
    whole: list[Mark] = field(default_factory=list)
    repaired: list[Mark] = field(default_factory=list)
    settled: list[Mark] = field(default_factory=list)
    changes: list[Mark] = field(default_factory=list)
    progress: str = ""
    statements: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[str, list[Mark]] = field(default_factory=dict)

    @property
    def marks(self) -> Iterable[Mark]:
        """All marks, those of the whole file first."""
        yield from self.whole
        for marks in self.answers.values():
            yield from marks
        for rows in self.rows.values():
            for row in rows:
                for marks in row.marks.values():
                    yield from marks


def prefilled(round: Round, sender: str, known: Carried) -> Filling:
    """Return the filling of a form with what is known of the sender's units; the others stand there blank."""
    rows: dict[str, list[FormRow]] = {level: [] for level in round.lists}
    for unit in round.expected[sender]:
        name = {round.form.unit_key: round.listed_names[unit.code]}
        rows[unit.level].extend(FormRow({**values, **name}, unit=unit.code) for values in known.get(unit.code) or [{}])
    return Filling(rows)
