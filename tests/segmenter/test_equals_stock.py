"""Masks and scores equal those of the stock predictor, bit for bit, on the same pixels and prompts."""

from pathlib import Path

import pytest

from tests.segmenter.clips import (
    BOX,
    CLICKS,
    by_object_and_frame,
    give_stock,
    run_stock,
    square_mask,
    stock_masks,
    write_clip,
)
from tests.tiny_sam2 import build_tiny_sam2, tiny_sam2
from veason.masks import mask_area
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Box, Click, Prompt

SECOND_BOX = Box(55, 45, 75, 65)


@pytest.mark.parametrize(
    "prompts",
    [
        pytest.param([Prompt(1, 0, box=BOX)], id="box on the first frame"),
        pytest.param([Prompt(1, 5, box=BOX)], id="box on the last frame"),
        pytest.param([Prompt(1, 2, box=BOX)], id="box in the middle"),
        pytest.param([Prompt(1, 2, clicks=CLICKS)], id="a click on and a click off"),
        pytest.param([Prompt(1, 2, clicks=CLICKS[:1])], id="one click"),
        pytest.param([Prompt(1, 2, box=BOX, clicks=CLICKS)], id="box and clicks"),
        pytest.param([Prompt(1, 2, mask=square_mask())], id="mask"),
        pytest.param([Prompt(1, 1, box=BOX), Prompt(1, 4, box=BOX)], id="boxes on two frames"),
        pytest.param([Prompt(1, 1, box=BOX), Prompt(1, 4, mask=square_mask())], id="box, later a mask"),
        pytest.param([Prompt(7, 2, box=BOX), Prompt(3, 2, box=SECOND_BOX)], id="two objects"),
    ],
)
def test_masks_and_scores_equal_stock(tmp_path: Path, prompts: list[Prompt]) -> None:
    video = write_clip(tmp_path)
    ours = by_object_and_frame(list(Sam2Segmenter(tiny_sam2(), "tiny").track(video, prompts)))
    stock = stock_masks(tiny_sam2(), tmp_path, prompts)
    assert ours == stock
    assert len({mask.rle for mask in stock.values()}) >= 6, "masks that are all alike prove nothing"


def test_an_object_added_on_a_later_frame_starts_there_and_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    early, late = Prompt(1, 1, box=BOX), Prompt(2, 4, box=SECOND_BOX)
    arrived = list(Sam2Segmenter(tiny_sam2(), "tiny").track(video, [late, early]))
    assert [(masks.frame_index, *masks.masks) for masks in arrived] == [
        *((frame, 1) for frame in (1, 2, 3, 4, 5, 0)),
        *((frame, 2) for frame in (4, 5, 3, 2, 1, 0)),
    ]
    assert by_object_and_frame(arrived) == stock_masks(tiny_sam2(), tmp_path, [early]) | stock_masks(
        tiny_sam2(), tmp_path, [late]
    )


@pytest.mark.parametrize("clicks", [CLICKS, (Click(30, 30, is_positive=False),)], ids=["on and off", "off alone"])
def test_later_clicks_change_the_tracked_mask_as_stock_does_after_a_first_pass(
    tmp_path: Path, clicks: tuple[Click, ...]
) -> None:
    video = write_clip(tmp_path)
    box, correction = Prompt(1, 1, box=BOX), Prompt(1, 4, clicks=clicks)
    arrived = list(Sam2Segmenter(tiny_sam2(), "tiny").track(video, [box, correction]))

    model = tiny_sam2()
    state = model.init_state(str(tmp_path))
    give_stock(model, state, [box])
    run_stock(model, state, 1)
    give_stock(model, state, [correction])
    stock = run_stock(model, state, 1) | run_stock(model, state, 1, reverse=True)

    assert [masks.frame_index for masks in arrived] == [4, 1, 2, 3, 4, 5, 0]
    assert arrived[0].masks[1] == arrived[4].masks[1] == stock[1, 4]
    assert by_object_and_frame(arrived) == stock


def test_clicks_before_the_box_correct_the_backward_pass(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    box, correction = Prompt(1, 4, box=BOX), Prompt(1, 1, clicks=(Click(30, 30, is_positive=False),))
    arrived = list(Sam2Segmenter(tiny_sam2(), "tiny").track(video, [correction, box]))

    model = tiny_sam2()
    state = model.init_state(str(tmp_path))
    give_stock(model, state, [box])
    run_stock(model, state, 4, reverse=True)
    give_stock(model, state, [correction])
    stock = run_stock(model, state, 1)

    assert [masks.frame_index for masks in arrived] == [1, 4, 5, 3, 2, 1, 0]
    assert arrived[0].masks[1] == arrived[5].masks[1] == stock[1, 1]


def test_dropping_old_memory_changes_no_mask(tmp_path: Path) -> None:
    model = build_tiny_sam2()
    model.max_obj_ptrs_in_encoder = 4
    video = write_clip(tmp_path, num_frames=26)
    prompts = [Prompt(1, 3, box=BOX)]
    ours = by_object_and_frame(list(Sam2Segmenter(model, "tiny").track(video, prompts)))
    assert ours == stock_masks(model, tmp_path, prompts)


def test_a_range_gives_the_forward_masks_of_the_whole_video(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
    whole = by_object_and_frame(list(segmenter.track(video, [Prompt(1, 2, box=BOX)])))
    part = by_object_and_frame(list(segmenter.track(video, [Prompt(1, 2, box=BOX)], frames=(2, 5))))
    assert part == {(1, frame): whole[1, frame] for frame in (2, 3, 4)}


def test_an_object_out_of_sight_has_an_empty_mask_and_a_negative_score(tmp_path: Path) -> None:
    model = build_tiny_sam2()
    model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.data.fill_(-5.0)
    masks = by_object_and_frame(list(Sam2Segmenter(model, "tiny").track(write_clip(tmp_path), [Prompt(1, 0, box=BOX)])))
    assert all(mask.score < 0 and mask_area(mask.rle) == 0 for mask in masks.values())
