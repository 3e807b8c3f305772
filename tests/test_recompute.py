"""After a correction only what it may have changed is done again: its object, up to what a person confirmed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.segmenter.clips import BOX, CLICKS, square_mask, write_clip
from tests.standins import ArrayVideo, BoxFiller
from tests.tiny_sam2 import build_tiny_sam2
from veason.annotation import (
    GotMasks,
    Locked,
    Marked,
    PutPrompt,
    RecomputePlan,
    RecomputeRequest,
    State,
    TrackJob,
    apply,
)
from veason.annotation.apply import apply_masks
from veason.annotation.recompute import Extent, fixed_masks
from veason.pipeline import Pipeline
from veason.segmenter.counters import count_calls
from veason.segmenter.sam2 import Sam2Segmenter
from veason.tracks import merge_tracks
from veason.types import Box, Click, FrameMasks, ObjectMask, OrderedSegmenter, Prompt, VideoSource

ONE, TWO, THREE = Prompt(1, 1, box=BOX), Prompt(2, 1, box=Box(55, 45, 75, 65)), Prompt(3, 3, box=BOX)
CLICK = Prompt(1, 7, clicks=CLICKS)
SMALL_ONE, SMALL_TWO = Prompt(1, 1, box=Box(1, 1, 3, 3)), Prompt(2, 1, box=Box(4, 4, 6, 6))
SQUARE = ObjectMask(square_mask(), 10.0)


def short_sighted_pipeline() -> tuple[Pipeline, Any]:
    """Return a pipeline on a network that reads back 3 frames, and the network: short clips show what it needs."""
    model = build_tiny_sam2()
    model.max_obj_ptrs_in_encoder = 4
    model.num_maskmem = 3
    return Pipeline(None, Sam2Segmenter(model, "tiny")), model


def drawn_by_a_model(num_frames: int, *prompts: Prompt) -> State:
    state = State(num_frames)
    for prompt in prompts:
        state = apply(state, PutPrompt(prompt), is_by_person=False)
    return state


def verified(state: State, object_id: int, *frames: int, mask: ObjectMask = SQUARE) -> State:
    """Return the state with a mask on each of these frames that a person called right."""
    for frame_index in frames:
        state = apply(state, GotMasks(FrameMasks(frame_index, {object_id: mask})))
        state = apply(state, Marked(object_id, frame_index, frame_index + 1, "verified"))
    return state


def wanted(state: State, extent: Extent = "pending", frames: tuple[int, int] | None = None, **hand: int) -> Any:
    return RecomputePlan.of(state, RecomputeRequest(frames or (0, state.num_frames), extent, **hand))


def recompute(pipeline: Pipeline, video: VideoSource, state: State, **options: Any) -> list[FrameMasks]:
    return list(pipeline.recompute(video, wanted(state), lambda: state, **options))


def done(pipeline: Pipeline, video: VideoSource, state: State) -> State:
    after = apply_masks(state, recompute(pipeline, video, state))
    assert not after.stale
    return after


def frames_of(arrived: Sequence[FrameMasks]) -> list[int]:
    return [masks.frame_index for masks in arrived]


def test_one_of_three_objects_is_done_again_and_no_frame_is_encoded(tmp_path: Path) -> None:
    video, (pipeline, model) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    before = done(pipeline, video, drawn_by_a_model(12, ONE, TWO, THREE))
    clicked = apply(before, PutPrompt(CLICK))
    with count_calls(model) as counter:
        arrived = recompute(pipeline, video, clicked)
    after = apply_masks(clicked, arrived)
    assert (counter.calls.encoder, counter.calls.decoder) == (0, 1 + 10), "the click, and all but two given frames"
    assert {number for masks in arrived for number in masks.masks} == {1}
    assert (after.tracks[2], after.tracks[3]) == (before.tracks[2], before.tracks[3])
    assert after.tracks[1] != before.tracks[1]
    prompts = [ONE, TWO, THREE, CLICK]
    whole = merge_tracks({}, short_sighted_pipeline()[0].propagate(video, prompts, order="nearest"))
    assert after.tracks == whole
    assert after.pending == {}


def test_only_frames_between_the_verified_ones_are_tracked_and_the_rest_keeps_its_masks(tmp_path: Path) -> None:
    video, (pipeline, model) = write_clip(tmp_path, num_frames=14), short_sighted_pipeline()
    before = done(pipeline, video, verified(drawn_by_a_model(14, ONE), 1, 4, 10))
    clicked = apply(before, PutPrompt(CLICK))
    with count_calls(model) as counter:
        arrived = recompute(pipeline, video, clicked)
    assert sorted(frames_of(arrived)) == [5, 6, 7, 8, 9]
    assert (counter.calls.encoder, counter.calls.attention) == (0, 1 + 4), "the click and four frames around it"
    after = apply_masks(clicked, arrived)
    outside = [index for index in range(14) if not 5 <= index < 10]
    assert all(after.mask_at((1, index)) == before.mask_at((1, index)) for index in outside)
    fixed = fixed_masks(clicked, [1])
    assert fixed == {1: {4: SQUARE.rle, 10: SQUARE.rle}}
    whole = merge_tracks({}, pipeline.propagate(video, [ONE, CLICK], fixed=fixed, order="nearest"))
    assert all(after.mask_at((1, index)) == whole[1].frames[index] for index in range(5, 10))


def test_what_is_done_again_after_a_second_correction_equals_a_run_over_the_whole_clip(tmp_path: Path) -> None:
    video, (pipeline, _) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    first = done(pipeline, video, apply(done(pipeline, video, drawn_by_a_model(12, ONE)), PutPrompt(CLICK)))
    later = Prompt(1, 3, clicks=(Click(20, 20),))
    arrived = recompute(pipeline, video, apply(first, PutPrompt(later)))
    assert sorted(frames_of(arrived)) == [*range(7)], "frame 7 is the person's own"
    whole = merge_tracks({}, short_sighted_pipeline()[0].propagate(video, [ONE, CLICK, later], order="nearest"))
    assert all(masks.masks[1] == whole[1].frames[masks.frame_index] for masks in arrived)


def test_a_frame_that_was_clicked_first_keeps_its_mask_when_a_later_frame_is_boxed(tmp_path: Path) -> None:
    video, (pipeline, _) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    clicked = Prompt(1, 1, clicks=CLICKS)
    first = done(pipeline, video, apply(State(12), PutPrompt(clicked)))
    boxed = apply(first, PutPrompt(Prompt(1, 8, box=BOX)))
    arrived = recompute(pipeline, video, boxed)
    assert frames_of(arrived)[0] == 8, "the prompted frame comes first"
    whole = apply_masks(boxed, list(pipeline.recompute(video, wanted(boxed, "all"), lambda: boxed)))
    assert whole.mask_at((1, 1)) == first.mask_at((1, 1))
    fixed = {1: {1: first.tracks[1].frames[1].rle}}
    assert fixed_masks(boxed, [1]) == fixed
    gate = merge_tracks({}, short_sighted_pipeline()[0].propagate(video, list(boxed.prompts.values()), fixed=fixed))
    assert all(whole.mask_at((1, index)) == gate[1].frames[index] for index in range(12) if index != 1)


def test_a_box_on_a_later_frame_shows_its_mask_before_what_is_tracked(tmp_path: Path) -> None:
    video, (pipeline, _) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    before = done(pipeline, video, drawn_by_a_model(12, ONE))
    boxed = apply(before, PutPrompt(Prompt(1, 9, box=BOX)))
    arrived = recompute(pipeline, video, boxed, cursor=lambda: 9)
    assert frames_of(arrived)[0] == 9
    assert sorted(frames_of(arrived)) == sorted(set(frames_of(arrived)))


def test_the_correction_comes_first_and_then_the_frames_near_the_cursor(tmp_path: Path) -> None:
    video, (pipeline, _) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    clicked = apply(done(pipeline, video, drawn_by_a_model(12, ONE)), PutPrompt(CLICK))
    arrived = recompute(pipeline, video, clicked, cursor=lambda: 0)
    assert frames_of(arrived) == [7, 8, 9, 6, 5, 4, 3, 2, 1, 0, 10, 11]


def test_the_cursor_may_move_while_it_runs(tmp_path: Path) -> None:
    video, (pipeline, _) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    clicked = apply(done(pipeline, video, drawn_by_a_model(12, ONE)), PutPrompt(CLICK))
    arrived: list[FrameMasks] = []
    cursor = lambda: 0 if len(arrived) < 5 else 11  # noqa: E731
    for masks in pipeline.recompute(video, wanted(clicked), lambda: clicked, cursor=cursor):
        arrived.append(masks)
    assert frames_of(arrived)[:7] == [7, 8, 9, 6, 5, 10, 11]


def test_the_object_in_hand_comes_before_the_others() -> None:
    video, pipeline = ArrayVideo(np.zeros((9, 6, 8, 3), np.uint8)), Pipeline(None, BoxFiller())
    state = done(pipeline, video, drawn_by_a_model(9, SMALL_ONE, SMALL_TWO))
    state = apply(apply(state, PutPrompt(Prompt(1, 7, box=Box(2, 2, 4, 4)))), Marked(2, 5, 6, "verified"))
    state = apply(state, PutPrompt(Prompt(2, 8, box=Box(2, 2, 4, 4))))
    assert [job.object_ids for job in wanted(state, object_id=2).jobs] == [{2}, {1}]
    assert [job.object_ids for job in wanted(state, object_id=1).jobs] == [{1}, {2}]


def test_nothing_is_done_where_nothing_may_change() -> None:
    video, pipeline = ArrayVideo(np.zeros((9, 6, 8, 3), np.uint8)), Pipeline(None, BoxFiller())
    before = done(pipeline, video, drawn_by_a_model(9, SMALL_ONE))
    assert recompute(pipeline, video, before) == []
    locked = apply(apply(before, PutPrompt(Prompt(1, 7, box=Box(2, 2, 4, 4)))), Locked(1, True))
    assert recompute(pipeline, video, locked) == []
    assert locked.pending == {1: ((0, 9),)}, "it waits until it is unlocked"


def test_a_range_narrows_what_is_done_and_the_rest_goes_on_waiting() -> None:
    video, pipeline = ArrayVideo(np.zeros((12, 6, 8, 3), np.uint8)), Pipeline(None, BoxFiller())
    state = drawn_by_a_model(12, SMALL_ONE)
    plan = wanted(state, frames=(3, 9))
    state = apply_masks(state, list(pipeline.recompute(video, plan, lambda: state)))
    assert sorted(state.tracks[1].frames) == [3, 4, 5, 6, 7, 8]
    assert (plan.left, state.pending) == ({}, {1: ((0, 3), (9, 12))})


def test_a_plan_knows_what_is_left_and_keeps_what_nobody_wanted_out() -> None:
    state = verified(drawn_by_a_model(12, SMALL_ONE, SMALL_TWO), 1, 4)
    plan = wanted(state, "all", (2, 8))
    assert (plan.jobs, plan.num_frames) == ((TrackJob(frozenset({1, 2}), (2, 8)),), 6)
    new = ObjectMask(square_mask(), 1.0)
    assert plan.accept(FrameMasks(9, {1: new}), state) is None
    assert plan.accept(FrameMasks(4, {1: new, 2: new, 3: new}), state) == FrameMasks(4, {1: SQUARE, 2: new})
    assert plan.left == {1: ((2, 4), (5, 8)), 2: ((2, 4), (5, 8))}
    locked = apply(state, Locked(2, True))
    assert plan.accept(FrameMasks(5, {1: new, 2: new}), locked) == FrameMasks(5, {1: new})
    assert plan.left == {1: ((2, 4), (6, 8)), 2: ((2, 4), (5, 8))}


@pytest.mark.parametrize(
    ("extent", "expected"),
    [
        pytest.param("here", [(6, 7)], id="one frame"),
        pytest.param("forward", [(6, 8), (9, 10)], id="forward to a confirmed frame, around an absent one"),
        pytest.param("backward", [(3, 7)], id="backward to a confirmed frame"),
    ],
)
def test_one_object_is_done_from_a_frame_as_far_as_nobody_settled_it(
    extent: Extent, expected: list[tuple[int, int]]
) -> None:
    state = apply(verified(drawn_by_a_model(12, SMALL_ONE), 1, 10), Marked(1, 8, 9, "absent"))
    state = apply(state, PutPrompt(Prompt(1, 2, box=Box(2, 2, 4, 4))))
    assert [job.frames for job in wanted(state, extent, object_id=1, frame_index=6).jobs] == expected
    assert wanted(state, extent, object_id=3, frame_index=6).jobs == ()
    assert wanted(state, extent, object_id=1, frame_index=12).jobs == ()


def test_a_segmenter_without_orders_gives_the_same_frames_in_its_own_order() -> None:
    video, filler = ArrayVideo(np.zeros((12, 6, 8, 3), np.uint8)), BoxFiller()
    assert not isinstance(filler, OrderedSegmenter)
    mask = next(filler.track(video, [SMALL_ONE])).masks[1]
    before = done(Pipeline(None, filler), video, verified(drawn_by_a_model(12, SMALL_ONE), 1, 5, mask=mask))
    clicked = apply(before, PutPrompt(Prompt(1, 7, box=Box(2, 2, 4, 4))))
    assert frames_of(recompute(Pipeline(None, filler), video, clicked)) == [6, 7, 8, 9, 10, 11]


def test_closing_a_run_closes_what_is_behind_it_and_the_rest_is_done_later(tmp_path: Path) -> None:
    video, (pipeline, model) = write_clip(tmp_path, num_frames=12), short_sighted_pipeline()
    clicked = apply(done(pipeline, video, drawn_by_a_model(12, ONE)), PutPrompt(CLICK))
    plan = wanted(clicked)
    with count_calls(model) as counter:
        run = pipeline.recompute(video, plan, lambda: clicked)
        first = next(run)
        run.close()  # type: ignore[attr-defined]
    assert counter.calls.decoder == 1
    assert plan.left == {1: ((0, 7), (8, 12))}
    after = done(pipeline, video, apply_masks(clicked, [first]))
    whole = merge_tracks({}, short_sighted_pipeline()[0].propagate(video, [ONE, CLICK], order="nearest"))
    assert after.tracks == whole
