"""Everything the page sends, parsed once: `parse_event` and `parse_look_up` give one frozen dataclass a request.

Every value is checked against the type its field declares (see `veason.studio.server.fields`): a field without a
default must be there, and a name that no field has is refused. A field's name in JSON is its name here in camel case.
`frame`, `start` and `stop` are frame indices, 0-based in the source video, ranges half-open; pixels are source pixels.
The page's types in `web/contract.d.ts` are written from these classes.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from veason.errors import PromptError, SessionError
from veason.studio.server.fields import AtMost, Between, field_types, has_default, json_name
from veason.studio.server.requests.actions import Actions
from veason.studio.server.requests.edits import Edits
from veason.studio.server.requests.look_ups import (
    EffortsLookUp,
    FrameLookUp,
    PulseLookUp,
    QueueLookUp,
    RemarksLookUp,
    SnapshotLookUp,
    StopLookUp,
    ThumbLookUp,
    UnknownLookUp,
)
from veason.studio.server.requests.models import ModelRequests
from veason.studio.server.requests.signed import Signed
from veason.studio.server.requests.stage import (
    OpenExampleRequest,
    OpenRequest,
    OpenUploadRequest,
    PropagateRequest,
    ThinkRequest,
)
from veason.studio.server.requests.transfer import (
    EnqueueRequest,
    ExportLabelsRequest,
    ExportProjectRequest,
    ExportRequest,
    ExportWorkRequest,
    ImportRequest,
)

Parsed = TypeVar("Parsed")

EVENTS: Mapping[str, tuple[type[Signed], ...]] = {
    "open": get_args(OpenRequest),
    "edit": get_args(Edits),
    "export": get_args(ExportRequest),
    "enqueue": (EnqueueRequest,),
    "take": (ImportRequest,),
    "think": (ThinkRequest,),
    "propagate": (PropagateRequest,),
}
"""The page's events by name, with the requests that each may carry."""

LOOK_UPS: Mapping[str, tuple[type[Signed], ...]] = {
    "frame": (FrameLookUp,),
    "snapshot": (SnapshotLookUp,),
    "stop": (StopLookUp,),
    "unknown": (UnknownLookUp,),
    "pulse": (PulseLookUp,),
    "queue": (QueueLookUp,),
    "thumb": (ThumbLookUp,),
    "remarks": (RemarksLookUp,),
    "efforts": (EffortsLookUp,),
    "act": get_args(Actions),
    "models": get_args(ModelRequests),
}
"""The page's look-ups by name, with the requests that each may carry."""


def parse_event(name: str, sent: object) -> Signed:
    """Return the request that an event of the page carries.

    Raises:
        SessionError: there is no such event, edit or export. PromptError: a value is not of its kind.
    """
    return _parse(EVENTS, name, sent)


def parse_look_up(name: str, sent: object) -> Signed:
    """Return the request that a look-up of the page carries. Raises as `parse_event`."""
    return _parse(LOOK_UPS, name, sent)


def _parse(known: Mapping[str, tuple[type[Signed], ...]], name: str, sent: object) -> Signed:
    if name not in known:
        raise SessionError(f"the page should ask for one of {', '.join(known)}, got {described(name)}")
    if not isinstance(sent, Mapping):
        raise PromptError(f"{name} should come with an object, got {described(sent)}")
    kind = _variant(name, known[name], sent)
    return _record(kind, kind.__name__, sent)


def _variant(name: str, kinds: tuple[type[Signed], ...], sent: Mapping[Any, object]) -> type[Signed]:
    """Return the request among several that is meant: the first whose tags fit and whose own fields are named."""
    if name == "open":
        return OpenExampleRequest if "example" in sent else OpenUploadRequest
    if name == "export":
        if "what" in sent:
            return ExportWorkRequest
        return ExportProjectRequest if sent.get("format") == "project" else ExportLabelsRequest
    if len(kinds) == 1:
        return kinds[0]
    (tag,) = tags_of(kinds[0])
    allowed = {value: kind for kind in kinds for value in tags_of(kind)[tag]}
    value = sent.get(tag)
    if not isinstance(value, str) or value not in allowed:
        raise SessionError(f"{tag} should be one of {', '.join(allowed)}, got {described(value)}")
    return allowed[value]


def tags_of(kind: type[Signed]) -> dict[str, tuple[str, ...]]:
    """Return the fields that tell a request from its like ("edit", "do"), with the values they may have."""
    required = {one.name for one in dataclasses.fields(kind) if one.default is dataclasses.MISSING}
    found = {}
    shape: Any = kind
    for name, wanted in field_types(shape).items():
        if name in required and get_origin(wanted) is Literal:
            found[name] = get_args(wanted)
    return found


@functools.cache
def _shape(kind: Any) -> tuple[dict[str, tuple[str, Any]], frozenset[str]]:
    """Return the fields of a record by their names in JSON, as (name, declared type), and which must be there."""
    declared = {json_name(field): (field, wanted) for field, wanted in field_types(kind).items()}
    required = frozenset(json_name(one.name) for one in dataclasses.fields(kind) if not has_default(one))
    return declared, required


