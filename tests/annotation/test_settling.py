"""Runs that end where masks come out as they were: what they do, what they leave, and that the labels say so."""

from __future__ import annotations

import numpy as np
import pytest

from tests.standins import ArrayVideo, Fading, fill_box
from veason.annotation import (
    DropPrompt,
    Duplicated,
    GotMasks,
    Locked,
    Marked,
    Merged,
    PutPrompt,
    RecomputePlan,
    RecomputeRequest,
    State,
    apply,
)
from veason.annotation.apply import apply_masks
from veason.annotation.difference import difference, from_scalars, scalars
from veason.annotation.settling import SETTLED_AFTER, Settling, is_same
from veason.masks import encode_mask
from veason.pipeline import Pipeline
from veason.types import Box, FrameMasks, ObjectMask, OrderedSegmenter, Prompt

COUNT = 60
SIZE = (8, 6)
FIRST, SECOND, THIRD = Box(0, 0, 3, 3), Box(4, 3, 8, 6), Box(2, 2, 5, 5)


def video() -> ArrayVideo:
    return ArrayVideo(np.zeros((COUNT, SIZE[1], SIZE[0], 3), np.uint8))


def run(state: State, segmenter: Fading, *, may_settle: bool = True, extent: str = "pending") -> State:
    """Return the labels after a run, with what it left noted as the app does."""
    request = RecomputeRequest((0, COUNT), extent, may_settle=may_settle)  # type: ignore[arg-type]
    plan = RecomputePlan.of(state, request)
    now = [state]
    segmenter.computed.clear()
    segmenter.passes.clear()
    num_settled = 0
    for masks in Pipeline(None, segmenter).recompute(video(), plan, lambda: now[0]):
        for one in plan.settled[num_settled:]:
            now[0] = apply(now[0], one, is_by_person=False)
        num_settled = len(plan.settled)
        now[0] = apply_masks(now[0], [masks])
    for one in plan.settled[num_settled:]:
        now[0] = apply(now[0], one, is_by_person=False)
    assert plan.left == {}
    return now[0]


@pytest.fixture
def begun() -> State:
    """An object that was boxed on frame 0 and propagated."""
    return run(apply(State(COUNT), PutPrompt(Prompt(1, 0, box=FIRST))), Fading())


def boxed(state: State, frame_index: int, box: Box = SECOND, object_id: int = 1) -> State:
    return apply(state, PutPrompt(Prompt(object_id, frame_index, box=box)))


def test_the_stand_in_has_orders() -> None:
    assert isinstance(Fading(), OrderedSegmenter)


def test_a_first_run_goes_to_the_end(begun: State) -> None:
    assert (begun.pending, begun.assumed, begun.touched) == ({}, {}, frozenset())


def test_a_run_ends_four_frames_after_the_last_change_on_either_side(begun: State) -> None:
    segmenter = Fading(reach=5)
    after = run(boxed(begun, 30), segmenter)
    assert sorted(segmenter.computed) == [*range(30 - 5 - SETTLED_AFTER, 30 + 5 + SETTLED_AFTER + 1)]
    assert after.pending == {}
    assert after.assumed == {1: ((1, 21), (40, 60))}, "frame 0 is the person's own"
    assert after.passes == {(1, 30): (21, 40)}
    assert all(after.mask_at((1, at)) is begun.mask_at((1, at)) for at in (*range(21), *range(40, 60)))
    assert after.touched == frozenset()


def test_a_whole_run_does_everything_and_so_do_batch_and_a_segmenter_without_orders(begun: State) -> None:
    segmenter = Fading()
    after = run(boxed(begun, 30), segmenter, may_settle=False)
    assert (len(segmenter.computed), after.assumed) == (COUNT - 1, {})
    assert RecomputeRequest((0, COUNT)).may_settle is False


def test_a_range_that_ends_before_the_change_does_leaves_the_rest_waiting(begun: State) -> None:
    state = boxed(begun, 30)
    request = RecomputeRequest((0, 33), may_settle=True)
    plan, now = RecomputePlan.of(state, request), state
    for masks in Pipeline(None, Fading(reach=5)).recompute(video(), plan, lambda: state):
        now = apply_masks(now, [masks])
    for one in plan.settled:
        now = apply(now, one, is_by_person=False)
    assert now.pending == {1: ((33, 60),)}
    assert now.touched == {(1, 30)}
    segmenter = Fading(reach=5)
    after = run(boxed(now, 50, THIRD), segmenter)
    assert {*range(33, 40)} <= {*segmenter.computed}, "what the first run had not reached is followed first"
    assert after.assumed == {1: ((1, 21), (31, 41))}
    assert {at for at in range(COUNT) if after.frames_of(1)[at].rle == fill_box(SECOND, SIZE)} == {*range(25, 36)}


