"""One side's work on one clip in a process of its own, so that its peak of memory is its own too.

    python benchmarks/scale_run.py ours CLIP_FOLDER --objects 2 [--features 64] [--tracks 16]   # prints one JSON line

Boxes on frame 0, both passes; then a click on object 1 in the middle and all that follows from it. `peak_mb` is the
largest resident size so far, `start_mb` that after the model was loaded.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from annotated import answered, corrected, recompute
from networks import random_sam2
from stock import Masks, collect, give, propagate

from veason.pipeline import Pipeline
from veason.segmenter import load_segmenter
from veason.segmenter.features import default_memory
from veason.segmenter.sam2 import Sam2Segmenter
from veason.segmenter.tracker import inference_context
from veason.types import Box, Budgets, Click, ModelOptions, Prompt
from veason.types.budgets import MIB
from veason.video import open_video

OBJECTS_A_ROW = 4


def boxes(count: int) -> list[Prompt]:
    """Return a box on frame 0 for each object, spread over the picture of 256x256."""
    places = [(number % OBJECTS_A_ROW, number // OBJECTS_A_ROW) for number in range(count)]
    return [
        Prompt(number, 0, box=Box(8 + 60 * column, 8 + 60 * row, 60 + 60 * column, 60 + 60 * row))
        for number, (column, row) in enumerate(places, start=1)
    ]


def peak_mb() -> float:
    """Return the largest resident size of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def gpu_peak_mb() -> float:
    """Return the most memory that tensors took on the GPU, in MB; 0 without one."""
    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else 0.0


def timed(work: Callable[[], Masks]) -> tuple[Masks, dict[str, float]]:
    """Return what `work` gives, and its seconds by clock and by processor."""
    clock, cpu = time.perf_counter(), time.process_time()
    with contextlib.redirect_stderr(io.StringIO()):
        masks = work()
    return masks, {"clock_s": time.perf_counter() - clock, "cpu_s": time.process_time() - cpu}


def run_stock(
    segmenter: Sam2Segmenter, folder: Path, prompts: list[Prompt], click: Prompt, near: int | None
) -> dict[str, Any]:
    """Do the work the stock way; `near` is how far the correction goes on either side, all the way where None."""
    model, state = segmenter.model, {}

    def ask() -> Masks:
        with inference_context(model.device):
            state.update(model.init_state(str(folder)))
            for prompt in prompts:
                give(model, state, prompt)
            return propagate(model, state, 0)

    def correct() -> Masks:
        with inference_context(model.device):
            give(model, state, click)
            return propagate(model, state, click.frame_index, back=near, ahead=near)

    return measured(ask, correct, segmenter)


def run_ours(
    segmenter: Sam2Segmenter, folder: Path, prompts: list[Prompt], click: Prompt, near: int | None
) -> dict[str, Any]:
    """Do the work our way."""
    pipeline, video = Pipeline(None, segmenter), open_video(folder)
    state = corrected(answered(video.info.num_frames, prompts), [click])
    span = None if near is None else (max(click.frame_index - near, 0), click.frame_index + near + 1)
    return measured(
        lambda: collect(pipeline.propagate(video, prompts, order="nearest")),
        lambda: collect(recompute(pipeline, video, state, span)),
        segmenter,
    )


def measured(ask: Callable[[], Masks], correct: Callable[[], Masks], segmenter: Sam2Segmenter) -> dict[str, Any]:
    """Return seconds and memory of both steps, and a digest of object 1's masks after the correction."""
    start = peak_mb()
    first, asked = timed(ask)
    after_asking = peak_mb()
    masks, corrected = timed(correct)
    of_one = sorted((place, rle.counts) for place, rle in masks.items() if place[0] == 1)
    held = segmenter.counters.feature_bytes + segmenter.counters.memory_bytes
    return {
        "start_mb": start, "asked_peak_mb": after_asking, "peak_mb": peak_mb(),
        "held_mb": held / 2**20, "gpu_peak_mb": gpu_peak_mb(),
        "ask": asked, "correct": corrected, "masks": len(first),
        "digest": hashlib.sha256(repr(of_one).encode()).hexdigest(),
    }  # fmt: skip


def run_apart(side: str, folder: Path, num_objects: int, *options: str) -> dict[str, Any]:
    """Run this script in a process of its own and return what it printed."""
    command = [sys.executable, __file__, side, str(folder), "--objects", str(num_objects), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def load(arguments: argparse.Namespace, budgets: Budgets) -> Sam2Segmenter:
    """Return the segmenter that the options name."""
    if arguments.random is None:
        return load_segmenter(arguments.segmenter, ModelOptions(device=arguments.device, budgets=budgets))
    base, size = arguments.random
    model = random_sam2(base, int(size), arguments.device)
    ram = default_memory(model.device) if budgets.feature_memory is None else budgets.feature_memory * MIB
    return Sam2Segmenter(model, base, feature_budget_bytes=ram, memory_budget_bytes=budgets.tracks * MIB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["stock", "ours"])
    parser.add_argument("folder", type=Path, help="a folder of JPEG files 00000.jpg ...")
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--segmenter", default="nano", help="(%(default)s)")
    parser.add_argument("--random", nargs=2, metavar=("CONFIG", "SIZE"), help="instead: a SAM2 with random weights")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="(%(default)s)")
    parser.add_argument("--features", type=int, default=None, metavar="MB", help="budget of features (the default one)")
    parser.add_argument("--tracks", type=int, default=256, metavar="MB", help="budget of tracked objects (%(default)s)")
    parser.add_argument("--near", type=int, default=None, help="frames on either side of the click (default: all)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    budgets = Budgets(feature_memory=arguments.features, tracks=arguments.tracks)
    segmenter = load(arguments, budgets)
    prompts = boxes(arguments.objects)
    middle = len(list(arguments.folder.glob("*.jpg"))) // 2
    click = Prompt(1, middle, clicks=(Click(40, 40), Click(200, 200, is_positive=False)))
    run = run_stock if arguments.side == "stock" else run_ours
    print(json.dumps(run(segmenter, arguments.folder, prompts, click, arguments.near)))


if __name__ == "__main__":
    main()
