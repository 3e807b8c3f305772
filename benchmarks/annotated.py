"""Annotations for benchmarks: corrections go through the same plan and pipeline call that the app uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from veason.annotation import GotAnswer, PutPrompt, RecomputePlan, RecomputeRequest, State, Tracked, apply
from veason.pipeline import Pipeline
from veason.types import Answer, FrameMasks, FrameRange, Prompt, VideoSource


def answered(num_frames: int, boxes: Sequence[Prompt]) -> State:
    """Return the annotation after a policy answered with these boxes and all masks of them came."""
    answer = Answer("", boxes[0].frame_index, tuple(prompt.box for prompt in boxes if prompt.box is not None))
    state = apply(State(num_frames), GotAnswer(answer, tuple(boxes)))
    return apply(state, Tracked(frozenset(prompt.object_id for prompt in boxes)))


def corrected(state: State, corrections: Iterable[Prompt]) -> State:
    """Return the annotation after a person made these corrections."""
    for prompt in corrections:
        state = apply(state, PutPrompt(prompt))
    return state


def recompute(
    pipeline: Pipeline, video: VideoSource, state: State, frames: FrameRange | None = None
) -> Iterator[FrameMasks]:
    """Yield the masks that do not follow from the prompts, as the app computes them."""
    plan = RecomputePlan.of(state, RecomputeRequest(frames or (0, state.num_frames)))
    return pipeline.recompute(video, plan, lambda: state)
