"""While the policy writes, the segmenter already works: what for, how far, and that no mask depends on it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.segmenter.clips import BOX, write_clip
from tests.standins import ArrayVideo, BoxFiller
from tests.tiny_sam2 import build_tiny_sam2, tiny_sam2
from veason.errors import VideoError
from veason.pipeline import FramesShown, Pipeline
from veason.profile import GENERIC
from veason.segmenter.counters import CallCounter, count_calls
from veason.segmenter.features import FeatureBudget, FeatureCache
from veason.segmenter.sam2 import Sam2Segmenter
from veason.tracks import merge_tracks
from veason.types import (
    Answer,
    Answered,
    Box,
    BoxClosed,
    Frame,
    FrameMasks,
    KeyframeChosen,
    PolicyEvent,
    Sampling,
    ThoughtDelta,
    Turn,
)

PATIENCE_S = 60
OTHER = Box(55, 45, 75, 65)
ANSWER = Answer("It moves.", 4, (BOX, OTHER))


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.005)


class Hesitates:
    """A policy that writes the given events and, before some of them, does something: wait, or look at what is done."""

    name, frame_count, profile = "hesitates", 4, GENERIC
    is_recorded, can_sample = False, True

    def __init__(self, *steps: PolicyEvent | Callable[[], None]) -> None:
        self.steps = steps

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
        for step in self.steps:
            if callable(step):
                step()
            else:
                yield step


def ask(video: ArrayVideo, segmenter: Sam2Segmenter, *steps: PolicyEvent | Callable[[], None]) -> list[FrameMasks]:
    events = Pipeline(Hesitates(*steps), segmenter).ask(video, "the ball")
    return [event for event in events if isinstance(event, FrameMasks)]


def test_frames_are_encoded_before_the_keyframes_number_is_complete(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=9), tiny_sam2()
    at_keyframe = []
    with count_calls(model) as counter:
        ask(
            video,
            Sam2Segmenter(model, "tiny"),
            ThoughtDelta("It moves"),
            lambda: wait_until(lambda: counter.calls.encoder >= 3, "three frames are encoded"),
            lambda: at_keyframe.append(counter.calls.encoder),
            KeyframeChosen(4, True),
            BoxClosed(BOX, 0),
            Answered(Answer("It moves.", 4, (BOX,))),
        )
    assert at_keyframe[0] >= 3
    assert counter.calls.encoder == 9, "each frame once, thinking and propagating together"


def test_frames_shown_come_first_and_then_those_around_the_keyframe(tmp_path: Path) -> None:
    video, segmenter = write_clip(tmp_path, num_frames=9), Sam2Segmenter(tiny_sam2(), "tiny")
    before: list[int] = []

    def until(count: int) -> Callable[[], None]:
        return lambda: wait_until(lambda: len(segmenter_reads(video)) >= count, f"{count} frames are read")

    policy = Hesitates(ThoughtDelta("It"), until(4), lambda: before.extend(segmenter_reads(video)[:4]))
    list(Pipeline(policy, segmenter).think(video, "the ball"))
    assert before == [0, 2, 5, 8]


def segmenter_reads(video: ArrayVideo) -> list[int]:
    return video.reads[4:]  # the first four were read to be shown


def test_the_keyframe_and_its_neighbours_go_before_the_rest_once_it_is_known(tmp_path: Path) -> None:
    video, segmenter = write_clip(tmp_path, num_frames=30), Sam2Segmenter(tiny_sam2(), "tiny")
    policy = Hesitates(
        KeyframeChosen(20, False),
        lambda: wait_until(lambda: len(segmenter_reads(video)) >= 3, "three frames are read"),
    )
    list(Pipeline(policy, segmenter).think(video, "the ball"))
    assert segmenter_reads(video)[:3] == [20, 21, 22]


def test_a_box_is_tracked_as_soon_as_it_closes_and_the_propagation_takes_it_from_there(tmp_path: Path) -> None:
    video, model, at_answer = write_clip(tmp_path, num_frames=6), build_tiny_sam2(), []
    with count_calls(model) as counter:
        arrived = ask(
            video,
            Sam2Segmenter(model, "tiny"),
            KeyframeChosen(4, True),
            BoxClosed(BOX, 0),
            lambda: wait_until(lambda: counter.calls.memory_encoder >= 6, "the first object is in all six memories"),
            BoxClosed(OTHER, 1),
            lambda: wait_until(lambda: counter.calls.memory_encoder >= 12, "so is the second"),
            lambda: at_answer.append(counter.calls),
            Answered(ANSWER),
        )
    assert counter.calls == at_answer[0], "no network was called after the answer"
    assert merge_tracks({}, arrived) == plain_masks(video, ANSWER)


def plain_masks(video: ArrayVideo, answer: Answer) -> dict:
    """Return the masks of the way without caches and without work ahead."""
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny", feature_budget_bytes=0, memory_budget_bytes=0)
    pipeline = Pipeline(Hesitates(Answered(answer)), segmenter, speculates=False)
    events = pipeline.ask(video, "the ball", order="stock")
    return merge_tracks({}, [event for event in events if isinstance(event, FrameMasks)])


@pytest.mark.parametrize(
    "written",
    [
        pytest.param([KeyframeChosen(1, True), BoxClosed(OTHER, 0)], id="another box on another frame"),
        pytest.param([KeyframeChosen(4, True), BoxClosed(OTHER, 0), BoxClosed(BOX, 0)], id="the list began anew"),
        pytest.param([KeyframeChosen(99, False), BoxClosed(BOX, 0)], id="a frame outside the video"),
        pytest.param([KeyframeChosen(4, True), BoxClosed(Box(900, 900, 950, 950), 0)], id="a box outside the picture"),
        pytest.param([BoxClosed(BOX, 0)], id="a box before any keyframe"),
    ],
)
def test_what_was_done_for_another_answer_changes_no_mask(tmp_path: Path, written: list[PolicyEvent]) -> None:
    video, model = write_clip(tmp_path, num_frames=6), build_tiny_sam2()
    with count_calls(model) as counter:
        arrived = ask(
            video,
            Sam2Segmenter(model, "tiny"),
            *written,
            lambda: wait_until(lambda: counter.calls.encoder >= 4, "some work is done"),
            Answered(ANSWER),
        )
    assert merge_tracks({}, arrived) == plain_masks(video, ANSWER)


def test_closing_ends_the_work_within_a_frame_and_leaves_no_thread(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=30), tiny_sam2()
    policy = Hesitates(ThoughtDelta("It"), ThoughtDelta("moves"), ThoughtDelta("on"))
    with count_calls(model) as counter:
        events = Pipeline(policy, Sam2Segmenter(model, "tiny")).think(video, "the ball")
        assert isinstance(next(events), FramesShown)
        next(events)
        wait_until(lambda: counter.calls.encoder >= 1, "the work has begun")
        done = counter.calls.encoder
        events.close()  # type: ignore[attr-defined]
        assert counter.calls.encoder <= done + 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("veason-speculation")]


def test_no_more_is_encoded_than_the_budget_can_hold(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=20), tiny_sam2()
    one = FeatureCache()
    list(Sam2Segmenter(model, "tiny", features=one).encode(video, [0]))
    cache = FeatureCache(FeatureBudget(ram=one.usage.total * 3))
    segmenter = Sam2Segmenter(model, "tiny", features=cache)
    assert list(segmenter.encode(video, range(20))) == [0, 1, 2]
    assert (cache.usage.dropped, segmenter.counters.encoded) == (0, 3)


def test_frames_of_another_video_give_way_to_those_encoded_now(tmp_path: Path) -> None:
    one, other = (ArrayVideo(np.full((6, 32, 32, 3), value, np.uint8)) for value in (40, 90))
    probe = FeatureCache()
    list(Sam2Segmenter(tiny_sam2(), "tiny", features=probe).encode(one, [0]))
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny", features=FeatureCache(FeatureBudget(ram=probe.usage.total * 3)))
    for video, encoded in ((one, 3), (other, 6), (one, 9)):
        assert list(segmenter.encode(video, range(6))) == [0, 1, 2]
        assert list(segmenter.encode(video, range(3))) == [0, 1, 2]
        assert segmenter.counters.encoded == encoded


def test_a_damaged_frame_ends_the_work_ahead_and_not_the_thinking(tmp_path: Path) -> None:
    class Damaged(ArrayVideo):
        def frame(self, frame_index: int):  # type: ignore[no-untyped-def]
            if frame_index not in (0, 2, 5, 8):
                raise VideoError(f"cannot decode frame {frame_index}")
            return super().frame(frame_index)

    clip = write_clip(tmp_path, num_frames=9)
    video, segmenter = Damaged(clip._pictures), Sam2Segmenter(tiny_sam2(), "tiny")
    policy = Hesitates(
        ThoughtDelta("It"),
        lambda: wait_until(lambda: len(segmenter_reads(video)) >= 4, "the frames shown are encoded"),
        Answered(Answer("", None, ())),
    )
    assert isinstance(list(Pipeline(policy, segmenter).think(video, "the ball"))[-1], Answered)


@pytest.mark.parametrize(
    ("segmenter", "speculates"),
    [
        pytest.param(BoxFiller(), True, id="a segmenter that cannot encode ahead"),
        pytest.param(Sam2Segmenter(tiny_sam2(), "tiny"), False, id="switched off"),
        pytest.param(Sam2Segmenter(tiny_sam2(), "tiny", feature_budget_bytes=0), True, id="nothing may be kept"),
    ],
)
def test_without_a_cache_to_fill_nothing_is_encoded_ahead(
    tmp_path: Path, segmenter: Sam2Segmenter, speculates: bool
) -> None:
    policy = Hesitates(ThoughtDelta("It"), lambda: time.sleep(0.2), Answered(Answer("", None, ())))
    with count_calls(tiny_sam2()) as counter:
        events = Pipeline(policy, segmenter, speculates=speculates).think(write_clip(tmp_path), "the ball")
        assert isinstance(list(events)[-1], Answered)
    assert counter.calls == CallCounter().calls


def test_a_slow_segmenter_does_not_work_ahead(tmp_path: Path) -> None:
    class Slow(Sam2Segmenter):
        def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
            return 20.0

    policy = Hesitates(ThoughtDelta("It"), lambda: time.sleep(0.2), Answered(Answer("", None, ())))
    with count_calls(tiny_sam2()) as counter:
        list(Pipeline(policy, Slow(tiny_sam2(), "slow")).think(write_clip(tmp_path), "the ball"))
    assert counter.calls == CallCounter().calls


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_features_made_on_a_stream_of_their_own_are_whole_when_others_read_them(tmp_path: Path) -> None:
    video = write_clip(tmp_path, num_frames=9)
    model = build_tiny_sam2().cuda()
    with count_calls(model) as counter:
        steps = (
            ThoughtDelta("It"),
            lambda: wait_until(lambda: counter.calls.encoder >= 6, "six frames are encoded"),
            Answered(ANSWER),
        )
        arrived = ask(video, Sam2Segmenter(model, "tiny"), *steps)
    plain = Pipeline(Hesitates(Answered(ANSWER)), Sam2Segmenter(model, "tiny"), speculates=False)
    masks = [event for event in plain.ask(video, "the ball") if isinstance(event, FrameMasks)]
    assert merge_tracks({}, arrived) == merge_tracks({}, masks)
