"""Work that tells how far it is: done in a thread, so that the page hears of it meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from veason.studio.server.wire import Message, message
from veason.types import OnProgress

TELL_S = 0.2
"""The page hears of progress this often at most."""

Made = TypeVar("Made")


def telling_progress(
    work: Callable[[OnProgress], Made], unit: str, every_s: float = TELL_S
) -> Generator[Message, None, Made]:
    """Do `work`, yield messages of how many of its parts (`unit`, as "frames") are done, and return what it made.

    The page is told every `every_s` seconds at most. Whatever `work` raises is raised here.
    """
    told: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(work, lambda done, count: told.put((done, count)))
        making.add_done_callback(lambda _: told.put(None))
        last = time.monotonic()
        for done, count in iter(told.get, None):
            if time.monotonic() - last >= every_s:
                last = time.monotonic()
                yield message(None, {"kind": "written", "done": done, "count": count, "unit": unit})
    return making.result()
