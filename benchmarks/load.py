"""Many visitors at once over HTTP, each with a clip, words and masks that nobody else has; faults on the way if wanted.

    python benchmarks/load.py [--visitors 5 20 100] [--rounds 3] [--minutes 0] [--faults]

A server of its own (`serve --visitors`, one worker) whose segmenter fills boxes and then sleeps for each frame, so that
what is measured is the server, and the models are what everybody waits for. Every visitor uploads a clip of one colour,
opens it, writes words, draws boxes that nobody else draws, propagates, looks frames up meanwhile, and in the end asks
for everything and downloads the result. Gates:

    cross-talk   a frame of another colour, words or a mask of another visitor: none
    edits        every edit that was taken is there in the end
    waits        the longest mean wait of a visitor for the models is at most 1.5 times the median one, where visitors
                 wait for each other at all: the models are at work for most of the time
    look-ups     95 of 100 within 100 ms with 20 visitors; told only, where the machine does other work
    memory       resident size after the server tidied up, less opened videos, is at most 100 MB above that before
    descriptors  after it tidied up at most 3 for each project that stays open

With --faults the models raise for one visitor, a process that reads an import is killed, a project's folder is taken
away, and connections are dropped in the middle, while the others go on. With --minutes rounds are repeated for so long.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from load_visitor import COUNT, LoadVisitor
from report import write_result
from timing import machine_load

sys.path.insert(0, str(Path(__file__).parent.parent))
from veason.studio.server.deployment import Deployment
from veason.studio.server.settings import Settings
from veason.types import FrameMasks, FrameRange, Prompt, Rle, VideoSource

FRAME_S = 0.05
MOST_SPREAD, MOST_LOOK_UP_S, MOST_GROWTH_MB, DESCRIPTORS_EACH = 1.5, 0.1, 100.0, 3
MOST_BOXES = 12
"""A visitor who has drawn so many looks whether all are there, and opens another clip."""
RAISING = 61.0
"""A box whose right side is here makes the segmenter raise."""


# --- the server


def serve_here(folder: Path, port: int) -> None:
    """Serve visitors' projects below a folder, with a segmenter that fills boxes; does not return."""
    from tests.standins import BoxFiller
    from veason.pipeline import Pipeline
    from veason.studio.server import app

    class SlowFiller(BoxFiller):
        def track(
            self,
            video: VideoSource,
            prompts: Sequence[Prompt],
            *,
            fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
            frames: FrameRange | None = None,
        ) -> Iterator[FrameMasks]:
            for masks in super().track(video, prompts, fixed=fixed, frames=frames):
                if any(prompt.box is not None and prompt.box.x2 == RAISING for prompt in prompts):
                    raise RuntimeError("the model broke")
                time.sleep(FRAME_S)
                yield masks

    app.load_pipeline = lambda *_: Pipeline(None, SlowFiller())  # type: ignore[assignment]
    app.serve(
        Settings(visitors=folder), host="127.0.0.1", port=port, open_browser=False,
        deployment=Deployment(has_metrics=True),
    )  # fmt: skip


