"""Corrections and second questions: the stock SAM2 predictor and ours, interleaved in one process.

    python benchmarks/bench_corrections.py [--frames 40] [--repetitions 5] [--rows P1 P3] [--loaded]

A CPU proxy: hiera_t at 256 px splits its FLOPs among the networks as large does at 1024 px (design/performance.md 3).
Weights are random; the last bias of the object score is +5, since else every mask is one constant, and holes are not
filled, both on either side. Stock gets the same overrides as ours: corrected frames condition, four conditioning frames
at most. Rows (performance.md 4), each with its gate; a row whose gate fails ends the run:

    P1   click -> its mask                              mask equal to stock
    P2   click -> 5 frames on either side               masks equal; P2 preview: IoU against the exact ones
    P3   click -> all frames, one object                masks equal
    P4   click on one of three objects -> all frames    its masks equal
    P6   another box on the same video -> all frames    masks equal; stock with and without loading the video
    P11  untouched objects after P4                     0 frames change
    P12  the corrected frame                            keeps the mask of the click through both passes

With a background load above 0.5 it refuses to start: --loaded goes on and marks the result as such.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from report import write_result

from veason.masks import decode_mask, encode_mask
from veason.segmenter.checkpoint import build_model
from veason.segmenter.counters import Work, counting
from veason.segmenter.sam2 import Sam2Segmenter
from veason.types import Box, Click, FrameMasks, Prompt, Rle
from veason.video import open_video

PROXY = ("sam2.1_hiera_t", 256)
ROWS = ("P1", "P2", "P3", "P4", "P6")
GOALS = {"P1": 3.0, "P2": 8.0, "P2 preview": 18.0, "P3": 3.0, "P4": 5.0, "P6": 3.0, "P6 with load": 5.0}
BOXES = (Box(40, 40, 120, 120), Box(150, 60, 220, 130), Box(60, 150, 160, 220))

Masks = dict[tuple[int, int], Rle]
"""Masks by object and frame."""


@dataclass
class Row:
    """Seconds of both sides, run by run, and the calls of their networks in the last run."""

    stock_s: list[float] = field(default_factory=list)
    ours_s: list[float] = field(default_factory=list)
    stock_work: Work = field(default_factory=Work)
    ours_work: Work = field(default_factory=Work)
    gates: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> dict[str, Any]:
        """Return medians, minima and ratios."""
        stock, ours = statistics.median(self.stock_s), statistics.median(self.ours_s)
        return {
            "ratio_median": round(stock / ours, 2),
            "ratio_min": round(min(self.stock_s) / min(self.ours_s), 2),
            "stock_median_s": round(stock, 4), "stock_min_s": round(min(self.stock_s), 4),
            "ours_median_s": round(ours, 4), "ours_min_s": round(min(self.ours_s), 4),
            "runs": len(self.ours_s), "stock_calls": asdict(self.stock_work), "ours_calls": asdict(self.ours_work),
            "gates": self.gates,
        }  # fmt: skip


class Bench:
    """One model, one clip, and the state of both sides after a first pass over all frames."""

    def __init__(self, folder: Path, num_frames: int) -> None:
        self.num_frames = num_frames
        self.centre = num_frames // 2
        base, size = PROXY
        features = f"[{size // 16},{size // 16}]"
        overrides = [f"model.image_size={size}"] + [
            f"model.memory_attention.layer.{kind}_attention.feat_sizes={features}" for kind in ("self", "cross")
        ]
        torch.manual_seed(0)
        self.model = build_model(base, overrides)
        with torch.no_grad():
            self.model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(5.0)
        self.folder = folder
        write_clip(folder, num_frames)
        self.video = open_video(folder)
        self.boxes = [Prompt(number, 0, box=box) for number, box in enumerate(BOXES, start=1)]
        self.rows: dict[str, Row] = {}

    def new_stock(self, num_objects: int) -> tuple[dict, Masks]:
        """Return stock's state and masks after boxes on frame 0 and both passes."""
        state = self.model.init_state(str(self.folder))
        for prompt in self.boxes[:num_objects]:
            give(self.model, state, prompt)
        return state, self.propagate(state, 0)

    def new_ours(self, num_objects: int) -> tuple[Sam2Segmenter, Masks]:
        """Return our segmenter and masks after the same."""
        segmenter = Sam2Segmenter(self.model, "proxy", memory_budget_bytes=1 << 30, feature_budget_bytes=4 << 30)
        return segmenter, collect(segmenter.track(self.video, self.boxes[:num_objects]))

    def propagate(self, state: dict, start: int, back: int | None = None) -> Masks:
        """Run both of stock's passes from a frame, the backward one over `back` frames."""
        found: Masks = {}
        passes = ({}, {"reverse": True, "max_frame_num_to_track": back})
        for settings in passes:
            for index, object_ids, logits in self.model.propagate_in_video(state, start_frame_idx=start, **settings):
                for place, object_id in enumerate(object_ids):
                    found[object_id, index] = encode_mask((logits[place, 0] > 0).numpy())
        return found

    def click(self, run: int) -> Prompt:
        """Return a correction of object 1 that no earlier run made, so that nothing of it is remembered."""
        return Prompt(1, self.centre, clicks=(Click(70.0 + run, 80.0), Click(200.0, 200.0, is_positive=False)))

    def measure(self, name: str, stock: Callable[[], Any], ours: Callable[[], Any]) -> tuple[Any, Any]:
        """Time both sides once, stock first, count their calls, and return what they gave."""
        row = self.rows.setdefault(name, Row())
        given = []
        for side, work in (("stock", stock), ("ours", ours)):
            with counting(self.model) as counter, contextlib.redirect_stderr(io.StringIO()):
                begin = time.perf_counter()
                given.append(work())
                getattr(row, f"{side}_s").append(time.perf_counter() - begin)
            setattr(row, f"{side}_work", counter.work)
        assert row.ours_work.encoder == 0, f"{name}: ours encoded {row.ours_work.encoder} frames again"
        assert row.stock_work.encoder > 0, f"{name}: stock encoded nothing, so there is nothing to compare with"
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
        print(f"run {run + 1} of {repetitions} done", flush=True)


