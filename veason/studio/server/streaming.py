"""Items that come one by one -> messages, not more than the page can draw."""

from __future__ import annotations

import time
from collections.abc import Iterator

from veason.studio.server.messages import Item, Message
from veason.studio.server.question.open_question import OpenQuestion

BATCH_S = 0.05
"""Items are gathered for this long: gradio renders no faster, and a browser that is fed faster falls behind."""


def in_batches(question: OpenQuestion, items: Iterator[Item]) -> Iterator[Message]:
    """Gather items for BATCH_S before they are sent; end early when the visitor stops."""
    batch: list[Item] = []
    sent = 0.0
    try:
        for item in items:
            batch.append(item)
            if question.job.is_stopping:
                break
            if time.monotonic() - sent > BATCH_S:
                yield Message(work=question.id, items=tuple(batch))
                batch, sent = [], time.monotonic()
    finally:
        items.close()  # type: ignore[attr-defined]  # every caller passes a generator
    if batch:
        yield Message(work=question.id, items=tuple(batch))
