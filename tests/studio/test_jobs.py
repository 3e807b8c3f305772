"""What runs for a question, and what may end it: never what nobody asked for, and never in silence."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from tests.studio.visitor import OTHER, Visitor, of_kind
from veason.errors import VeasonError
from veason.profile import GENERIC, Profile
from veason.types import Answer, Answered, Box, Frame, PolicyEvent, Sampling, ThoughtDelta, Turn

FIRST, SECOND = Answer("First.", 5, (Box(2, 2, 10, 10),)), Answer("Second.", 6, (Box(3, 3, 9, 9),))


class Interrupted:
    """A policy that gives one answer after another; `meanwhile` is called while it writes."""

    name = "interrupted"
    frame_count = 4
    is_recorded, can_sample = False, False
    profile: Profile = GENERIC

    def __init__(self) -> None:
        self._answers = iter([FIRST, SECOND])
        self.meanwhile: Callable[[], None] = lambda: None

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        return ()

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        yield ThoughtDelta("Hm")
        self.meanwhile()
        yield ThoughtDelta(" …")
        yield Answered(next(self._answers), None)


@pytest.fixture
def policy() -> Interrupted:
    return Interrupted()


@pytest.fixture
def visitor(policy: Interrupted) -> Visitor:
    """One that has an answer, masks of it, and a box that was moved since."""
    visitor = Visitor(policy)
    visitor.think("the square")
    visitor.propagate()
    visitor.edit(edit="box", object=1, frame=5, xyxy=OTHER, stamp=1)
    return visitor


def in_a_thread(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act)
    thread.start()
    return thread


def test_masks_that_follow_an_edit_do_not_stop_what_was_asked_after_it(visitor: Visitor, policy: Interrupted) -> None:
    told = list[str]()

    def follow() -> None:
        told.extend(item["kind"] for item in visitor.propagate(only="here", object=1, frame=5, after=1, follows=True))

    policy.meanwhile = lambda: in_a_thread(follow).join(5)
    thought = visitor.think("the square", again=True)
    assert visitor.state.answer == SECOND
    assert (visitor.state.reasoning, of_kind(thought, "notice")) == ("regenerated", [])
    assert "propagating" not in told


def test_masks_that_follow_an_edit_do_not_stop_masks_that_were_asked_for(visitor: Visitor) -> None:
    calls = visitor.segmenter.calls
    following = list[threading.Thread]()

    def follow(frame_index: int) -> None:
        if not following:
            act = lambda: visitor.propagate(only="here", object=1, frame=5, after=1, follows=True)  # noqa: E731
            following.append(in_a_thread(act))
            following[0].join(5)

    visitor.segmenter.on_frame = follow
    visitor.propagate()
    assert following
    assert not visitor.state.pending
    assert {mask.score for mask in visitor.masks(1).values()} <= {calls + 1.0, calls + 2.0}


def test_masks_that_follow_an_edit_stop_those_that_followed_the_one_before(visitor: Visitor) -> None:
    job = visitor.question.job
    with job.run(gives_way=True) as stop:
        thread = in_a_thread(lambda: visitor.propagate(only="here", object=1, frame=5, after=1, follows=True))
        assert stop.wait(5)
    thread.join()
    assert 5 not in dict(visitor.state.pending)


def test_an_edit_that_arrives_late_is_seen_by_the_question_that_was_asked_after_it(
    visitor: Visitor, policy: Interrupted
) -> None:
    thread = in_a_thread(lambda: visitor.think("the square", again=True, after=2))
    visitor.edit(edit="box", object=1, frame=5, xyxy=[3, 3, 11, 11], stamp=2)
    thread.join()
    assert visitor.state.answer == SECOND


def test_a_question_that_is_stopped_leaves_what_was_there_and_says_so(visitor: Visitor, policy: Interrupted) -> None:
    before = visitor.state
    policy.meanwhile = visitor.question.job.stop
    told = visitor.think("the square", again=True)
    assert visitor.state == before
    assert "as they were" in of_kind(told, "notice")[0]["text"]
    assert of_kind(told, "recalled")[-1]["text"] == FIRST.thought
    assert told[-1]["kind"] == "idle"


def test_a_question_that_fails_leaves_what_was_there(visitor: Visitor, policy: Interrupted) -> None:
    def fail() -> None:
        raise VeasonError("the models are gone")

    before, policy.meanwhile = visitor.state, fail
    told = visitor.think("the square", again=True)
    assert visitor.state == before
    assert of_kind(told, "recalled")[-1]["text"] == FIRST.thought
    assert [item["text"] for item in of_kind(told, "notice")][-1] == "the models are gone"


def test_a_tab_that_leaves_while_the_policy_writes_finds_what_was_there(visitor: Visitor) -> None:
    before = visitor.state
    messages = visitor.studio.answer("think", {"work": visitor.work, "instruction": "the square", "again": True})
    while next(messages)["items"][0]["kind"] != "thinking":
        pass
    assert visitor.state.answer is None
    messages.close()
    assert visitor.state == before


def test_what_a_person_drew_while_the_policy_wrote_is_not_taken_back(visitor: Visitor, policy: Interrupted) -> None:
    policy.meanwhile = lambda: visitor.edit(edit="box", object=0, frame=7, xyxy=OTHER)
    told = visitor.think("the square")
    assert list(visitor.state.prompts) == [(1, 7)]
    assert "What was changed meanwhile stays; undo goes back" in of_kind(told, "notice")[0]["text"]


def test_a_question_that_is_stopped_while_it_waits_says_so(visitor: Visitor) -> None:
    before, told = visitor.state, list[dict[str, object]]()
    with visitor.studio.line.background():
        thread = in_a_thread(lambda: told.extend(visitor.think("the square", again=True)))
        while not visitor.studio.look_up("stop", {"work": visitor.work})["wasRunning"]:
            pass
    thread.join()
    assert [item["kind"] for item in told][-2:] == ["notice", "idle"]
    assert visitor.state == before


def test_the_end_of_a_job_that_was_stopped_is_not_the_end_of_the_next_one_of_the_tab(visitor: Visitor) -> None:
    job = visitor.question.job
    with job.run("left") as stop:
        assert not job.is_followed(stop, "left")
        ended = threading.Event()

        def second() -> None:
            with job.run("left"):
                ended.wait(5)

        thread = in_a_thread(second)
        assert stop.wait(5)
        assert job.is_followed(stop, "left")
        assert not job.is_followed(stop, "right")
        ended.set()
    thread.join()