def _record(kind: type[Parsed], name: str, sent: object) -> Parsed:
    """Return the dataclass `kind` with the values of a JSON object."""
    if not isinstance(sent, Mapping):
        raise PromptError(f"{name} should be an object, got {described(sent)}")
    shape: Any = kind
    declared, required = _shape(shape)
    unknown = next((key for key in sent if key not in declared), None)
    if unknown is not None:
        raise PromptError(f"{name} has no field {described(unknown)}: it has {', '.join(declared)}")
    missing = next((key for key in declared if key in required and key not in sent), None)
    if missing is not None:
        raise PromptError(f"{name} should name {missing}, got an object without it")
    given = {declared[key][0]: _value(declared[key][1], str(key), value) for key, value in sent.items()}
    return kind(**given)


def _value(wanted: Any, name: str, sent: object, bounds: tuple[Any, ...] = ()) -> Any:
    """Return a value of a declared type."""
    origin = get_origin(wanted)
    if origin is Annotated:
        inner, *more = get_args(wanted)
        return _value(inner, name, sent, tuple(more))
    if origin in (Union, types.UnionType):
        (inner,) = [one for one in get_args(wanted) if one is not types.NoneType]
        return None if sent is None else _value(inner, name, sent, bounds)
    if origin is Literal:
        return _one_of(get_args(wanted), name, sent)
    if origin is tuple:
        return _entries(get_args(wanted), name, sent, bounds)
    if dataclasses.is_dataclass(wanted):
        return _record(wanted, name, sent)  # type: ignore[arg-type]
    if wanted is str:
        return _text(name, sent, bounds)
    if wanted is bool:
        if not isinstance(sent, bool):
            raise PromptError(f"{name} should be true or false, got {described(sent)}")
        return sent
    return _number(wanted, name, sent, bounds)


def _one_of(allowed: tuple[object, ...], name: str, sent: object) -> object:
    found = next((one for one in allowed if type(one) is type(sent) and one == sent), allowed)
    if found is allowed:
        raise PromptError(f"{name} should be one of {', '.join(map(str, allowed))}, got {described(sent)}")
    return found


def _number(wanted: type, name: str, sent: object, bounds: tuple[Any, ...]) -> float:
    is_whole = wanted is int
    kind = "a whole number" if is_whole else "a number"
    if isinstance(sent, bool) or not isinstance(sent, int if is_whole else (int, float)):
        raise PromptError(f"{name} should be {kind}, got {described(sent)}")
    between = next(one for one in bounds if isinstance(one, Between))
    if not between.low <= sent <= between.high:  # NaN is neither
        raise PromptError(f"{name} should be {kind} from {between.low} to {between.high}, got {described(sent)}")
    return sent if is_whole else float(sent)


def _text(name: str, sent: object, bounds: tuple[Any, ...]) -> str:
    most = next(one for one in bounds if isinstance(one, AtMost)).count
    if not isinstance(sent, str) or len(sent) > most:
        raise PromptError(f"{name} should be text of at most {most} characters, got {described(sent)}")
    if "\0" in sent or any("\ud800" <= letter <= "\udfff" for letter in sent):
        raise PromptError(f"{name} should be text that can be written to a file, got half a character or a zero byte")
    return sent


def _entries(wanted: tuple[Any, ...], name: str, sent: object, bounds: tuple[Any, ...]) -> tuple[Any, ...]:
    is_open = len(wanted) == 2 and wanted[1] is Ellipsis
    if not isinstance(sent, list | tuple):
        raise PromptError(f"{name} should be a list, got {described(sent)}")
    if is_open:
        most = next(one for one in bounds if isinstance(one, AtMost)).count
        if len(sent) > most:
            raise PromptError(f"{name} should be a list of at most {most}, got {described(sent)}")
        return tuple(_value(wanted[0], f"{name}[{place}]", one) for place, one in enumerate(sent))
    if len(sent) != len(wanted):
        raise PromptError(f"{name} should be a list of {len(wanted)}, got {described(sent)}")
    return tuple(
        _value(kind, f"{name}[{place}]", one) for place, (kind, one) in enumerate(zip(wanted, sent, strict=True))
    )


def described(value: object) -> str:
    """Return what came, in a few words: short whatever it is.

    >>> described(True), described([1, 2]), described("x" * 99), described(10**400)
    ('true', 'a list of 2', 'text of 99 characters', 'a number beyond all bounds')
    """
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 1 << 64 else "a number beyond all bounds"
    if isinstance(value, float):
        return str(value)
    if isinstance(value, str):
        is_short = len(value) <= 40 and value.isprintable()
        return repr(value) if is_short else f"text of {len(value)} characters"
    return f"a list of {len(value)}" if isinstance(value, Sequence) else "an object"
