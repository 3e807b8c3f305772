"""What goes wrong while the visitors of `load.py` work, each for a victim of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from load_server import RAISING, children_of
from load_visitor import COUNT, LoadVisitor

DISK_MB, FAILED = 300, "FAILED"


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Make a folder a small disk of its own for the block; give whether this machine allows that."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(folder)]
    is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _marked(is_well: bool) -> str:
    return "" if is_well else f"{FAILED} "


class Faults:
    """What goes wrong while others work; `told` says what became of it."""

    def __init__(
        self, server: subprocess.Popen[bytes], projects: Path, url: str, config: dict[str, Any], *, is_small_disk: bool
    ) -> None:
        self._server, self._projects, self._url, self._config = server, projects, url, config
        self._is_small_disk = is_small_disk
        self.told: dict[str, str] = {}

    def during(
        self,
        pool: ThreadPoolExecutor,
        visit: Callable[[LoadVisitor], str | None],
        visitors: Sequence[LoadVisitor],
        folder: Path,
    ) -> list[str]:
        """Let the visitors work, and everything go wrong for others meanwhile; return which visitors failed."""
        working = [pool.submit(visit, one) for one in visitors]
        for fault in (
            self.model_raises,
            self.worker_is_killed,
            self.reader_is_killed,
            self.folder_goes,
            self.connection_drops,
            self.disk_is_full,
        ):
            victim = LoadVisitor(self._url, 900 + len(self.told), self._config)
            try:
                victim.open(folder)
                self.told[fault.__name__] = fault(victim)
            except (httpx.HTTPError, RuntimeError, KeyError) as error:
                self.told[fault.__name__] = f"{FAILED} {type(error).__name__} {error}"
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
        return _marked(taken and masks == COUNT and kinds[-1] == "idle") + (
            f"told {told}, idle {kinds[-1] == 'idle'}, then an edit was taken {taken} and gave masks on {masks} frames"
        )

    def worker_is_killed(self, victim: LoadVisitor) -> str:
        """A process in which the models run is killed: whoever it worked for is told, asks again and has all masks."""
        victim.draw()
        workers = children_of(self._server, "spawn_main")
        killing = threading.Timer(0.3, lambda: os.kill(workers[0], signal.SIGKILL))
        killing.start()
        victim.propagate()
        killing.join()
        victim.propagate()
        items = {item["kind"]: item for item in victim.look_up("snapshot", {"work": victim.work})["items"]}
        deadline = time.monotonic() + 120
        while len(children_of(self._server, "spawn_main")) < len(workers) and time.monotonic() < deadline:
            time.sleep(0.5)
        again = len(children_of(self._server, "spawn_main"))
        num_masks = len(items["masks"]["frames"])
        is_well = num_masks == COUNT and again == len(workers)
        return _marked(is_well) + f"masks on {num_masks} of {COUNT} frames, {again} of {len(workers)} workers again"

    def disk_is_full(self, victim: LoadVisitor) -> str:
        """The disk of all projects is full for a while: edits are refused and told, what is there can be looked at."""
        if not self._is_small_disk:
            return "not tried: no small disk could be mounted here"
        victim.draw()
        ballast = self._projects.parent / "ballast"
        with ballast.open("wb") as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        taken = [victim.edit(edit="name", object=1, name=f"{number:03d}" * 25) for number in range(40)]
        told = {text for text in victim.told if text}
        items = {item["kind"]: item for item in victim.look_up("snapshot", {"work": victim.work})["items"]}
        there = len(items["session"]["boxes"])
        ballast.unlink()
        back = victim.edit(edit="name", object=1, name="back")
        is_well = taken.count(False) > 0 and any("full" in text for text in told) and there == 1 and back
        return _marked(is_well) + (
            f"{taken.count(False)} of 40 edits refused, told {sorted(told)[:3]}, {there} box to look at meanwhile, "
            f"after there was room again taken {back}"
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
        return _marked(bool(victim.told)) + f"told {victim.told[-1:]}"

    def _kill_readers(self, is_over: threading.Event) -> None:
        while not is_over.wait(0.02):
            for pid in children_of(self._server, "veason.confined"):
                os.kill(pid, signal.SIGKILL)

    def folder_goes(self, victim: LoadVisitor) -> str:
        """The project's folder is taken away under its feet: edits are refused and told, and go on once it is back."""
        victim.draw()
        place, away = self._projects / victim.project, self._projects.parent / "away"
        place.rename(away)
        taken = victim.edit(edit="name", object=1, name="gone")
        told = victim.told[-1:]
        away.rename(place)
        back = victim.edit(edit="name", object=1, name="back")
        return _marked(not taken and back) + f"taken {taken}, told {told}, after it was back {back}"

    def connection_drops(self, victim: LoadVisitor) -> str:
        """The connection ends in the middle of masks: the visitor finds them when coming back."""
        victim.draw()
        victim.event("propagate", {"start": 0, "stop": COUNT}, stop_after="propagating")
        time.sleep(1)
        items = {item["kind"] for item in victim.look_up("snapshot", {"work": victim.work})["items"]}
        return _marked("session" in items) + "what was there is shown again"
