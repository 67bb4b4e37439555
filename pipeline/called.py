"""What a command line names: rounds, units, days. What is wrong with it is one line in the officer's language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.clock import today
from pipeline.errors import OperatorError
from schemas.messages import line

if TYPE_CHECKING:
    from schemas.round import Round


def round_called(name: str, day: dt.date | None = None) -> Round:
    """Return the round of that name; one that comes again as it is in the period of that day (None: today).

    Raises:
        OperatorError: none is named, there is none, or its file is wrong; the line names the key.
    """
    from schemas.faults import EntryFault
    from schemas.round import list_rounds, load_round

    if not name.strip():
        raise OperatorError("no_round", name="", known=", ".join(list_rounds()))
    try:
        return load_round(name).in_period(day or today())
    except (FileNotFoundError, IsADirectoryError) as fault:
        missing = Path(fault.filename)
        if missing.stem != Path(name).stem:
            key = {"units": "register", "rounds": "base"}.get(missing.parent.name, "form")
            reason = line("entry_errors", "no_file", value=missing.stem)
            raise OperatorError("bad_round", name=name, key=key, reason=reason) from None
        if name.endswith(".toml"):
            raise OperatorError("no_file", path=name) from None
        raise OperatorError("no_round", name=name, known=", ".join(list_rounds())) from None
    except EntryFault as fault:
        raise OperatorError(f"bad_{fault.kind}", name=fault.name, key=fault.key, reason=fault.reason) from None


def code_called(round: Round, text: str, codes: Iterable[str]) -> str:
    """Return the code of the unit that is meant by its code or name.

    Raises:
        OperatorError: it is none of these units, or several have that name.
    """
    found = round.units_called(text, codes)
    if len(found) != 1:
        named = ", ".join(f"{unit.code} ({round.listed_names[unit.code]})" for unit in found)
        raise OperatorError("ambiguous_unit" if found else "no_unit", unit=text, found=named)
    return found[0].code


def folder_typed(text: str) -> Path:
    """Return the folder.

    Raises:
        OperatorError: its name cannot stand in a paper: it is no text.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        raise OperatorError("disk", path=shown, reason=line("disk", "name")) from None
    return Path(text)


def day_typed(text: str) -> dt.date:
    """Return the day.

    Raises:
        OperatorError: it is none.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise OperatorError("bad_date", value=text) from None


def seconds_typed(text: str) -> float:
    """Return how long that is.

    Raises:
        OperatorError: it is no number, or below nothing.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise OperatorError("bad_seconds", value=text)
    return seconds
