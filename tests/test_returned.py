"""The marked workbook: only the unit's own data, marks at the right cells, and back again without a trace."""

from __future__ import annotations

import html
import io
from collections.abc import Callable

import openpyxl
import pytest
from building import ROUND, Book, Layout, Row, right_row, right_rows, units_of
from conftest import Outcome, Run
from openpyxl.cell.cell import MergedCell
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.render.filling import Mark, prefilled
from pipeline.render.workbook import Forms
from schemas.data import HERE, read_toml

SENDER = "102"
WORDS = read_toml(HERE.parent / "templates" / "phieu-sua.toml")
FILE = "2022-03-20/a.xlsx"


def _faulty() -> list[Row]:
    rows = right_rows(SENDER)
    rows[1]["leader_phone"] = "0912xxxxxx"
    rows[2]["page_name"] = "Fanpage MTTQ"
    rows[3]["leader_email"] = "panh@gmail.con"
    rows[4]["leader_name"] = ""
    rows[5]["unit"] = "Xã Búng Lạo Mới"
    del rows[6]
    return rows


def _returned(outcome: Outcome, sender: str = SENDER) -> openpyxl.Workbook:
    return openpyxl.load_workbook(outcome.sender_folder(sender) / "phieu-sua.xlsx")


def _sheet(book: openpyxl.Workbook, name: str) -> Worksheet:
    return book[WORDS[name]["name"]]


def test_every_fault_is_marked_in_its_cell_and_listed_with_a_link(run: Run) -> None:
    outcome = run({FILE: Book(SENDER, _faulty()).bytes()})
    book = _returned(outcome)
    told = [f for f in outcome.findings if f["submitter_code"] == SENDER and f["severity"] != "note"]
    listed, todo = _sheet(book, "list"), _sheet(book, "todo")
    marked = {cell.coordinate: cell.comment.text for row in listed.iter_rows() for cell in row if cell.comment}
    links = {cell.coordinate: cell.hyperlink.location for row in todo.iter_rows() for cell in row if cell.hyperlink}
    assert len(marked) == len(told) == len(links)
    assert {location.split("!")[1] for location in links.values()} == set(marked)
    for finding in told:
        assert any(finding["message"] in text for text in marked.values())
    for coordinate in marked:
        assert listed[coordinate].fill.fgColor.rgb[2:] in {WORDS["colours"][tone][1:] for tone in ("bad", "watch")}


def test_it_prints_on_a4_landscape_and_has_drop_downs(run: Run) -> None:
    book = _returned(run({FILE: Book(SENDER, _faulty()).bytes()}))
    for sheet in book.worksheets:
        assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
    rules = _sheet(book, "list").data_validations.dataValidation
    assert {rule.type for rule in rules} >= {"list", "custom"}
    assert all(rule.promptTitle for rule in rules)


def test_sent_back_as_it_is_gives_the_same_rows_and_findings(run: Run) -> None:
    first = run({FILE: Book(SENDER, _faulty()).bytes()})
    rows, rules = first.rows, sorted(f["rule"] for f in first.findings if f["submitter_code"] == SENDER)
    missing = {f["unit_code"] for f in first.of_rule("unit.missing")}
    back = (first.sender_folder(SENDER) / "phieu-sua.xlsx").read_bytes()
    second = run({"2022-03-22/b.xlsx": back})
    places = ("file", "sheet", "row")
    for code, row in second.rows.items():
        if code not in missing:
            assert {k: v for k, v in row.items() if k not in places} == {
                k: v for k, v in rows[code].items() if k not in places
            }
    again = sorted(
        f["rule"] for f in second.findings if f["submitter_code"] == SENDER and f["rule"] != "file.superseded"
    )
    assert again == [rule for rule in rules if rule != "unit.missing"]


def test_corrected_and_sent_back_it_replaces_the_earlier_version(run: Run) -> None:
    first = run({FILE: Book(SENDER, _faulty()).bytes()})
    book = _returned(first)
    listed, right = _sheet(book, "list"), {row["unit"]: row for row in right_rows(SENDER)}
    for cells in listed.iter_rows(min_row=8):
        unit = cells[1].value
        row = right.get("Xã Búng Lao" if unit == "Xã Búng Lạo Mới" else unit)
        if row:
            for cell, key in zip(cells[1:], ROUND.form.keys, strict=False):
                cell.value = row[key] or None
    out = io.BytesIO()
    book.save(out)
    second = run({"phieu sua gui lai.xlsx": out.getvalue()}, as_of="2022-03-25")
    assert [(f["rule"], f["file"]) for f in second.findings if f["submitter_code"] == SENDER] == [
        ("file.superseded", FILE)
    ]
    assert second.unit(SENDER)["status"] == "accepted"
    assert {row["status"] for row in second.rows.values() if row["submitter_code"] == SENDER} == {"complete"}
    assert not (second.sender_folder(SENDER) / "phieu-sua.xlsx").exists()


