"""Who uses the models: visitors in turn, and all of them before the background."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from veason.errors import SessionError

MOST_WAITING = 3
"""So many requests of one visitor wait at a time; who asks for more is told so."""

MOST_IN_LINE = 128
"""So many requests of all visitors wait at a time; whoever comes then is told to come again."""

_NEWEST_SHARE = 0.3
"""How much the last request of a kind counts for how long the next one is expected to take."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request stands in the line.

    Attributes:
        ahead: requests that are served before it, those being served included.
        seconds: how long that is likely to take, None where it is not known yet.
    """

    ahead: int
    seconds: float | None


@dataclass(eq=False, slots=True)
class _Request:
    who: str
    kind: str
    expected_s: float | None
    began: float | None = field(default=None)


class Ticket:
    """A request in the line; made by `ModelLine.ticket`."""

    def __init__(self, line: ModelLine, request: _Request) -> None:
        self._line, self._request = line, request

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the models, and tell whether they are there; None waits for as long as it takes."""
        return self._line.wait(self._request, timeout_s)

    @property
    def place(self) -> Place:
        """Where the request stands now."""
        return self._line.place(self._request)


class ModelLine:
    """The line for the models: as many users at a time as there are workers, visitors in turn, before the background.

    Who has many requests waiting holds up another visitor for one of them at most.

    Args:
        workers: how many requests are served at a time.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._free = threading.Condition()
        self._served: set[object] = set()
        self._waiting: OrderedDict[str, deque[_Request]] = OrderedDict()
        """Requests by visitor; whose turn is next stands first."""
        self._paces: dict[str, float] = {}
        """Seconds that requests of a kind take."""

    @property
    def num_waiting(self) -> int:
        """How many requests wait."""
        with self._free:
            return sum(len(requests) for requests in self._waiting.values())

    @contextmanager
    def ticket(
        self, who: str, kind: str, expected_s: float | None = None, *, most: int | None = MOST_WAITING
    ) -> Iterator[Ticket]:
        """Stand in the line for the block; once `wait` has told True the models are the block's until it ends.

        Args:
            who: tells visitors apart.
            kind: tells apart requests that take about equally long.
            expected_s: how long it is likely to take; None for as long as the last ones of its kind.
            most: so many requests of `who` may wait, None for any number.

        Raises:
            SessionError: more wait already, of the visitor or of all.
        """
        request = _Request(who, kind, expected_s)
        with self._free:
            self._check_room(who, most)
            self._waiting.setdefault(who, deque()).append(request)
        try:
            yield Ticket(self, request)
        finally:
            with self._free:
                if request in self._served:
                    self._give_back(request)
                else:
                    self._leave(request)

    @contextmanager
    def background(self) -> Iterator[None]:
        """Use the models once no visitor uses or awaits them."""
        own = object()
        with self._free:
            while self._served or self._waiting:
                self._free.wait()
            self._served.add(own)
        try:
            yield
        finally:
            with self._free:
                self._served.discard(own)
                self._free.notify_all()

    def wait(self, request: _Request, timeout_s: float | None) -> bool:
        """Wait until a request has the models, or for so many seconds; tell whether it has them."""
        with self._free:
            if request not in self._served and self._free.wait_for(lambda: self._is_next(request), timeout_s):
                self._leave(request)
                self._served.add(request)
                request.began = time.monotonic()
            return request in self._served

    def place(self, request: _Request) -> Place:
        """Return where a request stands."""
        with self._free:
            order = self._order()
            before = order[: order.index(request)] if request in order else []
            served = [one for one in self._served if isinstance(one, _Request) and one is not request]
            now = time.monotonic()
            costs = [(self._expected(one), 0.0 if one.began is None else now - one.began) for one in (*served, *before)]
            ahead = len(before) + len(self._served - {request})
        if any(expected is None for expected, _ in costs):
            return Place(ahead, None)
        left = sum(max(0.0, (expected or 0.0) - spent) for expected, spent in costs)
        return Place(ahead, left / self._workers)

    def _check_room(self, who: str, most: int | None) -> None:
        own = len(self._waiting.get(who, ()))
        if most is not None and own >= most:
            raise SessionError(f"{own} of your requests wait for the models already: let one of them end first")
        if sum(map(len, self._waiting.values())) >= MOST_IN_LINE:
            raise SessionError("very many wait for the models at the moment: try again in a few minutes")

    def _order(self) -> list[_Request]:
        """Return the requests that wait in the order in which they are served: one of each visitor, then the next."""
        lines = list(self._waiting.values())
        most = max(map(len, lines), default=0)
        return [line[place] for place in range(most) for line in lines if place < len(line)]

    def _is_next(self, request: _Request) -> bool:
        return len(self._served) < self._workers and self._order()[0] is request

    def _leave(self, request: _Request) -> None:
        """Take a request out of the line; the visitor's next one waits behind everybody else's."""
        own = self._waiting[request.who]
        is_first = own[0] is request
        own.remove(request)
        if not own:
            del self._waiting[request.who]
        elif is_first:
            self._waiting.move_to_end(request.who)
        self._free.notify_all()

    def _give_back(self, request: _Request) -> None:
        self._served.discard(request)
        took = time.monotonic() - (request.began or time.monotonic())
        before = self._paces.get(request.kind, took)
        self._paces[request.kind] = (1 - _NEWEST_SHARE) * before + _NEWEST_SHARE * took
        self._free.notify_all()

    def _expected(self, request: _Request) -> float | None:
        return request.expected_s if request.expected_s is not None else self._paces.get(request.kind)
