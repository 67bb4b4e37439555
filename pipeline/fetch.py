"""Mail in: the attachments of new mails become files of the inbox, each mail once.

A mail is its number in a folder of an account (account, folder, UIDVALIDITY, UID). Its files take their place in the
inbox whole, then it is recorded, and only then may the mailbox be told that it was read: killed at any point, the
next time goes on without loss or double. What a mail says of itself is data, never a path of ours.
"""

from __future__ import annotations

import datetime as dt
import email
import hashlib
import imaplib
import mimetypes
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.account import FetchServer, server_words
from pipeline.clock import in_hanoi, now, today
from pipeline.errors import OperatorError
from pipeline.ledger import Ledger, open_ledger
from pipeline.printable import printable
from pipeline.records import Mail
from pipeline.state import RUN_WAIT, alone, hold, make, sync, writable
from schemas.round import Round

LARGEST = 60 * 1024 * 1024  # of a mail: what it carries is a third larger in it than on the disk

_NAME_BYTES = 120
_UNSAFE = re.compile(r'[/\\:*?"<>|]')
_DEVICES = re.compile(r"^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)", re.IGNORECASE)  # names that Windows keeps
_SIGNATURES = {"application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"}
_ROBOTS = {"mailer-daemon", "postmaster"}
_RECEIVED = re.compile(rb'INTERNALDATE "([^"]+)"')
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


@dataclass(frozen=True)
class _Content:
    """A mail as it came: who sent it, its attachments (names are data), its sign, and `outcome` as in `Mail`."""

    sign: str
    sender: str
    outcome: str
    files: list[tuple[str, bytes]]


def fetch(round: Round, inbox: Path, state: Path, server: FetchServer) -> Iterator[Mail]:
    """Take in the mails that came since the letter that orders the collection; yield each as it is recorded.

    Of a draft, which has no date yet, those of a year before its deadline: too many are told, one too few is not.

    Raises:
        OperatorError: the server cannot be reached, does not know us or goes away: what is left waits for the next
            time. Or somebody else is fetching, or the inbox cannot be written.
    """
    with alone(state, "fetch") as is_alone:
        if not is_alone:
            raise OperatorError("fetch_busy")
        with hold(state, RUN_WAIT), open_ledger(state), writable(inbox):
            make(inbox)
        with writable(state), open_ledger(state) as ledger, _mailbox(server) as (imap, validity):
            account = f"{server.user}@{server.host}"
            known = ledger.mails_known(account, server.folder, validity)
            (found,) = _asked(server, imap.uid, "SEARCH", "SINCE", f"{_first_day(round):%d-%b-%Y}")
            for uid in sorted({int(number) for number in (found or b"").split()} - known):
                got = _got(server, imap, uid)
                if got is None:
                    continue
                received, raw = got
                content = _content(ledger, round, raw) if raw is not None else _too_large(account, validity, uid)
                files = _stored(content, received, inbox, state) if content.outcome == "stored" else []
                place = account, server.folder, validity, uid
                mail = Mail(*place, content.sign, content.sender, received, content.outcome, files)
                ledger.record_mail(mail)
                if server.mark_seen:
                    _asked(server, imap.uid, "STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")
                yield mail


def file_name(name: str, kind: str) -> str:
    """Return the name under which an attachment is kept: shown like its own, but no path, no hidden or lock file."""
    text = printable(unicodedata.normalize("NFC", PurePosixPath(name.replace("\\", "/")).name))
    text = _UNSAFE.sub("_", text).strip(" .").lstrip("~$. ")
    stem, dot, suffix = text.rpartition(".")
    if not dot:
        stem, suffix = text, (mimetypes.guess_extension(kind) or "").lstrip(".")
    stem, suffix = stem.rstrip(" ."), suffix.rstrip("~")
    stem = stem.encode()[: _NAME_BYTES - len(suffix.encode()[:20])].decode("utf-8", "ignore") or "tep"
    stem = f"_{stem}" if _DEVICES.match(stem) else stem
    return f"{stem}.{suffix.encode()[:20].decode('utf-8', 'ignore')}".rstrip(".")


