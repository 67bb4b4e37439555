"""The register of administrative units: a dated tree, known by official codes that are always text.

Source of the shipped registers: the official lists of units (early 2022: Decision 124/2004/QD-TTg as
amended; 2025: Decision 19/2025/QD-TTg).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from sys import intern

from pydantic import BaseModel, ConfigDict

from schemas.data import HERE, read_csv, vocabulary
from schemas.text import capitalised

LEVELS = ("province", "district", "commune")
CENTRE = "00"
"""The code by which a round names the centre as its collector: above all provinces, no unit of any register."""
_LEVEL_OF_LENGTH = {2: "province", 3: "district", 5: "commune"}


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Former:
    """A unit as it was called before a reform; `now` are the codes of the units that its area belongs to since.

    `above` are the units that it stood under then, the nearest first.
    """

    unit: Unit
    now: tuple[str, ...]
    above: tuple[Unit, ...] = ()


class Amendment(BaseModel):
    """What changed at one unit since the register's day: what is given replaces what the register says.

    `merged_into` names the units that it went up in; `source` quotes the act. A code that the register does not
    have is a new unit: then `type`, `name` and `parent` are needed (no `parent` for a province).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    type: str = ""
    name: str = ""
    parent: str = ""
    merged_into: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class Register:
    """All units of one date, and those that were there before (`formers`), as files may still call them."""

    id: str
    units: dict[str, Unit]
    formers: tuple[Former, ...] = ()

    @cached_property
    def _children(self) -> dict[str, list[Unit]]:
        children: dict[str, list[Unit]] = {}
        for unit in self.units.values():
            children.setdefault(unit.parent, []).append(unit)
        return children

    def children(self, code: str) -> list[Unit]:
        """Return the units directly below, in the register's order."""
        return self._children.get(code, [])

    def below(self, code: str) -> list[Unit]:
        """Return the unit itself and every unit under it, parents first; below the centre stands the whole register."""
        found, waiting = [], [self.units[code]] if code in self.units else self.children("" if code == CENTRE else code)
        waiting = waiting[::-1]
        while waiting:
            unit = waiting.pop()
            found.append(unit)
            waiting += self.children(unit.code)[::-1]
        return found

    def lineage(self, code: str) -> dict[str, Unit]:
        """Return the unit and its ancestors by level."""
        found: dict[str, Unit] = {}
        while code:
            unit = self.units[code]
            found[unit.level] = unit
            code = unit.parent
        return found

    def _above(self, unit: Unit) -> tuple[Unit, ...]:
        return tuple(self.lineage(unit.parent).values())

    def amended(self, amendments: Iterable[Amendment]) -> Register:
        """Return the register of a later day; what a unit was called before is among the `formers`.

        Raises:
            ValueError: an amendment names a unit, level word or parent that does not exist; the message is the code.
        """
        units, formers = dict(self.units), list(self.formers)
        for amendment in amendments:
            before = units.pop(amendment.code, None)
            if before and amendment.merged_into:
                formers.append(Former(before, amendment.merged_into, self._above(before)))
                continue
            now = _amended(before, amendment)
            if before and (now.type, now.name) != (before.type, before.name):
                formers.append(Former(before, (now.code,), self._above(before)))
            units[now.code] = now
        known = {*units, ""}
        for code in [*(u.parent for u in units.values()), *(code for former in formers for code in former.now)]:
            if code not in known:
                raise ValueError(code)
        return Register(
            self.id, {code: units[code] for code in [*(c for c in self.units if c in units), *units]}, tuple(formers)
        )


def _amended(before: Unit | None, amendment: Amendment) -> Unit:
    told = {key: value for key in ("type", "name", "parent") if (value := getattr(amendment, key))}
    level = _LEVEL_OF_LENGTH.get(len(amendment.code))
    if told.get("type", "") not in ("", *vocabulary()["unit_types"]) or level is None or amendment.merged_into:
        raise ValueError(amendment.code)
    if before is None and not {"type", "name"} <= told.keys():
        raise ValueError(amendment.code)
    return replace(before or Unit(amendment.code, level, "", "", ""), **told)


@cache
def load_register(id: str) -> Register:
    """Return the register `units/<id>.csv`; its `formers` are what `<id>-successors.csv` tells of the one before.

    Raises:
        FileNotFoundError: no register has that id.
    """
    records = read_csv(HERE / "units" / f"{id}.csv")
    # Levels, level words and parents are the same few texts again and again: each is kept once.
    units = {
        r["code"]: Unit(r["code"], intern(r["level"]), intern(r["type"]), r["name"], intern(r["parent"]))
        for r in records
    }
    return Register(id, units, tuple(_formers(id, units)))


def _formers(id: str, units: dict[str, Unit]) -> Iterable[Former]:
    """Yield the communes of the register before with their successors.

    Old communes that the table of successors does not have (merged before it was made) have no known successor.
    """
    table = HERE / "units" / f"{id}-successors.csv"
    earlier = sorted(path.stem for path in (HERE / "units").glob("????.csv") if path.stem < id)
    if not table.exists() or not earlier:
        return
    successors: dict[str, list[str]] = {}
    for record in read_csv(table):
        successors.setdefault(record["old_code"], []).append(record["new_code"])
    before = load_register(earlier[-1])
    for old, now in successors.items():
        if old in before.units:
            above = [unit for unit in before.lineage(old).values() if unit.code != old]
            yield Former(before.units[old], tuple(code for code in now if code in units), tuple(above))
