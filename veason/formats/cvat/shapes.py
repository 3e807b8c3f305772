"""The shapes of CVAT's XML: masks, polygons, ellipses and boxes, straight or turned."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np

from veason.boxes import clip_box
from veason.errors import DataError
from veason.formats.labels.numbers import (
    ShapeError,
    point_pairs,
    polygon_rle,
    real_number,
    run_lengths,
    shortened,
    whole_number,
)
from veason.formats.labels.shapes import (
    NO_PIXEL,
    SUB_PIXEL,
    TOO_FEW,
    box_around,
    ellipse_points,
    is_sub_pixel,
    turned_corners,
)
from veason.masks import encode_mask, mask_area
from veason.types import Box, Rle

READ = ("mask", "polygon", "ellipse", "box")
"""Shapes that come in."""

KINDS = (*READ, "polyline", "points", "cuboid", "skeleton", "tag")
"""All that CVAT draws on a picture or says of it."""

NO_OUTLINE = "enclosing nothing that could become a mask or a box"
BETWEEN = "between keyframes, where CVAT computed them"


@dataclass(frozen=True, slots=True)
class CvatShape:
    """A mask or a box, or the reason why there is neither."""

    rle: Rle | None = None
    box: Box | None = None
    reason: str = ""


def read_cvat_shape(element: Element, size_wh: tuple[int, int], place: str) -> CvatShape:
    """Return what an element draws on a picture of `size_wh`.

    Raises:
        DataError: numbers that no shape has, with the place.
    """
    kind = element.tag
    if kind not in READ:
        return CvatShape(reason=NO_OUTLINE)
    if kind == "box":
        return _box(element, size_wh, place)
    if kind == "mask":
        rle = _mask(element, size_wh, place)
    elif kind == "polygon":
        points = _points(element, size_wh, place)
        if len(points) < 3:
            return CvatShape(reason=TOO_FEW)
        rle = polygon_rle(points, size_wh, place)
    else:
        rle = _ellipse(element, size_wh, place)
    return CvatShape(rle=rle) if mask_area(rle) else CvatShape(reason=NO_PIXEL)


def attribute(element: Element, name: str, place: str) -> str:
    """Return an attribute of an element. Raises DataError where it has none of that name."""
    value = element.get(name)
    if value is None:
        raise DataError(f"{place}: <{element.tag}> has no {name}, which CVAT always writes")
    return value


def flag(element: Element, name: str, place: str, *, default: bool = False) -> bool:
    """Return a switch of an element, which CVAT writes as 0 or 1. Raises DataError where it is anything else."""
    text = element.get(name, "").strip().lower()
    if text not in ("", "0", "1", "false", "true"):
        raise DataError(f"{place}: {name} should be 0 or 1, got {shortened(text)}")
    return text in ("1", "true") if text else default


def _real(element: Element, name: str, place: str, side: int) -> float:
    return real_number(attribute(element, name, place), f"{place}: {name}", least=-side, most=2 * side)


def _rotation(element: Element, place: str) -> float:
    return real_number(element.get("rotation", "0") or "0", f"{place}: rotation", least=-3600, most=3600)


def _box(element: Element, size_wh: tuple[int, int], place: str) -> CvatShape:
    x1, y1, x2, y2 = (
        _real(element, name, place, size_wh[at % 2]) for at, name in enumerate(("xtl", "ytl", "xbr", "ybr"))
    )
    if x1 >= x2 or y1 >= y2:
        return CvatShape(reason=NO_PIXEL)
    if is_sub_pixel(x2 - x1, y2 - y1):
        return CvatShape(reason=SUB_PIXEL)
    turned = _rotation(element, place)
    box = Box(x1, y1, x2, y2)
    on_picture = clip_box(box, size_wh) if turned % 360 == 0 else box_around(turned_corners(box, turned), size_wh)
    return CvatShape(box=on_picture) if on_picture else CvatShape(reason=NO_PIXEL)


def _points(element: Element, size_wh: tuple[int, int], place: str) -> np.ndarray:
    text = attribute(element, "points", place)
    pairs = [pair.split(",") for pair in text.split(";") if pair.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise ShapeError(f"{place}: points should be x,y;x,y;..., got {shortened(text)}")
    values = [real_number(value, f"{place}: points") for pair in pairs for value in pair]
    return point_pairs(values, size_wh, f"{place}: points")


def _ellipse(element: Element, size_wh: tuple[int, int], place: str) -> Rle:
    cx, cy, rx, ry = (_real(element, name, place, size_wh[at % 2]) for at, name in enumerate(("cx", "cy", "rx", "ry")))
    points = ellipse_points((cx, cy), (abs(rx), abs(ry)), _rotation(element, place))
    return polygon_rle(points, size_wh, place)


def _mask(element: Element, size_wh: tuple[int, int], place: str) -> Rle:
    """Return a mask whose runs go left to right within `left, top, width, height`, background first."""
    left, top, width, height = (
        whole_number(attribute(element, name, place), f"{place}: {name}", least=at // 2, most=size_wh[at % 2])
        for at, name in enumerate(("left", "top", "width", "height"))
    )
    if left + width > size_wh[0] or top + height > size_wh[1]:
        raise DataError(
            f"{place}: the mask at {left},{top} of {width}x{height} leaves the picture of {size_wh[0]}x{size_wh[1]}"
        )
    text = attribute(element, "rle", place)
    if text.count(",") > 2 * width * height + 2:
        raise ShapeError(f"{place}: {text.count(',') + 1} runs are more than {width}x{height} pixels can have")
    runs = run_lengths(text.split(","), width * height, f"{place}: rle")
    part = np.repeat(np.arange(runs.size) % 2 == 1, runs)
    mask = np.zeros(size_wh[::-1], bool)
    mask[top : top + height, left : left + width] = part.reshape(height, width)
    return encode_mask(mask)
