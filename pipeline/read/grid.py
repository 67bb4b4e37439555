"""Building a sheet row by row, for formats whose tables are written cell after cell with spans."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.model import Place, Sheet, address
from pipeline.read.values import CELL_LIMIT, ROW_LIMIT, too_many

SPAN_LIMIT = 1_000  # what browsers believe of a colspan; Word's tables have 63 columns


class Cell(NamedTuple):
    """What a cell shows, the address behind it, whether all of it is struck through, and what is left if a part is."""

    text: str
    link: str = ""
    struck: bool = False
    rest: str = ""


class Grid:
    """A sheet under construction: cells go to the next free column of the row begun last."""

    def __init__(self) -> None:
        self.cells: list[list[str]] = []
        self.merges: list[tuple[Place, Place]] = []
        self.links: dict[Place, str] = {}
        self.struck: set[Place] = set()
        self.corrected: dict[Place, str] = {}
        self.hidden_rows: set[int] = set()
        self._until: dict[int, int] = {}  # column -> the row at which a cell from above ends
        self._column = 0
        self._size = 0

    @property
    def row(self) -> int:
        """The row begun last, counted from 0; -1 before the first."""
        return len(self.cells) - 1

    @property
    def column(self) -> int:
        """The next free column of the row."""
        while self._until.get(self._column, 0) > self.row:
            self._column += 1
        return self._column

    def begin_row(self) -> None:
        """Begin the next row."""
        if len(self.cells) >= ROW_LIMIT:
            raise too_many("rows", ROW_LIMIT)
        self.cells.append([])
        self._column = 0

    def begin_table(self) -> None:
        """Forget the cells that reach down from above: they end with their table."""
        self._until.clear()

    def skip_to(self, column: int) -> None:
        """Leave the columns before this one blank."""
        self._column = max(self._column, min(column, SPAN_LIMIT * 16))

    def put(self, cell: Cell, across: int = 1, down: int = 1) -> Place:
        """Place a cell that reaches over so many columns and rows; return where it stands.

        Raises:
            Refused: `file.too-large`.
        """
        row, column = self.row, self.column
        across, down = max(1, min(across, SPAN_LIMIT)), max(1, min(down, ROW_LIMIT))
        texts = self.cells[row]
        if cell.text:
            self._size += column + 1 - len(texts)
            texts.extend([""] * (column - len(texts)))
            texts.append(cell.rest or cell.text)
        if cell.link:
            self.links[row, column] = cell.link
        if cell.struck:
            self.struck.add((row, column))
        elif cell.rest:
            self.corrected[row, column] = cell.text
        if down > 1:
            self._until.update(dict.fromkeys(range(column, column + across), row + down))
        if across > 1 or down > 1:
            self.merges.append(((row, column), (row + down - 1, column + across - 1)))
        self._column = column + across
        self._size += across
        if self._size > CELL_LIMIT or self._column > SPAN_LIMIT * 16:
            raise too_many("cells", CELL_LIMIT, address((row, column)))
        return row, column

    def put_line(self, cell: Cell) -> None:
        """Place a text that stands outside of any table in a row of its own."""
        self.begin_table()
        self.begin_row()
        self.put(cell)

    def sheet(self, name: str, hidden: bool = False) -> Sheet:
        """Return the sheet."""
        return Sheet(
            name, hidden, self.cells, self.merges, self.links,
            hidden_rows=frozenset(self.hidden_rows), struck=frozenset(self.struck), corrected=self.corrected,
        )  # fmt: skip
