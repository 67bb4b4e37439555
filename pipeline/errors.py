"""The operator's faults. A unit's fault is a finding; ours is a traceback."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

TRACE = "MTTQ_TRACE"
"""Set in the environment, faults of ours are told with their messages, which may hold what a unit wrote."""


class OperatorError(Exception):
    """Something the officer can set right: told in one Vietnamese line, exit status 2.

    `name` is that of the line in the `operator` table of `messages.toml`; `facts` fill it.
    """

    def __init__(self, name: str, /, **facts: Any) -> None:
        from schemas.messages import line  # not at the top: readers import this module, and need no templates

        said = line("operator", name, **facts)
        # A value that is told may hold anything, and one line stays one.
        super().__init__("".join(letter if letter.isprintable() else " " for letter in said))


class Refused(Exception):
    """A file that cannot be read: becomes a finding of that rule."""

    def __init__(self, rule: str, **facts: Any) -> None:
        super().__init__(rule)
        self.rule = rule
        self.facts = facts


class FaultIn(Exception):
    """A fault of ours (its cause) that a file brings about: whoever takes the file out gets a result meanwhile."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file


def guard_screen() -> None:
    """Let nothing on the screen but what we print ourselves: a fault of ours is told without what a unit wrote.

    An exception's message may quote a cell (a phone number, a name), so a traceback shows places and types alone.
    What a library warns of, and what goes wrong while a file of a failed run is thrown away, tells an officer nothing.
    """
    if not os.environ.get(TRACE):
        sys.excepthook = _tell
        sys.unraisablehook = lambda _: None
        warnings.simplefilter("ignore")


def _tell(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    del kind, trace
    if isinstance(fault, KeyboardInterrupt):
        return
    from schemas.messages import line

    print(line("screen", "fault", variable=TRACE), file=sys.stderr)
    if isinstance(fault, FaultIn):
        print(line("screen", "fault_file", file=fault.file), file=sys.stderr)
    told: BaseException | None = fault
    while told is not None:
        print(*traceback.format_tb(told.__traceback__), type(told).__qualname__, sep="", file=sys.stderr)
        told = told.__cause__ or told.__context__
