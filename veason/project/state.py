"""The state of one question: its Session, and what a person has said about masks and reasoning.

`advance(state, edit)` is `veason.session.apply` with more edits: Marked, Occluded, Reasoned, Named and Locked.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from veason.errors import SessionError
from veason.project.records import Provenance, Reasoning
from veason.project.runs import unpack_places
from veason.project.whole import by_hand_after, occluded_after, said_after
from veason.session import Asked, DropPrompt, Duplicated, GotAnswer, Merged, MoveKeyframe, PutPrompt, Session, apply
from veason.session import Edit as SessionEdit

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
class Occluded:
    """A person said that something hides a part of an object on frames `start` to `stop - 1`, or that nothing does."""

    object_id: int
    start: int
    stop: int
    is_occluded: bool = True


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


Edit = SessionEdit | Marked | Occluded | Reasoned | Named | Locked

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
        occluded: where a person said that an object is partly hidden; only where it has a mask.
    """

    session: Session
    answered: int | None = None
    by_hand: frozenset[Place] = frozenset()
    marks: Mapping[Place, Mark] = field(default_factory=dict)
    reasoning: Reasoning | None = None
    thought: str | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    locked: frozenset[int] = frozenset()
    occluded: frozenset[Place] = frozenset()

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
        case Occluded():
            return _occlude(state, edit)
        case Reasoned(thought):
            return _reason(state, thought)
    before, after = state.session, apply(state.session, edit)
    marks, by_hand = state.marks, state.by_hand
    names, locked, occluded = state.names, state.locked, state.occluded
    if after.prompts is not before.prompts:
        if isinstance(edit, Duplicated | Merged):
            by_hand, marks = by_hand_after(edit, by_hand, before, after), said_after(edit, marks, before, after)
            occluded = occluded_after(edit, occluded, before, after)
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
        occluded = frozenset(place for place in occluded if place[0] in objects)
    if isinstance(edit, Asked | GotAnswer):
        marks, by_hand, names, locked, occluded = {}, frozenset[Place](), {}, frozenset[int](), frozenset[Place]()
    elif isinstance(edit, PutPrompt):
        marks = {
            place: kind for place, kind in marks.items() if place != (edit.prompt.object_id, edit.prompt.frame_index)
        }
    state = dataclasses.replace(
        state, session=after, marks=marks, by_hand=by_hand, names=names, locked=locked, occluded=occluded
    )
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
        case DropPrompt() | Duplicated() | Marked() | Occluded() | Named() | Locked():
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


def _places(state: State, edit: Marked | Occluded) -> frozenset[Place]:
    count = state.session.num_frames
    if not 0 <= edit.start < edit.stop <= count:
        raise SessionError(f"frames {edit.start} to {edit.stop - 1} are not in this video: it has {count} frames")
    if edit.object_id not in state.session.object_ids:
        raise SessionError(f"there is no object {edit.object_id} to mark: draw it first")
    return unpack_places([(edit.object_id, edit.start, edit.stop)])


def _occlude(state: State, edit: Occluded) -> State:
    places = _places(state, edit)
    if not edit.is_occluded:
        return dataclasses.replace(state, occluded=state.occluded - places)
    places = frozenset(place for place in places if state.marks.get(place) != "absent")
    if not places:
        raise SessionError(f"object {edit.object_id} is marked absent there: take that mark away first")
    if missing := [place for place in sorted(places) if state.session.mask_at(place) is None]:
        raise SessionError(f"object {edit.object_id} has no mask on frame {missing[0][1]} yet: propagate first")
    return dataclasses.replace(state, occluded=state.occluded | places)


def _mark(state: State, edit: Marked) -> State:
    places = _places(state, edit)
    marks: dict[Place, Mark] = {place: kind for place, kind in state.marks.items() if place not in places}
    if edit.kind is not None:
        marks |= dict.fromkeys(sorted(places), edit.kind)
    if edit.kind != "absent":
        return dataclasses.replace(state, marks=marks)
    return _corrected(dataclasses.replace(state, marks=marks, occluded=state.occluded - places))


def _reason(state: State, thought: str | None) -> State:
    if thought is not None:
        return dataclasses.replace(state, reasoning="edited", thought=thought)
    if state.reasoning is None:
        raise SessionError("there is no reasoning to confirm: ask first, or write it")
    return dataclasses.replace(state, reasoning="confirmed")
