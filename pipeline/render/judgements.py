"""The sheet with which a clerk checks the form before sending it: formulas over the list that name what is missing."""

from __future__ import annotations

from functools import cached_property, lru_cache
from html import escape
from itertools import chain, zip_longest

from pipeline.model import letters_of
from pipeline.render.entries import Entries
from pipeline.render.filling import FormRow
from pipeline.render.sheets import Column
from pipeline.xlsx.sheet import Cell, Formula, cells_xml
from schemas.form import Column as FormColumn
from schemas.form import Form

_ROW, _LINE, _NAME, _RESULT = "\x00", "\x01", "\x02", "\x03"  # marks in a row of formulas


class Judgements:
    """The formulas of a round's form; `text` and `centred` are the looks of their cells."""

    def __init__(self, entries: Entries, text: int, centred: int) -> None:
        self._entries, self.form, self.words = entries, entries.form, entries.words
        self.text, self.centred = text, centred

    @cached_property
    def _judged(self) -> list[tuple[int, FormColumn]]:
        """The columns that the sheet of formulas judges, and where they stand in the list."""
        return [(place, column) for place, column in enumerate(self.form.columns, start=1) if column.kind != "unit"]

    @cached_property
    def columns(self) -> list[Column]:
        """The columns of the sheet of formulas."""
        words = self.words["check"]
        return [
            Column("", self.form.ordinal.header, self.form.ordinal.width),
            Column("", words["unit"], words["unit_width"]),
            *(Column("", self.form.label(column.key), words["width"]) for _, column in self._judged),
            Column("", words["verdict"], words["verdict_width"]),
        ]

    def of_row(self, row: int, line: int, name: str, listed: FormRow) -> str:
        """Return the formulas that judge a row of the list, as XML; `line` is where they stand, `name` the right one.

        Rows are counted as in Excel. What the formulas would say is told to programs that do not reckon on opening.
        """
        told = [self._known(column, listed) if column.key in listed.marks else "" for _, column in self._judged]
        pieces = zip_longest(
            _placed(self._formulas[bool(name)], row, line), (*told, self._verdict_known(listed)), fillvalue=""
        )
        return "".join(chain.from_iterable(pieces)).replace(_NAME, escape(name, quote=False))

    @cached_property
    def _formulas(self) -> dict[bool, str]:
        """The formulas of a row as XML, with marks; without and with a right name."""
        formulas = {}
        for named in (False, True):
            texts = [self._judgement(column, place, named=named) for place, column in self._judged]
            cells: list[Cell] = [(at, Formula(text, _RESULT), self.text) for at, text in enumerate(texts, start=2)]
            verdict = (2 + len(texts), Formula(self._verdict(2 + len(texts)), _RESULT), self.centred)
            formulas[named] = cells_xml(_LINE, [*cells, verdict])
        return formulas

    @cached_property
    def _pages(self) -> list[int]:
        """Where the names and links of pages stand in the list."""
        return [p for p, c in enumerate(self.form.columns, start=1) if c.kind in ("page-name", "link")]

    def _verdict(self, place: int) -> str:
        """Return the formula of a row's verdict, with marks for the rows."""
        words = self.words["check"]
        verdict = f'IF(COUNTIF(C{_LINE}:{letters_of(place - 1)}{_LINE},"?*")=0,"{words["ok"]}","{words["wrong"]}")'
        if self._pages:
            named = "&".join(map(self._cell, self._pages))
            verdict = f'IF(TRIM({named})="","{words["no_page"]}",{verdict})'
        return verdict

    def _verdict_known(self, listed: FormRow) -> str:
        words, texts = self.words["check"], [listed.values.get(self.form.columns[p - 1].key) for p in self._pages]
        verdict = "no_page" if texts and not any(texts) else "wrong" if listed.marks else "ok"
        return escape(words[verdict], quote=False)

    def _known(self, column: FormColumn, listed: FormRow) -> str:
        words, hint = self.words["check"], self._entries.hint(column)
        text = hint.get("wrong", words["differs"]) if listed.values.get(column.key) else words["blank"]
        return escape(text, quote=False)

    def _cell(self, place: int) -> str:
        """Return a cell of the list, with a mark for the row."""
        return f"'{self.words['list']['name']}'!{letters_of(place)}{_ROW}"

    def _judgement(self, column: FormColumn, place: int, *, named: bool) -> str:
        """Return the formula of a column, with marks for the row and the right name."""
        words, hint, at = self.words["check"], self._entries.hint(column), self._cell
        if column.kind == "page-name" and named:
            test = f'EXACT(TRIM({at(place)}),"{_NAME}")'
            fault = words["differs"]
        elif "wrong" in hint:
            test, fault = self._entries.test(column, at(place)), hint["wrong"]
        else:
            test, fault = "TRUE", ""
        siblings = [p for p, c in enumerate(self.form.columns, start=1) if _goes_with(column, c, self.form)]
        needed = "&".join(at(p) for p in siblings if p != place) or '""'
        blank = f'IF({needed}="","","{words["blank"]}")'
        if column.filled and not column.where:
            blank = f'"{words["blank"]}"'
        return f'IF(TRIM({at(place)})="",{blank},IF({test},"","{fault}"))'


@lru_cache(maxsize=1_000)  # most lists have the same few rows
def _placed(formulas: str, row: int, line: int) -> list[str]:
    """Return formulas as XML with the rows for their marks, cut where their results stand."""
    return formulas.replace(_ROW, str(row)).replace(_LINE, str(line)).split(_RESULT)


def _goes_with(column: FormColumn, other: FormColumn, form: Form) -> bool:
    """Tell whether a column must be filled once the other is: name and link of a page, the parts of a contact."""
    if column.kind in ("page-name", "link"):
        return other.kind in ("page-name", "link") and other.group == column.group
    contact = form.persons.get(column.group, {}).values()
    return column.key in contact and other.key in contact
