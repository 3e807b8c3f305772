"""What is asked of the service: boxes on one frame of some footage, and the target's masks. JSON in, values out."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from veason.errors import DataError, PromptError
from veason.masks import check_runs, coco_dict
from veason.rewards import MAX_BOXES
from veason.types import Box, Rle

MOST_SHOWN = 64
"""Most frames of a question."""

MOST_PIXELS = 2**25
"""Most pixels of a frame: 8K."""

_DIGEST = re.compile("[0-9a-f]{64}")
_KEYS = {"footage", "shown", "keyframe", "boxes", "size", "truth"}


@dataclass(frozen=True, slots=True)
class TracksQuestion:
    """Boxes, and what their masks are compared with.

    Attributes:
        footage: the digest of the video, of `veason.project.videos.hash_video`.
        shown: absolute frame indices, ascending: the segmenter sees these frames alone, as the policy did.
        keyframe: which of them the boxes are on.
        boxes: in source pixels.
        size_wh: of the frames.
        truth: the target's mask by absolute frame index; a frame without one has no target.
    """

    footage: str
    shown: tuple[int, ...]
    keyframe: int
    boxes: tuple[Box, ...]
    size_wh: tuple[int, int]
    truth: Mapping[int, Rle]

    def as_json(self) -> dict[str, Any]:
        """Return JSON values that `parse_question` reads."""
        return {
            "footage": self.footage,
            "shown": list(self.shown),
            "keyframe": self.keyframe,
            "boxes": [list(box.xyxy) for box in self.boxes],
            "size": list(self.size_wh),
            "truth": {str(index): coco_dict(rle)["counts"] for index, rle in self.truth.items()},
        }


def parse_question(value: Any) -> TracksQuestion:
    """Return the question of JSON values.

    Raises:
        DataError: it is not a question; the message says what is wrong with it.
        PromptError: a box has its corners swapped.
    """
    if not isinstance(value, dict) or set(value) != _KEYS:
        found = sorted(map(str, value))[:10] if isinstance(value, dict) else type(value).__name__
        raise DataError(f"a question is an object with {', '.join(sorted(_KEYS))}, got {found}")
    footage, keyframe = value["footage"], value["keyframe"]
    if not isinstance(footage, str) or not is_digest(footage):
        raise DataError("footage is a SHA-256 in 64 characters of 0-9 and a-f")
    shown = _whole_numbers(value["shown"], "shown", MOST_SHOWN)
    if not shown or list(shown) != sorted(set(shown)):
        raise DataError(f"shown are ascending frame indices, each once, got {list(shown)}")
    if type(keyframe) is not int or keyframe not in shown:
        raise DataError(f"keyframe is one of the frames shown {list(shown)}, got {keyframe!r:.40}")
    size = _whole_numbers(value["size"], "size", 2)
    if len(size) != 2 or min(size) < 1 or size[0] * size[1] > MOST_PIXELS:
        raise DataError(f"size is width and height, at most {MOST_PIXELS:,} pixels, got {list(size)}")
    size_wh = (size[0], size[1])
    return TracksQuestion(
        footage, shown, keyframe, _boxes(value["boxes"]), size_wh, _truth(value["truth"], shown, size_wh)
    )


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest of footage."""
    return _DIGEST.fullmatch(text) is not None


def _whole_numbers(value: Any, name: str, most: int) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > most:
        raise DataError(f"{name} is a list of at most {most} whole numbers")
    if not all(type(one) is int and 0 <= one < 2**31 for one in value):
        raise DataError(f"{name} are whole numbers from 0")
    return tuple(value)


def _boxes(value: Any) -> tuple[Box, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_BOXES:
        raise DataError(f"boxes is a list of 1 to {MAX_BOXES} boxes")
    boxes = []
    for one in value:
        if not isinstance(one, list) or len(one) != 4 or not all(type(side) in (int, float) for side in one):
            raise DataError("a box is four numbers x1, y1, x2, y2")
        try:
            sides = [float(side) for side in one]
        except OverflowError as error:
            raise PromptError("a box is four finite numbers") from error
        if not all(map(math.isfinite, sides)):
            raise PromptError("a box is four finite numbers")
        boxes.append(Box(*sides))
    return tuple(boxes)


def _truth(value: Any, shown: tuple[int, ...], size_wh: tuple[int, int]) -> dict[int, Rle]:
    if not isinstance(value, dict):
        raise DataError("truth is an object: run-length code by frame index")
    size_hw = (size_wh[1], size_wh[0])
    places = {str(index): index for index in shown}
    truth = {}
    for key, counts in value.items():
        if key not in places:
            raise DataError(f"truth has a mask on {key!r:.40}, which is none of the frames shown {list(shown)}")
        if not isinstance(counts, str) or not counts.isascii():
            raise DataError(f"truth on frame {key} is not run-length code")
        check_runs(counts.encode("ascii"), size_hw)
        truth[places[key]] = Rle(size_hw, counts)
    return truth
