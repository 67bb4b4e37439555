"""Laws: repairs settle at once, judging never raises, nothing read is lost."""

from __future__ import annotations

import datetime as dt
import io
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import openpyxl
import pandas as pd
import phonenumbers
import pytest
from building import FIGURES, FORM, KEYS, ROUND, Book, figures_rows, judged, plain_book, right_rows
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import persons
from pipeline.agree import compare, compare_rollup
from pipeline.model import Arrival, Rows, Sheet, Stamp, Workbook
from pipeline.normalise import normalise
from pipeline.read import read
from pipeline.read.plain import pack
from pipeline.recognise import Recogniser
from pipeline.render.machine import write_machine_results
from pipeline.render.overview import write_overview
from pipeline.render.papers import write_papers
from pipeline.render.returned import filling_of
from pipeline.render.rollup import write_rollup
from pipeline.render.wording import worded
from pipeline.render.workbook import Forms
from pipeline.validate import validate
from schemas.data import vocabulary
from schemas.form import Column
from schemas.kinds import KINDS, blank, email, is_blank, link, name, phone, repaired, shown
from schemas.naming import right_names
from schemas.round import Round, load_round
from schemas.text import clean, search_key, spelling_key

RIGHT_NAMES = right_names(ROUND.register, [unit.code for unit in ROUND.expected["099"]], ROUND.naming)
LIKELY = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789 .+-()xX*'oO;/", max_size=20),
    st.builds(
        "{}{}{}{}{}".format, *[st.sampled_from(["", "1", "12", "31", "123", "2022", ".", ",", "/", " ", "-"])] * 5
    ),
    st.sampled_from(["x", "đã kết nối", "tap the", "can bo chuyen trach", "ngày 5 tháng 3 năm 2022", "44651", "12 hộ"]),
    st.text(alphabet="abcĐđạ@.gmilcon, :;<>", max_size=30),
    st.sampled_from(["", "x", "#REF!", "https://www.facebook.com/groups/1", "Mặt trận", "{{ 7*7 }}", "=1+1", "\ud800"]),
    st.builds("https://www.facebook.com/{}".format, st.text(alphabet="abc.-_/?=&%1", max_size=20)),
)


CHOICES = ["Cán bộ chuyên trách", {"value": "Tập thể", "aliases": ["TT", "12.345"]}, "Không"]
COLUMNS = {
    kind: Column(key="k", kind=kind, header="K", choices=CHOICES if kind == "choice" else []) for kind in sorted(KINDS)
}


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=300, deadline=None)
@given(LIKELY)
def test_repairing_twice_is_repairing_once(kind: str, text: str) -> None:
    once = repaired(text, COLUMNS[kind])
    assert repaired(once, COLUMNS[kind]) == once


@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(max_examples=300, deadline=None)
@given(LIKELY)
def test_what_people_are_shown_means_the_same_value(kind: str, text: str) -> None:
    value = repaired(text, COLUMNS[kind])
    assert repaired(shown(value, COLUMNS[kind]), COLUMNS[kind]) == value


@settings(max_examples=300, deadline=None)
@given(LIKELY)
def test_keys_are_stable(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert spelling_key(spelling_key(text)) == spelling_key(text)
    assert search_key(text).isascii()
    assert is_blank(text) == is_blank(f" {text}\u200b")


def _of_names() -> set[str]:
    """Return every word that the vocabulary has about names."""
    phrases = [*(p for key in ("honorifics", "positions", "trailing", "offices") for p in vocabulary()["names"][key])]
    return {word for phrase in [*phrases, *name._instead(), "v\u00e0"] for word in phrase.split()}


WORDS = sorted(
    {*_of_names(), "va", "V\u00e0", "\u00d0", "\u0131t", "Lê", "An", "Thị", "Văn", "Đỗ", "Ngọc", "K'", "x", ""}
)


def marks(words: Iterable[str]) -> st.SearchStrategy[str]:
    """Return such words and others, however they are encoded, with what may stand around them."""
    return st.builds(
        lambda form, *parts: unicodedata.normalize(form, "".join(parts)),
        st.sampled_from(["NFC", "NFD"]),
        st.text(alphabet=" .-_\u200b(", max_size=3),
        st.sampled_from([*sorted(words), "", "An", "ng", "Co", "\u212ao"]).flatmap(
            lambda word: st.sampled_from([word, word.upper()])
        ),
        st.text(alphabet=" .-_\u200b)\u00ad\u03010a", max_size=3),
    )


NEARLY = {
    blank: marks(blank._blanks()),
    persons: marks(persons._dittos()),
    name: st.one_of(
        st.lists(st.sampled_from(WORDS).flatmap(lambda w: st.sampled_from([w, w.title(), w.upper()])), max_size=5).map(
            " ".join
        ),
        st.text(alphabet="AĐÂaạNnguyễ́ -.'", max_size=12),
    ),
    email: st.builds(
        "{}{}@{}{}".format,
        st.text(alphabet="ab0_.-+: ", max_size=6),
        st.sampled_from(["", "a", "mail-", "email:", "b" * 64, "c" * 250]),
        st.text(alphabet="ab0-. ", max_size=6),
        st.sampled_from(
            ["gmail.com", "gmail.con", ".vn", ".1", ".c", "a--b.vn", "x.local", "x.test", "xn--a.com", "-.vn"]
        ),
    ),
    link: st.builds(
        "https://www.facebook.com/{}{}".format,
        st.sampled_from(["", "abc", "12345", "share", "Groups", "profile.php", "a.com", "me"]),
        st.text(alphabet="aZ1.-/?=% ", max_size=8),
    ),
    phone: st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "0", "09", "03", "84", "+84", "0084", "012", "02"]),
        st.text(alphabet="0123456789", min_size=7, max_size=9),
        st.sampled_from(["", "", "", ".", ".0", " x", "xxx", "\u0661"]),
    ),
}


