"""The one way from a question to masks, for the app, the command line, evaluation and the training reward.

    video, instruction --think--> PolicyEvents (... Answered) --prompts_from_answer--> Prompts --propagate--> FrameMasks

`think` and `propagate` are the only calls that do GPU work, so they pass through the GPU door: prompts in, text and RLE
out, no state in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from veason.device import gpu_door
from veason.errors import AnswerError, MissingBackend, PromptError
from veason.profile import sample_indices
from veason.types import (
    Answer,
    Answered,
    FrameMasks,
    FrameRange,
    MaskTrack,
    ObjectMask,
    Policy,
    PolicyEvent,
    Prompt,
    Rle,
    Sampling,
    Segmenter,
    Turn,
    Unanswered,
    VideoInfo,
    VideoSource,
)

LONG_CLIP = 600
"""Clips with more frames than this start with a window of this many frames around the keyframe."""


@dataclass(frozen=True, slots=True)
class FramesShown:
    """The first event of `think`: the absolute indices of the frames that the policy is about to see."""

    frame_indices: tuple[int, ...]


class Pipeline:
    """A policy and a segmenter behind the GPU door. `policy` may be None where only prompts by hand are wanted."""

    def __init__(self, policy: Policy | None, segmenter: Segmenter) -> None:
        self.policy = policy
        self.segmenter = segmenter
        self._think_on_gpu = gpu_door(self._think)
        self._propagate_on_gpu = gpu_door(self._propagate, duration=self._propagation_seconds)

    def think(
        self,
        video: VideoSource,
        instruction: str,
        *,
        shown: Sequence[int] | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[FramesShown | PolicyEvent]:
        """Yield FramesShown, then the policy's events for every sample.

        Args:
            video: where the frames come from.
            instruction: what to look for, in words.
            shown: absolute indices to show; by default the policy's own number, spread evenly.
            turns: earlier answers and corrections, for "think again with my correction".
            sampling: how to decode.

        Raises:
            PromptError: the instruction is empty.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
        if self.policy is None:
            raise MissingBackend("thinking needs a policy: start with --policy NAME, or draw a box by hand")
        if not instruction.strip():
            raise PromptError("the instruction is empty: describe what to segment, in words")
        if shown is None:
            shown = sample_indices(video.info.num_frames, self.policy.frame_count)
        yield FramesShown(tuple(shown))
        yield from self._think_on_gpu(video, instruction.strip(), tuple(shown), tuple(turns), sampling)

    def propagate(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield masks frame by frame; see `Segmenter.track` for the order, the arguments and the errors."""
        yield from self._propagate_on_gpu(video, tuple(prompts), fixed, frames)

    def ask(
        self,
        video: VideoSource,
        instruction: str,
        *,
        shown: Sequence[int] | None = None,
        sampling: Sampling = Sampling(),
        frames: FrameRange | None = None,
    ) -> Iterator[FramesShown | PolicyEvent | FrameMasks]:
        """Think, then propagate the first sample's boxes; an absent target ends after the answer.

        Raises:
            AnswerError: no sample holds a usable answer. Other errors as in `think` and `propagate`.
        """
        answer = None
        failure = None
        for event in self.think(video, instruction, shown=shown, sampling=sampling):
            yield event
            if isinstance(event, Answered) and answer is None:
                answer = event.answer
            elif isinstance(event, Unanswered) and failure is None:
                failure = event
        if answer is None:
            raise AnswerError(
                failure.reason if failure else "the policy wrote nothing", failure.text if failure else ""
            )
        if not answer.is_absent:
            yield from self.propagate(video, prompts_from_answer(answer), frames=frames)

    def _think(
        self,
        video: VideoSource,
        instruction: str,
        shown: tuple[int, ...],
        turns: tuple[Turn, ...],
        sampling: Sampling,
    ) -> Iterator[PolicyEvent]:
        assert self.policy is not None
        frames = list(video.frames(shown))
        num_frames = video.info.num_frames
        yield from self.policy.stream(frames, instruction, num_frames=num_frames, turns=turns, sampling=sampling)

    def _propagate(
        self,
        video: VideoSource,
        prompts: tuple[Prompt, ...],
        fixed: Mapping[int, Mapping[int, Rle | None]] | None,
        frames: FrameRange | None,
    ) -> Iterator[FrameMasks]:
        yield from self.segmenter.track(video, prompts, fixed=fixed, frames=frames)

    def _propagation_seconds(
        self, video: VideoSource, prompts: tuple[Prompt, ...], fixed: object, frames: FrameRange | None
    ) -> float:
        start, stop = frames or (0, video.info.num_frames)
        return 15 + 1.5 * self.segmenter.estimate_seconds(stop - start, len({prompt.object_id for prompt in prompts}))


def prompts_from_answer(answer: Answer) -> tuple[Prompt, ...]:
    """Return one box prompt an object, numbered from 1 in the order of the answer, all on the keyframe."""
    if answer.is_absent or answer.keyframe is None:
        return ()
    return tuple(Prompt(number, answer.keyframe, box=box) for number, box in enumerate(answer.boxes, start=1))


def starting_range(info: VideoInfo, frame_index: int, limit: int = LONG_CLIP) -> FrameRange:
    """Return the half-open range to propose first: the whole clip, or `limit` frames around `frame_index`."""
    if info.num_frames <= limit:
        return (0, info.num_frames)
    start = min(max(frame_index - limit // 2, 0), info.num_frames - limit)
    return (start, start + limit)


def merge_tracks(tracks: Mapping[int, MaskTrack], arrived: Iterable[FrameMasks]) -> dict[int, MaskTrack]:
    """Return the tracks with newly arrived masks laid over them; frames and objects not named stay as they are."""
    frames: dict[int, dict[int, ObjectMask]] = {object_id: dict(track.frames) for object_id, track in tracks.items()}
    for frame_masks in arrived:
        for object_id, mask in frame_masks.masks.items():
            frames.setdefault(object_id, {})[frame_masks.frame_index] = mask
    return {object_id: MaskTrack(object_id, masks) for object_id, masks in sorted(frames.items())}


def masks_by_frame(tracks: Mapping[int, MaskTrack]) -> dict[int, dict[int, ObjectMask]]:
    """Return `{frame_index: {object_id: mask}}`, frames in ascending order."""
    frames: dict[int, dict[int, ObjectMask]] = {}
    for object_id, track in tracks.items():
        for frame_index, mask in track.frames.items():
            frames.setdefault(frame_index, {})[object_id] = mask
    return dict(sorted(frames.items()))
