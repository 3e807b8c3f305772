"""What a mask costs on its way from the segmenter into the annotation and the project, over a video of ten minutes.

    python benchmarks/bench_arriving.py [--frames 18000] [--other FOLDER]

Processor milliseconds per mask of one object, by part of the run: laid over the state one at a time, and written into a
project in batches of 25, as the app does about once a second. What costs as much at the end as at the beginning does
not grow with the video. `--other` names a checkout of another version, which is measured in turn in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from report import write_result

OURS = Path(__file__).parent.parent
PARTS = 6
BATCH = 25
ROUNDS = 3


def milliseconds(work: Callable[[int, int], None], num_frames: int) -> list[float]:
    """Return the processor time of one mask in each part of the run; `work(first, stop)` takes those frames' masks."""
    found = []
    size = num_frames // PARTS
    for part in range(PARTS):
        start = time.process_time()
        work(part * size, (part + 1) * size)
        found.append((time.process_time() - start) / size * 1000)
    return found


def measure(num_frames: int) -> dict[str, list[float]]:
    """Measure the version of Veason that Python finds."""
    import numpy as np

    from veason.masks import encode_mask
    from veason.project import Project
    from veason.types import Box, FrameMasks, ObjectMask, Prompt
    from veason.video import VideoWriter

    try:  # a version from before the annotation was one package
        from veason.session import GotMasks, PutPrompt, apply
        from veason.session import Session as State
    except ModuleNotFoundError:
        from veason.annotation import GotMasks, PutPrompt, State, apply

    picture = np.zeros((24, 32), bool)
    picture[4:12, 4:12] = True
    mask = ObjectMask(encode_mask(picture), 5.0)
    prompt = PutPrompt(Prompt(1, 0, box=Box(4, 4, 12, 12)))
    state: Any = apply(State(num_frames), prompt)

    def lay(first: int, stop: int) -> None:
        nonlocal state
        for index in range(first, stop):
            state = apply(state, GotMasks(FrameMasks(index, {1: mask})))

    with tempfile.TemporaryDirectory() as folder:
        with VideoWriter(Path(folder) / "clip.mp4", (32, 24), 30) as writer:
            for _ in range(num_frames):
                writer.write(np.zeros((24, 32, 3), np.uint8))
        project: Any = Project.create(Path(folder) / "project")
        library, labels = getattr(project, "library", project), getattr(project, "labels", project)
        question = library.add_question(library.add_video(Path(folder) / "clip.mp4"), "the square")
        labels.record(question, prompt)

        def save(first: int, stop: int) -> None:
            for begin in range(first, stop, BATCH):
                masks = [GotMasks(FrameMasks(at, {1: mask})) for at in range(begin, min(begin + BATCH, stop))]
                labels.follow(question, masks, source="bench")

        found = {"state": milliseconds(lay, num_frames), "project": milliseconds(save, num_frames)}
        assert sum(1 for _ in labels.masks(question)) == num_frames // PARTS * PARTS
        project.close()
    return found


def run(tree: Path, num_frames: int) -> dict[str, list[float]]:
    """Measure a checkout in a process of its own."""
    command = [sys.executable, __file__, "--frames", str(num_frames), "--measure"]
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{Path(__file__).parent}"}
    done = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def best(runs: Sequence[dict[str, list[float]]]) -> dict[str, list[float]]:
    """Return of each part the least of all runs: other work on the machine only adds."""
    return {name: [round(min(part), 4) for part in zip(*(one[name] for one in runs), strict=True)] for name in runs[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=18_000)
    parser.add_argument("--other", type=Path, metavar="FOLDER", help="a checkout to compare with")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.frames)))
        return
    trees = {"ours": OURS, **({"other": args.other} if args.other else {})}
    runs: dict[str, list[dict[str, list[float]]]] = {name: [] for name in trees}
    for _ in range(ROUNDS):
        for name, tree in trees.items():
            runs[name].append(run(tree, args.frames))
    values: dict[str, Any] = {"frames": args.frames, "parts": PARTS, "batch": BATCH, "rounds": ROUNDS}
    for name, found in runs.items():
        values |= {f"{name}_{what}_ms": parts for what, parts in best(found).items()}
    for what in ("state", "project") if args.other else ():
        values[f"{what}_ratio"] = round(sum(values[f"ours_{what}_ms"]) / sum(values[f"other_{what}_ms"]), 3)
    print(json.dumps(values, indent=1))
    print("->", write_result("arriving", values))


if __name__ == "__main__":
    main()
