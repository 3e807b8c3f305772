"""The long job of a question: thinking or propagating, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDING_S = 3.0
"""For how long a stopped job is waited for when the server ends."""


class Job:
    """At most one job runs; a new one stops those before it and waits for their end.

    Each is stopped by an event of its own, so that stopping reaches one that still waits for its turn.
    """

    def __init__(self) -> None:
        self._running = threading.Lock()
        self._lock = threading.Lock()
        self._begun: list[threading.Event] = []
        """What stops each job that runs or waits, in the order they came."""
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
            for stop in self._begun:
                stop.set()

    @contextmanager
    def run(self) -> Iterator[threading.Event]:
        """Run the block as the job once those before it have ended; the event is set once it has been stopped.

        That may be before it began: then there is nothing to do.
        """
        own = threading.Event()
        with self._lock:
            for stop in self._begun:
                stop.set()
            self._begun.append(own)
        try:
            with self._running:
                self._stop = own
                yield own
        finally:
            own.set()
            with self._lock:
                self._begun.remove(own)

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
