"""What `track` refuses, and the sentence it refuses it with; no model is needed to refuse."""

import numpy as np
import pytest

from tests.segmenter.clips import BOX, CLICKS, SIZE_WH, square_mask
from tests.standins import ArrayVideo
from tests.tiny_sam2 import tiny_sam2
from veason.errors import PromptError
from veason.masks import empty_mask
from veason.segmenter.prompts import ObjectPlan, group_by_start, plan_objects
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Box, Click, Prompt, Rle

INFO = ArrayVideo(np.zeros((6, *SIZE_WH[::-1], 3), np.uint8)).info
OFF = Click(20, 20, is_positive=False)


def plan(*prompts: Prompt, fixed: dict[int, dict[int, Rle | None]] | None = None) -> list[ObjectPlan]:
    return plan_objects(INFO, prompts, fixed or {}, (0, 6))


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        pytest.param([], "no prompt was given: draw a box", id="no prompt"),
        pytest.param([Prompt(1, 6, box=BOX)], r"frame 6: the video has 6 frames \(0 to 5\)", id="after the end"),
        pytest.param([Prompt(1, 2, box=Box(100, 5, 120, 9))], "lies outside the 96x72 picture", id="box outside"),
        pytest.param([Prompt(1, 2, box=Box(5, 5, 5, 9))], "has no area", id="box without area"),
        pytest.param([Prompt(1, 2, clicks=(Click(5, 73),))], r"\(5, 73\), lies outside the 96x72", id="click outside"),
        pytest.param([Prompt(1, 2, clicks=(OFF,))], "only negative clicks", id="negative clicks alone"),
        pytest.param(
            [Prompt(1, 2, mask=empty_mask((72, 96)))], "is 72x96 but the video is 96x72", id="mask of another size"
        ),
        pytest.param([Prompt(1, 2, mask=empty_mask(SIZE_WH))], "is empty: mark the object as absent", id="empty mask"),
        pytest.param([Prompt(1, 2, box=BOX), Prompt(1, 2, clicks=CLICKS)], "is prompted twice", id="prompted twice"),
    ],
)
def test_prompts_that_make_no_sense_are_refused(prompts: list[Prompt], message: str) -> None:
    with pytest.raises(PromptError, match=message):
        plan(*prompts)


@pytest.mark.parametrize("frames", [(3, 3), (4, 2), (-1, 3), (0, 7)], ids=str)
def test_a_range_outside_the_video_or_without_frames_is_refused(frames: tuple[int, int]) -> None:
    with pytest.raises(PromptError, match="a frame range is start:stop with 0 <= start < stop <= 6"):
        plan_objects(INFO, [Prompt(1, 2, box=BOX)], {}, frames)


def test_a_prompt_outside_the_range_is_refused() -> None:
    with pytest.raises(PromptError, match=r"object 1 on frame 2 lies outside the range 3:6: widen the range"):
        plan_objects(INFO, [Prompt(1, 2, box=BOX)], {}, (3, 6))


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        pytest.param(empty_mask((10, 20)), "the locked mask of object 1 on frame 3 is 10x20 but", id="another size"),
        pytest.param(None, "object 1 on frame 3 is marked absent and prompted", id="absent and prompted"),
    ],
)
def test_fixed_masks_that_make_no_sense_are_refused(rle: Rle | None, message: str) -> None:
    with pytest.raises(PromptError, match=message):
        plan(Prompt(1, 2, box=BOX), Prompt(1, 3, clicks=CLICKS), fixed={1: {3: rle}})


def test_nonsense_is_refused_when_track_is_called_not_at_the_first_frame() -> None:
    with pytest.raises(PromptError):
        Sam2Segmenter(tiny_sam2(), "tiny").track(ArrayVideo(np.zeros((2, 8, 8, 3), np.uint8)), [])


def test_a_box_that_reaches_over_the_edge_is_clipped() -> None:
    assert plan(Prompt(1, 2, box=Box(-5, 10, 50, 90)))[0].prompts[2].box == Box(0, 10, 50, 72)


def test_clicks_alone_correct_except_where_the_object_starts() -> None:
    on_2, box_3, off_5 = Prompt(1, 2, clicks=CLICKS), Prompt(1, 3, box=BOX), Prompt(1, 5, clicks=(OFF,))
    with_box = plan(off_5, on_2, box_3)[0]
    assert (with_box.start, dict(with_box.prompts)) == (3, {3: box_3})
    assert with_box.corrections == {2: on_2, 5: off_5}
    without = plan(off_5, on_2)[0]
    assert (without.start, dict(without.prompts), dict(without.corrections)) == (2, {2: on_2}, {5: off_5})


def test_a_locked_mask_takes_the_place_of_the_prompt_on_its_frame() -> None:
    prompts = (Prompt(1, 2, box=BOX), Prompt(1, 4, clicks=CLICKS))
    planned = plan(*prompts, fixed={1: {2: square_mask(), 4: square_mask()}})[0]
    assert (planned.start, planned.prompts, planned.corrections) == (2, {}, {})
    assert set(planned.locked) == {2, 4}


def test_objects_that_start_together_form_a_group_and_groups_come_earliest_first() -> None:
    groups = group_by_start(plan(Prompt(1, 4, box=BOX), Prompt(2, 1, box=BOX), Prompt(3, 4, box=BOX)))
    assert [[planned.object_id for planned in group] for group in groups] == [[2], [1, 3]]
