"""Progress of work that takes its time: it runs in a thread, so that the page hears of it meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from veason.studio.server.messages import Message
from veason.studio.server.messages.files import WrittenItem
from veason.types import OnProgress

REPORT_S = 0.2
"""The page hears of progress this often at most."""

Made = TypeVar("Made")


def run_with_progress(
    make: Callable[[OnProgress], Made], unit: str, every_s: float = REPORT_S
) -> Generator[Message, None, Made]:
    """Run `make`, yield messages of how many of its parts (`unit`, as "frames") are done, and return what it made.

    The page is told every `every_s` seconds at most. Whatever it raises is raised here.
    """
    reports: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(make, lambda done, count: reports.put((done, count)))
        making.add_done_callback(lambda _: reports.put(None))
        last = time.monotonic()
        for done, count in iter(reports.get, None):
            if time.monotonic() - last >= every_s:
                last = time.monotonic()
                yield Message(work=None, items=(WrittenItem(done=done, count=count, unit=unit),))
    return making.result()
