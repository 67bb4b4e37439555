"""Kinds of column: one module a kind, each with what can be repaired and how the repaired value is judged.

`repair(text)` returns the value as the roll-up holds it, or the cleaned text where nothing is certain.
It is idempotent.
"""

from collections.abc import Callable

from schemas.kinds import email, link, name, page_name, phone
from schemas.kinds.blank import is_blank
from schemas.text import clean

REPAIRS: dict[str, Callable[[str], str]] = {
    "unit": clean,
    "page-name": page_name.repair,
    "link": link.repair,
    "name": name.repair,
    "phone": phone.repair,
    "email": email.repair,
    "text": clean,
}

__all__ = ["REPAIRS", "is_blank"]
