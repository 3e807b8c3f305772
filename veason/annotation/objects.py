"""Edits of whole objects: duplicate and merge, with all that is said about single masks and prompts of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from veason.annotation.edits import Merged
from veason.annotation.state import Mark, Place, State
from veason.errors import SessionError
from veason.masks import mask_area, union_mask
from veason.types import MaskTrack, ObjectMask, Prompt

Said = TypeVar("Said")


def duplicate(state: State, source_id: int, object_id: int) -> State:
    """Return the state with a new object that is like `source_id`, its name and lock left out.

    Raises:
        SessionError: there is no such source, or there is an object of the new number already.
    """
    _check_object(state, source_id)
    if object_id in state.object_ids:
        raise SessionError(f"there is an object {object_id} already: a copy needs a free number")
    copies = {
        (object_id, frame_index): replace(prompt, object_id=object_id)
        for (_, frame_index), prompt in state.prompts_of(source_id).items()
    }
    tracks = dict(state.tracks)
    if source_id in tracks:
        tracks[object_id] = MaskTrack(object_id, tracks[source_id].frames)

    def with_copies(said: Mapping[Place, Said]) -> dict[Place, Said]:
        more = {(object_id, at): word for (one, at), word in said.items() if one == source_id}
        return {**said, **more}

    return replace(
        state,
        prompts={**state.prompts, **copies},
        tracks=tracks,
        by_hand=frozenset(with_copies(dict.fromkeys(state.by_hand, True))),
        marks=with_copies(state.marks),
        occluded=frozenset(with_copies(dict.fromkeys(state.occluded, True))),
        kept=frozenset(with_copies(dict.fromkeys(state.kept, True))),
        classes=_with_copy(state.classes, source_id, object_id),
        attributes=_with_copy(state.attributes, source_id, object_id),
    )


def _with_copy(said: Mapping[int, Said], source_id: int, object_id: int) -> Mapping[int, Said]:
    return {**said, object_id: said[source_id]} if source_id in said else said


def merge(state: State, edit: Merged) -> State:
    """Return the state in which the source of the edit has gone into its target.

    Raises:
        SessionError: one of the two is not there, or they are the same.
    """
    source, target = edit.source_id, edit.target_id
    for object_id in (source, target):
        _check_object(state, object_id)
    if source == target:
        raise SessionError(f"object {source} cannot be merged into itself: choose another one")
    tracks = {object_id: track for object_id, track in state.tracks.items() if object_id != source}
    given, own = state.frames_of(source), state.frames_of(target)
    frames = {**own, **{at: _united(own.get(at), mask) for at, mask in given.items() if at not in edit.kept}}
    if frames:
        tracks[target] = MaskTrack(target, frames)
    after = replace(state, tracks=tracks, prompts=_merged_prompts(state, edit, frames))
    return replace(
        after,
        classes=_handed_on(state.classes, edit),
        attributes=_handed_on(state.attributes, edit),
        by_hand=_by_hand_after(edit, state, after),
        marks=_marks_after(edit, state, after),
        occluded=_occluded_after(edit, state, after),
    )


def _handed_on(said: Mapping[int, Said], edit: Merged) -> Mapping[int, Said]:
    """Return what is said of objects after a merge: of the target its own, else what was said of the source."""
    return said if edit.target_id in said else _with_copy(said, edit.source_id, edit.target_id)


def _check_object(state: State, object_id: int) -> None:
    if object_id not in state.object_ids:
        raise SessionError(f"there is no object {object_id}: there are {list(state.object_ids)}")


def _united(own: ObjectMask | None, given: ObjectMask) -> ObjectMask:
    """Return one of two masks where it covers the other (the own one first), else their union."""
    if own is None:
        return given
    union = union_mask([own.rle, given.rle])
    if mask_area(union) == mask_area(own.rle):
        return own
    if mask_area(union) == mask_area(given.rle):
        return given
    return ObjectMask(union, max(own.score, given.score))


def _merged_prompts(state: State, edit: Merged, frames: Mapping[int, ObjectMask]) -> dict[Place, Prompt]:
    """Return the prompts after a merge; `frames` are the masks that the target has then."""
    source, target = edit.source_id, edit.target_id
    given, own = state.frames_of(source), state.frames_of(target)
    prompts = {place: prompt for place, prompt in state.prompts.items() if place[0] != source}
    for _, at in (*state.prompts_of(source), *state.prompts_of(target)):
        theirs, mask = state.prompts.get((source, at)), frames.get(at)
        if at in edit.kept:
            continue
        if mask is not None and mask is not own.get(at) and mask is not given.get(at):
            prompts[target, at] = Prompt(target, at, mask=mask.rle)
        elif theirs is not None and (mask is not own.get(at) or (target, at) not in prompts):
            prompts[target, at] = replace(theirs, object_id=target)
    return prompts


def _by_hand_after(edit: Merged, before: State, after: State) -> frozenset[Place]:
    """Return the places of prompts by hand after a merge; a union that became a prompt is one."""
    source, target = edit.source_id, edit.target_id
    found = {place for place in before.by_hand if place[0] not in (source, target)}
    for (object_id, at), prompt in after.prompts.items():
        theirs = before.prompts.get((source, at))
        if object_id != target:
            continue
        if prompt == before.prompts.get((target, at)):
            is_by_hand = (target, at) in before.by_hand
        elif theirs is not None and prompt == replace(theirs, object_id=target):
            is_by_hand = (source, at) in before.by_hand
        else:
            is_by_hand = True
        found |= {(target, at)} if is_by_hand else set()
    return frozenset(found)


def _marks_after(edit: Merged, before: State, after: State) -> dict[Place, Mark]:
    """Return the marks after a merge: one goes where its mask goes; of a union of two nothing has been said yet."""
    source, target = edit.source_id, edit.target_id
    kept = {place: mark for place, mark in before.marks.items() if place[0] not in (source, target)}
    for (one, at), mark in before.marks.items():
        mask, own = after.mask_at((target, at)), before.mask_at((target, at))
        if one == target and mask is own:
            kept[target, at] = mark
        elif one == source and mask is before.mask_at((source, at)) and (mask is not own or mask is None):
            kept.setdefault((target, at), mark)
    return kept


def _occluded_after(edit: Merged, before: State, after: State) -> frozenset[Place]:
    """Return where objects are occluded after a merge; a union is so where one of its parts was."""
    source, target = edit.source_id, edit.target_id
    others = {place for place in before.occluded if place[0] not in (source, target)}
    own = {
        (target, at)
        for one, at in before.occluded
        if one == target or (one == source and after.mask_at((target, at)) is not before.mask_at((target, at)))
    }
    return frozenset(others | own)
