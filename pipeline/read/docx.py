"""Word documents: the form is printed as an appendix of a letter, and many fill it in there.

The document becomes one sheet, as if it were pasted into an empty one: every paragraph outside of tables is a
row with its text in column A, every table row is a row. So a title above the table tells the sender, a table
cut in two by a page keeps its header, and a heading between two tables opens a section. A cell's address is
the column in its table and the row so counted.

Parsed by hand: python-docx builds as many cells as `gridSpan` claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.model import Place, Sheet
from pipeline.read.grid import Cell, Grid
from pipeline.read.markup import attribute, local, parse
from pipeline.read.package import Package

NAME = "Word"
SPAN = 63  # columns that a table of Word can have
NARROWEST = 250  # twentieths of a point, 4 mm
# Deleted text, text boxes, and the drawings that hold them.
_UNSEEN = {"del", "moveFrom", "delText", "instrText", "AlternateContent", "drawing", "pict", "object", "rPr", "pPr"}
_WRAPPERS = {"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "hyperlink", "fldSimple", "r", "dir", "bdo"}
_MARKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_OFF = ("0", "false", "off", "none")
_FIELD = 'HYPERLINK "'


def read_docx(package: Package) -> list[Sheet]:
    """Return the document as one sheet.

    Raises:
        Refused: `file.unreadable` or `file.too-large`.
    """
    targets = {id: target for id, (kind, target) in package.relations(package.main).items() if kind == "hyperlink"}
    grid = Grid()
    for body in parse(package.parts[package.main]).iterchildren("{*}body"):
        for block in _inside(body, {"p", "tbl"}):
            if local(block) == "p":
                grid.put_line(_cell([block], targets))
            else:
                _table(grid, block, targets)
    return [grid.sheet(NAME)]


def _inside(parent: Any, names: set[str]) -> Iterator[Any]:
    """Yield the elements of these names, content controls and tracked insertions opened."""
    for child in parent:
        name = local(child)
        if name in names:
            yield child
        elif name in _WRAPPERS:
            yield from _inside(child, names)


@dataclass
class _Open:
    """A cell that goes on in the rows below."""

    start: Place
    across: int
    last: int


def _table(grid: Grid, table: Any, targets: dict[str, str]) -> None:
    grid.begin_table()
    columns = _columns(table)
    begun: dict[int, _Open] = {}
    for row in _inside(table, {"tr"}):
        if row.find("{*}trPr/{*}del") is not None:
            continue  # deleted, the change not accepted yet
        grid.begin_row()
        before = next((attribute(e, "val") for e in row.iterfind("{*}trPr/{*}gridBefore")), "")
        end = _span(before) if before else 0
        for cell in _inside(row, {"tc"}):
            span, merge = _spans(cell)
            start, end = end, end + span
            column, across = _column(columns, start), _column(columns, end) - _column(columns, start)
            grid.skip_to(column)
            column = grid.column
            if merge == "continue" and column in begun:
                begun[column].last = grid.row
                grid.skip_to(column + max(across, 1))
                continue
            _close(grid, begun.pop(column, None))
            place = grid.put(_cell(list(_inside(cell, {"p", "tbl"})), targets), 1 if merge else across)
            if merge:
                begun[column] = _Open(place, max(across, 1), grid.row)
                grid.skip_to(column + max(across, 1))
    for area in begun.values():
        _close(grid, area)


def _columns(table: Any) -> list[int]:
    """Return the column at which each line of the table's grid stands.

    A border dragged by hand in one row alone makes the grid finer than the table looks: lines nearer to each
    other than any column is wide are one.
    """
    widths = [attribute(column, "w") for column in table.iterfind("{*}tblGrid/{*}gridCol")]
    columns, since = [0], 0
    for width in widths[: SPAN * SPAN]:
        if not width.isascii() or not width.isdigit() or len(width) > 6:
            return []
        since += int(width)
        columns.append(columns[-1] + (since >= NARROWEST))
        since = 0 if since >= NARROWEST else since
    return columns


def _column(columns: list[int], line: int) -> int:
    if not columns:
        return line
    return columns[line] if line < len(columns) else columns[-1] + line - len(columns) + 1


def _close(grid: Grid, area: _Open | None) -> None:
    """Note a cell that was merged downwards, now that its last row is known."""
    if area and (area.last > area.start[0] or area.across > 1):
        grid.merges.append((area.start, (area.last, area.start[1] + area.across - 1)))


def _spans(cell: Any) -> tuple[int, str]:
    """Return over how many columns a cell reaches, and `restart` or `continue` where it is merged downwards."""
    across, merge = 1, ""
    for told in cell.iterfind("{*}tcPr/*"):
        if local(told) == "gridSpan":
            across = _span(attribute(told, "val"))
        elif local(told) == "vMerge":
            merge = attribute(told, "val") or "continue"
    return across, merge


def _span(text: str) -> int:
    return max(1, min(int(text), SPAN)) if text.isascii() and text.isdigit() and len(text) < 9 else SPAN


def _cell(blocks: list[Any], targets: dict[str, str]) -> Cell:
    """Return the text of these paragraphs (and of tables inside a cell), the first address behind it, and what of it is
    struck through."""
    lines, left, link, struck = [], [], "", []
    for block in blocks:
        for paragraph in block.iter("{*}p") if local(block) == "tbl" else [block]:
            runs = list(_runs(paragraph))
            struck += [is_struck for text, is_struck in runs if text.strip()]
            lines.append("".join(text for text, _ in runs))
            left.append("".join(text for text, is_struck in runs if not is_struck))
            link = link or _link(paragraph, targets)
    rest = "\n".join(left).strip() if any(struck) else ""
    return Cell("\n".join(lines).strip("\n"), link, bool(struck) and all(struck), rest)


def _runs(parent: Any) -> Iterator[tuple[str, bool]]:
    """Yield the visible texts of a paragraph, each with whether it is struck through."""
    for child in parent:
        name = local(child)
        if name == "r":
            looks = child.iterfind("{*}rPr/*")
            marks = {local(mark) for mark in looks if (attribute(mark, "val") or "1") not in _OFF}
            if "vanish" not in marks:
                yield "".join(_texts(child)), not marks.isdisjoint(("strike", "dstrike"))
        elif name in _WRAPPERS:
            yield from _runs(child)


def _texts(run: Any) -> Iterator[str]:
    for child in run:
        name = local(child)
        if name == "t":
            yield child.text or ""
        elif name not in _UNSEEN:
            yield _MARKS.get(name, "")


def _link(paragraph: Any, targets: dict[str, str]) -> str:
    """Return the address of the paragraph's first hyperlink, be it an element or a field."""
    for element in paragraph.iter("{*}hyperlink", "{*}instrText", "{*}fldSimple"):
        if local(element) == "hyperlink":
            target = targets.get(attribute(element, "id"), "")
        else:
            code = attribute(element, "instr") or element.text or ""
            target = code.partition(_FIELD)[2].partition('"')[0]
        if target:
            return target
    return ""
