"""Plain values and back: what a project's rows hold of an annotation, as JSON can."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from veason.annotation.state import Place
from veason.errors import ProjectError, VeasonError


def to_json(value: Any) -> str:
    """Return compact JSON of a dataclass, mapping, sequence, set or plain value."""
    return compact(plain(value))


def compact(value: Any) -> str:
    """Return compact JSON of plain values, as `plain` makes them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """Return the value in lists, dictionaries and plain values; a dataclass becomes a dictionary of its fields."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def rebuild(kind: Any, value: Any) -> Any:
    """Return what `plain` made plain again as a value of type `kind`, which may be a dataclass or a generic type.

    >>> from veason.types import Box
    >>> rebuild(Box, plain(Box(1, 2, 3, 4)))
    Box(x1=1, y1=2, x2=3, y2=4)
    >>> rebuild(tuple[int, ...], [1, 2])
    (1, 2)

    Raises:
        ProjectError: the value does not fit the type.
    """
    try:
        return _rebuild(kind, value)
    except (KeyError, TypeError, ValueError, VeasonError) as error:
        raise ProjectError(f"the project holds a {getattr(kind, '__name__', kind)} that cannot be read: {error}") from (
            error
        )


def _rebuild(kind: Any, value: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = _hints(kind)
        return kind(**{name: _rebuild(hints[name], item) for name, item in value.items()})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _rebuild(next(argument for argument in arguments if argument is not type(None)), value)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_rebuild(arguments[0], item) for item in value)
        return tuple(_rebuild(argument, item) for argument, item in zip(arguments, value, strict=True))
    if origin is frozenset:
        return frozenset(_rebuild(arguments[0], item) for item in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {_rebuild(arguments[0], key): _rebuild(arguments[1], item) for key, item in value.items()}
    return int(value) if kind is int else value


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def pack_places(places: Iterable[Place]) -> list[list[int]]:
    """Return `[object id, first frame, frame after the last]` of each run, in order.

    >>> pack_places({(1, 4), (1, 5), (2, 5)})
    [[1, 4, 6], [2, 5, 6]]
    """
    runs: list[list[int]] = []
    for object_id, frame_index in sorted(places):
        if runs and runs[-1][0] == object_id and runs[-1][2] == frame_index:
            runs[-1][2] += 1
        else:
            runs.append([object_id, frame_index, frame_index + 1])
    return runs


def unpack_places(runs: Iterable[Sequence[int]]) -> frozenset[Place]:
    """Return the places of runs.

    >>> sorted(unpack_places([[1, 4, 6]]))
    [(1, 4), (1, 5)]
    """
    return frozenset((object_id, at) for object_id, start, stop in runs for at in range(start, stop))
