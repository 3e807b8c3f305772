"""Corrections: what the policy is told of them, and the masks that a person settles with one."""

from __future__ import annotations

from collections.abc import Iterator

from veason.annotation import GotMasks, Marked, State
from veason.answer import context_for, render_answer
from veason.errors import SessionError
from veason.masks import empty_mask
from veason.policy.prompt import correction_text
from veason.profile import Profile
from veason.types import FrameMasks, ObjectMask, Prompt, Turn, VideoInfo

SURE_SCORE = 10.0
"""Object score of a frame that a person marked: no machine doubts it."""


def correction_turn(state: State, info: VideoInfo, profile: Profile) -> tuple[Turn, tuple[int, ...]]:
    """Return the earlier answer with the visitor's correction of it, and the frames to show.

    Raises:
        SessionError: there is no answer to correct. PromptError: nothing was corrected.
    """
    answer = state.answer
    if answer is None:
        raise SessionError("there is no answer yet to correct: ask first")
    keyframe = state.keyframe
    boxes = [prompt.box for (_, at), prompt in state.prompts.items() if at == keyframe and prompt.box is not None]
    shown = tuple(sorted({*state.shown, *([] if keyframe is None else [keyframe])}))
    context = context_for(profile, shown, num_frames=info.num_frames, source_wh=info.size_wh, fps=info.fps)
    said = render_answer(answer.thought, answer.keyframe, answer.boxes, context)
    moved = keyframe if keyframe != answer.keyframe else None
    redrawn = boxes if tuple(boxes) != answer.boxes else None
    return Turn(said, correction_text(moved, redrawn, context)), shown


def painted_masks(prompt: Prompt) -> Iterator[GotMasks]:
    """Yield the mask that a person painted, as it is, on the frame where it was painted."""
    if prompt.mask is not None:
        mask = ObjectMask(prompt.mask, SURE_SCORE)
        yield GotMasks(FrameMasks(prompt.frame_index, {prompt.object_id: mask}))


def absent_masks(size_wh: tuple[int, int], mark: Marked) -> Iterator[GotMasks]:
    """Yield an empty mask for every frame that has been marked, so that no export shows the object there."""
    nothing = ObjectMask(empty_mask(size_wh), SURE_SCORE)
    for frame_index in range(mark.start, mark.stop):
        yield GotMasks(FrameMasks(frame_index, {mark.object_id: nothing}))
