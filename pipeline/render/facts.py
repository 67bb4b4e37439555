"""What the Word papers tell, for every round: counts, and the words that they decide. Never a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from pipeline.model import Standing
from pipeline.render.annexes import changes, duties, listed_levels, page_groups
from pipeline.render.chart import Bar, Chart
from pipeline.render.shares import Share, against_targets, decimal, points_of, ranked
from pipeline.render.word import Words, padded, uncapitalised
from pipeline.run import Result
from schemas.form import MEASURES
from schemas.messages import line, messages, title
from schemas.round import Round
from schemas.text import capitalised, paper_date


def paper_facts(result: Result, told: pd.DataFrame, words: Words) -> dict[str, Any]:
    """Return all that the templates of the papers may name; `told` are the findings in words.

    What only one paper needs, and the heads, are `papers.py`'s.
    """
    round, counts = result.round, result.summary
    tell = _Teller(result, counts, words)
    targets = [tell.target(target) for target in against_targets(result).to_dict("records")]
    faults, fault_count = _faults(told, words)
    behind = [sender for sender in counts["units"] if sender["status"] != "accepted"]
    total = {key: sum(sender[key] for sender in counts["units"]) for key in ("expected", *round.measures, "errors")}
    return {
        "title": uncapitalised(round.title),
        "office": round.office.name,
        "document": round.form.document,
        "pages": bool(round.form.of_kind("link")),
        "year": str(result.as_of.year),
        "as_of": paper_date(result.as_of),
        "basis": words.say("basis", "order", **{**round.source.model_dump(), "date": paper_date(round.source.date)}),
        "submitters": line("levels", round.submitters),
        "deadline": _deadline(result),
        "reminders": [*tell.extensions(), *(reminder.text for reminder in round.reminders)],
        "measures": [tell.measure(measure) for measure in round.measures],
        "targets": targets,
        "unmet": sum(target["lacking"] > 0 for target in targets),
        "sent": tell.sent(),
        "strays": sum(not submission.submitter for submission in result.submissions),
        "results": tell.results(),
        "levels": [tell.level(level, of) for level, of in counts["levels"].items()],
        "whole": {"expected": total["expected"], "shares": tell.shares(total)},
        **tell.tallies(),
        "senders": [tell.sender(sender) for sender in counts["units"]],
        "total": {**total, "counts": [total[measure] for measure in round.measures]},
        "ranking": tell.ranking(),
        "charts": tell.charts(),
        "faults": faults,
        "fault_count": fault_count,
        "warnings": int(told["severity"].eq("warning").sum()),
        "duties": duties(result, told, behind, words),
        "groups": page_groups(result, counts["units"], words) if round.form.of_kind("link") else [],
        "lower_level": tell.lower_level(),
        "changes": changes(result, words),
        "standings": [tell.standing(standing) for standing in result.standings],
        "emulation": tell.emulation(),
    }


def main_measure(round: Round) -> str:
    """Return what a round is about: its pages, where it has pages, else who is listed."""
    return "established" if "established" in round.measures else "listed"


def act(result: Result, paper: str, words: Words) -> str:
    """Return by when those that are behind must act, within a sentence of that paper."""
    senders = result.rollup.senders
    days = {result.round.last_day_of(str(code)) for code in senders.index[senders["status"].ne("accepted")]}
    ahead = {day for day in days if day is not None and day >= result.as_of}
    key = paper if not ahead else "ahead" if ahead == days else "various"
    return words.say("act", key, day=paper_date(max(ahead, default=None)))


class _Teller:
    """Puts counts in the words of the papers."""

    def __init__(self, result: Result, counts: dict[str, Any], words: Words) -> None:
        self.result, self.round, self.counts, self.words = result, result.round, counts, words

    def named(self, units: Iterable[str]) -> str:
        """Return names in a row; of many only the first, and how many more there are."""
        return named(list(units), self.words)

    def unit(self, code: str) -> str:
        """Return a unit's name within a sentence."""
        return self.round.register.units[code].name_in_text

    def phrase(self, measure: str) -> str:
        """Return what it is to reach a measure, or to say yes in a column of the form."""
        if measure in MEASURES:
            return self.words.say("measures", measure)
        return self.words.say("measures", "column", label=uncapitalised(self.round.label(measure)))

    def measure(self, measure: str) -> dict[str, str]:
        """Return what a measure is called: in a sentence, as a heading, as a short heading."""
        tables = {"phrase": "measures", "header": "headers", "short": "short"}
        return {"key": measure, **{key: self.words.say(table, measure) for key, table in tables.items()}}

    def shares(self, counts: Mapping[str, int]) -> list[Share]:
        """Return the round's measures as shares of what is expected."""
        return [Share(counts[measure], counts["expected"]) for measure in self.round.measures]

    def level(self, level: str, counts: Mapping[str, int]) -> dict[str, Any]:
        """Return the counts of a level."""
        name = line("levels", level)
        return {
            "name": name,
            "label": name[:1].upper() + name[1:],
            "expected": counts["expected"],
            "shares": self.shares(counts),
        }

    def results(self) -> str:
        """Return the results as a sentence: the main measure level by level, the others of all levels together."""
        levels, main = self.counts["levels"], main_measure(self.round)
        whole = {key: sum(of[key] for of in levels.values()) for key in ("expected", *self.round.measures)}
        facts = {"as_of": paper_date(self.result.as_of), "measure": self.words.say("measures", main)}
        if not whole[main]:
            key = "none" if whole["listed"] else "unknown"
            return self.words.say("results", key, expected=padded(whole["expected"]), **facts)
        parts = [
            self.words.say("results", "level", level=line("levels", level), **_spelt(Share(of[main], of["expected"])))
            for level, of in levels.items()
        ]
        rest = [
            self.words.say(
                "results",
                "part",
                measure=self.words.say("measures", measure),
                **_spelt(Share(whole[measure], whole["expected"])),
            )
            for measure in self.round.measures
            if measure not in (main, "listed")
        ]
        joined = self.words.say("results", "and").join([*([", ".join(parts[:-1])] if parts[:-1] else []), parts[-1]])
        key = "one_level" if len(parts) == 1 else "main"
        if self.result.carried:
            rest.append(
                self.words.say(
                    "results", "carried", count=padded(len(self.result.carried)), previous=self.result.previous
                )
            )
        return self.words.say("results", key, levels=joined, rest="; ".join(rest), **facts)

    def target(self, target: Mapping[Any, Any]) -> dict[str, Any]:
        """Return a target beside what was reached."""
        share = Share(target["count"], target["expected"])
        verdict = "nobody" if not share.whole else "reached" if target["reached"] else "lacking"
        return {
            "level": line("levels", target["level"]),
            "measure": self.phrase(target["measure"]),
            "percent": _percent(target["percent"]),
            "day": paper_date(target["due"]),
            "result": share,
            "lacking": target["lacking"],
            "verdict": self.words.say("targets", verdict, count=padded(target["lacking"])),
        }

    def sent(self) -> dict[str, Any]:
        """Return how many have sent, and by name who is late, unreadable, missing or must correct."""
        sent, units, received = self.counts["submissions"], self.counts["units"], self.result.rollup.senders["received"]

        def of(status: str) -> list[str]:
            return [self.unit(unit["code"]) for unit in units if unit["status"] == status]

        def dated(code: str) -> str:
            day: Any = received[code]
            return self.words.say("senders", "received", unit=self.unit(code), day=paper_date(day))

        return {
            "expected": sent["expected"],
            "received": Share(sent["received"], sent["expected"]),
            "on_time": sent["on_time"],
            "late": [dated(unit["code"]) for unit in units if unit["late"]],
            "missing": of("missing"),
            "rejected": of("rejected"),
            "accepted": len(of("accepted")),
            "wrong": of("to-correct"),
            "to_correct": len(of("to-correct")),
        }

    def sender(self, sender: dict[str, Any]) -> dict[str, Any]:
        """Return a sender's line in the table of units."""
        status = line("statuses", sender["status"])
        standing = self.result.standing_of.get(sender["code"])
        return {
            "name": sender["name"],
            "status": self.words.say("senders", "late", status=status) if sender["late"] else status,
            "expected": sender["expected"],
            "counts": [sender[measure] for measure in self.round.measures],
            "errors": sender["errors"],
            "score": points_of(standing.score) if standing else "-",
        }

    def extensions(self) -> list[str]:
        """Return who was granted more time, until when."""
        return [
            self.words.say("extensions", "line", unit=self.unit(e.unit), day=paper_date(e.last_day), reason=e.reason)
            for e in self.round.extensions
        ]

    def lower_level(self) -> str:
        """Return where the units stand that the annexes do not list, "" where they list all."""
        left_out = [level for level in self.round.lists if level not in listed_levels(self.result, self.words)]
        return self.words.say("pages", "lower_level", level=line("levels", left_out[0])) if left_out else ""

    # --- the order of the units

    def ranking(self) -> dict[str, Any]:
        """Return the units, best first, with a sentence on the best and one on how they are ranked.

        None are there where nothing of any of them counts.
        """
        by_code = {unit["code"]: unit for unit in self.counts["units"]}
        shown = list(dict.fromkeys([main_measure(self.round), "complete"]))
        order = ranked(self.result, main_measure(self.round))
        senders = [
            {
                **self.sender(by_code[code]),
                "rank": rank or self.words.say("ranking", "unranked"),
                "shares": [Share(by_code[code][measure], by_code[code]["expected"]) for measure in shown],
            }
            for rank, code in order
        ]
        good = [self.unit(code) for code, unit in by_code.items() if self._does_well(unit)]
        key = (
            ("good" if self.round.deadline.last_day else "good_undated")
            if good
            else "nobody_good"
            if self.counts["submissions"]["received"]
            else "none"
        )
        measures = [self.measure(measure) for measure in shown]
        return {
            "senders": senders if any(rank for rank, _ in order) else [],
            "measures": measures,
            "sentence": self.words.say("ranking", key, count=padded(len(good)), names=self.named(good)),
            "method": self.words.say(
                "ranking",
                "by_score" if self.result.standings else "by_rate",
                measure=measures[0]["phrase"],
                complete=measures[-1]["phrase"],
            ),
        }

    @staticmethod
    def _does_well(unit: dict[str, Any]) -> bool:
        """Tell whether a sender may be named: in time, in order, and all its units complete."""
        return unit["status"] == "accepted" and not unit["late"] and unit["complete"] == unit["expected"]

    def standing(self, standing: Standing) -> dict[str, Any]:
        """Return a sender's line in the table of the emulation."""
        year = "" if standing.year is None else points_of(standing.year)
        return {
            "rank": standing.rank,
            "name": self.round.register.units[standing.code].full_name,
            "points": [points_of(points) for _, points, _ in standing.criteria],
            "score": points_of(standing.score),
            "year": self.words.say("emulation", "year", score=year, months=standing.months) if year else "",
            "lacking": "; ".join(standing.lacking) or self.words.say("emulation", "complete"),
        }

    def emulation(self) -> dict[str, Any]:
        """Return the emulation as a sentence, and the headings of its table."""
        standings = self.result.standings
        if not standings:
            return {"sentence": "", "criteria": [], "full": "", "yearly": False}
        praised = [self.unit(standing.code) for standing in standings if standing.praised]
        others = len(standings) - len(praised)
        return {
            "sentence": self.words.say(
                "emulation",
                "sentence",
                praised=self.named(praised),
                count=padded(len(praised)),
                others=others and padded(others),
            ),
            "criteria": [
                self.words.say("emulation", "criterion", title=name, full=decimal(full))
                for name, _, full in standings[0].criteria
            ],
            "full": decimal(standings[0].full),
            "yearly": any(standing.year is not None for standing in standings),
        }

    def tallies(self) -> dict[str, Any]:
        """Return the round's further tables, long ones apart: they stand in an annex."""
        columns, rows = (int(self.words.entry("limits", key)) for key in ("tally_columns", "tally_rows"))
        told: dict[str, list[dict[str, Any]]] = {"tallies": [], "long_tallies": []}
        for tally in self.result.rollup.tables:
            if tally.internal:
                continue
            long = len(tally.header) > columns or len(tally.rows) > rows
            named_rows = [[capitalised(str(row[0])), *row[1:]] for row in tally.rows]
            told["long_tallies" if long else "tallies"].append({**asdict(tally), "rows": named_rows})
        return told

    # --- the chart

    def charts(self) -> dict[str, Any]:
        """Return the chart of rates: `body` and `annex` are rows of charts side by side, `caption` their sentence."""
        level = max(self.round.lists, key=lambda level: self.counts["levels"][level]["expected"])
        units = self.result.rollup.units.join(self.result.rollup.yes)  # a target may be of a yes/no column
        per_sender = units[units["level"].eq(level)].groupby("submitter_code")
        if per_sender.size().max() == 1:
            bars, caption = self._bars_of_measures()
        else:
            bars, caption = self._bars_of_senders(level, per_sender)
        few = len(bars) <= int(self.words.entry("limits", "bars"))
        rows = [[self._chart(bars)]] if few else self._columns(bars)
        return {"body": rows if few else [], "annex": [] if few else rows, "caption": caption}

    def _bars_of_senders(self, level: str, units: Any) -> tuple[list[Bar], str]:
        """Return a bar a sender: the share of its units of that level, against the level's target."""
        targets: dict[str, float] = {
            target.measure: target.percent for target in self.round.targets if target.level == level
        }
        measure = next(iter(targets), main_measure(self.round))
        target = targets.get(measure)
        counts, wholes = units[measure].sum(), units.size()
        bars = [
            self._bar(unit.full_name, Share(int(counts[code]), int(wholes[code])), target)
            for code, unit in self.round.submitting_units.items()
            if code in wholes.index
        ]
        caption = self.words.say(
            "chart", "caption", level=line("levels", level), measure=self.phrase(measure),
            target=_percent(target / 100) if target else "", gaps=any(bar.gap for bar in bars),
        )  # fmt: skip
        return bars, caption

    def _bars_of_measures(self) -> tuple[list[Bar], str]:
        """Return a bar a measure and level: where a sender lists only itself, its own rate tells nothing."""
        targets = {(target.level, target.measure): target.percent for target in self.round.targets}
        one = len(self.counts["levels"]) == 1
        bars = [
            self._bar(
                self.words.say(
                    "chart",
                    "bar" if one else "bar_of_level",
                    header=self.words.say("headers", measure),
                    level=line("levels", level),
                ),
                Share(of[measure], of["expected"]),
                targets.get((level, measure)),
            )
            for level, of in self.counts["levels"].items()
            for measure in self.round.measures
        ]
        return bars, self.words.say("chart", "measures", gaps=any(bar.gap for bar in bars))

    def _bar(self, name: str, share: Share, target: float | None) -> Bar:
        part = share.count / share.whole if share.whole else 0
        return Bar(
            name, part, None if target is None else target / 100, self.words.say("chart", "label", **_spelt(share))
        )

    def _columns(self, bars: list[Bar]) -> list[list[Chart]]:
        """Return many bars as charts of one length, two side by side."""
        most = int(self.words.entry("limits", "columns"))
        columns = -(-len(bars) // most)
        columns += columns % 2
        length = -(-len(bars) // columns)
        bars = [*bars, *[Bar("", 0, None, "")] * (columns * length - len(bars))]
        charts = [self._chart(bars[start : start + length]) for start in range(0, len(bars), length)]
        return [charts[place : place + 2] for place in range(0, len(charts), 2)]

    def _chart(self, bars: list[Bar]) -> Chart:
        read = "; ".join(self.words.say("chart", "read", name=bar.name, label=bar.label) for bar in bars if bar.name)
        return Chart(tuple(bars), self.words.say("chart", "reached"), self.words.say("chart", "lacking"), read)


def named(names: list[str], words: Words) -> str:
    """Return names in a row; of many only the first, and how many more there are."""
    limit = int(words.entry("limits", "names"))
    few = ", ".join(names[:limit])
    return few if len(names) <= limit else words.say("units", "more", names=few, more=padded(len(names) - limit))


def _spelt(share: Share) -> dict[str, str]:
    return {"ratio": share.ratio, "rate": share.rate}


def _percent(share: float) -> str:
    return f"{share * 100:g}\u00a0%".replace(".", ",")


def _deadline(result: Result) -> dict[str, Any]:
    """Return the clause, the last day ("" for none) and the days left (below zero: over, or no limit)."""
    deadline = result.round.deadline
    last_day = deadline.last_day
    days_left = (last_day - result.as_of).days if last_day else -1
    return {"clause": deadline.clause, "last_day": paper_date(last_day), "days_left": days_left}


def _faults(told: pd.DataFrame, words: Words) -> tuple[list[dict[str, Any]], int]:
    """Return the most frequent kinds of error, the rest as one kind; and the number of errors."""
    errors = told[told["severity"].eq("error")]
    order = list(messages()["rules"])
    times = Counter(errors["rule"])
    rules = sorted(times, key=lambda rule: (-times[rule], order.index(rule)))
    limit = int(words.entry("limits", "faults"))
    shown = rules if len(rules) <= limit + 1 else rules[:limit]
    kinds = [_fault(title(rule), errors[errors["rule"].eq(rule)]) for rule in shown]
    rest = errors[~errors["rule"].isin(shown)]
    return [*kinds, *([_fault(words.say("faults", "others"), rest)] if len(rest) else [])], len(errors)


def _fault(name: str, findings: pd.DataFrame) -> dict[str, Any]:
    """Return one kind of error: `senders` counts those known to have made it."""
    senders = findings.loc[findings["submitter"].ne(""), "submitter"].nunique()
    return {"title": name, "count": len(findings), "senders": senders}
