"""A wrong entry of a round's or form's file is one Vietnamese line: file, key, what stands there, what is expected."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from pipeline import account
from pipeline.__main__ import main
from schemas import form, naming, round, units
from schemas.data import HERE
from schemas.faults import Misfit, first_fault

SHIPPED = (HERE / "rounds" / "dien-bien-2022.toml").read_text(encoding="utf-8")
PAGES = (HERE / "forms" / "page-list.toml").read_text(encoding="utf-8")
MONTHLY = '\n[period]\nevery = "month"\nlast_day = 25\n'
MODELS = sorted(
    {
        model
        for module in (form, round, naming, units, account)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, BaseModel) and model.model_fields
    },
    key=lambda model: model.__name__,
)
# One of every type that TOML has, and of what comes near to another type.
VALUES: list[Any] = [
    "", "x", "x" * 300, "12", "2026-09-10", "2026-9-1", "2026", "10/09/2026", "true", True,
    0, -1, 99, 10**30, 1.5, -0.5, float("inf"), float("nan"),
    dt.date(2026, 9, 10), dt.datetime(2026, 9, 10, 8, 30), dt.time(8, 30),
    [], ["x"], [1], [[]], [{}], {}, {"x": 1}, {"x": "y"}, {"commune": {}}, {"commune": []}, {"commune": 1.5},
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_fault_that_there_can_be_has_words(model: type[BaseModel]) -> None:
    for name, field in model.model_fields.items():
        key = field.alias or name
        for value in VALUES:
            record = {key: value}
            try:
                model.model_validate(record)
            except ValidationError as faults:
                own = [error for error in faults.errors() if error["loc"][:1] == (key,)]
                if own and own[0]["type"] != "missing":
                    only = ValidationError.from_exception_data(model.__name__, [_again(error) for error in own])
                    path, reason = first_fault(record, only)
                    assert path[0] == key
                    assert "nput" not in reason


def _again(error: Any) -> Any:
    if error["type"] == "value_error":
        assert isinstance(error["ctx"]["error"], Misfit), error
    return {"type": error["type"], "loc": error["loc"], "input": error["input"], "ctx": error.get("ctx", {})}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (MONTHLY, '\n[period]\nevery = "month"\nlast_day = "2026-09-10"\n', ["period.last_day", "2026-09", "nguyên"]),
        ("last_day = 25", "first_day = 15\nlast_day = 25", ["period.last_day", "ngày 25", "ngày 15", "kỳ sau"]),
        ("last_day = 25", "", ["period.last_day", "30/03/2022", "last_day"]),
        (MONTHLY, '\n[[extensions]]\nunit = "102"\nby = 2022-03-20\n', ["extensions", "102", "20/03", "30/03/2022"]),
        (MONTHLY, MONTHLY + '[[extensions]]\nunit = "102"\nby = 2022-04-20\n', ["20/04/2022", "25/04/2022"]),
        (MONTHLY, '\n[[extensions]]\nunit = "102"\nreason = "lũ"\n', ["extensions”", "102", "before_month"]),
        (MONTHLY, '\n[[extensions]]\nunit = "999"\nby = 2022-04-20\n', ["extensions", "999", "phải gửi"]),
        ("before = 2022-03-31\n", 'before = "31/3/2022"\n', ["deadline.before", "31/3/2022", "2022-03-31"]),
        ("before = 2022-03-31\n", 'before = "2026"\n', ["deadline.before", "2026", "không có dấu nháy"]),
        ("before = 2022-03-31\n", "before = 2022-03-31T08:30:00\n", ["deadline.before", "không ghi giờ"]),
        (MONTHLY, '\n[period]\nevery = "week"\n', ["period.every", "week", '"month", "quarter", "year"']),
        ('lists = ["district", "commune"]', 'lists = "district"', ["lists", "district", "danh sách"]),
        ("commune = 1", "commune = 1.5", ["persons.commune", "1.5", "danh sách", "số nguyên"]),
        ("commune = 1", "village = 1", ["persons.village", "village", '"province"']),
        ("commune = 1", 'commune = ["lead"]', ["persons.commune", "lead", "nhóm người"]),
        ('collector = "11"', "collector = 11", ["collector", "11", "dấu nháy kép"]),
        ('collector = "11"', 'collector = "11', ["dòng 7, cột"]),
        ('form = "page-list"', 'form = "page-lists"', ["form", "page-lists"]),
        ('register = "2022"', 'register = "1999"', ["register", "1999"]),
        ("percent = 100", "percent = 1000", ["targets.0.percent", "1000", "không quá 100"]),
        ('"094" = "', '"094" = "không có', ["contacts.094", "không phải là một địa chỉ"]),
        ('id = "dien-bien-2022"', 'id = "Điện Biên"', ["id", "Điện Biên", "không dấu"]),
        ('id = "dien-bien-2022"', 'id = "dien-bien-2022"\nbase = 5', ["base", "5"]),
    ],
)  # fmt: skip
def test_a_wrong_entry_of_a_round(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: list[str]
) -> None:
    text = SHIPPED + MONTHLY
    assert old in text
    _wrong(tmp_path, text.replace(old, new, 1), capsys, ["dot.toml", *said])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[[columns]]", "[columns]", ["columns", "hai dấu ngoặc vuông"]),
        ('key = "page_link"\n', "", ["columns.3", "thiếu khóa key"]),
        ('key = "page_link"', 'key = "Link"', ["columns.Link.key", "Link", "không dấu"]),
        ('kind = "link"', 'kind = "url"', ["columns.page_link", "url", "page-name"]),
        ('kind = "link"', 'kind = "link"\nmin = "x"', ["columns.page_link.min", "x", "số nguyên", "2022-03-31"]),
        ('kind = "link"', 'kind = "link"\nhint = 5', ["columns.page_link.hint", "5", "chữ"]),
        ('kind = "link"', 'kind = "link"\nfilled = "có"', ["columns.page_link.filled", "có", "true hoặc false"]),
        ('id = "page-list"', 'id = "page-list"\nrows = "people"', ["rows", "people", '"persons"']),
        ('id = "page-list"', 'id = "page-list', ["dòng"]),
    ],
)
def test_a_wrong_entry_of_a_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: list[str]
) -> None:
    assert old in PAGES
    count = -1 if old == "[[columns]]" else 1
    text = PAGES.replace(old, new, count) if count == 1 else PAGES.split("[[columns]]")[0] + "[columns]\nx = 1\n"
    (tmp_path / "bieu-mau.toml").write_text(text, encoding="utf-8")
    round = SHIPPED.replace('form = "page-list"', 'form = "bieu-mau.toml"')
    _wrong(tmp_path, round, capsys, ["bieu-mau.toml", *said])


def _wrong(folder: Path, text: str, capsys: pytest.CaptureFixture[str], said: list[str]) -> None:
    (folder / "dot.toml").write_text(text, encoding="utf-8")
    assert main(["status", "--round", str(folder / "dot.toml"), f"--state={folder / 's'}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert [words for words in said if words not in line] == [], line
    assert "should" not in line and "nput" not in line


def test_a_deadline_in_the_first_days_of_a_month_is_one(tmp_path: Path) -> None:
    (tmp_path / "dot.toml").write_text(SHIPPED + MONTHLY.replace("25", "5\nfirst_day = 6"), encoding="utf-8")
    april = round.load_round(str(tmp_path / "dot.toml")).in_period(dt.date(2022, 3, 6))
    assert (april.opens, april.deadline.last_day, april.closes) == (
        dt.date(2022, 3, 6),
        dt.date(2022, 4, 5),
        dt.date(2022, 4, 6),
    )


def test_a_policy_to_rehearse_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "missing.toml")
    assert main(["rehearse", "--round", "dien-bien-2022", "--policy", missing, f"--state={tmp_path / 's'}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"Không có tệp “{missing}”."
