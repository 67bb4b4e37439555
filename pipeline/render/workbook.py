"""The one writer of the form: blank, or filled with what a unit wrote and marked where it must be corrected.

The workbook is always written anew from the form's definition; nothing of a sender's file is carried along.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.answers import words
from pipeline.consolidate import vietnamese_date
from pipeline.model import address, letters_of
from pipeline.period import Carried
from pipeline.render.sheets import Book, Column, SheetWriter
from pipeline.xlsx.book import Workbook
from pipeline.xlsx.notes import Note
from pipeline.xlsx.sheet import Validation, one_of
from schemas.form import Column as FormColumn
from schemas.form import Form
from schemas.kinds import cell_value, repaired, shown
from schemas.kinds.yes_no import answers
from schemas.messages import how, title
from schemas.round import Round
from schemas.rules import bound_shown, rules_of
from schemas.units import Unit

# What a clerk may do on the protected list besides filling it.
_ALLOWED = 'scenarios="1" formatCells="0" formatColumns="0" formatRows="0"'
_NOTHING_ALLOWED = 'objects="1" scenarios="1"'
_MORE_PERSONS = 5_000  # rows below the list that have its drop-downs
LONG = 5_000  # rows: beyond this the sheet of formulas is left out, and the parts do not wait in memory
_ROW, _NAME = "\x00", "\x01"  # marks in a formula
NOTES_PER_SHEET = 2_000  # beyond this Excel becomes slow; the list of corrections still names every cell


@dataclass(frozen=True)
class Mark:
    """What must be done about a cell, or (without a cell) about the whole file."""

    severity: str
    severity_name: str
    message: str
    unit: str = ""
    label: str = ""
    value: str = ""
    suggestion: str = ""
    rule: str = ""


@dataclass(frozen=True)
class FormRow:
    """One row to print: texts by column key, and the marks on its cells."""

    values: dict[str, str]
    marks: dict[str, list[Mark]] = field(default_factory=dict)


@dataclass(frozen=True)
class Filling:
    """What stands in a form: rows by level, and marks that belong to no cell.

    `repaired`, `settled` (explained or accepted) and `changes` (since the version before) are told below the
    corrections, `progress` above them. `statements` are the answers to the round's questions, as typed.
    """

    rows: dict[str, list[FormRow]]
    whole: list[Mark] = field(default_factory=list)
    repaired: list[Mark] = field(default_factory=list)
    settled: list[Mark] = field(default_factory=list)
    changes: list[Mark] = field(default_factory=list)
    progress: str = ""
    statements: Mapping[str, str] = field(default_factory=dict)

    @property
    def marks(self) -> Iterable[Mark]:
        """All marks, those of the whole file first."""
        yield from self.whole
        for rows in self.rows.values():
            for row in rows:
                for marks in row.marks.values():
                    yield from marks


def prefilled(round: Round, sender: str, known: Carried) -> Filling:
    """Return the filling of a form with what is known of the sender's units; the others stand there blank."""
    rows: dict[str, list[FormRow]] = {level: [] for level in round.lists}
    for unit in round.expected[sender]:
        name = {round.form.unit_key: round.listed_names[unit.code]}
        rows[unit.level].extend(FormRow({**values, **name}) for values in known.get(unit.code) or [{}])
    return Filling(rows)


def write_form(
    path: Path, round: Round, sender: Unit, filling: Filling, names: dict[str, str], *, version: int, as_of: dt.date
) -> None:
    """Write the form of a sender.

    `names` are the right page names by unit code; `version` is the number the workbook has when it comes back.
    """
    file = Workbook(as_of, {"round": round.id, "unit": sender.code, "version": str(version)})
    _Form(Book(file, words(), _facts(round, sender, filling, version, as_of)), round, sender, filling).write(names)
    file.save(path)


def _is_long(filling: Filling) -> bool:
    return sum(map(len, filling.rows.values())) > LONG


