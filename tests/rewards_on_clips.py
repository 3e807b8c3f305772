"""Questions about the example clips, for the reward service and those who train with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from veason.answer import AnswerContext
from veason.masks import encode_mask, union_mask
from veason.project.videos import hash_video
from veason.rewards import RewardCase
from veason.types import Box, Prompt, Rle, Segmenter
from veason.video import open_video

EXAMPLES = Path(__file__).parent.parent / "veason" / "assets" / "examples"


def make_case(video: Path, seed: int, *, shown: int = 4) -> RewardCase:
    """A target that is a rectangle, on all of the frames shown but the last, which it has left."""
    draw = np.random.default_rng(seed)
    with open_video(video) as opened:
        info = opened.info
    (width, height), masks = info.size_wh, {}
    x, y = draw.integers(0, [width // 2, height // 2])
    frames = tuple(int(one) for one in np.linspace(0, info.num_frames - 1, shown))
    for index in frames[:-1]:
        mask = np.zeros((height, width), bool)
        mask[y : y + height // 3, x : x + width // 3] = True
        masks[index] = encode_mask(mask)
    return RewardCase(AnswerContext(frames, info.num_frames, info.size_wh, (112, 112)), (masks,))


def write_answer(case: RewardCase, boxes: Sequence[Sequence[float]], keyframe: int | None = None) -> str:
    """An answer with boxes in the policy's space."""
    body = {"keyframe_timestamp": case.context.shown[1] if keyframe is None else keyframe, "bbox_2d_list": boxes}
    return f"<think>because</think>\n<answer>{json.dumps(body)}</answer>"


def near_boxes(case: RewardCase, seed: int, count: int = 1) -> list[list[int]]:
    """Boxes around the target, each off by some pixels, in the policy's space."""
    draw = np.random.default_rng(seed)
    (width, height), (box,) = case.context.source_wh, case.boxes(case.context.shown[1])
    assert box is not None
    scale = np.array([112 / width, 112 / height] * 2)
    return [
        [int(side) for side in np.clip(np.array(box.xyxy) * scale + draw.integers(-4, 5, 4), 0, 112)]
        for _ in range(count)
    ]


class InProcess:
    """Tracks boxes with a segmenter on the frames shown, saved as pictures: none of the service's code is used."""

    def __init__(self, segmenter: Segmenter, video: Path, shown: Sequence[int], folder: Path) -> None:
        from PIL import Image

        folder.mkdir()
        with open_video(video) as opened:
            for frame in opened.frames(shown):
                Image.fromarray(frame.image).save(folder / f"{frame.index:05d}.png")
        self._segmenter, self._folder, self._shown = segmenter, folder, list(shown)

    def __call__(self, boxes: Sequence[Box], keyframe: int) -> Mapping[int, Rle]:
        prompts = [Prompt(number, self._shown.index(keyframe), box=box) for number, box in enumerate(boxes, start=1)]
        found: dict[int, list[Rle]] = {index: [] for index in self._shown}
        with open_video(self._folder) as clip:
            for arrived in self._segmenter.track(clip, prompts):
                found[self._shown[arrived.frame_index]] += [mask.rle for mask in arrived.masks.values()]
        return {index: union_mask(rles) for index, rles in found.items()}


def digest(name: str) -> str:
    return hash_video(EXAMPLES / name)


@contextmanager
def serving(*words: str, python: str = sys.executable) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service in processes of its own, as the command line starts it; gives its address and process."""
    command = [python, "-m", "veason", "reward-service", "--port", "0", "--segmenter", "nano", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said, process.wait()
        yield said.split(" at ")[1].split()[0], process
    finally:
        process.terminate()
        process.wait(30)
