"""The guide to forms and rounds names every key, kind and rule that there is, and its example runs."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from building import saved
from conftest import drop_and_run
from pydantic import BaseModel

from pipeline.__main__ import main
from schemas import form, naming, round, units
from schemas.data import HERE
from schemas.kinds import KINDS
from schemas.rules import CHECKS

GUIDE = (HERE.parent / "docs" / "bieu-mau-va-dot.md").read_text(encoding="utf-8")
MODELS = sorted(
    {
        model
        for module in (form, round, naming, units)
        for model in vars(module).values()
        if isinstance(model, type) and issubclass(model, BaseModel) and model.model_fields
    },
    key=lambda model: model.__name__,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_key_is_explained(model: type[BaseModel]) -> None:
    explained = set(re.findall(r"`\[*([\w.]+)\]*", GUIDE)) | set(re.findall(r"^(\w+) = ", GUIDE, re.MULTILINE))
    explained |= {key.rpartition(".")[2] for key in explained}
    keys = [field.alias or name for name, field in model.model_fields.items()]
    assert [key for key in keys if key not in explained | {"naming"}] == []
    assert "[naming" in GUIDE


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_tells_what_it_asks(kind: str) -> None:
    line = next(line for line in GUIDE.splitlines() if line.startswith(f"| `{kind}` |"))
    assert [rule for rule, _ in CHECKS.get(kind, []) if f"`{rule}`" not in line] == []
    assert [rule for rule, _ in CHECKS["*"] if f"`{rule}`" not in GUIDE] == []


@pytest.fixture
def example(tmp_path: Path) -> str:
    """The files of the guide's example, each named in its first line."""
    for text in re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL):
        (tmp_path / text.split("\n")[0].removeprefix("# ")).write_text(text, encoding="utf-8")
    return str((tmp_path / "dot.toml").rename(tmp_path / "nha-dai-doan-ket-2022.toml"))


def test_the_example_runs(example: str, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Huyện Điện Biên"])
    book.active.append(
        ["TT", "Xã", "Số nhà xây mới", "Kinh phí làm mới", "Số căn sửa", "Tiến độ", "Nghiệm thu", "Lý do"]
    )
    book.active.append([1, "Mường Pồn", 3, "150,5", 0, "xong", "x", ""])
    book.active.append([2, "Thanh Nưa", "ba", 10, "", "Chưa thực hiện", "", ""])
    folder = tmp_path / "run"
    folder.mkdir()
    files = {"2022-11-20/dien bien.xlsx": saved(book)}
    outcome = drop_and_run(folder, files, round=example, as_of="2022-12-01")
    row = outcome.rows["03319"]
    assert (row["built_houses"], row["built_money"], row["mended_houses"]) == ("3", "150.5", "0")
    assert (row["result"], row["inspected"], row["status"]) == ("Hoàn thành", "có", "complete")
    told = {(f["cell"], f["rule"]) for f in outcome.findings if f["unit_code"] == "03322"}
    assert told == {("C4", "number.invalid"), ("H4", "value.missing")}


def test_the_example_is_shown_with_made_up_files(example: str, tmp_path: Path) -> None:
    assert main(["demo", "--round", example, "--folder", str(tmp_path / "thu")]) == 0
    assert list((tmp_path / "thu").rglob("bao-cao.docx"))
    assert list((tmp_path / "thu").rglob("tong-hop.xlsx"))
