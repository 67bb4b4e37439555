"""What a command costs: seconds on the wall, and the memory of all its processes together, sampled."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
EVERY = 0.05  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """`peak`: MiB of all processes of the command at one time, what they share counted once (PSS); 0: not looked at.

    `processor`: seconds that all of them computed; on a busy machine it tells more than the clock on the wall.
    """

    seconds: float
    processor: float
    peak: float
    last: str  # line that it printed


def measure(command: list[str], folder: Path = ROOT, *, memory: bool = False) -> Cost:
    """Run a command and return what it cost; looking at the memory slows it, so then its seconds do not count.

    Raises:
        RuntimeError: it failed; the message is the end of what it said.
    """
    # Whoever keeps Python from writing compiled files would measure its compiler.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun, before = time.perf_counter(), _waited_for()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env={**environment, "PYTHONUTF8": "1", "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    peaks, spent = [0.0], {0: 0.0}
    watcher = threading.Thread(target=_watch, args=(process, peaks if memory else None, spent), daemon=True)
    watcher.start()
    out, err = process.communicate()
    seconds = time.perf_counter() - begun
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {err.decode(errors='replace')[-2000:]}")
    lines = out.decode(errors="replace").strip().splitlines()
    return Cost(seconds, max(sum(spent.values()), _waited_for() - before), max(peaks), lines[-1] if lines else "")


def python(*arguments: str | Path) -> list[str]:
    """Return the command that runs this Python with these arguments."""
    return [sys.executable, *map(str, arguments)]


def _waited_for() -> float:
    """Return the processor seconds of all children that have ended: exact for a command too short to be sampled."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(process: subprocess.Popen[bytes], peaks: list[float] | None, spent: dict[int, float]) -> None:
    while process.poll() is None:
        processes = _of_session(process.pid)
        spent.update((int(folder.name), seconds) for folder, seconds in processes.items())
        if peaks is not None:
            peaks.append(sum(map(_memory, processes)) / 1024)
        time.sleep(EVERY)


def _of_session(leader: int) -> dict[Path, float]:
    """Return the processes of a session (the command, its workers, their server) with their processor seconds."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                found[folder] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def _memory(process: Path) -> int:
    """Return the KiB of a process, with its share of what it has in common with others."""
    with contextlib.suppress(OSError):
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
