"""Small real things in place of heavy ones: a video that is an array, and segmenters that fill boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from veason.errors import PromptError, VideoError
from veason.masks import empty_mask, encode_mask, mask_box
from veason.types import (
    Bounds,
    Box,
    Frame,
    FrameMasks,
    FrameRange,
    ObjectMask,
    Order,
    Passes,
    Prompt,
    Rle,
    VideoInfo,
    VideoSource,
)


class ArrayVideo:
    """A VideoSource over `(T, H, W, 3)` uint8 that writes down, in order, which frames were read (`reads`)."""

    def __init__(self, pictures: np.ndarray, fps: float = 10.0) -> None:
        self._pictures = pictures
        self._fps = fps
        self.reads: list[int] = []

    @property
    def info(self) -> VideoInfo:
        count, height, width, _ = self._pictures.shape
        return VideoInfo("array", count, (width, height), self._fps, 0.0, (count - 1) / self._fps, False, "images")

    def frame(self, frame_index: int) -> np.ndarray:
        if not 0 <= frame_index < len(self._pictures):
            raise VideoError(f"cannot read frame {frame_index} of array: it has {len(self._pictures)} frames")
        self.reads.append(frame_index)
        return self._pictures[frame_index]

    def frames(self, frame_indices: Sequence[int]) -> Iterator[Frame]:
        for frame_index in frame_indices:
            yield Frame(frame_index, self.frame(frame_index))


class BoxFiller:
    """A Segmenter that fills each object's first box (or the box around its mask or clicks) on every frame, score +5.

    Fixed masks come out as they are, absent frames empty with score -10. Order and range are those of a real segmenter:
    from the first prompted frame forward, then backward.
    """

    name = "box filler"

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        return 0.001 * num_frames * num_objects

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        start, stop = frames or (0, video.info.num_frames)
        if not prompts:
            raise PromptError("no prompt was given: draw a box")
        for prompt in prompts:
            if not start <= prompt.frame_index < stop:
                raise PromptError(f"object {prompt.object_id} on frame {prompt.frame_index} is outside {start}:{stop}")
        first: dict[int, Prompt] = {}
        for prompt in sorted(prompts, key=lambda prompt: prompt.frame_index):
            first.setdefault(prompt.object_id, prompt)
        for begin in sorted({prompt.frame_index for prompt in first.values()}):
            group = [prompt for prompt in first.values() if prompt.frame_index == begin]
            for frame_index in (*range(begin, stop), *range(begin - 1, start - 1, -1)):
                masks = {}
                for prompt in group:
                    masks[prompt.object_id] = ObjectMask(fill_box(prompt_box(prompt), video.info.size_wh), 5.0)
                    locked = (fixed or {}).get(prompt.object_id, {})
                    if frame_index in locked:
                        rle = locked[frame_index]
                        masks[prompt.object_id] = (
                            ObjectMask(empty_mask(video.info.size_wh), -10.0) if rle is None else ObjectMask(rle, 5.0)
                        )
                yield FrameMasks(frame_index, masks)


class Fading:
    """A segmenter whose corrections fade: a prompt gives its box `reach` frames either way, the first one everywhere.

    It goes outward from the last prompt, forward first, writes down the frames that it computes, and calls `on_frame`
    before each.
    """

    name = "fading"
    orders: tuple[Order, ...] = ("stock", "nearest")

    def __init__(self, reach: int = 5) -> None:
        self.reach = reach
        self.on_frame: Callable[[int], None] = lambda frame_index: None
        self.computed: list[int] = []
        self.passes: list[Passes | None] = []

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        return 0.001 * num_frames * num_objects

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
        order: Order = "stock",
        cursor: Callable[[], int] | None = None,
        passes: Passes | None = None,
        bounds: Bounds | None = None,
    ) -> Iterator[FrameMasks]:
        start, stop = frames or (0, video.info.num_frames)
        self.passes.append(passes)
        for object_id in sorted({prompt.object_id for prompt in prompts}):
            own = [prompt for prompt in prompts if prompt.object_id == object_id]
            centre = own[-1].frame_index
            for frame_index in (*range(max(centre, start), stop), *range(min(centre - 1, stop - 1), start - 1, -1)):
                wanted = bounds(object_id) if bounds is not None else (start, stop)
                if not wanted[0] <= frame_index < wanted[1]:
                    continue
                self.computed.append(frame_index)
                self.on_frame(frame_index)
                near = [one for one in own if abs(one.frame_index - frame_index) <= self.reach]
                box = prompt_box(near[-1] if near else own[0])
                yield FrameMasks(frame_index, {object_id: ObjectMask(fill_box(box, video.info.size_wh), 5.0)})


def fill_box(box: Box, size_wh: tuple[int, int]) -> Rle:
    """Return the mask of the whole pixels that a box touches."""
    mask = np.zeros(size_wh[::-1], bool)
    x1, y1 = max(int(box.x1), 0), max(int(box.y1), 0)
    mask[y1 : int(np.ceil(box.y2)), x1 : int(np.ceil(box.x2))] = True
    return encode_mask(mask)


def prompt_box(prompt: Prompt) -> Box:
    """Return the prompt's box, or the box around its mask or around its positive clicks."""
    if prompt.box is not None:
        return prompt.box
    if prompt.mask is not None:
        return mask_box(prompt.mask) or Box(0, 0, 0, 0)
    clicks = [click for click in prompt.clicks if click.is_positive]
    xs, ys = [click.x for click in clicks], [click.y for click in clicks]
    return Box(min(xs) - 2, min(ys) - 2, max(xs) + 2, max(ys) + 2)
