"""What a person says of masks: they are right, the object is not there, something hides a part of it.

What a person draws or marks settles some masks at once: `with_settled` gives them.
"""

from __future__ import annotations

from dataclasses import replace

from veason.annotation.edits import Drawn, Edit, GotMasks, Marked, Occluded, PutPrompt
from veason.annotation.state import Mark, Place, State, runs_of
from veason.errors import SessionError
from veason.masks import empty_mask
from veason.types import FrameMasks, ObjectMask

SURE_SCORE = 10.0
"""Object score of a frame that a person marked: no machine doubts it."""


def mark(state: State, edit: Marked) -> State:
    """Return the state with marks put or taken away.

    Raises:
        SessionError: there is no such object, or the frames are not in the video.
    """
    places = _places(state, edit)
    marks: dict[Place, Mark] = {place: kind for place, kind in state.marks.items() if place not in places}
    if edit.kind is not None:
        marks |= dict.fromkeys(sorted(places), edit.kind)
    occluded = state.occluded - places if edit.kind == "absent" else state.occluded
    return replace(state, marks=marks, occluded=occluded)


def occlude(state: State, edit: Occluded) -> State:
    """Return the state in which an object is occluded on some frames, or is not.

    Raises:
        SessionError: there is no such object, the frames are not in the video, hold no mask, or are marked absent.
    """
    places = _places(state, edit)
    if not edit.is_occluded:
        return replace(state, occluded=state.occluded - places)
    places = frozenset(place for place in places if state.marks.get(place) != "absent")
    if not places:
        raise SessionError(f"object {edit.object_id} is marked absent there: take that mark away first")
    if missing := [place for place in sorted(places) if state.mask_at(place) is None]:
        raise SessionError(f"object {edit.object_id} has no mask on frame {missing[0][1]} yet: propagate first")
    return replace(state, occluded=state.occluded | places)


def with_settled(state: State, edit: Edit, size_wh: tuple[int, int]) -> list[Edit]:
    """Return an edit of a person with those that belong to it: the masks that it settles, and more marks.

    A painted mask is the mask of its frame. Where an object is marked absent its masks are empty, so that no export
    shows it there. A verified mark comes in parts that leave out the frames on which the object is marked absent.

    Args:
        state: the state before the edit.
        edit: what is done.
        size_wh: width and height of the video.
    """
    if isinstance(edit, PutPrompt) and edit.prompt.mask is not None:
        painted = ObjectMask(edit.prompt.mask, SURE_SCORE)
        return [edit, GotMasks(FrameMasks(edit.prompt.frame_index, {edit.prompt.object_id: painted}))]
    if isinstance(edit, Drawn):
        masks = [(prompt, prompt.mask) for prompt in edit.prompts if prompt.mask is not None]
        drawn = [{prompt.object_id: ObjectMask(mask, SURE_SCORE)} for prompt, mask in masks]
        arrived = [FrameMasks(prompt.frame_index, one) for (prompt, _), one in zip(masks, drawn, strict=True)]
        return [edit, *(GotMasks(one) for one in arrived)]
    if isinstance(edit, Marked) and edit.kind == "absent":
        nothing = ObjectMask(empty_mask(size_wh), SURE_SCORE)
        empty = [GotMasks(FrameMasks(at, {edit.object_id: nothing})) for at in range(edit.start, edit.stop)]
        return [edit, *empty]
    if isinstance(edit, Marked) and edit.kind == "verified":
        return [*_around_absent(state, edit)]
    return [edit]


def _around_absent(state: State, edit: Marked) -> list[Marked]:
    """Return a verified mark in the parts that leave frames out on which the object is marked absent."""
    present = runs_of(at for at in range(edit.start, edit.stop) if state.marks.get((edit.object_id, at)) != "absent")
    return [Marked(edit.object_id, *run, "verified") for run in present] or [edit]


def _places(state: State, edit: Marked | Occluded) -> frozenset[Place]:
    count = state.num_frames
    if not 0 <= edit.start < edit.stop <= count:
        raise SessionError(f"frames {edit.start} to {edit.stop - 1} are not in this video: it has {count} frames")
    if edit.object_id not in state.object_ids:
        raise SessionError(f"there is no object {edit.object_id} to mark: draw it first")
    return frozenset((edit.object_id, at) for at in range(edit.start, edit.stop))
