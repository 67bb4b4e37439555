"""XML of strangers: no entities, no network, no huge nodes; one fault for whatever is wrong with it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from lxml import etree

from pipeline.errors import Refused
from schemas.codes import Rule

_SAFE: dict[str, Any] = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
_DECLARATIONS = [
    word.encode(encoding) for word in ("<!DOCTYPE", "<!ENTITY") for encoding in ("ascii", "utf-16-le", "utf-16-be")
]


def parse(content: bytes) -> Any:
    """Return the root element.

    Raises:
        Refused: `file.unreadable`.
    """
    try:
        return etree.fromstring(content, etree.XMLParser(**_SAFE))
    except (etree.XMLSyntaxError, ValueError) as fault:
        raise Refused(Rule.FILE_UNREADABLE) from fault


def walk(content: bytes, *names: str, events: tuple[str, ...] = ("end",)) -> Iterator[tuple[str, Any]]:
    """Yield (event, element) for the elements of these local names, in the document's order.

    Raises:
        Refused: `file.unreadable`.
    """
    tags = [f"{{*}}{name}" for name in names]
    steps = iter(etree.iterparse(io.BytesIO(content), events=events, tag=tags, **_SAFE))
    while True:
        try:
            event, element = next(steps)
        except StopIteration:
            return
        except (etree.XMLSyntaxError, ValueError) as fault:
            raise Refused(Rule.FILE_UNREADABLE) from fault
        yield event, element


def forget(element: Any) -> None:
    """Free an element that was read, and all before it."""
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def local(element: Any) -> str:
    """Return an element's name without its namespace, "" for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Any, name: str) -> str:
    """Return an attribute by its local name, whatever namespace it stands in."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def declares_entities(content: bytes, name: str) -> bool:
    """Tell a part with a document type: no Office program writes one.

    But for the manifests of old OpenDocument files, which name a DTD and declare nothing.
    """
    found = [word for word in _DECLARATIONS if word in content]
    if name == "META-INF/manifest.xml" and found == _DECLARATIONS[:1]:
        return b"[" in content[: content.find(b">", content.find(found[0])) + 1]
    return bool(found)
