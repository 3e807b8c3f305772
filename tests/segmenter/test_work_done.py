"""What a run reads, encodes, keeps and drops."""

import gc
import pickle
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from sam2.utils.misc import load_video_frames

from tests.segmenter.clips import BOX, CLICKS, write_clip
from tests.standins import ArrayVideo
from tests.tiny_sam2 import build_tiny_sam2, tiny_sam2
from veason.device import assert_no_tensor
from veason.errors import DeviceError
from veason.masks import decode_mask, encode_mask
from veason.segmenter import load_segmenter
from veason.segmenter.frames import ModelFrames
from veason.segmenter.prompts import plan_objects
from veason.segmenter.sam2 import Sam2Segmenter
from veason.segmenter.tracker import GroupTracker
from veason.types import Box, ModelOptions, Prompt

CPU = torch.device("cpu")


def test_frames_equal_those_of_the_stock_loader(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    stock, _, _ = load_video_frames(str(tmp_path), 128, offload_video_to_cpu=True)
    ours = ModelFrames(video, 128, CPU)
    assert all(torch.equal(ours[index], stock[index]) for index in range(len(ours)))


def test_only_so_many_frames_are_kept_and_the_last_used_ones(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    frames = ModelFrames(video, 64, CPU, capacity=2)
    for index in (0, 1, 0, 2, 0, 1):
        frames[index]
    assert video.reads == [0, 1, 2, 1]


def test_going_backward_decodes_ascending_blocks_and_each_frame_once(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    frames = ModelFrames(video, 64, CPU, capacity=3)
    for index in (5, 4, 3, 2, 1):
        frames.prefetch_before(index, first=1)
        frames[index]
    assert video.reads == [3, 4, 5, 1, 2]


def test_a_range_limits_the_frames_done_and_decodes_no_other(tmp_path: Path) -> None:
    video = write_clip(tmp_path, num_frames=12)
    arrived = list(Sam2Segmenter(tiny_sam2(), "tiny").track(video, [Prompt(1, 5, box=BOX)], frames=(3, 8)))
    assert [masks.frame_index for masks in arrived] == [5, 6, 7, 4, 3]
    assert sorted(video.reads) == [3, 4, 5, 6, 7]


def test_a_frame_is_encoded_once_a_pass_for_all_objects_that_start_together(tmp_path: Path) -> None:
    calls = []
    hook = tiny_sam2().image_encoder.register_forward_hook(lambda *_: calls.append(1))
    prompts = [Prompt(1, 2, box=BOX), Prompt(2, 2, clicks=CLICKS), Prompt(3, 2, box=Box(50, 40, 80, 70))]
    list(Sam2Segmenter(tiny_sam2(), "tiny").track(write_clip(tmp_path), prompts))
    hook.remove()
    assert len(calls) == 6


def test_closing_after_three_frames_stops_the_encoder_and_drops_the_state(tmp_path: Path) -> None:
    calls = []
    hook = tiny_sam2().image_encoder.register_forward_hook(lambda *_: calls.append(1))
    video = write_clip(tmp_path)
    run = Sam2Segmenter(tiny_sam2(), "tiny").track(video, [Prompt(1, 0, box=BOX)])
    for _ in range(3):
        next(run)
    run.close()
    hook.remove()
    assert len(calls) == 3
    video_is_alive = weakref.ref(video)
    del video, run
    gc.collect()
    assert video_is_alive() is None


def test_memory_of_a_long_clip_is_bounded() -> None:
    model = build_tiny_sam2()
    model.max_obj_ptrs_in_encoder = 4
    video = ArrayVideo(np.zeros((30, 32, 32, 3), np.uint8))
    images = ModelFrames(video, model.image_size, CPU, capacity=4)
    plans = plan_objects(video.info, [Prompt(1, 4, box=Box(4, 4, 20, 20))], {}, (0, 30))
    tracker = GroupTracker(model, images, video.info, plans)
    tracker.condition()
    tracked = tracker.state["output_dict_per_obj"][0]["non_cond_frame_outputs"]
    assert max(len(tracked) for _ in tracker.propagate((0, 30))) <= 2 * 7 + 2


def test_a_frame_and_object_kept_at_256_pixels_takes_no_more_than_sixty_kilobytes(tmp_path: Path) -> None:
    """Memory features in bfloat16, logits of 64x64 in float32, pointer and score; no picture, nothing at video size."""
    segmenter = load_segmenter("nano", ModelOptions(device="cpu"))
    list(segmenter.track(write_clip(tmp_path), [Prompt(1, 2, box=BOX)]))
    width, pixels = 32, 16 * 16
    assert segmenter.counters.memory_bytes == 6 * (2 * width * pixels + 4 * 64 * 64 + 4 * 128 + 4)
    of_stock_width = 2 * 64 * pixels + 4 * 64 * 64 + 4 * 256 + 4
    assert of_stock_width <= 0.06 * 2**20


def test_everything_that_leaves_is_light_and_can_be_pickled(tmp_path: Path) -> None:
    for masks in Sam2Segmenter(tiny_sam2(), "tiny").track(write_clip(tmp_path), [Prompt(1, 0, box=BOX)]):
        assert_no_tensor(masks)
        assert pickle.loads(pickle.dumps(masks)) == masks
        rle = masks.masks[1].rle
        assert encode_mask(decode_mask(rle)) == rle


def test_inference_mode_and_autocast_do_not_leak_to_the_consumer(tmp_path: Path) -> None:
    for _ in Sam2Segmenter(tiny_sam2(), "tiny").track(write_clip(tmp_path), [Prompt(1, 0, box=BOX)]):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def test_the_estimate_starts_from_a_guess_and_becomes_what_was_measured(tmp_path: Path) -> None:
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
    assert segmenter.estimate_seconds(100, 1) == pytest.approx(100 * 2 * 0.03)
    list(segmenter.track(write_clip(tmp_path), [Prompt(1, 0, box=BOX)]))
    measured = segmenter.estimate_seconds(100, 1)
    assert measured != pytest.approx(100 * 2 * 0.03)
    assert segmenter.estimate_seconds(100, 3) == pytest.approx(2 * measured)


def test_running_out_of_accelerator_memory_is_an_error_for_people(tmp_path: Path) -> None:
    def run_out(*_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    model = build_tiny_sam2()
    model.image_encoder.register_forward_hook(run_out)
    with pytest.raises(DeviceError, match="choose a shorter range"):
        list(Sam2Segmenter(model, "tiny").track(write_clip(tmp_path), [Prompt(1, 0, box=BOX)]))
