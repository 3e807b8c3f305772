"""SAM2 on CUDA: bfloat16 masks agree with float32 on the CPU, memory runs out politely, and no tensor leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.segmenter.clips import BOX, by_object_and_frame, write_clip
from tests.tiny_sam2 import build_tiny_sam2
from veason.device import assert_no_tensor
from veason.errors import DeviceError
from veason.masks import mask_iou
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Box, Prompt

pytestmark = pytest.mark.gpu

PROMPTS = [Prompt(1, 2, box=BOX), Prompt(2, 3, box=Box(55, 45, 75, 65))]


@pytest.fixture
def segmenter() -> Sam2Segmenter:
    return Sam2Segmenter(build_tiny_sam2().to("cuda"), "tiny")


@pytest.fixture
def little_memory(segmenter: Sam2Segmenter) -> Iterator[None]:
    """Leave the process no more GPU memory than the weights take."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(torch.cuda.memory_reserved() / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def test_bfloat16_masks_on_the_gpu_agree_with_float32_on_the_cpu(segmenter: Sam2Segmenter, tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    on_gpu = by_object_and_frame(list(segmenter.track(video, PROMPTS)))
    on_cpu = by_object_and_frame(list(Sam2Segmenter(build_tiny_sam2(), "tiny").track(video, PROMPTS)))
    assert on_gpu.keys() == on_cpu.keys()
    agreed = min(mask_iou(on_gpu[place].rle, on_cpu[place].rle) for place in on_cpu)
    assert agreed >= 0.9  # random weights leave small margins: an H200 gave 0.934


def test_no_cuda_tensor_leaves(segmenter: Sam2Segmenter, tmp_path: Path) -> None:
    for masks in segmenter.track(write_clip(tmp_path), PROMPTS):
        assert_no_tensor(masks)


def test_a_finished_and_a_closed_run_give_their_memory_back(segmenter: Sam2Segmenter, tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    list(segmenter.track(video, PROMPTS))
    before = torch.cuda.memory_allocated()
    list(segmenter.track(video, PROMPTS))
    run = segmenter.track(video, PROMPTS)
    next(run)
    run.close()
    assert torch.cuda.memory_allocated() <= before


@pytest.mark.usefixtures("little_memory")
def test_running_out_of_gpu_memory_is_an_error_for_people(segmenter: Sam2Segmenter, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="the GPU ran out of memory"):
        list(segmenter.track(write_clip(tmp_path), PROMPTS))
