"""The rules: the checks that judge cells, each of a code of `codes.py`.

A check is a named function from the cells of one column to a mask that is True where the cell is in order.
It holds no severity and no words: these are looked up by code (`messages.toml`). In one cell the first
failing rule in the order of `Rule` counts, so that one cause gives one finding.

Source of the rules: the letter's form and clauses as the round files quote them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from typing import Any

import pandas as pd

from schemas.cells import Cell, Cells, concerned
from schemas.codes import PRECEDENCE, Rule
from schemas.form import CONTACT, Bound, Column, Form
from schemas.kinds import choice, date, email, latest, link, name, number, phone, shown, yes_no
from schemas.messages import line
from schemas.naming import LONGEST
from schemas.same_person import repeated, same_names
from schemas.text import few

Check = Callable[[Cells], pd.Series]
Explain = Callable[[Cell], dict[str, Any]]
CHECKS: dict[str, list[tuple[Rule, Check]]] = {}
SUGGESTIONS: dict[Rule, Callable[[Cells], pd.Series]] = {}
FACTS: dict[Rule, Explain] = {}
"""What the sentence of a rule says besides unit, value and suggestion, from the cell that breaks it."""
LOOKED_AT = 100  # claimants of one page, for the names of a few


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
    right = cells.bear(cells.table.names.right, str)
    return right | shorter | ~cells.right_or_spelling | _not_judged(cells)


@_check(Rule.PAGE_NAME_TOO_LONG, "page-name")
def name_fits_a_page(cells: Cells) -> pd.Series:
    return cells.value.str.len().le(LONGEST) | ~cells.right_or_spelling | _not_judged(cells)


@_explains(Rule.PAGE_NAME_OTHER_UNIT)
def whose_name_it_is(cell: Cell) -> dict[str, str]:
    """Name the units whose page is called so."""
    table = cell.table
    owners = (table.round.register.units[code] for code in table.names.owners[cell.value])
    return {"other": ", ".join(owner.full_name for owner in owners)}


@_explains(Rule.PAGE_NAME_TOO_LONG)
def how_long_it_is(cell: Cell) -> dict[str, int]:
    """Tell the length, and the longest that a page's name can have."""
    return {"limit": LONGEST, "size": len(cell.value)}


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


@_explains(Rule.LINK_DUPLICATE)
def who_else_claims_the_page(cell: Cell) -> dict[str, str]:
    """Name the other claimants to their common sender only: no sender learns of another's units.

    The owner of a page that no unit may claim is named to everybody.
    """
    round, page = cell.table.round, link.parse(cell.typed).identity
    claimants = cell.table.claimants[page]
    own = (code for id, code in claimants[cell.submitter].items() if id != cell.id)
    units = [round.register.units[code] for code in dict.fromkeys(islice(own, LOOKED_AT))]
    names = few(line("words", "other_unit_same_sender", unit=unit.full_name) for unit in units)
    elsewhere = [line("words", "other_unit_elsewhere")] if len(claimants) > 1 else []
    return {"other": ", ".join([*filter(None, [round.taken_pages.get(page)]), *names, *elsewhere])}


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


@_explains(Rule.CONTACT_MISSING)
def who_is_asked_for(cell: Cell) -> dict[str, str]:
    """Name the person, and tell one that is asked for from any of several."""
    round = cell.table.round
    required, _ = round.persons_asked(cell.level)
    asked = line("words", "asked_both" if required else "asked_one")
    return {"group": round.form.group(cell.column.group).header, "asked": asked}


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
            named = at_level & same_names(table.rows[here["name"]], table.rows[there["name"]])
            kinds = [kind for kind in here if kind in there and kind != "name"]
            pairs = {kind: (table.rows[here[kind]], table.rows[there[kind]]) for kind in kinds}
            shared = pd.DataFrame({kind: one.ne("") & one.eq(two) for kind, (one, two) in pairs.items()}, named.index)
            same |= named & (shared.any(axis=1) | (not kinds))
            same |= at_level & shared.all(axis=1) & (len(kinds) > 1)
    return ~same


@_explains(Rule.CONTACT_SAME_PERSON)
def whether_in_two_rows(cell: Cell) -> dict[str, str]:
    """Tell a person that has two rows from one who has two duties in one."""
    return {"twice": cell.value} if cell.table.round.form.rows == "persons" else {}


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
def why_none_counts(cell: Cell) -> dict[str, str]:
    """Tell a text of which nobody knows which number or address is in use from one that is none."""
    return {"reason": "former" if latest.tells(cell.value) else ""}


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
def choices_there_are(cell: Cell) -> dict[str, str]:
    """Name the choices."""
    return {"choices": "; ".join(choice.value for choice in cell.column.choices)}


@_check(Rule.DATE_INVALID, "date")
def value_is_a_day_in_its_bounds(cells: Cells) -> pd.Series:
    return cells.blank | cells.of(lambda value: date.is_day(value) and not _out_of_bounds(cells.column, value))


@_suggests(Rule.DATE_INVALID)
def likely_day(cells: Cells) -> pd.Series:
    """Return the day that a text with the month first probably means."""
    return cells.each(date.proposal)


@_explains(Rule.DATE_INVALID)
def why_no_day(cell: Cell) -> dict[str, str]:
    """Tell a text that is no day from a day out of bounds."""
    return _why(cell.column, cell.value, "" if date.is_day(cell.value) else "form")


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
def why_no_number(cell: Cell) -> dict[str, str]:
    """Tell a text that is no number from a number out of bounds or with a fraction."""
    if not number.is_number(cell.value):
        return _why(cell.column, cell.value, "form")
    return _why(cell.column, cell.value, "" if _is_whole_enough(cell.column, cell.value) else "whole")


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
