"""A bundle: one archive that holds the files of a unit."""

from __future__ import annotations


def members(content: bytes) -> list[tuple[str, bytes]] | None:
    """Return the names and contents of the files in the archive, None where this is no bundle.

    Raises:
        Refused: with the rule that says why the archive cannot be opened.
    """
    return None
