"""States told apart: `changes` says what differs, `stepped` walks such changes forward or back.

That is how undo works without any replay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from veason.project.codec import plain, rebuild
from veason.project.runs import pack_places, unpack_places
from veason.project.state import Mark, Place, State
from veason.session import Session
from veason.types import Answer, MaskTrack, ObjectMask, Prompt

Changes = dict[tuple[Any, ...], tuple[Any, Any]]
"""`{key: (before, after)}` in plain values; None means not there. Keys: `("keyframe",)` and the other scalars,
`("prompt", object, frame)`, `("mark", object, frame)`, `("name", object)`, and `("mask", object, frame)` with the ids
of stored masks."""

MaskIds = Mapping[Place, int]
"""The stored mask at every place."""


def scalars(state: State) -> dict[str, Any]:
    """Return the small parts of a state in plain values."""
    session = state.session
    return {
        "instruction": session.instruction,
        "shown": plain(session.shown),
        "keyframe": session.keyframe,
        "stale": plain(session.stale),
        "answered": state.answered,
        "reasoning": state.reasoning,
        "thought": state.thought,
        "locked": plain(state.locked),
        "occluded": pack_places(state.occluded),
    }


def changes(before: State, after: State, ids_before: MaskIds, ids_after: MaskIds) -> Changes:
    """Return what differs. Masks are compared by identity, as `apply` never makes one."""
    found: Changes = {}
    old, new = scalars(before), scalars(after)
    found |= {(name,): (old[name], new[name]) for name in old if old[name] != new[name]}
    if before.session.prompts is not after.session.prompts or before.by_hand != after.by_hand:
        for place in before.session.prompts.keys() | after.session.prompts.keys():
            pair = (_plain_prompt(before, place), _plain_prompt(after, place)) if _differs(before, after, place) else ()
            if pair and pair[0] != pair[1]:
                found["prompt", *place] = pair
    if before.marks is not after.marks:
        for place in before.marks.keys() | after.marks.keys():
            if before.marks.get(place) != after.marks.get(place):
                found["mark", *place] = (before.marks.get(place), after.marks.get(place))
    for object_id in before.names.keys() | after.names.keys():
        if before.names.get(object_id) != after.names.get(object_id):
            found["name", object_id] = (before.names.get(object_id), after.names.get(object_id))
    for place in changed_masks(before.session, after.session):
        pair = (ids_before.get(place), ids_after.get(place) if after.session.mask_at(place) else None)
        if pair[0] != pair[1]:
            found["mask", *place] = pair
    return found


def _differs(before: State, after: State, place: Place) -> bool:
    is_same = before.session.prompts.get(place) is after.session.prompts.get(place)
    return not is_same or (place in before.by_hand) != (place in after.by_hand)


def _plain_prompt(state: State, place: Place) -> list[Any] | None:
    prompt = state.session.prompts.get(place)
    return None if prompt is None else [place in state.by_hand, plain(prompt)]


def changed_masks(before: Session, after: Session) -> set[Place]:
    """Return the places whose masks are not the same; told by identity."""
    places = set()
    for object_id in before.tracks.keys() | after.tracks.keys():
        old, new = before.tracks.get(object_id), after.tracks.get(object_id)
        if old is new:
            continue
        frames = old.frames if old else {}
        later = new.frames if new else {}
        places |= {
            (object_id, frame_index)
            for frame_index in frames.keys() | later.keys()
            if frames.get(frame_index) is not later.get(frame_index)
        }
    return places


def inverse(step: Changes) -> Changes:
    """Return the way back."""
    return {key: (after, before) for key, (before, after) in step.items()}


def compose(first: Changes, second: Changes) -> Changes:
    """Return one step that does both, leaving out what comes back to where it was."""
    both = dict(first)
    for key, (before, after) in second.items():
        both[key] = (first[key][0] if key in first else before, after)
    return {key: pair for key, pair in both.items() if pair[0] != pair[1]}


def stepped(
    state: State,
    step: Changes,
    load_masks: Callable[[list[int]], Mapping[int, ObjectMask]],
    load_answer: Callable[[int], Answer],
) -> State:
    """Return the state after a step, with masks and answers loaded by their ids."""
    values = scalars(state) | {key[0]: after for key, (_, after) in step.items() if len(key) == 1}
    prompts, by_hand = dict(state.session.prompts), set(state.by_hand)
    marks, names = dict(state.marks), dict(state.names)
    wanted = {key[1:]: after for key, (_, after) in step.items() if key[0] == "mask"}
    masks = load_masks([mask_id for mask_id in wanted.values() if mask_id is not None])
    for key, (_, after) in step.items():
        place = key[1:]
        if key[0] == "prompt":
            prompts.pop(place, None)  # type: ignore[arg-type]  # a place
            by_hand.discard(place)  # type: ignore[arg-type]
            if after is not None:
                prompts[place] = rebuild(Prompt, after[1])  # type: ignore[index]
                by_hand |= {place} if after[0] else set()  # type: ignore[arg-type]
        elif key[0] == "mark":
            marks.pop(place, None)  # type: ignore[arg-type]
            if after is not None:
                marks[place] = after  # type: ignore[index]
        elif key[0] == "name" and len(key) == 2:
            names.pop(key[1], None)
            names |= {} if after is None else {key[1]: after}
    tracks = _with_masks(
        state.session.tracks, {place: None if one is None else masks[one] for place, one in wanted.items()}
    )
    answer = state.session.answer
    if values["answered"] != state.answered:
        answer = None if values["answered"] is None else load_answer(values["answered"])
    return from_scalars(values, state.session.num_frames, answer, prompts, tracks, frozenset(by_hand), marks, names)


def from_scalars(
    values: Mapping[str, Any],
    num_frames: int,
    answer: Answer | None,
    prompts: Mapping[Place, Prompt],
    tracks: Mapping[int, MaskTrack],
    by_hand: frozenset[Place],
    marks: Mapping[Place, Mark],
    names: Mapping[int, str],
) -> State:
    """Return a state of its small parts (see `scalars`; an empty mapping is a new question) and its large ones."""
    session = Session(
        num_frames,
        instruction=values.get("instruction", ""),
        shown=tuple(values.get("shown", ())),
        answer=answer,
        keyframe=values.get("keyframe"),
        prompts=prompts,
        tracks=tracks,
        stale=frozenset(values.get("stale", ())),
    )
    locked = frozenset(values.get("locked", ()))
    reasoning, thought = values.get("reasoning"), values.get("thought")
    occluded = unpack_places(values.get("occluded", ()))
    return State(session, values.get("answered"), by_hand, marks, reasoning, thought, names, locked, occluded)


def _with_masks(
    tracks: Mapping[int, MaskTrack], arrived: Mapping[tuple[Any, ...], ObjectMask | None]
) -> dict[int, MaskTrack]:
    frames = {object_id: dict(track.frames) for object_id, track in tracks.items()}
    for (object_id, frame_index), mask in arrived.items():
        if mask is None:
            frames.get(object_id, {}).pop(frame_index, None)
        else:
            frames.setdefault(object_id, {})[frame_index] = mask
    return {object_id: MaskTrack(object_id, masks) for object_id, masks in frames.items() if masks}
