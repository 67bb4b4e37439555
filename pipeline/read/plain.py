"""Values as plain data and back: JSON, so that nothing from a file is ever executed when it is loaded.

The fields are taken from the dataclasses: a field that is added to one travels without a change here.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import types
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Convert = Callable[[Any], Any]
_ASIS = (str, int, float, bool, types.NoneType, Any, object)


def pack(value: Any) -> bytes:
    """Return a dataclass as JSON; half a surrogate pair, which a hostile file may hold, is kept as it is.

    Raises:
        TypeError: it holds what cannot travel.
    """
    plain = _converters(value.__class__)[0](value)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def unpack(kind: type[T], content: bytes) -> T:
    """Return the value of that type of which this is the JSON."""
    value: T = _converters(cast(Any, kind))[1](json.loads(content.decode("utf-8", "surrogatepass")))
    return value


def _same(value: Any) -> Any:
    return value


_AS_IT_IS = _same, _same


@cache
def _converters(hint: Any) -> tuple[Convert, Convert]:
    """Return the functions that make plain data of a value of this type, and the value again.

    Raises:
        TypeError: this type cannot travel.
    """
    kind, parts = get_origin(hint) or hint, get_args(hint)
    if kind in _ASIS:
        return _AS_IT_IS
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        to_plain, from_plain = _of_fields(kind, names)
        return (lambda value: to_plain([getattr(value, name) for name in names])), from_plain
    if names := getattr(kind, "_fields", []):  # a named tuple
        return _of_fields(kind, names)
    if kind in (dt.datetime, dt.date):
        return kind.isoformat, kind.fromisoformat
    if isinstance(kind, type) and issubclass(kind, Enum):
        return (lambda member: member.value), kind
    if kind in (Union, types.UnionType):
        return _of_optional(parts)
    if kind in (list, set, frozenset) or (kind is tuple and parts[1:] == (...,)):
        return _of_series(kind, parts[0])
    if kind is tuple:
        return _of_tuple(parts)
    if kind is dict and parts[0] is str and _converters(parts[1]) == _AS_IT_IS:
        return _AS_IT_IS
    if kind is dict:
        to_plain, from_plain = _of_tuple(parts)
        return (
            lambda table: [to_plain(item) for item in table.items()],
            lambda pairs: dict(from_plain(pair) for pair in pairs),
        )
    raise TypeError(f"{hint} cannot be written as plain data")


def _of_fields(kind: Any, names: Iterable[str]) -> tuple[Convert, Convert]:
    hints = get_type_hints(kind)
    to_plain, from_plain = _of_tuple(tuple(hints[name] for name in names))
    return to_plain, (lambda plain: kind(*from_plain(plain)))


def _of_tuple(parts: tuple[Any, ...]) -> tuple[Convert, Convert]:
    both = [_converters(part) for part in parts]
    if all(pair == _AS_IT_IS for pair in both):
        return list, tuple
    return (
        lambda values: [pair[0](value) for pair, value in zip(both, values, strict=True)],
        lambda plain: tuple(pair[1](value) for pair, value in zip(both, plain, strict=True)),
    )


def _of_series(kind: Any, part: Any) -> tuple[Convert, Convert]:
    to_plain, from_plain = _converters(part)
    if kind is list and from_plain is _same:
        return _AS_IT_IS
    return (lambda values: [to_plain(value) for value in values]), (lambda plain: kind(map(from_plain, plain)))


def _of_optional(parts: tuple[Any, ...]) -> tuple[Convert, Convert]:
    present = [part for part in parts if part is not types.NoneType]
    if all(part in _ASIS for part in present):
        return _AS_IT_IS
    if len(present) != 1:
        raise TypeError(f"{parts} cannot be told apart in plain data")
    to_plain, from_plain = _converters(present[0])
    return (
        lambda value: None if value is None else to_plain(value),
        lambda plain: None if plain is None else from_plain(plain),
    )
