"""Reading in processes of its own: a file that aborts, hangs or eats the memory of its reader is one finding.

Two workers are kept (pebble): they start beside the imports of the command, and a worker that dies or overruns
its limits takes only its own file along. A file alone is read in a worker too: nothing in Python can catch an
abort. What is asked of a file is done there too, and only the result travels.
Results come in the order of the files, whichever worker is done first.

Wherever the system has no limits of its own (Windows), the wall clock still holds.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import forkserver
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import Any, Protocol

from pebble import CONSTS, ProcessExpired, ProcessPool

from pipeline.errors import FaultIn, OperatorError, Refused
from pipeline.known import Known
from pipeline.marks import mark_of_reading
from pipeline.memory import collect_less
from pipeline.model import Arrival, Workbook
from pipeline.read import read
from pipeline.read.bundle import members
from schemas.codes import Rule

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

WORKERS = 2
AHEAD = 64  # files that are read while an earlier one is recognised


@dataclass(frozen=True)
class Limits:
    """What one file may use.

    The processor's time comes first, so that the same file meets the same end on a busy machine too; a worker
    watches itself, and the pool comes last, where the system gives the worker no clock (Windows) or a death went
    unseen. A sheet of 100,000 rows takes 514 MiB; two workers and the run itself stay under 1.5 GiB. What is asked of
    the file once it is read is our own code: it may take longer, the larger the file the more.
    """

    cpu_seconds: int = 8
    wall_seconds: int = 13
    pool_seconds: int = 15
    memory: int = 672 * 1024 * 1024
    work_seconds: int = 30
    bytes_a_second: int = 50_000

    def of_work(self, path: Path) -> tuple[int, int]:
        """Return how long the work on a file may take once it was read: of the processor, and on the wall."""
        seconds = self.work_seconds + path.stat().st_size // self.bytes_a_second
        return seconds, 4 * (seconds + 1)


LIMITS = Limits()
ATTEMPTS = 3
_OUT_OF_MEMORY = 77
CONSTS.sleep_unit = 0.05  # how often the pool looks for dead workers, and how long its end may take
# Ends that say nothing about the file: the wall clock of a busy machine, and a kill from outside.
_CHANCE = ("time", "killed")

Outcome = tuple[str, Any]
"""What a worker returns: `done` and plain data, or `refused` and the rule with its facts."""


class Work(Protocol):
    """What is asked of a file that was read or refused; it travels to the workers, where it is called.

    What it gave is kept for a `round`, and is as good later while its `mark` is the same.
    """

    @property
    def round(self) -> str:
        """The round's id."""

    @property
    def mark(self) -> str:
        """A mark of all that decides what it gives."""

    def __call__(self, arrival: Arrival, book: Workbook | Refused) -> bytes:
        """Return what it makes of a file."""


def start() -> None:
    """Start the workers without waiting for them: beside the imports that the command has to do anyway."""
    if _elsewhere:
        return
    get_temp_dir()  # now: where the pool's own socket lies must not be swept with a run's temporary files
    # Now: libraries change the environment while they are imported; a program started by a thread just then would end.
    _new_pool()
    threading.Thread(target=_start_early, daemon=True).start()


@contextlib.contextmanager
def reading_on(executor: Executor, ahead: int) -> Iterator[None]:
    """Let an executor read, of which every worker sees the state folder; so many files are handed over ahead."""
    global _elsewhere
    _elsewhere = executor, max(ahead, AHEAD)
    try:
        yield
    finally:
        _elsewhere = None


_elsewhere: tuple[Executor, int] | None = None


def read_file(arrival: Arrival, work: Work, mark: str) -> Outcome:
    """Do one file in a worker process of the machine where this is called: what an executor elsewhere is given.

    The outcome is `elsewhere` with a reason where that machine has other code (`mark`) or does not see the file.
    """
    if mark != mark_of_reading():
        return "elsewhere", "version"
    if not arrival.path.exists():
        return "elsewhere", "unseen"
    # A Dask worker is a daemon, which may have no processes of its own; these end when it does.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    task = _reading_of(arrival, work)
    try:
        return _outcome(_submit(*task), *task)
    except FileNotFoundError:  # a form or register of the officer's own
        return "elsewhere", "unseen"


