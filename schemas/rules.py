"""The rules: every code once, in order of precedence, and the checks that judge cells.

A check is a named function from the cells of one column to a mask that is True where the cell is in order.
It holds no severity and no words: these are looked up by code (`messages.toml`). In one cell the first
failing rule in the order of `Rule` counts, so that one cause gives one finding.

Source of the rules: the letter's form and clauses as the round files quote them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import pandera.pandas as pa

from schemas.codes import Rule as Rule
from schemas.form import Column
from schemas.kinds import email, link, name, phone
from schemas.naming import LONGEST, RightNames, name_key
from schemas.round import Round
from schemas.text import without_accents

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
        """True where any cell of that person is filled."""
        return self.filled[[column.key for column in self.round.form.of_group(group)]].any(axis=1)

    @cached_property
    def asked_for(self) -> dict[str, pd.Series]:
        """By group: True where the policy asks for this person, nothing is written, and there is a page."""
        groups = [group.key for group in self.round.form.groups]
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
                told = here & blank[group] & (short > 0) & self.where[self._name_key(group)].ne("")
                asked[group] = asked[group] | told
                short = short - told.astype(int)
        return asked

    def _name_key(self, group: str) -> str:
        return next(c.key for c in self.round.form.of_group(group) if c.kind == "name")


@dataclass(frozen=True)
class Cells:
    """The cells of one column, with the table they stand in."""

    column: Column
    value: pd.Series  # repaired
    table: Table

    @property
    def typed(self) -> pd.Series:
        """What was written."""
        return self.table.typed[self.column.key]

    @property
    def blank(self) -> pd.Series:
        """True where nothing is written."""
        return self.value.eq("")

    @property
    def code(self) -> pd.Series:
        """The row's unit, "" where the row is not judged by its unit."""
        return self.table.units["code"]

    def sibling(self, kind: str) -> pd.Series:
        """True where the column of that kind (of the same group, if there is one) is filled."""
        columns = [c.key for c in self.table.round.form.of_kind(kind) if c.group == self.column.group]
        return self.table.filled[columns].any(axis=1)

    @property
    def person_filled(self) -> pd.Series:
        """True where any cell of this column's person is filled and the person is needed (there is a page)."""
        return self.table.group_filled(self.column.group) & ~self.table.no_page

    def of(self, test: Callable[[str], object]) -> pd.Series:
        """Return a test of each repaired value, asked once a distinct value."""
        return _each(self.value, test)

    def of_typed(self, test: Callable[[str], object]) -> pd.Series:
        """Return a test of each typed value, asked once a distinct value."""
        return _each(self.typed, test)


def _each(series: pd.Series, test: Callable[[str], object]) -> pd.Series:
    answers = {text: test(text) for text in series.unique()}
    return series.map(answers)


Check = Callable[[Cells], pd.Series]
CHECKS: dict[str, list[tuple[Rule, Check]]] = {}
SUGGESTIONS: dict[Rule, Callable[[Cells], pd.Series]] = {}


def _check(rule: Rule, kind: str) -> Callable[[Check], Check]:
    def register(function: Check) -> Check:
        CHECKS.setdefault(kind, []).append((rule, function))
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


# --- page names (the naming policy of the round's letter)


@_check(Rule.PAGE_NAME_MISSING, "page-name")
def page_with_a_link_has_a_name(cells: Cells) -> pd.Series:
    return ~(cells.blank & cells.sibling("link"))


@_check(Rule.PAGE_NAME_OTHER_UNIT, "page-name")
def name_is_not_anothers(cells: Cells) -> pd.Series:
    return _right_or_spelling(cells) | ~cells.value.isin(cells.table.names.owners.keys()) | _not_judged(cells)


@_check(Rule.PAGE_NAME_ACCENTS, "page-name")
def name_has_its_accents(cells: Cells) -> pd.Series:
    return _right_or_spelling(cells) | ~_right_without_accents(cells) | _not_judged(cells)


@_check(Rule.PAGE_NAME_PATTERN, "page-name")
def name_follows_the_policy(cells: Cells) -> pd.Series:
    return _right_or_spelling(cells) | _right_without_accents(cells) | _not_judged(cells)


@_check(Rule.PAGE_NAME_SPELLING, "page-name")
def name_is_spelt_as_proposed(cells: Cells) -> pd.Series:
    """Any accepted form that Facebook can hold will do where the proposed name is too long for it."""
    proposed = right_page_name(cells)
    shorter = proposed.str.len().gt(LONGEST) & cells.value.str.len().le(LONGEST)
    return cells.value.eq(proposed) | shorter | ~_right_or_spelling(cells) | _not_judged(cells)


@_check(Rule.PAGE_NAME_TOO_LONG, "page-name")
def name_fits_a_page(cells: Cells) -> pd.Series:
    return cells.value.str.len().le(LONGEST) | ~_right_or_spelling(cells) | _not_judged(cells)


@_suggests(
    Rule.PAGE_NAME_MISSING,
    Rule.PAGE_NAME_OTHER_UNIT,
    Rule.PAGE_NAME_ACCENTS,
    Rule.PAGE_NAME_PATTERN,
    Rule.PAGE_NAME_SPELLING,
)
def right_page_name(cells: Cells) -> pd.Series:
    """Return the name that the policy proposes, "" where the row is not judged by its unit."""
    return cells.code.map(cells.table.names.proposed).fillna("").astype(str)


