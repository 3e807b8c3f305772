"""From a question to masks: what is shown, what is tracked, and what happens when there is no answer."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import veason.pipeline as pipeline_module
from tests.standins import ArrayVideo, BoxFiller
from veason.errors import AnswerError, MissingBackend, PromptError
from veason.pipeline import FramesShown, Pipeline
from veason.profile import GENERIC
from veason.tracks import masks_by_frame, merge_tracks, prompts_from_answer, starting_range
from veason.types import (
    Answer,
    Answered,
    Box,
    Frame,
    FrameMasks,
    Note,
    PolicyEvent,
    Prompt,
    Sampling,
    ThoughtDelta,
    Turn,
    Unanswered,
    VideoInfo,
)

BOX = Box(1, 1, 3, 3)


class Says:
    """A policy that yields the given events and remembers what it was shown."""

    name, frame_count, profile = "says", 8, GENERIC
    is_recorded, can_sample = False, True

    def __init__(self, *events: PolicyEvent) -> None:
        self.events = events
        self.shown: list[int] = []
        self.is_closed = False

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
        self.shown = [frame.index for frame in frames]
        try:
            yield from self.events
        finally:
            self.is_closed = True


def video(num_frames: int = 20) -> ArrayVideo:
    return ArrayVideo(np.zeros((num_frames, 6, 8, 3), np.uint8))


def test_the_policy_sees_the_sampled_frames_by_absolute_index_and_no_other_is_decoded() -> None:
    policy, clip = Says(Answered(Answer("", 3, ()))), video()
    first = next(iter(Pipeline(policy, BoxFiller()).ask(clip, "the ball")))
    assert first == FramesShown((0, 2, 5, 8, 10, 13, 16, 19))
    list(Pipeline(policy, BoxFiller()).ask(clip, "the ball"))
    assert policy.shown == clip.reads == [0, 2, 5, 8, 10, 13, 16, 19]


def test_boxes_of_the_answer_become_masks_on_every_frame() -> None:
    policy = Says(ThoughtDelta("hm"), Answered(Answer("hm", 5, (BOX, Box(4, 0, 6, 2)))))
    arrived = [one for one in Pipeline(policy, BoxFiller()).ask(video(), "balls") if isinstance(one, FrameMasks)]
    tracks = merge_tracks({}, arrived)
    assert sorted(tracks) == [1, 2]
    assert list(masks_by_frame(tracks)) == list(range(20))
    assert arrived[0].frame_index == 5


def test_an_absent_target_ends_after_the_answer() -> None:
    events = list(Pipeline(Says(Answered(Answer("no", None, ()))), BoxFiller()).ask(video(), "the cat"))
    assert not any(isinstance(event, FrameMasks) for event in events)


def test_no_usable_answer_is_an_error_that_carries_the_whole_text() -> None:
    with pytest.raises(AnswerError, match="no JSON") as caught:
        list(Pipeline(Says(Unanswered("no JSON", "well ...")), BoxFiller()).ask(video(), "the ball"))
    assert caught.value.text == "well ..."


def test_the_first_usable_sample_counts() -> None:
    policy = Says(Unanswered("no JSON", "well ..."), Answered(Answer("", 5, (BOX,)), sample=1))
    assert any(isinstance(event, FrameMasks) for event in Pipeline(policy, BoxFiller()).ask(video(), "the ball"))


def test_closing_the_stream_closes_the_policy() -> None:
    policy = Says(ThoughtDelta("a"), ThoughtDelta("b"), ThoughtDelta("c"))
    events = Pipeline(policy, BoxFiller()).think(video(), "the ball")
    next(events), next(events)
    events.close()  # type: ignore[attr-defined]
    assert policy.is_closed


def test_an_empty_instruction_and_a_missing_policy_are_refused() -> None:
    with pytest.raises(PromptError, match="empty"):
        list(Pipeline(Says(), BoxFiller()).ask(video(), "  "))
    with pytest.raises(MissingBackend, match="needs a policy"):
        list(Pipeline(None, BoxFiller()).ask(video(), "the ball"))


@pytest.mark.parametrize(("seen_pictures", "num_calls"), [("", 0), ("pictures.safetensors", 1)])
def test_words_and_frame_numbers_are_checked_without_the_gpu_that_pictures_need(
    seen_pictures: str, num_calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Limited(Says):
        profile = replace(GENERIC, seen_pictures=seen_pictures)

        def outside_training(self, frames: Sequence[Frame], instruction: str) -> tuple[Note, ...]:
            return (Note("outside_training", "never seen"),)

    calls = []
    wrapped = pipeline_module.wrap_gpu_work

    def counting(work: Callable[..., Iterator[Any]], seconds: Any) -> Callable[..., Iterator[Any]]:
        def call(*arguments: Any) -> Iterator[Any]:
            calls.append(work.__name__)
            yield from wrapped(work, seconds)(*arguments)

        return call

    monkeypatch.setattr(pipeline_module, "wrap_gpu_work", counting)
    pipeline = Pipeline(Limited(), BoxFiller())
    assert [note.message for note in pipeline.outside_training(video(), "a zeppelin")] == ["never seen"]
    assert calls == ["_outside"] * num_calls


def test_prompts_are_numbered_from_one_on_the_keyframe() -> None:
    assert prompts_from_answer(Answer("", 7, (BOX, BOX))) == (Prompt(1, 7, box=BOX), Prompt(2, 7, box=BOX))


@pytest.mark.parametrize(
    ("num_frames", "frame_index", "expected"),
    [
        pytest.param(300, 128, (0, 300), id="a short clip is done whole"),
        pytest.param(600, 0, (0, 600), id="just short enough"),
        pytest.param(2000, 1000, (700, 1300), id="around the keyframe"),
        pytest.param(2000, 10, (0, 600), id="at the start"),
        pytest.param(2000, 1990, (1400, 2000), id="at the end"),
    ],
)
def test_a_long_clip_starts_with_a_window_around_the_keyframe(
    num_frames: int, frame_index: int, expected: tuple[int, int]
) -> None:
    info = VideoInfo("clip", num_frames, (8, 6), 25, 0, 1, False, "images")
    assert starting_range(info, frame_index) == expected


def test_later_masks_lie_over_earlier_ones_and_leave_the_rest() -> None:
    clip = video(3)
    first = merge_tracks({}, BoxFiller().track(clip, [Prompt(1, 0, box=BOX)]))
    second = merge_tracks(first, BoxFiller().track(clip, [Prompt(1, 1, box=Box(0, 0, 1, 1))], frames=(1, 2)))
    assert second[1].frames[0] == first[1].frames[0]
    assert second[1].frames[1] != first[1].frames[1]
