"""Label Studio's JSON read: masks, polygons, ellipses and boxes of image tasks, and tracks of boxes of video tasks.

In Label Studio a region is an instance of its label, so two regions of one label on a frame are two objects. Nothing
tells which region of another frame is the same object, other than a label that no frame has twice: those of one label
are one object then. Veason's own labels end with the id of an object, and regions of one such label are its parts.

Boxes become prompts, to be tracked. Where a task has several annotations, the one marked as ground truth counts, or
else the last that was not skipped, or else the last prediction.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from veason.errors import DataError
from veason.formats.label_studio.bitmask import bitmask_rle
from veason.formats.label_studio.brush import decode_brush
from veason.formats.label_studio.tasks import LabelStudioTask, Region, parse_tasks
from veason.formats.label_studio.writer import FRAMES, VIDEOS
from veason.formats.labels.collected import CollectedObjects, ObjectKey, questions_about
from veason.formats.labels.footage import UNKNOWN_FPS, VideoFinder
from veason.formats.labels.frame_numbers import NAMELESS, frame_indices
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.jsonfile import read_json_file
from veason.formats.labels.made_with import LabelOrigin, origin_from
from veason.formats.labels.numbers import (
    ShapeError,
    checked_size,
    frame_count,
    frame_number,
    real_number,
    shortened,
    whole_number,
)
from veason.formats.labels.shapes import NO_PIXEL, SUB_PIXEL, box_around, ellipse_points, is_sub_pixel, parts_rle
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import encode_mask, mask_area, union_mask
from veason.types import Box, Rle

_OWN_LABEL = re.compile(r"(.*?)\s*([0-9]{1,9})")
_SLACK = 2
"""So many frames Label Studio may count more or fewer than there are: it counts from the duration."""

_SIDES = ("x", "y", "width", "height")
_FAR = 1000.0
"""Percent of a picture beyond which nobody draws."""


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a folder with frames.json, videos.json or both, or of one such file.

    Raises:
        DataError: a file is missing or not what Label Studio exports.
    """
    files = [file for file in (source / FRAMES, source / VIDEOS) if file.is_file()] if source.is_dir() else [source]
    if not files and len(found := [file for file in source.glob("*.json") if not file.name.startswith(".")]) == 1:
        files = found
    if not files:
        raise DataError(f"{source}: holds neither {FRAMES} nor {VIDEOS}: name the JSON file that Label Studio exported")
    tasks = [
        (task, file)
        for file in files
        for task in parse_tasks(read_json_file(file, "Label Studio tasks"), str(file), tally)
    ]
    folders: dict[str, set[str]] = {}
    for task, _ in tasks:
        folders.setdefault(task.path.parent.name, set()).add(task.path.parent.as_posix())
    by_video: dict[str, list[LabelStudioTask]] = {}
    for task, file in tasks:
        is_shared = len(folders[task.path.parent.name]) > 1
        folder = task.path.parent.as_posix() if is_shared else task.path.parent.name
        by_video.setdefault(_name_of(task, folder, finder, file), []).append(task)
    pictures = (source if source.is_dir() else source.parent) / "images"
    for name, own in by_video.items():
        yield _Reader(name, own, finder, pictures / name, f"{source}: video {name!r}", tally).read()


def _name_of(task: LabelStudioTask, folder: str, finder: VideoFinder, file: Path) -> str:
    """Return how the video of a task is called; `folder` is that of its picture, with as much of it as is needed."""
    if not task.is_picture:
        told = task.data.get("name")
        return told if isinstance(told, str) and told else finder.choose([task.path.stem]) or task.path.stem or "video"
    told = task.data.get("video")
    if isinstance(told, str) and told:
        return told if task.is_ours else finder.choose([told, Path(told).stem]) or told
    is_telling = task.path.parent.name.lower() not in NAMELESS
    prefix = task.frame.prefix
    known = finder.choose([folder, prefix] if is_telling else [prefix, folder])
    return known or (folder if is_telling else finder.only() or prefix or folder or file.stem)


