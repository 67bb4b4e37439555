"""Where the table is: header, columns, rows and sections of a form that clerks have rearranged.

Nothing here knows units but through the question `is_unit`, nor which form it is: words come from the form
and from the vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.around import Around
from pipeline.columns import SAMPLE, TOLD_APART, are_types
from pipeline.fillers import (
    holds_hints_only,
    holds_numbers_only,
    is_date_line,
    is_example,
    is_footer,
    is_grouping,
    is_total,
)
from pipeline.gazetteer import MIXED, OWN, bare_type, section_level, unit_type
from pipeline.header_rows import Columns, HeaderRows
from pipeline.headers import Headers
from pipeline.headings import Headings
from pipeline.lines import NO_HEADER, NOTHING, Found, Line, follows, with_dittos, with_part, with_second
from pipeline.model import Place, Sheet
from pipeline.pages import Pages
from pipeline.persons import by_kind, each_in, is_ditto
from pipeline.view import ORDINAL, View, alone
from schemas.kinds import link
from schemas.kinds.blank import is_blank
from schemas.text import clean
from schemas.units import LEVELS

Question = Callable[[str], bool]
"""What is asked of a text: whether it names a unit, or a place."""


@dataclass(frozen=True)
class Layout:
    """The tables of a sheet and the texts above the first one."""

    tables: list[Found]
    title: list[str]
    sheet: str = ""


SEARCHED = 1_000  # after so many rows of text without a header a sheet is none of the form's
MOST_TABLES = 2_000  # of a sheet: beyond, a header is only a row to pass over


def find_tables(sheet: Sheet, headers: Headers, is_unit: Question, is_heading: Question | None = None) -> Layout:
    """Return the tables of the sheet that have the form's columns; `is_heading` tells texts that name a place."""
    return Finder(sheet, headers, is_unit, is_heading or is_unit).find()


