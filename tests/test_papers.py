"""The Word papers, read back: counts and sentences, layout by the decree, and what must not stand in them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import re
import shutil
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path

import docx
import openpyxl
import pytest
from building import KEYS, ROUND, Book, Row, right_rows, units_of
from docx.document import Document
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.text.paragraph import Paragraph
from lxml import etree

from pipeline import agree
from pipeline.agree import Disagreement, compare
from pipeline.errors import OperatorError
from pipeline.model import Arrival, Shift, Standing, Tally
from pipeline.names import DISPATCH, INTERNAL, NOTICE, PAPERS, REPORT
from pipeline.render.machine import write_machine_results
from pipeline.render.papers import WORDS, write_papers
from pipeline.render.shares import Share, ranked
from pipeline.render.word import padded
from pipeline.render.wording import worded
from pipeline.run import Result, judge
from schemas.data import TEMPLATES
from schemas.round import Round, load_round
from schemas.round_parts import Extension, Letterhead

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
class Paper:
    """A paper as a reader sees it."""

    path: Path

    @property
    def document(self) -> Document:
        return docx.Document(str(self.path))

    @property
    def paragraphs(self) -> list[str]:
        paragraphs = self.document.element.body.iter(qn("w:p"))
        return [_plain("".join(t.text or "" for t in p.iter(qn("w:t")))) for p in paragraphs]

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)

    def table(self, caption: str) -> list[list[str]]:
        """The rows below the header of the table with that caption; every cell's text once, merged cells repeated."""
        for table in self.document.tables:
            found = table._tbl.find(f"{qn('w:tblPr')}/{qn('w:tblCaption')}")
            if found is not None and found.get(qn("w:val")) == caption:
                return [[_plain(cell.text) for cell in row.cells] for row in table.rows][1:]
        raise AssertionError(f"no table {caption}")


@dataclass
class Papers:
    """What was written for a result."""

    folder: Path
    result: Result

    def __getitem__(self, name: str) -> Paper:
        return Paper(self.folder / name)

    @property
    def report(self) -> Paper:
        return self[REPORT]

    @property
    def names(self) -> set[str]:
        return {path.name for path in self.folder.glob("*.docx")}


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def _judged(
    folder: Path,
    files: dict[str, bytes],
    *,
    received: dict[str, dt.date] | None = None,
    as_of: dt.date = AS_OF,
    round: Round = ROUND,
) -> Result:
    arrivals = []
    for name, content in files.items():
        path = folder / name
        path.write_bytes(content)
        day = (received or {}).get(name, IN_TIME)
        arrivals.append(Arrival(name, path, hashlib.sha256(content).hexdigest(), day))
    return judge(round, arrivals, as_of)


def _written(folder: Path, result: Result, templates: Path = TEMPLATES) -> Papers:
    place = folder / "papers"
    place.mkdir()
    paths = write_papers(result, worded(result), place, templates)
    assert sorted(paths) == sorted(place.glob("*"))
    return Papers(place, result)


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


def _changed_round(**changes: object) -> Round:
    """The round with other settings, read anew: a copy would keep what was reckoned of the old ones."""
    record = {**ROUND.model_dump(by_alias=True, exclude_unset=True), **changes}
    return Round.model_validate(record)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("mixed")
    return _written(folder, _judged(folder, _mixed(), received={"102.xlsx": LATE}))


