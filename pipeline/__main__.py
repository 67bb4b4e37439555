"""The command line: its options, and what becomes of a fault. The only place that knows default paths."""

from __future__ import annotations

import argparse
import atexit
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from pipeline.called import day_typed, folder_typed, seconds_typed
from pipeline.clock import today
from pipeline.commands import COMMANDS, OPERATORS_FAULT
from pipeline.errors import OperatorError, guard_screen
from pipeline.memory import collect_less
from schemas.messages import line

DATA = Path("data")
STOPPED = 130
_FLAG: dict[str, Any] = {"action": "store_true"}
# Options that are not listed here are words, "" where they are not given: what is missing is told in the officer's
# language.
_OPTIONS: dict[str, dict[str, Any]] = {
    "files": {"nargs": "+", "type": Path, "metavar": "FILE", "help": None},
    "--round": {"default": "", "metavar": "ID"},
    **{f"--{name}": {"type": folder_typed, "default": DATA / name} for name in ("inbox", "outbox", "state")},
    "--as-of": {"type": day_typed, "metavar": "DATE"},
    "--scheduler": {"default": "", "metavar": "ADDRESS"},
    # For `watch`: on the standard input stands which files have settled, with their signs (JSON).
    "--settled": {**_FLAG, "help": argparse.SUPPRESS},
    "--dry-run": _FLAG,
    "--again": {"default": "", "metavar": "CODE"},
    "--arrived": {"default": "", "metavar": "CODE"},
    "--fetch-every": {"type": seconds_typed, "default": 0.0, "metavar": "SECONDS"},
    "--quiet": {"type": seconds_typed, "default": 5.0, "metavar": "SECONDS"},
    "--yes": _FLAG,
    "--with-inbox": _FLAG,
    "--folder": {"type": folder_typed, "default": Path("demo")},
}


class _Parser(argparse.ArgumentParser):
    """Tells a wrong command line as one line, as every operator's fault."""

    def error(self, message: str) -> NoReturn:
        del message  # English, and of no use to an officer
        raise OperatorError("usage", reason=" ".join(sys.argv[1:]))


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 2 the operator's fault, 3 errors found by `check`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # nobody listens: a task of the system, a window without a console
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        getattr(sys, name).reconfigure(encoding="utf-8", errors="replace")
    try:
        options = _parser().parse_args(arguments)
        _keep_apart(options)
        options.day = getattr(options, "as_of", None) or today()  # one and the same, though midnight may pass
        status: int = options.command(options)
        sys.stdout.flush()
        return status
    except OperatorError as fault:
        print(fault, file=sys.stderr)
        return OPERATORS_FAULT
    except KeyboardInterrupt:
        return STOPPED
    except BrokenPipeError:  # who read the screen has seen enough
        _fall_silent()
        return STOPPED
    except OSError as fault:
        if not _lost_screen():
            raise
        _fall_silent()
        from pipeline.state import disk_reason

        with suppress(OSError):
            print(OperatorError("screen", reason=line("disk", disk_reason(fault) or "broken")), file=sys.stderr)
        return OPERATORS_FAULT


def _lost_screen() -> bool:
    """Tell whether nothing can be written where the officer would see it, as in a file on a full disk."""
    try:
        print(flush=True)
    except OSError:
        return True
    return False


def _fall_silent() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _keep_apart(options: argparse.Namespace) -> None:
    """Refuse results in the inbox: the next run would read them as what units have sent."""
    if inbox := getattr(options, "inbox", None):
        for name in ("outbox", "state"):
            path: Path = getattr(options, name)
            if path.resolve().is_relative_to(inbox.resolve()):
                raise OperatorError("folders", name=name, path=path, inbox=inbox)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m pipeline", description=line("commands", "program"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (function, options) in COMMANDS.items():
        sub = commands.add_parser(name, help=line("commands", name), description=line("commands", name))
        sub.set_defaults(command=function)
        for option in options:
            key = option.lstrip("-").replace("-", "_")
            told = _OPTIONS.get(option, {"default": "", "metavar": key.upper()})
            if "help" not in told:
                told = {**told, "help": line("commands", f"option_{key}")}
            sub.add_argument(option, **told)
    return parser


def program() -> int:
    """Run the command of the command line, with nothing personal on the screen whatever happens."""
    guard_screen()
    lighten()
    return main()


def lighten() -> None:
    """Spare this process what it has no use for."""
    collect_less()
    # numpy's algebra, of which nothing is used, would start threads of its own that keep a processor busy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def end(status: int) -> NoReturn:
    """End this process as Python would, but for taking millions of cells apart one by one: they go with it."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # who read the screen has seen enough
        status = STOPPED
    os._exit(status)


if __name__ == "__main__":
    end(program())
