"""The report, read back from the Word file: its counts, its sentences, and what must not stand in it."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import docx
import pytest
from building import KEYS, ROUND, Book, Row, right_rows, units_of
from docx.document import Document
from docx.shared import Mm, Pt

from pipeline.errors import OperatorError
from pipeline.model import Arrival
from pipeline.render.machine import summary
from pipeline.render.shares import Share
from pipeline.render.wording import worded
from pipeline.run import Result, judge
from schemas.round import Deadline, Round

IN_TIME, LATE, AS_OF = dt.date(2022, 3, 20), dt.date(2022, 4, 1), dt.date(2022, 4, 5)
COUNTS = ("expected", "listed", "established", "named", "staffed", "complete", "errors")
FAULTS: dict[str, Row] = {
    "page_name": {"page_name": "Trang cộng đồng xã"},
    "page_link": {"page_link": "facebook"},
    "phone": {"leader_phone": "0912....."},
    "email": {"leader_email": "khong phai thu"},
    "link twice": {"page_link": "https://www.facebook.com/mattran.chung"},
}


@dataclass
class Report:
    """A report as a reader sees it."""

    path: Path
    result: Result

    @property
    def document(self) -> Document:
        return docx.Document(str(self.path))

    @property
    def text(self) -> str:
        body = self.document.element.body
        lines = ("".join(t.text or "" for t in p.iter(_w("t"))) for p in body.iter(_w("p")))
        return "\n".join(lines).replace("\u00a0", " ")

    def table(self, *head: str) -> list[list[str]]:
        """The rows below the header that begins so; every cell's text once, merged cells repeated."""
        for table in self.document.tables:
            rows = [[cell.text.replace("\u00a0", " ") for cell in row.cells] for row in table.rows]
            if rows[0][: len(head)] == list(head):
                return rows[1:]
        raise AssertionError(f"no table {head}")


def _w(name: str) -> str:
    return f"{{http://schemas.openxmlformats.org/wordprocessingml/2006/main}}{name}"


def _report(
    folder: Path,
    files: dict[str, bytes],
    *,
    received: dict[str, dt.date] | None = None,
    as_of: dt.date = AS_OF,
    round: Round = ROUND,
    template: Path = Path(),
) -> Report:
    arrivals = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content)
        day = (received or {}).get(name, IN_TIME)
        arrivals.append(Arrival(name, path, hashlib.sha256(content).hexdigest(), day))
    result = judge(round, arrivals, as_of)
    write_report(result, worded(result), folder / "bao-cao.docx", template)
    return Report(folder / "bao-cao.docx", result)


def _all_right() -> dict[str, bytes]:
    return {f"{code}.xlsx": Book(code).bytes() for code in ROUND.submitting_units}


def _with(sender: str, changes: dict[int, Row]) -> bytes:
    rows = right_rows(sender)
    return Book(sender, [row | changes.get(number, {}) for number, row in enumerate(rows)]).bytes()


def _mixed() -> dict[str, bytes]:
    """One unit has not sent, one is late, one cannot be read, one file is nobody's; the rest have faults."""
    files = _all_right()
    del files["103.xlsx"]
    files["098.xlsx"] = b"broken"
    files["khong-ro.xlsx"] = b"broken, and nobody's"
    files["096.xlsx"] = Book("096", right_rows("096")[:5]).bytes()
    files["097.xlsx"] = _with("097", dict(enumerate(FAULTS.values(), start=1)))
    files["099.xlsx"] = _with("099", {3: FAULTS["link twice"]})
    return files


@pytest.fixture
def mixed(tmp_path: Path) -> Report:
    return _report(tmp_path, _mixed(), received={"102.xlsx": LATE})


def test_every_count_is_the_summarys(mixed: Report) -> None:
    counts = summary(mixed.result)
    *units, total = mixed.table("TT", "Đơn vị", "Tình trạng")
    assert [[row[1], *row[3:]] for row in units] == [
        [unit["name"], *(str(unit[key]) for key in COUNTS)] for unit in counts["units"]
    ]
    assert total[3:] == [str(sum(unit[key] for unit in counts["units"])) for key in COUNTS]
    for row, level in zip(mixed.table("Cấp"), counts["levels"].values(), strict=False):
        assert row[1] == str(level["expected"])
        assert [cell.split("\n") for cell in row[2:]] == [
            [share.ratio, share.rate.replace("\u00a0", " ")]
            for share in (Share(level[key], level["expected"]) for key in COUNTS[1:-1])
        ]
    *faults, all_faults = mixed.table("TT", "Loại lỗi")
    assert sum(int(row[2]) for row in faults) == int(all_faults[2])
    assert int(all_faults[2]) == mixed.result.rollup.findings["severity"].eq("error").sum()


