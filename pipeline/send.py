"""Sending: the letters that are due, each handed to the mail server once.

What is about to be sent is committed to the ledger before the server is given the text, and what became of it after:
between the end of the text and the server's answer nobody can know (RFC 1047), and a letter whose sender died there
is uncertain and never sent again by itself.
"""

from __future__ import annotations

import email
import re
import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from pipeline.account import SendServer, server_words
from pipeline.due import Due
from pipeline.errors import OperatorError
from pipeline.ledger import Ledger, open_ledger
from pipeline.names import LATE, LETTER
from pipeline.render.letter import folder_of, route
from pipeline.state import RUN_WAIT, alone, hold, writable
from schemas.round import Round

UNCERTAIN_IN_A_ROW = 3
"""So many letters without an answer, and the rest waits: the server takes texts and does not say what it does."""

TRIED = ("sent", "deferred", "refused", "uncertain")
_PATIENCE = 10  # the server may take so many times longer to answer after the text (RFC 5321: minutes)
_ONCE = ("From", "To", "Subject", "Date", "Message-ID", "X-Submission-Id", "Auto-Submitted")
_LINES = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True)
class Outcome:
    """What became of a letter that was due.

    `fate`: `sent`, `deferred`, `refused`, `uncertain`, or, not having been tried, `changed` (a later run prepared
    another) or `unusable` (it is not as it was prepared).
    """

    due: Due
    fate: str
    reply: str = ""


@contextmanager
def sending(round: Round, state: Path) -> Iterator[None]:
    """Hold the sending alone; what a sender was sending when it died is uncertain from now on.

    Raises:
        OperatorError: somebody else is sending.
    """
    with alone(state, "send") as is_alone:
        if not is_alone:
            raise OperatorError("send_busy")
        with hold(state), open_ledger(state) as ledger:
            ledger.settle_unknown(round.id)
        yield


def decide(round: Round, state: Path, sender: str, fate: str) -> None:
    """Give the uncertain and refused letters to a sender the fate that the officer knows: `sent`, or `prepared` again.

    Only while `sending` is held.

    Raises:
        OperatorError: none of its letters is in doubt.
    """
    with hold(state), open_ledger(state) as ledger:
        if not ledger.decide(round.id, sender, fate):
            raise OperatorError("nothing_in_doubt", unit=round.submitting_units[sender].full_name)


def send(round: Round, letters: list[Due], outbox: Path, state: Path, server: SendServer) -> Iterator[Outcome]:
    """Hand the letters to the server, one recipient each; yield what became of each as it is known.

    Only while `sending` is held.

    Raises:
        OperatorError: the server cannot be reached, does not know us or gives no answers; what is left waits for the
            next time.
    """
    silent = 0
    with writable(state), open_ledger(state) as ledger, _Connection(server, round) as connection:
        for number, due in enumerate(letters):
            if number:
                time.sleep(server.pause)
            content = _content(round, due, outbox, state)
            outcome = connection.hand_over(ledger, due, content) if content else Outcome(due, "unusable")
            if outcome.fate in TRIED:
                ledger.has_fate(due.letter.message_id, due.address, outcome.fate, outcome.reply)
            yield outcome
            silent = silent + 1 if outcome.fate == "uncertain" else 0
            if silent == UNCERTAIN_IN_A_ROW:
                raise OperatorError("mail_silent", host=server.host, count=silent)


def _content(round: Round, due: Due, outbox: Path, state: Path) -> bytes | None:
    """Return the text of a prepared letter as it goes out, None where it is not the letter that was prepared.

    Its recipient is the round's, whatever stands in it; what the officer changed in its words stays.
    """
    place = outbox / round.id / (LATE if due.letter.kind == "closed" else "")
    path = place / folder_of(due.unit) / LETTER
    with hold(state, RUN_WAIT):
        try:
            found = path.read_bytes()
        except OSError:
            return None
    try:
        message = email.message_from_bytes(found, policy=SMTP.clone(cte_type="7bit"))
        if not isinstance(message, EmailMessage) or not _is_letter(message, round, due):
            return None
        del message["X-Unsent"]
        route(message, round, due.unit.code)
        content = message.as_bytes()
    except Exception:  # whatever a damaged file makes the library raise: it is no letter of ours any more
        return None
    return content if all(len(message.get_all(name, [])) == 1 for name in _ONCE) else None


def _is_letter(message: EmailMessage, round: Round, due: Due) -> bool:
    about = f"{due.unit.code}/{round.id}/{due.letter.version}"
    found = [str(message.get(name, "")).strip() for name in ("Message-ID", "X-Submission-Id")]  # long ones are folded
    return found == [due.letter.message_id, about]


