"""The sheet with which a clerk checks the form before sending it: formulas over the list that name what is missing.

What a formula says of a row is said here too (`like`, `holds`), for programs that do not reckon when they open a
workbook. Where it is not what the program found, since no formula knows all that the program does, the formula of the
cell says what was found for as long as its cell holds what was judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from itertools import chain, zip_longest
from typing import Any

from pipeline.model import letters_of
from pipeline.render.entries import Entries
from pipeline.render.filling import FormRow
from pipeline.render.sheets import Column
from pipeline.xlsx.sheet import Cell, Formula, cells_xml
from pipeline.xlsx.text import quoted, sheet_name
from schemas.form import Column as FormColumn
from schemas.form import Form

_ROW, _LINE, _NAME, _RESULT = "\x00", "\x01", "\x02", "\x03"  # marks in a row of formulas
_REPEATED = ".duplicate"  # how the rules end by which something stands in several rows
_SOUGHT = 255  # characters of a text that COUNTIF looks for
_OF_PAGE = ("page-name", "link")

Texts = Mapping[str, Any]
"""What stands in a row of the list, by the columns' keys."""


class ListRows(list[tuple[int, FormRow, Texts]]):
    """The rows of a list that name a unit: their lines as Excel counts them, what is known of them, what is printed.

    `proposals` tells of cells of the list on which line of the sheet of faults a proposal for them can be accepted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.proposals: dict[str, int] = {}

    def holding(self, key: str, text: str) -> int:
        """Return in how many rows a column holds a text, as COUNTIF compares; asked when all rows are there."""
        if key not in self._counts:
            self._counts[key] = Counter(str(texts[key]).casefold() for _, _, texts in self)
        return self._counts[key][text.casefold()]

    @cached_property
    def _counts(self) -> dict[str, Counter[str]]:
        return {}


@dataclass(frozen=True)
class _Lack:
    """When a blank cell lacks something: as a formula, with a mark for the row, and of the texts of a row."""

    formula: str
    holds: Callable[[Texts], bool]


@dataclass(frozen=True)
class _Judged:
    """A column that is judged: where it stands, what is said of a text that is not as it should be (`like`), and when
    a blank in a row that is asked for something lacks something: one of `lacks`.
    """

    column: FormColumn
    place: int
    fault: str
    like: re.Pattern[str] | None
    lacks: list[_Lack]


class Judgements:
    """The formulas of a round's form; `text` and `centred` are the looks of their cells."""

    def __init__(self, entries: Entries, text: int, centred: int) -> None:
        self._entries, self.form, self.words = entries, entries.form, entries.words
        self.text, self.centred = text, centred

    @cached_property
    def _columns(self) -> list[tuple[int, FormColumn]]:
        """The columns that the sheet of formulas judges, and where they stand in the list."""
        return [(place, column) for place, column in enumerate(self.form.columns, start=1) if column.kind != "unit"]

    @cached_property
    def columns(self) -> list[Column]:
        """The columns of the sheet of formulas."""
        words = self.words["check"]
        return [
            Column("", self.form.ordinal.header, self.form.ordinal.width),
            Column("", words["unit"], words["unit_width"]),
            *(Column("", self.form.label(column.key), words["width"]) for _, column in self._columns),
            Column("", words["verdict"], words["verdict_width"]),
        ]

    def of_row(self, rows: ListRows, number: int, line: int, names: tuple[str, str]) -> str:
        """Return the formulas that judge one of the rows of the list, as XML; `line` is where they stand.

        Lines are counted as in Excel. `names` are the level and the right page name of the row's unit ("" for none).
        What the formulas would say is told to programs that do not reckon on opening; texts that were judged otherwise
        stand in hidden cells to the right.
        """
        (row, listed, texts), (level, name) = rows[number], names
        pieces, results, kept = _placed(self._formulas[level, bool(name)], row, line), [], list[Cell]()

        def say_if(at: int, test: str, told: str) -> None:
            pieces[at] = pieces[at].replace("<f>", f"<f>IF({test},{quoted(told)},").replace("</f>", ")</f>")

        def keep(at: int, key: str, told: str, *, reckoned: bool) -> None:
            """Let a cell say what was found while its cell holds what was judged and no proposal for it is accepted."""
            results.append(told and escape(told, quote=False))
            place = self._places[key]
            accepted = self._accepted(rows.proposals.get(f"{letters_of(place)}{row}"), place, row) if told else ""
            if not reckoned:
                text, cell = texts.get(key, ""), self._cell(place).replace(_ROW, str(row))
                held = '""' if text == "" else f"{letters_of(len(self.columns) + len(kept))}{line}"
                is_left = f",NOT({accepted})" if accepted else ""
                say_if(at, f"AND(EXACT({cell},{held}){self._again(rows, number, key, cell)}{is_left})", results[at])
                kept.append((len(self.columns) + len(kept), text, self.text))
            elif accepted:
                say_if(at, accepted, "")

        for at, judged in enumerate(self._judged[level]):
            reckoned = self._reckoned(judged, texts, name)
            told = self._told(judged, listed, texts, reckoned)
            keep(at, judged.column.key, told, reckoned=told == reckoned)
        words, unit_key = self.words["check"], self.form.unit_key
        verdict = words["wrong" if any(results) else "ok" if self._gate.holds(texts) else "no_page"]
        wrong = listed.judged and any(mark.severity == "error" for mark in listed.marks.get(unit_key, []))
        keep(len(results), unit_key, words["wrong"] if wrong else verdict, reckoned=not wrong)
        formulas = "".join(chain.from_iterable(zip_longest(pieces, results, fillvalue="")))
        return formulas.replace(_NAME, escape(quoted(name), quote=False)) + cells_xml(line, kept)

    def _again(self, rows: ListRows, number: int, key: str, cell: str) -> str:
        """Return the test that a text stands in as many rows as it did, where that is what is wrong with it."""
        _, listed, texts = rows[number]
        if not any(mark.rule.endswith(_REPEATED) for mark in listed.marks.get(key, [])):
            return ""
        text, column = str(texts[key]), letters_of(self._places[key])
        if (count := rows.holding(key, text)) < 2 or len(text) > _SOUGHT:
            return ""
        area = f"{sheet_name(self.words['list']['name'])}!{column}{rows[0][0]}:{column}{rows[-1][0]}"
        return f",COUNTIF({area},{cell})&gt;={count}"

    def _accepted(self, line: int | None, place: int, row: int) -> str:
        """Return the test that a clerk accepted the proposal for a cell, which holds what it was made for ("": none).

        `line` is that of the proposal, None where there is none.
        """
        if line is None:
            return ""
        todo = self.words["todo"]
        on_sheet, places = sheet_name(todo["name"]), todo["answer_columns"]
        [*_, before, _, answer] = (f"{on_sheet}!{letters_of(place)}{line}" for place in places)
        cell, words = self._cell(place).replace(_ROW, str(row)), ",".join(map(quoted, todo["yes"]))
        return f"AND(SUMPRODUCT(--(TRIM({answer})={{{words}}}))&gt;0,EXACT(TRIM({cell}),TRIM({before})))"

    def _told(self, judged: _Judged, listed: FormRow, texts: Texts, reckoned: str) -> str:
        """Return what is said of a cell: nothing, where the program found nothing."""
        key = judged.column.key
        marks = listed.marks.get(key)
        if key not in listed.judged or (marks and all(mark.severity != "error" for mark in marks)):
            return reckoned
        if not marks:
            return ""
        return reckoned or str(self.words["check"]["marked" if texts.get(key) else "blank"])

    def _reckoned(self, judged: _Judged, texts: Texts, name: str) -> str:
        """Return what the formula of a column says of a row."""
        text = texts.get(judged.column.key, "")
        if text == "":
            for lack in judged.lacks:
                if lack.holds(texts):
                    return str(self.words["check"]["blank"]) if self._gate.holds(texts) else ""
            return ""
        if judged.column.kind == "page-name":
            return "" if text == name or not name else judged.fault
        return "" if judged.like is None or not isinstance(text, str) or judged.like.fullmatch(text) else judged.fault

    @cached_property
    def _formulas(self) -> dict[tuple[str, bool], str]:
        """The formulas of a row as XML, with marks: by the unit's level, without and with a right name."""
        formulas = {}
        for level, columns in self._judged.items():
            for named in (False, True):
                texts = [self._judgement(judged, named=named) for judged in columns]
                cells: list[Cell] = [(at, Formula(text, _RESULT), self.text) for at, text in enumerate(texts, start=2)]
                verdict = (2 + len(texts), Formula(self._verdict(2 + len(texts)), _RESULT), self.centred)
                formulas[level, named] = cells_xml(_LINE, [*cells, verdict])
        return formulas

    @cached_property
    def _judged(self) -> dict[str, list[_Judged]]:
        """The columns that are judged, by the level of a row's unit ("" where it is not known)."""
        levels = ["", *self._entries.round.lists]
        return {level: [self._judged_at(level, place, column) for place, column in self._columns] for level in levels}

    def _judged_at(self, level: str, place: int, column: FormColumn) -> _Judged:
        hint, words = self._entries.hint(column), self.words["check"]
        lacks: list[_Lack] = []
        if siblings := [c.key for c in self.form.columns if c is not column and _goes_with(column, c, self.form)]:
            lacks.append(self._any_of(siblings))
        if column.filled:
            lacks += [self._one_of(key, values) for key, values in column.where.items()][:1] or [_ALWAYS]
        for number, (group, contact) in enumerate(self.form.persons.items()):
            if contact["name"] == column.key:
                lacks += self._asked(level, group, number)
        like = self._entries.like(column)
        fault = words["differs"] if column.kind == "page-name" else hint.get("wrong", "")
        return _Judged(column, place, fault, like, lacks)

    # --- when a blank lacks something

    def _asked(self, level: str, group: str, number: int) -> list[_Lack]:
        """Return when a person is asked for: the round wants that one, or so many that the later ones do not do."""
        required, least = self._entries.round.persons_asked(level) if level else ([], 0)
        if required:
            return [_ALWAYS] if group in required else []
        later = [[*contact.values()] for contact in [*self.form.persons.values()][number + 1 :]]
        least -= number
        if least <= 0 or len(later) < least:
            return [_ALWAYS] if least > 0 else []
        others = list(map(self._any_of, later))
        counted = "+".join(f"({other.formula})" for other in others)
        return [_Lack(f"0+{counted}<{least}", lambda texts: sum(other.holds(texts) for other in others) < least)]

    def _any_of(self, keys: list[str]) -> _Lack:
        """Return when one of these columns says something."""
        joined = "&".join(self._cell(self._places[key]) for key in keys)
        return _Lack(f'TRIM({joined})<>""', lambda texts: any(texts.get(key, "") != "" for key in keys))

    def _one_of(self, key: str, values: Iterable[str]) -> _Lack:
        """Return when a column holds one of these."""
        folded, listed = {value.casefold() for value in values}, ",".join(map(quoted, values))
        formula = f"SUMPRODUCT(--(TRIM({self._cell(self._places[key])})={{{listed}}}))>0"
        return _Lack(formula, lambda texts: str(texts.get(key, "")).casefold() in folded)

    @cached_property
    def _gate(self) -> _Lack:
        """When a row is asked for anything: it has a page or, where the form has none, a unit."""
        return self._any_of(self._pages or [self.form.unit_key])

    @cached_property
    def _pages(self) -> list[str]:
        return [column.key for column in self.form.columns if column.kind in _OF_PAGE]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {column.key: place for place, column in enumerate(self.form.columns, start=1)}

    # --- formulas

    def _verdict(self, place: int) -> str:
        """Return the formula of a row's verdict, with marks for the rows."""
        last = f"{letters_of(len(self.form.columns))}{_ROW}"
        ok, no_page, wrong = (quoted(self.words["check"][key]) for key in ("ok", "no_page", "wrong"))
        verdict = f"IF({self._gate.formula},{ok},{no_page if self._pages else wrong})"
        verdict = f'IF(COUNTIF(C{_LINE}:{letters_of(place - 1)}{_LINE},"?*")=0,{verdict},{wrong})'
        return f'IF(COUNTA({self._cell(1)}:{last})=0,"",{verdict})'

    def _cell(self, place: int) -> str:
        """Return a cell of the list, with a mark for the row."""
        return f"{sheet_name(self.words['list']['name'])}!{letters_of(place)}{_ROW}"

    def _judgement(self, judged: _Judged, *, named: bool) -> str:
        """Return the formula of a column, with marks for the row and the right name."""
        at, blank = self._cell(judged.place), '""'
        if judged.lacks:
            lacks = [lack.formula for lack in judged.lacks]
            one = lacks[0] if len(lacks) == 1 else f"OR({','.join(lacks)})"
            gate, of_page = self._gate.formula, judged.column.kind in _OF_PAGE
            asked = one if of_page else gate if one == _ALWAYS.formula else f"AND({gate},{one})"
            blank = f'IF({asked},{quoted(self.words["check"]["blank"])},"")'
        test = ""
        if judged.column.kind == "page-name":
            test = f"EXACT(TRIM({at}),{_NAME})" if named else ""
        elif judged.fault:
            test = self._entries.test(judged.column, at)
        return f'IF(TRIM({at})="",{blank},' + (f'IF({test},"",{quoted(judged.fault)}))' if test else '"")')


_ALWAYS = _Lack("TRUE", lambda _: True)


@lru_cache(maxsize=1_000)  # most lists have the same few rows
def _placed_once(formulas: str, row: int, line: int) -> tuple[str, ...]:
    return tuple(formulas.replace(_ROW, str(row)).replace(_LINE, str(line)).split(_RESULT))


def _placed(formulas: str, row: int, line: int) -> list[str]:
    """Return formulas as XML with the rows for their marks, cut where their results stand."""
    return list(_placed_once(formulas, row, line))


def _goes_with(column: FormColumn, other: FormColumn, form: Form) -> bool:
    """Tell whether a column must be filled once the other is: name and link of a page, the parts of a contact."""
    if column.kind in _OF_PAGE:
        return other.kind in _OF_PAGE and other.group == column.group
    contact = form.persons.get(column.group, {}).values()
    return column.key in contact and other.key in contact
