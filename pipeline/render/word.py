"""A Word paper: a template edited in Word, filled with facts, and set as the decree on papers asks.

Layout numbers and fixed sentences live in the template. What no template can say is done here: columns that come and go
share their table's width, short tables stay on one page, rules are as long as the line above them asks (Decree
30/2020/ND-CP, annex I), and a section that came last ends the paper.
"""

from __future__ import annotations

import datetime as dt
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from docx.opc.exceptions import OpcError
from docx.opc.packuri import CONTENT_TYPES_URI, PACKAGE_URI, PackURI
from docx.opc.pkgwriter import _ContentTypesItem
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsmap, qn
from docx.shared import Emu
from docx.text.paragraph import Paragraph
from docxtpl import DocxTemplate
from jinja2 import Environment, StrictUndefined, TemplateError
from lxml.etree import XMLSyntaxError, XPath
from markupsafe import Markup

from pipeline.errors import OperatorError
from pipeline.render.chart import Chart, placed
from pipeline.run import Result
from schemas.data import read_toml
from schemas.messages import said_with
from schemas.text import grouped, storable

_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_BROKEN_FILE = (OSError, OpcError, zipfile.BadZipFile, KeyError, ValueError)
_WHOLE_ON_A_PAGE = 14  # rows of a table that is not broken over pages
_ROWS_OF_A_HEAD = 2
_MOTTO = "VBTieuNgu"
_GRID, _ROW, _CELL, _W = (qn(f"w:{name}") for name in ("tblGrid", "tr", "tc", "w"))
_WIDTHS = XPath("w:tc/w:tcPr/w:tcW", namespaces=nsmap)  # of the cells of a row
_RULE_PART = 0.42  # of the line above: the decree says a third to a half
_EMS = {"upper": 0.72, "lower": 0.47, "space": 0.25}  # mean widths of bold Times New Roman
_CHART_WIDTH = {1: 160.0, 2: 80.0}  # millimetres, by how many stand side by side


