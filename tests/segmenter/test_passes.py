"""Passes that stop before the ends of the video: equal to stock SAM2 that is told not to go farther."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from sam2.sam2_video_predictor import SAM2VideoPredictor

from tests.segmenter.clips import BOX, CLICKS, by_object_and_frame, give_stock, run_stock, square_mask, write_clip
from tests.segmenter.test_nearest import OFF, short_sighted
from veason.masks import encode_mask
from veason.segmenter.counters import count_calls
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Click, FrameRange, ObjectMask, Prompt

BEGUN = Prompt(1, 4, box=BOX)

Step = tuple[Prompt, FrameRange]


def run_to(model: SAM2VideoPredictor, state: dict, centre: int, frames: FrameRange) -> dict:
    """Propagate both ways with stock SAM2, no farther than a half-open range."""
    found = {}
    for reverse, last in ((False, frames[1] - 1), (True, frames[0])):
        count = abs(last - centre)
        run = model.propagate_in_video(state, centre, max_frame_num_to_track=count, reverse=reverse)
        for frame_index, _, logits in run:
            outputs = state["output_dict_per_obj"][0]
            output = outputs["cond_frame_outputs"].get(frame_index) or outputs["non_cond_frame_outputs"][frame_index]
            mask = encode_mask((logits[0, 0] > 0).numpy())
            found[1, frame_index] = ObjectMask(mask, float(output["object_score_logits"]))
    return found


def stock_history(model: SAM2VideoPredictor, folder: Path, steps: Sequence[Step]) -> dict:
    """Return stock's masks after the box and both passes, then each correction and passes as far as it says."""
    state = model.init_state(str(folder))
    give_stock(model, state, [BEGUN])
    found = run_stock(model, state, 4) | run_stock(model, state, 4, reverse=True)
    for correction, frames in steps:
        give_stock(model, state, [correction])
        found |= run_to(model, state, correction.frame_index, frames)
    return found


def passes_of(steps: Sequence[Step]) -> dict[int, dict[int, FrameRange]]:
    return {1: {correction.frame_index: frames for correction, frames in steps}}


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([(Prompt(1, 8, clicks=CLICKS), (6, 11))], id="one click"),
        pytest.param([(Prompt(1, 8, clicks=CLICKS), (6, 9))], id="a forward pass that ends at once"),
        pytest.param([(Prompt(1, 8, clicks=CLICKS), (6, 10)), (Prompt(1, 2, clicks=OFF), (0, 5))], id="two, apart"),
        pytest.param(
            [(Prompt(1, 8, clicks=CLICKS), (7, 10)), (Prompt(1, 9, clicks=OFF), (5, 14))], id="one over the other"
        ),
        pytest.param([(Prompt(1, 8, clicks=CLICKS), (6, 11)), (Prompt(1, 12, clicks=OFF), (9, 14))], id="close by"),
        pytest.param([(Prompt(1, 8, mask=square_mask()), (6, 11)), (Prompt(1, 12, clicks=OFF), (9, 14))], id="painted"),
    ],
)
def test_masks_equal_stock_that_stops_there(tmp_path: Path, steps: list[Step]) -> None:
    video, model = write_clip(tmp_path, num_frames=14), short_sighted()
    stock = stock_history(model, tmp_path, steps)
    segmenter = Sam2Segmenter(model, "tiny")
    last, frames = steps[-1]
    prompts = [BEGUN, *(correction for correction, _ in steps)]
    run = segmenter.track(video, prompts, frames=frames, order="nearest", passes=passes_of(steps))
    arrived = by_object_and_frame(list(run))
    assert sorted(at for _, at in arrived) == [*range(*frames)]
    painted = {(1, correction.frame_index) for correction, _ in steps if correction.mask is not None}
    assert {place: mask for place, mask in arrived.items() if place not in painted} == {
        place: stock[place] for place in arrived if place not in painted
    }
    assert last.frame_index in {at for _, at in arrived}


def test_bounds_end_a_direction_and_masks_equal_stock_that_went_as_far(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=14), short_sighted()
    correction = Prompt(1, 8, clicks=CLICKS)
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.track(video, [BEGUN]))
    arrived: list[int] = []
    bounds = lambda _: (6 if 6 in arrived else 0, 10 if 9 in arrived else 14)  # noqa: E731
    found = []
    with count_calls(model) as counter:
        for masks in segmenter.track(
            video, [BEGUN, correction], order="nearest", passes={1: {8: (0, 14)}}, bounds=bounds
        ):
            arrived.append(masks.frame_index)
            found.append(masks)
    assert arrived == [8, 9, 7, 6]
    assert counter.calls.decoder == 4, "nothing beyond the bounds is computed"
    stock = stock_history(model, tmp_path, [(correction, (6, 10))])
    assert by_object_and_frame(found) == {(1, at): stock[1, at] for at in arrived}


def test_a_click_beyond_the_stop_needs_nothing_between(tmp_path: Path) -> None:
    video, model = write_clip(tmp_path, num_frames=30), short_sighted()
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.track(video, [BEGUN]))
    first, second = (Prompt(1, 8, clicks=CLICKS), (7, 10)), (Prompt(1, 25, clicks=(Click(40, 40),)), (0, 30))
    list(segmenter.track(video, [BEGUN, first[0]], frames=(7, 10), order="nearest", passes=passes_of([first])))
    with count_calls(model) as counter:
        run = segmenter.track(video, [BEGUN, first[0], second[0]], order="nearest", passes=passes_of([first, second]))
        next(run)
    assert counter.calls.decoder == 1, "the click alone: what it corrects is that of the box"
