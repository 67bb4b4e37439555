"""What a file says in a round: its sender, the units and columns of its rows. One file at a time, without pandas.

This is done where the file is read, in a worker; what is found travels as plain data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

from pipeline.answers import Accepted, Explained, explanations_in, list_of, stamp_of, with_answers
from pipeline.continued import with_continued
from pipeline.errors import Refused
from pipeline.gazetteer import BARE, EXACT, OWN, Gazetteer
from pipeline.headers import Headers
from pipeline.joined import with_joined
from pipeline.layout import Finder, Layout, find_tables
from pipeline.lines import NO_HEADER, Found, Line
from pipeline.listed import Listed, Lister
from pipeline.marks import mark_of
from pipeline.model import Arrival, Decision, Sheet, Stamp, Submission, Workbook, address, finding, on_sheet
from pipeline.read.plain import pack
from pipeline.remarks import remarks, unread
from pipeline.senders import Senders
from pipeline.statements import faults_of, statements_in
from pipeline.turned import find_form
from schemas.codes import Rule
from schemas.form import Form, forms_beside
from schemas.kinds import is_blank, is_empty, link
from schemas.messages import line as worded
from schemas.round import Round
from schemas.text import clean, few, spelling_key

NOT_JUDGING = {"title", "source", "reminders", "targets", "letterhead", "office", "contacts", "clauses"}
"""What of a round decides neither what a file says nor what is found in it."""


class Origin(NamedTuple):
    """Where a row stands and which unit it lists, as `Rows.origin` tells it."""

    sheet: str
    row: int  # Excel's number
    code: str
    level: str
    unit_rule: str
    unit_suggestion: str
    unit_facts: dict[str, Any]
    dittos: dict[str, list[str]]


@dataclass(frozen=True)
class Recognised:
    """One file as the round understands it: plain data, which may travel and be kept.

    `typed`, `where` and `flaws` are the columns of `Rows`, by the form's keys; `origins` has an entry for each row.
    """

    submission: Submission
    findings: list[dict[str, Any]]
    typed: dict[str, list[str]]
    where: dict[str, list[str]]
    flaws: dict[str, list[str]]
    origins: list[Origin]


@dataclass(frozen=True)
class Recognising:
    """What a worker is asked to do with a file that was read; `text` is the round as JSON.

    `mark` is one of all in the round that decides what a file says.
    """

    round: str
    text: str
    mark: str

    @staticmethod
    def of(round: Round) -> Recognising:
        """Return what is asked for a round."""
        register = round.register
        own = round.model_dump(exclude=NOT_JUDGING | {"severities"})
        deciding = own, round.form.model_dump(), register.units, register.formers
        text = round.model_dump_json(by_alias=True, exclude={"contacts"})  # hundreds, and every file brings the text
        return Recognising(round.id, text, mark_of(deciding))

    def __call__(self, arrival: Arrival, book: Workbook | Refused) -> bytes:
        """Return what the file says, as JSON."""
        return pack(_recogniser(self.text).recognise(arrival, book))


@lru_cache(maxsize=2)
def _recogniser(text: str) -> Recogniser:
    return Recogniser(Round.model_validate_json(text))


class Recogniser:
    """Knows the round: its form's headers and its units."""

    def __init__(self, round: Round) -> None:
        self.round = round
        self.headers = Headers(round.form)
        region = list(round.register.below(round.collector))
        self.region = Gazetteer(u for u in region if u.level in {*round.lists, round.submitters})
        self.office = Gazetteer([round.collecting_unit] if round.collecting_unit else [])
        self.lister = Lister(round, self.region)
        self.senders = Senders(round, self.region, self.lister.formers)
        self.unit_key = round.form.unit_key

    def recognise(self, arrival: Arrival, book: Workbook | Refused) -> Recognised:
        """Return what a file says that was read, or refused."""
        submission, findings, listed = self._file(arrival, book)
        lines = [item.line for item in listed]
        keys = self.round.form.keys
        where: dict[str, list[str]] = {key: [] for key in keys}
        for line in lines:
            cells, sheets = line.cells, line.sheets
            for key, addresses in where.items():
                cell = address(cells[key]) if key in cells else ""
                addresses.append(on_sheet(sheets[key], cell) if sheets and key in sheets else cell)
        return Recognised(
            submission,
            findings,
            {key: [_shown(line, key) for line in lines] for key in keys},
            where,
            {key: [str(line.flaws[key][0]) if key in line.flaws else "" for line in lines] for key in keys},
            [_origin(item) for item in listed],
        )

    def _file(
        self, arrival: Arrival, book: Workbook | Refused
    ) -> tuple[Submission, list[dict[str, Any]], list[Listed]]:
        accepted: list[Accepted] = []
        explained: list[Explained] = []
        if isinstance(book, Workbook) and (stamp := stamp_of(book)):
            explained = explanations_in(book)
            book, accepted = with_answers(replace(book, stamp=stamp), self.round.form)

        def submission(submitter: str, readable: bool) -> Submission:
            stamp, modified = (None, None) if isinstance(book, Refused) else (book.stamp, book.modified)
            version = stamp.version if stamp and stamp.round == self.round.id and not stamp.sheets else 0
            return Submission(arrival.file, arrival.sha256, arrival.received, submitter, version, modified, readable)

        def refused(
            rule: str, submitter: str = "", **facts: Any
        ) -> tuple[Submission, list[dict[str, Any]], list[Listed]]:
            submitter = submitter or self.senders.by_name(arrival.file)
            found = finding(Rule(rule), submitter=submitter, file=arrival.file, value=arrival.file, facts=facts)
            return submission(submitter, False), [found], []

        if isinstance(book, Refused):
            return refused(book.rule, **book.facts)
        if book.stamp and not self._awaits(book.stamp):
            other = worded("words", "rollup_of", round=book.stamp.round) if book.stamp.sheets else book.stamp.round
            return refused(Rule.FILE_WRONG_FORM, found=other, expected=self.round.id)
        if book.stamp and book.stamp.sheets:
            book = replace(book, sheets=[sheet for sheet in book.sheets if sheet.name in book.stamp.sheets])
        layouts, findings = self._layouts(arrival, book)
        tables = [table for layout in layouts for table in layout.tables]
        if not tables:
            asked = ", ".join(column.header for column in self.round.form.columns if column.required)
            return refused(Rule.FILE_NO_TABLE, self.senders.without_table(arrival.file, layouts), columns=asked)
        if not book.stamp and (other := self._other_form(book, tables)):
            return refused(Rule.FILE_WRONG_FORM, found=other, expected=self.round.id)
        lines = [(line, table.sheet) for table in tables for line in table.lines]
        listed = [Listed(*line) for line in lines if not self._says_nothing(line[0])]
        names = [item.line.texts.get(self.unit_key, "") for item in listed]
        submitter, candidates = self.senders.of(arrival, book, layouts, names)
        if not listed:
            return refused(Rule.FILE_EMPTY, submitter)
        if not submitter:
            facts = {
                "candidates": ", ".join(u.full_name for u in candidates),
                "example": self.senders.example(candidates),
            }
            found = finding(Rule.SUBMISSION_UNKNOWN_UNIT, file=arrival.file, value=arrival.file, facts=facts)
            return submission("", False), [*findings, found], []
        if another := self.senders.another(submitter, book, layouts, names):
            named = self.round.submitting_units[submitter].full_name
            return refused(Rule.SUBMISSION_UNKNOWN_UNIT, submitter, unit=named, another=another.full_name)
        statements = statements_in(book, self.round.questions)
        if not statements and self._is_untouched(book.stamp, listed):
            return refused(Rule.FILE_EMPTY, submitter, untouched=True)
        titles = {layout.sheet: layout.title for layout in layouts}
        todays = self.headers.of_today([(sheet,) for sheet in titles])
        old = {sheet for sheet, label in zip(titles, todays, strict=True) if not label}
        assigned = self.lister.assign(listed, submitter, titles, old)
        listed = [item for item in assigned if not item.copy_of]
        findings += _told_copies(arrival, assigned)
        columns = self._columns(arrival, layouts, listed)
        if book.stamp and book.stamp.sheets:  # what a roll-up has besides the form is ours, not the sender's
            columns = [told for told in columns if told["rule"] != Rule.FORM_EXTRA_COLUMN]
        if any((told["rule"], told["column"]) == (Rule.FORM_MISSING_COLUMN, self.unit_key) for told in columns):
            for item in listed:  # told once, not in every row
                item.rule = item.rule if self.unit_key in item.line.texts else None
        findings += [*columns, *_told_written_anew(arrival, book, listed, accepted)]
        if not book.stamp:
            lacking = any(told["rule"] == Rule.FORM_MISSING_COLUMN for told in columns)
            known = None if lacking else {item.unit.code for item in listed if item.unit}
            findings += unread(arrival, book, layouts, partial(self._unit_in, submitter), known)
        findings += self._struck_out(arrival, book, listed)
        findings += faults_of(statements, self.round.questions, arrival.file)
        findings = [{**found, "submitter": submitter} for found in findings]
        ours = [item for item in listed if explained and (sheet := list_of(book)) and item.sheet == sheet.name]
        explanations = [self._explanation(arrival, submitter, ours, answer) for answer in explained]
        sent = replace(submission(submitter, True), explanations=explanations, statements=statements)
        return sent, findings, listed

    def _other_form(self, book: Workbook, tables: list[Found]) -> str:
        """Return what another of our forms is for, if it knows a table better: all that it requires is there and not
        all that this one does, more columns are its own, and its rows are what it asks for.

        Persons may be several of a unit, and have no pages; a page is one of a unit, and has an address.
        """
        keys = {key for table in tables for key in table.keys}
        if self.round.form.required <= keys or any(self.round.form.column(key).kind == "yes-no" for key in keys):
            return ""  # nobody asks yes or no in words that are another form's

        def known(text: str) -> bool:
            return bool(self.region.find(text)[1])

        most = max(len(table.columns) for table in tables)
        for headers in map(Headers, forms_beside(self.round.form)):
            for sheet in book.sheets:
                found = find_tables(sheet, headers, known, self.lister.names_place).tables
                better = [t for t in found if headers.form.required <= t.keys and len(t.columns) > most]
                if any(_lists_persons(table, headers.form) == (headers.form.rows == "persons") for table in better):
                    return headers.form.document
        return ""

    def _unit_in(self, submitter: str, text: str) -> str:
        """Return the code of the one unit of the sender that a text names, or ""."""
        sure, units = self.lister.own(submitter).find(text)
        return units[0].code if 0 < sure <= BARE and len(units) == 1 else ""

    def _is_untouched(self, stamp: Stamp | None, listed: list[Listed]) -> bool:
        """Tell a form of ours sent back as it was handed out: of its units nothing is said, not even "none".

        In a list of its own a sender wrote the units itself; a form that is not its first one comes with what it said
        before; a roll-up may have nothing to say.
        """
        if self.round.form.rows != "units" or stamp is None or stamp.version > 1 or stamp.sheets:
            return False
        return not any(item.line.flaws or not all(map(is_empty, self._said(item.line))) for item in listed)

    def _said(self, line: Line) -> Iterator[str]:
        """Yield what a row says of its unit, in the form's columns and beside them."""
        yield from (text for key, text in line.texts.items() if key != self.unit_key)
        yield from line.beside.values()

    def _explanation(self, arrival: Arrival, submitter: str, listed: list[Listed], answer: Explained) -> Decision:
        """Return what the sender says of a finding: of a cell by its unit and column, of the file by the sender.

        `listed` are the rows of our own list, whose cells are meant.
        """
        unit, column, person = ("" if answer.place else submitter), "", ""
        names = self.round.form.of_kind("name") if self.round.form.rows == "persons" else []
        for item in listed:
            for key, place in item.line.cells.items():
                if place == answer.place:
                    unit, column = (item.unit.code if item.unit else ""), key
                    person = clean(item.line.texts.get(names[0].key, "")) if names else ""
        return Decision(
            "explanation", arrival.received, self.round.submitting_units[submitter].full_name, answer.words, submitter,
            unit, answer.rule, column, answer.value, source=arrival.sha256, person=person,
        )  # fmt: skip

    def _awaits(self, stamp: Stamp) -> bool:
        """Tell whether this round takes such a workbook of ours: its own forms, also those of its earlier periods, and
        a submitter's roll-up of its own.
        """
        if stamp.sheets:
            return stamp.round != self.round.id and stamp.unit in self.round.submitting_units
        return stamp.round == self.round.id or stamp.round in self.round.names

    def _layouts(self, arrival: Arrival, book: Workbook) -> tuple[list[Layout], list[dict[str, Any]]]:
        """Return the layouts of the visible sheets, or of the hidden ones where no visible one has a table."""

        def known(text: str) -> bool:
            return bool(self.region.find(text)[1] or self.lister.formers.find(text)[1])

        def find(sheet: Sheet, lacking: frozenset[str]) -> Layout:
            layout = Finder(sheet, self.headers, known, self.lister.names_place, lacking).find()
            if lacking:
                return layout
            return self._with_unit(layout if layout.tables else find_form(sheet, self.headers, known) or layout)

        def layouts(hidden: bool) -> list[Layout]:
            sheets = [sheet for sheet in book.sheets if sheet.hidden is hidden]
            found = [find_tables(sheet, self.headers, known, self.lister.names_place) for sheet in sheets]
            if not any(layout.tables for layout in found):
                pairs = zip(sheets, found, strict=True)
                found = [find_form(sheet, self.headers, known) or layout for sheet, layout in pairs]
            elif not book.stamp:
                found = with_continued(sheets, found, self.headers, known, self.lister.names_place)
            found = [self._with_unit(layout) for layout in found]
            return found if book.stamp else with_joined(sheets, found, self.round.form, find, self._units_of)

        visible = layouts(hidden=False)
        if any(layout.tables for layout in visible):
            unread = [sheet.name for sheet in book.sheets if sheet.hidden and any(map(any, sheet.cells))]
            notes = [finding(Rule.FILE_HIDDEN_SHEET, file=arrival.file, sheet=name, value=name) for name in unread]
            return visible, [*notes, *remarks(arrival, book, visible)]
        every = [*visible, *layouts(hidden=True)]
        return every, remarks(arrival, book, every)

    def _units_of(self, line: Line) -> Hashable:
        """Return what a row's unit may be, None where it names none."""
        text = line.texts.get(self.unit_key, "")
        if line.is_section:
            return line.level
        return frozenset(unit.code for unit in self.region.find(text)[1]) or spelling_key(text) or None

    def _with_unit(self, layout: Layout) -> Layout:
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

        "" for none, or several in a title. Of units with one name the sender's is meant, who is not known yet.
        """
        mentions = [mention for text in title for mention in self.region.mentions(text) if mention.typed]
        for level in reversed(levels):
            if names := {mention.unit.full_name for mention in mentions if mention.unit.level == level}:
                return names.pop() if len(names) == 1 else ""
        sure, found = self.region.find(name)
        names = {unit.full_name for unit in found if unit.level in levels and sure <= BARE}
        return names.pop() if len(names) == 1 else name if names else ""

    def _columns(self, arrival: Arrival, layouts: list[Layout], listed: list[Listed]) -> list[dict[str, Any]]:
        """Return findings of columns that are missing, once a file, and notes of foreign ones, once a sheet."""
        form = self.round.form
        findings: dict[tuple[str, ...], dict[str, Any]] = {}
        for table in (table for layout in layouts for table in layout.tables):
            rows = {(table.sheet, line.row) for line in table.lines}
            levels = {item.unit.level for item in listed if (item.sheet, item.line.row) in rows and item.unit}
            keys = table.keys
            for key in self._needed(keys, levels):
                if key not in keys:
                    found = finding(
                        Rule.FORM_MISSING_COLUMN, file=arrival.file, sheet=table.sheet, column=key,
                        facts={"label": form.label(key)},
                    )  # fmt: skip
                    findings.setdefault(("-", key), found)
            for column, header in table.extra.items():
                if header and table.header != NO_HEADER:
                    found = finding(
                        Rule.FORM_EXTRA_COLUMN, file=arrival.file, sheet=table.sheet,
                        row=table.head(column)[0] + 1, cell=address(table.head(column)), value=header,
                    )  # fmt: skip
                    findings.setdefault(("+", header, table.sheet), found)
        return list(findings.values())

    def _struck_out(self, arrival: Arrival, book: Workbook, listed: list[Listed]) -> list[dict[str, Any]]:
        """Return warnings of rows that are struck through (their unit, or all they say) and of single cells that are:
        they count all the same.
        """
        struck = {(sheet.name, place) for sheet in book.sheets for place in sheet.struck}
        findings = []
        for item in listed if struck else []:
            cells, texts = item.line.cells, item.line.texts
            unit = cells.get(self.unit_key, (item.line.row, 0))
            sheets = item.line.sheets
            filled = {place: key for key, place in cells.items() if texts[key].strip()}
            here = {place: key for place, key in filled.items() if (sheets.get(key, item.sheet), place) in struck}
            whole = (item.sheet, unit) in struck or (filled and len(here) == len(filled))
            for place, key in ({unit: self.unit_key} if whole else here).items():
                findings.append(
                    finding(
                        Rule.CELL_STRUCK_OUT, unit=item.unit.code if item.unit else "", file=arrival.file,
                        sheet=sheets.get(key, item.sheet), row=place[0] + 1, column=key, cell=address(place),
                        value=clean(texts.get(key, "")), facts={} if whole else {"alone": True},
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
        """Tell a row that lists nobody, one that only names a unit where the table has no column for it, and one of the
        collecting office itself, left from the form's example.
        """
        if self.unit_key not in line.texts and len(own := line.own) == 1:
            text = line.texts[min(own)]
            return any(spelling_key(text) == spelling_key(unit.full_name) for unit in self.region.find(text)[1])
        others = [key for key in line.texts if key != self.unit_key]
        if self.round.form.rows == "persons" and not any(key in line.own for key in others):
            return True
        if self.round.collector in self.region.codes:
            return False
        unit = line.texts.get(self.unit_key, "")
        return self.region.find(unit)[0] != EXACT and self.office.find(unit)[0] == EXACT


def _told_copies(arrival: Arrival, listed: list[Listed]) -> list[dict[str, Any]]:
    """Tell once a sheet that rows of it stand on another one, and count there."""
    copies = dict.fromkeys((item.sheet, item.copy_of) for item in listed if item.copy_of)
    return [
        finding(
            Rule.FILE_DUPLICATE, file=arrival.file, sheet=sheet, value=sheet, facts={"other": other, "inside": True}
        )
        for sheet, other in copies
    ]


def _told_written_anew(
    arrival: Arrival, book: Workbook, listed: list[Listed], accepted: list[Accepted]
) -> list[dict[str, Any]]:
    """Tell every proposal that the clerk accepted, every cell of the list without what is struck out in it, and every
    merged one without what it conceals: what stood there, and what stands there now.
    """
    notes = []
    concealed = {(s.name, p): (texts, s.cells[p[0]][p[1]]) for s in book.sheets for p, texts in s.concealed.items()}
    corrected = {(s.name, p): (text, s.cells[p[0]][p[1]]) for s in book.sheets for p, text in s.corrected.items()}
    asked = bool(accepted or corrected or concealed)
    cells = ((item, key, place) for item in reversed(listed) for key, place in item.line.cells.items()) if asked else ()
    at = {(item.sheet, place): (item, key) for item, key, place in cells}
    left = [Accepted(*place, clean(text), clean(rest)) for place, (text, rest) in corrected.items() if place in at]
    under = [Accepted(*place, "; ".join(few(texts)), clean(text)) for place, (texts, text) in concealed.items()]
    for answer in [*accepted, *left, *(answer for answer in under if (answer.sheet, answer.place) in at)]:
        item, key = at.get((answer.sheet, answer.place), (None, ""))
        notes.append(
            finding(
                Rule.CELL_REPAIRED, unit=item.unit.code if item and item.unit else "", file=arrival.file,
                sheet=answer.sheet, row=answer.place[0] + 1, column=key, cell=address(answer.place),
                value=answer.before, suggestion=answer.after, facts={"under": True} if answer in under else {},
            )
        )  # fmt: skip
    return notes


def _lists_persons(table: Found, form: Form) -> bool:
    """Tell rows of persons: some are of one unit, or none has the address of a page."""
    units = Counter(clean(line.texts.get(form.unit_key, "")) for line in table.lines)
    texts = (text for line in table.lines for text in [*line.texts.values(), *line.beside.values()])
    return max(units.values(), default=0) > 1 or not any("@" not in text and link.is_address(text) for text in texts)


def _shown(line: Line, key: str) -> str:
    return line.flaws[key][1] if key in line.flaws else line.texts.get(key, "")


def _origin(item: Listed) -> Origin:
    judged, dittos = item.judged, item.line.dittos
    return Origin(
        item.sheet, item.line.row + 1, judged.code if judged else "", judged.level if judged else "",
        str(item.rule) if item.rule else "", item.suggestion, item.facts,
        {key: [address(place), text] for key, (place, text) in dittos.items()},
    )  # fmt: skip
