"""Boxes with named coordinates: x1, xmin, left, width, center_x, top_left, ..."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = {
    "x1": "x1 x_1 xmin x_min minx min_x left xleft x_left left_x xl start_x x_start tl_x x_tl topleft_x top_left_x 左",
    "y1": "y1 y_1 ymin y_min miny min_y top ytop y_top top_y yt start_y y_start tl_y y_tl topleft_y top_left_y 上",
    "x2": "x2 x_2 xmax x_max maxx max_x right xright x_right right_x xr end_x x_end br_x x_br bottomright_x "
    "bottom_right_x 右",
    "y2": "y2 y_2 ymax y_max maxy max_y bottom ybottom y_bottom bottom_y yb end_y y_end br_y y_br bottomright_y "
    "bottom_right_y 下",
    "x0": "x0 x_0",
    "y0": "y0 y_0",
    "x": "x",
    "y": "y",
    "w": "w width box_width bbox_width 宽 宽度",
    "h": "h height box_height bbox_height 高 高度",
    "cx": "cx xc center_x x_center centre_x x_centre xcenter centerx",
    "cy": "cy yc center_y y_center centre_y y_centre ycenter centery",
}
COORDINATES = {name: which for which, names in _NAMES.items() for name in names.split()}
"""The coordinate that a name means: x1, y1, x2, y2, or a part of another box notation (x0, y0, x, y, w, h, cx, cy)."""

POINTS = {
    name: which
    for which, names in {
        ("x1", "y1"): "top_left topleft tl upper_left lefttop left_top min p1 point1 point_1 start from corner1 "
        "corner_1 左上 左上角",
        ("x2", "y2"): "bottom_right bottomright br lower_right rightbottom right_bottom max p2 point2 point_2 end to "
        "corner2 corner_2 右下 右下角",
        ("x2", "y1"): "top_right topright tr upper_right right_top 右上 右上角",
        ("x1", "y2"): "bottom_left bottomleft bl lower_left left_bottom 左下 左下角",
        ("cx", "cy"): "center centre center_point centre_point 中心 中心点",
    }.items()
    for name in names.split()
}
"""Names of corners and of the middle, and which two coordinates such a point holds."""


def normalize_name(word: str) -> str:
    """Return a key in lower case, its words joined by `_`.

    >>> normalize_name(" X-Min ")
    'x_min'
    """
    return word.strip().lower().replace("-", "_").replace(" ", "_")


def box_of(named: Mapping[str, float]) -> tuple[float, float, float, float] | None:
    """Return x1, y1, x2, y2 of named coordinates (the values of `COORDINATES`), or None if they are not a box.

    With "x0" the corner that is called 1 is the second one. "x" and "y" beside a width and a height, or beside a second
    corner, are the upper left corner.

    >>> box_of({"x": 10, "y": 20, "w": 5, "h": 6})
    (10, 20, 15, 26)
    >>> box_of({"cx": 10, "cy": 20, "w": 4, "h": 6})
    (8.0, 17.0, 12.0, 23.0)
    >>> box_of({"x0": 1, "y0": 2, "x1": 3, "y1": 4})
    (1, 2, 3, 4)
    """
    if {"x0", "y0", "x1", "y1"} <= named.keys():
        return named["x0"], named["y0"], named["x1"], named["y1"]
    if {"x1", "y1", "x2", "y2"} <= named.keys():
        return named["x1"], named["y1"], named["x2"], named["y2"]
    if {"x", "y", "x2", "y2"} <= named.keys():
        return named["x"], named["y"], named["x2"], named["y2"]
    if not {"w", "h"} <= named.keys():
        return None
    width, height = named["w"], named["h"]
    if {"cx", "cy"} <= named.keys():
        x, y = named["cx"] - width / 2, named["cy"] - height / 2
        return x, y, x + width, y + height
    left, top = named.get("x1", named.get("x")), named.get("y1", named.get("y"))
    return None if left is None or top is None else (left, top, left + width, top + height)


def box_of_points(points: list[tuple[float, float]]) -> tuple[float, float, float, float] | None:
    """Return the box of two opposite corners or of the four corners of an upright rectangle, else None.

    >>> box_of_points([(10, 20), (30, 40)])
    (10, 20, 30, 40)
    >>> box_of_points([(10, 20), (30, 20), (30, 40), (10, 40)])
    (10, 20, 30, 40)
    >>> box_of_points([(10, 20), (30, 25), (30, 40), (10, 40)]) is None
    True
    """
    if len(points) == 2:
        return (*points[0], *points[1])
    xs, ys = sorted({x for x, _ in points}), sorted({y for _, y in points})
    if len(points) == 4 == len(set(points)) and len(xs) == len(ys) == 2:
        return xs[0], ys[0], xs[1], ys[1]
    return None
