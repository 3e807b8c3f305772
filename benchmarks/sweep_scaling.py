"""How time and memory grow with the length of the video and the number of objects: stock and ours, as two plots.

    python benchmarks/sweep_scaling.py [--frames 100 300 1000 3000] [--stock-to 1000] [--objects 1 2 4 8 16]
    python benchmarks/sweep_scaling.py --plot      # draw the committed results again

The embedded segmenter at 256 px, every run in a process of its own: boxes on frame 0, both passes, then a click on
object 1 in the middle and everything that follows from it. Seconds are of the processor, one thread; memory is the peak
above what the process took after loading the model. Beyond --stock-to, stock is extrapolated from its last two lengths,
dashed and named so. Gate: masks of the corrected object equal stock's wherever stock ran.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from networks import REAL, device_name
from report import RESULTS, write_result
from scale_run import run_apart
from stock import write_clip
from timing import machine_load, named

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PARTS = ("frames", "objects")
STOCK, OURS = "#D55E00", "#0072B2"


def measure(folder: Path, num_objects: int, with_stock: bool, device: str) -> dict[str, Any]:
    """Return both sides' runs on one clip; stock's is None where it was not wanted."""
    network = ("--device", device, *(("--random", *map(str, REAL)) if device == "cuda" else ()))
    found: dict[str, Any] = {"ours": run_apart("ours", folder, num_objects, *network), "stock": None}
    if with_stock:
        found["stock"] = run_apart("stock", folder, num_objects, *network)
        if found["stock"]["digest"] != found["ours"]["digest"]:
            raise SystemExit(f"gate failed: masks differ from stock's, {folder.name} frames, {num_objects} objects")
    return found


def plot(sweep: list[dict[str, Any]], by: str, label: str, file: Path) -> None:
    """Draw two panels, the seconds of a correction and the peak of memory, stock and ours."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams |= {"svg.hashsalt": "veason", "svg.fonttype": "none"}
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.9), layout="constrained")
    for side, colour in (("stock", STOCK), ("ours", OURS)):
        runs = [(point[by], point[side]) for point in sweep if point[side] is not None]
        places = [place for place, _ in runs]
        seconds = [run["correct"]["cpu_s"] for _, run in runs]
        memory = [run["peak_mb"] - run["start_mb"] for _, run in runs]
        for axes, values in ((left, seconds), (right, memory)):
            axes.plot(places, values, "o-", color=colour, label="stock SAM 2" if side == "stock" else "Veason", ms=4)
            last = sweep[-1][by]
            if places[-1] < last and len(places) > 1:
                slope = (values[-1] - values[-2]) / (places[-1] - places[-2])
                ends = [values[-1], values[-1] + slope * (last - places[-1])]
                axes.plot([places[-1], last], ends, "--", color=colour, label="stock, extrapolated")
    left.set(xlabel=label, ylabel="processor seconds", title="one click, until every mask follows", ylim=0)
    right.set(xlabel=label, ylabel="MB above the model", title="peak of memory", ylim=0)
    for axes in (left, right):
        axes.set_xticks([point[by] for point in sweep])
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)


def draw(part: str, values: dict[str, Any]) -> None:
    """Draw the plot of a result."""
    label = "frames, one object" if part == "frames" else f"objects, {values['frames']} frames"
    plot(values["sweep"], part, label, IMAGES / f"scaling-{part}.svg")


def sweep(part: str, arguments: argparse.Namespace, parent: Path) -> dict[str, Any]:
    """Run one sweep, print each of its points, and return them."""
    points = []
    lengths = arguments.frames if part == "frames" else [arguments.frames_by_objects]
    folders = {num_frames: parent / f"{part}-{num_frames}" for num_frames in lengths}
    for num_frames, folder in folders.items():
        folder.mkdir()
        write_clip(folder, num_frames)
    for place in arguments.frames if part == "frames" else arguments.objects:
        num_frames, num_objects = (place, 1) if part == "frames" else (arguments.frames_by_objects, place)
        runs = measure(folders[num_frames], num_objects, num_frames <= arguments.stock_to, arguments.device)
        points.append({part: place, **runs})
        print(json.dumps(points[-1]), flush=True)
    return {
        "segmenter": "nano at 256 px, one thread" if arguments.device == "cpu" else " at ".join(map(str, REAL)),
        "frames": lengths[-1], "sweep": points,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[100, 300, 1000, 3000], help="(%(default)s)")
    parser.add_argument("--stock-to", type=int, default=1000, help="longest clip that stock runs on (%(default)s)")
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="(%(default)s)")
    parser.add_argument("--frames-by-objects", type=int, default=100, help="(%(default)s)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="cuda: large at 1024 px")
    parser.add_argument("--plot", action="store_true", help="draw the newest committed results and measure nothing")
    arguments = parser.parse_args()
    for part in arguments.parts:
        if arguments.plot:
            values = json.loads(sorted(RESULTS.glob(f"*-cpu-scaling-{part}*.json"))[-1].read_text())["values"]
        else:
            load = machine_load()
            with tempfile.TemporaryDirectory() as parent:
                values = sweep(part, arguments, Path(parent)) | load
            device = device_name(arguments.device)
            print("->", write_result(named(f"scaling-{part}", load), values, device=device))
        if arguments.device == "cpu":
            draw(part, values)


if __name__ == "__main__":
    main()
