"""A desk with one open work on a small real video, and a segmenter that fills boxes: what the page's events do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.standins import BoxFiller
from veason.masks import encode_mask
from veason.pipeline import Pipeline
from veason.studio.server.handlers import Desk
from veason.studio.server.settings import Settings
from veason.studio.server.shelf import Shelf
from veason.studio.server.store import Store
from veason.types import FrameMasks, FrameRange, ObjectMask, Policy, Prompt, Rle, Segmenter, VideoSource

COUNT, SIZE_WH = 20, (32, 24)
BOX, OTHER = [2, 2, 10, 10], [12, 12, 20, 20]


class CountingFiller(BoxFiller):
    """Fills boxes with a score that rises with every call, so that a mask computed again is told from an old one.

    `on_frame` is called before each frame is handed over.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.on_frame: Callable[[int], None] = lambda frame_index: None

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        self.calls += 1
        for arrived in super().track(video, prompts, fixed=fixed, frames=frames):
            masks = {one: ObjectMask(mask.rle, float(self.calls)) for one, mask in arrived.masks.items()}
            self.on_frame(arrived.frame_index)
            yield FrameMasks(arrived.frame_index, masks)


class Seat:
    """A visitor at the desk: sends events, gathers what the page would be told."""

    def __init__(self, policy: Policy | None = None, segmenter: Segmenter | None = None, count: int = COUNT) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.store = Store(Shelf(Settings(project=Path(self._folder.name) / "labels")), capacity=2)
        self.segmenter = CountingFiller()
        self.desk = Desk(Pipeline(policy, segmenter or self.segmenter), self.store, [])
        key, project = self.store.shelf.get_or_make(None)
        video = project.add_video(make_frames(Path(self._folder.name) / "array", count))
        self.work = self.store.open(key, project.add_draft(video))

    def edit(self, **data: Any) -> list[dict[str, Any]]:
        """Send one edit and return the items of the answer."""
        sent = self.desk.edit({"work": self.work.id, **data})
        return [item for message in sent for item in message["items"]]

    def propagate(self, start: int = 0, stop: int | None = None, **data: Any) -> list[dict[str, Any]]:
        """Propagate and return the items of the answer."""
        stop = stop or self.work.video.info.num_frames
        sent = self.desk.propagate({"work": self.work.id, "start": start, "stop": stop, **data})
        return [item for message in sent for item in message["items"]]

    def think(self, instruction: str, **data: Any) -> list[dict[str, Any]]:
        """Ask and return the items of the answer."""
        sent = self.desk.think({"work": self.work.id, "instruction": instruction, **data})
        return [item for message in sent for item in message["items"]]

    def masks(self, object_id: int) -> dict[int, ObjectMask]:
        """Return the masks of an object by frame."""
        track = self.work.now.tracks.get(object_id)
        return dict(track.frames) if track is not None else {}


def squares(count: int) -> np.ndarray:
    """Return `(count, H, W, 3)` pictures of two bright squares on a dark ground, one of them on its way."""
    pictures = np.full((count, *SIZE_WH[::-1], 3), 30, np.uint8)
    for number, picture in enumerate(pictures):
        picture[2:10, 2 + number % 8 : 10 + number % 8] = (230, 60, 60)
        picture[12:20, 20:28] = (60, 200, 90)
    return pictures


def make_frames(folder: Path, count: int) -> Path:
    """Write a folder of the pictures of `squares`."""
    folder.mkdir()
    for number, picture in enumerate(squares(count)):
        Image.fromarray(picture).save(folder / f"{number:03d}.png")
    return folder


def mask_of(x1: int, y1: int, x2: int, y2: int) -> Rle:
    """Return the mask of a rectangle on the small video."""
    mask = np.zeros(SIZE_WH[::-1], bool)
    mask[y1:y2, x1:x2] = True
    return encode_mask(mask)


def of_kind(items: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """Return the items of one kind."""
    return [item for item in items if item["kind"] == kind]


def seat_with_two_objects() -> Seat:
    """Return a seat with boxes of two objects on frame 5, propagated over the whole clip."""
    seat = Seat()
    seat.edit(edit="box", object=0, frame=5, xyxy=BOX)
    seat.edit(edit="box", object=0, frame=5, xyxy=OTHER)
    seat.propagate()
    return seat
