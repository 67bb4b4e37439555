"""The memory of this process, where the system tells of it and takes it back: Linux. Elsewhere nothing is done."""

from __future__ import annotations

import ctypes
import gc
import sys

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

MUCH = 400  # MiB


def most_held() -> float:
    """Return the most MiB that this process has held so far, 0 where the system does not tell."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 if resource else 0.0


def give_back() -> None:
    """Give the system back what nothing holds any more: Python keeps it for itself, and so does the C library.

    Looking for it takes a part of a second: it is done where much was held.
    """
    if most_held() < MUCH:
        return
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # another C library may have none
        if trim:
            trim(0)


def collect_less() -> None:
    """Let Python look for cycles less often.

    Millions of cells live until the end: looking through them again and again took a third of a run.
    """
    gc.set_threshold(100_000, 50, 1_000)