@pytest.fixture(scope="module")
def full(mixed: Papers, tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """The same with all that a round can have: further tables, changes since a period before, an emulation."""
    unit, other = units_of("095")[1], units_of("099")[2]
    shifts = [
        Shift(unit.code, "new", "", "", "Mặt trận mới"),
        Shift(other.code, "renamed", "page_name", "Lò Văn Pánh", f"Mặt trận {other.name}"),
        Shift(other.code, "moved", "page_link", "lovanpanh@gmail.com", "https://www.facebook.com/mattran.moi"),
        Shift(unit.code, "value", "leader_phone", "0912345678", "0987654321", personal=True),
        Shift(unit.code, "persons", "leader_name", "Lò Văn Pánh", "Giàng Thị Dua", personal=True),
    ]
    standings = [
        Standing(
            code, rank, 10 - rank / 2, 10, [("Gửi đúng hạn", 10 - rank / 2, 10)], ["Lập 02 Trang"], 8.3, 3, rank < 4
        )
        for rank, code in enumerate(ROUND.submitting_units, start=1)
    ]
    tally = Tally(
        "Trang đã kết nối",
        ["Cấp", "Đã kết nối", "Tổng số"],
        [["Cấp huyện", 10, 10], ["Cấp xã", 18, 226]],
        ["Cộng", 28, 236],
    )
    result = dataclasses.replace(
        mixed.result,
        shifts=shifts,
        previous="tháng 3/2022",
        standings=standings,
        rollup=dataclasses.replace(mixed.result.rollup, tables=[tally]),
    )
    return _written(tmp_path_factory.mktemp("full"), result)


# --- counts


def test_every_count_is_the_summarys(mixed: Papers) -> None:
    counts = mixed.result.summary
    *units, total = mixed.report.table("ket-qua-theo-don-vi")
    assert [[row[1], *row[3:]] for row in units] == [
        [unit["name"], *(str(unit[key]) for key in COUNTS)] for unit in counts["units"]
    ]
    assert total[3:] == [str(sum(unit[key] for unit in counts["units"])) for key in COUNTS]
    for paper in (mixed.report, mixed[NOTICE]):
        for row, level in zip(paper.table("ket-qua-theo-cap"), counts["levels"].values(), strict=False):
            assert row[1] == str(level["expected"])
            assert [cell.split("\n") for cell in row[2:]] == [
                [share.ratio, _plain(share.rate)]
                for share in (Share(level[key], level["expected"]) for key in COUNTS[1:-1])
            ]
    *faults, all_faults = mixed.report.table("loi")
    assert sum(int(row[2]) for row in faults) == int(all_faults[2])
    assert int(all_faults[2]) == mixed.result.rollup.findings["severity"].eq("error").sum()


def test_the_notice_ranks_by_rate_and_equals_share_a_rank(mixed: Papers) -> None:
    counts = {unit["code"]: unit for unit in mixed.result.summary["units"]}
    ranks = ranked(mixed.result, "established")
    rows = mixed[NOTICE].table("thu-tu")
    assert [row[1] for row in rows] == [counts[code]["name"] for _, code in ranks]
    assert [row[0] for row in rows] == [str(rank or "-") for rank, _ in ranks]
    assert [row[4].split()[0] for row in rows] == [str(counts[code]["established"]) for _, code in ranks]
    assert [rank for rank, _ in ranks] == [1, 1, 1, 1, 1, 6, 7, 8, 0, 0]
    assert {code for rank, code in ranks if not rank} == {"098", "103"}


def test_the_chart_shows_the_shares_of_the_units(mixed: Papers) -> None:
    with zipfile.ZipFile(mixed.report.path) as package:
        book = openpyxl.load_workbook(io.BytesIO(package.read("word/embeddings/bieu-do-1.xlsx")))
        chart = etree.fromstring(package.read("word/charts/chart1.xml"))
    communes = mixed.result.rollup.units[lambda units: units["level"].eq("commune")].groupby("submitter_code")
    shares = communes["established"].mean()
    rows = list(book.active.iter_rows(min_row=2, max_col=3, values_only=True))
    assert [row[0] for row in rows] == [unit.full_name for unit in ROUND.submitting_units.values()]
    assert [row[1] for row in rows] == pytest.approx(list(shares))
    assert [row[2] for row in rows] == pytest.approx([1 - share for share in shares])  # the target is 100 %
    names = [etree.QName(part).localname for part in chart]
    assert names.index("externalData") < names.index("printSettings")  # else Word finds the file damaged
    (drawing,) = mixed.report.document.element.body.iter(qn("wp:docPr"))
    assert all(unit.full_name in drawing.get("descr") for unit in ROUND.submitting_units.values())


# --- sentences


def test_who_sent_when_and_what_they_must_do(mixed: Papers) -> None:
    text = mixed.report.text
    assert "có 9/10 đơn vị cấp huyện đã gửi danh sách “Trang cộng đồng”, đạt 90,0 %" in text
    assert "trong đó 08 đơn vị gửi đúng hạn, 01 đơn vị gửi sau thời hạn" in text
    assert "- Gửi sau thời hạn (01 đơn vị): huyện Mường Ảng (ngày 01/4/2022)." in text
    assert "- Đã gửi nhưng tệp không đọc được hoặc chưa có số liệu (01 đơn vị): huyện Tủa Chùa." in text
    assert "- Chưa gửi (01 đơn vị): huyện Nậm Pồ." in text
    assert "có 01 tệp chưa xác định được đơn vị gửi" in text
    assert "8/10 Mặt trận cấp huyện (80,0 %) và 92/129 Mặt trận cấp xã (71,3 %) đã có “Trang cộng đồng”" in text
    behind = [unit["name"] for unit in mixed.result.summary["units"] if unit["status"] != "accepted"]
    for paper in (mixed.report, mixed[DISPATCH]):
        duties = {row[1]: row[2:] for row in paper.table("phai-sua")}
        assert list(duties) == behind
        assert duties["Huyện Nậm Pồ"][1:] == ["Gửi danh sách “Trang cộng đồng” theo biểu mẫu", "Ngay"]
        assert duties["Huyện Mường Nhé"] == [
            "Thiếu đơn vị (07)",
            "Sửa 07 lỗi theo phiếu sửa, trong đó bổ sung 07 đơn vị",
            "Ngay",
        ]


def test_a_deadline_still_ahead_is_the_day_to_act(tmp_path: Path) -> None:
    papers = _written(tmp_path, _judged(tmp_path, {"095.xlsx": Book("095").bytes()}, as_of=dt.date(2022, 3, 25)))
    assert "Thời hạn gửi còn 05 ngày." in papers.report.text
    assert {row[4] for row in papers.report.table("phai-sua")} == {"30/3/2022"}
    assert (
        "và gửi về Ban Thường trực Ủy ban MTTQ Việt Nam tỉnh Điện Biên chậm nhất ngày 30/3/2022"
        in papers[DISPATCH].text
    )


def test_more_time_for_one_unit_is_told_and_kept(tmp_path: Path) -> None:
    more = Extension(unit="103", by=dt.date(2022, 4, 10), reason="mưa lũ")
    round = _changed_round(extensions=[more.model_dump(exclude_unset=True)])
    papers = _written(tmp_path, _judged(tmp_path, {"095.xlsx": Book("095").bytes()}, round=round))
    assert "- Gia hạn cho huyện Nậm Pồ: đến hết ngày 10/4/2022 (mưa lũ)." in papers.report.text
    days = {row[1]: row[4] for row in papers.report.table("phai-sua")}
    assert (days.pop("Huyện Nậm Pồ"), set(days.values())) == ("10/4/2022", {"Ngay"})
    assert "theo thời hạn của từng đơn vị tại Phụ lục" in papers[DISPATCH].text


def test_nobody_has_sent(tmp_path: Path) -> None:
    papers = _written(tmp_path, _judged(tmp_path, {}))
    text = papers.report.text
    assert "chưa có đơn vị nào trong 10 đơn vị cấp huyện gửi danh sách “Trang cộng đồng”" in text
    assert "chưa có số liệu của đơn vị nào trong 139 đơn vị." in text  # what nobody told is not known to be none
    assert "chưa đạt chỉ tiêu nào" in text
    assert [row[4] for row in papers.report.table("chi-tieu")] == [
        "Chưa đạt, còn thiếu 10 đơn vị",
        "Chưa đạt, còn thiếu 129 đơn vị",
    ]
    assert "Ngoài việc 10 đơn vị chưa gửi, không có lỗi phải sửa." in text
    assert len(papers.report.table("phai-sua")) == 10
    assert "Tình hình từng đơn vị tại Phụ lục I." in text and "nêu tại Phụ lục II " in text
    assert "DANH SÁCH “TRANG CỘNG ĐỒNG”" not in text + papers[NOTICE].text
    assert "Chưa có đơn vị nào gửi nên chưa xếp thứ tự." in papers[NOTICE].text
    assert "Thứ tự các đơn vị tại" not in papers[NOTICE].text and "Phụ lục" not in papers[NOTICE].text
    assert "chưa nhận được danh sách “Trang cộng đồng” của đơn vị nào" in papers[DISPATCH].text
    assert INTERNAL not in papers.names


def test_all_is_right_and_nobody_is_urged(tmp_path: Path) -> None:
    papers = _written(tmp_path, _judged(tmp_path, _all_right()))
    text = papers.report.text
    assert "có 10/10 đơn vị cấp huyện đã gửi danh sách “Trang cộng đồng”, đạt 100,0 %" in text
    assert "không có đơn vị nào gửi sau thời hạn" in text
    assert "Không còn đơn vị nào chưa gửi." in text
    assert [row[3:] for row in papers.report.table("chi-tieu")] == [
        ["10/10\n100,0 %", "Đạt"],
        ["129/129\n100,0 %", "Đạt"],
    ]
    assert "Số liệu đã gửi không có lỗi phải sửa" in text
    assert "không phải sửa, bổ sung; tiếp tục duy trì hoạt động của “Trang cộng đồng”" in text
    assert "PHẢI GỬI, SỬA" not in text
    assert "(chỉ tiêu 100 %: tất cả các đơn vị đã đạt)" in text
    assert papers.names == {REPORT, NOTICE, INTERNAL}
    assert "Biểu dương 10 đơn vị đã gửi đúng hạn, đạt yêu cầu" in papers[NOTICE].text
    assert "chưa gửi hoặc còn nội dung phải sửa" not in papers[NOTICE].text


def test_one_unit_to_urge_is_addressed_by_name(tmp_path: Path) -> None:
    files = _all_right() | {"095.xlsx": _with("095", {1: FAULTS["phone"]})}
    papers = _written(tmp_path, _judged(tmp_path, files))
    lines = papers[DISPATCH].paragraphs
    assert "Kính gửi: Ban Thường trực Ủy ban MTTQ Việt Nam thị xã Mường Lay" in lines
    assert "V/v đề nghị sửa, hoàn thiện danh sách “Trang cộng đồng”" in lines
    assert "- Phải sửa, bổ sung (01 đơn vị, 01 lỗi): thị xã Mường Lay." in lines
    assert "đề nghị đơn vị nêu tại Phụ lục III gửi, sửa" in papers.report.text
    assert [row[1:3] for row in papers[DISPATCH].table("phai-sua")] == [
        ["Thị xã Mường Lay", "Số điện thoại bị che (01)"]
    ]


def test_a_few_units_are_addressed_one_a_line_and_many_as_what_they_are(mixed: Papers, tmp_path: Path) -> None:
    lines = mixed[DISPATCH].paragraphs
    place = lines.index("Kính gửi:")
    assert [line[-1] for line in lines[place + 1 : place + 6]] == [";", ";", ";", ";", "."]
    assert lines[place + 5] == "- Ban Thường trực Ủy ban MTTQ Việt Nam huyện Nậm Pồ."
    many = _written(tmp_path, _judged(tmp_path, {}))[DISPATCH].paragraphs
    assert "Kính gửi: Ban Thường trực Ủy ban MTTQ Việt Nam các huyện, thị xã, thành phố" in many
    assert "V/v đôn đốc gửi danh sách “Trang cộng đồng”" in many


def test_a_round_without_deadline_targets_and_addressee(tmp_path: Path) -> None:
    head = ROUND.letterhead.model_copy(update={"addressee": ""})
    round = _changed_round(deadline={}, targets=[], reminders=[], lists=["commune"], letterhead=head.model_dump())
    papers = _written(tmp_path, _judged(tmp_path, {"095.xlsx": Book("095").bytes()}, round=round))
    text = papers.report.text
    assert "2. Thời hạn: không quy định." in text
    assert "3. Chỉ tiêu: không quy định." in text
    assert "đúng hạn" not in text
    assert "Kính gửi" not in text
    assert text.count("trân trọng báo cáo./.") == 1
    assert [row[0] for row in papers.report.table("ket-qua-theo-cap")] == ["Cấp xã"]
    assert "thời hạn gửi" not in papers[DISPATCH].text
    assert "(phần đậm" not in text  # no target, no gaps in the chart


@pytest.mark.parametrize(
    ("round", "said"),
    [
        ("dien-bien-2026", "Thực hiện Công văn số       /             ngày     tháng     năm        của Ban"),
        ("nghe-an-2022", "Thực hiện Công văn số       /             ngày     tháng 01 năm 2022 của Ban Thường trực"),
        ("thai-nguyen-2022", "Thực hiện Kết luận Hội nghị triển khai “Trang cộng đồng” ngày 05/8/2022 của"),
    ],
)
def test_an_order_without_number_and_day_leaves_room_for_them(tmp_path: Path, round: str, said: str) -> None:
    papers = _written(tmp_path, _judged(tmp_path, {}, round=load_round(round)))
    for name in (REPORT, DISPATCH, NOTICE):
        assert said in papers[name].text


def test_communes_that_submit_themselves(tmp_path: Path) -> None:
    round = load_round("dien-bien-2026")
    papers = _written(tmp_path, _judged(tmp_path, {}, round=round))
    assert "chưa có đơn vị nào trong 45 đơn vị cấp xã gửi" in papers.report.text
    assert "xã Mường Toong" in papers.report.text and "và 25 đơn vị khác" in papers.report.text
    with zipfile.ZipFile(papers.report.path) as package:
        book = openpyxl.load_workbook(io.BytesIO(package.read("word/embeddings/bieu-do-1.xlsx")))
    assert [row[0] for row in book.active.iter_rows(min_row=2, values_only=True)] == [
        "Có trong danh sách", "Có Trang", "Tên Trang đúng mẫu", "Đủ người phụ trách", "Đầy đủ, không lỗi",
    ]  # fmt: skip
    assert "Kính gửi: Ban Thường trực Ủy ban MTTQ Việt Nam các xã, phường" in papers[DISPATCH].paragraphs


def test_many_units_have_their_chart_in_columns_in_the_annex(tmp_path: Path) -> None:
    templates = _templates(tmp_path, WORDS, "bars = 24", "bars = 4", "columns = 32", "columns = 3")
    papers = _written(tmp_path, _judged(tmp_path, _all_right()), templates)
    drawings = list(papers.report.document.element.body.iter(qn("wp:docPr")))
    assert len(drawings) == 4  # ten units, three a column, two columns side by side
    paragraphs = [drawing.getparent().getparent().getparent().getparent() for drawing in drawings]
    assert paragraphs[0] is paragraphs[1] and paragraphs[2] is paragraphs[3] and paragraphs[1] is not paragraphs[2]
    lines = papers.report.paragraphs
    caption = next(place for place, line in enumerate(lines) if line.startswith("Biểu đồ:"))
    assert lines.index("Phụ lục I") < caption < lines.index("Phụ lục II")


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


# --- what only some rounds have


def test_further_tables_are_printed_as_they_are(full: Papers) -> None:
    for paper in (full.report, full[NOTICE]):
        assert paper.table("so-lieu") == [["Cấp huyện", "10", "10"], ["Cấp xã", "18", "226"], ["Cộng", "28", "236"]]
    assert "2. Trang đã kết nối:" in full.report.paragraphs


def test_a_long_table_stands_in_an_annex(mixed: Papers, tmp_path: Path) -> None:
    rows: list[list[str | int]] = [[unit.full_name, number] for number, unit in enumerate(units_of("099"))]
    long, short = (
        Tally("Tham gia theo đơn vị", ["Đơn vị", "Số người"], rows),
        Tally("Theo cấp", ["Cấp", "Số"], rows[:2]),
    )
    rollup = dataclasses.replace(mixed.result.rollup, tables=[long, short])
    papers = _written(tmp_path, dataclasses.replace(mixed.result, rollup=rollup))
    for paper in (papers.report, papers[NOTICE]):
        lines = paper.paragraphs
        assert lines.index("Phụ lục II") < lines.index("SỐ LIỆU CHI TIẾT") < lines.index("Tham gia theo đơn vị")
        assert "tham gia theo đơn vị tại Phụ lục II." in paper.text
    lines = papers.report.paragraphs
    assert lines.index("2. Theo cấp:") < lines.index("Phụ lục I")
    assert any(line.startswith("5. Theo đơn vị:") for line in lines)  # levels, table, annex, targets, units


def test_a_countrys_lists_leave_out_the_lowest_level(mixed: Papers, tmp_path: Path) -> None:
    papers = _written(tmp_path, mixed.result, _templates(tmp_path, WORDS, "pages = 2000", "pages = 138"))
    for name in (REPORT, NOTICE, INTERNAL):
        assert "Danh sách này không gồm Mặt trận cấp xã." in papers[name].text
        caption = "nguoi-phu-trach" if name == INTERNAL else "danh-sach-trang"
        units = {row[1] for row in papers[name].table(caption) if row[0] != row[1]}
        assert units <= {unit.full_name for unit in ROUND.submitting_units.values()}
        assert len(units) == (10 if name == REPORT else 8)  # the report tells who is not listed, too


def test_large_numbers_have_a_dot_before_every_three_digits(mixed: Papers, tmp_path: Path) -> None:
    rows: list[list[str | int]] = [["cấp xã", 1981, 7]]
    tables = [Tally("Số người", ["Cấp", "Tổng số", "Tự nguyện"], rows, ["Cộng", 11371, 7])]
    result = dataclasses.replace(mixed.result, rollup=dataclasses.replace(mixed.result.rollup, tables=tables))
    papers = _written(tmp_path, result)
    assert papers.report.table("so-lieu") == [["Cấp xã", "1.981", "7"], ["Cộng", "11.371", "7"]]
    assert "tháng     năm 2022" in papers.report.text and Share(9630, 10603).ratio == "9.630/10.603"
    assert (padded(7), padded(11371)) == ("07", "11.371")


def test_numbers_with_dots_are_read_back() -> None:
    counts = {"expected": 10603, "listed": 9710, "established": 9630, "named": 0, "staffed": 0, "complete": 0}
    summary = {
        "levels": {"commune": counts},
        "units": [{**counts, "name": "A", "errors": 0, "warnings": 0, "score": 0}],
    }
    levels = [[["Cấp"]], [["Cấp xã"], ["10.603"], ["9.630/10.603", "90,8 %"]]]
    agree._compare_paper("bao-cao.docx", {"ket-qua-theo-cap": levels, "thu-tu": [[["A"], ["9.630 (90,8 %)"]]]}, summary)
    for wrong in ({"ket-qua-theo-cap": [[], [["9.631/10.603"]]]}, {"thu-tu": [[["A"], ["9.631 (90,8 %)"]]]}):
        with pytest.raises(Disagreement):
            agree._compare_paper("bao-cao.docx", wrong, summary)


def test_changes_are_counted_and_listed_persons_only_by_kind(full: Papers) -> None:
    assert (
        "Thay đổi so với kỳ trước (tháng 3/2022): 01 Trang mới; 01 Trang đổi tên; 01 Trang đổi địa chỉ; "
        "01 đơn vị thay đổi người phụ trách (Phụ lục IV)." in full.report.text
    )
    unit, other = units_of("095")[1].full_name, units_of("099")[2]
    assert [row[1:] for row in full.report.table("thay-doi")] == [
        [f"{unit}, thị xã Mường Lay", "Trang mới", "", "Mặt trận mới"],
        [f"{unit}, thị xã Mường Lay", "Thay đổi người phụ trách", "", ""],
        [f"{other.full_name}, huyện Tuần Giáo", "Đổi tên Trang", "(tên chưa đúng mẫu)", f"Mặt trận {other.name}"],
        [f"{other.full_name}, huyện Tuần Giáo", "Đổi địa chỉ Trang", "(địa chỉ chưa đúng)", "https://www.facebook.com/mattran.moi"],
    ]  # fmt: skip


def test_the_emulation_names_the_best_and_tells_the_others_what_they_lack(full: Papers) -> None:
    best = "03 đơn vị thực hiện tốt: thành phố Điện Biên Phủ, thị xã Mường Lay, huyện Mường Nhé; 07 đơn vị còn lại"
    for paper in (full.report, full[NOTICE]):
        assert best in paper.text
        rows = paper.table("thi-dua")
        assert rows[0] == ["1", "Thành phố Điện Biên Phủ", "9,5", "9,5", "8,3 (3 tháng)", "Lập 02 Trang"]
        assert len(rows) == 10
    assert [row[-1] for row in full.report.table("ket-qua-theo-don-vi")[:2]] == ["9,5", "9,0"]
    assert "tính vào điểm thi đua" in full[DISPATCH].text


def test_annexes_are_numbered_as_they_come(full: Papers) -> None:
    labels = [line for line in full.report.paragraphs if re.fullmatch(r"Phụ lục( [IVX]+)?", line)]
    assert labels == ["Phụ lục I", "Phụ lục II", "Phụ lục III", "Phụ lục IV", "Phụ lục V"]
    assert [line for line in full[DISPATCH].paragraphs if line.startswith("Phụ lục")] == ["Phụ lục"]


# --- persons


def test_no_person_stands_in_a_paper_that_leaves_the_office(tmp_path: Path) -> None:
    """Not even one whose name, number or address was written into the columns of the page."""
    strays: list[Row] = [
        {"page_name": "Lò Văn Pánh"},
        {"page_name": "Mặt trận Sông Đà - Lò Văn Pánh"},
        {"page_link": "lovanpanh@gmail.com"},
        {"page_name": "Mặt trận Lay Nưa 0912.345.678", "page_link": "0912345678"},
    ]
    files = {"095.xlsx": _with("095", dict(enumerate(strays))), "097.xlsx": Book("097").bytes()}
    papers = _written(tmp_path, _judged(tmp_path, files))
    for name in (REPORT, DISPATCH, NOTICE):
        text = unicodedata.normalize("NFC", papers[name].text)
        for row in [*right_rows("095"), *right_rows("097"), *strays]:
            for key in KEYS:
                if key.startswith(("leader", "manager")) and row.get(key):
                    assert row[key] not in text
        assert "@" not in text
        assert "345.678" not in text and "0912345678" not in text


def test_changes_hold_no_person(full: Papers) -> None:
    for name in (REPORT, DISPATCH, NOTICE):
        assert not re.search(r"Lò Văn Pánh|Giàng Thị Dua|09\d{8}|@", full[name].text)


def test_the_internal_annex_lists_them_and_marks_what_is_wrong(mixed: Papers) -> None:
    paper = mixed[INTERNAL]
    assert "LƯU HÀNH NỘI BỘ" in paper.text
    rows = {(row[1], row[2]): row[3:] for row in paper.table("nguoi-phu-trach") if row[0] != row[1]}
    district = right_rows("095")[0]
    leader, manager = (
        tuple(district[f"{who}_{part}"] for part in ("name", "phone", "email")) for who in ("leader", "manager")
    )
    assert rows["Thị xã Mường Lay", "Lãnh đạo phụ trách"] == list(leader)
    assert rows["Thị xã Mường Lay", "Cán bộ quản lý, vận hành"] == list(manager)
    masked = units_of("097")[3].full_name
    assert rows[masked, "Lãnh đạo phụ trách"][1] == "0912..... (*)"
    assert not any(name == "Huyện Nậm Pồ" for name, _ in rows)


# --- pages


def test_the_annex_lists_the_pages(mixed: Papers) -> None:
    pages = {row[1]: row[2:] for row in mixed.report.table("danh-sach-trang")}
    first = right_rows("095")[0]
    assert pages[first["unit"]] == [first["page_name"], first["page_link"], "Đầy đủ"]
    assert pages[units_of("096")[-1].full_name] == ["", "", "Chưa có trong danh sách"]
    assert pages["Huyện Nậm Pồ (chưa gửi danh sách)"]
    broken_link = units_of("097")[2].full_name
    assert pages[broken_link][1:] == ["(địa chỉ chưa đúng)", "Cần sửa"]


def test_the_notice_lists_the_pages_that_anybody_can_follow(mixed: Papers) -> None:
    rows = [row for row in mixed[NOTICE].table("danh-sach-trang") if row[0] != row[1]]
    assert len(rows) == int(mixed.result.rollup.units["established"].sum())
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert all(row[3].startswith("https://www.facebook.com/") for row in rows)


def test_odd_characters_appear_as_typed(tmp_path: Path) -> None:
    unit = units_of("095")[1]
    odd = f"Mặt trận {unit.name} & <b>Trang</b> {{{{ title }}}} {{% if %}} {{# x #}} {{_{{ ]]> \"'"
    papers = _written(tmp_path, _judged(tmp_path, {"095.xlsx": _with("095", {1: {"page_name": odd}})}))
    assert odd in [row[2] for row in papers.report.table("danh-sach-trang")]


def test_the_same_result_gives_the_same_bytes(full: Papers, tmp_path: Path) -> None:
    again = _written(tmp_path, full.result)
    assert full.names == again.names == set(PAPERS)
    assert all(full[name].path.read_bytes() == again[name].path.read_bytes() for name in PAPERS)


# --- agreement


def test_a_paper_that_says_otherwise_is_not_published(mixed: Papers, tmp_path: Path) -> None:
    write_machine_results(mixed.result, worded(mixed.result), tmp_path / "ket-qua")
    for name in (REPORT, NOTICE):
        shutil.copy(mixed[name].path, tmp_path / name)
    compare(tmp_path, (REPORT, NOTICE))
    for name, old, new in ((REPORT, "92/129", "90/129"), (NOTICE, ">19\u00a0(95,0", ">18\u00a0(95,0")):
        _rewrite(mixed[name].path, tmp_path / name, old, new)
        with pytest.raises(Disagreement, match=name):
            compare(tmp_path, (REPORT, NOTICE))
        shutil.copy(mixed[name].path, tmp_path / name)


def test_a_template_with_fewer_columns_agrees_too(mixed: Papers, tmp_path: Path) -> None:
    write_machine_results(mixed.result, worded(mixed.result), tmp_path / "ket-qua")
    document = mixed.report.document
    changed = 0
    for table in document.tables:
        for row in table.rows if len(table.columns) == 10 else ():
            row._tr.remove(row._tr.tc_lst[-1])
            changed += 1
    assert changed > len(mixed.result.round.submitting_units)
    document.save(str(tmp_path / REPORT))
    compare(tmp_path, [REPORT])
    _rewrite(tmp_path / REPORT, tmp_path / "other.docx", "92/129", "90/129")
    (tmp_path / "other.docx").replace(tmp_path / REPORT)
    with pytest.raises(Disagreement, match=REPORT):
        compare(tmp_path, [REPORT])


def _rewrite(source: Path, target: Path, old: str, new: str) -> None:
    with zipfile.ZipFile(source) as package, zipfile.ZipFile(target, "w") as changed:
        for name in package.namelist():
            content = package.read(name)
            if name == "word/document.xml":
                assert old.encode() in content
                content = content.replace(old.encode(), new.encode())
            changed.writestr(name, content)


# --- layout: Decree 30/2020/ND-CP, annex I


@pytest.mark.parametrize("name", PAPERS)
def test_pages_are_the_decrees(full: Papers, name: str) -> None:
    document = full[name].document
    for section in document.sections:
        size = (section.page_width.mm, section.page_height.mm)
        assert sorted(size) == pytest.approx([210, 297], abs=0.1)
        assert (section.orientation == 1) == (size[0] > size[1])
        margins = (section.top_margin, section.bottom_margin, section.left_margin, section.right_margin)
        assert [margin.mm for margin in margins] == pytest.approx([20, 20, 30, 15], abs=0.1)
        assert section.different_first_page_header_footer
        assert section._sectPr.find(qn("w:pgNumType")).get(qn("w:start")) == "1"
        (number,) = section.header.paragraphs
        assert "PAGE" in number._p.xml
        assert (number.style.font.size, number.style.paragraph_format.alignment) == (Pt(14), 1)
        assert 0 < section.header_distance < section.top_margin
        assert not "".join(p.text for p in section.first_page_header.paragraphs)
    orientations = [section.orientation for section in document.sections]
    assert orientations == {REPORT: [0, 0, 1, 0, 1, 1], NOTICE: [0, 0, 1, 1], DISPATCH: [0, 0], INTERNAL: [1]}[name]
    defaults = document.styles.element.find(
        f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}/{qn('w:rFonts')}"
    )
    assert {defaults.get(qn(f"w:{script}")) for script in ("ascii", "hAnsi", "cs", "eastAsia")} == {"Times New Roman"}
    fonts = {fonts.get(qn("w:ascii")) for fonts in document.element.body.iter(qn("w:rFonts"))}
    assert fonts <= {"Times New Roman"}


