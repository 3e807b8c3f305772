"""A segmenter that chooses its memories: stock where it chooses what stock does, and equal in every order of work."""

import json
from pathlib import Path

import pytest
import torch
from sam2.sam2_video_predictor import SAM2VideoPredictor

from tests.segmenter.clips import BOX, CLICKS, by_object_and_frame, write_clip
from tests.segmenter.test_nearest import stock_history
from tests.tiny_sam2 import TINY_OVERRIDES, build_tiny_sam2
from veason.errors import ProfileError
from veason.masks import decode_mask, encode_mask
from veason.segmenter.batching import can_batch
from veason.segmenter.checkpoint import load_model, save_model
from veason.segmenter.choice import MemoryChoice, frames_read_back
from veason.segmenter.sam2 import Sam2Segmenter
from veason.segmenter.selective import SelectivePredictor, choose_memories
from veason.types import Click, Prompt
from veason_nano.segmenter.model import NANO_BASE

SHORT = MemoryChoice(recent=2, pointers=3, least_area=0.5, most_area=1.5, reach=3, margin=0.4)
APART = MemoryChoice(recent=3, every=2, pointers=2, least_quality=0.3, reach=5)
OFF = (Click(30, 30, is_positive=False),)


def selective(choice: MemoryChoice) -> SelectivePredictor:
    return choose_memories(build_tiny_sam2(), choice)


def masks_of(model: SAM2VideoPredictor, folder: Path, num_frames: int = 9) -> dict:
    video = write_clip(folder, num_frames=num_frames)
    return by_object_and_frame(list(Sam2Segmenter(model, "tiny").track(video, [Prompt(1, 2, box=BOX)])))


def test_to_remember_everything_and_set_no_bounds_is_stock(tmp_path: Path) -> None:
    everything = MemoryChoice()
    assert frames_read_back(selective(everything)) == frames_read_back(build_tiny_sam2()) == 15
    assert masks_of(selective(everything), tmp_path) == masks_of(build_tiny_sam2(), tmp_path)


def test_memories_a_few_frames_apart_are_stock_s_with_a_stride(tmp_path: Path) -> None:
    stock = build_tiny_sam2()
    stock.memory_temporal_stride_for_eval = 2
    apart = selective(MemoryChoice(every=2))
    assert masks_of(apart, tmp_path, 12) == masks_of(stock, tmp_path, 12) != masks_of(build_tiny_sam2(), tmp_path, 12)


def test_only_what_the_network_itself_trusts_is_remembered(tmp_path: Path) -> None:
    alone = masks_of(selective(MemoryChoice(recent=0, pointers=0)), tmp_path)
    assert masks_of(selective(MemoryChoice(least_quality=1.0)), tmp_path) == alone
    assert masks_of(selective(MemoryChoice(least_quality=1e-6)), tmp_path) != alone


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param(MemoryChoice(recent=0, pointers=0), id="the prompted frame alone"),
        pytest.param(MemoryChoice(recent=1, pointers=1), id="and one more"),
        pytest.param(MemoryChoice(every=3), id="every third"),
        pytest.param(MemoryChoice(least_area=1.01), id="only what is larger than usual"),
    ],
)
def test_each_choice_changes_masks(tmp_path: Path, choice: MemoryChoice) -> None:
    assert masks_of(selective(choice), tmp_path) != masks_of(build_tiny_sam2(), tmp_path)


def shown(rows: slice, columns: slice) -> dict:
    logits = torch.full((1, 1, 32, 32), -5.0)
    logits[..., rows, columns] = 5.0
    return {"pred_masks": logits}


