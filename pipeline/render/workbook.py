"""The one writer of the form: blank, or filled with what a unit wrote and marked where it must be corrected.

The workbook is always written anew from the form's definition; nothing of a sender's file is carried along.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from copy import copy
from functools import cached_property
from itertools import zip_longest
from typing import Any

from pipeline.answers import words
from pipeline.model import address
from pipeline.render.entries import Entries
from pipeline.render.filling import Filling, FormRow, Mark
from pipeline.render.judgements import Judgements, ListRows
from pipeline.render.sheets import Book, Column, SheetWriter
from pipeline.xlsx.book import Workbook
from pipeline.xlsx.notes import Note
from pipeline.xlsx.sheet import Cell, Sheet, Validation, one_of
from pipeline.xlsx.text import sheet_name
from schemas.form import Column as FormColumn
from schemas.kinds import cell_value, repaired, shown
from schemas.kinds.yes_no import answers
from schemas.messages import title
from schemas.round import Round
from schemas.rules import rules_of
from schemas.text import screen_date
from schemas.units import Unit

# How lines over a whole sheet look; all forms ask for these looks first, so that they have the same numbers in all.
_TITLE, _LARGE = ({"bold": True, "align": "center", "font_size": size} for size in (13, 14))
_BOLD, _CENTRED = {"bold": True, "align": "center"}, {"italic": True, "align": "center"}
_LINES: list[dict[str, Any]] = [_TITLE, _LARGE, _BOLD, _CENTRED, {"bold": True}, {"italic": True}, {}]
# What a clerk may do on the protected list besides filling it.
_ALLOWED = 'scenarios="1" formatCells="0" formatColumns="0" formatRows="0"'
_NOTHING_ALLOWED = 'objects="1" scenarios="1"'
_MORE_PERSONS = 5_000  # rows below the list that have its drop-downs
LONG = 5_000  # rows: beyond this the sheet of formulas is left out, and the parts do not wait in memory
NOTES_PER_SHEET = 2_000  # beyond this Excel becomes slow; the list of corrections still names every cell


def _is_long(filling: Filling) -> bool:
    return sum(map(len, filling.rows.values())) > LONG


class Forms:
    """The forms of a round on one day; what is the same in all of them is made once.

    `names` are the right page names by unit code.
    """

    def __init__(self, round: Round, names: dict[str, str], as_of: dt.date) -> None:
        self.round, self.form, self.names, self._as_of, self.words = round, round.form, names, as_of, words()
        self._book = Book(Workbook(as_of, {}), self.words, defaultdict(str))
        cell = self._book.cell
        self.centred, self.text, self.small, self.given = map(cell, ("center", "text", "small", "given"))
        self.free, self.ticked = cell("given", locked=False), cell("center", locked=False)
        self.linked = cell("center", font_color="#0563C1", underline=1, text_wrap=True)
        for look in _LINES:
            self._book.format(**look)
        for severity in self.words["tones"]:
            self._book.toned("text", severity)
            self._book.toned("given", severity, locked=False)
        self.entries = Entries(round, self.words)
        self.check = Judgements(self.entries, self.text, self.centred)
        self._choices()
        self._guide()
        self._paged: dict[tuple[str, ...], Sheet] = {}  # these sheets, by what their pages say

    def made(self, sender: Unit, filling: Filling, version: int) -> bytes:
        """Return the form of a sender, a workbook; `version` is the number that it has when it comes back."""
        file = Workbook(self._as_of, {"round": self.round.id, "unit": sender.code, "version": str(version)})
        book = self._book.another(file, self._facts(sender, filling, version))
        _Form(self, book, sender, filling).write()
        for sheet in map(book.paged, map(copy, self._book.file.sheets)):
            file.sheets.append(self._paged.setdefault((sheet.name, sheet.header, sheet.footer), sheet))
        return file.content()

    def _facts(self, sender: Unit, filling: Filling, version: int) -> dict[str, Any]:
        """Return what titles and notes may mention."""
        day, deadlines = self.round.last_day_of(sender.code), self.words["deadlines"]
        severities = [mark.severity for mark in filling.marks]
        return {
            "unit": sender.full_name.upper(),
            "code": sender.code,
            "round": self.round.id,
            "version": version,
            "office": self.round.office.name,
            "deadline": deadlines["none" if day is None else "ahead" if day >= self._as_of else "over"].format(
                date=screen_date(day)
            ),
            **{f"{kind}s": severities.count(kind) for kind in ("error", "warning")},
        }

    # --- columns

    @cached_property
    def columns(self) -> list[Column]:
        """The columns of the list."""
        groups = {column.group: self.form.group(column.group).header for column in self.form.columns if column.group}
        ordinal = Column("", self.form.ordinal.header, self.form.ordinal.width)
        own = [Column(c.key, c.header, c.width, parent=groups.get(c.group, "")) for c in self.form.columns]
        return [ordinal, *own]

    # --- what is the same for all senders

    def _choices(self) -> None:
        """Write the choices of every such column below each other, for the drop-downs."""
        if not self.entries.with_choices:
            return
        width = self.words["choices"]["width"]
        columns = [Column("", self.form.label(column.key), width) for column in self.entries.with_choices]
        sheet = self._book.sheet(self.words["choices"]["name"], [width for _ in columns])
        header = sheet.header(columns)
        for choices in zip_longest(*(column.choices for column in self.entries.with_choices)):
            sheet.write([(place, choice.value, self.given) for place, choice in enumerate(choices) if choice])
        sheet.finish((header, header), frozen_columns=0, filtered=False)

    def _guide(self) -> None:
        """Write how each column is filled and which faults are told of it, from the words that judge it."""
        words = self.words["guide"]
        sheet = self._book.sheet(words["name"], words["widths"])
        sheet.line(words["title"], **_TITLE)
        header = sheet.header(_columns(words))
        for column in self.form.columns:
            choices = "; ".join(choice.value for choice in column.choices)
            listed = [words["choices"].format(choices=choices)] if choices else []
            texts = [
                self.form.label(column.key),
                " ".join([self.entries.how(column), *listed, self._when(column, words)]).strip(),
                "; ".join(map(title, rules_of(column, self.form))),
            ]
            sheet.write_fit([(place, text, self.text) for place, text in enumerate(texts)])
        if self.round.notes:
            sheet.row += 1
            sheet.line(words["notes"].format(source=self.round.source.reference), bold=True)
        for note in self.round.notes:
            sheet.line(note)
        sheet.finish((header, header), frozen_columns=0, filtered=False)

    def _when(self, column: FormColumn, words: dict[str, Any]) -> str:
        """Return in which rows a column is filled."""
        if column.where:
            text = words["filled_where" if column.filled else "where"]
            return " ".join(
                text.format(column=self.form.label(key), values="; ".join(values))
                for key, values in column.where.items()
            )
        return str(words["filled" if column.filled or column.kind == "unit" else "blank"])


class _Form:
    """The sheets of one form; `places` collects every mark with its sheet and cell while they are written."""

    def __init__(self, forms: Forms, book: Book, sender: Unit, filling: Filling) -> None:
        self.forms, self.book, self.words, self.round, self.form = forms, book, book.words, forms.round, forms.form
        self.filling, self.units = filling, self.round.expected[sender.code]
        self.places: list[tuple[Mark, str, str]] = []
        self.listed = ListRows()

    def write(self) -> None:
        """Write what must be corrected (if anything), the list, and the right names."""
        words = self.words
        marked = any(True for _ in self.filling.marks)
        todo = self.book.sheet(words["todo"]["name"], words["todo"]["widths"]) if marked else None
        self._list(marked)
        if self.round.questions:
            self._questions()
        if todo:
            self._todo(todo)
        if not _is_long(self.filling):
            self._check()
        self._right_names()

    # --- the list

    def _list(self, marked: bool) -> None:
        words, form, forms = self.words["list"], self.form, self.forms
        sheet = self.book.sheet(words["name"], [column.width for column in forms.columns])
        for text in form.title:
            sheet.line(text.format(**self.book.facts), **_BOLD)
        sheet.line(words["identity"].format(**self.book.facts), **_CENTRED)
        sheet.line(words["guide_marked" if marked else self._guide_key].format(**self.book.facts), italic=True)
        header = sheet.form_header(forms.columns)
        first = sheet.row
        for level in self.round.lists:
            if level in self.round.sections:
                sheet.section([*self.round.sections[level]])
            for number, row in enumerate(self.filling.rows.get(level, []), start=1):
                self._row(sheet, number, row)
        persons = form.rows == "persons"
        for _ in range(words["spare_rows_of_persons" if persons else "spare_rows"]):
            self._row(sheet, None, FormRow({}))
        last = sheet.row - 1 + (_MORE_PERSONS if persons else 0)
        for place, rule in enumerate(forms.entries.rules(first, len(self.units)), start=1):
            sheet.paper.validate(first, place, last, rule)
        sheet.finish((header, first - 1), frozen_columns=2, filtered=False)
        if not persons:  # a unit may have more persons than anyone foresees
            sheet.paper.protection = _ALLOWED

    @property
    def _guide_key(self) -> str:
        if self.form.rows == "persons":
            return "guide_persons"
        return "guide_blank" if self.form.of_kind("page-name") else "guide_units"

    def _row(self, sheet: SheetWriter, number: int | None, row: FormRow) -> None:
        forms = self.forms
        cells: list[Cell] = [(0, number, forms.centred)]
        printed: dict[str, Any] = {}
        for place, column in enumerate(self.form.columns, start=1):
            value: Any = row.values.get(column.key, "")
            # The units are given; a clerk writes into every other cell, and where a unit's name must be corrected.
            look = forms.given if column.kind == "unit" and value else forms.free
            if marks := row.marks.get(column.key):
                look = self.book.toned("given", marks[0].severity, locked=False)
                self._mark(sheet, (sheet.row, place), marks)
            elif column.kind in ("number", "date"):
                value = _cell_value(value, column)
                if column.kind == "number":
                    look = self.book.cell("center", locked=False, num_format=_number_format(value, column))
            cells.append((place, value, look))
            printed[column.key] = value
        line = sheet.write_fit(cells)
        if row.values.get(self.form.unit_key):
            self.listed.append((line + 1, row, printed))

    def _mark(self, sheet: SheetWriter, place: tuple[int, int], marks: list[Mark]) -> None:
        self.places.extend((mark, sheet.paper.name, address(place)) for mark in marks)
        if len(self.places) <= NOTES_PER_SHEET:
            note = "\n".join(f"{mark.severity_name}: {mark.message}" for mark in marks)
            height = 24 + 17 * sum(len(part) // 42 + 1 for part in note.split("\n"))
            sheet.paper.notes.append(Note(*place, note, height))

    # --- what the sender states of itself

    def _questions(self) -> None:
        words, forms = self.words["questions"], self.forms
        sheet = self.book.sheet(words["name"], words["widths"])
        sheet.line(words["title"], **_TITLE)
        sheet.line(words["note"], italic=True)
        header = sheet.header(_columns(words))
        for number, question in enumerate(self.round.questions, start=1):
            answer, look = self.filling.statements.get(question.key, ""), forms.free
            if marks := self.filling.answers.get(question.key):
                look = self.book.toned("given", marks[0].severity, locked=False)
                self._mark(sheet, (sheet.row, 2), marks)
            row = sheet.write_fit([(0, number, forms.centred), (1, question.text, forms.given), (2, answer, look)])
            if question.kind == "yes-no":
                sheet.paper.validate(row, 2, row, Validation("list", formulas=one_of(answers())))
        sheet.finish((header, header), frozen_columns=0, filtered=False)
        sheet.paper.protection = _ALLOWED

    # --- what must be corrected

    def _todo(self, sheet: SheetWriter) -> None:
        words, facts = self.words["todo"], self.book.facts
        sheet.line(words["title"], **_LARGE)
        sheet.line(facts["unit"], **_BOLD)
        found = [kind for kind in ("errors", "warnings") if facts[kind]]
        sheet.line(words["summary"][found[0] if len(found) == 1 else "both"].format(**facts), bold=True)
        if self.filling.progress:
            sheet.line(words["progress"].format(progress=self.filling.progress), bold=True)
        for step in words["steps"]:
            sheet.line(step.format(**facts))
        header = sheet.header(_columns(words))
        gravity = list(self.words["tones"])
        entries = sorted(
            [(mark, "", "") for mark in self.filling.whole] + self.places,
            key=lambda entry: gravity.index(entry[0].severity),
        )
        for number, entry in enumerate(entries, start=1):
            self._entry(sheet, number, *entry)
        filling = self.filling
        told = {"repaired_title": filling.repaired, "settled_title": filling.settled, "changes_title": filling.changes}
        for key, marks in told.items():
            if marks:
                sheet.row += 1
                sheet.line(words[key], bold=True)
            for mark in marks:
                sheet.write_fit(self._told(mark))
        sheet.finish((header, header), frozen_columns=0, filtered=False)
        sheet.paper.active = True

    def _entry(self, sheet: SheetWriter, number: int, mark: Mark, place: str, cell: str) -> None:
        forms, whole = self.forms, (2, self.words["todo"]["whole_file"], self.forms.centred)
        shown = cell if place == self.words["list"]["name"] else f"{place} {cell}"
        cells: list[Cell] = [
            (0, number, forms.centred),
            (1, mark.severity_name, self.book.toned("text", mark.severity)),
            (2, shown, forms.linked) if cell else whole,
            *self._told(mark),
            (8, "", forms.ticked),
            (9, "", forms.free),
            (10, mark.rule, forms.small),
        ]
        row = sheet.write_fit(cells, slice(2, 8))
        if cell:
            sheet.paper.link(row, 2, f"internal:{sheet_name(place)}!{cell}", shown)
        if mark.suggestion and place == self.words["list"]["name"]:
            self.listed.proposals.setdefault(cell, row + 1)

    def _told(self, mark: Mark) -> list[Cell]:
        texts = (mark.unit, mark.label, mark.message, mark.value, mark.suggestion)
        return [(place, text, self.forms.given) for place, text in enumerate(texts, start=3)]

    # --- checking before sending

    def _check(self) -> None:
        """Write a sheet of formulas over the list: what is missing, cell by cell, and a verdict a row."""
        words, forms, unit_key = self.words["check"], self.forms, self.form.unit_key
        sheet = self.book.sheet(words["name"], [column.width for column in forms.check.columns])
        sheet.line(words["title"], **_TITLE)
        sheet.line(words["note"], italic=True)
        header = sheet.header(forms.check.columns)
        names = {unit.code: (unit.level, forms.names.get(unit.code, "")) for unit in self.units}
        for number, (_, row, printed) in enumerate(self.listed):
            formulas = forms.check.of_row(self.listed, number, sheet.row + 1, names.get(row.unit, ("", "")))
            sheet.write([(0, number + 1, forms.centred), (1, printed[unit_key], forms.given)], rest=formulas)
        sheet.finish((header, header), frozen_columns=2, filtered=False)
        sheet.paper.protection, sheet.paper.hidden = _NOTHING_ALLOWED, len(forms.check.columns)

    # --- right names

    def _right_names(self) -> None:
        words, forms = self.forms.entries.listed, self.forms
        sheet = self.book.sheet(words["name"], words["widths"])
        sheet.line(words["title"], **_TITLE)
        header = sheet.header(_columns(words))
        for number, unit in enumerate(self.units, start=1):
            texts = (unit.code, self.round.listed_names[unit.code], forms.names.get(unit.code, ""))
            given = [(place, text, forms.given) for place, text in enumerate(texts, start=1)]
            sheet.write([(0, number, forms.centred), *given[: len(words["widths"]) - 1]])
        sheet.finish((header, header), frozen_columns=0, filtered=False)


def _columns(words: dict[str, Any]) -> list[Column]:
    """Return the columns of a table of which the words name headers and widths."""
    return [Column("", *entry) for entry in zip(words["headers"], words["widths"], strict=True)]


def _cell_value(text: str, column: FormColumn) -> str | float:
    """Return what stands in a cell for a text: numbers are numbers; days are text, which no regional setting turns."""
    value = cell_value(repaired(text, column), column)
    if isinstance(value, dt.date):
        return shown(value.isoformat(), column)
    return text if isinstance(value, str) else value


def _number_format(value: str | float, column: FormColumn) -> str:
    decimals = len(str(value).partition(".")[2]) if isinstance(value, float) else 0
    return f"#,##0.{'0' * decimals}" if decimals else "#,##0" if column.whole or value != "" else "General"
