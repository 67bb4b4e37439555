"""The words: severity and sentences of every rule, the lines of the screen, the operator's errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from schemas.data import HERE, read_toml
from schemas.text import capitalised

if TYPE_CHECKING:
    from jinja2 import Template

_NAMED = re.compile(r"\{\{ (\w+) \}\}")
_ASKED = re.compile(r"\{[{%#]")


@cache
def messages() -> dict[str, Any]:
    """Return the tables of `messages.toml`."""
    return read_toml(HERE / "messages.toml")


def said_with(text: str) -> Callable[[Mapping[str, Any]], str]:
    """Return what fills a sentence with facts: most sentences hold nothing but names, and need no template for that."""
    first, *rest = _NAMED.split(text)
    places = list(zip(rest[::2], rest[1::2], strict=True))

    def say(facts: Mapping[str, Any]) -> str:
        try:
            return first + "".join([f"{facts[name]}{after}" for name, after in places])
        except KeyError:
            return _rendered(text, facts)

    return partial(_rendered, text) if any(map(_ASKED.search, [first, *rest[1::2]])) else say


def _rendered(text: str, facts: Mapping[str, Any]) -> str:
    return _template(text).render(facts)


@cache
def _template(text: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    return Environment(undefined=StrictUndefined, autoescape=False).from_string(text)


@cache
def _said(*path: str) -> Callable[[Mapping[str, Any]], str]:
    text: Any = messages()
    for key in path:
        text = text[key]
    return said_with(text)


def severity(rule: str) -> str:
    """Return what a rule usually is: `error`, `warning`, `note` or `trial`; a round may judge otherwise.

    Raises:
        KeyError: no such rule.
    """
    return str(messages()["rules"][rule]["severity"])


def title(rule: str) -> str:
    """Return the rule's short name, for lists of the most frequent faults."""
    return str(messages()["rules"][rule]["title"])


def clause(rule: str) -> str:
    """Return what a rule stands on in every round, "" where nothing says."""
    return str(messages()["rules"][rule].get("clause", ""))


def sentence(rule: str, facts: Mapping[str, Any]) -> str:
    """Return what is wrong and what to do, with the value found and the value expected.

    `how` in a message is how a column of the rule's kind is filled, and `reasons` why a file cannot be read.
    """
    given = {"reasons": messages()["reasons"], "how": messages()["how"].get(rule.partition(".")[0], "")}
    return _said("rules", rule, "message")({**given, **facts}).strip()


def how(kind: str) -> str:
    """Return how a column of that kind is filled, as a sentence."""
    said = str(messages()["how"].get(kind, messages()["how"]["text"]))
    return f"{capitalised(said)}."


def line(section: str, key: str, /, **facts: Any) -> str:
    """Return a line of the screen or of a paper."""
    return _said(section, key)(facts).strip() if facts else _plain(section, key)


@cache
def _plain(section: str, key: str) -> str:
    """Return a line that needs no facts."""
    return _said(section, key)({}).strip()
