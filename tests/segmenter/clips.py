"""A clip of moving rectangles over noise, as JPEG files for stock SAM2 and as the same pixels for ours."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.standins import ArrayVideo

SIZE_WH = (96, 72)


def write_clip(folder: Path, num_frames: int = 6) -> ArrayVideo:
    """Write `num_frames` JPEG files `00000.jpg ...` and return a video of exactly the pixels they decode to."""
    rng = np.random.default_rng(0)
    width, height = SIZE_WH
    background = rng.integers(0, 90, (height, width, 3), dtype=np.uint8)
    pictures = []
    for index in range(num_frames):
        picture = background.copy()
        picture[15:40, 10 + 4 * index : 35 + 4 * index] = (220, 60, 40)
        picture[45:65, 60 - 3 * index : 80 - 3 * index] = (40, 90, 230)
        file = folder / f"{index:05d}.jpg"
        Image.fromarray(picture).save(file, quality=95)
        pictures.append(np.array(Image.open(file).convert("RGB")))
    return ArrayVideo(np.stack(pictures))
