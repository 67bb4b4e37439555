"""Texts and places as the XML of a workbook holds them."""

from __future__ import annotations

import re
from html import escape

from pipeline.model import address
from schemas.text import LONGEST, storable

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_CODED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def area(first_row: int, first_column: int, last_row: int, last_column: int) -> str:
    """Return the name of a rectangle of cells, such as `A1:C7`; of one cell as `A1`."""
    first, last = address((first_row, first_column)), address((last_row, last_column))
    return first if first == last else f"{first}:{last}"


def quoted(text: str) -> str:
    """Return a text as it stands in a formula."""
    return '"' + text.replace('"', '""') + '"'


def sheet_name(name: str) -> str:
    """Return a sheet's name as it stands before the `!` of a formula or a link."""
    return "'" + name.replace("'", "''") + "'"


def shown(text: str) -> str:
    """Return the element `t` that shows exactly this text; Excel takes `_x0041_` for a character's number."""
    plain = text.isprintable() and "&" not in text and "<" not in text and ">" not in text and "_x" not in text
    if plain and text[:1] != " " != text[-1:] and len(text) <= LONGEST // 2:  # as most are
        return f"<t>{text}</t>"
    text = storable(text)
    if len(text) > LONGEST // 2:  # a character beyond the basic plane counts as two
        text = text.encode("utf-16-le")[: 2 * LONGEST].decode("utf-16-le", "ignore")
    if "_x" in text:
        text = _CODED.sub("_x005F_", text)
    if "\r" in text:
        text = text.replace("\r", "_x000D_")
    space = ' xml:space="preserve"' if text != text.strip() else ""
    return f"<t{space}>{escape(text, quote=False)}</t>"


def attribute(text: str) -> str:
    """Return a text as it stands between the quotation marks of an attribute."""
    return escape(storable(text)).replace("\n", "&#10;")
