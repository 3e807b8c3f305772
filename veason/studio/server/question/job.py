"""The long job of a question: thinking or propagating, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

ENDING_S = 3.0
"""For how long a stopped job is waited for when the server ends."""


@dataclass(eq=False, slots=True)
class _Begun:
    """A job that runs or waits.

    Attributes:
        tab: whose it is.
        gives_way: nobody asked for it: it stops no job that a person asked for.
        stop: stops it.
    """

    tab: str | None
    gives_way: bool
    stop: threading.Event = field(default_factory=threading.Event)


class Job:
    """At most one job runs; a new one stops those before it and waits for their end.

    One that gives way stops only others that do: where a person has asked for what runs or waits it does not begin.
    Each is stopped by an event of its own, so that stopping reaches one that still waits for its turn.
    """

    def __init__(self) -> None:
        self._running = threading.Lock()
        self._lock = threading.Lock()
        self._begun: list[_Begun] = []
        """Each job that runs or waits, in the order they came."""
        self._stop = threading.Event()
        """What stops the one that runs, or ran last."""

    @property
    def is_stopping(self) -> bool:
        """True once the running job has been stopped, and until the next one begins."""
        return self._stop.is_set()

    @property
    def is_running(self) -> bool:
        """True while a job is at work or waits for its turn."""
        return bool(self._begun)

    def stop(self) -> None:
        """Ask the running job to end after the current frame or token, and those that wait not to begin."""
        with self._lock:
            for one in self._begun:
                one.stop.set()

    def is_followed(self, stop: threading.Event, tab: str | None) -> bool:
        """Tell whether another job of the tab runs or waits, beside those that came before the one in hand.

        Args:
            stop: the event of the one in hand, as `run` gave it.
            tab: whose jobs are looked at; one without a name has none.
        """
        with self._lock:
            own = next((number for number, one in enumerate(self._begun) if one.stop is stop), -1)
            return bool(tab) and any(one.tab == tab for one in self._begun[own + 1 :])

    @contextmanager
    def run(self, tab: str | None = None, *, gives_way: bool = False) -> Iterator[threading.Event]:
        """Run the block as the job once those before it have ended; the event is set once it has been stopped.

        That may be before it began: then there is nothing to do.

        Args:
            tab: whose job it is.
            gives_way: nobody asked for it; it is stopped at once where a job that a person asked for goes on.
        """
        own = _Begun(tab, gives_way)
        if not self._begin(own):
            yield own.stop
            return
        try:
            with self._running:
                self._stop = own.stop
                yield own.stop
        finally:
            own.stop.set()
            with self._lock:
                self._begun.remove(own)

    def _begin(self, own: _Begun) -> bool:
        """Stop the jobs before `own`, or `own` where it gives way to one of them; tell whether it may run."""
        with self._lock:
            if own.gives_way and any(not one.gives_way and not one.stop.is_set() for one in self._begun):
                own.stop.set()
                return False
            for one in self._begun:
                one.stop.set()
            self._begun.append(own)
            return True

    @contextmanager
    def ended(self) -> Iterator[bool]:
        """Keep jobs from beginning in the block; tell whether the one that was stopped has ended.

        A job whose messages nobody fetches any more, because the server ended first, stands still for ever: it is
        waited for no longer than a frame takes.
        """
        is_over = self._running.acquire(timeout=ENDING_S)
        try:
            yield is_over
        finally:
            if is_over:
                self._running.release()
