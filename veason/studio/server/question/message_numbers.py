"""Numbers of the messages about a question, by which a tab notices that one was lost."""

from __future__ import annotations

import threading
from collections import Counter


class MessageNumbers:
    """Counts the messages about one question to each tab, from 1 on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: Counter[str] = Counter()

    def next(self, tab: str) -> int:
        """Return the number of the next message to a tab; no two get the same, whatever threads ask."""
        with self._lock:
            self._sent[tab] += 1
            return self._sent[tab]
