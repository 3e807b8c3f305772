"""The state of one question: its Session, and what a person has said about masks and reasoning.

`advance(state, edit)` is `veason.session.apply` with two more edits, Marked and Reasoned. `changes` tells two states
apart, `stepped` walks such changes forward or back: that is how undo works without any replay.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from veason.errors import SessionError
from veason.project.codec import plain, rebuild
from veason.project.records import Provenance, Reasoning
from veason.project.whole import by_hand_after, said_after
from veason.session import Asked, DropPrompt, Duplicated, GotAnswer, Merged, MoveKeyframe, PutPrompt, Session, apply
from veason.session import Edit as SessionEdit
from veason.types import Answer, MaskTrack, ObjectMask, Prompt

Place = tuple[int, int]
"""(object id, frame index)."""

Mark = Literal["verified", "absent"]


@dataclass(frozen=True, slots=True)
class Marked:
    """A person said of an object's masks on frames `start` to `stop - 1` that they are right, or that it is not there;
    None takes the mark away.
    """

    object_id: int
    start: int
    stop: int
    kind: Mark | None


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A person confirmed the reasoning as it stands, or wrote it anew where `thought` is given."""

    thought: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A person called an object by a name; "" takes the name away."""

    object_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Locked:
    """A person locked an object (no person changes its prompts and marks), or unlocked it."""

    object_id: int
    is_locked: bool


Edit = SessionEdit | Marked | Reasoned | Named | Locked

EDITS: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(Edit)}
"""All edits by the name under which the log keeps them."""


@dataclass(frozen=True, slots=True)
class State:
    """A question's Session and what else belongs to it.

    Attributes:
        answered: revision at which the answer came; the key of the stored answer.
        by_hand: places of prompts that a person made.
        marks: what a person said about masks.
        reasoning: whether the reasoning fits the labels, None where there is none.
        thought: the reasoning as a person rewrote it, None where it is the policy's own.
        names: what a person calls the objects.
        locked: ids of the objects that a person locked.
    """

    session: Session
    answered: int | None = None
    by_hand: frozenset[Place] = frozenset()
    marks: Mapping[Place, Mark] = field(default_factory=dict)
    reasoning: Reasoning | None = None
    thought: str | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    locked: frozenset[int] = frozenset()

    def provenance(self, place: Place) -> Provenance:
        """Return what a mask that arrives now at this place has come from."""
        if place in self.by_hand:
            return "corrected"
        return "model" if place in self.session.prompts else "propagated"

    def settled(self, object_id: int) -> frozenset[int]:
        """Return the frames on which a person drew an object, or said that its mask is right: a merge keeps them."""
        drawn = {frame_index for one, frame_index in self.by_hand if one == object_id}
        return frozenset(
            drawn.union(at for (one, at), kind in self.marks.items() if (one, kind) == (object_id, "verified"))
        )


def advance(state: State, edit: Edit, revision: int, is_by_person: bool) -> State:
    """Return the state after the edit, which became `revision`.

    Raises:
        SessionError: the edit does not fit the state, or a person's edit is about a locked object.
    """
    match edit:
        case Named(object_id, name):
            others = {other: kept for other, kept in state.names.items() if other != object_id}
            return dataclasses.replace(state, names={**others, object_id: name} if name else others)
        case Locked(object_id, is_locked):
            locked = state.locked | {object_id} if is_locked else state.locked - {object_id}
            return dataclasses.replace(state, locked=locked)
    _check_allowed(state, edit, is_by_person)
    match edit:
        case Marked():
            return _mark(state, edit)
        case Reasoned(thought):
            return _reason(state, thought)
    before, after = state.session, apply(state.session, edit)
    marks, by_hand = state.marks, state.by_hand
    names, locked = state.names, state.locked
    if after.prompts is not before.prompts:
        if isinstance(edit, Duplicated | Merged):
            by_hand, marks = by_hand_after(edit, by_hand, before, after), said_after(edit, marks, before, after)
        else:
            by_hand = frozenset(
                place
                for place, prompt in after.prompts.items()
                if (is_by_person if before.prompts.get(place) is not prompt else place in by_hand)
            )
        objects = set(after.object_ids)
        marks = {place: kind for place, kind in marks.items() if place[0] in objects}
        names = {object_id: name for object_id, name in names.items() if object_id in objects}
        locked = locked & objects
    if isinstance(edit, Asked | GotAnswer):
        marks, by_hand, names, locked = {}, frozenset[Place](), {}, frozenset[int]()
    elif isinstance(edit, PutPrompt):
        marks = {
            place: kind for place, kind in marks.items() if place != (edit.prompt.object_id, edit.prompt.frame_index)
        }
    state = dataclasses.replace(state, session=after, marks=marks, by_hand=by_hand, names=names, locked=locked)
    return _with_reasoning(state, before, edit, revision, is_by_person)


def _check_allowed(state: State, edit: Edit, is_by_person: bool) -> None:
    subjects = {edit.source_id, edit.target_id} if isinstance(edit, Merged) else {touched(edit)}
    if is_by_person and (locked := sorted(one for one in subjects if one in state.locked)):
        raise SessionError(f"object {locked[0]} is locked: unlock it to change it")
    if isinstance(edit, Merged) and (lost := sorted(state.settled(edit.target_id) - edit.kept)):
        raise SessionError(f"object {edit.target_id} was corrected or verified on frame {lost[0]}: that must be kept")


def touched(edit: Edit) -> int | None:
    """Return the id of the one object that an edit is about, None where it is about none or several."""
    match edit:
        case PutPrompt(prompt):
            return prompt.object_id
        case DropPrompt() | Duplicated() | Marked() | Named() | Locked():
            return edit.object_id
    return None


def _with_reasoning(state: State, before: Session, edit: Edit, revision: int, is_by_person: bool) -> State:
    match edit:
        case Asked(instruction):
            keeps = state.reasoning == "stale" and instruction == before.instruction
            reasoning: Reasoning | None = "stale" if keeps else None
            return dataclasses.replace(state, answered=None, reasoning=reasoning, thought=None)
        case GotAnswer():
            reasoning = "fresh" if state.reasoning in (None, "fresh") else "regenerated"
            return dataclasses.replace(state, answered=revision, reasoning=reasoning, thought=None)
        case PutPrompt() | DropPrompt() | MoveKeyframe() | Duplicated() | Merged():
            return _corrected(state) if is_by_person and state.session is not before else state
    return state


def _corrected(state: State) -> State:
    return state if state.reasoning is None else dataclasses.replace(state, reasoning="stale")


def _mark(state: State, edit: Marked) -> State:
    count = state.session.num_frames
    if not 0 <= edit.start < edit.stop <= count:
        raise SessionError(f"frames {edit.start} to {edit.stop - 1} are not in this video: it has {count} frames")
    if edit.object_id not in state.session.object_ids:
        raise SessionError(f"there is no object {edit.object_id} to mark: draw it first")
    places = {(edit.object_id, frame_index) for frame_index in range(edit.start, edit.stop)}
    marks: dict[Place, Mark] = {place: kind for place, kind in state.marks.items() if place not in places}
    if edit.kind is not None:
        marks |= dict.fromkeys(sorted(places), edit.kind)
    state = dataclasses.replace(state, marks=marks)
    return _corrected(state) if edit.kind == "absent" else state


def _reason(state: State, thought: str | None) -> State:
    if thought is not None:
        return dataclasses.replace(state, reasoning="edited", thought=thought)
    if state.reasoning is None:
        raise SessionError("there is no reasoning to confirm: ask first, or write it")
    return dataclasses.replace(state, reasoning="confirmed")


# --- telling states apart

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
        pair = (ids_before.get(place), ids_after.get(place) if mask_at(after.session, place) else None)
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


def mask_at(session: Session, place: Place) -> ObjectMask | None:
    """Return the mask at a place, None where there is none."""
    track = session.tracks.get(place[0])
    return track.frames.get(place[1]) if track else None


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
    return State(session, values.get("answered"), by_hand, marks, reasoning, thought, names, locked)


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
