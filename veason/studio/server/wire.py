"""What the server sends to the page: messages of items, and errors told in words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from veason.errors import VeasonError
from veason.studio.server import render
from veason.studio.server.render import Item
from veason.studio.server.store import Work

Message = dict[str, Any]

Handler = Callable[[Any, Any], Iterator[Message]]
"""A method that takes what the page sent and yields messages."""


def message(work: Work | None, *items: Item) -> Message:
    """Return one message to the page."""
    return {"work": None if work is None else work.id, "items": list(items)}


def telling(after: Callable[[VeasonError], list[Item]]) -> Callable[[Handler], Handler]:
    """Return a decorator that shows a VeasonError as a notice, then `after(error)`; anything else fails loudly."""

    def told(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def guarded(self: Any, data: Any) -> Iterator[Message]:
            try:
                yield from handler(self, data)
            except VeasonError as error:
                yield message(None, render.notice(str(error)), *after(error))

        return guarded

    return told