LAYOUT = {  # text that begins so: size, bold, italic, alignment (0 left, 1 centred, 3 justified)
    "CỘNG HÒA XÃ HỘI": (13, True, False, 1),
    "Độc lập - Tự do - Hạnh phúc": (14, True, False, 1),
    "ỦY BAN MTTQ VIỆT NAM": (13, False, False, 1),
    "BAN THƯỜNG TRỰC": (13, True, False, 1),
    "Số:": (13, False, False, 1),
    "Điện Biên, ngày     tháng     năm 2022": (13, False, True, 1),
    "BÁO CÁO": (14, True, False, 1),
    "THÔNG BÁO": (14, True, False, 1),
    "Kết quả củng cố, hoàn thiện": (14, True, False, 1),
    "V/v ": (12, False, False, 1),
    "Kính gửi": (14, False, False, 1),
    "- Ban Thường trực Ủy ban MTTQ Việt Nam huyện": (14, False, False, 0),
    "Thực hiện Công văn": (14, False, False, 3),
    "I. NỘI DUNG YÊU CẦU": (14, True, False, 3),
    "1. Kết quả chung": (14, True, False, 3),
    "TM. BAN THƯỜNG TRỰC": (14, True, False, 1),
    "PHÓ CHỦ TỊCH": (14, True, False, 1),
    "Nơi nhận:": (12, True, True, 0),
    "- Lưu: VT": (11, False, False, 0),
    "Phụ lục": (14, True, False, 1),
    "KẾT QUẢ THEO ĐƠN VỊ": (14, True, False, 1),
    "(Kèm theo ": (14, False, True, 1),
}


