"""Which units the rows of a file list: files become submissions and the rows of one frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from pipeline.answers import Accepted, Explained, explanations_in, stamp_of, with_answers, words
from pipeline.errors import Refused
from pipeline.gazetteer import BARE, EXACT, Gazetteer
from pipeline.headers import Headers
from pipeline.layout import Layout, Line, find_tables
from pipeline.model import Arrival, Decision, Rows, Submission, Workbook, address, finding
from pipeline.remarks import remarks
from pipeline.senders import Senders
from pipeline.statements import faults_of, statements_in
from pipeline.turned import find_form
from schemas.codes import Rule
from schemas.kinds import is_blank
from schemas.round import Round
from schemas.text import clean
from schemas.units import Unit

ORIGIN = ["file", "sheet", "row", "submitter", "code", "level", "unit_rule", "unit_suggestion", "unit_facts", "dittos"]


@dataclass(frozen=True)
class Recognised:
    """All files of the round: submissions, their rows, and what was found while recognising."""

    submissions: list[Submission]
    rows: Rows
    findings: list[dict[str, Any]]


@dataclass
class _Listed:
    """A row on its way to a unit: `candidates` while several answer, `fault` when none does."""

    line: Line
    sheet: str
    candidates: list[Unit] = field(default_factory=list)
    sure: int = 0
    rule: Rule | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    suggestion: str = ""

    @property
    def unit(self) -> Unit | None:
        """The unit, where exactly one answers."""
        return self.candidates[0] if len(self.candidates) == 1 else None


class Recogniser:
    """Knows the round: its form's headers and its units."""

    def __init__(self, round: Round) -> None:
        self.round = round
        self.headers = Headers(round.form)
        region = list(round.register.below(round.collector))
        self.region = Gazetteer(u for u in region if u.level in {*round.lists, round.submitters})
        self.senders = Senders(round, self.region)
        self.office = Gazetteer([round.collecting_unit] if round.collecting_unit else [])
        self.own = {code: Gazetteer(units) for code, units in round.expected.items()}
        self.unit_key = round.form.unit_key

    def recognise(self, files: Iterable[tuple[Arrival, Workbook | Refused]]) -> Recognised:
        """Return the submissions and rows of these files, each of which was read or refused."""
        submissions: list[Submission] = []
        findings: list[dict[str, Any]] = []
        records: list[dict[str, Any]] = []
        first_of: dict[str, str] = {}
        for arrival, book in files:
            if arrival.sha256 in first_of:
                other = first_of[arrival.sha256]
                findings.append(
                    finding(Rule.FILE_DUPLICATE, file=arrival.file, value=arrival.file, facts={"other": other})
                )
                continue
            first_of[arrival.sha256] = arrival.file
            submission, found, rows = self._file(arrival, book)
            submissions.append(submission)
            findings.extend(found)
            records.extend(rows)
        return Recognised(submissions, self._frames(records), findings)

    # --- one file

    def _file(
        self, arrival: Arrival, book: Workbook | Refused
    ) -> tuple[Submission, list[dict[str, Any]], list[dict[str, Any]]]:
        accepted: list[Accepted] = []
        explained: list[Explained] = []
        if isinstance(book, Workbook) and (stamp := stamp_of(book)):
            explained = explanations_in(book)
            book, accepted = with_answers(replace(book, stamp=stamp))

        def submission(submitter: str, readable: bool) -> Submission:
            stamp, modified = (None, None) if isinstance(book, Refused) else (book.stamp, book.modified)
            version = stamp.version if stamp else 0
            return Submission(arrival.file, arrival.sha256, arrival.received, submitter, version, modified, readable)

        def refused(rule: str, **facts: Any) -> tuple[Submission, list[dict[str, Any]], list[dict[str, Any]]]:
            submitter = self.senders.by_name(arrival.file)
            found = finding(Rule(rule), submitter=submitter, file=arrival.file, value=arrival.file, facts=facts)
            return submission(submitter, False), [found], []

        if isinstance(book, Refused):
            return refused(book.rule, **book.facts)
        if book.stamp and book.stamp.round != self.round.id:
            return refused(Rule.FILE_WRONG_FORM, found=book.stamp.round, expected=self.round.id)
        layouts, findings = self._layouts(arrival, book)
        tables = [table for layout in layouts for table in layout.tables]
        if not tables:
            return refused(
                Rule.FILE_NO_TABLE, columns=", ".join(c.header for c in self.round.form.columns if c.required)
            )
        lines = [(line, table.sheet) for table in tables for line in table.lines]
        listed = [_Listed(*line) for line in lines if not self._says_nothing(line[0])]
        if not listed:
            return refused(Rule.FILE_EMPTY)
        names = [item.line.texts.get(self.unit_key, "") for item in listed]
        submitter, candidates = self.senders.of(arrival, book, layouts, names)
        if not submitter:
            facts = {
                "candidates": ", ".join(u.full_name for u in candidates),
                "example": self.senders.example(candidates),
            }
            found = finding(Rule.SUBMISSION_UNKNOWN_UNIT, file=arrival.file, value=arrival.file, facts=facts)
            return submission("", False), [*findings, found], []
        self._assign(listed, submitter)
        findings += [*self._columns(arrival, layouts, listed), *_told_accepted(arrival, listed, accepted)]
        findings += self._struck_out(arrival, book, listed)
        statements = statements_in(book, self.round.questions)
        findings += faults_of(statements, self.round.questions, arrival.file)
        findings = [{**found, "submitter": submitter} for found in findings]
        explanations = [self._explanation(arrival, submitter, listed, answer) for answer in explained]
        sent = replace(submission(submitter, True), explanations=explanations, statements=statements)
        return sent, findings, [self._record(arrival, submitter, item) for item in listed]

    def _explanation(self, arrival: Arrival, submitter: str, listed: list[_Listed], answer: Explained) -> Decision:
        """Return what the sender says of a finding: of a cell by its unit and column, of the file by the sender."""
        unit, column = ("", "") if answer.place else (submitter, "")
        for item in listed:
            for key, place in item.line.cells.items():
                if place == answer.place and item.sheet == words()["list"]["name"]:
                    unit, column = (item.unit.code if item.unit else ""), key
        return Decision(
            "explanation", arrival.received, self.round.submitting_units[submitter].full_name, answer.words, submitter,
            unit, answer.rule, column, answer.value, source=arrival.sha256,
        )  # fmt: skip

    def _layouts(self, arrival: Arrival, book: Workbook) -> tuple[list[Layout], list[dict[str, Any]]]:
        """Return the layouts of the visible sheets, or of the hidden ones where no visible one has a table."""

        def known(text: str) -> bool:
            return bool(self.region.find(text)[1])

        def layouts(hidden: bool) -> list[Layout]:
            sheets = [sheet for sheet in book.sheets if sheet.hidden is hidden]
            found = [find_tables(sheet, self.headers, known) for sheet in sheets]
            if not any(layout.tables for layout in found):
                pairs = zip(sheets, found, strict=True)
                found = [find_form(sheet, self.headers, known) or layout for sheet, layout in pairs]
            return [self._with_unit(layout) for layout in found]

        visible = layouts(hidden=False)
        if any(layout.tables for layout in visible):
            unread = [sheet.name for sheet in book.sheets if sheet.hidden and any(map(any, sheet.cells))]
            notes = [finding(Rule.FILE_HIDDEN_SHEET, file=arrival.file, sheet=name, value=name) for name in unread]
            return visible, [*notes, *remarks(arrival, book, visible)]
        every = [*visible, *layouts(hidden=True)]
        return every, remarks(arrival, book, every)

    def _with_unit(self, layout: Layout) -> Layout:
        """Where a sheet holds one row that names no unit, take the unit from the sheet's title or name."""
        lines = [(table, line) for table in layout.tables for line in table.lines]
        if len(lines) != 1:
            return layout
        table, line = lines[0]
        of_sender = not line.is_section or line.level == self.round.submitters
        if of_sender and not is_blank(line.texts.get(self.unit_key, "")):
            return layout
        if unit := self._unit_of_sheet(layout.title, table.sheet):
            texts = line.texts | {self.unit_key: unit.full_name}
            table.lines[:] = [replace(line, texts=texts, is_section=False)]
        return layout

    def _unit_of_sheet(self, title: list[str], name: str) -> Unit | None:
        """Return the lowest unit that a sheet's title names with its level word, else the one the sheet is called."""
        mentions = [mention for text in title for mention in self.region.mentions(text) if mention.typed]
        for level in reversed(self.round.lists):
            if units := {mention.unit.code for mention in mentions if mention.unit.level == level}:
                return self.round.register.units[units.pop()] if len(units) == 1 else None
        sure, found = self.region.find(name)
        return found[0] if 0 < sure <= BARE and len(found) == 1 else None

    def _columns(self, arrival: Arrival, layouts: list[Layout], listed: list[_Listed]) -> list[dict[str, Any]]:
        """Return findings of columns that are missing, once a file, and notes of foreign ones, once a sheet."""
        form = self.round.form
        findings: dict[tuple[str, ...], dict[str, Any]] = {}
        for table in (table for layout in layouts for table in layout.tables):
            here = [item for item in listed if item.sheet == table.sheet]
            for key in self._needed(table.keys, {item.unit.level for item in here if item.unit}):
                if key not in table.keys:
                    found = finding(
                        Rule.FORM_MISSING_COLUMN, file=arrival.file, sheet=table.sheet, column=key,
                        facts={"label": form.label(key)},
                    )  # fmt: skip
                    findings.setdefault(("-", key), found)
            for column, header in table.extra.items():
                if header:
                    found = finding(
                        Rule.FORM_EXTRA_COLUMN, file=arrival.file, sheet=table.sheet, row=table.header + 1,
                        cell=address((table.header, column)), value=header,
                    )  # fmt: skip
                    findings.setdefault(("+", header, table.sheet), found)
        return list(findings.values())

    def _struck_out(self, arrival: Arrival, book: Workbook, listed: list[_Listed]) -> list[dict[str, Any]]:
        """Return warnings of rows that are struck through (their unit, or all they say): they count all the same."""
        struck = {(sheet.name, place) for sheet in book.sheets for place in sheet.struck}
        findings = []
        for item in listed if struck else []:
            cells, texts = item.line.cells, item.line.texts
            unit = cells.get(self.unit_key, (item.line.row, 0))
            filled = [(item.sheet, place) for key, place in cells.items() if texts[key].strip()]
            if (item.sheet, unit) in struck or (filled and struck.issuperset(filled)):
                findings.append(
                    finding(
                        Rule.CELL_STRUCK_OUT, unit=item.unit.code if item.unit else "", file=arrival.file,
                        sheet=item.sheet, row=item.line.row + 1, column=self.unit_key, cell=address(unit),
                        value=clean(texts.get(self.unit_key, "")),
                    )
                )  # fmt: skip
        return findings

    def _needed(self, present: set[str], levels: set[str]) -> list[str]:
        """Return the columns that a table listing units of these levels must have."""
        form = self.round.form
        needed = {column.key for column in form.columns if column.required or column.filled}
        persons = form.persons
        asked = {group for level in levels for group in self.round.persons_asked(level)[0]}
        least = max((self.round.persons_asked(level)[1] for level in levels), default=0)
        begun = [group for group, contact in persons.items() if present.intersection(contact.values())]
        for group in [*asked, *begun, *(list(persons)[:least] if len(begun) < least else [])]:
            needed.update(persons[group].values())
        return [key for key in form.keys if key in needed]

    def _says_nothing(self, line: Line) -> bool:
        """Tell a row that lists nobody, and one of the collecting office itself, left from the form's example."""
        others = [key for key in line.texts if key != self.unit_key]
        if self.round.form.rows == "persons" and not any(key in line.own for key in others):
            return True
        return self.round.collector not in self.region.codes and (
            self.office.find(line.texts.get(self.unit_key, ""))[0] == EXACT
        )

    # --- which unit a row lists

    def _assign(self, listed: list[_Listed], submitter: str) -> None:
        for item in listed:
            self._find_unit(item, submitter)
            self._decide(item)
        if self.round.form.rows == "units":
            self._mark_duplicates(listed)
        taken = {item.unit.code for item in listed if item.unit}
        free = Gazetteer(unit for unit in self.round.expected[submitter] if unit.code not in taken)
        for item in listed:
            self._suggest(item, submitter, free)

    def _find_unit(self, item: _Listed, submitter: str) -> None:
        line, text = item.line, item.line.texts.get(self.unit_key, "")
        if self.unit_key in line.flaws:
            item.rule = line.flaws[self.unit_key][0]
            return
        if line.is_section:
            sender = self.round.submitting_units[submitter]
            if line.level == sender.level:
                item.candidates, item.sure = [sender], BARE
            else:
                item.rule = Rule.UNIT_UNKNOWN
            return
        sure, units = self.own[submitter].find(text)
        everywhere, elsewhere = self.region.find(text)
        foreign = [unit for unit in elsewhere if unit not in self.own[submitter].units]
        if everywhere and foreign and (not sure or sure > BARE) and everywhere <= (BARE if sure else everywhere):
            item.rule = Rule.UNIT_WRONG_PARENT
            item.facts = {
                "parent": ", ".join(self.round.submitting_units[self.senders.above(u)].full_name for u in foreign),
                "submitter": self.round.submitting_units[submitter].full_name,
            }
            return
        at_level = [unit for unit in units if unit.level == line.level]
        item.candidates, item.sure = (at_level or units), sure
        if not units:
            item.rule = Rule.UNIT_UNKNOWN

    @staticmethod
    def _decide(item: _Listed) -> None:
        """Tell where several units answer, or where one does in spite of the spelling."""
        if item.rule is not None:
            return
        if len(item.candidates) > 1:
            item.rule = Rule.UNIT_AMBIGUOUS
            item.facts = {
                "candidates": ", ".join(unit.full_name for unit in item.candidates),
                "example": item.candidates[0].full_name,
            }
        elif item.sure > BARE:
            item.rule = Rule.UNIT_SPELLING
            item.suggestion = item.candidates[0].full_name

    def _mark_duplicates(self, listed: list[_Listed]) -> None:
        rows: dict[str, list[_Listed]] = {}
        for item in listed:
            if item.unit and item.rule in (None, Rule.UNIT_SPELLING):
                rows.setdefault(item.unit.code, []).append(item)
        for code, items in rows.items():
            if len(items) > 1:
                several = len({item.sheet for item in items}) > 1
                told = ", ".join(f"{i.sheet}!{i.line.row + 1}" if several else str(i.line.row + 1) for i in items)
                for item in items:
                    item.rule, item.suggestion = Rule.UNIT_DUPLICATE, ""
                    item.facts = {"rows": told, "unit": self.round.register.units[code].full_name}

    def _suggest(self, item: _Listed, submitter: str, free: Gazetteer) -> None:
        """Propose the nearest unit that the sender has not listed yet, else the nearest of all of its units.

        A unit of another sender is no misspelling, unless one of the sender's own differs by accents alone.
        """
        text = item.line.texts.get(self.unit_key, "")
        if item.rule is Rule.UNIT_UNKNOWN and not item.line.is_section:
            nearest = free.nearest(text) or self.own[submitter].nearest(text)
        elif item.rule is Rule.UNIT_WRONG_PARENT:
            nearest = next((unit for unit in self.own[submitter].find(text)[1] if unit in free.units), None)
        else:
            return
        item.suggestion = nearest.full_name if nearest else ""

    # --- frames

    def _record(self, arrival: Arrival, submitter: str, item: _Listed) -> dict[str, Any]:
        return {"file": arrival.file, "submitter": submitter, "item": item}

    def _frames(self, records: list[dict[str, Any]]) -> Rows:
        keys = self.round.form.keys
        items: list[_Listed] = [record["item"] for record in records]
        typed = [[_shown(item.line, key) for key in keys] for item in items]
        where = [[address(p) if (p := item.line.cells.get(key)) else "" for key in keys] for item in items]
        flaws = [[str(item.line.flaws[key][0]) if key in item.line.flaws else "" for key in keys] for item in items]
        origin = pd.DataFrame(
            [
                (
                    record["file"], item.sheet, item.line.row + 1, record["submitter"],
                    item.unit.code if item.unit and item.rule in _JUDGED else "",
                    item.unit.level if item.unit and item.rule in _JUDGED else "",
                    item.rule or "", item.suggestion, item.facts,
                    {key: (address(place), text) for key, (place, text) in item.line.dittos.items()},
                )
                for record, item in zip(records, items, strict=True)
            ],
            columns=ORIGIN,
        )  # fmt: skip
        origin = origin.astype({name: "str" for name in ORIGIN if name not in ("row", "unit_facts", "dittos")})

        def frame(table: list[list[str]]) -> pd.DataFrame:
            return pd.DataFrame(table, columns=keys, dtype="str")

        return Rows(frame(typed), frame(where), frame(flaws), origin)


def _told_accepted(arrival: Arrival, listed: list[_Listed], accepted: list[Accepted]) -> list[dict[str, Any]]:
    """Tell every proposal that the clerk accepted: what stood there, and what stands there now."""
    at = {(item.sheet, place): (item, key) for item in listed for key, place in item.line.cells.items()}
    notes = []
    for answer in accepted:
        item, key = at.get((answer.sheet, answer.place), (None, ""))
        notes.append(
            finding(
                Rule.CELL_REPAIRED, unit=item.unit.code if item and item.unit else "", file=arrival.file,
                sheet=answer.sheet, row=answer.place[0] + 1, column=key, cell=address(answer.place),
                value=answer.before, suggestion=answer.after,
            )
        )  # fmt: skip
    return notes


# Rows with one of these are still judged by their unit.
_JUDGED = (None, Rule.UNIT_SPELLING, Rule.UNIT_DUPLICATE, Rule.UNIT_FORMER)


def _shown(line: Line, key: str) -> str:
    return line.flaws[key][1] if key in line.flaws else line.texts.get(key, "")
