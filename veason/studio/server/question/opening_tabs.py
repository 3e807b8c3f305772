"""Videos that tabs of browsers are opening, so that each can be given up by the tab that asked for it."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class OpeningTabs:
    """The videos that are being opened, by tab."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: defaultdict[str, set[threading.Event]] = defaultdict(set)

    @contextmanager
    def opening(self, tab: str) -> Iterator[Callable[[], bool]]:
        """Note for the block that a tab opens a video; gives what says whether it gave that up."""
        cancelled = threading.Event()
        with self._lock:
            self._running[tab].add(cancelled)
        try:
            yield cancelled.is_set
        finally:
            with self._lock:
                self._running[tab].discard(cancelled)
                if not self._running[tab]:
                    del self._running[tab]

    def cancel(self, tab: str) -> bool:
        """Give up what a tab is opening; tell whether there was anything. A tab without a name opens for nobody."""
        with self._lock:
            running = list(self._running.get(tab, ())) if tab else []
        for cancelled in running:
            cancelled.set()
        return bool(running)
