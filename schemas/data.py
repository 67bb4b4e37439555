"""Loads the TOML and CSV files of this folder: the one place in `schemas/` that reads files."""

from __future__ import annotations

import csv
import errno
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TEMPLATES = HERE.parent / "templates"
read_files: set[Path] = set()
"""Every file that was read in this process: what it says may stand in what is said later."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return the file's tables.

    Raises:
        OSError: there is no such file.
        tomllib.TOMLDecodeError: the file is not TOML.
    """
    _note(path)
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _note(path: Path) -> None:
    if "\0" in str(path):  # no name of a file, which opening it would tell as a wrong value
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    read_files.add(path)


@cache
def vocabulary() -> dict[str, Any]:
    """Return the habits of writing that the program understands (`vocabulary.toml`)."""
    return read_toml(HERE / "vocabulary.toml")


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the records of a UTF-8 CSV file, every value as text."""
    _note(path)
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
        return [dict(zip(header, line, strict=True)) for line in lines]