def test_a_mask_may_leave_the_last_one_s_box_by_a_share_of_it_and_farther_once_it_was_lost() -> None:
    model = selective(MemoryChoice(margin=0.5))
    nothing = shown(slice(0), slice(0))
    outputs = {"cond_frame_outputs": {0: shown(slice(10, 14), slice(12, 20))}, "non_cond_frame_outputs": {}}
    for last, far in ((0, 1), (3, 4)):
        outputs["non_cond_frame_outputs"] = {index: nothing for index in range(1, last + 1)}
        inside = model._surroundings(last + 1, outputs, reverse=False)
        assert inside is not None
        rows, columns = torch.nonzero(inside.any(1))[:, 0], torch.nonzero(inside.any(0))[:, 0]
        high, wide = 2 + 0.5 * far**0.5 * 4, 2 + 0.5 * far**0.5 * 8
        assert (int(rows[0]), int(rows[-1])) == (max(0, 10 - high), 13 + high)
        assert (int(columns[0]), int(columns[-1])) == (max(0, 12 - wide), 19 + wide)
    outputs["cond_frame_outputs"] = {0: nothing}
    assert model._surroundings(2, outputs, reverse=False) is None


def test_nothing_is_found_outside_the_bounds(tmp_path: Path) -> None:
    video = write_clip(tmp_path, num_frames=5)
    free, bound = (selective(MemoryChoice(margin=margin)) for margin in (0.0, 0.25))
    small = torch.zeros(72, 96, dtype=torch.bool)
    small[30:36, 40:46] = True
    prompt = Prompt(1, 0, mask=encode_mask(small.numpy()))
    loose, held = (list(Sam2Segmenter(model, "tiny").track(video, [prompt])) for model in (free, bound))
    masks = [[decode_mask(frame.masks[1].rle) for frame in frames] for frames in (loose, held)]
    far = torch.ones(72, 96, dtype=torch.bool)
    far[20:46, 28:58] = False
    assert (masks[0][1] & far.numpy()).any()
    assert not (masks[1][1] & far.numpy()).any()


@pytest.mark.parametrize("choice", [pytest.param(SHORT, id="plausible"), pytest.param(APART, id="apart, trusted")])
@pytest.mark.parametrize(
    "corrections",
    [
        pytest.param([], id="none"),
        pytest.param([(8, CLICKS)], id="after the box"),
        pytest.param([(7, OFF), (2, CLICKS)], id="two, going back"),
        pytest.param([(1, CLICKS), (3, OFF), (7, OFF)], id="three"),
    ],
)
def test_nearest_first_equals_the_predictor_s_own_run(
    tmp_path: Path, corrections: list[tuple[int, tuple[Click, ...]]], choice: MemoryChoice
) -> None:
    video, model = write_clip(tmp_path, num_frames=9), selective(choice)
    box = Prompt(1, 4, box=BOX)
    steps = [Prompt(1, index, clicks=clicks) for index, clicks in corrections]
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.track(video, [box]))
    arrived = segmenter.track(video, [box, *steps], order="nearest")
    assert by_object_and_frame(list(arrived)) == stock_history(model, tmp_path, [box], steps)


def test_objects_are_not_batched_since_each_has_its_own_good_frames() -> None:
    assert can_batch(build_tiny_sam2())
    assert not can_batch(selective(SHORT))


def test_a_choice_is_saved_and_read_back(tmp_path: Path) -> None:
    save_model(selective(SHORT), tmp_path, base=NANO_BASE, overrides=TINY_OVERRIDES)
    model = load_model(tmp_path)
    assert isinstance(model, SelectivePredictor)
    assert model.choice == SHORT


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        pytest.param({"recnet": 1}, "'memory' holds some of recent", id="unknown name"),
        pytest.param([1], "'memory' holds some of recent", id="no names"),
        pytest.param({"recent": 1.5}, "memory.recent is int", id="part of a frame"),
        pytest.param({"margin": "wide"}, "memory.margin is float", id="a word"),
        pytest.param({"reach": 0}, "'reach' and 'every' of 1 or more", id="no reach"),
        pytest.param({"every": 0}, "'reach' and 'every' of 1 or more", id="every none"),
        pytest.param({"recent": -1}, "no negative figures", id="negative"),
    ],
)
def test_a_broken_choice_is_refused(tmp_path: Path, memory: object, message: str) -> None:
    save_model(build_tiny_sam2(), tmp_path, base=NANO_BASE, overrides=TINY_OVERRIDES)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"memory": memory}))
    with pytest.raises(ProfileError, match=message):
        load_model(tmp_path)
