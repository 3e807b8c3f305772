"""Object ids out of pictures: palette and grey PNG files, and colour pictures in the colours of DAVIS.

A value is an id. 255 is void, where nothing is said, wherever a video has other ids; alone it is one object, as models
write a mask in black and white.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from veason.formats.benchmarks.rows import RowError
from veason.masks import davis_palette

VOID = 255
"""The value of pixels of which nothing is said."""

_BROKEN = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_MOST_GREYS = 64
"""Values of grey pictures of a video that can be ids; more are shades. Source: ours."""

_FEW = 3

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

_BLACK: Color = (0, 0, 0)


def read_indices(file: Path) -> np.ndarray:
    """Return the `(H, W)` uint8 values of a palette or grey picture, or the ids whose DAVIS colours a picture has.

    Raises:
        RowError: the file is missing or broken, was saved with losses, or has other colours, whose ids are lost.
    """
    try:
        with Image.open(file) as picture:
            if picture.format == "JPEG":
                raise RowError(f"{file}: is a JPEG, which changes values: save ids as PNG")
            if picture.mode in ("RGB", "RGBA"):
                return _ids_of_colors(np.asarray(picture), file)
            if picture.mode not in ("P", "L", "1"):
                raise RowError(
                    f"{file}: want a palette or grey picture of 8 bits, got mode {picture.mode}: its ids are lost"
                )
            values = np.asarray(picture.convert("L") if picture.mode == "1" else picture, dtype=np.uint8)
            _check_black(_palette(picture), values, file)
            return values
    except FileNotFoundError as error:
        raise RowError(f"{file}: is missing; every listed frame needs its mask", "missing mask") from error
    except RowError:
        raise
    except _BROKEN as error:
        raise RowError(f"{file}: not a readable PNG ({error})") from error


def used_colors(file: Path, values: Iterable[int]) -> dict[int, Color]:
    """Return the colours of values in the palette of a picture, {} where it has none. Raises RowError."""
    try:
        with Image.open(file) as picture:
            palette = _palette(picture)
    except _BROKEN as error:
        raise RowError(f"{file}: not a readable PNG ({error})") from error
    return {value: palette[value] for value in values if value < len(palette)}


def _palette(picture: Image.Image) -> list[Color]:
    codes = picture.getpalette("RGB") if picture.mode == "P" else None
    return list(zip(codes[::3], codes[1::3], codes[2::3], strict=True)) if codes else []


def _check_black(palette: list[Color], values: np.ndarray, file: Path) -> None:
    """Raise RowError where black, the background, was moved from 0 to another value, as drawing programs do."""
    if palette and palette[0] != _BLACK and _BLACK in palette:
        for value in np.unique(values).tolist():
            if value < len(palette) and palette[value] == _BLACK:
                raise RowError(
                    f"{file}: its palette was put in another order: black, the background, is {value}, and 0 is "
                    f"{palette[0]}, so values are no ids. Save it with the palette that it had"
                )


def is_grey(file: Path) -> bool:
    """Tell whether a picture has shades of grey, in which edges may be soft. Raises RowError where it is broken."""
    try:
        with Image.open(file) as picture:
            return picture.mode == "L"
    except _BROKEN as error:
        raise RowError(f"{file}: not a readable PNG ({error})") from error


def solid_values(picture: np.ndarray) -> set[int]:
    """Return the values of an `(H, W)` picture that fill a square of 2x2 pixels somewhere.

    >>> solid_values(np.array([[1, 1, 2], [1, 1, 3]]))
    {1}
    """
    corner = picture[:-1, :-1]
    is_solid = (corner == picture[1:, :-1]) & (corner == picture[:-1, 1:]) & (corner == picture[1:, 1:])
    return {int(value) for value in np.unique(corner[is_solid])}


def check_hard_edges(values: set[int], solid: set[int], place: object) -> None:
    """Raise RowError where values of grey pictures are shades, not ids.

    Args:
        values: all that the grey pictures of a video have.
        solid: those that fill a square somewhere; shades of soft edges are lines.
        place: begins the message.
    """
    shades = sorted(values - solid - {0, VOID})
    if len(values) > _MOST_GREYS or (len(shades) >= _FEW and len(shades) > len(solid - {0, VOID})):
        shown = ", ".join(map(str, (shades or sorted(values))[:4]))
        raise RowError(
            f"{place}: grey pictures with soft edges or shades ({len(values)} values, such as {shown}): nothing tells "
            "where an object ends. Save each object as one value with hard edges, or as a palette PNG"
        )


def _ids_of_colors(picture: np.ndarray, file: Path) -> np.ndarray:
    """Return the `(H, W)` uint8 ids of an RGB picture, with alpha or without."""
    if picture.shape[2] == 4 and int(picture[..., 3].min()) < 255:
        raise RowError(f"{file}: a colour picture that is partly transparent holds no ids: save a palette PNG")
    codes = picture[..., 0].astype(np.int32) << 16 | picture[..., 1].astype(np.int32) << 8 | picture[..., 2]
    colors, places = np.unique(codes, return_inverse=True)
    ids = _ids_by_color()
    for color in colors.tolist():
        if color not in ids:
            named = tuple(color >> shift & 255 for shift in (16, 8, 0))
            raise RowError(
                f"{file}: a colour picture whose ids are lost: {named} is none of the colours in which DAVIS stores "
                "them. Save a palette PNG"
            )
    return np.array([ids[color] for color in colors.tolist()], np.uint8)[places].reshape(codes.shape)


@lru_cache(maxsize=1)
def _ids_by_color() -> dict[int, int]:
    return {red << 16 | green << 8 | blue: number for number, (red, green, blue) in enumerate(davis_palette().tolist())}
