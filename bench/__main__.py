"""`python -m bench`: measures side by side, prints a table, and writes it as a page where one is named."""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from bench import corpus
from bench.measure import Cost, measure, python
from bench.peers import FILLED
from schemas.units import CENTRE

DAY = "2022-04-05"
SHIPPED = "toan-quoc-2022"
HERE = Path(__file__).parent
PEERS = ("frictionless", "pointblank", "great_expectations")
LIBRARIES = ("pandas", "pandera", "openpyxl", "python-calamine", "XlsxWriter", "docxtpl")


@dataclass
class Table:
    """What was measured: by the name of a way its costs; by stage its seconds."""

    costs: dict[str, list[Cost]] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    stages: list[dict[str, list[float]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, way: str, cost: Cost) -> None:
        """Remember one measurement: of the memory alone, or of the time alone, since looking at memory takes time."""
        if cost.peak:
            self.peaks[way] = cost.peak
            print(f"  {way}: {cost.peak:.0f} MiB", flush=True)
        else:
            self.costs.setdefault(way, []).append(cost)
            print(f"  {way}: {cost.seconds:.2f} s, of the processor {cost.processor:.2f}", flush=True)

    def seconds(self, way: str) -> float:
        """Return the median of a way, on the wall."""
        return statistics.median(cost.seconds for cost in self.costs[way])

    def processor(self, way: str) -> float:
        """Return the median of a way, of the processor."""
        return statistics.median(cost.processor for cost in self.costs[way])


def job(made: corpus.Corpus, place: Path, module: str = "pipeline") -> list[str]:
    """Return the command of the whole job, its results in `place`."""
    folders = ["--inbox", made.inbox, "--outbox", place / "outbox", "--state", place / "state"]
    return python("-m", module, "run", "--round", made.round, *folders, "--as-of", DAY)


def compare(made: corpus.Corpus, folder: Path, rounds: int, table: Table, peers: Path | None) -> None:
    """Measure the job and the other ways to do it, one after the other, several times."""
    for old in (path for way in ("job", "plain", "clocked") for path in folder.glob(f"{way} *")):
        shutil.rmtree(old)
    for turn in range(rounds + 1):
        place = folder / f"job {turn}"  # always a new folder: files are made more slowly where others were just deleted
        memory = turn == rounds  # a last round looks at the memory alone
        print("memory" if memory else f"round {turn + 1} of {rounds}", flush=True)
        again = corpus.file_again(made)
        again.unlink(missing_ok=True)

        def add(way: str, command: list[str], memory: bool = memory) -> None:
            table.add(way, measure(command, memory=memory))

        add("python-calamine alone", python("-m", "bench.floor", made.inbox))
        add("the job, first run", job(made, place))
        add("the job, nothing new", job(made, place))
        corpus.add_file(made)
        add("the job, one new file", job(made, place))
        again.unlink()
        add("--help", python("-m", "pipeline", "--help"))
        add(f"status ({SHIPPED}, after a run)", _status(folder))
        add("the plain script", python("-m", "bench.plain", made.round, made.inbox, folder / f"plain {turn}"))
        if not memory:
            clocked = measure(job(made, folder / f"clocked {turn}", "bench.stages"))
            table.stages.append(json.loads(clocked.last))
        if peers:
            rows = _table_of_rows(place / "outbox", folder / "rows.csv")
            for tool in PEERS:
                cost = measure([str(peers), str(HERE / "peers.py"), tool, rows.name], rows.parent, memory=memory)
                table.add(f"{tool} (table only)", replace(cost, seconds=json.loads(cost.last)["seconds"]))


def _status(folder: Path) -> list[str]:
    """Return the command that tells how a shipped round stands, with what its example files make of it."""
    place = folder / "shipped"
    folders = [part for name in ("inbox", "outbox", "state") for part in (f"--{name}", place / name)]
    command = python("-m", "pipeline", "status", "--round", SHIPPED, *folders, "--as-of", "2022-09-01")
    if not place.exists():
        measure(python("-m", "pipeline", "demo", "--round", SHIPPED, "--folder", place))
        measure(["run" if part == "status" else part for part in command])
    return command


def _table_of_rows(outbox: Path, path: Path) -> Path:
    """Write the columns of our own `rows.csv` that the peers check."""
    with next(outbox.rglob("rows.csv")).open(encoding="utf-8-sig", newline="") as file:
        rows = [[row[key] for key in FILLED] for row in csv.DictReader(file)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([FILLED, *rows])
    return path


def _peers(folder: Path, table: Table) -> Path | None:
    """Return the Python of an environment with the peers, None where they cannot be installed."""
    path = folder / "peers" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    print("installing the peers ...", flush=True)
    try:
        if not path.exists():
            venv.create(folder / "peers", with_pip=True)
            install = [
                str(path),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--requirement",
                str(HERE / "requirements-peers.txt"),
            ]
            subprocess.run(install, check=True, capture_output=True)
    except (subprocess.CalledProcessError, OSError) as fault:
        table.notes.append(f"The peers could not be installed here ({type(fault).__name__}): left out.")
        return None
    return path


def page(made: corpus.Corpus, rounds: int, table: Table, large: dict[str, Cost]) -> str:
    """Return the page: the machine, what was measured, medians and ratios of this one run."""
    job_seconds, floor = table.seconds("the job, first run"), table.seconds("python-calamine alone")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    lines = [
        "# Benchmark",
        "",
        f"Made by `make bench` on {dt.date.today()}: {platform.system()} on {platform.machine()}, {cores} cores, "
        f"Python {platform.python_version()}, {versions}. Load at the end: {load:.1f}.",
        "",
        f"{made.files} workbooks of {made.rows:,} rows ({made.size / 1e6:.1f} MB), a fault in {corpus.FAULTY:.0%} of "
        f"the rows; medians of {rounds} interleaved rounds. Compare ratios, not seconds: seconds are of this machine "
        "on this day. What each way does stands in `bench/`.",
        "",
        "| way | seconds (least to most) | the job = 1 | calamine = 1 | processor, s | peak of all processes, MiB |",
        "|---|---|---|---|---|---|",
    ]
    for way, costs in table.costs.items():
        middle, seconds = table.seconds(way), [cost.seconds for cost in costs]
        lines.append(
            f"| {way} | {middle:.2f} ({min(seconds):.2f} to {max(seconds):.2f}) | {middle / job_seconds:.2f} "
            f"| {middle / floor:.1f} | {table.processor(way):.2f} | {table.peaks[way]:.0f} |"
        )
    ratio = table.seconds("the plain script") / job_seconds
    work = table.processor("the plain script") / table.processor("the job, first run")
    lines += [
        "",
        f"**The whole job is {ratio:.1f} times as fast as the plain script** (processor time: {work:.1f} times less).",
        "",
    ]
    lines += [
        "The plain script does less: one layout, a part of the rules, few repairs, no history, no isolation, a "
        "bare roll-up and report, and a copy of the unit's own file with coloured cells. The peers only validate the "
        "finished table (presence and patterns), without reading workbooks, units, letters or papers.",
        "",
        "## Stages of the first run",
        "",
        "Seconds on the wall and of the main process's own processor time; readers and renderers work beside it.",
        "",
        "| stage | seconds | processor | share |",
        "|---|---|---|---|",
    ]
    names = list(table.stages[0])
    middles = {n: [statistics.median(stages[n][place] for stages in table.stages) for place in (0, 1)] for n in names}
    whole = sum(wall for wall, _ in middles.values())
    for name, (wall, own) in sorted(middles.items(), key=lambda item: -item[1][0]):
        lines.append(f"| {name} | {wall:.2f} | {own:.2f} | {wall / whole:.0%} |")
    if large:
        lines += [
            "",
            "## Growth",
            "",
            "| inbox | seconds | processor | peak of all processes, MiB |",
            "|---|---|---|---|",
        ]
        lines += [f"| {n} | {c.seconds:.1f} | {c.processor:.1f} | {c.peak:.0f} |" for n, c in large.items()]
    return "\n".join([*lines, *(["", *table.notes] if table.notes else []), ""])


def main() -> int:
    """Measure what the options ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--collector", default=CENTRE, help="a province: its districts alone (default: all 705)")
    parser.add_argument("--large", action="store_true", help="also 14,100 files, and one workbook of 100,000 rows")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--page", type=Path, help="write the result there")
    parser.add_argument(
        "--folder", type=Path, help="work there and leave the files (default: a folder that is removed)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (options.folder or Path(temporary)).absolute()
        table, large = Table(), {}
        peers = None if options.no_peers else _peers(folder, table)
        made = corpus.country(folder / "country", collector=options.collector)
        compare(made, folder, options.rounds, table, peers)
        if options.large:
            makers: dict[str, Callable[[Path], corpus.Corpus]] = {
                "1,410 files (each district's list twice)": lambda place: corpus.country(place, 2),
                "14,100 files (each district's list twenty times)": lambda place: corpus.country(place, 20),
                "one workbook of 10,000 rows": lambda place: corpus.one_workbook(place, 10_000),
                "one workbook of 100,000 rows": lambda place: corpus.one_workbook(place, 100_000),
            }
            for name, make in makers.items():
                place = folder / "large"
                made_large = make(place)
                seconds = measure(job(made_large, place / "job"))
                large[name] = replace(seconds, peak=measure(job(made_large, place / "again"), memory=True).peak)
                shutil.rmtree(place)
                print(f"  {name}: {large[name].seconds:.1f} s, {large[name].peak:.0f} MiB", flush=True)
        text = page(made, options.rounds, table, large)
    print(text)
    if options.page:
        options.page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
