"""A run that kills itself (kill -9) at a moment: `python killed_run.py MOMENT ARGUMENTS...`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pipeline.publish
import pipeline.readers
from pipeline.__main__ import main

# Where the moment is: the holder of a function, its name, which call of it, and whether the call is made first.
MOMENTS: dict[str, tuple[Any, str, int, bool]] = {
    "copied": (os, "fsync", 1, True),
    "stored": (Path, "replace", 1, True),
    "read": (pipeline.readers, "_finish", 2, False),
    "rendered": (pipeline.publish, "compare", 1, True),
    "old-put-aside": (Path, "rename", 1, True),
    "new-in-place": (Path, "rename", 2, True),
}


def _deadly(function: Callable[..., Any], call: int, made_first: bool) -> Callable[..., Any]:
    calls = 0

    def counted(*arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls < call:
            return function(*arguments, **more)
        if made_first:
            function(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    return counted


if __name__ == "__main__":
    holder, name, call, made_first = MOMENTS[sys.argv[1]]
    setattr(holder, name, _deadly(getattr(holder, name), call, made_first))
    sys.exit(main(sys.argv[2:]))
