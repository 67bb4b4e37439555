"""Charts of a workbook. XlsxWriter draws them, in a workbook that holds nothing else; ours takes over its parts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import xlsxwriter
from xlsxwriter.chart import Chart


class Charts:
    """The charts of a workbook's sheets; they show what our sheets of the same names hold in the same cells."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._buffer, {"in_memory": True})

    def new(self, kind: dict[str, Any]) -> Chart:
        """Return a new chart of a kind, in XlsxWriter's words."""
        return self._book.add_chart(kind)

    def insert(
        self, sheet: str, widths: list[float], place: tuple[int, int], chart: Chart, options: dict[str, Any]
    ) -> None:
        """Put a chart on a sheet with columns of these widths."""
        paper = self._book.get_worksheet_by_name(sheet)
        if paper is None:
            paper = self._book.add_worksheet(sheet)
            for column, width in enumerate(widths):
                paper.set_column(column, column, width)
        paper.insert_chart(*place, chart, options)

    def tell(self, sheet: str, place: tuple[int, int], values: Sequence[Any]) -> None:
        """Tell what stands in a column from a cell on, so that a chart is drawn before its program reads the cells."""
        paper = self._book.get_worksheet_by_name(sheet)
        for row, value in enumerate(values, start=place[0]):
            if isinstance(value, str):
                paper.write_string(row, place[1], value)
            elif value is not None:
                paper.write_number(row, place[1], value)

    @property
    def sheets(self) -> list[str]:
        """The names of the sheets that have charts: of the first is `drawing1.xml`, and so on."""
        return [paper.name for paper in self._book.worksheets()]

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """Yield the parts that show the charts, by name; nothing can be added any more."""
        self._book.close()
        with zipfile.ZipFile(self._buffer) as package:
            for name in package.namelist():
                if name.startswith(("xl/charts/", "xl/drawings/")):
                    yield name, package.read(name)
