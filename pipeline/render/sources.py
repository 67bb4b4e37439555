"""Links from the roll-up to the senders' files: only to kinds of files that do nothing when they are opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

from pipeline.xlsx.text import sheet_name

PLAIN_KINDS = {".xlsx": True, ".xls": True, ".ods": True, ".docx": False}
"""Endings of files that a click may open, and whether a cell of them can be named. A page, a script, a workbook with
macros or a CSV file (in which Excel runs what looks like a formula) is opened by nobody by mistake."""
_NOT_IN_A_LINK = ("%", "#", "\\", "?")  # what a link would read as something else than a part of a name
_LONGEST = 1000  # Excel allows 2,079 characters, of which an accent may take nine


def way_to(inbox: Path, folder: Path) -> str:
    """Return the relative way from a folder to the inbox, "" where there is none (another drive of Windows)."""
    try:
        return Path(os.path.relpath(inbox.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return ""


def links(way: str, places: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return for each place (file of the inbox, sheet, cell) XlsxWriter's address of it, "" where there is no link.

    A file in a bundle has none: it does not lie in the inbox as itself.
    """
    found = []
    for file, sheet, cell in places:
        to_file, to_sheet = _ways(way, file, sheet)
        found.append(f"{to_sheet}!{cell}" if to_sheet and cell else to_file)
    return found


@cache
def _ways(way: str, file: str, sheet: str) -> tuple[str, str]:
    """Return the address of a file and that of its sheet, "" for what has none."""
    path = PurePosixPath(file)
    kind = path.suffix.lower()
    inside = any(part.lower().endswith(".zip") for part in path.parts[:-1])
    if not (way and file) or kind not in PLAIN_KINDS or inside or ".." in path.parts or path.is_absolute():
        return "", ""
    address = f"{way}/{file}"
    if len(address) > _LONGEST or any(mark in address for mark in _NOT_IN_A_LINK) or not address.isprintable():
        return "", ""
    to_file = f"external:{address}"
    named = PLAIN_KINDS[kind] and sheet and "#" not in sheet and sheet.isprintable()
    return to_file, f"{to_file}#{sheet_name(sheet)}" if named else ""
