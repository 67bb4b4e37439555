"""What a terminal gets and a file does not: colours, and a bar while something takes long."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from typing import IO, TypeVar

from schemas.messages import line

T = TypeVar("T")
COLOURS = {"accepted": "32", "to-correct": "33", "rejected": "31", "missing": "31", "head": "1"}
_PATIENCE = 1.0  # seconds before a bar is worth drawing
_PACE = 0.1  # seconds from one drawing to the next
_WIDTH = 30
_FULL, _EMPTY = "\u2588", "\u2591"


def coloured(text: str, look: str) -> str:
    """Return the text in the colour of a status, or as a `head`, where standard output is a terminal with colours."""
    return f"\x1b[{COLOURS[look]}m{text}\x1b[0m" if look in COLOURS and _has_colours(sys.stdout) else text


def watched(items: Iterable[T], count: int, what: str) -> Iterator[T]:
    """Yield the items; where it takes long and somebody sits at a terminal, a bar shows how far it is.

    `what` is a key of the table `bars` of the messages.
    """
    if not _is_terminal(sys.stderr):
        yield from items
        return
    begin = drawn = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now - begin > _PATIENCE and now - drawn > _PACE:
            drawn = now
            full = _WIDTH * done // max(count, 1)
            bar = _FULL * full + _EMPTY * (_WIDTH - full)
            sys.stderr.write(f"\r{line('bars', what)} {bar} {done}/{count}")
            sys.stderr.flush()
        yield item
    if drawn > begin:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def table(rows: list[list[str]], numbers: Iterable[int], looks: list[str]) -> Iterator[str]:
    """Yield the lines of a table, the columns `numbers` to the right, each row in its look.

    On a terminal that is too narrow what the last column says stands below the row.
    """
    right, gap = set(numbers), "  "
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    narrow = room() < sum(widths) + len(gap) * (len(widths) - 1)
    if narrow:
        gap = gap[: 1 + (room() >= sum(widths[:-1]) + len(gap) * (len(widths) - 2))]
    for row, look in zip(rows, looks, strict=True):
        cells = [
            text.rjust(width) if column in right else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        below = cells.pop().strip() if narrow else ""
        yield coloured(gap.join(cells).rstrip(), look)
        if below:
            yield coloured(f"    {below}", look)


def room() -> int:
    """Return how many characters a line of standard output has: of a file any number."""
    return shutil.get_terminal_size().columns if _is_terminal(sys.stdout) else sys.maxsize


def _has_colours(stream: IO[str]) -> bool:
    """Tell whether colours are wanted and shown: https://no-color.org; an old Windows console would print them."""
    if os.environ.get("NO_COLOR") or (os.name == "nt" and "WT_SESSION" not in os.environ):
        return False
    return _is_terminal(stream)


def _is_terminal(stream: IO[str]) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"
