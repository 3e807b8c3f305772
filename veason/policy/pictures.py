"""Frames in a policy's input form."""

from __future__ import annotations

import base64
import io

from PIL import Image

from veason.types import Frame


def resize_frame(frame: Frame, size_wh: tuple[int, int]) -> Image.Image:
    """Return the frame resized to `size_wh` pixels, bilinear, without keeping the aspect ratio."""
    return Image.fromarray(frame.image).resize(size_wh, Image.Resampling.BILINEAR)


def data_url(picture: Image.Image) -> str:
    """Return the image as a lossless `data:image/png;base64,` URL."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