def _first_day(round: Round) -> dt.date:
    day = today()
    return round.source.date or min(round.deadline.last_day or day, day) - dt.timedelta(days=366)


# --- the server


@contextmanager
def _mailbox(server: FetchServer) -> Iterator[tuple[imaplib.IMAP4, str]]:
    """Open the folder; give the connection and the folder's UIDVALIDITY.

    Raises:
        OperatorError: there is no server, its certificate is not right, it does not know us or has no such folder.
    """
    imap = _connected(server)
    try:
        try:
            imap.login(server.user, server.password)
        except imaplib.IMAP4.abort as fault:
            raise _lost(server, fault) from None
        except imaplib.IMAP4.error as fault:
            raise OperatorError("mail_login", host=server.host, table="fetch", reply=_said(fault)) from None
        except OSError as fault:
            raise _lost(server, fault) from None
        folder = server.folder.replace("\\", "\\\\").replace('"', '\\"')
        _asked(server, imap.select, f'"{folder}"', not server.mark_seen)
        validity = imap.response("UIDVALIDITY")[1][0]
        yield imap, validity.decode("ascii", "replace") if isinstance(validity, bytes) else "0"
    finally:
        with suppress(OSError, imaplib.IMAP4.error):
            imap.logout()
        with suppress(OSError):
            imap.shutdown()


def _connected(server: FetchServer) -> imaplib.IMAP4:
    context = server.tls()
    try:
        if server.security == "tls":
            return imaplib.IMAP4_SSL(server.host, server.port, ssl_context=context, timeout=server.timeout)
        imap = imaplib.IMAP4(server.host, server.port, timeout=server.timeout)
        try:
            imap.starttls(context)
        except BaseException:
            imap.shutdown()
            raise
        return imap
    except (OSError, imaplib.IMAP4.error) as fault:
        raise _lost(server, fault) from None


def _asked(server: FetchServer, command: Callable[..., Any], *arguments: object) -> list[Any]:
    """Return what the server answers to a command.

    Raises:
        OperatorError: it refuses, or the connection is lost.
    """
    try:
        status, answer = command(*arguments)
    except (OSError, imaplib.IMAP4.error) as fault:
        raise _lost(server, fault) from None
    if status != "OK":
        reply = server_words(answer[-1])
        raise OperatorError("mail_refused", host=server.host, folder=server.folder, reply=reply)
    return list(answer)


def _lost(server: FetchServer, fault: object) -> OperatorError:
    return OperatorError("mail_connect", host=server.host, port=server.port, reply=_said(fault))


def _said(fault: object) -> str:
    return server_words(fault.args[0] if isinstance(fault, imaplib.IMAP4.error) and fault.args else fault)


def _got(server: FetchServer, imap: imaplib.IMAP4, uid: int) -> tuple[dt.date, bytes | None] | None:
    """Return when a mail was received and its bytes (None: too many of them); None where it is no longer there."""
    about = b" ".join(
        part for part in _asked(server, imap.uid, "FETCH", str(uid), "(UID INTERNALDATE RFC822.SIZE)") if part
    )
    size = _SIZE.search(about)
    if size is None:
        return None
    received = _received(about)
    if int(size[1]) > LARGEST:
        return received, None
    for part in _asked(server, imap.uid, "FETCH", str(uid), "(UID BODY.PEEK[])"):
        # Others may change flags meanwhile, and the server tells it in between: ours is the part with a literal.
        if isinstance(part, tuple) and re.search(rb"\bUID %d\b" % uid, part[0]):
            return received, part[1]
    return None


def _received(about: bytes) -> dt.date:
    """Return the day on which a mail reached the server, as it is in Vietnam."""
    told = _RECEIVED.search(about)
    try:
        moment = dt.datetime.strptime(told[1].decode("ascii").strip(), "%d-%b-%Y %H:%M:%S %z") if told else None
    except ValueError:
        moment = None
    return in_hanoi(moment or now()).date()


