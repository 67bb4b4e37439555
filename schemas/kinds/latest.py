"""Which of several values in one cell counts: the new one, where the cell tells the old from the new."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from itertools import islice

from schemas.data import vocabulary

_LOOKED_AT = 20  # words of a cell: nobody writes more


def tells(text: str) -> bool:
    """Tell whether a text says of a value that it is old, new or no longer used."""
    return _marks().search(text) is not None


def chosen(text: str, places: Sequence[tuple[int, int]]) -> int | None:
    """Return which of the values at these places (start, end; at least one) counts, None where nobody can tell.

    The first, unless something is said of them: then the new one, else the first of which nothing is said. Words
    speak of the value behind them where the first of them stands before all values or a colon follows, else of the
    one before them; an arrow speaks of both.
    """
    marks = list(islice(_marks().finditer(text), _LOOKED_AT))
    old: set[int | None] = set()
    new: set[int | None] = set()
    forward = bool(marks) and marks[0].start() < places[0][0]
    for mark in marks:
        ahead = next((place for place, (start, _) in enumerate(places) if start >= mark.end()), None)
        behind = next((place for place, (_, end) in reversed([*enumerate(places)]) if end <= mark.start()), None)
        if mark["arrow"]:
            if ahead is not None and behind is not None:
                old.add(behind)
                new.add(ahead)
            continue
        before = forward or text[mark.end() :].lstrip(" )").startswith(":")
        one, other = (ahead, behind) if before else (behind, ahead)
        (new if mark["new"] else old).add(one if one is not None else other)
    left = [place for place in range(len(places)) if place not in old]
    if now := [place for place in left if place in new]:
        return now[0] if len(now) == 1 else None
    return left[0] if left else None


@cache
def _marks() -> re.Pattern[str]:
    words = vocabulary()["several"]
    arrow, new, old = (
        "|".join(re.escape(word) for word in sorted(words[key], key=len, reverse=True))
        for key in ("arrows", "current", "former")
    )
    return re.compile(rf"(?P<arrow>{arrow})|(?<!\w)(?:(?P<new>{new})|(?:{old}))(?!\w)", re.IGNORECASE)
