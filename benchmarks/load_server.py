"""The server that `load.py` loads: it serves visitors, and its segmenter fills boxes and then sleeps for each frame."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.standins import BoxFiller
from veason.pipeline import Pipeline
from veason.types import FrameMasks, FrameRange, Prompt, Rle, VideoSource

FRAME_S = 0.05
RAISING = 61.0
"""A box whose right side is here makes the segmenter raise."""


class SlowFiller(BoxFiller):
    """Fills boxes in FRAME_S a frame."""

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield masks, see `Segmenter.track`; a box that ends at RAISING breaks it."""
        for masks in super().track(video, prompts, fixed=fixed, frames=frames):
            if any(prompt.box is not None and prompt.box.x2 == RAISING for prompt in prompts):
                raise RuntimeError("the model broke")
            time.sleep(FRAME_S)
            yield masks


def load_filler(*_: object) -> Pipeline:
    """Load what fills boxes; also called in a worker's process."""
    return Pipeline(None, SlowFiller())


def serve_here(folder: Path, port: int, workers: int, idle_s: float) -> None:
    """Serve visitors' projects below a folder, and close those unused for `idle_s`; does not return."""
    from veason.studio.server import app, project_registry
    from veason.studio.server.deployment import Deployment
    from veason.studio.server.settings import Settings

    app.load_pipeline = load_filler  # type: ignore[assignment]
    project_registry.CLOSE_AFTER_S = idle_s
    settings = Settings(visitors=folder, workers=workers)
    app.serve(settings, host="127.0.0.1", port=port, open_browser=False, deployment=Deployment(has_metrics=True))


def start_server(folder: Path, port: int, workers: int, idle_s: float) -> subprocess.Popen[bytes]:
    """Start a server in a process of its own, and return once it answers; see `serve_here`."""
    command = [sys.executable, __file__, str(folder), str(port), str(workers), str(idle_s)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(600):
        try:
            httpx.get(f"http://127.0.0.1:{port}/config", timeout=5).raise_for_status()
            return server
        except httpx.HTTPError:
            time.sleep(0.2)
    server.kill()
    raise SystemExit("the server does not answer")


def children_of(server: subprocess.Popen[bytes], word: str) -> list[int]:
    """Return the processes that the server began and whose command line holds a word."""
    found = []
    for pid in subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True).stdout.split():
        try:
            if word in Path(f"/proc/{pid}/cmdline").read_text():
                found.append(int(pid))
        except OSError:  # it has ended meanwhile
            continue
    return found


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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("workers", type=int)
    parser.add_argument("idle_s", type=float)
    given = parser.parse_args()
    serve_here(given.folder, given.port, given.workers, given.idle_s)
