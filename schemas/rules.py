"""The rules: the checks that judge cells, each of a code of `codes.py`.

A check is a named function from the cells of one column to a mask that is True where the cell is in order.
It holds no severity and no words: these are looked up by code (`messages.toml`). In one cell the first
failing rule in the order of `Rule` counts, so that one cause gives one finding.

Source of the rules: the letter's form and clauses as the round files quote them.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache, cached_property
from typing import Any, Literal

import pandas as pd
import pandera.pandas as pa

from schemas.codes import Rule
from schemas.form import CONTACT, Bound, Column, Form
from schemas.kinds import KINDS, choice, date, email, latest, link, name, number, phone, shown, yes_no
from schemas.naming import LONGEST, RightNames, name_key
from schemas.round import Round
from schemas.text import without_accents

if "hypothesis" not in sys.modules:
    # Where the tests' library is installed, pandera loads it to make up data, a tenth of a second that no run needs.
    sys.modules["hypothesis"] = None  # type: ignore[assignment]
    import pandera.strategies.base_strategies  # noqa: F401 - it looks for the library then

    del sys.modules["hypothesis"]

PRECEDENCE = {rule: place for place, rule in enumerate(Rule)}


@dataclass(frozen=True)
class Table:
    """All rows of a round that are judged, in aligned frames (one index, the form's keys as columns).

    `typed` is what was written, `rows` the repaired values, `where` the cells' addresses ("" where the
    sender's table has no such column), `flaws` the rule broken by a cell that holds no value at all.
    `units` has the columns `code` and `level` ("" where the row is not judged by its unit) and `claims`
    (True where the row speaks for its unit).
    """

    round: Round
    names: RightNames
    typed: pd.DataFrame
    rows: pd.DataFrame
    where: pd.DataFrame
    flaws: pd.DataFrame
    units: pd.DataFrame

    @cached_property
    def cells(self) -> dict[str, Cells]:
        """The columns by key, each with its answers: what several checks ask is asked once."""
        code = self.units["code"]
        return {c.key: Cells(c, self.rows[c.key], self.typed[c.key], code, self) for c in self.round.form.columns}

    @cached_property
    def filled(self) -> pd.DataFrame:
        """True where a cell says something, be it an error value."""
        return self.rows.ne("") | self.flaws.ne("")

    @cached_property
    def no_page(self) -> pd.Series:
        """True where the unit says that it has no page: name and link both blank."""
        return ~self.filled[self._page_keys].any(axis=1) if self._page_keys else self._never

    @property
    def _page_keys(self) -> list[str]:
        form = self.round.form
        return [column.key for kind in ("page-name", "link") for column in form.of_kind(kind)]

    @property
    def _never(self) -> pd.Series:
        return pd.Series(False, index=self.rows.index)

    def group_filled(self, group: str) -> pd.Series:
        """True where that person's name, number or address is filled; what else is told of it asks for nothing."""
        return self.filled[[*self.round.form.persons[group].values()]].any(axis=1)

    @cached_property
    def asked_for(self) -> dict[str, pd.Series]:
        """By group: True where the policy asks for this person, nothing is written, and there is a page."""
        groups = list(self.round.form.persons)
        blank = {group: ~self.group_filled(group) & ~self.no_page for group in groups}
        asked = dict.fromkeys(groups, self._never)
        for level in self.round.lists:
            here = self.units["level"].eq(level)
            required, least = self.round.persons_asked(level)
            for group in required:
                asked[group] = asked[group] | (here & blank[group])
            if required:
                continue
            short = least - sum((self.group_filled(group).astype(int) for group in groups), start=0)
            for group in groups:
                name_key = self.round.form.persons[group]["name"]
                told = here & blank[group] & (short > 0) & self.where[name_key].ne("")
                asked[group] = asked[group] | told
                short = short - told.astype(int)
        return asked


def concerned(column: Column, rows: pd.DataFrame) -> pd.Series:
    """Tell of every row (repaired values) whether the column concerns it: its `where` holds."""
    here = pd.Series(True, index=rows.index)
    for key, values in column.where.items():
        here = here & rows[key].isin(values)
    return here


@dataclass(frozen=True)
class Cells:
    """The cells of one column, or some of them, with the table they stand in."""

    column: Column
    value: pd.Series  # repaired
    typed: pd.Series  # as written
    code: pd.Series  # the row's unit, "" where the row is not judged by its unit
    table: Table

    def only(self, ids: Sequence[Any]) -> Cells:
        """Return the cells of these rows."""
        return replace(self, value=self.value.loc[ids], typed=self.typed.loc[ids], code=self.code.loc[ids])

    @cached_property
    def blank(self) -> pd.Series:
        """True where nothing is written."""
        return self.value.eq("")

    @cached_property
    def proposed(self) -> pd.Series:
        """The page name that the policy proposes, "" where the row is not judged by its unit."""
        return self.code.map(self.table.names.proposed).fillna("").astype(str)

    @cached_property
    def unlike(self) -> list[int]:
        """The places of the cells that do not hold the page name that the policy proposes."""
        proposed, pairs = self.table.names.proposed, zip(self.value.tolist(), self.code.tolist(), strict=True)
        return [place for place, (text, code) in enumerate(pairs) if text != proposed.get(code)]

    @cached_property
    def right_or_spelling(self) -> pd.Series:
        """True where a page bears an accepted name, whatever its spelling."""
        return _one_of(self, self.table.names.spellings, name_key)

    @cached_property
    def right_without_accents(self) -> pd.Series:
        """True where a page bears an accepted name but for its accents."""
        return _one_of(self, self.table.names.unaccented, lambda text: without_accents(name_key(text)))

    @cached_property
    def link_fault(self) -> pd.Series:
        """What is wrong with a page's address, "" for nothing."""
        faults = pd.Series([fault for fault, _ in self._addresses], index=self.value.index, dtype="str")
        return faults.where(~self.blank, "")

    @cached_property
    def page(self) -> pd.Series:
        """The identity of the page that an address leads to, "" where it leads to none."""
        return pd.Series([identity for _, identity in self._addresses], index=self.value.index, dtype="str")

    @cached_property
    def _addresses(self) -> list[tuple[str, str]]:
        texts = self.typed.tolist()
        told = {text: ((address := link.parse(text)).fault, address.identity) for text in set(texts)}
        return [told[text] for text in texts]

    def sibling(self, kind: str) -> pd.Series:
        """True where the column of that kind (of the same group, if there is one) is filled."""
        columns = [c.key for c in self.table.round.form.of_kind(kind) if c.group == self.column.group]
        return self.table.filled[columns].any(axis=1)

    @property
    def person_filled(self) -> pd.Series:
        """True where any cell of this column's person is filled and the person is needed (there is a page)."""
        if self.column.group not in self.table.round.form.persons:
            return self.blank & False
        return self.table.group_filled(self.column.group) & ~self.table.no_page

    @cached_property
    def _doubtful(self) -> list[int]:
        """The places of the cells that something must be asked about: the others are in order, and as typed."""
        values, in_order = self.value.tolist(), KINDS[self.column.kind].in_order
        settled = {text for text in set(values) if in_order(text)}
        pairs = zip(values, self.typed.tolist(), strict=True)
        return [place for place, (value, typed) in enumerate(pairs) if value not in settled or value != typed]

    def of(self, test: Callable[[str], object]) -> pd.Series:
        """Return a test of each repaired value, asked once a distinct value; of all those in order, once."""
        return self._ask(self.value, test)

    def each(self, value: Callable[[str], str]) -> pd.Series:
        """Return a text made from each typed value, asked once a distinct value."""
        return self._ask(self.typed, value).astype(str)

    def of_typed(self, test: Callable[[str], object]) -> pd.Series:
        """Return a test of each typed value, asked once a distinct value; of all those in order, once."""
        return self._ask(self.typed, test)

    def _ask(self, series: pd.Series, test: Callable[[str], object]) -> pd.Series:
        texts, places = series.tolist(), self._doubtful
        answers = {text: test(text) for text in {texts[place] for place in places}}
        if len(places) == len(texts):
            return pd.Series([answers[text] for text in texts], index=series.index)
        in_order = next(place for place, doubtful in enumerate([*places, -1]) if place != doubtful)
        told = [test(texts[in_order])] * len(texts)
        for place in places:
            told[place] = answers[texts[place]]
        return pd.Series(told, index=series.index)


Check = Callable[[Cells], pd.Series]
Explain = Callable[[Cells, str], dict[str, str]]
CHECKS: dict[str, list[tuple[Rule, Check]]] = {}
SUGGESTIONS: dict[Rule, Callable[[Cells], pd.Series]] = {}
FACTS: dict[Rule, Explain] = {}
"""What the sentence of a rule says besides value and suggestion, from the column and the repaired value."""


def _check(rule: Rule, kind: str) -> Callable[[Check], Check]:
    def register(function: Check) -> Check:
        CHECKS.setdefault(kind, []).append((rule, function))
        return function

    return register


def _explains(rule: Rule) -> Callable[[Explain], Explain]:
    def register(function: Explain) -> Explain:
        FACTS[rule] = function
        return function

    return register


def _suggests(*rules: Rule) -> Callable[[Check], Check]:
    def register(function: Check) -> Check:
        SUGGESTIONS.update(dict.fromkeys(rules, function))
        return function

    return register


# --- any column


@_check(Rule.CELL_ERROR_VALUE, "*")
def holds_no_spreadsheet_error(cells: Cells) -> pd.Series:
    return cells.table.flaws[cells.column.key].ne(Rule.CELL_ERROR_VALUE)


@_check(Rule.CELL_NO_VALUE, "*")
def formula_has_a_stored_result(cells: Cells) -> pd.Series:
    return cells.table.flaws[cells.column.key].ne(Rule.CELL_NO_VALUE)


@_check(Rule.VALUE_MISSING, "*")
def row_says_something_here(cells: Cells) -> pd.Series:
    if not cells.column.filled:
        return pd.Series(data=True, index=cells.value.index)
    return ~(cells.blank & concerned(cells.column, cells.table.rows) & ~cells.table.no_page)


# --- page names (the naming policy of the round's letter)


@_check(Rule.PAGE_NAME_MISSING, "page-name")
def page_with_a_link_has_a_name(cells: Cells) -> pd.Series:
    return ~(cells.blank & cells.sibling("link"))


@_check(Rule.PAGE_NAME_OTHER_UNIT, "page-name")
def name_is_not_anothers(cells: Cells) -> pd.Series:
    return cells.right_or_spelling | ~cells.value.isin(cells.table.names.owners.keys()) | _not_judged(cells)


@_check(Rule.PAGE_NAME_ACCENTS, "page-name")
def name_has_its_accents(cells: Cells) -> pd.Series:
    return cells.right_or_spelling | ~cells.right_without_accents | _not_judged(cells)


@_check(Rule.PAGE_NAME_PATTERN, "page-name")
def name_follows_the_policy(cells: Cells) -> pd.Series:
    return cells.right_or_spelling | cells.right_without_accents | _not_judged(cells)


@_check(Rule.PAGE_NAME_SPELLING, "page-name")
def name_is_spelt_as_proposed(cells: Cells) -> pd.Series:
    """Any accepted form that Facebook can hold will do where the proposed name is too long for it."""
    shorter = cells.proposed.str.len().gt(LONGEST) & cells.value.str.len().le(LONGEST)
    right = _one_of(cells, cells.table.names.right, str)
    return right | shorter | ~cells.right_or_spelling | _not_judged(cells)


@_check(Rule.PAGE_NAME_TOO_LONG, "page-name")
def name_fits_a_page(cells: Cells) -> pd.Series:
    return cells.value.str.len().le(LONGEST) | ~cells.right_or_spelling | _not_judged(cells)


@_suggests(
    Rule.PAGE_NAME_MISSING,
    Rule.PAGE_NAME_OTHER_UNIT,
    Rule.PAGE_NAME_ACCENTS,
    Rule.PAGE_NAME_PATTERN,
    Rule.PAGE_NAME_SPELLING,
)
def right_page_name(cells: Cells) -> pd.Series:
    """Return the name that the policy proposes, "" where the row is not judged by its unit."""
    return cells.proposed


def _not_judged(cells: Cells) -> pd.Series:
    return cells.blank | cells.proposed.eq("")


def _one_of(cells: Cells, accepted: Mapping[str, frozenset[str]], key: Callable[[str], str]) -> pd.Series:
    texts, codes = cells.value.tolist(), cells.code.tolist()
    hits = [True] * len(texts)
    for place in cells.unlike:
        hits[place] = key(texts[place]) in accepted[codes[place]]
    return pd.Series(hits, index=cells.value.index, dtype=bool)


# --- links


@_check(Rule.LINK_MISSING, "link")
def named_page_has_a_link(cells: Cells) -> pd.Series:
    return ~(cells.blank & cells.sibling("page-name"))


@_check(Rule.LINK_INVALID, "link")
def link_is_a_legal_web_address(cells: Cells) -> pd.Series:
    return cells.link_fault.ne("invalid")


@_check(Rule.LINK_NOT_FACEBOOK, "link")
def link_is_on_facebook(cells: Cells) -> pd.Series:
    return cells.link_fault.ne("not-facebook")


@_check(Rule.LINK_NOT_PAGE, "link")
def link_is_a_page(cells: Cells) -> pd.Series:
    return cells.link_fault.ne("not-page")


@_check(Rule.LINK_SHORT, "link")
def link_is_written_out(cells: Cells) -> pd.Series:
    return cells.link_fault.ne("short")


@_check(Rule.LINK_DUPLICATE, "link")
def page_is_claimed_by_one_unit(cells: Cells) -> pd.Series:
    pages = cells.page.where(cells.table.units["claims"], "").tolist()
    claimants: dict[str, set[str]] = {}
    for page, code in zip(pages, cells.code.tolist(), strict=True):
        claimants.setdefault(page, set()).add(code)
    taken = cells.table.round.taken_pages
    twice = {page for page, codes in claimants.items() if page and (len(codes - {""}) > 1 or page in taken)}
    return pd.Series([page not in twice for page in pages], index=cells.value.index, dtype=bool)


@_check(Rule.LINK_PROFILE_ID, "link")
def link_is_no_bare_id(cells: Cells) -> pd.Series:
    return cells.link_fault.ne("profile-id")


@_suggests(Rule.LINK_INVALID, Rule.LINK_NOT_PAGE)
def page_behind_the_link(cells: Cells) -> pd.Series:
    """Return the page that was probably meant, or that stands in the column of names; "" where nothing can be told."""
    meant = cells.of_typed(lambda text: link.parse(text).page)
    return meant.where(meant.ne(""), _beside(cells, "page-name", lambda text: link.parse(text).canonical))


# --- persons


@_check(Rule.CONTACT_MISSING, "name")
def person_asked_for_is_named(cells: Cells) -> pd.Series:
    asked = cells.table.asked_for.get(cells.column.group)
    return ~(asked if asked is not None else cells.blank & False)


@_check(Rule.NAME_MISSING, "name")
def contact_has_a_name(cells: Cells) -> pd.Series:
    return ~(cells.blank & cells.person_filled)


@_check(Rule.NAME_INVALID, "name")
def name_is_of_a_person(cells: Cells) -> pd.Series:
    return cells.blank | cells.of(name.is_name)


@_check(Rule.CONTACT_SAME_PERSON, "name")
def second_person_is_another(cells: Cells) -> pd.Series:
    table, form = cells.table, cells.table.round.form
    if form.rows == "persons":
        return ~repeated(form, table.units["code"], table.rows, keep=False)
    persons = list(form.persons)
    others = persons[: persons.index(cells.column.group)] if cells.column.group in persons else []
    same = table.no_page & False
    for level in table.round.lists:
        required, _ = table.round.persons_asked(level)
        if cells.column.group not in required:
            continue
        for other in set(others) & set(required):
            here, there = form.persons[cells.column.group], form.persons[other]
            at_level = table.units["level"].eq(level)
            named = at_level & _equal(table.rows[here["name"]], table.rows[there["name"]])
            kinds = [kind for kind in here if kind in there and kind != "name"]
            pairs = {kind: (table.rows[here[kind]], table.rows[there[kind]]) for kind in kinds}
            shared = pd.DataFrame({kind: one.ne("") & one.eq(two) for kind, (one, two) in pairs.items()}, named.index)
            same |= named & (shared.any(axis=1) | (not kinds))
            same |= at_level & shared.all(axis=1) & (len(kinds) > 1)
    return ~same


def repeated(form: Form, codes: pd.Series, rows: pd.DataFrame, *, keep: Literal["first", False] = "first") -> pd.Series:
    """Tell the rows that say of a person just what another one of its unit says; `keep="first"`: but the first such.

    `codes` are the units of the rows, "" where a row is not judged by its unit. Namesakes differ in something else.
    """
    if form.rows != "persons":
        return pd.Series(data=False, index=rows.index)
    named = codes.ne("") & rows[[column.key for column in form.of_kind("name")]].ne("").any(axis=1)
    who = rows.drop(columns=form.unit_key).assign(**{form.unit_key: codes})
    return named & who.duplicated(keep=keep)


@_explains(Rule.CONTACT_SAME_PERSON)
def whether_in_two_rows(cells: Cells, value: str) -> dict[str, str]:
    """Tell a person that has two rows from one who has two duties in one."""
    return {"twice": value} if cells.table.round.form.rows == "persons" else {}


def _equal(one: pd.Series, other: pd.Series) -> pd.Series:
    key = cache(lambda text: without_accents(name.same_person_key(text)))
    equal = [a != "" and (a == b or key(a) == key(b)) for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    return pd.Series(equal, index=one.index, dtype=bool)


@_check(Rule.PHONE_MISSING, "phone")
def contact_has_a_phone(cells: Cells) -> pd.Series:
    return ~(cells.blank & cells.person_filled)


@_check(Rule.PHONE_MASKED, "phone")
def phone_is_written_out(cells: Cells) -> pd.Series:
    return cells.blank | ~cells.of_typed(phone.is_masked).astype(bool)


@_check(Rule.PHONE_INVALID, "phone")
def phone_is_a_vietnamese_number(cells: Cells) -> pd.Series:
    return cells.blank | cells.of(phone.is_valid)


@_check(Rule.PHONE_OLD_PREFIX, "phone")
def phone_has_a_current_prefix(cells: Cells) -> pd.Series:
    return cells.blank | ~cells.of_typed(phone.has_old_prefix).astype(bool)


@_suggests(Rule.PHONE_OLD_PREFIX)
def current_number(cells: Cells) -> pd.Series:
    """Return the repaired number, which has the prefix in force."""
    return cells.value


@_check(Rule.EMAIL_MISSING, "email")
def contact_has_an_email(cells: Cells) -> pd.Series:
    return ~(cells.blank & cells.person_filled)


@_check(Rule.EMAIL_INVALID, "email")
def email_is_an_address(cells: Cells) -> pd.Series:
    return cells.blank | cells.of(email.is_valid)


@_check(Rule.EMAIL_TYPO, "email")
def email_domain_is_not_mistyped(cells: Cells) -> pd.Series:
    return cells.of(email.likely).eq("")


@_suggests(Rule.EMAIL_TYPO)
def likely_address(cells: Cells) -> pd.Series:
    """Return the address with the domain that was probably meant."""
    return cells.of(email.likely)


@_suggests(Rule.EMAIL_INVALID)
def legal_address(cells: Cells) -> pd.Series:
    """Return a legal address near the one typed, or that stands in the column of numbers; "" where there is none."""
    near = cells.of(email.proposal)
    return near.where(near.ne(""), _beside(cells, "phone", _address_in))


def _address_in(text: str) -> str:
    address = email.repair(text)
    return address if email.is_valid(address) else ""


@_suggests(Rule.PHONE_INVALID)
def number_beside(cells: Cells) -> pd.Series:
    """Return the number that stands in the column of addresses, "" where there is none."""
    return _beside(cells, "email", _number_in)


def _number_in(text: str) -> str:
    number = phone.repair(text)
    return number if "@" not in text and phone.is_valid(number) else ""


def _beside(cells: Cells, kind: str, read: Callable[[str], str]) -> pd.Series:
    """Return what the cell of that kind holds for this column: two neighbours may have been swapped."""
    keys = [c.key for c in cells.table.round.form.of_kind(kind) if c.group == cells.column.group]
    if len(keys) != 1:
        return pd.Series("", index=cells.value.index, dtype="str")
    return cells.table.typed.loc[cells.value.index, keys[0]].map(read).astype("str")


@_explains(Rule.PHONE_INVALID)
@_explains(Rule.EMAIL_INVALID)
def why_none_counts(cells: Cells, value: str) -> dict[str, str]:
    """Tell a text of which nobody knows which number or address is in use from one that is none."""
    return {"reason": "former" if latest.tells(value) else ""}


# --- answers, choices, days, numbers (the column's own properties say what is right)


@_check(Rule.YES_NO_INVALID, "yes-no")
def answer_is_yes_or_no(cells: Cells) -> pd.Series:
    return cells.blank | cells.of(yes_no.is_answer)


@_check(Rule.CHOICE_INVALID, "choice")
def value_is_a_choice(cells: Cells) -> pd.Series:
    return cells.blank | cells.value.isin([choice.value for choice in cells.column.choices])


@_suggests(Rule.CHOICE_INVALID)
def nearest_choice(cells: Cells) -> pd.Series:
    """Return the choice that was probably meant, "" where nothing is near."""
    return cells.each(lambda text: choice.nearest(text, cells.column.spellings))


@_explains(Rule.CHOICE_INVALID)
def choices_there_are(cells: Cells, value: str) -> dict[str, str]:
    """Name the choices."""
    return {"choices": "; ".join(choice.value for choice in cells.column.choices)}


@_check(Rule.DATE_INVALID, "date")
def value_is_a_day_in_its_bounds(cells: Cells) -> pd.Series:
    return cells.blank | cells.of(lambda value: date.is_day(value) and not _out_of_bounds(cells.column, value))


@_suggests(Rule.DATE_INVALID)
def likely_day(cells: Cells) -> pd.Series:
    """Return the day that a text with the month first probably means."""
    return cells.each(date.proposal)


@_explains(Rule.DATE_INVALID)
def why_no_day(cells: Cells, value: str) -> dict[str, str]:
    """Tell a text that is no day from a day out of bounds."""
    return _why(cells.column, value, "" if date.is_day(value) else "form")


@_check(Rule.NUMBER_INVALID, "number")
def value_is_a_number_in_its_bounds(cells: Cells) -> pd.Series:
    return cells.blank | cells.of(
        lambda value: (
            number.is_number(value)
            and not _out_of_bounds(cells.column, value)
            and _is_whole_enough(cells.column, value)
        )
    )


@_suggests(Rule.NUMBER_INVALID)
def number_inside(cells: Cells) -> pd.Series:
    """Return the only number inside a text that is none; of a fraction that must be whole, its thousands."""
    return cells.each(lambda text: number.proposal(text, whole=cells.column.whole))


@_explains(Rule.NUMBER_INVALID)
def why_no_number(cells: Cells, value: str) -> dict[str, str]:
    """Tell a text that is no number from a number out of bounds or with a fraction."""
    if not number.is_number(value):
        return _why(cells.column, value, "form")
    return _why(cells.column, value, "" if _is_whole_enough(cells.column, value) else "whole")


def _is_whole_enough(column: Column, value: str) -> bool:
    return not column.whole or "." not in value


def _out_of_bounds(column: Column, value: str) -> str:
    """Return `small` or `large` for a day or a number beyond the column's bounds, "" within them."""
    given: Any = dt.date.fromisoformat(value) if column.kind == "date" else Decimal(value)
    if column.min is not None and given < _exact(column.min):
        return "small"
    return "large" if column.max is not None and given > _exact(column.max) else ""


def _why(column: Column, value: str, reason: str) -> dict[str, str]:
    reason = reason or _out_of_bounds(column, value)
    bound = {"small": column.min, "large": column.max}.get(reason)
    return {"reason": reason, "limit": "" if bound is None else bound_shown(bound, column)}


def bound_shown(bound: Bound, column: Column) -> str:
    """Return a column's bound as people read it."""
    return shown(str(bound) if isinstance(bound, dt.date) else number.plain(_exact(bound)), column)


def _exact(bound: Bound) -> Any:
    return bound if isinstance(bound, dt.date) else Decimal(str(bound))


def rules_of(column: Column, form: Form) -> list[Rule]:
    """Return the rules that ask something of a column's cells, in order of precedence.

    What is asked of a contact is not asked of a name or a number that belongs to nobody.
    """
    rules = [rule for rule, _ in CHECKS.get(column.kind, [])]
    if column.kind in CONTACT and column.group not in form.persons:
        rules = [rule for rule in rules if not rule.startswith("contact.") and not rule.endswith(".missing")]
    if column.kind == "unit":
        rules = [rule for rule in Rule if rule.startswith("unit.")]
    return sorted([*rules, *([Rule.VALUE_MISSING] if column.filled else [])], key=PRECEDENCE.__getitem__)


def schema_for(table: Table) -> pa.DataFrameSchema:
    """Return the schema of the round's form: a text column for each key, judged by the rules of its kind.

    Every check is named by its rule code. Columns are text with "" for blank, so nothing is looked for that is no
    text; nothing is coerced.
    """

    def checks(column: Column) -> list[pa.Check]:
        own = CHECKS.get(column.kind, [])
        return [
            pa.Check(
                lambda values, f=function: f(table.cells[column.key]),
                name=rule.value,
                error=rule.value,
                ignore_na=False,
            )
            for rule, function in CHECKS["*"]
            + ([(rule, where_concerned(f)) for rule, f in own] if column.where else own)
        ]

    def where_concerned(function: Check) -> Check:
        return lambda cells: function(cells) | ~concerned(cells.column, table.rows)

    return pa.DataFrameSchema({c.key: pa.Column(str, checks(c)) for c in table.round.form.columns}, strict=True)
