"""Run `veason ask` on each real clip: whole, on the embedded segmenter, and 24 frames at SAM 2.1 tiny's real size.

    python benchmarks/real_clip_ask.py [--only nano|real-size]

The policy replays an answer whose box is the hand-drawn one on the object's best frame, so this measures the road from
an answer to masks: J on the hand-made masks, seconds and peak memory of the process. SAM 2.1 tiny has random weights
here (its masks mean nothing; only its time and memory do). Needs VEASON_REAL_CLIPS.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from report import write_result

from veason.metrics import jaccard
from veason.profile import sample_indices

SPACE_WH = (1280, 720)
NUM_FRAMES_AT_REAL_SIZE = 24


def random_checkpoint(folder: Path) -> Path:
    """Write SAM 2.1 tiny with random weights in the published format."""
    import torch

    from veason.segmenter.checkpoint import build_predictor

    torch.manual_seed(0)
    model = build_predictor("configs/sam2.1/sam2.1_hiera_t.yaml")
    path = folder / "sam2.1_hiera_tiny.pt"
    torch.save({"model": model.state_dict()}, path)
    return path


def write_recording(meta: dict[str, Any], name: str, instruction: str, folder: Path) -> tuple[Path, int]:
    """Write the hand-drawn box of the object's best frame as a recorded answer; return the file and the frame."""
    keyframe = meta["best_frames"][name][0]
    answer = {"keyframe_timestamp": keyframe, "bbox_2d_list": [meta["objects"][name]["boxes"][str(keyframe)]]}
    record = {
        "instruction": instruction,
        "num_frames": meta["num_frames"],
        "shown": [*sample_indices(meta["num_frames"], 8)],
        "space_wh": SPACE_WH,
        "source_wh": SPACE_WH,
        "pieces": [[0, f"<think>The target is {name}.</think>\n<answer>{json.dumps(answer)}</answer>"]],
    }
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"records": [record]}))
    return path, keyframe


def ask(clip: Path, instruction: str, recording: Path, out: Path, *more: str) -> dict[str, Any]:
    """Run the command in a process of its own and return its result.json."""
    command = [sys.executable, "-m", "veason", "ask", str(clip), instruction, "--policy", f"scripted:{recording}"]
    subprocess.run([*command, "--out", str(out), "--device", "cpu", *more], check=True, stderr=subprocess.DEVNULL)
    return json.loads((out / "result.json").read_text())


def mean_jaccard(folder: Path, masks: Path) -> float:
    """Return the mean J over the hand-made masks of one object."""
    scores = []
    for path in sorted(masks.glob("*.png")):
        truth = np.asarray(Image.open(path)) > 0
        prediction = np.asarray(Image.open(folder / path.name)) == 1
        scores.append(jaccard(prediction, truth))
    return float(np.mean(scores))


def follow_whole_clips(clips: Path, folder: Path) -> dict[str, Any]:
    """Return J, seconds and memory of every object, followed through its whole clip by the embedded segmenter."""
    rows = {}
    for meta_file in sorted(clips.glob("*/meta.json")):
        meta, clip = json.loads(meta_file.read_text()), meta_file.parent / "clip.mp4"
        for name in meta["objects"]:
            question, recording, _ = prepare(meta, name, folder)
            result = ask(clip, question, recording, folder / "nano", "--segmenter", "nano")
            j = mean_jaccard(folder / "nano" / "Annotations" / "clip", meta_file.parent / name)
            rows[f"{meta_file.parent.name}/{name}"] = {
                "frames": meta["num_frames"],
                "j": round(j, 4),
                **measured(result),
            }
    return rows


def follow_at_real_size(clips: Path, folder: Path) -> dict[str, Any]:
    """Return seconds and memory of 24 frames of every clip with SAM 2.1 tiny, random weights, 1024 px."""
    rows = {}
    options = ["--segmenter", str(random_checkpoint(folder)), "--segmenter-config", "sam2.1_hiera_t"]
    for meta_file in sorted(clips.glob("*/meta.json")):
        meta, clip = json.loads(meta_file.read_text()), meta_file.parent / "clip.mp4"
        question, recording, keyframe = prepare(meta, next(iter(meta["objects"])), folder)
        start = min(max(0, keyframe - NUM_FRAMES_AT_REAL_SIZE // 2), meta["num_frames"] - NUM_FRAMES_AT_REAL_SIZE)
        span = f"{start}:{start + NUM_FRAMES_AT_REAL_SIZE}"
        result = ask(clip, question, recording, folder / "tiny", *options, "--range", span)
        rows[meta_file.parent.name] = {"frames": NUM_FRAMES_AT_REAL_SIZE, "range": span, **measured(result)}
    return rows


def prepare(meta: dict[str, Any], name: str, folder: Path) -> tuple[str, Path, int]:
    """Return a question about the object, the file with its recorded answer, and the answer's keyframe."""
    question = next(one["text"] for one in meta["instructions"] if one["objects"] == [name])
    return question, *write_recording(meta, name, question, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["nano", "real-size"], help="one of the two parts")
    args = parser.parse_args()
    clips = os.environ.get("VEASON_REAL_CLIPS")
    if not clips:
        sys.exit("VEASON_REAL_CLIPS is not set: no real clips to measure on")
    parts = {"nano": follow_whole_clips, "real-size": follow_at_real_size}
    for name, follow in parts.items():
        if args.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                rows = follow(Path(clips), Path(folder))
            print(json.dumps(rows, indent=1))
            print(write_result(f"real-clip-ask-{name}", rows))


def measured(result: dict[str, Any]) -> dict[str, float]:
    """Return seconds of propagation and the process's peak memory in MB."""
    return {"propagate_s": result["timings"]["propagate"], "peak_memory_mb": result["peak_memory_mb"]}


if __name__ == "__main__":
    main()
