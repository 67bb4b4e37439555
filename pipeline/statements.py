"""What a sender states of itself beside its list: the answers to the round's questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.model import Sheet, Statement, Submission, Workbook, address, finding
from schemas.codes import Rule
from schemas.form import Column
from schemas.kinds import is_blank, repaired, yes_no
from schemas.round import Round
from schemas.round_parts import Question
from schemas.text import clean, foreign_initials, search_key

LONGEST_ANSWER = 2_000  # characters


def statements_in(book: Workbook, questions: list[Question]) -> list[Statement]:
    """Return the answers in a workbook: the first text to the right of a cell that holds the question itself."""
    asked = {search_key(question.text): question for question in questions}
    return [found for sheet in book.sheets for found in _of_sheet(sheet, asked)] if asked else []


def _of_sheet(sheet: Sheet, asked: dict[str, Question]) -> Iterator[Statement]:
    others = foreign_initials(asked)
    for row, cells in enumerate(sheet.cells):
        for column, text in enumerate(cells):
            if not text or text[0] in others or not (question := asked.get(search_key(text))):
                continue
            right = next((c for c in range(column + 1, len(cells)) if cells[c].strip()), None)
            if right is not None:
                yield Statement(question.key, sheet.name, (row, right), clean(cells[right])[:LONGEST_ANSWER])


def faults_of(statements: list[Statement], questions: list[Question], file: str) -> Iterator[dict[str, Any]]:
    """Yield a finding for every answer that is no answer; what is left open is not reported, and no fault."""
    columns = {question.key: question.column for question in questions}
    for s in statements:
        column = columns[s.key]
        if column.kind == "yes-no" and not is_blank(s.text, column) and not _counted(s.text, column):
            yield finding(
                Rule.YES_NO_INVALID, file=file, sheet=s.sheet, row=s.place[0] + 1, column=s.key, cell=address(s.place),
                value=s.text, facts={"question": True},
            )  # fmt: skip


def said_in(submissions: Iterable[Submission]) -> dict[str, str]:
    """Return the answers in a sender's files as typed, by question: those of its newest file that has one."""
    newest_last = sorted(submissions, key=lambda s: (s.age, s.file))
    return {statement.key: statement.text for submission in newest_last for statement in submission.statements}


def stated(round: Round, arrived: Mapping[str, list[Submission]]) -> dict[str, dict[str, str]]:
    """Return the answers that count in what `arrived` of each sender, by sender and question."""
    columns = {question.key: question.column for question in round.questions}
    answers = {}
    for sender in round.submitting_units if columns else ():
        counted = {key: _counted(text, columns[key]) for key, text in said_in(arrived.get(sender, [])).items()}
        answers[sender] = {key: value for key, value in counted.items() if value}
    return answers


def _counted(text: str, column: Column) -> str:
    """Return the answer as it is counted, "" for none."""
    value = repaired(text, column)
    return value if column.kind != "yes-no" or yes_no.is_answer(value) else ""
