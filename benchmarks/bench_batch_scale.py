"""What each stage of a batch costs, and how many clips go through with 1 and 2 workers, processes and Ray in turn.

    .engine-ray/bin/python benchmarks/bench_batch_scale.py

Short clips of the rendered world, the embedded models, one thread a worker. Costs are processor seconds, which another
program on the machine changes little; what is meant for a clock is named so. The cost of a clip in a run is what all
its processes used from when every worker is at work until the last result; before the first result is the start. The
table and the model go to docs/how-to/scale.md. Results go to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from bench_batch_faults import draw_clips
from report import write_result

os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
WORKERS = (1, 2)
EMPTY_ITEMS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--workers", type=int, nargs="+", default=list(WORKERS))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        clips = draw_clips(folder / "clips", args.clips)
        values: dict[str, Any] = {"clips": args.clips, "stages": stages(clips, folder)}
        print(values["stages"], flush=True)
        values["empty"] = empty()
        print(values["empty"], flush=True)
        values["runs"] = []
        for workers in args.workers:
            for engine in ("local", "ray"):
                values["runs"].append(measure(engine, workers, clips, folder / f"{engine}-{workers}"))
                print(values["runs"][-1], flush=True)
            write_result("batch-scale", values)  # what is there, should the next one be cut off
    print(write_result("batch-scale", values))


def jobs_of(clips: Path) -> list[Any]:
    """Return the jobs of the clips' list."""
    from veason.batch import digest_videos, find_videos, plan_jobs, read_asked

    asked, _ = read_asked(str(clips / "questions.csv"), find_videos([str(clips)]))
    return plan_jobs(asked, digest_videos([one.video for one in asked]), "bench")


def stages(clips: Path, folder: Path) -> dict[str, Any]:
    """Return the processor seconds of each stage for one clip, in one process with one thread."""
    from veason.batch import ResultFolder, collect, into_queue, write_masks_zip
    from veason.batch.answering import think_job, track_job
    from veason.batch.videos import VideoFetcher, digest_of
    from veason.device import bound_threads
    from veason.pipeline import load_pipeline
    from veason.types import Budgets, ModelOptions
    from veason.video import open_video

    bound_threads(1)
    jobs, fetcher, results = jobs_of(clips), VideoFetcher(), ResultFolder(folder / "stages")
    pipeline = load_pipeline("nano", "nano", ModelOptions(device="cpu", budgets=Budgets.nothing()))
    spent: dict[str, float] = {}
    frames = masks = size = 0

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        found = work()
        spent[name] = spent.get(name, 0.0) + time.process_time() - started
        return found

    def decode(place: str) -> int:
        with open_video(place) as video:
            return sum(1 for _ in video.frames(range(video.info.num_frames)))

    for number, job in enumerate(jobs):
        timed("digest", partial(digest_of, job.video))
        frames += timed("decode", partial(decode, job.video))
        size += Path(job.video).stat().st_size
        thought = timed("policy", partial(think_job, pipeline, job, fetcher))
        record, _ = timed("segmenter", partial(track_job, pipeline, thought, fetcher))
        masks += sum(len(one["masks"]) for one in record["objects"])
        timed("keep", partial(results.write, job.key, record))
        if not number:
            spent["policy_first"] = spent.pop("policy")  # the first one warms it up
    timed("tables", partial(collect, results, folder / "stages", jobs))
    timed("zip", partial(write_masks_zip, results, folder / "stages", jobs))
    timed("queue", partial(into_queue, results, jobs, folder / "stages-project"))
    first, count = spent.pop("policy_first"), len(jobs)
    each = {f"{name}_s": round(seconds / (count - (name == "policy")), 5) for name, seconds in spent.items()}
    kept = sum(file.stat().st_size for file in (folder / "stages").glob("results/*/*.json"))
    return {
        **each, "policy_first_s": round(first, 2), "frames": frames / count, "masks": masks / count,
        "clip_bytes": size // count, "result_bytes": kept // count,
    }  # fmt: skip


def measure(engine: str, workers: int, clips: Path, out: Path) -> dict[str, Any]:
    """Return how a run went: its start, clips an hour, and processor seconds a clip between first and last result."""
    from veason.batch import Pools, run_batch, run_on_cluster
    from veason.cluster import Cluster
    from veason.pipeline import load_pipeline
    from veason.types import ModelOptions

    make, jobs = partial(load_pipeline, "nano", "nano", ModelOptions(device="cpu")), jobs_of(clips)
    started = time.monotonic()
    if engine == "local":
        outcomes = run_batch(jobs, make, out, workers=workers, threads=1)
    else:
        pools = Pools(workers, workers, cpus=0.5)  # the two stages share the processors, as one process does
        outcomes = run_on_cluster(jobs, make, out, Cluster(), pools, threads=1)
    times, used = [], []
    for _ in outcomes:
        times.append(time.monotonic() - started)
        used.append(processor_seconds())
    begun = min(2 * workers, len(times) // 2) - 1  # by then all workers are at work
    clips_between = len(times) - 1 - begun
    return {
        "engine": engine, "workers": workers, "start_s": round(times[0], 1), "load": round(os.getloadavg()[0], 1),
        "clips_an_hour": round(3600 * clips_between / (times[-1] - times[begun])),
        "processor_s_a_clip": round((used[-1] - used[begun]) / clips_between, 3),
    }  # fmt: skip


def processor_seconds() -> float:
    """Return what this process and all below it have used so far."""
    own = psutil.Process()
    return sum(seconds for process in (own, *own.children(recursive=True)) for seconds in _used(process))


def _used(process: psutil.Process) -> Iterator[float]:
    try:
        times = process.cpu_times()
    except psutil.Error:  # ended meanwhile
        return
    yield times.user + times.system + times.children_user + times.children_system  # of those that ended


def empty() -> dict[str, Any]:
    """Return what the engine alone costs: items on which nothing is done, through two stages."""
    from veason.cluster import Cluster, WorkItem, WorkStage, run_stages

    stage = [WorkStage(name, nothing, never, cpus=0.5) for name in ("one", "two")]
    times, used, own = [], [], []
    for _ in run_stages([WorkItem(str(number), number) for number in range(EMPTY_ITEMS)], stage, Cluster()):
        times.append(time.monotonic())
        if len(times) in (1, EMPTY_ITEMS):
            used.append(processor_seconds())
            own.append(time.process_time())
    return {
        "items": EMPTY_ITEMS,
        "items_a_second_by_the_clock": round((EMPTY_ITEMS - 1) / (times[-1] - times[0]), 1),
        "processor_s_an_item": round((used[1] - used[0]) / EMPTY_ITEMS, 4),
        "of_these_in_the_driver_s": round((own[1] - own[0]) / EMPTY_ITEMS, 4),
    }


def nothing() -> Callable[[Any], Any]:
    """Return what does nothing to an item."""
    return same


def same(payload: Any) -> Any:
    return payload


def never(payload: Any, died: int) -> Any:
    raise AssertionError(f"{died} actors died over {payload}")


if __name__ == "__main__":
    main()
