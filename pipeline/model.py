"""The few types that travel between the stages.

Readers run in processes of their own and import this module: pandas is not loaded until a frame is made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import Refused
from schemas.codes import Rule

if TYPE_CHECKING:
    import pandas as pd

Place = tuple[int, int]
"""A cell of a sheet: row and column, both counted from 0."""


Age = tuple[int, dt.date, dt.datetime]
"""Of two files the one with the higher is newer."""


@lru_cache(maxsize=1 << 16)  # the same text for the same place, in however many files
def address(place: Place) -> str:
    """Return the cell's name in Excel, such as `C7`."""
    row, column = place
    return f"{letters_of(column)}{row + 1}"


def on_sheet(sheet: str, cell: str) -> str:
    """Return how `Rows.where` holds a cell that stands on another sheet than its row."""
    return f"{sheet}!{cell}"


def sheet_and_cell(where: str, sheet: str) -> tuple[str, str]:
    """Return the sheet and the address that an entry of `Rows.where` means in a row of this sheet."""
    other, is_other, cell = where.rpartition("!")
    return (other if is_other else sheet), cell


@cache
def letters_of(column: int) -> str:
    """Return the name in Excel of a column counted from 0."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


@dataclass(frozen=True)
class Arrival:
    """One file of the inbox, or of a bundle in it; `path` is where its bytes are kept in the store.

    What cannot be taken in (a symbolic link, a file of 5 GB) has no bytes there: it is `refused` already, and
    `sha256` stands for its name, so that two of them are never the same file.
    """

    file: str  # relative to the inbox, with forward slashes, printable
    path: Path
    sha256: str
    received: dt.date
    refused: Refused | None = None


@dataclass(frozen=True)
class Sheet:
    """The cells of one sheet, at their addresses: `cells[row][column]` is text, "" for an empty cell."""

    name: str
    hidden: bool
    cells: list[list[str]]
    merges: list[tuple[Place, Place]] = field(default_factory=list)  # first and last cell
    links: dict[Place, str] = field(default_factory=dict)  # addresses behind cells
    flaws: dict[Place, tuple[Rule, str]] = field(default_factory=dict)  # cells without a value: rule, what is shown
    legacy: dict[Place, str] = field(default_factory=dict)  # cells typed in a font of before Unicode, as typed
    hidden_rows: frozenset[int] = frozenset()  # hidden rows and columns that hold something, counted from 0
    hidden_columns: frozenset[int] = frozenset()
    struck: frozenset[Place] = frozenset()  # cells that are struck through
    corrected: dict[Place, str] = field(default_factory=dict)  # cells of which a part is, as typed: it is left out
    concealed: dict[Place, list[str]] = field(default_factory=dict)  # first cells of merged areas: what these conceal


@dataclass(frozen=True)
class Stamp:
    """What a workbook of ours says of itself; `sheets` are those that hold the list of a roll-up, none in a form."""

    round: str
    unit: str
    version: int
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Workbook:
    """A file as read, whatever its format."""

    sheets: list[Sheet]
    stamp: Stamp | None = None
    modified: dt.datetime | None = None


@dataclass(frozen=True)
class Statement:
    """An answer to one of the round's questions: the question's key, where the answer stands, what it says."""

    key: str
    sheet: str
    place: Place
    text: str


@dataclass(frozen=True)
class Submission:
    """A file whose sender is known ("" where it could not be told). `readable`: it holds rows.

    `explanations` is what the clerk wrote beside findings, in a workbook of ours; `statements` answers the round's
    questions.
    """

    file: str
    sha256: str
    received: dt.date
    submitter: str
    version: int  # written in the form; 0 where it has none
    modified: dt.datetime | None
    readable: bool
    explanations: list[Decision] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)

    @property
    def age(self) -> Age:
        """What decides which of two files is newer: version in the form, day received, the workbook's own date."""
        return self.version, self.received, self.modified or dt.datetime.min


@dataclass(frozen=True)
class Rows:
    """The rows of the round in aligned frames: one index of row ids, one column a key of the form.

    `typed` what was written, `where` the cells' addresses ("" where the table has no such column; with their sheet,
    as `on_sheet` puts it, where that is not the row's), `flaws` the
    rule broken by cells without a value; `origin` has the columns `file, submitter, sheet, row, code, level,
    unit_rule, unit_suggestion, unit_facts, dittos`: `code` and `level` are "" for a row that is not judged by its unit,
    the next three are what was found about its unit ("" for nothing), `dittos` the cells that repeat the row
    above: key -> (cell, as typed).
    """

    typed: pd.DataFrame
    where: pd.DataFrame
    flaws: pd.DataFrame
    origin: pd.DataFrame

    def only(self, ids: pd.Index) -> Rows:
        """Return these rows alone."""
        if ids.equals(self.typed.index):
            return self
        return Rows(self.typed.loc[ids], self.where.loc[ids], self.flaws.loc[ids], self.origin.loc[ids])


