"""How cells look: fonts, fills, borders, formats of numbers, each once in a workbook."""

from __future__ import annotations

from typing import Any

from pipeline.xlsx.text import HEAD, MAIN, attribute

_BUILT_IN = {"General": 0, "#,##0": 3, "@": 49}
_FIRST_OF_OURS = 164  # numbers below are Excel's own formats
_FONT = '<font>{marks}<sz val="{size}"/>{colour}<name val="{name}"/><family val="2"/></font>'
_PLAIN_FONT = '<font><sz val="11"/><color theme="1"/><name val="Calibri"/><family val="2"/><scheme val="minor"/></font>'
_PLAIN_FILLS = ('<fill><patternFill patternType="none"/></fill>', '<fill><patternFill patternType="gray125"/></fill>')
_NO_BORDER = "<border><left/><right/><top/><bottom/><diagonal/></border>"


class Looks:
    """The looks of a workbook by their numbers, in the order in which they were asked for.

    A look is a mapping with any of `font_name, font_size, font_color, bold, italic, underline, bg_color, border,
    border_color, num_format, align, text_wrap, locked, quote_prefix`; colours are
    `#RRGGBB`. Cells are centred from top to bottom.
    """

    def __init__(self) -> None:
        self._fonts = {_PLAIN_FONT: 0}
        self._fills = {fill: place for place, fill in enumerate(_PLAIN_FILLS)}
        self._borders = {_NO_BORDER: 0}
        self._formats: dict[str, int] = {}
        self._looks = ['<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>']

    def copy(self) -> Looks:
        """Return the same looks, to which others may be added."""
        other = Looks()
        other._fonts, other._fills, other._borders = {**self._fonts}, {**self._fills}, {**self._borders}
        other._formats, other._looks = {**self._formats}, [*self._looks]
        return other

    def add(self, look: dict[str, Any]) -> int:
        """Return the number of a new look."""
        font, fill = _number(self._fonts, _font(look)), _number(self._fills, _fill(look))
        border, form = _number(self._borders, _border(look)), self._format(look.get("num_format", "General"))
        attributes = [f'<xf numFmtId="{form}" fontId="{font}" fillId="{fill}" borderId="{border}" xfId="0"']
        attributes += ['quotePrefix="1"'] * bool(look.get("quote_prefix"))
        applied = {"NumberFormat": form, "Font": font, "Fill": fill, "Border": border, "Alignment": 1}
        attributes += [f'apply{part}="1"' for part, number in applied.items() if number]
        inner = f"<alignment{_alignment(look)}/>"
        if not look.get("locked", True):
            attributes.append('applyProtection="1"')
            inner += '<protection locked="0"/>'
        self._looks.append(f"{' '.join(attributes)}>{inner}</xf>")
        return len(self._looks) - 1

    def _format(self, form: str) -> int:
        if form in _BUILT_IN:
            return _BUILT_IN[form]
        return self._formats.setdefault(form, _FIRST_OF_OURS + len(self._formats))

    def xml(self) -> str:
        """Return the part `styles.xml`."""
        formats = [f'<numFmt numFmtId="{n}" formatCode="{attribute(form)}"/>' for form, n in self._formats.items()]
        return "".join(
            (
                f'{HEAD}<styleSheet xmlns="{MAIN}">',
                _counted("numFmts", formats) if formats else "",
                _counted("fonts", self._fonts),
                _counted("fills", self._fills),
                _counted("borders", self._borders),
                '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>',
                _counted("cellXfs", self._looks),
                '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>',
                '<dxfs count="0"/>',
                '<tableStyles count="0" defaultTableStyle="TableStyleMedium9" defaultPivotStyle="PivotStyleLight16"/>',
                "</styleSheet>",
            )
        )


def _number(known: dict[str, int], part: str) -> int:
    return known.setdefault(part, len(known))


def _counted(name: str, parts: Any) -> str:
    return f'<{name} count="{len(parts)}">{"".join(parts)}</{name}>'


def _rgb(colour: str) -> str:
    return f"FF{colour.removeprefix('#').upper()}"


def _font(look: dict[str, Any]) -> str:
    marks = "".join(f"<{mark}/>" for key, mark in (("bold", "b"), ("italic", "i"), ("underline", "u")) if look.get(key))
    colour = f'<color rgb="{_rgb(look["font_color"])}"/>' if "font_color" in look else '<color theme="1"/>'
    return _FONT.format(marks=marks, size=look["font_size"], colour=colour, name=attribute(look["font_name"]))


def _fill(look: dict[str, Any]) -> str:
    if "bg_color" not in look:
        return _PLAIN_FILLS[0]
    solid = f'<fgColor rgb="{_rgb(look["bg_color"])}"/><bgColor indexed="64"/>'
    return f'<fill><patternFill patternType="solid">{solid}</patternFill></fill>'


def _border(look: dict[str, Any]) -> str:
    if not look.get("border"):
        return _NO_BORDER
    colour = f'<color rgb="{_rgb(look["border_color"])}"/>'
    sides = "".join(f'<{side} style="thin">{colour}</{side}>' for side in ("left", "right", "top", "bottom"))
    return f"<border>{sides}<diagonal/></border>"


def _alignment(look: dict[str, Any]) -> str:
    across = f' horizontal="{look["align"]}"' if "align" in look else ""
    return f'{across} vertical="center"' + (' wrapText="1"' if look.get("text_wrap") else "")
