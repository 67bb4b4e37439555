"""The round of the whole country: a province lists its districts and communes, of which many share a name."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import openpyxl
import pytest
from building import OFFICIAL
from conftest import Outcome, drop_and_run

from pipeline.gather import Gathered, framed
from pipeline.model import Arrival, Sheet, Workbook
from pipeline.recognise import Recogniser
from pipeline.render.machine import write_machine_results
from pipeline.render.wording import worded
from pipeline.run import judge
from schemas.naming import policy_faults
from schemas.round import Round, load_round
from schemas.units import CENTRE, Unit, load_register

ROUND = load_round("toan-quoc-2022")
REGISTER = ROUND.register
RECOGNISER = Recogniser(ROUND)
# Provinces with many communes of one name, with numbers for names, or with a district of their own name.
HARD = ["40", "38", "01", "79", "19", "11"]

Cells = list[str]
Build = Callable[[str], list[Sheet]]

LABELS = [OFFICIAL["unit"], OFFICIAL["page_name"], OFFICIAL["page_link"]]
PEOPLE = [f"{OFFICIAL[part]} {OFFICIAL['leader'].lower()}" for part in ("name", "phone", "email")]
HEADER = ["TT", *LABELS, *PEOPLE]


def _title(province: str) -> list[Cells]:
    return [["PHỤ LỤC"], [f"ỦY BAN MTTQ VIỆT NAM {REGISTER.units[province].full_name.upper()}"], ["DANH SÁCH"]]


def _row(unit: Unit, name: str = "", page: str = "") -> Cells:
    """A row whose page tells which unit is meant, for the test alone: its name follows no policy."""
    code = unit.code
    return [
        name or unit.full_name, page or f"Trang {code}", f"https://www.facebook.com/mattran.{code}", "Lò Văn Pánh",
        f"0912{int(code):06d}", f"lo{code}@gmail.com",
    ]  # fmt: skip


def _numbered(units: list[Unit]) -> list[Cells]:
    return [[str(number), *_row(unit)] for number, unit in enumerate(units, start=1)]


def _districts(province: str) -> list[Unit]:
    return REGISTER.children(province)


def _tops(province: str, *, districts: bool = True) -> list[Cells]:
    rows = [["I", "Cấp tỉnh"], ["1", *_row(REGISTER.units[province])]]
    if districts:
        rows += [["II", "Cấp huyện"], *_numbered(_districts(province)), ["III", "Cấp xã"]]
    return rows


def _blocks(province: str) -> list[Sheet]:
    """Each district's own row above its communes."""
    rows = [*_title(province), HEADER, *_tops(province, districts=False), ["II", "Cấp huyện, cấp xã"]]
    for district in _districts(province):
        rows += [["", *_row(district)], *_numbered(REGISTER.children(district.code))]
    return [Sheet("Sheet1", False, rows)]


def _headings(province: str) -> list[Sheet]:
    """The districts first; then a heading above the communes of each."""
    rows = [*_title(province), HEADER, *_tops(province)]
    for number, district in enumerate(_districts(province), start=1):
        rows += [[f"{number}. {district.full_name.upper()}"], *_numbered(REGISTER.children(district.code))]
    return [Sheet("Sheet1", False, rows)]


def _named_rows(province: str) -> list[Sheet]:
    """The districts first; then a row with nothing but the district's name above the communes of each."""
    rows = [*_title(province), HEADER, *_tops(province)]
    for district in _districts(province):
        rows += [["", district.full_name], *_numbered(REGISTER.children(district.code))]
    return [Sheet("Sheet1", False, rows)]


def _column(province: str, *, header: str = "Huyện", merged: bool = False, text: str = "{0.full_name}") -> list[Sheet]:
    """A column beside the unit that says where it belongs, in every row or merged over them."""
    rows = [*_title(province), ["TT", header, *HEADER[1:]], ["", "", *_row(REGISTER.units[province])]]
    merges = []
    for district in _districts(province):
        units = [district, *REGISTER.children(district.code)]
        if merged:
            merges.append(((len(rows), 1), (len(rows) + len(units) - 1, 1)))
        for number, unit in enumerate(units):
            beside = "" if merged and number else text.format(district)
            rows.append([str(number + 1), beside, *_row(unit)])
    return [Sheet("DS", False, rows, merges)]


def _codes(province: str) -> list[Sheet]:
    """Official codes, of which Excel has dropped the zeros."""
    units = ROUND.expected[province]
    rows = [["", str(int(unit.code)), *_row(unit)] for unit in units]
    return [Sheet("DS", False, [*_title(province), ["TT", "Mã ĐVHC", *HEADER[1:]], *rows])]


