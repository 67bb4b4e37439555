"""The plain script, as most people would write it: `python -m bench.plain ROUND INBOX OUTBOX`.

pandas and openpyxl read each file, pandera validates it, openpyxl loads it again, marks the wrong cells and saves it,
a letter is written with the marked file attached; at the end come a roll-up and a Word report. It knows the form's
rows by heart, its checks are a part of the program's (no other layout, no repairs beyond blanks and `+84`, no history,
no isolation), and it imports nothing of the program but the round, for the names and the register.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from email.message import EmailMessage
from pathlib import Path

import docx
import openpyxl
import pandas as pd
import pandera.pandas as pa
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill

from schemas.round import Round, load_round

HEADER_ROWS = 7  # title, a blank line and the header of two rows
COLUMNS = [
    "number", "unit", "page_name", "page_link",
    "leader_name", "leader_phone", "leader_email", "manager_name", "manager_phone", "manager_email",
]  # fmt: skip
PHONE = re.compile(r"0(3[2-9]|5[25689]|7[06-9]|8[1-9]|9\d)\d{7}")
EMAIL = re.compile(r"[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|vn|net|org)")
LINK = re.compile(r"https://www\.facebook\.com/(?!groups/)[A-Za-z0-9.\-]+")
RED = PatternFill("solid", fgColor="FFC7CE")


def clean(value: object) -> str:
    """Return a cell's text with single spaces, a number without its point."""
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    text = str(int(value)) if isinstance(value, (int, float)) else str(value)
    return " ".join(unicodedata.normalize("NFC", text).split())


def clean_phone(text: str) -> str:
    """Return a phone number's digits, with the zero that Excel lost."""
    digits = re.sub(r"[ .\-]", "", text)
    digits = re.sub(r"^\+?84", "0", digits)
    return f"0{digits}" if re.fullmatch(r"[35789]\d{8}", digits) else digits


def schema(names: dict[str, str]) -> pa.DataFrameSchema:
    """Return the checks of one file, of which `names` are the right page names by unit."""

    def filled(pattern: re.Pattern[str]) -> pa.Check:
        return pa.Check(lambda column: column.map(lambda text: bool(pattern.fullmatch(text))), error="wrong")

    present = pa.Check(lambda column: column.ne(""), error="missing")
    columns = {
        "unit": pa.Column(str, pa.Check.isin(list(names))),
        "page_name": pa.Column(str, present),
        "page_link": pa.Column(str, [present, filled(LINK), pa.Check(lambda c: ~c.duplicated(), error="twice")]),
    }
    for group in ("leader", "manager"):
        columns[f"{group}_name"] = pa.Column(str, present)
        columns[f"{group}_phone"] = pa.Column(str, [present, filled(PHONE)])
        columns[f"{group}_email"] = pa.Column(str, [present, filled(EMAIL)])
    right = pa.Check(lambda frame: frame["page_name"].eq(frame["unit"].map(names)) | frame["page_name"].eq(""))
    return pa.DataFrameSchema(columns, checks=[right])


def read(path: Path) -> pd.DataFrame:
    """Return the rows of one file; the index is the row in Excel."""
    frame = pd.read_excel(path, header=None, names=COLUMNS, skiprows=HEADER_ROWS, engine="openpyxl")
    frame.index = frame.index + HEADER_ROWS + 1
    frame = frame[pd.to_numeric(frame["number"], errors="coerce").notna() & frame["unit"].notna()]
    frame = frame.map(clean)
    for group in ("leader", "manager"):
        frame[f"{group}_phone"] = frame[f"{group}_phone"].map(clean_phone)
        frame[f"{group}_email"] = frame[f"{group}_email"].str.lower()
    return frame


def validate(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Return the wrong cells: row, column, what is wrong."""
    try:
        schema(names).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as failed:
        cases = failed.failure_cases
        cases["column"] = cases["column"].where(cases["schema_context"].eq("Column"), "page_name")
        return cases[["index", "column", "check"]].drop_duplicates(["index", "column"])
    return pd.DataFrame(columns=["index", "column", "check"])


def mark(path: Path, wrong: pd.DataFrame, target: Path) -> None:
    """Save the unit's own workbook with its wrong cells coloured and commented."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for case in wrong.itertuples():
        cell = sheet.cell(int(case.index), COLUMNS.index(case.column) + 1)
        cell.fill = RED
        cell.comment = Comment(str(case.check), "MTTQ")
    book.save(target)


def letter(round: Round, code: str, wrong: pd.DataFrame, attachment: Path | None) -> EmailMessage:
    """Return the letter to a unit."""
    message = EmailMessage()
    message["From"] = round.office.email
    message["To"] = round.contacts[code]
    message["Subject"] = f"{round.submitting_units[code].full_name}: {len(wrong)}"
    message.set_content("\n".join(f"{case.index} {case.column}: {case.check}" for case in wrong.itertuples()) or "OK")
    if attachment:
        message.add_attachment(
            attachment.read_bytes(), maintype="application", subtype="octet-stream", filename=attachment.name
        )
    return message


def report(counts: pd.DataFrame, path: Path) -> None:
    """Write a Word table of the counts."""
    document = docx.Document()
    table = document.add_table(rows=1, cols=len(counts.columns))
    for cell, name in zip(table.rows[0].cells, counts.columns, strict=True):
        cell.text = name
    for values in counts.head(500).itertuples(index=False):
        for cell, value in zip(table.add_row().cells, values, strict=True):
            cell.text = str(value)
    document.save(str(path))


def main(round_file: str, inbox: Path, outbox: Path) -> None:
    """Do the whole job."""
    round = load_round(round_file)
    right = round.right_names.proposed
    frames, counts = [], []
    for path in sorted(inbox.rglob("*.xlsx")):
        code = path.name.split()[0]
        frame = read(path)
        wrong = validate(frame, {unit.full_name: right[unit.code] for unit in round.expected[code]})
        folder = outbox / code
        folder.mkdir(parents=True, exist_ok=True)
        marked = folder / path.name if len(wrong) else None
        if marked:
            mark(path, wrong, marked)
        (folder / "letter.eml").write_bytes(letter(round, code, wrong, marked).as_bytes())
        frames.append(frame.assign(sender=code))
        counts.append({"sender": code, "rows": len(frame), "errors": len(wrong)})
    pd.concat(frames).to_excel(outbox / "roll-up.xlsx", index=False)
    report(pd.DataFrame(counts), outbox / "report.docx")
    print(sum(count["errors"] for count in counts))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
