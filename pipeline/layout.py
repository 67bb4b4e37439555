"""Where the table is: header, columns, rows and sections of a form that clerks have rearranged.

Nothing here knows units but through the question `is_unit`, nor which form it is: words come from the form
and from the vocabulary.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import pairwise
from string import ascii_lowercase, ascii_uppercase, digits

from pipeline.columns import SAMPLE, are_types, contents, is_split, settle
from pipeline.gazetteer import MIXED, OWN, section_level, unit_type
from pipeline.headers import DATA, Headers, Label, may_hold_example, without_example
from pipeline.headings import Headings
from pipeline.lines import NO_HEADER, NOTHING, Found, Line, with_dittos, with_second
from pipeline.model import Place, Sheet
from pipeline.pages import Pages
from pipeline.persons import by_kind, is_ditto
from schemas.data import vocabulary
from schemas.kinds import link
from schemas.kinds.blank import is_blank
from schemas.text import clean, foreign_initials, search_key
from schemas.units import LEVELS

HEADER_ROWS = 3
Question = Callable[[str], bool]
"""What is asked of a text: whether it names a unit, or a place."""
Columns = tuple[dict[str, int], dict[int, str], frozenset[int]]
"""A table's columns by key, the header of every other column ("" for the running number), and the split names."""
_NUMBERED = re.compile(r"^[(\[]?\s*(\d{1,2}|[A-Za-z]|[IVX]{2,5})\s*[)\].]{0,2}(?:\s*=.*)?$")
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI")
_COUNTED = {pair for marks in (ascii_uppercase, ascii_lowercase, _ROMAN) for pair in pairwise(["", *marks])}
_SIX_DIGITS = re.compile(r"[0-9]{6}")
_REMARK = re.compile(r"\(.*?\)|:.*$")
_DIGITS = re.compile(r"\d+")
ORDINAL = re.compile(r"^\d{1,4}\s*[.)]?$|^[IVX]{1,4}\s*[.)]?$|^[A-Da-d]\s*[.)]?$")


@dataclass(frozen=True)
class Layout:
    """The tables of a sheet and the texts above the first one."""

    tables: list[Found]
    title: list[str]
    sheet: str = ""


SEARCHED = 1_000  # after so many rows of text without a header a sheet is none of the form's
MOST_TABLES, MOST_BESIDE = 2_000, 20  # of a sheet, and side by side: beyond, a header is only a row to pass over


def find_tables(sheet: Sheet, headers: Headers, is_unit: Question, is_heading: Question | None = None) -> Layout:
    """Return the tables of the sheet that have the form's columns; `is_heading` tells texts that name a place."""
    return Finder(sheet, headers, is_unit, is_heading or is_unit).find()