def _in_the_cell(province: str) -> list[Sheet]:
    forms = ["{0}, {1}", "{0} ({1})", "{0} - {1}", "{0} {1}", "{1} - {0}"]
    rows = [["", *_row(unit)] for unit in [REGISTER.units[province], *_districts(province)]]
    for number, district in enumerate(_districts(province)):
        form = forms[number % len(forms)]
        for unit in REGISTER.children(district.code):
            rows.append(["", *_row(unit, form.format(unit.full_name, district.name_in_text))])
    return [Sheet("Sheet1", False, [*_title(province), HEADER, *rows])]


def _sheets(province: str) -> list[Sheet]:
    """A sheet a district; its own row is the section's."""
    sheets = [Sheet("Tỉnh", False, [*_title(province), HEADER, ["1", *_row(REGISTER.units[province])]])]
    for district in _districts(province):
        communes = _numbered(REGISTER.children(district.code))
        rows = [["I", *_row(district, "Cấp huyện")], ["II", "Cấp xã"], *communes]
        sheets.append(Sheet(district.full_name[:31], False, [*_title(province), HEADER, *rows]))
    return sheets


def _pages(province: str) -> list[Sheet]:
    """Nothing tells but the right page name."""
    names = ROUND.right_names.proposed
    rows = [["", *_row(unit, page=names[unit.code])] for unit in ROUND.expected[province]]
    return [Sheet("Sheet1", False, [*_title(province), HEADER, *rows])]


def _recognised(sheets: list[Sheet], file: str = "a.xlsx", round: Round = ROUND) -> Gathered:
    arrival = Arrival(file, Path("a"), file, dt.date(2022, 8, 1))
    recogniser = RECOGNISER if round is ROUND else Recogniser(round)
    said = recogniser.recognise(arrival, Workbook(sheets))
    return Gathered([said.submission], framed(round.form, [said]), said.findings)


def _meant(recognised: Gathered) -> list[str]:
    """The codes of the units that the rows' links tell."""
    return [text.rpartition(".")[2] for text in recognised.rows.typed["page_link"]]


