"""Made-up inboxes of any size in the shape of the appendix form, from the register of the whole country.

Names, numbers and addresses are invented; the same arguments always give the same files.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import xlsxwriter

from schemas.data import HERE, read_csv, read_toml
from schemas.round import Round, load_round
from schemas.text import slug, without_accents
from schemas.units import CENTRE, Unit

FAULTY = 0.15  # of the rows have a fault
HARMLESS = 0.16  # of the numbers are typed as numbers: repaired, never told as a fault
_FIELDS = ("code", "level", "type", "name", "parent")
Row = dict[str, Any]


@dataclass(frozen=True)
class Corpus:
    """An inbox and the round that collects it: `round` is the path of its file."""

    round: Path
    inbox: Path
    files: int
    rows: int
    size: int  # bytes of all files


def country(folder: Path, times: int = 1, collector: str = CENTRE) -> Corpus:
    """Make a workbook of each of the 705 districts, or so many: it sends its list again, with other faults.

    With a province as the collector, only its own districts send theirs.
    """
    round = _round(folder, "toan-quoc", read_csv(HERE / "units" / "2022.csv"), collector)
    senders = [(sender, round.expected[sender.code]) for sender in round.submitting_units.values()]
    return _inbox(folder, round, senders, times)


def one_workbook(folder: Path, rows: int) -> Corpus:
    """Make one workbook of so many rows, sent by a district that has as many communes."""
    head = [
        {"code": "11", "level": "province", "type": "tỉnh", "name": "Điện Biên", "parent": ""},
        {"code": "103", "level": "district", "type": "huyện", "name": "Nậm Pồ", "parent": "11"},
    ]
    names = [r["name"] for r in read_csv(HERE / "units" / "2022.csv") if r["level"] == "commune"]
    communes = [
        {"code": f"{n:06}", "level": "commune", "type": "xã", "name": f"{names[n % len(names)]} {n}", "parent": "103"}
        for n in range(rows - 1)
    ]
    round = _round(folder, "mot-tep", [*head, *communes], "11")
    return _inbox(folder, round, [(round.submitting_units["103"], round.expected["103"])])


def add_file(corpus: Corpus) -> None:
    """Put one file more into the inbox: a district sends its list anew."""
    round = load_round(str(corpus.round))
    sender = next(iter(round.submitting_units.values()))
    rows = list(_rows(round, round.expected[sender.code], random.Random("anew")))
    path = file_again(corpus)
    path.parent.mkdir(exist_ok=True)
    _write(path, round, sender, rows)


def file_again(corpus: Corpus) -> Path:
    """Return where the list that a district sends anew lies."""
    return corpus.inbox / "2022-03-29" / "lan 2.xlsx"


def _round(folder: Path, id: str, units: list[dict[str, str]], collector: str) -> Round:
    """Write the register and the round beside the inbox, and load them."""
    folder.mkdir(parents=True, exist_ok=True)
    register = folder / "register.csv"
    lines = [",".join(record[key] for key in _FIELDS) for record in units]
    register.write_text("\n".join([",".join(_FIELDS), *lines]) + "\n", encoding="utf-8")
    text = (Path(__file__).parent / "round.toml").read_text(encoding="utf-8")
    senders = [u["code"] for u in units if u["level"] == "district" and collector in (CENTRE, u["parent"])]
    contacts = [f'"{code}" = "{code.lower()}@mttq.invalid"' for code in senders]
    given = {"id": id, "register": register.with_suffix("").absolute().as_posix(), "collector": collector}
    head = "".join(f'{key} = "{value}"\n' for key, value in given.items())
    path = folder / f"{id}.toml"
    path.write_text(head + text + "\n[contacts]\n" + "\n".join(contacts) + "\n", encoding="utf-8")
    return load_round(str(path))


def _inbox(folder: Path, round: Round, senders: list[tuple[Unit, list[Unit]]], times: int = 1) -> Corpus:
    files = rows = 0
    inbox = folder / "inbox"
    for time, (number, (sender, units)) in product(range(times), enumerate(senders)):
        listed = list(_rows(round, units, random.Random(f"{sender.code}{time or ''}")))
        day = inbox / f"2022-03-{(number if times == 1 else time) % 28 + 1:02}"
        day.mkdir(parents=True, exist_ok=True)
        parent = round.register.units[sender.parent]
        path = day / f"{sender.code} {slug(sender.full_name)} {slug(parent.name)}.xlsx"
        _write(path, round, sender, listed)
        files, rows = files + 1, rows + len(listed)
    size = sum(path.stat().st_size for path in inbox.rglob("*.xlsx"))
    return Corpus(folder / f"{round.id}.toml", inbox, files, rows, size)


# --- what stands in the rows


def _rows(round: Round, units: list[Unit], chance: random.Random) -> Iterator[tuple[Unit, Row]]:
    people = read_toml(HERE / "examples.toml")
    names = round.right_names.proposed
    for unit in units:
        row: Row = {
            "unit": unit.full_name,
            "page_name": names[unit.code],
            "page_link": f"https://www.facebook.com/mattran.{slug(unit.name).replace('-', '')}.{unit.code}",
        }
        for group in ("leader", "manager"):
            person = " ".join(chance.choice(people[part]) for part in ("surnames", "middles", "givens"))
            number = chance.choice(people["mobiles"]) + f"{chance.randrange(10**6):06}"
            row[f"{group}_name"] = person
            row[f"{group}_phone"] = int(number) if chance.random() < HARMLESS else number
            row[f"{group}_email"] = f"{slug(person).replace('-', '')}{chance.randrange(1000)}@gmail.com"
        if chance.random() < FAULTY:
            key, spoil = chance.choice(_FAULTS)
            row[key] = spoil(row[key])
        yield unit, row


_FAULTS: list[tuple[str, Any]] = [
    ("unit", lambda text: f"{text}h"),
    ("page_name", lambda text: ""),
    ("page_name", without_accents),
    ("page_name", lambda text: text.replace("Mặt trận", "MTTQ")),
    ("page_link", lambda text: ""),
    ("page_link", lambda text: text.replace("www.facebook.com", "facebook.com/groups")),
    ("page_link", lambda text: text.replace("facebook", "facebok")),
    ("leader_name", lambda text: ""),
    ("leader_phone", lambda number: "0912....."),
    ("leader_phone", lambda number: f"{number}"[:7]),
    ("manager_phone", lambda number: "01689123456"),
    ("manager_email", lambda text: text.replace("@", " ")),
    ("manager_email", lambda text: text.replace(".com", ".con")),
]


# --- how the sheet looks


def _write(path: Path, round: Round, sender: Unit, rows: list[tuple[Unit, Row]]) -> None:
    form = round.form
    with xlsxwriter.Workbook(str(path), {"strings_to_urls": False}) as book:
        sheet = book.add_worksheet("Danh sách")
        bold, boxed = book.add_format({"bold": True, "text_wrap": True}), book.add_format({"border": 1})
        line = 0
        for title in form.title:
            sheet.write_string(line, 0, title.format(unit=sender.full_name.upper()), bold)
            line += 1
        line = _header(sheet, form, line + 1, bold)
        for numeral, section in enumerate((s for s in form.sections if s.level in round.lists), start=1):
            sheet.write_string(line, 0, "I" * numeral, bold)
            sheet.write_string(line, 1, section.label, bold)
            line += 1
            listed = [row for unit, row in rows if unit.level == section.level]
            for number, row in enumerate(listed, start=1):
                sheet.write_number(line, 0, number, boxed)
                for place, key in enumerate(form.keys, start=1):
                    sheet.write(line, place, row[key], boxed)
                line += 1
        for place, text in ((1, "NGƯỜI LẬP BIỂU"), (5, "TM. BAN THƯỜNG TRỰC")):
            sheet.write_string(line + 1, place, text, bold)


def _header(sheet: Any, form: Any, line: int, bold: Any) -> int:
    """Write the form's header of two rows; return the row below it."""
    sheet.merge_range(line, 0, line + 1, 0, form.ordinal.header, bold)
    for place, column in enumerate(form.columns, start=1):
        if not column.group:
            sheet.merge_range(line, place, line + 1, place, column.header, bold)
        else:
            sheet.write_string(line + 1, place, column.header, bold)
    for group in form.groups:
        places = [place for place, column in enumerate(form.columns, start=1) if column.group == group.key]
        sheet.merge_range(line, places[0], line, places[-1], group.header, bold)
        sheet.set_column(places[0], places[-1], 16)
    return line + 2
