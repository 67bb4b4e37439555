from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from building import ROUND, Book, other_form, right_rows, without_tables
from conftest import Outcome, Run, drop_and_run
from lxml import html

from pipeline.model import Shift, Standing, Tally
from pipeline.render.overview import write_overview
from pipeline.render.wording import worded
from pipeline.run import judge
from schemas.data import HERE
from schemas.messages import line, title


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    faulty = Book("096")
    faulty.sheet[faulty.at(2, "leader_phone")[1]].value = "0912xxxxxx"
    faulty.sheet[faulty.at(3, "page_name")[1]].value = "Lò Văn Pánh <script>alert(1)</script>"
    return drop_and_run(
        tmp_path_factory.mktemp("mixed"),
        {
            "2022-03-01/094.xlsx": Book("094").bytes(),
            "2022-04-02/095.xlsx": Book("095").bytes(),
            "2022-03-03/096.xlsx": faulty.bytes(),
            "2022-03-05/098.xlsx": b"no workbook",
        },
    )


def page(outcome: Outcome) -> str:
    return (outcome.folder / "tong-quan.html").read_text(encoding="utf-8")


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def test_senders_are_those_of_the_summary(mixed: Outcome) -> None:
    rows = html.fromstring(page(mixed)).xpath('//table[@id="bang"]/tbody/tr')
    assert len(rows) == len(mixed.summary["units"])
    for row, unit in zip(rows, mixed.summary["units"], strict=True):
        cells = [words(cell) for cell in row]
        assert cells[0] == unit["name"]
        assert line("statuses", unit["status"]) in cells[1]
        assert cells[4].startswith(f"{unit['established']}/{unit['expected']} ")
        assert cells[5].startswith(f"{unit['complete']}/{unit['expected']} ")
        assert cells[6:8] == [str(unit["errors"]), str(unit["warnings"] - unit["late"])]
        assert cells[8]


def test_levels_and_targets_are_those_of_the_summary(mixed: Outcome) -> None:
    tree = html.fromstring(page(mixed))
    commune = mixed.summary["levels"]["commune"]
    row = next(row for row in tree.xpath("//tbody/tr") if words(row[0]) == "Cấp xã")
    measures = ("listed", "established", "named", "staffed", "complete")
    assert [words(cell).split()[0] for cell in row[1:]] == [f"{commune[key]}/129" for key in measures]
    card = next(words(card) for card in tree.xpath('//ul[@class="targets"]/li') if "Cấp xã" in words(card))
    assert f"{commune['established']}/129 đơn vị; chỉ tiêu 100 %" in card
    assert f"Còn thiếu {129 - commune['established']} đơn vị" in card
    assert re.search(r"\d+,\d %", card)


def test_no_person_and_nothing_from_elsewhere(mixed: Outcome) -> None:
    text = page(mixed)
    keys = [column.key for column in ROUND.form.columns if column.group]
    persons = {row[key] for row in mixed.rows.values() for key in keys} | {"0912xxxxxx"}
    assert len(persons) > 50
    assert not [person for person in persons if person and person in text]
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(|src=|<link|alert\(1\)", text)
    assert right_rows("094")[0]["page_link"] not in text


def test_faults_count_the_findings(mixed: Outcome) -> None:
    table = html.fromstring(page(mixed)).xpath('//section[@aria-labelledby="loi"]//tbody/tr')
    shown = {words(row[0]): int(words(row[2])) for row in table}
    grave = Counter(title(f["rule"]) for f in mixed.asked)
    assert shown == dict(grave)
    assert list(shown.values()) == sorted(shown.values(), reverse=True)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [("2022-03-10", "Còn 20 ngày"), ("2022-03-30", "Hôm nay là ngày cuối"), ("2022-04-05", "Đã quá hạn 6 ngày")],
)
def test_days_to_the_deadline(run: Run, as_of: str, expected: str) -> None:
    text = page(run(as_of=as_of))
    assert expected in text
    assert "0/10 đơn vị đã gửi" in text


def test_round_without_a_deadline(run: Run, tmp_path: Path) -> None:
    text = (HERE / "rounds" / "dien-bien-2022.toml").read_text(encoding="utf-8")
    path = tmp_path / "khong-han.toml"
    path.write_text(text[: text.index("[deadline]")] + text[text.index("# Cấp xã gửi") :], encoding="utf-8")
    outcome = run({"094.xlsx": Book("094").bytes()}, round=str(path))
    (found,) = outcome.folder.parent.glob("*/tong-quan.html")
    assert "Đợt này không có thời hạn" in found.read_text(encoding="utf-8")


