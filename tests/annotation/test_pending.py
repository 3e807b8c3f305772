"""What waits to be computed: no frame is forgotten whose mask does not follow, and undo brings all of it back."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from veason.annotation import (
    Asked,
    DropPrompt,
    Duplicated,
    Edit,
    GotAnswer,
    GotMasks,
    Locked,
    Mark,
    Marked,
    Merged,
    MoveKeyframe,
    Place,
    PutPrompt,
    RecomputePlan,
    RecomputeRequest,
    State,
    Tracked,
    apply,
)
from veason.annotation.difference import (
    Difference,
    applied,
    compose_all,
    difference,
    inverse,
    number_prompts,
    renumbered,
)
from veason.annotation.recompute import Extent
from veason.annotation.state import frames_of
from veason.errors import SessionError
from veason.masks import empty_mask
from veason.types import Answer, Box, Click, FrameMasks, ObjectMask, Prompt

COUNT = 8
SIZE_WH = (4, 3)
FRAMES = st.integers(0, COUNT - 1)
OBJECTS = st.integers(1, 3)
BOX = Box(0, 0, 2, 2)


def mask(score: float = 1.0) -> ObjectMask:
    return ObjectMask(empty_mask(SIZE_WH), score)


def drawn(frame_index: int = 4, object_id: int = 1) -> PutPrompt:
    return PutPrompt(Prompt(object_id, frame_index, box=BOX))


def clicked(frame_index: int, object_id: int = 1) -> PutPrompt:
    return PutPrompt(Prompt(object_id, frame_index, clicks=(Click(1, 1),)))


def made(*edits: Edit) -> State:
    state = State(COUNT)
    for edit in edits:
        state = apply(state, edit)
    return state


def done(state: State) -> State:
    """Return the state once everything that waits has arrived."""
    for object_id in state.pending:
        for frame_index in frames_of(state.waiting_frames(object_id)):
            state = apply(state, GotMasks(FrameMasks(frame_index, {object_id: mask()})), is_by_person=False)
    return state


def test_of_a_new_object_every_frame_waits() -> None:
    assert made(drawn()).pending == {1: ((0, COUNT),)}
    assert made(drawn()).stale == {1}


def test_masks_that_arrive_wait_no_longer() -> None:
    state = apply(made(drawn()), GotMasks(FrameMasks(4, {1: mask()})))
    assert state.pending == {1: ((0, 4), (5, 8))}
    assert state.stale == frozenset(), "no mask there is wrong"
    assert done(state).pending == {}


def test_a_correction_reaches_to_the_next_frames_that_a_person_confirmed() -> None:
    state = apply(done(made(drawn(4))), Marked(1, 6, 7, "verified"))
    state = apply(state, clicked(5))
    assert state.pending == {1: ((5, 6),)}
    assert state.stale == {1}
    assert apply(state, DropPrompt(1, 4)).pending == {1: ((0, 6),)}, "a correction taken back is one too"


def test_what_a_model_drew_is_no_barrier() -> None:
    answered = apply(State(COUNT), GotAnswer(Answer("", 2, (BOX,)), (drawn(2).prompt,)), 7)
    assert apply(done(answered), clicked(5)).pending == {1: ((0, COUNT),)}


def test_corrections_add_up_until_their_masks_have_arrived() -> None:
    state = apply(apply(done(made(drawn(4), drawn(4, 2))), clicked(6)), clicked(1))
    assert state.pending == {1: ((0, 4), (5, 8))}
    assert done(state).pending == {}


def test_a_new_question_or_a_deleted_object_leaves_nothing_to_wait_for() -> None:
    state = apply(done(made(drawn(4), drawn(4, 2))), clicked(6))
    assert apply(state, Asked("the cat", (0,))).pending == {}
    gone = apply(apply(state, DropPrompt(1, 6)), DropPrompt(1, 4))
    assert (gone.pending, gone.object_ids) == ({}, (2,))


def test_a_mask_that_a_person_settled_waits_no_longer_and_waits_again_once_it_is_not() -> None:
    state = apply(done(made(drawn(4))), clicked(6))
    settled = apply(state, Marked(1, 5, 8, "verified"))
    assert (settled.waiting_frames(1), settled.stale) == ((), frozenset())
    assert apply(settled, Marked(1, 5, 8, None)).waiting_frames(1) == ((5, 8),)


def test_an_object_that_is_there_after_all_needs_its_masks() -> None:
    absent = apply(done(made(drawn(4))), Marked(1, 6, 8, "absent"))
    assert absent.waiting_frames(1) == ()
    assert apply(absent, Marked(1, 7, 8, None)).waiting_frames(1) == ((7, 8),)
    assert apply(absent, Marked(1, 6, 8, "verified")).waiting_frames(1) == ()


def test_imported_masks_are_all_there_will_be() -> None:
    state = apply(made(drawn(4)), GotMasks(FrameMasks(4, {1: mask()})))
    assert apply(state, Tracked(frozenset({1}))).pending == {}


def test_a_copy_waits_as_its_source_and_a_union_for_both() -> None:
    state = apply(done(made(drawn(4), drawn(4, 2))), clicked(6))
    assert apply(state, Duplicated(1, 3)).pending == {1: ((5, 8),), 3: ((5, 8),)}
    assert apply(apply(state, clicked(1, 2)), Merged(1, 2, frozenset({1, 4}))).pending == {2: ((0, 4), (5, 8))}


@pytest.mark.parametrize(("frame_index", "expected"), [(0, (0, 3)), (3, (0, 8)), (5, (4, 8))])
def test_an_edit_reaches_its_own_frame_at_least(frame_index: int, expected: tuple[int, int]) -> None:
    assert made(drawn(3)).reach((1, frame_index)) == expected


class Annotating(RuleBasedStateMachine):
    """One annotation, undone and redone by differences as a project does it, beside an account of single masks.

    `wrong` holds the places whose masks do not follow: every prompt that changes makes those wrong that a walk from it
    comes to before it meets a frame that a person confirmed.
    """

    @initialize()
    def start(self) -> None:
        self.now, self.wrong = State(COUNT), frozenset[Place]()
        self.past: list[tuple[State, frozenset[Place]]] = []
        self.future: list[tuple[State, frozenset[Place]]] = []
        self.steps: list[Difference] = []
        self.ids: dict[Place, int] = {}
        self.prompts: dict[Place, int] = {}
        self.kept: list[ObjectMask] = []

    def change(self, edit: Edit, is_by_person: bool = True) -> None:
        try:
            after = apply(self.now, edit, is_by_person=is_by_person)
        except SessionError:
            return
        ids, prompts = self.numbered(after), number_prompts(after.prompts, self.prompts)
        step = difference(self.now, after, self.ids, ids, self.prompts, prompts)
        position = len(self.past)
        if is_by_person:
            self.past.append((self.now, self.wrong))
            self.future, self.steps[position:] = [], [step]
        elif position:
            self.steps[position - 1] = compose_all([self.steps[position - 1], step])
        if not is_by_person and position < len(self.steps):
            self.steps[position] = compose_all([inverse(step), self.steps[position]])
        self.wrong = self.wrong_after(after, edit)
        self.now, self.ids, self.prompts = after, ids, prompts

    def wrong_after(self, after: State, edit: Edit) -> frozenset[Place]:
        wrong = set(self.wrong)
        if isinstance(edit, Merged):
            wrong |= {(edit.target_id, at) for one, at in self.wrong if one == edit.source_id}
        elif isinstance(edit, Duplicated):
            wrong |= {(edit.object_id, at) for one, at in self.wrong if one == edit.source_id}
        elif isinstance(edit, GotMasks):
            wrong -= {(one, edit.frame_masks.frame_index) for one in edit.frame_masks.masks}
        else:
            old, new = self.now.prompts, after.prompts
            for object_id, at in {place for place in {*old, *new} if old.get(place) is not new.get(place)}:
                for way in (range(at, COUNT), range(at, -1, -1)):
                    for frame in way:
                        if frame != at and frame in after.confirmed_frames(object_id):
                            break
                        wrong.add((object_id, frame))
        return frozenset(place for place in wrong if place[0] in after.object_ids)

    def numbered(self, after: State) -> dict[Place, int]:
        found = {}
        for object_id in after.tracks:
            for frame_index, one in after.frames_of(object_id).items():
                place = (object_id, frame_index)
                if place not in self.ids or self.kept[self.ids[place]] is not one:
                    self.kept.append(one)
                    found[place] = len(self.kept) - 1
                else:
                    found[place] = self.ids[place]
        return found

    def walk(self, step: Difference) -> None:
        self.prompts = renumbered(self.prompts, step)
        self.now = applied(
            self.now, step, self.prompts, lambda ids: {one: self.kept[one] for one in ids}, self.no_answer
        )
        self.ids = self.numbered(self.now)

    def no_answer(self, revision: int) -> Answer:
        raise AssertionError("no answer was given")

    @rule(object_id=OBJECTS, frame=FRAMES, is_by_person=st.booleans())
    def draw(self, object_id: int, frame: int, is_by_person: bool) -> None:
        self.change(drawn(frame, object_id), is_by_person)

    @rule(object_id=OBJECTS, frame=FRAMES)
    def paint(self, object_id: int, frame: int) -> None:
        self.change(PutPrompt(Prompt(object_id, frame, mask=empty_mask(SIZE_WH))))
        self.arrive({object_id}, frame)

    @rule(object_id=OBJECTS, frame=FRAMES)
    def erase(self, object_id: int, frame: int) -> None:
        self.change(DropPrompt(object_id, frame))

    @rule(frame=FRAMES)
    def move(self, frame: int) -> None:
        self.change(MoveKeyframe(frame))

    @rule(source=OBJECTS, into=OBJECTS)
    def duplicate(self, source: int, into: int) -> None:
        self.change(Duplicated(source, into))

    @rule(source=OBJECTS, into=OBJECTS)
    def merge(self, source: int, into: int) -> None:
        self.change(Merged(source, into, self.now.confirmed_frames(into)))

    @rule(object_id=OBJECTS, is_locked=st.booleans())
    def lock(self, object_id: int, is_locked: bool) -> None:
        self.change(Locked(object_id, is_locked))

    @rule(object_id=OBJECTS, start=FRAMES, kind=st.sampled_from(["verified", "absent", None]))
    def mark(self, object_id: int, start: int, kind: Mark | None) -> None:
        self.change(Marked(object_id, start, COUNT, kind))

    @rule(instruction=st.sampled_from(["", "the cat"]))
    def ask(self, instruction: str) -> None:
        self.change(Asked(instruction, ()))

    @rule(objects=st.sets(OBJECTS, min_size=1), frame=FRAMES)
    def arrive(self, objects: set[int], frame: int) -> None:
        wanted = objects.intersection(self.now.object_ids)
        if wanted:
            masks = {object_id: mask(float(len(self.kept))) for object_id in wanted}
            self.change(GotMasks(FrameMasks(frame, masks)), is_by_person=False)

    @rule(extent=st.sampled_from(["all", "pending"]))
    def recompute(self, extent: Extent) -> None:
        plan = RecomputePlan.of(self.now, RecomputeRequest((0, COUNT), extent))
        for job in plan.jobs:
            for frame_index in range(*job.frames):
                arrived = FrameMasks(frame_index, {one: mask(float(len(self.kept))) for one in job.object_ids})
                kept = plan.accept(arrived, self.now)
                if kept is not None:
                    self.change(GotMasks(kept), is_by_person=False)
        assert plan.left == {}
        open_ids = {object_id for object_id, _ in self.now.prompts} - self.now.locked
        assert not any(self.now.waiting_frames(object_id) for object_id in open_ids)

    @rule(count=st.integers(1, 3))
    def undo(self, count: int) -> None:
        for _ in range(min(count, len(self.past))):
            self.future.insert(0, (self.now, self.wrong))
            self.walk(inverse(self.steps[len(self.past) - 1]))
            expected, self.wrong = self.past.pop()
            assert self.now == expected
            assert list(self.now.prompts) == list(expected.prompts)

    @rule(count=st.integers(1, 3))
    def redo(self, count: int) -> None:
        for _ in range(min(count, len(self.future))):
            before = (self.now, self.wrong)
            self.walk(self.steps[len(self.past)])
            self.past.append(before)
            expected, self.wrong = self.future.pop(0)
            assert self.now == expected
            assert list(self.now.prompts) == list(expected.prompts)

    @invariant()
    def no_frame_is_forgotten(self) -> None:
        if not hasattr(self, "now"):
            return
        for object_id in {one for one, _ in self.now.prompts}:
            pending = set(frames_of(self.now.pending.get(object_id, ())))
            missing = set(range(COUNT)).difference(self.now.frames_of(object_id))
            assert missing <= pending
            assert {at for one, at in self.wrong if one == object_id} <= pending


Annotating.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_nothing_that_waits_is_forgotten_whatever_is_done = Annotating.TestCase
