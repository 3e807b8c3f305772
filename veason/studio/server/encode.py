"""Messages, replies and `About` -> JSON values: the one way out."""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

from veason.studio.server.fields import field_types, json_name


def encode(value: Any) -> Any:
    """Return a message, reply or `About` as JSON values: objects, lists, texts, numbers."""
    kind: Any = type(value)
    return _encoder(kind)(value)


@functools.cache
def _encoder(wanted: Any) -> Callable[[Any], Any]:
    """Return how a value of a declared type is written."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if dataclasses.is_dataclass(wanted):
        return _record_encoder(wanted)  # type: ignore[arg-type]
    if origin is Mapping:
        inner = _encoder(parts[1])
        return lambda value: {str(key): inner(one) for key, one in value.items()}
    if origin is Sequence:
        inner = _encoder(parts[0])
        return lambda value: [inner(one) for one in value]
    if origin is tuple:
        return list
    if origin in (Union, types.UnionType):
        return lambda value: encode(value) if dataclasses.is_dataclass(value) else value
    return lambda value: value


def _record_encoder(kind: type) -> Callable[[Any], dict[str, Any]]:
    fields = [(json_name(name), name, _encoder(wanted)) for name, wanted in field_types(kind).items()]
    head = {"kind": getattr(kind, "KIND")} if hasattr(kind, "KIND") else {}  # noqa: B009  # not every record has it
    return lambda value: head | {key: inner(getattr(value, name)) for key, name, inner in fields}
