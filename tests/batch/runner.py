"""A batch with a policy that reads its answer from the instruction, as a program: tests start it, and kill it.

python -m tests.batch.runner FOLDER OUT WORKERS LOG
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

from tests.live_eval import Obedient, Plain
from veason.batch import find_videos, plan_jobs, run_batch
from veason.types import Frame

ASKED = ["2,2,10,10@3", "nothing", "nonsense", "4,4,12,12@0"]


class Named:
    name = "filler"


class Slow(Obedient):
    def stream(self, frames: list[Frame], instruction: str, **options: object):
        time.sleep(0.05)
        if instruction == "die" and not os.environ.get("SURVIVE"):
            os._exit(9)
        yield from super().stream(frames, instruction, **options)  # type: ignore[arg-type]


def make_pipeline(log: Path | None = None) -> Plain:
    pipeline = Plain(Slow(log))
    pipeline.segmenter = Named()  # type: ignore[attr-defined]
    return pipeline


def main(folder: str, out: str, workers: str, log: str) -> None:
    jobs = plan_jobs(find_videos([folder]), ASKED, "settings")
    for _ in run_batch(jobs, partial(make_pipeline, Path(log)), Path(out), workers=int(workers)):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
