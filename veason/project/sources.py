"""What fills a queue: folders of videos, lists of instructions, benchmark datasets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from veason.errors import ProjectError
from veason.project.listings import Wanted
from veason.project.project import Project
from veason.project.video_names import VideoNames
from veason.project.videos import is_video_file
from veason.types import Sample
from veason.video.images import is_picture, is_system_file

_AT_ONCE = 200
"""Questions that are written together."""


@dataclass(frozen=True, slots=True)
class Added:
    """The result of adding videos and questions; those already in the project are not counted.

    Attributes:
        num_videos: number of new videos.
        num_questions: number of new questions.
        left_out: a sentence for every instruction that was not added, with its place and the reason.
    """

    num_videos: int
    num_questions: int
    left_out: tuple[str, ...] = ()


def list_videos(paths: Iterable[str | Path]) -> list[Path]:
    """Return the videos that paths stand for: a file, a folder of frames, or a folder of either (not deeper).

    Raises:
        ProjectError: a path does not exist, or holds no video.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise ProjectError(f"there is no {path}: give a video or a folder of videos")
        if path.is_file() or _is_frames(path):
            found.append(path)
            continue
        inside = [one for one in sorted(path.iterdir()) if is_video_file(one) or _is_frames(one)]
        if not inside:
            raise ProjectError(f"{path} holds no video and no folder of frames")
        found += inside
    return found


def _is_frames(path: Path) -> bool:
    """Tell whether a folder is a video: it holds pictures, and no video file beside which they are covers."""
    if not path.is_dir() or is_system_file(path.name):
        return False
    inside = list(path.iterdir())
    return any(map(is_picture, inside)) and not any(map(is_video_file, inside))


def add_videos(
    project: Project,
    paths: Sequence[str | Path],
    wanted: Sequence[Wanted] = (),
    *,
    copy: bool = False,
    tell: Callable[[int, int], object] = lambda done, count: None,
) -> Added:
    """Add videos and the instructions about them; videos that only the list names are looked up below its paths.

    `tell` hears, before each video, how many have been read and of how many.

    Raises:
        ProjectError: a path holds no video, or no instruction is about one that is given or in the project.
        VideoError: a video cannot be opened.
    """
    known = {video.id for video in project.library.videos()}
    found, ids = list_videos(paths), []
    for number, path in enumerate(found):
        tell(number, len(found))
        ids.append(project.library.add_video(path, copy=copy))
    chosen = list(dict.fromkeys(ids)) or [video.id for video in project.library.videos()]
    places = _Places(project, zip(found, ids, strict=True))
    left_out: list[str] = []
    new = _NewQuestions(project)
    for one in wanted:
        about = places.find(one.video) if one.video else chosen
        if isinstance(about, str):
            left_out.append(f"{one.row + ': ' if one.row else ''}the instruction {one.instruction!r} {about}")
            continue
        new.add(about, one)
    if left_out and len(left_out) == len(wanted):
        raise ProjectError(*left_out)
    return Added(len(set(ids) - known), new.write(), tuple(left_out))


class _Places:
    """The videos of a project by all that a list may call them."""

    def __init__(self, project: Project, given: Iterable[tuple[Path, int]]) -> None:
        self._names = VideoNames[int]()
        for video in project.library.videos():
            self._names.enter(video.path, video.id)
        for path, video_id in given:  # a copy has another name
            self._names.enter(path, video_id)
            self._names.enter(path.absolute(), video_id)

    def find(self, name: str) -> list[int] | str:
        """Return the one video that a list means, or why that cannot be told."""
        found = self._names.find(name)
        if len(found) == 1:
            return found
        if found:
            return f"is about {name!r}, as which {len(found)} videos are known: name its folder as well"
        return f"is about {name!r}, which is not in the project"


def add_dataset(project: Project, dataset: Iterable[Sample], *, copy: bool = False) -> Added:
    """Add the expressions of a benchmark dataset as questions; its ground truth stays where it is.

    Raises:
        ProjectError: a folder of frames holds other frames than the dataset tells.
        VideoError: a video cannot be opened.
    """
    known = {video.id for video in project.library.videos()}
    ids: dict[Path, int] = {}
    new = _NewQuestions(project)
    for sample in dataset:
        if sample.frames_dir not in ids:
            ids[sample.frames_dir] = project.library.add_video(sample.frames_dir, copy=copy)
            count = project.library.video(ids[sample.frames_dir]).num_frames
            if count != len(sample.frame_names):
                raise ProjectError(
                    f"{sample.frames_dir} holds {count} frames, the dataset names {len(sample.frame_names)}: frame "
                    "numbers would not fit; run `veason data check` on it"
                )
        new.add([ids[sample.frames_dir]], Wanted("", sample.instruction))
    return Added(len(set(ids.values()) - known), new.write())


class _NewQuestions:
    """Questions that are not in the project yet, written in batches: one commit a question takes minutes."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known = {(one.video_id, one.instruction) for one in project.library.questions()}
        self._new: list[tuple[int, str, str | None]] = []

    def add(self, video_ids: Iterable[int], one: Wanted) -> None:
        """Note a question about each video, unless the same one is there already."""
        for video_id in video_ids:
            key = (video_id, one.instruction.strip())
            if key not in self._known:
                self._known.add(key)
                self._new.append((*key, one.assignee))

    def write(self) -> int:
        """Put them into the queue in the order they came, and return how many there are."""
        for start in range(0, len(self._new), _AT_ONCE):
            with self._project.atomic():  # others come in between
                for row in self._new[start : start + _AT_ONCE]:
                    self._project.library.add_question(*row)
        return len(self._new)
