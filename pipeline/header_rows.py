"""The rows of a sheet that head a table: how many they are, and which columns they name."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from pipeline.columns import SAMPLE, contents, is_split, settle
from pipeline.gazetteer import section_level
from pipeline.headers import Headers, Label
from pipeline.headings import Headings
from pipeline.hints import is_data, without_example
from pipeline.pages import Pages
from pipeline.view import View, alone
from schemas.text import clean

HEADER_ROWS = 3
MOST_BESIDE = 60  # tables side by side: beyond, a repeated header is only a column


class Columns(NamedTuple):
    """A table's columns by key, the header of every other column ("" for the running number), those whose names go on
    in the next one, and the groups of persons whom its headers name.
    """

    keys: dict[str, int]
    extra: dict[int, str]
    split: frozenset[int]
    named: frozenset[str]


class HeaderRows:
    """Finds the headers of one sheet, by their words and by what stands below them.

    With `lacking`, a table is looked for that says these keys of units and nothing else.
    """

    def __init__(
        self, view: View, headers: Headers, pages: Pages, is_unit: Callable[[str], bool], lacking: frozenset[str]
    ) -> None:
        self.view = view
        self.headers = headers
        self.form = headers.form
        self.pages = pages
        self.is_unit = is_unit
        self.lacking = lacking

    def at(self, row: int) -> tuple[int, list[Columns]]:
        """Return how many rows a header at this row has (0 for none), and the columns of each table under it."""
        if not self.may_be(row):
            return 0, []
        best: tuple[tuple[int, int], int, dict[str, int]] = ((0, 0), 0, {})
        for depth in range(1, HEADER_ROWS + 1):
            if depth > 1 and self.view.is_empty(row + depth - 1):
                continue  # between a heading and what stands under it
            if depth > 1 and not self.may_be(row + depth - 1):
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
        are = (self._is_header(table.keys) or self._is_headed_below(table.keys, row + depth) for table in tables)
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
            of_persons = [place for key, place in columns.items() if self.form.column(key).group in self.form.persons]
            named = self.headers.persons_of([own[place] for place in of_persons if place < len(own)])
            tables.append(Columns(self._of_sheet(columns) if not named else columns, extra, split, named))
        return tables

    def _of_sheet(self, columns: dict[str, int]) -> dict[str, int]:
        """Return the columns with those of the one person of whom no header says who he is given to the sheet's own."""
        part, persons = self.headers.person_in(self.view.sheet.name), self.form.persons
        here = {self.form.column(key).group for key in columns} & persons.keys()
        if not part or len(here) != 1:
            return columns
        kinds = {key: kind for group in here for kind, key in persons[group].items()}
        return {persons[part].get(kinds.get(key, ""), key): place for key, place in columns.items()}

    def _is_split(self, labels: tuple[Label, ...], row: int, place: int, sample: list[list[str]]) -> bool:
        """Tell whether the name in a column above this row goes on in the next column, by their headers or cells."""
        if not self.headers.heads_names(labels[1]):
            return False
        anchor, following = (self.view.anchors.get((row - 1, column)) for column in (place, place + 1))
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
        sample = [list(cells) for cells in self.view.cells[row : row + 3 * SAMPLE]]
        for r, column in self.view.sheet.links:
            if row <= r < row + len(sample) and column < len(sample[r - row]):
                text = sample[r - row][column]
                sample[r - row][column] = text if self.is_unit(text) else self.view.or_behind(text, (r, column))
        return sample

    def _is_header(self, columns: dict[str, int]) -> bool:
        if self.lacking:
            return len(self.lacking & columns.keys()) >= 2
        required = [column.key for column in self.form.columns if column.required]
        matched = sum(key in columns for key in required)
        return len(columns) >= min(3, len(self.form.columns)) and matched >= min(2, len(required))

    def _is_headed_below(self, columns: dict[str, int], row: int) -> bool:
        """Tell whether headings between the rows say what the columns of a header do not."""
        headings = Headings(self.form, columns, self.is_unit)
        for below in range(row, min(row + 3 * SAMPLE, len(self.view.cells)) if headings.lacking else row):
            if len(texts := alone(self.view.cells[below])) == 1:
                headings.take(texts[0], (below, 0), numbered=True)
        return self._is_header({**columns, **dict.fromkeys(headings.said, -1)})

    def may_be(self, row: int) -> bool:
        """Tell whether a row can be one of a header, as far as its own texts say."""
        if row >= len(self.view.cells) or row in self.view.surely_data:
            return False
        texts = []
        for text in self.view.cells[row]:
            if text.strip():
                texts.append(without_example(clean(text)))
                if is_data(texts[-1]):
                    return False
        if len(texts) < 2:
            return False
        # Half of them speak of the form, or four and a third do, or three in its own words: clerks add columns.
        known = sum(map(self.headers.knows, texts))
        return 2 * known >= len(texts) or 3 * known >= max(12, len(texts)) or sum(map(self.headers.is_name, texts)) >= 3

    def heads_another(self, row: int) -> bool:
        """Tell a header of a table that has running numbers, and neither units nor anything else of the form."""
        first = next((text for text in self.view.cells[row] if text.strip()), "")
        if first[:1].isdigit() or not self.headers.is_ordinal(first):
            return False
        texts = [clean(text) for text in self.view.cells[row] if text.strip()]
        if len(texts) < 2 or any(map(is_data, texts)):
            return False
        return not self.headers.match([(text,) for text in texts])[0] and not any(map(section_level, texts))

    def repeats(self, row: int, cells: list[str]) -> bool:
        """Tell whether these cells of a row are a header set again between the rows, or the second row of one."""
        if row in self.view.surely_data:
            return False
        texts = [text for text in cells if text.strip()]
        if len(texts) < 3 or any(map(is_data, texts)):
            return False
        return sum(map(self.headers.is_name, texts)) * 2 > len(texts)

    def _labels(self, row: int, depth: int) -> list[tuple[str, ...]]:
        """Return each column's header texts from the top down; a heading reaches over the columns below it."""
        width = max(len(cells) for cells in self.view.cells[row : row + depth])
        rows = [r for r in range(row, row + depth) if not self.view.is_empty(r)]
        grid = [
            [without_example(clean(self.view.text(self.view.anchor_from(row, (r, c))))) for c in range(width)]
            for r in rows
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
