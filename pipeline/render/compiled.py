"""Compiled templates: what jinja makes of them is kept where Python keeps what it makes of the program."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from jinja2 import BytecodeCache, FileSystemBytecodeCache
from jinja2.bccache import Bucket

from pipeline.marks import mark_of_program


@cache
def compiled() -> BytecodeCache | None:
    """Return what is kept of templates, None where Python keeps nothing either."""
    return None if sys.dont_write_bytecode else _Compiled(str(Path(__file__).parent / "__pycache__"))


class _Compiled(FileSystemBytecodeCache):
    def get_source_checksum(self, source: str) -> str:
        """Return the mark of a template, which is another one for another program."""
        return super().get_source_checksum(source + mark_of_program())

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template, where anything can be written."""
        with suppress(OSError):
            super().dump_bytecode(bucket)