class Finder:
    """Walks down one sheet; the state is the table being read, the section, and whether the table has ended."""

    def __init__(
        self,
        sheet: Sheet,
        headers: Headers,
        is_unit: Question,
        is_heading: Question,
        lacking: frozenset[str] = frozenset(),
    ) -> None:
        self.lacking = lacking  # keys of which a table is looked for that says them of units and nothing else
        self.is_heading = is_heading
        self.sheet = sheet
        self.headers = headers
        self.form = form = headers.form
        self.is_unit = is_unit
        self.unit_key = form.unit_key
        self.kinds = {column.key: column.kind for column in form.columns}
        self.columns = {column.key: column for column in form.columns}
        self.persons = list(form.persons.values())
        self.pages = Pages(sheet, form, is_unit)
        self.levels = (*LEVELS, MIXED, OWN) if form.sections else ()
        self.level = section_level(sheet.name)
        self.heading = ""
        self.above: tuple[str, Place] | None = None  # the unit last named, and where
        self.ended = False

    def find(self) -> Layout:
        """Return the tables of the sheet."""
        tables: list[Found] = []
        current: list[Found] = []  # the tables side by side under the last header
        title: list[str] = []
        row, count, passed = 0, len(self.sheet.cells), 0
        while row < count and passed < SEARCHED:
            if self._is_empty(row) and row not in self._flawed:
                row += 1  # a sheet may end with a million of them
                continue
            if len(tables) >= MOST_TABLES and self._may_be_header(row):
                row += 1
                continue
            depth, beside = self._header_at(row)
            if depth:
                current = [self._begun(row, *columns) for columns in beside]
                tables.extend(current)
                self.ended = False
                row += depth
                continue
            if not tables:
                passed += 1
                title.extend(_title_texts(self.sheet.cells[row]))
            for table in current:
                self._read_row(row, table)
            row += 1
        for table in tables:
            self._forget_spanned(table)
            if table.headings:
                table.headings.settle(table.lines)
        return Layout(tables, title, self.sheet.name)

    def _begun(self, row: int, columns: dict[str, int], extra: dict[int, str], split: frozenset[int]) -> Found:
        """Return the table without lines of a header at this row."""
        headings = Headings(self.form, columns, self.is_unit)
        types = columns.get(self.unit_key, 0) - 1
        is_free = types >= 0 and extra.get(types, "-") and types not in columns.values()
        if is_free and are_types(self.sheet.cells[row + 1 : row + SAMPLE], types):
            extra = {place: text for place, text in extra.items() if place != types}
        else:
            types = -1
        return Found(
            self.sheet.name, columns, extra, row, self._combined(columns), split, types,
            headings if headings.lacking else None,
        )  # fmt: skip

    def go_on(self, above: Found) -> Layout:
        """Return the sheet as one without a header that goes on with the rows of another sheet's table."""
        table = Found(self.sheet.name, above.columns, above.extra, NO_HEADER, above.combined, above.split, above.types)
        title: list[str] = []
        self.level, self.heading = above.lines[-1].level, above.lines[-1].heading
        for row, cells in enumerate(self.sheet.cells):
            self._read_row(row, table)
            title.extend([] if table.lines else _title_texts(cells))
        return Layout([table], title, self.sheet.name)

    def _forget_spanned(self, table: Found) -> None:
        """Forget columns that only give a header's merged cell its width: no row says anything there."""
        for column, header in [*table.extra.items()]:
            anchor = self._anchors.get((table.header, column), (table.header, column))
            alone = anchor[1] == column or clean(self._text(anchor)) != header
            if not alone and not any(column in line.beside for line in table.lines):
                del table.extra[column]

    def _combined(self, columns: dict[str, int]) -> frozenset[int]:
        """Return the columns that speak for keys of several kinds."""
        kinds = Counter(place for _, place in {(self.kinds[key], place) for key, place in columns.items()})
        return frozenset(place for place, count in kinds.items() if count > 1)

    # --- cells

    @cached_property
    def _flawed(self) -> frozenset[int]:
        """The rows with a cell that shows an error."""
        return frozenset(row for row, _ in self.sheet.flaws)

    @cached_property
    def _merged(self) -> frozenset[int]:
        """The rows that have a part in a merged area."""
        return frozenset(row for row, _ in self._anchors)

    @cached_property
    def _anchors(self) -> dict[Place, Place]:
        """Every cell of a merged area -> the area's first cell."""
        anchors = {}
        rows, columns = len(self.sheet.cells), max(map(len, self.sheet.cells), default=0)
        for (top, left), (bottom, right) in self.sheet.merges:
            for row in range(top, min(bottom, rows - 1) + 1):
                for column in range(left, min(right, columns - 1) + 1):
                    anchors[row, column] = (top, left)
        return anchors

    def _text(self, place: Place) -> str:
        row, column = place
        cells = self.sheet.cells
        return cells[row][column] if row < len(cells) and column < len(cells[row]) else ""

    # --- headers

    def _header_at(self, row: int) -> tuple[int, list[Columns]]:
        """Return how many rows a header at this row has (0 for none), and the columns of each table under it."""
        if not self._may_be_header(row):
            return 0, []
        best: tuple[tuple[int, int], int, dict[str, int]] = ((0, 0), 0, {})
        for depth in range(1, HEADER_ROWS + 1):
            if depth > 1 and self._is_empty(row + depth - 1):
                continue  # between a heading and what stands under it
            if depth > 1 and not self._may_be_header(row + depth - 1):
                break
            labels = self._labels(row, depth)
            matched, _ = self.headers.match(labels)
            found = (len(matched), len(set(labels)))  # a row may only tell apart two columns that one header names
            if found > best[0]:
                best = (found, depth, matched)
        _, depth, columns = best
        if len(columns) < min(3, len(self.form.columns)):
            return 0, []
        if depth > 1 and self.headers.match(self._labels(row + 1, depth - 1))[0] == columns:
            return 0, []  # a title row above the header, which says nothing of the columns
        tables = self._tables_below(row, depth)
        are = (self._is_header(columns) or self._is_headed_below(columns, row + depth) for columns, _, _ in tables)
        return (depth, tables) if all(are) else (0, [])

    def _tables_below(self, row: int, depth: int) -> list[Columns]:
        """Return the columns of every table under this header, by its words and by what stands below it."""
        labels = self._labels(row, depth)
        sample = self.sample(row + depth)
        found = contents(sample, self.is_unit)
        starts = self._starts(labels)
        tables = []
        for start, end in pairwise([*starts, max([len(labels), *(place + 1 for place in found)])]):
            own: list[Label] = [label if start <= place < end else () for place, label in enumerate(labels)]
            split = frozenset(p for p, pair in enumerate(pairwise(own)) if self._is_split(pair, row + depth, p, sample))
            for place in sorted(split, reverse=True):
                own[place : place + 2] = [own[place + 1], ()]
            said, extra = self.headers.match(own)
            here = {place: found[place] for place in found if start <= place < end and place - 1 not in split}
            columns = self.pages.with_links_behind(settle(self.form, said, here), row + depth, sample)
            left = {place: " ".join(own[place]) for place in said.values()}  # its cells were none of that column
            taken = set(columns.values())
            extra = {place: text for place, text in sorted({**left, **extra}.items()) if place not in taken}
            tables.append((columns, extra, split))
        return tables

    def _is_split(self, labels: tuple[Label, ...], row: int, place: int, sample: list[list[str]]) -> bool:
        """Tell whether the name in a column above this row goes on in the next column, by their headers or cells."""
        if not self.headers.heads_names(labels[1]):
            return False
        anchor, following = (self._anchors.get((row - 1, column)) for column in (place, place + 1))
        is_merged = anchor is not None and anchor == following and labels[0] == labels[1]
        return self.headers.is_split(*labels) or (is_merged and is_split(sample, place))

    def _starts(self, labels: list[tuple[str, ...]]) -> list[int]:
        """Return where each table side by side begins: a header repeated from its first column on."""
        filled = [place for place, label in enumerate(labels) if label]
        again = [place for place in filled if labels[place] == labels[filled[0]] and place > filled[0]]
        starts = [0, *again[: MOST_BESIDE - 1]]
        pieces = [labels[start:end] for start, end in pairwise([*starts, len(labels)])]
        return starts if all(self._is_header(self.headers.match(piece)[0]) for piece in pieces) else [0]

    def sample(self, row: int) -> list[list[str]]:
        """Return the rows below a header as they are read: an address behind a text in its place."""
        sample = [list(cells) for cells in self.sheet.cells[row : row + 3 * SAMPLE]]
        for r, column in self.sheet.links:
            if row <= r < row + len(sample) and column < len(sample[r - row]):
                text = sample[r - row][column]
                sample[r - row][column] = text if self.is_unit(text) else self._or_behind(text, (r, column))
        return sample

    def _is_header(self, columns: dict[str, int]) -> bool:
        if self.lacking:
            return self.unit_key in columns and len(self.lacking & columns.keys()) >= 2
        required = [column.key for column in self.form.columns if column.required]
        matched = sum(key in columns for key in required)
        return len(columns) >= min(3, len(self.form.columns)) and matched >= min(2, len(required))

    def _is_headed_below(self, columns: dict[str, int], row: int) -> bool:
        """Tell whether headings between the rows say what the columns of a header do not."""
        headings = Headings(self.form, columns, self.is_unit)
        for below in range(row, min(row + 3 * SAMPLE, len(self.sheet.cells)) if headings.lacking else row):
            if len(alone := self._alone(below)) == 1:
                headings.take(alone[0], (below, 0), numbered=True)
        return self._is_header({**columns, **dict.fromkeys(headings.said, -1)})

    def _may_be_header(self, row: int) -> bool:
        if row >= len(self.sheet.cells) or row in self._surely_data:
            return False
        texts = []
        for text in self.sheet.cells[row]:
            if text.strip():
                texts.append(without_example(clean(text)))
                if DATA.search(texts[-1]):
                    return False
        if len(texts) < 2:
            return False
        # Half of them speak of the form, or three do in its own words: clerks add more columns than the form has.
        return sum(map(self.headers.knows, texts)) * 2 >= len(texts) or sum(map(self.headers.is_name, texts)) >= 3

    def _is_empty(self, row: int) -> bool:
        return row < len(self.sheet.cells) and not any(map(str.strip, self.sheet.cells[row]))

    @cached_property
    def _surely_data(self) -> frozenset[int]:
        """The rows with a cell that holds an address of mail or a number of six digits, in whatever way its text is
        encoded, that no header can give as an example.
        """
        rows = enumerate(map("\n".join, self.sheet.cells))
        data = ((row, text) for row, text in rows if _is_data(text))
        return frozenset(
            row
            for row, text in data
            if not may_hold_example(text)
            or any(_is_data(cell) and not may_hold_example(cell) for cell in self.sheet.cells[row])
        )

    def _labels(self, row: int, depth: int) -> list[tuple[str, ...]]:
        """Return each column's header texts from the top down; a heading reaches over the columns below it."""
        width = max(len(cells) for cells in self.sheet.cells[row : row + depth])
        rows = [r for r in range(row, row + depth) if not self._is_empty(r)]
        grid = [
            [without_example(clean(self._text(self._anchor_from(row, (r, c))))) for c in range(width)] for r in rows
        ]
        for above, below in pairwise(grid):
            self._lead_back(above, below)
            for column in range(1, width):
                if not above[column] and below[column] and below[column - 1] and above[column - 1] != below[column - 1]:
                    above[column] = above[column - 1]
        return [tuple(dict.fromkeys(part for part in parts if part)) for parts in zip(*grid, strict=True)]

    def _lead_back(self, above: list[str], below: list[str]) -> None:
        """Let a person's heading that is typed over the middle of its columns begin at that person's name."""
        heads = [
            column
            for column, text in enumerate(above)
            if text
            and below[column] not in ("", text)
            and text not in above[:column]
            and self.headers.heads_person(text)
        ]
        names = [
            column for column, text in enumerate(below) if text != above[column] and self.headers.heads_person(text)
        ]
        if not names or len(names) != len(heads):
            return
        for name, head, following in zip(names, heads, [*names[1:], len(below)], strict=True):
            if not name <= head < following or any(above[name:head]):
                return
        for name, head in zip(names, heads, strict=True):
            above[name:head] = [above[head]] * (head - name)

    def _anchor_from(self, first_row: int, place: Place) -> Place:
        """Return the first cell of the merged area, unless that lies above the rows in question."""
        anchor = self._anchors.get(place, place)
        return anchor if anchor[0] >= first_row else place

    # --- rows

    def _read_row(self, row: int, table: Found) -> None:
        """Add the line that the row holds to the table, or a second person to the line above."""
        if table.headings and self._is_heading_of(table.headings, row):
            return
        line = self._line(row, table)
        above = table.lines[-1] if table.lines else None
        both = with_second(above, line, self.persons) if above and not self.ended else None
        if both and not self._is_footer(row):
            table.lines[-1] = both
        elif checked := self._checked(line, table):
            checked = table.headings.on(checked) if table.headings else checked
            table.lines.append(self._of_unit_above(with_dittos(checked, above, self.persons)))
        elif heading := self._heading(row):
            self.heading = heading
            self.above = (heading, self._place_of(heading, row))
        elif section_level(unit := line.texts.get(self.unit_key, "")):
            self.above = (unit, line.cells[self.unit_key])

    def _is_heading_of(self, headings: Headings, row: int) -> bool:
        """Take the row for a heading that stands in the place of a column, if it is one."""
        texts = self.sheet.cells[row]
        if sum(map(bool, texts)) > 3 or len(alone := self._alone(row)) != 1 or self._is_footer(row):
            return False
        place = next((row, column) for column, text in enumerate(texts) if clean(text) == alone[0])
        return headings.take(alone[0], place, numbered=any(clean(text).strip(" .)").isdigit() for text in texts))

    def _of_unit_above(self, line: Line) -> Line:
        """Return the line of a person with the unit that was last named, where its own row names none.

        Of a unit's line only the place of a merged cell is kept: whether that names this row too its level tells.
        """
        unit = line.texts.get(self.unit_key, "")
        if self.form.rows != "persons":
            place = self._anchors.get((line.row, line.places.get(self.unit_key, -1)), (0, 0))
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

    def _place_of(self, text: str, row: int) -> Place:
        return row, next(column for column, cell in enumerate(self.sheet.cells[row]) if clean(cell) == text)

    def _heading(self, row: int) -> str:
        """Return the text of a row that holds one text alone (and a number), where it names a unit."""
        texts = self._alone(row)
        return texts[0] if len(texts) == 1 and self.is_heading(texts[0]) and not is_date_line(texts[0]) else ""

    def _alone(self, row: int) -> list[str]:
        """Return the distinct texts of a row but for its number."""
        texts = [clean(text) for text in dict.fromkeys(self.sheet.cells[row]) if not is_blank(text)]
        return [text for text in texts if not ORDINAL.match(text)]

    def _line(self, row: int, table: Found) -> Line:
        """Return what the row holds, whether or not it lists a unit."""
        places, cells, flaws = table.columns, self.sheet.cells[row], self.sheet.flaws
        elsewhere = self._merged_into(row, table) if row in self._merged else {}
        if elsewhere or table.combined or table.split or self.sheet.links:
            texts = {key: self._value(elsewhere.get(key, (row, column)), key, table) for key, column in places.items()}
        else:
            texts = {key: cells[column] if column < len(cells) else "" for key, column in places.items()}
        at = {key: elsewhere.get(key, (row, column)) for key, column in places.items()} if flaws else {}
        here = {key: flaws[cell] for key, cell in at.items() if cell in flaws}
        if table.types >= 0 and not unit_type(unit := texts[self.unit_key]) and not is_blank(unit):
            texts[self.unit_key] = f"{self._beside(row, table.types, table)} {unit}"
        if is_blank(texts.get(self.unit_key, "")) and (place := self._unit_beside(row, table)):
            texts[self.unit_key], elsewhere[self.unit_key] = self._text(place), place
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
        anchor = self._anchors.get((row, column), (row, column))
        return clean(self._text(anchor if anchor[1] == column and anchor[0] > table.header else (row, column)))

    def _checked(self, line: Line, table: Found) -> Line | None:
        """Return the line if it lists a unit; headings, totals, remarks and what stands below the table do not."""
        row, texts, flaws = line.row, line.texts, line.flaws
        unit = clean(texts.get(self.unit_key, ""))
        first = next((clean(text) for text in self.sheet.cells[row] if not is_blank(text)), "")
        own = line.own
        data = own - {self.unit_key}
        if (not first and not flaws) or (len(data) >= 3 and any(map(self._is_example, (first, unit)))):
            return None
        names_unit = self.is_unit(unit) and not is_date_line(unit)
        level, heading = ("", "") if names_unit and not self.ended else self._section_in(row, texts)
        data -= {heading}
        if names_unit:
            if self.ended and not data and not line.ordinal:
                return None
        elif level and (not data or section_level(unit) == level):
            self.level, self.ended = level, False
            return replace(line, level=level, is_section=True) if data else None
        elif len(data) < 3 and self._is_footer(row):
            self.ended = True
            return None
        if self.ended and _goes_on(line, table) and len(data) >= 3:
            self.ended = False
        if self.ended or self._is_filler(line, unit, first, own):
            return None
        return line

    # --- cells of a row

    def _unit_beside(self, row: int, table: Found) -> Place | None:
        """Return the cell of another column that names a unit: the district beside its communes, in its own row.

        A name that the row above has as well only says where the communes belong.
        """
        above = table.lines[-1].beside if table.lines else {}
        for column, header in sorted(table.extra.items()):
            text = self._text((row, column))
            if header and not is_blank(text) and clean(text) != above.get(column, "") and self.is_unit(text):
                return row, column
        return None

    def _section_in(self, row: int, texts: dict[str, str]) -> tuple[str, str]:
        """Return the level that a row's texts name as a section, and the column that says so ("" outside the form)."""
        for key in [self.unit_key, *(key for key in texts if self.kinds[key] != "choice")]:
            if (level := section_level(texts.get(key, ""))) in self.levels:
                return level, key
        others = [text for text in self.sheet.cells[row] if text.strip()][:2]
        return next((level for level in map(section_level, others) if level in self.levels), ""), ""

    def _merged_into(self, row: int, table: Found) -> dict[str, Place]:
        """Return the cells above that hold values of this row: a person merged over several rows speaks for each."""
        above = {}
        for key, column in table.columns.items():
            place = self._anchors.get((row, column), (row, column))
            alone = key == self.unit_key and self.form.rows == "units"  # a district merged over its communes
            if table.header < place[0] < row and place[1] == column and not alone:
                above[key] = place
        return above

    def _value(self, place: Place, key: str, table: Found) -> str:
        text = self._text(place)
        if place[1] in table.combined and not is_ditto(text):
            if key in self.pages.keys:
                return self.pages.value(key, text, place)
            return by_kind(text).get(self.kinds[key], "")
        if place[1] in table.split and self.kinds[key] == "name" and not is_ditto(text):
            row, end = place
            while end in table.split:
                end += 1
            parts = [self._text((row, column)) for column in range(place[1], end + 1)]
            return " ".join(part for part in parts if not is_blank(part)) or text
        return self._or_behind(text, place) if self.kinds[key] in ("link", "email") else text

    def _or_behind(self, text: str, place: Place) -> str:
        """Return the address behind a cell whose text is none."""
        behind = self.sheet.links.get(place, "")
        if not behind:
            return text
        if behind.lower().startswith(("http://", "https://")) and not link.is_address(text):
            return behind
        if behind.lower().startswith("mailto:") and "@" not in text and not is_blank(text):
            return behind
        return text

    def _ordinal(self, row: int, table: Found) -> str:
        text = clean(self._text((row, table.ordinal))) if table.ordinal >= 0 else ""
        return text if ORDINAL.match(text) else ""

    def _is_footer(self, row: int) -> bool:
        texts = [search_key(text[:60]) for text in self.sheet.cells[row] if text.strip()]
        return any(f"{key} ".startswith(_footers()) for key in texts) or any(map(is_date_line, self.sheet.cells[row]))

    def _is_filler(self, line: Line, unit: str, first: str, own: set[str]) -> bool:
        """Tell rows that list nothing: numbers of columns, totals, dots, empty numbered rows, stray remarks."""
        if self._holds_numbers_only(line.row) or any(map(_is_total, (first, unit))) or self._repeats_header(line.row):
            return True
        if first[:1] == "(" and self._holds_hints_only(line.row):
            return True
        if is_blank(unit):
            return self.unit_key not in own and not self._speaks_of_a_page(line)
        if own == {self.unit_key} and not self.is_unit(unit):
            return not (line.ordinal or unit_type(unit)) or len(unit) > 60 or unit.endswith(":")
        return False

    def _holds_numbers_only(self, row: int) -> bool:
        """Tell a row that numbers the columns: `1 2 3`, `A B 1 2`, `I II III`; letters count on from the first one."""
        numbers, last = 0, ""
        for text in self.sheet.cells[row]:
            match = None if len(text) > 5 and text[0].isalpha() else _NUMBERED.match(clean(text))
            mark = match[1] if match else ""
            if {(last, mark), ("", mark)} & _COUNTED or (mark.isdigit() and not is_blank(text)):
                numbers, last = numbers + 1, mark
            elif not is_blank(text):
                return False
        return numbers >= 3

    def _holds_hints_only(self, row: int) -> bool:
        """Tell a row that says under the header how its columns are filled: `(as on the list) (10 digits)`."""
        texts = [text for text in map(clean, self.sheet.cells[row]) if text]
        return len(texts) >= 3 and all(text[0] == "(" and text[-1] == ")" for text in texts)

    def _is_example(self, text: str) -> bool:
        """Tell the mark of a row that was left as an example: `VD`, or `VD: Xa A` where no unit is called so."""
        if text[:1] in _of_no_example():
            return False
        mark, _, rest = text.partition(":")
        return len(mark) <= 30 and search_key(mark) in _examples() and not self.is_unit(rest)

    def _speaks_of_a_page(self, line: Line) -> bool:
        """Tell a row that forgot its unit from a remark or a signature: it has a page's address, or several cells."""
        own = line.own
        if any(self.kinds[key] == "link" and link.is_address(line.texts[key]) for key in own):
            return True
        several = sum(not is_blank(text) for text in self.sheet.cells[line.row]) >= 2
        return len(own) >= 3 or (several and any(self.columns[key].required for key in own))

    def _repeats_header(self, row: int) -> bool:
        """Tell a header row set again between the rows, or the second row of one."""
        if row in self._surely_data:
            return False
        texts = [text for text in self.sheet.cells[row] if text.strip()]
        if len(texts) < 3 or any(map(DATA.search, texts)):
            return False
        return sum(map(self.headers.is_name, texts)) * 2 > len(texts)


