"""What may be typed into the columns of a form: hints, drop-downs, bounds, and the tests that Excel can make."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import Any

from pipeline.model import address
from pipeline.xlsx.sheet import Validation, one_of
from pipeline.xlsx.text import sheet_name
from schemas.form import Column
from schemas.kinds.yes_no import answers
from schemas.messages import how
from schemas.round import Round
from schemas.rules import bound_shown


class Entries:
    """What the form of a round says of its columns; `words` are those of the workbook."""

    def __init__(self, round: Round, words: dict[str, Any]) -> None:
        self.round, self.form, self.words = round, round.form, words
        self._rules: dict[tuple[int, int], list[Validation]] = {}

    def rules(self, first: int, units: int) -> list[Validation]:
        """Return what may be typed into each column of a list with this first row and so many units to choose from."""
        if (first, units) not in self._rules:
            self._rules[first, units] = [
                replace(
                    self._allowed(column, address((first, place)), units),
                    title=self.hint(column)["title"], message=self.how(column),
                )
                for place, column in enumerate(self.form.columns, start=1)
            ]  # fmt: skip
        return self._rules[first, units]

    def _allowed(self, column: Column, cell: str, units: int) -> Validation:
        """Return what may be typed into a column, of which this is the first cell."""
        if column.kind == "unit":
            return Validation("list", formulas=(f"{sheet_name(self.listed['name'])}!$C$3:$C${units + 2}",))
        if column.kind == "choice":
            return Validation("list", formulas=(self._choices_of(column),))
        if column.kind == "yes-no":
            return Validation("list", formulas=one_of(answers()))
        if column.kind == "number":
            return replace(_limits(column), type="whole" if column.whole else "decimal")
        if "rule" in self.hint(column):
            return Validation("custom", formulas=(f'OR({cell}="",{self.test(column, cell)})',))
        return Validation()

    def hint(self, column: Column) -> dict[str, str]:
        """Return what the form says of a kind of column: `title`, and where Excel can judge it `rule` and `wrong`."""
        return self.words["hints"].get(column.kind, self.words["hints"]["text"])

    def how(self, column: Column) -> str:
        """Return how a column is filled: the form's own words, or those of its kind, and its bounds."""
        words = self.words["bounds"]
        bounds = zip(words.get(column.kind, ["", ""]), (column.min, column.max), strict=True)
        told = [text.format(bound=bound_shown(bound, column)) for text, bound in bounds if bound is not None]
        whole = [words["whole"]] if column.whole else []
        return " ".join([column.hint or how(column.kind), *whole, *told]).strip()

    def test(self, column: Column, cell: str) -> str:
        """Return Excel's test of a cell."""
        if column.kind == "choice":
            return f"COUNTIF({self._choices_of(column)},TRIM({cell}))>0"
        return self.hint(column)["rule"].format(cell=cell)

    def like(self, column: Column) -> re.Pattern[str] | None:
        """Return what a text is like that passes Excel's test of a column; None where no text is judged."""
        hint = self.hint(column)
        if column.kind == "choice":
            return re.compile("|".join(re.escape(choice.value) for choice in column.choices), re.IGNORECASE)
        return re.compile(hint["like"], re.IGNORECASE | re.DOTALL) if "like" in hint else None

    @property
    def listed(self) -> dict[str, Any]:
        """The words of the sheet that lists the units: with the right page names where the round has a policy."""
        return self.words["names" if self.round.naming else "units"]

    @cached_property
    def with_choices(self) -> list[Column]:
        """The columns with choices of their own, in the order of their sheet."""
        return self.form.of_kind("choice")

    def _choices_of(self, column: Column) -> str:
        """Return the cells that list the choices of a column."""
        place = self.with_choices.index(column)
        first, last = (address((row, place)).replace(str(row + 1), f"${row + 1}") for row in (1, len(column.choices)))
        return f"{sheet_name(self.words['choices']['name'])}!${first}:${last}"


def _limits(column: Column) -> Validation:
    """Return the bounds of a number."""
    low, high = column.min, column.max
    if low is not None and high is not None:
        return Validation(operator="between", formulas=(f"{low}", f"{high}"))
    if high is not None:
        return Validation(operator="lessThanOrEqual", formulas=(f"{high}",))
    return Validation(operator="greaterThanOrEqual", formulas=(f"{-(10**15) if low is None else low}",))
