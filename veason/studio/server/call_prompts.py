"""Prompts by hand as programs send them."""

from __future__ import annotations

from typing import Any

from veason.errors import PromptError, VeasonError
from veason.types import Box, Click, Prompt

MOST_PROMPTS = 200
"""Boxes and clicks that one call may bring."""


def read_prompts(rows: Any) -> tuple[Prompt, ...]:
    """Return the prompts of a call to `track`; a box and clicks of one object on one frame become one.

    Raises:
        PromptError: a row is not of the form that is wanted, or there is none.
    """
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_PROMPTS:
        raise PromptError(f"prompts is a list of 1 to {MOST_PROMPTS} boxes or clicks")
    boxes: dict[tuple[int, int], Box] = {}
    clicks: dict[tuple[int, int], list[Click]] = {}
    for number, row in enumerate(rows):
        try:
            place = (_whole(row["object"], 1, 255), _whole(row["frame"], 0, 2**31))
            if "box" in row:
                boxes[place] = Box(*_numbers(row["box"], 4))
            else:
                x, y = _numbers(row["point"], 2)
                click = Click(x, y, is_positive=row.get("positive", True) is not False)
                clicks.setdefault(place, []).append(click)
        except (KeyError, TypeError, ValueError, VeasonError) as error:
            raise PromptError(
                f"prompts[{number}] should be object, frame and a box of four numbers or a point of two: {error}"
            ) from error
    places = sorted({*boxes, *clicks})
    return tuple(Prompt(*place, boxes.get(place), tuple(clicks.get(place, ()))) for place in places)


def _whole(value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"a whole number from {least} to {most} is wanted, got {str(value)[:40]}")
    return value


def _numbers(value: object, count: int) -> list[float]:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != count or any(isinstance(one, bool) or not isinstance(one, int | float) for one in numbers):
        raise ValueError(f"{count} numbers are wanted, got {str(value)[:80]}")
    return [float(one) for one in numbers]
