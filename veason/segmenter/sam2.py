"""SAM2 as a Segmenter: prompts in, RLE masks out, with caches that do not change the masks."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from veason.device import memory_guard
from veason.segmenter.batching import can_batch
from veason.segmenter.counters import Counters
from veason.segmenter.features import GIB, FeatureBudget, FeatureCache, FrameFeatures
from veason.segmenter.frames import ModelFrames
from veason.segmenter.identity import Scope, model_key, video_key
from veason.segmenter.memories import Output, TrackMemories, digest_plan
from veason.segmenter.nearest import ObjectHistory, track_nearest
from veason.segmenter.prompts import ObjectPlan, check_range, group_by_start, plan_objects
from veason.segmenter.tracker import GroupTracker, inference_context
from veason.types import Bounds, FrameMasks, FrameRange, Holding, Order, Passes, Prompt, Rle, VideoSource

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

_FRAME_CACHE_SIZE = 16
"""Number of resized frames cached per call: 50 MB at 1024 px. Also the block size when decoding backward."""


class Sam2Segmenter:
    """A SAM2 video predictor as a Segmenter.

    The state of a call belongs to its generator, so calls in several threads do not share any. Two caches outlive a
    call: features of frames and memories of tracked objects. A cached value equals a computed one bit for bit, so no
    result depends on them.

    Args:
        model: the predictor.
        name: the name by which the user chose it.
        feature_budget_bytes: memory for frame features; 0 encodes every frame again in each call, as stock does.
        memory_budget_bytes: memory for tracked outputs; 0 disables that cache.
        features: a feature cache to use instead of `feature_budget_bytes`; segmenters may share one.
        batched: track objects with the same start in one batch: faster on a GPU, but not bit-equal to stock.
    """

    def __init__(
        self,
        model: SAM2VideoPredictor,
        name: str,
        *,
        feature_budget_bytes: int = GIB,
        memory_budget_bytes: int = GIB // 4,
        features: FeatureCache | None = None,
        batched: bool = False,
    ) -> None:
        self._batched = batched and can_batch(model)
        self.model = model
        self._name = name
        self._duration = DurationEstimate(initial_seconds_per_unit(model))
        if features is None and feature_budget_bytes > 0:
            features = FeatureCache(FeatureBudget(ram=feature_budget_bytes))
        self.features = features
        self.memories = TrackMemories(memory_budget_bytes) if memory_budget_bytes > 0 else None
        self._model_key = model_key(model)
        self._lock = threading.Lock()
        self._num_encoded = 0
        self._num_decoded = 0

    @property
    def name(self) -> str:
        """The name by which the user chose it."""
        return self._name

    @property
    def device(self) -> str:
        """The device of the network, such as "cpu" or "cuda:0"."""
        return str(self.model.device)

    @property
    def orders(self) -> tuple[Order, ...]:
        """The orders that `track` accepts."""
        return ("stock", "nearest")

    @property
    def counters(self) -> Counters:
        """Work since this segmenter was created, and cache sizes. A call is counted when its generator ends."""
        return Counters(
            encoded=self._num_encoded,
            decoded=self._num_decoded,
            feature_bytes=self.features.usage.total if self.features else 0,
            memory_bytes=self.memories.num_bytes if self.memories else 0,
        )

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What the caches hold of their budgets."""
        found = []
        if self.features is not None:
            budget = self.features.budget
            most = budget.gpu + budget.ram + budget.disk
            found.append(Holding("features of frames", self.features.usage.total, most))
        if self.memories is not None:
            found.append(Holding("memories of tracks", self.memories.num_bytes, self.memories.budget_bytes))
        return tuple(found)

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """Return the expected seconds of tracking: a guess by model size and device, refined by measurement."""
        return self._duration.estimate(num_frames, num_objects)

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
        """Yield the masks of every prompted object. The arguments are checked by the call, before the first `next`.

        An object starts on its first frame with a box or a mask, else on its first frame with a positive click. Objects
        with the same start are tracked together, one pass per direction; groups with later starts follow. A group
        yields its corrected frames, its start, the frames after it, and the frames before it in descending order.

        A prompt with a box or a mask is independent and conditions all frames. A prompt of clicks only, on a frame
        other than the start, is a correction: it changes the tracked mask there, as in stock SAM2 after a first
        propagation, and also conditions all frames. A locked mask conditions all frames and replaces a prompt on its
        frame; an absent frame goes into memory as an empty mask. Fixed masks of objects without a prompt are ignored.
        With `frames`, indices stay absolute and forward masks equal those of a run over the whole video.

        With `order="nearest"` the passes run from the last correction in the order of `prompts` (from the start if
        there is none): its mask comes first, then frames by distance from `cursor()`, which is read before each frame.
        Masks equal those of stock SAM2 after the prompts and both passes, then each correction and both passes from its
        frame. Here `frames` only selects which masks to yield: they equal those of the whole video, prompts may lie
        outside the range, and only frames that they depend on are computed. A prompt with an entry in `passes` is a
        correction whatever it has, after which stock goes no farther than that range; `bounds` narrows the last one.

        Raises:
            PromptError: see `Segmenter.track`.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
        whole = (0, video.info.num_frames)
        frames = frames or whole
        check_range(video.info, frames)
        plans = plan_objects(video.info, prompts, fixed or {}, frames if order == "stock" else whole, passes)
        return self._track(video, plans, frames, order, cursor, bounds)

    def encode(self, video: VideoSource, frame_indices: Iterable[int]) -> Iterator[int]:
        """Encode frames before any prompt, one per step, and yield their indices; cached frames are not encoded again.

        Ends early when the feature budget is full of this video's frames, and yields nothing without a feature cache.

        Raises:
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
        scope = self._scope(video)
        if self.features is not None:
            self.features.set_cursor(scope)
        with memory_guard(), self._open_frames(video, scope) as (_, features):
            for frame_index in frame_indices if features is not None else ():
                assert features is not None
                assert self.features is not None
                if not features.has(frame_index):
                    if not self.features.has_room(scope):
                        return
                    with inference_context(self.model.device):
                        features.get(frame_index)
                yield frame_index

    def _track(
        self,
        video: VideoSource,
        plans: list[ObjectPlan],
        frames: FrameRange,
        order: Order,
        cursor: Callable[[], int] | None,
        bounds: Bounds | None,
    ) -> Iterator[FrameMasks]:
        scope = self._scope(video)
        constants = self.memories.constants.setdefault(scope[1], {}) if self.memories else {}
        with memory_guard(), self._open_frames(video, scope) as (images, features):

            def store_output(plan: ObjectPlan, frame_index: int, output: Output) -> None:
                if self.memories is not None:
                    self.memories.put(scope, digests[plan.object_id], frame_index, output)

            digests = {plan.object_id: digest_plan(plan) for plan in plans}
            make_tracker = partial(
                GroupTracker,
                self.model,
                images,
                video.info,
                features=features,
                on_output=store_output,
                constants=constants,
                batched=self._batched,
            )
            if order == "stock":
                for group in group_by_start(plans):
                    if self.features is not None:
                        self.features.set_cursor(scope, group[0].start)
                    tracker = make_tracker(group)
                    tracker.condition()
                    yield from tracker.correct()
                    yield from self._duration.measure(tracker.propagate(frames), len(group))
                return
            histories = [ObjectHistory(self.model, make_tracker([plan]), plan, self.memories, scope) for plan in plans]
            if self.features is not None:
                self.features.set_cursor(scope, histories[-1].centre)
            observed_cursor = None if cursor is None else partial(self._move_cursor, scope, cursor)
            nearest = track_nearest(histories, frames, observed_cursor, bounds, batched=self._batched)
            yield from self._duration.measure(nearest, len(plans), lambda: features.num_encoded if features else None)

    def _move_cursor(self, scope: Scope, cursor: Callable[[], int]) -> int:
        """Return the cursor's frame index and make it the cursor of the feature cache."""
        frame_index = cursor()
        if self.features is not None:
            self.features.set_cursor(scope, frame_index)
        return frame_index

    def _scope(self, video: VideoSource) -> Scope:
        """Return the cache scope of a video and the current network. A changed network clears both caches."""
        current = model_key(self.model)
        if current != self._model_key:
            self._model_key = current
            for cache in (self.features, self.memories):
                if cache is not None:
                    cache.forget()
        return (video_key(video), current)

    @contextmanager
    def _open_frames(self, video: VideoSource, scope: Scope) -> Iterator[tuple[ModelFrames, FrameFeatures | None]]:
        """Provide a video's images and features for one call, and add its frame counts at the end."""
        images = ModelFrames(video, self.model.image_size, self.model.device, _FRAME_CACHE_SIZE)
        features = None if self.features is None else FrameFeatures(self.model, images, self.features, scope)
        try:
            yield images, features
        finally:
            with self._lock:
                self._num_decoded += images.num_decoded
                self._num_encoded += features.num_encoded if features is not None else 0


