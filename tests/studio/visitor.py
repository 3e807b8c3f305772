"""A visitor of the studio with a small real video, and a segmenter that fills boxes: what the page's events do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.standins import BoxFiller
from veason.annotation import State
from veason.masks import encode_mask
from veason.pipeline import Pipeline
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.question.open_question import OpenQuestion
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
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


class Visitor:
    """A page with one open question: sends events, gathers what it would be told."""

    def __init__(self, policy: Policy | None = None, segmenter: Segmenter | None = None, count: int = COUNT) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.segmenter = CountingFiller()
        registry = ProjectRegistry(Settings(project=Path(self._folder.name) / "labels"))
        self.studio = Studio(Pipeline(policy, segmenter or self.segmenter), registry, [], capacity=2)
        self.key, self.project = registry.get_or_make(None)
        video = self.project.library.add_video(make_frames(Path(self._folder.name) / "array", count))
        self.work = f"{self.key}.{self.project.library.add_draft(video)}"

    @property
    def question(self) -> OpenQuestion:
        """The open question; it stays open, for nobody else opens any."""
        with self.studio.questions.using(self.work) as question:
            return question

    @property
    def state(self) -> State:
        """The labels as they are."""
        return self.question.labels.state()

    def send(self, event: str, /, **data: Any) -> list[dict[str, Any]]:
        """Send an event and return the items of the answer."""
        return [item for message in self.studio.answer(event, data) for item in message["items"]]

    def edit(self, **data: Any) -> list[dict[str, Any]]:
        """Send one edit and return the items of the answer."""
        return self.send("edit", work=self.work, **data)

    def propagate(self, start: int = 0, stop: int | None = None, **data: Any) -> list[dict[str, Any]]:
        """Propagate and return the items of the answer."""
        stop = stop or self.question.video.info.num_frames
        return self.send("propagate", work=self.work, start=start, stop=stop, **data)

    def think(self, instruction: str, **data: Any) -> list[dict[str, Any]]:
        """Ask and return the items of the answer."""
        return self.send("think", work=self.work, instruction=instruction, **data)

    def look_up(self, name: str, /, **data: Any) -> Any:
        """Look something up about the project."""
        return self.studio.look_up(name, {"project": self.key, **data})

    def masks(self, object_id: int) -> dict[int, ObjectMask]:
        """Return the masks of an object by frame."""
        track = self.state.tracks.get(object_id)
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


def visitor_with_two_objects() -> Visitor:
    """Return a visitor with boxes of two objects on frame 5, propagated over the whole clip."""
    visitor = Visitor()
    visitor.edit(edit="box", object=0, frame=5, xyxy=BOX)
    visitor.edit(edit="box", object=0, frame=5, xyxy=OTHER)
    visitor.propagate()
    return visitor