def test_page_can_be_read_without_sight_or_script(mixed: Outcome) -> None:
    tree = html.fromstring(page(mixed))
    assert tree.get("lang") == "vi"
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(tree.xpath("//@aria-labelledby | //@for")) <= set(ids)
    assert all(table.xpath("./caption") for table in tree.xpath("//table"))
    assert all(head.get("scope") for head in tree.xpath("//th"))
    levels = [int(heading.tag[1]) for heading in tree.xpath("//h1|//h2|//h3")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert not tree.xpath("//tr[@hidden]")


def test_tiles_and_timeline_are_those_of_the_summary(mixed: Outcome) -> None:
    tree = html.fromstring(page(mixed))
    tiles = [(tile.get("class"), words(tile)) for tile in tree.xpath('//ul[@class="tiles"]/li')]
    assert len(tiles) == len(mixed.summary["units"])
    for (status, text), unit in zip(tiles, mixed.summary["units"], strict=True):
        assert status == unit["status"] and unit["name"] in text
        assert text.endswith(f"{unit['established']}/{unit['expected']}")
    days = [[words(cell) for cell in row] for row in tree.xpath("//details//tbody/tr")]
    received = ["01/03/2022", "03/03/2022", "05/03/2022", "02/04/2022"]
    assert days == [[day, "1", f"{total}/10"] for total, day in enumerate(received, start=1)]
    steps = words(tree.xpath('//ul[@class="todo"]')[0])
    for count, text in ((6, "chưa gửi"), (1, "gửi lại"), (1, "Gửi phiếu sửa")):
        assert text in steps and str(count) in steps


def test_what_only_some_rounds_have(tmp_path: Path) -> None:
    empty = without_tables(judge(ROUND, [], dt.date(2022, 4, 5)))
    path = tmp_path / "tong-quan.html"
    write_overview(empty, worded(empty), path)
    sections = {"Xếp hạng thi đua", "Thay đổi so với kỳ trước", "Số liệu khác"}
    assert not sections & {words(head) for head in html.fromstring(path.read_text(encoding="utf-8")).xpath("//h2")}
    tally = Tally("Trang <đã> kết nối", ["Đơn vị", "Huyện"], [["Huyện X", 3], ["Huyện Y", 0]], ["Cộng", 3])
    full = dataclasses.replace(
        empty,
        rollup=dataclasses.replace(empty.rollup, tables=[tally, dataclasses.replace(tally, internal=True)]),
        shifts=[Shift("095", "persons", "leader_name", "Lò Văn Pánh", "Giàng Thị Dua", personal=True)] * 2,
        standings=[Standing("096", 1, 9.5, 10, [("Đúng hạn", 5, 5)], ["Gửi <b>"], 8.3, 2, praised=True)],
    )
    write_overview(full, worded(full), path)
    text = path.read_text(encoding="utf-8")
    tree = html.fromstring(text)
    assert sections <= {words(head) for head in tree.xpath("//h2")}
    assert "Lò Văn Pánh" not in text and "Thay đổi người phụ trách 2" in words(tree)
    (table,) = tree.xpath('//table[contains(@class, "figures")]')
    assert words(table.xpath("./caption")[0]) == tally.title
    shown = [[words(cell) for cell in row] for row in table.xpath(".//tr")]
    assert shown == [[str(cell) for cell in row] for row in (tally.header, *tally.rows, tally.total)]
    rank = tree.xpath('//section[@aria-labelledby="thi-dua"]//tbody/tr')[0]
    assert [words(cell) for cell in rank] == [
        "Huyện Mường Nhé Biểu dương", "1", "9,5/10", "8,3 (2 tháng)", "Gửi <b>",
    ]  # fmt: skip


def test_only_the_script_of_the_page_may_run(mixed: Outcome) -> None:
    tree = html.fromstring(page(mixed))
    (policy,) = tree.xpath('//meta[@http-equiv="Content-Security-Policy"]/@content')
    (script,) = tree.xpath("//script")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}';" in policy


def test_a_round_without_pages_does_not_speak_of_them(tmp_path: Path) -> None:
    form = (HERE / "forms" / "page-list.toml").read_text(encoding="utf-8")
    begin, end = form.index('[[columns]]\nkey = "page_name"'), form.index("# Mỗi nhóm (một người)")
    form = (form[:begin] + form[end:]).replace("danh sách “Trang cộng đồng”", "danh sách cán bộ")
    round = other_form(form, tmp_path)
    result = without_tables(judge(round, [], dt.date(2022, 4, 5)))
    path = tmp_path / "tong-quan.html"
    write_overview(result, worded(result), path)
    tree = html.fromstring(path.read_text(encoding="utf-8"))
    tree.xpath("//h1")[0].drop_tree()
    shown = words(tree.xpath("//main")[0])
    assert "Đầy đủ, không lỗi" in shown and "Đủ người phụ trách" in shown
    assert "Trang" not in shown
