"""Cached features change no mask, spare every encoder call, stay within their budget and outlive no change."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from tests.segmenter.clips import BOX, CLICKS, by_object_and_frame, square_mask, write_clip
from tests.standins import ArrayVideo
from tests.tiny_sam2 import build_tiny_sam2, tiny_sam2
from veason.errors import VideoError
from veason.evaluate.live import open_sample
from veason.segmenter.counters import count_calls
from veason.segmenter.disk import PREFIX, ScratchFolder, read_tensors, write_tensors
from veason.segmenter.features import FeatureBudget, FeatureCache, FrameFeatures
from veason.segmenter.frames import ModelFrames
from veason.segmenter.identity import IdentityKey, model_key, video_key
from veason.segmenter.sam2 import Sam2Segmenter
from veason.segmenter.tracker import inference_context
from veason.types import Box, Prompt, Sample
from veason.video import open_video

CPU = torch.device("cpu")
SCOPE = ("video", "model")
SECOND = Prompt(2, 2, box=Box(55, 45, 75, 65))


def levels(number: int) -> list[torch.Tensor]:
    """Return 400 bytes of features that tell the frame."""
    return [torch.full((1, 1, 10, 5), float(number)), torch.full((1, 2, 5, 5), -float(number))]


def stock_like(**settings: object) -> Sam2Segmenter:
    return Sam2Segmenter(tiny_sam2(), "tiny", feature_budget_bytes=0, memory_budget_bytes=0)


@pytest.mark.parametrize(
    ("prompts", "frames"),
    [
        pytest.param([Prompt(1, 2, box=BOX)], None, id="box"),
        pytest.param([Prompt(1, 2, clicks=CLICKS)], None, id="clicks"),
        pytest.param([Prompt(1, 2, mask=square_mask())], None, id="mask"),
        pytest.param([Prompt(1, 2, box=BOX), SECOND], None, id="two objects"),
        pytest.param([Prompt(1, 0, box=BOX), SECOND], None, id="two objects that start apart"),
        pytest.param([Prompt(1, 1, box=BOX), Prompt(1, 4, clicks=CLICKS)], None, id="box and correction"),
        pytest.param([Prompt(1, 2, box=BOX)], (1, 5), id="range"),
    ],
)
def test_cached_masks_equal_uncached_ones_the_first_and_the_second_time(
    tmp_path: Path, prompts: list[Prompt], frames: tuple[int, int] | None
) -> None:
    video = write_clip(tmp_path)
    uncached = list(stock_like().track(video, prompts, frames=frames))
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
    assert list(segmenter.track(video, prompts, frames=frames)) == uncached
    with count_calls(segmenter.model) as counter:
        assert list(segmenter.track(video, prompts, frames=frames)) == uncached
    assert counter.calls.encoder == 0
    assert counter.calls.attention > 0


def test_a_second_call_neither_encodes_nor_decodes_a_frame(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
    list(segmenter.track(video, [Prompt(1, 2, box=BOX)]))
    first = segmenter.counters
    assert (first.encoded, first.decoded) == (6, 6)
    list(segmenter.track(video, [SECOND]))
    assert (segmenter.counters.encoded, segmenter.counters.decoded) == (6, 6)


def test_every_level_and_the_coarse_positions_equal_those_of_stock(tmp_path: Path) -> None:
    model, video = tiny_sam2(), write_clip(tmp_path)
    images = ModelFrames(video, model.image_size, CPU)
    features = FrameFeatures(model, images, FeatureCache(), SCOPE)
    with inference_context(CPU):
        stock = model.forward_image(images[3].unsqueeze(0))
        for _ in range(2):
            _, ours = features.get(3)
            features.get(4)
            pairs = zip(ours["backbone_fpn"], stock["backbone_fpn"], strict=True)
            assert all(torch.equal(a, b) and a.stride() == b.stride() for a, b in pairs)
            assert torch.equal(ours["vision_pos_enc"][-1], stock["vision_pos_enc"][-1])
            shapes = [position.shape for position in ours["vision_pos_enc"]]
            assert shapes == [position.shape for position in stock["vision_pos_enc"]]


def test_no_constants_are_held(tmp_path: Path) -> None:
    model, video = tiny_sam2(), write_clip(tmp_path)
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.encode(video, range(6)))
    with inference_context(CPU):
        fpn = model.forward_image(torch.zeros(1, 3, 128, 128))["backbone_fpn"]
    assert segmenter.counters.feature_bytes == 6 * sum(level.nbytes for level in fpn)


def test_frames_encoded_ahead_of_the_prompt_are_not_encoded_again(tmp_path: Path) -> None:
    video = write_clip(tmp_path)
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
    assert list(segmenter.encode(video, [3, 2, 4])) == [3, 2, 4]
    list(segmenter.track(video, [Prompt(1, 2, box=BOX)]))
    assert segmenter.counters.encoded == 6
    assert list(stock_like().encode(video, [3])) == []


def test_its_size_is_told_while_it_is_at_work() -> None:
    cache = FeatureCache()
    cache.put(SCOPE, 0, levels(0))
    with ThreadPoolExecutor(1) as pool, cache._lock:  # a fork of the process would keep what the asking holds
        assert pool.submit(lambda: cache.usage.total).result(10) == 400


@pytest.mark.parametrize("budget", [1, 2], ids=["one frame", "two frames"])
def test_eviction_keeps_within_the_budget_and_masks_stay_exact(tmp_path: Path, budget: int) -> None:
    video, prompts = write_clip(tmp_path), [Prompt(1, 2, box=BOX), SECOND]
    one = Sam2Segmenter(tiny_sam2(), "tiny")
    list(one.encode(video, [0]))
    limit = budget * one.counters.feature_bytes
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny", feature_budget_bytes=limit)
    arrived = []
    for _ in range(2):
        arrived = []
        for masks in segmenter.track(video, prompts):
            assert segmenter.counters.feature_bytes <= limit
            arrived.append(masks)
    assert arrived == list(stock_like().track(video, prompts))
    assert segmenter.counters.encoded == 6 + 6 - budget, "objects share a frame even where it cannot be kept"


def test_the_farthest_frame_from_the_cursor_goes_first() -> None:
    cache = FeatureCache(FeatureBudget(ram=3 * 400))
    cache.set_cursor(SCOPE, 10)
    for index in (10, 14, 9, 8, 30):
        cache.put(SCOPE, index, levels(index))
    assert [index for index in range(40) if cache.has(SCOPE, index)] == [8, 9, 10]
    assert cache.usage.ram == 3 * 400
    assert cache.usage.dropped == 2


def test_frames_of_a_video_left_behind_go_before_those_of_the_current_one() -> None:
    cache, other = FeatureCache(FeatureBudget(ram=2 * 400)), ("other", "model")
    cache.put(other, 0, levels(0))
    cache.put(SCOPE, 0, levels(0))
    cache.put(SCOPE, 99, levels(99))
    assert not cache.has(other, 0)
    assert cache.has(SCOPE, 99)


def test_what_memory_cannot_hold_goes_to_disk_and_comes_back_bit_for_bit(tmp_path: Path) -> None:
    cache = FeatureCache(FeatureBudget(ram=400, disk=4000), folder=tmp_path)
    for index in range(5):
        cache.put(SCOPE, index, levels(index))
    assert cache.usage.ram == 400
    assert 4 * 400 <= cache.usage.disk <= 4000
    for index in range(5):
        found = cache.get(SCOPE, index, CPU)
        assert found is not None
        assert all(torch.equal(a, b) for a, b in zip(found, levels(index), strict=True))
    cache.close()
    assert list(tmp_path.iterdir()) == []


def test_tracking_from_disk_is_exact(tmp_path: Path) -> None:
    video, prompts = write_clip(tmp_path), [Prompt(1, 2, box=BOX)]
    cache = FeatureCache(FeatureBudget(ram=0, disk=1 << 30), folder=tmp_path / "cache")
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny", features=cache)
    for _ in range(2):
        assert list(segmenter.track(video, prompts)) == list(stock_like().track(video, prompts))
    assert segmenter.counters.encoded == 6
    assert cache.usage.ram == 0


@pytest.mark.parametrize("damage", ["cut off", "changed", "gone"])
def test_a_damaged_file_is_encoded_anew_and_not_trusted(tmp_path: Path, damage: str) -> None:
    cache = FeatureCache(FeatureBudget(ram=0, disk=10**6), folder=tmp_path)
    cache.put(SCOPE, 7, levels(7))
    file = next(tmp_path.rglob("*.bin"))
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-7] if damage == "cut off" else content[:-1] + b"x")
    assert cache.get(SCOPE, 7, CPU) is None
    assert cache.usage.disk == 0


def test_strides_and_types_survive_a_file(tmp_path: Path) -> None:
    tensors = [torch.arange(24.0).reshape(2, 3, 4).transpose(0, 2), torch.ones(3, dtype=torch.bfloat16)]
    write_tensors(tmp_path / "x.bin", tensors)
    found = read_tensors(tmp_path / "x.bin")
    assert found is not None
    for ours, theirs in zip(found, tensors, strict=True):
        assert torch.equal(ours, theirs)
        assert (ours.stride(), ours.dtype) == (theirs.stride(), theirs.dtype)


WRITER = """
import sys, torch
from pathlib import Path
from veason.segmenter.disk import ScratchFolder, write_tensors
folder = ScratchFolder(Path(sys.argv[1]))
print(folder.path, flush=True)
while True:
    write_tensors(folder.path / "x.bin", [torch.ones(500_000)])
