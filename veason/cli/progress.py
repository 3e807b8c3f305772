"""Propagation with a progress bar, and writing the result of a run."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from veason.types import FrameMasks, FrameRange, OnProgress, Order, Prompt

if TYPE_CHECKING:
    from veason.outputs import RunResult
    from veason.pipeline import Pipeline
    from veason.types import VideoSource


def propagate_with_progress(
    pipeline: Pipeline,
    video: VideoSource,
    prompts: Sequence[Prompt],
    frames: FrameRange | None,
    run: RunResult,
    *,
    order: Order = "stock",
) -> None:
    """Propagate prompts with a progress bar on stderr; store the tracks in `run`, also if it is cancelled."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from veason.outputs import check_palette_ids
    from veason.tracks import merge_tracks

    check_palette_ids(prompt.object_id for prompt in prompts)
    start, stop = frames or (0, video.info.num_frames)
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        TimeRemainingColumn(),
    )
    received: list[FrameMasks] = []
    done: set[int] = set()
    print(f"propagating over frames {start} to {stop - 1}", file=sys.stderr, flush=True)
    started = time.perf_counter()
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=stop - start)
            for frame_masks in pipeline.propagate(video, prompts, frames=frames, order=order):
                received.append(frame_masks)
                done.add(frame_masks.frame_index)
                progress.update(task, completed=len(done))
    finally:
        run.tracks = merge_tracks(run.tracks, received)
        run.timings["propagate"] = time.perf_counter() - started


@contextmanager
def writing_result(run: RunResult, video: VideoSource, args: argparse.Namespace) -> Iterator[None]:
    """A context that writes the run's result at its end, also after an error, so that no answer is lost."""
    try:
        yield
    except BaseException as error:
        run.is_cancelled = isinstance(error, KeyboardInterrupt)
        run.failure = str(error) or type(error).__name__
        write_result(run, video, args)
        raise
    write_result(run, video, args)


def write_result(run: RunResult, video: VideoSource, args: argparse.Namespace) -> None:
    """Write the run into --out, print where, and with --json print result.json to stdout."""
    from veason.outputs import write_run

    folder = Path(args.out)
    record = write_run(run, video, folder)
    if run.lost_pixels:
        print(f"note: objects overlap; the palette masks give {run.lost_pixels} pixels to one only", file=sys.stderr)
    print(f"wrote {folder / 'result.json'}", file=sys.stderr)
    if args.json:
        json.dump(record, sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")


@contextmanager
def showing_progress(work: str, what: str) -> Iterator[OnProgress]:
    """Show a bar on stderr while the block runs, and hand out what moves it."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(work),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(what),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)
