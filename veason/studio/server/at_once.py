"""How much goes on at once, of all visitors and of one: what is beyond is refused, and holds up nobody."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from veason.errors import SessionError


class AtOnce:
    """Counts what goes on by visitor.

    Args:
        what: the noun for it in the plural, for whoever is refused.
        most: so much of it of all visitors together.
        most_each: so much of one visitor.
    """

    def __init__(self, what: str, most: int, most_each: int) -> None:
        self._what, self._most, self._most_each = what, most, most_each
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    @contextmanager
    def one_more(self, who: str) -> Iterator[None]:
        """Count the block as one more of a visitor.

        Raises:
            SessionError: there are as many already as there may be.
        """
        with self._lock:
            if self._running[who] >= self._most_each:
                raise SessionError(f"{self._most_each} {self._what} of yours are going on: let one of them end first")
            if self._running.total() >= self._most:
                raise SessionError(f"the server is busy with {self._what} of others: try again in a moment")
            self._running[who] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[who] -= 1
                if not self._running[who]:
                    del self._running[who]
