"""A workbook as a package of parts (ECMA-376), the same bytes for the same content."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import islice
from pathlib import Path

import xlsxwriter

from pipeline.xlsx.charts import Charts
from pipeline.xlsx.looks import Looks
from pipeline.xlsx.notes import comments_xml, drawing_xml
from pipeline.xlsx.sheet import Sheet
from pipeline.xlsx.text import HEAD, MAIN, PACKAGE, RELATIONS, attribute, shown

_DATE = (1980, 1, 1, 0, 0, 0)  # of every part: the same content gives the same bytes
_LEVEL = 3  # of compression: four fifths of the time of the usual 6, a twelfth more bytes
_LONGEST_NAME, _NOT_IN_A_NAME = 31, frozenset("[]:*?/\\")
_AT_ONCE = 10_000  # texts that become XML together
_TYPE = "application/vnd.openxmlformats-"
_CONTENT = f"{_TYPE}officedocument."
_SHEET_ML = f"{_CONTENT}spreadsheetml."
_VT = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
_CORE = (
    '<cp:coreProperties xmlns:cp="{package}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    '<dcterms:created xsi:type="dcterms:W3CDTF">{day}T00:00:00Z</dcterms:created>'
    '<dcterms:modified xsi:type="dcterms:W3CDTF">{day}T00:00:00Z</dcterms:modified></cp:coreProperties>'
)

# Of 2007: what the charts and styles do not say is then left out, as XlsxWriter means it. Other programs, LibreOffice
# among them, take what is not said in a workbook of a later or unknown version for granted: every label, say.
_APP = (
    f'{HEAD}<Properties xmlns="{RELATIONS.removesuffix("relationships")}extended-properties">'
    "<Application>Microsoft Excel</Application><AppVersion>12.0000</AppVersion></Properties>"
)
_WHOLE = [
    ("officeDocument", "xl/workbook.xml", False),
    ("core-properties", "docProps/core.xml", False),
    ("extended-properties", "docProps/app.xml", False),
    ("custom-properties", "docProps/custom.xml", False),
]
_KINDS = {"core-properties": f"{PACKAGE}/relationships/metadata"}
_FIXED_TYPES = {
    "docProps/core.xml": f"{_TYPE}package.core-properties+xml",
    "docProps/app.xml": f"{_CONTENT}extended-properties+xml",
    "docProps/custom.xml": f"{_CONTENT}custom-properties+xml",
    "xl/workbook.xml": f"{_SHEET_ML}sheet.main+xml",
    "xl/theme/theme1.xml": f"{_CONTENT}theme+xml",
    "xl/styles.xml": f"{_SHEET_ML}styles+xml",
    "xl/sharedStrings.xml": f"{_SHEET_ML}sharedStrings+xml",
}
_DEFAULT_TYPES = "".join(
    f'<Default Extension="{ending}" ContentType="{kind}"/>'
    for ending, kind in (
        ("rels", f"{_TYPE}package.relationships+xml"), ("xml", "application/xml"), ("vml", f"{_CONTENT}vmlDrawing"),
    )
)  # fmt: skip
_OUTSIDE = ' TargetMode="External"'
_HIDDEN = {"_FilterDatabase": ' hidden="1"'}


class Workbook:
    """A workbook of sheets; `properties` are told in it by name, as texts."""

    def __init__(self, created: dt.date, properties: Mapping[str, str]) -> None:
        self.created, self.properties = created, properties
        self.looks = Looks()
        self.charts: Charts | None = None
        self.sheets: list[Sheet] = []
        self._strings: dict[str, int] = {}

    def sheet(self, name: str, widths: list[float]) -> Sheet:
        """Return a new sheet with columns of these widths, in characters.

        Raises:
            ValueError: Excel allows no such name, or another sheet has it.
        """
        others = {sheet.name.casefold() for sheet in self.sheets}
        if not 0 < len(name) <= _LONGEST_NAME or _NOT_IN_A_NAME.intersection(name) or name.casefold() in others:
            raise ValueError(name)
        self.sheets.append(Sheet(name, widths, self._strings))
        return self.sheets[-1]

    def charted(self) -> Charts:
        """Return the charts of this workbook."""
        if self.charts is None:
            self.charts = Charts()
        return self.charts

    def save(self, path: Path) -> None:
        """Write the workbook."""
        drawn = dict(self.charts.parts()) if self.charts else {}
        for number, sheet in enumerate(self.sheets, start=1):
            if self.charts and sheet.name in self.charts.sheets:
                sheet.relate("drawing", f"../drawings/drawing{self.charts.sheets.index(sheet.name) + 1}.xml")
            if sheet.notes:
                sheet.relate("vmlDrawing", f"../drawings/vmlDrawing{number}.vml")
                sheet.relate("comments", f"../comments{number}.xml")
        with zipfile.ZipFile(path, "w") as package:
            _write(package, "[Content_Types].xml", self._types(drawn))
            _write(package, "_rels/.rels", _relations(_WHOLE))
            _write(package, "docProps/core.xml", HEAD + _CORE.format(package=PACKAGE, day=self.created.isoformat()))
            _write(package, "docProps/app.xml", _APP)
            _write(package, "docProps/custom.xml", self._custom())
            _write(package, "xl/workbook.xml", self._workbook())
            _write(package, "xl/_rels/workbook.xml.rels", self._parts())
            _write(package, "xl/theme/theme1.xml", _theme())
            _write(package, "xl/styles.xml", self.looks.xml())
            for number, sheet in enumerate(self.sheets, start=1):
                self._sheet(package, number, sheet)
            self._texts(package)
            for name, content in drawn.items():
                _write(package, name, content)

    def _sheet(self, package: zipfile.ZipFile, number: int, sheet: Sheet) -> None:
        with package.open(_entry(f"xl/worksheets/sheet{number}.xml"), "w") as part:
            sheet.write_xml(part)
        if sheet.relations:
            _write(package, f"xl/worksheets/_rels/sheet{number}.xml.rels", _relations(sheet.relations))
        if sheet.notes:
            boxes = drawing_xml(sheet.notes, sheet.width_of, sheet.height_of)
            _write(package, f"xl/drawings/vmlDrawing{number}.vml", boxes)
            _write(package, f"xl/comments{number}.xml", comments_xml(sheet.notes))

    def _texts(self, package: zipfile.ZipFile) -> None:
        with package.open(_entry("xl/sharedStrings.xml"), "w") as part:
            part.write(f'{HEAD}<sst xmlns="{MAIN}" uniqueCount="{len(self._strings)}">'.encode())
            texts = iter(self._strings)
            while some := "".join(f"<si>{shown(text)}</si>" for text in islice(texts, _AT_ONCE)):
                part.write(some.encode())
            part.write(b"</sst>")

    def _types(self, drawn: Iterable[str]) -> str:
        numbered = list(enumerate(self.sheets, start=1))
        parts = {f"xl/worksheets/sheet{n}.xml": f"{_SHEET_ML}worksheet+xml" for n, _ in numbered}
        parts |= {f"xl/comments{n}.xml": f"{_SHEET_ML}comments+xml" for n, sheet in numbered if sheet.notes}
        kinds = {"charts": f"{_CONTENT}drawingml.chart+xml", "drawings": f"{_CONTENT}drawing+xml"}
        parts |= {name: kinds[name.split("/")[1]] for name in drawn if name.endswith(".xml")}
        parts |= _FIXED_TYPES
        listed = "".join(f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in parts.items())
        return f'{HEAD}<Types xmlns="{PACKAGE}/content-types">{_DEFAULT_TYPES}{listed}</Types>'

    def _custom(self) -> str:
        listed = "".join(
            f'<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{number}" name="{attribute(name)}">'
            f"<vt:lpwstr>{attribute(value)}</vt:lpwstr></property>"
            for number, (name, value) in enumerate(self.properties.items(), start=2)
        )
        kind = f"{RELATIONS.removesuffix('relationships')}custom-properties"
        return f'{HEAD}<Properties xmlns="{kind}" xmlns:vt="{_VT}">{listed}</Properties>'

    def _workbook(self) -> str:
        sheets, names = [], []
        for place, sheet in enumerate(self.sheets):
            sheets.append(f'<sheet name="{attribute(sheet.name)}" sheetId="{place + 1}" r:id="rId{place + 1}"/>')
            names += [(name, sheet.name, place, cells) for name, cells in sheet.names.items()]
        listed = "".join(
            f'<definedName name="_xlnm.{name}" localSheetId="{place}"{_HIDDEN.get(name, "")}>'
            f"{attribute(cells)}</definedName>"
            for name, _, place, cells in sorted(names)
        )
        active = next((place for place, sheet in enumerate(self.sheets) if sheet.active), 0)
        tab = f' activeTab="{active}"' if active else ""
        return (
            f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">'
            '<fileVersion appName="xl" lastEdited="4" lowestEdited="4" rupBuild="4505"/>'
            '<workbookPr defaultThemeVersion="124226"/><bookViews>'
            f'<workbookView xWindow="240" yWindow="15" windowWidth="16095" windowHeight="9660"{tab}/></bookViews>'
            f"<sheets>{''.join(sheets)}</sheets><definedNames>{listed}</definedNames>"
            '<calcPr calcId="124519" fullCalcOnLoad="1"/></workbook>'
        )

    def _parts(self) -> str:
        sheets = [("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, len(self.sheets) + 1)]
        rest = [("theme", "theme/theme1.xml"), ("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")]
        return _relations((kind, target, False) for kind, target in [*sheets, *rest])


def _relations(relations: Iterable[tuple[str, str, bool]]) -> str:
    """Return a part with relations: kind, target, whether it lies outside of the package."""
    listed = "".join(
        f'<Relationship Id="rId{number}" Type="{_KINDS.get(kind, RELATIONS)}/{kind}" Target="{attribute(target)}"'
        f"{_OUTSIDE if outside else ''}/>"
        for number, (kind, target, outside) in enumerate(relations, start=1)
    )
    return f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{listed}</Relationships>'


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry._compresslevel = _LEVEL  # type: ignore[attr-defined] # there is no other way for a part that is streamed
    return entry


def _write(package: zipfile.ZipFile, name: str, content: str | bytes) -> None:
    package.writestr(_entry(name), content)


@cache
def _theme() -> bytes:
    """Return the colours and fonts that Excel begins with, as XlsxWriter has them."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.add_worksheet()
    with zipfile.ZipFile(buffer) as package:
        return package.read("xl/theme/theme1.xml")
