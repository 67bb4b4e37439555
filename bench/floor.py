"""The floor: python-calamine alone reads every file, `python -m bench.floor INBOX`."""

from __future__ import annotations

import sys
from pathlib import Path

from python_calamine import CalamineWorkbook

if __name__ == "__main__":
    rows = 0
    for path in sorted(Path(sys.argv[1]).rglob("*.xlsx")):
        with CalamineWorkbook.from_path(str(path)) as book:
            rows += sum(len(book.get_sheet_by_name(name).to_python()) for name in book.sheet_names)
    print(rows)
