"""Edits that the page asks for -> edits of the annotation state, checked against the labels and the video."""

from __future__ import annotations

from collections.abc import Sequence

from veason.annotation import (
    Classed,
    DropPrompt,
    Duplicated,
    Edit,
    GotAnswer,
    Locked,
    Marked,
    Merged,
    MoveKeyframe,
    Named,
    Occluded,
    PutPrompt,
    Reasoned,
    State,
)
from veason.annotation.left_open import empty_as_absent
from veason.annotation.marks import with_settled
from veason.annotation.shapes import copied, interpolated, with_tool
from veason.boxes import clip_box
from veason.errors import PromptError, SessionError
from veason.studio.server.painted import painted_mask
from veason.studio.server.proposals import Proposal
from veason.studio.server.question.open_question import within
from veason.studio.server.requests.edits import (
    BoxEdit,
    ClassEdit,
    ClickEdit,
    CopyEdit,
    DropEdit,
    DuplicateEdit,
    Edits,
    EmptyEdit,
    InterpolateEdit,
    KeyframeEdit,
    LockEdit,
    MarkEdit,
    MaskEdit,
    MergeEdit,
    NameEdit,
    ReasonEdit,
    StepEdit,
    TakeEdit,
    ToolEdit,
    WordsEdit,
)
from veason.tracks import prompts_from_answer
from veason.types import Box, Click, Prompt


def edits_of(
    request: Edits, state: State, size_wh: tuple[int, int], proposals: Sequence[Proposal] = ()
) -> Sequence[Edit]:
    """Return the edit that a request asks for, then those that belong to it; undo, redo and words are none.

    Args:
        request: object 0 of a box, click or mask means a new object.
        state: the labels as they are.
        size_wh: of the video.
        proposals: the answers that can be taken.

    Raises:
        PromptError: a box, click or range that does not fit the video.
        SessionError: the labels do not allow it.
    """
    match request:
        case BoxEdit() | ClickEdit():
            return [PutPrompt(_prompt(request, state, size_wh))]
        case MaskEdit():
            return with_settled(state, PutPrompt(_prompt(request, state, size_wh)), size_wh)
        case ToolEdit(edit=tool, pixels=pixels, other=other_id):
            drawn = with_tool(state, (request.object, request.frame), tool, pixels=pixels, other_id=other_id)
            return with_settled(state, drawn, size_wh)
        case CopyEdit():
            frames = within(request.start, request.stop, state.num_frames)
            return with_settled(state, copied(state, (request.object, request.frame), frames), size_wh)
        case InterpolateEdit():
            return with_settled(state, interpolated(state, (request.object, request.frame)), size_wh)
        case DropEdit(object=object_id, frame=frame_index):
            return [DropPrompt(object_id, frame_index)]
        case KeyframeEdit(frame=frame_index):
            return [MoveKeyframe(frame_index)]
        case DuplicateEdit(object=object_id):
            return [Duplicated(object_id, _new_object(state))]
        case MergeEdit(object=object_id, into=target_id):
            return [Merged(object_id, target_id, state.confirmed_frames(target_id))]
        case MarkEdit():
            return with_settled(state, _mark(request, state), size_wh)
        case NameEdit(object=object_id, name=name):
            return [Named(object_id, " ".join(name.split()))]
        case ClassEdit(object=object_id, name=name, attributes=attributes):
            values = {one.name: one.value for one in attributes if one.value}
            return [Classed(object_id, " ".join(name.split()), values)]
        case EmptyEdit():
            return empty_as_absent(state, size_wh)
        case LockEdit(object=object_id, on=is_locked):
            return [Locked(object_id, is_locked)]
        case ReasonEdit(text=text):
            return [Reasoned(text)]
        case TakeEdit(answer=number):
            return [_taken(proposals, number)]
        case StepEdit() | WordsEdit():
            raise SessionError(f"{request.edit!r} changes no labels")


def _new_object(state: State) -> int:
    return max(state.object_ids, default=0) + 1


def _prompt(request: BoxEdit | ClickEdit | MaskEdit, state: State, size_wh: tuple[int, int]) -> Prompt:
    object_id, frame_index = request.object or _new_object(state), request.frame
    old = state.prompts.get((object_id, frame_index))
    match request:
        case BoxEdit(xyxy=xyxy):
            return Prompt(object_id, frame_index, _box(xyxy, size_wh), old.clicks if old else ())
        case MaskEdit(counts=counts):
            return Prompt(object_id, frame_index, mask=painted_mask(counts, size_wh))
        case ClickEdit(xy=(x, y), positive=is_positive):
            if not (0 <= x < size_wh[0] and 0 <= y < size_wh[1]):
                raise PromptError(
                    f"the click at {x:.0f}, {y:.0f} lies outside the picture of {size_wh[0]}x{size_wh[1]}"
                )
            if old is not None and old.mask is not None:
                raise PromptError(
                    f"object {object_id} is painted on frame {frame_index}: go on painting, or delete that first"
                )
            clicks = (*(old.clicks if old else ()), Click(x, y, is_positive=is_positive))
            return Prompt(object_id, frame_index, old.box if old else None, clicks)


def _box(xyxy: tuple[float, float, float, float], size_wh: tuple[int, int]) -> Box:
    x1, y1, x2, y2 = xyxy
    inside = clip_box(Box(min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), size_wh)
    if inside is None:
        raise PromptError("the box lies outside the picture: draw it over the target")
    return inside


def _mark(request: MarkEdit, state: State) -> Marked | Occluded:
    object_id, (start, stop) = request.object, within(request.start, request.stop, state.num_frames)
    if request.edit == "occluded":
        return Occluded(object_id, start, stop, request.on)
    if not request.on:
        return Marked(object_id, start, stop, None)
    if request.edit == "verified":
        masks = state.frames_of(object_id)
        missing = next((frame for frame in range(start, stop) if frame not in masks), None)
        if missing is not None:
            raise SessionError(f"object {object_id} has no mask on frame {missing} to verify: propagate first")
    return Marked(object_id, start, stop, request.edit)


def _taken(proposals: Sequence[Proposal], number: int) -> GotAnswer:
    if number >= len(proposals):
        raise SessionError(f"there is no answer {number + 1}: there are {len(proposals)}")
    answer = proposals[number].answer
    return GotAnswer(answer, prompts_from_answer(answer))
