"""The lab with 10 runs of 35,000 questions: how long opening, finding, sorting and paging take, and how much memory.

    python benchmarks/bench_lab.py [--runs 10] [--cases 35000]

The runs are made up (scores, flags and reasonings drawn at random, no pictures); the questions are asked through the
page's own look-ups, which is what a visitor waits for beside the network. Each is asked 40 times with other words.
Beside the clock stands the processor time of all threads, which other work on the machine does not lengthen. The runs
are written by processes of their own, so that the memory told is that of the lab.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from report import write_result

from veason.lab.columns import COLUMNS
from veason.lab.importing import write_cases
from veason.lab.look_ups import about, cases
from veason.lab.open_lab import OpenLab
from veason.lab.store import Lab, RunInfo

THOUGHT = "The target is the {} one on the {}. It enters late and is hidden twice. Frame {} is the best frame. " * 6
REPEATS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="(%(default)s)")
    parser.add_argument("--cases", type=int, default=35_000, help="cases a run (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for number in range(args.runs):
            maker = multiprocessing.get_context("spawn").Process(target=make_run, args=(folder, number, args.cases))
            maker.start()
            maker.join()
        before, started, worked = peak_mb(), time.perf_counter(), time.process_time()
        room = OpenLab(Lab(folder))
        about(room, {})
        for name in room.lab.names():
            room.lab.run(name).table  # noqa: B018  # reads it
        opened, open_cpu = time.perf_counter() - started, time.process_time() - worked
        times = {name: asked(room, params) for name, params in QUESTIONS.items()}
        size = sum(file.stat().st_size for file in folder.rglob("*.parquet")) / 1e6
        result = {
            "runs": args.runs,
            "cases": args.cases,
            "open_all_s": round(opened, 2),
            "open_all_processor_s": round(open_cpu, 2),
            "p95_ms": {name: p95_ms(clock for clock, _ in found) for name, found in times.items()},
            "p95_processor_ms": {name: p95_ms(worked for _, worked in found) for name, found in times.items()},
            "memory_mb": round(peak_mb() - before),
            "disk_mb": round(size),
        }
    print(write_result("lab", result))


QUESTIONS: dict[str, dict[str, str]] = {
    "page": {"run": "run{run}", "offset": "{offset}"},
    "filter": {"run": "run{run}", "query": "jf < {jf} and absent == false"},
    "words": {"run": "run{run}", "query": '"{word}" in instruction'},
    "reasoning": {"run": "run{run}", "query": '"{word}" in thought'},
    "sort": {"run": "run{run}", "sort": "jf", "descending": "1", "offset": "{offset}"},
    "pair": {"run": "run{run}", "other": "run0", "sort": "change"},
}


def asked(room: OpenLab, params: dict[str, str]) -> list[tuple[float, float]]:
    """Return the seconds by the clock and of the processors of each of `REPEATS` questions."""
    rng = random.Random(1)
    found = []
    for number in range(REPEATS):
        words = {
            "run": 1 + number % 9,
            "offset": rng.randrange(30_000),
            "jf": rng.randrange(5, 95),
            "word": rng.choice(["left", "red", "late", "zebra"]),
        }
        told = {name: value.format(**words) for name, value in params.items()}
        started, worked = time.perf_counter(), time.process_time()
        cases(room, told)
        found.append((time.perf_counter() - started, time.process_time() - worked))
    return found


def p95_ms(seconds: Iterable[float]) -> float:
    """Return the 95th percentile of seconds in milliseconds."""
    return round(1000 * float(np.quantile(list(seconds), 0.95)), 1)


def make_run(folder: Path, number: int, count: int) -> None:
    """Write a made-up run."""
    rng = np.random.default_rng(number)
    dataset = {"kind": "revos", "root": "-", "split": "valid", "fingerprint": "-"}
    info = RunInfo(f"run{number}", dataset, {}, made_at=0.0, cases=count)
    with Lab(folder).adding(info) as place:
        write_cases(place, (row(rng, case) for case in range(count)))


def row(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Return one made-up case."""
    made: dict[str, Any] = {}
    for column in COLUMNS:
        match column.kind:
            case "number":
                made[column.name] = float(rng.uniform(0, 100))
            case "whole":
                made[column.name] = int(rng.integers(0, 90))
            case "flag":
                made[column.name] = bool(rng.random() < 0.1)
            case "indices":
                made[column.name] = [0, 8, 16, 24]
            case "boxes":
                made[column.name] = [[1.0, 2.0, 30.0, 40.0]]
            case "text":
                made[column.name] = None
    colour, side = ("red", "blue")[number % 2], ("left", "right")[number % 3 % 2]
    made |= {
        "key": f"video{number // 34:04d}/{number % 34}",
        "video": f"video{number // 34:04d}",
        "expression": str(number % 34),
        "instruction": f"the {colour} animal that comes in late on the {side}, number {number}",
        "type": ("referring", "reasoning")[number % 2],
        "thought": THOUGHT.format(*[colour, side, number % 90] * 6),
    }
    return made


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
