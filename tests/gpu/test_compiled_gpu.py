"""Compiled networks on CUDA: nothing is compiled anew after the warm-up, and masks agree with the plain ones."""

from pathlib import Path

import pytest
import torch

from tests.segmenter.clips import by_object_and_frame, clicked, write_clip
from tests.tiny_sam2 import build_tiny_sam2
from veason.masks import mask_iou
from veason.segmenter.compiled import compile_networks
from veason.segmenter.sam2 import Sam2Segmenter

pytestmark = pytest.mark.gpu


def test_nothing_is_compiled_anew_on_the_gpu_over_one_to_twelve_points_and_one_to_four_objects(tmp_path: Path) -> None:
    torch.compiler.reset()
    video = write_clip(tmp_path, num_frames=18)
    compiled, plain = build_tiny_sam2().to("cuda"), build_tiny_sam2().to("cuda")
    compile_networks(compiled)
    ours, other = (Sam2Segmenter(model, "tiny", batched=True) for model in (compiled, plain))
    for num_objects in (1, 2, 3, 4):
        list(ours.track(video, clicked(2, num_objects)))
    with torch.compiler.set_stance("fail_on_recompile"):
        for num_points in range(1, 13):
            given = clicked(num_points, 1 + num_points % 4)
            first, second = (by_object_and_frame(list(one.track(video, given))) for one in (ours, other))
            assert first.keys() == second.keys()
            assert min(mask_iou(first[place].rle, second[place].rle) for place in first) >= 0.97  # an H200 gave 0.978
