"""How a segmenter follows the sequences of DAVIS 2016, beside GrabCut with optical flow.

    VEASON_DAVIS=.../davis16 python benchmarks/bench_davis.py [--segmenter nano] [--half choosing|once] [--classical]
                                                              [--memory '{"every": 5, "reach": 40}']

"boxed" is J on every tenth frame, each with its own tight box: what the eye sees before anything is followed. "mask"
and "box" follow from the first frame's mask or box to the end, scored as DAVIS does (frames 1 to N-2, then over
sequences), also by frames since the prompt. Choose on the choosing half; the other is looked at once, at the end. The
sequences stay outside the repository: without VEASON_DAVIS nothing is measured. With `--memory` the segmenter chooses
what it remembers, in the words of its config.json (`veason.segmenter.choice`). Results go to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from bench_nano_segmenter import RESULTS, weights_hash
from classical import track_classically

from veason import hub
from veason.evaluate.sequences import TrackingVideo, read_sequences
from veason.evaluate.tracking import evaluate_tracking, first_prompt
from veason.masks import decode_mask, encode_mask
from veason.metrics import jaccard
from veason.segmenter import load_segmenter
from veason.segmenter.choice import MemoryChoice
from veason.segmenter.sam2 import Sam2Segmenter
from veason.segmenter.selective import choose_memories
from veason.types import FrameMasks, FrameRange, ObjectMask, Prompt, Segmenter, VideoSource
from veason.video import open_video

CHOOSING = ("blackswan", "car-roundabout", "dog", "horsejump-high", "paragliding-launch")
ONCE = ("breakdance", "cows", "drift-straight", "libby", "scooter-black")
HALVES = {"choosing": CHOOSING, "once": ONCE}
BOXED_EVERY = 10


class Classical:
    """GrabCut in the first frame's box, carried along by flow, as far as a segmenter is asked for."""

    def track(self, video: VideoSource, prompts: Sequence[Prompt], *, frames: FrameRange) -> Iterator[FrameMasks]:
        """Yield the masks of one boxed object on the frames of the range."""
        (prompt,) = prompts
        assert prompt.box is not None
        masks = track_classically(video, prompt.box, prompt.frame_index)
        for index in range(*frames):
            yield FrameMasks(index, {prompt.object_id: ObjectMask(encode_mask(masks[index]), 1.0)})


def measure_boxed(video: TrackingVideo, segmenter: Segmenter) -> float:
    """Return mean J of single frames, each with the tight box of its own true mask."""
    scores = []
    with open_video(video.folder) as source:
        for index in video.objects[1][::BOXED_EVERY]:
            if not video.truth(1, index).any():
                continue
            prompt = first_prompt(replace(video, objects={1: (index,)}), 1, "box")
            (found,) = segmenter.track(source, [prompt], frames=(index, index + 1))
            scores.append(jaccard(decode_mask(found.masks[1].rle), video.truth(1, index)))
    return round(100 * float(np.mean(scores)), 2)


def measure_tracked(videos: Sequence[TrackingVideo], segmenter: Segmenter, prompt: str) -> dict:
    """Return the report of `veason eval` for one kind of prompt, J by sequence, and seconds a frame."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = evaluate_tracking(videos, lambda: segmenter, Path(folder), prompt=prompt, label={})
    seconds = (time.perf_counter() - began) / sum(len(video.frame_names) for video in videos)
    return {
        "scores": {name: round(value, 2) for name, value in report.content["scores"].items()},
        "j_since_prompt": report.content["j_since_prompt"],
        "gone": report.content["gone"],
        "j": {row["video"]: round(row["j"], 2) for row in report.table},
        "seconds_a_frame_with_scoring": round(seconds, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--segmenter", default=hub.NANO)
    parser.add_argument("--half", choices=HALVES, default="choosing")
    parser.add_argument("--classical", action="store_true", help="measure GrabCut with optical flow as well")
    parser.add_argument("--memory", type=json.loads, default=None, help="memories to choose, as in a config.json")
    parser.add_argument(
        "--out", type=Path, default=None, help="default: benchmarks/results/DATE-SEGMENTER-davis-HALF.json"
    )
    arguments = parser.parse_args()
    root = os.environ.get("VEASON_DAVIS")
    if not root:
        print("skipped: VEASON_DAVIS does not name the folder with sequences of DAVIS 2016")
        return
    if arguments.classical and importlib.util.find_spec("cv2") is None:
        parser.error("--classical needs: pip install opencv-python-headless")
    wanted = HALVES[arguments.half]
    videos = [video for video in read_sequences(Path(root), "davis16") if video.name in wanted]
    segmenter = load_segmenter(arguments.segmenter)
    if arguments.memory is not None:
        assert isinstance(segmenter, Sam2Segmenter)
        choose_memories(segmenter.model, MemoryChoice.read(arguments.memory, "--memory"))
    boxed = {video.name: measure_boxed(video, segmenter) for video in videos}
    result = {
        "date": datetime.date.today().isoformat(),
        "device": f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
        "segmenter": arguments.segmenter,
        "weights_sha256": weights_hash(arguments.segmenter),
        "half": arguments.half,
        "memory": arguments.memory,
        "boxed": {"mean": round(float(np.mean(list(boxed.values()))), 2), "j": boxed},
        **{prompt: measure_tracked(videos, segmenter, prompt) for prompt in ("mask", "box")},
    }
    if arguments.classical:
        result["grabcut and flow, box"] = measure_tracked(videos, Classical(), "box")
    for name, measured in result.items():
        if isinstance(measured, dict) and "scores" in measured:
            scores = measured["scores"]
            print(f"{name:22} J {scores['j']:.1f}  F {scores['f']:.1f}  J&F {scores['jf']:.1f}  {measured['j']}")
    print(f"{'boxed single frames':22} J {result['boxed']['mean']:.1f}  {boxed}")
    chosen = "" if arguments.memory is None else "-memory"
    name = f"{result['date']}-{Path(arguments.segmenter).name}{chosen}-davis-{arguments.half}.json"
    file = arguments.out or RESULTS / name
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
