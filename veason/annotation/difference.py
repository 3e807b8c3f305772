"""What differs between two states of an annotation, as a value that can be kept, turned round and put together.

That is how undo works without any replay: `difference` says what an edit changed, `applied` goes there, `inverse` back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from veason.annotation.plain import pack_places, plain, rebuild, unpack_places
from veason.annotation.state import (
    FrameRuns,
    Mark,
    Place,
    State,
    changed_prompts,
)
from veason.types import Answer, FrameRange, MaskTrack, ObjectMask, Prompt

Difference = dict[tuple[Any, ...], tuple[Any, Any]]
"""`{key: (before, after)}` in plain values; None means not there. Keys: `("keyframe",)` and the other scalars,
`("prompt", object, frame)` with whether a person made it, the prompt and its number, `("mark", object, frame)`,
`("name", object)`, `("pending", object)` with runs of frames, and `("mask", object, frame)` with the ids of masks."""

MaskIds = Mapping[Place, int]
"""The id under which the mask at every place is kept."""

PromptNumbers = Mapping[Place, int]
"""A number for each prompt, in ascending order, which is the order of `State.prompts`, which corrections depend on."""


def number_prompts(prompts: Iterable[Place], known: PromptNumbers) -> PromptNumbers:
    """Return a number for each prompt, in ascending order; known numbers are kept where they still ascend.

    >>> number_prompts([(1, 5), (1, 0), (1, 3)], {(1, 5): 4, (1, 3): 2})
    {(1, 5): 4, (1, 0): 5, (1, 3): 6}
    """
    places = list(prompts)
    if places == list(known):
        return known
    numbers: dict[Place, int] = {}
    last = 0
    for place in places:
        last = max(known.get(place, 0), last + 1)
        numbers[place] = last
    return numbers


def renumbered(known: PromptNumbers, step: Difference) -> PromptNumbers:
    """Return the numbers of the prompts after a step, in ascending order.

    A step stored without numbers, by an older program, keeps the number of a prompt; one that comes back goes last.
    """
    numbers = dict(known)
    for key, (_, after) in step.items():
        if key[0] != "prompt":
            continue
        place = _place(key[1:])
        old = numbers.pop(place, None)
        if after is not None:
            numbers[place] = after[2] if len(after) > 2 else old or max(numbers.values(), default=0) + 1
    return dict(sorted(numbers.items(), key=itemgetter(1)))


def scalars(state: State) -> dict[str, Any]:
    """Return the small parts of a state in plain values."""
    return {name: to_plain(getattr(state, name)) for name, (to_plain, _) in _SCALARS.items()}


def scalars_after(known: Mapping[str, Any], step: Difference) -> dict[str, Any]:
    """Return the small parts of the state after a step, given those of the state before it."""
    return {**known, **{key[0]: after for key, (_, after) in step.items() if len(key) == 1}}


def difference(
    before: State,
    after: State,
    ids_before: MaskIds,
    ids_after: MaskIds,
    numbers_before: PromptNumbers,
    numbers_after: PromptNumbers,
) -> Difference:
    """Return the difference of two states. Masks are compared by identity, as `apply` never copies one."""
    masks = changed_masks(before, after)
    prompts: Difference = {}
    changed = changed_prompts(before, after) | (before.by_hand ^ after.by_hand)
    if numbers_before is not numbers_after:
        changed |= {place for place, _ in numbers_before.items() ^ numbers_after.items()}
    for place in changed:
        pair = (_plain_prompt(before, place, numbers_before), _plain_prompt(after, place, numbers_after))
        if pair[0] != pair[1]:
            prompts["prompt", *place] = pair
    found: Difference = {}
    for name, (to_plain, _) in _SCALARS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old is not new and old != new:
            found[name,] = (to_plain(old), to_plain(new))
    found |= prompts
    if before.marks is not after.marks:
        for place in before.marks.keys() | after.marks.keys():
            if before.marks.get(place) != after.marks.get(place):
                found["mark", *place] = (before.marks.get(place), after.marks.get(place))
    for object_id in before.names.keys() | after.names.keys():
        if before.names.get(object_id) != after.names.get(object_id):
            found["name", object_id] = (before.names.get(object_id), after.names.get(object_id))
    if before.pending is not after.pending:
        for object_id in before.pending.keys() | after.pending.keys():
            if before.pending.get(object_id) != after.pending.get(object_id):
                found["pending", object_id] = (
                    plain(before.pending.get(object_id)),
                    plain(after.pending.get(object_id)),
                )
    for place in masks:
        pair = (ids_before.get(place), ids_after.get(place) if after.mask_at(place) else None)
        if pair[0] != pair[1]:
            found["mask", *place] = pair
    return found


def _plain_prompt(state: State, place: Place, numbers: PromptNumbers) -> list[Any] | None:
    prompt = state.prompts.get(place)
    return None if prompt is None else [place in state.by_hand, plain(prompt), numbers[place]]


def changed_masks(before: State, after: State) -> set[Place]:
    """Return the places whose masks are not the same; told by identity."""
    places = set()
    for object_id in before.tracks.keys() | after.tracks.keys():
        if before.tracks.get(object_id) is after.tracks.get(object_id):
            continue
        frames, later = before.frames_of(object_id), after.frames_of(object_id)
        places |= {
            (object_id, frame_index)
            for frame_index in frames.keys() | later.keys()
            if frames.get(frame_index) is not later.get(frame_index)
        }
    return places


def inverse(step: Difference) -> Difference:
    """Return the way back."""
    return {key: (after, before) for key, (before, after) in step.items()}


def compose_all(steps: Iterable[Difference]) -> Difference:
    """Return one step that does all the steps in turn, without values that end where they began."""
    found: Difference = {}
    for step in steps:
        for key, (before, after) in step.items():
            found[key] = (found[key][0] if key in found else before, after)
    return {key: pair for key, pair in found.items() if pair[0] != pair[1]}


def applied(
    state: State,
    step: Difference,
    numbers: PromptNumbers,
    load_masks: Callable[[list[int]], Mapping[int, ObjectMask]],
    load_answer: Callable[[int], Answer],
) -> State:
    """Return the state after a step.

    Args:
        state: the state before it.
        step: what `difference` found, or `inverse` of it.
        numbers: the numbers of the prompts after the step, see `renumbered`.
        load_masks: gives masks by the ids under which they are kept.
        load_answer: gives the answer that came at a revision.
    """
    parts: dict[str, dict[tuple[Any, ...], Any]] = {}
    for key, (_, after) in step.items():
        parts.setdefault(key[0] if len(key) > 1 else "", {})[key[1:] or key] = after
    values = {key[0]: after for key, after in parts.get("", {}).items()}
    wanted = parts.get("mask", {})
    masks = load_masks([mask_id for mask_id in wanted.values() if mask_id is not None])
    arrived = {place: None if mask_id is None else masks[mask_id] for place, mask_id in wanted.items()}
    prompts, by_hand = dict(state.prompts), set(state.by_hand)
    for place, kept in parts.get("prompt", {}).items():
        prompts.pop(_place(place), None)
        by_hand.discard(_place(place))
        if kept is not None:
            prompts[_place(place)] = rebuild(Prompt, kept[1])
            by_hand |= {_place(place)} if kept[0] else set()
    prompts = {place: prompts[place] for place in numbers}
    answer = state.answer
    if "answered" in values:
        answer = None if values["answered"] is None else load_answer(values["answered"])
    return dataclasses.replace(
        state,
        answer=answer,
        prompts=prompts,
        tracks=_with_masks(state.tracks, arrived),
        pending=_changed(state.pending, {key[0]: rebuild_runs(runs) for key, runs in parts.get("pending", {}).items()}),
        by_hand=frozenset(by_hand),
        marks=_changed(state.marks, {_place(key): mark for key, mark in parts.get("mark", {}).items()}),
        names=_changed(state.names, {key[0]: name for key, name in parts.get("name", {}).items()}),
        **_from_plain(values),
    )


def from_scalars(
    values: Mapping[str, Any],
    num_frames: int,
    *,
    answer: Answer | None,
    prompts: Mapping[Place, Prompt],
    tracks: Mapping[int, MaskTrack],
    pending: Mapping[int, FrameRuns],
    by_hand: frozenset[Place],
    marks: Mapping[Place, Mark],
    names: Mapping[int, str],
) -> State:
    """Return a state of its small parts (see `scalars`; an empty mapping is a new question) and its large ones."""
    return State(
        num_frames,
        answer=answer,
        prompts=prompts,
        tracks=tracks,
        pending=pending,
        by_hand=by_hand,
        marks=marks,
        names=names,
        **_from_plain(values),
    )


def _from_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: from_plain(values[name]) for name, (_, from_plain) in _SCALARS.items() if name in values}


def rebuild_runs(runs: list[list[int]] | None) -> FrameRuns | None:
    """Return runs of frames of their plain values, None where there are none."""
    return None if runs is None else tuple((start, stop) for start, stop in runs)


def _place(key: tuple[Any, ...]) -> Place:
    object_id, frame_index = key
    return (object_id, frame_index)


def _changed(kept: Mapping[Any, Any], new: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a mapping with the new values laid over it; None takes a value away."""
    return {key: value for key, value in {**kept, **new}.items() if value is not None}


