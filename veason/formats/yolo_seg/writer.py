"""YOLO segmentation written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from veason.formats.labels.options import ExportOptions
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo, LabelMask
from veason.formats.yolo_seg.outlines import filled, outlines
from veason.masks import decode_mask

_INSIDE = 0.25
"""Where in its pixel a point lies."""

_EQUAL = "masks that equal another one of their class and frame (Ultralytics reads equal lines once)"
_NO_TRACKS = "object identities (a line names a class only)"
_ADDED, _MISSED, _SPLIT = "pixels added by polygons", "pixels missed by polygons", "masks written as several polygons"


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write one YOLO segmentation data set."""
    classes: dict[str, int] = {}
    for video in videos:
        for object_id in video.object_ids:
            classes.setdefault(video.category(object_id), len(classes))
        frames = _write_video(video, out / "labels" / "train", classes, tally)
        if options.has_pictures:
            write_pictures(video, frames, out / "images" / "train" / video.name)
    names = "".join(f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for name, number in classes.items())
    (out / "data.yaml").write_text(
        f"path: .\ntrain: images/train\nval: images/train\nnames:\n{names}", encoding="utf-8"
    )


def _write_video(video: LabelledVideo, root: Path, classes: dict[str, int], tally: Tally) -> list[int]:
    frames = []
    for frame_index, masks in video.by_frame():
        lines: list[str] = []
        for object_id, mask in masks.items():
            own = [] if mask.is_empty else _lines(mask, classes[video.category(object_id)], tally)
            tally.lost[_EQUAL] += bool(own) and set(own) <= set(lines)
            lines += own
        file = root / f"{_file_stem(video, frame_index)}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in lines), encoding="ascii")
        frames.append(frame_index)
    tally.counts["videos"] += 1
    tally.counts["frames"] += len(frames)
    tally.left_out[_NO_TRACKS] += len(video.tracks)
    return frames


def _lines(mask: LabelMask, class_id: int, tally: Tally) -> list[str]:
    truth = decode_mask(mask.rle)
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    part = truth[top : rows[-1] + 1, left : columns[-1] + 1]
    polygons = outlines(part)
    drawn = np.zeros_like(part)
    for polygon in polygons:
        drawn |= filled(polygon, part.shape[::-1])
    tally.counts["masks"] += 1
    tally.lost[_ADDED] += int((drawn & ~part).sum())
    tally.lost[_MISSED] += int((part & ~drawn).sum())
    tally.lost[_SPLIT] += len(polygons) > 1
    tally.note_iou(float((drawn & part).sum() / (drawn | part).sum()))
    height, width = truth.shape
    origin = np.array([left + _INSIDE, top + _INSIDE])
    scaled = [(polygon + origin) / [width, height] for polygon in polygons]
    return [f"{class_id} {' '.join(f'{value:.7g}' for value in points.ravel())}" for points in scaled]


def _file_stem(video: LabelledVideo, frame_index: int) -> str:
    return f"{video.name}/{video.frame_name(frame_index)}"
