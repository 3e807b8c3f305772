"""Which frame of its video a picture is, as files of labels tell it: by name, by a number beside it, or by place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from veason.errors import DataError
from veason.formats.labels.footage import Footage, natural_key
from veason.formats.labels.numbers import frame_number

NAMELESS = {
    "", "images", "image", "img", "img1", "imgs", "frames", "data", "default", "train", "val", "valid", "test",
    "jpegimages", "obj_train_data", "train2017", "val2017",
}  # fmt: skip
"""Folders that are called after what they hold, not after a video."""

_RENAMED = re.compile(r"(_(jpe?g|png|bmp))?\.rf\.[0-9a-f]{16,}$", re.IGNORECASE)
"""What Roboflow puts behind the name of a picture; its digits say nothing."""

_DIGITS = re.compile(r"[0-9]+$")

_NO_FRAME = re.compile(
    r"(?:^|[^0-9])[0-9]{1,4}([-_.:h])[0-9]{1,2}[-_.:m][0-9]{1,2}$"  # a date or a time of day
    r"|[0-9][-_ ]?of[-_ ]?[0-9]+$|[0-9]x[0-9]+$"  # a place among many, a size
    r"|(?:^|[^0-9a-z])[0-9]+\.[0-9]+$"  # seconds
    r"|(?:^|[^a-z])(?:v|ver|version|aug|augmented|copy|crop|flip|part|rot|take)[-_ ]?[0-9]{1,3}$",  # one of several
    re.IGNORECASE,
)
_WORD = re.compile(r"[0-9a-z]+$", re.IGNORECASE)
_HASH = re.compile(r"[0-9a-f]{8,}", re.IGNORECASE)
_TURNS = re.compile(r"[0-9](?=[a-f])|[a-f](?=[0-9])", re.IGNORECASE)
_MIN_TURNS = 3
"""Changes between letters and digits that make a word a hash; "face0012" has one. Source: ours."""


@dataclass(frozen=True, slots=True)
class ListedFrame:
    """A picture as a file lists it.

    Attributes:
        name: of its file, with or without folders; backslashes separate folders as well.
        index: its number in the video, where the file says so.
        frame_id: a number that may be that, or its place among the listed.
    """

    name: str
    index: int | None = None
    frame_id: int | None = None

    @property
    def stem(self) -> str:
        """The name of the file without folders and ending."""
        return PurePosixPath(plain_path(self.name)).stem

    @property
    def number(self) -> int | None:
        """The digits at the end of its name, unless they belong to a time, a size or a hash."""
        stem = _RENAMED.sub("", self.stem)
        found, word = _DIGITS.search(stem), _WORD.search(stem)
        is_hash = word and _HASH.fullmatch(word[0]) and len(_TURNS.findall(word[0])) >= _MIN_TURNS
        return int(found[0][-19:]) if found and not is_hash and not _NO_FRAME.search(stem) else None

    @property
    def prefix(self) -> str:
        """What stands before those digits, without what joins them: "clip" of clip_000040.PNG."""
        return _DIGITS.sub("", _RENAMED.sub("", self.stem)).rstrip("_-. ")


def plain_path(name: str) -> str:
    """Return a path with slashes, without a drive or a root."""
    return re.sub(r"^([A-Za-z]:)?/+", "", name.replace("\\", "/"))


def frame_indices(frames: Sequence[ListedFrame], footage: Footage, length: int | None, place: str) -> list[int]:
    """Return the index of each listed picture in its video, no two the same.

    A name that a frame of the video has comes first, then a number in the video, then the digits at the end of the
    name, then `frame_id`; pictures without any count by place where every frame of the video is listed in order.

    Args:
        frames: as they are listed.
        footage: what is known of the video.
        length: how many frames the file says that the video has, where it does.
        place: begins the messages.

    Raises:
        DataError: a frame cannot be told, lies outside the video, or comes twice.
    """
    num_frames = footage.info.num_frames if footage.info else None
    found = _by_name(frames, footage) or _by_number(frames, num_frames if num_frames is not None else length)
    if found is None:
        found = _by_place(frames, num_frames if num_frames is not None else length, footage, place)
    seen: dict[int, str] = {}
    for index, frame in zip(found, frames, strict=True):
        frame_number(index, f"{place}: picture {frame.name!r}", num_frames)
        if index in seen:
            raise DataError(
                f"{place}: the pictures {seen[index]!r} and {frame.name!r} are both frame {index} of one video: put "
                "the pictures of each video into a folder of its own"
            )
        seen[index] = frame.name
    return found


def _by_name(frames: Sequence[ListedFrame], footage: Footage) -> list[int] | None:
    places = {name: index for index, name in enumerate(footage.frame_names)}
    found = [places[frame.stem] for frame in frames if frame.stem in places]
    return found if frames and len(found) == len(frames) else None


def _by_number(frames: Sequence[ListedFrame], num_frames: int | None) -> list[int] | None:
    """Return numbers in the video where every picture has one."""
    if all(frame.index is not None for frame in frames):
        return [frame.index for frame in frames if frame.index is not None]
    ids = [frame.frame_id for frame in frames if frame.frame_id is not None]
    numbers = [frame.number for frame in frames if frame.number is not None]
    if len(numbers) != len(frames):
        return ids if len(ids) == len(frames) else None
    if len(ids) == len(frames) and all(number == id + 1 for number, id in zip(numbers, ids, strict=True)):
        return ids  # the names count from 1, as ffmpeg writes pictures
    are_all = num_frames == len(frames) and sorted(numbers) == list(range(1, len(frames) + 1))
    return [number - 1 for number in numbers] if are_all else numbers


def _by_place(frames: Sequence[ListedFrame], num_frames: int | None, footage: Footage, place: str) -> list[int]:
    names = [PurePosixPath(plain_path(frame.name)) for frame in frames]
    is_in_order = names == sorted(names, key=natural_key)
    if num_frames == len(frames) and is_in_order:
        return list(range(len(frames)))
    known = footage.frame_names
    unknown = next((f.name for f in frames if f.stem not in known and f.number is None), frames[0].name)
    raise DataError(
        f"{place}: which frame of the video is picture {unknown!r}? Its name should end in the frame's number"
        + (f", or be one of {known[0]} to {known[-1]}" if known else "")
        + ", or every frame should be listed in order"
    )
