"""Units as they were called before a reform: which units of today a former name means."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.gazetteer import Gazetteer, rest_of
from schemas.text import spelling_key
from schemas.units import Former, Register


class Formers:
    """The former units of a region, of which `codes` are the units of today."""

    def __init__(self, register: Register, codes: Iterable[str]) -> None:
        here = set(codes)
        self._of = {former.unit: former for former in register.formers if not here.isdisjoint(former.now)}
        self._gazetteer = Gazetteer(self._of)

    def find(self, text: str) -> tuple[int, list[str]]:
        """Return how sure the best reading is, and the codes of the units that the former ones belong to now.

        Former units of one name are told apart by the former district that the text names.
        """
        sure, units = self._gazetteer.find(text) if self._of else (0, [])
        if not units:
            return sure, []
        formers = [self._of[unit] for unit in units]
        if len(formers) > 1 and (rest := f" {spelling_key(rest_of(text))} ").strip():
            formers = [f for f in formers if any(f" {spelling_key(u.name)} " in rest for u in f.above)] or formers
        return sure, _now(formers)

    def mentioned(self, text: str) -> list[str]:
        """Return the codes of the units of today whose former names stand in a text with their level words."""
        mentions = self._gazetteer.mentions(text) if self._of else []
        return _now(self._of[mention.unit] for mention in mentions if mention.typed)


def _now(formers: Iterable[Former]) -> list[str]:
    return list(dict.fromkeys(code for former in formers for code in former.now))