def start_server(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start a server in a process of its own, and return once it answers."""
    command = [sys.executable, __file__, "--serve", str(folder), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{port}/config", timeout=5).raise_for_status()
            return server
        except httpx.HTTPError:
            time.sleep(0.2)
    raise SystemExit("the server does not answer")


def used(server: subprocess.Popen[bytes], url: str) -> dict[str, float]:
    """Return the memory and descriptors of the server, and what it says of its budgets and projects."""
    told = httpx.get(f"{url}/metrics", timeout=60).text
    held = [float(value) for value in re.findall(r"^veason_held_bytes\{[^}]*\} (\S+)", told, re.MULTILINE)]
    (projects,) = re.findall(r"^veason_projects_open (\S+)", told, re.MULTILINE)
    in_memory = [
        float(value)
        for value in re.findall(r'^veason_held_bytes\{[^}]*"opened videos"[^}]*\} (\S+)', told, re.MULTILINE)
    ]
    pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    return {
        "mb": round(pages * 4096 / 1e6, 1), "descriptors": len(os.listdir(f"/proc/{server.pid}/fd")),
        "opened_videos_mb": round(sum(in_memory) / 1e6, 1), "all_budgets_mb": round(sum(held) / 1e6, 1),
        "projects_open": int(float(projects)),
    }  # fmt: skip


# --- loads


def load(count: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Let so many visitors work at once on a fresh server, and return what was seen."""
    is_loaded = bool(machine_load()["is_loaded"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = start_server(folder / "visitors", arguments.port)
        try:
            url = f"http://127.0.0.1:{arguments.port}"
            config = httpx.get(f"{url}/config", timeout=60).json()
            before = used(server, url)
            visitors = [LoadVisitor(url, number, config) for number in range(count)]
            faults = Faults(server, folder / "visitors", url, config) if arguments.faults else None
            until = time.monotonic() + 60 * arguments.minutes
            with ThreadPoolExecutor(count + 1) as pool:
                failed = (
                    [
                        text
                        for text in pool.map(lambda one: whole_visit(one, folder, arguments.rounds, until), visitors)
                        if text
                    ]
                    if faults is None
                    else faults.during(pool, visitors, folder, arguments.rounds, until)
                )
            at_end = used(server, url)
            for visitor in visitors:
                visitor.close()
            time.sleep(arguments.settle)
            values = summary(visitors, failed)
            after = used(server, url)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    told = {"before": before, "at the end": at_end, f"{arguments.settle:.0f} s later": after}
    values |= {"server": told, **({"faults": faults.told} if faults is not None else {})}
    return {**values, "gates_failed": failed_gates(values, before, after, is_loaded=is_loaded)}


def whole_visit(visitor: LoadVisitor, folder: Path, rounds: int, until: float) -> str | None:
    """Do all that a visitor does; return why it could not, None where it could."""
    try:
        visitor.open(folder)
        visitor.work_on(rounds)
        while time.monotonic() < until:
            if len(visitor.boxes) >= MOST_BOXES:
                visitor.finish()
                visitor.open(folder)
            visitor.work_on(1)
        visitor.finish()
    except (httpx.HTTPError, RuntimeError, KeyError) as error:
        return f"visitor {visitor.number}: {type(error).__name__} {error}"
    return None


def summary(visitors: Sequence[LoadVisitor], failed: Sequence[str]) -> dict[str, Any]:
    """Return the numbers of a load."""
    look_ups = sorted(seconds for one in visitors for seconds in one.look_ups)
    waits = sorted(statistics.mean(one.waits) for one in visitors if one.waits)
    median = statistics.median(waits) if waits else 0.0
    return {
        "visitors": len(visitors),
        "edits_taken": sum(one.num_taken for one in visitors),
        "cross_talk_or_lost": [f"{one.number}: {text}" for one in visitors for text in one.wrong],
        "failed": list(failed),
        "look_ups": len(look_ups),
        "look_up_s": {"50 %": quantile(look_ups, 0.5), "95 %": quantile(look_ups, 0.95)},
        "wait_s": {"median": round(median, 2), "longest": round(waits[-1], 2) if waits else None},
        "spread_of_waits": round(waits[-1] / median, 2) if median else None,
        "waits_are_for_models": median > len(visitors) / 4 * COUNT * FRAME_S,
    }


def failed_gates(
    values: dict[str, Any], before: dict[str, float], after: dict[str, float], *, is_loaded: bool
) -> list[str]:
    """Return what a load did not keep, in words."""
    failed = [f"{len(values[name])} {name}" for name in ("cross_talk_or_lost", "failed") if values[name]]
    spread = values["spread_of_waits"]
    if values["waits_are_for_models"] and spread > MOST_SPREAD:
        failed.append(f"the longest mean wait is {spread} times the median one")
    growth = after["mb"] - after["opened_videos_mb"] - before["mb"]
    if growth > MOST_GROWTH_MB:
        failed.append(f"memory grew by {growth:.0f} MB beyond its budgets")
    more = after["descriptors"] - before["descriptors"]
    if more > DESCRIPTORS_EACH * after["projects_open"] + 10:
        failed.append(f"{more:.0f} more descriptors with {after['projects_open']:.0f} projects open")
    if not is_loaded and values["visitors"] <= 20 and (values["look_up_s"]["95 %"] or 0) > MOST_LOOK_UP_S:
        failed.append("look-ups take longer than 100 ms")
    return failed


def quantile(values: Sequence[float], share: float) -> float | None:
    """Return a quantile of sorted values."""
    return round(values[min(len(values) - 1, int(share * len(values)))], 3) if values else None


class Faults:
    """What goes wrong while others work; `told` says what became of it."""

    def __init__(self, server: subprocess.Popen[bytes], projects: Path, url: str, config: dict[str, Any]) -> None:
        self._server, self._projects, self._url, self._config = server, projects, url, config
        self.told: dict[str, str] = {}

    def during(
        self, pool: ThreadPoolExecutor, visitors: Sequence[LoadVisitor], folder: Path, rounds: int, until: float
    ) -> list[str]:
        """Let the visitors work, and everything go wrong for others meanwhile; return which visitors failed."""
        working = [pool.submit(whole_visit, one, folder, rounds, until) for one in visitors]
        for fault in (self.model_raises, self.reader_is_killed, self.folder_goes, self.connection_drops):
            victim = LoadVisitor(self._url, 900 + len(self.told), self._config)
            try:
                victim.open(folder)
                self.told[fault.__name__] = fault(victim)
            except (httpx.HTTPError, RuntimeError, KeyError) as error:
                self.told[fault.__name__] = f"FAILED {type(error).__name__} {error}"
            victim.close()
        return [text for text in (one.result() for one in working) if text]

    def model_raises(self, victim: LoadVisitor) -> str:
        """The segmenter raises: the page is told and idle, and goes on."""
        victim.edit(edit="box", object=0, frame=0, xyxy=[1, 1, RAISING, 9])
        kinds = [item["kind"] for item in victim.event("propagate", {"start": 0, "stop": COUNT})]
        told, taken = victim.told[-1:], victim.edit(edit="box", object=1, frame=0, xyxy=[1, 1, 20, 9])
        victim.event("propagate", {"start": 0, "stop": COUNT})
        items = {item["kind"]: item for item in victim.look_up("snapshot", {"work": victim.work})["items"]}
        masks = len(items["masks"]["frames"])
        return (
            f"told {told}, idle {kinds[-1] == 'idle'}, then an edit was taken {taken} and gave masks on {masks} frames"
        )

    def reader_is_killed(self, victim: LoadVisitor) -> str:
        """The process that reads an import is killed: the visitor is told."""
        content = json.dumps({"images": [{"id": n} for n in range(300_000)]}).encode()
        uploaded = victim._client.post("/gradio_api/upload", files={"files": ("labels.json", content)}).json()[0]
        is_over = threading.Event()
        killing = threading.Thread(target=self._kill_readers, args=(is_over,))
        killing.start()
        victim.event("take", {"path": uploaded, "name": "labels.json", "format": "coco"})
        is_over.set()
        killing.join()
        return f"told {victim.told[-1:]}"

    def _kill_readers(self, is_over: threading.Event) -> None:
        while not is_over.wait(0.02):
            for pid in subprocess.run(["pgrep", "-P", str(self._server.pid)], capture_output=True).stdout.split():
                os.kill(int(pid), signal.SIGKILL)

    def folder_goes(self, victim: LoadVisitor) -> str:
        """The project's folder is taken away under its feet: edits are refused and told, and go on once it is back."""
        victim.draw()
        place, away = self._projects / victim.project, self._projects.parent / "away"
        place.rename(away)
        taken = victim.edit(edit="name", object=1, name="gone")
        told = victim.told[-1:]
        away.rename(place)
        back = victim.edit(edit="name", object=1, name="back")
        return f"taken {taken}, told {told}, after it was back {back}"

    def connection_drops(self, victim: LoadVisitor) -> str:
        """The connection ends in the middle of masks: the visitor finds them when coming back."""
        victim.draw()
        victim.event("propagate", {"start": 0, "stop": COUNT}, stop_after="propagating")
        time.sleep(1)
        items = {item["kind"] for item in victim.look_up("snapshot", {"work": victim.work})["items"]}
        return f"everything is there again: {'session' in items}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, nargs="+", default=[5, 20, 100])
    parser.add_argument("--rounds", type=int, default=3, help="boxes and propagations of each visitor (%(default)s)")
    parser.add_argument("--minutes", type=float, default=0.0, help="go on for so long; 120 for the long run")
    parser.add_argument(
        "--settle", type=float, default=45.0, help="seconds before the last look at memory (%(default)s)"
    )
    parser.add_argument("--faults", action="store_true", help="let things go wrong meanwhile")
    parser.add_argument("--note", default="", help="said in the result, such as what else the machine did")
    parser.add_argument("--port", type=int, default=7871)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        serve_here(arguments.serve, arguments.port)
        return
    found = machine_load()
    loads = [load(count, arguments) for count in arguments.visitors]
    name = f"load{'-faults' if arguments.faults else ''}{'-long' if arguments.minutes else ''}"
    values = {
        **found,
        "note": arguments.note,
        "frame_s": FRAME_S,
        "rounds": arguments.rounds,
        "minutes": arguments.minutes,
        "loads": loads,
    }
    print(json.dumps(values, indent=1))
    print("->", write_result(name, values))
    if any(one["gates_failed"] for one in loads):
        raise SystemExit(f"gates failed: {[one['gates_failed'] for one in loads]}")


if __name__ == "__main__":
    main()
