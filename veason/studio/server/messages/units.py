"""Types that several messages share."""

from __future__ import annotations

from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""A range of frames: the first, and the one after the last."""

Xyxy: TypeAlias = tuple[float, float, float, float]
"""A half-open box in source pixels: left, top, right, bottom."""

MaskCode: TypeAlias = tuple[str, float]
"""A mask's counts, compressed COCO run-length code at the video's size, and the object's score."""
