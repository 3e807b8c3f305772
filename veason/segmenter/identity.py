"""Cache keys: cached features and memories are valid for the same frames and the same network."""

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
"""(video key, model key): the scope of every cache entry."""


class IdentityKey:
    """A hashable key that compares an object by identity, without keeping it alive.

    A key made for a new object never equals the key of a deleted one, even if both had the same `id`.
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
        return isinstance(other, IdentityKey) and value is not None and value is other._reference()


def video_key(video: VideoSource) -> Hashable:
    """Return a key of a video, made of path, file sizes, modification times, frame size and number of frames.

    For a folder all its files count, or those in `video.info.files`, in that order. A video that is not a file or
    folder is identified by the object itself.
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
        return IdentityKey(video)
    described = [_describe(file) for file in files]
    # a digest keeps the key short: keys are hashed for every frame, and a folder may have thousands of files
    digest = hashlib.sha256(repr(described).encode()).hexdigest()
    return (str(path.resolve()), info.num_frames, info.size_wh, digest)


def _describe(file: Path) -> Hashable:
    """Return name, size and modification time. A missing file is no error here, but when it is read."""
    try:
        stat = file.stat()
    except OSError:
        return (file.name, None)
    return (file.name, stat.st_size, stat.st_mtime_ns)


def model_key(model: SAM2VideoPredictor) -> Hashable:
    """Return a key that changes with the network, its weights, input size, device and dtype.

    Changes of weights are detected by torch's version counters; a change through `.data` is not detected.
    """
    versions = tuple((id(tensor), tensor._version) for tensor in (*model.parameters(), *model.buffers()))
    dtypes = tuple(sorted({str(parameter.dtype) for parameter in model.parameters()}))
    return (IdentityKey(model), model.image_size, str(model.device), dtypes, hash(versions))
