"""Which unit a row lists and which unit sent the file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import combinations

import pytest
from building import KEYS, ROUND, Book, Layout, Row, plain_book, right_row, right_rows, workbook_of
from conftest import Run
from unidecode import unidecode

from pipeline.gazetteer import BARE, UNACCENTED, Gazetteer
from schemas.round import load_round
from schemas.text import search_key, spelling_key
from schemas.units import Unit, load_register

DISTRICT = "100"  # Huyện Điện Biên: its name begins those of two other districts


def _with_unit(number: int, text: str, sender: str = DISTRICT) -> list[Row]:
    rows = right_rows(sender)
    rows[number]["unit"] = text
    return rows


@pytest.mark.parametrize(
    "text",
    [
        "xã mường pồn", "XÃ MƯỜNG PỒN", "X. Mường Pồn", "Mường Pồn", "UBMTTQ xã Mường Pồn", "1. Xã Mường Pồn",
        "Mặt trận Tổ quốc Việt Nam xã Mường Pồn", "BTT UBMTTQVN xã Mường Pồn", "xã Mường Pồn, huyện Điện Biên",
        "Xã  Mường\u00a0Pồn ", "Xã Mu\u031bo\u031b\u0300ng Pồn",
    ],
)  # fmt: skip
def test_a_unit_written_another_way_is_recognised_in_silence(run: Run, text: str) -> None:
    outcome = run({"2022-03-20/a.xlsx": Book(DISTRICT, _with_unit(1, text)).bytes()})
    assert outcome.told() == []
    assert outcome.rows[_code("Mường Pồn")]["unit"] == "Xã Mường Pồn"


def _code(name: str) -> str:
    return next(u.code for u in ROUND.expected[DISTRICT] if u.name == name)


@pytest.mark.parametrize(
    ("text", "rule"),
    [("", "unit.unknown"), ("-", "unit.unknown"), ("#REF!", "cell.error-value"), ('=B9&"x"', "cell.no-value")],
)
def test_a_row_without_its_units_name_is_told_once_with_the_unit_of_its_page_name(
    run: Run, text: str, rule: str
) -> None:
    book = Book(DISTRICT, _with_unit(3, text))
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", book.at(3, "unit")[1], rule)]
    meant = right_rows(DISTRICT)[3]["unit"]
    assert outcome.of_rule(rule)[0]["suggestion"] == meant
    assert f"Có phải là “{meant}”?" in outcome.of_rule(rule)[0]["message"]


def test_a_row_without_its_units_name_is_not_taken_for_a_unit_that_stands_elsewhere(run: Run) -> None:
    rows = _with_unit(3, "")
    rows[3]["page_name"] = rows[4]["page_name"]
    book = Book(DISTRICT, rows)
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert [rule for _, _, rule in outcome.told()] == ["unit.missing", "unit.unknown"]
    assert outcome.of_rule("unit.unknown")[0]["suggestion"] == ""


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "Huyện"), (0, "Ủy ban MTTQ Việt Nam huyện"), (0, "UBMTTQ huyen"), (1, "MTTQ thị trấn"), (1, "2. UBMTTQ TT"),
    ],
)  # fmt: skip
def test_the_only_unit_of_its_kind_needs_no_name(run: Run, number: int, text: str) -> None:
    unit = ROUND.expected["102"][number]
    book = Book("102", _with_unit(number, text, "102"), Layout(sections="none"))
    outcome = run({"2022-03-20/102.xlsx": book.bytes()})
    assert outcome.told() == []
    assert outcome.rows[unit.code]["status"] == "complete"


def test_a_kind_of_which_there_are_several_or_none_or_a_heading_names_no_unit(run: Run) -> None:
    rows = _with_unit(2, "UBMTTQ xã", "102")
    rows[0]["unit"] = "MTTQ thị xã"
    book = Book("102", [*rows, dict.fromkeys(rows[0], "") | {"unit": "Thị trấn"}], Layout(sections="none"))
    outcome = run({"2022-03-20/102.xlsx": book.bytes()})
    unknown = [("2022-03-20/102.xlsx", book.at(number, "unit")[1], "unit.unknown") for number in (0, 2, len(rows))]
    assert outcome.told() == sorted(unknown)  # whose pages they bear is proposed: these are not missing as well
    proposed = {found["cell"]: found["suggestion"] for found in outcome.of_rule("unit.unknown")}
    assert [proposed[cell] for _, cell, _ in unknown] == [
        *(ROUND.expected["102"][number].full_name for number in (0, 2)), "",
    ]  # fmt: skip


def test_accents_missing_is_a_warning_with_the_right_name(run: Run) -> None:
    book = Book(DISTRICT, _with_unit(1, "Xa Muong Pon"))
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", book.at(1, "unit")[1], "unit.spelling")]
    assert outcome.of_rule("unit.spelling")[0]["suggestion"] == "Xã Mường Pồn"
    assert outcome.rows[_code("Mường Pồn")]["status"] == "complete"


def test_a_misspelt_unit_is_unknown_and_not_missing_as_well(run: Run) -> None:
    book = Book(DISTRICT, _with_unit(1, "Xã Mường Pần"))
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", book.at(1, "unit")[1], "unit.unknown")]
    assert outcome.of_rule("unit.unknown")[0]["suggestion"] == "Xã Mường Pồn"
    assert outcome.rows[_code("Mường Pồn")]["status"] == "not-listed"


def test_a_row_of_an_unknown_unit_is_not_judged_by_its_unit_but_by_its_cells(run: Run) -> None:
    stranger = right_row(ROUND.expected["099"][3]) | {
        "unit": "Xã Hoa Ban",
        "leader_phone": "0912xxxxxx",
        "page_name": "Trang X",
    }
    book = Book(DISTRICT, [*right_rows(DISTRICT), stranger])
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    file, last = "2022-03-20/a.xlsx", len(ROUND.expected[DISTRICT])
    assert outcome.told() == sorted(
        [(file, book.at(last, "unit")[1], "unit.unknown"), (file, book.at(last, "leader_phone")[1], "phone.masked")]
    )


def test_a_unit_of_another_district(run: Run) -> None:
    book = Book(DISTRICT, [*right_rows(DISTRICT), right_row(ROUND.expected["099"][3])])
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert [place[2] for place in outcome.told()] == ["unit.wrong-parent"]
    assert outcome.rows[ROUND.expected["099"][3].code]["status"] == "not-listed"


def test_a_slip_that_reads_as_a_unit_of_another_district(run: Run) -> None:
    """What the page says, an accent and a letter decide what is proposed; no clerk is told to leave out a right row."""
    round = load_round("quang-nam-2021")
    files: dict[str, bytes] = {}
    told: list[tuple[str, str, str]] = []

    def sent(sender: str, *slips: tuple[str, str, str], whole: str = "{0.full_name}") -> None:
        """A list with slips: the name of the unit that is meant, what is typed, the page ("" for the right one)."""
        rows = [
            right_row(unit) | {"unit": whole.format(unit), "page_name": round.right_names.proposed[unit.code]}
            for unit in round.expected[sender]
        ]
        for name, typed, page in slips:
            (row,) = (r for r, unit in zip(rows, round.expected[sender], strict=True) if unit.full_name == name)
            row |= {"unit": typed} | ({"page_name": page} if page else {})
        files[f"2021-12-01/{sender}.xlsx"] = plain_book(round, rows)

    sent("517", ("Xã Tam Thạnh", "Tam Thanh", ""))
    told.append(("517", "unit.spelling", "Xã Tam Thạnh"))
    sent("518", ("Xã Tam Thành", "Tam Thanh", "Trang X"))
    told.append(("518", "unit.wrong-parent", "Xã Tam Thành"))
    sent("515", ("Xã Trà Đông", "Xã Trà Đôn", "Trang X"))
    told.append(("515", "unit.wrong-parent", "Xã Trà Đông"))
    sent("516", ("Xã Trà Dơn", "Xã Trà Don", ""))
    told.append(("516", "unit.spelling", "Xã Trà Dơn"))
    sent("513", ("Xã Bình Phục", "Xã Bình Phú", ""))
    told.append(("513", "unit.unknown", "Xã Bình Phục"))
    sent("502", ("Phường Tân Thạnh", "Pường Tân Thạnh", "Trang X"))
    told.append(("502", "unit.unknown", "Phường Tân Thạnh"))
    # Of the same name, and nothing tells: one unit is listed twice, the other is not.
    sent("512", ("Xã Quế Lưu", "Xã Quế Thọ", "Trang X"))
    told += [("512", "unit.duplicate", "")] * 2 + [("512", "unit.missing", "")]
    # Of another district, and like none of its own.
    sent("514", ("Xã Tiên Lập", "Xã Tam Ngọc", "Trang X"))
    told += [("514", "unit.wrong-parent", ""), ("514", "unit.missing", "")]
    # Nothing like its name, but its page is right.
    sent("509", ("Xã Quế Phú", "XãQuếPhú", ""))
    told.append(("509", "unit.unknown", "Xã Quế Phú"))
    # Code and name in one cell: the code decides, and the name must agree.
    sent("508", ("Xã Duy Thu", "20611 - Xã Duy Thu", "Trang X"), whole="{0.code} - {0.full_name}")
    told.append(("508", "unit.unknown", "Xã Duy Thu"))
    outcome = run(files, round=round.id, as_of="2021-12-10")
    found = [f for f in outcome.findings if f["rule"].startswith("unit.")]
    assert sorted((f["submitter_code"], f["rule"], f["suggestion"]) for f in found) == sorted(told)
    assert [
        f["submitter_code"] for f in found if "xóa nội dung các ô" in f["message"] and f["rule"] == "unit.wrong-parent"
    ] == ["514"]
    assert not [f for f in outcome.findings if f["submitter_code"] in ("517", "516") and f not in found]


def test_a_unit_listed_twice_is_told_at_every_row_and_the_first_counts(run: Run) -> None:
    rows = right_rows(DISTRICT)
    book = Book(DISTRICT, [*rows, rows[2] | {"leader_name": "Mùa A Vàng"}])
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    file = "2022-03-20/a.xlsx"
    assert outcome.told() == sorted((file, book.at(n, "unit")[1], "unit.duplicate") for n in (2, len(rows)))
    row = outcome.rows[ROUND.expected[DISTRICT][2].code]
    assert (row["leader_name"], row["status"]) == ("Lò Văn Pánh", "to-correct")


def test_a_file_that_names_no_unit_counts_until_a_better_one_comes(run: Run) -> None:
    nameless = [{**row, "unit": f"Đơn vị {number}"} for number, row in enumerate(right_rows(DISTRICT))]
    title = Layout(titles=("UBMTTQ HUYỆN ĐIỆN BIÊN",))
    first = run({"2022-03-20/a.xlsx": Book(DISTRICT, nameless, title).bytes()})
    assert len(first.of_rule("unit.unknown")) == len(nameless)
    second = run({"2022-03-21/b.xlsx": Book(DISTRICT).bytes()})
    assert second.unit(DISTRICT)["status"] == "accepted"
    assert [f["file"] for f in second.of_rule("file.superseded")] == ["2022-03-20/a.xlsx"]


def test_of_a_hundred_rows_of_one_unit_a_few_are_named_and_every_one_is_told(run: Run) -> None:
    rows = right_rows(DISTRICT)
    outcome = run({"2022-03-20/a.xlsx": Book(DISTRICT, [*rows, *[rows[2]] * 100]).bytes()})
    told = outcome.of_rule("unit.duplicate")
    assert len(told) == 101
    assert all(len(re.findall(r"\d+", finding["message"])) <= 21 and "…" in finding["message"] for finding in told)


def test_a_unit_not_listed(run: Run) -> None:
    rows = right_rows(DISTRICT)
    gone = ROUND.expected[DISTRICT][4].code
    outcome = run({"2022-03-20/a.xlsx": Book(DISTRICT, rows[:4] + rows[5:]).bytes()})
    assert [(f["rule"], f["unit_code"], f["cell"]) for f in outcome.findings if f["submitter_code"] == DISTRICT] == [
        ("unit.missing", gone, "")
    ]
    assert outcome.rows[gone]["status"] == "not-listed"
    assert outcome.unit(DISTRICT)["listed"] == outcome.unit(DISTRICT)["expected"] - 1


def test_a_list_without_a_column_of_units_is_told_once(run: Run) -> None:
    rows = right_rows(DISTRICT)
    layout = Layout(titles=("UBMTTQ HUYỆN ĐIỆN BIÊN",), columns=KEYS[1:], sections="none")
    heading = dict.fromkeys(KEYS, "") | {"page_name": rows[0]["unit"].upper()}  # above the pages of other units
    for number, given in enumerate([rows, [heading, *rows[1:]]]):
        outcome = run({f"2022-03-1{number}/a{number}.xlsx": Book(DISTRICT, given, layout).bytes()})
        told = {(f["file"], f["rule"], f["column"]) for f in outcome.findings if f["submitter_code"] == DISTRICT}
        assert told == {(f"2022-03-1{n}/a{n}.xlsx", "form.missing-column", "unit") for n in range(number + 1)}
    assert outcome.unit(DISTRICT)["status"] == "to-correct"
    most = run({"2022-03-20/b.xlsx": Book(DISTRICT, rows[:-1]).bytes()})
    assert [found["unit_code"] for found in most.of_rule("unit.missing")] == [ROUND.expected[DISTRICT][-1].code]


def test_a_row_without_its_unit_is_told_where_others_have_one(run: Run) -> None:
    book = Book(DISTRICT, _with_unit(1, ""))
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    file = "2022-03-20/a.xlsx"
    assert outcome.told() == [(file, book.at(1, "unit")[1], "unit.unknown")]


def test_a_town_named_as_its_district_is_told_by_its_section_or_by_its_page(run: Run) -> None:
    rows = right_rows("097")
    rows[0]["unit"] = rows[1]["unit"] = "Mường Chà"
    with_sections = run({"2022-03-20/a.xlsx": Book("097", rows).bytes()})
    assert with_sections.told() == []
    by_page = run({"2022-03-20/a.xlsx": Book("097", rows, Layout(sections="none")).bytes()})
    assert by_page.told() == []
    rows[0]["page_name"] = rows[1]["page_name"] = "Mặt trận Mường Chà"
    book = Book("097", rows, Layout(sections="none"))
    without = run({"2022-03-20/a.xlsx": book.bytes()})
    assert {f["rule"] for f in without.of_rule("unit.ambiguous")} == {"unit.ambiguous"}
    assert {f["cell"] for f in without.of_rule("unit.ambiguous")} == {book.at(0, "unit")[1], book.at(1, "unit")[1]}


def test_a_commune_without_a_page_is_no_error(run: Run) -> None:
    rows = right_rows(DISTRICT)
    blank = dict.fromkeys(rows[1], "")
    rows[1] = blank | {"unit": rows[1]["unit"]}
    rows[2] = blank | {"unit": rows[2]["unit"], "page_name": "Chưa có", "leader_phone": "0912xxxxxx"}
    book = Book(DISTRICT, rows)
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", book.at(2, "leader_phone")[1], "phone.masked")]
    statuses = [outcome.rows[unit.code]["status"] for unit in ROUND.expected[DISTRICT][1:3]]
    assert statuses == ["no-page", "to-correct"]


# --- who sent it

BARE_LAYOUT = Layout(titles=("DANH SÁCH",), sections="data")


@pytest.mark.parametrize(
    ("name", "rows", "layout", "sender"),
    [
        ("a.xlsx", right_rows("101"), BARE_LAYOUT, "101"),
        ("a.xlsx", right_rows("100"), Layout(titles=("ỦY BAN MTTQ VIỆT NAM", "HUYỆN ĐIỆN BIÊN")), "100"),
        ("a.xlsx", right_rows("100")[:1], Layout(titles=("UBMTTQ TỈNH ĐIỆN BIÊN",), sections="none"), "100"),
        ("DS huyện Điện Biên Đông.xlsx", right_rows("101")[:1], BARE_LAYOUT, "101"),
        ("tp dien bien phu.xlsx", right_rows("094")[:1], BARE_LAYOUT, "094"),
        ("099-x.xlsx", right_rows("099")[:1], BARE_LAYOUT, "099"),
        ("099 Tuan Giao/x.xlsx", right_rows("099")[:1], BARE_LAYOUT, "099"),
    ],
)
def test_the_sender_is_told(run: Run, name: str, rows: list[Row], layout: Layout, sender: str) -> None:
    outcome = run({f"2022-03-20/{name}": Book(sender, rows, layout).bytes()})
    assert [unit["code"] for unit in outcome.summary["units"] if unit["status"] != "missing"] == [sender]
    assert outcome.rows[sender]["status"] == "complete"


def test_the_place_of_signature_is_not_the_sender(run: Run) -> None:
    layout = Layout(titles=("DANH SÁCH", "Điện Biên Phủ, ngày 20 tháng 3 năm 2022"), sections="none")
    outcome = run({"2022-03-20/a.xlsx": Book("100", right_rows("100"), layout).bytes()})
    assert outcome.unit("100")["status"] == "accepted"


@pytest.mark.parametrize(
    ("rows", "titles", "named"),
    [
        (right_rows("101")[:1], ("DANH SÁCH",), []),
        (right_rows("099")[1:], ("HUYỆN NẬM PỒ",), ["Huyện Tuần Giáo", "Huyện Nậm Pồ"]),
        (right_rows("099")[1:2], ("HUYỆN NẬM PỒ",), ["Huyện Tuần Giáo", "Huyện Nậm Pồ"]),
    ],
)
def test_when_two_answers_remain_a_finding_names_them(
    run: Run, rows: list[Row], titles: tuple[str, ...], named: list[str]
) -> None:
    layout = Layout(titles=titles, sections="data" if rows[0]["unit"].startswith("Huyện") else "none")
    outcome = run({"2022-03-20/a.xlsx": Book("101", rows, layout).bytes()})
    assert outcome.told() == [("2022-03-20/a.xlsx", "", "submission.unknown-unit")]
    assert all(name in outcome.of_rule("submission.unknown-unit")[0]["message"] for name in named)
    assert all(row["status"] == "not-listed" for row in outcome.rows.values())


@pytest.mark.parametrize(
    ("name", "lines", "sender"),
    [
        ("a.xlsx", ["ỦY BAN MTTQ VIỆT NAM", "HUYỆN MƯỜNG ẢNG", "Kính gửi: Ủy ban MTTQ tỉnh Điện Biên"], "102"),
        ("DS huyện Điện Biên Đông.xlsx", ["BÁO CÁO"], "101"),
        ("099 a.xlsx", ["HUYỆN MƯỜNG ẢNG"], "099"),
        ("a.xlsx", ["HUYỆN MƯỜNG ẢNG", "Học tập kinh nghiệm của huyện Tuần Giáo"], ""),
        ("a.xlsx", ["BÁO CÁO", "Người lập: Lò Mường Ảng"], ""),
        ("a.xlsx", ["BÁO CÁO", "Huyện Mường Ảng, ngày 20 tháng 3 năm 2022"], ""),
    ],
)
def test_the_sender_of_a_file_without_a_table_is_the_one_unit_that_it_names(
    run: Run, name: str, lines: list[str], sender: str
) -> None:
    outcome = run({f"2022-03-20/{name}": workbook_of([[line] for line in lines])})
    assert [(f["rule"], f["submitter_code"]) for f in outcome.findings if f["file"]] == [("file.no-table", sender)]
    assert {unit["code"] for unit in outcome.summary["units"] if unit["status"] == "rejected"} == {sender} - {""}


def test_the_place_of_signature_is_no_row_either(run: Run) -> None:
    layout = Layout(below=[["", "Mường Ảng, ngày 20 tháng 3 năm 2022"], ["", "Tổng số trang: 11"]])
    assert run({"2022-03-20/a.xlsx": Book("102", layout=layout).bytes()}).told() == []


@pytest.mark.parametrize("text", ["UBND xã {name}", "Ban TT UBMTTQVN xã {name}", "3 - Xã {name}", "{code}"])
def test_office_words_numbers_and_codes_before_a_unit(run: Run, text: str) -> None:
    unit = ROUND.expected["102"][3]
    rows = right_rows("102")
    rows[3]["unit"] = text.format(name=unit.name, code=unit.code)
    assert run({"2022-03-20/a.xlsx": Book("102", rows).bytes()}).told() == []


# --- names that collide

REGISTER = load_register("2022")


def _colliding(key: Callable[[str], str]) -> list[tuple[Unit, Unit]]:
    """Pairs of communes of one district whose names are equal under a key."""
    return [
        (one, other)
        for district in REGISTER.units.values()
        if district.level == "district"
        for one, other in combinations(REGISTER.children(district.code), 2)
        if key(one.name) == key(other.name)
    ]


def test_the_collisions_of_the_register_are_never_guessed() -> None:
    same = _colliding(spelling_key)
    alike = [pair for pair in _colliding(search_key) if pair not in same]
    assert (len(same), len(alike)) == (20, 25)
    for one, other in [*same, *alike]:
        gazetteer = Gazetteer(REGISTER.children(one.parent))
        for unit in (one, other):
            assert gazetteer.find(unit.full_name)[1] == [unit]
            assert gazetteer.find(f"UBMTTQ {unit.type} {unit.name}".upper())[1] == [unit]
        sure, found = gazetteer.find(unidecode(one.name))
        assert set(found) >= {one, other} or sure <= BARE
    for one, other in same:
        assert set(Gazetteer(REGISTER.children(one.parent)).find(one.name)[1]) == {one, other}


def test_every_unit_of_the_register_is_found_by_its_own_name() -> None:
    for district in (unit for unit in REGISTER.units.values() if unit.level == "district"):
        gazetteer = Gazetteer(REGISTER.children(district.code))
        for unit in REGISTER.children(district.code):
            assert gazetteer.find(unit.full_name) == (1, [unit])
            assert all(sure > UNACCENTED or unit in found for sure, found in [gazetteer.find(unit.name)])


SHORT = {"xã": ["X.", "X"], "phường": ["P.", "P", "F."], "thị trấn": ["TT", "TT.", "T.T", "Thị Trấn"]}
OFFICES = ["UBMTTQ", "MTTQ", "UB MTTQ", "UBMTTQVN", "UB MTTQVN", "UBMT", "MTTQ VN", "Mặt trận", "MT", "BTT UBMTTQ"]


def _writings(unit: Unit, parent: Unit) -> list[str]:
    """How clerks write a unit with its level word, its accents, or both."""
    whole = unit.full_name
    glued = [f"P{unit.name}", f"F{unit.name}"] if unit.type == "phường" and unit.name.isdigit() else []
    return [
        whole, whole.upper(), whole.lower(), unicodedata.normalize("NFD", whole), f"1. {whole}", f"- {whole}",
        whole.replace("'", "\u2019"), _tone_moved(whole), re.sub(r"(?<=\b[hklmst])y\b", "i", whole), *glued,
        f"{whole}, {parent.full_name}", f"{whole} ({parent.full_name})",
        *(f"{s} {unit.name}" for s in SHORT[unit.type]), *(f"{office} {unit.name_in_text}" for office in OFFICES),
    ]  # fmt: skip


def _tone_moved(text: str) -> str:
    """Put the tone of an open oa, oe or uy on the other vowel."""
    return unicodedata.normalize(
        "NFC",
        re.sub(
            r"(?<!q)(?P<a>[ou])(?P<t>[\u0300\u0301\u0303\u0309\u0323])(?P<b>[aey])(?!\w)",
            r"\g<a>\g<b>\g<t>",
            unicodedata.normalize("NFD", text),
        ),
    )


def test_every_commune_of_the_register_is_recognised_however_it_is_written() -> None:
    for district in (unit for unit in REGISTER.units.values() if unit.level == "district"):
        communes = REGISTER.children(district.code)
        gazetteer = Gazetteer([district, *communes])
        for unit in communes:
            for text in _writings(unit, district):
                assert gazetteer.find(text)[1] == [unit], text


def test_bare_or_unaccented_a_commune_is_recognised_or_told_ambiguous() -> None:
    for district in (unit for unit in REGISTER.units.values() if unit.level == "district"):
        communes = REGISTER.children(district.code)
        gazetteer = Gazetteer(communes)
        names = {unit.name.casefold() for unit in communes}
        for unit in communes:
            for text in (unit.name, unit.name.upper(), unidecode(unit.name), unidecode(unit.full_name)):
                # What is letter by letter the name of a neighbour ("Nga Thanh" beside "Nga Thành") can only be that.
                assert unit in gazetteer.find(text)[1] or unidecode(unit.name).casefold() in names, text


def test_the_same_list_on_further_sheets_and_an_old_one_beside_the_new_count_once(run: Run) -> None:
    def file(sender: str, *sheets: tuple[str, list[Row]]) -> bytes:
        book = Book(sender, sheets[0][1], Layout(sections="none"))
        book.sheet.title = sheets[0][0]
        for name, rows in sheets[1:]:
            other = book.book.create_sheet(name)
            for texts in Book(sender, rows, Layout(sections="none")).sheet.iter_rows(values_only=True):
                other.append(texts)
        return book.bytes()

    senders = list(ROUND.expected)[:3]
    right = [right_rows(sender) for sender in senders]
    old = [row | {"page_link": f"https://www.facebook.com/danhsachcu.{number}"} for number, row in enumerate(right[1])]
    changed = [right[2][0], right[2][1] | {"leader_name": "Lò Thị Mới"}, *right[2][2:]]
    outcome = run(
        {
            "2022-03-20/copies.xlsx": file(senders[0], ("DS", right[0]), ("Bản in", right[0]), ("Gửi", right[0][:3])),
            "2022-03-20/old.xlsx": file(senders[1], ("Bản cũ", old), ("Bản mới", right[1][1:])),
            "2022-03-20/changed.xlsx": file(senders[2], ("DS", right[2]), ("DS (2)", changed)),
        }
    )
    copies = [(f["file"], f["sheet"]) for f in outcome.of_rule("file.duplicate")]
    assert sorted(copies) == [
        ("2022-03-20/changed.xlsx", "DS (2)"),
        ("2022-03-20/copies.xlsx", "Bản in"),
        ("2022-03-20/copies.xlsx", "Gửi"),
        ("2022-03-20/old.xlsx", "Bản cũ"),
    ]
    told = [(place[0], place[2]) for place in outcome.told()]
    assert told == [("2022-03-20/changed.xlsx", "unit.duplicate")] * 2  # what differs is not chosen
    for sender, rows, first in zip(senders[:2], right, (0, 1), strict=False):
        for row, unit in list(zip(rows, ROUND.expected[sender], strict=True))[first:]:
            assert outcome.rows[unit.code]["page_link"] == row["page_link"]
    assert outcome.rows[senders[1]]["page_link"] == old[0]["page_link"]  # only the old sheet lists it
