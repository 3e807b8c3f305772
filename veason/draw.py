"""Draw masks and boxes on pictures, shared by the UI and by export. The only module that knows supervision."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

from veason.boxes import boxes_array
from veason.errors import ExportError
from veason.libraries import library_imports
from veason.masks import davis_palette, decode_mask
from veason.types import Box, FrameMasks, FrameRange, MaskTrack, ObjectMask, OnProgress, VideoSource
from veason.video import VideoWriter

if TYPE_CHECKING:
    import supervision as sv

# Source: Okabe & Ito, Color Universal Design (2008), ordered so that neighbours differ in lightness as well as in hue;
# black, which vanishes in shadows, gave its place to the wine of Paul Tol's "muted" scheme.
PALETTE = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#0072B2", "#882255")
"""Colours of objects as hex text, told apart by colour-blind people too; object `i` has `PALETTE[(i - 1) % 8]`."""

MASK_OPACITY = 0.45
"""Share of the object's colour inside a mask: the picture stays readable, the colour is not in doubt."""

MAX_PALETTE_ID = 255


def color_of(object_id: int) -> str:
    """Return the colour of an object as hex text.

    >>> color_of(1), color_of(9) == color_of(1)
    ('#56B4E9', True)
    """
    return PALETTE[(object_id - 1) % len(PALETTE)]


def detections(masks: Mapping[int, ObjectMask]) -> sv.Detections:
    """Return the objects of one frame as supervision's value type, in rising order of object id.

    `tracker_id` is the object id, `xyxy` the half-open box around the mask, `mask` is `(N, H, W)` bool, `confidence`
    the object score (a logit). Objects with an empty mask are left out.
    """
    sv = _supervision()
    decoded = {object_id: decode_mask(masks[object_id].rle) for object_id in sorted(masks)}
    ids = [object_id for object_id, mask in decoded.items() if mask.any()]
    if not ids:
        return sv.Detections.empty()
    stack = np.stack([decoded[object_id] for object_id in ids])
    return sv.Detections(
        xyxy=np.array([_box_around(mask) for mask in stack], dtype=np.float64),
        mask=stack,
        confidence=np.array([masks[object_id].score for object_id in ids], dtype=np.float64),
        tracker_id=np.array(ids),
    )


def draw_overlay(
    image: np.ndarray,
    frame_masks: FrameMasks,
    *,
    boxes: Sequence[Box] = (),
    names: Mapping[int, str] | None = None,
) -> np.ndarray:
    """Return `(H, W, 3)` uint8 RGB: the picture with tinted, outlined and labelled masks; `image` stays as it is.

    `boxes` (source pixels) are drawn in white, `names` are labels by object id (default: the id). Lines and text grow
    with the picture.
    """
    sv = _supervision()
    scene = np.ascontiguousarray(image[..., ::-1])  # supervision draws in OpenCV's BGR
    thickness = max(1, round(min(scene.shape[:2]) / 360))
    if boxes:
        framed = sv.Detections(xyxy=boxes_array(boxes), class_id=np.zeros(len(boxes), int))
        for color, width in (("#000000", thickness + 2), ("#FFFFFF", thickness)):  # a dark rim shows on white too
            scene = sv.BoxAnnotator(color=sv.Color.from_hex(color), thickness=width).annotate(scene, framed)
    found = detections(frame_masks.masks)
    if len(found):
        scene = _draw_objects(scene, found, thickness, names or {})
    return np.ascontiguousarray(scene[..., ::-1])


def _draw_objects(scene: np.ndarray, found: sv.Detections, thickness: int, names: Mapping[int, str]) -> np.ndarray:
    """Tint, outline and label objects on a BGR picture; return the picture."""
    sv = _supervision()
    colors, lookup = _palette(sv, color_of), sv.ColorLookup.TRACK
    scene = sv.MaskAnnotator(color=colors, opacity=MASK_OPACITY, color_lookup=lookup).annotate(scene, found)
    # Outlines are masks of full opacity: tracing polygons without OpenCV takes 1.3 s for two objects at 720p.
    outlines = sv.Detections(
        xyxy=found.xyxy,
        mask=np.stack([_outline(mask, box, thickness) for mask, box in zip(found.mask, found.xyxy, strict=True)]),
        tracker_id=found.tracker_id,
    )
    scene = sv.MaskAnnotator(color=colors, opacity=1.0, color_lookup=lookup).annotate(scene, outlines)
    labels = [names.get(int(object_id), str(object_id)) for object_id in found.tracker_id]
    annotator = sv.RichLabelAnnotator(
        color=colors,
        text_color=_palette(sv, _text_color_of),
        font_size=max(11, round(min(scene.shape[:2]) / 40)),
        text_padding=2 + 2 * thickness,
        border_radius=2 * thickness,
        smart_position=True,
        color_lookup=lookup,
    )
    drawn: np.ndarray = annotator.annotate(scene, found, labels=labels)
    return drawn


