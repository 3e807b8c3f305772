"""Everything the server sends to the page: one frozen dataclass a kind of item, reply and part of them.

A field's name in JSON is its name here in camel case (see `veason.studio.server.encode`). `frame`, `start` and `stop`
are frame indices, 0-based in the source video, ranges half-open; boxes are half-open xyxy in source pixels; masks are
compressed COCO run-length code at the video's size. The page's types in `web/contract.d.ts` are written from these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, get_args

from veason.studio.server.messages.files import (
    AddedItem,
    ExportedItem,
    FileItem,
    NoticeItem,
    TransferredItem,
    WrittenItem,
)
from veason.studio.server.messages.labels import OpenedItem, RangeItem, RefusedItem, SessionItem, TakenItem, UnsavedItem
from veason.studio.server.messages.masks import (
    BusyItem,
    DoubtItem,
    IdleItem,
    MasksItem,
    PaceItem,
    PropagatingItem,
    QueuedItem,
    SettledItem,
)
from veason.studio.server.messages.thinking import (
    AnsweredItem,
    BoxItem,
    FindingsItem,
    KeyframeItem,
    MentionItem,
    ProposalsItem,
    RecalledItem,
    SamplingItem,
    ShownItem,
    ThinkingItem,
    ThoughtItem,
    UnansweredItem,
    WithheldItem,
)

Item: TypeAlias = (
    OpenedItem
    | SessionItem
    | RangeItem
    | TakenItem
    | RefusedItem
    | UnsavedItem
    | ThinkingItem
    | ShownItem
    | ThoughtItem
    | MentionItem
    | KeyframeItem
    | BoxItem
    | AnsweredItem
    | UnansweredItem
    | WithheldItem
    | SamplingItem
    | RecalledItem
    | ProposalsItem
    | FindingsItem
    | QueuedItem
    | PropagatingItem
    | SettledItem
    | MasksItem
    | DoubtItem
    | PaceItem
    | BusyItem
    | IdleItem
    | NoticeItem
    | FileItem
    | ExportedItem
    | AddedItem
    | WrittenItem
    | TransferredItem
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Items for the page, in order.

    Attributes:
        work: the open question they are about, null where they are about none.
        items: what there is to tell.
        epoch: tells this run of the server from the ones before.
        serial: no two messages are equal.
        revision: counts the messages about the question to the tab; a gap means that one was lost.
    """

    work: str | None
    items: Sequence[Item]
    epoch: str = ""
    serial: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """The look-up could not be answered, in words."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureReply:
    """A picture as a JPEG data URL."""

    jpeg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseReply:
    """Whether labels were changed elsewhere since the tab last looked."""

    is_behind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReply:
    """Whether anything ran that was stopped."""

    was_running: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownReply:
    """The words that the policy has never been trained on."""

    words: Sequence[str]


ITEMS: tuple[type, ...] = get_args(Item)
"""Every kind of item."""
