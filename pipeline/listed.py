"""Which unit each row of a file lists, once its sender is known; never guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property, lru_cache

from rapidfuzz import fuzz

from pipeline.context import Context, Row
from pipeline.former import Formers
from pipeline.gazetteer import BARE, EXACT, LONGEST, NEAREST, OWN, Gazetteer, bare_type, rest_of, without_hamlet
from pipeline.lines import Listed
from pipeline.repeats import give_by_page, mark_copies, mark_duplicates, without_headings
from schemas.codes import Rule
from schemas.kinds import is_blank
from schemas.naming import name_key
from schemas.round import Round
from schemas.text import spelling_key
from schemas.units import Unit

NOTHING = 99  # less sure than any reading
AT_HAND = 64  # gazetteers of senders: the files of one come one after the other, or not at all
_NOT_ITS_OWN = (Rule.UNIT_UNKNOWN, Rule.UNIT_WRONG_PARENT)  # none of the sender's units, as far as the name says
_NO_NAME = (Rule.CELL_ERROR_VALUE, Rule.CELL_NO_VALUE)  # its cell is at fault


class Lister:
    """Knows which units every sender lists, and what they were called before."""

    def __init__(self, round: Round, region: Gazetteer) -> None:
        self.round = round
        self.region = region
        self.unit_key = round.form.unit_key
        self.names = round.listed_names
        self.formers = Formers(round.register, (unit.code for unit in round.register.below(round.collector)))
        # In the whole country almost every bare name without accents is some commune's: only a typed one tells.
        self.elsewhere = EXACT if round.submitters == "province" else BARE
        # These know the round, not the lister: what refers to itself stays until Python looks for such.
        register = round.register
        at_hand = lru_cache(maxsize=AT_HAND)
        self.own = at_hand(lambda sender: Gazetteer(round.expected[sender]))
        self._pages = at_hand(lambda sender: _pages(round, sender))
        self._under = at_hand(lambda code: Gazetteer(register.children(code)))
        self._places_of = at_hand(
            lambda sender: Gazetteer(unit for unit in register.below(sender) if register.children(unit.code))
        )

    @cached_property
    def _places(self) -> Gazetteer:
        """The units of the region that others stand under."""
        register = self.round.register
        below = register.below(self.round.collector)
        return Gazetteer(unit for unit in below if register.children(unit.code) and unit.code != self.round.collector)

    def names_place(self, text: str) -> bool:
        """Tell a text that names a unit which others stand under, as a whole or with its level word."""
        if len(text) > LONGEST:
            return False
        found = self._places.find(text)[1] or [m.unit for m in self._places.mentions(text) if m.typed]
        return bool(found)

    def assign(self, listed: list[Listed], submitter: str, titles: dict[str, list[str]], old: set[str]) -> list[Listed]:
        """Find the unit of every row, or what is wrong with its name; return the rows without mere headings.

        `titles` are the texts above the table of each sheet, `old` the sheets of former values beside their new ones.
        """
        own_levels = (self.round.submitting_units[submitter].level, OWN)
        listed = [item for item in listed if item.line.level in own_levels or not self._only_heads(item)]
        for item in listed:
            self._find_unit(item, submitter, alone=len(listed) == 1)
        context = Context(self._places_of(submitter), self.round.register, titles)
        rows = [Row(item.line, item.sheet, self._text(item), item.candidates) for item in listed]
        context.read(rows)
        for item, row in zip(listed, rows, strict=True):
            self._narrow(item, row, context, submitter)
        if self.round.form.rows == "units":
            at = {(item.sheet, item.line.row): item for item in listed}
            for item in listed:
                self._span(item, at)
        for item in listed:
            self._decide(item)
            self._tell_contradicted(item, submitter)
        if self.round.form.rows == "units":
            listed = without_headings(listed, self.round)
            give_by_page(listed, self.round, lambda item: self._of_page(item, submitter))
            mark_copies(listed, old, self.unit_key)
            mark_duplicates([item for item in listed if not item.copy_of], self.round)
        unknown = [item for item in listed if item.rule in (*_NOT_ITS_OWN, *_NO_NAME)]
        if unknown:
            taken = {item.unit.code for item in listed if item.unit}
            free = Gazetteer(unit for unit in self.round.expected[submitter] if unit.code not in taken)
            for item in unknown:
                self._suggest(item, submitter, free)
        return listed

    def _text(self, item: Listed) -> str:
        text = item.line.texts.get(self.unit_key, "")
        return without_hamlet(text) if self.round.form.rows == "persons" else text

    def _only_heads(self, item: Listed) -> bool:
        """Tell a section of which the cells say that there is nothing, or that holds the example of a letter (Dien
        Bien's has the province's own page under "Cap tinh").
        """
        line, collector = item.line, self.round.collecting_unit
        if not line.is_section or line.own <= {self.unit_key}:
            return line.is_section
        names = [line.texts.get(column.key, "") for column in self.round.form.of_kind("page-name")]
        return collector is not None and line.level == collector.level and any(self.office.find(n)[1] for n in names)

    @cached_property
    def office(self) -> Gazetteer:
        """Who collects, if it is a unit."""
        return Gazetteer([self.round.collecting_unit] if self.round.collecting_unit else [])

    def _find_unit(self, item: Listed, submitter: str, *, alone: bool) -> None:
        line, text = item.line, self._text(item)
        sender, own = self.round.submitting_units[submitter], self.own(submitter)
        if self.unit_key in line.flaws:
            item.rule = line.flaws[self.unit_key][0]
            return
        if (line.is_section and line.level in (sender.level, OWN)) or (
            alone and is_blank(text) and own.units == [sender]
        ):
            item.candidates, item.sure = [sender], BARE
            return
        if line.is_section:
            item.rule = Rule.UNIT_UNKNOWN
            return
        everywhere, elsewhere = self.region.find(text)
        mine = [unit for unit in elsewhere if unit.code in own.codes]
        # What one of its own units answers to best in the region, it answers to best among its own.
        sure, units = (everywhere, mine) if len(mine) == 1 else own.find(text)
        foreign = [unit for unit in elsewhere if unit.code not in own.codes]
        former, now = self.formers.find(text)
        # Another sender's unit may be called today as one of this sender's was before its level word changed.
        was_its_own = former <= (everywhere or NOTHING) and sure > BARE and now == [unit.code for unit in units]
        if now and (was_its_own or former < min(sure or NOTHING, everywhere or NOTHING)):
            self._tell_former(item, submitter, now)
            return
        surely = not sure or everywhere <= self.elsewhere
        if everywhere and foreign and surely and (not sure or sure > BARE):
            self._tell_foreign(item, submitter, foreign)
            return
        units = units or self._only_of_type(item, own)
        level = sender.level if line.level == OWN else line.level
        at_level = [unit for unit in units if unit.level == level]
        item.candidates, item.sure = (at_level or units), sure or BARE
        if not units:
            item.rule = Rule.UNIT_UNKNOWN

    def _only_of_type(self, item: Listed, own: Gazetteer) -> list[Unit]:
        """Return the sender's only unit of a kind, where the row says no more of it (`UBMTTQ huyen`, `Thi tran`).

        A row of which the rest is blank may be a heading.
        """
        kind = bare_type(self._text(item)) if item.line.own > {self.unit_key} else ""
        units = own.of_type.get(kind, [])
        return units if len(units) == 1 else []

    def _tell_former(self, item: Listed, submitter: str, now: list[str]) -> None:
        """Take the unit of today for a former one, if it is one of the sender's; else tell where that went."""
        units = [self.round.register.units[code] for code in now]
        mine = [unit for unit in units if unit.code in self.own(submitter).codes]
        if not mine and len(units) == 1:
            self._tell_foreign(item, submitter, units)
            item.facts["parent"] = item.facts["parent"] or units[0].full_name
            return
        item.rule, item.candidates, item.sure = Rule.UNIT_FORMER, mine, EXACT
        item.facts = {"candidates": self._named(mine if len(mine) == 1 else units), "codes": [u.code for u in mine]}
        item.suggestion = self.names[mine[0].code] if len(mine) == 1 else ""

    def _tell_foreign(self, item: Listed, submitter: str, foreign: list[Unit]) -> None:
        sender = self.round.submitting_units[submitter]
        parents = [self.round.submitting_units[self._above(unit)] for unit in foreign if unit.level != sender.level]
        item.rule = Rule.UNIT_WRONG_PARENT
        item.facts = {
            "parent": ", ".join(dict.fromkeys(unit.full_name for unit in parents)),
            "submitter": sender.full_name,
        }

    def _above(self, unit: Unit) -> str:
        return self.round.register.lineage(unit.code)[self.round.submitters].code

    def _named(self, units: Iterable[Unit]) -> str:
        return ", ".join(self.names[unit.code] for unit in units)

    # --- where several units answer to one name

    def _narrow(self, item: Listed, row: Row, context: Context, submitter: str) -> None:
        """Choose among the units that answer, by official code, by what the file says around the row, by the page."""
        if item.line.is_section and item.rule is Rule.UNIT_UNKNOWN:
            self._section_of(item, row)
            return
        if item.rule in _NOT_ITS_OWN and len(row.coded) == 1:
            self._by_code(item, row, submitter)
            return
        if item.rule is Rule.UNIT_WRONG_PARENT:
            self._as_its_page_says(item, submitter)
            return
        if item.rule is not None:
            return
        item.candidates = self._reversed(item)
        if row.coded and not (agreeing := [unit for unit in item.candidates if unit.code in row.coded]):
            units = [self.round.register.units[code] for code in row.coded if code in self.own(submitter).codes]
            item.candidates = [*item.candidates, *units]
            return
        if row.coded:
            item.candidates = agreeing
        nearby: dict[str, int] = {}  # what the rows around it speak for, though another place has what is typed
        for above in row.clues:
            here = [unit for unit in item.candidates if context.under(unit, above)]
            if not here and len(above) == 1 and item.candidates:
                [code] = above
                near, units = self._under(code).find(self._text(item))
                nearby |= dict.fromkeys((unit.code for unit in units), near)
                item.candidates = [*item.candidates, *units]
            item.candidates = here or item.candidates
        if len(item.candidates) > 1:
            item.candidates = self._by_page(item) or item.candidates
        if item.unit:
            item.sure = nearby.get(item.unit.code, item.sure)

    def _span(self, item: Listed, at: dict[tuple[str, int], Listed]) -> None:
        """Take the unit of a merged cell for each row that it spans, unless units below it may stand in these."""
        line, place = item.line, item.line.elsewhere.get(self.unit_key)
        if place is None or place[0] >= line.row or not is_blank(self._text(item)):
            return
        above = at.get((item.sheet, place[0]))
        if above and above.unit and above.unit.level == self.round.lists[-1]:
            item.line = replace(line, texts=line.texts | {self.unit_key: self._text(above)})
            item.candidates, item.sure = above.candidates, above.sure
            item.rule, item.facts, item.suggestion = above.rule, {**above.facts}, above.suggestion
        else:
            item.line = replace(line, elsewhere={k: v for k, v in line.elsewhere.items() if k != self.unit_key})

    def _section_of(self, item: Listed, row: Row) -> None:
        """Take the one unit of the section's level that the sheet or the heading is for."""
        for above in row.clues:
            units = [self.round.register.units[code] for code in above]
            units = [unit for unit in units if unit.level == item.line.level]
            if len(units) == 1:
                item.rule, item.candidates, item.sure = None, units, BARE
                return

    def _by_code(self, item: Listed, row: Row, submitter: str) -> None:
        """Take the unit of the official code where the name is like its name, though misspelt."""
        unit = self.own(submitter).codes.get(next(iter(row.coded)))
        if unit and fuzz.ratio(spelling_key(unit.full_name), spelling_key(self._text(item))) >= NEAREST:
            item.rule, item.candidates, item.sure, item.facts = None, [unit], BARE + 1, {}

    def _reversed(self, item: Listed) -> list[Unit]:
        """Read `huyen B - xa A` as the commune that it ends with."""
        if not item.candidates or not all(self.round.register.children(unit.code) for unit in item.candidates):
            return item.candidates
        if not (rest := rest_of(self._text(item))):
            return item.candidates
        found = []
        for place in item.candidates:
            sure, units = self._under(place.code).find(rest)
            found += units if sure == EXACT else []
        return found or item.candidates

    def _by_page(self, item: Listed) -> list[Unit]:
        """Return the one candidate whose right page name stands in the row."""
        keys, spellings = self._page_keys(item), self.round.right_names.spellings
        units = [unit for unit in item.candidates if not keys.isdisjoint(spellings[unit.code])]
        return units if len(units) == 1 else []

    def _page_keys(self, item: Listed) -> set[str]:
        return {name_key(item.line.texts.get(c.key, "")) for c in self.round.form.of_kind("page-name")} - {""}

    def _of_page(self, item: Listed, submitter: str) -> Unit | None:
        """Return the one unit of the sender whose right page name stands in the row, whatever the row names."""
        pages = self._pages(submitter) if (keys := self._page_keys(item)) else {}
        units = {unit.code: unit for key in keys for unit in pages.get(key, ())}
        return next(iter(units.values())) if len(units) == 1 else None

    def _as_its_page_says(self, item: Listed, submitter: str) -> None:
        """Take another's unit for the own one that bears the page, if these differ by accents or the level word."""
        unit = self._of_page(item, submitter)
        if unit and unit in self.own(submitter).find(self._text(item))[1]:
            item.rule, item.candidates, item.sure, item.facts = None, [unit], BARE + 1, {}

    # --- what is to be told

    def _decide(self, item: Listed) -> None:
        """Tell where several units answer, or where one does in spite of the spelling."""
        if item.rule is not None:
            return
        if len(item.candidates) > 1:
            item.rule = Rule.UNIT_AMBIGUOUS
            item.facts = {
                "candidates": "; ".join(self.names[unit.code] for unit in item.candidates),
                "example": self.names[item.candidates[0].code],
                "codes": [unit.code for unit in item.candidates],
            }
        elif item.sure > BARE:
            item.rule = Rule.UNIT_SPELLING
            item.suggestion = self.names[item.candidates[0].code]

    def _tell_contradicted(self, item: Listed, submitter: str) -> None:
        """Tell of a unit whose own cell puts it elsewhere: one of that name there is meant, or the place is wrong."""
        unit, text = item.unit, self._text(item)
        if unit is None or item.rule not in (None, Rule.UNIT_SPELLING) or text in (unit.full_name, unit.name):
            return
        rest = rest_of(text) if len(text) <= LONGEST else ""
        sure, places = self._places.find(rest) if rest else (0, [])
        above = {place.code for place in places}
        if sure != EXACT or not above.isdisjoint(u.code for u in self.round.register.lineage(unit.code).values()):
            return
        found = self.region.find(text)[1]
        there = [u for u in found if not above.isdisjoint(p.code for p in self.round.register.lineage(u.code).values())]
        if there:
            item.candidates, item.suggestion = [], ""
            self._tell_foreign(item, submitter, there)
            return
        item.rule, item.suggestion = Rule.UNIT_SPELLING, self.names[unit.code]
        sender = self.round.submitting_units[submitter].full_name
        item.facts |= {"contradicted": True, "parent": places[0].full_name, "submitter": sender}

    def _suggest(self, item: Listed, submitter: str, free: Gazetteer) -> None:
        """Propose the unit not listed yet whose right page name stands in the row, else the nearest such one, else
        the nearest of all of the sender's units. Where no name is written only the page name tells.

        A unit of another sender is no misspelling, unless one of the sender's own differs by accents, the level word or
        one letter alone.
        """
        if item.line.is_section:
            return
        unit = self._of_page(item, submitter)
        if unit is None or unit.code not in free.codes:
            unit = None if is_blank(self._text(item)) else self._nearest(item, submitter, free)
        if unit:
            item.suggestion = self.names[unit.code]
            item.facts |= {"codes": [unit.code]}

    def _nearest(self, item: Listed, submitter: str, free: Gazetteer) -> Unit | None:
        text, own = self._text(item), self.own(submitter)
        if item.rule is not Rule.UNIT_WRONG_PARENT:
            return free.nearest(text) or own.nearest(text)
        units = [unit for unit in own.find(text)[1] if unit.code in free.codes] or free.within_a_letter(text)
        return units[0] if len(units) == 1 else None


def _pages(round: Round, sender: str) -> dict[str, list[Unit]]:
    """Return the sender's units by the keys of their right page names."""
    pages: dict[str, list[Unit]] = {}
    for unit in round.expected[sender]:
        for key in round.right_names.spellings[unit.code]:
            pages.setdefault(key, []).append(unit)
    return pages
