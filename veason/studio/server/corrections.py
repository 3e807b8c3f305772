"""Corrections on their way to the models: what the policy is told, and what the segmenter must leave as it is."""

from __future__ import annotations

from collections.abc import Iterator

from veason.answer import context_for, render_answer
from veason.errors import SessionError
from veason.masks import empty_mask
from veason.policy.prompt import correction_text
from veason.profile import Profile
from veason.project.state import Marked, State
from veason.session import GotMasks, Session
from veason.types import FrameMasks, ObjectMask, Prompt, Rle, Turn, VideoInfo

SURE_SCORE = 10.0
"""Object score of a frame that a person marked: no machine doubts it."""

LANDMARKS_APART = 32
"""Frames between those of a verified stretch that the segmenter is told."""


def correction_turn(session: Session, info: VideoInfo, profile: Profile) -> tuple[Turn, tuple[int, ...]]:
    """Return the earlier answer with the visitor's correction of it, and the frames to show.

    Raises:
        SessionError: there is no answer to correct. PromptError: nothing was corrected.
    """
    answer = session.answer
    if answer is None:
        raise SessionError("there is no answer yet to correct: ask first")
    keyframe = session.keyframe
    boxes = [prompt.box for (_, at), prompt in session.prompts.items() if at == keyframe and prompt.box is not None]
    shown = tuple(sorted({*session.shown, *([] if keyframe is None else [keyframe])}))
    context = context_for(profile, shown, num_frames=info.num_frames, source_wh=info.size_wh, fps=info.fps)
    said = render_answer(answer.thought, answer.keyframe, answer.boxes, context)
    moved = keyframe if keyframe != answer.keyframe else None
    redrawn = boxes if tuple(boxes) != answer.boxes else None
    return Turn(said, correction_text(moved, redrawn, context)), shown


def fixed_masks(state: State) -> dict[int, dict[int, Rle | None]]:
    """Return what propagation must not change: masks painted or marked as right, None where an object is absent.

    Of a long verified stretch the ends and some frames between them are enough: every one of them is remembered by the
    segmenter and slows it down, and none is ever overwritten (see `veason.studio.server.spread`).
    """
    fixed: dict[int, dict[int, Rle | None]] = {}
    for (object_id, frame_index), prompt in state.session.prompts.items():
        if prompt.mask is not None:
            fixed.setdefault(object_id, {})[frame_index] = prompt.mask
    for (object_id, frame_index), mark in state.marks.items():
        track = state.session.tracks.get(object_id)
        mask = track.frames.get(frame_index) if track is not None else None
        if mark == "absent":
            fixed.setdefault(object_id, {})[frame_index] = None
        elif mask is not None and _is_landmark(state, object_id, frame_index):
            fixed.setdefault(object_id, {})[frame_index] = mask.rle
    return fixed


def _is_landmark(state: State, object_id: int, frame_index: int) -> bool:
    """Tell whether a verified frame is an end of its stretch, or one of those between that the segmenter is told."""
    neighbours = (frame_index - 1, frame_index + 1)
    is_end = any(state.marks.get((object_id, other)) != "verified" for other in neighbours)
    return is_end or frame_index % LANDMARKS_APART == 0


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
