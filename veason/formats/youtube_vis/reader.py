"""YouTube-VIS read: one annotation an object, with a mask, a box or null for each listed frame."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from itertools import compress
from pathlib import Path, PurePosixPath
from typing import Any

from veason.errors import DataError
from veason.formats.coco.rows import ExpressionRow, key_of, object_key_of, parse_categories, parse_expressions
from veason.formats.coco.shapes import drawn, leave_parts, read_coco_shape
from veason.formats.labels.collected import CollectedObjects, ObjectKey, questions_about
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.frame_numbers import ListedFrame, frame_indices, plain_path
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.jsonfile import read_json_file
from veason.formats.labels.numbers import ShapeError, checked_size, frame_count, real_number, shortened
from veason.formats.labels.values import ASSUMED_SCORE, LabelledQuestion, LabelledVideo, LabelMask
from veason.formats.youtube_vis.writer import INSTANCES

_Row = Mapping[str, Any]

_OCCLUDED = ("slight_occlusion", "severe_occlusion")
"""What OVIS says of an object on a frame, beside "no_occlusion"."""


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a YouTube-VIS file, or of the folder that holds one.

    Raises:
        DataError: the file is missing or not what YouTube-VIS promises.
    """
    file = _file_of(source)
    content = read_json_file(file, "YouTube-VIS videos and annotations")
    videos, annotations, categories = (_rows(content, name, file) for name in ("videos", "annotations", "categories"))
    names = parse_categories(categories, str(file))
    shapes: dict[str, list[_Row]] = {}
    for row in videos:
        id = key_of(row.get("id"), f"{file}: the id of a video")
        if id in shapes:
            raise DataError(f"{file}: two videos have the id {id}")
        shapes[id] = []
    for row in annotations:
        id = key_of(row.get("video_id"), f"{file}: annotation {shortened(row.get('id'))}: video_id")
        kinds = [kind for kind in _kinds(row, f"{file}: annotation {shortened(row.get('id'))}") if kind]
        for kind in kinds:
            tally.find(kind)
            if id not in shapes:
                tally.leave(kind, "of videos that are not listed")
        shapes.get(id, []).append(row)
    words = parse_expressions(content, str(file))
    for row, (id, own) in zip(videos, shapes.items(), strict=True):
        yield _read_video(row, own, words.get(id, []), names, finder, file, tally)


def _file_of(source: Path) -> Path:
    if not source.is_dir() or (source / INSTANCES).is_file():
        return source / INSTANCES if source.is_dir() else source
    files = [file for file in sorted(source.glob("*.json")) if not file.name.startswith((".", "veason_export"))]
    if len(files) != 1:
        raise DataError(f"{source}: holds {len(files)} .json files: name the one to import")
    return files[0]


def _rows(content: Any, name: str, file: Path) -> list[_Row]:
    rows = content.get(name, [] if name == "categories" else None) if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{file}: should hold videos and annotations as YouTube-VIS does: {name} is no list of objects")
    return rows


def _listed(row: _Row, name: str, place: str) -> list[Any]:
    values = row.get(name) or []
    if not isinstance(values, list):
        raise DataError(f"{place}: {name} should be a list, one for each frame, got {shortened(values)}")
    return values


def _kinds(row: _Row, place: str) -> list[str]:
    """Return the kind of each shape of an annotation by place, "" where there is none."""
    segments, boxes = _listed(row, "segmentations", place), _listed(row, "bboxes", place)
    kinds = []
    for at in range(max(len(segments), len(boxes))):
        segment = drawn(segments[at]) if at < len(segments) else None
        box = boxes[at] if at < len(boxes) else None
        kinds.append(
            "mask" if isinstance(segment, dict) and segment else "polygon" if segment else "box" if box else ""
        )
    return kinds


