"""The overview page in a real browser: axe, the keyboard, a phone, the dark, paper, and what it may load."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from browser import Browser, Page, found, running
from building import ROUND, Book
from conftest import Outcome, drop_and_run

from pipeline.model import Shift, Standing, Tally
from pipeline.render.overview import write_overview
from pipeline.render.wording import worded
from pipeline.run import judge

AXE = files("axe_core_python") / "axe.min.js"
ROWS = "[...document.querySelectorAll('#bang tbody tr')].filter(row => row.offsetParent)"
FOCUS = "(e => e.id || e.textContent.trim())(document.activeElement)"

pytestmark = pytest.mark.skipif(not found(), reason="no Chromium or Chrome on this machine")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    tab = browser.page()
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Ten senders: in order, late, to correct, not readable, six of whom nothing came."""
    faulty = Book("096")
    for row, phone in ((2, "0912xxxxxx"), (3, "abc")):
        faulty.sheet[faulty.at(row, "leader_phone")[1]].value = phone
    return drop_and_run(
        tmp_path_factory.mktemp("mixed"),
        {
            "2022-03-01/094.xlsx": Book("094").bytes(),
            "2022-04-02/095.xlsx": Book("095").bytes(),
            "2022-03-03/096.xlsx": faulty.bytes(),
            "2022-03-05/098.xlsx": b"no workbook",
        },
    )


@pytest.fixture(scope="module")
def page(outcome: Outcome) -> Path:
    return outcome.folder / "tong-quan.html"


