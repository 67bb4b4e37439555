"""Notes beside cells: their text, and the boxes that Excel draws for them (VML, as it has been since 2007)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipeline.model import address
from pipeline.xlsx.text import HEAD, MAIN, shown

_POINTS = 0.75  # a pixel
_WIDTH, _FONT_SIZE = 307, 10  # pixels, points
_BESIDE, _ABOVE = 15, 10  # pixels between a cell and its box
_SHAPES = 1024  # numbers of shapes that Excel keeps for each drawing
_BEFORE = f'<r><rPr><sz val="{_FONT_SIZE}"/><color indexed="81"/><rFont val="Tahoma"/><family val="2"/></rPr>'
_DRAWING = (
    '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
    'xmlns:x="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit">'
    '<o:idmap v:ext="edit" data="{ids}"/></o:shapelayout><v:shapetype id="_x0000_t202" coordsize="21600,21600" '
    'o:spt="202" path="m,l,21600r21600,l21600,xe"><v:stroke joinstyle="miter"/>'
    '<v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>{shapes}</xml>'
)
_SHAPE = (
    '<v:shape id="_x0000_s{id}" type="#_x0000_t202" style="position:absolute;margin-left:{left:.15g}pt;'
    'margin-top:{top:.15g}pt;width:{width:.15g}pt;height:{height:.15g}pt;z-index:{place};visibility:hidden" '
    'fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/><v:shadow on="t" color="black" obscured="t"/>'
    '<v:path o:connecttype="none"/><v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div>'
    '</v:textbox><x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:Anchor>{anchor}</x:Anchor>'
    "<x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
)


@dataclass(frozen=True)
class Note:
    """A note of a cell; `height` of its box in pixels."""

    row: int
    column: int
    text: str
    height: int


def comments_xml(notes: Iterable[Note]) -> str:
    """Return the part with the notes' texts."""
    listed = [
        f'<comment ref="{address((note.row, note.column))}" authorId="0"><text>{_BEFORE}{shown(note.text)}</r></text>'
        "</comment>"
        for note in notes
    ]
    return (
        f'{HEAD}<comments xmlns="{MAIN}"><authors><author></author></authors>'
        f"<commentList>{''.join(listed)}</commentList></comments>"
    )


def drawing_xml(notes: list[Note], width: Callable[[int], int], height: Callable[[int], int]) -> str:
    """Return the part with the notes' boxes; `notes` from the top down, the sizes of columns and rows in pixels."""
    shapes, row, top = [], 0, 0
    for place, note in enumerate(notes, start=1):
        first_row = max(note.row - 1, 0)
        while row < first_row:  # sums go on from note to note
            top, row = top + height(row), row + 1
        first_column, down = note.column + 1, _ABOVE if note.row else 2
        left = sum(width(column) for column in range(first_column))
        across = _corner(first_column, _BESIDE, _WIDTH, width)
        along = _corner(first_row, down, note.height, height)
        anchor = (*across[:2], *along[:2], *across[2:], *along[2:])
        shapes.append(
            _SHAPE.format(
                id=_SHAPES + place, place=place, left=(left + _BESIDE) * _POINTS, top=(top + down) * _POINTS,
                width=_WIDTH * _POINTS, height=note.height * _POINTS, row=note.row, column=note.column,
                anchor=", ".join(map(str, anchor)),
            )
        )  # fmt: skip
    ids = ",".join(str(number + 1) for number in range(len(notes) // _SHAPES + 1))
    return _DRAWING.format(ids=ids, shapes="".join(shapes))


def _corner(first: int, offset: int, length: int, size: Callable[[int], int]) -> tuple[int, int, int, int]:
    """Return where a box of a length begins and ends: row or column and the pixels within it, both times."""
    while offset >= size(first):
        offset, first = offset - size(first), first + 1
    last, rest = first, offset + length
    while rest >= size(last):
        rest, last = rest - size(last), last + 1
    return first, offset, last, rest
