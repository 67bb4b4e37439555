"""One source of words: what messages, input hints, the guidance sheet and the rulebook say is said once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from building import ROUND, Book, right_rows
from conftest import Outcome, drop_and_run
from jinja2 import Environment, StrictUndefined, UndefinedError

from pipeline.render.filling import prefilled
from pipeline.render.workbook import Forms
from schemas.codes import Rule
from schemas.data import TEMPLATES, read_toml
from schemas.kinds import KINDS
from schemas.messages import how, messages, said_with
from schemas.round import list_rounds, load_round
from schemas.rulebook import PLACE, rulebook

WORDS = read_toml(TEMPLATES / "phieu-sua.toml")


def test_the_rulebook_is_that_of_the_words_in_force() -> None:
    assert PLACE.read_text(encoding="utf-8") == rulebook(), "make rulebook"


def test_every_kind_of_column_says_how_it_is_filled() -> None:
    assert set(KINDS) <= set(messages()["how"])
    for kind in KINDS:
        assert how(kind)[0].isupper() and how(kind).endswith(".")
    # Said once: no message and no hint repeats it in its own words.
    told = [words["message"] for words in messages()["rules"].values()]
    assert [said for said in messages()["how"].values() if any(said in message for message in told)] == []
    assert [kind for kind, hint in WORDS["hints"].items() if "message" in hint] == []


def _texts(words: object) -> Iterator[str]:
    for value in words.values() if isinstance(words, dict) else words if isinstance(words, list) else ():
        yield from _texts(value)
    if isinstance(words, str):
        yield words


@pytest.mark.parametrize("value", ["", "{{ 7*7 }}", 12, Decimal("1.5"), "<b>&\n"])
def test_a_sentence_of_names_alone_says_what_its_template_would(value: object) -> None:
    plain = [
        text
        for text in _texts([messages(), read_toml(TEMPLATES / "van-ban.toml")])
        if "{" in text and re.fullmatch(r"(?:[^{]|\{\{ \w+ \}\})*", text)
    ]
    assert len(plain) > 100
    for text in plain:
        facts = dict.fromkeys(re.findall(r"\w+(?= \}\})", text), value)
        assert said_with(text)(facts) == Environment(undefined=StrictUndefined).from_string(text).render(facts)


def test_a_sentence_without_its_facts_is_a_fault() -> None:
    for text in ("{{ name }}.", "{% if name %}{{ name }}{% endif %}."):
        with pytest.raises(UndefinedError, match="name"):
            said_with(text)({"other": 1})


@pytest.mark.parametrize("id", list_rounds())
def test_hints_and_guidance_of_a_form_are_what_its_messages_say(id: str, tmp_path: Path) -> None:
    round = load_round(id)
    code, unit = next(iter(round.submitting_units.items()))
    path = tmp_path / "form.xlsx"
    path.write_bytes(Forms(round, {}, ROUND.source.date).made(unit, prefilled(round, code, {}), 1))
    book = openpyxl.load_workbook(path)
    listed, guide = (book[WORDS[sheet]["name"]] for sheet in ("list", "guide"))
    hints = {rule.prompt for rule in listed.data_validations.dataValidation}
    guidance = {row[0].value: row[1].value for row in guide.iter_rows() if len(row) > 1}
    for column in round.form.columns:
        said = column.hint or how(column.kind)
        assert said in hints
        assert guidance[round.form.label(column.key)].startswith(said)
    assert all(len(hint) <= 255 for hint in hints)  # Excel shows no more


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    rows = right_rows("102")
    rows[1]["leader_phone"] = "0912"
    rows[2]["page_name"] = "Fanpage"
    rows[0]["page_name"] = "Fanpage"
    rows[3] |= dict.fromkeys(("leader_name", "leader_phone", "leader_email"), "")
    rows[4]["leader_email"] = "panh"
    rows[5]["unit"] = "X· Xu©n Lao"
    files = {"2022-04-02/102.xlsx": Book("102", rows[:-1]).bytes()}
    return drop_and_run(tmp_path_factory.mktemp("faulty"), files)


@pytest.mark.parametrize(
    ("rule", "clause"),
    [
        ("phone.invalid", ROUND.clauses["phone"]),
        ("page-name.pattern", ROUND.naming["commune"].clause),
        ("page-name.pattern", ROUND.naming["district"].clause),
        ("contact.missing", "Mục 2.4"),
        ("unit.missing", "Mục 3"),
        ("submission.late", ROUND.deadline.clause),
        ("submission.missing", ROUND.deadline.clause),
    ],
)
def test_a_message_quotes_the_clause_of_the_letter(faulty: Outcome, rule: str, clause: str) -> None:
    told = [finding["message"] for finding in faulty.of_rule(rule)]
    assert any(clause in message and "Công văn số 1031/MTTQ-BTT" in message for message in told)


def test_a_message_says_how_its_column_is_filled(faulty: Outcome) -> None:
    for rule, kind in (("phone.invalid", "phone"), ("email.invalid", "email")):
        (finding,) = faulty.of_rule(rule)
        assert messages()["how"][kind] in finding["message"]


def test_what_stands_on_a_decree_says_so_in_every_round() -> None:
    for id in list_rounds():
        assert "30/2020/NĐ-CP" in load_round(id).clause(Rule.CELL_LEGACY_FONT)
        assert "6909:2001" in load_round(id).clause(Rule.CELL_LEGACY_FONT)
    assert ROUND.clause(Rule.SUBMISSION_UNKNOWN_UNIT) == ""
