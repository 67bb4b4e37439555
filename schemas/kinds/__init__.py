"""Kinds of column: one module a kind, each with what can be repaired and how the repaired value is judged.

`repair(text)` returns the value as the roll-up holds it, or the cleaned text where nothing is certain.
It is idempotent.
"""

from collections.abc import Callable

from schemas.kinds import email, link, name, page_name, phone
from schemas.kinds.blank import is_blank
from schemas.text import clean

Repair = Callable[[str], str]


def _settled(repair: Repair) -> Repair:
    """Return the repair, repeated until there is nothing left to repair: repairing twice is repairing once."""

    def settle(text: str) -> str:
        seen = {text}
        while (repaired := repair(text)) not in seen:
            seen.add(repaired)
            text = repaired
        return repaired

    return settle


_ONCE: dict[str, Repair] = {
    "unit": clean,
    "page-name": page_name.repair,
    "link": link.repair,
    "name": name.repair,
    "phone": phone.repair,
    "email": email.repair,
    "text": clean,
}
REPAIRS = {kind: _settled(repair) for kind, repair in _ONCE.items()}

__all__ = ["REPAIRS", "is_blank"]
