"""SpreadsheetML of Excel 2003: one XML file, still what many programs export as .xls."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pipeline.errors import Refused
from pipeline.model import Sheet
from pipeline.read.grid import Cell, Grid
from pipeline.read.markup import attribute, declares_entities, local, parse
from pipeline.read.values import CELL_LIMIT, ROW_LIMIT, number_text, text_of, too_many
from schemas.codes import Rule


def read_spreadsheet_xml(content: bytes) -> list[Sheet]:
    """Return the sheets.

    Raises:
        Refused: `file.unreadable` or `file.too-large`.
    """
    if declares_entities(content, ""):
        raise Refused(Rule.FILE_UNREADABLE)
    root = parse(content.lstrip())
    struck = {attribute(style, "ID") for style in root.iter("{*}Style") if _strikes(style)}
    sheets = [_sheet(element, struck) for element in root.iterchildren("{*}Worksheet")]
    if not sheets:
        raise Refused(Rule.FILE_UNREADABLE)
    return sheets


def _strikes(style: Any) -> bool:
    return any(attribute(font, "StrikeThrough") == "1" for font in style.iterchildren("{*}Font"))


def _sheet(worksheet: Any, struck: set[str]) -> Sheet:
    grid = Grid()
    for row in worksheet.iterfind("{*}Table/{*}Row"):
        wanted = _number(row, "Index")
        if wanted > ROW_LIMIT:
            raise too_many("rows", ROW_LIMIT)
        while grid.row + 2 < wanted:
            grid.begin_row()
        grid.begin_row()
        if attribute(row, "Hidden") == "1":
            grid.hidden_rows.add(grid.row)
        for cell in row.iterchildren("{*}Cell"):
            if (index := _number(cell, "Index")) > 0:
                grid.skip_to(min(index, CELL_LIMIT) - 1)
            across, down = _number(cell, "MergeAcross") + 1, _number(cell, "MergeDown") + 1
            grid.put(Cell(_value(cell), attribute(cell, "HRef"), attribute(cell, "StyleID") in struck), across, down)
    hidden = any(
        local(e) == "Visible" and e.text != "SheetVisible" for e in worksheet.iterfind("{*}WorksheetOptions/*")
    )
    return grid.sheet(attribute(worksheet, "Name"), hidden)


def _number(element: Any, name: str) -> int:
    text = attribute(element, name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _value(cell: Any) -> str:
    for data in cell.iterchildren("{*}Data"):
        text, kind = "".join(data.itertext()), attribute(data, "Type")
        if kind == "Number":
            return number_text(text)
        if kind == "Boolean":
            return "TRUE" if text == "1" else "FALSE"
        if kind == "DateTime":
            try:
                return text_of(dt.datetime.fromisoformat(text))
            except ValueError:
                return text
        return text
    return ""