LAYOUTS: dict[str, Build] = {
    "blocks": _blocks,
    "headings": _headings,
    "named rows": _named_rows,
    "column": _column,
    "column merged": partial(_column, merged=True, header="Thuộc huyện"),
    "column of names": partial(_column, header="Đơn vị cấp trên", text="{0.name_in_text}"),
    "codes": _codes,
    "in the cell": _in_the_cell,
    "sheets": _sheets,
    "pages": _pages,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_communes_of_one_name_are_told_apart_by_what_the_file_says_of_them(layout: str) -> None:
    for province in HARD:
        recognised = _recognised(LAYOUTS[layout](province))
        origin = recognised.rows.origin
        assert [submission.submitter for submission in recognised.submissions] == [province]
        assert origin.loc[origin["unit_rule"].ne(""), "unit_rule"].tolist() == []
        assert origin["code"].tolist() == _meant(recognised)
        assert sorted(origin["code"]) == sorted(unit.code for unit in REGISTER.below(province))


def test_the_files_of_all_63_provinces_are_recognised() -> None:
    recognised = [_recognised(_headings(province)) for province in ROUND.submitting_units]
    assert [r.submissions[0].submitter for r in recognised] == list(ROUND.submitting_units)
    assert all(r.rows.origin["unit_rule"].eq("").all() for r in recognised)
    assert all(r.rows.origin["code"].tolist() == _meant(r) for r in recognised)
    assert sum(len(r.rows.origin) for r in recognised) == 63 + 705 + 10_603


def test_without_any_clue_a_shared_name_is_told_never_guessed() -> None:
    rows = [["", *_row(unit)] for unit in ROUND.expected["40"]]
    recognised = _recognised([Sheet("Sheet1", False, [*_title("40"), HEADER, *rows])])
    origin = recognised.rows.origin
    told = origin[origin["unit_rule"].ne("")]
    assert set(told["unit_rule"]) == {"unit.ambiguous"}
    names = [unit.full_name for unit in REGISTER.below("40")]
    assert len(told) == sum(names.count(name) > 1 for name in names) > 10
    assert "Xã Đồng Văn, huyện Tân Kỳ" in told["unit_facts"].map(lambda facts: facts["candidates"]).str.cat(sep=";")
    known = origin["code"].ne("")
    assert origin.loc[known, "code"].tolist() == [c for c, k in zip(_meant(recognised), known, strict=True) if k]


def test_a_heading_left_from_the_block_before_decides_nothing() -> None:
    """After the districts' own rows all communes follow: the last district is no clue for them."""
    rows = [["", *_row(unit)] for unit in [REGISTER.units["40"], *_districts("40")]]
    last = _districts("40")[-1]
    shared = next(u for u in REGISTER.below("40") if u.full_name == "Xã Đồng Văn" and u.parent != last.code)
    own = [unit for unit in REGISTER.below("40") if unit.level == "commune" and unit.parent != last.code]
    rows += [["", *_row(unit)] for unit in own]
    origin = _recognised([Sheet("Sheet1", False, [*_title("40"), HEADER, *rows])]).rows.origin
    assert origin["unit_rule"].iloc[len(_districts("40")) + 1 + own.index(shared)] == "unit.ambiguous"


@pytest.mark.parametrize("text", ["Xã Nam Thanh", "Nam Thanh"])
@pytest.mark.parametrize("page", [True, False])
def test_an_accent_forgotten_is_not_taken_for_a_commune_of_another_district(text: str, *, page: bool) -> None:
    """Nam Thanh of Nam Dan, under the heading of Yen Thanh, which has Nam Thanh with another accent."""
    [sheet] = _headings("40")
    place = next(n for n, cells in enumerate(sheet.cells) if cells[1:2] == ["Xã Nam Thành"])
    sheet.cells[place][1] = text
    meant = next(unit for unit in ROUND.expected["40"] if unit.full_name == "Xã Nam Thành")
    if page:
        sheet.cells[place][2] = ROUND.right_names.proposed[meant.code]
    origin = _recognised([sheet]).rows.origin
    [told] = origin.index[origin["unit_rule"].ne("")]
    assert origin.at[told, "unit_rule"] == ("unit.spelling" if page else "unit.ambiguous")
    assert origin.at[told, "code"] == (meant.code if page else "")
    candidates = {REGISTER.units[code].full_name for code in origin.at[told, "unit_facts"].get("codes", [])}
    assert candidates == (set() if page else {"Xã Nam Thành", "Xã Nam Thanh"})


def test_a_code_of_another_unit_is_told_with_both() -> None:
    [sheet] = _codes("11")
    first, second = len(_title("11")) + 3, len(_title("11")) + 4
    sheet.cells[first][1], sheet.cells[second][1] = sheet.cells[second][1], sheet.cells[first][1]
    origin = _recognised([sheet]).rows.origin
    told = origin[origin["unit_rule"].ne("")]
    assert told["unit_rule"].tolist() == ["unit.ambiguous"] * 2
    assert [len(facts["codes"]) for facts in told["unit_facts"]] == [2, 2]


def test_a_city_calls_its_own_level_by_its_kind_of_unit() -> None:
    [sheet] = _headings("01")
    place = next(n for n, cells in enumerate(sheet.cells) if cells == ["I", "Cấp tỉnh"])
    sheet.cells[place : place + 2] = [["I", *_row(REGISTER.units["01"], "Cấp thành phố")]]
    origin = _recognised([sheet]).rows.origin
    assert origin["unit_rule"].eq("").all()
    assert origin["code"].iloc[0] == "01"


@pytest.mark.parametrize(
    ("file", "sender"),
    [
        ("Tinh Dien Bien.xlsx", "11"), ("TP HCM.xlsx", "79"), ("danh sach TPHCM.xlsx", "79"),
        ("Thái Nguyên.xlsx", "19"), ("thua thien hue.xlsx", "46"), ("Bà Rịa Vũng Tàu.xlsx", "77"), ("11-ds.xlsx", "11"),
    ],
)  # fmt: skip
def test_the_province_is_told_by_the_files_name(file: str, sender: str) -> None:
    rows = [["I", *_row(REGISTER.units[sender], "Cấp tỉnh")]]
    recognised = _recognised([Sheet("Sheet1", False, [["DANH SÁCH"], HEADER, *rows])], file)
    assert [submission.submitter for submission in recognised.submissions] == [sender]
    assert recognised.rows.origin["code"].tolist() == [sender]


@pytest.mark.parametrize(
    "folder", ["30-08-2022", "01.08.2022", "30-8", "15.3.22", "04-2022", "30-08-2022 dot 2", "30_13_2022", "12_8 dot 2"]
)
def test_a_folder_named_by_a_day_is_no_code_of_a_province(folder: str) -> None:
    recognised = _recognised(_headings("68"), f"{folder}/{folder} danh sach.xlsx")
    assert [submission.submitter for submission in recognised.submissions] == ["68"]
    assert recognised.rows.origin["unit_rule"].eq("").all()
    assert RECOGNISER.senders.by_name(f"{folder}/hong.xlsx") == ""


@pytest.mark.parametrize(
    "file",
    [
        "68.xlsx", "68-danh-sach.xlsx", "30-08-2022/68-danh-sach.xlsx", "68-2022-08-30.xlsx", "68-30.08.2022/x.xlsx",
        "68-08-2022.xlsx", "68 ngay 30-08/x.xlsx", "68/ds.xlsx", "68-2.xlsx", "68-30-08-2022.xlsx",
    ],
)  # fmt: skip
def test_the_officers_code_of_a_province_stands_beside_a_day(file: str) -> None:
    rows = [["I", *_row(REGISTER.units["68"], "Cấp tỉnh")]]
    recognised = _recognised([Sheet("Sheet1", False, [["DANH SÁCH"], HEADER, *rows])], file)
    assert [submission.submitter for submission in recognised.submissions] == ["68"]
    assert RECOGNISER.senders.by_name(file) == "68"


@pytest.mark.parametrize("day", ["11-2022-08-30.xlsx", "11-30.08.2022.xlsx", "11-03-08-2022 danh sach.xlsx"])
def test_a_code_before_a_whole_day_is_the_officers_even_where_it_could_be_a_day_of_the_month(day: str) -> None:
    assert RECOGNISER.senders.by_name(day) == "11"


@pytest.mark.parametrize("number", ["01. Phu luc.xlsx", "30. Phu luc.xlsx"])
def test_a_number_in_a_list_is_no_code_where_title_and_rows_are_all_of_another_province(number: str) -> None:
    """Some of the communes have a name that is found in the province of that code too."""
    recognised = _recognised(_headings("68"), number)
    [found] = recognised.findings
    assert (found["rule"], found["facts"]["another"]) == ("submission.unknown-unit", "Tỉnh Lâm Đồng")


# --- the centre


def test_the_centre_collects_from_all_provinces() -> None:
    assert (ROUND.collector, ROUND.collecting_unit) == (CENTRE, None)
    assert ROUND.collector_name == "Ủy ban Trung ương MTTQ Việt Nam"
    assert len(ROUND.submitting_units) == 63
    assert list(ROUND.sections.values()) == [("I", "Cấp tỉnh"), ("II", "Cấp huyện"), ("III", "Cấp xã")]
    assert len({(sender, ROUND.listed_names[u.code]) for sender, units in ROUND.expected.items() for u in units}) == (
        63 + 705 + 10_603
    )


def test_districts_of_one_right_name_are_the_policys_fault() -> None:
    names = ROUND.right_names
    shared = [{REGISTER.units[code].name for code in codes} for codes in names.shared]
    assert len(shared) == 6
    assert {"Kỳ Anh"} in shared
    [line] = policy_faults(names, REGISTER)
    assert "Huyện Kỳ Anh, Thị xã Kỳ Anh" in line
    owners = names.owners[names.proposed[names.shared[0][0]]]
    assert len(owners) == 2


@pytest.mark.parametrize("province", ["thai-nguyen-2022", "quang-nam-2021", "dien-bien-2022", "nam-dinh-2022"])
def test_the_country_knows_the_units_as_the_rounds_of_the_provinces_do(province: str) -> None:
    """What a province's round found faultless stays so when the province sends it on."""
    round = load_round(province)
    known = REGISTER.below(round.collector)
    assert known == round.register.below(round.collector)
    [sheet] = _pages(round.collector)
    origin = _recognised([sheet]).rows.origin
    assert (origin["unit_rule"].unique().tolist(), sorted(origin["code"])) == ([""], sorted(u.code for u in known))


def test_what_a_unit_was_called_before_an_amendment_is_its_senders_own() -> None:
    """Other provinces have communes that are called so today."""
    round = load_round("thai-nguyen-2022")
    before = {code: load_register("2022").units[code].full_name for code in (a.code for a in round.amendments)}
    now = {round.register.units[code].full_name: name for code, name in before.items()}
    [sheet] = _pages(round.collector)
    sheet = replace(sheet, cells=[[now.get(text, text) for text in row] for row in sheet.cells])
    origin = _recognised([sheet]).rows.origin.set_index("code")
    assert set(before) <= set(origin.index)
    assert set(origin.loc[[*before], "unit_rule"]) <= {"unit.former", "unit.spelling"}
    assert sorted(origin.index) == sorted(unit.code for unit in REGISTER.below(round.collector))


# --- a province's roll-up is its submission

POLICY = {"province": ["Mặt trận Điện Biên", "https://www.facebook.com/mattrandienbien"]}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Outcome]:
    """The example of Dien Bien run; its own page completed by the officer, its roll-up dropped into the inbox."""
    folder = tmp_path_factory.mktemp("two-levels")
    province = _run_example(folder / "province")
    book = openpyxl.load_workbook(province.folder / "tong-hop.xlsx")
    own = book["Trang cấp tỉnh"]
    own["C5"], own["D5"] = POLICY["province"]
    edited = folder / "edited.xlsx"
    book.save(edited)
    day = dt.date(2022, 8, 11)
    result = judge(ROUND, [Arrival("2022-08-10/tong-hop.xlsx", edited, "edited", dt.date(2022, 8, 10))], day)
    write_machine_results(result, worded(result), folder / "centre" / "ket-qua")
    return province, Outcome(folder / "centre", 0)


