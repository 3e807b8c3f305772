"""Drawn frames as a video with exact masks, and what boxes on it become: for rewards and for the results table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from veason.masks import encode_mask, union_mask
from veason.types import Box, Frame, Prompt, Rle, Segmenter, VideoInfo
from veason_nano.world.render import Renderer
from veason_nano.world.scene import Scene


class DrawnVideo:
    """Frames of a scene as a VideoSource: frame `n` is the n-th of `frames` (all by default).

    `owners` is `(T, H, W)` int8 with the object in front, -1 for none.
    """

    def __init__(self, scene: Scene, size_wh: tuple[int, int], frames: Sequence[int] | None = None) -> None:
        renderer = Renderer(scene, size_wh)
        drawn = [renderer.draw(frame) for frame in (range(scene.num_frames) if frames is None else frames)]
        self._images = [image for image, _ in drawn]
        self.owners = np.stack([owner for _, owner in drawn])
        count = len(drawn)
        self.info = VideoInfo(
            f"scene {scene.seed}", count, size_wh, scene.fps, 0.0, (count - 1) / scene.fps, False, "images"
        )

    def frame(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index`, `(H, W, 3)` uint8 RGB."""
        return self._images[frame_index]

    def frames(self, frame_indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the wanted frames in the given order."""
        for frame_index in frame_indices:
            yield Frame(frame_index, self._images[frame_index])

    def masks(self, actors: Sequence[int], frame_index: int) -> dict[int, Rle]:
        """Return the masks, by actor, of those that are seen on a frame."""
        owner = self.owners[frame_index]
        return {actor: encode_mask(owner == actor) for actor in actors if (owner == actor).any()}


class BoxTracks:
    """What a segmenter makes of boxes on a video; boxes that agree to `grid` pixels share one propagation."""

    def __init__(self, video: DrawnVideo, segmenter: Segmenter, grid: float) -> None:
        self._video, self._segmenter, self._grid = video, segmenter, grid
        self._known: dict[tuple, list[Rle]] = {}

    def union(self, boxes: Sequence[Box], frame_index: int) -> list[Rle]:
        """Return, for every frame, the union of the masks that boxes on one frame become."""
        rounded = sorted(tuple(round(value / self._grid) for value in box.xyxy) for box in boxes)
        key = (frame_index, *rounded)
        if key not in self._known:
            prompts = [Prompt(number, frame_index, box=box) for number, box in enumerate(boxes, start=1)]
            found: list[list[Rle]] = [[] for _ in range(self._video.info.num_frames)]
            for arrived in self._segmenter.track(self._video, prompts):
                found[arrived.frame_index] += [mask.rle for mask in arrived.masks.values()]
            self._known[key] = [union_mask(parts) for parts in found]
        return self._known[key]
