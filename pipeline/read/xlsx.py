"""Office Open XML workbooks.

calamine gives the values; it does not give hyperlinks, merged cells of every file, error cells (blank to
it) or formulas without a stored result, so the sheets' XML is asked for these.
"""

from __future__ import annotations

import datetime as dt
import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from lxml import etree
from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

from pipeline.errors import Refused
from pipeline.model import Place, Sheet, Stamp, Workbook
from schemas.codes import Rule

# Limits that cost honest files nothing, measured on thousands of real forms.
ENTRY_LIMIT = 2_000
PART_LIMIT, TOTAL_LIMIT = 100 * 1024 * 1024, 200 * 1024 * 1024
RATIO_LIMIT, RATIO_GRACE = 200, 100 * 1024
CELL_LIMIT = 5_000_000
# What zipfile, zlib, lxml and calamine raise on damaged packages.
_DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, etree.XMLSyntaxError, CalamineError, OSError, EOFError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
_PARSER: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
_HAS_FLAWS = re.compile(rb't="e"|<(?:\w+:)?f[ >/]')
_ROOT = re.compile(rb"<(?:\w+:)?worksheet\b[^>]*>")
_BODY_END = re.compile(rb"</(?:\w+:)?sheetData\s*>|<(?:\w+:)?sheetData\s*/>")
_REFERENCE = re.compile(r"^\$?([A-Z]{1,3})\$?(\d{1,7})$")
_HYPERLINK = re.compile(r'^\s*HYPERLINK\s*\(\s*"([^"]+)"', re.IGNORECASE)


def read_xlsx(content: bytes) -> Workbook:
    """Return the workbook.

    Raises:
        Refused: `file.unreadable` (damaged), `file.unsupported` (another kind of package) or `file.too-large`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            names = set(package.namelist())
            if not any(name.endswith("workbook.xml") for name in names):
                raise Refused(Rule.FILE_UNSUPPORTED if names else Rule.FILE_UNREADABLE)
            _inflate(package)
            book = CalamineWorkbook.from_filelike(io.BytesIO(content))
            parts = _sheet_parts(package)
            sheets = [
                _sheet(book, meta.name, meta.visible is not SheetVisibleEnum.Visible, package, parts.get(meta.name))
                for meta in book.sheets_metadata
                if meta.name in parts or not parts
            ]
            stamp, modified = _stamp(package), _modified(package)
    except _DAMAGE as fault:
        raise Refused(Rule.FILE_UNREADABLE) from fault
    if not sheets:
        raise Refused(Rule.FILE_UNREADABLE)
    return Workbook(sheets, stamp, modified)


def _inflate(package: zipfile.ZipFile) -> None:
    """Inflate every part once, which checks its CRC, and count the real size: the declared one may lie."""
    total = 0
    if len(package.infolist()) > ENTRY_LIMIT:
        raise Refused(Rule.FILE_TOO_LARGE, size=str(len(package.infolist())), limit=str(ENTRY_LIMIT))
    for entry in package.infolist():
        size = 0
        with package.open(entry) as part:
            while chunk := part.read(1 << 20):
                size += len(chunk)
                total += len(chunk)
                if (
                    size > PART_LIMIT
                    or total > TOTAL_LIMIT
                    or size > max(RATIO_GRACE, RATIO_LIMIT * entry.compress_size)
                ):
                    raise Refused(Rule.FILE_TOO_LARGE, size=megabytes(total), limit=megabytes(TOTAL_LIMIT))


def megabytes(size: int) -> str:
    """Return a size as people read it."""
    return f"{size / 1024 / 1024:.0f} MB"


def _sheet(book: CalamineWorkbook, name: str, hidden: bool, package: zipfile.ZipFile, part: str | None) -> Sheet:
    values = book.get_sheet_by_name(name)
    if values.end and (values.end[0] + 1) * (values.end[1] + 1) > CELL_LIMIT:
        raise Refused(Rule.FILE_TOO_LARGE, size=f"{values.end[0] + 1} x {values.end[1] + 1}", limit=str(CELL_LIMIT))
    cells = [[_text(value) for value in row] for row in values.to_python(skip_empty_area=False)]
    if part is None:
        return Sheet(name, hidden, cells)
    xml = package.read(part)
    merges, links = _around(xml, _relations(package, part))
    flaws: dict[Place, tuple[Rule, str]] = {}
    if _HAS_FLAWS.search(xml):
        for place, error, formula, has_value in _unusual_cells(xml):
            if formula and (match := _HYPERLINK.match(formula)):
                links.setdefault(place, match[1])
            if error:
                flaws[place] = (Rule.CELL_ERROR_VALUE, error)
            elif formula is not None and not has_value and not _at(cells, place) and place not in links:
                flaws[place] = (Rule.CELL_NO_VALUE, "=" + formula)
    return Sheet(name, hidden, cells, merges, links, flaws)


def _at(cells: list[list[str]], place: Place) -> str:
    row, column = place
    return cells[row][column] if row < len(cells) and column < len(cells[row]) else ""


def _text(value: object) -> str:
    """Return a cell's value as a person would type it: whole numbers without a fraction, days first."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)
    if isinstance(value, dt.datetime):
        return value.strftime("%d/%m/%Y" if value.time() == dt.time() else "%d/%m/%Y %H:%M")
    if isinstance(value, dt.date):
        return value.strftime("%d/%m/%Y")
    return str(value)


