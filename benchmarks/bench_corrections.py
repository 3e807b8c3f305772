"""Corrections and second questions: the stock SAM2 predictor and ours, interleaved in one process.

    python benchmarks/bench_corrections.py [--frames 40] [--repetitions 3] [--rows P1 P3]
    python benchmarks/bench_corrections.py --device cuda [--compiled]     # large at 1024 px, 120 frames

A CPU proxy (see networks.py). Stock gets the same overrides as ours: corrected frames condition, four conditioning
frames at most. Rows (performance.md 4), each with its gate; a row whose gate fails ends the run:

    P1   click -> its mask                              mask equal to stock
    P2   click -> 5 frames on either side, 120 frames   masks equal
    P3   click -> all frames, one object                masks equal
    P4   click on one of three objects -> all frames    its masks equal
    P6   another box on the same video -> all frames    masks equal; frames at hand on both sides
         with load: a 1080p mp4, which stock loads anew for every question; masks equal stock's on the same pixels
    P11  untouched objects after P4                     0 frames change
    P12  the corrected frame                            keeps the mask of the click through both passes

`limit` is what the row would be if ours spent nothing outside of the networks it has to call, by processor time.
A background load above 0.5 marks the result: then only the ratios by processor time mean something.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from annotated import answered, corrected, recompute
from networks import device_name, random_sam2, sizes_for, spent_inside
from report import write_result
from stock import Masks, collect, copy_state, give, propagate, write_clip, write_film
from timing import Row, Side, machine_load, named, show

from veason.masks import decode_mask
from veason.pipeline import Pipeline
from veason.segmenter.compiled import compile_networks
from veason.segmenter.counters import NetworkCalls, count_calls
from veason.segmenter.frames import ModelFrames
from veason.segmenter.sam2 import Sam2Segmenter
from veason.segmenter.tracker import inference_context
from veason.types import Box, Click, FrameMasks, Prompt, Rle
from veason.video import open_video

ROWS = ("P1", "P2", "P3", "P4", "P6", "P6 with load")
GOALS = {"P1": 3.0, "P2": 8.0, "P3": 3.0, "P4": 5.0, "P6": 3.0, "P6 with load": 5.0}
BOXES = (Box(40, 40, 120, 120), Box(150, 60, 220, 130), Box(60, 150, 160, 220))


@dataclass
class Measured(Row):
    """A Row with the calls of both sides' networks in the last run, and the seconds of ours inside of them."""

    work: dict[Side, NetworkCalls] = field(default_factory=dict)
    inside_s: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return medians, minima, ratios, calls, and the ratio that would be if ours did nothing but the networks."""
        calls = {f"{side}_calls": asdict(work) for side, work in self.work.items()}
        inside = statistics.median(self.inside_s)
        limit = round(statistics.median(self.cpu_s["stock"]) / inside, 2)
        return super().summary() | {"limit_cpu_ratio": limit, "ours_networks_cpu_s_median": round(inside, 5)} | calls


class Bench:
    """One model, one clip, and the state of both sides after a first pass over all frames."""

    def __init__(self, folder: Path, num_frames: int, model: Any) -> None:
        self.num_frames = num_frames
        self.centre = num_frames // 2
        self.model = model
        self.folder = folder
        write_clip(folder, num_frames)
        self.video = open_video(folder)
        self.boxes = [Prompt(number, 0, box=box) for number, box in enumerate(BOXES, start=1)]
        self.rows: dict[str, Measured] = {}

    def new_stock(self, num_objects: int) -> tuple[dict, Masks]:
        """Return stock's state and masks after boxes on frame 0 and both passes."""
        with inference_context(self.model.device):
            state = self.model.init_state(str(self.folder))
            for prompt in self.boxes[:num_objects]:
                give(self.model, state, prompt)
            return state, propagate(self.model, state, 0)

    def new_ours(self, num_objects: int) -> tuple[Sam2Segmenter, Masks]:
        """Return our segmenter and masks after the same."""
        segmenter = Sam2Segmenter(self.model, "proxy", memory_budget_bytes=1 << 30, feature_budget_bytes=4 << 30)
        return segmenter, collect(segmenter.track(self.video, self.boxes[:num_objects]))

    def click(self, run: int) -> Prompt:
        """Return a correction of object 1 that no earlier run made, so that nothing of it is remembered."""
        return Prompt(1, self.centre, clicks=(Click(70.0 + run, 80.0), Click(200.0, 200.0, is_positive=False)))

    def correct(self, segmenter: Sam2Segmenter, num_objects: int, click: Prompt) -> Iterator[FrameMasks]:
        """Yield ours after a click on an object, in the order and of the frames that a person gets them in the app."""
        state = corrected(answered(self.num_frames, self.boxes[:num_objects]), [click])
        return recompute(Pipeline(None, segmenter), self.video, state)

    def measure(self, name: str, stock: Callable[[], Any], ours: Callable[[], Any]) -> tuple[Any, Any]:
        """Time both sides once, stock first, count their calls, and return what they gave."""
        row = self.rows.setdefault(name, Measured())
        given = []
        sides: tuple[tuple[Side, Callable[[], Any]], ...] = (("stock", stock), ("ours", ours))
        for side, work in sides:
            context = inference_context(self.model.device) if side == "stock" else contextlib.nullcontext()
            quiet = contextlib.redirect_stderr(io.StringIO())
            with count_calls(self.model) as counter, spent_inside(self.model) as inside, quiet, context:
                given.append(row.time(side, work))
            row.work[side] = counter.calls
        row.inside_s.append(inside["cpu_s"])
        assert row.work["ours"].encoder == 0, f"{name}: ours encoded {row.work['ours'].encoder} frames again"
        assert row.work["stock"].encoder > 0, f"{name}: stock encoded nothing, so there is nothing to compare with"
        return given[0], given[1]


