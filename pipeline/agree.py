"""Agreement: a result whose files contradict each other is never published.

The roll-up is read back by the headings that its words file gives its columns, the overview by the keys of its cells,
Word papers by the captions of their tables; these survive an officer's edits of a template. Columns may have been left
out or moved there; a number that is none of the unit's is a contradiction.
"""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

from lxml import etree
from python_calamine import CalamineWorkbook

from pipeline.names import FINDINGS_CSV, NOTICE, OVERVIEW, REPORT, RESULTS, ROLLUP, ROWS_CSV, SUMMARY_JSON
from pipeline.render.frames import words as rollup_words
from pipeline.render.shares import decimal
from schemas.form import MEASURES

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_ROW, _CELL, _PARAGRAPH, _TEXT = (f"{_W}{name}" for name in ("tr", "tc", "p", "t"))
_COUNTS = ("expected", *MEASURES)
_NUMBERS = {*_COUNTS, "errors", "warnings"}
_COUNT = re.compile(r"([\d.]+)(?:\s\(.*\))?")  # alone, or with its rate; thousands have a dot
_RATIO = re.compile(r"[\d.]+/[\d.]+")
_LEVELS, _UNITS, _RANKS = "ket-qua-theo-cap", "ket-qua-theo-don-vi", "thu-tu"
_CAPTIONS = {REPORT: (_LEVELS, _UNITS), NOTICE: (_LEVELS, _RANKS)}


class Disagreement(Exception):
    """Two files of a result say different things: our fault, never the operator's."""


def compare(folder: Path, papers: Iterable[str] = (OVERVIEW, REPORT, NOTICE), *, once: bool = True) -> None:
    """Compare `summary.json` with what `rows.csv` and `findings.csv` say, counted again, and with page and papers.

    `papers` are those that were written: one that is missing is a disagreement too.
    `once`: every unit has one line in `rows.csv`; else it has one for each of its persons.

    Raises:
        Disagreement: with both counts.
    """
    results, summary = folder / RESULTS, _summary(folder)
    lines, rows = 0, {}
    for code, *row in _records(results / ROWS_CSV, "code", "level", "status", "submitter_code"):
        lines, rows[code] = lines + 1, row
    if once:
        _same("units once", len(rows), lines)
    for level, counts in summary["levels"].items():
        statuses = Counter(status for row_level, status, _ in rows.values() if row_level == level)
        _same(f"{level}: expected", counts["expected"], statuses.total())
        _same(f"{level}: listed", counts["listed"], statuses.total() - statuses["not-listed"])
        if counts["complete"] > statuses["complete"]:
            raise Disagreement(f"{level}: complete {counts['complete']}")
    listed_by = Counter(submitter for _, _, submitter in rows.values())
    counted = Counter(_records(results / FINDINGS_CSV, "submitter_code", "severity"))
    for unit in summary["units"]:
        _same(f"{unit['code']}: expected", unit["expected"], listed_by[unit["code"]])
        for severity in ("error", "warning"):
            _same(f"{unit['code']}: {severity}s", unit[f"{severity}s"], counted[unit["code"], severity])
    for measure in _COUNTS:
        by_level = sum(counts[measure] or 0 for counts in summary["levels"].values())
        _same(measure, by_level, sum(unit[measure] or 0 for unit in summary["units"]))

    for paper in papers:
        path = _written(folder / paper)
        if paper == OVERVIEW:
            _compare_units(path, _page, summary)
        else:
            _compare_paper(paper, _tables(path, _CAPTIONS[paper]), summary)


def compare_rollup(folder: Path) -> None:
    """Compare `summary.json` with what the roll-up says of the senders.

    Raises:
        Disagreement: with both counts.
    """
    _compare_units(_written(folder / ROLLUP), _rollup, _summary(folder))


def _written(path: Path) -> Path:
    if not path.is_file():
        raise Disagreement(f"{path.name}: missing")
    return path


def _summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / RESULTS / SUMMARY_JSON).read_text(encoding="utf-8"))
    return found


def _compare_units(path: Path, read: Callable[[Path], Iterator[tuple[str, str, int]]], summary: dict[str, Any]) -> None:
    units = {unit["code"]: unit for unit in summary["units"]}
    for code, key, shown in read(path):
        known = units[code][key]
        if key == "warnings" and units[code]["late"] and shown == known - 1:
            continue  # people are told by the day that it sent late
        _same(f"{path.name}: {code}: {key}", shown, known)