def measure_click(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt) -> None:
    copy = copy_state(state)
    stock, ours = bench.measure(
        "P1",
        lambda: give(bench.model, copy, click)[1],
        lambda: next(segmenter.track(bench.video, [bench.boxes[0], click], order="nearest")).masks[1].rle,
    )
    check(bench.rows["P1"], "mask equal", stock == ours)


def measure_near(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt, other: Prompt) -> None:
    near = range(max(bench.centre - 5, 0), min(bench.centre + 6, bench.num_frames))

    def stock_side(prompt: Prompt) -> Masks:
        copy = copy_state(state)
        give(bench.model, copy, prompt)
        return bench.propagate(copy, bench.centre, back=5)

    def ours_side(prompt: Prompt, order: Any) -> Masks:
        found: Masks = {}
        for masks in segmenter.track(bench.video, [bench.boxes[0], prompt], order=order):
            found[1, masks.frame_index] = masks.masks[1].rle
            if all((1, index) in found for index in near):
                return found
        raise AssertionError("the frames around the click never came")

    stock, ours = bench.measure("P2", lambda: stock_side(click), lambda: ours_side(click, "nearest"))
    check(bench.rows["P2"], "masks equal", all(stock[1, index] == ours[1, index] for index in near))
    stock, ours = bench.measure("P2 preview", lambda: stock_side(other), lambda: ours_side(other, "preview"))
    worst = min(iou(stock[1, index], ours[1, index]) for index in near)
    bench.rows["P2 preview"].gates["worst IoU"] = worst
    check(bench.rows["P2 preview"], "IoU >= 0.995", worst >= 0.995)


def measure_all(bench: Bench, state: dict, segmenter: Sam2Segmenter, click: Prompt) -> None:
    def stock_side() -> tuple[Rle, Masks]:
        copy = copy_state(state)
        clicked = give(bench.model, copy, click)[1]
        return clicked, bench.propagate(copy, bench.centre)

    stock, ours = bench.measure(
        "P3", stock_side, lambda: collect(segmenter.track(bench.video, [bench.boxes[0], click], order="nearest"))
    )
    check(bench.rows["P3"], "masks equal", stock[1] == ours)
    check(bench.rows["P3"], "P12 corrected frame keeps the click's mask", ours[1, bench.centre] == stock[0])


def measure_one_of_three(
    bench: Bench, stock_start: tuple[dict, Masks], our_start: tuple[Sam2Segmenter, Masks], click: Prompt
) -> None:
    (state, stock_before), (segmenter, ours_before) = stock_start, our_start

    def stock_side() -> Masks:
        copy = copy_state(state)
        give(bench.model, copy, click)
        return bench.propagate(copy, bench.centre)

    stock, ours = bench.measure(
        "P4", stock_side, lambda: collect(segmenter.track(bench.video, [bench.boxes[0], click], order="nearest"))
    )
    row = bench.rows["P4"]
    check(row, "masks of the corrected object equal", {place: stock[place] for place in ours} == ours)
    check(row, "all its frames came", len(ours) == bench.num_frames)
    others = [place for place in ours_before if place[0] != 1]
    laid_over = ours_before | ours
    row.gates["P11 untouched frames changed, ours"] = sum(laid_over[p] != ours_before[p] for p in others)
    row.gates["P11 untouched frames changed, stock"] = sum(stock[p] != stock_before[p] for p in others)
    check(row, "P11 no untouched frame changed", row.gates["P11 untouched frames changed, ours"] == 0)


