"""Forms of communes that report for themselves: labels on the left, in whatever way a clerk sets them out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence

import pytest
from building import KEYS, Row, right_rows, workbook_of
from building import ROUND as DISTRICTS
from conftest import Run

from schemas.round import load_round

ROUND = load_round("dien-bien-2026")
UNITS = [*ROUND.submitting_units.values()]
FORM = DISTRICTS.form
GROUPS = {"leader": "Lãnh đạo phụ trách", "manager": "Cán bộ quản lý, vận hành"}
PARTS = {"name": "Họ và tên", "phone": "Số điện thoại", "email": "Email"}
PAGE = {"unit": "Đơn vị", "page_name": "Tên Trang", "page_link": "Địa chỉ liên kết"}

Form = list[Sequence[str]]
Shape = Callable[[Row], Form]


def _right(number: int) -> Row:
    unit = UNITS[number]
    return {
        "unit": unit.full_name,
        "page_name": ROUND.right_names.proposed[unit.code],
        "page_link": f"https://www.facebook.com/mattran.{unit.code}",
        "leader_name": "Lò Thị Hạnh",
        "leader_phone": f"09123{unit.code}",
        "leader_email": f"hanh.{unit.code}@gmail.com",
        "manager_name": "Vừ A Sùng",
        "manager_phone": f"09124{unit.code}",
        "manager_email": f"sung.{unit.code}@gmail.com",
    }


def _page(row: Row) -> Form:
    return [(label, row[key]) for key, label in PAGE.items()]


def _in_full(row: Row) -> Form:
    persons = [
        (f"{label} {whose}", row[f"{group}_{part}"])
        for group, whose in (("leader", "lãnh đạo phụ trách"), ("manager", "cán bộ quản lý"))
        for part, label in PARTS.items()
    ]
    return [*_page(row), *persons]


def _under_groups(row: Row) -> Form:
    """The person's part stands before the first of its labels, the number of the row before it."""
    rows: Form = [(str(number), label, "", value) for number, (label, value) in enumerate(_page(row), start=1)]
    for number, (group, whose) in enumerate(GROUPS.items(), start=4):
        told = [(label, row[f"{group}_{part}"]) for part, label in PARTS.items()]
        rows += [(str(number), whose, *told[0]), *(("", "", label, value) for label, value in told[1:])]
    return rows


def _below_groups(row: Row) -> Form:
    persons = [
        [(f"{whose}:",), *((label, row[f"{group}_{part}"]) for part, label in PARTS.items())]
        for group, whose in GROUPS.items()
    ]
    return [*_page(row), *persons[0], *persons[1]]


def _persons_beside(row: Row) -> Form:
    told = [(label, row[f"leader_{part}"], row[f"manager_{part}"]) for part, label in PARTS.items()]
    return [*_page(row), ("Nội dung", *GROUPS.values()), *told]


def _persons_in_a_table(row: Row) -> Form:
    header = ("TT", PARTS["name"], "Chức vụ", "Nhiệm vụ", PARTS["phone"], PARTS["email"])
    persons = [
        (str(number), row[f"{group}_name"], "Chuyên viên", whose, row[f"{group}_phone"], row[f"{group}_email"])
        for number, (group, whose) in enumerate(GROUPS.items(), start=1)
    ]
    return [*_page(row), (), header, *persons]


def _page_and_persons_in_tables(row: Row) -> Form:
    persons = [(whose, *(row[f"{group}_{part}"] for part in PARTS)) for group, whose in GROUPS.items()]
    return [[*PAGE.values()], [row[key] for key in PAGE], (), ("Nhiệm vụ", *PARTS.values()), *persons]


def _manager_in_a_table(row: Row) -> Form:
    page = [["I. THÔNG TIN TRANG"], ["TT", *PAGE.values()], ["1", *(row[key] for key in PAGE)]]
    header = ["TT", "Đơn vị", "Họ và tên cán bộ quản lý", "Số điện thoại", "Email"]
    return [*page, (), ["II. NGƯỜI QUẢN LÝ"], header, ["1", row["unit"], *(row[key] for key in KEYS[6:])]]


def _sent(run: Run, contents: Sequence[bytes], ending: str = "xlsx") -> dict[str, Row]:
    files = {f"2026-03-10/{UNITS[n].code}.{ending}": content for n, content in enumerate(contents)}
    outcome = run(files, round=ROUND.id, as_of="2026-03-31")
    assert outcome.told() == []
    return {code: {key: row[key] for key in KEYS} for code, row in outcome.rows.items()}