@pytest.mark.parametrize("name", [REPORT, DISPATCH, NOTICE])
def test_sizes_cases_and_places_are_the_decrees(mixed: Papers, name: str) -> None:
    document = mixed[name].document
    seen = set()
    for element in document.element.body.iter(qn("w:p")):
        paragraph = Paragraph(element, document._body)
        start = next((start for start in LAYOUT if _plain(paragraph.text).startswith(start)), None)
        if start is None or start in seen:
            continue
        seen.add(start)
        style = paragraph.style
        assert style is not None
        found = (style.font.size, bool(style.font.bold), bool(style.font.italic), style.paragraph_format.alignment)
        size, *rest = LAYOUT[start]
        assert found == (Pt(size), *rest), start
    own = {
        REPORT: {"V/v ", "THÔNG BÁO", "1. Kết quả chung", "- Ban Thường trực Ủy ban MTTQ Việt Nam huyện"},
        DISPATCH: {"BÁO CÁO", "THÔNG BÁO", "Kết quả củng cố, hoàn thiện", "I. NỘI DUNG YÊU CẦU",
            "1. Kết quả chung", "KẾT QUẢ THEO ĐƠN VỊ",
        },
        NOTICE: {"BÁO CÁO", "V/v ", "Kính gửi", "I. NỘI DUNG YÊU CẦU", "KẾT QUẢ THEO ĐƠN VỊ",
            "- Ban Thường trực Ủy ban MTTQ Việt Nam huyện",
        },
    }[name]  # fmt: skip
    assert set(LAYOUT) - seen == own


