"""What makes features and memories of one call good for another: the same pictures and the same network."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING

from veason.types import VideoSource

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

Scope = tuple[Hashable, Hashable]
"""(video key, model key): everything cached belongs to one."""


class ByIdentity:
    """A key for an object that has no name of its own: equal to itself while the object lives, then to nothing new.

    The object is not kept alive.
    """

    def __init__(self, value: object) -> None:
        self._reference = weakref.ref(value)
        self._hash = id(value)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        value = self._reference()
        return isinstance(other, ByIdentity) and value is not None and value is other._reference()


def video_key(video: VideoSource) -> Hashable:
    """Return a key that changes when the file does: path, size, time of change and number of frames.

    A folder counts by its files, those of them that the video lists where it does, in their order. A video that is no
    file is known by the object itself.
    """
    info = video.info
    path = Path(info.path)
    if info.files:
        files = [Path(file) for file in info.files]
    elif path.is_file():
        files = [path]
    elif path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file())
    else:
        return ByIdentity(video)
    described = [_describe(file) for file in files]
    # a digest, since keys are hashed and compared for every frame, and a folder may hold thousands of files
    digest = hashlib.sha256(repr(described).encode()).hexdigest()
    return (str(path.resolve()), info.num_frames, info.size_wh, digest)


def _describe(file: Path) -> Hashable:
    """Return name, size and time of change; a listed file may be missing, which is told when it is read."""
    try:
        stat = file.stat()
    except OSError:
        return (file.name, None)
    return (file.name, stat.st_size, stat.st_mtime_ns)


def model_key(model: SAM2VideoPredictor) -> Hashable:
    """Return a key that changes with the network, its weights, picture size, device and precision.

    Weights are told apart by torch's version counters, so that a change through `.data` goes unseen.
    """
    versions = tuple((id(tensor), tensor._version) for tensor in (*model.parameters(), *model.buffers()))
    dtypes = tuple(sorted({str(parameter.dtype) for parameter in model.parameters()}))
    return (ByIdentity(model), model.image_size, str(model.device), dtypes, hash(versions))
