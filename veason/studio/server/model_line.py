"""Who uses the models: one at a time, visitors in turn, and all of them before the background."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from veason.errors import SessionError

MOST_WAITING = 3
"""So many requests of one visitor wait at a time; who asks for more is told so."""


class ModelLine:
    """The line for the models: one user at a time, visitors in turn and before the background.

    Who has many requests waiting holds up another visitor for one of them at most.
    """

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._is_used = False
        self._waiting: OrderedDict[str, deque[object]] = OrderedDict()
        """Requests by visitor; whose turn is next stands first."""

    @property
    def num_waiting(self) -> int:
        """How many requests wait."""
        with self._free:
            return sum(len(requests) for requests in self._waiting.values())

    @contextmanager
    def visitor(self, who: str = "", most: int | None = MOST_WAITING) -> Iterator[None]:
        """Use the models in turn, once the frame or answer that the background is at is done.

        Args:
            who: tells visitors apart.
            most: so many requests of `who` may wait, None for any number.

        Raises:
            SessionError: more wait already.
        """
        request = object()
        with self._free:
            own = self._waiting.get(who, ())
            if most is not None and len(own) >= most:
                raise SessionError(
                    f"{len(own)} of your requests wait for the models already: let one of them end first"
                )
            self._waiting.setdefault(who, deque()).append(request)
            try:
                while self._is_used or self._next() is not request:
                    self._free.wait()
                self._is_used = True
            finally:
                self._leave(who, request)
        with self._giving_back():
            yield

    @contextmanager
    def background(self) -> Iterator[None]:
        """Use the models once no visitor uses or awaits them."""
        with self._free:
            while self._is_used or self._waiting:
                self._free.wait()
            self._is_used = True
        with self._giving_back():
            yield

    def _next(self) -> object:
        return next(iter(self._waiting.values()))[0]

    def _leave(self, who: str, request: object) -> None:
        """Take a request out of the line; the visitor's next one waits behind everybody else's."""
        self._waiting[who].remove(request)
        if self._waiting[who]:
            self._waiting.move_to_end(who)
        else:
            del self._waiting[who]
        self._free.notify_all()

    @contextmanager
    def _giving_back(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._free:
                self._is_used = False
                self._free.notify_all()
