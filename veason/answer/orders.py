"""Does a text say that its boxes are in another order than x1, y1, x2, y2? Then bare numbers of it mean nothing sure.

Gemini writes rows first under `box_2d`, others a corner and a size; four numbers alone do not tell. Where a text names
the order itself, by a key or by the names of the numbers, a box without names of its own is not read.
"""

from __future__ import annotations

import re

from veason.answer.characters import without_markup
from veason.answer.coordinates import COORDINATES, normalize_name

_KEYS = re.compile(
    r"(?<![a-z])(?:yxyx|tlbr|tblr|tlhw|tlwh|ltwh|ltrb_?norm|xywh|xyhw|yxhw|yxwh|cxcywh|xcycwh|xxyy)(?![a-z])"
    r"|(?<![a-z_])box(?:es)?_2d(?![a-z0-9])",
    re.IGNORECASE,
)
_NAME = rf"({'|'.join(sorted((name.replace('_', '[-_ ]?') for name in COORDINATES), key=len, reverse=True))})"
_BETWEEN = r"[\"'”’]?\s{0,3}[\])]?\s{0,3}[,;/]\s{0,3}[\[(]?\s{0,3}[\"'“‘]?"
_NAMES = re.compile(rf"(?<!\w){_NAME}{_BETWEEN}{_NAME}{_BETWEEN}{_NAME}{_BETWEEN}{_NAME}(?!\w)", re.IGNORECASE)
_ROWS_FIRST = re.compile(
    r"[\[(]\s{0,3}(?:y[a-z0-9_]{0,4}|rows?)\s{0,3},\s{0,3}(?:x[a-z0-9_]{0,4}|col(?:umn)?s?)\s{0,3}[\])]"
)
_OURS = (("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"), ("x", "y", "x", "y"))


def find_other_order(text: str) -> str | None:
    """Return where a text names an order of numbers that is not x1, y1, x2, y2; None where it names none.

    >>> find_other_order("The box as [y_min, x_min, y_max, x_max]:")
    'y_min, x_min, y_max, x_max'
    >>> find_other_order('{"box_2d": [20, 10, 40, 30]}')
    'box_2d'
    >>> find_other_order("[xmin, ymin, xmax, ymax] of bbox_2d") is None
    True
    """
    text = without_markup(text)
    if found := _KEYS.search(text) or _ROWS_FIRST.search(text):
        return found[0]
    for match in _NAMES.finditer(text):
        order = tuple(
            COORDINATES[normalize_name(name)] for name in match.groups() if normalize_name(name) in COORDINATES
        )
        if len(order) == 4 and order not in _OURS:
            return match[0]
    return None