def test_going_on_computes_what_was_left_and_nothing_else(begun: State) -> None:
    segmenter = Fading(reach=5)
    after = run(boxed(begun, 30), segmenter)
    rest = run(after, segmenter, extent="rest")
    assert sorted(segmenter.computed) == [*range(1, 21), *range(40, 60)]
    assert rest.assumed == {}


def test_a_change_that_never_fades_reaches_the_ends(begun: State) -> None:
    after = run(boxed(begun, 30), Fading(reach=COUNT))
    assert (after.assumed, after.pending) == ({}, {})
    assert after.passes == {(1, 30): (1, 60)}


def test_frames_without_a_mask_are_done_whatever_comes_before_them() -> None:
    state = apply(State(COUNT), PutPrompt(Prompt(1, 0, box=FIRST)))
    part = RecomputePlan.of(state, RecomputeRequest((0, 50)))
    state = apply_masks(state, list(Pipeline(None, Fading()).recompute(video(), part, lambda: state)))
    after = run(boxed(state, 30), Fading(reach=5))
    assert sorted(after.frames_of(1)) == [*range(COUNT)]
    assert after.pending == {}
    assert after.assumed == {1: ((1, 21),)}, "forward it went to the end"


def test_several_corrections_are_followed_one_after_the_other(begun: State) -> None:
    segmenter = Fading(reach=3)
    state = boxed(boxed(begun, 20), 45, THIRD)
    assert state.touched == {(1, 20), (1, 45)}
    after = run(state, segmenter)
    assert segmenter.passes == [{1: {20: (1, 45)}}, {1: {20: (13, 28), 45: (21, 60)}}]
    assert after.pending == {}
    assert after.touched == frozenset()
    third = fill_box(THIRD, SIZE)
    assert {at for at in range(COUNT) if after.frames_of(1)[at].rle == third} == {*range(42, 49)}
    assert after.passes == {(1, 20): (13, 28), (1, 45): (38, 53)}
    assert after.assumed == {1: ((1, 13), (21, 38), (53, 60))}


def test_a_glance_shows_a_correction_on_its_frame_and_follows_nothing(begun: State) -> None:
    segmenter = Fading(reach=3)
    state = boxed(boxed(begun, 20), 45, THIRD)
    request = RecomputeRequest((0, COUNT), "here", 1, 45, may_settle=True)
    plan = RecomputePlan.of(state, request)
    (arrived,) = Pipeline(None, segmenter).recompute(video(), plan, lambda: state)
    assert (segmenter.computed, segmenter.passes) == ([45], [{1: {45: (45, 46)}}])
    assert arrived.masks[1].rle == fill_box(THIRD, SIZE)
    assert plan.settled == []
    seen = apply_masks(state, [arrived])
    assert seen.touched == {(1, 20), (1, 45)}
    after = run(seen, segmenter)
    assert {at for at in range(COUNT) if after.frames_of(1)[at].rle == fill_box(THIRD, SIZE)} == {*range(42, 49)}


def test_a_later_correction_makes_what_was_left_wait_again_as_far_as_it_reaches(begun: State) -> None:
    after = run(boxed(begun, 30), Fading(reach=5))
    again = boxed(after, 50, THIRD)
    assert again.pending == {1: ((31, 60),)}
    assert again.assumed == {1: ((1, 21),)}


def test_changing_what_begins_the_track_does_everything_again(begun: State) -> None:
    settled = run(boxed(begun, 30), Fading(reach=5))
    moved = boxed(settled, 0, THIRD)
    assert moved.touched == {(1, 0), (1, 30)}
    segmenter = Fading(reach=5)
    after = run(moved, segmenter)
    assert set(after.pending) == set()
    assert segmenter.passes[0] is None
    assert {at for at in range(30) if at in segmenter.computed} == {*range(30)}


def test_a_prompt_that_was_deleted_is_not_taken_for_settled(begun: State) -> None:
    settled = run(boxed(begun, 30), Fading(reach=5))
    dropped = apply(settled, DropPrompt(1, 30))
    assert (dropped.passes, dropped.assumed) == ({}, {})
    segmenter = Fading(reach=5)
    after = run(dropped, segmenter)
    assert (after.assumed, after.pending) == ({}, {})
    assert len(segmenter.computed) == COUNT - 1


