"""Nearest frames first: bit-equal to stock SAM2 with the same history, computing only what is needed."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sam2.sam2_video_predictor import SAM2VideoPredictor

from tests.segmenter.clips import BOX, CLICKS, by_object_and_frame, give_stock, run_stock, square_mask, write_clip
from tests.tiny_sam2 import build_tiny_sam2, tiny_sam2
from veason.masks import encode_mask
from veason.segmenter.choice import frames_read_back
from veason.segmenter.counters import NetworkCalls, count_calls
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Box, Click, FrameMasks, ObjectMask, Prompt

OFF = (Click(30, 30, is_positive=False),)
SECOND = Prompt(2, 2, box=Box(55, 45, 75, 65))


def short_sighted() -> SAM2VideoPredictor:
    """Return a tiny model that reads back 3 frames, where SAM2 reads 15: what it does needs shorter clips to show."""
    model = build_tiny_sam2()
    model.max_obj_ptrs_in_encoder = 4
    model.num_maskmem = 3
    return model


def stock_history(
    model: SAM2VideoPredictor, folder: Path, prompts: Sequence[Prompt], corrections: Sequence[Prompt]
) -> dict:
    """Return stock's masks after the prompts and both passes, then each correction and both passes from it."""
    state = model.init_state(str(folder))
    give_stock(model, state, prompts)
    start = min(prompt.frame_index for prompt in prompts)
    found = run_stock(model, state, start) | run_stock(model, state, start, reverse=True)
    for correction in corrections:
        start = correction.frame_index
        give_stock(model, state, [correction])
        found = run_stock(model, state, start) | run_stock(model, state, start, reverse=True)
    return found


def nearest(segmenter: Sam2Segmenter, video: object, prompts: Sequence[Prompt], **settings: object) -> list[FrameMasks]:
    return list(segmenter.track(video, prompts, order="nearest", **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "prompts",
    [
        pytest.param([Prompt(1, 4, box=BOX)], id="box"),
        pytest.param([Prompt(1, 4, clicks=CLICKS)], id="clicks"),
        pytest.param([Prompt(1, 4, mask=square_mask())], id="mask"),
        pytest.param([Prompt(1, 2, box=BOX), Prompt(1, 6, box=BOX)], id="two boxes"),
        pytest.param([Prompt(1, 4, box=BOX), SECOND], id="two objects that start apart"),
        pytest.param([Prompt(1, 0, box=BOX)], id="first frame"),
        pytest.param([Prompt(1, 8, box=BOX)], id="last frame"),
    ],
)
def test_without_a_correction_masks_equal_those_of_the_stock_order(tmp_path: Path, prompts: list[Prompt]) -> None:
    video, model = write_clip(tmp_path, num_frames=9), short_sighted()
    arrived = nearest(Sam2Segmenter(model, "tiny"), video, prompts)
    stock = Sam2Segmenter(model, "tiny").track(video, prompts)
    assert by_object_and_frame(arrived) == by_object_and_frame(list(stock))
    places = [(object_id, masks.frame_index) for masks in arrived for object_id in masks.masks]
    assert len(places) == len(set(places))


@pytest.mark.parametrize(
    "corrections",
    [
        pytest.param([(8, CLICKS)], id="after the box"),
        pytest.param([(0, OFF)], id="before the box"),
        pytest.param([(5, CLICKS)], id="close to the box"),
        pytest.param([(7, OFF), (2, CLICKS)], id="two, going back"),
        pytest.param([(1, CLICKS), (3, OFF), (7, OFF)], id="three"),
    ],
)
def test_corrected_masks_equal_stock_with_the_same_history(
    tmp_path: Path, corrections: list[tuple[int, tuple[Click, ...]]]
) -> None:
    video, model = write_clip(tmp_path, num_frames=9), short_sighted()
    box = Prompt(1, 4, box=BOX)
    steps = [Prompt(1, index, clicks=clicks) for index, clicks in corrections]
    stock = stock_history(model, tmp_path, [box], steps)
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.track(video, [box]))
    arrived = nearest(segmenter, video, [box, *steps])
    assert by_object_and_frame(arrived) == stock
    assert arrived[0].frame_index == steps[-1].frame_index


def test_sixteen_pointers_need_a_lead_of_fourteen(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=33), tiny_sam2()
    assert frames_read_back(model) == 15
    box, correction = Prompt(1, 1, box=BOX), Prompt(1, 17, clicks=CLICKS)
    arrived = nearest(Sam2Segmenter(model, "tiny"), video, [box, correction])
    assert [masks.frame_index for masks in arrived[:17]] == [*range(17, 32), 16, 15]
    assert by_object_and_frame(arrived) == stock_history(model, tmp_path, [box], [correction])


def test_a_correction_costs_its_frames_and_no_encoder_call(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=10), short_sighted()
    box, correction = Prompt(1, 1, box=BOX), Prompt(1, 6, clicks=CLICKS)
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.track(video, [box]))
    with count_calls(model) as counter:
        run = segmenter.track(video, [box, correction], order="nearest")
        first = next(run)
        assert (first.frame_index, counter.calls) == (
            6,
            NetworkCalls(encoder=0, attention=1, decoder=1, memory_encoder=0),
        )
        list(run)
    # 8 frames are tracked: all but the box's and the corrected one
    assert counter.calls == NetworkCalls(encoder=0, attention=9, decoder=9, memory_encoder=9)


