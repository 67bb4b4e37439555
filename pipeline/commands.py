"""What each command does, and the table of them: `COMMANDS`.

A command imports what it needs when it is run: help, and what is said again at once, wait for nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.called import code_called, day_typed, round_called
from pipeline.clock import today
from pipeline.errors import OperatorError
from schemas.messages import line

if TYPE_CHECKING:
    from pipeline.glance import Glance
    from pipeline.intake import Signs
    from pipeline.run import Result
    from schemas.round import Round

OPERATORS_FAULT = 2
ERRORS_FOUND = 3


def _round(options: argparse.Namespace) -> Round:
    """Return the round that the command line names, of the period of its day."""
    return round_called(options.round, options.day)


def _start_readers() -> None:
    """Start the readers' processes first: they come up while the command imports what it needs."""
    from pipeline.readers import start

    start()


def _run(options: argparse.Namespace) -> int:
    from pipeline.glance import Glance

    if options.settled:
        settled = {name: tuple(sign) for name, sign in json.load(sys.stdin).items()}
        with _readers(options.scheduler):
            return _run_line(options, settled, None)
    key = ("run", options.round, options.day.isoformat(), str(options.outbox.absolute()))
    glance = Glance(key, options.inbox, options.state, made=options.outbox)
    if said := glance.said():
        print(line("screen", "unchanged"))
        sys.stdout.write(said)
        return 0
    with _readers(options.scheduler):
        return _run_line(options, None, glance)


def _readers(scheduler: str) -> AbstractContextManager[None]:
    """Return who reads: the cluster at that address, or (where there is none) this machine."""
    if not scheduler:
        return nullcontext()
    from pipeline.cluster import joined

    return joined(scheduler)


def _run_line(options: argparse.Namespace, settled: Signs | None, glance: Glance | None) -> int:
    """Run the whole line; what it says is kept in the `glance`, and what `status` will say."""
    _start_readers()
    from pipeline.glance import lying, overheard
    from pipeline.publish import publish
    from pipeline.screen import print_next, print_result

    before = lying(options.inbox)
    round = _round(options)
    published = publish(round, options.inbox, options.outbox, options.state, options.day, settled)
    with overheard() as told:
        print_result(published)
        print_next(published)
    if glance is None or published.closed or before != lying(options.inbox):
        return 0
    if not published.tells_once:
        glance.keep("".join(told), before)
    with suppress(OperatorError), overheard(silent=True) as told:  # the run is done, and has told so
        _tell_stand(options, round, published.result)
        _glance_of_status(options).keep("".join(told), before)
    return 0


def _send(options: argparse.Namespace) -> int:
    _start_readers()
    from pipeline.account import account_file, send_server
    from pipeline.due import letters_due
    from pipeline.screen import print_due, print_fates, print_outcome
    from pipeline.send import decide, send, sending

    round = _round(options)
    server = None if options.dry_run else send_server(options.state)
    known = {"sent": options.arrived, "prepared": options.again}
    fates = {fate: code_called(round, text, round.submitting_units) for fate, text in known.items() if text}
    if fates and not options.dry_run:
        with sending(round, options.state):
            for fate, code in fates.items():
                decide(round, options.state, code, fate)
    if server is None:
        print_due(letters_due(round, options.inbox, options.state, options.as_of))
        print(line("send", "dry_run" if options.dry_run else "not_configured", path=account_file(options.state)))
        return 0
    with sending(round, options.state):
        letters = letters_due(round, options.inbox, options.state, options.as_of)
        print_due([letter for letter in letters if letter.reason != "due"])
        outcomes = []
        due = [letter for letter in letters if letter.reason == "due"]
        for outcome in send(round, due, options.outbox, options.state, server):
            print_outcome(outcome)
            outcomes.append(outcome)
        print_fates(outcome.fate for outcome in outcomes)
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from pipeline.account import account_file, fetch_server
    from pipeline.fetch import fetch
    from pipeline.screen import print_mails

    round = _round(options)
    server = fetch_server(options.state)
    if server is None:
        raise OperatorError("fetch_not_configured", path=account_file(options.state))
    print_mails(fetch(round, options.inbox, options.state, server))
    return 0


def _watch(options: argparse.Namespace) -> int:
    from pipeline.account import account_file, fetch_server
    from pipeline.state import alone
    from pipeline.watch import Watched, stopping, watch

    round = _round(options)  # a wrong name is told at once
    if not options.inbox.is_dir():
        raise OperatorError("no_inbox", path=options.inbox)
    if options.fetch_every and fetch_server(options.state) is None:
        raise OperatorError("fetch_not_configured", path=account_file(options.state))
    watched = Watched(
        options.round, options.inbox, options.outbox, options.state, options.as_of, options.quiet, options.fetch_every
    )
    with alone(options.state, f"watch-{round.series or round.id}") as is_alone:
        if not is_alone:
            raise OperatorError("watch_busy")
        print(line("watch", "begins", path=options.inbox), flush=True)
        with stopping() as stopped:
            watch(watched, stopped)
        print(line("watch", "ends"), flush=True)
    return 0


