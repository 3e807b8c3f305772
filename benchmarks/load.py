"""Many visitors at once over HTTP, each with a clip, words and masks that nobody else has; faults on the way if wanted.

    python benchmarks/load.py [--visitors 5 20 100] [--rounds 3] [--faults]
    python benchmarks/load.py --visitors 20 --minutes 120 --pause 30

A server of its own (`serve --visitors`, one worker) whose segmenter fills boxes and then sleeps for each frame, so that
what is measured is the server, and the models are what everybody waits for. Every visitor uploads a clip of one colour,
opens it, writes words, draws boxes that nobody else draws, propagates, looks frames up meanwhile, and in the end asks
for everything and downloads the result. Gates:

    cross-talk   a frame of another colour, words or a mask of another visitor: none
    edits        every edit that was taken is there in the end
    waits        the longest mean wait of a visitor for the models is at most 1.5 times the median one, where visitors
                 wait for each other at all: the models are at work for most of the time
    look-ups     95 of 100 within 100 ms with 20 visitors; told only, where the machine does other work
    memory       resident size after the server closed all projects, less opened videos, is at most 100 MB above that
                 before, where "before" is after one visitor did everything once and was away
    descriptors  then at most 10 more than before

With --faults (and --workers 2) the models raise for one visitor, a process of the models and one that reads an import
are killed, a project's folder is taken away, connections are dropped in the middle, and the disk of all projects is
full for a while; the others go on. With --minutes rounds are repeated for so long; each second clip is that of a new
visitor, and the result is written every minute, with what the server used. With --pause visitors look at what they
have before they go on, for so many seconds in the mean.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from load_faults import FAILED, Faults, small_disk
from load_server import FRAME_S, start_server, used
from load_visitor import COUNT, LoadVisitor
from report import write_result
from timing import machine_load

sys.path.insert(0, str(Path(__file__).parent.parent))
from veason.studio.server.housekeeping import EVERY_S

MOST_SPREAD, MOST_LOOK_UP_S, MOST_GROWTH_MB, MOST_DESCRIPTORS = 1.5, 0.1, 100.0, 10
MOST_BOXES = 12
"""A visitor who has drawn so many looks whether all are there, and opens another clip."""


SAMPLE_S = 60.0


# --- loads


def load(count: int, arguments: argparse.Namespace, tell: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Let so many visitors work at once on a fresh server, and return what was seen; `tell` has it meanwhile."""
    is_loaded = bool(machine_load()["is_loaded"])
    with tempfile.TemporaryDirectory() as name:
        folder, disk = Path(name), Path(name) / "disk"
        with small_disk(disk) if arguments.faults else nullcontext(False) as is_small_disk:
            server = start_server(disk / "visitors", arguments.port, arguments.workers, arguments.idle)
            try:
                url = f"http://127.0.0.1:{arguments.port}"
                config = httpx.get(f"{url}/config", timeout=60).json()
                warm_up(LoadVisitor(url, 124, config), folder)
                _, before = settle(server, url, arguments.idle)
                visitors = [LoadVisitor(url, number, config) for number in range(count)]
                faults = None
                if arguments.faults:
                    faults = Faults(server, disk / "visitors", url, config, is_small_disk=is_small_disk)
                samples: list[dict[str, float]] = []
                is_over = threading.Event()
                sampling = threading.Thread(
                    target=sample, args=(server, url, visitors, samples, is_over, tell), daemon=True
                )
                sampling.start()
                until = time.monotonic() + 60 * arguments.minutes
                visit = partial(
                    whole_visit, folder=folder, rounds=arguments.rounds, until=until, pause_s=arguments.pause
                )
                with ThreadPoolExecutor(count + 1) as pool:
                    if faults is None:
                        failed = [text for text in pool.map(visit, visitors) if text]
                    else:
                        failed = faults.during(pool, visit, visitors, folder)
                is_over.set()
                sampling.join()
                at_end = used(server, url)
                for visitor in visitors:
                    visitor.close()
                values = summary(visitors, failed)
                settled_s, after = settle(server, url, arguments.idle)
            finally:
                server.send_signal(signal.SIGTERM)
                server.wait(60)
    told = {"before": before, "at the end": at_end, f"{settled_s:.0f} s later": after}
    values |= {"server": told, **({"faults": faults.told} if faults is not None else {})}
    values |= {"every_minute": samples} if arguments.minutes else {}
    return {**values, "gates_failed": failed_gates(values, before, after, is_loaded=is_loaded)}


def warm_up(visitor: LoadVisitor, folder: Path) -> None:
    """Have one visitor do everything once, so that what a server loads once is there before anything is measured."""
    visitor.open(folder)
    visitor.work_on()
    visitor.finish()
    visitor.close()


def settle(server: subprocess.Popen[bytes], url: str, idle_s: float) -> tuple[float, dict[str, float]]:
    """Wait until the server has closed all projects and tidied up; return the seconds that took and what it uses."""
    began = time.monotonic()
    while used(server, url)["projects_open"] and time.monotonic() < began + 2 * idle_s + 180:
        time.sleep(1)
    time.sleep(2 * EVERY_S + 5)
    return time.monotonic() - began, used(server, url)


def sample(
    server: subprocess.Popen[bytes],
    url: str,
    visitors: Sequence[LoadVisitor],
    samples: list[dict[str, float]],
    is_over: threading.Event,
    tell: Callable[[dict[str, Any]], object],
) -> None:
    """Note every minute what the server uses, and tell what was seen by then, until it is over."""
    began = time.monotonic()
    while not is_over.wait(SAMPLE_S):
        samples.append({"minute": round((time.monotonic() - began) / 60, 1), **used(server, url)})
        tell({**summary(visitors, []), "every_minute": list(samples), "is_over": False})


