"""Everything the page sends, parsed once: `parse_event` and `parse_look_up` give one frozen dataclass a request.

A field's name in JSON is its name here in camel case (see `veason.studio.server.decode`). `frame`, `start` and `stop`
are frame indices, 0-based in the source video, ranges half-open; pixels are source pixels. The page's types in
`web/contract.d.ts` are written from these classes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from veason.errors import PromptError, SessionError
from veason.studio.server.decode import decode, described, field_types
from veason.studio.server.requests.actions import Actions
from veason.studio.server.requests.edits import Edits
from veason.studio.server.requests.look_ups import (
    FrameLookUp,
    PulseLookUp,
    QueueLookUp,
    RemarksLookUp,
    SnapshotLookUp,
    StopLookUp,
    ThumbLookUp,
    UnknownLookUp,
)
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
    "act": get_args(Actions),
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


def _parse(doors: Mapping[str, tuple[type[Signed], ...]], name: str, sent: object) -> Signed:
    if name not in doors:
        raise SessionError(f"the page should ask for one of {', '.join(doors)}, got {described(name)}")
    if not isinstance(sent, Mapping):
        raise PromptError(f"{name} should come with an object, got {described(sent)}")
    return decode(_variant(name, doors[name], sent), sent)


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
