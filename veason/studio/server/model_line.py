"""Who uses the models: one at a time, visitors before the background."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ModelLine:
    """The line for the models: one user at a time, visitors before the background."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._is_used = False
        self._waiting = 0

    @contextmanager
    def visitor(self) -> Iterator[None]:
        """Use the models as soon as the frame or answer that the background is at is done."""
        with self._free:
            self._waiting += 1
            while self._is_used:
                self._free.wait()
            self._waiting -= 1
            self._is_used = True
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

    @contextmanager
    def _giving_back(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._free:
                self._is_used = False
                self._free.notify_all()