def _sent_back(run: Run, change: Callable[[openpyxl.Workbook], None], file: str = "gui lai.xlsx") -> Outcome:
    """A faulty list, its returned workbook with a proposal accepted and a warning explained, changed and sent back."""
    rows = right_rows(SENDER)
    rows[1]["leader_phone"] = "0912xxxxxx"
    rows[2]["page_name"] = "Fanpage MTTQ"
    rows[3]["leader_email"] = "panh@gmail.con"
    first = run({FILE: Book(SENDER, rows).bytes()})
    book = _returned(first)
    for cells in _sheet(book, "todo").iter_rows():
        if cells[10].value == "page-name.pattern":
            cells[8].value = "x"
        elif cells[10].value == "email.typo":
            cells[9].value = "Đúng hộp thư"
    change(book)
    out = io.BytesIO()
    book.save(out)
    return run({file: out.getvalue() if file.endswith(".xlsx") else _as_page(out.getvalue())}, as_of="2022-03-25")


def _as_page(content: bytes) -> bytes:
    """A workbook as LibreOffice saves it as a page: its sheets one below the other."""
    sheets = []
    for number, sheet in enumerate(openpyxl.load_workbook(io.BytesIO(content), data_only=True)):
        rows = [[html.escape(str(value or "")) for value in cells] for cells in sheet.iter_rows(values_only=True)]
        text = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in cells) + "</tr>" for cells in rows)
        title = f'<hr><A NAME="table{number}"><h1>Sheet {number + 1}: <em>{sheet.title}</em></h1></A>'
        sheets.append(f"{title}<table>{text}</table>")
    return f"<html><body><p><center><h1>Overview</h1></center></p>{''.join(sheets)}</body></html>".encode()


def _told(outcome: Outcome) -> list[tuple[str, str, str]]:
    return sorted(
        (f["rule"], f["severity"], f["cell"])
        for f in outcome.findings
        if f["submitter_code"] == SENDER and f["rule"] not in ("file.superseded", "file.duplicate")
    )


def _rename(book: openpyxl.Workbook) -> None:
    for number, sheet in enumerate(book.worksheets, start=1):
        sheet.title = f"Sheet{number}"


def _copy_check(book: openpyxl.Workbook) -> None:
    book.copy_worksheet(_sheet(book, "check")).title = "KIỂM TRA (2)"


def _fill_a_copy(book: openpyxl.Workbook) -> None:
    """The list stays blank, its copy is filled."""
    listed = _sheet(book, "list")
    book.copy_worksheet(listed).title = f"{listed.title} (2)"
    for cells in listed.iter_rows(min_row=9, min_col=3):
        for cell in cells:
            if not isinstance(cell, MergedCell):
                cell.value = None


@pytest.mark.parametrize(
    ("change", "file"),
    [(lambda _: None, "a.xlsx"), (_rename, "a.xlsx"), (_copy_check, "a.xlsx"), (lambda _: None, "a.html")],
)
def test_our_sheets_are_known_by_what_they_hold(
    run: Run, change: Callable[[openpyxl.Workbook], None], file: str
) -> None:
    outcome = _sent_back(run, change, file)
    assert _told(outcome) == [
        ("cell.repaired", "note", "C13"), ("email.typo", "note", "G14"), ("phone.masked", "error", "F12")
    ]  # fmt: skip
    assert outcome.unit(SENDER)["listed"] == len(units_of(SENDER))


def test_a_blank_list_beside_a_filled_copy_of_it_does_not_win(run: Run) -> None:
    outcome = _sent_back(run, _fill_a_copy)
    assert [rule for rule, *_ in _told(outcome)] == ["email.typo", "page-name.pattern", "phone.masked"]
    assert "unit.duplicate" not in {f["rule"] for f in outcome.findings}
    assert {row["status"] for row in outcome.rows.values() if row["submitter_code"] == SENDER} <= {
        "complete",
        "to-correct",
    }


def test_the_version_written_in_the_form_decides_before_the_clock(run: Run) -> None:
    first = run({FILE: Book(SENDER, _faulty()).bytes()})
    back = (first.sender_folder(SENDER) / "phieu-sua.xlsx").read_bytes()
    outcome = run({"2022-03-15/earlier folder.xlsx": back})
    assert {row["file"] for row in outcome.rows.values() if row["file"]} == {"2022-03-15/earlier folder.xlsx"}


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", '=HYPERLINK("http://x.invalid")', "{{ 7*7 }} & <b>"]
)
def test_text_that_looks_like_a_formula_stays_text(run: Run, text: str) -> None:
    rows = right_rows(SENDER)
    rows[1] |= {"leader_name": text, "page_name": text}
    book = Book(SENDER, rows)
    for key in ("leader_name", "page_name"):
        cell = book.sheet[book.at(1, key)[1]]
        cell.value, cell.data_type = text, "s"
    outcome = run({FILE: book.bytes()})
    for path in outcome.folder.rglob("*.xlsx"):
        workbook = openpyxl.load_workbook(path)
        cells = [
            (sheet.title, cell)
            for sheet in workbook.worksheets
            for row in sheet.iter_rows()
            for cell in row
            if cell.data_type == "f"
        ]
        assert {title for title, _ in cells} <= {WORDS["check"]["name"]}
        assert not any(text in cell.value for _, cell in cells)
    assert any(cell.value == text for row in _sheet(_returned(outcome), "list").iter_rows() for cell in row)
    for name in ("findings.csv", "rows.csv"):
        values = [value for row in outcome._table(name) for value in row.values()]
        assert not any(value.startswith(("=", "+", "-", "@")) for value in values)