def read_all(
    arrivals: Iterable[Arrival], work: Work, known: Known | None = None
) -> Iterator[tuple[Arrival, bytes | Refused]]:
    """Yield every file with what `work` made of it, or why no worker outlived it, in their order.

    What is `known` from an earlier run is not read again.
    """
    known = known or Known()
    most = _elsewhere[1] if _elsewhere else AHEAD
    ahead: deque[tuple[Arrival, Outcome | Future[Outcome]]] = deque()
    for arrival in arrivals:
        ahead.append((arrival, _begin(arrival, work, known)))
        if len(ahead) > most:
            yield _finish(*ahead.popleft(), work, known)
    while ahead:
        yield _finish(*ahead.popleft(), work, known)
    _send_home()


def unpack_bundle(path: Path) -> list[tuple[str, bytes]] | None:
    """Return the names and contents of the files in an archive, None where it is no bundle.

    Raises:
        Refused: it cannot be opened.
    """
    task = _unpacking, LIMITS.pool_seconds, members, path
    status, found = _outcome(_submit(*task), *task)
    if status == "refused":
        raise Refused(found[0], **found[1])
    bundle: list[tuple[str, bytes]] | None = found
    return bundle


# --- beside the workers


def _begin(arrival: Arrival, work: Work, known: Known) -> Outcome | Future[Outcome]:
    if arrival.refused:
        return "refused", [str(arrival.refused.rule), arrival.refused.facts]
    if outcome := known.get(work.round, work.mark, arrival):
        return outcome
    if _elsewhere:
        away = replace(arrival, path=arrival.path.absolute())
        return _elsewhere[0].submit(read_file, away, work, mark_of_reading())
    return _submit(*_reading_of(arrival, work))


def _reading_of(arrival: Arrival, work: Work) -> tuple[Any, ...]:
    return _reading, LIMITS.pool_seconds + LIMITS.of_work(arrival.path)[1], read, arrival, work


def _finish(
    arrival: Arrival, begun: Outcome | Future[Outcome], work: Work, known: Known
) -> tuple[Arrival, bytes | Refused]:
    """Wait for what becomes of a file.

    Raises:
        FaultIn: our own code failed on it.
    """
    if isinstance(begun, Future):
        try:
            outcome = _from_elsewhere(begun) if _elsewhere else _outcome(begun, *_reading_of(arrival, work))
        except (OperatorError, OSError, MemoryError, BrokenProcessPool):  # of the machine, whichever file was in hand
            raise
        except Exception as fault:
            raise FaultIn(arrival.file) from fault
        if outcome[0] == "done" or outcome[1][1].get("reason") not in _CHANCE:
            known.put(work.round, work.mark, arrival, outcome)
    else:
        outcome = begun
    status, found = outcome
    return arrival, (found if status == "done" else Refused(found[0], **found[1]))


def _outcome(future: Future[Outcome], *task: Any) -> Outcome:
    """Wait for a worker; ask another where the pool lost this one, or says that it died.

    A worker that dies in the moment between taking a task and the pool's noticing it is lost to the pool, which
    then reports a time-out, or gives up if nothing else was going on. Its death may also be laid at the door of the
    file before, whose result still lies unread in the pipe: only a file that kills two workers in a row did it.

    Raises:
        BrokenProcessPool: no worker can be started at all.
    """
    reasons: list[str] = []
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return future.result()
        except ProcessExpired as death:
            reasons.append(_reason(death.exitcode))
            if len(reasons) > 1:
                break
        except BrokenProcessPool:
            if attempt == ATTEMPTS:
                raise
        except TimeoutError:
            if resource is None:
                break
        if attempt < ATTEMPTS:
            future = _submit(*task)
    return _unreadable(reasons[-1] if reasons else "time")


def _from_elsewhere(future: Future[Outcome]) -> Outcome:
    """Wait for another machine.

    Raises:
        OperatorError: it has other code, or does not see the state folder.
    """
    status, found = future.result()
    if status == "elsewhere":
        raise OperatorError(f"cluster_{found}")
    return status, found


def _unreadable(reason: str) -> Outcome:
    return "refused", [str(Rule.FILE_UNREADABLE), {"reason": reason}]


def _reason(status: int | None) -> str:
    if status == _OUT_OF_MEMORY:
        return "memory"
    if resource is None:
        return "crash"
    return {-signal.SIGXCPU: "slow", -signal.SIGALRM: "time", -signal.SIGKILL: "killed"}.get(status or 0, "crash")