def _run_example(folder: Path) -> Outcome:
    from pipeline.example import write_example

    (folder / "inbox").mkdir(parents=True)
    write_example(load_round("dien-bien-2022"), folder / "inbox")
    return drop_and_run(folder)


def test_the_roll_up_of_a_province_brings_the_same_values(both: tuple[Outcome, Outcome]) -> None:
    province, centre = both
    keys = ROUND.form.keys[1:]
    for code, row in province.rows.items():
        assert [centre.rows[code][key] for key in keys] == [row[key] for key in keys]
    assert centre.rows["11"]["status"] == "complete"
    assert [centre.rows["11"]["page_name"], centre.rows["11"]["page_link"]] == POLICY["province"]


def test_the_roll_up_of_a_province_makes_no_false_findings(both: tuple[Outcome, Outcome]) -> None:
    province, centre = both
    before = {(f["unit_code"], f["column"], f["rule"]) for f in province.findings}
    told = [f for f in centre.findings if f["rule"] != "submission.missing"]
    assert [f for f in told if (f["unit_code"], f["column"], f["rule"]) not in before] == []
    assert {f["file"] for f in told} <= {"2022-08-10/tong-hop.xlsx"}
    statuses = {(row["status"], centre.rows[code]["status"]) for code, row in province.rows.items()}
    # What the province has no row of has no page, as far as the province can say.
    assert statuses - {("not-listed", "no-page")} == {(s, s) for s, _ in statuses if s != "not-listed"}


