"""Locked masks come out as they went in, absent frames come out empty, and both shape the frames around them."""

from pathlib import Path

import pytest

from tests.segmenter.clips import BOX, SIZE_WH, by_object_and_frame, square_mask, stock_masks, write_clip
from tests.tiny_sam2 import tiny_sam2
from veason.masks import empty_mask
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import ObjectMask, Prompt, Rle

PROMPT = Prompt(1, 2, box=BOX)


def track(folder: Path, fixed: dict[int, Rle | None] | None = None) -> dict:
    arrived = Sam2Segmenter(tiny_sam2(), "tiny").track(write_clip(folder), [PROMPT], fixed={1: fixed or {}})
    return by_object_and_frame(list(arrived))


def test_a_locked_mask_comes_out_bit_for_bit_and_conditions_the_others_as_a_mask_prompt_does(tmp_path: Path) -> None:
    masks = track(tmp_path, {4: square_mask()})
    assert masks[1, 4] == ObjectMask(square_mask(), 10.0)
    stock = stock_masks(tiny_sam2(), tmp_path, [PROMPT, Prompt(1, 4, mask=square_mask())])
    assert stock[1, 4].rle != square_mask(), "SAM2 redraws a mask at a quarter of its own resolution"
    assert {place: mask for place, mask in masks.items() if place != (1, 4)} == {
        place: mask for place, mask in stock.items() if place != (1, 4)
    }


def test_a_locked_mask_wins_over_the_prompt_on_its_frame(tmp_path: Path) -> None:
    masks = track(tmp_path, {2: square_mask()})
    assert masks[1, 2].rle == square_mask()
    stock = stock_masks(tiny_sam2(), tmp_path, [Prompt(1, 2, mask=square_mask())])
    assert masks[1, 3] == stock[1, 3]


@pytest.mark.parametrize("absent", [None, empty_mask(SIZE_WH)], ids=["None", "empty mask"])
def test_an_absent_frame_is_empty_and_its_memory_reaches_the_frames_after_it(
    tmp_path: Path, absent: Rle | None
) -> None:
    free, masks = track(tmp_path), track(tmp_path, {4: absent})
    assert masks[1, 4] == ObjectMask(empty_mask(SIZE_WH), -10.0)
    assert masks[1, 3] == free[1, 3]
    assert masks[1, 5] != free[1, 5]


def test_an_absent_frame_goes_into_memory_as_occluded(tmp_path: Path) -> None:
    encoded = []
    model = tiny_sam2()
    hook = model.memory_encoder.register_forward_pre_hook(lambda _, args: encoded.append(args[1].max().item()))
    track(tmp_path, {4: None})
    hook.remove()
    # one call for the prompted frame, then frames 3, 4, 5, 1, 0: -10 is "no object" after scale and bias
    assert [value < -9.9 for value in encoded] == [False, False, True, False, False, False]


def test_fixed_masks_of_objects_without_a_prompt_and_outside_the_range_are_left_alone(tmp_path: Path) -> None:
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
    video = write_clip(tmp_path)
    fixed = {1: {0: square_mask(), 5: None}, 2: {2: square_mask()}}
    masks = by_object_and_frame(list(segmenter.track(video, [PROMPT], fixed=fixed, frames=(2, 4))))
    assert masks == by_object_and_frame(list(segmenter.track(video, [PROMPT], frames=(2, 4))))