@pytest.mark.parametrize("name", [REPORT, DISPATCH, NOTICE])
def test_what_stands_beside_what(mixed: Papers, name: str) -> None:
    document = mixed[name].document
    head = document.tables[0]
    left, right = (_plain(cell.text) for cell in head.rows[1].cells)
    assert left.startswith("Số:") and right.startswith("Điện Biên, ngày")  # number and date on one level
    assert ("V/v" in left) == (name == DISPATCH)
    foot = next(table for table in document.tables if "Nơi nhận:" in table.rows[0].cells[0].text)
    assert foot.rows[0].cells[1].text.startswith("TM. BAN THƯỜNG TRỰC\nPHÓ CHỦ TỊCH")
    body = next(p for p in document.paragraphs if p.text.startswith("Thực hiện Công văn"))
    assert body.style is not None
    shape = body.style.paragraph_format
    assert shape.first_line_indent == pytest.approx(Mm(12.7), abs=700)
    assert shape.space_after is not None and shape.space_after >= Pt(6)
    assert 1 <= shape.line_spacing <= 1.5
    last = [p.text for p in document.paragraphs if p.text.endswith("./.")]
    assert len(last) == 1


@pytest.mark.parametrize("name", PAPERS)
def test_tables_repeat_their_header_and_split_no_row(full: Papers, name: str) -> None:
    for table in full[name].document.tables:
        assert all(row._tr.find(f"{qn('w:trPr')}/{qn('w:cantSplit')}") is not None for row in table.rows)
        if table._tbl.find(f"{qn('w:tblPr')}/{qn('w:tblCaption')}") is not None:
            assert table.rows[0]._tr.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None
        grid = [int(column.get(qn("w:w"))) for column in table._tbl.tblGrid]
        width = int(table._tbl.tblPr.find(qn("w:tblW")).get(qn("w:w")))
        assert sum(grid) == width
        for row in table.rows:
            assert sum(tc.grid_span for tc in row._tr.tc_lst) == len(grid)