@pytest.mark.parametrize("kind", sorted(NEARLY, key=str), ids=lambda kind: kind.__name__.rpartition(".")[2])
def test_the_quick_way_says_what_the_long_way_says(kind: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most texts are told by one pattern, or by their first character; all are judged the same without that."""
    never = re.compile(r"(?!)")
    quick = {
        blank: ("_telling", frozenset),
        persons: ("_telling", frozenset),
        link: ("_PLAIN", never),
        email: ("PLAIN", never),
        name: ("_CAPITALISED", never),
        phone: ("_mobile", lambda: never),
    }
    told: list[str] = []

    @settings(max_examples=500, deadline=None)
    @given(NEARLY[kind])
    def agrees(text: str) -> None:
        said = _all_of(kind, text)
        with monkeypatch.context() as long_way:
            long_way.setattr(kind, *quick[kind])
            assert _all_of(kind, text) == said
        told.append(text)

    agrees()
    way = getattr(kind, quick[kind][0])
    way = way() if callable(way) else way
    assert any(text[:1] in way if isinstance(way, frozenset) else way.match(text) for text in told)


def _all_of(kind: ModuleType, text: str) -> list[object]:
    """Return all that a kind says of a text."""
    said = {
        blank: [blank.is_blank],
        persons: [persons.is_ditto],
        link: [link.parse],
        email: [email.repair, email.is_valid],
        name: [name.repair, name.is_name],
        phone: [phone.repair, phone.is_valid, phone.is_masked, phone.has_old_prefix],
    }
    return [function(text) for function in said[kind]]


ASKED = {
    name: ("Lê Ngọc Đức", [name.is_name]),
    phone: ("0912345678", [phone.is_valid, phone.is_masked, phone.has_old_prefix]),
    email: ("an.nguyen@gmail.com", [email.is_valid, email.likely, email.proposal]),
}


@pytest.mark.parametrize("kind", sorted(ASKED, key=str), ids=lambda kind: kind.__name__.rpartition(".")[2])
def test_what_is_answered_of_one_text_in_order_is_answered_of_all(kind: ModuleType) -> None:
    example, questions = ASKED[kind]
    told: list[str] = []

    @settings(max_examples=500, deadline=None)
    @given(st.one_of(NEARLY[kind], st.sampled_from([example, "Đỗ Ngọc Lê", "0387654321", "be@yahoo.com.vn"])))
    def agrees(text: str) -> None:
        if kind.in_order(text):
            assert kind.repair(text) == text
            assert [question(text) for question in questions] == [question(example) for question in questions]
            told.append(text)

    agrees()
    assert len(set(told)) > 1


def test_every_mobile_prefix_is_judged_as_the_library_does() -> None:
    for prefix in range(10_000):
        number = f"0{prefix:04}56789"
        told = phonenumbers.is_valid_number(phonenumbers.parse(number, "VN")) if number[1] in "356789" else False
        assert phone.is_valid(number) == told, number


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(LIKELY, min_size=len(KEYS), max_size=len(KEYS)), max_size=5))
def test_judging_never_raises(cells: list[list[str]]) -> None:
    typed = pd.DataFrame(cells, columns=KEYS, dtype="str")
    codes = [ROUND.expected["099"][number].code for number in range(len(cells))]
    origin = pd.DataFrame({"file": "a", "sheet": "s", "row": 1, "submitter": "099", "code": codes, "level": "commune"})
    empty = [{} for _ in cells]
    origin = origin.assign(unit_rule="", unit_suggestion="", unit_facts=empty, dittos=empty)
    where = pd.DataFrame([[f"A{n + 1}" for _ in KEYS] for n in range(len(cells))], columns=KEYS, dtype="str")
    rows = Rows(typed, where, pd.DataFrame("", index=typed.index, columns=KEYS, dtype="str"), origin)
    claims = pd.Series(True, index=typed.index, dtype=bool)
    findings = validate(rows, normalise(rows, FORM, ROUND.listed_names), claims, ROUND, RIGHT_NAMES, [])
    assert not findings.duplicated(["id", "column"]).any()


# --- any sheet, any cells: what no list of ours has

ODD = st.one_of(
    LIKELY,
    st.sampled_from(["②", "²", "٣", "⅔", "Ⅳ", "１２", "𝟙", "9" * 5000, "1" * 9]),
    st.sampled_from([
        "A" * 33000, "1e400", "NaN", "-0", "1.", "I.", "(1)", "③.",
        "Mã đơn vị: 102 | Đợt: dien-bien-2022 | Bản số: " + "9" * 5000, "Mã đơn vị: 102 | Đợt: x | Bản số: ²",
        "Cấp huyện", "Cấp xã", "Xã", "Huyện Mường Ảng", "huyện X - xã Y", "Tổng cộng", "Nơi nhận:", "VD: xã A", "nt",
        "Họ và tên", "Số điện thoại", "Link cũ", "Trang của", "K'", "[", "%s", "a\nb", "</w:t>", "]]>", "\ufffe",
        "\x85", "http://[::1", "https://facebook.com/profile.php?id=²", "a@" + "b" * 300 + ".vn", "+84 (0) 912", "'x",
    ]),
)  # fmt: skip
CHANGES = st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 9), ODD), max_size=12)
SENDERS = ("100", "102")
SHEETS = {
    (round.id, sender): read(made).sheets[0].cells
    for sender in SENDERS
    for round, made in ((ROUND, Book(sender).bytes()), (FIGURES, plain_book(FIGURES, figures_rows(sender))))
}
RECOGNISERS = {round.id: Recogniser(round) for round in (ROUND, FIGURES, load_round("nghe-an-2022"))}
ARRIVAL = Arrival("2022-03-20/a.xlsx", Path(), "a", dt.date(2022, 3, 20))


def changed(cells: list[list[str]], changes: list[tuple[int, int, str]]) -> list[list[str]]:
    """Return a copy in which some cells hold something else, or (where the row is below 0) the rest of a column."""
    copy = [list(row) for row in cells]
    for number, column, text in changes:
        for row in copy[number:] if number < 0 else [copy[number % len(copy)]]:
            row[column % len(row)] = text
    return copy


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(sorted(RECOGNISERS)),
    st.lists(
        st.tuples(st.sampled_from(sorted(SHEETS)), st.sampled_from([0, 5, 10, 14]), CHANGES), min_size=1, max_size=2
    ),
    st.sampled_from([None, Stamp(ROUND.id, "102", 2)]),
)
def test_recognising_never_raises(
    asked: str, lists: list[tuple[tuple[str, str], int, list[tuple[int, int, str]]]], stamp: Stamp | None
) -> None:
    sheets = []
    for key, cut, changes in lists:  # a list may go on upon a second sheet
        cells = changed(SHEETS[key], changes)
        sheets += [Sheet(name, False, part) for name, part in (("Danh sách", cells[:cut]), ("②", cells[cut:])) if part]
    pack(RECOGNISERS[asked].recognise(ARRIVAL, Workbook(sheets, stamp)))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([ROUND, FIGURES]), st.lists(CHANGES, min_size=len(SENDERS), max_size=len(SENDERS)))
def test_what_is_rendered_of_any_cells_agrees_and_reads_back(
    round: Round, changes: list[list[tuple[int, int, str]]]
) -> None:
    books = {
        f"2022-03-20/{sender}.xlsx": Workbook([Sheet("Danh sách", False, changed(SHEETS[round.id, sender], own))])
        for sender, own in zip(SENDERS, changes, strict=True)
    }
    result = judged(round, books, dt.date(2022, 4, 5))
    told = worded(result)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_machine_results(result, told, folder / "ket-qua")
        write_rollup(result, told, folder / "tong-hop.xlsx", "../inbox")
        write_papers(result, told, folder)
        write_overview(result, told, folder / "tong-quan.html")
        compare(folder)
        compare_rollup(folder)
    forms = Forms(round, round.right_names.proposed, result.as_of)
    for sender in SENDERS:
        own = [finding for finding in told.itertuples(index=False, name="Told") if finding.submitter == sender]
        back = read(forms.made(round.submitting_units[sender], filling_of(result, own, sender), 2))
        assert back.stamp == Stamp(round.id, sender, 2)
        again = judged(round, {f"{sender}.xlsx": back}, result.as_of)
        assert [submission.submitter for submission in again.submissions] == [sender]


def test_every_row_read_is_counted_told_or_replaced(run: Run) -> None:
    rows = [*right_rows("099"), right_rows("100")[3], right_rows("099")[5]]
    outcome = run({"2022-03-20/a.xlsx": Book("099", rows).bytes()})
    counted = sum(row["file"] != "" for row in outcome.rows.values())
    told = [f for f in outcome.findings if f["rule"] in ("unit.wrong-parent", "unit.duplicate")]
    assert counted + len(told) - 1 == len(rows)  # of the two rows of one unit the first is counted


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 255))
def test_a_flipped_byte_never_changes_a_value_in_silence(place: int, flip: int) -> None:
    from pipeline.errors import Refused
    from pipeline.read import read

    content = bytearray(_CONTENT)
    content[place % len(content)] ^= flip
    try:
        book = read(bytes(content))
    except Refused:
        return
    assert [sheet.cells for sheet in book.sheets] == [sheet.cells for sheet in read(_CONTENT).sheets]


def _content() -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(Book("095").bytes()))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


_CONTENT = _content()