def run_rows(bench: Bench, wanted: set[str], repetitions: int) -> None:
    """Measure the rows that are wanted, one run of each in turn."""
    stock1, _ = bench.new_stock(1)
    ours1, _ = bench.new_ours(1)
    three = (bench.new_stock(3), bench.new_ours(3)) if "P4" in wanted else None
    film = Film(bench) if "P6 with load" in wanted else None
    for run in range(repetitions):
        if "P1" in wanted:
            measure_click(bench, stock1, ours1, bench.click(run))
        if "P2" in wanted:
            measure_near(bench, stock1, ours1, bench.click(100 + run))
        if "P3" in wanted:
            measure_all(bench, stock1, ours1, bench.click(120 + run))
        if three is not None:
            measure_one_of_three(bench, *three, bench.click(130 + run))
        if "P6" in wanted:
            measure_second_question(bench, stock1, ours1, run)
        if film is not None:
            measure_with_load(bench, film, run)
        print(f"{bench.num_frames} frames: run {run + 1} of {repetitions} done", flush=True)


def measure_click(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt) -> None:
    copy = copy_state(state)
    stock, ours = bench.measure(
        "P1",
        lambda: give(bench.model, copy, click)[1],
        lambda: next(bench.correct(segmenter, 1, click)).masks[1].rle,
    )
    bench.rows["P1"].check("mask equal", stock == ours)


def measure_near(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt) -> None:
    near = range(max(bench.centre - 5, 0), min(bench.centre + 6, bench.num_frames))

    def stock_side(prompt: Prompt) -> Masks:
        copy = copy_state(state)
        give(bench.model, copy, prompt)
        return propagate(bench.model, copy, bench.centre, back=5)

    def ours_side(prompt: Prompt) -> Masks:
        found: Masks = {}
        for masks in bench.correct(segmenter, 1, prompt):
            found[1, masks.frame_index] = masks.masks[1].rle
            if all((1, index) in found for index in near):
                return found
        raise AssertionError("the frames around the click never came")

    stock, ours = bench.measure("P2", lambda: stock_side(click), lambda: ours_side(click))
    bench.rows["P2"].check("masks equal", all(stock[1, index] == ours[1, index] for index in near))


def measure_all(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt) -> None:
    def stock_side() -> tuple[Rle, Masks]:
        copy = copy_state(state)
        clicked = give(bench.model, copy, click)[1]
        return clicked, propagate(bench.model, copy, bench.centre)

    stock, ours = bench.measure("P3", stock_side, lambda: collect(bench.correct(segmenter, 1, click)))
    bench.rows["P3"].check("masks equal", stock[1] == ours)
    bench.rows["P3"].check("P12 corrected frame keeps the click's mask", ours[1, bench.centre] == stock[0])


def measure_one_of_three(
    bench: Bench, stock_start: tuple[dict, Masks], our_start: tuple[Sam2Segmenter, Masks], click: Prompt
) -> None:
    (state, stock_before), (segmenter, ours_before) = stock_start, our_start

    def stock_side() -> Masks:
        copy = copy_state(state)
        give(bench.model, copy, click)
        return propagate(bench.model, copy, bench.centre)

    stock, ours = bench.measure("P4", stock_side, lambda: collect(bench.correct(segmenter, 3, click)))
    row = bench.rows["P4"]
    row.check("masks of the corrected object equal", {place: stock[place] for place in ours} == ours)
    row.check("all its frames came", len(ours) == bench.num_frames)
    others = [place for place in ours_before if place[0] != 1]
    laid_over = ours_before | ours
    row.gates["P11 untouched frames changed, ours"] = sum(laid_over[p] != ours_before[p] for p in others)
    row.gates["P11 untouched frames changed, stock"] = sum(stock[p] != stock_before[p] for p in others)
    row.check("P11 no untouched frame changed", row.gates["P11 untouched frames changed, ours"] == 0)