def _local(element: Any) -> str:
    return str(etree.QName(element).localname)


def _xml(content: bytes) -> Any:
    return etree.fromstring(content, etree.XMLParser(**_PARSER))


def _relations(package: zipfile.ZipFile, part: str) -> dict[str, str]:
    """Return the targets of a part's relations by id; targets inside the package are made absolute."""
    folder, name = posixpath.split(part)
    path = f"{folder}/_rels/{name}.rels"
    if path not in package.namelist():
        return {}
    targets = {}
    for relation in _xml(package.read(path)):
        target = relation.get("Target", "")
        if relation.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/" + folder, target)).lstrip("/")
        targets[relation.get("Id", "")] = target
    return targets


def _sheet_parts(package: zipfile.ZipFile) -> dict[str, str]:
    """Return the worksheet parts by sheet name, in the workbook's order."""
    workbook = next(name for name in package.namelist() if name.endswith("workbook.xml"))
    targets = _relations(package, workbook)
    parts = {}
    for element in _xml(package.read(workbook)).iter("{*}sheet"):
        relation = next((value for key, value in element.attrib.items() if etree.QName(key).localname == "id"), "")
        part = targets.get(relation, "")
        if part in package.namelist() and "worksheet" in part:
            parts[element.get("name", "")] = part
    return parts


def _around(xml: bytes, targets: dict[str, str]) -> tuple[list[tuple[Place, Place]], dict[Place, str]]:
    """Return merged areas and hyperlinks: what a sheet's XML says after its rows."""
    root, end = _ROOT.search(xml), None
    for end in _BODY_END.finditer(xml):  # noqa: B007 - the last one counts
        pass
    if root is None or end is None:
        return [], {}
    merges, links = [], {}
    closing = b"</" + re.split(rb"[ >\s]", root[0][1:], maxsplit=1)[0] + b">"
    tail = xml[end.end() :]
    for element in _xml(root[0] + (tail if closing in tail else tail + closing)).iter("{*}mergeCell", "{*}hyperlink"):
        area = _area(element.get("ref", ""))
        if area is None:
            continue
        if _local(element) == "mergeCell":
            merges.append(area)
            continue
        relation = next((value for key, value in element.attrib.items() if etree.QName(key).localname == "id"), "")
        if target := targets.get(relation, ""):
            links[area[0]] = target
    return merges, links


def _area(reference: str) -> tuple[Place, Place] | None:
    corners = [_place(corner) for corner in reference.split(":")]
    if not corners or any(corner is None for corner in corners):
        return None
    first, last = corners[0], corners[-1]
    return (first, last) if first is not None and last is not None else None


def _place(reference: str) -> Place | None:
    match = _REFERENCE.match(reference)
    if not match:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(match[2]) - 1, column - 1


def _unusual_cells(xml: bytes) -> Iterator[tuple[Place, str, str | None, bool]]:
    """Yield the cells with an error or a formula: place, error text, formula, whether a result is stored."""
    row, column = -1, -1
    for event, element in etree.iterparse(io.BytesIO(xml), events=("start", "end"), tag=("{*}row", "{*}c"), **_PARSER):
        name = _local(element)
        if event == "start":
            if name == "row":
                number = element.get("r", "")
                row, column = (int(number) - 1 if number.isdigit() else row + 1), -1
            continue
        if name == "row":
            element.clear()
            continue
        place = _place(element.get("r", "")) or (row, column + 1)
        column = place[1]
        value = formula = None
        for child in element:
            if _local(child) == "v":
                value = child.text
            elif _local(child) == "f":
                formula = child.text or ""
        if element.get("t") == "e":
            yield place, value or "#N/A", formula, True
        elif formula is not None:
            yield place, "", formula, bool(value)


def _stamp(package: zipfile.ZipFile) -> Stamp | None:
    if "docProps/custom.xml" not in package.namelist():
        return None
    properties = {e.get("name", ""): "".join(e.itertext()) for e in _xml(package.read("docProps/custom.xml"))}
    version = properties.get("version", "")
    if "round" not in properties or "unit" not in properties or not version.isdigit():
        return None
    return Stamp(properties["round"], properties["unit"], int(version))


def _modified(package: zipfile.ZipFile) -> dt.datetime | None:
    if "docProps/core.xml" not in package.namelist():
        return None
    for element in _xml(package.read("docProps/core.xml")).iter("{*}modified"):
        try:
            return dt.datetime.fromisoformat((element.text or "").replace("Z", "+00:00")).replace(tzinfo=None)
        except ValueError:
            return None
    return None