@pytest.mark.parametrize("name", [REPORT, DISPATCH, NOTICE])
def test_the_last_word_of_the_title_does_not_stand_alone(mixed: Papers, name: str) -> None:
    titles = [p.text for p in mixed[name].document.paragraphs if p.text.startswith("Kết quả củng cố")]
    assert titles == [] if name == DISPATCH else titles[0].endswith("tỉnh Điện\u00a0Biên")


@pytest.mark.parametrize("name", [REPORT, DISPATCH, NOTICE])
def test_rules_are_a_third_to_a_half_of_their_line(mixed: Papers, name: str) -> None:
    """Measured with the widths of Times New Roman Bold, in thousandths of its size."""
    document = mixed[name].document
    cell = document.tables[0].rows[0].cells[0]
    issuer, rule = cell.paragraphs[-2:]
    widths = dict(zip("BANTHƯỜGRỰC ", (667, 722, 722, 667, 778, 795, 778, 778, 722, 795, 722, 250), strict=True))
    line = sum(widths[letter] for letter in issuer.text) / 1000 * Pt(13)
    length = cell.width - rule.paragraph_format.left_indent - rule.paragraph_format.right_indent
    assert 1 / 3 <= length / line <= 1 / 2
    assert rule._p.find(f"{qn('w:pPr')}/{qn('w:pBdr')}/{qn('w:top')}") is not None


