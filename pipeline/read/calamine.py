"""The fast library at arm's length: what it raises, Rust panics included, becomes None.

It never sees a workbook whose numbers (cell addresses, counts) were not looked at first: those it believes,
and then it takes the whole process down.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TypeVar

from python_calamine import CalamineError, CalamineWorkbook

from pipeline.read.values import text_of

T = TypeVar("T")


def open_book(content: bytes) -> CalamineWorkbook | None:
    """Return the workbook, None where the library refuses it."""
    return _guarded(lambda: CalamineWorkbook.from_filelike(io.BytesIO(content)))


def cells_of(book: CalamineWorkbook, name: str) -> list[list[str]] | None:
    """Return a sheet's cells as texts, from A1 on; None where the library refuses it."""
    values = _guarded(lambda: book.get_sheet_by_name(name).to_python(skip_empty_area=False))
    return None if values is None else [[text_of(value) for value in row] for row in values]


def _guarded(call: Callable[[], T]) -> T | None:
    try:
        return call()
    except (CalamineError, OSError, ValueError, OverflowError):
        return None
    except BaseException as fault:  # a panic derives from BaseException, and its class cannot be imported
        if type(fault).__name__ != "PanicException":
            raise
        return None
