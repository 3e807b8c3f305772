"""Numbers of the messages that a tab gets about a question, by which it notices that one was lost."""

from __future__ import annotations

import threading
from collections import OrderedDict

KEPT = 4096
"""So many pairs of a question and a tab are remembered."""


class Revisions:
    """Counts messages by question and tab, in bounded memory.

    A tab that was forgotten goes on with a higher number than it has seen, whatever that was: it takes the gap for a
    lost message, and asks for everything anew.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._highest_forgotten = 0

    def next(self, work_id: str, tab: str) -> int:
        """Return the number of one more message about a question to a tab."""
        with self._lock:
            number = self._last.pop((work_id, tab), self._highest_forgotten) + 1
            self._last[work_id, tab] = number
            while len(self._last) > self._kept:
                _, forgotten = self._last.popitem(last=False)
                self._highest_forgotten = max(self._highest_forgotten, forgotten)
            return number
