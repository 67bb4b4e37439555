"""Real mail servers on loopback, with certificates of their own authority, and faults at chosen moments."""

from __future__ import annotations

import asyncio
import email
import email.policy
import imaplib
import logging
import os
import signal
import ssl
import threading
from argparse import Namespace
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer
from pysasl.hashing import BuiltinHash

HOST = "127.0.0.1"
USER, PASSWORD = "tonghop", "mat-khau"


class Authority:
    """Certificates for the servers; `file` is what a client must trust."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.file = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.file))
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST).configure_cert(self.server)


class Loop:
    """An event loop in a thread of its own, for servers."""

    def __init__(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, job: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(30)

    def serve(self, protocol: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None = None) -> int:
        """Serve a protocol; return the port."""

        async def start() -> int:
            server = await asyncio.get_running_loop().create_server(protocol, HOST, 0, ssl=context)
            return int(server.sockets[0].getsockname()[1])

        return int(self.do(start()))

    def serve_streams(self, talk: Callable[..., Awaitable[None]], context: ssl.SSLContext | None = None) -> int:
        """Serve a conversation over streams; return the port."""

        async def start() -> int:
            server = await asyncio.start_server(talk, HOST, 0, ssl=context)
            return int(server.sockets[0].getsockname()[1])

        return int(self.do(start()))

    def stop(self) -> None:
        async def end() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.do(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass
class Delivered:
    """A letter that a server took."""

    writer: str
    recipients: list[str]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        message = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass
class Post:
    """An SMTP server. What it does at a moment is decided by `at`: moment and recipient -> fault, "" for none.

    Moments: `mail`, `rcpt`, `data` (before it is ready for the text), `text` (it has the whole text, and takes it),
    `answered` (it has said so). Faults: an SMTP answer such as `451 later`, `drop` (the connection), `lose` (the text
    is not taken and the connection dropped), `hang` (after the text, for ever), `kill` (the process of that `pid`).
    """

    loop: Loop
    authority: Authority
    security: str = "starttls"
    at: Callable[[str, str], str] = lambda moment, recipient: ""
    delivered: list[Delivered] = field(default_factory=list)
    moments: list[tuple[str, str]] = field(default_factory=list)
    pid: int = 0
    port: int = 0

    def start(self) -> Post:
        tls = self.security == "tls"
        # With TLS from the first byte aiosmtpd does not know that there is any: it takes the login as it comes.
        options: dict[str, Any] = {"auth_require_tls": False}
        if not tls:
            options = {"tls_context": self.authority.server, "require_starttls": True, "auth_required": True}

        def protocol() -> SMTP:
            return _Faulty(self, authenticator=_knows, ident="test", **options)

        self.port = self.loop.serve(protocol, self.authority.server if tls else None)
        return self

    def settings(self) -> dict[str, Any]:
        return {
            "host": HOST, "port": self.port, "security": self.security, "user": USER, "password": PASSWORD,
            "ca_file": str(self.authority.file), "timeout": 20, "pause": 0,
        }  # fmt: skip

    def fault(self, moment: str, recipient: str) -> str:
        self.moments.append((moment, recipient))
        found = self.at(moment, recipient)
        if found == "kill":
            os.kill(self.pid, signal.SIGKILL)
        return found

    @property
    def recipients(self) -> list[str]:
        return [one for delivered in self.delivered for one in delivered.recipients]


def _knows(server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any) -> AuthResult:
    known = isinstance(login, LoginPassword) and (login.login, login.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=False)


class _Faulty(SMTP):
    """An SMTP conversation with the faults of its server."""

    def __init__(self, post: Post, **options: Any) -> None:
        super().__init__(self, **options)
        self.post = post
        self._recipient = ""

    async def handle_MAIL(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        fault = self.post.fault("mail", "")
        if fault:
            return fault
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:
        self._recipient = address
        fault = self.post.fault("rcpt", address)
        if fault == "drop":
            self.transport.abort()
        elif fault:
            return fault
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def smtp_DATA(self, arg: str) -> None:
        fault = self.post.fault("data", self._recipient)
        if fault in ("drop", "kill"):
            self.transport.abort()
        elif fault:
            await self.push(fault)
        else:
            await super().smtp_DATA(arg)

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:
        fault = self.post.fault("text", self._recipient)
        if fault in ("drop", "kill", ""):
            content = envelope.original_content or b""
            self.post.delivered.append(Delivered(str(envelope.mail_from), list(envelope.rcpt_tos), content))
        if fault in ("drop", "lose", "kill"):
            self.transport.abort()
        elif fault == "hang":
            await asyncio.Event().wait()
        elif fault:
            return fault
        await self.push("250 OK: taken")
        self.post.fault("answered", self._recipient)
        return _SAID

    async def push(self, status: Any) -> None:
        if status != _SAID:
            await super().push(status)


_SAID = "250 said already"


@dataclass
class Mailbox:
    """An IMAP server (pymap) behind TLS. `cut` decides after how many bytes of an answer the connection is cut.

    It is given the client's command; -1 is never. `kill` decides by the command whether the client's process is
    killed when it comes. `commands` are those that were given.
    """

    loop: Loop
    authority: Authority
    folder: str = "Danh sach"
    cut: Callable[[bytes], int] = lambda command: -1
    kill: Callable[[bytes], bool] = lambda command: False
    commands: list[bytes] = field(default_factory=list)
    pid: int = 0
    port: int = 0
    _inner: int = 0

    def start(self) -> Mailbox:
        async def backend() -> Callable[..., Awaitable[None]]:
            arguments = Namespace(
                debug=False, host=HOST, port=0, cert=None, key=None, tls=False, proxy_protocol=None, passlib_cfg=None,
                inherited_sockets=None, demo_data=False, demo_user=USER, demo_password=PASSWORD,
            )  # fmt: skip
            made, config = await DictBackend.init(arguments, hash_context=BuiltinHash(rounds=1))  # made to be slow
            config.apply_context()
            return ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(made.login, config))

        self._inner = self.loop.serve_streams(self.loop.do(backend()))
        self.port = self.loop.serve_streams(self._relay, self.authority.server)
        self.make_folder()
        return self

    def settings(self) -> dict[str, Any]:
        return {
            "host": HOST, "port": self.port, "security": "tls", "user": USER, "password": PASSWORD,
            "ca_file": str(self.authority.file), "timeout": 20, "folder": self.folder,
        }  # fmt: skip

    def make_folder(self) -> None:
        with self._opened() as imap:
            assert imap.create(f'"{self.folder}"')[0] == "OK"

    def renumber(self) -> None:
        """Give the folder another UIDVALIDITY, with the same mails: what a server does that was set up anew."""
        with self._opened() as imap:
            imap.select(f'"{self.folder}"', readonly=True)
            numbers = imap.search(None, "ALL")[1][0].split()
            mails = [imap.fetch(number, "(INTERNALDATE BODY.PEEK[])")[1][0] for number in numbers]
            imap.close()
            imap.select()
            imap.delete(f'"{self.folder}"')
            imap.create(f'"{self.folder}"')
            for about, content in mails:
                date = about.split(b'"')[1].decode()
                imap.append(f'"{self.folder}"', "", f'"{date}"', content)

    def drop(self, content: bytes, date: str = "20-Mar-2022 09:00:00 +0700") -> None:
        """Put a mail into the folder."""
        with self._opened() as imap:
            assert imap.append(f'"{self.folder}"', "", f'"{date}"', content)[0] == "OK"

    def seen(self) -> list[bytes]:
        """Return the numbers of the mails that are marked as read."""
        with self._opened() as imap:
            imap.select(f'"{self.folder}"', readonly=True)
            return imap.search(None, "SEEN")[1][0].split()

    def _opened(self) -> imaplib.IMAP4:
        imap = imaplib.IMAP4(HOST, self._inner)
        imap.login(USER, PASSWORD)
        return imap

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(HOST, self._inner)
        left = -1

        async def down() -> None:
            nonlocal left
            while data := await inner_reader.read(4096):
                if left >= 0:
                    data, left = data[:left], left - len(data)
                writer.write(data)
                await writer.drain()
                if left <= 0 and left != -1:
                    break
            writer.transport.abort()

        task = asyncio.ensure_future(down())
        try:
            while command := await reader.readline():
                self.commands.append(command.strip())
                if self.kill(command):
                    os.kill(self.pid, signal.SIGKILL)
                    break
                left = self.cut(command)
                inner_writer.write(command)
                await inner_writer.drain()
        except ConnectionError:
            pass
        finally:
            task.cancel()
            inner_writer.close()
            writer.close()
