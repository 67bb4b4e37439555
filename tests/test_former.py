"""Registers change: the two-level model, units of an older register, registers amended for a round's date."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path

import pytest
from building import workbook_of
from conftest import drop_and_run
from test_national import HEADER

from pipeline.model import Arrival, Sheet, Workbook
from pipeline.recognise import Recogniser
from pipeline.run import judge
from schemas.codes import Rule
from schemas.naming import LONGEST, policy_faults
from schemas.round import Round, load_round
from schemas.text import slug
from schemas.units import Amendment, load_register

ROUND = load_round("dien-bien-2026")
REGISTER = ROUND.register
RECOGNISER = Recogniser(ROUND)

Told = list[tuple[str, str, str]]
"""Of every row: the code that it is judged by, the rule and the proposal."""


def _read(
    units: list[str], titles: list[str], file: str = "a.xlsx", recogniser: Recogniser = RECOGNISER
) -> tuple[str, Told, list[dict[str, object]]]:
    rows = [[str(n), unit, f"Trang {n}", f"https://www.facebook.com/mattran.{n}"] for n, unit in enumerate(units, 1)]
    book = Workbook([Sheet("Sheet1", False, [*([title] for title in titles), HEADER, *rows])])
    said = recogniser.recognise(Arrival(file, Path("a"), "a", dt.date(2026, 3, 1)), book)
    told = [(origin.code, origin.unit_rule, origin.unit_suggestion) for origin in said.origins]
    return said.submission.submitter, told, [origin.unit_facts for origin in said.origins]


# --- communes submit themselves


@pytest.mark.parametrize(
    ("file", "title", "cell"),
    [
        ("a.xlsx", "ỦY BAN MTTQ VIỆT NAM {0.full_name}", "{0.full_name}"), ("a.xlsx", "DANH SÁCH", "{0.full_name}"),
        ("DS {0.name}.xlsx", "DANH SÁCH", "{0.name}"), ("a.xlsx", "UBMTTQ {0.name_in_text}", ""),
        ("a.xlsx", "DANH SÁCH", "UBMTTQVN {0.name_in_text}"), ("{0.code}-ds.xlsx", "DANH SÁCH", ""),
        ("a.xlsx", "UBMTTQ {0.name_in_text}", "Cấp xã"), ("{1}.xlsx", "DANH SÁCH", ""),
    ],
)  # fmt: skip
def test_a_communes_file_is_told_by_its_title_its_row_or_its_name(file: str, title: str, cell: str) -> None:
    assert len(ROUND.submitting_units) == 45
    for unit in ROUND.submitting_units.values():
        texts = [text.format(unit, slug(unit.full_name)) for text in (cell, title, file)]
        assert _read([texts[0]], [texts[1]], texts[2])[:2] == (unit.code, [(unit.code, "", "")])


def _elsewhere(province: str) -> Round:
    """The same round of another province."""
    path = Path(__file__).parents[1] / "schemas" / "rounds" / f"{ROUND.id}.toml"
    record = tomllib.loads(path.read_text(encoding="utf-8"))
    return Round.model_validate({**record, "collector": province, "contacts": {}})


def test_communes_that_differ_by_accents_alone_are_not_confused() -> None:
    round = _elsewhere("19")
    recogniser = Recogniser(round)
    pair = {
        unit.full_name: unit.code for unit in round.submitting_units.values() if unit.name in ("Văn Lang", "Văn Lăng")
    }
    assert len(pair) == 2
    for name, code in pair.items():
        assert _read([name], ["DANH SÁCH"], recogniser=recogniser)[:2] == (code, [(code, "", "")])
    assert _read(["Xa Van Lang"], ["DANH SÁCH"], recogniser=recogniser)[0] == ""


def test_the_row_of_another_commune_belongs_elsewhere() -> None:
    sender, told, facts = _read(["Xã Mường Nhé", "Xã Sín Thầu"], ["UBMTTQ XÃ MƯỜNG NHÉ"])
    assert (sender, told) == ("03160", [("03160", "", ""), ("", "unit.wrong-parent", "")])
    assert facts[1]["parent"] == ""


# --- units of the old register


def test_every_old_commune_of_the_province_is_told_its_new_name() -> None:
    names = {unit.full_name for unit in ROUND.submitting_units.values()}
    formers = [former for former in REGISTER.formers if set(former.now) & set(ROUND.submitting_units)]
    assert len(formers) == 129
    for former in formers:
        if former.unit.full_name in names:  # the name is a unit of today
            continue
        [now] = former.now
        told = [(now, "unit.former", REGISTER.units[now].full_name)]
        assert _read([former.unit.full_name], ["DANH SÁCH"])[:2] == (now, told)


def test_the_sender_may_be_told_by_its_old_name() -> None:
    assert _read([""], ["ỦY BAN MTTQ VIỆT NAM XÃ CHUNG CHẢI", "HUYỆN MƯỜNG NHÉ"])[0] == "03160"
    assert _read([""], ["DANH SÁCH"], "UBMTTQ xã Chung Chải.xlsx")[0] == "03160"


def test_the_name_of_an_old_district_is_no_sender() -> None:
    assert _read([""], ["ỦY BAN MTTQ VIỆT NAM HUYỆN MƯỜNG NHÉ"])[0] == ""
    sender, told, _ = _read(["Xã Chung Chải, huyện Mường Nhé"], ["UBMTTQ HUYỆN TUẦN GIÁO"])
    assert (sender, told) == ("03160", [("03160", "unit.former", "Xã Mường Nhé")])


def test_of_several_old_units_of_one_new_unit_one_row_counts() -> None:
    sender, told, facts = _read(["Xã Chung Chải", "Xã Mường Nhé", "Xã Nậm Vì"], ["UBMTTQ XÃ MƯỜNG NHÉ"])
    assert sender == "03160"
    assert told[:2] == [("", "unit.former", "Xã Mường Nhé"), ("03160", "", "")]
    assert facts[0]["rows"] == "4"
    sender, told, facts = _read(["Xã Chung Chải", "Xã Chung Chải"], ["UBMTTQ XÃ MƯỜNG NHÉ"])
    assert told == [("03160", "unit.former", "Xã Mường Nhé"), ("", "unit.former", "Xã Mường Nhé")]


def test_an_old_unit_of_another_new_one_belongs_there() -> None:
    _, told, facts = _read(["Xã Sín Thầu", "Xã Chung Chải"], ["UBMTTQ XÃ SÍN THẦU"])
    assert told == [("03158", "", ""), ("", "unit.wrong-parent", "")]
    assert facts[1]["parent"] == "Xã Mường Nhé"


def test_an_old_unit_that_was_split_is_told_with_its_successors() -> None:
    round = _elsewhere("37")  # Ninh Binh with Nam Dinh and Ha Nam
    recogniser = Recogniser(round)
    names = {unit.full_name for unit in round.submitting_units.values()}
    split = next(
        former for former in round.register.formers
        if len(former.now) > 1 and set(former.now) <= set(round.submitting_units) and former.unit.full_name not in names
    )  # fmt: skip
    first, *others = (round.register.units[code] for code in split.now)
    assert _read([split.unit.full_name], ["DANH SÁCH"], recogniser=recogniser)[0] == ""
    mine = _read([split.unit.full_name], [f"UBMTTQ {first.full_name}"], recogniser=recogniser)
    assert mine[:2] == (first.code, [(first.code, "unit.former", first.full_name)])
    stranger = next(unit for unit in round.submitting_units.values() if unit.code not in split.now)
    rows = [stranger.full_name, split.unit.full_name]
    _, told, facts = _read(rows, [f"UBMTTQ {stranger.full_name}"], recogniser=recogniser)
    assert told[1] == ("", "unit.former", "")
    assert all(unit.full_name in str(facts[1]["candidates"]) for unit in (first, *others))


def test_an_old_name_is_a_warning_with_the_new_name_in_every_paper(tmp_path: Path) -> None:
    rows = [["1", "Xã Chung Chải", "Mặt trận Mường Nhé (tỉnh Điện Biên)", "https://www.facebook.com/mattran.muongnhe",
             "Lò Văn Pánh", "0912345678", "lovanpanh@gmail.com"]]  # fmt: skip
    content = workbook_of([["UBMTTQ XÃ MƯỜNG NHÉ"], HEADER, *rows])
    outcome = drop_and_run(tmp_path, {"2026-03-01/a.xlsx": content}, round=ROUND.id, as_of="2026-03-02")
    assert outcome.told() == [("2026-03-01/a.xlsx", "B3", "unit.former")]
    [told] = outcome.of_rule("unit.former")
    assert told["suggestion"] == "Xã Mường Nhé"
    assert told["message"].startswith("“Xã Chung Chải” là tên đơn vị trước khi sắp xếp. Nay là: Xã Mường Nhé.")
    assert outcome.rows["03160"]["status"] == "complete"


# --- a register amended for the round's date

THAI_NGUYEN = load_round("thai-nguyen-2022")


def test_pho_yen_is_a_city_by_the_rounds_date() -> None:
    register = THAI_NGUYEN.register
    assert register.units["172"].full_name == "Thành phố Phổ Yên"
    kinds = [unit.type for unit in register.children("172")]
    assert (kinds.count("phường"), kinds.count("xã")) == (13, 5)
    assert load_register("2022").units["172"].full_name == "Thị xã Phổ Yên"
    assert list(register.units) == list(load_register("2022").units)


def test_a_units_name_from_before_the_amendment_is_a_warning() -> None:
    recogniser = Recogniser(THAI_NGUYEN)
    sender, told, _ = _read(
        ["Thị xã Phổ Yên", "Xã Đắc Sơn", "Phường Đông Cao"],
        ["ỦY BAN MTTQ VIỆT NAM THỊ XÃ PHỔ YÊN"],
        recogniser=recogniser,
    )
    assert sender == "172"
    assert told == [
        ("172", "unit.former", "Thành phố Phổ Yên"),
        ("05875", "unit.former", "Phường Đắc Sơn"),
        ("05896", "", ""),
    ]


def test_a_former_unit_of_another_district_belongs_there_not_to_itself() -> None:
    units = ["Thành phố Thái Nguyên", "Phường Tân Lập", "Xã Trung Thành"]
    sender, told, facts = _read(units, ["DANH SÁCH"], recogniser=Recogniser(THAI_NGUYEN))
    assert (sender, told[2]) == ("164", ("", "unit.wrong-parent", "Phường Trung Thành"))
    assert facts[2]["parent"] == "Thành phố Phổ Yên"


def test_units_are_merged_renamed_and_new() -> None:
    register = load_register("2022").amended(
        [
            Amendment(code="05851", merged_into=("05764",)),
            Amendment(code="05692", type="thị trấn"),
            Amendment(code="99999", type="xã", name="Bản Mới", parent="171"),
        ]
    )
    assert "05851" not in register.units
    assert {f.unit.full_name: f.now for f in register.formers} == {
        "Xã Quân Chu": ("05764",),
        "Xã Hóa Thượng": ("05692",),
    }
    assert register.units["99999"].full_name == "Xã Bản Mới"
    assert register.lineage("99999")["province"].name == "Thái Nguyên"


@pytest.mark.parametrize(
    "amendment",
    [
        Amendment(code="172", type="bang"), Amendment(code="05851", merged_into=("00000",)),
        Amendment(code="99999", type="xã"), Amendment(code="9999", type="xã", name="X", parent="171"),
        Amendment(code="05851", parent="999"), Amendment(code="99999", merged_into=("05851",)),
    ],
)  # fmt: skip
def test_an_amendment_that_cannot_be_is_refused(amendment: Amendment) -> None:
    with pytest.raises(ValueError, match=r"^\d+$"):
        load_register("2022").amended([amendment])


# --- names too long for a page


def test_a_name_that_no_page_can_bear_is_told(tmp_path: Path) -> None:
    tail = "của Ủy ban Mặt trận Tổ quốc Việt Nam trên địa bàn"
    text = (Path(__file__).parents[1] / "schemas" / "rounds" / "dien-bien-2026.toml").read_text(encoding="utf-8")
    start = text.index("[naming.commune]")
    end = text.index("\n\n", start)
    policy = f'[naming.commune]\nname = "Mặt trận {{unit.name}} {tail} {{province.type}} {{province.name}}"\n'
    policy += 'accepted = ["Mặt trận {unit.name}"]'
    path = tmp_path / f"{ROUND.id}.toml"
    path.write_text(text[:start] + policy + text[end:], encoding="utf-8")
    people = ["Lò Văn Pánh", "0912345678", "lovanpanh@gmail.com"]
    units = [REGISTER.units[code] for code in ("03160", "03158")]
    long, short = f"Mặt trận {units[0].name} {tail} tỉnh Điện Biên", f"Mặt trận {units[1].name}"
    assert len(long) > LONGEST >= len(short)
    round, arrivals = load_round(str(path)), []
    for unit, name in zip(units, (long, short), strict=True):
        row = ["1", unit.full_name, name, f"https://www.facebook.com/mt.{unit.code}", *people]
        file = tmp_path / f"{unit.code}.xlsx"
        file.write_bytes(workbook_of([HEADER, row]))
        arrivals.append(Arrival(file.name, file, file.name, dt.date(2026, 3, 1)))
    rollup = judge(round, arrivals, dt.date(2026, 3, 2)).rollup
    found = rollup.findings[rollup.findings["file"].ne("")]
    assert list(zip(found["file"], found["cell"], found["rule"], strict=True)) == [
        ("03160.xlsx", "C2", "page-name.too-long")
    ]
    assert str(Rule.PAGE_NAME_TOO_LONG) == "page-name.too-long"
    [line] = policy_faults(round.right_names, REGISTER)
    assert str(LONGEST) in line
    assert "45 tên" in line
    assert rollup.units.at["03160", "status"] == "complete"
