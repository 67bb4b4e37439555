"""The office's mail account: where its servers are and how to log in, from a file outside git and the environment.

Connections are always encrypted and the server's certificate is always verified; a server of one's own may bring
its own authority (`ca_file`).
"""

from __future__ import annotations

import os
import re
import ssl
import tomllib
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import OperatorError
from pipeline.printable import printable
from schemas.faults import first_fault, shown, toml_fault
from schemas.messages import line
from schemas.text import masked

FILE = "hop-thu.toml"
_TABLES = {"send", "fetch"}
_ADDRESS = re.compile(r"[^\s<>@,;:\"']+@[\w.-]+")
_ASCII = r"^[ -~]*$"  # what the protocols carry without extensions that servers rarely have
_PATH = "HOP_THU"  # the environment's name for the file; HOP_THU_SEND_HOST and the like name single settings


class Server(BaseModel):
    """A mail server; `timeout` in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(pattern=r"^[!-~]+$")
    port: int = Field(ge=1, le=65535)
    security: Literal["starttls", "tls"]
    user: str = Field(default="", pattern=_ASCII)
    password: str = Field(default="", pattern=_ASCII, repr=False)
    ca_file: str = ""
    timeout: float = Field(default=60, gt=0)

    def tls(self) -> ssl.SSLContext:
        """Return what verifies the server.

        Raises:
            OperatorError: the file of the authority is not there or holds no certificate.
        """
        try:
            return ssl.create_default_context(cafile=self.ca_file or None)
        except OSError as fault:  # an SSLError too
            raise OperatorError("bad_account", path=self.ca_file, key="ca_file", reason=fault) from None


class SendServer(Server):
    """Where letters are handed over (SMTP); `pause` is the seconds between two of them."""

    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls"] = "starttls"
    pause: float = Field(default=2, ge=0)


class FetchServer(Server):
    """Where mail lies (IMAP); mails that were taken in are marked as read only if `mark_seen`."""

    port: int = Field(default=993, ge=1, le=65535)
    security: Literal["starttls", "tls"] = "tls"
    folder: str = Field(default="INBOX", pattern=_ASCII, min_length=1)
    mark_seen: bool = False


_AnyServer = TypeVar("_AnyServer", bound=Server)


def account_file(state: Path) -> Path:
    """Return where the settings of the account are looked for."""
    return Path(os.environ.get(_PATH) or state / FILE)


def send_server(state: Path) -> SendServer | None:
    """Return where letters are handed over, None where nothing is configured.

    Raises:
        OperatorError: a setting is missing or wrong; the line names it.
    """
    return _server(state, "send", SendServer)


def fetch_server(state: Path) -> FetchServer | None:
    """Return where mail lies, None where nothing is configured.

    Raises:
        OperatorError: a setting is missing or wrong; the line names it.
    """
    return _server(state, "fetch", FetchServer)


def server_words(said: object) -> str:
    """Return what a server or the system said as a screen and the ledger may show it: one line, addresses masked."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return _ADDRESS.sub(lambda match: masked(match[0]), printable(" ".join(text.split())))[:200]


def _server(state: Path, table: str, kind: type[_AnyServer]) -> _AnyServer | None:
    """Return the checked settings of a table: those of the file, and over them those of the environment."""
    path = account_file(state)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise OperatorError("bad_account", path=path, key=table, reason=toml_fault(fault)) from None
    except OSError as fault:  # no rights
        raise OperatorError("bad_account", path=path, key=table, reason=fault.strerror) from None
    for name in sorted(tables.keys() - _TABLES):  # a slip would pass for a mailbox that is not set up
        reason = line("entry_errors", "extra_forbidden")
        raise OperatorError("bad_account", path=path, key=shown(name), reason=reason)
    found = tables.get(table, {})
    if not isinstance(found, dict):
        raise OperatorError(
            "bad_account", path=path, key=table, reason=line("entry_errors", "one_table", value=shown(found))
        )
    environment = {key: os.environ.get(f"{_PATH}_{table}_{key}".upper()) for key in kind.model_fields}
    settings: dict[str, Any] = found | {key: value for key, value in environment.items() if value}
    if not settings:
        return None
    try:
        return kind(**settings)
    except ValidationError as faults:
        hidden = {"password": "***"} if "password" in settings else {}
        key, reason = first_fault(settings | hidden, faults)
        raise OperatorError("bad_account", path=path, key=".".join([table, *map(str, key)]), reason=reason) from None
