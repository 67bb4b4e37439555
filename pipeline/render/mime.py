"""A letter as mail programs and servers take it: the e-mail library folds its headers, its parts are put together here.

All letters of a round have the same few parts, which the library would parse, fold and walk through anew for each.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from email.header import Header
from email.policy import SMTP
from functools import cache

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_VERSION = b"MIME-Version: 1.0\r\n"
_LONGEST = 78  # characters of a line, RFC 5322


def letter_of(head: Mapping[str, str], text: str, html: str, name: str, content: bytes, sign: str) -> bytes:
    """Return a letter: its headers, its words as text and as a page, the workbook that it brings (b"": none), named.

    `sign` makes the edges of its parts, numbered from outside: nothing in the letter may hold it.
    """
    plain = _part('text/plain; charset="utf-8"', _lines(text))
    page = _part('text/html; charset="utf-8"', _lines(html), _VERSION)
    if not content:
        body = _parts("alternative", [plain, page], f"=={sign}-0==")
    else:
        words = _parts("alternative", [plain, page], f"=={sign}-1==")
        named = f'Content-Disposition: attachment; filename="{name}"\r\n'.encode("ascii")
        workbook = _part(_XLSX, content, named + _VERSION)
        body = _parts("mixed", [words, workbook], f"=={sign}-0==")
    return b"".join(_header(name, value) for name, value in head.items()) + _VERSION + body


def _header(name: str, value: str) -> bytes:
    """Return a header as it is sent; most are short and plain, and stay as they are."""
    line = f"{name}: {value}"
    return f"{line}\r\n".encode() if line.isascii() and len(line) <= _LONGEST else _folded(name, value)


@cache
def _folded(name: str, value: str) -> bytes:
    """Return a header in lines of their length; subjects by another way, as this one loses a space in them.

    Ours would be quicker, and Python itself reads a space more between two encoded words of a name.
    """
    if name == "Subject":
        return f"{name}: {Header(value, 'utf-8', header_name=name).encode(linesep=SMTP.linesep)}\r\n".encode("ascii")
    return SMTP.fold_binary(*SMTP.header_store_parse(name, value))


def _part(kind: str, content: bytes, more: bytes = b"") -> bytes:
    coded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n".encode("ascii") + more + b"\r\n" + coded


def _parts(kind: str, parts: Iterable[bytes], edge: str) -> bytes:
    head, line = _header("Content-Type", f'multipart/{kind}; boundary="{edge}"'), f"--{edge}".encode("ascii")
    return b"".join([head, b"\r\n", *(line + b"\r\n" + part + b"\r\n" for part in parts), line, b"--\r\n"])


def _lines(text: str) -> bytes:
    return b"".join(line + b"\r\n" for line in text.encode().splitlines())