def _read_video(
    entry: _Row,
    shapes: list[_Row],
    words: list[ExpressionRow],
    names: Mapping[str, str],
    finder: VideoFinder,
    file: Path,
    tally: ImportTally,
) -> LabelledVideo:
    listed = entry.get("file_names")
    if not isinstance(listed, list) or not all(isinstance(name, str) and name for name in listed):
        raise DataError(f"{file}: video {shortened(entry.get('id'))} should list its file_names")
    folder = PurePosixPath(plain_path(listed[0])).parent.as_posix() if listed else "."
    told = str(entry.get("name") or ("" if folder == "." else folder))
    name = finder.choose([told, PurePosixPath(told).name]) or told or finder.only() or "video"
    place = f"{file}: video {name!r}"
    footage = finder.find(name, file.parent / "JPEGImages" / name)
    size_wh = checked_size(entry.get("width"), entry.get("height"), place)
    if footage.info and footage.info.size_wh != size_wh:
        raise DataError(f"{place} is {size_wh[0]}x{size_wh[1]}, the video of that name {footage.info.size_wh}")
    length = None if entry.get("source_length") is None else frame_count(entry["source_length"], place)
    frames = frame_indices([ListedFrame(each) for each in listed], footage, length, place) if listed else []
    objects = CollectedObjects(size_wh, tally, place)
    keys, called = _keys(shapes, names, place)
    for row, key in zip(shapes, keys, strict=True):
        _put_shapes(objects, tally, key, row, frames, size_wh, _row_place(row, place))
    objects.fill_absent(sorted(frames))
    about = [objects.named(one.ids, called) for one in words]
    is_kept = objects.keep_whole(about)
    numbers = objects.numbers()
    tracks = objects.tracks(numbers)
    questions = [
        LabelledQuestion(one.name, one.text, tuple(numbers[key] for key in named), **one.origin)
        for one, named in compress(zip(words, about, strict=True), is_kept)
    ]
    return LabelledVideo(
        name=name,
        info=footage.info_or(num_frames=max([1, length or 0, *(index + 1 for index in frames)]), size_wh=size_wh),
        questions=questions_about(questions, tracks, objects.prompts(numbers)),
        tracks=tracks,
        object_names=objects.names(numbers),
        object_classes=objects.names(numbers),
        frame_names=footage.frame_names,
        frame_files=footage.files,
    )


def _row_place(row: _Row, place: str) -> str:
    return f"{place}: annotation {shortened(row.get('id'))}"


def _keys(
    shapes: list[_Row], names: Mapping[str, str], place: str
) -> tuple[list[ObjectKey], dict[Hashable, list[ObjectKey]]]:
    """Return what the object of each annotation is told apart by, and the objects by what instructions call them.

    That is `track_id`, or else its own id where nobody shares it. One `track_id` in two categories is two objects.
    """
    tracks = [object_key_of(row.get("track_id"), f"{_row_place(row, place)}: track_id") for row in shapes]
    ids = [object_key_of(row.get("id"), f"{_row_place(row, place)}: id") for row in shapes]
    alone = Counter(id for id, track in zip(ids, tracks, strict=True) if track is None)
    categories = [
        "" if row.get("category_id") is None else key_of(row["category_id"], f"{_row_place(row, place)}: category_id")
        for row in shapes
    ]
    of_track: dict[int | str, set[str]] = {}
    for track, category in zip(tracks, categories, strict=True):
        if track is not None:
            of_track.setdefault(track, set()).add(category)
    keys, called = [], dict[Hashable, list[ObjectKey]]()
    for at, (track, id, category) in enumerate(zip(tracks, ids, categories, strict=True)):
        value: Any = track if track is not None else id
        if track is not None and len(of_track[track]) > 1:
            value = (track, category)
        elif track is None and (id is None or alone[id] > 1 or id in of_track):
            value = ("annotation", at)
        key = ObjectKey(value, isinstance(value, int), names.get(category, "object"))
        keys.append(key)
        name = track if track is not None else None if id in of_track else id
        if name is not None and key not in called.setdefault(name, []):
            called[name].append(key)
    return keys, called


def _put_shapes(
    objects: CollectedObjects,
    tally: ImportTally,
    key: ObjectKey,
    row: _Row,
    frames: list[int],
    size_wh: tuple[int, int],
    place: str,
) -> None:
    segments, boxes = _listed(row, "segmentations", place), _listed(row, "bboxes", place)
    hidden = _listed(row, "occlusion", place)
    for name, values in (("segmentations", segments), ("bboxes", boxes), ("occlusion", hidden)):
        if values and len(values) != len(frames):
            raise DataError(f"{place}: has {len(values)} {name}, its video lists {len(frames)} frames")
    score = row.get("score")
    sure = ASSUMED_SCORE if score is None else real_number(score, f"{place}: score")
    kinds = _kinds(row, place)
    for at, frame_index in enumerate(frames):
        segment = drawn(segments[at]) if segments else None
        box = boxes[at] if boxes else None
        if not segment and not box:
            continue
        try:
            shape = read_coco_shape(segment, box, size_wh, f"{place}: frame {frame_index}")
        except ShapeError as error:
            objects.leave_damaged(key, kinds[at], error)
            continue
        if shape.reason:
            objects.leave(key, frame_index, shape.kind, shape.reason)
        elif shape.box is not None:
            objects.put_box(key, frame_index, shape.box, shape.kind)
        elif shape.rle is not None:
            leave_parts(shape.lost_parts, tally)
            is_occluded = bool(hidden) and hidden[at] in _OCCLUDED
            objects.put_mask(key, frame_index, LabelMask(shape.rle, sure, is_occluded=is_occluded), shape.kind)
