"""What a CVAT file is about: one task or job, or the tasks of a project, each with its tracks and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from veason.errors import DataError
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.frame_numbers import plain_path
from veason.formats.labels.numbers import MOST_FRAMES, checked_size, frame_count, whole_number

_NAMELESS = ("annotations", "annotation", "labels", "export", "output")
"""What files are called that have no name of their own."""


@dataclass(frozen=True, slots=True)
class TaskPart:
    """The labels of one video in a file.

    Attributes:
        meta: of its task or job.
        tracks: in the order of the file.
        images: the same.
        is_only: whether the file is about nothing else.
    """

    meta: Element
    tracks: tuple[Element, ...]
    images: tuple[Element, ...]
    is_only: bool

    def text(self, path: str) -> str:
        """Return the text of an element of the meta data, "" where there is none."""
        return (self.meta.findtext(path) or "").strip()

    @property
    def file_name(self) -> str:
        """The name of the video's file, "" where it is not told."""
        return PurePosixPath(plain_path(self.text("source") or self.text(".//source"))).name

    def size_wh(self, place: str) -> tuple[int, int] | None:
        """Return the size that the task or its pictures tell. Raises DataError for sizes that differ."""
        width, height = self.text(".//original_size/width"), self.text(".//original_size/height")
        sizes = {checked_size(width, height, f"{place}: original_size")} if width or height else set()
        for image in self.images:
            if image.get("width") is not None or image.get("height") is not None:
                name = image.get("name")
                sizes.add(checked_size(image.get("width"), image.get("height"), f"{place}: picture {name!r}"))
        if len(sizes) > 1:
            told = ", ".join(f"{width}x{height}" for width, height in sorted(sizes))
            raise DataError(f"{place}: its pictures have several sizes ({told}), a video has one")
        return next(iter(sizes), None)

    def num_frames(self, place: str) -> int:
        """Return how many frames the video has at least, as far as the task tells. Raises DataError."""
        stop, size = self.text(".//stop_frame"), self.text(".//size")
        return max(frame_count(stop, place) + 1 if stop else 0, frame_count(size, place) if size else 0)

    def end(self, place: str) -> int | None:
        """Return the frame after the last one that the file is about, None where it does not tell. Raises DataError."""
        stop = self.text(".//stop_frame")
        return frame_count(stop, place) + 1 if stop else None

    def frames(self, place: str) -> range | None:
        """Return the frames that the task is about, where it begins after the first or leaves some out, else None.

        Raises:
            DataError: they are not told as CVAT tells them.
        """
        start = frame_count(self.text(".//start_frame") or 0, place)
        step_text = self.text(".//frame_filter").replace(" ", "").removeprefix("step=")
        step = whole_number(step_text or 1, f"{place}: frame_filter", least=1)
        stop = self.text(".//stop_frame")
        last = frame_count(stop, place) if stop else MOST_FRAMES
        return range(start, last + 1, step) if (start or step > 1) and last >= start else None

    def name(self, file: Path, finder: VideoFinder) -> str:
        """Return the name of its video: what was named for the import comes first, then what the project knows."""
        task = self.text("name")
        source = PurePosixPath(self.file_name).stem
        stem = "" if file.stem.lower() in _NAMELESS else file.stem
        known = finder.choose([task, source, *([stem] if self.is_only else [])])
        if known:
            return known
        only = finder.only() if self.is_only and (finder.is_named or not (task or source)) else None
        return only or task or source or stem or file.stem


def parts_of(root: Element, file: Path) -> Iterator[TaskPart]:
    """Yield the parts of a file; those of a project by task. Raises DataError for labels of a task that is not told."""
    meta = root.find("meta")
    tracks, images = root.findall("track"), root.findall("image")
    tasks = meta.findall("project/tasks/task") if meta is not None else []
    if not tasks:
        own = next((each for name in ("task", "job") if (each := root.find(f"meta/{name}")) is not None), None)
        # the size of a job stands beside it
        inner = own if own is not None and own.find(".//original_size") is not None else None
        whole = inner if inner is not None else _merged(meta, own)
        yield TaskPart(whole, tuple(tracks), tuple(images), True)
        return
    by_id = {(task.findtext("id") or "").strip(): task for task in tasks}
    for element in (*tracks, *images):
        if element.get("task_id", "") not in by_id and len(tasks) > 1:
            raise DataError(
                f"{file}: <{element.tag} id={element.get('id')!r}> is of task {element.get('task_id')!r}, the project "
                f"has the tasks {', '.join(by_id)}"
            )
    for id, task in by_id.items():
        yield TaskPart(
            task,
            tuple(each for each in tracks if each.get("task_id", id) == id),
            tuple(each for each in images if each.get("task_id", id) == id),
            len(tasks) == 1,
        )


def _merged(meta: Element | None, own: Element | None) -> Element:
    """Return the meta data of a task or job together with what stands beside it."""
    merged = Element("task")
    for each in (*(own if own is not None else ()), *(meta if meta is not None else ())):
        if each is not own:
            merged.append(each)
    return merged
