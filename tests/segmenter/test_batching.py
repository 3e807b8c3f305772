"""Objects in one batch: the networks run once for all, masks agree with those of one by one in all but last bits."""

from pathlib import Path

import pytest
import torch

from tests.segmenter.clips import BOX, CLICKS, by_object_and_frame, write_clip
from tests.tiny_sam2 import build_tiny_sam2, tiny_sam2
from veason.masks import decode_mask
from veason.segmenter import load_segmenter
from veason.segmenter.batching import can_batch
from veason.segmenter.counters import count_calls
from veason.segmenter.frames import ModelFrames
from veason.segmenter.memories import TrackMemories, digest_plan
from veason.segmenter.nearest import ObjectHistory
from veason.segmenter.prompts import plan_objects
from veason.segmenter.sam2 import Sam2Segmenter
from veason.segmenter.tracker import GroupTracker
from veason.types import Box, ModelOptions, Order, Prompt, Speedups

SCOPE = ("video", "model")
BOXES = [
    Prompt(1, 2, box=BOX),
    Prompt(2, 2, box=Box(55, 45, 75, 65)),
    Prompt(3, 2, box=Box(40, 10, 80, 50)),
    Prompt(4, 2, clicks=CLICKS),
]


@pytest.fixture
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.usefixtures("one_thread")
def test_every_step_of_a_batch_on_nano_is_within_a_ten_thousandth_of_one_by_one(tmp_path: Path) -> None:
    video = write_clip(tmp_path, num_frames=20)
    model = load_segmenter("nano", ModelOptions(device="cpu")).model
    images, memories = ModelFrames(video, model.image_size, torch.device("cpu")), TrackMemories()
    histories = [
        ObjectHistory(model, GroupTracker(model, images, video.info, [plan]), plan, memories, SCOPE)
        for plan in plan_objects(video.info, BOXES, {}, (0, 20))
    ]
    for history in histories:
        history.prepare()
    for frame_index in (*range(3, 20), 1, 0):
        together = histories[0].infer([history.step(frame_index) for history in histories])
        for history, in_batch in zip(histories, together, strict=True):
            history.mask(frame_index)
            alone = memories.get(SCOPE, digest_plan(history.plan), frame_index)
            assert alone is not None
            assert float((in_batch["pred_masks"] - alone["pred_masks"]).abs().max()) <= 1e-4


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("order", ["stock", "nearest"])
def test_a_batched_run_on_nano_gives_the_same_masks_and_runs_the_networks_once_a_frame(
    tmp_path: Path, order: Order
) -> None:
    """Last bits add up over frames, as memories are rounded to bfloat16, so masks are compared as a whole."""
    video = write_clip(tmp_path, num_frames=20)
    found, work = {}, {}
    for batched in (False, True):
        segmenter = load_segmenter("nano", ModelOptions(device="cpu", speedups=Speedups(batched=batched)))
        with count_calls(segmenter.model) as counter:
            found[batched] = by_object_and_frame(list(segmenter.track(video, BOXES, order=order)))
        work[batched] = counter.calls
    assert (work[False].attention, work[True].attention) == (4 * 19, 19)
    assert work[True].memory_encoder == work[False].memory_encoder - 3 * 19
    assert found[True].keys() == found[False].keys()
    assert iou_of_all(found[True], found[False]) >= 0.9999


def iou_of_all(one: dict, other: dict) -> float:
    """Return the IoU of all masks of two runs, taken together as one."""
    pairs = [(decode_mask(one[place].rle), decode_mask(other[place].rle)) for place in one]
    return sum(int((a & b).sum()) for a, b in pairs) / sum(int((a | b).sum()) for a, b in pairs)


def test_objects_that_read_other_frames_stay_apart_and_equal_to_the_bit(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    prompts = [Prompt(1, 1, box=BOX), Prompt(2, 4, box=Box(55, 45, 75, 65))]
    alone, batched = (Sam2Segmenter(tiny_sam2(), "tiny", batched=batched) for batched in (False, True))
    for order in ("stock", "nearest"):
        assert list(batched.track(video, prompts, order=order)) == list(alone.track(video, prompts, order=order))


def test_absent_frames_and_a_correction_of_one_object_leave_the_batch_for_a_while(tmp_path: Path) -> None:
    video = write_clip(tmp_path, num_frames=10)
    prompts = [*BOXES[:3], Prompt(1, 6, clicks=(CLICKS[0],))]
    fixed = {2: {5: None}}
    found = [
        by_object_and_frame(
            list(Sam2Segmenter(tiny_sam2(), "tiny", batched=batched).track(video, prompts, fixed=fixed))
        )
        for batched in (False, True)
    ]
    assert found[0].keys() == found[1].keys()
    assert iou_of_all(found[0], found[1]) >= 0.9999


def test_what_a_batch_keeps_of_one_object_holds_nothing_of_the_others(tmp_path: Path) -> None:
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny", batched=True)
    list(segmenter.track(write_clip(tmp_path), BOXES, order="nearest"))
    assert segmenter.memories is not None
    for output, _ in segmenter.memories._kept.values():
        for name in ("maskmem_features", "pred_masks", "obj_ptr", "object_score_logits"):
            assert output[name].untyped_storage().nbytes() == output[name].nbytes, name


def test_masks_that_must_not_overlap_are_never_batched() -> None:
    model = build_tiny_sam2()
    assert can_batch(model)
    model.non_overlap_masks_for_mem_enc = True
    assert not can_batch(model)