def test_symbols_and_recipients_follow_from_the_reports_or_are_the_rounds(mixed: Papers, tmp_path: Path) -> None:
    numbers = {
        name: next(line for line in mixed[name].paragraphs if line.startswith("Số:")).split("/", 1)[1]
        for name in (REPORT, DISPATCH, NOTICE)
    }
    assert numbers == {REPORT: "BC-MTTQ-BTT", DISPATCH: "MTTQ-BTT", NOTICE: "TB-MTTQ-BTT"}
    head = {**ROUND.letterhead.model_dump(), "symbols": {"dispatch": "CV-MTTQ"}, "recipients_of": {}}
    assert Letterhead(**head).symbols == {"dispatch": "CV-MTTQ"}
    papers = _written(tmp_path, _judged(tmp_path, {}, round=_changed_round(letterhead=head)))
    assert "Số:       /CV-MTTQ" in papers[DISPATCH].paragraphs
    assert "- Như trên;" in papers[DISPATCH].paragraphs
    assert not any("Như trên" in line for line in papers[NOTICE].paragraphs)
    assert "- Lưu: VT, DCPL." in papers[NOTICE].paragraphs


# --- templates that an office has broken


def _templates(folder: Path, name: str, *changes: str) -> Path:
    """Our templates in a folder of their own; words changed in pairs of old and new."""
    place = folder / "templates"
    shutil.copytree(TEMPLATES, place)
    text = (place / name).read_text(encoding="utf-8") if changes else ""
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    if changes:
        (place / name).write_text(text, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return _judged(tmp_path_factory.mktemp("empty"), {})


@pytest.mark.parametrize("text", ["{{ no_such_thing }}", "{{ title", "{% if title %}", "{{ title|no }}"])
@pytest.mark.parametrize("name", [REPORT, DISPATCH, NOTICE])
def test_a_broken_placeholder_is_the_operators_fault(tmp_path: Path, empty: Result, name: str, text: str) -> None:
    templates = _templates(tmp_path, name)
    document = docx.Document(str(templates / name))
    document.add_paragraph(text)
    document.save(str(templates / name))
    with pytest.raises(OperatorError, match=name.replace(".", r"\.")):
        _written(tmp_path, empty, templates)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 no zip", b"plain text"])
def test_a_template_that_is_no_document_is_the_operators_fault(
    tmp_path: Path, empty: Result, content: bytes | None
) -> None:
    templates = _templates(tmp_path, REPORT)
    (templates / REPORT).unlink()
    if content is not None:
        (templates / REPORT).write_bytes(content)
    with pytest.raises(OperatorError, match=r"bao-cao\.docx"):
        _written(tmp_path, empty, templates)


@pytest.mark.parametrize(
    ("old", "new"),
    [("[duties]", "[duty]"), ("{{ count }}", "{{ coun }}"), ("[limits]", "[limits"), ("faults = 10", "")],
)
def test_broken_words_are_the_operators_fault(tmp_path: Path, empty: Result, old: str, new: str) -> None:
    templates = _templates(tmp_path, WORDS, old, new)
    with pytest.raises(OperatorError, match=r"van-ban\.toml"):
        _written(tmp_path, empty, templates)