class Finder:
    """Walks down one sheet; the state is the section, the heading and the unit last named.

    With `lacking`, a table is looked for that says these keys of units and nothing else.
    """

    def __init__(
        self,
        sheet: Sheet,
        headers: Headers,
        is_unit: Question,
        is_heading: Question,
        lacking: frozenset[str] = frozenset(),
    ) -> None:
        self.is_heading = is_heading
        self.sheet = sheet
        self.view = View(sheet)
        self.form = form = headers.form
        self.is_unit = is_unit
        self.unit_key = form.unit_key
        self.kinds = {column.key: column.kind for column in form.columns}
        self.columns = {column.key: column for column in form.columns}
        self.persons = list(form.persons.values())
        contacts = {key for keys in self.persons for key in keys.values()}
        self.further = {column.key for column in form.columns if column.group in form.persons} - contacts
        self.pages = Pages(sheet, form, is_unit)
        self.header_rows = HeaderRows(self.view, headers, self.pages, is_unit, lacking)
        self.around = Around(self.view, self.header_rows, is_unit)
        self.levels = (*LEVELS, MIXED, OWN) if form.sections else ()
        self.level = section_level(sheet.name)
        self.heading = ""
        self.above: tuple[str, Place] | None = None  # the unit last named, and where
        self.named: dict[int, tuple[str, Place]] = {}  # by the row of a header: the unit that is named above it

    def find(self) -> Layout:
        """Return the tables of the sheet."""
        tables: list[Found] = []
        current: list[Found] = []  # the tables side by side under the last header
        title: list[str] = []
        row, count, passed = 0, len(self.view.cells), 0
        while row < count and passed < SEARCHED:
            if self.view.is_empty(row) and row not in self.view.flawed:
                row += 1  # a sheet may end with a million of them
                continue
            if len(tables) >= MOST_TABLES and self.header_rows.may_be(row):
                row += 1
                continue
            depth, beside = self.header_rows.at(row)
            if depth:
                current = [self._begun(row, columns) for columns in beside]
                for table in current if len(current) > 1 else ():
                    own = {*table.columns.values(), *table.extra}
                    table.part = slice(min(own), max(own) + 1)
                tables.extend(current)
                if self.unit_key not in current[0].columns and (named := self.around.unit_above(row)):
                    self.named[row] = named
                row += depth
                continue
            if not tables:
                passed += 1
                title.extend(_title_texts(self.view.cells[row]))
            elif self._heads_another(row, current):
                current = []
            for table in current:
                self._read_row(row, table)
            row = self._after_example(row, current) if self.around.tells_of_example(row) else row + 1
        for table in tables:
            self._forget_spanned(table)
            for place in table.parts:
                table.extra.pop(place, None)
            if table.headings:
                table.headings.settle(table.lines)
        self._name_by_headings(tables)
        return Layout(tables, title, self.sheet.name)

    def _after_example(self, row: int, current: list[Found]) -> int:
        """Return the row at which the list may go on, below words for an example at a row."""
        with_lines = [table for table in current if table.lines]
        if not with_lines:
            return row + 1
        after, goes_on = self.around.after_example(
            row, lambda at: any(_goes_on(self._line(at, t), t) for t in with_lines)
        )
        for table in current if goes_on else ():
            table.ended = False
        return after

    def _heads_another(self, row: int, current: list[Found]) -> bool:
        """Tell the header of another table below a list, which does not go on under it."""
        if not self.header_rows.heads_another(row) or not any(table.lines for table in current):
            return False
        below = self.view.next_filled(row + 1)
        return below >= len(self.view.cells) or not any(_goes_on(self._line(below, table), table) for table in current)

    def _name_by_headings(self, tables: list[Found]) -> None:
        """Give the unit named above a table to its rows, where several tables are of a unit each; one row in a list of
        units.
        """
        single = self.form.rows == "units"
        named = [table for table in tables if table.header in self.named and (len(table.lines) == 1 or not single)]
        if len({self.named[table.header][0] for table in named}) < 2:
            return
        for table in named:
            unit, place = self.named[table.header]
            for number, line in enumerate(table.lines):
                if is_blank(line.texts.get(self.unit_key, "")):
                    texts, elsewhere = line.texts | {self.unit_key: unit}, {**line.elsewhere, self.unit_key: place}
                    table.lines[number] = replace(line, texts=texts, elsewhere=elsewhere)

    def _begun(self, row: int, columns: Columns) -> Found:
        """Return the table without lines of a header at this row."""
        keys, extra = columns.keys, columns.extra
        headings = Headings(self.form, keys, self.is_unit)
        types = keys.get(self.unit_key, 0) - 1
        is_free = types >= 0 and extra.get(types, "-") and types not in keys.values()
        if is_free and are_types(self.view.cells[row + 1 : row + SAMPLE], types):
            extra = {place: text for place, text in extra.items() if place != types}
        else:
            types = -1
        return Found(
            self.sheet.name, keys, extra, row, self._combined(keys), columns.split, types,
            headings if headings.lacking else None, named=columns.named,
        )  # fmt: skip

    def go_on(self, above: Found) -> Layout:
        """Return the sheet as one without a header that goes on with the rows of another sheet's table."""
        table = Found(self.sheet.name, above.columns, above.extra, NO_HEADER, above.combined, above.split, above.types)
        title: list[str] = []
        self.level, self.heading = above.lines[-1].level, above.lines[-1].heading
        for row, cells in enumerate(self.view.cells):
            self._read_row(row, table)
            title.extend([] if table.lines else _title_texts(cells))
        return Layout([table], title, self.sheet.name)

    def _forget_spanned(self, table: Found) -> None:
        """Forget columns that only give a header's merged cell its width: no row says anything there."""
        for column, header in [*table.extra.items()]:
            anchor = self.view.anchors.get((table.header, column), (table.header, column))
            is_own = anchor[1] == column or clean(self.view.text(anchor)) != header
            if not is_own and not any(column in line.beside for line in table.lines):
                del table.extra[column]

    def _combined(self, columns: dict[str, int]) -> frozenset[int]:
        """Return the columns that speak for keys of several kinds."""
        kinds = Counter(place for _, place in {(self.kinds[key], place) for key, place in columns.items()})
        return frozenset(place for place, count in kinds.items() if count > 1)

    # --- rows

    def _read_row(self, row: int, table: Found) -> None:
        """Add the line that the row holds to the table, or a second person to the line above."""
        if table.headings and self._is_heading_of(table.headings, row, table):
            return
        line = self._by_part(self._line(row, table), table)
        above = table.lines[-1] if table.lines else None
        second = self._without_repeated(line, above) if above and table.parts else line
        both = with_second(above, second, self.persons, self.further) if above and not table.ended else None
        if both:
            table.lines[-1] = both
        elif checked := self._checked(line, table):
            checked = table.headings.on(checked) if table.headings else checked
            table.lines.append(self._of_unit_above(with_dittos(checked, above, self.persons)))
        elif heading := self._heading(row, table):
            self.heading = heading
            self.above = (heading, self.view.place_of(heading, row))
        elif section_level(unit := line.texts.get(self.unit_key, "")):
            self.above = (unit, line.cells[self.unit_key])

    def _without_repeated(self, line: Line, above: Line) -> Line:
        """Return the line of a person without unit and page, where all that is told of these is as in the row above."""
        own = [key for key in line.texts if self.columns[key].group not in self.form.persons]
        if any(clean(line.texts[key]) != clean(above.texts.get(key, "")) for key in own):
            return line
        return replace(line, ordinal="", texts=line.texts | dict.fromkeys(own, ""))

    def _by_part(self, line: Line, table: Found) -> Line:
        """Return the line with its person where a cell beside the name says that he belongs, if there is one alone.

        What the header says of him goes first: what stands beside the name may be his position.
        """
        persons = self.form.persons
        if len(persons) != 2 or not line.beside:
            return line
        there = [group for group, keys in persons.items() if not table.columns.keys().isdisjoint(keys.values())]
        if len(there) != 1 or there[0] in table.named:
            return line
        told = {place: self.header_rows.headers.person_in(text) for place, text in line.beside.items()}
        parts = {part for part in told.values() if part}
        if len(parts) != 1:
            return line
        table.parts.update(place for place, part in told.items() if part)
        return with_part(line, persons[there[0]], persons[parts.pop()])

    def _is_heading_of(self, headings: Headings, row: int, table: Found) -> bool:
        """Take the row for a heading that stands in the place of a column, if it is one."""
        cells = table.cells_in(self.view.cells[row])
        if sum(map(bool, cells)) > 3 or len(texts := alone(cells)) != 1 or is_footer(cells):
            return False
        place = self.view.place_of(texts[0], row)
        return headings.take(texts[0], place, numbered=any(clean(text).strip(" .)").isdigit() for text in cells))

    def _of_unit_above(self, line: Line) -> Line:
        """Return the line of a person with the unit that was last named, where its own row names none.

        Of a unit's line only the place of a merged cell is kept: whether that names this row too its level tells.
        """
        unit = line.texts.get(self.unit_key, "")
        if self.form.rows != "persons":
            place = self.view.anchors.get((line.row, line.places.get(self.unit_key, -1)), (0, 0))
            spans = is_blank(unit) and line.table < place[0] < line.row
            return replace(line, elsewhere={**line.elsewhere, self.unit_key: place}) if spans else line
        if not is_blank(unit) and not is_ditto(unit):
            self.above = (unit, line.cells[self.unit_key])
        elif self.above:
            text, place = self.above
            is_section = bool(section_level(text))
            texts, elsewhere = line.texts | {self.unit_key: text}, {**line.elsewhere, self.unit_key: place}
            return replace(line, texts=texts, elsewhere=elsewhere, is_section=is_section)
        return line

    def _heading(self, row: int, table: Found) -> str:
        """Return the text of a row that holds one text alone (and a number), where it names a unit."""
        texts = alone(table.cells_in(self.view.cells[row]))
        return texts[0] if len(texts) == 1 and self.is_heading(texts[0]) and not is_date_line(texts[0]) else ""

    def _line(self, row: int, table: Found) -> Line:
        """Return what the row holds, whether or not it lists a unit."""
        places, cells, flaws = table.columns, self.view.cells[row], self.sheet.flaws
        elsewhere = self._merged_into(row, table) if row in self.view.merged else {}
        if elsewhere or table.combined or table.split or self.sheet.links:
            texts = {key: self._value(elsewhere.get(key, (row, column)), key, table) for key, column in places.items()}
        else:
            texts = {key: cells[column] if column < len(cells) else "" for key, column in places.items()}
        at = {key: elsewhere.get(key, (row, column)) for key, column in places.items()} if flaws else {}
        here = {key: flaws[cell] for key, cell in at.items() if cell in flaws}
        if table.types >= 0 and not unit_type(unit := texts[self.unit_key]) and not is_blank(unit):
            texts[self.unit_key] = f"{self._beside(row, table.types, table)} {unit}"
        if is_blank(texts.get(self.unit_key, "")) and (place := self._unit_beside(row, table)):
            texts[self.unit_key], elsewhere[self.unit_key] = self.view.text(place), place
        if not self.pages.is_plain(texts):
            self.pages.part(row, texts, elsewhere, here, table)
        beside = {
            column: text
            for column, header in table.extra.items()
            if header and (text := self._beside(row, column, table))
        }
        return Line(
            row, self._ordinal(row, table), texts, self.level, False, self.columns, places, table.extra, table.header,
            self.heading, elsewhere or NOTHING, here or NOTHING, beside or NOTHING, NOTHING, NOTHING,
        )  # fmt: skip

    def _beside(self, row: int, column: int, table: Found) -> str:
        """Return what stands in a column beside the form's; a cell merged over several rows speaks for each."""
        anchor = self.view.anchors.get((row, column), (row, column))
        return clean(self.view.text(anchor if anchor[1] == column and anchor[0] > table.header else (row, column)))

    def _checked(self, line: Line, table: Found) -> Line | None:
        """Return the line if it lists a unit; headings, totals, remarks and what stands below the table do not."""
        texts, flaws, cells = line.texts, line.flaws, table.cells_in(self.view.cells[line.row])
        unit = clean(texts.get(self.unit_key, ""))
        first = next((clean(text) for text in cells if not is_blank(text)), "")
        own = line.own
        data = own - {self.unit_key}
        if not first and not flaws:
            return None
        if len(data) >= 3 and any(is_example(text, self.is_unit) for text in (first, unit)):
            return None
        names_unit = self.is_unit(unit) and not is_date_line(unit)
        may_break_down = not names_unit and (table.totalled or bool(section_level(unit)))
        if data and may_break_down and self._counts_only(line, data):
            return None
        level, heading = ("", "") if names_unit and not table.ended else self._section_in(cells, texts)
        data -= {heading}
        if names_unit:
            if table.ended and not data and not line.ordinal:
                return None
        elif level and (not data or section_level(unit) == level):
            self.level, table.ended = level, False
            is_filled = any(text.strip() for key, text in texts.items() if key not in (self.unit_key, heading))
            return replace(line, level=level, is_section=True) if is_filled or data else None
        elif len(data) < 3 and is_footer(cells):
            table.ended = True
            return None
        if table.ended and _goes_on(line, table) and len(data) >= 3:
            table.ended = False
        if table.ended or self._is_filler(line, table, unit, first, own):
            return None
        return line

    def _counts_only(self, line: Line, data: set[str]) -> bool:
        """Tell a row that breaks a total down: it has counts where names and addresses stand."""
        return all(
            len(text := line.texts[key].strip()) <= 5 and text.isdigit() and self.kinds[key] in TOLD_APART
            for key in data
        )

    # --- cells of a row

    def _unit_beside(self, row: int, table: Found) -> Place | None:
        """Return the cell of another column that names a unit: the district beside its communes, in its own row.

        A name that the row above has as well only says where the communes belong.
        """
        above = table.lines[-1].beside if table.lines else {}
        for column, header in sorted(table.extra.items()):
            text = self.view.text((row, column))
            if header and not is_blank(text) and clean(text) != above.get(column, "") and self.is_unit(text):
                return row, column
        return None

    def _section_in(self, cells: list[str], texts: dict[str, str]) -> tuple[str, str]:
        """Return the level that a row's texts name as a section, and the column that says so ("" outside the form)."""
        for key in [self.unit_key, *(key for key in texts if self.kinds[key] != "choice")]:
            if (level := section_level(texts.get(key, ""))) in self.levels:
                return level, key
        others = [text for text in cells if text.strip()][:2]
        return next((level for level in map(section_level, others) if level in self.levels), ""), ""

    def _merged_into(self, row: int, table: Found) -> dict[str, Place]:
        """Return the cells above that hold values of this row: a person merged over several rows speaks for each."""
        above = {}
        for key, column in table.columns.items():
            place = self.view.anchors.get((row, column), (row, column))
            alone = key == self.unit_key and self.form.rows == "units"  # a district merged over its communes
            if table.header < place[0] < row and place[1] == column and not alone:
                above[key] = place
        return above

    def _value(self, place: Place, key: str, table: Found) -> str:
        text = self.view.text(place)
        if place[1] in table.combined and not is_ditto(text):
            if key in self.pages.keys:
                return self.pages.value(key, text, place)
            return by_kind(self._of_one(text, key, table)).get(self.kinds[key], "")
        if place[1] in table.split and self.kinds[key] == "name" and not is_ditto(text):
            row, end = place
            while end in table.split:
                end += 1
            parts = [self.view.text((row, column)) for column in range(place[1], end + 1)]
            return " ".join(part for part in parts if not is_blank(part)) or text
        return self.view.or_behind(text, place) if self.kinds[key] in ("link", "email") else text

    def _of_one(self, text: str, key: str, table: Found) -> str:
        """Return what a cell for several persons says of the one whose key this is, by parts or in order."""
        place, persons = table.columns[key], self.form.persons
        groups = [group for group, keys in persons.items() if place in map(table.columns.get, keys.values())]
        pieces = each_in(text) if len(groups) > 1 else [text]
        if len(pieces) != len(groups):
            return text
        parts = [self.header_rows.headers.person_in(piece.partition(":")[0]) for piece in pieces]
        return pieces[(parts if set(parts) == set(groups) else groups).index(self.columns[key].group)]

    def _ordinal(self, row: int, table: Found) -> str:
        text = clean(self.view.text((row, table.ordinal))) if table.ordinal >= 0 else ""
        return text if ORDINAL.match(text) else ""

    def _is_filler(self, line: Line, table: Found, unit: str, first: str, own: set[str]) -> bool:
        """Tell rows that list nothing: numbers of columns, totals, dots, empty numbered rows, stray remarks."""
        cells = table.cells_in(self.view.cells[line.row])
        if any(map(is_total, (first, unit))):
            table.totalled = True
            return True
        if holds_numbers_only(cells) or self.header_rows.repeats(line.row, cells):
            return True
        if first[:1] == "(" and holds_hints_only(cells):
            return True
        if is_blank(unit):
            return self.unit_key not in own and not self._speaks_of_a_page(line, cells)
        if own == {self.unit_key} and not self.is_unit(unit):
            if len(unit) > 60 or unit.endswith(":") or not (line.ordinal or unit_type(unit)):
                return True
            return is_grouping(unit) or (bool(bare_type(unit)) and not _goes_on(line, table))
        return False

    def _speaks_of_a_page(self, line: Line, cells: list[str]) -> bool:
        """Tell a row that forgot its unit from a remark or a signature: it has a page's address, or several cells."""
        own = line.own
        if any(self.kinds[key] == "link" and link.is_address(line.texts[key]) for key in own):
            return True
        several = sum(not is_blank(text) for text in cells) >= 2
        return len(own) >= 3 or (several and any(self.columns[key].required for key in own))


def _title_texts(cells: list[str]) -> list[str]:
    """Return the texts of a row above the table, and all in one where a title runs over several cells."""
    texts = [text for text in map(clean, cells) if text]
    return [*texts, " ".join(texts)] if len(texts) > 1 else texts


def _goes_on(line: Line, table: Found) -> bool:
    """Tell whether the row's number follows the last one of the table, so that a remark has not ended it."""
    return follows(line.ordinal, table.lines[-1] if table.lines else None)
