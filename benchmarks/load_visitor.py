"""A visitor of the studio over HTTP, without a browser, with a clip, words and boxes that nobody else has."""

from __future__ import annotations

import base64
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from gradio_client.utils import apply_diff
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))
from veason.masks import decode_mask
from veason.types import Rle
from veason.video import VideoWriter

COUNT, SIZE_WH = 12, (64, 48)
MOST_TRIES = 20


class LoadVisitor:
    """A page without a browser.

    Args:
        url: of the server.
        number: tells up to 125 visitors apart; colour, words and boxes follow from it.
        config: what the server says of its events.
    """

    def __init__(self, url: str, number: int, config: dict[str, Any]) -> None:
        self.number, self._url = number, url
        self.session = f"load{number}x{time.monotonic_ns()}"
        self._client = httpx.Client(base_url=url, timeout=300)
        component = next(one for one in config["components"] if one["props"].get("elem_id") == "studio")
        self._component: int = component["id"]
        self._functions = {
            target[1]: place
            for place, one in enumerate(config["dependencies"])
            for target in one["targets"]
            if target[0] == self._component
        }
        self.colour = tuple(40 + 36 * (number // 5**place % 5) for place in range(3))
        self.words = f"canary {number} of nobody else"
        self.work = self.project = ""
        self.boxes: list[list[float]] = []
        self.waits: list[float] = []
        self.look_ups: list[float] = []
        self.wrong: list[str] = []
        self.told: list[str] = []
        self._edits = self.num_taken = self.num_again = self.num_projects = self.num_clips = self.num_checked = 0
        self._last: list[Any] = []

    def event(self, name: str, data: dict[str, Any], stop_after: str | None = None) -> list[dict[str, Any]]:
        """Send an event and return the items that the page is told, each with the second at which it came."""
        signed = {"tab": self.session, "work": self.work or None, "project": self.project or None} | data
        began = time.monotonic()
        place = self._functions[name]
        sent = {"fn_index": place, "session_hash": self.session, "data": [], "event_data": signed}
        answer = self._client.post("/gradio_api/queue/join", json=sent)
        if answer.status_code != 200:
            raise RuntimeError(f"{name}: the server answered {answer.status_code} {answer.text[:200]}")
        items: list[dict[str, Any]] = []
        self._last = []
        with self._client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                if message["msg"] in ("process_generating", "process_completed"):
                    items += self._items(message, time.monotonic() - began)
                if stop_after is not None and any(one["kind"] == stop_after for one in items):
                    return items  # the connection is dropped
                if message["msg"] == "process_completed" and message["event_id"] == answer.json()["event_id"]:
                    return items
        raise RuntimeError(f"{name}: the connection ended")

    def _items(self, message: dict[str, Any], second: float) -> list[dict[str, Any]]:
        found = []
        for value in self._whole(message):
            if isinstance(value, dict) and "items" in value:
                if value["work"] not in (None, self.work) and self.work:
                    self.wrong.append(f"a message about {value['work']}")
                found += [{**item, "second": second} for item in value["items"]]
        self.told += [item["text"] for item in found if item["kind"] == "notice"]
        return found

    def _whole(self, message: dict[str, Any]) -> list[Any]:
        """Return what a message holds; all but the first of an event are differences, the last one repeats."""
        sent = message["output"].get("data", [])
        if message["msg"] == "process_completed":
            return [] if self._last else sent
        self._last = [apply_diff(*pair) for pair in zip(self._last, sent, strict=True)] if self._last else sent
        return self._last

    def look_up(self, name: str, data: dict[str, Any]) -> Any:
        """Look something up, and note how long that takes."""
        began = time.monotonic()
        signed = {"tab": self.session, **data}
        sent = {"session_hash": self.session, "component_id": self._component, "fn_name": name, "data": signed}
        answer = self._client.post("/gradio_api/component_server", json=sent)
        answer.raise_for_status()
        self.look_ups.append(time.monotonic() - began)
        return answer.json()

    def come_anew(self) -> None:
        """Be another visitor, with a project of its own, of the same colour and words."""
        self.session, self.project, self.work = f"load{self.number}x{time.monotonic_ns()}", "", ""

    def open(self, folder: Path) -> None:
        """Upload a clip of one colour and open it."""
        path = folder / f"canary{self.number}.mp4"
        with VideoWriter(path, SIZE_WH, 10) as writer:
            for _ in range(COUNT):
                writer.write(np.full((SIZE_WH[1], SIZE_WH[0], 3), self.colour, np.uint8))
        with path.open("rb") as file:
            uploaded = self._client.post("/gradio_api/upload", files={"files": (path.name, file)})
        uploaded.raise_for_status()
        self.work = ""
        for item in self.event("open", {"path": uploaded.json()[0], "name": path.name}):
            if item["kind"] == "opened":
                self.num_clips, self.num_projects = self.num_clips + 1, self.num_projects + (not self.project)
                self.work, self.project, self.boxes = item["work"], item["project"], []
        if not self.work:
            raise RuntimeError(f"not opened: {self.told[-1:]}")

    def edit(self, **data: Any) -> bool:
        """Send an edit and tell whether it was taken."""
        self._edits += 1
        items = self.event("edit", {"number": self._edits, **data})
        is_taken = any(item["kind"] == "taken" and item["number"] == self._edits for item in items)
        self.num_taken += is_taken
        return is_taken

    def draw(self) -> None:
        """Draw a box that nobody else draws, as a new object."""
        place = len(self.boxes)
        left, top, height = self.number % 40, place * 3 % 30, 6 + self.number // 40 % 5
        box = [float(left), float(top), float(left + 4 + place), float(top + height)]
        if self.edit(edit="box", object=0, frame=place % COUNT, xyxy=box):
            self.boxes.append(box)

    def work_on(self) -> None:
        """Write, draw, propagate and look."""
        self.edit(edit="words", text=self.words)
        self.draw()
        for frame in range(3):
            self.check_frame(frame)
        self.propagate()
        self.look_up("pulse", {"work": self.work})
        self.look_up("queue", {"project": self.project})

    def propagate(self) -> None:
        """Have masks made, and again where the models' process ended or the disk was full; note the first wait."""
        for number in range(MOST_TRIES):
            num_told = len(self.told)
            items = self.event("propagate", {"start": 0, "stop": COUNT})
            begun = [item["second"] for item in items if item["kind"] == "propagating"]
            if number == 0:
                self.waits += begun[:1]
            if begun and len(self.told) == num_told:
                return
            self.num_again += 1
            time.sleep(1)
        raise RuntimeError(f"no masks after {MOST_TRIES} tries: {self.told[-1:]}")

    def check_frame(self, frame: int) -> None:
        """Look a frame up: it has the visitor's colour."""
        told = self.look_up("frame", {"work": self.work, "frame": frame})
        with Image.open(io.BytesIO(base64.b64decode(told["jpeg"].split(",")[1]))) as picture:
            mean = np.asarray(picture.convert("RGB")).reshape(-1, 3).mean(0)
        if np.abs(mean - self.colour).max() > 12:
            self.wrong.append(f"frame {frame} of colour {mean.round()} instead of {self.colour}")

    def finish(self) -> None:
        """Ask for everything and download it: all that was made is there, and nothing else."""
        items = {item["kind"]: item for item in self.look_up("snapshot", {"work": self.work})["items"]}
        drawn = sorted(box["xyxy"] for box in items["session"]["boxes"])
        if drawn != sorted(self.boxes):
            self.wrong.append(f"boxes {drawn} instead of {sorted(self.boxes)}")
        if items["session"]["instruction"] != self.words:
            self.wrong.append(f"words {items['session']['instruction']!r}")
        for objects in items["masks"]["frames"].values():
            for object_id, (code, _) in objects.items():
                mask = decode_mask(Rle(SIZE_WH[::-1], code))
                x1, y1, x2, y2 = self.boxes[int(object_id) - 1]
                right = np.zeros(SIZE_WH[::-1], bool)
                right[int(y1) : int(y2), int(x1) : int(x2)] = True
                if (mask != right).any():
                    self.wrong.append(f"a mask of object {object_id} that nobody drew")
        made = [item for item in self.event("export", {"what": "json"}) if item["kind"] == "file"]
        text = self._client.get(f"/gradio_api/file={made[0]['path']}").text if made else ""
        if f"canary{self.number}.mp4" not in text or self.project in text:
            self.wrong.append(f"a download of another clip, or with the key: {text[:80]}")
        self.num_checked += 1

    def close(self) -> None:
        """Drop the connections."""
        self._client.close()
