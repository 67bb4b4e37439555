"""HTML that a program saved as .xls, or that was exported from Word or Google Sheets; web archives (.mht) too.

The page becomes one sheet (a workbook that LibreOffice saved as a page becomes its sheets): a block of text outside
of tables is a row with its text in column A, every table row is a row; `colspan` and `rowspan` are merged cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

from lxml import etree, html

from pipeline.errors import Refused
from pipeline.model import Sheet
from pipeline.read.grid import Cell, Grid
from pipeline.read.text import decoded
from schemas.codes import Rule

NAME = "HTML"
_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_UNSEEN = {"script", "style", "head", "title", "xml", "template", "comment", "noscript", "object"}
_BLOCKS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "pre", "caption", "dt", "dd"}
_BREAKS = {"br", "p", "div", "li", "tr"}
_STRUCK = {"s", "strike", "del"}
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_STRUCK_STYLE = re.compile(r"text-decoration[^;]*line-through", re.IGNORECASE)
_MAY_STRIKE = re.compile(rb"<(?:s|strike|del)[\s>]|line-through", re.IGNORECASE)
_ARCHIVE = re.compile(rb"\s*MIME-Version:", re.IGNORECASE)
_SHEET = re.compile(r"table\d+")  # the anchor above each sheet of a workbook that LibreOffice saved as a page
_SPACES = re.compile(r"[ \t\r\n\f]+")


def read_html(content: bytes) -> list[Sheet]:
    """Return the page as one sheet, or as those that LibreOffice wrote on it.

    Raises:
        Refused: `file.unreadable` or `file.too-large`.
    """
    if _ARCHIVE.match(content):
        content = _page_in_archive(content)
    parser = html.HTMLParser(encoding="utf-8", huge_tree=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(_text(content).encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError) as fault:
        raise Refused(Rule.FILE_UNREADABLE) from fault
    page = _Page(strikes=_MAY_STRIKE.search(content) is not None)
    page.blocks(root)
    return [grid.sheet(name) for name, grid in page.sheets] or [page.grid.sheet(NAME)]


def _page_in_archive(content: bytes) -> bytes:
    """Return the pages of a "single file web page" that hold tables, one after another."""
    parts = (part.get_payload(decode=True) for part in message_from_bytes(content).walk() if not part.is_multipart())
    return b"\n".join(part for part in parts if isinstance(part, bytes) and b"<table" in part.lower())


def _text(content: bytes) -> str:
    """Return the page's text, in the encoding that it says where it says one that is known."""
    told = _CHARSET.search(content[:4096])
    if told and not content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        try:
            return content.decode(told[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            return decoded(content)
    return decoded(content)


class _Page:
    """A page on its way to a sheet."""

    def __init__(self, strikes: bool) -> None:
        self.grid = Grid()
        self.sheets: list[tuple[str, Grid]] = []  # where the page is a workbook's
        self.strikes = strikes  # the page strikes something through, so every cell is asked

    def blocks(self, parent: Any) -> None:
        """Place tables and texts in the page's order."""
        self._line(parent.text)
        for child in parent:
            name = child.tag if isinstance(child.tag, str) else ""
            if name == "a" and _SHEET.fullmatch(child.get("name", "")) and (title := child.find("h1/em")) is not None:
                self.grid = Grid()
                self.sheets.append((title.text_content(), self.grid))
            elif name == "table":
                self._table(child)
            elif name in _BLOCKS:
                self.grid.put_line(self._cell(child))
            elif name and name not in _UNSEEN:
                self.blocks(child)
            self._line(child.tail)

    def _line(self, text: str | None) -> None:
        if text and text.strip():
            self.grid.put_line(Cell(_SPACES.sub(" ", text).strip()))

    def _table(self, table: Any) -> None:
        self.grid.begin_table()
        for row in _rows(table):
            self.grid.begin_row()
            if _HIDDEN.search(row.get("style", "")):
                self.grid.hidden_rows.add(self.grid.row)
            for cell in row:
                if cell.tag in ("td", "th"):
                    self.grid.put(self._cell(cell), _span(cell.get("colspan", "1")), _span(cell.get("rowspan", "1")))
        self.grid.begin_table()

    def _cell(self, element: Any) -> Cell:
        link = next((a.get("href", "") for a in element.iter("a") if a.get("href")), "")
        lines = (_SPACES.sub(" ", line).strip() for line in "".join(_texts(element)).split("\n"))
        text = "\n".join(lines).strip("\n")
        return Cell(text, link, self.strikes and bool(text) and _is_struck(element))


def _rows(table: Any) -> Iterator[Any]:
    for child in table:
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)


def _span(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def _texts(element: Any) -> Iterator[str]:
    """Yield the visible texts; line breaks of the page's source are spaces, those of `<br>` are kept."""
    yield _SPACES.sub(" ", element.text or "")
    for child in element:
        name = child.tag if isinstance(child.tag, str) else ""
        if name in _BREAKS:
            yield "\n"
        if name and name not in _UNSEEN:
            yield from _texts(child)
        if name in ("td", "th"):
            yield " "
        yield _SPACES.sub(" ", child.tail or "")


def _is_struck(element: Any) -> bool:
    """Tell whether the whole text is struck through: by the cell's style, or by the one element that holds it."""
    while True:
        if element.tag in _STRUCK or _STRUCK_STYLE.search(element.get("style", "")):
            return True
        inner = [child for child in element if isinstance(child.tag, str) and (child.text_content() or "").strip()]
        if len(inner) != 1 or (element.text or "").strip() or any((child.tail or "").strip() for child in element):
            return False
        element = inner[0]