@dataclass(frozen=True)
class Change:
    """A value that differs from the version before; `column` is the form's key."""

    unit: str
    column: str
    before: str
    after: str


@dataclass(frozen=True)
class Progress:
    """Where a sender stands: of `asked` errors in the version before `fixed`, `left`; `new` ones since.

    Errors are the same if unit, column and rule are; where they stand in the file does not matter. `asked` is 0 in
    a first version.
    """

    number: int
    received: dt.date  # of the newest file that counts
    asked: int = 0
    fixed: int = 0
    left: int = 0
    new: int = 0
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True)
class Tally:
    """A table of counts with its heading; the first cell of a row names what is counted, `total` is its last row."""

    title: str
    header: list[str]
    rows: list[list[str | int]]
    total: list[str | int] = field(default_factory=list)
    internal: bool = False  # free words of senders, for the collector alone


@dataclass(frozen=True)
class Shift:
    """What changed at a unit since the period before; `kind` is one of `SHIFTS`, `column` the form's key or "".

    `personal`: the values are of a person, and are shown to the collector and the unit itself only.
    """

    unit: str
    kind: str
    column: str
    before: str
    after: str
    personal: bool = False


SHIFTS = ("new", "renamed", "moved", "closed", "persons", "value")
"""A page is new, has another name, another address, is gone; other persons; any other value."""


@dataclass(frozen=True)
class Standing:
    """How a sender stands in the emulation: points of this month and of the year, and what it lacks."""

    code: str
    rank: int
    score: float  # of this month
    full: float  # the highest score there is
    criteria: list[tuple[str, float, float]]  # title, points, points to have
    lacking: list[str]  # what to do for the points that are missing, in words
    year: float | None = None  # mean of the months of the year
    months: int = 0  # how many months that is
    praised: bool = False


@dataclass(frozen=True)
class Decision:
    """What a person decided: who, when, on what, in which words. Never deleted; ended by somebody's name.

    `kind`: `waiver` (the province accepts), `explanation` (the unit confirms or explains), `closing`, `reopening`.
    A waiver and an explanation speak of one value in one place (`unit`, `column`, `rule`, `value`; "" for the column
    of a whole file or unit); a waiver counts up to and including `until`.
    `source`: the hash of the file that an explanation came in, or of the inputs that a closing seals.
    """

    kind: str
    day: dt.date
    by: str
    words: str
    submitter: str = ""
    unit: str = ""
    rule: str = ""
    column: str = ""
    value: str = ""
    until: dt.date | None = None
    source: str = ""
    number: int = 0  # given by the ledger
    ended: dt.date | None = None
    ended_by: str = ""
    person: str = ""  # whose row it is, where a row is a person
    is_new: bool = False  # read in this run: the ledger does not hold it yet

    @property
    def place(self) -> tuple[str, ...]:
        """What a finding must agree in: submitter, unit, column, rule, value, person."""
        return self.submitter, self.unit, self.column, self.rule, self.value, self.person

    def counts(self, day: dt.date) -> bool:
        """Tell whether it is in force on a day."""
        begun = self.day <= day and (self.until is None or day <= self.until)
        return begun and (self.ended is None or day < self.ended)


@dataclass(frozen=True)
class Recheck:
    """A sender that stands otherwise since the rules changed, although it sent nothing new.

    `parts` names what changed; `before` and `after` are its statuses, `new` and `gone` counts of its errors.
    """

    day: dt.date
    parts: str
    submitter: str
    before: str
    after: str
    new: int
    gone: int


@dataclass(frozen=True)
class Moment:
    """How many errors and warnings there were on a day of a round, by (submitter, rule)."""

    round: str
    day: dt.date
    counts: dict[tuple[str, str], int]


FINDING_COLUMNS = [
    "id",
    "submitter",
    "unit",
    "file",
    "sheet",
    "row",
    "column",
    "cell",
    "rule",
    "value",
    "suggestion",
    "facts",
]


def finding(
    rule: Rule,
    *,
    id: int = -1,
    submitter: str = "",
    unit: str = "",
    file: str = "",
    sheet: str = "",
    row: int = 0,
    column: str = "",
    cell: str = "",
    value: str = "",
    suggestion: str = "",
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one finding: where, which rule, and the facts its sentence needs.

    `id` is the row's id (-1: no row), `row` Excel's number (0: none), `submitter` and `unit` are codes.
    """
    return {
        "id": id, "submitter": submitter, "unit": unit, "file": file, "sheet": sheet, "row": row, "column": column,
        "cell": cell, "rule": str(rule), "value": value, "suggestion": suggestion, "facts": dict(facts or {}),
    }  # fmt: skip


def findings_frame(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return the findings as a frame with the columns of `FINDING_COLUMNS`."""
    import pandas as pd

    return pd.DataFrame(list(records), columns=FINDING_COLUMNS)
