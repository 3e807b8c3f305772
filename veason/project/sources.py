"""What fills a queue: folders of videos, lists of instructions, benchmark datasets."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason.errors import ProjectError
from veason.project.project import Project
from veason.types import Sample
from veason.video.images import is_litter, is_picture

VIDEOS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".flv", ".ogv", ".3gp")
"""Endings of files that a folder of videos is searched for; a single file may have any ending."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A line of a list of instructions; `video` is a path, a file name with or without ending, or "" for all."""

    video: str
    instruction: str
    assignee: str | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """How many videos and questions are new; what was there already is not added again."""

    num_videos: int
    num_questions: int


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
        inside = [one for one in sorted(path.iterdir()) if _is_video(one) or _is_frames(one)]
        if not inside:
            raise ProjectError(f"{path} holds no video and no folder of frames")
        found += inside
    return found


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEOS and path.is_file() and not is_litter(path.name)


def _is_frames(path: Path) -> bool:
    return path.is_dir() and not is_litter(path.name) and any(map(is_picture, path.iterdir()))


def read_instructions(path: str | Path) -> list[Wanted]:
    """Read a CSV with a heading line, or JSONL; columns `instruction`, `video` and `assignee`, the last two optional.

    Raises:
        ProjectError: the file cannot be read, or a line holds no instruction.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"cannot read {path}: {error}") from error
    rows = _jsonl(path, text) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv(path, text)
    wanted = []
    for number, row in rows:
        values = {key: str(row.get(key) or "").strip() for key in ("video", "instruction", "assignee")}
        if not values["instruction"]:
            raise ProjectError(f"{path}, line {number}: there is no instruction")
        wanted.append(Wanted(values["video"], values["instruction"], values["assignee"] or None))
    return wanted


def _csv(path: Path, text: str) -> list[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(text.splitlines())
    if "instruction" not in (reader.fieldnames or ()):
        raise ProjectError(f"{path}: the first line should name the columns, such as video,instruction,assignee")
    return [(reader.line_num, row) for row in reader]


def _jsonl(path: Path, text: str) -> list[tuple[int, dict[str, Any]]]:
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ProjectError(f"{path}, line {number}: is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise ProjectError(f'{path}, line {number}: should be an object such as {{"instruction": "the ball"}}')
        rows.append((number, row))
    return rows


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
        ProjectError: an instruction is about a video that is neither given nor in the project.
        VideoError: a video cannot be opened.
    """
    known = {video.id for video in project.library.videos()}
    found, ids = list_videos(paths), []
    for number, path in enumerate(found):
        tell(number, len(found))
        ids.append(project.library.add_video(path, copy=copy))
    chosen = list(dict.fromkeys(ids)) or [video.id for video in project.library.videos()]
    names: dict[str, int] = {}
    for video in project.library.videos():
        names |= dict.fromkeys((str(video.path), video.path.name, video.path.stem), video.id)
    for path, video_id in zip(found, ids, strict=True):  # a copy has another name
        names |= dict.fromkeys((str(path), str(path.absolute()), path.name, path.stem), video_id)
    added = 0
    for one in wanted:
        if one.video and one.video not in names:
            raise ProjectError(
                f"the instruction {one.instruction!r} is about {one.video!r}, which is not in the project"
            )
        for video_id in [names[one.video]] if one.video else chosen:
            added += _add_question(project, video_id, one)
    return Added(len(set(ids) - known), added)


def add_dataset(project: Project, dataset: Iterable[Sample], *, copy: bool = False) -> Added:
    """Add the expressions of a benchmark dataset as questions; its ground truth stays where it is.

    Raises:
        ProjectError: a folder of frames holds other frames than the dataset tells.
        VideoError: a video cannot be opened.
    """
    known = {video.id for video in project.library.videos()}
    ids: dict[Path, int] = {}
    added = 0
    for sample in dataset:
        if sample.frames_dir not in ids:
            ids[sample.frames_dir] = project.library.add_video(sample.frames_dir, copy=copy)
            count = project.library.video(ids[sample.frames_dir]).num_frames
            if count != len(sample.frame_names):
                raise ProjectError(
                    f"{sample.frames_dir} holds {count} frames, the dataset names {len(sample.frame_names)}: frame "
                    "numbers would not fit; run `veason data check` on it"
                )
        added += _add_question(project, ids[sample.frames_dir], Wanted("", sample.instruction))
    return Added(len(set(ids.values()) - known), added)


def _add_question(project: Project, video_id: int, one: Wanted) -> bool:
    """Add a question unless the same one is there already."""
    instruction = one.instruction.strip()
    if any(question.instruction == instruction for question in project.library.questions(video_id=video_id)):
        return False
    project.library.add_question(video_id, instruction, one.assignee)
    return True
