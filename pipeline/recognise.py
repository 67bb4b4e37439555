"""What a file says in a round: its sender, the units and columns of its rows. One file at a time, without pandas.

This is done where the file is read, in a worker; what is found travels as plain data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

from pipeline.answers import Accepted, Explained, explanations_in, list_of, stamp_of, with_answers
from pipeline.continued import with_continued
from pipeline.errors import Refused
from pipeline.gazetteer import BARE, EXACT, Gazetteer
from pipeline.headers import Headers
from pipeline.joined import with_joined
from pipeline.layout import Finder, Layout, find_tables
from pipeline.lines import Found, Line, Listed
from pipeline.listed import Lister
from pipeline.marks import mark_of
from pipeline.model import Arrival, Decision, Sheet, Stamp, Submission, Workbook, address, finding, on_sheet
from pipeline.read.plain import pack
from pipeline.remarks import copies_told, of_columns, remarks, struck_out, unread, written_anew
from pipeline.senders import Senders
from pipeline.statements import faults_of, statements_in
from pipeline.titles import Titles
from pipeline.turned import find_form
from schemas.codes import Rule
from schemas.form import Form, forms_beside
from schemas.kinds import is_empty, link
from schemas.messages import line as worded
from schemas.round import Round
from schemas.text import clean, spelling_key

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


class _Said(NamedTuple):
    """What one file says: who sent it, what was found, and its rows."""

    submission: Submission
    findings: list[dict[str, Any]]
    listed: list[Listed]


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
        self.titles = Titles(round, self.region)
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

    def _file(self, arrival: Arrival, book: Workbook | Refused) -> _Said:
        """Return what a file says, or the one finding for which it cannot be used."""
        if isinstance(book, Refused):
            return self._refused(arrival, book, book.rule, **book.facts)
        accepted: list[Accepted] = []
        explained: list[Explained] = []
        if stamp := stamp_of(book):
            explained = explanations_in(book)
            book, accepted = with_answers(replace(book, stamp=stamp), self.round.form)
        refused = partial(self._refused, arrival, book)
        if book.stamp and not self._awaits(book.stamp):
            other = worded("words", "rollup_of", round=book.stamp.round) if book.stamp.sheets else book.stamp.round
            return refused(Rule.FILE_WRONG_FORM, found=other, expected=self.round.id)
        if book.stamp and book.stamp.sheets:
            book = replace(book, sheets=[sheet for sheet in book.sheets if sheet.name in book.stamp.sheets])
        layouts, notes = self._layouts(arrival, book)
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
            called = ", ".join(unit.full_name for unit in candidates)
            facts = {"candidates": called, "example": self.senders.example(candidates)}
            found = finding(Rule.SUBMISSION_UNKNOWN_UNIT, file=arrival.file, value=arrival.file, facts=facts)
            return _Said(self._submission(arrival, book, "", readable=False), [*notes, found], [])
        if another := self.senders.another(submitter, book, layouts, names):
            named = self.round.submitting_units[submitter].full_name
            return refused(Rule.SUBMISSION_UNKNOWN_UNIT, submitter, unit=named, another=another.full_name)
        statements = statements_in(book, self.round.questions)
        if not statements and self._is_untouched(book.stamp, listed):
            return refused(Rule.FILE_EMPTY, submitter, untouched=True)
        assigned = self._assigned(listed, submitter, layouts)
        counting = [item for item in assigned if not item.copy_of]
        findings = [
            *notes,
            *copies_told(arrival, assigned),
            *self._of_sheets(arrival, book, layouts, counting, accepted, submitter),
            *struck_out(arrival, book, counting, self.unit_key),
            *faults_of(statements, self.round.questions, arrival.file),
        ]
        sent = replace(
            self._submission(arrival, book, submitter, readable=True),
            explanations=self._explanations(arrival, book, submitter, counting, explained),
            statements=statements,
        )
        return _Said(sent, [{**found, "submitter": submitter} for found in findings], counting)

    def _refused(
        self, arrival: Arrival, book: Workbook | Refused, rule: str, submitter: str = "", **facts: Any
    ) -> _Said:
        """Return what is told of a file that cannot be used; its name may tell the sender."""
        submitter = submitter or self.senders.by_name(arrival.file)
        found = finding(Rule(rule), submitter=submitter, file=arrival.file, value=arrival.file, facts=facts)
        return _Said(self._submission(arrival, book, submitter, readable=False), [found], [])

    def _submission(self, arrival: Arrival, book: Workbook | Refused, submitter: str, *, readable: bool) -> Submission:
        stamp, modified = (None, None) if isinstance(book, Refused) else (book.stamp, book.modified)
        version = stamp.version if stamp and stamp.round == self.round.id and not stamp.sheets else 0
        return Submission(arrival.file, arrival.sha256, arrival.received, submitter, version, modified, readable)

    def _assigned(self, listed: list[Listed], submitter: str, layouts: list[Layout]) -> list[Listed]:
        """Return the rows with their units; those of sheets of former values beside the new ones do not count."""
        titles = {layout.sheet: layout.title for layout in layouts}
        todays = self.headers.of_today([(sheet,) for sheet in titles])
        old = {sheet for sheet, label in zip(titles, todays, strict=True) if not label}
        return self.lister.assign(listed, submitter, titles, old)

    def _of_sheets(
        self, arrival: Arrival, book: Workbook, layouts: list[Layout], listed: list[Listed],
        accepted: list[Accepted], submitter: str,
    ) -> Iterator[dict[str, Any]]:  # fmt: skip
        """Yield what is told of columns, of what was written anew, and of sheets that hold what the list does not.

        Where the units' column is missing that is told here alone: it is taken off the rows.
        """
        columns = of_columns(arrival, self.round, layouts, listed)
        if book.stamp and book.stamp.sheets:  # what a roll-up has besides the form is ours, not the sender's
            columns = [told for told in columns if told["rule"] != Rule.FORM_EXTRA_COLUMN]
        missing = {told["column"] for told in columns if told["rule"] == Rule.FORM_MISSING_COLUMN}
        if self.unit_key in missing:
            for item in listed:
                item.rule = item.rule if self.unit_key in item.line.texts else None
        yield from columns
        yield from written_anew(arrival, book, listed, accepted)
        if not book.stamp:
            known = None if missing else {item.unit.code for item in listed if item.unit}
            yield from unread(arrival, book, layouts, partial(self._unit_in, submitter), known)

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

    def _explanations(
        self, arrival: Arrival, book: Workbook, submitter: str, listed: list[Listed], explained: list[Explained]
    ) -> list[Decision]:
        """Return what the sender says of findings: of a cell of our own list by its unit and column, of the file by the
        sender.
        """
        ours = list_of(book) if explained else None
        rows = [item for item in listed if ours and item.sheet == ours.name]
        at = {place: (item, key) for item in rows for key, place in item.line.cells.items()}
        names = self.round.form.of_kind("name") if self.round.form.rows == "persons" else []
        decisions = []
        for answer in explained:
            unit, column, person = ("" if answer.place else submitter), "", ""
            if answer.place in at:
                item, column = at[answer.place]
                unit = item.unit.code if item.unit else ""
                person = clean(item.line.texts.get(names[0].key, "")) if names else ""
            decisions.append(
                Decision(
                    "explanation", arrival.received, self.round.submitting_units[submitter].full_name, answer.words,
                    submitter, unit, answer.rule, column, answer.value, source=arrival.sha256, person=person,
                )
            )  # fmt: skip
        return decisions

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
            return self.titles.with_unit(layout if layout.tables else find_form(sheet, self.headers, known) or layout)

        def layouts(hidden: bool) -> list[Layout]:
            sheets = [sheet for sheet in book.sheets if sheet.hidden is hidden]
            found = [find_tables(sheet, self.headers, known, self.lister.names_place) for sheet in sheets]
            if not any(layout.tables for layout in found):
                pairs = zip(sheets, found, strict=True)
                found = [find_form(sheet, self.headers, known) or layout for sheet, layout in pairs]
            elif not book.stamp:
                found = with_continued(sheets, found, self.headers, known, self.lister.names_place)
            found = [self.titles.with_unit(layout) for layout in found]
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
        return self.region.find(unit)[0] != EXACT and self.lister.office.find(unit)[0] == EXACT


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
