"""What hostile inputs are sent to: a public studio with one visitor's small question, and what must not be reached."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.project.made import ask, make_frames
from tests.standins import BoxFiller
from veason.formats.exporting import export_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.projects.from_project import from_project
from veason.pipeline import Pipeline
from veason.project import Project
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
from veason.video import VideoWriter

CANARY = b"the-canary-that-nobody-may-read"
RAW = ("something went wrong on the server", "Traceback", "not enough memory")
"""What is told of an error that nobody expected."""


class Target:
    """A server for strangers in this process.

    Args:
        folder: for everything that it keeps.

    Attributes:
        studio: the server.
        key: of a visitor's project with one question, `work`, about a folder of six pictures.
        canary: a file beside the visitors' folder that holds CANARY.
        opened: the paths that were opened and are the canary, in the order that happened.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.canary = folder / "canary.txt"
        self.canary.write_bytes(CANARY)
        self.opened: list[str] = []
        registry = ProjectRegistry(Settings(visitors=folder / "visitors"))
        self.studio = Studio(Pipeline(None, BoxFiller()), registry, [], capacity=4)
        os.environ["GRADIO_TEMP_DIR"] = str(self.studio.outbox.uploads)
        self.key, self.project = registry.get_or_make(None)
        video = self.project.library.add_video(make_frames(folder / "clip"))
        self.question = self.project.library.add_question(video, "the ball")
        ask(self.project, self.question)
        self.work = f"{self.key}.{self.question}"
        sys.addaudithook(self._watch)

    def _watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.link", "shutil.copyfile", "os.rename") and str(self.canary) in map(str, arguments):
            self.opened.append(f"{event} {arguments[0]}")

    def upload(self, name: str, content: bytes) -> str:
        """Put a file where gradio keeps uploads, and return its path."""
        path = self.studio.outbox.uploads / f"{len(list(self.studio.outbox.uploads.iterdir())):05d}" / name
        path.parent.mkdir()
        path.write_bytes(content)
        return str(path)

    def send(self, event: str, sent: object) -> str:
        """Send an event and return what the page is told of it."""
        told = [item for message in self.studio.answer(event, sent) for item in message["items"]]
        notices = [item["text"] for item in told if item["kind"] == "notice" and item["level"] == "error"]
        return f"refused: {'; '.join(notices)}" if notices else f"taken: {[item['kind'] for item in told][:9]}"

    def look_up(self, name: str, sent: object) -> str:
        """Look something up and return what the page is told."""
        told = self.studio.look_up(name, sent)
        return f"refused: {told['error']}" if "error" in told else f"taken: {str(told)[:99]}"

    def close(self) -> None:
        """End the server."""
        self.studio.close()


@contextmanager
def small_exports(folder: Path) -> Iterator[dict[str, Path]]:
    """Give, for every format that can be imported, an export of a small project."""
    project = Project.create(folder / "source")
    with project:
        video = project.library.add_video(write_clip(folder / "clip.mp4"))
        question = project.library.add_question(video, "the ball")
        ask(project, question, 2)
        project.queue.accept(question)
        found = {}
        for format in (
            "davis",
            "youtube-vos",
            "coco",
            "youtube-vis",
            "mevis",
            "revos",
            "cvat",
            "label-studio",
            "veason",
        ):
            options = ExportOptions(is_everything=True, has_pictures=False)
            export_labels(from_project(project), format, folder / format, options)
            found[format] = folder / format
        yield found


def write_clip(path: Path, size_wh: tuple[int, int] = (32, 24), count: int = 6) -> Path:
    """Write a small MP4 of grey pictures."""
    import numpy as np

    with VideoWriter(path, size_wh, 10) as writer:
        for index in range(count):
            writer.write(np.full((size_wh[1], size_wh[0], 3), 10 * index, np.uint8))
    return path
