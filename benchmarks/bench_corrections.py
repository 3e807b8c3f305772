"""Corrections and second questions: the stock SAM2 predictor and ours, interleaved in one process.

    python benchmarks/bench_corrections.py [--frames 40] [--repetitions 3] [--rows P1 P3]

A CPU proxy: hiera_t at 256 px splits its FLOPs among the networks as large does at 1024 px (design/performance.md 3).
Weights are random; the last bias of the object score is +5, since else every mask is one constant, and holes are not
filled, both on either side. Stock gets the same overrides as ours: corrected frames condition, four conditioning frames
at most. Rows (performance.md 4), each with its gate; a row whose gate fails ends the run:

    P1   click -> its mask                              mask equal to stock
    P2   click -> 5 frames on either side, 120 frames   masks equal; P2 preview: IoU against the exact ones
    P3   click -> all frames, one object                masks equal
    P4   click on one of three objects -> all frames    its masks equal
    P6   another box on the same video -> all frames    masks equal; stock with and without loading the video
    P11  untouched objects after P4                     0 frames change
    P12  the corrected frame                            keeps the mask of the click through both passes

A background load above 0.5 marks the result: then only the ratios by processor time mean something.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from report import write_result
from stock import Masks, collect, copy_state, give, propagate, write_clip
from timing import Row, Side, machine_load, named, show

from veason.masks import decode_mask
from veason.segmenter.checkpoint import build_model
from veason.segmenter.counters import Work, counting
from veason.segmenter.sam2 import Sam2Segmenter
from veason.segmenter.tracker import computing
from veason.types import Box, Click, Prompt, Rle
from veason.video import open_video

PROXY = ("sam2.1_hiera_t", 256)
ROWS = ("P1", "P2", "P3", "P4", "P6")
GOALS = {"P1": 3.0, "P2": 8.0, "P2 preview": 18.0, "P3": 3.0, "P4": 5.0, "P6": 3.0, "P6 with load": 5.0}
BOXES = (Box(40, 40, 120, 120), Box(150, 60, 220, 130), Box(60, 150, 160, 220))


@dataclass
class Measured(Row):
    """A Row with the calls of both sides' networks in the last run."""

    work: dict[Side, Work] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return medians, minima, ratios and calls."""
        return super().summary() | {f"{side}_calls": asdict(work) for side, work in self.work.items()}


class Bench:
    """One model, one clip, and the state of both sides after a first pass over all frames."""

    def __init__(self, folder: Path, num_frames: int, base: str, size: int, device: str) -> None:
        self.num_frames = num_frames
        self.centre = num_frames // 2
        features = f"[{size // 16},{size // 16}]"
        overrides = [f"model.image_size={size}"] + [
            f"model.memory_attention.layer.{kind}_attention.feat_sizes={features}" for kind in ("self", "cross")
        ]
        torch.manual_seed(0)
        self.model = build_model(base, overrides, device)
        with torch.no_grad():
            self.model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
        self.folder = folder
        write_clip(folder, num_frames)
        self.video = open_video(folder)
        self.boxes = [Prompt(number, 0, box=box) for number, box in enumerate(BOXES, start=1)]
        self.rows: dict[str, Measured] = {}

    def new_stock(self, num_objects: int) -> tuple[dict, Masks]:
        """Return stock's state and masks after boxes on frame 0 and both passes."""
        with computing(self.model.device):
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

    def measure(self, name: str, stock: Callable[[], Any], ours: Callable[[], Any]) -> tuple[Any, Any]:
        """Time both sides once, stock first, count their calls, and return what they gave."""
        row = self.rows.setdefault(name, Measured())
        given = []
        sides: tuple[tuple[Side, Callable[[], Any]], ...] = (("stock", stock), ("ours", ours))
        for side, work in sides:
            context = computing(self.model.device) if side == "stock" else contextlib.nullcontext()
            with counting(self.model) as counter, contextlib.redirect_stderr(io.StringIO()), context:
                given.append(row.time(side, work))
            row.work[side] = counter.work
        assert row.work["ours"].encoder == 0, f"{name}: ours encoded {row.work['ours'].encoder} frames again"
        assert row.work["stock"].encoder > 0, f"{name}: stock encoded nothing, so there is nothing to compare with"
        return given[0], given[1]


def run_rows(bench: Bench, wanted: set[str], repetitions: int) -> None:
    """Measure the rows that are wanted, one run of each in turn."""
    stock1, _ = bench.new_stock(1)
    ours1, _ = bench.new_ours(1)
    three = (bench.new_stock(3), bench.new_ours(3)) if "P4" in wanted else None
    for run in range(repetitions):
        if "P1" in wanted:
            measure_click(bench, stock1, ours1, bench.click(run))
        if "P2" in wanted:
            measure_near(bench, stock1, ours1, bench.click(100 + run), bench.click(110 + run))
        if "P3" in wanted:
            measure_all(bench, stock1, ours1, bench.click(120 + run))
        if three is not None:
            measure_one_of_three(bench, *three, bench.click(130 + run))
        if "P6" in wanted:
            measure_second_question(bench, stock1, ours1, run)
        print(f"{bench.num_frames} frames: run {run + 1} of {repetitions} done", flush=True)


