"""How well nano-SAM2 follows real things, beside a classical baseline (GrabCut in the box, DIS optical flow).

    VEASON_REAL_CLIPS=.../real_clips python benchmarks/bench_nano_segmenter.py [--segmenter nano] [--skip-classical]

Each object is prompted with its given box on its best frame and tracked through the whole clip. J is the IoU on the
frames with a hand-made mask (1 where both are empty), averaged over frames, then over objects. "boxed" is the IoU on
single frames, each with its given box: what a box becomes before anything is followed. The clips stay outside the
repository: without VEASON_REAL_CLIPS nothing is measured. Results go to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import importlib.util
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from classical import track_classically
from PIL import Image

from veason import hub
from veason.masks import decode_mask
from veason.segmenter import load_segmenter
from veason.types import Box, Prompt, Segmenter, VideoSource
from veason.video import open_video

RESULTS = Path(__file__).parent / "results"

Tracker = Callable[[VideoSource, Box, int], dict[int, np.ndarray]]


@dataclass(frozen=True, slots=True)
class RealObject:
    """One object of a real clip: where its frames and masks are, where it is prompted, and its boxes by frame."""

    clip: Path
    name: str
    frame_index: int
    frames: tuple[int, ...]
    boxes: dict[int, Box]

    def truth(self, frame_index: int) -> np.ndarray:
        """Return the hand-made `(H, W)` bool mask of a frame."""
        with Image.open(self.clip / self.name / f"{frame_index:05d}.png") as picture:
            return np.asarray(picture.convert("L")) > 127


def real_objects(root: Path) -> Iterator[RealObject]:
    """Yield the objects of all clips under `root`, each with the given box of its best frame."""
    for meta_file in sorted(root.glob("*/meta.json")):
        meta = json.loads(meta_file.read_text(encoding="utf-8"))
        for name, entry in sorted(meta["objects"].items()):
            best = meta["best_frames"][name][0]
            boxes = {int(frame): Box(*box) for frame, box in entry["boxes"].items()}
            yield RealObject(meta_file.parent, name, best, tuple(entry["frames"]), boxes)


def with_segmenter(segmenter: Segmenter) -> Tracker:
    """Return `segmenter` as a function from a box on a frame to the masks of all frames."""

    def track(video: VideoSource, box: Box, frame_index: int) -> dict[int, np.ndarray]:
        prompt = Prompt(object_id=1, frame_index=frame_index, box=box)
        found = segmenter.track(video, [prompt])
        return {item.frame_index: decode_mask(item.masks[1].rle) for item in found if 1 in item.masks}

    return track


def jaccard(guess: np.ndarray, truth: np.ndarray) -> float:
    """Return the IoU of two masks, 1 where both are empty."""
    union = (guess | truth).sum()
    return float((guess & truth).sum() / union) if union else 1.0


def measure(target: RealObject, track: Tracker) -> dict:
    """Return J per frame, their mean and the seconds it took to track one object."""
    with open_video(target.clip / "clip.mp4") as video:
        started = time.perf_counter()
        masks = track(video, target.boxes[target.frame_index], target.frame_index)
        seconds = time.perf_counter() - started
    scores = {index: round(jaccard(masks[index], target.truth(index)), 4) for index in target.frames}
    return {"mean": round(float(np.mean(list(scores.values()))), 4), "frames": scores, "seconds": round(seconds, 1)}


def measure_boxed(target: RealObject, segmenter: Segmenter) -> dict[int, float]:
    """Return the IoU of what each given box becomes on its own frame."""
    scores = {}
    with open_video(target.clip / "clip.mp4") as video:
        for index, box in target.boxes.items():
            prompt = Prompt(object_id=1, frame_index=index, box=box)
            (found,) = segmenter.track(video, [prompt], frames=(index, index + 1))
            scores[index] = round(jaccard(decode_mask(found.masks[1].rle), target.truth(index)), 4)
    return scores


def weights_hash(name: str) -> str:
    """Return the first 16 digits of the SHA-256 of a segmenter folder's weights."""
    folder = hub.embedded(hub.EMBEDDED_SEGMENTERS[name]) if name in hub.EMBEDDED_SEGMENTERS else Path(name)
    file = folder / "model.safetensors"
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16] if file.is_file() else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--segmenter", default=hub.NANO)
    parser.add_argument("--skip-classical", action="store_true")
    parser.add_argument("--out", type=Path, default=None, help="default: benchmarks/results/DATE-nano-segmenter.json")
    arguments = parser.parse_args()
    root = os.environ.get("VEASON_REAL_CLIPS")
    if not root:
        print("skipped: VEASON_REAL_CLIPS does not name the folder with the real clips")
        return
    segmenter = load_segmenter(arguments.segmenter)
    trackers = {arguments.segmenter: with_segmenter(segmenter)}
    if arguments.skip_classical or importlib.util.find_spec("cv2") is None:
        print("classical baseline left out: it needs pip install opencv-python-headless")
    else:
        trackers["classical"] = track_classically
    date = datetime.date.today().isoformat()
    result = {
        "date": date, "device": f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
        "weights_sha256": weights_hash(arguments.segmenter), "objects": {}, "boxed": {},
    }  # fmt: skip
    for target in real_objects(Path(root)):
        rows = {name: measure(target, track) for name, track in trackers.items()}
        boxed = measure_boxed(target, segmenter)
        result["objects"][f"{target.clip.name}/{target.name}"] = rows
        result["boxed"][f"{target.clip.name}/{target.name}"] = boxed
        print(f"boxed {np.mean(list(boxed.values())):.3f} {boxed}")
        print(
            f"{target.name:8}", *(f"{name} {row['mean']:.3f} {row['frames']}" for name, row in rows.items()), sep="\n  "
        )
    result["mean"] = {
        name: round(float(np.mean([rows[name]["mean"] for rows in result["objects"].values()])), 4) for name in trackers
    }
    result["mean_boxed"] = round(
        float(np.mean([np.mean(list(scores.values())) for scores in result["boxed"].values()])), 4
    )
    print("mean over objects:", result["mean"], "boxed:", result["mean_boxed"])
    file = arguments.out or RESULTS / f"{date}-nano-segmenter.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
