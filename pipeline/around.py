"""What stands around the tables of a sheet: the unit that is named above one, the worked example below one."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.fillers import is_example
from pipeline.gazetteer import is_higher
from pipeline.header_rows import HeaderRows
from pipeline.headings import without_bullet
from pipeline.model import Place
from pipeline.view import View, alone
from schemas.text import clean

NEAR = 3  # rows above a header in which a unit may be named
EXAMPLES = 2  # rows of an example at most; three under a header of its own
FILLED = 3  # cells of a row that is one of a table


class Around:
    """Looks at the rows above and below the tables of one sheet; it keeps nothing."""

    def __init__(self, view: View, header_rows: HeaderRows, is_unit: Callable[[str], bool]) -> None:
        self.view = view
        self.header_rows = header_rows
        self.is_unit = is_unit

    def unit_above(self, row: int) -> tuple[str, Place] | None:
        """Return the unit that is named alone right above a header at this row, and where."""
        found: list[tuple[str, Place]] = []
        for above in range(row - 1, max(row - 1 - NEAR, -1), -1):
            texts = alone(self.view.cells[above])
            if len(texts) > 1 and not self.header_rows.may_be(above):
                break
            if len(texts) == 1 and self.is_unit(text := self._unlabelled(texts[0])):
                found.append((text, self.view.place_of(texts[0], above)))
        # Below its name many a unit names the one that it belongs to.
        return next((pair for pair in found if not is_higher(pair[0])), found[0] if found else None)

    def _unlabelled(self, text: str) -> str:
        """Return a text without its number and the label of the column for units ("Don vi: Xa Na U")."""
        text = without_bullet(text)
        label, colon, rest = text.partition(":")
        headers = self.header_rows.headers
        return clean(rest) if colon and headers.form.unit_key in headers.match([(label,)])[0] else text

    def tells_of_example(self, row: int) -> bool:
        """Tell a row that says alone that an example follows."""
        cells = self.view.cells[row]
        texts = alone(cells) if sum(map(bool, cells)) <= FILLED else []
        return len(texts) == 1 and is_example(texts[0], self.is_unit)

    def after_example(self, mark: int, follows: Callable[[int], bool]) -> tuple[int, bool]:
        """Return the row after the example below such words, and whether the list goes on right there.

        A few rows are the example, with a header of their own or without. Of more rows the first one is; under a
        header none, nor where a row `follows` the last one of the list.
        """
        first = self.view.next_filled(mark + 1)
        headed, _ = self.header_rows.at(first)
        start = self.view.next_filled(first + headed) if headed else first
        most = EXAMPLES + bool(headed)
        filled = [row for row in range(start, min(start + most + 1, len(self.view.cells))) if self._is_filled(row)]
        rows = next((n for n, row in enumerate(filled) if row != start + n), len(filled))
        goes_on = rows > 0 and follows(start)
        if rows <= most and not goes_on:
            return (start + rows if rows else mark + 1), False
        return (mark + 1 if headed or goes_on else start + 1), True

    def _is_filled(self, row: int) -> bool:
        return sum(map(bool, self.view.cells[row])) >= FILLED and not self.header_rows.at(row)[0]