@dataclass
class _Connection:
    """A connection to the server, opened when it is needed, again where it was lost."""

    server: SendServer
    round: Round
    _smtp: smtplib.SMTP | None = field(default=None, repr=False)

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *fault: object) -> None:
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
        self._drop()

    def hand_over(self, ledger: Ledger, due: Due, content: bytes) -> Outcome:
        """Hand over a letter; until the server is ready for the text nothing has happened to it."""
        smtp = self._open()
        intended = False
        try:
            refusal = self._envelope(smtp, due.address)
            if refusal is None:
                intended = ledger.will_send(self.round.id, due.letter.message_id, due.address)
                if not intended:
                    smtp.rset()
                    return Outcome(due, "changed")
                refusal = _refusal(*smtp.docmd("DATA"), 3)
        except (OSError, smtplib.SMTPException) as fault:
            self._drop()
            return Outcome(due, "deferred", _shown(fault))
        if refusal:
            with suppress(OSError, smtplib.SMTPException):
                smtp.rset()
            return Outcome(due, *refusal)
        return self._text(smtp, due, content)

    def _text(self, smtp: smtplib.SMTP, due: Due, content: bytes) -> Outcome:
        """Give the server the text; from here on only its answer tells what became of the letter."""
        lines = _LINES.split(content.rstrip(b"\r\n"))
        text = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
        try:
            if smtp.sock:
                smtp.sock.settimeout(self.server.timeout * _PATIENCE)
            smtp.send(text + b".\r\n")
            code, reply = smtp.getreply()
            if smtp.sock:
                smtp.sock.settimeout(self.server.timeout)
        except (OSError, smtplib.SMTPException) as fault:
            self._drop()
            return Outcome(due, "uncertain", _shown(fault))
        if not 200 <= code < 300 and not 400 <= code < 600:  # no answer that SMTP knows
            return Outcome(due, "uncertain", server_words(f"{code} {reply!r}"))
        return Outcome(due, *(_refusal(code, reply, 2) or ("sent", "")))

    def _envelope(self, smtp: smtplib.SMTP, address: str) -> tuple[str, str] | None:
        """Name writer and recipient; return why the letter cannot go, None if it can.

        Raises:
            OperatorError: the server takes nothing from us: no letter's fault.
        """
        refusal = _refusal(*smtp.mail(self.round.office.email), 2)
        if refusal and refusal[0] == "refused":
            raise OperatorError("mail_sender", host=self.server.host, reply=refusal[1])
        return refusal or _refusal(*smtp.rcpt(address), 2)

    def _open(self) -> smtplib.SMTP:
        """Return a connection that is open, encrypted and logged in.

        Raises:
            OperatorError: there is no server, its certificate is not right, or it does not know us.
        """
        if self._smtp is not None:
            try:
                if self._smtp.noop()[0] == 250:
                    return self._smtp
            except (OSError, smtplib.SMTPException):
                pass
            self._drop()
        server = self.server
        name = "[127.0.0.1]"  # who calls: never this computer's own name
        try:
            if server.security == "tls":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                    server.host, server.port, local_hostname=name, timeout=server.timeout, context=server.tls()
                )
            else:
                smtp = smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=server.timeout)
            self._smtp = smtp
            if server.security == "starttls":
                smtp.starttls(context=server.tls())
            smtp.ehlo()
            if server.user:
                smtp.login(server.user, server.password)
        except smtplib.SMTPAuthenticationError as fault:
            self._drop()
            raise OperatorError("mail_login", host=server.host, table="send", reply=_shown(fault)) from None
        except (OSError, smtplib.SMTPException) as fault:
            self._drop()
            raise OperatorError("mail_connect", host=server.host, port=server.port, reply=_shown(fault)) from None
        return smtp

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


def _refusal(code: int, reply: bytes, right: int) -> tuple[str, str] | None:
    """Return fate and words of an answer that does not begin with the right digit: for now (4xx) or for good (5xx)."""
    if code // 100 == right:
        return None
    return ("refused" if code // 100 == 5 else "deferred"), server_words(f"{code} {reply.decode('utf-8', 'replace')}")


def _shown(words: object) -> str:
    if isinstance(words, smtplib.SMTPResponseException):
        error = words.smtp_error
        words = f"{words.smtp_code} {error.decode('utf-8', 'replace') if isinstance(error, bytes) else error}"
    return server_words(words)