class _Reader:
    """Reads the tasks of one video."""

    def __init__(
        self,
        name: str,
        tasks: list[LabelStudioTask],
        finder: VideoFinder,
        pictures: Path,
        place: str,
        tally: ImportTally,
    ) -> None:
        self._name, self._place, self._tally = name, place, tally
        self._frames = [task for task in tasks if task.is_picture]
        self._films = [task for task in tasks if not task.is_picture]
        self._footage = finder.find(name, pictures)
        self._size_wh = self._size()
        self._objects = CollectedObjects(self._size_wh, tally, place)
        self._parts: dict[tuple[ObjectKey, int], list[tuple[Rle, str]]] = {}
        self._own: dict[int, ObjectKey] = {}
        self._last = -1

    def read(self) -> LabelledVideo:
        """Return the video with its labels."""
        length = self._length()
        indices = frame_indices([task.frame for task in self._frames], self._footage, length or None, self._place)
        keys = self._keys(indices)
        for index, task in zip(indices, self._frames, strict=True):
            self._last = max(self._last, index)
            for region in task.regions:
                self._put(region, index, keys[id(region)])
        for (key, index), parts in self._parts.items():
            united = parts[0][0] if len(parts) == 1 else union_mask([rle for rle, _ in parts])
            self._objects.put_mask(key, index, LabelMask(united), parts[0][1])
            for _, kind in parts[1:]:
                self._objects.take(key, kind)
        for task in self._films:
            for region in task.regions:
                self._put_track(region, keys[id(region)])
        labelled = sorted(index for index, task in zip(indices, self._frames, strict=True) if task.is_labelled)
        named = {key for key in keys.values() if not isinstance(key.value, tuple)}
        self._objects.fill_absent(dict.fromkeys(named, labelled))
        words = [row for task in self._films for row in self._instructions(task)]
        about = [[self._own[value] for value in ids] for _, _, ids, _ in words]
        words = list(compress(words, self._objects.keep_whole(about)))
        numbers = self._objects.numbers()
        tracks = self._objects.tracks(numbers)
        questions = [
            LabelledQuestion(name, text, tuple(numbers[self._own[value]] for value in ids), **origin)
            for name, text, ids, origin in words
        ]
        num_frames = frame_count(max(length, self._last + 1, 1), self._place)
        self._check_length(length)
        return LabelledVideo(
            name=self._name,
            info=self._footage.info_or(num_frames=num_frames, size_wh=self._size_wh, fps=self._fps()),
            questions=questions_about(questions, tracks, self._objects.prompts(numbers)),
            tracks=tracks,
            object_names=self._objects.names(numbers),
            object_classes=self._objects.names(numbers),
            frame_names=self._footage.frame_names,
            file_name=next((task.path.name for task in self._films), ""),
            frame_files=self._footage.files,
        )

    def _size(self) -> tuple[int, int]:
        """Return the size of the video; every region is drawn on one of that size."""
        known = self._footage.info.size_wh if self._footage.info else None
        regions = [region for task in (*self._frames, *self._films) for region in task.regions]
        told = [(region.size, region.place) for region in regions if region.size is not None]
        told += [
            ((task.data.get("width"), task.data.get("height")), task.place)
            for task in (*self._frames, *self._films)
            if task.is_ours
        ]
        for size, place in told:
            size_wh = checked_size(*size, place)
            if known is not None and size_wh != known:
                raise DataError(
                    f"{place}: is drawn on a picture of {size_wh[0]}x{size_wh[1]}, its video {self._name!r} has "
                    f"{known[0]}x{known[1]}: name the video that was labelled"
                )
            known = size_wh
        if known is None:
            raise DataError(f"{self._place}: nothing tells the size of the video: name the video as well")
        return known

    def _length(self) -> int:
        """Return how many frames the tasks say that the video has, 0 where they do not."""
        told = [(task.data.get("num_frames"), task.place) for task in self._films]
        told += [(region.value.get("framesCount"), region.place) for task in self._films for region in task.regions]
        return max((frame_count(value, place) for value, place in told if value is not None), default=0)

    def _check_length(self, length: int) -> None:
        """Raise DataError where Label Studio counted frames at another rate than the video has."""
        info = self._footage.info
        is_theirs = any(not task.is_ours for task in self._films)  # ours counts the frames of the file
        if info and length and is_theirs and abs(length - info.num_frames) > max(_SLACK, info.num_frames // 10):
            raise DataError(
                f"{self._films[0].place}: counts {length} frames, its video {self._name!r} has {info.num_frames}: "
                "Label Studio counted at another rate, so it is not told which frames are meant; set frameRate in "
                "<Video>, or name the video that was labelled"
            )

    def _fps(self) -> float:
        told = [(task.data.get("fps"), task.place) for task in self._films if task.data.get("fps") is not None]
        return real_number(told[0][0], f"{told[0][1]}: fps", least=0.01, most=10_000) if told else UNKNOWN_FPS

    def _keys(self, indices: list[int]) -> dict[int, ObjectKey]:
        """Return what each region is told apart by, by its identity in memory."""
        seen: Counter[tuple[int, str]] = Counter()
        drawn = [
            (index, region, task) for index, task in zip(indices, self._frames, strict=True) for region in task.regions
        ]
        drawn += [(-1, region, task) for task in self._films for region in task.regions]
        for index, region, task in drawn:
            if not (task.is_ours and _OWN_LABEL.fullmatch(region.label)):
                seen[index, region.label] += 1
        crowded = {label for (_, label), number in seen.items() if number > 1} | {""}
        keys: dict[int, ObjectKey] = {}
        for place, (_, region, task) in enumerate(drawn):
            own = _OWN_LABEL.fullmatch(region.label) if task.is_ours else None
            if own is not None and int(own[2]) >= 1:
                key = self._own.setdefault(int(own[2]), ObjectKey(int(own[2]), True, own[1]))
            elif region.label in crowded:
                key = ObjectKey(("region", place), name=region.label)
            else:
                key = ObjectKey(region.label, name=region.label)
            keys[id(region)] = key
        return keys

    def _put(self, region: Region, index: int, key: ObjectKey) -> None:
        """Take a region of a picture."""
        kind = region.counted_as
        self._tally.find(kind)
        try:
            shape = self._shape(region)
        except ShapeError as error:
            self._objects.leave_damaged(key, kind, error)
            return
        if isinstance(shape, str):
            self._objects.leave(key, index, kind, shape)
        elif isinstance(shape, Box):
            self._objects.put_box(key, index, shape, kind)
        elif not mask_area(shape):
            self._objects.leave(key, index, kind, "without a pixel")
        else:
            self._objects.add(key)
            self._parts.setdefault((key, index), []).append((shape, kind))

    def _shape(self, region: Region) -> Rle | Box | str:
        """Return the mask or the box that a region draws, or why it draws none."""
        value, place = region.value, region.place
        if region.kind == "brush":
            code = value.get("rle")
            if not isinstance(code, list):
                return "in another form than run-length code"
            try:
                return encode_mask(decode_brush(code, self._size_wh))
            except ValueError as error:
                raise ShapeError(f"{place}: {error}") from error
        if region.kind == "bitmask":
            return bitmask_rle(value.get("imageDataURL"), self._size_wh, place)
        if region.kind == "polygon":
            points = value.get("points")
            if not isinstance(points, list) or not all(
                isinstance(each, (list, tuple)) and len(each) == 2 for each in points
            ):
                raise ShapeError(f"{place}: want points as pairs of x and y, got {shortened(points)}")
            if len(points) < 3:
                return f"with {len(points)} points"
            return parts_rle([self._pixels([list(each) for each in points], place)], self._size_wh, place)
        if region.kind == "ellipse":
            center = self._pixels([[value.get("x"), value.get("y")]], place)[0]
            radii = self._pixels([[value.get("radiusX"), value.get("radiusY")]], place)[0]
            turned = real_number(value.get("rotation") or 0, f"{place}: rotation", least=-3600, most=3600)
            points = ellipse_points((center[0], center[1]), (abs(radii[0]), abs(radii[1])), turned)
            return parts_rle([points], self._size_wh, place)
        return self._box(value, place)

    def _pixels(self, percents: list[list[Any]], place: str) -> np.ndarray:
        """Return `(N, 2)` points in pixels of points in percent of the picture."""
        checked = [
            [real_number(each, f"{place}: a point", least=-_FAR, most=_FAR) for each in pair] for pair in percents
        ]
        return np.array(checked, np.float64) * self._size_wh / 100

    def _box(self, value: Any, place: str) -> Box | str:
        """Return the box around a rectangle, which is turned about its upper left corner, or why there is none."""
        if not isinstance(value, dict):
            raise DataError(f"{place}: want a box, got {shortened(value)}")
        corner, sides = self._pixels(
            [[value.get("x"), value.get("y")], [value.get("width"), value.get("height")]], place
        )
        if is_sub_pixel(*(float(abs(side)) for side in sides)):
            return SUB_PIXEL
        turned = np.radians(real_number(value.get("rotation") or 0, f"{place}: rotation", least=-3600, most=3600))
        along = np.array([np.cos(turned), np.sin(turned)]) * sides[0]
        down = np.array([-np.sin(turned), np.cos(turned)]) * sides[1]
        box = box_around(
            np.round(np.stack([corner, corner + along, corner + along + down, corner + down]), 3), self._size_wh
        )
        return box or NO_PIXEL

    def _put_track(self, region: Region, key: ObjectKey) -> None:
        """Take the boxes of a track; between them Label Studio draws, which is left to the tracker.

        A box that is not enabled is the last one of a stretch, and to be seen. Earlier versions of Veason wrote the box
        before once more, where the object was gone. Source: `extract_key_frames` in label_studio_sdk.
        """
        steps = region.value.get("sequence")
        if not isinstance(steps, list):
            raise DataError(f"{region.place}: want a sequence of boxes, got {shortened(steps)}")
        self._objects.add(key)
        num_frames = self._footage.info.num_frames if self._footage.info else None
        before: dict[str, Any] = {}
        for step in steps:
            if not isinstance(step, dict):
                raise DataError(f"{region.place}: want a box, got {shortened(step)}")
            number = whole_number(step.get("frame"), f"{region.place}: the frame", least=1)
            index = frame_number(number - 1, region.place, num_frames)
            self._last = max(self._last, index)
            is_repeated = all(step.get(name) == before.get(name) for name in _SIDES)
            before = step
            is_end = isinstance(key.value, int) and not step.get("enabled", True)
            if is_end and is_repeated and not self._objects.has_mask(key, index):
                continue
            self._tally.find("box")
            try:
                box = self._box(step, f"{region.place}, frame {number}")
            except ShapeError as error:
                self._objects.leave_damaged(key, "box", error)
                continue
            if isinstance(box, str):
                self._objects.leave(key, index, "box", box)
            else:
                self._objects.put_box(key, index, box, "box")

    def _instructions(self, task: LabelStudioTask) -> Iterator[tuple[str, str, tuple[int, ...], LabelOrigin]]:
        """Yield (name, text, ids of objects, which models labelled it) of the instructions that Veason wrote."""
        rows = task.data.get("instructions", []) if task.is_ours else []
        if not isinstance(rows, list):
            raise DataError(f"{task.place}: want a list of instructions, got {shortened(rows)}")
        for row in rows:
            if not isinstance(row, dict) or not isinstance(row.get("objects"), list):
                raise DataError(f"{task.place}: want instructions with their objects, got {shortened(row)}")
            ids = tuple(
                whole_number(each, f"{task.place}: an object", least=1, most=2**31 - 1) for each in row["objects"]
            )
            for value in ids:
                if value not in self._own:
                    self._own[value] = ObjectKey(value, True)
                self._objects.add(self._own[value])
            yield str(row.get("name", "")), str(row.get("text", "")), ids, origin_from(row)
