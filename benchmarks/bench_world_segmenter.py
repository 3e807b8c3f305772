"""How a segmenter follows the objects of the toy world from one box on their best frame, and whether it says "gone".

    python benchmarks/bench_world_segmenter.py [--segmenter nano] [--clips 12] [--longest 48]

Clips of the valid split. J is the IoU on every frame (1 where both masks are empty), averaged over an object's frames
and then over objects. Of the frames that do not show the object the share with an empty mask is given, and of those
that show it (at least 0.1 % of the picture) the share called gone. Results go to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

import numpy as np
from bench_nano_segmenter import RESULTS, weights_hash

from veason import hub
from veason.masks import decode_mask
from veason.metrics import jaccard
from veason.segmenter import load_segmenter
from veason.types import Box, Prompt, Segmenter
from veason_nano.dataset import clip_size, draw_scene
from veason_nano.world.footage import DrawnVideo

SEED = 5
SMALLEST = 0.001
"""An object that covers less of the picture counts neither as shown nor as gone."""


def tight_box(mask: np.ndarray) -> Box:
    """Return the half-open box around a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def measure_clip(video: DrawnVideo, actors: list[int], segmenter: Segmenter) -> list[dict]:
    """Return J, and frames shown, gone, missed and told, of each object that is seen well on some frame."""
    truths = {actor: video.owners == actor for actor in actors}
    best = {actor: int(truth.sum((1, 2)).argmax()) for actor, truth in truths.items()}
    rows = []
    for actor, frame_index in best.items():
        truth = truths[actor]
        if truth[frame_index].mean() < SMALLEST:
            continue
        prompt = Prompt(1, frame_index, box=tight_box(truth[frame_index]))
        masks = {found.frame_index: decode_mask(found.masks[1].rle) for found in segmenter.track(video, [prompt])}
        is_gone = ~truth.any((1, 2))
        is_shown = truth.mean((1, 2)) >= SMALLEST
        is_empty = np.array([not masks[index].any() for index in range(len(truth))])
        rows.append(
            {
                "j": float(np.mean([jaccard(masks[index], truth[index]) for index in range(len(truth))])),
                "gone": int(is_gone.sum()), "told": int((is_gone & is_empty).sum()),
                "shown": int(is_shown.sum()), "missed": int((is_shown & is_empty).sum()),
            }
        )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--segmenter", default=hub.NANO)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--longest", type=int, default=48)
    parser.add_argument("--out", type=Path, default=None, help="default: benchmarks/results/DATE-SEGMENTER-world.json")
    arguments = parser.parse_args()
    segmenter = load_segmenter(arguments.segmenter)
    rows = []
    for number in range(arguments.clips):
        scene = draw_scene("valid", SEED, number, arguments.longest)
        rows += measure_clip(DrawnVideo(scene, clip_size(scene)), list(scene.objects), segmenter)
    total = {name: sum(row[name] for row in rows) for name in ("gone", "told", "shown", "missed")}
    result = {
        "date": datetime.date.today().isoformat(),
        "segmenter": arguments.segmenter,
        "weights_sha256": weights_hash(arguments.segmenter),
        "clips": arguments.clips,
        "longest": arguments.longest,
        "objects": len(rows),
        "j": round(float(np.mean([row["j"] for row in rows])), 4),
        **total,
        "told_percent": round(100 * total["told"] / max(1, total["gone"]), 1),
        "missed_percent": round(100 * total["missed"] / max(1, total["shown"]), 2),
    }
    print(json.dumps(result, indent=1))
    file = arguments.out or RESULTS / f"{result['date']}-{Path(arguments.segmenter).name}-world.json"
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
