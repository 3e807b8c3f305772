"""Label Studio's bitmasks: a PNG of the picture's size in a data address; what is not transparent is the mask."""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import Any

import numpy as np
from PIL import Image

from veason.errors import DataError
from veason.formats.labels.numbers import ShapeError, shortened
from veason.masks import encode_mask
from veason.types import Rle

_ADDRESS = re.compile(r"data:image/png;base64,", re.IGNORECASE)
_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def bitmask_rle(address: Any, size_wh: tuple[int, int], place: str) -> Rle:
    """Return the mask of a region's `imageDataURL`; without transparency in it, what is not black.

    Source: BitmaskLabels of Label Studio, which keeps its canvas as a picture.

    Raises:
        DataError: it is no PNG, or not of the size of its picture.
    """
    start = _ADDRESS.match(address) if isinstance(address, str) else None
    if start is None:
        raise ShapeError(f"{place}: want a bitmask as data:image/png;base64,..., got {shortened(address)}")
    try:
        data = base64.b64decode(address[start.end() :], validate=True)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            if picture.size != tuple(size_wh):
                raise DataError(
                    f"{place}: its bitmask is {picture.size[0]}x{picture.size[1]}, its picture "
                    f"{size_wh[0]}x{size_wh[1]}"
                )
            pixels = np.asarray(picture.convert("RGBA"))
    except (*_BROKEN, binascii.Error) as error:
        raise ShapeError(f"{place}: its bitmask is no PNG ({error})") from error
    alpha = pixels[..., 3]
    return encode_mask(alpha > 0 if alpha.min() < 255 else pixels[..., :3].max(-1) > 0)
