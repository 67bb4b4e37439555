"""The job with a clock on its stages: `python -m bench.stages run --round ...` prints their seconds as JSON last.

The stages are functions of the pipeline, timed from outside; what a stage waits for another one is not its own.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.__main__ import lighten, program
from pipeline.readers import start

STAGES = {
    "take in": ["pipeline.publish:take_in"],
    "read and recognise": ["pipeline.run:gather"],
    "settle, normalise": ["pipeline.run:settle", "pipeline.run:normalise"],
    "validate": ["pipeline.run:validate"],
    "consolidate": ["pipeline.run:consolidate"],
    "history": ["pipeline.look:current_versions", "pipeline.look:with_history"],
    "words": ["pipeline.publish:worded"],
    "machine results": ["pipeline.publish:write_machine_results"],
    "reading back": ["pipeline.publish:compare", "pipeline.publish:compare_rollup"],
    "Word papers": ["pipeline.publish:write_papers"],
    "roll-up": ["pipeline.publish:write_rollup"],
    "overview": ["pipeline.publish:write_overview"],
    "letters and workbooks": ["pipeline.render.outgoing:Outgoing.write"],
    "outbox": ["pipeline.publish:hashes_of", "pipeline.publish:keep_handwork", "pipeline.folders:Shelf.swap"],
    "ledger": [f"pipeline.ledger:Ledger.{name}" for name in ("will_write_papers", "wrote_papers", "record_run")],
}
_CLOCKS = (time.perf_counter, time.process_time)
_spent: dict[str, list[float]] = {}  # by stage: seconds, and those of this process's own processor time
_running: list[list[float]] = []  # of every stage that is running: what stages inside it have taken


def _timed(stage: str, work: Callable[[], Any]) -> Any:
    _running.append([0.0, 0.0])
    begun = [clock() for clock in _CLOCKS]
    try:
        return work()
    finally:
        inner, so_far = _running.pop(), _spent.setdefault(stage, [0.0, 0.0])
        for place, clock in enumerate(_CLOCKS):
            whole = clock() - begun[place]
            so_far[place] += whole - inner[place]
            if _running:
                _running[-1][place] += whole


def _clocked(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def clocked(*args: Any, **options: Any) -> Any:
        made = _timed(stage, lambda: function(*args, **options))
        return _stepwise(stage, made) if isinstance(made, Iterator) else made

    return clocked


def _stepwise(stage: str, items: Iterator[Any]) -> Iterator[Any]:
    end = object()
    while (item := _timed(stage, lambda: next(items, end))) is not end:
        yield item


def main() -> int:
    """Run one command of the pipeline; return its exit status."""
    lighten()
    start()
    _timed("imports", _attach)
    status: int = _timed("other", program)
    print(json.dumps({stage: [round(seconds, 3) for seconds in both] for stage, both in _spent.items()}))
    return status


def _attach() -> None:
    for stage, names in STAGES.items():
        for name in names:
            module, _, path = name.partition(":")
            holder: Any = importlib.import_module(module)
            *owners, attribute = path.split(".")
            for owner in owners:
                holder = getattr(holder, owner)
            setattr(holder, attribute, _clocked(stage, getattr(holder, attribute)))


if __name__ == "__main__":
    sys.exit(main())
