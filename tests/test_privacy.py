"""Nobody learns what another one wrote: a word of its own in every cell of every unit, and every byte searched."""

from __future__ import annotations

import contextlib
import email
import email.policy
import io
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
import xlsxwriter
from building import ROUND
from searching import files_of

from pipeline.__main__ import main
from pipeline.purge import FOR_MANY
from schemas.round import Round, load_round
from schemas.units import Unit

ROUNDS = Path(__file__).parent.parent / "schemas" / "rounds"
DAY = "2026-04-05"
EXTRA = ("Số CCCD", "Ngày sinh", "Dân tộc", "Tôn giáo", "Đảng viên", "Ghi chú")
# What a word tells by its ends: where it was written. The letters between say by whom.
MARKS = {"secret": "qz{}xj", "wrong": "vx{}jq", "page": "pq{}wl", "file": "fz{}mq", "never": "jx{}kz"}
PATTERNS = {kind: re.compile(mark.format("([a-z]{3})").encode()) for kind, mark in MARKS.items()}
FAULTS, OF_TWO = 11, 6  # how many kinds of faults rows have in turn; which of them is the page of two units
PHONES = re.compile(rb"(?:0|84)[ .]?9[ .]?7[ .]?7[ .]?(\d)[ .]?(\d)[ .]?(\d)[ .]?(\d)")


