"""The register of administrative units: a dated tree, known by official codes that are always text.

Source of the shipped registers: the official lists of units (early 2022: Decision 124/2004/QD-TTg as
amended; 2025: Decision 19/2025/QD-TTg).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

from schemas.data import HERE, read_csv, vocabulary
from schemas.text import capitalised

LEVELS = ("province", "district", "commune")


@dataclass(frozen=True)
class Unit:
    """One administrative unit; `type` is its level word in lower case, `name` its bare name."""

    code: str
    level: str
    type: str
    name: str
    parent: str

    @property
    def Type(self) -> str:
        """The level word as it begins a name."""
        return capitalised(self.type)

    @property
    def abbr(self) -> str:
        """The level word as offices abbreviate it."""
        return str(vocabulary()["unit_abbreviations"][self.type])

    @property
    def Abbr(self) -> str:
        """The abbreviated level word as it begins a name."""
        return capitalised(self.abbr)

    @property
    def full_name(self) -> str:
        """The name as it stands in a list of units."""
        return f"{self.Type} {self.name}"

    @property
    def name_in_text(self) -> str:
        """The name as it stands within a sentence."""
        return f"{self.type} {self.name}"


@dataclass(frozen=True)
class Register:
    """All units of one date."""

    id: str
    units: dict[str, Unit]

    @cached_property
    def _children(self) -> dict[str, list[Unit]]:
        children: dict[str, list[Unit]] = {}
        for unit in self.units.values():
            children.setdefault(unit.parent, []).append(unit)
        return children

    def children(self, code: str) -> list[Unit]:
        """Return the units directly below, in the register's order."""
        return self._children.get(code, [])

    def below(self, code: str) -> Iterable[Unit]:
        """Yield the unit itself and every unit under it, parents first."""
        yield self.units[code]
        for child in self.children(code):
            yield from self.below(child.code)

    def lineage(self, code: str) -> dict[str, Unit]:
        """Return the unit and its ancestors by level."""
        found: dict[str, Unit] = {}
        while code:
            unit = self.units[code]
            found[unit.level] = unit
            code = unit.parent
        return found


@cache
def load_register(id: str) -> Register:
    """Return the register `units/<id>.csv`.

    Raises:
        FileNotFoundError: no register has that id.
    """
    records = read_csv(HERE / "units" / f"{id}.csv")
    return Register(id, {r["code"]: Unit(r["code"], r["level"], r["type"], r["name"], r["parent"]) for r in records})
