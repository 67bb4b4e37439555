"""The form: the table that units fill, read from `forms/<id>.toml`."""

from __future__ import annotations

import datetime as dt
import tomllib
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from schemas.data import HERE, read_toml
from schemas.faults import EntryFault, Misfit, first_fault, toml_fault
from schemas.faults import shown as as_written
from schemas.kinds import KINDS, shown, yes_no
from schemas.messages import line
from schemas.text import search_key

CONTACT = ("name", "phone", "email")
"""The kinds of column that make a person; further columns of its group say more of it."""
MEASURES = ("listed", "established", "named", "staffed", "complete")
"""What is counted of units."""
RESERVED = ("code", "level", "name", "parent_code", "submitter_code", "status", "file", "sheet", "row", *MEASURES)
"""The other columns of `rows.csv`, and what is counted."""


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Group(_Data):
    """Columns under one printed heading: a person, or what belongs together."""

    key: str
    header: str
    words: dict[str, int] = {}  # words that point to this group in a header, with their weight; else its header


class Choice(_Data):
    """One of the values of a `choice` column; `aliases` are other names that units write for it."""

    value: str
    aliases: list[str] = []


Bound = int | float | dt.date


class Column(_Data):
    """One column: `kind` decides how it is repaired and judged, `header` how it is printed.

    A column of a group may leave these to the `part` it names, so that persons are described once.
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: str
    header: str
    group: str = ""
    part: str = ""
    aliases: list[str] = []
    required: bool = False  # the table must have this column
    filled: bool = False  # every row must say something here
    where: dict[str, list[str]] = {}  # the column concerns only rows in which these columns hold one of these values
    choices: list[Choice] = []
    min: Bound | None = None
    max: Bound | None = None
    whole: bool = False
    # What the blank form says when the cell is chosen, in place of the kind's own words.
    hint: str = Field(default="", max_length=255)
    width: float = Field(default=20, gt=0, le=120)

    @field_validator("choices", mode="before")
    @classmethod
    def _plain_choices(cls, choices: Any) -> Any:
        if not isinstance(choices, list):
            return choices
        return [{"value": choice} if isinstance(choice, str) else choice for choice in choices]

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Column:
        if self.kind not in KINDS:
            raise Misfit("kind", value=self.kind, known=", ".join(KINDS))
        if (self.kind == "choice") != bool(self.choices):
            raise Misfit("choices")
        if len({search_key(name) for names in self.spellings for name in names}) < sum(map(len, self.spellings)):
            raise Misfit("choices_twice")
        for bound in (self.min, self.max):
            fits = dt.date if self.kind == "date" else (int, float)
            if bound is not None and (self.kind not in ("date", "number") or not isinstance(bound, fits)):
                raise Misfit("bound")
        if self.min is not None and self.max is not None and self.min > self.max:  # type: ignore[operator]
            raise Misfit("bounds")
        if self.whole and self.kind != "number":
            raise Misfit("whole")
        return self

    @property
    def names(self) -> list[str]:
        """Every header text that means this column."""
        return [self.header, *self.aliases]

    @cached_property
    def spellings(self) -> tuple[tuple[str, ...], ...]:
        """The choices: of each the value that counts, then its other names."""
        return tuple((choice.value, *choice.aliases) for choice in self.choices)

    @property
    def role(self) -> str:
        """What the column is within its group: columns of two groups with one role have the same label."""
        return self.part or search_key(self.header)


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
    ordinal: Ordinal = Ordinal(header="TT", aliases=["STT"])
    groups: list[Group] = []
    fillers: list[str] = []  # words in a person's header that say nothing
    columns: list[Column]
    sections: list[Section] = []
    tables: list[Table] = []

    @model_validator(mode="after")
    def _fits_together(self) -> Form:
        if len(self.of_kind("unit")) != 1:
            raise Misfit("unit")
        groups = [group.key for group in self.groups]
        for names in (self.keys, groups, [(c.group, search_key(c.header)) for c in self.columns]):
            for place, name in enumerate(names):
                if name in names[:place]:
                    raise Misfit("twice", value=name if isinstance(name, str) else self.columns[place].header)
        for column in self.columns:
            if column.key in RESERVED:
                raise Misfit("reserved", value=column.key, known=", ".join(RESERVED))
            if column.group and column.group not in groups:
                raise Misfit("group", f"columns.{column.key}", value=column.group)
            for key, values in column.where.items():
                if key not in self.keys or not values or not set(values) <= self._answers(key):
                    raise Misfit("where", f"columns.{column.key}", value=key)
        return self

    @model_validator(mode="after")
    def _tables_count_what_there_is(self) -> Form:
        ways = {"level", "sender", *(column.key for column in self.of_kind("choice"))}
        for table in self.tables:
            for name in [*({table.by} - ways), *(key for key in table.count if key not in {*self.keys, *MEASURES})]:
                raise Misfit("table", value=name, table=table.title)
        return self

    def _answers(self, key: str) -> set[str]:
        """Return the values that a column can hold, if they can be counted."""
        column = self.column(key)
        return set(yes_no.answers()) if column.kind == "yes-no" else {choice.value for choice in column.choices}

    @property
    def keys(self) -> list[str]:
        """The column keys, in the form's order."""
        return [column.key for column in self.columns]

    @cached_property
    def unit_key(self) -> str:
        """The key of the column that names the unit."""
        return self.of_kind("unit")[0].key

    @cached_property
    def personal(self) -> frozenset[str]:
        """The keys of the columns that hold a person's data."""
        of_rows = self.rows == "persons"
        return frozenset(
            c.key
            for c in self.columns
            if c.group in self.persons or c.kind in CONTACT or (of_rows and c.kind != "unit")
        )

    def column(self, key: str) -> Column:
        """Return the column of that key."""
        return self._by_key[key]

    @cached_property
    def _by_key(self) -> dict[str, Column]:
        return {column.key: column for column in self.columns}

    def of_kind(self, kind: str) -> list[Column]:
        """Return the columns of one kind, in the form's order."""
        return self._by_kind.get(kind, [])

    @cached_property
    def _by_kind(self) -> dict[str, list[Column]]:
        return {kind: [c for c in self.columns if c.kind == kind] for kind in KINDS}

    @cached_property
    def required(self) -> set[str]:
        """The keys of the columns without which a table is none of this form."""
        return {column.key for column in self.columns if column.required}

    def of_group(self, group: str) -> list[Column]:
        """Return the columns of one group, in the form's order."""
        return [column for column in self.columns if column.group == group]

    @cached_property
    def persons(self) -> dict[str, dict[str, str]]:
        """The groups that are persons (they have a name), each with its contact: kind -> key."""
        contacts = {g.key: {c.kind: c.key for c in self.of_group(g.key) if c.kind in CONTACT} for g in self.groups}
        return {group: contact for group, contact in contacts.items() if "name" in contact}

    def group(self, key: str) -> Group:
        """Return the group of that key."""
        return next(group for group in self.groups if group.key == key)

    def shown(self, key: str, value: str) -> str:
        """Return a repaired value of a column (of none for "") as people read it."""
        return shown(value, self.column(key)) if key else value

    def label(self, key: str) -> str:
        """Return the column's heading as a sentence can name it."""
        column = self.column(key)
        return f"{column.header} ({self.group(column.group).header})" if column.group else column.header


