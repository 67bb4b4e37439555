"""Who sent a file: told by the officer, by the file itself, by the units it lists, by its name; never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from pipeline.fillers import is_date_line
from pipeline.former import Formers
from pipeline.gazetteer import BARE, Gazetteer
from pipeline.layout import Layout
from pipeline.model import Arrival, Workbook
from schemas.round import Round
from schemas.units import Unit

AGREEING = 4  # a title agrees with the units listed if it has this part of the votes that another sender has
MANY = 3  # rows, all of one other sender, that are no slip in one's own list
# A code, but not the day and month, or month and year, of a folder or file named by its date: "30-08-2022", "15.3".
_DAY, _MONTH = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])"
_DATE = f"(?:{_DAY}[-._]{_MONTH}(?:[-._](?:[0-9]{{4}}|[0-9]{{2}}))?|{_MONTH}[-._][0-9]{{4}})(?![0-9])"
_CODE = re.compile(f"^(?!{_DATE})([0-9]+)")


class Senders:
    """The units that send files in a round; `region` are all units that its files may list."""

    def __init__(self, round: Round, region: Gazetteer, formers: Formers) -> None:
        self.round = round
        self.region = region
        self.formers = formers
        self.collector = round.collecting_unit
        self.gazetteer = Gazetteer([*round.submitting_units.values(), *([self.collector] if self.collector else [])])

    def of(self, arrival: Arrival, book: Workbook, layouts: list[Layout], names: list[str]) -> tuple[str, list[Unit]]:
        """Return the sender's code, or "" and the units that it may be; `names` are the units that the file lists.

        The officer's remedy first; then what the file says of itself (stamp, title, the sender's own row),
        narrowed by the units it lists, then by the file's name. What disagrees is never guessed away.
        """
        if code := self._by_code(arrival.file):
            return code, []
        told = self._told(book, layouts, names)
        votes = self._votes(names)
        decided = told
        if votes:
            agreeing = {code for code in told if votes.get(code, 0) * AGREEING >= max(votes.values())}
            most = max(votes.values())
            if not told:
                decided = {code for code, count in votes.items() if count * 2 >= most}
            elif agreeing:
                decided = agreeing
            elif most * 2 >= len(names) - 1:
                decided = told | {max(votes, key=lambda code: votes[code])}
        named = self._mentioned(PurePosixPath(arrival.file).parts)
        if len(decided) != 1 and named:
            decided = (decided & named) or decided or named
        units = [unit for code, unit in self.round.submitting_units.items() if code in decided]
        return (units[0].code, []) if len(units) == 1 else ("", units)

    def another(self, sender: str, book: Workbook, layouts: list[Layout], names: list[str]) -> Unit | None:
        """Return the one sender that a file names and lists, in which nothing is of the one that its name tells.

        Where the file names it, units of the same name as some of the sender's are no more the sender's than its.
        """
        found = [
            {self.above(unit) for unit in units} for sure, units in map(self.region.find, names) if 0 < sure <= BARE
        ]
        common = set.intersection(*found) if found else set()
        if len(common) != 1 or sender in common:
            return None
        told = self._told(book, layouts, names)
        whole = len(found) == len(names) >= MANY and not any(sender in codes for codes in found)
        # A list that hardly names a unit of the region may be anybody's.
        surely = told == common and len(found) * 2 >= len(names) - 1
        return self.round.submitting_units[common.pop()] if surely or (whole and not told) else None

    def by_name(self, file: str) -> str:
        """Return the sender of a file that cannot be read, by its name alone."""
        named = self._mentioned(PurePosixPath(file).parts)
        return self._by_code(file) or (named.pop() if len(named) == 1 else "")

    def without_table(self, file: str, layouts: list[Layout]) -> str:
        """Return the sender of a file without a table: the one unit that its texts name with the level word, else by
        its name. A bare name in running text may be a person's.
        """
        texts = [text for layout in layouts for text in layout.title if not is_date_line(text)]
        mentions = [mention for text in texts for mention in self.gazetteer.mentions(text)]
        told = {mention.unit.code for mention in mentions if mention.typed and mention.unit != self.collector}
        return self._by_code(file) or (told.pop() if len(told) == 1 else self.by_name(file))

    def _by_code(self, file: str) -> str:
        for part in reversed(PurePosixPath(file).parts):
            match = _CODE.match(part)
            if match and match[1] in self.round.submitting_units:
                return match[1]
        return ""

    def _told(self, book: Workbook, layouts: list[Layout], names: list[str]) -> set[str]:
        """Return the senders that the file names: in its stamp or a title and in a row where both do."""
        told: set[str] = set()
        for with_table in (True, False):
            titles = [layout.title for layout in layouts if bool(layout.tables) is with_table]
            told = told or self._mentioned(text for title in titles for text in title if not is_date_line(text))
        if book.stamp and book.stamp.unit in self.round.submitting_units:
            told.add(book.stamp.unit)
        listed: set[str] = set()
        formerly: set[str] = set()
        for name in names:
            sure, units = self.region.find(name)
            if 0 < sure <= BARE and len(units) == 1 and units[0].code in self.round.submitting_units:
                listed.add(units[0].code)
            elif not 0 < sure <= BARE:
                formerly |= self._senders_of(self.formers.find(name)[1])
        told = (told & listed) or (told | listed)
        return (told & formerly) or told or formerly

    def _senders_of(self, codes: Iterable[str]) -> set[str]:
        """Return the senders among these units of today, which former ones became."""
        return {code for code in codes if code in self.round.submitting_units}

    def _mentioned(self, texts: Iterable[str]) -> set[str]:
        """Return the senders named in running texts: with their level word if any is, else bare."""
        texts = list(texts)
        mentions = [mention for text in texts for mention in self.gazetteer.mentions(text)]
        office = self.collector.name if self.collector else ""
        senders = [mention for mention in mentions if mention.unit != self.collector]
        typed = {mention.unit.code for mention in senders if mention.typed}
        bare = {mention.unit.code for mention in senders if not mention.typed and mention.unit.name != office}
        formerly = self._senders_of(code for text in texts for code in self.formers.mentioned(text))
        return typed or formerly or bare

    def _votes(self, names: list[str]) -> dict[str, float]:
        """Count the listed units by the sender above them; a name that several answer to is shared out."""
        votes: dict[str, float] = {}
        for name in names:
            sure, units = self.region.find(name)
            if not 0 < sure <= BARE:
                continue
            senders = {self.above(unit) for unit in units if unit.level != self.round.submitters}
            for code in senders:
                votes[code] = votes.get(code, 0) + 1 / len(senders)
        # A list of another province shares some names with ours by chance.
        return votes if sum(votes.values()) * 2 >= len(names) - 1 else {}

    def above(self, unit: Unit) -> str:
        """Return the code of the sender that a unit belongs to."""
        return self.round.register.lineage(unit.code)[self.round.submitters].code

    def example(self, candidates: list[Unit]) -> str:
        """Return a code to show how a file is named so that its sender is known."""
        return (candidates or list(self.round.submitting_units.values()))[0].code