def test_frames_that_are_no_longer_absent_are_computed(begun: State) -> None:
    nothing = ObjectMask(encode_mask(np.zeros((SIZE[1], SIZE[0]), bool)), 10.0)
    state = apply(begun, Marked(1, 20, 50, "absent"))
    state = apply_masks(state, [FrameMasks(at, {1: nothing}) for at in range(20, 50)])
    segmenter = Fading(reach=5)
    after = run(apply(state, Marked(1, 20, 50, None)), segmenter)
    assert sorted(segmenter.computed) == [*range(20, 50)]
    assert (after.assumed, after.pending) == ({}, {})


def test_an_interrupted_run_leaves_its_frames_waiting_and_assumes_nothing(begun: State) -> None:
    state = boxed(begun, 30)
    plan = RecomputePlan.of(state, RecomputeRequest((0, COUNT), may_settle=True))
    arriving = Pipeline(None, Fading(reach=5)).recompute(video(), plan, lambda: state)
    part = [next(arriving) for _ in range(14)]
    arriving.close()  # type: ignore[attr-defined]
    assert plan.settled == []
    half = apply_masks(state, part)
    assert half.touched == {(1, 30)}
    assert (half.assumed, bool(half.pending)) == ({}, True)
    after = run(half, Fading(reach=5))
    assert (after.pending, after.assumed) == ({}, {1: ((1, 21), (44, 60))}), "it counts anew where it goes on"


def test_what_is_locked_meanwhile_goes_on_waiting(begun: State) -> None:
    state = boxed(begun, 30)
    plan = RecomputePlan.of(state, RecomputeRequest((0, COUNT), may_settle=True))
    locked = apply(state, Locked(1, True))
    assert list(Pipeline(None, Fading()).recompute(video(), plan, lambda: locked)) == []
    assert plan.settled == []
    assert plan.left == {1: ((1, 60),)}


def test_what_was_left_is_left_of_a_copy_and_of_a_union_too(begun: State) -> None:
    settled = run(boxed(begun, 30), Fading(reach=5))
    copied = apply(settled, Duplicated(1, 2))
    assert copied.assumed == {1: ((1, 21), (40, 60)), 2: ((1, 21), (40, 60))}
    other = run(boxed(copied, 0, THIRD, object_id=3), Fading())
    merged = apply(other, Merged(1, 3, other.confirmed_frames(3)))
    assert merged.assumed == {2: ((1, 21), (40, 60)), 3: ((1, 21), (40, 60))}
    gone = apply(apply(merged, DropPrompt(2, 0)), DropPrompt(2, 30))
    assert 2 not in gone.assumed


def test_verified_frames_and_arrived_masks_are_not_said_to_be_left(begun: State) -> None:
    settled = run(boxed(begun, 30), Fading(reach=5))
    verified = apply(settled, Marked(1, 50, 55, "verified"))
    assert verified.assumed_frames(1) == ((1, 21), (40, 50), (55, 60))
    arrived = apply(settled, GotMasks(FrameMasks(45, {1: ObjectMask(fill_box(FIRST, SIZE), 1.0)})))
    assert arrived.assumed == {1: ((1, 21), (40, 45), (46, 60))}


def test_undo_and_a_restart_bring_back_what_was_left(begun: State) -> None:
    settled = run(boxed(begun, 30), Fading(reach=5))
    numbers = dict.fromkeys(settled.prompts, 1)
    step = difference(begun, settled, {}, {}, numbers, numbers)
    assert step["assumed",] == ([], [[1, 1, 21], [1, 40, 60]])
    again = from_scalars(
        scalars(settled), COUNT, answer=None, prompts=settled.prompts, tracks=settled.tracks, pending=settled.pending,
        by_hand=settled.by_hand, marks=settled.marks, names=settled.names,
    )  # fmt: skip
    assert again == settled


def test_masks_are_the_same_when_borders_differ_by_little() -> None:
    large, cut = np.ones((30, 30), bool), np.ones((30, 30), bool)
    cut[0, :5] = False
    empty = np.zeros((30, 30), bool)
    assert is_same(encode_mask(cut), encode_mask(large))
    cut[:3] = False
    assert not is_same(encode_mask(cut), encode_mask(large))
    assert is_same(encode_mask(empty), encode_mask(empty))
    assert not is_same(encode_mask(large), encode_mask(empty))
    assert not is_same(encode_mask(empty), encode_mask(large))
    assert not is_same(encode_mask(large), None)


def test_a_change_begins_the_count_anew() -> None:
    settling = Settling(10, (0, 60), (), 3)
    for at, same in ((11, True), (12, True), (13, False), (14, True), (15, True)):
        settling.take(at, is_same=same)
    assert settling.frames == (0, 60)
    settling.take(16, is_same=True)
    assert settling.frames == (0, 17)
    for at in (9, 8, 7):
        settling.take(at, is_same=True)
    assert settling.frames == (7, 17)