def _submit(job: Callable[..., Outcome], seconds: int, *about: Any) -> Future[Outcome]:
    future: Future[Outcome] = _pool().schedule(job, args=(LIMITS, *about), timeout=seconds)
    return future


_starting = threading.Lock()
_leaving = False


def _start_early() -> None:
    with _starting:
        if not _leaving:
            _new_pool().active  # noqa: B018 - the library starts its workers when it is asked


@atexit.register  # before the library's own: a worker started while Python ends is waited for for ever
def _leave() -> None:
    """Let the workers go, after those that are being started have come, and let nobody start any more."""
    global _leaving
    with _starting:
        _leaving = True
        if _new_pool.cache_info().currsize:
            _end(_new_pool())
            _new_pool.cache_clear()


def _pool() -> ProcessPool:
    """Return the running workers: those of before unless they broke down."""
    with _starting:
        pool = _new_pool()
        if pool.active:
            return pool
        _end(pool)
        _new_pool.cache_clear()
        pool = _new_pool()
        if not pool.active:
            raise BrokenProcessPool("no reader can be started")
        return pool


@cache
def _new_pool() -> ProcessPool:
    context = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
    if os.name != "nt":
        context.set_forkserver_preload([__name__, "pipeline.recognise"])
        forkserver.ensure_running()
    pool = ProcessPool(max_workers=WORKERS, initializer=_prepare, context=context)
    manager = pool._pool_manager.worker_manager

    def stop() -> None:
        """The workers first: the library would close their channels, in which one that is just starting then fails."""
        manager.force_stop_workers()
        manager.close_channels()

    pool._pool_manager.stop = stop  # type: ignore[method-assign]
    return pool


def _send_home() -> None:
    """Let the workers go, with the memory that they hold; who has more to read starts others."""
    with _starting:
        if _new_pool.cache_info().currsize:
            pool = _new_pool()
            _new_pool.cache_clear()
            threading.Thread(target=_end, args=(pool,)).start()  # Python ends after its threads


def _end(pool: ProcessPool) -> None:
    pool.stop()
    pool.join()


# --- in a worker


def _prepare() -> None:
    """Make the worker quick and harmless: it dies when told to, leaves no core (citizens' data) and writes no file."""
    collect_less()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if resource:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _reading(limits: Limits, function: Callable[[bytes], Workbook], arrival: Arrival, work: Work) -> Outcome:
    """Read a file, and do with it what is asked."""
    found = _guarded(limits, function, arrival.path)
    with _limited(*limits.of_work(arrival.path)):
        return "done", work(arrival, found)


def _unpacking(limits: Limits, function: Callable[[bytes], Any], path: Path) -> Outcome:
    found = _guarded(limits, function, path)
    return ("refused", [str(found.rule), found.facts]) if isinstance(found, Refused) else ("done", found)


def _guarded(limits: Limits, function: Callable[[bytes], Any], path: Path) -> Any:
    """Read a file within the limits; whatever a foreign file makes a parser raise is the file's fault.

    A worker that ran out of memory, or met something that is no ordinary exception (a panic of Rust code,
    SystemExit), is not trusted with the next file: it ends, and another takes its place.
    """
    try:
        with _limited(limits.cpu_seconds, limits.wall_seconds, limits.memory):
            return function(path.read_bytes())
    except Refused as refusal:
        return refusal
    except MemoryError:
        os._exit(_OUT_OF_MEMORY)
    except Exception as fault:
        return Refused(Rule.FILE_UNREADABLE, reason="crash", fault=type(fault).__name__)
    except BaseException:
        os._exit(1)


@contextlib.contextmanager
def _limited(cpu_seconds: int, wall_seconds: int, memory: int | None = None) -> Iterator[None]:
    """Limit time and memory while a file is open; the alarm ends a worker whose parent was killed."""
    if resource is None:
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _soft(resource.RLIMIT_AS, resource.RLIM_INFINITY if memory is None else memory)
    _soft(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds)
    signal.alarm(wall_seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        _soft(resource.RLIMIT_CPU, resource.RLIM_INFINITY)
        _soft(resource.RLIMIT_AS, resource.RLIM_INFINITY)


def _soft(limit: int, value: int) -> None:
    hard = resource.getrlimit(limit)[1]
    resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY or value < hard else hard, hard))
