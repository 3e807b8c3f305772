"""Whatever is done in whatever order, the project holds what `veason.annotation` says, opened again or not."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.project.made import NUM_FRAMES, QUESTION, answer, box_prompt, make_project, mask, masks_on
from tests.project.replayed import replay
from veason.annotation import (
    Asked,
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
    State,
    Tracked,
    apply,
)
from veason.errors import SessionError
from veason.project import Project
from veason.types import FrameMasks

OBJECTS = st.integers(1, 3)
FRAMES = st.integers(0, NUM_FRAMES - 1)
PLACES = st.integers(0, 20)


class Annotating(RuleBasedStateMachine):
    """A project, and beside it nothing but states in lists."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.project, self.question = make_project(self.folder)
        self.now = State(NUM_FRAMES)
        self.past: list[State] = []
        self.future: list[State] = []

    def record(self, edit: Edit) -> None:
        try:
            after = apply(self.now, edit, self.project.library.revision + 1)
        except SessionError:
            with pytest.raises(SessionError):
                self.project.labels.record(self.question, edit)
            return
        self.past.append(self.now)
        self.now, self.future = after, []
        self.project.labels.record(self.question, edit)

    def follow(self, *edits: Edit) -> None:
        revision = self.project.library.revision + 1
        for edit in edits:
            self.now = apply(self.now, edit, revision, is_by_person=False)
        self.project.labels.follow(self.question, edits)

    @rule(instruction=st.sampled_from([QUESTION, "the cube"]))
    def ask(self, instruction: str) -> None:
        self.record(Asked(instruction, (0, 2, 5)))

    @rule(keyframe=FRAMES, num_boxes=st.integers(0, 3))
    def answer(self, keyframe: int, num_boxes: int) -> None:
        prompts = tuple(box_prompt(number + 1, keyframe) for number in range(num_boxes))
        self.follow(GotAnswer(answer(keyframe, num_boxes), prompts))

    @rule(object_id=OBJECTS, frame=FRAMES, x=PLACES)
    def draw(self, object_id: int, frame: int, x: int) -> None:
        self.record(PutPrompt(box_prompt(object_id, frame, x)))

    @rule(object_id=OBJECTS, frame=FRAMES)
    def erase(self, object_id: int, frame: int) -> None:
        self.record(DropPrompt(object_id, frame))

    @rule(source=OBJECTS, object_id=OBJECTS)
    def duplicate(self, source: int, object_id: int) -> None:
        self.record(Duplicated(source, object_id))

    @rule(source=OBJECTS, into=OBJECTS)
    def merge(self, source: int, into: int) -> None:
        self.record(Merged(source, into, self.now.confirmed_frames(into)))

    @rule(object_id=OBJECTS, name=st.sampled_from(["", "dog", "cat"]))
    def name(self, object_id: int, name: str) -> None:
        self.record(Named(object_id, name))

    @rule(object_id=OBJECTS, is_locked=st.booleans())
    def lock(self, object_id: int, is_locked: bool) -> None:
        self.record(Locked(object_id, is_locked))

    @rule(frame=FRAMES)
    def move_keyframe(self, frame: int) -> None:
        self.record(MoveKeyframe(frame))

    @rule(objects=st.sets(OBJECTS, min_size=1), start=FRAMES, x=PLACES)
    def propagate(self, objects: set[int], start: int, x: int) -> None:
        masks = {object_id: mask(x) for object_id in objects}
        self.follow(*[GotMasks(FrameMasks(index, masks)) for index in range(start, NUM_FRAMES)])
        self.follow(Tracked(frozenset(objects)))

    @rule(frame=FRAMES, x=PLACES, y=PLACES)
    def propagate_the_same_frame_twice(self, frame: int, x: int, y: int) -> None:
        self.follow(*masks_on([frame], 1, x), *masks_on([frame], 1, y))

    @rule(object_id=OBJECTS, start=FRAMES, kind=st.sampled_from(["verified", "absent", None]))
    def mark(self, object_id: int, start: int, kind: str) -> None:
        self.record(Marked(object_id, start, NUM_FRAMES, kind))  # type: ignore[arg-type]

    @rule(object_id=OBJECTS, start=FRAMES, is_occluded=st.booleans())
    def occlude(self, object_id: int, start: int, is_occluded: bool) -> None:
        self.record(Occluded(object_id, start, NUM_FRAMES, is_occluded))

    @rule(thought=st.sampled_from([None, "because I say so"]))
    def reason(self, thought: str | None) -> None:
        self.record(Reasoned(thought))

    @rule(count=st.integers(1, 4))
    def undo(self, count: int) -> None:
        for _ in range(count):
            if not self.past:
                with pytest.raises(SessionError, match="undo"):
                    self.project.labels.undo(self.question)
                return
            self.future.insert(0, self.now)
            self.now = self.past.pop()
            self.project.labels.undo(self.question)

    @rule(count=st.integers(1, 4))
    def redo(self, count: int) -> None:
        for _ in range(count):
            if not self.future:
                with pytest.raises(SessionError, match="redo"):
                    self.project.labels.redo(self.question)
                return
            self.past.append(self.now)
            self.now = self.future.pop(0)
            self.project.labels.redo(self.question)

    @rule(object_id=OBJECTS, start=FRAMES, x=PLACES)
    def redo_after_the_model_reported_something_else(self, object_id: int, start: int, x: int) -> None:
        if self.past:
            self.undo(1)
            self.follow(*masks_on(range(start, NUM_FRAMES), object_id, x))
            self.redo(1)

    @rule()
    def open_again(self) -> None:
        self.project.close()
        self.project = Project.open(self.project.folder)

    @invariant()
    def the_project_holds_the_state(self) -> None:
        if hasattr(self, "project"):
            assert self.project.labels.state(self.question) == self.now
            assert len(self.past) == self.project.labels.loaded(self.question).position

    def teardown(self) -> None:
        if hasattr(self, "project"):
            history = replay(self.project, self.question)
            assert (history.now, history.past, history.future) == (self.now, self.past, self.future)
            self.check_rows()
            self.project.close()
            shutil.rmtree(self.folder)

    def check_rows(self) -> None:
        with Project.open(self.project.folder) as fresh:
            state = fresh.labels.state(self.question)
            assert state == self.now
            rows = {(one.object_id, one.frame_index): (one.rle, one.score) for one in fresh.labels.masks(self.question)}
            assert rows == {
                (track.object_id, index): (one.rle, one.score)
                for track in state.tracks.values()
                for index, one in track.frames.items()
            }
            assert {
                (one.prompt.object_id, one.prompt.frame_index) for one in fresh.labels.prompts(self.question)
            } == set(state.prompts)
            assert tuple(one.object_id for one in fresh.labels.objects(self.question)) == state.object_ids
            stored = fresh.labels.answer(self.question)
            assert (stored.answer if stored else None) == state.answer


Annotating.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
test_the_project_agrees_with_the_session_whatever_is_done = Annotating.TestCase
