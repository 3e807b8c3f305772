"""Break small video files in many ways and read them: every outcome is frames or a VideoError, never a crash or a hang.

    python benchmarks/fuzz_video.py --count 2000

Each file is cut off, or has bytes changed, zeroed, removed or repeated, in a way fixed by the seed. Reading happens in
this process; the test that runs it does so in a process of its own, so that a crash is seen.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from veason.errors import VideoError
from veason.video import VideoWriter, open_video

SECONDS_PER_FILE = 20


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return `data` broken in one of five ways."""
    broken = bytearray(data)
    place, length = rng.randrange(len(data)), rng.choice([1, 4, 16, 256])
    kind = rng.randrange(5)
    if kind == 0:
        return bytes(broken[:place])
    if kind == 1:
        for _ in range(rng.choice([1, 3, 30])):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
    elif kind == 2:
        broken[place : place + length] = bytes(len(broken[place : place + length]))
    elif kind == 3:
        del broken[place : place + length]
    else:
        broken[place:place] = broken[place : place + length]
    return bytes(broken)


def read_some(path: Path, rng: random.Random) -> str:
    """Open a file and read a few frames in random order; return what came of it."""
    try:
        with open_video(path) as video:
            count, decoder = video.info.num_frames, video.info.decoder
            outcome = f"frames by {decoder}"
            for frame_index in [0, count - 1, *(rng.randrange(count) for _ in range(6))]:
                try:
                    video.frame(frame_index)
                except VideoError:
                    outcome = f"some frames by {decoder}"
            return outcome
    except VideoError:
        return "not opened"


def write_sources(folder: Path) -> list[Path]:
    """Write two small MP4 files to break, where the caller has none of other kinds."""
    rng = np.random.default_rng(0)
    paths = []
    for name, count in (("short", 12), ("long", 40)):
        paths.append(folder / f"{name}.mp4")
        with VideoWriter(paths[-1], (64, 48), 25) as writer:
            for _ in range(count):
                writer.write(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
    return paths


def fuzz(sources: list[Path], count: int, seed: int, folder: Path) -> Iterator[tuple[int, str, float]]:
    """Yield the number of each broken file, what came of reading it, and the seconds it took."""
    for number in range(count):
        rng = random.Random(f"{seed}-{number}")
        source = sources[number % len(sources)]
        path = folder / f"broken{source.suffix}"
        path.write_bytes(mutate(source.read_bytes(), rng))
        faulthandler.dump_traceback_later(SECONDS_PER_FILE, exit=True)
        start = time.perf_counter()
        outcome = read_some(path, rng)
        faulthandler.cancel_dump_traceback_later()
        yield number, outcome, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", type=Path, help="whole video files to break (default: two made here)")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="print each file's number before the next is read")
    args = parser.parse_args()
    faulthandler.enable()
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = args.sources or write_sources(folder)
        for number, outcome, seconds in fuzz(sources, args.count, args.seed, folder):
            outcomes[outcome] += 1
            slowest = max(slowest, seconds)
            if args.verbose:
                print(number, outcome, f"{seconds:.2f} s", flush=True)
    for outcome, times in outcomes.most_common():
        print(f"{times:6} {outcome}")
    print(f"slowest file: {slowest:.2f} s")


if __name__ == "__main__":
    main()
