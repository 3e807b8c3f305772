"""Events and look-ups of the page, each kind with a hostile value in each field, made from their declarations."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from veason.studio.server.fields import field_types, has_default, json_name
from veason.studio.server.requests import EVENTS, LOOK_UPS

WRONG: dict[str, Any] = {
    "nan": float("nan"),
    "infinite": float("inf"),
    "beyond 64 bits": 2**70,
    "below zero": -(2**40),
    "nothing": None,
    "no text": "",
    "a path": "/etc/passwd",
    "a way out": "../../../etc/passwd",
    "a page": "<img src=x onerror=alert(1)>",
    "half a letter": "\ud800",
    "a zero byte": "a\0b",
    "letters that turn round": "\u202e\u2066\u0000a",
    "a long text": "a" * 500_000,
    "a statement": "'; DROP TABLE questions; --",
    "a list": [],
    "a list of lists": [[[[[]]]]],
    "an object": {"__class__": "x", "path": "/etc/passwd"},
    "yes": True,
    "a formula": '=HYPERLINK("http://x")',
}


def hostile_requests(work: str, key: str) -> Iterator[tuple[str, str, str, Any]]:
    """Yield (door, name, what is wrong, what is sent) for every kind of event and look-up and every field."""
    for door, kinds_by_name in (("event", EVENTS), ("look-up", LOOK_UPS)):
        for name, kinds in kinds_by_name.items():
            for kind in kinds:
                right = {**_right(kind), "work": work, "project": key, "tab": "a"}
                yield door, name, f"{kind.__name__} as it should be", right
                for number, field in enumerate(field_types(kind)):
                    for offset in (0, 1):
                        told = list(WRONG)[(7 * number + 5 * offset + len(name)) % len(WRONG)]
                        sent = {**right, json_name(field): WRONG[told]}
                        yield door, name, f"{kind.__name__}.{field}: {told}", sent
            yield door, name, "another's question", {**right, "work": "A" * 16 + ".1", "project": "A" * 16}
            yield door, name, "a key with a way out", {**right, "work": "../../x.1", "project": "../.."}
            for told, sent in (
                ("a list", []),
                ("nothing", None),
                ("a text", "x"),
                ("an unknown field", {"__proto__": 1}),
            ):
                yield door, name, told, sent


def _right(kind: type) -> dict[str, Any]:
    """Return JSON with a plausible value for every field that must be there."""
    wanted = field_types(kind)
    return {
        json_name(one.name): _plausible(wanted[one.name]) for one in dataclasses.fields(kind) if not has_default(one)
    }  # type: ignore[arg-type]


def _plausible(wanted: Any) -> Any:
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return _plausible(parts[0])
    if origin is Literal:
        return parts[0]
    if origin in (Union, types.UnionType):
        return _plausible(parts[0])
    if origin is tuple:
        return [] if parts[-1] is Ellipsis else [_plausible(part) for part in parts]
    if dataclasses.is_dataclass(wanted):
        return _right(wanted)  # type: ignore[arg-type]
    return {str: "a", bool: False, int: 1, float: 1.0}[wanted]