"""


def test_a_killed_writer_leaves_whole_files_only_and_its_folder_is_swept_by_the_next_one(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    folder = Path(writer.stdout.readline().strip())
    while not (folder / "x.bin").exists():
        time.sleep(0.01)
    alive = ScratchFolder(tmp_path)
    assert folder.exists(), "the folder of a living process stays"
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    found = read_tensors(folder / "x.bin")
    assert found is not None
    assert torch.equal(found[0], torch.ones(500_000))
    after = ScratchFolder(tmp_path)
    assert sorted(tmp_path.glob(f"{PREFIX}*")) == sorted([alive.path, after.path])
    alive.close()
    after.close()
    assert list(tmp_path.iterdir()) == []


def test_new_weights_clear_both_caches(tmp_path: Path) -> None:
    model, video = build_tiny_sam2(), write_clip(tmp_path)
    segmenter = Sam2Segmenter(model, "tiny")
    list(segmenter.track(video, [Prompt(1, 2, box=BOX)]))
    model.load_state_dict(build_tiny_sam2(seed=1).state_dict())
    again = list(segmenter.track(video, [Prompt(1, 2, box=BOX)]))
    assert segmenter.counters.encoded == 12
    assert again == list(Sam2Segmenter(model, "tiny", feature_budget_bytes=0).track(video, [Prompt(1, 2, box=BOX)]))


def test_another_picture_size_network_or_file_is_another_key(tmp_path: Path) -> None:
    model = build_tiny_sam2()
    before = model_key(model)
    assert model_key(model) == before
    assert model_key(build_tiny_sam2()) != before
    model.image_size = 64
    assert model_key(model) != before


def test_a_file_is_known_by_path_size_and_time_and_a_video_without_one_by_itself(tmp_path: Path) -> None:
    class FileVideo(ArrayVideo):
        @property
        def info(self):
            import dataclasses

            return dataclasses.replace(super().info, path=str(tmp_path / "clip.mp4"))

    pictures = torch.zeros(2, 8, 8, 3, dtype=torch.uint8).numpy()
    file = tmp_path / "clip.mp4"
    file.write_bytes(b"one")
    before = video_key(FileVideo(pictures))
    assert video_key(FileVideo(pictures)) == before
    file.write_bytes(b"other")
    assert video_key(FileVideo(pictures)) != before

    first, second = ArrayVideo(pictures), ArrayVideo(pictures)
    assert video_key(first) == video_key(first)
    assert video_key(first) != video_key(second)
    key = IdentityKey(first)
    del first
    assert key != IdentityKey(second)


def test_two_selections_of_as_many_frames_from_one_folder_share_nothing(tmp_path: Path) -> None:
    write_clip(tmp_path, num_frames=8)

    def sample(names: list[str]) -> Sample:
        return Sample("revos", "clip", "0", "the ball", None, tuple(names), tmp_path, (), "0", None, None)

    names = [f"{index:05d}" for index in range(8)]
    even, odd = (open_sample(sample(names[first::2])) for first in (0, 1))
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
    box = Prompt(1, 0, box=BOX)
    list(segmenter.track(even, [box]))
    assert list(segmenter.track(odd, [box])) == list(stock_like().track(odd, [box]))
    assert segmenter.counters.encoded == 8
    assert video_key(odd) == video_key(open_sample(sample(names[1::2])))


def test_the_key_of_a_folder_is_as_short_for_many_files_as_for_few(tmp_path: Path) -> None:
    """It is hashed and compared for every frame, and for every kept frame where one is dropped."""
    lengths = []
    for count in (2, 40):
        folder = tmp_path / f"{count:02d}"
        folder.mkdir()
        write_clip(folder, num_frames=count)
        lengths.append(len(repr(video_key(open_video(folder)))))
    assert abs(lengths[1] - lengths[0]) <= 1


def test_a_listed_frame_that_is_missing_is_told_when_it_is_read(tmp_path: Path) -> None:
    write_clip(tmp_path, num_frames=2)
    sample = Sample("revos", "clip", "0", "the ball", None, ("00000", "00007"), tmp_path, (), "0", None, None)
    with pytest.raises(VideoError, match="cannot read frame 1"):
        list(Sam2Segmenter(tiny_sam2(), "tiny").track(open_sample(sample), [Prompt(1, 0, box=BOX)]))


def test_half_precision_takes_half_the_bytes_and_gives_back_the_type_of_the_encoder() -> None:
    cache = FeatureCache(store="bfloat16")
    cache.put(SCOPE, 1, levels(1))
    found = cache.get(SCOPE, 1, CPU)
    assert found is not None
    assert cache.usage.ram == 200
    assert found[0].dtype == torch.float32


def test_threads_share_one_cache_and_get_the_masks_of_a_run_alone(tmp_path: Path) -> None:
    video, prompts = write_clip(tmp_path), [Prompt(1, 2, box=BOX)]
    alone = by_object_and_frame(list(stock_like().track(video, prompts)))
    segmenter = Sam2Segmenter(tiny_sam2(), "tiny")
    found = []

    def run() -> None:
        found.append(by_object_and_frame(list(segmenter.track(video, prompts))))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 3