def whole_visit(visitor: LoadVisitor, folder: Path, rounds: int, until: float, pause_s: float) -> str | None:
    """Do all that a visitor does; return why it could not, None where it could."""
    pauses = random.Random(visitor.number)

    def work_on(rounds: int) -> None:
        for _ in range(rounds):
            time.sleep(pauses.expovariate(1 / pause_s) if pause_s else 0.0)
            visitor.work_on()

    try:
        visitor.open(folder)
        work_on(rounds)
        num_clips = 1
        while time.monotonic() < until:
            if len(visitor.boxes) >= MOST_BOXES:
                visitor.finish()
                num_clips += 1
                if num_clips % 2:
                    visitor.come_anew()
                visitor.open(folder)
            work_on(1)
        visitor.finish()
    except (httpx.HTTPError, RuntimeError, KeyError) as error:
        return f"visitor {visitor.number}: {type(error).__name__} {error}"
    return None


def summary(visitors: Sequence[LoadVisitor], failed: Sequence[str]) -> dict[str, Any]:
    """Return the numbers of a load."""
    look_ups = sorted(seconds for one in visitors for seconds in one.look_ups)
    waits = sorted(statistics.mean(one.waits) for one in visitors if one.waits)
    every = sorted(seconds for one in visitors for seconds in one.waits)
    median = statistics.median(waits) if waits else 0.0
    return {
        "visitors": len(visitors),
        "projects": sum(one.num_projects for one in visitors),
        "clips": sum(one.num_clips for one in visitors),
        "clips_checked": sum(one.num_checked for one in visitors),
        "edits_taken": sum(one.num_taken for one in visitors),
        "cross_talk_or_lost": [f"{one.number}: {text}" for one in visitors for text in one.wrong],
        "failed": list(failed),
        "asked_again": sum(one.num_again for one in visitors),
        "look_ups": len(look_ups),
        "look_up_s": {"50 %": quantile(look_ups, 0.5), "95 %": quantile(look_ups, 0.95)},
        "propagations": len(every),
        "wait_s": {
            "95 % of all": quantile(every, 0.95),
            "median": round(median, 2),
            "longest": round(waits[-1], 2) if waits else None,
        },
        "spread_of_waits": round(waits[-1] / median, 2) if median else None,
        "waits_are_for_models": median > len(visitors) / 4 * COUNT * FRAME_S,
    }


def failed_gates(
    values: dict[str, Any], before: dict[str, float], after: dict[str, float], *, is_loaded: bool
) -> list[str]:
    """Return what a load did not keep, in words."""
    failed = [f"{len(values[name])} {name}" for name in ("cross_talk_or_lost", "failed") if values[name]]
    failed += [f"{name}: {told}" for name, told in values.get("faults", {}).items() if told.startswith(FAILED)]
    spread = values["spread_of_waits"]
    if "faults" not in values and values["waits_are_for_models"] and spread > MOST_SPREAD:
        failed.append(f"the longest mean wait is {spread} times the median one")
    growth = after["mb"] - after["opened_videos_mb"] - before["mb"]
    if growth > MOST_GROWTH_MB:
        failed.append(f"memory grew by {growth:.0f} MB beyond its budgets")
    more = after["descriptors"] - before["descriptors"]
    if more > MOST_DESCRIPTORS or after["projects_open"]:
        failed.append(f"{more:.0f} more descriptors with {after['projects_open']:.0f} projects open")
    if not is_loaded and values["visitors"] <= 20 and (values["look_up_s"]["95 %"] or 0) > MOST_LOOK_UP_S:
        failed.append("look-ups take longer than 100 ms")
    return failed


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return a quantile of sorted values."""
    return round(values[min(len(values) - 1, int(share * len(values)))], 3) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, nargs="+", default=[5, 20, 100])
    parser.add_argument("--rounds", type=int, default=3, help="boxes and propagations of each visitor (%(default)s)")
    parser.add_argument("--minutes", type=float, default=0.0, help="go on for so long; 120 for the long run")
    parser.add_argument(
        "--pause", type=float, default=0.0, help="mean seconds between rounds of a visitor (%(default)s)"
    )
    parser.add_argument(
        "--idle", type=float, default=60.0, help="seconds after which the server closes an unused project (%(default)s)"
    )
    parser.add_argument("--faults", action="store_true", help="let things go wrong meanwhile")
    parser.add_argument("--note", default="", help="said in the result, such as what else the machine did")
    parser.add_argument("--port", type=int, default=7871)
    parser.add_argument("--workers", type=int, default=1, help="processes in which the models run (%(default)s)")
    arguments = parser.parse_args()
    found = machine_load()
    name = f"load{'-faults' if arguments.faults else ''}{'-long' if arguments.minutes else ''}"
    loads: list[dict[str, Any]] = []

    def tell(seen: dict[str, Any]) -> Path:
        """Write what was seen until now."""
        told = {key: getattr(arguments, key) for key in ("note", "rounds", "minutes", "pause", "idle", "workers")}
        return write_result(name, {**found, **told, "frame_s": FRAME_S, "loads": [*loads, seen]})

    for count in arguments.visitors:
        seen = load(count, arguments, tell)
        file = tell(seen)
        loads.append(seen)
        print(json.dumps(seen, indent=1), "->", file, flush=True)
    if any(one["gates_failed"] for one in loads):
        raise SystemExit(f"gates failed: {[one['gates_failed'] for one in loads]}")


if __name__ == "__main__":
    main()
