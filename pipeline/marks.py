"""Marks of code and data: what was made by other code, or from other words, is made anew."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from schemas.data import HERE, TEMPLATES

_PIPELINE = Path(__file__).parent
_READING = ("python-calamine", "lxml", "rapidfuzz")
_RENDERING = ("pandas", "xlsxwriter", "jinja2")


def mark_of(content: object) -> str:
    """Return a mark of what a value shows itself as."""
    return hashlib.sha256(repr(content).encode("utf-8", "surrogatepass")).hexdigest()


def mark_of_files(paths: Iterable[Path], libraries: Iterable[str]) -> str:
    """Return a mark of the contents of files and the versions of libraries."""
    mark = hashlib.sha256(" ".join([sys.version, *map(version, libraries)]).encode())
    for path in sorted(paths):
        mark.update(path.read_bytes())
    return mark.hexdigest()


@cache
def mark_of_reading() -> str:
    """Return a mark of all that decides what a file says: code, data, the words of our own form, libraries."""
    code = [*_PIPELINE.glob("*.py"), *(_PIPELINE / "read").glob("*.py")]
    data = [path for path in HERE.rglob("*") if path.suffix in (".py", ".toml", ".csv")]
    return mark_of_files([*code, *data, TEMPLATES / "phieu-sua.toml"], _READING)


@cache
def mark_of_program() -> str:
    """Return a mark of all code, data and templates that papers are made with."""
    code = [path for root in (_PIPELINE, HERE) for path in root.rglob("*.py")]
    data = [path for root in (HERE, TEMPLATES) for path in root.rglob("*.*") if path.suffix not in (".py", ".pyc")]
    return mark_of_files([*code, *data], _RENDERING)
