"""The commands. The only place that knows default paths."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from pipeline.errors import OperatorError, guard_screen
from schemas.messages import line

if TYPE_CHECKING:
    from schemas.round import Round

DATA = Path("data")
ERRORS_FOUND = 3
OPERATORS_FAULT = 2


class _Parser(argparse.ArgumentParser):
    """Tells a wrong command line as one line, as every operator's fault."""

    def error(self, message: str) -> NoReturn:
        del message  # English, and of no use to an officer
        raise OperatorError("usage", reason=" ".join(sys.argv[1:]))


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit status: 0 done, 2 the operator's fault, 3 errors found by `check`."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        options = _parser().parse_args(arguments)
        status: int = options.command(options)
        return status
    except OperatorError as fault:
        print(fault, file=sys.stderr)
        return OPERATORS_FAULT


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m pipeline", description=line("commands", "program"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: object, *needs: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=line("commands", name), description=line("commands", name))
        sub.set_defaults(command=function)
        if "round" in needs:
            sub.add_argument("--round", required=True, metavar="ID", help=line("commands", "option_round"))
        if "folders" in needs:
            for folder in ("inbox", "outbox", "state"):
                sub.add_argument(
                    f"--{folder}", type=Path, default=DATA / folder, help=line("commands", f"option_{folder}")
                )
        if "as_of" in needs:
            sub.add_argument("--as-of", type=_date, default=None, metavar="DATE", help=line("commands", "option_as_of"))
        return sub

    command("run", _run, "round", "folders", "as_of")
    command("check", _check, "round").add_argument("files", nargs="+", type=Path, metavar="FILE")
    command("forms", _forms, "round", "folders", "as_of")
    command("status", _status, "round", "folders", "as_of")
    history = command("history", _history, "round", "folders", "as_of")
    history.add_argument("--unit", required=True, metavar="CODE", help=line("commands", "option_unit"))
    purge = command("purge", _purge, "round", "folders", "as_of")
    purge.add_argument("--yes", action="store_true", help=line("commands", "option_yes"))
    purge.add_argument("--with-inbox", action="store_true", help=line("commands", "option_with_inbox"))
    example = command("example", _example, "round")
    example.add_argument("--inbox", type=Path, required=True, help=line("commands", "option_inbox"))
    command("rounds", _rounds)
    command("rules", _rules)
    return parser


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise OperatorError("bad_date", value=text) from None


def load(name: str) -> Round:
    """Return the round of that name.

    Raises:
        OperatorError: there is none, or its file is wrong; the line names the key.
    """
    from pydantic import ValidationError

    from schemas.round import list_rounds, load_round

    try:
        return load_round(name)
    except FileNotFoundError as fault:
        if fault.filename and not str(fault.filename).endswith(f"{Path(name).stem}.toml"):
            raise OperatorError(
                "bad_round", name=name, key=Path(fault.filename).stem, reason=line("round_errors", "missing")
            ) from None
        raise OperatorError("no_round", name=name, known=", ".join(list_rounds())) from None
    except tomllib.TOMLDecodeError as fault:
        raise OperatorError("bad_toml", name=name, reason=fault) from None
    except UnicodeDecodeError as fault:
        raise OperatorError("bad_toml", name=name, reason=fault.reason) from None
    except ValidationError as faults:
        first = faults.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        kind = str(first["type"]) if first["type"] in ("missing", "extra_forbidden", "value_error") else "other"
        value = str(first.get("ctx", {}).get("error", first["input"]))
        if kind == "value_error" and not key:
            key, _, value = value.partition(": ")
        raise OperatorError("bad_round", name=name, key=key, reason=line("round_errors", kind, value=value)) from None


def _start_readers() -> None:
    """Start the readers' processes first: they come up while the command imports what it needs."""
    from pipeline.readers import start

    start()


def _run(options: argparse.Namespace) -> int:
    _start_readers()
    from pipeline.deliver import publish
    from pipeline.screen import print_result

    round = load(options.round)
    published = publish(round, options.inbox, options.outbox, options.state, options.as_of)
    print_result(published)
    return 0


def _check(options: argparse.Namespace) -> int:
    _start_readers()
    from pipeline.intake import arrivals_of
    from pipeline.run import judge
    from pipeline.screen import print_findings

    round = load(options.round)
    today = dt.date.today()
    with TemporaryDirectory() as folder:
        result = judge(round, arrivals_of(options.files, Path(folder), today), today)
    return ERRORS_FOUND if print_findings(result) else 0


def _forms(options: argparse.Namespace) -> int:
    from pipeline.deliver import write_forms

    round = load(options.round)
    folder, count = write_forms(round, options.outbox, options.state, options.as_of)
    print(line("screen", "forms", count=count, folder=folder))
    return 0


def _status(options: argparse.Namespace) -> int:
    _start_readers()
    from pipeline.deliver import look
    from pipeline.purge import kept_of
    from pipeline.screen import print_purged, print_status

    round = load(options.round)
    if kept := kept_of(round, options.state):
        print_purged(round, kept)
    else:
        print_status(look(round, options.inbox, options.state, options.as_of))
    return 0


def _history(options: argparse.Namespace) -> int:
    from pipeline.screen import print_history

    round = load(options.round)
    if options.unit not in round.submitting_units:
        raise OperatorError("no_unit", code=options.unit, known=", ".join(round.submitting_units))
    print_history(round, options.unit, options.state, options.as_of or dt.date.today())
    return 0


def _purge(options: argparse.Namespace) -> int:
    from pipeline.purge import kept_of, purge, remains
    from pipeline.screen import print_purged, print_remains

    round, folders = load(options.round), (options.inbox, options.outbox, options.state)
    print_remains(round, remains(round, *folders), with_inbox=options.with_inbox)
    if not options.yes:
        if not sys.stdin.isatty():
            raise OperatorError("purge_needs_yes")
        if input(line("screen", "purge_ask", round=round.id)).strip() != round.id:
            raise OperatorError("purge_refused")
    purge(round, *folders, options.as_of or dt.date.today(), with_inbox=options.with_inbox)
    if kept := kept_of(round, options.state):
        print_purged(round, kept)
    return 0


def _example(options: argparse.Namespace) -> int:
    from pipeline.example import write_example

    files = write_example(load(options.round), options.inbox)
    print(line("screen", "example", count=len(files), inbox=options.inbox))
    return 0


def _rounds(options: argparse.Namespace) -> int:
    from schemas.round import list_rounds

    for id in list_rounds():
        round = load(id)
        print(f"{id}  {round.title}")
    return 0


def _rules(options: argparse.Namespace) -> int:
    from schemas.messages import messages

    for rule, words in messages()["rules"].items():
        print(f"{rule:26}{line('severities', words['severity']):16}{words['title']}")
    return 0


def program() -> int:
    """Run the command of the command line, with nothing personal on the screen whatever happens."""
    guard_screen()
    return main()


if __name__ == "__main__":
    sys.exit(program())