@pytest.fixture(scope="module")
def long_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that a page can have: 140 senders, emulation, changes, further tables."""
    result = judge(ROUND, [], dt.date(2022, 4, 5))
    codes = [f"{number:05}" for number in range(140)]
    names = {code: dataclasses.replace(ROUND.register.units["03124"], code=code) for code in codes}
    statuses = ["accepted", "to-correct", "rejected", "missing"]
    senders = pd.concat([result.rollup.senders.iloc[:1]] * 140).set_axis(codes).astype(object)
    senders["name"] = [f"Xã Nà Hỳ thứ {number}" for number in range(140)]
    senders["status"] = statuses * 35
    senders["received"] = [dt.date(2022, 3, 1) + dt.timedelta(days=number % 30) for number in range(140)]
    senders[["errors", "warnings"]] = 3
    tally = Tally(
        "Trang đã kết nối", ["Đơn vị", *(f"Tiêu chí số {n}" for n in range(8))], [["Huyện X", *range(8)]] * 4,
        ["Cộng", *range(8)],
    )  # fmt: skip
    standings = [
        Standing(
            code, 1 + n, 100 - n, 100, [("Đúng hạn", 5, 5)], ["Gửi danh sách", "Sửa lỗi"] * (n > 3), 90.5, 3, n < 3
        )
        for n, code in enumerate(codes[:9])
    ]
    round = ROUND.model_copy(deep=False)
    round.__dict__["submitting_units"] = names
    full = dataclasses.replace(
        result, round=round, rollup=dataclasses.replace(result.rollup, senders=senders, tables=[tally, tally]),
        standings=standings, previous="truoc", shifts=[Shift("095", "renamed", "page_name", "a", "b")],
    )  # fmt: skip
    path = tmp_path_factory.mktemp("long") / "tong-quan.html"
    write_overview(full, worded(full), path)
    return path


def judged(page: Page) -> dict[str, Any]:
    """What axe says: how many checks passed, and each violation that is more than minor."""
    page.evaluate(AXE.read_text(encoding="utf-8") + ";1")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations', 'passes']})")
    return {
        "passed": {rule["id"] for rule in found["passes"]},
        "broken": [
            f"{rule['id']}: {node['html'][:120]} {node['failureSummary']}"
            for rule in found["violations"]
            if rule["impact"] != "minor"
            for node in rule["nodes"]
        ],
    }


def test_axe_sees_a_fault_where_there_is_one(tab: Page, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text(
        '<!doctype html><title>x</title><p style="color:#ccc">Mờ <img src="data:,"><input>', encoding="utf-8"
    )
    broken = " ".join(judged(tab.open(bad, width=800))["broken"])
    assert all(rule in broken for rule in ("color-contrast", "image-alt", "label", "html-has-lang"))


@pytest.mark.parametrize(
    ("which", "width", "dark"),
    [
        *(("page", width, dark) for width in (1280, 390) for dark in (False, True)),
        ("long_page", 1280, True),
        ("long_page", 390, False),
    ],
)
def test_axe_finds_nothing(tab: Page, request: pytest.FixtureRequest, which: str, width: int, dark: bool) -> None:
    shown = tab.open(request.getfixturevalue(which), width=width, dark=dark)
    shown.evaluate("document.querySelector('details').open = true")
    shown.evaluate("document.querySelector('#loc button:nth-of-type(2)').click()")
    report = judged(shown)
    assert report["broken"] == []
    assert {"color-contrast", "label", "document-title", "html-has-lang", "button-name"} <= report["passed"]


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280])
def test_the_page_never_scrolls_sideways(tab: Page, page: Path, long_page: Path, width: int) -> None:
    for path in (page, long_page):
        shown = tab.open(path, width=width)
        assert shown.evaluate("document.documentElement.scrollWidth") == shown.evaluate("innerWidth") == width


def test_the_keyboard_reaches_and_works_everything(tab: Page, page: Path, outcome: Outcome) -> None:
    shown = tab.open(page, width=1280)
    shown.press("Tab")
    assert shown.evaluate(FOCUS) == "Đến bảng các đơn vị"
    shown.press("Enter")
    assert shown.evaluate(FOCUS) == "don-vi"
    shown.press("Tab")
    assert shown.evaluate(FOCUS) == "tim"
    shown.type("muong nhe")
    assert shown.evaluate(f"{ROWS}.map(row => row.cells[0].textContent)") == ["Huyện Mường Nhé"]
    assert shown.evaluate("document.getElementById('dem').textContent") == "Hiện 1/10 đơn vị"
    shown.evaluate("document.getElementById('tim').value = ''")
    for button in ("Tất cả 10", "Đạt 2"):
        shown.press("Tab")
        assert shown.evaluate(FOCUS) == button
    shown.press(" ")
    accepted = [unit["name"] for unit in outcome.summary["units"] if unit["status"] == "accepted"]
    assert shown.evaluate(f"{ROWS}.map(row => row.cells[0].textContent)") == accepted
    assert shown.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
    heads = []
    while (head := shown.evaluate(FOCUS)) != "Phải sửa":
        shown.press("Tab")
        heads.append(head)
        assert len(heads) < 20
    assert "Đơn vị" in heads
    shown.evaluate("document.querySelector('#loc button').click()")
    for order in ("ascending", "descending"):
        shown.press("Enter")
        assert shown.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')") == order
        errors = shown.evaluate(f"{ROWS}.map(row => Number(row.cells[6].textContent))")
        assert errors == sorted((u["errors"] for u in outcome.summary["units"]), reverse=order == "descending")
        assert len(set(errors)) > 1


def test_nothing_is_loaded_and_no_other_script_runs(tab: Page, page: Path) -> None:
    shown = tab.open(page, width=1280)
    assert shown.asked == [page.as_uri()]
    assert shown.complaints == []
    shown.evaluate(
        "(s => { s.textContent = 'window.ran = 1'; document.body.append(s) })(document.createElement('script'));"
        "(i => { i.src = 'https://example.invalid/a.png'; document.body.append(i) })(document.createElement('img'))"
    )
    assert shown.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in shown.complaints)


def test_without_scripts_the_page_is_whole(tab: Page, page: Path, outcome: Outcome) -> None:
    shown = tab
    shown.call("Emulation.setScriptExecutionDisabled", value=True)
    shown.open(page, width=1280)
    assert shown.evaluate(f"{ROWS}.length") == len(outcome.summary["units"])
    assert shown.evaluate("document.getElementById('cong-cu').offsetParent") is None


def test_on_paper_there_is_nothing_to_press(tab: Page, page: Path) -> None:
    shown = tab.open(page, width=1280, dark=True)
    assert shown.pdf().startswith(b"%PDF")
    visible = "[...document.querySelectorAll('button, input, summary')].filter(e => e.offsetParent).length"
    assert shown.evaluate(visible) == 0
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert shown.evaluate(f"{ROWS}.length") == 10