def _not_judged(cells: Cells) -> pd.Series:
    return cells.blank | right_page_name(cells).eq("")


def _right_or_spelling(cells: Cells) -> pd.Series:
    return _one_of(cells, cells.table.names.spellings, name_key)


def _right_without_accents(cells: Cells) -> pd.Series:
    return _one_of(cells, cells.table.names.unaccented, lambda text: without_accents(name_key(text)))


def _one_of(cells: Cells, accepted: dict[str, frozenset[str]], key: Callable[[str], str]) -> pd.Series:
    nothing: frozenset[str] = frozenset()
    keys = cells.of(key)
    hits = [k in accepted.get(code, nothing) for k, code in zip(keys, cells.code, strict=True)]
    return pd.Series(hits, index=cells.value.index, dtype=bool)


# --- links


@_check(Rule.LINK_MISSING, "link")
def named_page_has_a_link(cells: Cells) -> pd.Series:
    return ~(cells.blank & cells.sibling("page-name"))


def _link_fault(cells: Cells) -> pd.Series:
    return cells.of_typed(lambda text: link.parse(text).fault).where(~cells.blank, "")


@_check(Rule.LINK_INVALID, "link")
def link_is_a_legal_web_address(cells: Cells) -> pd.Series:
    return _link_fault(cells).ne("invalid")


@_check(Rule.LINK_NOT_FACEBOOK, "link")
def link_is_on_facebook(cells: Cells) -> pd.Series:
    return _link_fault(cells).ne("not-facebook")


@_check(Rule.LINK_NOT_PAGE, "link")
def link_is_a_page(cells: Cells) -> pd.Series:
    return _link_fault(cells).ne("not-page")


@_check(Rule.LINK_SHORT, "link")
def link_is_written_out(cells: Cells) -> pd.Series:
    return _link_fault(cells).ne("short")


@_check(Rule.LINK_DUPLICATE, "link")
def page_is_claimed_by_one_unit(cells: Cells) -> pd.Series:
    identity = cells.of_typed(lambda text: link.parse(text).identity).where(cells.table.units["claims"], "")
    claims = pd.DataFrame({"page": identity, "code": cells.code})
    claims = claims[claims["page"].ne("") & claims["code"].ne("")]
    claimants = claims.groupby("page")["code"].nunique()
    return ~identity.isin(claimants.index[claimants > 1])


@_check(Rule.LINK_PROFILE_ID, "link")
def link_is_no_bare_id(cells: Cells) -> pd.Series:
    return _link_fault(cells).ne("profile-id")


@_suggests(Rule.LINK_INVALID, Rule.LINK_NOT_PAGE)
def page_behind_the_link(cells: Cells) -> pd.Series:
    """Return the page that was probably meant, "" where nothing can be told."""
    return cells.of_typed(lambda text: link.parse(text).page)


# --- persons


@_check(Rule.CONTACT_MISSING, "name")
def person_asked_for_is_named(cells: Cells) -> pd.Series:
    return ~cells.table.asked_for[cells.column.group]


@_check(Rule.NAME_MISSING, "name")
def contact_has_a_name(cells: Cells) -> pd.Series:
    return ~(cells.blank & cells.person_filled)


@_check(Rule.NAME_INVALID, "name")
def name_is_of_a_person(cells: Cells) -> pd.Series:
    return cells.blank | cells.of(name.is_name)


@_check(Rule.CONTACT_SAME_PERSON, "name")
def second_person_is_another(cells: Cells) -> pd.Series:
    table, form = cells.table, cells.table.round.form
    others = [group.key for group in form.groups]
    others = others[: others.index(cells.column.group)]
    same = table.no_page & False
    for level in table.round.lists:
        required, _ = table.round.persons_asked(level)
        if cells.column.group not in required:
            continue
        for other in set(others) & set(required):
            pairs = [
                (c, o) for c in form.of_group(cells.column.group) for o in form.of_group(other) if c.kind == o.kind
            ]
            equal = {c.kind: _equal(table.rows[c.key], table.rows[o.key]) for c, o in pairs}
            same = same | (table.units["level"].eq(level) & equal["name"] & (equal["phone"] | equal["email"]))
    return ~same


def _equal(one: pd.Series, other: pd.Series) -> pd.Series:
    return one.ne("") & _each(one, name.same_person_key).eq(_each(other, name.same_person_key))


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
    """Return a legal address near the one typed, "" where there is none."""
    return cells.of(email.proposal)


def rules_of(kind: str) -> list[Rule]:
    """Return the rules that judge the cells of a kind, in order of precedence."""
    return sorted((rule for rule, _ in CHECKS.get(kind, [])), key=PRECEDENCE.__getitem__)


def schema_for(table: Table) -> pa.DataFrameSchema:
    """Return the schema of the round's form: a text column for each key, judged by the rules of its kind.

    Every check is named by its rule code. Columns are text with "" for blank; nothing is coerced.
    """

    def checks(column: Column) -> list[pa.Check]:
        rules = CHECKS["*"] + CHECKS.get(column.kind, [])
        return [
            pa.Check(lambda values, f=function: f(Cells(column, values, table)), name=rule.value, error=rule.value)
            for rule, function in rules
        ]

    return pa.DataFrameSchema({c.key: pa.Column(str, checks(c)) for c in table.round.form.columns}, strict=True)