def test_every_way_to_set_it_out_says_the_same(run: Run) -> None:
    shapes: list[Shape] = [
        _in_full, _under_groups, _below_groups, _persons_beside, _persons_in_a_table, _page_and_persons_in_tables,
    ]  # fmt: skip
    rows = _sent(run, [workbook_of(shape(_right(number))) for number, shape in enumerate(shapes)])
    for number in range(len(shapes)):
        assert rows[UNITS[number].code] == _right(number), shapes[number].__name__


@pytest.mark.parametrize("blank", ["leader", "manager"])
def test_what_is_blank_of_one_person_is_not_filled_from_the_other(run: Run, blank: str) -> None:
    shapes: list[Shape] = [_in_full, _under_groups, _below_groups, _persons_beside, _page_and_persons_in_tables]
    right = [{**_right(number), **{f"{blank}_{part}": "" for part in PARTS}} for number in range(len(shapes))]
    rows = _sent(run, [workbook_of(shape(row)) for shape, row in zip(shapes, right, strict=True)])
    for number, row in enumerate(right):
        assert rows[UNITS[number].code] == row, shapes[number].__name__


@pytest.mark.parametrize("key", ["page_name", "page_link", "leader_name", "manager_phone", "manager_email"])
def test_what_is_missing_is_told_where_it_should_stand(run: Run, key: str) -> None:
    content = workbook_of(_in_full({**_right(0), key: ""}))
    outcome = run({f"2026-03-10/{UNITS[0].code}.xlsx": content}, round=ROUND.id, as_of="2026-03-31")
    [(_, cell, rule)] = outcome.told()
    assert (cell, rule.partition(".")[2]) == (f"B{1 + KEYS.index(key)}", "missing")


def test_a_table_of_the_only_person_below_the_page(run: Run) -> None:
    right = {**_right(0), **{f"leader_{part}": "" for part in PARTS}}
    assert _sent(run, [workbook_of(_manager_in_a_table(right))])[UNITS[0].code] == right


def test_a_form_without_a_page_is_no_form_without_columns(run: Run) -> None:
    content = workbook_of(_in_full({**dict.fromkeys(KEYS, ""), "unit": UNITS[0].full_name}))
    outcome = run({f"2026-03-10/{UNITS[0].code}.xlsx": content}, round=ROUND.id, as_of="2026-03-31")
    assert outcome.told() == []
    assert outcome.rows[UNITS[0].code]["status"] == "no-page"


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8"), ("\t", "utf-16"), (";", "utf-8-sig"), (":;", "utf-8"), (": ", "utf-8")]
)
def test_such_a_form_as_plain_text(run: Run, delimiter: str, encoding: str) -> None:
    right, out = _right(0), io.StringIO()
    if delimiter in ",;\t":
        csv.writer(out, delimiter=delimiter).writerows(_in_full(right))
    else:
        out.write("PHIẾU THÔNG TIN\n" + "\n".join(map(delimiter.join, _in_full(right))))
    assert _sent(run, [out.getvalue().encode(encoding)], "txt")[UNITS[0].code] == right


def test_a_text_of_sentences_is_no_form(run: Run) -> None:
    text = "Kính gửi: Ban Thường trực\nXã chúng tôi đã lập Trang, xin báo cáo.\nTrân trọng.\nĐơn vị, ký tên\n"
    outcome = run({f"2026-03-10/{UNITS[0].code}.txt": text.encode()}, round=ROUND.id, as_of="2026-03-31")
    assert [f["rule"] for f in outcome.findings if f["file"]] == ["file.unsupported"]


def test_what_is_said_once_above_several_units_is_the_first_ones(run: Run) -> None:
    one, other = right_rows("102")[1:3]
    told = ["unit", "page_name", "page_link", "leader_name", "leader_email", "manager_name", "manager_phone"]
    form = [(FORM.label(key), one[key], other[key]) for key in [*told, "manager_email"]]
    outcome = run({"2022-03-20/102.xlsx": workbook_of([(FORM.label("leader_phone"), one["leader_phone"]), *form])})
    first, second = (row for row in outcome.rows.values() if row["page_link"])
    assert (first["leader_phone"], second["leader_phone"]) == (one["leader_phone"], "")
    assert [(f["column"], f["cell"]) for f in outcome.of_rule("phone.missing")] == [("leader_phone", "A1")]
