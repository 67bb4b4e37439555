"""Office Open XML workbooks: .xlsx, .xlsm (macros are never looked at) and the strict variant.

calamine gives the values; it does not give hyperlinks, error cells (blank to it), formulas without a stored
result, hidden rows or struck-out text, so the sheets' XML is asked for these. Names are compared without
their namespaces: strict workbooks have others, and some writers put prefixes before all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from pipeline.errors import Refused
from pipeline.model import Place, Sheet, Stamp, Workbook
from pipeline.read import calamine
from pipeline.read.markup import attribute, local, parse
from pipeline.read.package import Package
from pipeline.read.values import COLUMN_LIMIT, HYPERLINK_FORMULA, numbers_in
from pipeline.read.worksheet import (
    Shared,
    Styles,
    area_of,
    cells_in,
    is_plain,
    place_of,
    read_cells,
    read_strings,
    read_styles,
    struck_strings,
    unstruck,
)  # fmt: skip
from schemas.codes import Rule

_FLAW = re.compile(rb"""\bt\s*=\s*["']e["']|<(?:\w+:)?f[\s>/]""")
_ROOT = re.compile(rb"<(\w+:)?worksheet\b[^>]*>")
_BODY_END = re.compile(rb"</(?:\w+:)?sheetData\s*>|<(?:\w+:)?sheetData\s*/>")
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')
_TAGS = re.compile(rb"<(?:\w+:)?(row|col)\b([^<>]*\bhidden=\"(?:1|true)\"[^<>]*)>")
_STYLED = re.compile(rb"<(?:\w+:)?c\b([^<>]*)")
_ATTRIBUTE = re.compile(rb'\b(\w+)="([^"]*)"')
_COUNT = re.compile(rb'\buniqueCount="(\d+)"')
_MARKS_STRIKES, _MARKS_1904 = b"strike", re.compile(rb'\bdate1904="(?:1|true|on)"')
# A look for these bytes is thirty times quicker than the patterns, and most sheets hold none of them.
_MARKS_FLAWS, _MARKS_HIDDEN = (b'"e"', b"'e'", b"<f", b":f"), b"hidden="


class _Part(NamedTuple):
    name: str
    hidden: bool
    path: str


def read_xlsx(content: bytes, package: Package) -> Workbook:
    """Return the workbook; `package` are the same bytes, checked.

    Raises:
        Refused: `file.unreadable` (damaged) or `file.too-large`.
    """
    parts = list(sheet_parts(package))
    book = calamine.open_book(content) if _is_tame(package, parts) else None
    shared = _shared(package)
    sheets = []
    for part in parts:
        cells = calamine.cells_of(book, part.name) if book is not None else None
        xml = package.parts[part.path]
        if cells is None:
            cells = read_cells(xml, _fully(shared, package))
        sheets.append(_sheet(part, cells, xml, package, shared, tame=book is not None))
    return Workbook(sheets, _stamp(package), package.modified())


def sheet_parts(package: Package) -> Iterator[_Part]:
    """Yield the worksheets in the workbook's order; charts and macro sheets hold no cells.

    Raises:
        Refused: a sheet is listed but not there, or none is listed.
    """
    targets = package.relations(package.main)
    listed = list(parse(package.parts[package.main]).iter("{*}sheet"))
    if not listed:
        raise Refused(Rule.FILE_UNREADABLE)
    for element in listed:
        kind, target = targets.get(attribute(element, "id"), ("", ""))
        if kind not in ("worksheet", ""):
            continue
        path = package.find(target) if target else ""
        if not path:
            raise Refused(Rule.FILE_UNREADABLE)
        yield _Part(element.get("name", ""), element.get("state", "visible") != "visible", path)


def _is_tame(package: Package, parts: list[_Part]) -> bool:
    """Tell whether calamine may see the workbook: it believes every count and address, and finds sheets by name."""
    if len({part.name for part in parts}) < len(parts):
        return False
    strings = package.get(_beside(package, "sharedStrings"))
    count = _COUNT.search(strings[:4096])
    if count and int(count[1]) > len(strings):
        return False
    return all(is_plain(package.parts[part.path]) for part in parts)


def _beside(package: Package, kind: str) -> str:
    """Return the workbook's part of that kind."""
    return next((target for k, target in package.relations(package.main).values() if k == kind), "")


def _shared(package: Package) -> Shared:
    """Return what every sheet needs; styles are only looked into where they strike something out."""
    xml = package.get(_beside(package, "styles"))
    styles = read_styles(xml) if _MARKS_STRIKES in xml else Styles()
    strings = package.get(_beside(package, "sharedStrings"))
    struck = struck_strings(strings) if _MARKS_STRIKES in strings else {}
    return Shared(styles, _MARKS_1904.search(package.parts[package.main]) is not None, struck_strings=struck)


def _fully(shared: Shared, package: Package) -> Shared:
    """Return what our own reader needs besides: the strings, and which styles show dates."""
    styles = read_styles(package.get(_beside(package, "styles")))
    strings = package.get(_beside(package, "sharedStrings"))
    return replace(shared, styles=styles, load_strings=cache(lambda: read_strings(strings)))


def _sheet(part: _Part, cells: list[list[str]], xml: bytes, package: Package, shared: Shared, *, tame: bool) -> Sheet:
    merges, links = _around(xml, {id: target for id, (_, target) in package.relations(part.path).items()})
    flaws: dict[Place, tuple[Rule, str]] = {}
    if any(mark in xml for mark in _MARKS_FLAWS) and _FLAW.search(xml):
        for place, error, formula, has_value in _unusual_cells(_excerpt(xml) if tame else xml):
            if formula and (match := HYPERLINK_FORMULA.match(formula)):
                links.setdefault(place, match[1])
            if error:
                flaws[place] = (Rule.CELL_ERROR_VALUE, error)
            elif formula is not None and not has_value and not _at(cells, place) and place not in links:
                flaws[place] = (Rule.CELL_NO_VALUE, "=" + formula)
    rows, columns = (
        _hidden(xml) if _MARKS_HIDDEN in xml and _HIDDEN.search(xml) else (frozenset[int](), frozenset[int]())
    )
    struck = set(_struck(xml, shared.styles.struck)) if shared.styles.struck else set[Place]()
    corrected = {}
    if shared.struck_strings or _MARKS_STRIKES in xml:
        for place, rest in _partly_struck(xml, shared.struck_strings):
            if place in struck or not rest.strip():
                struck.add(place)
            elif text := _at(cells, place):
                corrected[place], cells[place[0]][place[1]] = text, rest
    return Sheet(part.name, part.hidden, cells, merges, links, flaws, {}, rows, columns, frozenset(struck), corrected)


def _at(cells: list[list[str]], place: Place) -> str:
    row, column = place
    return cells[row][column] if row < len(cells) and column < len(cells[row]) else ""


def _around(xml: bytes, targets: dict[str, str]) -> tuple[list[tuple[Place, Place]], dict[Place, str]]:
    """Return merged areas and hyperlinks: what a sheet's XML says after its rows."""
    root, end, start = _ROOT.search(xml), None, len(xml)
    while end is None and start > 0:  # the last one counts
        start = xml.rfind(b"<", 0, max(xml.rfind(b"sheetData", 0, start), 0))
        end = _BODY_END.match(xml, max(start, 0))
    if root is None or end is None:
        return [], {}
    merges, links = [], {}
    closing = b"</" + (root[1] or b"") + b"worksheet>"
    tail = xml[end.end() :]
    for element in parse(root[0] + (tail if closing in tail else tail + closing)).iter("{*}mergeCell", "{*}hyperlink"):
        area = area_of(element.get("ref", ""))
        if area is None:
            continue
        if local(element) == "mergeCell":
            merges.append(area)
        elif target := targets.get(attribute(element, "id"), ""):
            links[area[0]] = target
    return merges, links


def _unusual_cells(xml: bytes) -> Iterator[tuple[Place, str, str | None, bool]]:
    """Yield the cells with an error or a formula: place, error text, formula, whether a result is stored.

    A result that is said to be a text may be an empty one; an empty result that is not was never reckoned.
    """
    for place, element in cells_in(xml):
        value = formula = None
        for child in element:
            if local(child) == "v":
                value = child.text or ""
            elif local(child) == "f":
                formula = child.text or ""
        if element.get("t") == "e":
            yield place, value or "#N/A", formula, True
        elif formula is not None:
            yield place, "", formula, bool(value) or (value is not None and element.get("t") == "str")


def _excerpt(xml: bytes) -> bytes:
    """Return a sheet of those cells alone that may be unusual, or the whole of it where they cannot be cut out.

    Only for sheets whose every cell says where it stands. Most have a handful among hundreds: parsing all of
    them would cost more than calamine does.
    """
    root = _ROOT.search(xml)
    if root is None:
        return xml
    prefix = root[1] or b""
    opening, closing = b"<" + prefix + b"c ", b"</" + prefix + b"c>"
    cells, end = [], 0
    for flaw in _FLAW.finditer(xml):
        if flaw.start() < end:
            continue
        start, end = xml.rfind(opening, end, flaw.start()), xml.find(closing, flaw.end()) + len(closing)
        cell = xml[start:end]
        if start < 0 or end < len(closing) or cell.count(b"<" + prefix + b"c") != 1:
            return xml
        cells.append(cell)
    return b"".join([root[0], *cells, b"</" + prefix + b"worksheet>"])


def _attributes(tag: bytes) -> dict[bytes, bytes]:
    return dict(_ATTRIBUTE.findall(tag))


def _hidden(xml: bytes) -> tuple[frozenset[int], frozenset[int]]:
    """Return the hidden rows and columns, counted from 0."""
    rows: set[int] = set()
    columns: list[tuple[int, int]] = []
    for match in _TAGS.finditer(xml):
        told = _attributes(match[2])
        if match[1] == b"row" and told.get(b"r", b"").isdigit():
            rows.add(int(told[b"r"][:9]) - 1)
        elif told.get(b"min", b"").isdigit() and told.get(b"max", b"").isdigit():
            columns.append((int(told[b"min"][:9]) - 1, int(told[b"max"][:9]) - 1))
    return frozenset(rows), frozenset(numbers_in(columns, COLUMN_LIMIT))


def _struck(xml: bytes, styles: frozenset[int]) -> Iterator[Place]:
    """Yield the cells whose style strikes them out."""
    wanted = {str(style).encode() for style in styles}
    for match in _STYLED.finditer(xml):
        told = _attributes(match[1])
        if told.get(b"s") in wanted and (place := place_of(told.get(b"r", b"").decode("ascii", "replace"))):
            yield place


def _partly_struck(xml: bytes, strings: dict[int, str]) -> Iterator[tuple[Place, str]]:
    """Yield the cells in whose text something is struck out, and the text without it."""
    for place, element in cells_in(xml):
        rest = None
        for child in element:
            if local(child) == "is":
                rest = unstruck(child)
            elif local(child) == "v" and element.get("t") == "s":
                number = child.text or ""
                rest = strings.get(int(number)) if number.isascii() and number.isdigit() else None
        if rest is not None:
            yield place, rest


def _stamp(package: Package) -> Stamp | None:
    content = package.get("docProps/custom.xml")
    if not content:
        return None
    properties: dict[str, Any] = {e.get("name", ""): "".join(e.itertext()) for e in parse(content)}
    version = properties.get("version", "")
    if "round" not in properties or "unit" not in properties or not re.fullmatch("[0-9]{1,9}", version):
        return None
    sheets = tuple(name for name in properties.get("sheets", "").split("/") if name)
    return Stamp(properties["round"], properties["unit"], int(version), sheets)
