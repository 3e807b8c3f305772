"""Videos by the digest of their content: whoever asks names a digest, never a path."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from veason.errors import DataError, VideoError
from veason.outputs import write_json
from veason.project.videos import hash_video, is_video_file, stamp_video
from veason.types import Frame, VideoInfo
from veason.video import open_video
from veason.video.images import is_picture

_AGAIN_S = 0.2
"""Folders are looked through again for an unknown digest, at most so often; whoever asks meanwhile waits."""


class UnknownFootage(DataError):  # noqa: N818  # it names what is not known, as MissingBackend does
    """A digest that no video below the given folders has."""


@dataclass(frozen=True, slots=True)
class _Known:
    path: Path
    stamp: str
    digest: str


class FootageIndex:
    """The videos below some folders: files of a known ending, and folders of pictures.

    Args:
        roots: the folders. Links in them that lead to folders are not followed.
        index: a file of `save`; what has not changed since is not read again. It need not be there.

    Raises:
        VideoError: a root is no folder.
        DataError: the index is something else.
    """

    def __init__(self, roots: Sequence[Path], index: Path | None = None) -> None:
        for root in roots:
            if not root.is_dir():
                raise VideoError(f"{root}: there is no such folder of footage")
        self._roots = tuple(root.resolve() for root in roots)
        self._by_path = {} if index is None or not index.exists() else _read_index(index)
        self._by_digest: dict[str, _Known] = {}
        self.unread: dict[Path, str] = {}
        self._lock = threading.Lock()
        self._scanned = -_AGAIN_S

    def __len__(self) -> int:
        """Return how many different videos are known."""
        return len(self._by_digest)

    def scan(self, on_video: Callable[[int], object] = lambda done: None) -> int:
        """Read every video that is new or has changed, forget those that are gone, and return how many there are.

        Those that cannot be read stand in `unread` with the reason.

        Args:
            on_video: told how many have been looked at, after each.
        """
        with self._lock:
            found: dict[Path, _Known] = {}
            self.unread = {}
            for done, path in enumerate(self._paths(), start=1):
                known = self._look(path)
                if known is not None:
                    found[path] = known
                on_video(done)
            self._by_path = found
            self._by_digest = {known.digest: known for known in reversed(found.values())}
            self._scanned = time.monotonic()
            return len(self._by_digest)

    def save(self, index: Path) -> None:
        """Write what is known to a file, for a later start or another process."""
        rows = [[str(known.path), known.digest, known.stamp] for known in self._by_path.values()]
        write_json({"footage": 1, "videos": rows}, index)

    def find(self, digest: str) -> Path:
        """Return where the video with a digest lies; folders are looked through again for one that is not known.

        Raises:
            UnknownFootage: none has it, or the one that had it was changed since.
        """
        found = self.find_all([digest])
        if digest not in found:
            raise UnknownFootage(
                f"no footage has the digest {digest}: start the service with --footage FOLDER for every folder that "
                "holds a video of the rows, unchanged since they were written"
            )
        return found[digest]

    def find_all(self, digests: Collection[str]) -> dict[str, Path]:
        """Return where the videos with these digests lie; the folders are looked through once for the unknown ones."""
        found = self._there(digests)
        if len(found) < len(set(digests)):
            time.sleep(max(self._scanned + _AGAIN_S - time.monotonic(), 0.0))
            self.scan()
            found = self._there(digests)
        return found

    def _there(self, digests: Collection[str]) -> dict[str, Path]:
        known = {digest: self._by_digest[digest] for digest in digests if digest in self._by_digest}
        return {digest: one.path for digest, one in known.items() if _stamp(one.path) == one.stamp}

    def _paths(self) -> Iterator[Path]:
        for root in self._roots:
            for folder, below, names in os.walk(root):
                below.sort()
                place = Path(folder)
                if any(is_picture(place / name) for name in names):
                    yield place
                for name in sorted(names):
                    if is_video_file(place / name):
                        yield place / name

    def _look(self, path: Path) -> _Known | None:
        stamp = _stamp(path)
        if not stamp:
            return None
        known = self._by_path.get(path)
        if known is not None and known.stamp == stamp:
            return known
        try:
            return _Known(path, stamp, hash_video(path))
        except OSError as error:
            self.unread[path] = error.strerror or str(error)
            return None


def _read_index(index: Path) -> dict[Path, _Known]:
    try:
        rows = json.loads(index.read_text(encoding="utf-8"))["videos"]
        known = [_Known(Path(path), str(stamp), str(digest)) for path, digest, stamp in rows]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{index}: is no index of footage: {error}") from error
    return {one.path: one for one in known}


def _stamp(path: Path) -> str:
    """Return what changes when a video does; "" where it is gone."""
    try:
        return stamp_video(path)
    except OSError:
        return ""


class ShownClip:
    """The frames of a video that a policy was shown, as a VideoSource of their own; frame `n` is the n-th of them.

    Args:
        path: the video.
        digest: of its content.
        shown: absolute frame indices, ascending.

    Raises:
        DataError: the video is shorter than the frames shown.
        VideoError: it cannot be opened, or a frame cannot be read.
    """

    def __init__(self, path: Path, digest: str, shown: Sequence[int]) -> None:
        with open_video(path) as video:
            info = video.info
            if shown[-1] >= info.num_frames:
                raise DataError(f"the footage has {info.num_frames} frames, frame {shown[-1]} is asked for")
            self._images = [frame.image for frame in video.frames(shown)]
        last = (len(shown) - 1) / info.fps
        self.info = VideoInfo(f"footage {digest}", len(shown), info.size_wh, info.fps, 0.0, last, False, "images")

    @property
    def num_bytes(self) -> int:
        """Bytes of the decoded frames."""
        return sum(image.nbytes for image in self._images)

    def frame(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index`, `(H, W, 3)` uint8 RGB."""
        return self._images[frame_index]

    def frames(self, frame_indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the wanted frames in the given order."""
        for frame_index in frame_indices:
            yield Frame(frame_index, self._images[frame_index])
