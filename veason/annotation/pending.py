"""Which masks wait to be computed after an edit, by object and frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from veason.annotation.edits import Asked, Duplicated, Edit, GotAnswer, Marked, Merged, Tracked
from veason.annotation.state import FrameRuns, Place, State, runs_of, subtract_runs, unite_runs, without_frame
from veason.types import FrameMasks


def pending_after(before: State, after: State, edit: Edit, changed: Set[Place]) -> Mapping[int, FrameRuns]:
    """Return what is pending after an edit, by object id; the very same mapping where the edit changes nothing of it.

    Args:
        before: the state before the edit.
        after: the state after it, whose `pending` is not looked at.
        edit: what was done; arrived masks are not looked at, see `without_arrived`.
        changed: the places whose prompts it changed.
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
    return _prompted(before, after, changed) if changed else pending


def without_arrived(frames: Mapping[int, FrameRuns], arrived: Iterable[FrameMasks]) -> Mapping[int, FrameRuns]:
    """Return frames by object id without those whose masks have arrived."""
    found = dict(frames)
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


def _prompted(before: State, after: State, changed: Set[Place]) -> Mapping[int, FrameRuns]:
    objects = set(after.object_ids)
    pending = {object_id: runs for object_id, runs in before.pending.items() if object_id in objects}
    for place in changed:
        if place[0] not in objects:
            continue
        missing = subtract_runs(((0, after.num_frames),), runs_of(after.frames_of(place[0])))
        redone = unite_runs(missing, (after.reach(place),))
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
