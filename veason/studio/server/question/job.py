"""The long job of a question: thinking or propagating, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDING_S = 3.0
"""For how long a stopped job is waited for when the server ends."""


class Job:
    """At most one job runs; a new one stops the one before it and waits for its end."""

    def __init__(self) -> None:
        self._running = threading.Lock()
        self._stop = threading.Event()

    @property
    def is_stopping(self) -> bool:
        """True after `stop`, until the next job begins."""
        return self._stop.is_set()

    @property
    def is_running(self) -> bool:
        """True while a job is at work."""
        return self._running.locked()

    def stop(self) -> None:
        """Ask the running job, if there is one, to end after the current frame or token."""
        self._stop.set()

    @contextmanager
    def run(self) -> Iterator[None]:
        """Run the block as the job, as soon as the one before it has ended."""
        self._stop.set()
        with self._running:
            self._stop.clear()
            try:
                yield
            finally:
                self._stop.set()

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
