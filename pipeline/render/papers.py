"""The Word papers of a round: which there are, for whom, and what each needs beside the facts that all share."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.names import DISPATCH, INTERNAL, NOTICE, REPORT
from pipeline.render.annexes import established_only, persons
from pipeline.render.facts import act, named, paper_facts
from pipeline.render.word import Words, kept_end, padded, uncapitalised, write_paper
from pipeline.run import Result
from schemas.data import TEMPLATES
from schemas.round import Round
from schemas.text import capitalised

WORDS = "van-ban.toml"
_ROMAN = ("I", "II", "III", "IV", "V", "VI")


def write_papers(result: Result, told: pd.DataFrame, folder: Path, templates: Path = TEMPLATES) -> list[Path]:
    """Write every paper that the round's state asks for; `told` are the findings in words. Return their paths.

    The report and the notice are always written; the dispatch where somebody is to be urged; the internal annex, the
    only one with persons, where a form of units has persons in charge and somebody is named.

    Raises:
        OperatorError: a template or the words do not render.
    """
    words = Words(templates / WORDS)
    facts = paper_facts(result, told, words)
    filters: dict[str, Callable[..., str]] = {
        "padded": padded,
        "named": lambda names: named(names, words),
        "capitalised": capitalised,
        "uncapitalised": uncapitalised,
        "kept_end": kept_end,
    }
    papers = {REPORT: _report(result, facts, words), NOTICE: _notice(result, facts, words)}
    if facts["duties"]:
        papers[DISPATCH] = _dispatch(result, facts, words)
    if has_internal_annex(result.round):
        in_charge = persons(result, result.summary["units"], words)
        if in_charge["senders"]:
            papers[INTERNAL] = {**facts, **_own(result, "report", words), "persons": in_charge}
    for name, own in papers.items():
        write_paper(templates / name, own, filters, result, folder / name)
    return [folder / name for name in papers]


def has_internal_annex(round: Round) -> bool:
    """Tell whether a round asks who is in charge of its pages; rows of persons are never listed in a paper."""
    return round.form.rows == "units" and bool(round.form.groups)


def _own(result: Result, paper: str, words: Words) -> dict[str, Any]:
    """Return the head of a paper, with its own symbol and recipients, and by when it asks to act."""
    head = result.round.letterhead
    symbol = head.symbols.get(paper) or words.say("symbols", paper, symbol=head.symbol)  # type: ignore[call-overload]
    recipients = head.recipients_of.get(paper) or _recipients(head.recipients, paper, words)  # type: ignore[call-overload]
    return {
        "head": {**head.model_dump(), "symbol": symbol, "recipients": recipients},
        "act": act(result, paper, words),
    }


def _recipients(recipients: list[str], paper: str, words: Words) -> list[str]:
    """Return the report's recipients as another paper has them: only a notice addresses nobody."""
    as_above = words.say("head", "as_above")
    others = [recipient for recipient in recipients if recipient != as_above]
    return {"report": recipients, "dispatch": [as_above, *others], "notice": others}[paper]


def _annexes(present: dict[str, Any], words: Words) -> dict[str, str]:
    """Return what each annex is called, "" for those that this paper has not."""
    there = [key for key, rows in present.items() if rows]
    labels = {
        key: words.say("annexes", "one" if len(there) == 1 else "many", number=_ROMAN[place])
        for place, key in enumerate(there)
    }
    return {key: labels.get(key, "") for key in present}


def _report(result: Result, facts: dict[str, Any], words: Words) -> dict[str, Any]:
    present = {
        "units": True,
        "tallies": facts["long_tallies"],
        "pages": any(group["pages"] for group in facts["groups"]),
        "duties": facts["duties"],
        "changes": facts["changes"]["rows"],
        "emulation": facts["standings"],
    }
    numbers = count(1)
    levels = next(numbers)
    tallies = [{**tally, "number": next(numbers)} for tally in facts["tallies"]]
    parts = {
        "tallies": facts["long_tallies"],
        "targets": facts["targets"],
        "units": True,
        "changes": facts["changes"]["previous"],
        "emulation": facts["standings"],
    }
    return {
        **facts,
        **_own(result, "report", words),
        "tallies": tallies,
        "numbers": {"levels": levels, **{part: next(numbers) for part, there in parts.items() if there}},
        "annexes": _annexes(present, words),
    }


def _notice(result: Result, facts: dict[str, Any], words: Words) -> dict[str, Any]:
    groups = established_only(facts["groups"])
    present = {
        "units": facts["ranking"]["senders"],
        "tallies": facts["long_tallies"],
        "pages": groups,
        "emulation": facts["standings"],
    }
    annexes = _annexes(present, words)
    behind, everybody = len(facts["duties"]), len(result.rollup.senders)
    requests = []
    if behind:
        requests.append(
            words.say(
                "requests", "behind", count=padded(behind), document=facts["document"], act=act(result, "notice", words)
            )
        )
    if behind < everybody:
        requests.append(words.say("requests", "good", pages=facts["pages"]))
    if groups:
        requests.append(words.say("requests", "share", annex=annexes["pages"]))
    return {
        **facts,
        **_own(result, "notice", words),
        "groups": groups,
        "annexes": annexes,
        "requests": requests,
    }


def _dispatch(result: Result, facts: dict[str, Any], words: Words) -> dict[str, Any]:
    sent, office = facts["sent"], result.round.office
    senders = result.rollup.senders
    errors = int(senders.loc[senders["status"].eq("to-correct"), "errors"].sum())
    states = {"missing": sent["missing"], "rejected": sent["rejected"], "to-correct": sent["wrong"]}
    told = {"document": facts["document"], "office": office.name, "act": act(result, "dispatch", words)}
    items = [
        words.say("dispatch", item, **told)
        for item, state in (("send", "missing"), ("resend", "rejected"), ("correct", "to-correct"))
        if states[state]
    ]
    if result.standings:
        items.append(words.say("dispatch", "emulation"))
    items.append(words.say("dispatch", "help", office=office.name, phone=office.phone))
    urged = [duty["code"] for duty in facts["duties"]]
    return {
        **facts,
        **_own(result, "dispatch", words),
        "annexes": _annexes({"duties": True}, words),
        "dispatch": {
            "subject": words.say(
                "dispatch", "subject", missing=sent["missing"], wrong=sent["wrong"] or sent["rejected"], **told
            ),
            "addressees": _addressees(result.round, urged, words),
            "asked": _asked(result.round, urged, words),
            "states": [
                words.say("dispatch", state, count=padded(len(names)), names=named(names, words), errors=padded(errors))
                for state, names in states.items()
                if names
            ],
            "tasks": items,
        },
    }


def _addressees(round: Round, codes: list[str], words: Words) -> list[str]:
    """Return to whom the dispatch goes: a few by name, many as what they are."""
    if len(codes) > int(words.entry("limits", "addressees")):
        return [words.say("units", "addressee", unit=_asked(round, codes, words))]
    return [words.say("units", "addressee", unit=round.register.units[code].name_in_text) for code in codes]


def _asked(round: Round, codes: list[str], words: Words) -> str:
    """Return who is asked, within a sentence: all or some of the kinds of units there are."""
    order = words.entry("units", "order")
    if len(codes) == 1:
        return round.register.units[codes[0]].name_in_text
    types = sorted(
        {round.register.units[code].type for code in codes}, key=lambda t: order.index(t) if t in order else 99
    )
    key = "all" if len(codes) == len(round.submitting_units) else "some"
    return words.say("units", key, types=", ".join(types))