def test_the_corrected_frame_keeps_the_mask_of_the_click(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=8), short_sighted()
    box, correction = Prompt(1, 1, box=BOX), Prompt(1, 5, clicks=CLICKS)
    state = model.init_state(str(tmp_path))
    give_stock(model, state, [box])
    run_stock(model, state, 1)
    run_stock(model, state, 1, reverse=True)
    _, _, logits = model.add_new_points_or_box(state, 5, 1, points=[(25, 27), (60, 60)], labels=[1, 0])
    arrived = nearest(Sam2Segmenter(model, "tiny"), video, [box, correction])
    assert [masks.frame_index for masks in arrived].count(5) == 1
    assert arrived[0].masks[1].rle == encode_mask((logits[0, 0] > 0).numpy())


def test_untouched_objects_are_not_yielded_and_cost_nothing(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=8), short_sighted()
    segmenter = Sam2Segmenter(model, "tiny")
    box = Prompt(1, 2, box=BOX)
    before = by_object_and_frame(list(segmenter.track(video, [box, SECOND])))
    with count_calls(model) as counter:
        arrived = nearest(segmenter, video, [box, Prompt(1, 5, clicks=CLICKS)])
    after = before | by_object_and_frame(arrived)
    assert {place: mask for place, mask in after.items() if place[0] == 2} == {
        place: mask for place, mask in before.items() if place[0] == 2
    }
    assert counter.calls.decoder == 7
    assert after != before


def test_between_barriers_only_the_affected_frames_come_and_they_equal_those_of_the_whole_video(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=14), short_sighted()
    box, correction = Prompt(1, 0, box=BOX), Prompt(1, 7, clicks=CLICKS)
    fixed = {1: {4: square_mask(), 9: square_mask()}}
    whole = by_object_and_frame(nearest(Sam2Segmenter(model, "tiny"), video, [box, correction], fixed=fixed))
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.track(video, [box], fixed=fixed))
    with count_calls(model) as counter:
        part = nearest(segmenter, video, [box, correction], fixed=fixed, frames=(5, 9))
    assert [masks.frame_index for masks in part] == [7, 8, 6, 5]
    assert by_object_and_frame(part) == {(1, index): whole[1, index] for index in range(5, 9)}
    assert counter.calls.encoder == 0
    assert counter.calls.attention == 1 + 3, "the click and the frames asked for: the lead is given"


def test_locked_and_absent_frames_come_out_as_they_went_in(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=9), short_sighted()
    fixed = {1: {2: square_mask(), 6: None}}
    box = Prompt(1, 4, box=BOX)
    arrived = by_object_and_frame(nearest(Sam2Segmenter(model, "tiny"), video, [box], fixed=fixed))
    assert arrived[1, 2] == ObjectMask(square_mask(), 10.0)
    assert arrived[1, 6].score == -10.0
    assert arrived == by_object_and_frame(list(Sam2Segmenter(model, "tiny").track(video, [box], fixed=fixed)))


@pytest.mark.parametrize("memory_bytes", [0, 50_000], ids=["no memories", "few memories"])
def test_masks_do_not_depend_on_what_is_remembered(tmp_path: Path, memory_bytes: int) -> None:
    video, model = write_clip(tmp_path, num_frames=9), short_sighted()
    prompts = [Prompt(1, 4, box=BOX), Prompt(1, 7, clicks=OFF), Prompt(1, 2, clicks=CLICKS)]
    segmenter = Sam2Segmenter(model, "tiny", memory_budget_bytes=memory_bytes, feature_budget_bytes=0)
    list(segmenter.track(video, prompts[:1]))
    assert segmenter.counters.memory_bytes <= memory_bytes
    arrived = nearest(segmenter, video, prompts)
    assert by_object_and_frame(arrived) == by_object_and_frame(nearest(Sam2Segmenter(model, "tiny"), video, prompts))


def test_a_moving_cursor_changes_the_order_and_no_mask(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=12), short_sighted()
    prompts = [Prompt(1, 1, box=BOX), Prompt(1, 6, clicks=CLICKS)]
    still = nearest(Sam2Segmenter(model, "tiny"), video, prompts)
    places = iter([6] * 3 + [0, 0, 11, 11] * 3)
    moving = nearest(Sam2Segmenter(model, "tiny"), video, prompts, cursor=lambda: next(places))
    assert [masks.frame_index for masks in moving] != [masks.frame_index for masks in still]
    assert by_object_and_frame(moving) == by_object_and_frame(still)


def test_a_cancelled_run_leaves_the_masks_of_the_next_one_as_they_were(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=9), short_sighted()
    box, first, second = Prompt(1, 1, box=BOX), Prompt(1, 6, clicks=CLICKS), Prompt(1, 4, clicks=OFF)
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.track(video, [box]))
    for stop_after in (1, 3):
        run = segmenter.track(video, [box, first], order="nearest")
        for _ in range(stop_after):
            next(run)
        run.close()
    arrived = by_object_and_frame(nearest(segmenter, video, [box, first, second]))
    assert arrived == stock_history(model, tmp_path, [box], [first, second])
