"""`think` and `propagate` on a GPU, with the bundled clip and the embedded models."""

import pytest

from veason.hub import ASSETS
from veason.masks import mask_iou
from veason.pipeline import Pipeline
from veason.policy import load_policy
from veason.segmenter import load_segmenter
from veason.tracks import merge_tracks
from veason.types import FrameMasks, MaskTrack, ModelOptions
from veason.video import open_video

pytestmark = pytest.mark.gpu

QUESTION = "the star that is not yellow"
MIN_IOU = 0.95


def tracks_on(device: str) -> dict[int, MaskTrack]:
    policy = load_policy(options=ModelOptions(device=device))
    with open_video(ASSETS / "examples" / "parade.mp4") as video:
        events = list(Pipeline(policy, load_segmenter("nano", ModelOptions(device=device))).ask(video, QUESTION))
    return merge_tracks({}, [event for event in events if isinstance(event, FrameMasks)])


def test_a_question_ends_in_the_same_masks_on_the_gpu_in_bfloat16_and_on_the_cpu() -> None:
    on_cpu, on_gpu = tracks_on("cpu"), tracks_on("cuda")
    assert on_cpu.keys() == on_gpu.keys()
    for object_id, track in on_cpu.items():
        for frame_index, mask in track.frames.items():
            assert mask_iou(mask.rle, on_gpu[object_id].frames[frame_index].rle) >= MIN_IOU, frame_index
