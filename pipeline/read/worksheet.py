"""The XML of one worksheet: its true size before a library believes it, and a reader of our own.

The second reader takes the sheets that calamine refuses (error values that it does not know) or must not see
(addresses so far apart that it would ask for more memory than there is).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import Refused
from pipeline.model import Place, address
from pipeline.read.markup import attribute, forget, local, parse, walk
from pipeline.read.values import CELL_LIMIT, COLUMN_LIMIT, ROW_LIMIT, date_text, is_date_format, number_text, too_many
from schemas.codes import Rule

_CELLS = re.compile(rb"<(?:\w+:)?c[\s/>]")
# The whole tag, and none but the simplest attributes: in others a false address could hide.
_ADDRESSES = re.compile(rb'<(?:\w+:)?c(?: [st]="\w*")* r="([A-Z]{1,3})([0-9]{1,7})"(?: \w+="\w*")*\s?>')
_BLANK = re.compile(rb'(?:<(?:\w+:)?c(?: [st]="\w*")* r="[A-Z]{1,3}[0-9]{1,7}"(?: \w+="\w*")*\s?/>)+')
# Told without taking the addresses out: a cell that is not as simple, or stands outside of A1 to ZZ999.
_OTHER_CELL = re.compile(rb'<c(?=[\s/>])(?!(?: [st]="\w*")* r="[A-Z]{1,2}[1-9][0-9]{0,2}"(?: \w+="\w*")*\s?/?>)')
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"^\$?([A-Z]{1,3})\$?(\d{1,7})$")
_OFF = ("0", "false", "off")


@dataclass(frozen=True)
class Styles:
    """What is needed of `styles.xml`: the cell styles that show dates, and those that strike out."""

    dates: frozenset[int] = frozenset()
    struck: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Shared:
    """What the sheets of a workbook share."""

    styles: Styles
    epoch_1904: bool
    load_strings: Callable[[], list[str]] = field(default=list)
    struck_strings: dict[int, str] = field(default_factory=dict)  # by number, without what is struck out in them


def is_plain(xml: bytes) -> bool:
    """Tell whether every cell says where it stands, and all that hold something in a box that fits in memory.

    calamine makes room for that box, and passes over cells that are only styled.
    """
    if b"\0" in xml[:64]:
        return False
    if b":c" not in xml and not _OTHER_CELL.search(xml):
        return True
    xml = _BLANK.sub(b"", xml)  # there may be millions of these
    filled = _ADDRESSES.findall(xml)
    if len(filled) != len(_CELLS.findall(xml)):
        return False
    if not filled:
        return True
    width = max(column_number(letters.decode()) for letters in {column for column, _ in filled})
    height = max(map(int, {row for _, row in filled}))
    return width <= COLUMN_LIMIT and 0 < height <= ROW_LIMIT and width * height <= CELL_LIMIT


def column_number(letters: str) -> int:
    """Return a column's number, counted from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def place_of(reference: str) -> Place | None:
    """Return the cell of a reference such as `$B$7`, None where it is none."""
    match = _REFERENCE.match(reference)
    if not match:
        return None
    place = int(match[2]) - 1, column_number(match[1]) - 1
    return place if 0 <= place[0] < ROW_LIMIT and place[1] < COLUMN_LIMIT else None


def area_of(reference: str) -> tuple[Place, Place] | None:
    """Return first and last cell of a reference such as `B7:C9`, None where it is none."""
    first, _, last = reference.partition(":")
    top, bottom = place_of(first), place_of(last or first)
    return (top, bottom) if top is not None and bottom is not None else None


def cells_in(xml: bytes) -> Iterator[tuple[Place, Any]]:
    """Yield every cell's place and element, one at a time: the element is forgotten with its row.

    Raises:
        Refused: `file.unreadable`: the XML is broken, or a cell stands outside of any sheet.
    """
    row, column = -1, -1
    for event, element in walk(xml, "row", "c", events=("start", "end")):
        is_row = local(element) == "row"
        if is_row and event == "start":
            number = element.get("r", "")
            row, column = (int(number) - 1 if number.isascii() and number.isdigit() else row + 1), -1
        elif is_row:
            forget(element)
        elif event == "end":
            reference = element.get("r")
            place = place_of(reference) if reference else (row, column + 1)
            if place is None or not (0 <= place[0] < ROW_LIMIT and place[1] < COLUMN_LIMIT):
                raise Refused(Rule.FILE_UNREADABLE)
            column = place[1]
            yield place, element


