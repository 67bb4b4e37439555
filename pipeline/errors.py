"""The operator's faults. A unit's fault is a finding; ours is a traceback."""

from typing import Any


class OperatorError(Exception):
    """Something the officer can set right: told in one Vietnamese line, exit status 2.

    `name` is that of the line in the `operator` table of `messages.toml`; `facts` fill it.
    """

    def __init__(self, name: str, /, **facts: Any) -> None:
        from schemas.messages import line  # not at the top: readers import this module, and need no templates

        super().__init__(line("operator", name, **facts))


class Refused(Exception):
    """A file that cannot be read: becomes a finding of that rule."""

    def __init__(self, rule: str, **facts: Any) -> None:
        super().__init__(rule)
        self.rule = rule
        self.facts = facts
