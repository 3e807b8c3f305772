"""Frames shown to a policy are decoded once, whatever is asked next, and take no more than their budget."""

import numpy as np
import pytest

from tests.standins import ArrayVideo
from tests.test_pipeline import Says
from tests.test_pipeline import video as blank
from veason.pipeline import Pipeline
from veason.shown import ShownFrames
from veason.types import Answer, Answered

FRAME_BYTES = 4 * 8 * 3


def video(num_frames: int = 20) -> ArrayVideo:
    """Return frames of 4x8 pixels whose value is their number."""
    numbers = np.arange(num_frames, dtype=np.uint8)[:, None, None, None]
    return ArrayVideo(np.broadcast_to(numbers, (num_frames, 4, 8, 3)).copy())


def numbers(shown: ShownFrames, clip: ArrayVideo, *indices: int) -> list[tuple[int, int]]:
    return [(frame.index, int(frame.image[0, 0, 0])) for frame in shown.read(clip, indices)]


def test_a_second_question_decodes_no_frame() -> None:
    policy, clip, filler = Says(Answered(Answer("", None, ()))), blank(), None
    pipeline = Pipeline(policy, filler)  # type: ignore[arg-type]  # nothing is segmented
    for instruction in ("the ball", "the cat", "the ball that falls"):
        list(pipeline.think(clip, instruction))
        assert policy.shown == [0, 2, 5, 8, 10, 13, 16, 19]
    assert clip.reads == [0, 2, 5, 8, 10, 13, 16, 19]
    assert pipeline.shown_frames.num_decoded == 8


def test_frames_come_in_the_order_asked_for_and_only_new_ones_are_decoded() -> None:
    shown, clip = ShownFrames(), video()
    assert numbers(shown, clip, 0, 9, 4) == [(0, 0), (9, 9), (4, 4)]
    assert numbers(shown, clip, 9, 7, 9) == [(9, 9), (7, 7), (9, 9)]
    assert clip.reads == [0, 4, 9, 7]


def test_two_videos_of_the_same_shape_are_not_mixed_up() -> None:
    shown, one, other = ShownFrames(), video(), ArrayVideo(np.full((20, 4, 8, 3), 99, np.uint8))
    assert numbers(shown, one, 3) == [(3, 3)]
    assert numbers(shown, other, 3) == [(3, 99)]


def test_the_frame_used_longest_ago_goes_first_and_the_budget_holds() -> None:
    shown, clip = ShownFrames(3 * FRAME_BYTES), video()
    for index in (0, 1, 2, 0, 3, 0, 1):
        numbers(shown, clip, index)
        assert shown.num_bytes <= 3 * FRAME_BYTES
    assert clip.reads == [0, 1, 2, 3, 1]


def test_a_budget_of_nothing_keeps_nothing_and_still_gives_every_frame() -> None:
    shown, clip = ShownFrames(0), video()
    assert numbers(shown, clip, 1, 2) == numbers(shown, clip, 1, 2) == [(1, 1), (2, 2)]
    assert (shown.num_bytes, clip.reads) == (0, [1, 2, 1, 2])


def test_nobody_can_write_into_a_frame_that_others_are_shown() -> None:
    frame = ShownFrames().read(video(), [2])[0]
    with pytest.raises(ValueError, match="read-only"):
        frame.image[0, 0, 0] = 1
