"""`apply`: the one way from a state to the next, and what an edit leaves to be computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from veason.annotation.edits import (
    Asked,
    Classed,
    Drawn,
    DropPrompt,
    Duplicated,
    Edit,
    GotAnswer,
    GotMasks,
    Locked,
    Marked,
    Merged,
    MoveKeyframe,
    Named,
    Occluded,
    PutPrompt,
    Reasoned,
    Reworded,
    Settled,
    Tracked,
    subject,
)
from veason.annotation.followed import settle, with_followed, without_followed
from veason.annotation.kept import kept_after
from veason.annotation.marks import mark, occlude
from veason.annotation.objects import duplicate, merge
from veason.annotation.state import (
    FrameRuns,
    Place,
    State,
    changed_prompts,
    runs_of,
    subtract_runs,
    unite_runs,
    without_frame,
)
from veason.answer import object_names
from veason.errors import SessionError
from veason.types import FrameMasks, MaskTrack, ObjectMask, Prompt

_CORRECTIONS = (PutPrompt, Drawn, DropPrompt, MoveKeyframe, Duplicated, Merged)
"""Edits that, made by a person, correct the reasoning."""


def apply(state: State, edit: Edit, revision: int = 0, *, is_by_person: bool = True) -> State:
    """Return the state after an edit.

    Args:
        state: the state before it.
        edit: what was done.
        revision: of the project after the edit; what an answer is known by.
        is_by_person: whether a person did it: then it corrects the reasoning, and locked objects refuse it.

    Raises:
        SessionError: the edit does not fit the state (a frame outside the video, a prompt or an object that is not
            there), or a person's edit is about a locked object.
    """
    _check_allowed(state, edit, is_by_person)
    after = _applied(state, edit, revision, is_by_person)
    if isinstance(edit, GotMasks | Settled):
        return after
    if is_by_person and after is not state and isinstance(edit, _CORRECTIONS):
        after = _corrected(after)
    if isinstance(edit, DropPrompt | Merged):
        after = _without_gone(after)
    changed = changed_prompts(state, after)
    if changed:
        after = replace(after, kept=kept_after(state, after, changed))
    pending = _pending_after(state, after, edit, changed)
    after = after if pending is after.pending else replace(after, pending=pending)
    return with_followed(state, after, edit, changed)


def apply_masks(state: State, arrived: Sequence[FrameMasks]) -> State:
    """Return the state after these masks arrived one after the other: as `apply` of a GotMasks each, but at once."""
    pending, assumed = _without_arrived(state.pending, arrived), _without_arrived(state.assumed, arrived)
    after = replace(state, tracks=_lay_over(state.tracks, arrived), pending=pending, assumed=assumed)
    return without_followed(after) if after.touched else after


def _applied(state: State, edit: Edit, revision: int, is_by_person: bool) -> State:
    """Return the state after an edit, but for what is pending, which only arrived masks bring up to date here."""
    match edit:
        case Asked():
            return _ask(state, edit)
        case GotAnswer():
            return _take_answer(state, edit, revision)
        case MoveKeyframe(frame_index):
            return _move_keyframe(state, frame_index, is_by_person)
        case PutPrompt(prompt):
            return _put_prompt(state, prompt, is_by_person)
        case Drawn():
            return _draw(state, edit, is_by_person)
        case DropPrompt(object_id, frame_index):
            return _drop_prompt(state, object_id, frame_index)
        case Duplicated(source_id, object_id):
            return duplicate(state, source_id, object_id)
        case Merged():
            return merge(state, edit)
        case GotMasks(frame_masks):
            return apply_masks(state, [frame_masks])
        case Settled():
            return settle(state, edit)
        case Tracked():
            return state
        case Marked():
            marked = mark(state, edit)
            return _corrected(marked) if edit.kind == "absent" else marked
        case Occluded():
            return occlude(state, edit)
        case Reasoned(thought):
            return _reason(state, thought)
        case Named(object_id, name):
            others = {other: kept for other, kept in state.names.items() if other != object_id}
            return replace(state, names={**others, object_id: name} if name else others)
        case Classed():
            return _classify(state, edit)
        case Reworded(instruction):
            return _corrected(replace(state, instruction=instruction))
        case Locked(object_id, is_locked):
            return replace(state, locked=state.locked | {object_id} if is_locked else state.locked - {object_id})


def _check_allowed(state: State, edit: Edit, is_by_person: bool) -> None:
    if isinstance(edit, Named | Classed | Locked):
        return
    if is_by_person and state.locked:
        subjects = {edit.source_id, edit.target_id} if isinstance(edit, Merged) else {subject(edit)}
        if locked := sorted(one for one in subjects if one in state.locked):
            raise SessionError(f"object {locked[0]} is locked: unlock it to change it")
    if isinstance(edit, Merged) and (lost := sorted(state.confirmed_frames(edit.target_id) - edit.kept)):
        raise SessionError(f"object {edit.target_id} was corrected or verified on frame {lost[0]}: that must be kept")


def _check_frame(state: State, frame_index: int) -> None:
    if not 0 <= frame_index < state.num_frames:
        last = state.num_frames - 1
        raise SessionError(f"frame {frame_index} is not in this video: it has {state.num_frames} frames (0 to {last})")


# --- questions and answers


def _ask(state: State, edit: Asked) -> State:
    is_still_stale = state.reasoning == "stale" and edit.instruction == state.instruction
    return State(
        state.num_frames,
        instruction=edit.instruction,
        shown=edit.shown,
        reasoning="stale" if is_still_stale else None,
    )


def _take_answer(state: State, edit: GotAnswer, revision: int) -> State:
    return State(
        state.num_frames,
        instruction=state.instruction,
        shown=state.shown,
        answer=edit.answer,
        keyframe=None if edit.answer.is_absent else edit.answer.keyframe,
        prompts={(prompt.object_id, prompt.frame_index): prompt for prompt in edit.prompts},
        answered=revision,
        names=dict(enumerate(object_names(edit.answer), start=1)),
        reasoning="fresh" if state.reasoning in (None, "fresh") else "regenerated",
    )


def _corrected(state: State) -> State:
    return state if state.reasoning is None else replace(state, reasoning="stale")


def _reason(state: State, thought: str | None) -> State:
    if thought is not None:
        return replace(state, reasoning="edited", thought=thought)
    if state.reasoning is None:
        raise SessionError("there is no reasoning to confirm: ask first, or write it")
    return replace(state, reasoning="confirmed")


def _classify(state: State, edit: Classed) -> State:
    if edit.object_id not in state.object_ids:
        raise SessionError(f"there is no object {edit.object_id} to give a class: draw it first")
    classes = {other: name for other, name in state.classes.items() if other != edit.object_id}
    attributes = {other: given for other, given in state.attributes.items() if other != edit.object_id}
    if edit.name:
        classes[edit.object_id] = edit.name
    if edit.name and edit.attributes:
        attributes[edit.object_id] = dict(edit.attributes)
    return replace(state, classes=classes, attributes=attributes)


# --- prompts


def _move_keyframe(state: State, frame_index: int, is_by_person: bool) -> State:
    _check_frame(state, frame_index)
    old = state.keyframe
    if old == frame_index:
        return state
    prompts, new = dict(state.prompts), set[Place]()
    for place, prompt in state.prompts.items():
        if place[1] != old or prompt.box is None:
            continue
        del prompts[place]
        moved = (place[0], frame_index)
        if moved not in prompts:
            prompts[moved] = Prompt(*moved, box=prompt.box)
            new.add(moved)
    by_hand = frozenset(place for place in state.by_hand if place in prompts)
    by_hand = by_hand | new if is_by_person else by_hand - new
    return replace(state, prompts=prompts, keyframe=frame_index, by_hand=by_hand)


def _put_prompt(state: State, prompt: Prompt, is_by_person: bool) -> State:
    _check_frame(state, prompt.frame_index)
    place = (prompt.object_id, prompt.frame_index)
    marks = state.marks
    if place in marks:
        marks = {other: mark for other, mark in marks.items() if other != place}
    return replace(
        state,
        prompts={**state.prompts, place: prompt},
        keyframe=prompt.frame_index if state.keyframe is None else state.keyframe,
        by_hand=state.by_hand | {place} if is_by_person else state.by_hand - {place},
        marks=marks,
    )


def _draw(state: State, edit: Drawn, is_by_person: bool) -> State:
    """Return the state in which every prompt of an edit was put."""
    if strangers := [prompt for prompt in edit.prompts if prompt.object_id != edit.object_id]:
        raise SessionError(f"an edit of object {edit.object_id} holds a prompt of object {strangers[0].object_id}")
    for prompt in edit.prompts:
        _check_frame(state, prompt.frame_index)
    new = {(prompt.object_id, prompt.frame_index): prompt for prompt in edit.prompts}
    return replace(
        state,
        prompts={**state.prompts, **new},
        keyframe=min(at for _, at in new) if state.keyframe is None and new else state.keyframe,
        by_hand=state.by_hand | new.keys() if is_by_person else state.by_hand - new.keys(),
        marks={place: kind for place, kind in state.marks.items() if place not in new},
    )


def _drop_prompt(state: State, object_id: int, frame_index: int) -> State:
    prompts = dict(state.prompts)
    if prompts.pop((object_id, frame_index), None) is None:
        raise SessionError(f"object {object_id} has no box or click on frame {frame_index} to delete")
    tracks = state.tracks
    if not any(other == object_id for other, _ in prompts):
        tracks = {other: track for other, track in tracks.items() if other != object_id}
    return replace(state, prompts=prompts, tracks=tracks, by_hand=state.by_hand - {(object_id, frame_index)})


def _without_gone(state: State) -> State:
    """Return the state without what is said of objects that are gone."""
    objects = set(state.object_ids)
    return replace(
        state,
        marks={place: mark for place, mark in state.marks.items() if place[0] in objects},
        names={object_id: name for object_id, name in state.names.items() if object_id in objects},
        classes={object_id: name for object_id, name in state.classes.items() if object_id in objects},
        attributes={object_id: given for object_id, given in state.attributes.items() if object_id in objects},
        locked=state.locked & objects,
        occluded=frozenset(place for place in state.occluded if place[0] in objects),
    )


# --- masks


def _lay_over(tracks: Mapping[int, MaskTrack], arrived: Sequence[FrameMasks]) -> dict[int, MaskTrack]:
    new: dict[int, dict[int, ObjectMask]] = {}
    for frame_masks in arrived:
        for object_id, mask in frame_masks.masks.items():
            new.setdefault(object_id, {})[frame_masks.frame_index] = mask
    known = {object_id: tracks.get(object_id) or MaskTrack(object_id) for object_id in new}
    return {**tracks, **{object_id: known[object_id].with_masks(masks) for object_id, masks in new.items()}}


# --- what waits to be computed


def _pending_after(before: State, after: State, edit: Edit, changed: Set[Place]) -> Mapping[int, FrameRuns]:
    """Return what is pending after an edit, by object id; the very same mapping where the edit changes nothing of it.

    Args:
        before: the state before the edit.
        after: the state after it, whose `pending` is not looked at.
        edit: what was done; arrived masks are not looked at, see `_without_arrived`.
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


def _without_arrived(frames: Mapping[int, FrameRuns], arrived: Iterable[FrameMasks]) -> Mapping[int, FrameRuns]:
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