class Words:
    """The words chosen by the counts: entries of a TOML file, each a small template."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._said: dict[tuple[str, str], Callable[[Mapping[str, Any]], str]] = {}
        try:
            self._tables = read_toml(path)
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
            raise OperatorError("bad_template", name=path.name, reason=fault) from None

    def entry(self, table: str, key: str) -> Any:
        """Return an entry as it stands."""
        try:
            return self._tables[table][key]
        except (KeyError, TypeError):
            raise OperatorError("bad_template", name=self._path.name, reason=f"{table}.{key}") from None

    def say(self, table: str, key: str, **facts: Any) -> str:
        """Return an entry filled with the facts."""
        try:
            if (table, key) not in self._said:
                self._said[table, key] = said_with(str(self.entry(table, key)))
            return self._said[table, key](facts)
        except TemplateError as fault:
            reason = f"{table}.{key}: {fault}"
            raise OperatorError("bad_template", name=self._path.name, reason=reason) from None


def uncapitalised(text: str) -> str:
    """Return a title as it stands within a sentence."""
    return text[:1].lower() + text[1:]


def padded(number: int) -> str:
    """Return a count as official papers write it: two digits at least, a dot before every three."""
    return grouped(number) if number > 9 else f"{number:02d}"


def kept_end(text: str) -> str:
    """Return a title of which the last word does not stand alone below the others."""
    return "\u00a0".join(text.rsplit(" ", 1))


def write_paper(
    template: Path, facts: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]], result: Result, path: Path
) -> None:
    """Fill a template and write it. A list that is printed is charts side by side.

    Raises:
        OperatorError: the file is no Word document, or a placeholder in it cannot be filled.
    """
    try:
        document = DocxTemplate(template)
        document.init_docx()
    except _BROKEN_FILE as fault:
        raise OperatorError("bad_template", name=template.name, reason=fault) from None
    environment = Environment(undefined=StrictUndefined, autoescape=True, finalize=_Printer(document.docx))
    environment.filters.update(filters)
    try:
        # docxtpl's own rendering reads the filled text three times over: with 11,000 pages that takes half a minute.
        part = document.docx.part
        text = environment.from_string(document.patch_xml(document.xml_to_string(part.element))).render(facts)
        part._element = parse_xml(text)
    except (TemplateError, XMLSyntaxError) as fault:
        raise OperatorError("bad_template", name=template.name, reason=fault) from None
    paper = part.document
    _set(paper)
    _set_properties(paper, result)
    _save(part.package, path)


class _Printer:
    """Prints a value into a document: text as any document can hold it, numbers with a dot before every three digits,
    charts as drawings side by side.

    What makes XML of the text is the template's environment.
    """

    def __init__(self, document: Any) -> None:
        self._document = document
        self._charts = 0

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return value if isinstance(value, Markup) else storable(value)
        if isinstance(value, int):
            return grouped(value)
        return self._drawn(value) if isinstance(value, list) else value

    def _drawn(self, charts: list[Chart]) -> Markup:
        width = _CHART_WIDTH[min(len(charts), 2)]
        drawings = []
        for chart in charts:
            self._charts += 1
            drawings.append(placed(chart, self._document.part, self._charts, width))
        return Markup("").join(drawings)


def _set(document: Any) -> None:
    """Set what only the filled paper shows."""
    for table in document.element.body.iter(qn("w:tbl")):
        _fit_columns(table)
        _keep_together(table.findall(qn("w:tr")))
    _end_with_last_section(document.element.body)
    for section in document.sections:
        width = section.page_width - section.left_margin - section.right_margin
        for item in section.iter_inner_content():
            if isinstance(item, Paragraph):
                _fit_rule(item, width)
            elif len(list(islice(item._tbl.iterchildren(qn("w:tr")), _ROWS_OF_A_HEAD + 1))) <= _ROWS_OF_A_HEAD:
                for cell in item._cells:
                    for paragraph in cell.paragraphs:
                        _fit_rule(paragraph, cell.width)


def _fit_columns(table: Any) -> None:
    """Share the table's width among its columns as its fullest row wishes; what is left over goes to the widest."""
    grid, rows = table.find(_GRID), table.findall(_ROW)
    if not rows:
        return
    fullest = max(rows[:3], key=lambda row: len(row.findall(_CELL)))
    wished = [int(wish.get(_W)) for wish in _WIDTHS(fullest)]
    width = int(table.find(f"{qn('w:tblPr')}/{qn('w:tblW')}").get(_W))
    if sum(wished) == width and len(grid) == len(wished):
        return
    widths = [min(wish, wish * width // sum(wished)) for wish in wished]
    widths[widths.index(max(widths))] += width - sum(widths)
    for column in list(grid):
        grid.remove(column)
    for wide in widths:
        column = OxmlElement("w:gridCol")
        column.set(_W, str(wide))
        grid.append(column)
    for row in rows:
        places, ends = _WIDTHS(row), list(range(1, len(widths) + 1))
        if len(places) < len(widths):
            cells = row.findall(_CELL)
            if len(cells) == 1:
                cells[0].grid_span = len(widths)  # a heading above the rows of a group
            ends = list(accumulate(cell.grid_span for cell in cells))
        for place, begin, end in zip(places, [0, *ends], ends, strict=False):
            place.set(_W, str(sum(widths[begin:end])))


def _keep_together(rows: list[Any]) -> None:
    """Keep a short table on one page, and the last two rows of a long one."""
    for row in rows[:-1] if len(rows) <= _WHOLE_ON_A_PAGE else rows[-2:-1]:
        for paragraph in row.iter(qn("w:p")):
            paragraph.get_or_add_pPr().get_or_add_keepNext()


def _fit_rule(paragraph: Any, width: int) -> None:
    """Make a rule under a line a part of that line's length; `width` is what the line has, in EMU.

    The rule under the national motto is as long as its text, and drawn so in the template.
    """
    rule, above = paragraph._p, paragraph._p.getprevious()
    if rule.find(f"{qn('w:pPr')}/{qn('w:pBdr')}") is None or above is None or above.tag != qn("w:p"):
        return
    line: Any = Paragraph(above, paragraph._parent)
    if line.style.style_id == _MOTTO:
        return
    length = min(_length(line.text) * line.style.font.size, width)
    format = paragraph.paragraph_format
    format.left_indent = format.right_indent = Emu(round((width - _RULE_PART * length) / 2))


def _length(text: str) -> float:
    """Return about how long a line is, in units of its font size."""
    return sum(_EMS["space" if c.isspace() else "upper" if c.isupper() else "lower"] for c in text)


def _end_with_last_section(body: Any) -> None:
    """Let the last section end the paper: its properties stand in a paragraph, and nothing follows them."""
    end = body.find(qn("w:sectPr"))
    last = end.getprevious()
    properties = last.find(f"{qn('w:pPr')}/{qn('w:sectPr')}") if last is not None and last.tag == qn("w:p") else None
    if properties is not None:
        body.replace(end, properties)


def _set_properties(document: Any, result: Result) -> None:
    properties = document.core_properties
    properties.title = storable(result.round.title)[:255]
    properties.author = properties.last_modified_by = storable(result.round.office.name)[:255]
    properties.created = properties.modified = dt.datetime.combine(result.as_of, dt.time())
    properties.revision = 1


def _save(package: Any, path: Path) -> None:
    """Write the parts into a zip without dates, so that equal results are equal files."""
    with zipfile.ZipFile(path, "w") as file:

        def write(name: PackURI, content: bytes) -> None:
            file.writestr(zipfile.ZipInfo(name.membername, _ZIP_DATE), content, zipfile.ZIP_DEFLATED)

        write(CONTENT_TYPES_URI, _ContentTypesItem.from_parts(package.parts).blob)
        write(PACKAGE_URI.rels_uri, package.rels.xml)
        for part in package.parts:
            write(part.partname, part.blob)
            if part.rels:
                write(part.partname.rels_uri, part.rels.xml)
