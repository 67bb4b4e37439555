"""What every format's sheets have in common, done once: nothing under merges, error texts are errors."""

from __future__ import annotations

from dataclasses import replace

from pipeline.model import Place, Sheet
from pipeline.read.values import ERROR, too_many
from schemas.codes import Rule

Area = tuple[Place, Place]
SLACK = 4  # merged areas never overlap in a sheet that Excel wrote; other programs may slip


def tidy(sheet: Sheet) -> Sheet:
    """Return the sheet as every later stage may trust it.

    Merged areas end where the cells do; a value under one is dropped, because Excel and Word show only the
    first: what the sender cannot see, he does not report (it is kept apart, to be told). A text such as `#REF!`
    is an error whatever the format (CSV, HTML and Word have no error cells). Hidden rows and columns are kept
    where they hold something.

    Raises:
        Refused: `file.too-large`: merged areas that overlap each other without end.
    """
    cells = sheet.cells
    merges = _within(sheet.merges, len(cells), max(map(len, cells), default=0))
    covered = _covered(merges, cells)
    flaws = {place: flaw for place, flaw in sheet.flaws.items() if place not in covered}
    errors = [
        (row, column)
        for row, texts in enumerate(cells)
        for column, text in enumerate(texts)
        if text[:1] in ("#", "E") and ERROR.fullmatch(text.strip())
    ]
    emptied = {place for place in covered if _at(cells, place)}.union(errors)
    for place in errors:
        if place not in covered:
            flaws.setdefault(place, (Rule.CELL_ERROR_VALUE, _at(cells, place).strip()))
    if emptied:
        cells = _without(cells, emptied)
    concealed = _concealed(merges, sheet.cells) if emptied else {}
    links = {place: target for place, target in sheet.links.items() if place not in covered}
    rows = frozenset(row for row in sheet.hidden_rows if row < len(cells) and any(cells[row]))
    columns = frozenset(c for c in sheet.hidden_columns if any(len(texts) > c and texts[c] for texts in cells))
    struck = frozenset(place for place in sheet.struck if _at(cells, place))
    return replace(
        sheet, cells=cells, merges=merges, links=links, flaws=flaws, hidden_rows=rows, hidden_columns=columns,
        struck=struck, corrected={place: text for place, text in sheet.corrected.items() if _at(cells, place)},
        concealed=concealed,
    )  # fmt: skip


def _within(merges: list[Area], height: int, width: int) -> list[Area]:
    """Return the areas as far as there are cells."""
    limit, total, kept = SLACK * height * width, 0, []
    for (top, left), (bottom, right) in merges:
        area = (top, left), (min(bottom, height - 1), min(right, width - 1))
        size = (area[1][0] - top + 1) * (area[1][1] - left + 1)
        if top > area[1][0] or left > area[1][1] or size < 2:
            continue
        total += size
        if total > limit:
            raise too_many("merges", limit)
        kept.append(area)
    return kept


def _covered(merges: list[Area], cells: list[list[str]]) -> set[Place]:
    """Return the cells under merged areas, their first cells apart, as far as the rows reach."""
    return {
        (row, column)
        for (top, left), (bottom, right) in merges
        for row in range(top, bottom + 1)
        for column in range(left, min(right + 1, len(cells[row])))
        if (row, column) != (top, left)
    }


def _concealed(merges: list[Area], cells: list[list[str]]) -> dict[Place, list[str]]:
    """Return the texts under merged areas, by their first cells; those that these show are nobody's loss."""
    found: dict[Place, list[str]] = {}
    for area in merges:
        texts = {_at(cells, place): None for place in sorted(_covered([area], cells))}
        if hidden := [text for text in texts if text.strip() not in ("", _at(cells, area[0]).strip())]:
            found[area[0]] = hidden
    return found


def _at(cells: list[list[str]], place: Place) -> str:
    row, column = place
    return cells[row][column] if row < len(cells) and column < len(cells[row]) else ""


def _without(cells: list[list[str]], emptied: set[Place]) -> list[list[str]]:
    changed = {row for row, _ in emptied}
    return [
        ["" if (row, column) in emptied else text for column, text in enumerate(texts)] if row in changed else texts
        for row, texts in enumerate(cells)
    ]