# --- the mail


def _content(ledger: Ledger, round: Round, raw: bytes) -> _Content:
    """Return what a mail brings; one that cannot be taken apart is kept as it is, and told like any wrong file."""
    try:
        message = email.message_from_bytes(raw, policy=default)
        assert isinstance(message, EmailMessage)
        sender = parseaddr(str(message.get("From", "")))[1].lower()
        message_id = str(message.get("Message-ID", "")).strip()
        files = list(_attachments(message))
        is_ours = ledger.is_our_letter(message_id) or ("X-Submission-Id" in message and sender == round.office.email)
        is_automatic = _is_automatic(message, sender)
    except Exception:  # the library meets what nobody here wrote
        sender, message_id, files, is_ours, is_automatic = "", "", [("thu.eml", raw)], False, False
    hashes = sorted(hashlib.sha256(content).hexdigest() for _, content in files)
    same = "\n".join([message_id, *hashes]).encode("utf-8", "replace") if message_id else raw
    sign = hashlib.sha256(same).hexdigest()
    if is_ours or is_automatic:
        outcome = "ours" if is_ours else "automatic"
    elif not files:
        outcome = "empty"
    else:
        outcome = "known" if ledger.is_known_mail(sign) else "stored"
    return _Content(sign, sender, outcome, files)


def _too_large(account: str, validity: str, uid: int) -> _Content:
    return _Content(hashlib.sha256(f"{account} {validity} {uid}".encode()).hexdigest(), "", "too-large", [])


def _is_automatic(message: EmailMessage, sender: str) -> bool:
    """Tell whether nobody wrote a mail: an absence notice, a report of the mail system (RFC 3834)."""
    submitted = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    return (
        submitted not in ("", "no")
        or str(message.get("Return-Path", "")).strip() == "<>"
        or str(message.get("Precedence", "")).strip().lower() == "auto_reply"
        or message.get_content_type() == "multipart/report"
        or sender.partition("@")[0] in _ROBOTS
    )


def _attachments(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of every attachment, those of a mail that was forwarded as one too.

    Not the text of the mail, pictures that belong to it (a logo below the name), and signatures.
    """
    for part in message.walk():
        kind, name = part.get_content_type(), part.get_filename()
        if part.is_multipart() or kind in _SIGNATURES:
            continue
        is_attached = part.get_content_disposition() == "attachment"
        of_text = kind.startswith("text/") and not name
        of_picture = kind.startswith("image/") and (not name or "Content-ID" in part)
        if is_attached or not (of_text or of_picture):
            content = part.get_payload(decode=True)
            yield file_name(name or "", kind), content if isinstance(content, bytes) else b""


# --- the inbox


def _stored(content: _Content, received: dt.date, inbox: Path, state: Path) -> list[str]:
    """Put the files into a folder of their own that takes its place whole; return their paths within the inbox.

    Its name comes from the mail's sign: a fetch that was killed before it recorded the mail finds it there.
    """
    day = inbox / received.isoformat()
    place, staged = day / f"thu-{content.sign[:12]}", day / f".thu-{content.sign[:12]}"
    names = list(_distinct([name for name, _ in content.files]))
    with hold(state, RUN_WAIT), writable(inbox):
        if staged.exists():
            shutil.rmtree(staged)
        if not place.exists():
            staged.mkdir(parents=True)
            for name, (_, data) in zip(names, content.files, strict=True):
                with (staged / name).open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            sync(staged)
            staged.rename(place)
        for folder in (day, inbox):
            sync(folder)
    return [(place / name).relative_to(inbox).as_posix() for name in names]


def _distinct(names: list[str]) -> Iterator[str]:
    """Yield the names, numbered where another one is the same to some file system."""
    seen: set[str] = set()
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        number, shown = 1, name
        while shown.casefold() in seen:
            number += 1
            shown = f"{stem} ({number}).{suffix}" if dot else f"{name} ({number})"
        seen.add(shown.casefold())
        yield shown