def _rollup(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield what the summary sheet says: code of the sender, key of a count, the count."""
    words = rollup_words()["summary"]
    heads = {column["header"]: column["key"] for column in words["columns"]}
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(words["name"]).to_python(skip_empty_area=False)
    header = next((row for row in rows if {"code", "name"} <= {heads.get(str(cell)) for cell in row}), [])
    keys = [heads.get(str(cell)) for cell in header]
    for row in rows[rows.index(header) + 1 :] if header else ():
        told = dict(zip(keys, row, strict=True))
        if not told["code"]:
            return
        for key in _NUMBERS & told.keys():
            yield str(told["code"]), str(key), int(str(told[key]).partition(".")[0])


def _page(path: Path) -> Iterator[tuple[str, str, int]]:
    """Yield what the table of senders says: code, key of a count, the count."""
    for row in etree.parse(path, etree.HTMLParser(encoding="utf-8")).iter("tr"):
        code = row.get("data-code")
        for cell in row if code is not None else ():
            if key := cell.get("data-key"):
                count, _, whole = "".join(cell.itertext()).split()[0].replace(".", "").partition("/")
                yield code, key, int(count)
                if whole:
                    yield code, "expected", int(whole)


def _compare_paper(paper: str, tables: dict[str, list[list[list[str]]]], summary: dict[str, Any]) -> None:
    levels = list(summary["levels"].values())
    whole = {key: sum(counts[key] or 0 for counts in levels) for key in _COUNTS}
    for row, counts in zip(tables.get(_LEVELS, [])[1:], [*levels, whole], strict=False):
        ratios = {f"{counts[key]}/{counts['expected']}" for key in _COUNTS}
        printed = {text.replace(".", "") for cell in row for text in cell if _RATIO.fullmatch(text)}
        if not printed <= ratios:
            raise Disagreement(f"{paper}: {sorted(printed - ratios)} and {sorted(ratios)}")
    units: dict[str, list[list[str]]] = {}
    for unit in summary["units"]:
        known = [str(unit[key]) for key in (*_COUNTS, "errors", "warnings")]
        units.setdefault(unit["name"], []).append([*known, decimal(unit["score"] or 0)])
    for row in [*tables.get(_UNITS, []), *tables.get(_RANKS, [])]:
        name = next((cell[0] for cell in row if cell and cell[0] in units), None)
        numbers = [count[1].replace(".", "") for cell in row[1:] for text in cell if (count := _COUNT.fullmatch(text))]
        if name is not None and not any(_within(numbers, known) for known in units[name]):
            raise Disagreement(f"{paper}: {name}: {numbers} and {units[name]}")


def _within(numbers: list[str], known: list[str]) -> bool:
    """Tell whether all of these numbers are known, each as often as it stands there."""
    left = known.copy()
    for number in numbers:
        if number not in left:
            return False
        left.remove(number)
    return True


def _tables(path: Path, captions: tuple[str, ...]) -> dict[str, list[list[list[str]]]]:
    """Return the tables of these captions: rows of cells of paragraphs. What stands below the last is not read."""
    found: dict[str, list[list[list[str]]]] = {}
    with zipfile.ZipFile(path) as package, package.open("word/document.xml") as part:
        for _, table in etree.iterparse(part, tag=f"{_W}tbl"):
            caption = table.find(f"{_W}tblPr/{_W}tblCaption")
            name = "" if caption is None else caption.get(f"{_W}val")
            if name in captions:
                found[name] = _rows(table)
            if len(found) == len(captions):
                break
    return found


def _rows(table: Any) -> list[list[list[str]]]:
    rows: list[list[list[str]]] = []
    for part in table.iter(_ROW, _CELL, _PARAGRAPH, _TEXT):
        if part.tag == _TEXT:
            rows[-1][-1][-1] += part.text or ""
        elif part.tag == _PARAGRAPH:
            rows[-1][-1].append("")
        elif part.tag == _CELL:
            rows[-1].append([])
        else:
            rows.append([])
    return rows


def _records(path: Path, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield these columns of a CSV, line by line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        header = next(lines)
        yield from map(itemgetter(*(header.index(name) for name in names)), lines)


def _same(what: str, one: Any, other: Any) -> None:
    if one != other:
        raise Disagreement(f"{what}: {one} and {other}")
