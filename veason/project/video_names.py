"""Videos by the names that a list may give them."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable
from pathlib import PurePath
from typing import Generic, TypeVar

from veason.project.videos import VIDEOS

Key = TypeVar("Key", bound=Hashable)


class VideoNames(Generic[Key]):
    """Videos by path and by any end of it, with and without the ending of a video, in any case and form of accents.

    >>> names = VideoNames[int]()
    >>> names.enter(PurePath("/clips/a/Walk.mp4"), 1), names.enter(PurePath("/clips/b/Walk.mp4"), 2)
    (None, None)
    >>> names.find("b/walk"), names.find("Walk.mp4"), names.find("run")
    ([2], [1, 2], [])
    """

    def __init__(self) -> None:
        self._keys: dict[str, dict[Key, None]] = {}

    def enter(self, path: PurePath, key: Key) -> None:
        """Let a video be found by its path."""
        parts, is_ended = path.parts, path.suffix.lower() in VIDEOS  # the folder "walk.2" is no "walk"
        for count in range(1, len(parts) + 1):
            below = path.__class__(*parts[-count:])
            for name in {str(below), str(below.with_suffix("")) if is_ended else str(below)}:
                for same in {name, _alike(name)}:
                    self._keys.setdefault(same, {})[key] = None

    def find(self, name: str) -> list[Key]:
        """Return the videos that a name fits best: as it is written, else as a disk sees it that knows no case."""
        plain = name.replace("\\", "/").removeprefix("./")
        found = next((keys for called in (name, plain, _alike(plain)) if (keys := self._keys.get(called))), {})
        return list(found)


def _alike(name: str) -> str:
    """Return a name as a disk sees it that knows no case and one form of accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
