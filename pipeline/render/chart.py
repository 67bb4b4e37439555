"""Bars against a target as a chart that Word itself draws: crisp in print, legible in black and white, editable."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from dataclasses import dataclass
from functools import lru_cache

import xlsxwriter
from docx.opc.constants import RELATIONSHIP_TYPE as RELATION
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.parts.document import DocumentPart
from markupsafe import Markup, escape

_CHART = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_EMU = 36_000  # a millimetre
_BAR, _MARGIN = 5.5, 4.0  # millimetres
_ROOM = 0.35  # of a whole bar, right of the longest, for the labels
_FONT = {"name": "Times New Roman", "size": 10, "color": "black"}
_NO_TICKS = {"major_tick_mark": "none", "minor_tick_mark": "none"}
_BORDER = {"color": "black", "width": 0.75}


@dataclass(frozen=True)
class Bar:
    """A bar: its name, its share (0 to 1) and the target (0 to 1, None without one); `label` is printed beside it."""

    name: str
    share: float
    target: float | None
    label: str

    @property
    def gap(self) -> float:
        """What is lacking to the target."""
        return max((self.target or 0) - self.share, 0)


@dataclass(frozen=True)
class Chart:
    """Bars from top to bottom; `reached` and `lacking` explain the two shades, `description` is read aloud."""

    bars: tuple[Bar, ...]
    reached: str
    lacking: str
    description: str


def placed(chart: Chart, document: DocumentPart, number: int, width: float) -> Markup:
    """Add a chart to a document and return the drawing that shows it in a run; `width` in millimetres."""
    height = len(chart.bars) * _BAR + _MARGIN
    package = document.package
    drawn, figures = _parts(chart)
    data = Part(PackURI(f"/word/embeddings/bieu-do-{number}.xlsx"), _WORKBOOK, figures, package)
    part = Part(PackURI(f"/word/charts/chart{number}.xml"), _CHART, drawn, package)
    part.relate_to(data, RELATION.PACKAGE)  # rId1: a new part has no other relation
    relation = document.relate_to(part, RELATION.CHART)
    return Markup(
        '<w:r><w:drawing><wp:inline distT="0" distB="0" distL="0" distR="0">'
        f'<wp:extent cx="{round(width * _EMU)}" cy="{round(height * _EMU)}"/>'
        f'<wp:docPr id="{number}" name="Chart {number}" descr="{escape(chart.description)}"/><wp:cNvGraphicFramePr/>'
        '<a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart">'
        '<c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
        f' r:id="{relation}"/></a:graphicData></a:graphic></wp:inline></w:drawing></w:r>'
    )


@lru_cache(maxsize=64)  # several papers show the same
def _parts(chart: Chart) -> tuple[bytes, bytes]:
    """Return the chart's own XML, as XlsxWriter draws it, and its figures; a label stays on one line."""
    with zipfile.ZipFile(io.BytesIO(_workbook(chart, drawn=True))) as book:
        drawn = book.read("xl/charts/chart1.xml").replace(b"<a:bodyPr/>", b'<a:bodyPr wrap="none"/>')
    # Word opens no chart whose parts stand in another order: the figures come before the printer's settings.
    link = b'<c:externalData r:id="rId1"><c:autoUpdate val="0"/></c:externalData>'
    return drawn.replace(b"<c:printSettings>", link + b"<c:printSettings>"), _workbook(chart, drawn=False)


def _workbook(chart: Chart, *, drawn: bool) -> bytes:
    """Return the chart's figures as a workbook (what Word opens to edit them), with or without the chart."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.set_properties({"created": dt.datetime(1980, 1, 1)})
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["", chart.reached, chart.lacking, ""])
        for row, bar in enumerate(chart.bars, start=1):
            sheet.write_row(row, 0, [bar.name, bar.share, bar.gap, _ROOM])
        if drawn:
            _draw(book, sheet, chart)
    return buffer.getvalue()


def _draw(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet, chart: Chart) -> None:
    drawing = book.add_chart({"type": "bar", "subtype": "stacked"})
    looks = (
        {"fill": {"color": "#595959"}, "border": _BORDER},
        {
            "pattern": {"pattern": "wide_upward_diagonal", "fg_color": "#404040", "bg_color": "white"},
            "border": _BORDER,
        },
        {
            "fill": {"none": True},
            "border": {"none": True},
            "data_labels": {
                "value": True,
                "position": "inside_base",
                "font": _FONT,
                "custom": [
                    {"value": bar.label, "font": _FONT} if bar.label else {"delete": True} for bar in chart.bars
                ],
            },
        },
    )
    last = len(chart.bars)
    for column, look in enumerate(looks, start=1):
        drawing.add_series(
            {
                "name": [sheet.name, 0, column],
                "categories": [sheet.name, 1, 0, last, 0],
                "values": [sheet.name, 1, column, last, column],
                "gap": 45,
                **look,
            }
        )
    drawing.set_y_axis({"reverse": True, "num_font": _FONT, "line": _BORDER, **_NO_TICKS})
    drawing.set_x_axis({"min": 0, "max": 1 + _ROOM, "visible": False, "major_gridlines": {"visible": False}})
    drawing.set_legend({"none": True})  # its sentence stands in the paper
    drawing.set_chartarea({"border": {"none": True}, "fill": {"none": True}})
    sheet.insert_chart(0, 5, drawing)
