"""Letters as they arrive: fonts of before Unicode, letters that only look Latin, names that must stay as they are."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from building import ROUND, Book, right_rows
from conftest import Run

from pipeline.model import Sheet
from pipeline.read.legacy_fonts import decode
from schemas.data import HERE, read_toml
from schemas.kinds import email, link, name
from schemas.text import in_latin_letters
from schemas.units import Unit, load_register

REGISTER = load_register("2022")
DISTRICTS = [u for u in REGISTER.units.values() if u.level == "district" and REGISTER.children(u.code)]
HONEST = tomllib.loads((Path(__file__).parent / "names.toml").read_text(encoding="utf-8"))
SENDER = "101"

Encoder = Callable[[str], str]


def _tables() -> tuple[dict[str, str], dict[str, str]]:
    tables = read_toml(HERE / "legacy_fonts.toml")
    tcvn3 = {
        letter: chr(int(code, 16))
        for codes, row in tables["tcvn3"].items()
        for code, letter in zip(codes.split(), row, strict=True)
    }
    vni = {letter: written for written, letter in tables["vni"]["single"].items()}
    for key, row in tables["vni"]["marks"].items():
        vni |= {m: row.get("base", key) + c for c, m in zip(row["codes"], row["marked"], strict=True)}
    return tcvn3, vni | {letter.upper(): w[0].upper() + w[1:] for letter, w in vni.items()}


TCVN3, VNI = _tables()


def tcvn3(text: str) -> str:
    return "".join(TCVN3.get(c) or TCVN3.get(c.lower(), c) for c in text)


def tcvn3_capitals(text: str) -> str:
    return "".join(TCVN3.get(c.lower(), c.upper()) for c in text)


def vni(text: str) -> str:
    return "".join(VNI.get(c, c) for c in text)


def vni_capitals(text: str) -> str:
    return vni(text.upper()).upper()


def _sheet(district: Unit) -> list[list[str]]:
    """What a district sends: a title, a header, its communes with page, link, person, number and address."""
    header = ["TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết", "Họ và tên", "Số điện thoại", "Địa chỉ hộp thư điện tử"]
    rows = [
        [
            str(number), unit.full_name, f"Mặt trận {unit.name} ({district.name_in_text})",
            f"https://www.facebook.com/mt{number}", "Quàng Thị Phương", f"0912{number:06d}", f"a{number}@gmail.com",
        ]
        for number, unit in enumerate(REGISTER.children(district.code), start=1)
    ]  # fmt: skip
    return [["ỦY BAN MTTQ VIỆT NAM " + district.full_name.upper()], header, *rows]


def _decoded(cells: list[list[str]]) -> list[list[str]]:
    return decode(Sheet("S", False, cells)).cells


def _encoded(cells: list[list[str]], encode: Encoder) -> list[list[str]]:
    return [[text if text.isascii() else encode(text) for text in row] for row in cells]


@pytest.mark.parametrize("encode", [tcvn3, tcvn3_capitals, vni, vni_capitals])
def test_every_commune_of_the_register_comes_back_from_a_legacy_font(encode: Encoder) -> None:
    wrong = total = 0
    for district in DISTRICTS:
        right = _sheet(district)
        for got, wanted in zip(_decoded(_encoded(right, encode)), right, strict=True):
            for one, other in zip(got, wanted, strict=True):
                total += 1
                # TCVN3 has no capital letters with a tone, and its capital fonts show small codes.
                wrong += one.casefold() != other.casefold()
                assert "capitals" not in encode.__name__ or other.isascii() or one == other.upper()
    assert total > 70_000
    assert wrong / total < 0.005


def test_unicode_text_is_never_converted() -> None:
    for district in DISTRICTS:
        for change in (str, str.upper, lambda text: unicodedata.normalize("NFD", text)):
            cells = [[change(text) for text in row] for row in _sheet(district)]
            assert decode(Sheet("S", False, cells)).legacy == {}


def test_a_tick_of_a_font_of_signs_is_no_word_of_an_old_font() -> None:
    cells = [[*_encoded([row], tcvn3)[0], "\u00fc", "\u00fe"] for row in _sheet(DISTRICTS[0])]
    decoded = decode(Sheet("S", False, cells))
    assert decoded.legacy
    assert {tuple(row[-2:]) for row in decoded.cells} == {("\u00fc", "\u00fe")}


def test_a_sheet_of_both_is_converted_only_where_sure() -> None:
    for number, district in enumerate(DISTRICTS):
        right = _sheet(district)
        mixed = [row if (place + number) % 2 else _encoded([row], tcvn3)[0] for place, row in enumerate(right)]
        for got, was, wanted in zip(_decoded(mixed), mixed, right, strict=True):
            for one, before, other in zip(got, was, wanted, strict=True):
                assert one == before or one.casefold() == other.casefold()


def test_short_forms_and_single_words_beside_unicode_are_converted_too() -> None:
    right = [*_sheet(DISTRICTS[0]), ["Đ/c. Sùng Đức Tuấn", "X. Phình Sáng", "Không", "TT. Mường Ảng"]]
    title = ["Mặt trận Tổ quốc huyện Điện Biên"]
    assert _decoded([title, *_encoded(right, vni)]) == [title, *right]


def test_capitals_that_tcvn3_does_not_have_are_given_to_names() -> None:
    right = [
        *_sheet(DISTRICTS[0]),
        ["Mường Ảng", "Mặt trận xã Ẳng Tở (huyện Mường Ảng)", "Lò Thị Ánh", "Đề nghị ủy ban"],
    ]
    assert _decoded(_encoded(right, tcvn3))[-1] == right[-1]


def test_symbols_are_no_letters() -> None:
    signs = [
        ["30°C", "± 5", "½", "§ 3", "© 2022", "10 µm", "«Mặt trận»"],
        ["½ ngày", "5 ± 1", "20°", "§ 4", "®", "£ 5"],
    ]
    assert _decoded(signs) == signs


@pytest.mark.parametrize("encode", [tcvn3, vni])
def test_a_file_in_a_legacy_font_gives_the_same_rows(run: Run, encode: Encoder) -> None:
    book = Book(SENDER)
    for row in book.sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, str) and not cell.value.isascii():
                cell.value = encode(cell.value)
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == []
    assert [f["rule"] for f in outcome.findings if f["severity"] == "note"] == ["cell.legacy-font"]
    assert {outcome.rows[unit.code]["status"] for unit in ROUND.expected[SENDER]} == {"complete"}
    assert outcome.rows[SENDER]["leader_name"] == "Lò Văn Pánh"


# --- letters that only look right

LOOKALIKES = str.maketrans({"a": "\u0430", "o": "\u043e", "e": "\u0435", "X": "\u0425", "M": "\u041c", "Đ": "\u00d0"})


def test_lookalike_letters_are_repaired_and_noted(run: Run) -> None:
    rows = right_rows(SENDER)
    for key in ("unit", "page_name", "leader_name", "leader_email"):
        rows[2][key] = rows[2][key].translate(LOOKALIKES)
        rows[3][key] = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in rows[3][key])
    book = Book(SENDER, rows)
    outcome = run({"2022-03-20/a.xlsx": book.bytes()})
    assert outcome.told() == []
    for number in (2, 3):
        got, right = outcome.rows[ROUND.expected[SENDER][number].code], right_rows(SENDER)[number]
        assert {key: got[key] for key in right} == right
    assert {book.at(2, "page_name")[1], book.at(3, "leader_name")[1]} <= {
        f["cell"] for f in outcome.of_rule("cell.repaired")
    }


def test_words_of_other_alphabets_stay() -> None:
    for text in ("Привет", "Παπα", "Lò Văn Bиktor", "оо"):
        assert in_latin_letters(text) == text


def test_an_address_with_lookalike_letters_is_no_address_of_facebook() -> None:
    assert link.parse("https://www.f\u0430cebook.com/mattran").fault
    assert link.parse("https://www.facebook.com/m\u0430ttran").fault
    assert email.repair("l\u043evan@gmail.com") == "lovan@gmail.com"


# --- names of persons


# Word for word a position, or one and a word: kept as they are, and asked about.
POSITIONS = {"Chánh Văn Phòng", "Thành Viên An"}


@pytest.mark.parametrize("written", HONEST["honest"])
def test_an_honest_name_is_never_damaged(written: str) -> None:
    assert name.repair(written) == written
    assert name.repair(written.upper()).casefold() == written.casefold()
    assert name.repair(name.repair(written)) == written
    assert name.is_name(written) or written in POSITIONS


@pytest.mark.parametrize(("written", "bare"), list(HONEST["with_more"].items()))
def test_what_stands_beside_a_name_is_cut_off(written: str, bare: str) -> None:
    assert name.repair(written) == bare
