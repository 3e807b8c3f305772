"""P9: peak memory of a video four times as long, per frame and object, beyond the budget: stock and ours.

    python benchmarks/bench_memory.py [--frames 300 1200] [--objects 1 3]

The embedded segmenter at 256 px (with --device cuda a SAM 2.1 large of random weights at 1024 px) on JPEG frames, each
run in a process of its own: boxes, both passes, a click in the middle and 50 frames on either side of it. The budgets
(64 MB of features, 16 MB of tracks) are full long before frame 300, so that the growth from the shorter to the longer
clip is what a frame costs whatever the budgets are. Gates: growth at most 0.06 MB per frame and object (0.8 at 1024
px), the budgets are never exceeded, masks of the corrected object equal stock's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from networks import REAL, device_name
from report import write_result
from scale_run import run_apart
from stock import write_clip
from timing import machine_load

FEATURES_MB, TRACKS_MB = 64, 16
NEAR = 50
LARGEST_GROWTH_MB = {"cpu": 0.06, "cuda": 0.8}


def grow(folders: list[Path], frames: list[int], num_objects: int, device: str) -> dict[str, Any]:
    """Return peaks and growth of both sides for so many objects."""
    network = ("--device", device, *(("--random", *map(str, REAL)) if device == "cuda" else ()))
    near, budgets = ("--near", str(NEAR), *network), ("--features", str(FEATURES_MB), "--tracks", str(TRACKS_MB))
    options = {"stock": near, "ours": (*near, *budgets)}
    runs = {side: [run_apart(side, folder, num_objects, *options[side]) for folder in folders] for side in options}
    values: dict[str, Any] = {}
    for side, (short, long) in runs.items():
        values[f"{side}_peak_mb"] = [round(short["peak_mb"], 1), round(long["peak_mb"], 1)]
        growth = (long["peak_mb"] - short["peak_mb"]) / (frames[1] - frames[0]) / num_objects
        values[f"{side}_growth_mb_per_frame_and_object"] = round(growth, 4)
        values[f"{side}_gpu_peak_mb"] = [round(short["gpu_peak_mb"], 1), round(long["gpu_peak_mb"], 1)]
    values["ours_held_mb"] = [round(run["held_mb"], 1) for run in runs["ours"]]
    values["masks_equal"] = [a["digest"] == b["digest"] for a, b in zip(runs["stock"], runs["ours"], strict=True)]
    if max(values["ours_held_mb"]) > FEATURES_MB + TRACKS_MB:
        raise SystemExit(f"gate failed: the budgets were exceeded, {values}")
    if not all(values["masks_equal"]):
        raise SystemExit(f"gate failed: masks differ from stock's, {values}")
    values["is_within_goal"] = values["ours_growth_mb_per_frame_and_object"] <= LARGEST_GROWTH_MB[device]
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs=2, default=[300, 1200], help="lengths of the clips (%(default)s)")
    parser.add_argument("--objects", type=int, nargs="+", default=[1], help="numbers of objects (%(default)s)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="(%(default)s)")
    arguments = parser.parse_args()
    load = machine_load()
    rows = {}
    with tempfile.TemporaryDirectory() as parent:
        folders = []
        for num_frames in arguments.frames:
            folders.append(Path(parent) / str(num_frames))
            folders[-1].mkdir()
            write_clip(folders[-1], num_frames)
        for num_objects in arguments.objects:
            rows[str(num_objects)] = grow(folders, arguments.frames, num_objects, arguments.device)
            print(num_objects, "objects:", rows[str(num_objects)], flush=True)
    values = {
        "frames": arguments.frames, "budget_mb": FEATURES_MB + TRACKS_MB,
        "goal_mb_per_frame_and_object": LARGEST_GROWTH_MB[arguments.device], "objects": rows, **load,
    }  # fmt: skip
    print("->", write_result("memory", values, device=device_name(arguments.device)))
    if not all(row["is_within_goal"] for row in rows.values()):
        raise SystemExit("gate failed: memory grows by more than the goal")


if __name__ == "__main__":
    main()
