"""What one visitor has done, with the way back: the labels, the marks and the reasoning, names and locks.

`veason.project.state` tells what each edit does to a question; here it gets a past and a future that live in memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from veason.errors import SessionError
from veason.project.state import Edit as StateEdit
from veason.project.state import Marked, State, advance
from veason.session import Asked, DropPrompt, GotAnswer, PutPrompt, Session


@dataclass(frozen=True, slots=True)
class Named:
    """A person called an object by a name; "" takes the name away."""

    object_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Locked:
    """A person locked an object (nothing changes its prompts and masks), or unlocked it."""

    object_id: int
    is_locked: bool


Edit = StateEdit | Named | Locked


@dataclass(frozen=True, slots=True)
class Scene:
    """The state of the question, and what the visitor calls and keeps of its objects."""

    state: State
    names: Mapping[int, str] = field(default_factory=dict)
    locked: frozenset[int] = frozenset()


def turn(scene: Scene, edit: Edit, is_by_person: bool) -> Scene:
    """Return the scene after the edit.

    Raises:
        SessionError: the edit does not fit, or its object is locked.
    """
    match edit:
        case Named(object_id, name):
            return dataclasses.replace(scene, names=_named(scene.names, object_id, name))
        case Locked(object_id, is_locked):
            locked = scene.locked | {object_id} if is_locked else scene.locked - {object_id}
            return dataclasses.replace(scene, locked=locked)
    if is_by_person and (locked_object := _touched(edit)) in scene.locked:
        raise SessionError(f"object {locked_object} is locked: unlock it to change it")
    state = advance(scene.state, edit, 0, is_by_person)
    if isinstance(edit, Asked | GotAnswer):
        return Scene(state)
    objects = set(state.session.object_ids)
    names = {object_id: name for object_id, name in scene.names.items() if object_id in objects}
    return Scene(state, names, scene.locked & objects)


def _named(names: Mapping[int, str], object_id: int, name: str) -> dict[int, str]:
    others = {other: kept for other, kept in names.items() if other != object_id}
    return {**others, object_id: name} if name else others


def _touched(edit: Edit) -> int | None:
    match edit:
        case PutPrompt(prompt):
            return prompt.object_id
        case DropPrompt(object_id, _):
            return object_id
        case Marked():
            return edit.object_id
    return None


@dataclass(frozen=True, slots=True)
class Trail:
    """A scene with its past and future. Every recorded edit can be undone; undo drops nothing but what came after.

    `done` holds the edits that led from `past` to now, oldest first, `undone` those that lead on, the next one first.
    """

    scene: Scene
    past: tuple[Scene, ...] = ()
    future: tuple[Scene, ...] = ()
    done: tuple[Edit, ...] = ()
    undone: tuple[Edit, ...] = ()

    @property
    def now(self) -> Session:
        """The session as it is."""
        return self.scene.state.session

    def record(self, edit: Edit) -> Trail:
        """Apply an edit of a person: it can be undone, and what had been undone is forgotten."""
        return Trail(turn(self.scene, edit, is_by_person=True), (*self.past, self.scene), (), (*self.done, edit))

    def follow(self, edit: Edit) -> Trail:
        """Apply what a model reports (answers, masks): it belongs to the edit before it and is no step of its own."""
        return dataclasses.replace(self, scene=turn(self.scene, edit, is_by_person=False))

    def undo(self) -> Trail:
        """Step back. Raises SessionError at the beginning."""
        if not self.past:
            raise SessionError("nothing to undo")
        future = (self.scene, *self.future)
        return Trail(self.past[-1], self.past[:-1], future, self.done[:-1], (self.done[-1], *self.undone))

    def redo(self) -> Trail:
        """Step forward again. Raises SessionError where nothing was undone."""
        if not self.future:
            raise SessionError("nothing to redo")
        past = (*self.past, self.scene)
        return Trail(self.future[0], past, self.future[1:], (*self.done, self.undone[0]), self.undone[1:])


def begin(num_frames: int) -> Trail:
    """Return the trail of a video that was just opened."""
    return Trail(Scene(State(Session(num_frames))))
