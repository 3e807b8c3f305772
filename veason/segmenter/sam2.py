"""SAM2 behind the Segmenter protocol: prompts in, masks as RLE out, and caches that change nothing but the time."""

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
from veason.segmenter.tracker import GroupTracker, computing
from veason.types import Bounds, FrameMasks, FrameRange, Order, Passes, Prompt, Rle, VideoSource

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

KEPT_FRAMES = 16
"""Resized frames in memory at a time: 50 MB at 1024 px; also the block that is decoded at once going backward."""


class Sam2Segmenter:
    """A SAM2 video predictor as a Segmenter.

    A call keeps its state on the stack of its generator, and calls in several threads do not meet. What survives are
    two caches, features of frames and memories of tracked objects. They hold what would be computed again, bit for
    bit, so that no result depends on them.

    Args:
        model: the predictor.
        name: how the user calls it.
        feature_budget_bytes: memory for features of frames; 0 encodes every frame again in each call, as stock does.
        memory_budget_bytes: memory for what was tracked; 0 tracks again up to a correction.
        features: a cache with tiers of its own, in place of `feature_budget_bytes`; it may be shared by segmenters.
        batched: track objects that begin alike in one batch: faster on a GPU, with other last bits than stock's.
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
        self._pace = Pace(_first_guess(model))
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
        """How the user calls it."""
        return self._name

    @property
    def device(self) -> str:
        """Where the network is."""
        return str(self.model.device)

    @property
    def orders(self) -> tuple[Order, ...]:
        """Every order."""
        return ("stock", "nearest")

    @property
    def counters(self) -> Counters:
        """What was done since this segmenter was made, and what its caches hold. Runs count when they end."""
        return Counters(
            encoded=self._num_encoded,
            decoded=self._num_decoded,
            feature_bytes=self.features.usage.total if self.features else 0,
            memory_bytes=self.memories.num_bytes if self.memories else 0,
        )

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
        order: Order = "stock",
        cursor: Callable[[], int] | None = None,
        passes: Passes | None = None,
        bounds: Bounds | None = None,
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

        With `order="nearest"` the passes run from the last correction in the order of `prompts` (from the start where
        there is none), its mask first, then by distance from `cursor()`, which may move meanwhile. Masks equal those
        of stock SAM2 after: the prompts and both passes; then each correction and both passes from its frame. Here
        `frames` only says which masks are wanted: they equal those of the whole video, prompts may lie outside of it,
        and nothing is computed that they do not depend on. A prompt that `passes` names is a correction whatever it
        holds, after which stock goes no farther than that range in either direction; `bounds` narrows the last one.

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
        """Encode frames ahead of any prompt, one a step, and yield their indices; cached ones cost nothing.

        It ends where the budget of features is full of this video's. Without a cache nothing comes.

        Raises:
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
        scope = self._scope(video)
        if self.features is not None:
            self.features.look_at(scope)
        with memory_guard(), self._reading(video, scope) as (_, features):
            for frame_index in frame_indices if features is not None else ():
                assert features is not None
                assert self.features is not None
                if not features.has(frame_index):
                    if not self.features.has_room(scope):
                        return
                    with computing(self.model.device):
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
        with memory_guard(), self._reading(video, scope) as (images, features):

            def keep(plan: ObjectPlan, frame_index: int, output: Output) -> None:
                if self.memories is not None:
                    self.memories.put(scope, digests[plan.object_id], frame_index, output)

            digests = {plan.object_id: digest_plan(plan) for plan in plans}
            make_tracker = partial(
                GroupTracker,
                self.model,
                images,
                video.info,
                features=features,
                keep=keep,
                constants=constants,
                batched=self._batched,
            )
            if order == "stock":
                for group in group_by_start(plans):
                    if self.features is not None:
                        self.features.look_at(scope, group[0].start)
                    tracker = make_tracker(group)
                    tracker.condition()
                    yield from tracker.correct()
                    yield from self._pace.measured(tracker.propagate(frames), len(group))
                return
            histories = [ObjectHistory(self.model, make_tracker([plan]), plan, self.memories, scope) for plan in plans]
            if self.features is not None:
                self.features.look_at(scope, histories[-1].centre)
            watched = None if cursor is None else partial(self._follow, scope, cursor)
            nearest = track_nearest(histories, frames, watched, bounds, batched=self._batched)
            yield from self._pace.measured(nearest, len(plans), lambda: features.num_encoded if features else None)

    def _follow(self, scope: Scope, cursor: Callable[[], int]) -> int:
        """Return where the cursor is, and let the features near it stay."""
        frame_index = cursor()
        if self.features is not None:
            self.features.look_at(scope, frame_index)
        return frame_index

    def _scope(self, video: VideoSource) -> Scope:
        """Return what cached values of this video and the network as it is now go by; a changed network clears all."""
        current = model_key(self.model)
        if current != self._model_key:
            self._model_key = current
            for cache in (self.features, self.memories):
                if cache is not None:
                    cache.forget()
        return (video_key(video), current)

    @contextmanager
    def _reading(self, video: VideoSource, scope: Scope) -> Iterator[tuple[ModelFrames, FrameFeatures | None]]:
        """Open a video's pictures and features for one run, and count what was read and encoded."""
        images = ModelFrames(video, self.model.image_size, self.model.device, KEPT_FRAMES)
        features = None if self.features is None else FrameFeatures(self.model, images, self.features, scope)
        try:
            yield images, features
        finally:
            with self._lock:
                self._num_decoded += images.num_decoded
                self._num_encoded += features.num_encoded if features is not None else 0


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

    def measured(
        self, work: Iterator[FrameMasks], num_objects: int, encoded: Callable[[], int | None] = lambda: None
    ) -> Iterator[FrameMasks]:
        """Yield from `work`, one frame a step, and learn from the time of each but the first, which was prompted.

        `encoded` counts frames encoded so far, where that is known: steps that take what is at hand teach nothing.
        """
        yield from itertools.islice(work, 1)
        while True:
            begin, encoded_before = time.perf_counter(), encoded()
            masks = next(work, None)
            if masks is None:
                return
            if encoded_before is None or encoded() != encoded_before:
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
    return max(0.03, float(13.5 * parameters / 224e6 * (model.image_size / 1024) ** 2))