def read_cells(xml: bytes, shared: Shared) -> list[list[str]]:
    """Return the cells as texts, each row as long as it has any: what is far apart costs nothing.

    Raises:
        Refused: `file.unreadable`, or `file.too-large` with the cell at which it became so.
    """
    strings = shared.load_strings()
    cells: list[list[str]] = []
    size = 0
    for (row, column), element in cells_in(xml):
        text = _text(element, strings, shared)
        if not text:
            continue
        while len(cells) <= row:
            cells.append([])
        size += max(column + 1 - len(cells[row]), 0)
        if size > CELL_LIMIT:
            raise too_many("cells", CELL_LIMIT, address((row, column)))
        cells[row].extend([""] * (column + 1 - len(cells[row])))
        cells[row][column] = text
    return cells


def _text(cell: Any, strings: list[str], shared: Shared) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return next((rich_text(child) for child in cell if local(child) == "is"), "")
    value = next((child.text or "" for child in cell if local(child) == "v"), "")
    if kind == "s":
        return _shared_text(value, strings)
    if kind == "str":
        return unescaped(value)
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(value, value.upper())
    if kind == "d":
        return _iso_day(value)
    if kind == "e" or not value:
        return ""
    style = cell.get("s", "0")
    if style.isascii() and style.isdigit() and int(style) in shared.styles.dates:
        return date_text(value, shared.epoch_1904)
    return number_text(value)


def _shared_text(index: str, strings: list[str]) -> str:
    """Return a shared string; where it is lost the file is damaged, not the cell empty."""
    if not index:
        return ""
    if not index.strip().isdigit() or int(index) >= len(strings):
        raise Refused(Rule.FILE_UNREADABLE)
    return strings[int(index)]


def _iso_day(text: str) -> str:
    match = re.match(r"^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d))?", text)
    if not match:
        return text
    day = f"{match[3]}/{match[2]}/{match[1]}"
    return day if not match[4] or match[4] + match[5] == "0000" else f"{day} {match[4]}:{match[5]}"


def rich_text(element: Any) -> str:
    """Return the text of a string item, without the reading aids of Asian scripts."""
    runs = (run for run in element.iter() if local(run) == "t" and local(run.getparent()) != "rPh")
    return unescaped("".join(run.text or "" for run in runs))


def struck_strings(xml: bytes) -> dict[int, str]:
    """Return the shared strings of which something is struck out, by number, without it."""
    strings = {}
    for number, (_, item) in enumerate(walk(xml, "si") if xml else ()):
        if (rest := unstruck(item)) is not None:
            strings[number] = rest
        forget(item)
    return strings


def unstruck(item: Any) -> str | None:
    """Return a string item's text without the runs that are struck out, None where no text is."""
    runs = [
        (any(_is_struck(look) for look in run if local(look) == "rPr"), rich_text(run))
        for run in item
        if local(run) == "r"
    ]
    if not any(is_struck and text.strip() for is_struck, text in runs):
        return None
    return "".join(text for is_struck, text in runs if not is_struck)


def unescaped(text: str) -> str:
    """Return the text with the escapes of Office resolved: `_x000D_` is a carriage return."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def read_strings(xml: bytes) -> list[str]:
    """Return the shared strings."""
    strings = []
    for _, item in walk(xml, "si") if xml else ():
        strings.append(rich_text(item))
        forget(item)
    return strings


def read_styles(xml: bytes) -> Styles:
    """Return which cell styles show dates and which strike out."""
    if not xml:
        return Styles()
    root = parse(xml)
    codes = {_number(e, "numFmtId"): e.get("formatCode", "") for e in root.iter("{*}numFmt")}
    fonts = [font for fonts in root.iterchildren("{*}fonts") for font in fonts.iterchildren("{*}font")]
    struck_fonts = {place for place, font in enumerate(fonts) if _is_struck(font)}
    formats = [xf for xfs in root.iterchildren("{*}cellXfs") for xf in xfs.iterchildren("{*}xf")]
    dates = {
        place
        for place, xf in enumerate(formats)
        if is_date_format(_number(xf, "numFmtId"), codes.get(_number(xf, "numFmtId"), ""))
    }
    struck = {place for place, xf in enumerate(formats) if _number(xf, "fontId") in struck_fonts}
    return Styles(frozenset(dates), frozenset(struck))


def _is_struck(font: Any) -> bool:
    return any(
        local(part) == "strike" and (attribute(part, "val") or "1") not in _OFF for part in font if len(part) == 0
    )


def _number(element: Any, name: str) -> int:
    text = element.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else -1
