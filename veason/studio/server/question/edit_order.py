"""The order of edits and requests for masks: two events of a page may change places on their way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

LATEST_EDIT_S = 3.0
"""For how long a request for masks waits for the edit before it."""


class EditOrder:
    """The stamp of the last edit that was taken or refused; stamps rise."""

    def __init__(self) -> None:
        self._edited = threading.Condition()
        self._last = 0

    @contextmanager
    def passing(self, stamp: int | None) -> Iterator[None]:
        """Note, when the block is left, that the edit of that stamp was taken or refused."""
        try:
            yield
        finally:
            with self._edited:
                self._last = max(self._last, stamp or 0)
                self._edited.notify_all()

    def wait_for(self, stamp: int | None) -> None:
        """Wait until the edit of that stamp has passed, for `LATEST_EDIT_S` at most; None waits for none."""
        if stamp is not None:
            with self._edited:
                self._edited.wait_for(lambda: self._last >= stamp, LATEST_EDIT_S)