def _facts(round: Round, sender: Unit, filling: Filling, version: int, as_of: dt.date) -> dict[str, Any]:
    """Return what titles and notes may mention."""
    day, deadlines = round.last_day_of(sender.code), words()["deadlines"]
    marks = list(filling.marks)
    return {
        "unit": sender.full_name.upper(),
        "code": sender.code,
        "round": round.id,
        "version": version,
        "office": round.office.name,
        "deadline": deadlines["none" if day is None else "ahead" if day >= as_of else "over"].format(
            date=vietnamese_date(day)
        ),
        **{f"{kind}s": sum(mark.severity == kind for mark in marks) for kind in ("error", "warning")},
    }


class _Form:
    """The sheets of one form; `places` collects every mark with its cell while the list is written."""

    def __init__(self, book: Book, round: Round, sender: Unit, filling: Filling) -> None:
        self.book, self.words = book, book.words
        self.round, self.form, self.sender, self.filling = round, round.form, sender, filling
        self.places: list[tuple[Mark, str]] = []
        self.judgements: dict[tuple[int, bool], str] = {}  # formulas by place, with and without a right name
        self.listed: list[tuple[int, FormRow]] = []  # rows of the list that name a unit
        self.centred = book.cell("center")
        self.inputs: list[tuple[FormColumn, float, int, int]] = []  # of the list: pixels, look if locked and if free

    def write(self, names: dict[str, str]) -> None:
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
            self._check(names)
        self._right_names(names)
        self._choices()
        self._guide()

    # --- the list

    def _list(self, marked: bool) -> None:
        words, form = self.words["list"], self.form
        ordinal = Column("", form.ordinal.header, form.ordinal.width, "center")
        columns = [ordinal, *(self._column(column) for column in form.columns)]
        sheet = self.book.sheet(words["name"], [column.width for column in columns])
        for text in form.title:
            sheet.line(text.format(**self.book.facts), bold=True, align="center")
        sheet.line(words["identity"].format(**self.book.facts), italic=True, align="center")
        sheet.line(words["guide_marked" if marked else self._guide_key].format(**self.book.facts), italic=True)
        header = sheet.form_header(columns)
        looks = [self.book.cell("given", locked=locked) for locked in (True, False)]
        self.inputs = [
            (column, sheet.width(place), looks[0], looks[1]) for place, column in enumerate(form.columns, start=1)
        ]
        first = sheet.row
        for level in self.round.lists:
            if level in self.round.sections:
                sheet.section([*self.round.sections[level]])
            for number, row in enumerate(self.filling.rows.get(level, []), start=1):
                self._row(sheet, number, row)
        persons = form.rows == "persons"
        for _ in range(words["spare_rows_of_persons" if persons else "spare_rows"]):
            self._row(sheet, None, FormRow({}))
        for place, column in enumerate(form.columns, start=1):
            self._input_rule(sheet, column, first, place)
        sheet.finish((header, first - 1), frozen_columns=2, filtered=False)
        if not persons:  # a unit may have more persons than anyone foresees
            sheet.paper.protection = _ALLOWED

    @property
    def _guide_key(self) -> str:
        if self.form.rows == "persons":
            return "guide_persons"
        return "guide_blank" if self.form.of_kind("page-name") else "guide_units"

    def _column(self, column: FormColumn) -> Column:
        parent = self.form.group(column.group).header if column.group else ""
        return Column(column.key, column.header, column.width, "given", parent=parent)

    def _row(self, sheet: SheetWriter, number: int | None, row: FormRow) -> None:
        line, texts = sheet.row, []
        cells: list[tuple[int, Any, int]] = [(0, number, self.centred)]
        for place, (column, width, locked, free) in enumerate(self.inputs, start=1):
            text, marks = row.values.get(column.key, ""), row.marks.get(column.key)
            # The units are given; a clerk writes into every other cell, and where a unit's name must be corrected.
            style = locked if column.kind == "unit" and text and not marks else free
            value: str | float = text
            if marks:
                style = self.book.toned("given", marks[0].severity, locked=False)
                self._mark(sheet, (line, place), marks)
            elif column.kind in ("number", "date"):
                value = _cell_value(text, column)
                if column.kind == "number":
                    style = self.book.cell("center", locked=False, num_format=_number_format(value, column))
            cells.append((place, value, style))
            if text:
                texts.append((text, width))
        sheet.paper.write_row(line, cells)
        if row.values.get(self.form.unit_key):
            self.listed.append((line, row))
        sheet.fit(line, texts)
        sheet.row += 1

    def _mark(self, sheet: SheetWriter, place: tuple[int, int], marks: list[Mark]) -> None:
        self.places.extend((mark, address(place)) for mark in marks)
        if len(self.places) <= NOTES_PER_SHEET:
            note = "\n".join(f"{mark.severity_name}: {mark.message}" for mark in marks)
            height = 24 + 17 * sum(len(part) // 42 + 1 for part in note.split("\n"))
            sheet.paper.notes.append(Note(*place, note, height))

    def _input_rule(self, sheet: SheetWriter, column: FormColumn, first: int, place: int) -> None:
        title, message = self._hint(column)["title"], self._how(column)
        last = sheet.row - 1 + (_MORE_PERSONS if self.form.rows == "persons" else 0)
        rule = replace(self._allowed(column, address((first, place))), title=title, message=message)
        sheet.paper.validate(first, place, last, rule)

    def _allowed(self, column: FormColumn, cell: str) -> Validation:
        """Return what may be typed into a column, of which this is the first cell."""
        if column.kind == "unit":
            count = len(self.round.expected[self.sender.code])
            return Validation("list", formulas=(f"'{self._names['name']}'!$C$3:$C${count + 2}",))
        if column.kind == "choice":
            return Validation("list", formulas=(self._choices_of(column),))
        if column.kind == "yes-no":
            return Validation("list", formulas=one_of(answers()))
        if column.kind == "number":
            return replace(_limits(column), type="whole" if column.whole else "decimal")
        if "rule" in self._hint(column):
            return Validation("custom", formulas=(f'OR({cell}="",{self._test(column, cell)})',))
        return Validation()

    # --- what the sender states of itself

    def _questions(self) -> None:
        words = self.words["questions"]
        columns = [Column("", *entry) for entry in zip(words["headers"], words["widths"], strict=True)]
        sheet = self.book.sheet(words["name"], words["widths"])
        sheet.line(words["title"], bold=True, align="center", font_size=13)
        sheet.line(words["note"], italic=True)
        header = sheet.header(columns)
        for number, question in enumerate(self.round.questions, start=1):
            row, answer = sheet.row, self.filling.statements.get(question.key, "")
            sheet.put(row, 0, number, self.centred)
            sheet.put(row, 1, question.text, self.book.cell("given"))
            sheet.put(row, 2, answer, self.book.cell("given", locked=False))
            if question.kind == "yes-no":
                sheet.paper.validate(row, 2, row, Validation("list", formulas=one_of(answers())))
            sheet.fit(row, [(question.text, sheet.width(1)), (answer, sheet.width(2))])
            sheet.row += 1
        sheet.finish((header, header), frozen_columns=0, filtered=False)
        sheet.paper.protection = _ALLOWED

    def _hint(self, column: FormColumn) -> dict[str, str]:
        """Return what the form says of a kind of column: `title`, and where Excel can judge it `rule` and `wrong`."""
        return self.words["hints"].get(column.kind, self.words["hints"]["text"])

    def _how(self, column: FormColumn) -> str:
        """Return how a column is filled: the form's own words, or those of its kind, and its bounds."""
        words = self.words["bounds"]
        bounds = zip(words.get(column.kind, ["", ""]), (column.min, column.max), strict=True)
        told = [text.format(bound=bound_shown(bound, column)) for text, bound in bounds if bound is not None]
        whole = [words["whole"]] if column.whole else []
        return " ".join([column.hint or how(column.kind), *whole, *told]).strip()

    def _test(self, column: FormColumn, cell: str) -> str:
        """Return Excel's test of a cell."""
        if column.kind == "choice":
            return f"COUNTIF({self._choices_of(column)},TRIM({cell}))>0"
        return self._hint(column)["rule"].format(cell=cell)

    @property
    def _names(self) -> dict[str, Any]:
        """The words of the sheet that lists the units: with the right page names where the round has a policy."""
        return self.words["names" if self.round.naming else "units"]

    @cached_property
    def _with_choices(self) -> list[FormColumn]:
        return self.form.of_kind("choice")

    def _choices_of(self, column: FormColumn) -> str:
        """Return the cells that list the choices of a column."""
        place = self._with_choices.index(column)
        first, last = (address((row, place)).replace(str(row + 1), f"${row + 1}") for row in (1, len(column.choices)))
        return f"'{self.words['choices']['name']}'!${first}:${last}"

    # --- what must be corrected

    def _todo(self, sheet: SheetWriter) -> None:
        words, facts = self.words["todo"], self.book.facts
        sheet.line(words["title"], bold=True, align="center", font_size=14)
        sheet.line(facts["unit"], bold=True, align="center")
        sheet.line(words["summary"].format(**facts), bold=True)
        if self.filling.progress:
            sheet.line(words["progress"].format(progress=self.filling.progress), bold=True)
        for step in words["steps"]:
            sheet.line(step.format(**facts))
        columns = [Column("", *entry) for entry in zip(words["headers"], words["widths"], strict=True)]
        header = sheet.header(columns)
        gravity = list(self.words["tones"])
        entries = sorted(
            [(mark, "") for mark in self.filling.whole] + self.places,
            key=lambda entry: gravity.index(entry[0].severity),
        )
        for number, (mark, cell) in enumerate(entries, start=1):
            self._entry(sheet, number, mark, cell)
        filling = self.filling
        told = {"repaired_title": filling.repaired, "settled_title": filling.settled, "changes_title": filling.changes}
        for key, marks in told.items():
            if marks:
                sheet.row += 1
                sheet.line(words[key], bold=True)
            for mark in marks:
                self._texts(sheet, [mark.unit, mark.label, mark.message, mark.value, mark.suggestion])
        sheet.finish((header, header), frozen_columns=0, filtered=False)
        sheet.paper.active = True

    def _entry(self, sheet: SheetWriter, number: int, mark: Mark, cell: str) -> None:
        row = sheet.row
        sheet.put(row, 0, number, self.centred)
        sheet.put(row, 1, mark.severity_name, self.book.toned("text", mark.severity))
        if cell:
            link = self.book.cell("center", font_color="#0563C1", underline=1)
            sheet.put(row, 2, cell, link)
            sheet.paper.link(row, 2, f"internal:'{self.words['list']['name']}'!{cell}", cell)
        else:
            sheet.put(row, 2, self.words["todo"]["whole_file"], self.book.cell("center"))
        sheet.put(row, 8, "", self.book.cell("center", locked=False))
        sheet.put(row, 9, "", self.book.cell("given", locked=False))
        sheet.put(row, 10, mark.rule, self.book.cell("small"))
        self._texts(sheet, [mark.unit, mark.label, mark.message, mark.value, mark.suggestion])

    def _texts(self, sheet: SheetWriter, texts: list[str]) -> None:
        for place, text in enumerate(texts, start=3):
            sheet.put(sheet.row, place, text, self.book.cell("given"))
        sheet.fit(sheet.row, [(text, sheet.width(place)) for place, text in enumerate(texts, start=3)])
        sheet.row += 1

    # --- checking before sending

    def _check(self, names: dict[str, str]) -> None:
        """Write a sheet of formulas over the list: what is missing, cell by cell, and a verdict a row."""
        words, form = self.words["check"], self.form
        judged = [(place, column) for place, column in enumerate(form.columns, start=1) if column.kind != "unit"]
        columns = [
            Column("", form.ordinal.header, form.ordinal.width),
            Column("", words["unit"], words["unit_width"]),
            *(Column("", form.label(column.key), words["width"]) for _, column in judged),
            Column("", words["verdict"], words["verdict_width"]),
        ]
        sheet = self.book.sheet(words["name"], [column.width for column in columns])
        sheet.line(words["title"], bold=True, align="center", font_size=13)
        sheet.line(words["note"], italic=True)
        header = sheet.header(columns)
        units = {
            self.round.listed_names[unit.code]: names.get(unit.code, "")
            for unit in self.round.expected[self.sender.code]
        }
        given, look = self.book.cell("given"), self.book.cell("text")
        for number, (row, listed) in enumerate(self.listed, start=1):
            unit = listed.values[form.unit_key]
            sheet.put(sheet.row, 0, number, self.centred)
            sheet.put(sheet.row, 1, unit, given)
            for place, (source, column) in enumerate(judged, start=2):
                formula = self._judgement(column, row, source, units.get(unit, ""))
                sheet.paper.formula(sheet.row, place, formula, self._known(column, listed), look)
            self._verdict(sheet, row, listed, len(columns) - 1)
            sheet.row += 1
        sheet.finish((header, header), frozen_columns=2, filtered=False)
        sheet.paper.protection = _NOTHING_ALLOWED

    def _verdict(self, sheet: SheetWriter, row: int, listed: FormRow, place: int) -> None:
        words, pages, line = self.words["check"], self.pages, sheet.row + 1
        verdict = f'IF(COUNTIF(C{line}:{letters_of(place - 1)}{line},"?*")=0,"{words["ok"]}","{words["wrong"]}")'
        if pages:
            named = "&".join(f"'{self.words['list']['name']}'!{letters_of(p)}{row + 1}" for p in pages)
            verdict = f'IF(TRIM({named})="","{words["no_page"]}",{verdict})'
        without = not any(listed.values.get(self.form.columns[p - 1].key) for p in pages)
        known = words["no_page"] if pages and without else words["wrong"] if listed.marks else words["ok"]
        sheet.paper.formula(sheet.row, place, verdict, known, self.centred)

    @cached_property
    def pages(self) -> list[int]:
        """Where the names and links of pages stand in the list."""
        return [p for p, c in enumerate(self.form.columns, start=1) if c.kind in ("page-name", "link")]

    def _known(self, column: FormColumn, listed: FormRow) -> str:
        """Return what the formula would say, for programs that do not reckon on opening."""
        if column.key not in listed.marks:
            return ""
        words, hint = self.words["check"], self._hint(column)
        return str(hint.get("wrong", words["differs"]) if listed.values.get(column.key) else words["blank"])

    def _judgement(self, column: FormColumn, row: int, place: int, right_name: str) -> str:
        """Return the formula that says what is wrong with a cell of the list, an empty text if nothing is."""
        named = bool(right_name)
        if (place, named) not in self.judgements:
            self.judgements[place, named] = self._judgement_of(column, place, named=named)
        return self.judgements[place, named].replace(_ROW, str(row + 1)).replace(_NAME, right_name)

    def _judgement_of(self, column: FormColumn, place: int, *, named: bool) -> str:
        """Return the formula of a column, with marks for the row and the right name."""
        words, hint = self.words["check"], self._hint(column)

        def at(where: int) -> str:
            return f"'{self.words['list']['name']}'!{letters_of(where)}{_ROW}"

        if column.kind == "page-name" and named:
            test = f'EXACT(TRIM({at(place)}),"{_NAME}")'
            fault = words["differs"]
        elif "wrong" in hint:
            test, fault = self._test(column, at(place)), hint["wrong"]
        else:
            test, fault = "TRUE", ""
        siblings = [p for p, c in enumerate(self.form.columns, start=1) if _goes_with(column, c, self.form)]
        needed = "&".join(at(p) for p in siblings if p != place) or '""'
        blank = f'IF({needed}="","","{words["blank"]}")'
        if column.filled and not column.where:
            blank = f'"{words["blank"]}"'
        return f'IF(TRIM({at(place)})="",{blank},IF({test},"","{fault}"))'

    # --- right names, and how to fill the form

    def _guide(self) -> None:
        """Write how each column is filled and which faults are told of it, from the words that judge it."""
        words = self.words["guide"]
        columns = [Column("", *entry) for entry in zip(words["headers"], words["widths"], strict=True)]
        sheet = self.book.sheet(words["name"], words["widths"])
        sheet.line(words["title"], bold=True, align="center", font_size=13)
        header = sheet.header(columns)
        for column in self.form.columns:
            listed = (
                [words["choices"].format(choices="; ".join(c.value for c in column.choices))] if column.choices else []
            )
            texts = [
                self.form.label(column.key),
                " ".join([self._how(column), *listed, self._when(column, words)]).strip(),
                "; ".join(map(title, rules_of(column, self.form))),
            ]
            for place, text in enumerate(texts):
                sheet.put(sheet.row, place, text, self.book.cell("text"))
            sheet.fit(sheet.row, [(text, sheet.width(place)) for place, text in enumerate(texts)])
            sheet.row += 1
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

    def _right_names(self, names: dict[str, str]) -> None:
        words = self._names
        columns = [Column("", *entry) for entry in zip(words["headers"], words["widths"], strict=True)]
        sheet = self.book.sheet(words["name"], words["widths"])
        sheet.line(words["title"], bold=True, align="center", font_size=13)
        header = sheet.header(columns)
        for number, unit in enumerate(self.round.expected[self.sender.code], start=1):
            sheet.put(sheet.row, 0, number, self.centred)
            texts = (unit.code, self.round.listed_names[unit.code], names.get(unit.code, ""))[: len(columns) - 1]
            for place, text in enumerate(texts, start=1):
                sheet.put(sheet.row, place, text, self.book.cell("given"))
            sheet.row += 1
        sheet.finish((header, header), frozen_columns=0, filtered=False)

    def _choices(self) -> None:
        """Write the choices of every such column below each other, for the drop-downs."""
        if not self._with_choices:
            return
        width = self.words["choices"]["width"]
        columns = [Column("", self.form.label(column.key), width) for column in self._with_choices]
        sheet = self.book.sheet(self.words["choices"]["name"], [width for _ in columns])
        header = sheet.header(columns)
        for place, column in enumerate(self._with_choices):
            for row, choice in enumerate(column.choices, start=sheet.row):
                sheet.put(row, place, choice.value, self.book.cell("given"))
        sheet.row += max(len(column.choices) for column in self._with_choices)
        sheet.finish((header, header), frozen_columns=0, filtered=False)


def _cell_value(text: str, column: FormColumn) -> str | float:
    """Return what stands in a cell for a text: numbers are numbers; days are text, which no regional setting turns."""
    value = cell_value(repaired(text, column), column)
    if isinstance(value, dt.date):
        return shown(value.isoformat(), column)
    return text if isinstance(value, str) else value


def _number_format(value: str | float, column: FormColumn) -> str:
    decimals = len(str(value).partition(".")[2]) if isinstance(value, float) else 0
    return f"#,##0.{'0' * decimals}" if decimals else "#,##0" if column.whole or value != "" else "General"


def _limits(column: FormColumn) -> Validation:
    """Return the bounds of a number."""
    low, high = column.min, column.max
    if low is not None and high is not None:
        return Validation(operator="between", formulas=(f"{low}", f"{high}"))
    if high is not None:
        return Validation(operator="lessThanOrEqual", formulas=(f"{high}",))
    return Validation(operator="greaterThanOrEqual", formulas=(f"{-(10**15) if low is None else low}",))


def _goes_with(column: FormColumn, other: FormColumn, form: Form) -> bool:
    """Tell whether a column must be filled once the other is: name and link of a page, the parts of a contact."""
    if column.kind in ("page-name", "link"):
        return other.kind in ("page-name", "link") and other.group == column.group
    contact = form.persons.get(column.group, {}).values()
    return column.key in contact and other.key in contact