def test_who_sent_when_and_what_they_must_do(mixed: Report) -> None:
    assert "có 9/10 đơn vị cấp huyện đã gửi danh sách, đạt 90,0 %" in mixed.text
    assert "trong đó 08 đơn vị gửi đúng hạn, 01 đơn vị gửi sau thời hạn" in mixed.text
    assert "- Gửi sau thời hạn (01 đơn vị): huyện Mường Ảng (ngày 01/04/2022)." in mixed.text
    assert "- Đã gửi nhưng tệp không đọc được (01 đơn vị): huyện Tủa Chùa." in mixed.text
    assert "- Chưa gửi (01 đơn vị): huyện Nậm Pồ." in mixed.text
    assert "có 01 tệp chưa xác định được đơn vị gửi" in mixed.text
    duties = {row[1]: row[2:] for row in mixed.table("TT", "Đơn vị", "Việc phải làm")}
    behind = [unit["name"] for unit in summary(mixed.result)["units"] if unit["status"] != "accepted"]
    assert list(duties) == behind
    assert duties["Huyện Nậm Pồ"] == ["Gửi danh sách theo biểu mẫu", "Ngay"]
    absent = "Sửa 07 lỗi nêu trong phiếu sửa, trong đó có 07 đơn vị chưa có trong danh sách"
    assert duties["Huyện Mường Nhé"] == [absent, "Ngay"]


def test_a_deadline_still_ahead_is_the_day_to_act(tmp_path: Path) -> None:
    report = _report(tmp_path, {"095.xlsx": Book("095").bytes()}, as_of=dt.date(2022, 3, 25))
    assert "Thời hạn gửi còn 05 ngày." in report.text
    assert {row[3] for row in report.table("TT", "Đơn vị", "Việc phải làm")} == {"30/03/2022"}


def test_nobody_has_sent(tmp_path: Path) -> None:
    report = _report(tmp_path, {})
    assert "chưa có đơn vị nào trong 10 đơn vị cấp huyện gửi danh sách" in report.text
    assert "chưa đạt chỉ tiêu nào" in report.text
    assert [row[4] for row in report.table("Chỉ tiêu")] == [
        "Chưa đạt, còn thiếu 10 đơn vị",
        "Chưa đạt, còn thiếu 129 đơn vị",
    ]
    assert "Ngoài việc 10 đơn vị chưa gửi danh sách, không có lỗi phải sửa." in report.text
    assert len(report.table("TT", "Đơn vị", "Việc phải làm")) == 10


def test_all_is_right(tmp_path: Path) -> None:
    report = _report(tmp_path, _all_right())
    assert "có 10/10 đơn vị cấp huyện đã gửi danh sách, đạt 100,0 %" in report.text
    assert "không có đơn vị nào gửi sau thời hạn" in report.text
    assert "Không còn đơn vị nào chưa gửi." in report.text
    reached = [["10/10\n100,0 %", "Đạt"], ["129/129\n100,0 %", "Đạt"]]
    assert [row[3:] for row in report.table("Chỉ tiêu")] == reached
    assert "Các danh sách đã gửi không có lỗi phải sửa" in report.text
    assert "không phải sửa, bổ sung danh sách" in report.text
    assert "Việc phải làm" not in report.text


def test_a_round_without_deadline_and_targets(tmp_path: Path) -> None:
    round = ROUND.model_copy(update={"deadline": Deadline(), "targets": [], "lists": ["commune"]})
    report = _report(tmp_path, {"095.xlsx": Book("095").bytes()}, round=round)
    assert "2. Thời hạn: không quy định." in report.text
    assert "3. Chỉ tiêu: không quy định." in report.text
    assert "đúng hạn" not in report.text
    assert [row[0] for row in report.table("Cấp")] == ["Cấp xã"]


@pytest.mark.parametrize(
    ("count", "whole", "rate"),
    [
        (5, 6, "83,3 %"),
        (548, 705, "77,7 %"),
        (549, 705, "77,9 %"),
        (1, 16, "6,3 %"),
        (2999, 3000, "99,9 %"),  # not all of them
        (0, 0, "-"),
    ],
)
def test_rate(count: int, whole: int, rate: str) -> None:
    assert Share(count, whole).rate == rate.replace(" ", "\u00a0")


def test_no_person_stands_anywhere(tmp_path: Path) -> None:
    """Not even one whose name, number or address was written into the columns of the page."""
    strays: list[Row] = [
        {"page_name": "Lò Văn Pánh"},
        {"page_name": "Mặt trận Sông Đà - Lò Văn Pánh"},
        {"page_link": "lovanpanh@gmail.com"},
        {"page_name": "Mặt trận Lay Nưa 0912.345.678", "page_link": "0912345678"},
    ]
    files = {"095.xlsx": _with("095", dict(enumerate(strays))), "097.xlsx": Book("097").bytes()}
    report = _report(tmp_path, files)
    text = unicodedata.normalize("NFC", report.text)
    for row in [*right_rows("095"), *right_rows("097"), *strays]:
        for key in KEYS:
            if key.startswith(("leader", "manager")) and row.get(key):
                assert row[key] not in text
    assert "@" not in text
    assert "345.678" not in text and "0912345678" not in text


