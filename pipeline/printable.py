"""Names and lines as any screen, cell or line of CSV can hold them."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress

# What a screen, a cell or a line of CSV cannot show as it is: control characters, bytes that are no UTF-8, line
# separators, marks that turn the direction of writing, and code points that are no characters.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def printable(name: str) -> str:
    """Return a name as any screen, cell or line can hold it: what cannot be shown stands there as its code.

    A name is UTF-8 whatever the machine's own language says.
    """
    if os.name != "nt" and sys.getfilesystemencoding() != "utf-8":
        with suppress(UnicodeEncodeError):  # no name of a file
            name = os.fsencode(name).decode("utf-8", "surrogateescape")
    return _UNPRINTABLE.sub(_code, name)


def _code(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name that is no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
