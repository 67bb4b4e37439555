"""One corpus file a rule: what breaks it, and the near misses that do not. Unexpected findings fail too."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from building import FIGURES, FIGURES_FILE, NAMES, ROUND, Book, Row, figures_rows, plain_book, right_rows
from conftest import Run
from unidecode import unidecode

from schemas.codes import Rule
from schemas.messages import severity
from schemas.text import slug
from schemas.units import Unit

CORPUS = sorted((Path(__file__).parent / "rules").glob("*.toml"))
SENDERS = ("100", "099", "103")


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_rule(path: Path, run: Run) -> None:
    corpus = tomllib.loads(path.read_text(encoding="utf-8"))
    rule, column = path.stem, corpus["column"]
    examples = [(True, example) for example in corpus["breaks"]] + [(False, example) for example in corpus["fine"]]
    figures = corpus.get("form") == "figures"
    books = {sender: figures_rows(sender) if figures else right_rows(sender) for sender in SENDERS}
    expected: set[tuple[str, str, str]] = set()
    values: dict[str, str] = {}
    suggestions: dict[str, str] = {}
    placed = list(zip(examples, _communes(), strict=False))
    assert len(placed) == len(examples)
    for (breaks, example), (sender, number, unit) in placed:
        facts = _facts(unit)
        texts = {key: _fill(text, facts) for key, text in example.items() if key in books[sender][number]}
        books[sender][number] |= texts
        also = example.get("also", [])
        expected |= {(unit.code, column, code) for code in ([rule] if breaks else []) + also if code == rule}
        expected |= {(unit.code, code.split(".")[0], code) for code in also if code != rule}
        if "becomes" in example:
            values[unit.code] = _fill(example["becomes"], facts)
        if breaks and ("suggests" in example or "suggests" in corpus):
            suggestions[unit.code] = _fill(example.get("suggests", corpus.get("suggests", "")), facts)

    def written(sender: str) -> bytes:
        return plain_book(FIGURES, books[sender]) if figures else Book(sender, books[sender]).bytes()

    files = {f"2022-03-20/{sender}.xlsx": written(sender) for sender in SENDERS}
    outcome = run(files, round=str(FIGURES_FILE) if figures else ROUND.id)

    wanted = ["error", "warning"] if severity(rule) != "note" else ["error", "warning", "note"]
    told = [f for f in outcome.findings if f["severity"] in wanted and f["rule"] != "submission.missing"]
    found = {(f["unit_code"], f["column"] if f["rule"] == rule else f["rule"].split(".")[0], f["rule"]) for f in told}
    assert found == expected
    assert len(told) == len(expected)
    assert {f["unit_code"]: f["suggestion"] for f in told if f["unit_code"] in suggestions} == suggestions
    assert {code: outcome.rows[code][column] for code in values} == values
    assert severity(rule) == corpus.get("severity", "error")


def test_every_rule_is_tested() -> None:
    tested = {path.stem for path in CORPUS}
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    later = {Rule.UNIT_FORMER}  # needs a round with an older register
    assert [rule for rule in Rule if rule not in tested and f'"{rule}"' not in text and rule not in later] == []


def _communes() -> Iterator[tuple[str, int, Unit]]:
    for sender in SENDERS:
        for number, unit in enumerate(ROUND.expected[sender]):
            if unit.level == "commune":
                yield sender, number, unit


def _facts(unit: Unit) -> dict[str, str]:
    siblings = ROUND.register.children(unit.parent)
    neighbour = siblings[(siblings.index(unit) + 1) % len(siblings)]
    right, district = NAMES[unit.code], ROUND.register.units[unit.parent]
    return {
        "right": right,
        "plain": unidecode(right),
        "upper": right.upper(),
        "nfd": unicodedata.normalize("NFD", right),
        "next": NAMES[neighbour.code],
        "name": unit.name,
        "full": f"{unit.type} {unit.name}",
        "district": f"{district.type} {district.name}",
        "slug": "mattran." + slug(unit.name).replace("-", ""),
        "code": unit.code,
    }


def _fill(text: Any, facts: dict[str, str]) -> Any:
    return text.format(**facts) if isinstance(text, str) else text


def test_rows_are_built_right(run: Run) -> None:
    rows: dict[str, list[Row]] = {sender: right_rows(sender) for sender in ROUND.submitting_units}
    outcome = run({f"2022-03-20/{sender}.xlsx": Book(sender, own).bytes() for sender, own in rows.items()})
    assert outcome.findings == []
    assert {row["status"] for row in outcome.rows.values()} == {"complete"}
    assert all(unit["status"] == "accepted" for unit in outcome.summary["units"])


def test_a_district_needs_two_different_persons(run: Run) -> None:
    rows = right_rows("100")
    for part in ("name", "phone", "email"):
        rows[0][f"manager_{part}"] = rows[0][f"leader_{part}"]
        rows[1][f"manager_{part}"] = rows[1][f"leader_{part}"]
    book = Book("100", rows)
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", book.at(0, "manager_name")[1], "contact.same-person")]
    namesakes = right_rows("100")
    namesakes[0]["manager_name"] = namesakes[0]["leader_name"]
    assert run({"2022-03-21/b.xlsx": Book("100", namesakes).bytes()}).told() == []
    alone = right_rows("100")
    alone[0] |= {"manager_name": "", "manager_phone": "", "manager_email": ""}
    book = Book("100", alone)
    outcome = run({"2022-03-22/c.xlsx": book.bytes()})
    assert outcome.told() == [("2022-03-22/c.xlsx", book.at(0, "manager_name")[1], "contact.missing")]
    assert outcome.unit("100")["staffed"] == outcome.unit("100")["expected"] - 1


def test_two_persons_differ_in_more_than_accents_and_are_reached_apart(run: Run) -> None:
    others = {
        "099": ("Lo Van Panh", "phone"),
        "101": ("Giàng Thị Dua", "phone"),
        "102": ("Giàng Thị Dua", "phone email"),
    }
    files = {}
    for sender, (name, shared) in others.items():
        rows = right_rows(sender)
        rows[0] |= {"manager_name": name, **{f"manager_{part}": rows[0][f"leader_{part}"] for part in shared.split()}}
        files[f"2022-03-20/{sender}.xlsx"] = Book(sender, rows).bytes()
    outcome = run(files)
    assert {f["submitter_code"] for f in outcome.of_rule("contact.same-person")} == {"099", "102"}


def test_what_was_swapped_with_its_neighbour_is_proposed(run: Run) -> None:
    rows = right_rows("100")
    for one, other in (("leader_phone", "leader_email"), ("page_name", "page_link")):
        rows[3][one], rows[3][other] = rows[3][other], rows[3][one]
    rows[4]["leader_phone"] = "lo@gmail.com"
    outcome = run({"2022-03-20/a.xlsx": Book("100", rows).bytes()})
    told = {(f["row"], f["column"]): f["suggestion"] for f in outcome.findings if f["severity"] == "error" and f["row"]}
    first = min(told)[0]
    right = right_rows("100")[3]
    swapped = ("page_name", "page_link", "leader_phone", "leader_email")
    assert {key: told[key] for key in told if key[0] == first} == {(first, key): right[key] for key in swapped}
    assert [told[key] for key in told if key[0] != first] == [""]  # the address below is right where it stands
