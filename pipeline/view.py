"""A sheet as the search for its tables asks it: texts at places, merged areas, rows that are surely data."""

from __future__ import annotations

import re
from functools import cached_property

from pipeline.hints import is_person_data, may_hold_example
from pipeline.model import Place, Sheet
from schemas.kinds import link
from schemas.kinds.blank import is_blank
from schemas.text import ROMAN, clean

ORDINAL = re.compile(rf"^\d{{1,4}}\s*[.)]?$|^{ROMAN}\s*[.)]?$|^[A-Da-d]\s*[.)]?$")


class View:
    """The cells of one sheet, of which a merged area speaks with its first one."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.cells = sheet.cells

    @cached_property
    def flawed(self) -> frozenset[int]:
        """The rows with a cell that shows an error."""
        return frozenset(row for row, _ in self.sheet.flaws)

    @cached_property
    def merged(self) -> frozenset[int]:
        """The rows that have a part in a merged area."""
        return frozenset(row for row, _ in self.anchors)

    @cached_property
    def anchors(self) -> dict[Place, Place]:
        """Every cell of a merged area -> the area's first cell."""
        anchors = {}
        rows, columns = len(self.cells), max(map(len, self.cells), default=0)
        for (top, left), (bottom, right) in self.sheet.merges:
            for row in range(top, min(bottom, rows - 1) + 1):
                for column in range(left, min(right, columns - 1) + 1):
                    anchors[row, column] = (top, left)
        return anchors

    @cached_property
    def surely_data(self) -> frozenset[int]:
        """The rows with a cell that holds an address of mail or begins with six digits, in whatever way its text is
        encoded, that no header can give as an example.
        """
        data = ((row, text) for row, text in enumerate(map("\n".join, self.cells)) if is_person_data(text))
        return frozenset(
            row
            for row, text in data
            if not may_hold_example(text)
            or any(is_person_data(cell) and not may_hold_example(cell) for cell in self.cells[row])
        )

    def next_filled(self, row: int) -> int:
        """Return the first row from this one on that is not empty, how many there are where none is."""
        return next((r for r in range(row, len(self.cells)) if not self.is_empty(r)), len(self.cells))

    def anchor_from(self, first_row: int, place: Place) -> Place:
        """Return the first cell of the merged area, unless that lies above the rows in question."""
        anchor = self.anchors.get(place, place)
        return anchor if anchor[0] >= first_row else place

    def text(self, place: Place) -> str:
        """Return what a cell holds, "" beyond the sheet."""
        row, column = place
        cells = self.cells
        return cells[row][column] if row < len(cells) and column < len(cells[row]) else ""

    def or_behind(self, text: str, place: Place) -> str:
        """Return a cell's text, or the address behind it where the text is none."""
        behind = self.sheet.links.get(place, "")
        if not behind or link.is_address(text):
            return text
        if behind.lower().startswith(("http://", "https://")):
            return behind
        if behind.lower().startswith("mailto:") and "@" not in text and not is_blank(text):
            return behind
        return text

    def is_empty(self, row: int) -> bool:
        """Tell whether no cell of the row says anything."""
        return row < len(self.cells) and not any(map(str.strip, self.cells[row]))

    def place_of(self, text: str, row: int) -> Place:
        """Return the cell of the row that holds this text."""
        return row, next(column for column, cell in enumerate(self.cells[row]) if clean(cell) == text)


def alone(cells: list[str]) -> list[str]:
    """Return the distinct texts of a row but for its number."""
    texts = [clean(text) for text in dict.fromkeys(cells) if not is_blank(text)]
    return [text for text in texts if not ORDINAL.match(text)]
