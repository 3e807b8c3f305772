"""The types of requests, messages and replies in TypeScript, for the checker of the page.

python -m veason.studio.server.contract > veason/studio/web/contract.d.ts
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from veason.studio.server.fields import field_types, has_default, json_name
from veason.studio.server.messages import ITEMS, ErrorReply, Message, PictureReply, PulseReply, StopReply, UnknownReply
from veason.studio.server.messages.about import About
from veason.studio.server.messages.models import ModelsReply
from veason.studio.server.messages.queue import (
    AssignedReply,
    CopiedReply,
    DecidedReply,
    EffortsReply,
    ManyReply,
    PrelabelReply,
    QueueNewsReply,
    QueueReply,
    RemarksReply,
    RulesReply,
    StatusReply,
)
from veason.studio.server.requests import EVENTS, LOOK_UPS, actions, look_ups, models

HEAD = """// Written by `python -m veason.studio.server.contract`: change the dataclasses there, not this file.
"""

REPLIES: Mapping[type, tuple[type, ...]] = {
    look_ups.FrameLookUp: (PictureReply,),
    look_ups.SnapshotLookUp: (Message,),
    look_ups.StopLookUp: (StopReply,),
    look_ups.UnknownLookUp: (UnknownReply,),
    look_ups.PulseLookUp: (PulseReply,),
    look_ups.QueueLookUp: (QueueReply, QueueNewsReply),
    look_ups.ThumbLookUp: (PictureReply,),
    look_ups.RemarksLookUp: (RemarksReply,),
    look_ups.EffortsLookUp: (EffortsReply,),
    actions.PrelabelAction: (PrelabelReply,),
    actions.DecideAction: (DecidedReply,),
    actions.JudgeAction: (StatusReply,),
    actions.FramesAction: (StatusReply,),
    actions.AssignAction: (AssignedReply,),
    actions.RemarkAction: (StatusReply,),
    actions.ResolveAction: (StatusReply,),
    models.ListModels: (ModelsReply,),
    models.ChooseModel: (ModelsReply,),
    models.ConnectServer: (ModelsReply,),
    models.CancelModelWork: (ModelsReply,),
    actions.RenameAction: (StatusReply,),
    actions.DuplicateAction: (CopiedReply,),
    actions.DeleteAction: (ManyReply,),
    actions.DecideManyAction: (ManyReply,),
    actions.AssignManyAction: (ManyReply,),
    actions.RulesAction: (RulesReply,),
}
"""What each look-up is answered with; any of them but a snapshot with an ErrorReply too."""

_SCALARS = {str: "string", bool: "boolean", int: "number", float: "number"}


def declaration() -> str:
    """Return the text of `contract.d.ts`."""
    requests = [kind for kinds in (*EVENTS.values(), *LOOK_UPS.values()) for kind in kinds]
    replies = [kind for kinds in REPLIES.values() for kind in kinds]
    records = _reachable([*ITEMS, Message, *requests, *replies, ErrorReply, About])
    parts = [HEAD, *(_interface(kind) for kind in records)]
    parts.append(f"export type Item =\n{_union(ITEMS)};\n")
    parts.append(_table("Events", "What each event of the page carries.", EVENTS))
    parts.append(_functions())
    return "\n".join(parts)


def described_fields(kind: type) -> dict[str, str]:
    """Return what the docstring's `Attributes` say of each field, by its name."""
    lines = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", lines, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


def _reachable(kinds: Sequence[type]) -> list[type]:
    """Return the records with their bases and those that their fields hold, each once, the inner ones first."""
    found: dict[type, None] = {}

    def visit(wanted: Any) -> None:
        for inner in get_args(wanted):
            visit(inner)
        if isinstance(wanted, type) and dataclasses.is_dataclass(wanted) and wanted not in found:
            for one in (wanted.__base__, *field_types(wanted).values()):
                visit(one)
            found[wanted] = None

    for kind in kinds:
        visit(kind)
    return list(found)


def _interface(kind: type) -> str:
    docs = described_fields(kind)
    first = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
    base = kind.__base__ if dataclasses.is_dataclass(kind.__base__) else None
    extends = f" extends {base.__name__}" if base is not None else ""
    lines = [f"/** {first} */", f"export interface {kind.__name__}{extends} {{"]
    if hasattr(kind, "KIND"):
        lines.append(f'  kind: "{kind.KIND}";')
    fields = {one.name: one for one in dataclasses.fields(kind)}
    own = {name: wanted for name, wanted in field_types(kind).items() if name in kind.__annotations__}
    for name, wanted in own.items():
        mark = "?" if has_default(fields[name]) and kind is not Message else ""
        note = f"  /** {docs[name]} */\n" if name in docs else ""
        lines.append(f"{note}  {json_name(name)}{mark}: {_type(wanted)};")
    if kind in {one for kinds in REPLIES.values() for one in kinds} and kind is not Message:
        lines.append("  error?: undefined;")
    return "\n".join([*lines, "}", ""])


def _type(wanted: Any) -> str:
    """Return a declared type in TypeScript."""
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Annotated:
        return _type(parts[0])
    if origin in (Union, types.UnionType):
        return " | ".join("null" if one is types.NoneType else _type(one) for one in parts)
    if origin is Literal:
        return " | ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in parts)
    if origin is Mapping:
        return f"Record<{_type(parts[0])}, {_type(parts[1])}>"
    if origin is Sequence or (origin is tuple and parts[-1] is Ellipsis):
        return f"Array<{_type(parts[0])}>"
    if origin is tuple:
        return f"[{', '.join(_type(one) for one in parts)}]"
    return _SCALARS.get(wanted) or wanted.__name__


def _union(kinds: Sequence[type], indent: int = 2) -> str:
    return "\n".join(f"{' ' * indent}| {kind.__name__}" for kind in kinds)


def _table(name: str, about: str, kinds_by_name: Mapping[str, Sequence[type]]) -> str:
    rows = [f"  {key}:\n{_union(kinds, 4)};" for key, kinds in kinds_by_name.items()]
    return "\n".join([f"/** {about} */", f"export interface {name} {{", *rows, "}", ""])


def _functions() -> str:
    """Return the look-ups as functions; one that takes several kinds of request has an overload for each."""
    lines = ["/** The look-ups of the page. */", "export interface LookUps {"]
    for name, kinds in LOOK_UPS.items():
        for kind in kinds:
            failing = () if REPLIES[kind] == (Message,) else (ErrorReply,)
            told = " | ".join(one.__name__ for one in (*REPLIES[kind], *failing))
            lines.append(f"  {name}(request: {kind.__name__}): Promise<{told}>;")
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    print(declaration(), end="")
