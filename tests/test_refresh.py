"""After a correction only what it may have changed is done again: its object, up to the next fixed frames."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.segmenter.clips import BOX, CLICKS, square_mask, write_clip
from tests.standins import ArrayVideo, BoxFiller
from tests.tiny_sam2 import build_tiny_sam2
from veason.pipeline import Pipeline, merge_tracks
from veason.segmenter.counters import count_calls
from veason.segmenter.order import affected_ranges
from veason.segmenter.sam2 import Sam2Segmenter
from veason.session import touched_frames
from veason.types import Box, Click, FrameMasks, OrderedSegmenter, Prompt

ONE, TWO, THREE = Prompt(1, 1, box=BOX), Prompt(2, 1, box=Box(55, 45, 75, 65)), Prompt(3, 3, box=BOX)
CLICK = Prompt(1, 7, clicks=CLICKS)


def short_sighted_pipeline() -> tuple[Pipeline, Any]:
    """Return a pipeline on a network that reads back 3 frames, and the network: short clips show what it needs."""
    model = build_tiny_sam2()
    model.max_obj_ptrs_in_encoder = 4
    model.num_maskmem = 3
    return Pipeline(None, Sam2Segmenter(model, "tiny")), model


def by_prompt(*prompts: Prompt) -> dict[tuple[int, int], Prompt]:
    return {(prompt.object_id, prompt.frame_index): prompt for prompt in prompts}


def frames_of(arrived: Sequence[FrameMasks]) -> list[int]:
    return [masks.frame_index for masks in arrived]


def test_one_of_three_objects_is_done_again_and_no_frame_is_encoded(tmp_path: Path) -> None:
    video, (pipeline, model) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    before = merge_tracks({}, pipeline.propagate(video, [ONE, TWO, THREE]))
    prompts = [ONE, TWO, THREE, CLICK]
    touched = touched_frames(by_prompt(ONE, TWO, THREE), by_prompt(*prompts))
    with count_calls(model) as counter:
        arrived = list(pipeline.refresh(video, prompts, touched))
    after = merge_tracks(before, arrived)
    assert (counter.calls.encoder, counter.calls.decoder) == (0, 1 + 10), "the click, and all but two given frames"
    assert {number for masks in arrived for number in masks.masks} == {1}
    assert (after[2], after[3]) == (before[2], before[3])
    assert after[1] != before[1]
    whole = merge_tracks({}, short_sighted_pipeline()[0].propagate(video, prompts, order="nearest"))
    assert after == whole


def test_only_frames_between_the_fixed_ones_are_tracked_and_the_rest_keeps_its_masks(tmp_path: Path) -> None:
    video, (pipeline, model) = write_clip(tmp_path, num_frames=14), short_sighted_pipeline()
    fixed = {1: {4: square_mask(), 10: square_mask()}}
    before = merge_tracks({}, pipeline.propagate(video, [ONE], fixed=fixed))
    with count_calls(model) as counter:
        arrived = list(pipeline.refresh(video, [ONE, CLICK], {1: {7}}, fixed=fixed))
    assert sorted(frames_of(arrived)) == [5, 6, 7, 8, 9]
    assert (counter.calls.encoder, counter.calls.attention) == (0, 1 + 4), "the click and four frames around it"
    after = merge_tracks(before, arrived)
    outside = [index for index in range(14) if not 5 <= index < 10]
    assert all(after[1].frames[index] == before[1].frames[index] for index in outside)
    whole = merge_tracks({}, pipeline.propagate(video, [ONE, CLICK], fixed=fixed, order="nearest"))
    assert all(after[1].frames[index] == whole[1].frames[index] for index in range(5, 10))


def test_the_correction_comes_first_and_then_the_frames_near_the_cursor(tmp_path: Path) -> None:
    video, (pipeline, _) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    arrived = list(pipeline.refresh(video, [ONE, CLICK], {1: {7}}, cursor=lambda: 0))
    assert frames_of(arrived) == [7, 8, 9, 6, 5, 4, 3, 2, 1, 0, 10, 11]


def test_the_cursor_may_move_while_it_runs(tmp_path: Path) -> None:
    video, (pipeline, _) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    arrived: list[FrameMasks] = []
    for masks in pipeline.refresh(video, [ONE, CLICK], {1: {7}}, cursor=lambda: 0 if len(arrived) < 5 else 11):
        arrived.append(masks)
    assert frames_of(arrived)[:7] == [7, 8, 9, 6, 5, 10, 11]


def test_two_corrections_with_a_fixed_frame_between_them_take_turns(tmp_path: Path) -> None:
    video, (pipeline, _) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    prompts = [ONE, TWO, CLICK, Prompt(2, 5, clicks=(Click(60, 60),))]
    fixed = {1: {5: square_mask(), 9: square_mask()}, 2: {7: square_mask()}}
    list(pipeline.propagate(video, prompts[:2], fixed=fixed))
    arrived = list(pipeline.refresh(video, prompts, {1: {7}, 2: {5}}, fixed=fixed))
    numbers = [next(iter(masks.masks)) for masks in arrived]
    assert numbers == [1, 2, 1, 2, 1, 2, 2, 2, 2, 2]
    assert sorted(frames_of([masks for masks in arrived if 1 in masks.masks])) == [6, 7, 8]
    assert sorted(frames_of([masks for masks in arrived if 2 in masks.masks])) == [*range(7)]


@pytest.mark.parametrize(
    ("touched", "locked"),
    [pytest.param({}, [], id="nothing touched"), pytest.param({1: {7}}, [1], id="its object is locked")],
)
def test_nothing_is_done_where_nothing_may_change(touched: Mapping[int, set[int]], locked: Collection[int]) -> None:
    video = ArrayVideo(np.zeros((9, 6, 8, 3), np.uint8))
    prompts = [Prompt(1, 1, box=Box(1, 1, 3, 3)), Prompt(1, 7, clicks=(Click(2, 2),))]
    assert list(Pipeline(None, BoxFiller()).refresh(video, prompts, touched, locked=locked)) == []


def test_a_range_narrows_what_is_done() -> None:
    video, filler = ArrayVideo(np.zeros((12, 6, 8, 3), np.uint8)), BoxFiller()
    prompts = [Prompt(1, 1, box=Box(1, 1, 3, 3)), Prompt(1, 7, box=Box(2, 2, 4, 4))]
    arrived = list(Pipeline(None, filler).refresh(video, prompts, {1: {7}}, frames=(3, 9)))
    assert sorted(frames_of(arrived)) == [3, 4, 5, 6, 7, 8]


def test_a_segmenter_without_orders_gives_the_same_frames_in_its_own_order() -> None:
    video, filler = ArrayVideo(np.zeros((12, 6, 8, 3), np.uint8)), BoxFiller()
    assert not isinstance(filler, OrderedSegmenter)
    first, second = Prompt(1, 1, box=Box(1, 1, 3, 3)), Prompt(1, 7, box=Box(2, 2, 4, 4))
    mask = next(filler.track(video, [first])).masks[1].rle
    arrived = list(Pipeline(None, filler).refresh(video, [first, second], {1: {7}}, fixed={1: {5: mask}}))
    assert frames_of(arrived) == [6, 7, 8, 9, 10, 11]


def test_closing_a_refresh_closes_what_runs_behind_it(tmp_path: Path) -> None:
    video, (pipeline, model) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    list(pipeline.propagate(video, [ONE]))
    with count_calls(model) as counter:
        run = pipeline.refresh(video, [ONE, CLICK], {1: {7}})
        next(run)
        run.close()  # type: ignore[attr-defined]
    assert counter.calls.decoder == 1
    whole = merge_tracks({}, short_sighted_pipeline()[0].propagate(video, [ONE, CLICK], order="nearest"))
    assert merge_tracks({}, pipeline.refresh(video, [ONE, CLICK], {1: {7}})) == whole


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([ONE], [ONE, CLICK], {1: {7}}, id="added"),
        pytest.param([ONE, CLICK], [ONE], {1: {7}}, id="deleted"),
        pytest.param([ONE], [Prompt(1, 1, box=Box(0, 0, 9, 9))], {1: {1}}, id="changed"),
        pytest.param([ONE], [Prompt(1, 4, box=BOX)], {1: {1, 4}}, id="moved"),
        pytest.param([ONE, TWO], [ONE], {}, id="an object is gone"),
        pytest.param([ONE], [ONE, TWO], {2: {1}}, id="an object is new"),
        pytest.param([ONE, CLICK], [ONE, CLICK], {}, id="nothing"),
    ],
)
def test_what_was_touched_is_what_differs(
    before: list[Prompt], after: list[Prompt], expected: dict[int, set[int]]
) -> None:
    assert touched_frames(by_prompt(*before), by_prompt(*after)) == expected


def test_objects_with_the_same_range_go_together_and_each_has_its_own_barriers() -> None:
    found = affected_ranges({1: {5}, 2: {5, 9}, 3: {6}}, {2: {7}}, (0, 12))
    assert found == {(0, 12): (1, 3), (0, 7): (2,), (8, 12): (2,)}