def measure_second_question(bench: Bench, state: dict, segmenter: Sam2Segmenter, run: int) -> None:
    prompt = Prompt(1, bench.centre, box=Box(60 + run, 50, 140, 130))

    def stock_side(with_load: bool) -> Masks:
        copy = bench.model.init_state(str(bench.folder)) if with_load else copy_state(state)
        if not with_load:
            bench.model.reset_state(copy)
        give(bench.model, copy, prompt)
        return bench.propagate(copy, bench.centre)

    def ours_side() -> Masks:
        segmenter.memories.forget()
        return collect(segmenter.track(bench.video, [prompt], order="nearest"))

    for name, with_load in (("P6", False), ("P6 with load", True)):
        stock, ours = bench.measure(name, lambda with_load=with_load: stock_side(with_load), ours_side)
        check(bench.rows[name], "masks equal", stock == ours)
    collect(segmenter.track(bench.video, bench.boxes[:1]))  # what the next run's corrections build on


def give(model: Any, state: dict, prompt: Prompt) -> tuple[int, Rle]:
    """Give stock a box or clicks, and return the object and its mask on that frame."""
    _, object_ids, logits = model.add_new_points_or_box(
        state,
        prompt.frame_index,
        prompt.object_id,
        points=np.array([(click.x, click.y) for click in prompt.clicks], np.float32).reshape(-1, 2),
        labels=np.array([click.is_positive for click in prompt.clicks], np.int32),
        box=None if prompt.box is None else np.array(prompt.box.xyxy, np.float32),
    )
    return prompt.object_id, encode_mask((logits[object_ids.index(prompt.object_id), 0] > 0).numpy())


def collect(arrived: Iterator[FrameMasks]) -> Masks:
    """Return all masks of a run by object and frame."""
    return {(object_id, masks.frame_index): mask.rle for masks in arrived for object_id, mask in masks.masks.items()}


def copy_state(value: Any) -> Any:
    """Return stock's state with dictionaries of its own and the same tensors, as if a run had not happened."""
    if isinstance(value, Mapping):
        return type(value)((key, copy_state(item)) for key, item in value.items())
    return list(value) if isinstance(value, list) else value


def check(row: Row, name: str, holds: bool) -> None:
    """Write down a gate; one that fails ends the benchmark, since its row does not count."""
    row.gates[name] = bool(holds)
    if not holds:
        raise SystemExit(f"gate failed: {name}, {row.gates}")


def iou(first: Rle, second: Rle) -> float:
    """Return the IoU of two masks, 1 where both are empty."""
    a, b = decode_mask(first), decode_mask(second)
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0


def write_clip(folder: Path, num_frames: int) -> None:
    """Write a clip of rectangles that move over noise, 256 px square."""
    rng = np.random.default_rng(0)
    background = rng.integers(0, 90, (256, 256, 3), dtype=np.uint8)
    for index in range(num_frames):
        picture = background.copy()
        picture[50:110, 45 + index % 60 : 115 + index % 60] = (220, 60, 40)
        picture[70:125, 155 - index % 40 : 215 - index % 40] = (40, 90, 230)
        picture[155:215, 65 + index % 30 : 155 + index % 30] = (60, 200, 90)
        Image.fromarray(picture).save(folder / f"{index:05d}.jpg", quality=95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=40, help="length of the clip (default 40; P2's goal is at 120)")
    parser.add_argument("--repetitions", type=int, default=5, help="runs of each row (default 5)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--loaded", action="store_true", help="measure beside other work, and mark the result")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"load average {os.getloadavg()}, {arguments.threads} thread(s) of {os.cpu_count()} cores")
    if load > 0.5 and not arguments.loaded:
        raise SystemExit(f"the background load is {load:.2f}, above 0.5: wait, or pass --loaded to get a marked result")
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        bench = Bench(Path(folder), arguments.frames)
        run_rows(bench, set(arguments.rows), arguments.repetitions)
    rows = {name: row.summary() for name, row in bench.rows.items()}
    for name, row in rows.items():
        goal = GOALS[name]
        print(
            f"{name:13} {row['ratio_median']:6.2f}x (by minima {row['ratio_min']:.2f}x, goal {goal}x)  "
            f"stock {row['stock_median_s']:.3f} s, ours {row['ours_median_s']:.3f} s, {row['runs']} runs\n"
            f"{'':13} calls: stock {row['stock_calls']}, ours {row['ours_calls']}\n{'':13} gates: {row['gates']}"
        )
    is_loaded = load > 0.5
    values = {
        "proxy": f"{PROXY[0]} at {PROXY[1]} px, random weights, score bias +5",
        "frames": arguments.frames, "threads": arguments.threads, "is_loaded": is_loaded,
        "load_average_at_start": round(load, 2), "goals": GOALS, "rows": rows,
    }  # fmt: skip
    file = write_result("corrections-loaded" if is_loaded else "corrections", values)
    print("loaded: these ratios prove that it runs, nothing more" if is_loaded else "", f"-> {file}")


if __name__ == "__main__":
    main()
