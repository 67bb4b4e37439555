"""Searching what was written for words that must not stand there: packages unpacked, letters decoded."""

from __future__ import annotations

import email
import email.policy
import io
import os
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path


def contents(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a content with its name, or what lies in it: the parts of a package, head and parts of a letter."""
    if content.startswith(b"PK\x03\x04"):
        yield name, os.fsencode(name)
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            for part in package.namelist():
                yield from contents(f"{name}/{part}", package.read(part))
    elif name.endswith(".eml"):
        letter = email.message_from_bytes(content, policy=email.policy.default)
        yield name, "\n".join([name, *(f"{key}: {value}" for key, value in letter.items())]).encode()
        for number, part in enumerate(letter.walk()):
            if not part.is_multipart():
                file = part.get_filename() or f"part-{number}"
                yield from contents(f"{name}/{file}", part.get_payload(decode=True) or b"")
    else:
        yield name, os.fsencode(name) + b"\n" + content


def files_of(folder: Path) -> list[tuple[str, bytes]]:
    """Return all files below a folder with their paths in it, and all that lies in them."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [part for path in files for part in contents(path.relative_to(folder).as_posix(), path.read_bytes())]


def holding(words: Iterable[str], *folders: Path) -> list[str]:
    """Return the paths of what holds one of these words, in any of the encodings that files use."""
    wanted = [text for word in words for text in (word.encode(), word.encode("utf-16-le"))]
    found = (name for folder in folders for name, content in files_of(folder) if any(w in content for w in wanted))
    return sorted(found)
