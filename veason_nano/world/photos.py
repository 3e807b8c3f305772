"""Photographs: read from a folder or from an installed package, cropped, and put behind the scenes of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from veason.errors import DataError
from veason_nano.world.scene import Scene

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
PACKAGE = "scikit-image"
"""Given in place of a folder: the photographs that ship inside this package."""

PACKAGED = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", "rocket.jpg",
)  # fmt: skip
"""Those of them that are in the public domain or CC0 (the docstrings of `skimage.data` say so)."""

PHOTO_SHARE = 0.5
"""Of the scenes that are drawn with photographs at hand, this share gets one."""

_SHORTER_SIDE = 512
_STREAM = 71


def load_photos(source: Path | None) -> list[np.ndarray]:
    """Return the pictures of a folder in name order, or those of `scikit-image`, shrunk to a shorter side of 512 px.

    Args:
        source: a folder, searched with all folders in it; the name `scikit-image`; None for no photographs.

    Returns:
        `(H, W, 3)` uint8 RGB pictures.

    Raises:
        DataError: the folder holds no picture, or the package is not installed.
    """
    return [_read_photo(file) for file in _photo_files(source)] if source is not None else []


def _photo_files(source: Path) -> list[Path]:
    if source.is_dir():
        files = photo_files(source)
        if not files:
            raise DataError(
                f"want a folder with photographs ({', '.join(PHOTO_SUFFIXES)}), got {source}, which has none"
            )
        return files
    if str(source) != PACKAGE:
        raise DataError(f"want a folder of photographs or the word {PACKAGE}, got {source}, which is not there")
    package = find_spec("skimage")
    if package is None or package.origin is None:
        raise DataError(f"the photographs of {PACKAGE} are wanted and it is not installed: pip install {PACKAGE}")
    files = [Path(package.origin).parent / "data" / name for name in PACKAGED]
    return [file for file in files if file.is_file()]


def photo_files(folder: Path) -> list[Path]:
    """Return every picture file under a folder, in name order."""
    return sorted(file for file in folder.rglob("*") if file.suffix.lower() in PHOTO_SUFFIXES)


def _read_photo(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        picture = picture.convert("RGB")
        scale = min(1.0, _SHORTER_SIDE / min(picture.size))
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        return np.asarray(picture.resize(size, Image.Resampling.BOX))


def photo_crop(
    rng: np.random.Generator, photos: Sequence[np.ndarray], smallest: float, aspect: float = 1.0
) -> np.ndarray:
    """Return a random part of a random photo, `(H, W, 3)` uint8, `aspect` wide for its height, mirrored half the time.

    The part is at least `smallest` of the largest one that fits.
    """
    photo = photos[int(rng.integers(len(photos)))]
    tall = max(8, round(min(photo.shape[0], photo.shape[1] / aspect) * rng.uniform(smallest, 1.0)))
    tall, wide = min(tall, photo.shape[0]), min(max(8, round(tall * aspect)), photo.shape[1])
    top, left = rng.integers(photo.shape[0] - tall + 1), rng.integers(photo.shape[1] - wide + 1)
    crop = photo[top : top + tall, left : left + wide]
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def with_photo(scene: Scene, photos: Sequence[np.ndarray], share: float = PHOTO_SHARE) -> Scene:
    """Return the scene with a photograph behind it, or as it is: at random from its seed.

    Nothing but the backdrop changes, so all that is true of the scene stays true.

    Args:
        scene: any scene.
        photos: `(H, W, 3)` uint8 pictures; without any the scene stays as it is.
        share: how many of the scenes get one, 0 to 1.
    """
    rng = np.random.default_rng([scene.seed, _STREAM])
    if not photos or rng.random() >= share:
        return scene
    crop = photo_crop(rng, photos, 0.5, scene.aspect).astype(np.float32) / 255
    calm, light = rng.uniform(0.45, 1.0), rng.uniform(0.3, 0.6)
    picture = np.clip((crop - crop.mean()) * calm + light, 0, 1)
    return replace(scene, backdrop=replace(scene.backdrop, kind="photo", photo=picture.astype(np.float32)))
