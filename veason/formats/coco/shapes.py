"""The shape of a COCO annotation: run-length code, polygons in any of the ways they are written, or its box alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from veason.boxes import clip_box
from veason.errors import DataError
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.numbers import point_pairs, real_number, rle_of, shortened
from veason.formats.labels.shapes import (
    NO_PIXEL,
    SUB_PIXEL,
    TOO_FEW,
    box_around,
    is_sub_pixel,
    parts_rle,
    turned_corners,
)
from veason.masks import mask_area
from veason.types import Box, Rle

_SLACK = 2.0
"""So many pixels beside its picture a box is drawn by a hand that slipped."""


@dataclass(frozen=True, slots=True)
class CocoShape:
    """What an annotation draws.

    Attributes:
        kind: "mask", "polygon", "box" or "annotation" for one that draws nothing.
        rle: its mask, None for boxes and for what is left out.
        box: of a box.
        reason: why it is left out, "" where it is not.
        lost_parts: how many parts of a polygon have too few points; the others are its mask.
    """

    kind: str
    rle: Rle | None = None
    box: Box | None = None
    reason: str = ""
    lost_parts: int = 0


def read_coco_shape(
    segmentation: Any, bbox: Any, size_wh: tuple[int, int], place: str, *, turned: float = 0.0, mode: Any = None
) -> CocoShape:
    """Return what an annotation draws on a picture of `size_wh`; `turned` is the rotation of a box in degrees.

    `mode` is Detectron2's `bbox_mode`: 0 for two corners, 1 or None for a corner and a size.

    Raises:
        DataError: numbers that no shape has, with the place.
    """
    segmentation = drawn(segmentation)
    if isinstance(segmentation, dict) and segmentation:
        rle = rle_of(segmentation, size_wh, f"{place}: segmentation")
        return CocoShape("mask", rle) if mask_area(rle) else CocoShape("mask", reason=NO_PIXEL)
    if segmentation:
        parts = [point_pairs(part, size_wh, f"{place}: segmentation") for part in _parts(segmentation, place)]
        num_lost = sum(len(part) < 3 for part in parts)
        if num_lost == len(parts):
            return CocoShape("polygon", reason=TOO_FEW)
        rle = parts_rle(parts, size_wh, place)
        return (
            CocoShape("polygon", rle, lost_parts=num_lost) if mask_area(rle) else CocoShape("polygon", reason=NO_PIXEL)
        )
    if bbox:
        box = _box(_with_size(bbox, mode, f"{place}: bbox"), size_wh, f"{place}: bbox", turned)
        return CocoShape("box", reason=box) if isinstance(box, str) else CocoShape("box", box=box)
    return CocoShape("annotation", reason="drawing neither a mask nor a box")


def leave_parts(number: int, tally: ImportTally) -> None:
    """Count parts of polygons whose other parts became a mask."""
    if number:
        tally.find("part of a polygon", number)
        tally.leave("part of a polygon", TOO_FEW, number)


def drawn(segmentation: Any) -> Any:
    """Return the outline of an annotation, None where it is a list of nothing: `[]` or `[[]]`."""
    return None if isinstance(segmentation, list) and not any(each != [] for each in segmentation) else segmentation


def kind_of(row: Mapping[str, Any]) -> str:
    """Return the kind of shape an annotation has, before anything of it is read."""
    segmentation = drawn(row.get("segmentation"))
    if segmentation:
        return "mask" if isinstance(segmentation, dict) else "polygon"
    return "box" if row.get("bbox") else "annotation"


def _parts(segmentation: Any, place: str) -> list[list[Any]]:
    """Return the polygons of an annotation as flat lists of numbers."""
    if not isinstance(segmentation, list):
        raise DataError(f"{place}: segmentation should be polygons or run-length code, got {shortened(segmentation)}")
    if not any(isinstance(each, (list, tuple)) for each in segmentation):
        return [segmentation]  # one polygon without brackets of its own
    parts: list[list[Any]] = []
    for each in segmentation:
        if not isinstance(each, (list, tuple)):
            raise DataError(f"{place}: segmentation mixes polygons and {shortened(each)}")
        is_nested = bool(each) and all(isinstance(pair, (list, tuple)) for pair in each)
        parts.append([value for pair in each for value in pair] if is_nested else list(each))
    are_pairs = len(parts) > 1 and all(len(part) == 2 for part in parts)
    return [[value for part in parts for value in part]] if are_pairs else parts


def _with_size(bbox: Any, mode: Any, place: str) -> Any:
    """Return a box as corner and size. Source: BoxMode of Detectron2. Raises DataError for its other modes."""
    if mode in (None, 1) or not isinstance(bbox, list) or len(bbox) != 4:
        return bbox
    if mode != 0:
        raise DataError(f"{place}: want bbox_mode 0 (two corners) or 1 (corner and size), got {shortened(mode)}")
    x1, y1, x2, y2 = (real_number(value, place) for value in bbox)
    return [x1, y1, x2 - x1, y2 - y1]


def _box(bbox: Any, size_wh: tuple[int, int], place: str, turned: float) -> Box | str:
    """Return the box on the picture, or why it is left out. Raises DataError for corners in place of a size."""
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise DataError(f"{place}: want x, y, width and height, got {shortened(bbox)}")
    x, y, width, height = (
        real_number(value, place, least=-size_wh[at % 2], most=2 * size_wh[at % 2]) for at, value in enumerate(bbox)
    )
    if width <= 0 or height <= 0:
        return NO_PIXEL
    if is_sub_pixel(width, height):
        return SUB_PIXEL
    box = Box(x, y, x + width, y + height)
    is_outside = box.x2 > size_wh[0] + _SLACK or box.y2 > size_wh[1] + _SLACK
    if is_outside and 0 <= x < width <= size_wh[0] + _SLACK and 0 <= y < height <= size_wh[1] + _SLACK:
        raise DataError(
            f"{place}: [{x:g}, {y:g}, {width:g}, {height:g}] leaves the picture of {size_wh[0]}x{size_wh[1]} as x, y, "
            "width and height, and fits it as two corners: COCO wants the size, so convert the boxes of this file"
        )
    corners: np.ndarray = turned_corners(box, turned)
    on_picture = clip_box(box, size_wh) if turned % 360 == 0 else box_around(corners, size_wh)
    return on_picture or NO_PIXEL
