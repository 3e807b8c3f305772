"""What actors do in the tests, and a batch on Ray as a program that tests kill."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

from tests.batch.runner import jobs_of, make_pipeline
from veason.batch import Pools, run_on_cluster
from veason.cluster import Cluster
from veason.errors import DeviceError


class Doubling:
    """Doubles a number; some numbers kill the process, or are refused."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, number: int) -> int:
        with self.log.open("a") as stream:
            stream.write(f"{number} {os.getpid()}\n")
        if number == 13:
            os._exit(9)
        if number < 0:
            raise DeviceError("out of memory on the accelerator")
        time.sleep(0.02)
        return number * 2


def given_up(number: int, died: int) -> str:
    return f"{died} died over {number}"


def main(folder: str, out: str, log: str) -> None:
    make = partial(make_pipeline, Path(log))
    for outcome in run_on_cluster(jobs_of([folder]), make, Path(out), Cluster(), Pools(2, 1, cpus=0.5), threads=1):
        print(outcome.kind, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