@dataclass(frozen=True)
class Secrets:
    """The words of the unit of that number."""

    number: int

    def word(self, kind: str) -> str:
        return MARKS[kind].format("".join(chr(ord("a") + self.number // 26**place % 26) for place in (2, 1, 0)))

    def phone(self, person: int) -> str:
        return f"0977{self.number:04d}{person:02d}"


def found(content: bytes) -> set[tuple[str, int]]:
    """Return the kinds of the words in a content, and whose they are."""
    lower = content.lower()
    words = {
        (kind, (match[1][0] - 97) * 676 + (match[1][1] - 97) * 26 + match[1][2] - 97)
        for kind, pattern in PATTERNS.items()
        for match in pattern.finditer(lower)
    }
    return words | {("secret", int(b"".join(match.groups()))) for match in PHONES.finditer(lower)}


# --- the round and what its units send


def _city() -> str:
    """The round of a city with 168 wards and communes that send their files themselves."""
    text = (ROUNDS / "dien-bien-2026.toml").read_text(encoding="utf-8").replace('"dien-bien-2026"', '"secrets"')
    text = text.replace('collector = "11"', 'collector = "79"').partition("[contacts]")[0]
    round = load_round("dien-bien-2026").model_copy(update={"collector": "79"})
    units = [unit.code for unit in round.register.below("79") if unit.level == "commune"]
    return text + "[contacts]\n" + "".join(f'"{code}" = "u{code}@units.invalid"\n' for code in units)


def _write(round: Round, sender: Unit, secrets: Secrets, folder: Path) -> None:
    number, never = secrets.number, secrets.word("never")
    book = xlsxwriter.Workbook(str(folder / f"{sender.code} {secrets.word('file')}.xlsx"))
    book.set_properties(dict.fromkeys(("title", "author", "comments", "keywords", "company", "manager"), never))
    book.set_custom_property("ghi chu", never)
    sheet = book.add_worksheet("Danh sách")
    keys = round.form.keys
    sheet.write_row(0, 0, [*(round.form.label(key) for key in keys), *EXTRA])
    for place, unit in enumerate(round.expected[sender.code]):
        sheet.write_row(1 + place, 0, [*_row(round, unit, secrets, number + place), *[never] * len(EXTRA)])
    sheet.write_comment(1, 3, never, {"author": never})
    sheet.set_header(f"&C{never}")
    hidden = book.add_worksheet("ẩn")
    hidden.write(0, 0, never)
    hidden.hide()
    book.close()


def _row(round: Round, unit: Unit, secrets: Secrets, fault: int) -> list[str]:
    """A row with a fault of its own, every cell with a word of the sender."""
    word, wrong = secrets.word("secret"), secrets.word("wrong")
    row = {
        "unit": unit.full_name,
        "page_name": round.right_names.proposed[unit.code],
        "page_link": f"https://www.facebook.com/{secrets.word('page')}.{unit.code}",
        "leader_name": f"Lò Văn {word.title()}",
        "leader_phone": secrets.phone(1),
        "leader_email": f"{word}@gmail.com",
        "manager_name": f"Giàng Thị {word.title()}",
        "manager_phone": secrets.phone(2),
        "manager_email": f"{word}2@gmail.com",
    }
    faults: list[dict[str, str]] = [
        {},
        {"leader_phone": f"{secrets.phone(1)}9"},
        {"leader_email": f"{word} at gmail"},
        {"leader_name": f"{word} {secrets.phone(3)}"},
        {"page_name": f"Trang của {wrong}"},
        {"page_link": f"https://zalo.me/{wrong}"},
        {"page_link": "https://www.facebook.com/mattranchung"},
        {"unit": f"Xã {wrong}"},
        {"leader_phone": f"84 {secrets.phone(1)[1:]}", "leader_email": f"{word}@GMAIL.con"},
        {"manager_name": "", "manager_phone": f"{word}"},
        {"page_name": "", "leader_name": f"{{{{ {word} }}}} =1+1"},
    ]
    assert len(faults) == FAULTS
    row |= faults[fault % FAULTS]
    return [row.get(key, "") for key in round.form.keys]


@dataclass(frozen=True)
class Collected:
    """A finished round: its folder, its senders by number, and what was said on the screen."""

    round: Round
    folder: Path
    senders: list[Unit]
    screen: str

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox" / self.round.id

    @cached_property
    def words(self) -> dict[str, set[tuple[str, int]]]:
        """The words in every part of every file of the outbox, by path."""
        return {name: found(content) for name, content in files_of(self.outbox)}

    def words_of(self, sender: Unit) -> set[tuple[str, int]]:
        """The words in the folder of a sender."""
        place = f"don-vi/{sender.code}-"
        return {word for name, words in self.words.items() if name.startswith(place) for word in words}


@pytest.fixture(scope="module", params=["city", "dien-bien-2022"])
def collected(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Collected:
    folder = tmp_path_factory.mktemp("secrets")
    name = request.param
    if name == "city":
        name = str(folder / "secrets.toml")
        Path(name).write_text(_city(), encoding="utf-8")
    round = load_round(name)
    inbox = folder / "inbox" / DAY
    inbox.mkdir(parents=True)
    senders = list(round.submitting_units.values())
    for number, sender in enumerate(senders):
        _write(round, sender, Secrets(number), inbox)
    folders = [f"--{part}={folder / part}" for part in ("inbox", "outbox", "state")]
    said = [_said(["run", f"--round={name}", *folders, f"--as-of={DAY}"])]
    if round.id == ROUND.id:
        said.append(_said(["status", f"--round={name}", *folders, f"--as-of={DAY}"]))
        said.append(_said(["history", f"--round={name}", f"--unit={senders[3].code}", *folders, f"--as-of={DAY}"]))
        said.append(_said(["check", f"--round={name}", *map(str, sorted(inbox.iterdir())[:11])]))
    return Collected(round, folder, senders, "\n".join(said))


def _said(command: list[str]) -> str:
    screen = io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        assert main(command) in (0, 3)
    screen.flush()
    return screen.buffer.getvalue().decode()  # type: ignore[attr-defined]


# --- what must not be found


def test_there_are_as_many_senders_as_there_should_be(collected: Collected) -> None:
    assert len(collected.senders) == (10 if collected.round.id == ROUND.id else 168)


def test_a_units_folder_holds_words_of_its_own_alone(collected: Collected) -> None:
    for number, sender in enumerate(collected.senders):
        assert {whose for _, whose in collected.words_of(sender)} <= {number}, sender


def test_every_unit_is_told_of_its_faults_in_its_own_words(collected: Collected) -> None:
    """Were the words lost on the way, the search would find nothing anywhere: they are in the office's papers."""
    words = set().union(*collected.words.values())
    for kind in ("secret", "page", "file"):
        assert len({whose for what, whose in words if what == kind}) > len(collected.senders) * 0.7


def test_what_goes_to_many_names_no_person(collected: Collected) -> None:
    papers = {name: words for name, words in collected.words.items() if name.startswith(FOR_MANY)}
    assert {"bao-cao.docx", "tong-quan.html"} <= set(papers)
    for name, words in papers.items():
        assert {kind for kind, _ in words} <= {"page"}, name


def test_what_the_form_does_not_ask_is_copied_nowhere(collected: Collected) -> None:
    """Columns of the unit's own, hidden sheets, comments, headers, the properties of its file."""
    for name, words in collected.words.items():
        assert "never" not in {kind for kind, _ in words}, name
    for path in (collected.folder / "state").glob("ledger.sqlite*"):
        assert "never" not in {kind for kind, _ in found(path.read_bytes())}, path.name


def test_the_screen_names_no_person(collected: Collected) -> None:
    assert {kind for kind, _ in found(collected.screen.encode())} <= {"file", "page", "wrong"}


def test_a_page_of_two_is_told_to_both_without_the_other(collected: Collected) -> None:
    listed = collected.round.expected
    duplicates = [
        sender
        for number, sender in enumerate(collected.senders)
        if any((number + place) % FAULTS == OF_TWO for place in range(len(listed[sender.code])))
    ]
    assert len(duplicates) > 5
    for sender in duplicates:
        place = next((collected.outbox / "don-vi").glob(f"{sender.code}-*"))
        texts = b"".join(content for _, content in files_of(place)).decode("utf-8", "replace")
        assert "Một Trang, hai đơn vị" in texts, place.name
        texts = texts.replace(sender.full_name, "")  # one unit's name may begin like another one's
        assert not [other.full_name for other in duplicates if other != sender and other.full_name in texts], place.name


def test_a_letter_goes_to_the_units_own_mailbox_alone(collected: Collected) -> None:
    for sender in collected.senders:
        place = next((collected.outbox / "don-vi").glob(f"{sender.code}-*"))
        letter = email.message_from_bytes((place / "thu.eml").read_bytes(), policy=email.policy.default)
        assert [address.addr_spec for address in letter["To"].addresses] == [collected.round.contacts[sender.code]]
        assert not letter["Cc"]
        assert not letter["Bcc"]
        assert not letter.defects


def test_a_fault_of_ours_is_told_without_what_a_unit_wrote(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipeline.errors import guard_screen

    for hook in ("excepthook", "unraisablehook"):
        monkeypatch.setattr(sys, hook, getattr(sys, hook))
    with contextlib.suppress(Exception):
        guard_screen()
    try:
        try:
            int("0977 000 111")
        except ValueError as fault:
            raise KeyError("Lò Văn Qzaaaxj") from fault
    except KeyError as fault:
        sys.excepthook(type(fault), fault, fault.__traceback__)
    told = capsys.readouterr().err
    assert "test_privacy.py" in told
    assert "KeyError" in told
    assert "ValueError" in told
    assert "0977 000" not in told.replace('int("0977 000 111")', "")
    assert "Qzaaaxj" not in told.replace('KeyError("Lò Văn Qzaaaxj")', "")
