"""A painted mask on its way from the page: run-length code of a browser, checked before any library sees it."""

from __future__ import annotations

import numpy as np

from veason.errors import PromptError
from veason.masks import decode_mask, encode_mask, mask_area
from veason.types import Rle

_LOWEST, _HIGHEST = 48, 111
"""The characters of compressed COCO code: 6 bits each, from "0" on."""


def painted_mask(counts: str, size_wh: tuple[int, int]) -> Rle:
    """Return a mask of `size_wh` that a browser sent as compressed COCO counts, in the form this program writes it.

    Raises:
        PromptError: it is no such code, its runs do not add up to the picture, or nothing is painted.
    """
    width, height = size_wh
    if not counts:
        raise PromptError("a painted mask is text in COCO's run-length code: paint it again")
    if len(counts) > 4 * width * height:
        raise PromptError(f"a painted mask of {len(counts)} characters is too long for {width}x{height} pixels")
    codes = np.frombuffer(counts.encode("utf-8", "replace"), np.uint8)
    if codes.min() < _LOWEST or codes.max() > _HIGHEST:
        raise PromptError("a painted mask holds characters that run-length code does not have: paint it again")
    runs = _runs(codes.tolist(), width * height)
    if sum(runs) != width * height:
        raise PromptError(f"a painted mask tells of {sum(runs)} pixels, the picture of {width}x{height} has others")
    rle = encode_mask(decode_mask(Rle((height, width), counts)))
    if mask_area(rle) == 0:
        raise PromptError("nothing is painted any more: mark the object as absent on this frame instead")
    return rle


def _runs(codes: list[int], most: int) -> list[int]:
    """Return the lengths of the runs; each is stored as its difference to the one before the last."""
    runs: list[int] = []
    value = shift = 0
    for code in codes:
        bits = code - _LOWEST
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            if shift > 30:
                raise PromptError("a painted mask holds a run that is too long: paint it again")
            continue
        if bits & 0x10:
            value -= 1 << shift
        run = value + (runs[-2] if len(runs) > 2 else 0)
        if not 0 <= run <= most:
            raise PromptError(f"a painted mask holds a run of {run} pixels: paint it again")
        runs.append(run)
        value = shift = 0
    if shift:
        raise PromptError("a painted mask breaks off in the middle: paint it again")
    return runs
