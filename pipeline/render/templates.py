"""Letters and pages, filled from templates that an office may have changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError

from pipeline.errors import OperatorError
from schemas.data import TEMPLATES


def filled(name: str, facts: Mapping[str, Any]) -> str:
    """Return what a template says of these facts.

    Raises:
        OperatorError: the template is not there, or cannot be filled.
    """
    try:
        return _template(TEMPLATES, name).render(facts)
    except (TemplateError, OSError, UnicodeDecodeError) as fault:
        raise OperatorError("bad_template", name=name, reason=fault) from None


@cache
def _template(folder: Path, name: str) -> Template:
    is_page = name.endswith(".html.j2")  # there text is escaped, and a line of orders alone leaves nothing
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=is_page,
        trim_blocks=is_page,
        lstrip_blocks=is_page,
    )
    environment.filters["lower_first"] = lambda text: text[:1].lower() + text[1:]
    return environment.get_template(name)
