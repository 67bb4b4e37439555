"""What holds the project together: words in data, codes once, documents that cannot drift."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from jinja2 import Environment, meta

from pipeline.commands import COMMANDS
from schemas.codes import Rule
from schemas.data import HERE
from schemas.messages import messages
from schemas.rules import CHECKS, SUGGESTIONS

ROOT = HERE.parent
SOURCES = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "schemas").rglob("*.py")])
FACTS = {*messages()["facts"], "reason", "reasons", "how"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_words_for_users_in_python(path: Path) -> None:
    assert path.read_text(encoding="utf-8").isascii()


@pytest.mark.parametrize("path", sorted((ROOT / "schemas").rglob("*.py")), ids=lambda path: path.name)
def test_schemas_import_nothing_from_the_pipeline(path: Path) -> None:
    assert not re.search(r"^\s*(from|import) pipeline", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_rule_code_is_written_once_and_has_words() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    assert [rule for rule in Rule if text.count(f'"{rule.value}"') != 1] == []
    assert set(messages()["rules"]) == {rule.value for rule in Rule}


@pytest.mark.parametrize("rule", list(Rule))
def test_words_of_a_rule_use_known_facts(rule: Rule) -> None:
    words = messages()["rules"][rule]
    assert set(words) - {"clause"} == {"severity", "title", "message"}
    assert words["severity"] in messages()["severities"]
    assert meta.find_undeclared_variables(Environment().parse(words["message"])) <= FACTS
    said = re.sub(r"\{%.*?%\}", "", words["message"]).rstrip()
    assert said.endswith((".", "?")) or (
        "reasons[" in said and all(r.endswith(".") for r in messages()["reasons"].values())
    )


def test_rules_with_a_check_are_of_some_kind() -> None:
    checked = [rule for checks in CHECKS.values() for rule, _ in checks]
    assert len(checked) == len(set(checked))
    assert set(SUGGESTIONS) <= set(checked)


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["cluster"]]
    declared = {re.split("[>=<]", name)[0] for name in wanted}
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    roots = set(re.findall(r"^ *(?:from|import) (\w+)", text, re.MULTILINE)) - {"pipeline", "schemas"}
    named = packages_distributions()
    imported = {named[root][0].lower() for root in roots - set(sys.stdlib_module_names) if root in named}
    assert len(imported) > 9
    assert imported <= declared


def test_the_lock_names_every_dependency_and_no_index() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lock.splitlines() if line}
    wanted = re.findall(r'^\s*"([\w-]+)[>=<]', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(wanted) <= pinned
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lock.splitlines() if line)


def test_windows_can_read_the_script_and_installs_what_the_lock_names() -> None:
    """cmd.exe looks for a label by blocks of bytes, and finds it surely only where lines end as it writes them."""
    script = (ROOT / "chay.cmd").read_bytes()
    lines = script.decode("ascii").split("\r\n")
    assert not re.search(r"\r(?!\n)|(?<!\r)\n", script.decode("ascii"))
    assert {f":{label}" for label in re.findall(r"goto (\w+)", script.decode("ascii"))} <= set(lines)
    compared = lines.index(r"fc /b requirements.lock .venv\ready >nul 2>nul && goto ready")
    assert lines[compared + 1].endswith("--requirement requirements.lock || goto failed")
    assert lines[compared + 2] == r"copy /y requirements.lock .venv\ready >nul"


@pytest.mark.parametrize("name", ["README.md", "HUONG-DAN.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_links_of_the_documents_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text)
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_every_picture_is_shown_and_made() -> None:
    shown = "".join((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "HUONG-DAN.md"))
    maker = (ROOT / "tests" / "screenshots.py").read_text(encoding="utf-8")
    pictures = [path.stem for path in (ROOT / "docs").glob("*.png")]
    assert len(pictures) >= 8
    assert [name for name in pictures if f"docs/{name}.png" not in shown or f'"{name}"' not in maker] == []


def test_every_command_and_target_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    guide = (ROOT / "HUONG-DAN.md").read_text(encoding="utf-8") + (ROOT / "README.md").read_text(encoding="utf-8")
    assert [target for target in targets if f"make {target}" not in guide] == []
    assert [command for command in COMMANDS if f"$(RUN) {command}" not in makefile] == []


def test_the_modules_in_the_architecture_are_those_that_there_are() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [(f"pipeline/{folder}", row) for folder, row in re.findall(r"^\| `(\w+/)?(.*)$", text, re.MULTILINE)]
    paragraph = text[text.index("`schemas/` knows") :].partition("\n\n")[0]
    rows += [("schemas/kinds/" if "`kinds/`" in part else "schemas/", part) for part in paragraph.split(";")]
    named = [folder + module for folder, row in rows for module in re.findall(r"(\w+\.py)`", row)]
    modules = [path.relative_to(ROOT).as_posix() for path in SOURCES if path.name != "__init__.py"]
    assert sorted(named) == sorted(modules)
