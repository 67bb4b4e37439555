"""The unit of a sheet of which the rows name none: that of its title, or of its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pipeline.gazetteer import BARE, OWN, Gazetteer
from pipeline.layout import Layout
from schemas.kinds import is_blank
from schemas.round import Round


class Titles:
    """Knows which units the titles and names of sheets may name: those of the round's region."""

    def __init__(self, round: Round, region: Gazetteer) -> None:
        self.round = round
        self.region = region
        self.unit_key = round.form.unit_key

    def with_unit(self, layout: Layout) -> Layout:
        """Where a sheet holds one row that names no unit, take the unit from the sheet's title or name."""
        lines = [(table, line) for table in layout.tables for line in table.lines]
        if self.round.form.rows == "persons":
            return self._with_unit_for_all(layout)
        if len(lines) != 1:
            return layout
        table, line = lines[0]
        of_sender = not line.is_section or line.level in (self.round.submitters, OWN)
        if of_sender and not is_blank(line.texts.get(self.unit_key, "")):
            return layout
        if unit := self._unit_of_sheet(
            layout.title, table.sheet, [line.level] if line.is_section else self.round.lists
        ):
            texts = line.texts | {self.unit_key: unit}
            table.lines[:] = [replace(line, texts=texts, is_section=False)]
        return layout

    def _with_unit_for_all(self, layout: Layout) -> Layout:
        """Where no row of a sheet of persons names a unit, take the unit from the sheet's title or name."""
        lines = [line for table in layout.tables for line in table.lines]
        if any(not is_blank(line.texts.get(self.unit_key, "")) for line in lines):
            return layout
        for table in layout.tables:
            if unit := self._unit_of_sheet(layout.title, table.sheet, self.round.lists):
                table.lines[:] = [replace(line, texts=line.texts | {self.unit_key: unit}) for line in table.lines]
        return layout

    def _unit_of_sheet(self, title: list[str], name: str, levels: Sequence[str]) -> str:
        """Return the lowest unit that a sheet's title names with its level word, else the one the sheet is called.

        A sheet that is called as a unit below all that its title names is of that one. "" for none, or several in a
        title. Of units with one name the sender's is meant, who is not known yet.
        """
        mentions = [mention for text in title for mention in self.region.mentions(text) if mention.typed]
        sure, found = self.region.find(name)
        called = {unit.full_name: unit.level for unit in found if unit.level in levels and sure <= BARE}
        for level in reversed(levels):
            if names := {mention.unit.full_name for mention in mentions if mention.unit.level == level}:
                return names.pop() if len(names) == 1 else ""
            if level in called.values():
                break
        return next(iter(called)) if len(called) == 1 else name if called else ""
