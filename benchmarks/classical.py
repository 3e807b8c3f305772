"""The classical way to the same masks, to compare with: GrabCut inside the box, then DIS optical flow.

Needs `pip install opencv-python-headless`, which the product itself does without.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from veason.types import Box, VideoSource

WORK_WIDTH = 640
"""Frames are shrunk to this width: flow and GrabCut gain nothing from more."""

GRABCUT_ROUNDS = 8


def track_classically(video: VideoSource, box: Box, frame_index: int) -> dict[int, np.ndarray]:
    """Return a `(H, W)` bool mask at source size for every frame: cut out on `frame_index`, carried along by flow."""
    import cv2

    width, height = video.info.size_wh
    scale = min(1.0, WORK_WIDTH / width)
    size = (round(width * scale), round(height * scale))
    indices = range(video.info.num_frames)
    frames = {
        frame.index: cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA) for frame in video.frames(indices)
    }
    start = cut_out(frames[frame_index], tuple(value * scale for value in box.xyxy))
    masks = {frame_index: start}
    for way in (range(frame_index + 1, len(indices)), range(frame_index - 1, -1, -1)):
        masks.update(_carry(frames, start, frame_index, way))
    return {index: _enlarge(mask, (width, height)) for index, mask in masks.items()}


def cut_out(image: np.ndarray, xyxy: tuple[float, ...]) -> np.ndarray:
    """Return GrabCut's `(h, w)` float32 mask (0 or 1) of the object in a box."""
    import cv2

    x1, y1, x2, y2 = (round(value) for value in xyxy)
    labels = np.zeros(image.shape[:2], np.uint8)
    back, front = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    rectangle = (x1, y1, max(1, x2 - x1), max(1, y2 - y1))
    cv2.grabCut(image[..., ::-1].copy(), labels, rectangle, back, front, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_RECT)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)


def _carry(
    frames: dict[int, np.ndarray], start: np.ndarray, first: int, way: range
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the mask of each frame on the way: where each pixel came from is followed along the flow, frame by frame.

    Pulling places rather than masks keeps the outline sharp: a mask resampled hundreds of times fades away.
    """
    import cv2

    flow_of = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows, columns = np.mgrid[: start.shape[0], : start.shape[1]].astype(np.float32)
    from_x, from_y = columns, rows
    before = cv2.cvtColor(frames[first], cv2.COLOR_RGB2GRAY)
    for index in way:
        now = cv2.cvtColor(frames[index], cv2.COLOR_RGB2GRAY)
        flow = flow_of.calc(now, before, None)
        x, y = columns + flow[..., 0], rows + flow[..., 1]
        from_x, from_y = (
            cv2.remap(place, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for place in (from_x, from_y)
        )
        before = now
        yield index, cv2.remap(start, from_x, from_y, cv2.INTER_LINEAR)


def _enlarge(mask: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    import cv2

    return cv2.resize(mask, size_wh, interpolation=cv2.INTER_LINEAR) > 0.5
