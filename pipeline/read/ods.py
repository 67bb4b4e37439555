"""OpenDocument spreadsheets, read from their XML in one pass: values, errors, merges, links, what is hidden.

No library: calamine gives an error cell as a blank and knows neither links nor merged cells here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.errors import Refused
from pipeline.model import Place, Sheet, address
from pipeline.read.markup import attribute, declares_entities, local, parse
from pipeline.read.package import Package
from pipeline.read.values import CELL_LIMIT, COLUMN_LIMIT, HYPERLINK_FORMULA, ROW_LIMIT, number_text, too_many
from schemas.codes import Rule

_NUMBERS = ("float", "percentage", "currency")
_HIDDEN = ("collapse", "filter")


def is_encrypted(package: Package) -> bool:
    """Tell whether the manifest says that the parts are encrypted."""
    return b"encryption-data" in package.get("META-INF/manifest.xml")


def read_ods(content: bytes) -> list[Sheet]:
    """Return the sheets that the content of a document tells of, or a document in one file of XML (`.fods`).

    Raises:
        Refused: `file.unreadable` or `file.too-large`.
    """
    if not content or declares_entities(content, ""):
        raise Refused(Rule.FILE_UNREADABLE)
    root = parse(content)
    styles = {attribute(style, "name"): style for style in root.iter("{*}style")}
    hidden = {name for name, style in styles.items() if _says(style, "table-properties", "display", "false")}
    struck = {name for name, style in styles.items() if _strikes(style)}
    sheets = [_Table(table, attribute(table, "style-name") in hidden, struck).sheet() for table in _tables(root)]
    if not sheets:
        raise Refused(Rule.FILE_UNREADABLE)
    return sheets


def _tables(root: Any) -> Iterator[Any]:
    for spreadsheet in root.iterfind("{*}body/{*}spreadsheet"):
        yield from spreadsheet.iterchildren("{*}table")


def _says(style: Any, part: str, name: str, value: str) -> bool:
    return any(attribute(child, name) == value for child in style.iterchildren(f"{{*}}{part}"))


def _strikes(style: Any) -> bool:
    lines = (
        attribute(text, name)
        for text in style.iterchildren("{*}text-properties")
        for name in ("text-line-through-style", "text-line-through-type")
    )
    return any(line not in ("", "none") for line in lines)


class _Table:
    """One table on its way to a sheet: repeated rows and cells are only written out where they hold something."""

    def __init__(self, table: Any, hidden: bool, struck: set[str]) -> None:
        self.table, self.hidden, self.struck_styles = table, hidden, struck
        self.cells: list[list[str]] = []
        self.merges: list[tuple[Place, Place]] = []
        self.links: dict[Place, str] = {}
        self.flaws: dict[Place, tuple[Rule, str]] = {}
        self.struck: set[Place] = set()
        self.hidden_rows: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.size = 0

    def sheet(self) -> Sheet:
        """Return the sheet."""
        self._columns(self.table, 0)
        self._rows(self.table, 0)
        return Sheet(
            attribute(self.table, "name"), self.hidden, self.cells, self.merges, self.links, self.flaws, {},
            frozenset(self.hidden_rows), frozenset(self.hidden_columns), frozenset(self.struck),
        )  # fmt: skip

    def _columns(self, parent: Any, column: int) -> int:
        for child in parent:
            name = local(child)
            if name == "table-column":
                count = _count(child, "number-columns-repeated", COLUMN_LIMIT)
                if attribute(child, "visibility") in _HIDDEN:
                    self.hidden_columns.update(range(column, min(column + count, COLUMN_LIMIT)))
                column += count
            elif name in ("table-columns", "table-header-columns", "table-column-group"):
                column = self._columns(child, column)
        return column

    def _rows(self, parent: Any, row: int) -> int:
        for child in parent:
            name = local(child)
            if name == "table-row":
                count = _count(child, "number-rows-repeated", ROW_LIMIT)
                self._row(child, row, count)
                row += count
            elif name in ("table-rows", "table-header-rows", "table-row-group"):
                row = self._rows(child, row)
        return row

    def _row(self, element: Any, row: int, count: int) -> None:
        texts: list[str] = []
        column = 0
        for cell in element:
            if local(cell) not in ("table-cell", "covered-table-cell"):
                continue
            times = _count(cell, "number-columns-repeated", COLUMN_LIMIT)
            text = _value(cell)
            if text or len(cell) or attribute(cell, "formula"):
                self._grow(row, column + times - len(texts))
                texts.extend([""] * (column - len(texts)))
                texts.extend([text] * times)
                self._note(cell, (row, column), text)
            if local(cell) == "table-cell":
                self._merge(cell, (row, column))
            column += times
        if not texts:
            return
        if row + count > ROW_LIMIT:
            raise Refused(Rule.FILE_UNREADABLE)
        self.cells.extend([] for _ in range(row - len(self.cells)))
        self._grow(row, len(texts) * (count - 1))
        self.cells.extend(list(texts) for _ in range(count))
        if attribute(element, "visibility") in _HIDDEN:
            self.hidden_rows.update(range(row, row + count))

    def _grow(self, row: int, more: int) -> None:
        self.size += max(more, 0)
        if self.size > CELL_LIMIT:
            raise too_many("cells", CELL_LIMIT, address((row, 0)))

    def _note(self, cell: Any, place: Place, text: str) -> None:
        formula = attribute(cell, "formula")
        link = next((attribute(a, "href") for a in cell.iter("{*}a")), "")
        if not link and (match := HYPERLINK_FORMULA.match(formula)):
            link = match[1]
        if link:
            self.links[place] = link
        if _is_error(cell):
            self.flaws[place] = (Rule.CELL_ERROR_VALUE, text or "#N/A")
        elif formula and not attribute(cell, "value-type") and next(cell.iterchildren("{*}p"), None) is None:
            self.flaws[place] = (Rule.CELL_NO_VALUE, formula.removeprefix("of:"))
        if attribute(cell, "style-name") in self.struck_styles:
            self.struck.add(place)

    def _merge(self, cell: Any, place: Place) -> None:
        across = _count(cell, "number-columns-spanned", COLUMN_LIMIT)
        down = _count(cell, "number-rows-spanned", ROW_LIMIT)
        if across > 1 or down > 1:
            self.merges.append((place, (place[0] + down - 1, place[1] + across - 1)))


def _is_error(cell: Any) -> bool:
    return any(key.endswith("}value-type") and value == "error" for key, value in cell.attrib.items())


def _count(element: Any, name: str, limit: int) -> int:
    text = attribute(element, name)
    return max(1, min(int(text), limit)) if text.isascii() and text.isdigit() and len(text) < 12 else 1


def _value(cell: Any) -> str:
    """Return a cell's value: of numbers the stored one, of texts and errors what is shown."""
    kind = attribute(cell, "value-type")
    if _is_error(cell):
        return _shown(cell)
    if kind in _NUMBERS:
        return number_text(attribute(cell, "value"))
    if kind == "date":
        return _day(attribute(cell, "date-value"))
    if kind == "boolean":
        return attribute(cell, "boolean-value").upper()
    return _shown(cell) or attribute(cell, "string-value")


def _day(text: str) -> str:
    day, _, time = text.partition("T")
    shown = "/".join(reversed(day.split("-"))) if day.count("-") == 2 else day
    return shown if not time or time.startswith("00:00:00") else f"{shown} {time[:5]}"


def _shown(cell: Any) -> str:
    return "\n".join("".join(_texts(paragraph)) for paragraph in cell.iterchildren("{*}p"))


def _texts(element: Any) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        name = local(child)
        if name == "s":
            yield " " * _count(child, "c", 1_000)
        elif name == "tab":
            yield "\t"
        elif name == "line-break":
            yield "\n"
        elif name not in ("annotation", "ruby-text", ""):
            yield from _texts(child)
        yield child.tail or ""