def measure_click(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt) -> None:
    copy = copy_state(state)
    stock, ours = bench.measure(
        "P1",
        lambda: give(bench.model, copy, click)[1],
        lambda: next(segmenter.track(bench.video, [bench.boxes[0], click], order="nearest")).masks[1].rle,
    )
    bench.rows["P1"].check("mask equal", stock == ours)


def measure_near(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt, other: Prompt) -> None:
    near = range(max(bench.centre - 5, 0), min(bench.centre + 6, bench.num_frames))

    def stock_side(prompt: Prompt) -> Masks:
        copy = copy_state(state)
        give(bench.model, copy, prompt)
        return propagate(bench.model, copy, bench.centre, back=5)

    def ours_side(prompt: Prompt, order: Any) -> Masks:
        found: Masks = {}
        for masks in segmenter.track(bench.video, [bench.boxes[0], prompt], order=order):
            found[1, masks.frame_index] = masks.masks[1].rle
            if all((1, index) in found for index in near):
                return found
        raise AssertionError("the frames around the click never came")

    stock, ours = bench.measure("P2", lambda: stock_side(click), lambda: ours_side(click, "nearest"))
    bench.rows["P2"].check("masks equal", all(stock[1, index] == ours[1, index] for index in near))
    stock, ours = bench.measure("P2 preview", lambda: stock_side(other), lambda: ours_side(other, "preview"))
    worst = min(iou(stock[1, index], ours[1, index]) for index in near)
    bench.rows["P2 preview"].gates["worst IoU"] = worst
    bench.rows["P2 preview"].check("IoU >= 0.995", worst >= 0.995)


def measure_all(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt) -> None:
    def stock_side() -> tuple[Rle, Masks]:
        copy = copy_state(state)
        clicked = give(bench.model, copy, click)[1]
        return clicked, propagate(bench.model, copy, bench.centre)

    stock, ours = bench.measure(
        "P3", stock_side, lambda: collect(segmenter.track(bench.video, [bench.boxes[0], click], order="nearest"))
    )
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

    stock, ours = bench.measure(
        "P4", stock_side, lambda: collect(segmenter.track(bench.video, [bench.boxes[0], click], order="nearest"))
    )
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

    def stock_side(with_load: bool) -> Masks:
        copy = bench.model.init_state(str(bench.folder)) if with_load else copy_state(state)
        if not with_load:
            bench.model.reset_state(copy)
        give(bench.model, copy, prompt)
        return propagate(bench.model, copy, bench.centre)

    def ours_side() -> Masks:
        segmenter.memories.forget()
        return collect(segmenter.track(bench.video, [prompt], order="nearest"))

    for name, with_load in (("P6", False), ("P6 with load", True)):
        stock, ours = bench.measure(name, lambda with_load=with_load: stock_side(with_load), ours_side)
        bench.rows[name].check("masks equal", stock == ours)
    collect(segmenter.track(bench.video, bench.boxes[:1]))  # what the next run's corrections build on


def iou(first: Rle, second: Rle) -> float:
    """Return the IoU of two masks, 1 where both are empty."""
    a, b = decode_mask(first), decode_mask(second)
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=40, help="length of the clip (%(default)s)")
    parser.add_argument("--long", type=int, default=120, help="length of the clip of P2 (%(default)s)")
    parser.add_argument("--repetitions", type=int, default=3, help="runs of each row (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (%(default)s)")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--base", default=PROXY[0], help="SAM2 config (%(default)s)")
    parser.add_argument("--size", type=int, default=PROXY[1], help="picture size of the network (%(default)s)")
    parser.add_argument(
        "--device", default="cpu", choices=["cpu", "cuda"], help="cuda: use --base sam2.1_hiera_l --size 1024"
    )
    arguments = parser.parse_args()
    load = machine_load()
    print(f"load average {os.getloadavg()}, {arguments.threads} thread(s) of {os.cpu_count()} cores")
    torch.set_num_threads(arguments.threads)
    rows: dict[str, Measured] = {}
    short, long = set(arguments.rows) - {"P2"}, set(arguments.rows) & {"P2"}
    for wanted, num_frames in ((short, arguments.frames), (long, arguments.long)):
        if wanted:
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
                bench = Bench(Path(folder), num_frames, arguments.base, arguments.size, arguments.device)
                run_rows(bench, wanted, arguments.repetitions)
            rows |= bench.rows
    summaries = {name: rows[name].summary() for name in sorted(rows)}
    show(summaries, GOALS)
    values = {
        "proxy": f"{arguments.base} at {arguments.size} px, random weights, score bias +5",
        "frames": arguments.frames, "frames_p2": arguments.long, "threads": arguments.threads, **load,
        "goals": GOALS, "rows": summaries,
    }  # fmt: skip
    device = torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu"
    print("->", write_result(named("corrections", load), values, device=device))


if __name__ == "__main__":
    main()