@cache
def load_form(name: str) -> Form:
    """Return the form `forms/<name>.toml`, or that of the TOML file at that path.

    Raises:
        FileNotFoundError: no form has that id.
        schemas.faults.EntryFault: the file is wrong; it names the key and the reason.
    """
    path = _path(name, Path())
    try:
        record = _record(path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise EntryFault("form", Path(name).name, "", toml_fault(fault)) from None
    except Misfit as fault:
        raise EntryFault(
            "form", Path(name).name, fault.key, line("entry_errors", fault.reason, **fault.facts)
        ) from None
    parts = {part["key"]: {k: v for k, v in part.items() if k != "key"} for part in record.pop("parts", [])}
    for column in record.get("columns", []):
        if (part := column.get("part", "")) and part not in parts:
            told = line("entry_errors", "part", value=part)
            raise EntryFault("form", Path(name).name, f"columns.{column.get('key', '')}.part", told)
    record["columns"] = [{**parts.get(column.get("part", ""), {}), **column} for column in record.get("columns", [])]
    try:
        return Form.model_validate(record)
    except ValidationError as faults:
        raise _fault(name, record, faults) from None


def forms_beside(form: Form) -> list[Form]:
    """Return the forms of this folder that require nothing of what this one does, the unit apart.

    One that is wrong is passed over: whose round it is will be told.
    """
    found = []
    for path in sorted((HERE / "forms").glob("*.toml")):
        with suppress(EntryFault):
            other = load_form(path.stem)
            if not (other.required & form.required) - {form.unit_key}:
                found.append(other)
    return found


_NAMED = {"groups": "key", "parts": "key", "sections": "level", "columns": "key"}
"""The lists of tables in a form, and by what their entries are named."""


def _path(name: str, folder: Path) -> Path:
    return folder / name if name.endswith(".toml") else HERE / "forms" / f"{name}.toml"


def _record(path: Path) -> dict[str, Any]:
    """Return the tables of the form's file, laid over those of the form that it is based on."""
    own = read_toml(path)
    for table, named in _NAMED.items():
        entries = own.get(table, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise Misfit("tables", key=table, value=as_written(entries))
        for number, entry in enumerate(entries, start=1):
            if not isinstance(entry.get(named), str):
                raise Misfit("named", key=f"{table}.{number}", name=named)
    base = own.pop("base", "")
    if not base:
        return own
    if not isinstance(base, str):
        raise Misfit("base", key="base", value=as_written(base))
    record = _record(_path(base, path.parent))
    for table, named in _NAMED.items():
        entries = record.get(table, [])
        for entry in own.pop(table, []):
            _lay_over(entries, entry, named)
        record[table] = entries
    return {**record, **own}


def _lay_over(entries: list[dict[str, Any]], entry: dict[str, Any], named: str) -> None:
    """Change the entry of that name, or add a new one: behind the last of its group, else at the end."""
    for known in entries:
        if known[named] == entry.get(named):
            known.update(entry)
            return
    beside = [
        place for place, known in enumerate(entries) if entry.get("group") and known.get("group") == entry["group"]
    ]
    entries.insert(beside[-1] + 1 if beside else len(entries), entry)


def _fault(name: str, record: dict[str, Any], faults: ValidationError) -> EntryFault:
    """Return the first fault that was found, with the key at which it stands in the file."""
    path, reason = first_fault(record, faults)
    if path[:1] == ["columns"] and len(path) > 1:
        path[1] = record["columns"][path[1]]["key"]
    return EntryFault("form", Path(name).name, ".".join(map(str, path)), reason)
