"""SAM2 behind the Segmenter protocol: prompts in, masks as RLE out, no state in between."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from veason.device import memory_guard
from veason.segmenter.frames import ModelFrames
from veason.segmenter.prompts import ObjectPlan, group_by_start, plan_objects
from veason.segmenter.tracker import GroupTracker
from veason.types import FrameMasks, FrameRange, Prompt, Rle, VideoSource

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

KEPT_FRAMES = 16
"""Resized frames in memory at a time: 50 MB at 1024 px; also the block that is decoded at once going backward."""


class Sam2Segmenter:
    """A SAM2 video predictor as a Segmenter.

    A call keeps its state on the stack of its generator: nothing survives it, and calls in several threads do not meet.
    """

    def __init__(self, model: SAM2VideoPredictor, name: str) -> None:
        self.model = model
        self._name = name
        self._pace = Pace(_first_guess(model))

    @property
    def name(self) -> str:
        """How the user calls it."""
        return self._name

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """Return the seconds that tracking is likely to take: a guess by model and device, later as measured."""
        return self._pace.estimate(num_frames, num_objects)

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield the masks of every prompted object; the arguments are checked at once, before the first `next`.

        An object starts on its first frame with a box or a mask, or where there is none, with a click on it. Objects
        that start on the same frame are tracked together, in one pass a direction; each later group follows with passes
        of its own. A group yields its corrected frames, its start, the frames after it, and those before it, backward.

        A prompt with a box or a mask stands alone and conditions all frames. A prompt of clicks alone on another frame
        than the start is a correction: it changes the mask that tracking gives there, as in stock SAM2 after a first
        propagation, and conditions all frames too. A locked mask conditions all frames and wins over a prompt on its
        frame; an absent frame is remembered as empty. Fixed masks of objects without a prompt are left alone. With
        `frames`, indices stay absolute and forward masks equal those of a run over the whole video.

        Raises:
            PromptError: see `Segmenter.track`.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
        frames = frames or (0, video.info.num_frames)
        plans = plan_objects(video.info, prompts, fixed or {}, frames)
        return self._track(video, plans, frames)

    def _track(self, video: VideoSource, plans: list[ObjectPlan], frames: FrameRange) -> Iterator[FrameMasks]:
        images = ModelFrames(video, self.model.image_size, self.model.device, KEPT_FRAMES)
        with memory_guard():
            for group in group_by_start(plans):
                tracker = GroupTracker(self.model, images, video.info, group)
                tracker.condition()
                yield from tracker.correct()
                yield from self._pace.measured(tracker.propagate(frames), len(group))


class Pace:
    """How long a frame takes: a running average of seconds per unit of work, where a frame with N objects is N + 1
    units. Source: on large, encoding a frame costs about as much as tracking one object (22.6 and 18.7 ms, A100).
    """

    def __init__(self, seconds_per_unit: float) -> None:
        self._seconds_per_unit = seconds_per_unit
        self._num_measured = 0

    def estimate(self, num_frames: int, num_objects: int) -> float:
        """Return the seconds for so many frames and objects."""
        return self._seconds_per_unit * num_frames * (num_objects + 1)

    def measured(self, work: Iterator[FrameMasks], num_objects: int) -> Iterator[FrameMasks]:
        """Yield from `work`, one frame a step, and learn from the time of each but the first, which was prompted."""
        yield from itertools.islice(work, 1)
        while True:
            begin = time.perf_counter()
            masks = next(work, None)
            if masks is None:
                return
            self._learn((time.perf_counter() - begin) / (num_objects + 1))
            yield masks

    def _learn(self, seconds_per_unit: float) -> None:
        """Average over what was seen, the last 20 frames or so counting most; the guess goes with the first frame."""
        self._num_measured += 1
        weight = 1 / min(self._num_measured, 20)
        self._seconds_per_unit += weight * (seconds_per_unit - self._seconds_per_unit)


def _first_guess(model: SAM2VideoPredictor) -> float:
    """Return a guess of the seconds per unit: 20 ms on a GPU, and by the size of the model and its picture on a CPU.

    Source: large at 1024 px (224 million parameters) took 13.5 s a unit on two cores; the floor is for small ones.
    """
    if model.device.type == "cuda":
        return 0.02
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return max(0.03, 13.5 * parameters / 224e6 * (model.image_size / 1024) ** 2)
