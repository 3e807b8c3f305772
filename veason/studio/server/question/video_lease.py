"""A video that several threads read: closed once nobody does any more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from veason.video import Video


class VideoLease:
    """Holds a video open for as long as anybody uses it, and until it is given up."""

    def __init__(self, video: Video) -> None:
        self.video = video
        self._lock = threading.Lock()
        self._users = 0
        self._is_given_up = False

    @property
    def is_held(self) -> bool:
        """True while anybody uses the video."""
        return self._users > 0

    @contextmanager
    def held(self) -> Iterator[Video]:
        """Keep the video open for the block."""
        with self._lock:
            self._users += 1
        try:
            yield self.video
        finally:
            with self._lock:
                self._users -= 1
                is_last = self._is_given_up and self._users == 0
            if is_last:
                self.video.close()

    def give_up(self) -> None:
        """Close the video, now or when the last user is done."""
        with self._lock:
            is_free = self._users == 0 and not self._is_given_up
            self._is_given_up = True
        if is_free:
            self.video.close()
