"""J and F of 100 frames of 720p: ours against the plain per-frame reference, equal to 1e-9 and at least 5x faster.

    python benchmarks/bench_metrics.py [--frames 100] [--size 1280x720]

Both start from the same RLE masks, in one process, in one run, and the better of two rounds counts for both. The
sequence is an object of three blobs that moves and grows, predicted with a wobbling outline, a few holes and specks,
plus frames where the prediction or the truth is empty. The numbers go to benchmarks/results/, also those of a run that
fails.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from reference_metrics import boundary_f as plain_f
from reference_metrics import jaccard as plain_j
from report import write_result

from veason.masks import decode_mask, encode_mask
from veason.metrics import OutlineCache, boundary_f, jaccard
from veason.types import Rle

WANTED = 5.0


def blobs(width: int, height: int, frame: int, wobble: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), bool)
    for number, (cx, cy, size) in enumerate([(0.3, 0.4, 0.16), (0.42, 0.55, 0.2), (0.6, 0.5, 0.1)]):
        dx, dy = x / width - cx - 0.002 * frame, (y / height - cy) * height / width
        angle = np.arctan2(dy, dx)
        edge = (
            size * (0.6 + 0.003 * frame) * (1 + 0.1 * np.sin(5 * angle + number) + wobble * np.sin(23 * angle + frame))
        )
        mask |= np.hypot(dx, dy) < edge
    return mask


def sequence(frames: int, width: int, height: int) -> tuple[list[Rle], list[Rle]]:
    predictions, truths = [], []
    for frame in range(frames):
        rng = np.random.default_rng(frame)
        truth = blobs(width, height, frame, 0.0)
        predicted = blobs(width, height, frame, 0.05)
        for _ in range(6):
            top, left = rng.integers(0, height - 12), rng.integers(0, width - 12)
            predicted[top : top + 12, left : left + 12] ^= True
        if frame % 25 == 10:
            predicted[:] = False
        if frame % 25 == 20:
            truth[:] = False
        predictions.append(encode_mask(predicted))
        truths.append(encode_mask(truth))
    return predictions, truths


def seconds(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    values = work()
    return time.perf_counter() - start, values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--size", default="1280x720")
    args = parser.parse_args()
    width, height = (int(side) for side in args.size.split("x"))
    predictions, truths = sequence(args.frames, width, height)

    def plain() -> np.ndarray:
        pairs = [(decode_mask(a), decode_mask(b)) for a, b in zip(predictions, truths, strict=True)]
        return np.array([(plain_j(a, b), plain_f(a, b)) for a, b in pairs])

    def ours(cache: OutlineCache) -> np.ndarray:
        pairs = zip(predictions, truths, strict=True)
        return np.array([(jaccard(a, b), boundary_f(a, cache.outline(b))) for a, b in pairs])

    slow_s, slow = min((seconds(plain) for _ in range(2)), key=lambda pair: pair[0])
    warm = OutlineCache()
    fast_s, fast = min((seconds(lambda: ours(OutlineCache())) for _ in range(2)), key=lambda pair: pair[0])
    ours(warm)
    warm_s, again = seconds(lambda: ours(warm))
    gap = max(float(np.abs(slow - fast).max()), float(np.abs(slow - again).max()))
    mean_j, mean_f = fast.mean(0)
    file = write_result(
        "metrics",
        {
            "frames": args.frames, "size_wh": [width, height], "mean_j": round(float(mean_j), 4),
            "mean_f": round(float(mean_f), 4), "plain_s": round(slow_s, 3), "cold_s": round(fast_s, 3),
            "truth_cached_s": round(warm_s, 3), "times_faster_cold": round(slow_s / fast_s, 1),
            "times_faster_truth_cached": round(slow_s / warm_s, 1), "largest_difference": gap,
        },
    )  # fmt: skip
    print(file.read_text(encoding="utf-8"), end="")
    assert gap <= 1e-9, f"the metrics differ from the reference by {gap}"
    assert slow_s / fast_s >= WANTED, f"only {slow_s / fast_s:.1f}x faster, want {WANTED}x"


if __name__ == "__main__":
    main()
