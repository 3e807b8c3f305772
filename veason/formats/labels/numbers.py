"""The numbers of files that others wrote: checked one by one, and counted before anything is made of them.

Every number is finite and has a bound, which a known video sets where there is one. What does not pass is refused with
its place, which the caller names: nothing here is mended, and pycocotools, which crashes on NaN, sees checked numbers
alone. Readers leave out what belongs to a ShapeError, any other error ends an import.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from veason.errors import DataError
from veason.libraries import library_imports
from veason.masks import rle_from_coco
from veason.types import Rle

MOST_WHOLE = 2**63 - 1
"""What a whole number may be at most: a database holds 64 bits."""

MOST_FRAMES = 1_000_000
"""Frames of a video of which only labels are known: eleven hours at 24 a second."""

MOST_SIDE, MOST_PIXELS = 1 << 15, 1 << 26
"""Width, height and pixels of such a video."""

MOST_ENTRIES = 4_000_000
"""Objects times frames: labels whose absence is told on more are refused."""


class ShapeError(DataError):
    """A shape whose numbers are none, or do not fit each other: nothing is said against the rest of its file.

    A number that is far beyond the picture, or a mask of another size, is no such damage: it says that the file is
    about other pictures, so that nothing of it can be trusted.
    """


_MOST_REAL = 1e9
_MOST_STEPS = 8_000_000
"""Points along the outline of a polygon, five a pixel as pycocotools has it: some 200 MB."""

_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,20}(\.0*)?\s*", re.ASCII)
_REAL = re.compile(r"\s*[+-]?([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*", re.ASCII)


def whole_number(value: Any, place: str, *, least: int = 0, most: int = MOST_WHOLE) -> int:
    """Return a whole number, also where it is written as text or as 3.0.

    Raises:
        DataError: it is none, or not within `least` and `most`; the message begins with `place`.
    """
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, float) and math.isfinite(value) and value.is_integer():
        number = int(value)
    elif isinstance(value, str) and _WHOLE.fullmatch(value):
        number = int(value.split(".")[0])
    if number is None or not least <= number <= most:
        kind = ShapeError if number is None else DataError
        raise kind(f"{place}: want a whole number from {least} to {most}, got {shortened(value)}")
    return number


def is_number(text: str) -> bool:
    """Tell whether a text is a whole number that can be counted with: some digits, 18 at most."""
    return text.isascii() and text.isdecimal() and len(text) <= 18


def real_number(value: Any, place: str, *, least: float = -_MOST_REAL, most: float = _MOST_REAL) -> float:
    """Return a finite number, also where it is written as text.

    Raises:
        DataError: it is none, or not within `least` and `most`; the message begins with `place`.
    """
    number = math.nan
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if (is_number and abs(value) <= 1e300) or (isinstance(value, str) and _REAL.fullmatch(value)):
        number = float(value)
    if not least <= number <= most:
        kind = ShapeError if math.isnan(number) else DataError
        raise kind(f"{place}: want a number from {least:g} to {most:g}, got {shortened(value)}")
    return number


def frame_number(value: Any, place: str, num_frames: int | None = None) -> int:
    """Return the index of a frame, below `num_frames` where the video is known. Raises DataError."""
    if num_frames is None:
        return whole_number(value, f"{place}: the frame", most=MOST_FRAMES - 1)
    number = whole_number(value, f"{place}: the frame")
    if number >= num_frames:
        raise DataError(
            f"{place}: is on frame {number}, the video has {num_frames} frames (0 to {num_frames - 1}): name the one "
            "that was labelled"
        )
    return number


def frame_count(value: Any, place: str) -> int:
    """Return how many frames labels say that their video has. Raises DataError."""
    return whole_number(value, f"{place}: the number of frames", most=MOST_FRAMES)


def checked_size(width: Any, height: Any, place: str) -> tuple[int, int]:
    """Return a width and height that a picture can have. Raises DataError."""
    size_wh = (
        whole_number(width, f"{place}: the width", least=1, most=MOST_SIDE),
        whole_number(height, f"{place}: the height", least=1, most=MOST_SIDE),
    )
    if size_wh[0] * size_wh[1] > MOST_PIXELS:
        raise DataError(f"{place}: a picture of {size_wh[0]}x{size_wh[1]} is more than {MOST_PIXELS} pixels")
    return size_wh


def check_entries(num_objects: int, num_frames: int, place: str) -> None:
    """Raise DataError where so many objects on so many frames are more than can be held."""
    if num_objects * num_frames > MOST_ENTRIES:
        raise DataError(
            f"{place}: tells {num_objects} objects on {num_frames} frames, more than {MOST_ENTRIES} in all: name the "
            "video, or import it in parts"
        )


def run_lengths(counts: Sequence[Any], num_pixels: int, place: str) -> np.ndarray:
    """Return `(N,)` int64 run lengths that add up to `num_pixels`, background first. Raises DataError."""
    if len(counts) > 2 * num_pixels + 2:
        raise ShapeError(f"{place}: {len(counts)} runs are more than a mask of {num_pixels} pixels can have")
    if all(type(count) is int and 0 <= count <= num_pixels for count in counts):
        runs = np.array(counts, np.int64)
    else:  # slower, for the message and for numbers in another form
        try:
            runs = np.array([whole_number(count, f"{place}: a run", most=num_pixels) for count in counts], np.int64)
        except DataError as error:
            raise ShapeError(str(error)) from error
    _check_sum(runs, num_pixels, place)
    return runs


def _check_sum(runs: np.ndarray, num_pixels: int, place: str) -> None:
    if int(runs.sum()) != num_pixels:
        raise ShapeError(f"{place}: its runs add up to {int(runs.sum())} pixels, the mask has {num_pixels}")


def rle_of(entry: Any, size_wh: tuple[int, int], place: str) -> Rle:
    """Return a mask of `{"size": [height, width], "counts": ...}`, whose counts are compressed text or a list of runs.

    Raises:
        DataError: its size is not that of the picture, or the runs are none or do not add up.
    """
    size, counts = (entry.get("size"), entry.get("counts")) if isinstance(entry, dict) else (None, None)
    if not isinstance(size, (list, tuple)) or len(size) != 2 or not isinstance(counts, (str, bytes, list)):
        raise ShapeError(f"{place}: want a mask as {{size, counts}}, got {shortened(entry)}")
    width, height = checked_size(size[1], size[0], place)
    if (width, height) != tuple(size_wh):
        raise DataError(f"{place}: the mask is {width}x{height}, its picture {size_wh[0]}x{size_wh[1]}")
    if isinstance(counts, list):
        runs = run_lengths(counts, width * height, place).tolist()
        return rle_from_coco({"size": [height, width], "counts": runs})
    text = counts.decode("latin-1") if isinstance(counts, bytes) else counts
    _check_compressed(text, width * height, place)
    return Rle((height, width), text)


def _check_compressed(text: str, num_pixels: int, place: str) -> None:
    """Raise DataError unless compressed counts say runs that add up.

    Source: rleFrString in pycocotools: six bits a character from 48, five of them a digit, lowest first; a sign in the
    last digit; from the fourth run on the difference to the one before last.
    """
    if len(text) > 8 * (num_pixels + 2):
        raise ShapeError(f"{place}: its code of {len(text)} characters is longer than {num_pixels} pixels need")
    try:
        codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError as error:
        raise ShapeError(f"{place}: its code holds {text[error.start]!r}, which no mask has") from error
    if not codes.size or codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ShapeError(f"{place}: {shortened(text)} is not the code of a mask")
    ends = np.flatnonzero((codes & 32) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() > 6:
        raise ShapeError(f"{place}: its code has a run of more than 32 bits")
    digit = np.arange(codes.size) - np.repeat(starts, ends - starts + 1)
    values = np.add.reduceat((codes & 31) << (5 * digit), starts)
    values -= np.where(codes[ends] & 16, np.int64(1) << (5 * (ends - starts + 1)), 0)
    runs = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    if runs.min() < 0 or runs.max() > num_pixels:
        raise ShapeError(f"{place}: its code has a run of {runs.min() if runs.min() < 0 else runs.max()} pixels")
    _check_sum(runs, num_pixels, place)


def point_pairs(values: Any, size_wh: tuple[int, int], place: str) -> np.ndarray:
    """Return `(N, 2)` float64 points of x, y, x, y, ... that lie on the picture or at most its size beside it.

    Raises:
        DataError: they come in an odd number, or one is not finite or further away.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ShapeError(f"{place}: want points, got {shortened(values)}")
    numbers = list(values)
    if len(numbers) % 2:
        raise ShapeError(f"{place}: {len(numbers)} numbers are not pairs of x and y")
    bounds = [(-side, 2 * side) for side in size_wh]
    if not all(type(value) in (int, float) and -(2**31) < value < 2**31 for value in numbers):
        numbers = [real_number(value, f"{place}: {'xy'[at % 2]}") for at, value in enumerate(numbers)]
    points = np.array(numbers, np.float64).reshape(-1, 2)
    for axis, (least, most) in enumerate(bounds):
        far = points[(points[:, axis] < least) | (points[:, axis] > most), axis]
        if far.size:
            real_number(float(far[0]), f"{place}: {'xy'[axis]}", least=least, most=most)
    return points


def polygon_rle(points: np.ndarray, size_wh: tuple[int, int], place: str) -> Rle:
    """Return the mask of a closed polygon, `(N, 2)` with N of 3 or more, as pycocotools fills it; it may be empty.

    Raises:
        DataError: its outline is longer than any drawn by hand.
    """
    steps = np.abs(np.diff(points, axis=0, append=points[:1])).max(1)
    if 5 * float(steps.sum()) + len(points) > _MOST_STEPS:
        raise ShapeError(f"{place}: a polygon with an outline of {steps.sum():.0f} pixels is not one")
    with library_imports():
        from pycocotools import mask as coco

    width, height = size_wh
    (code,) = coco.frPyObjects([points.ravel().tolist()], height, width)
    return rle_from_coco(code)


def shortened(value: Any) -> str:
    """Return a value as people are told it, at most some 40 characters."""
    if isinstance(value, int) and abs(value) > MOST_WHOLE:
        return "a number of more than 64 bits"
    if isinstance(value, (str, int, float)) or value is None:
        text = repr(value[:48]) if isinstance(value, str) else repr(value)
    else:
        text = type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."
