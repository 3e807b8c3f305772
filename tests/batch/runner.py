"""A batch with a policy that reads its answer from the instruction, as a program: tests start it, and kill it.

python -m tests.batch.runner FOLDER OUT WORKERS LOG
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.live_eval import Obedient
from tests.standins import BoxFiller
from veason.batch import BatchQuestion, Job, digest_videos, find_videos, plan_jobs, run_batch
from veason.types import Frame, FrameMasks, PolicyEvent, Prompt, VideoSource

ASKED = ["2,2,10,10@3", "nothing", "nonsense", "4,4,12,12@0"]


class Filler(BoxFiller):
    name = "filler"


class Slow(Obedient):
    def stream(self, frames: list[Frame], instruction: str, **options: object):
        time.sleep(0.05)
        if instruction == "die" and not os.environ.get("SURVIVE"):
            os._exit(9)
        yield from super().stream(frames, instruction, **options)  # type: ignore[arg-type]


class Plain:
    """What a batch uses of a Pipeline, without importing torch, so that it starts fast."""

    def __init__(self, policy: Slow | None, segmenter: Filler | None) -> None:
        self.policy, self.segmenter = policy, segmenter

    def think(self, video: VideoSource, instruction: str, *, shown: Sequence[int]) -> Iterator[PolicyEvent]:
        assert self.policy is not None
        yield from self.policy.stream(list(video.frames(shown)), instruction, num_frames=video.info.num_frames)

    def propagate(self, video: VideoSource, prompts: Sequence[Prompt], *, order: str) -> Iterator[FrameMasks]:
        assert self.segmenter is not None
        yield from self.segmenter.track(video, tuple(prompts))


def make_pipeline(log: Path | None = None, *, has_policy: bool = True, has_segmenter: bool = True) -> Plain:
    return Plain(Slow(log) if has_policy else None, Filler() if has_segmenter else None)


def jobs_of(places: Sequence[str], asked: Sequence[str] = ASKED, settings: str = "settings") -> list[Job]:
    videos = find_videos(places)
    questions = [BatchQuestion(video, instruction) for video in videos for instruction in asked]
    return plan_jobs(questions, digest_videos(videos), settings)


def main(folder: str, out: str, workers: str, log: str) -> None:
    for _ in run_batch(jobs_of([folder]), partial(make_pipeline, Path(log)), Path(out), workers=int(workers)):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
