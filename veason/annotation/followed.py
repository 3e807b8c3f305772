"""What is kept of runs that compute masks: which edits they have not followed yet, how far they went, what they left.

`touched`, `passes` and `assumed` of a State go together: an edit touches a place; a run follows it, and says by a
Settled edit how far it went and which masks it left as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from veason.annotation.edits import Asked, Duplicated, Edit, GotAnswer, Marked, Merged, Settled, Tracked
from veason.annotation.kept import track_start
from veason.annotation.state import (
    FrameRuns,
    Place,
    State,
    frames_of,
    intersect_runs,
    runs_of,
    subtract_runs,
    unite_runs,
)
from veason.types import FrameRange


def with_followed(before: State, after: State, edit: Edit, changed: Set[Place]) -> State:
    """Return the state after an edit with `touched`, `passes` and `assumed` brought up to date.

    Args:
        before: the state before the edit.
        after: the state after it, in which `pending` is as the edit leaves it.
        edit: what was done; neither arrived masks nor a run that ended.
        changed: the places whose prompts it changed.
    """
    match edit:
        case Asked() | GotAnswer():
            return after
        case Tracked(object_ids):
            return _without_objects(after, object_ids)
        case Duplicated(source_id, object_id):
            source = before.assumed.get(source_id)
            return after if source is None else replace(after, assumed={**after.assumed, object_id: source})
        case Merged(source_id, target_id, kept):
            return _merged(before, after, source_id, target_id, runs_of(kept))
    touched = after.touched | _touched_by(before, after, edit, changed)
    if not changed and touched == after.touched:
        return after
    objects = set(after.object_ids)
    unchanged = {
        place: frames
        for place, frames in after.passes.items()
        if place[0] in objects and after.prompts.get(place) is before.prompts.get(place)
    }
    assumed = {one: subtract_runs(runs, after.pending.get(one, ())) for one, runs in after.assumed.items()}
    return replace(
        after,
        touched=frozenset(place for place in touched if place[0] in after.pending),
        passes=unchanged,
        assumed={one: runs for one, runs in assumed.items() if runs and one in objects},
    )


def settle(state: State, edit: Settled) -> State:
    """Return the state after a run has followed a prompt to the end, or as far as masks changed."""
    place = (edit.object_id, edit.frame_index)
    pending = {one: subtract_runs(runs, edit.left) if one == place[0] else runs for one, runs in state.pending.items()}
    waits = {one: runs for one, runs in pending.items() if runs}
    left = unite_runs(state.assumed.get(place[0], ()), edit.left)
    assumed = {**state.assumed, place[0]: left} if left else state.assumed
    after = replace(state, pending=waits, passes={**state.passes, place: edit.frames}, assumed=assumed)
    is_cut = _has_outdated(after, place[0], after.reach(place))  # the run was given fewer frames than the edit reaches
    touched = after.touched if is_cut else after.touched - {place}
    return without_followed(replace(after, touched=touched))


def without_followed(state: State) -> State:
    """Return the state after masks have come: where all that an object has follow its prompts, no edit is left over."""
    objects = {object_id for object_id, _ in state.touched}
    left = {one for one in objects if _has_outdated(state, one)}
    return state if left == objects else replace(state, touched=frozenset(p for p in state.touched if p[0] in left))


def _has_outdated(state: State, object_id: int, within: FrameRange | None = None) -> bool:
    """Tell whether an object has masks that wait to be computed again, on frames of a half-open range or anywhere."""
    masks = state.frames_of(object_id)
    waiting = intersect_runs(state.waiting_frames(object_id), (within or (0, state.num_frames),))
    return any(at in masks for at in frames_of(waiting))


def _touched_by(before: State, after: State, edit: Edit, changed: Set[Place]) -> Set[Place]:
    """Return the places whose prompts an edit changed, or that it freed from a mark of absence.

    Where it changed the prompt that begins the track, all prompts of the object have to be followed anew.
    """
    if isinstance(edit, Marked):
        freed = range(edit.start, edit.stop) if edit.kind != "absent" else ()
        return {(edit.object_id, at) for at in freed if before.marks.get((edit.object_id, at)) == "absent"}
    if not changed:
        return changed
    layered = {*before.touched, *before.passes}
    begun = {one for one, at in changed if track_start(before, one, layered) == at}
    return changed | {place for place in after.prompts if place[0] in begun} if begun else changed


def _without_objects(state: State, object_ids: Iterable[int]) -> State:
    gone = set(object_ids)
    return replace(
        state,
        touched=frozenset(place for place in state.touched if place[0] not in gone),
        assumed={one: runs for one, runs in state.assumed.items() if one not in gone},
    )


def _merged(before: State, after: State, source_id: int, target_id: int, kept: FrameRuns) -> State:
    """Return the state after a merge: what was assumed of either is assumed of both, but where the target stays."""
    given = subtract_runs(before.assumed.get(source_id, ()), kept)
    both = unite_runs(before.assumed.get(target_id, ()), given)
    both = subtract_runs(both, after.pending.get(target_id, ()))
    rest: Mapping[int, FrameRuns] = {
        one: runs for one, runs in after.assumed.items() if one not in (source_id, target_id)
    }
    return replace(
        after,
        touched=frozenset(place for place in after.touched if place[0] != source_id),
        passes={place: frames for place, frames in after.passes.items() if place[0] not in (source_id, target_id)},
        assumed={**rest, target_id: both} if both else rest,
    )
