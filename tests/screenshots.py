"""Pictures of what the program makes, for the guide: `make screenshots` runs the made-up round and looks at it.

They show the program as it is, so they cannot lie; all people in them are made up. LibreOffice, poppler's tools and
Chromium are needed, and the fonts of the machine show: the pictures are made anew by hand, not by every test.
"""

from __future__ import annotations

import base64
import email.policy
import html
import os
import pty
import re
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

from browser import Browser, Page, running

from pipeline.pdf import convert, find_office

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
ROUND = "dien-bien-2022"
UNIT = "098"
_ANSI = re.compile(r"\x1b\[(\d*)m|\x1b\[K")
_WIDE = re.compile(r"[^\x00-\xff]")  # letters that the fixed font may lack: another one, on the same grid
_CELL = (
    r"""<i style="font-family:'DejaVu Sans';font-style:normal;display:inline-block;width:.602em;text-align:center">"""
    r"""\g<0></i>"""
)
_TERMINAL = {"1": "font-weight:700", "31": "color:#ff8b82", "32": "color:#8fdca6", "33": "color:#f4c870"}
_PAPER = "background:#e9edf2;margin:0;padding:16px;display:flex;gap:16px;align-items:flex-start;width:max-content"


def main() -> None:
    """Make all pictures."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        said = demo(folder)
        result = folder / "demo" / "outbox" / ROUND
        unit = next((result / "don-vi").glob(f"{UNIT}-*"))
        papers = pdfs(folder, [result / "bao-cao.docx", result / "tong-hop.xlsx", unit / "phieu-sua.xlsx"])
        with running(folder / "browser") as browser:
            shot(browser, "man-hinh", terminal(said))
            shot(browser, "thu", letter(unit / "thu.eml"))
            report, roll_up, form = (Pdf(paper) for paper in papers)
            shot(browser, "bao-cao", sheets([report.page(1, 620), report.page(2, 620)]))
            shot(browser, "tong-hop", sheets([roll_up.page(1, 1240)]))
            shot(browser, "danh-sach", sheets([roll_up.page(roll_up.find("Lãnh đạo phụ trách"), 1240)]))
            shot(browser, "can-sua", sheets([roll_up.page(roll_up.find("NỘI DUNG CẦN SỬA"), 1240)]))
            shot(browser, "phieu-sua", sheets([form.page(number, 1240) for number in (1, 2)], "column"))
            page = browser.page()
            page.open(result / "tong-quan.html", width=1280)
            write("tong-quan", page.screenshot(1500))
            page.open(result / "tong-quan.html", width=390)
            write("tong-quan-dien-thoai", page.screenshot(1300))
            page.open(result / "tong-quan.html", width=1000)
            shown = [report.page(1, 700), form.page(2, 1240), page.screenshot(1000)]
            shot(browser, "ket-qua", sheets(shown, height=440))
            page.close()


def demo(folder: Path) -> str:
    """Run the made-up round in a terminal of its own; return what it said."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "PYTHONUTF8": "1"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "pipeline", "demo", "--round", ROUND]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    said = b""
    try:
        while more := os.read(ours, 4096):
            said += more
    except OSError:  # so Linux tells that the other end is closed
        pass
    os.close(ours)
    if process.wait():
        raise SystemExit(said.decode())
    return said.decode().replace("\r\n", "\n")


def pdfs(folder: Path, papers: list[Path]) -> list[Path]:
    """Convert the papers to PDF."""
    office = find_office()
    if office is None:
        raise SystemExit("LibreOffice is not there")
    place = folder / "pdf"
    place.mkdir()
    convert(office, papers, place)
    return [place / f"{paper.stem}.pdf" for paper in papers]


class Pdf:
    """A PDF file, looked at page by page."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, text: str) -> int:
        """Return the first page with that text, without the spaces between the words."""
        told = subprocess.run(["pdftotext", "-layout", self.path, "-"], capture_output=True, check=True, text=True)
        pages = ["".join(page.split()) for page in told.stdout.split("\f")]
        return next(number for number, page in enumerate(pages, start=1) if "".join(text.split()) in page)

    def page(self, number: int, width: int) -> bytes:
        """Return a page as a picture of that width."""
        size = ["-scale-to-x", str(width), "-scale-to-y", "-1"]
        command = ["pdftoppm", "-png", "-f", str(number), "-l", str(number), *size, str(self.path)]
        return subprocess.run(command, capture_output=True, check=True).stdout


def terminal(said: str) -> str:
    """Return what a terminal shows as a page."""
    parts, opened = [], False
    for place, text in enumerate(_ANSI.split(said)):
        if place % 2 == 0:
            parts.append(_WIDE.sub(_CELL, html.escape(text)))
            continue
        if opened:
            parts.append("</span>")
        opened = text in _TERMINAL
        if opened:
            parts.append(f'<span style="{_TERMINAL[text]}">')
    look = "background:#12171e;color:#e8edf3;margin:0;padding:18px;font:14px/1.45 'DejaVu Sans Mono',monospace"
    shown = "".join(parts)
    return f'<body style="margin:0;width:1240px"><pre style="{look};white-space:pre-wrap">$ make demo\n{shown}</pre>'


def letter(path: Path) -> str:
    """Return a letter as a mail program shows it."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("html",))
    files = ", ".join(part.get_filename() or "" for part in message.iter_attachments())
    heads = {"Người gửi": message["From"], "Người nhận": message["To"], "Tiêu đề": message["Subject"], "Gửi kèm": files}
    told = "".join(f"<b>{name}:</b> {html.escape(str(value))}<br>" for name, value in heads.items())
    text = body.get_content() if body else ""
    look = "font:15px/1.5 sans-serif;width:860px;margin:0;padding:20px;box-sizing:border-box"
    return f'<body style="{look}"><div style="border-bottom:1px solid #bbb;padding-bottom:8px">{told}</div>{text}'


def sheets(pictures: list[bytes], way: str = "row", height: int = 0) -> str:
    """Return a page with these pictures in a row or a column."""
    size = f"height:{height}px" if height else ""
    shown = "".join(
        f'<img style="box-shadow:0 1px 5px #0005;{size}" src="data:image/png;base64,{base64.b64encode(p).decode()}">'
        for p in pictures
    )
    return f'<body style="{_PAPER};flex-direction:{way}">{shown}'


def shot(browser: Browser, name: str, page: str) -> None:
    """Write the picture of a page that is as wide as what stands on it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(f'<!doctype html><meta charset="utf-8">{page}', encoding="utf-8")
        tab: Page = browser.page()
        tab.open(path, width=800)
        width = tab.evaluate("Math.ceil(document.body.getBoundingClientRect().width)")
        tab.open(path, width=width, height=100)
        write(name, tab.screenshot())
        tab.close()


def write(name: str, picture: bytes) -> None:
    """Write a picture of the guide."""
    (DOCS / f"{name}.png").write_bytes(picture)
    print(DOCS / f"{name}.png", len(picture) // 1024, "KB")


if __name__ == "__main__":
    main()
