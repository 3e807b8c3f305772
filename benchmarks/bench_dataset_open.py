"""How long a ReVOS of the published size takes to open, and how much memory, against parsing its mask file whole.

    python benchmarks/bench_dataset_open.py [--folder DIR] [--frames N] [--whole]

Makes 1,042 videos with 35,074 expressions and 9,084 objects once (no pictures; masks of 360 characters, about what a
720p object takes), then measures in fresh processes: opening, the first mask (which finds the place of every row in the
mask file), and all frames of one more expression. `--whole` parses the same file with json, the stock way.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from report import write_result

VIDEOS, EXPRESSIONS, OBJECTS = 1_042, 35_074, 9_084
SIZE_HW = [720, 1280]
COUNTS_LENGTH = 360

OURS = """
import resource, sys, time
from veason.formats.datasets import open_dataset
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
start, base = time.perf_counter(), peak()
cpu = time.process_time()
dataset = open_dataset(sys.argv[1], "revos", "valid")
cpu = time.process_time() - cpu
opened, after_open = time.perf_counter() - start, peak() - base
start = time.perf_counter()
dataset[len(dataset) // 2].object_truth(0)
first = time.perf_counter() - start
start = time.perf_counter()
sample = dataset[len(dataset) // 3]
for index in sample.truth_indices():
    sample.object_truth(index)
second = time.perf_counter() - start
print(len(dataset), opened, cpu, after_open, first, second, peak() - base)
"""

WHOLE = """
import json, resource, sys, time
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
start, base = time.perf_counter(), peak()
with open(sys.argv[1] + "/mask_dict.json") as stream:
    masks = json.load(stream)
print(time.perf_counter() - start, peak() - base)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", help="keep the made dataset here and use it again")
    parser.add_argument("--frames", type=int, default=112, help="frames a video (%(default)s)")
    parser.add_argument("--whole", action="store_true", help="parse the mask file whole as well (gigabytes of memory)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(args.folder or temporary)
        if not (root / "mask_dict.json").exists():
            make(root, args.frames)
        size = (root / "mask_dict.json").stat().st_size
        result: dict[str, object] = {"mask_file_mb": round(size / 1e6), "videos": VIDEOS, "objects": OBJECTS}
        count, opened, cpu, memory, first, second, total = measure(OURS, root)
        result |= {
            "expressions": int(count),
            "open_s": round(opened, 2),
            "open_cpu_s": round(cpu, 2),
            "open_memory_mb": round(memory),
            "first_mask_s": round(first, 2),
            "one_expression_s": round(second, 4),
            "memory_after_masks_mb": round(total),
        }
        if args.whole:
            seconds, memory = measure(WHOLE, root)
            result |= {"whole_file_s": round(seconds, 2), "whole_file_memory_mb": round(memory)}
        print(json.dumps(result, indent=1))
        print(write_result("dataset-open", result))


def measure(program: str, root: Path) -> list[float]:
    """Run a program in a fresh process and return the numbers it prints."""
    run = subprocess.run([sys.executable, "-c", program, str(root)], check=True, capture_output=True, text=True)
    return [float(number) for number in run.stdout.split()]


def make(root: Path, frames: int) -> None:
    """Write the JSON files of a dataset of the published size; runs are random text of the right alphabet."""
    root.mkdir(parents=True, exist_ok=True)
    chance = random.Random(0)
    alphabet = "".join(map(chr, range(48, 112)))
    names = [f"{index:05d}" for index in range(frames)]
    videos: dict[str, object] = {}
    started = time.perf_counter()
    with (root / "mask_dict.json").open("w") as stream:
        stream.write("{")
        for anno_id in range(OBJECTS):
            texts = ["".join(chance.choices(alphabet, k=COUNTS_LENGTH)) for _ in range(4)]
            row = [
                {"size": SIZE_HW, "counts": chance.choice(texts)} if chance.random() < 0.9 else None
                for _ in range(frames)
            ]
            stream.write((", " if anno_id else "") + f'"{anno_id}": ' + json.dumps(row))
        stream.write("}")
    for video in range(VIDEOS):
        mine = range(video, OBJECTS, VIDEOS)
        expressions = {}
        for number, _ in enumerate(range(video, EXPRESSIONS, VIDEOS)):
            ids = chance.sample(mine, chance.choice([1, 1, 1, 2, 3]))
            expressions[str(number)] = {
                "exp": f"the thing number {number} that somebody could describe in about ten words",
                "obj_id": [anno_id // VIDEOS for anno_id in ids],
                "anno_id": ids,
                "type_id": number % 2,
            }
        entry = {"vid_id": video, "height": SIZE_HW[0], "width": SIZE_HW[1], "frames": names}
        videos[f"video_{video:04d}"] = entry | {"expressions": expressions}
    (root / "meta_expressions_valid_.json").write_text(json.dumps({"videos": videos}))
    print(f"made {root} in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
