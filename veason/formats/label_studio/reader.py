"""Label Studio's JSON: brush masks of image tasks, and boxes of video tasks.

An object that has boxes alone gets them as prompts, to be tracked. Where a task has several annotations or
predictions, the last annotation counts, or else the last prediction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from veason.errors import DataError, PromptError
from veason.formats.label_studio.brush import decode_brush
from veason.formats.label_studio.writer import FRAMES, SERVED, VIDEOS
from veason.formats.labels.footage import UNKNOWN_FPS, VideoFinder
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.jsonfile import read_json_file
from veason.formats.labels.values import (
    ASSUMED_SCORE,
    LabelledQuestion,
    LabelledVideo,
    LabelMask,
    with_rest,
)
from veason.masks import empty_mask, encode_mask
from veason.types import Box, Prompt

_BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, PromptError)
_LABEL = re.compile(r"(.*?)\s*(\d+)")


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a folder with frames.json, videos.json or both, or of one such file.

    Raises:
        DataError: a file is missing or not what Label Studio exports.
    """
    files = [file for file in (source / FRAMES, source / VIDEOS) if file.is_file()] if source.is_dir() else [source]
    if not files:
        raise DataError(f"{source}: holds neither {FRAMES} nor {VIDEOS}: name the JSON file that Label Studio exported")
    frame_tasks: dict[str, list[dict[str, Any]]] = {}
    video_tasks: dict[str, dict[str, Any]] = {}
    for file in files:
        try:
            for task in read_json_file(file, "Label Studio tasks"):
                if "image" in task["data"]:
                    frame_tasks.setdefault(_video_of(task["data"]), []).append(task)
                else:
                    video_tasks[task["data"].get("name") or Path(task["data"]["video"]).stem] = task
        except _BROKEN as error:
            raise DataError(f"{file}: should be a list of Label Studio tasks: {error!r}") from error
    for name in dict.fromkeys([*video_tasks, *frame_tasks]):
        try:
            pictures = (source if source.is_dir() else source.parent) / "images" / name
            video = _Reader(name, finder, pictures).read(frame_tasks.get(name, []), video_tasks.get(name))
        except _BROKEN as error:
            raise DataError(f"{source}: the tasks of video {name!r} are not what is expected: {error!r}") from error
        tally.take_whole(video)
        yield video


class _Reader:
    """Reads the tasks of one video."""

    def __init__(self, name: str, finder: VideoFinder, pictures: Path) -> None:
        self._name, self._footage = name, finder.find(name, pictures)
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}

    def read(self, frame_tasks: list[dict[str, Any]], video_task: dict[str, Any] | None) -> LabelledVideo:
        results = [_result(task) for task in frame_tasks]
        data = video_task["data"] if video_task else {}
        sizes = [(row["original_width"], row["original_height"]) for result in results for row in result]
        info = self._footage.info
        if info is None and not sizes and "width" not in data:
            raise ValueError("nothing tells the size of the video: name the video as well")
        size_wh = info.size_wh if info else sizes[0] if sizes else (data["width"], data["height"])
        boxes = self._boxes(_result(video_task) if video_task else [], size_wh)
        frames = [(self._frame(task["data"]), result) for task, result in zip(frame_tasks, results, strict=True)]
        tracks = self._masks(sorted(frames, key=lambda pair: pair[0]), size_wh, boxes)
        prompts = tuple(
            Prompt(object_id, index, box)
            for object_id, placed in boxes.items()
            if not tracks[object_id]
            for index, box in placed.items()
        )
        seen = [*(index for index, _ in frames), *(index for placed in boxes.values() for index in placed)]
        num_frames = max([int(data.get("num_frames", 0)), *(index + 1 for index in seen), 1])
        words = [
            LabelledQuestion(str(row["name"]), str(row["text"]), tuple(int(key) for key in row["objects"]))
            for row in data.get("instructions", [])
        ]
        return LabelledVideo(
            name=self._name,
            info=self._footage.info_or(
                num_frames=num_frames,
                size_wh=(int(size_wh[0]), int(size_wh[1])),
                fps=float(data.get("fps", UNKNOWN_FPS)),
            ),
            questions=tuple(_with_prompts(question, prompts) for question in with_rest(words, tracks)),
            tracks=tracks,
            object_names=self._names,
            frame_names=self._footage.frame_names,
            file_name=Path(data.get("video", "").removeprefix(SERVED)).name,
            frame_files=self._footage.files,
        )

    def _masks(
        self,
        frames: list[tuple[int, list[dict[str, Any]]]],
        size_wh: tuple[int, int],
        boxes: Mapping[int, Mapping[int, Box]],
    ) -> dict[int, dict[int, LabelMask]]:
        nothing = LabelMask(empty_mask(size_wh), -ASSUMED_SCORE)
        found = {
            index: {
                self._object_id(row["value"]["brushlabels"][0]): LabelMask(
                    encode_mask(decode_brush(row["value"]["rle"], size_wh))
                )
                for row in result
                if row["type"] == "brushlabels"
            }
            for index, result in frames
        }
        seen = {object_id for masks in found.values() for object_id in masks}
        tracks: dict[int, dict[int, LabelMask]] = {}
        for object_id in sorted(seen | set(boxes)):
            has_boxes_alone = object_id not in seen and bool(boxes[object_id])
            frame_masks = {} if has_boxes_alone else found
            tracks[object_id] = {index: masks.get(object_id, nothing) for index, masks in frame_masks.items()}
        return tracks

    def _boxes(self, result: list[dict[str, Any]], size_wh: tuple[int, int]) -> dict[int, dict[int, Box]]:
        width, height = size_wh
        boxes: dict[int, dict[int, Box]] = {}
        for row in result:
            if row["type"] != "videorectangle":
                continue
            object_id = self._object_id(row["value"]["labels"][0])
            placed = boxes.setdefault(object_id, {})
            for step in row["value"]["sequence"]:
                if step.get("enabled", True):
                    x, y = step["x"] * width / 100, step["y"] * height / 100
                    x2, y2 = x + step["width"] * width / 100, y + step["height"] * height / 100
                    placed[int(step["frame"]) - 1] = Box(round(x, 3), round(y, 3), round(x2, 3), round(y2, 3))
        return boxes

    def _object_id(self, label: str) -> int:
        """Return the id in a label, or the next free one."""
        if label not in self._ids:
            match = _LABEL.fullmatch(label)
            is_free = match is not None and int(match[2]) >= 1 and int(match[2]) not in self._ids.values()
            name, number = (
                (match[1], int(match[2])) if match and is_free else (label, max(self._ids.values(), default=0) + 1)
            )
            self._ids[label] = number
            if name not in ("", "object"):
                self._names[number] = name
        return self._ids[label]

    def _frame(self, data: dict[str, Any]) -> int:
        stem = Path(data["image"]).stem
        if stem in self._footage.frame_names:
            return self._footage.frame_names.index(stem)
        return int(data["frame"]) if "frame" in data else int(stem)


def _video_of(data: dict[str, Any]) -> str:
    return data.get("video") or Path(data["image"]).parent.name or "video"


def _result(task: dict[str, Any]) -> list[dict[str, Any]]:
    made = task.get("annotations") or task.get("predictions") or [{"result": []}]
    result: list[dict[str, Any]] = made[-1]["result"]
    return result


def _with_prompts(question: LabelledQuestion, prompts: tuple[Prompt, ...]) -> LabelledQuestion:
    own = tuple(prompt for prompt in prompts if prompt.object_id in question.object_ids)
    return replace(question, prompts=own, by_hand=frozenset((each.object_id, each.frame_index) for each in own))