def measure_second_question(bench: Bench, state: dict, segmenter: Sam2Segmenter, run: int) -> None:
    prompt = Prompt(1, bench.centre, box=Box(60 + run, 50, 140, 130))

    def stock_side() -> Masks:
        copy = copy_state(state)
        bench.model.reset_state(copy)
        give(bench.model, copy, prompt)
        return propagate(bench.model, copy, bench.centre)

    def ours_side() -> Masks:
        segmenter.memories.forget()
        return collect(segmenter.track(bench.video, [prompt], order="nearest"))

    stock, ours = bench.measure("P6", stock_side, ours_side)
    bench.rows["P6"].check("masks equal", stock == ours)
    collect(segmenter.track(bench.video, bench.boxes[:1]))  # what the next run's corrections build on


class Film:
    """A 1080p mp4 as it comes from a camera, about which one question was asked before."""

    def __init__(self, bench: Bench) -> None:
        self.path = bench.folder.with_name(f"{bench.folder.name}-film.mp4")
        write_film(self.path, bench.num_frames)
        self.video = open_video(self.path)
        self.segmenter = Sam2Segmenter(bench.model, "proxy", feature_budget_bytes=4 << 30)
        collect(self.segmenter.track(self.video, [Prompt(1, 0, box=Box(300, 300, 700, 700))]))

    def same_pixels(self, model: Any) -> dict:
        """Return stock's state of this video with the pictures as our reader gives them, which scales otherwise."""
        state = model.init_state(str(self.path))
        images = ModelFrames(self.video, model.image_size, torch.device("cpu"))
        state["images"] = torch.stack([images[index] for index in range(len(images))]).to(state["images"].device)
        return state | {"cached_features": {}}


def measure_with_load(bench: Bench, film: Film, run: int) -> None:
    prompt = Prompt(1, bench.centre, box=Box(450 + 8 * run, 210, 1050, 550))

    def stock_side() -> Masks:
        state = bench.model.init_state(str(film.path))
        give(bench.model, state, prompt)
        return propagate(bench.model, state, bench.centre)

    def ours_side() -> Masks:
        film.segmenter.memories.forget()
        return collect(film.segmenter.track(film.video, [prompt], order="nearest"))

    stock, ours = bench.measure("P6 with load", stock_side, ours_side)
    row = bench.rows["P6 with load"]
    if run == 0:
        with inference_context(bench.model.device), contextlib.redirect_stderr(io.StringIO()):
            state = film.same_pixels(bench.model)
            give(bench.model, state, prompt)
            row.check("masks equal stock's on the same pixels", propagate(bench.model, state, bench.centre) == ours)
    row.gates["mean IoU with stock's own loader"] = round(sum(iou(stock[p], ours[p]) for p in ours) / len(ours), 4)


def iou(first: Rle, second: Rle) -> float:
    """Return the IoU of two masks, 1 where both are empty."""
    a, b = decode_mask(first), decode_mask(second)
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, help="length of the clip (40; on CUDA 120)")
    parser.add_argument("--long", type=int, default=120, help="length of the clip of P2 (%(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each row (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (%(default)s)")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--base", help="SAM2 config (the proxy's; on CUDA large)")
    parser.add_argument("--size", type=int, help="picture size of the network (the proxy's; on CUDA 1024)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="(%(default)s)")
    parser.add_argument("--compiled", action="store_true", help="compile the networks, for both sides")
    arguments = parser.parse_args()
    base, size = sizes_for(arguments.device, arguments.base, arguments.size)
    num_frames = arguments.frames or (120 if arguments.device == "cuda" else 40)
    load = machine_load()
    print(f"load average {os.getloadavg()}, {arguments.threads} thread(s) of {os.cpu_count()} cores")
    torch.set_num_threads(arguments.threads)
    rows: dict[str, Measured] = {}
    model = random_sam2(base, size, arguments.device)
    if arguments.compiled:
        compile_networks(model)
    short, long = set(arguments.rows) - {"P2"}, set(arguments.rows) & {"P2"}
    for wanted, length in ((short, num_frames), (long, arguments.long)):
        if wanted:
            with tempfile.TemporaryDirectory() as parent, contextlib.redirect_stderr(io.StringIO()):
                folder = Path(parent) / "clip"
                folder.mkdir()
                bench = Bench(folder, length, model)
                run_rows(bench, wanted, arguments.repetitions)
            rows |= bench.rows
    summaries = {name: rows[name].summary() for name in sorted(rows)}
    show(summaries, GOALS)
    values = {
        "network": f"{base} at {size} px, random weights, score bias +5" + ", compiled" * arguments.compiled,
        "frames": num_frames, "frames_p2": arguments.long, "threads": arguments.threads, **load,
        "goals": GOALS, "rows": summaries,
    }  # fmt: skip
    name = named("corrections" + "-compiled" * arguments.compiled, load)
    print("->", write_result(name, values, device=device_name(arguments.device)))


if __name__ == "__main__":
    main()