def overlay_video(
    video: VideoSource,
    tracks: Iterable[MaskTrack],
    path: str | Path,
    frame_range: FrameRange | None = None,
    *,
    names: Mapping[int, str] | None = None,
    on_progress: OnProgress | None = None,
) -> None:
    """Write the frames of `frame_range` (default: all) with their masks drawn on them as an MP4 at the source's rate.

    `on_progress` is called after each frame with how many are written, and of how many.

    Raises:
        VideoError: a frame cannot be read.
        ExportError: the range holds no frame, or the file cannot be written.
    """
    tracks = list(tracks)
    start, stop = frame_range or (0, video.info.num_frames)
    if start >= stop:
        raise ExportError(f"cannot write {Path(path).name}: the range {start}:{stop} holds no frame, widen it")
    with VideoWriter(path, video.info.size_wh, video.info.fps) as writer:
        for frame in video.frames(range(start, stop)):
            masks = {track.object_id: track.frames[frame.index] for track in tracks if frame.index in track.frames}
            writer.write(draw_overlay(frame.image, FrameMasks(frame.index, masks), names=names))
            if on_progress is not None:
                on_progress(frame.index - start + 1, stop - start)


def palette_image(masks: Mapping[int, ObjectMask], size_wh: tuple[int, int]) -> tuple[Image.Image, int]:
    """Return the masks as one picture of object ids (mode "P", 0 is background, DAVIS colours), and what it cost.

    A pixel of several objects goes to the highest score, at equal scores to the lowest id. The number counts the
    pixels that objects lost this way, one for each loser.

    Raises:
        ExportError: an id above 255, or a mask of another size.
    """
    width, height = size_wh
    canvas = np.zeros((height, width), np.uint8)
    wanted = 0
    for object_id in sorted(masks, key=lambda key: (masks[key].score, -key)):  # the winner is painted last
        mask = decode_mask(masks[object_id].rle)
        if object_id > MAX_PALETTE_ID or mask.shape != canvas.shape:
            raise ExportError(
                f"a palette image of {width}x{height} holds ids 1 to {MAX_PALETTE_ID}, got object {object_id} with a "
                f"mask of {mask.shape[1]}x{mask.shape[0]}: renumber the objects or export COCO RLE"
            )
        canvas[mask] = object_id
        wanted += int(mask.sum())
    image = Image.fromarray(canvas)
    image.putpalette(davis_palette().tobytes())
    return image, wanted - int(np.count_nonzero(canvas))


def _supervision() -> ModuleType:
    """Import supervision on first use: it takes a second, and complains where OpenCV is absent, which is our choice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with library_imports():
            import supervision
    module: ModuleType = supervision
    return module


def _palette(sv: ModuleType, choose: Callable[[int], str]) -> sv.ColorPalette:
    """Return a palette that supervision indexes by object id modulo its length."""
    return sv.ColorPalette.from_hex([choose(object_id) for object_id in range(len(PALETTE))])


def _text_color_of(object_id: int) -> str:
    """Return black or white, whichever reads better on the object's colour."""
    red, green, blue = (int(color_of(object_id)[place : place + 2], 16) for place in (1, 3, 5))
    return "#000000" if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else "#FFFFFF"


def _outline(mask: np.ndarray, box_xyxy: np.ndarray, thickness: int) -> np.ndarray:
    """Return the pixels of `(H, W)` `mask` within `thickness` of its edge; the border of the picture is no edge."""
    x1, y1, x2, y2 = box_xyxy.astype(int)
    part = np.pad(mask, 1, mode="edge")[y1 : y2 + 2, x1 : x2 + 2]
    inner = binary_erosion(part, np.ones((3, 3), bool), iterations=thickness, border_value=1)
    edge = np.zeros_like(mask)
    edge[y1:y2, x1:x2] = (part & ~inner)[1:-1, 1:-1]
    return edge


def _box_around(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