def _check(options: argparse.Namespace) -> int:
    _start_readers()
    from pipeline.intake import arrivals_of
    from pipeline.run import judge
    from pipeline.screen import print_findings

    round = _round(options)
    with TemporaryDirectory() as folder:
        result = judge(round, arrivals_of(options.files, Path(folder), options.day), options.day)
    return ERRORS_FOUND if print_findings(result) else 0


def _forms(options: argparse.Namespace) -> int:
    from pipeline.forms import write_forms

    round = _round(options)
    folder, count = write_forms(round, options.outbox, options.state, options.day)
    print(line("screen", "forms", count=count, folder=folder))
    return 0


def _pdf(options: argparse.Namespace) -> int:
    from pipeline.pdf import write_pdfs

    for path in write_pdfs(_round(options), options.outbox, options.state):
        print(line("screen", "pdf", path=path))
    return 0


def _status(options: argparse.Namespace) -> int:
    from pipeline.glance import lying, overheard

    glance = _glance_of_status(options)
    if said := glance.said():
        sys.stdout.write(said)
        return 0
    before = lying(options.inbox)
    with overheard() as told:
        _tell_status(options)
    if before == lying(options.inbox):  # else somebody is writing in the inbox
        glance.keep("".join(told), before)
    return 0


def _glance_of_status(options: argparse.Namespace) -> Glance:
    from pipeline.glance import Glance

    key = ("status", options.round, options.day.isoformat())
    return Glance(key, options.inbox, options.state, made=options.outbox)


def _tell_status(options: argparse.Namespace) -> None:
    _start_readers()
    from pipeline.look import look
    from pipeline.purge import kept_of
    from pipeline.screen import print_purged

    round = _round(options)
    if kept := kept_of(round, options.state):
        print_purged(round, kept)
        _tell_holdings(options, round)
    else:
        _tell_stand(options, round, look(round, options.inbox, options.state, options.day))
        _tell_seal(options, round)


def _tell_stand(options: argparse.Namespace, round: Round, result: Result) -> None:
    from pipeline.screen import print_status

    print_status(result)
    _tell_holdings(options, round)


def _tell_seal(options: argparse.Namespace, round: Round) -> None:
    """Tell of a closed round what run tells of it: papers that are not as they were signed, files that came later."""
    from pipeline.look import look_late, seal_of
    from pipeline.render.wording import worded
    from pipeline.screen import print_seal

    closed = seal_of(round, options.outbox, options.state)
    late = look_late(round, options.inbox, options.state, options.day) if closed else None
    if closed and late:
        print_seal(closed, worded(late), round)


def _tell_holdings(options: argparse.Namespace, round: Round) -> None:
    from pipeline.purge import holdings
    from pipeline.screen import print_keeps

    for holding in holdings(round, options.state):
        of_period = round_called(options.round, round.opening_of(holding.id))
        print_keeps(of_period, holding, options.day)


def _history(options: argparse.Namespace) -> int:
    from pipeline.screen import print_history

    round = _round(options)
    sender = code_called(round, options.unit, round.submitting_units)
    print_history(round, sender, options.state, options.day)
    return 0


def _purge(options: argparse.Namespace) -> int:
    from pipeline.purge import kept_of, purge, remains
    from pipeline.screen import print_purged, print_remains

    round, folders = _round(options), (options.inbox, options.outbox, options.state)
    print_remains(round, remains(round, *folders), options.day, with_inbox=options.with_inbox)
    if not options.yes:
        if not (sys.stdin and sys.stdin.isatty()):  # none at all: nobody can answer
            raise OperatorError("purge_needs_yes")
        if input(f"{line('screen', 'purge_ask', round=round.id)} ").strip() != round.id:
            raise OperatorError("purge_refused")
    day = None if round.series else options.as_of  # of a round that comes again it names the period
    purge(round, *folders, day or today(), with_inbox=options.with_inbox)
    if kept := kept_of(round, options.state):
        print_purged(round, kept)
    return 0


def _demo(options: argparse.Namespace) -> int:
    """Run the round on made-up files, in a folder of its own, as of a fixed day."""
    _start_readers()
    from pipeline.example import write_example
    from pipeline.publish import publish
    from pipeline.screen import print_result
    from pipeline.state import writable

    round, folder = _round(options), options.folder
    if round.period:
        round = round_called(options.round, round.example_day)
    with writable(folder):
        files, day = write_example(round, folder / "inbox")
    print(line("screen", "example", count=len(files), inbox=folder / "inbox"))
    print_result(publish(round, folder / "inbox", folder / "outbox", folder / "state", day))
    print(line("screen", "next_demo", round=round.series or round.id))
    return 0