def _with_masks(
    tracks: Mapping[int, MaskTrack], arrived: Mapping[tuple[Any, ...], ObjectMask | None]
) -> Mapping[int, MaskTrack]:
    """Return the tracks with these masks, None where there is none any more; an object without any mask is left out."""
    frames = {object_id: dict(tracks[object_id].frames) if object_id in tracks else {} for object_id, _ in arrived}
    for (object_id, frame_index), mask in arrived.items():
        if mask is None:
            frames[object_id].pop(frame_index, None)
        else:
            frames[object_id][frame_index] = mask
    changed = {object_id: MaskTrack(object_id, masks) for object_id, masks in frames.items()}
    return {object_id: track for object_id, track in {**tracks, **changed}.items() if track.frames}


# --- the small parts of a state


def _same(value: Any) -> Any:
    return value


def _plain_passes(passes: Mapping[Place, FrameRange]) -> list[list[int]]:
    return [[*place, *frames] for place, frames in sorted(passes.items())]


def _plain_assumed(assumed: Mapping[int, FrameRuns]) -> list[list[int]]:
    return [[object_id, *run] for object_id, runs in sorted(assumed.items()) for run in runs]


def _runs_by_object(rows: Iterable[Sequence[int]]) -> dict[int, FrameRuns]:
    found: dict[int, FrameRuns] = {}
    for object_id, start, stop in rows:
        found[object_id] = (*found.get(object_id, ()), (start, stop))
    return found


def _by_object(values: Mapping[str, Any]) -> dict[int, Any]:
    return {int(object_id): value for object_id, value in values.items()}


_SCALARS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "instruction": (_same, _same),
    "shown": (plain, tuple),
    "keyframe": (_same, _same),
    "answered": (_same, _same),
    "reasoning": (_same, _same),
    "thought": (_same, _same),
    "locked": (plain, frozenset),
    "occluded": (pack_places, unpack_places),
    "kept": (pack_places, unpack_places),
    "touched": (pack_places, unpack_places),
    "passes": (_plain_passes, lambda rows: {(one, at): (start, stop) for one, at, start, stop in rows}),
    "assumed": (_plain_assumed, _runs_by_object),
    "classes": (plain, _by_object),
    "attributes": (plain, _by_object),
}
"""The small parts of a state by their names: to plain values, and back."""
