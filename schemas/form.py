"""The form: the table that units fill, read from `forms/<id>.toml`."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.data import HERE, read_toml

_PERSONAL = {"name", "phone", "email"}


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Group(_Data):
    """Columns under one printed heading: one person."""

    key: str
    header: str
    words: dict[str, int]  # words that point to this group in a header, with their weight


class Column(_Data):
    """One column: `kind` decides how it is repaired and judged, `header` how it is printed.

    A column of a group may leave these to the `part` it names, so that persons are described once.
    """

    key: str
    kind: str
    header: str
    group: str = ""
    part: str = ""
    aliases: list[str] = []
    required: bool = False
    width: float = 20

    @property
    def names(self) -> list[str]:
        """Every header text that means this column."""
        return [self.header, *self.aliases]


class Section(_Data):
    """A heading row of the printed form: the units of one level stand below it. A round of one level prints none."""

    level: str
    label: str


class Table(_Data):
    """A table of further counts.

    `by`: `level`, `sender`, or the key of a choice column. `count`: measures or keys of columns; of a yes/no column
    the yeses are counted, of a number column the sum is taken, of any other the filled cells; with `split` every answer
    of a yes/no or choice column is counted for itself.
    """

    title: str
    by: str
    count: list[str]
    split: bool = False


class Ordinal(_Data):
    """The column of running numbers."""

    header: str
    aliases: list[str] = []
    width: float = 6


class Form(_Data):
    """The table to fill."""

    id: str
    title: list[str]
    document: str  # what units send, as a sentence names it
    rows: Literal["units", "persons"] = "units"  # one row a unit, or any number of persons a unit
    ordinal: Ordinal
    groups: list[Group] = []
    fillers: list[str] = []  # words in a person's header that say nothing
    columns: list[Column]
    sections: list[Section] = []
    tables: list[Table] = []

    @property
    def keys(self) -> list[str]:
        """The column keys, in the form's order."""
        return [column.key for column in self.columns]

    @property
    def unit_key(self) -> str:
        """The key of the column that names the unit."""
        return self.of_kind("unit")[0].key

    @cached_property
    def personal(self) -> frozenset[str]:
        """The keys of the columns that hold a person's data."""
        of_rows = self.rows == "persons"
        return frozenset(
            c.key for c in self.columns if c.group or c.kind in _PERSONAL or (of_rows and c.kind != "unit")
        )

    def column(self, key: str) -> Column:
        """Return the column of that key."""
        return next(column for column in self.columns if column.key == key)

    def of_kind(self, kind: str) -> list[Column]:
        """Return the columns of one kind, in the form's order."""
        return [column for column in self.columns if column.kind == kind]

    def of_group(self, group: str) -> list[Column]:
        """Return the columns of one group, in the form's order."""
        return [column for column in self.columns if column.group == group]

    def group(self, key: str) -> Group:
        """Return the group of that key."""
        return next(group for group in self.groups if group.key == key)

    def label(self, key: str) -> str:
        """Return the column's heading as a sentence can name it."""
        column = self.column(key)
        return f"{column.header} ({self.group(column.group).header})" if column.group else column.header


@cache
def load_form(name: str) -> Form:
    """Return the form `forms/<name>.toml`, or that of the TOML file at that path.

    Raises:
        FileNotFoundError: no form has that id.
        pydantic.ValidationError: a key is missing, unknown or of another type.
    """
    record = read_toml(Path(name) if name.endswith(".toml") else HERE / "forms" / f"{name}.toml")
    parts = {part["key"]: part for part in record.pop("parts", [])}
    record["columns"] = [{**parts.get(column.get("part", ""), {}), **column} for column in record["columns"]]
    return Form.model_validate(record)