def test_the_annex_lists_the_pages(mixed: Report) -> None:
    rows = mixed.table("TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết")
    pages = {row[1]: row[2:] for row in rows}
    first = right_rows("095")[0]
    assert pages[first["unit"]] == [first["page_name"], first["page_link"], "Đầy đủ"]
    assert pages[units_of("096")[-1].full_name] == ["", "", "Chưa có trong danh sách"]
    assert pages["Huyện Nậm Pồ (chưa gửi danh sách)"]
    broken_link = units_of("097")[2].full_name
    assert pages[broken_link][1:] == ["(địa chỉ chưa đúng)", "Cần sửa"]


def test_odd_characters_appear_as_typed(tmp_path: Path) -> None:
    unit = units_of("095")[1]
    odd = f"Mặt trận {unit.name} & <b>Trang</b> {{{{ title }}}} {{% if %}} {{# x #}} {{_{{ ]]> \"'"
    report = _report(tmp_path, {"095.xlsx": _with("095", {1: {"page_name": odd}})})
    names = [row[2] for row in report.table("TT", "Đơn vị", "Tên Trang", "Địa chỉ liên kết")]
    assert odd in names


def test_the_same_result_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = (tmp_path / name for name in ("one", "other"))
    for folder in (one, other):
        folder.mkdir()
    assert _report(one, _mixed()).path.read_bytes() == _report(other, _mixed()).path.read_bytes()


def test_the_layout_is_the_decrees(mixed: Report) -> None:
    portrait, landscape = mixed.document.sections
    assert (portrait.page_width.mm, portrait.page_height.mm) == pytest.approx((210, 297), abs=0.1)
    assert (landscape.page_width.mm, landscape.page_height.mm) == pytest.approx((297, 210), abs=0.1)
    for section in (portrait, landscape):
        margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
        assert [margin.mm for margin in margins] == pytest.approx([20, 20, 30, 15], abs=0.1)
        assert section.different_first_page_header_footer
    styles = {p.text: p.style for p in mixed.document.paragraphs}
    body = next(style for text, style in styles.items() if text.startswith("Thực hiện Công văn"))
    assert body.paragraph_format.first_line_indent == pytest.approx(Mm(12.7), abs=700)
    assert body.paragraph_format.space_after >= Pt(6)
    rows = [row._tr for table in mixed.document.tables for row in table.rows]
    assert all(row.find(f"{_w('trPr')}/{_w('cantSplit')}") is not None for row in rows)
    assert "./.\n" in mixed.text


@pytest.mark.parametrize("text", ["{{ no_such_thing }}", "{{ title", "{% if title %}", "{{ title|no }}"])
def test_a_broken_placeholder_is_the_operators_fault(tmp_path: Path, text: str) -> None:
    template = tmp_path / "mau.docx"
    document = docx.Document(str(TEMPLATE))
    document.add_paragraph(text)
    document.save(str(template))
    shutil.copy(TEMPLATE.with_suffix(".toml"), template.with_suffix(".toml"))
    with pytest.raises(OperatorError, match=r"mau\.docx"):
        _report(tmp_path, {}, template=template)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no zip", b"plain text"])
def test_a_template_that_is_no_document_is_the_operators_fault(tmp_path: Path, content: bytes | None) -> None:
    template = tmp_path / "mau.docx"
    shutil.copy(TEMPLATE.with_suffix(".toml"), template.with_suffix(".toml"))
    if content is not None:
        template.write_bytes(content)
    with pytest.raises(OperatorError, match=r"mau\.docx"):
        _report(tmp_path, {}, template=template)


@pytest.mark.parametrize(
    ("old", "new"),
    [("[duties]", "[duty]"), ("{{ count }}", "{{ coun }}"), ("[limits]", "[limits"), ("faults = 10", "")],
)
def test_broken_words_are_the_operators_fault(tmp_path: Path, old: str, new: str) -> None:
    template = tmp_path / "mau.docx"
    shutil.copy(TEMPLATE, template)
    words = TEMPLATE.with_suffix(".toml").read_text(encoding="utf-8")
    template.with_suffix(".toml").write_text(words.replace(old, new), encoding="utf-8")
    with pytest.raises(OperatorError, match=r"mau\.toml"):
        _report(tmp_path, {}, template=template)
