"""A workbook as a package of parts (ECMA-376), the same bytes for the same content."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache

import xlsxwriter

from pipeline.xlsx.charts import Charts
from pipeline.xlsx.looks import Looks
from pipeline.xlsx.notes import comments_xml, drawing_xml
from pipeline.xlsx.package import Part, pack, pack_once, zipped
from pipeline.xlsx.sheet import Sheet
from pipeline.xlsx.text import HEAD, MAIN, PACKAGE, RELATIONS, attribute

_LONGEST_NAME, _NOT_IN_A_NAME = 31, frozenset("[]:*?/\\")
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

    def sheet(self, name: str, widths: list[float]) -> Sheet:
        """Return a new sheet with columns of these widths, in characters.

        Raises:
            ValueError: Excel allows no such name, or another sheet has it.
        """
        others = {sheet.name.casefold() for sheet in self.sheets}
        if not 0 < len(name) <= _LONGEST_NAME or _NOT_IN_A_NAME.intersection(name) or name.casefold() in others:
            raise ValueError(name)
        self.sheets.append(Sheet(name, widths))
        return self.sheets[-1]

    def charted(self) -> Charts:
        """Return the charts of this workbook."""
        if self.charts is None:
            self.charts = Charts()
        return self.charts

    def content(self) -> bytes:
        """Return the workbook as the bytes of its file; nothing can be added any more."""
        return zipped(self._packed())

    def _packed(self) -> Iterator[tuple[str, Part]]:
        """Yield all parts; those in which no two workbooks of a round differ much are packed once for all."""
        drawn = dict(self.charts.parts()) if self.charts else {}
        for number, sheet in enumerate(self.sheets, start=1):
            if self.charts and sheet.name in self.charts.sheets:
                sheet.relate("drawing", f"../drawings/drawing{self.charts.sheets.index(sheet.name) + 1}.xml")
            if sheet.notes:
                sheet.relate("vmlDrawing", f"../drawings/vmlDrawing{number}.vml")
                sheet.relate("comments", f"../comments{number}.xml")
        yield "[Content_Types].xml", pack_once(self._types(drawn))
        yield "_rels/.rels", pack_once(_relations(_WHOLE))
        yield "docProps/core.xml", pack_once(HEAD + _CORE.format(package=PACKAGE, day=self.created.isoformat()))
        yield "docProps/app.xml", pack_once(_APP)
        yield "docProps/custom.xml", _pack(self._custom())
        yield "xl/workbook.xml", _pack(self._workbook())
        yield "xl/_rels/workbook.xml.rels", pack_once(self._parts())
        yield "xl/theme/theme1.xml", pack_once(_theme())
        yield "xl/styles.xml", pack_once(self.looks.xml())
        for number, sheet in enumerate(self.sheets, start=1):
            yield f"xl/worksheets/sheet{number}.xml", sheet.packed
            if sheet.relations:
                yield f"xl/worksheets/_rels/sheet{number}.xml.rels", _pack(_relations(sheet.relations))
            if sheet.notes:
                boxes = drawing_xml(sheet.notes, sheet.width_of, sheet.height_of)
                yield f"xl/drawings/vmlDrawing{number}.vml", _pack(boxes)
                yield f"xl/comments{number}.xml", _pack(comments_xml(sheet.notes))
        for name, content in drawn.items():
            yield name, pack([content])

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
        rest = [("theme", "theme/theme1.xml"), ("styles", "styles.xml")]
        return _relations((kind, target, False) for kind, target in [*sheets, *rest])


def _relations(relations: Iterable[tuple[str, str, bool]]) -> str:
    """Return a part with relations: kind, target, whether it lies outside of the package."""
    listed = "".join(
        f'<Relationship Id="rId{number}" Type="{_KINDS.get(kind, RELATIONS)}/{kind}" Target="{attribute(target)}"'
        f"{_OUTSIDE if outside else ''}/>"
        for number, (kind, target, outside) in enumerate(relations, start=1)
    )
    return f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{listed}</Relationships>'


def _pack(content: str) -> Part:
    return pack([content.encode()])


@cache
def _theme() -> str:
    """Return the colours and fonts that Excel begins with, as XlsxWriter has them."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.add_worksheet()
    with zipfile.ZipFile(buffer) as package:
        return package.read("xl/theme/theme1.xml").decode()