def test_a_form_is_the_same_whatever_was_written_before() -> None:
    """What all forms share is made once; processes that write side by side take the senders in any order."""
    senders = list(ROUND.submitting_units.values())[:3]
    mark = Mark("error", "Phải sửa", "Bí mật", value="x")
    made: dict[tuple[str, int], bytes] = {}
    for turn, order in enumerate((senders, senders[::-1])):
        forms = Forms(ROUND, ROUND.right_names.proposed, ROUND.source.date)
        for sender in order:
            filling = prefilled(ROUND, sender.code, {})
            if sender is senders[1]:
                filling.rows["commune"][0].marks["page_link"] = [mark]
            made[sender.code, turn] = forms.made(sender, filling, 2)
    for sender in senders:
        assert made[sender.code, 0] == made[sender.code, 1]
        book = openpyxl.load_workbook(io.BytesIO(made[sender.code, 0]))
        texts = [cell.value for sheet in book.worksheets for row in sheet.iter_rows() for cell in row]
        assert (mark.message in texts) is (sender is senders[1])


def test_pages_of_all_sheets_may_name_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = Forms(ROUND, {}, ROUND.source.date)
    monkeypatch.setitem(forms.words["book"], "footer", "{unit} – {version}")
    for version, sender in enumerate(list(ROUND.submitting_units.values())[:3]):
        book = openpyxl.load_workbook(io.BytesIO(forms.made(sender, prefilled(ROUND, sender.code, {}), version)))
        feet = {sheet.oddFooter.left.text for sheet in book.worksheets}
        assert feet == {f"{sender.full_name.upper()} – {version}"}


def test_no_folder_holds_another_units_data(run: Run) -> None:
    files = {}
    for sender in ROUND.submitting_units:
        rows = right_rows(sender)
        for row in rows:
            row["leader_name"] = "Mùa A Chứ"
            row["leader_email"] = f"bimat{sender}@gmail.com"
            row["leader_phone"] = "0912xxxxxx"
        rows[1]["page_link"] = "https://www.facebook.com/mattran.chung"
        files[f"2022-03-20/{sender}.xlsx"] = Book(sender, rows).bytes()
    outcome = run(files)
    assert len(outcome.of_rule("link.duplicate")) == 10
    for sender in ROUND.submitting_units:
        folder = outcome.sender_folder(sender)
        book = openpyxl.load_workbook(folder / "phieu-sua.xlsx")
        text = " ".join(str(c.value) for s in book.worksheets for row in s.iter_rows() for c in row)
        text += " ".join(c.comment.text for s in book.worksheets for row in s.iter_rows() for c in row if c.comment)
        text += (folder / "thu.eml").read_text("utf-8") + (folder / "tin-nhan.txt").read_text("utf-8")
        assert f"bimat{sender}@" in text
        for other in ROUND.submitting_units:
            assert other == sender or f"bimat{other}@" not in text
            assert other == sender or ROUND.expected[other][1].full_name not in text


def test_rows_of_unknown_units_and_second_rows_are_not_lost(run: Run) -> None:
    rows = [
        *right_rows(SENDER),
        right_row(ROUND.expected["099"][2]),
        right_rows(SENDER)[2] | {"leader_name": "Hạng Thị Mai"},
    ]
    book = Book(SENDER, rows, Layout(sections="none"))
    outcome = run({FILE: book.bytes()})
    told = {row[10].value: row[5].value for row in _sheet(_returned(outcome), "todo").iter_rows()}
    row = book.at(len(rows) - 2, "unit")[1][1:]
    assert told["unit.wrong-parent"].endswith(
        f"Đề nghị xóa nội dung các ô của dòng này. (Dòng {row} trong tệp đã gửi.)"
    )
    assert "xóa nội dung các ô của dòng thừa" in told["unit.duplicate"]
    texts = [cell.value for row in _sheet(_returned(outcome), "list").iter_rows() for cell in row]
    assert ROUND.expected["099"][2].full_name in texts
    assert "Hạng Thị Mai" in texts