class DurationEstimate:
    """An estimate of tracking time: average seconds per unit of work, where a frame with N objects is N + 1 units.

    Source: with SAM2.1 large, encoding a frame costs about as much as tracking one object (22.6 and 18.7 ms, A100).
    """

    def __init__(self, seconds_per_unit: float) -> None:
        self._seconds_per_unit = seconds_per_unit
        self._num_measured = 0

    def estimate(self, num_frames: int, num_objects: int) -> float:
        """Return the expected seconds for tracking `num_objects` over `num_frames`."""
        return self._seconds_per_unit * num_frames * (num_objects + 1)

    def measure(
        self, work: Iterator[FrameMasks], num_objects: int, encoded: Callable[[], int | None] = lambda: None
    ) -> Iterator[FrameMasks]:
        """Yield from `work`, one frame per step, and average the time of each step but the first, the prompted frame.

        `encoded` returns the number of frames encoded so far, if known; steps that used cached frames are not averaged.
        """
        yield from itertools.islice(work, 1)
        while True:
            begin, encoded_before = time.perf_counter(), encoded()
            masks = next(work, None)
            if masks is None:
                return
            if encoded_before is None or encoded() != encoded_before:
                self._update((time.perf_counter() - begin) / (num_objects + 1))
            yield masks

    def _update(self, seconds_per_unit: float) -> None:
        """Update the average over about the last 20 frames. The first measurement replaces the initial guess."""
        self._num_measured += 1
        weight = 1 / min(self._num_measured, 20)
        self._seconds_per_unit += weight * (seconds_per_unit - self._seconds_per_unit)


def initial_seconds_per_unit(model: SAM2VideoPredictor) -> float:
    """Return a guess of the seconds per unit: 20 ms on a GPU; on a CPU by the model's parameters and input size.

    Source: large at 1024 px (224 million parameters) took 13.5 s per unit on two cores; 0.03 s is a floor for small
        models.
    """
    if model.device.type == "cuda":
        return 0.02
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return max(0.03, float(13.5 * parameters / 224e6 * (model.image_size / 1024) ** 2))
