"""Which masks an edit leaves to be computed: the frames that it reaches, and those that were never done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from veason.annotation.edits import Asked, Duplicated, Edit, GotAnswer, Marked, Merged, Tracked
from veason.annotation.places import FrameRuns, Place, runs_of, subtract_runs, unite_runs, without_frame
from veason.annotation.state import State
from veason.types import FrameMasks, FrameRange


def pending_after(before: State, after: State, edit: Edit) -> Mapping[int, FrameRuns]:
    """Return what is pending after an edit, by object id; the very same mapping where the edit changes nothing of it.

    Args:
        before: the state before the edit.
        after: the state after it, whose `pending` is not looked at.
        edit: what was done; arrived masks are not looked at, see `pending_without`.
    """
    pending = before.pending
    match edit:
        case Asked() | GotAnswer():
            everything: FrameRuns = ((0, after.num_frames),)
            return {object_id: everything for object_id, _ in after.prompts}
        case Tracked(object_ids):
            return _without_objects(pending, object_ids)
        case Marked():
            return _left_absent(before, edit)
        case Duplicated(source_id, object_id):
            return {**pending, object_id: pending[source_id]} if source_id in pending else pending
        case Merged(source_id, target_id):
            both = unite_runs(pending.get(source_id, ()), pending.get(target_id, ()))
            rest = _without_objects(pending, {source_id})
            return {**rest, target_id: both} if both else rest
    return _prompted(before, after) if before.prompts is not after.prompts else pending


def pending_without(pending: Mapping[int, FrameRuns], arrived: Iterable[FrameMasks]) -> Mapping[int, FrameRuns]:
    """Return what is pending once these masks have arrived."""
    found = dict(pending)
    for frame_masks in arrived:
        for object_id in frame_masks.masks:
            if object_id not in found:
                continue
            runs = without_frame(found[object_id], frame_masks.frame_index)
            if runs:
                found[object_id] = runs
            else:
                del found[object_id]
    return found


def reach(state: State, place: Place) -> FrameRange:
    """Return the frames whose masks an edit at a place changes: up to the next ones that a person confirmed.

    Those are frames with a prompt by hand or a verified mask; the place itself is always inside.
    """
    object_id, frame_index = place
    barriers = state.confirmed_frames(object_id)
    start = max((frame + 1 for frame in barriers if frame < frame_index), default=0)
    stop = min((frame for frame in barriers if frame > frame_index), default=state.num_frames)
    return (start, stop)


def _prompted(before: State, after: State) -> Mapping[int, FrameRuns]:
    objects = set(after.object_ids)
    pending = {object_id: runs for object_id, runs in before.pending.items() if object_id in objects}
    for place in before.prompts.keys() | after.prompts.keys():
        if before.prompts.get(place) is after.prompts.get(place) or place[0] not in objects:
            continue
        missing = subtract_runs(((0, after.num_frames),), runs_of(after.frames_of(place[0])))
        redone = unite_runs(missing, (reach(after, place),))
        pending[place[0]] = unite_runs(pending.get(place[0], ()), redone)
    return pending


def _left_absent(before: State, edit: Marked) -> Mapping[int, FrameRuns]:
    """Return what is pending after a mark: an absent object's masks are empty, and wrong once it is not absent."""
    if edit.kind == "absent":
        return before.pending
    freed = runs_of(at for at in range(edit.start, edit.stop) if before.marks.get((edit.object_id, at)) == "absent")
    if not freed:
        return before.pending
    return {**before.pending, edit.object_id: unite_runs(before.pending.get(edit.object_id, ()), freed)}


def _without_objects(pending: Mapping[int, FrameRuns], object_ids: Iterable[int]) -> Mapping[int, FrameRuns]:
    gone = set(object_ids)
    return {object_id: runs for object_id, runs in pending.items() if object_id not in gone}
