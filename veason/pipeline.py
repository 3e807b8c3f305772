"""The pipeline from a question to masks, used by the app, the command line, evaluation and the training reward.

    video, instruction --think--> PolicyEvents (... Answered) --prompts_from_answer--> Prompts --propagate--> FrameMasks

`think`, `outside_training` and `propagate` are the only calls with GPU work, so they are wrapped for ZeroGPU
(`veason.device`): prompts in, text and RLE out, no state in between.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from veason.annotation import RecomputePlan, State
from veason.device import wrap_gpu_work
from veason.errors import MissingBackend
from veason.policy.limits import with_notes
from veason.policy.outcome import require_answer
from veason.policy.prompt import check_instruction
from veason.profile import sample_indices
from veason.segmenter.speculation import Speculation
from veason.shown import DEFAULT_BYTES, ShownFrames
from veason.tracks import is_ordered, prompts_from_answer, track_in_order
from veason.types import (
    Answered,
    Bounds,
    Frame,
    FrameMasks,
    FrameRange,
    Holding,
    HoldingModel,
    LimitedPolicy,
    ModelOptions,
    Note,
    Order,
    Passes,
    Policy,
    PolicyEvent,
    Prompt,
    Rle,
    Sampling,
    Segmenter,
    Turn,
    VideoSource,
    Withheld,
)
from veason.types.budgets import MIB
from veason.zero_gpu import is_zero_gpu, propagation_duration, thinking_duration

FixedMasks = Mapping[int, Mapping[int, Rle | None]]
"""Masks that must not change, by object id and frame index; None marks the object as absent on that frame."""

Cursor = Callable[[], int]
"""A function that returns the index of the frame on screen; it is called before each frame."""


@dataclass(frozen=True, slots=True)
class FramesShown:
    """The first event of `think`: the absolute indices of the frames shown to the policy."""

    frame_indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Pace:
    """A tracking speed measured in another process: seconds per thousand frames of one object."""

    seconds: float


class Pipeline:
    """A policy and a segmenter.

    Args:
        policy: the policy; None if only `propagate` is used.
        segmenter: the segmenter, None if only `think` is used; methods of Ordered- and EncodingSegmenter are optional.
        shown_bytes: bytes of decoded frames to cache for further questions about a video.
        speculates: whether the segmenter may start while the policy still writes. No result depends on it.
    """

    def __init__(
        self,
        policy: Policy | None,
        segmenter: Segmenter | None,
        *,
        shown_bytes: int = DEFAULT_BYTES,
        speculates: bool = True,
    ) -> None:
        self.policy = policy
        self._segmenter = segmenter
        self.shown_frames = ShownFrames(shown_bytes)
        self.uses_zero_gpu = is_zero_gpu()
        self._pace = 1.0
        # On ZeroGPU its caches would end with the process.
        self._is_speculating = speculates and segmenter is not None and not self.uses_zero_gpu
        self._think_on_gpu = wrap_gpu_work(self._think, self._thinking_seconds)
        self._outside_on_gpu = wrap_gpu_work(self._outside, lambda _, frames: thinking_duration(len(frames), 1))
        self._propagate_on_gpu = wrap_gpu_work(
            self._propagate_and_measure if self.uses_zero_gpu else self._propagate, self._propagation_seconds
        )

    @property
    def segmenter(self) -> Segmenter:
        """The segmenter. Raises MissingBackend where none was loaded."""
        if self._segmenter is None:
            raise MissingBackend("masks need a segmenter, and none was loaded")
        return self._segmenter

    @property
    def num_workers(self) -> int:
        """How many requests are worked on at a time."""
        return 1

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What the caches of the models and of frames hold now."""
        both: tuple[object, ...] = (self.policy, self._segmenter)
        models = [one for one in both if isinstance(one, HoldingModel)]
        shown = self.shown_frames
        own = Holding("frames shown to the policy", shown.num_bytes, shown.budget_bytes)
        return (*(holding for model in models for holding in model.holdings), own)

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """Return the expected seconds for propagating; on ZeroGPU by the pace that the worker measured last."""
        return self._pace * self.segmenter.estimate_seconds(num_frames, num_objects)

    def think(
        self,
        video: VideoSource,
        instruction: str,
        *,
        shown: Sequence[int] | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
        guess: bool = False,
    ) -> Iterator[FramesShown | PolicyEvent | Withheld]:
        """Yield FramesShown, then the policy's events for every sample, or Withheld where it would only guess.

        Args:
            video: the video.
            instruction: the description of the target.
            shown: absolute indices of the frames to show; by default the policy's frame count, evenly spaced.
            turns: earlier answers and corrections, oldest first.
            sampling: temperature, number of samples and length.
            guess: ask also if the question lies outside of the policy's training; its answers have the reasons as notes
                then (`Answer.is_guess`).

        Raises:
            MissingBackend: there is no policy.
            PromptError: the instruction is empty.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
        if self.policy is None:
            raise MissingBackend("thinking needs a policy, and none was loaded: draw a box by hand")
        instruction = check_instruction(instruction)
        if shown is None:
            shown = sample_indices(video.info.num_frames, self.policy.frame_count)
        yield FramesShown(tuple(shown))
        with closing(self._answers(video, instruction, tuple(shown), tuple(turns), sampling, guess)) as events:
            yield from events

    def _answers(
        self,
        video: VideoSource,
        instruction: str,
        shown: tuple[int, ...],
        turns: tuple[Turn, ...],
        sampling: Sampling,
        guess: bool,
    ) -> Generator[PolicyEvent | Withheld, None, None]:
        """Yield what `think` does after FramesShown."""
        reasons = self.outside_training(video, instruction, shown=shown)
        if reasons and not guess:
            yield Withheld(reasons)
            return
        frames = self.shown_frames.read(video, shown)
        events = self._think_on_gpu(video, instruction, frames, turns, sampling)
        with closing(events):  # type: ignore[type-var]  # a generator
            for event in events:
                yield with_notes(event, reasons)

    def outside_training(
        self, video: VideoSource, instruction: str, *, shown: Sequence[int] | None = None
    ) -> tuple[Note, ...]:
        """Return why a question lies outside of what the policy was trained on; () where it does not, or cannot tell.

        Args:
            video: where the frames come from.
            instruction: what to look for, in words.
            shown: as for `think`.

        Raises:
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
        if not isinstance(self.policy, LimitedPolicy):
            return ()
        if shown is None:
            shown = sample_indices(video.info.num_frames, self.policy.frame_count)
        frames = self.shown_frames.read(video, tuple(shown))
        looks = self.policy.profile.seen_pictures  # words and frame numbers take no GPU
        return tuple((self._outside_on_gpu if looks else self._outside)(instruction, frames))

    def propagate(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: FixedMasks | None = None,
        frames: FrameRange | None = None,
        order: Order = "stock",
        cursor: Cursor | None = None,
        passes: Passes | None = None,
        bounds: Bounds | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield masks frame by frame; see `Segmenter.track` for the order and the errors.

        Args:
            video: the video.
            prompts: boxes, clicks and masks of the objects.
            fixed: masks that must not change.
            frames: the half-open range of frames; by default all.
            order: "nearest" starts at the last correction and continues by distance from the cursor, see
                `OrderedSegmenter`. A segmenter without orders uses "stock".
            cursor: returns the frame to stay near, read before each frame; on a ZeroGPU Space it is read once.
            passes: how far corrections were followed; only where `can_settle`.
            bounds: returns the frames of an object that are still wanted; only where `can_settle`.
        """
        if cursor is not None and self.uses_zero_gpu:
            cursor = partial(int, cursor())  # the work runs in another process, which cannot call back
        arriving = self._propagate_on_gpu(video, tuple(prompts), fixed, frames, order, cursor, passes, bounds)
        for masks in arriving:
            if isinstance(masks, _Pace):
                self._pace = masks.seconds / max(self.segmenter.estimate_seconds(1000, 1), 1e-6)
            else:
                yield masks

    @property
    def can_settle(self) -> bool:
        """True where runs can end early: the segmenter has orders and can be asked from this process."""
        return is_ordered(self.segmenter, "nearest") and not self.uses_zero_gpu

    def recompute(
        self,
        video: VideoSource,
        plan: RecomputePlan,
        current: Callable[[], State],
        *,
        order: Order = "nearest",
        cursor: Cursor | None = None,
    ) -> Iterator[FrameMasks]:
        """Run the jobs of a plan in turn and yield the masks that the plan accepts.

        With an OrderedSegmenter the masks equal, bit for bit, those of a run over the whole video with the same
        prompts. A plan that may settle ends its jobs early, where `can_settle`; what they left is in
        `plan.settled`.

        Args:
            video: the video.
            plan: the jobs; it also records which masks have been computed.
            current: returns the current annotation state, called before each job and for every computed frame.
            order: as in `propagate`.
            cursor: as in `propagate`.

        Raises:
            VeasonError: as in `propagate`.
        """
        for job in plan.jobs:
            state = current()
            plan.begin(job)
            passes = plan.passes(state)
            tracked = self.propagate(
                video,
                job.prompts(state),
                fixed=job.fixed(state),
                frames=job.frames,
                order=order,
                cursor=cursor,
                passes=passes,
                bounds=None if passes is None else plan.bounds,
            )
            with closing(tracked):  # type: ignore[type-var]  # a generator
                for received in tracked:
                    accepted = plan.accept(received, current())
                    if accepted is not None:
                        yield accepted
            plan.end()

    def ask(
        self,
        video: VideoSource,
        instruction: str,
        *,
        shown: Sequence[int] | None = None,
        sampling: Sampling = Sampling(),
        frames: FrameRange | None = None,
        order: Order = "nearest",
        guess: bool = False,
    ) -> Iterator[FramesShown | PolicyEvent | FrameMasks]:
        """Run `think`, then propagate the boxes of the first usable answer; an absent target has no masks.

        By default masks start at the keyframe, where speculation has already computed some.

        Raises:
            AnswerError: as in `require_answer`. Other errors as in `think` and `propagate`.
        """
        answer = None
        for event in require_answer(self.think(video, instruction, shown=shown, sampling=sampling, guess=guess)):
            yield event
            if isinstance(event, Answered) and answer is None:
                answer = event.answer
        assert answer is not None, "else require_answer raises"
        if not answer.is_absent:
            yield from self.propagate(video, prompts_from_answer(answer), frames=frames, order=order)

    def _outside(self, instruction: str, frames: Sequence[Frame]) -> Iterator[Note]:
        assert isinstance(self.policy, LimitedPolicy)
        yield from self.policy.outside_training(frames, instruction)

    def _think(
        self,
        video: VideoSource,
        instruction: str,
        frames: Sequence[Frame],
        turns: tuple[Turn, ...],
        sampling: Sampling,
    ) -> Iterator[PolicyEvent]:
        assert self.policy is not None
        info = video.info
        events = self.policy.stream(
            frames, instruction, num_frames=info.num_frames, fps=info.fps, turns=turns, sampling=sampling
        )
        if not self._is_speculating:
            yield from events
            return
        shown = [frame.index for frame in frames]
        with Speculation(self.segmenter, video, shown) as speculation, closing(events):  # type: ignore[type-var]
            for event in events:
                speculation.observe(event)
                yield event

    def _propagate(self, *args: Any) -> Generator[FrameMasks, None, None]:
        yield from track_in_order(self.segmenter, *args)

    def _propagate_and_measure(self, *args: Any) -> Iterator[FrameMasks | _Pace]:
        yield from self._propagate(*args)
        yield _Pace(self.segmenter.estimate_seconds(1000, 1))

    def _propagation_seconds(
        self,
        video: VideoSource,
        prompts: tuple[Prompt, ...],
        fixed: FixedMasks | None,
        frames: FrameRange | None,
        *_: object,
    ) -> float:
        start, stop = frames or (0, video.info.num_frames)
        num_objects = len({prompt.object_id for prompt in prompts})
        return propagation_duration(self.estimate_seconds(stop - start, num_objects))

    def _thinking_seconds(self, *args: Any) -> float:
        _, _, frames, _, sampling = args  # as for `_think`
        return thinking_duration(len(frames), sampling.num_samples)


def load_pipeline(
    policy: str | None = None,
    segmenter: str | None = None,
    options: ModelOptions = ModelOptions(),
    *,
    has_policy: bool = True,
    has_segmenter: bool = True,
) -> Pipeline:
    """Load a policy and a segmenter as a pipeline.

    Args:
        policy: name of the policy, see `veason.policy.load_policy`.
        segmenter: name of the segmenter, see `veason.segmenter.load_segmenter`.
        options: device, caches and speed-ups of both.
        has_policy: False loads no policy and ignores `policy`.
        has_segmenter: False loads no segmenter and ignores `segmenter`.

    Raises:
        MissingBackend: weights or a library are missing; the message has the command to run.
        ProfileError: a profile or config is invalid or does not match the model.
        DeviceError: the device is not available or has too little memory.
    """
    from veason.policy import load_policy
    from veason.segmenter import load_segmenter

    return Pipeline(
        load_policy(policy, options) if has_policy else None,
        load_segmenter(segmenter, options) if has_segmenter else None,
        shown_bytes=options.budgets.shown * MIB,
        speculates=options.budgets.keeps_features,
    )