def _rounds(options: argparse.Namespace) -> int:
    from schemas.naming import policy_faults
    from schemas.round import list_rounds

    status = 0
    for id in list_rounds():
        try:
            round = round_called(id)
        except OperatorError as fault:  # of one file: the others are there all the same
            print(fault, file=sys.stderr)
            status = OPERATORS_FAULT
            continue
        print(f"{id}  {round.title}")
        for misnamed in policy_faults(round.right_names, round.register):
            print(f"  {misnamed}")
    return status


def _rules(options: argparse.Namespace) -> int:
    from schemas.messages import messages

    for rule, words in messages()["rules"].items():
        print(f"{rule:26}{line('severities', words['severity']):16}{words['title']}")
    return 0


def _rulebook(options: argparse.Namespace) -> int:
    from schemas.rulebook import PLACE, rulebook

    PLACE.write_text(rulebook(), encoding="utf-8", newline="\n")
    print(line("screen", "rulebook", path=PLACE.name))
    return 0


def _waive(options: argparse.Namespace) -> int:
    _start_readers()
    from pipeline.decisions import waive
    from pipeline.model import Decision
    from pipeline.screen import print_decisions

    round = _round(options)
    until = day_typed(options.until) if options.until else None
    listed = (unit.code for units in round.expected.values() for unit in units)
    unit = code_called(round, options.unit, [*round.submitting_units, *listed])
    asked = Decision(
        "waiver", options.day, options.by, options.why, unit=unit, rule=options.rule, column=options.column, until=until
    )
    print_decisions(round, waive(round, options.inbox, options.state, options.day, asked))
    print(line("screen", "decided"))
    return 0


def _decisions(options: argparse.Namespace) -> int:
    from pipeline.decisions import decisions_of
    from pipeline.screen import print_decisions

    round = _round(options)
    print_decisions(round, decisions_of(round, options.state))
    return 0


def _withdraw(options: argparse.Namespace) -> int:
    from pipeline.decisions import withdraw

    round, typed = _round(options), options.number.strip()
    if not re.fullmatch(r"[0-9]{1,9}", typed):
        raise OperatorError("no_decision", number=typed)
    ended = withdraw(round, options.state, options.day, int(typed), options.by)
    print(line("screen", "withdrawn", number=ended.number))
    return 0


def _close(options: argparse.Namespace) -> int:
    _start_readers()
    from pipeline.decisions import close
    from pipeline.screen import print_decisions, print_result

    round = _round(options)
    published = close(round, options.inbox, options.outbox, options.state, options.day, options.by)
    print_result(published)
    print_decisions(round, published.result.decisions[-1:])
    return 0


def _reopen(options: argparse.Namespace) -> int:
    from pipeline.decisions import reopen

    reopen(_round(options), options.state, options.day, options.by, options.why)
    print(line("screen", "reopened"))
    return 0


def _rehearse(options: argparse.Namespace) -> int:
    _start_readers()
    from pipeline.rehearse import rehearse, with_severity
    from pipeline.screen import print_rehearsal

    now = _round(options)
    then = round_called(options.policy, options.day) if options.policy else now
    if options.rule:
        then = with_severity(then, options.rule, options.severity or "error")
    elif not options.policy:
        raise OperatorError("rehearse_what")
    print_rehearsal(now, rehearse(now, then, options.inbox, options.state, options.day))
    return 0


_FOLDERS = ("--inbox", "--outbox", "--state")
_USUAL = ("--round", *_FOLDERS, "--as-of")
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], tuple[str, ...]]] = {
    "run": (_run, (*_USUAL, "--scheduler", "--settled")),
    "check": (_check, ("--round", "--as-of", "files")),
    "forms": (_forms, _USUAL),
    "send": (_send, (*_USUAL, "--dry-run", "--again", "--arrived")),
    "fetch": (_fetch, ("--round", *_FOLDERS)),
    "watch": (_watch, (*_USUAL, "--fetch-every", "--quiet")),
    "pdf": (_pdf, _USUAL),
    "status": (_status, _USUAL),
    "history": (_history, (*_USUAL, "--unit")),
    "purge": (_purge, (*_USUAL, "--yes", "--with-inbox")),
    "demo": (_demo, ("--round", "--folder")),
    "rounds": (_rounds, ()),
    "rules": (_rules, ()),
    "rulebook": (_rulebook, ()),
    "waive": (_waive, (*_USUAL, "--unit", "--rule", "--column", "--by", "--why", "--until")),
    "decisions": (_decisions, _USUAL),
    "withdraw": (_withdraw, (*_USUAL, "--number", "--by")),
    "close": (_close, (*_USUAL, "--by")),
    "reopen": (_reopen, (*_USUAL, "--by", "--why")),
    "rehearse": (_rehearse, (*_USUAL, "--rule", "--severity", "--policy")),
}
"""Of every command what it does, which returns the exit status, and its options."""
