"""How long a visitor waits on the embedded models: to the first word, to the whole answer, to all masks.

    python benchmarks/bench_nano_latency.py [--policy FOLDER] [--clips 8] [--frames 60] [--threads 2]

Each clip of the test split is asked one question by a pipeline that has seen none of it, as on the first question about
a new video; the masks follow for all its frames. Goals on two cores: under 1, 10 and 20 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

import torch
from report import write_result

from veason import hub
from veason.pipeline import Pipeline, load_pipeline
from veason.tracks import prompts_from_answer
from veason.types import Answered, Prompt, ThoughtDelta, Unanswered
from veason_nano.dataset import choose_questions, clip_size
from veason_nano.world.footage import DrawnVideo
from veason_nano.world.stories import make_scene

FIRST_SEED = 90_900_000
GOALS_S = {"first_word_s": 1.0, "answer_s": 10.0, "masks_s": 20.0}


def ask(pipeline: Pipeline, seed: int, num_frames: int) -> dict[str, Any]:
    """Ask the first question with a target about one clip and return the seconds to each stage, from asking on."""
    scene = make_scene(seed, num_frames=num_frames)
    question = next(question for question in choose_questions(scene, 8) if question.targets)
    video = DrawnVideo(scene, clip_size(scene))
    start = time.perf_counter()
    seconds: dict[str, Any] = {}
    prompts: tuple[Prompt, ...] = ()
    for event in pipeline.think(video, question.text):
        if isinstance(event, ThoughtDelta):
            seconds.setdefault("first_word_s", time.perf_counter() - start)
        elif isinstance(event, Answered):
            prompts = prompts_from_answer(event.answer)
        elif isinstance(event, Unanswered):
            seconds["unanswered"] = 1
    seconds["answer_s"] = time.perf_counter() - start
    if prompts:
        frames = list(pipeline.propagate(video, prompts))
        assert len(frames) == num_frames, f"{len(frames)} of {num_frames} frames have masks"
        seconds["masks_s"] = time.perf_counter() - start
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", default=hub.NANO)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    runs = [
        ask(load_pipeline(args.policy, hub.NANO), FIRST_SEED + number, args.frames) for number in range(args.clips + 1)
    ][1:]  # the first one pays for what the process loads once
    values: dict[str, Any] = {"clips": args.clips, "frames": args.frames, "threads": args.threads, "goals_s": GOALS_S}
    for key in GOALS_S:
        known = [run[key] for run in runs if key in run]
        values[key] = {"median": statistics.median(known), "longest": max(known), "runs": len(known)}
        print(f"{key:14} median {values[key]['median']:.2f}, longest {values[key]['longest']:.2f} s of {len(known)}")
    values["unanswered"] = sum("unanswered" in run for run in runs)
    print(write_result("nano-latency", values))


if __name__ == "__main__":
    main()
