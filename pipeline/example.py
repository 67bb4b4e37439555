"""Made-up files as units really send them, for the demonstration: `schemas/examples.toml` says which.

Everything in them is invented; the same round always gives the same files.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.worksheet.worksheet import Worksheet
from unidecode import unidecode

from pipeline.errors import OperatorError
from pipeline.folders import paths_below
from pipeline.model import letters_of
from pipeline.state import make
from schemas.data import HERE, read_toml
from schemas.form import Column
from schemas.messages import line
from schemas.round import Round
from schemas.text import slug
from schemas.units import Unit

Row = dict[str, Any]


DAYS_AFTER = 6  # the example's day of looking is so long after the last day in time


def write_example(round: Round, inbox: Path) -> tuple[list[Path], dt.date]:
    """Write the example files of a round into dated folders of the inbox; return their paths, and the day to look.

    Raises:
        OperatorError: other files lie there: what is made up must not mix with what units sent.
    """
    example = _Example(round, read_toml(HERE / "examples.toml"))
    return example.write(inbox), example.last_day + dt.timedelta(days=DAYS_AFTER)


class _Example:
    def __init__(self, round: Round, words: dict[str, Any]) -> None:
        self.round, self.form, self.words = round, round.form, words
        self.names = round.right_names.proposed
        start = round.source.date or dt.date(2022, 1, 1)
        self.last_day = round.deadline.last_day or round.example_day or start + dt.timedelta(days=30)

    def write(self, inbox: Path) -> list[Path]:
        files = list(self._files(inbox))
        paths = [path for path, *_ in files]
        if others := sorted({*paths_below(inbox)} - {*map(str, paths)}):
            raise OperatorError("not_example", inbox=inbox, file=Path(others[0]).relative_to(inbox))
        for path, sender, file, number in files:
            rows = self._rows(sender, file, random.Random(f"{self.round.id}/{sender.code}/{number}"))
            make(path.parent)
            self._workbook(sender, file, rows).save(path)
        return paths

    def _files(self, inbox: Path) -> Iterator[tuple[Path, Unit, dict[str, Any], int]]:
        """Yield the files: where each lies, who sends it, what `examples.toml` says of it, and its number."""
        senders = list(self.round.submitting_units.values())
        told = 1 + max(file["sender"] for file in self.words["files"])
        again = [(start, file) for start in range(0, len(senders), told) for file in self.words["files"]]
        for number, (start, file) in enumerate(again):
            if (
                start + file["sender"] >= len(senders)
                or file.get("part", self.round.submitters) not in self.round.lists
            ):
                continue
            sender = senders[start + file["sender"]]
            folder = inbox / (self.last_day - dt.timedelta(days=file["days"])).isoformat()
            name = file["name"].format(unit=sender.full_name, slug=slug(sender.name))
            path = folder / (f"{sender.full_name} - {name}" if start and "{" not in file["name"] else name)
            yield path, sender, file, number

    # --- what stands in the rows

    def _rows(self, sender: Unit, file: dict[str, Any], chance: random.Random) -> list[tuple[Unit, Row]]:
        part = file.get("part", "")
        people = self.form.rows == "persons"
        rows = [
            (unit, self._row(unit, chance))
            for unit in self.round.expected[sender.code]
            if part in ("", unit.level)
            for _ in range(chance.randint(3, 6) if people else 1)
        ]
        faults = [fault for group in file.get("faults", []) for fault in self.words["faults"][group]]
        faults = [{**fault, "key": key} for fault in faults if (key := self._key_of(fault)) in self.form.keys]
        places = [place for place, (unit, _) in enumerate(rows) if unit.level == self.round.lists[-1]]
        chance.shuffle(places)
        spoilt = dict(zip(places, faults, strict=False))
        kept: list[tuple[Unit, Row]] = []
        for place, (unit, row) in enumerate(rows):
            fault = spoilt.get(place)
            if fault and fault.get("how") == "omit":
                continue
            before = kept[-1][1] if kept else row
            kept.append((unit, self._spoil(unit, row, fault, before) if fault else row))
        return kept

    def _key_of(self, fault: dict[str, str]) -> str:
        """Return the column that a fault is put into: the one it names, or the first of its kind."""
        of_kind = [column.key for column in self.form.of_kind(fault.get("kind", ""))]
        return fault.get("key", of_kind[0] if of_kind else "")

    def _row(self, unit: Unit, chance: random.Random) -> Row:
        name = slug(unit.name).replace("-", "")
        row: Row = {column.key: "" for column in self.form.columns}
        row[self.form.unit_key] = unit.full_name
        for column in self.form.columns:
            if column.kind == "page-name":
                row[column.key] = self.names.get(unit.code, "")
            elif column.kind == "link":
                row[column.key] = f"https://www.facebook.com/mattran.{name}.{unit.code}"
        required, least = self.round.persons_asked(unit.level)
        persons = required or [*self.form.persons][: max(least, 1)]
        for group in persons:
            row |= self._person(self.form.persons[group], chance)
        absent = [group for group in self.form.persons if group not in persons]
        for column in self.form.columns:
            if column.kind in self.words["values"] and column.group not in absent:
                row[column.key] = self._value(column, chance)
            elif column.kind == "name" and column.group not in self.form.persons:
                row[column.key] = self._name(chance)
        return row

    def _name(self, chance: random.Random) -> str:
        return " ".join(chance.choice(self.words[part]) for part in ("surnames", "middles", "givens"))

    def _person(self, contact: dict[str, str], chance: random.Random) -> Row:
        """Return the cells of a made-up person; `contact` names the key of each kind."""
        name = self._name(chance)
        made = {
            "name": name,
            "phone": chance.choice(self.words["mobiles"]) + f"{chance.randrange(10**6):06}",
            "email": f"{slug(name).replace('-', '')}{chance.randrange(100)}@gmail.com",
        }
        return {key: made[kind] for kind, key in contact.items()}

    def _value(self, column: Column, chance: random.Random) -> Any:
        """Return what a unit may write in a column of no person and no page."""
        if column.kind == "choice":
            return chance.choice(column.choices).value
        if column.kind == "number":
            low = int(column.min or 0)  # type: ignore[arg-type]
            return chance.randint(low, int(column.max) if column.max is not None else low + 200)  # type: ignore[arg-type]
        if column.kind == "date":
            return self.last_day - dt.timedelta(days=chance.randint(3, 25))
        return chance.choice(self.words["values"][column.kind])

    def _spoil(self, unit: Unit, row: Row, fault: dict[str, str], before: Row) -> Row:
        key, value = fault["key"], row.get(fault["key"], "")
        how = fault.get("how", "")
        if how == "nothing":
            return {**dict.fromkeys(row, ""), self.form.unit_key: row[self.form.unit_key]}
        if how == "plain":
            value = unidecode(value)
        elif how == "upper":
            value = value.upper()
        elif how == "number":
            value = int(value)
        elif how == "copy":
            value = before[key]
        else:
            facts = {
                "unit": unit.full_name,
                "name": unit.name,
                "code": unit.code,
                "slug": slug(unit.name).replace("-", ""),
                "value": value,
            }
            value = fault["text"].format(**facts)
        return {**row, key: value}

    # --- how the sheet looks

    def _workbook(self, sender: Unit, file: dict[str, Any], rows: list[tuple[Unit, Row]]) -> openpyxl.Workbook:
        book = openpyxl.Workbook()
        day = self.last_day - dt.timedelta(days=file["days"])
        book.properties.created = dt.datetime.combine(day, dt.time(9))
        sheet = book.active
        layout = file["layout"]
        if layout == "sheets" and self.round.sections:
            for number, level in enumerate(self.round.lists):
                sheet = sheet if number == 0 else book.create_sheet()
                sheet.title = line("levels", level).capitalize()
                self._table(sheet, sender, [row for unit, row in rows if unit.level == level], merged=False)
            return book
        self._table(
            sheet,
            sender,
            self._with_sections(rows) if layout == "official" else [r for _, r in rows],
            flat=layout == "flat",
        )
        if layout == "official":
            for text in ("", self.words["note"], *self.words["sample"]):
                sheet.append([text])
        sheet.append([])
        sheet.append(["", self.words["signature"][0], "", "", "", self.words["signature"][1]])
        return book

    def _with_sections(self, rows: list[tuple[Unit, Row]]) -> list[Row]:
        """Return the rows under the form's section rows; the sender's own row is the section row itself."""
        listed: list[Row] = []
        for level in self.round.lists:
            under = [row for unit, row in rows if unit.level == level]
            if level not in self.round.sections:
                listed += under
                continue
            number, label = self.round.sections[level]
            heading = {"": number, self.form.unit_key: label}
            if level == self.round.submitters and len(under) == 1:
                listed.append({**under[0], **heading})
            else:
                listed += [heading, *under]
        return listed

    def _table(
        self, sheet: Worksheet, sender: Unit, rows: list[Row], *, flat: bool = False, merged: bool = True
    ) -> None:
        for title in self.form.title:
            sheet.append([title.format(unit=sender.full_name.upper())])
        sheet.append([])
        columns = self.form.columns
        if flat:
            sheet.append([self.form.ordinal.header, *(self.form.label(column.key) for column in columns)])
        else:
            self._two_row_header(sheet, merged)
        number = 0
        for row in rows:
            number += "" not in row
            sheet.append([row.get("", number), *(row.get(column.key, "") for column in columns)])
        for place, width in enumerate((6, *(column.width for column in columns))):
            sheet.column_dimensions[letters_of(place)].width = width

    def _two_row_header(self, sheet: Worksheet, merged: bool) -> None:
        top, place = sheet.max_row + 2, 2
        sheet.cell(top, 1, self.form.ordinal.header)
        groups: dict[str, list[int]] = {}
        for place, column in enumerate(self.form.columns, start=2):
            if not column.group:
                sheet.cell(top, place, column.header)
                if merged:
                    sheet.merge_cells(start_row=top, end_row=top + 1, start_column=place, end_column=place)
                continue
            sheet.cell(top + 1, place, column.header)
            groups.setdefault(column.group, []).append(place)
        for group, places in groups.items():
            sheet.cell(top, places[0], self.form.group(group).header)
            if merged:
                sheet.merge_cells(start_row=top, end_row=top, start_column=places[0], end_column=places[-1])