def _is_data(text: str) -> bool:
    return "@" in text or _SIX_DIGITS.search(text) is not None


def is_date_line(text: str) -> bool:
    """Tell a line of place and date: its place is where the letter was signed, no sender and no row."""
    return bool(_date_line().search(clean(text)))


@cache
def _date_line() -> re.Pattern[str]:
    return re.compile(vocabulary()["table"]["date_line"], re.IGNORECASE)


@cache
def _footers() -> tuple[str, ...]:
    return tuple(f"{search_key(text)} " for text in vocabulary()["table"]["footers"])


@cache
def _of_no_total() -> frozenset[str]:
    return foreign_initials(_totals()) - {*digits}  # a total may be numbered


@cache
def _totals() -> frozenset[str]:
    return frozenset(search_key(text) for text in vocabulary()["table"]["totals"])


def _title_texts(cells: list[str]) -> list[str]:
    """Return the texts of a row above the table, and all in one where a title runs over several cells."""
    texts = [text for text in map(clean, cells) if text]
    return [*texts, " ".join(texts)] if len(texts) > 1 else texts


def _goes_on(line: Line, table: Found) -> bool:
    """Tell whether the row's number follows the last one of the table, so that a remark has not ended it."""
    last = table.lines[-1].ordinal.strip(" .)") if table.lines else ""
    here = line.ordinal.strip(" .)")
    return last.isdigit() and here.isdigit() and int(here) == int(last) + 1


@cache
def _of_no_example() -> frozenset[str]:
    return foreign_initials(_examples())


@cache
def _examples() -> frozenset[str]:
    return frozenset(search_key(text) for text in vocabulary()["table"]["examples"])


def _is_total(text: str) -> bool:
    if text.isdecimal() or text[:1] in _of_no_total():
        return False
    key = _DIGITS.sub(" ", search_key(_REMARK.sub(" ", text)))
    return " ".join(key.split()) in _totals()
