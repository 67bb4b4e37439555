"""What is wrong with an entry of a data file, in words: what stands there, and what is expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from schemas.messages import line

SHOWN = 60  # characters of a value that a line shows


class Misfit(ValueError):
    """Entries that do not fit each other; `reason` is a key of `entry_errors` in `messages.toml`, `facts` its words.

    `key`, if given, is where it stands; else that is where pydantic found it, or the reason's name.
    """

    def __init__(self, reason: str, key: str = "", **facts: Any) -> None:
        super().__init__(reason)
        self.reason, self.key, self.facts = reason, key, facts


class EntryFault(Exception):
    """The file of that name is wrong at `key`; `reason` says in words why. `kind`: `round` or `form`."""

    def __init__(self, kind: str, name: str, key: str, reason: str) -> None:
        super().__init__(f"{name}: {key}: {reason}")
        self.kind, self.name, self.key, self.reason = kind, name, key, reason


def first_fault(record: Mapping[str, Any], faults: ValidationError) -> tuple[list[Any], str]:
    """Return the first fault of a record that was validated: the path of keys to it, and why it is one."""
    errors = faults.errors()
    first = errors[0]
    path, value = _walk(record, first["loc"])
    error = first.get("ctx", {}).get("error")
    if isinstance(error, Misfit):
        return ([error.key] if error.key else path or [error.reason]), line("entry_errors", error.reason, **error.facts)
    if first["type"] in ("missing", "extra_forbidden"):
        return list(first["loc"]), line("entry_errors", first["type"])
    # What may be one of several kinds has a fault a kind at one place.
    alike = [e for e in errors if _walk(record, e["loc"])[0] == path]
    last = str(path[-1]) if path else ""
    expected = {line("expected", e["type"], key=last, **e.get("ctx", {})): None for e in alike}
    return path, line("entry_errors", "other", value=shown(value), expected=list(expected))


def _walk(record: Any, loc: tuple[Any, ...]) -> tuple[list[Any], Any]:
    """Return how far a place leads within the record, and what stands there: its end may name a kind, not a key."""
    path: list[Any] = []
    for part in loc:
        if part == "[key]":  # the key itself is wrong
            return path, path[-1]
        try:
            record = record[part]
        except (KeyError, IndexError, TypeError):
            break
        path.append(part)
    return path, record


def shown(value: Any) -> str:
    """Return a value of a data file as it is written there, or nearly; a long one is cut."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}\u2026"


def toml_fault(fault: tomllib.TOMLDecodeError | UnicodeDecodeError) -> str:
    """Return where a file is no TOML, in words."""
    if isinstance(fault, UnicodeDecodeError):
        return line("entry_errors", "encoding")
    place = re.search(r"line (\d+), column (\d+)", str(fault))
    return line("entry_errors", "toml", line=place and place[1], column=place and place[2])
