"""What the page is told of an answer: whether it was read, and whether it fits what is there to be compared."""

from collections.abc import Iterator, Sequence

from tests.studio.visitor import Visitor, of_kind
from veason.profile import GENERIC, Profile
from veason.types import Answer, Answered, Box, Frame, PolicyEvent, Sampling, Speed, Turn, Unanswered


class Says:
    """A policy that gives one answer, or none that can be read."""

    name = "says"
    frame_count = 4
    is_recorded, can_sample = False, False
    profile: Profile = GENERIC

    def __init__(self, answer: Answer | None) -> None:
        self._answer = answer

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
        if self._answer is None:
            yield Unanswered("it broke off", "Hm")
        else:
            yield Answered(self._answer, Speed(0.1, 9, 0.5))


def test_an_answer_is_compared_with_its_masks_once_there_are_some() -> None:
    visitor = Visitor(Says(Answer("There.", 4, (Box(2, 2, 10, 10),))))
    assert not of_kind(visitor.think("the square"), "findings")[-1]["hasMasks"]
    assert of_kind(visitor.propagate(), "findings")[-1]["hasMasks"]


def test_an_answer_that_cannot_be_read_is_no_proposal_and_says_why_when_it_comes_back() -> None:
    visitor = Visitor(Says(None))
    visitor.think("the square")
    [row] = visitor.look_up("queue")["rows"]
    assert (row["status"], row["proposed"], row["failure"]) == ("in review", None, "it broke off")
    recalled = of_kind(visitor.studio.look_up("snapshot", {"work": visitor.work})["items"], "recalled")[0]
    assert (recalled["reason"], recalled["failure"], recalled["answered"]) == ("it broke off", "Hm", None)
