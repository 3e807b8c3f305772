"""The reward service under 64 questions at once, against one by one: what batching gains, and what the cache.

    python benchmarks/bench_reward_service.py [--segmenter NAME] [--replicas N] [--ray]

64 answers as a trainer has them: groups of 8 about 8 questions (four clips, two targets each), with boxes near the
target, two of the eight equal. Each way begins with a fresh service of one process. IoUs are held against those of a
segmenter in this process, which follows every box for itself and keeps nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from report import write_result

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.rewards_on_clips import EXAMPLES, InProcess, digest, make_case, near_boxes, serving
from veason.reward_service.client import RewardClient
from veason.reward_service.question import TracksQuestion
from veason.rewards import masks_iou
from veason.segmenter import load_segmenter
from veason.types import Box

CLIPS = ("chase.mp4", "collide.mp4", "cover.mp4", "hide.mp4")
GROUP, SHOWN, SPACE = 8, 8, 112
Way = Callable[[RewardClient, Sequence[TracksQuestion]], Awaitable[list[dict[int, float]]]]


def make_questions() -> list[TracksQuestion]:
    """64 questions: of 8 answers to one question two have the same boxes."""
    questions = []
    for number in range(2 * len(CLIPS)):
        clip = CLIPS[number % len(CLIPS)]
        case = make_case(EXAMPLES / clip, number, shown=SHOWN)
        width, height = case.context.source_wh
        scale = np.array([width / SPACE, height / SPACE] * 2)
        for member in range(GROUP):
            drawn = near_boxes(case, 100 * number + max(member, 1))
            boxes = tuple(Box(*(np.array(box) * scale)) for box in drawn)
            questions.append(
                TracksQuestion(
                    digest(clip), case.context.shown, case.context.shown[1], boxes, (width, height), case.objects[0]
                )
            )
    return questions


async def at_once(client: RewardClient, questions: Sequence[TracksQuestion]) -> list[dict[int, float]]:
    return list(await asyncio.gather(*map(client.frame_iou, questions)))


async def one_by_one(client: RewardClient, questions: Sequence[TracksQuestion]) -> list[dict[int, float]]:
    return [await client.frame_iou(question) for question in questions]


def measure(words: Sequence[str], ways: dict[str, Way], questions: Sequence[TracksQuestion]) -> dict[str, Any]:
    """Seconds and answers of each way in turn, on one fresh service."""

    async def run(url: str, process: psutil.Process) -> dict[str, Any]:
        client = RewardClient(url)
        await client.health()
        found: dict[str, Any] = {}
        for name, way in ways.items():
            start, worked = time.perf_counter(), processor_seconds(process)
            answers = await way(client, questions)
            spent = time.perf_counter() - start, processor_seconds(process) - worked
            found[name] = {"seconds": round(spent[0], 2), "processor_s": round(spent[1], 2), "answers": answers}
        return found

    with serving("--footage", str(EXAMPLES), *words) as (url, process):
        return asyncio.run(run(url, psutil.Process(process.pid)))


def processor_seconds(process: psutil.Process) -> float:
    """Processor time of a process and all below it."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


def in_process(questions: Sequence[TracksQuestion], name: str, folder: Path) -> list[dict[int, float]]:
    """The IoUs with a segmenter here, every question tracked for itself, by none of the service's code."""
    segmenter = load_segmenter(name)
    answers = []
    for number, question in enumerate(questions):
        clip = next(clip for clip in CLIPS if digest(clip) == question.footage)
        case = make_case(EXAMPLES / clip, number // GROUP, shown=SHOWN)
        propagate = InProcess(segmenter, EXAMPLES / clip, question.shown, folder / str(number))
        answers.append(masks_iou(propagate(question.boxes, question.keyframe), case))
    return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segmenter", default="nano")
    parser.add_argument("--replicas", default="1")
    parser.add_argument("--ray", action="store_true")
    args = parser.parse_args()
    load, questions = os.getloadavg()[0], make_questions()
    words = ["--segmenter", args.segmenter, "--replicas", args.replicas, *(["--ray"] if args.ray else [])]
    with tempfile.TemporaryDirectory() as folder:
        start, worked = time.perf_counter(), time.process_time()
        wanted = in_process(questions, args.segmenter, Path(folder))
        alone = {
            "seconds": round(time.perf_counter() - start, 2),
            "processor_s": round(time.process_time() - worked, 2),
        }
    single = measure(words, {"one by one": one_by_one}, questions)
    together = measure(words, {"at once": at_once, "again": at_once}, questions)
    spent = {
        "each alone, nothing kept": alone,
        "one by one": single["one by one"],
        "64 at once": together["at once"],
        "64 at once, asked before": together["again"],
    }
    answers = [single["one by one"], together["at once"], together["again"]]
    result = {
        "segmenter": args.segmenter,
        "replicas": int(args.replicas),
        "behind": "ray serve" if args.ray else "uvicorn",
        "questions": len(questions),
        "frames_shown": SHOWN,
        "different_boxes": len({(one.footage, one.shown, one.boxes) for one in questions}),
        "seconds": {name: one["seconds"] for name, one in spent.items()},
        "processor_s": {name: one["processor_s"] for name, one in spent.items()},
        "ious_equal_to_a_segmenter_in_process": all(one["answers"] == wanted for one in answers),
    }
    print(result)
    loaded = "-loaded" if load > 0.5 else ""
    write_result(f"reward-service{'-ray' if args.ray else ''}{loaded}", result)


if __name__ == "__main__":
    main()