def test_the_counts_of_a_province_are_those_of_its_own_summary(both: tuple[Outcome, Outcome]) -> None:
    province, centre = both
    for level in ("district", "commune"):
        for measure in ("established", "named"):
            assert centre.summary["levels"][level][measure] == province.summary["levels"][level][measure]
    assert centre.unit("11")["expected"] == 1 + 10 + 129
    assert centre.summary["collector"] == {"code": CENTRE, "name": "Ủy ban Trung ương MTTQ Việt Nam"}


def test_a_round_does_not_take_its_own_roll_up(both: tuple[Outcome, Outcome], tmp_path: Path) -> None:
    province, _ = both
    content = (province.folder / "tong-hop.xlsx").read_bytes()
    outcome = drop_and_run(tmp_path, {"2022-03-20/tong-hop.xlsx": content})
    assert outcome.told() == [("2022-03-20/tong-hop.xlsx", "", "file.wrong-form")]
    assert "bảng tổng hợp của đợt dien-bien-2022" in outcome.findings[0]["message"]


def test_returned_workbooks_of_the_centre_name_shared_communes_with_their_district() -> None:
    names = [ROUND.listed_names[unit.code] for unit in ROUND.expected["40"]]
    assert len(set(names)) == len(names)
    rows = [["", *_row(unit, ROUND.listed_names[unit.code])] for unit in ROUND.expected["40"]]
    recognised = _recognised([Sheet("DANH SÁCH", False, [*_title("40"), HEADER, *rows])])
    assert recognised.rows.origin["code"].tolist() == _meant(recognised)


def test_rows_of_the_centre_name_parents(both: tuple[Outcome, Outcome]) -> None:
    _, centre = both
    with (centre.folder / "ket-qua" / "rows.csv").open(encoding="utf-8-sig", newline="") as file:
        parents = {row["code"]: row["parent_code"] for row in csv.DictReader(file)}
    assert (parents["11"], parents["094"], len(parents)) == ("", "11", 63 + 705 + 10_603)
