"""ReVOS: JPEGImages/<video>/<frame>.jpg, meta_expressions_<split>_.json, mask_dict.json, mask_dict_foreground.json.

    {"videos": {"clip_a": {"vid_id": 7, "height": 360, "width": 640, "frames": ["00000", "00001"], "expressions": {
        "0": {"exp": "the grey kite", "obj_id": [0], "anno_id": [41], "type_id": 0},
        "1": {"exp": "the sleeping otter", "obj_id": [], "anno_id": [], "type_id": 2}}}}}

mask_dict.json holds the masks of all splits by annotation id; the foreground file holds, by video, the union of every
object that any expression names. type_id: 0 referring, 1 reasoning, 2 absent.
Source: cilinyan/ReVOS-api and the loaders of cilinyan/VISA at ec158fd, described in method.md 2.4.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.formats.benchmarks.read import (
    Complaints,
    RleTruth,
    check_row,
    get,
    read_videos,
    video_frames,
    video_size,
)
from veason.formats.benchmarks.rle_file import masks_json, raw_rows, row_writer
from veason.formats.benchmarks.write import WriteVideo, write_frames, write_json
from veason.masks import coco_dict, empty_mask, mask_area, union_mask
from veason.types import Rle, Sample, SampleType

SPLITS = ("valid", "train")
TYPES: tuple[SampleType, ...] = ("referring", "reasoning", "absent")
"""By type_id."""

MASKS, FOREGROUND = "mask_dict.json", "mask_dict_foreground.json"


def read(root: Path, split: str, complaints: Complaints) -> Iterator[Sample]:
    """Yield the samples of a split in file order. Raises DataError."""
    file = meta_file(root, split)
    pictures = root / "JPEGImages" if (root / "JPEGImages").is_dir() else root  # some copies have no such folder
    for video, entry in read_videos(file, complaints):
        with complaints.row():
            yield from _read_video(root, file, pictures, video, entry, complaints)


def _read_video(
    root: Path, file: Path, pictures: Path, video: str, entry: dict[str, Any], complaints: Complaints
) -> Iterator[Sample]:
    where = f"videos.{video}"
    frames = video_frames(entry, file, where, complaints)
    size_wh = video_size(entry, file, where)
    expressions = get(entry, "expressions", dict, file, where)
    folder = pictures / video
    masks, foreground, first_frame = root / MASKS, root / FOREGROUND, folder / f"{frames[0]}.jpg"
    all_ids = tuple(dict.fromkeys(str(number) for row in expressions.values() for number in id_list(row, "anno_id")))
    for expression_id, row in expressions.items():
        with complaints.row():
            place = f"{where}.expressions.{expression_id}"
            object_ids = tuple(str(number) for number in id_list(row, "obj_id"))
            anno_ids = tuple(str(number) for number in id_list(row, "anno_id"))
            type_id = get(row, "type_id", int, file, place)
            check_row(type_id in (0, 1, 2), file, f"{place}.type_id", "0, 1 or 2", type_id)
            check_row(len(object_ids) == len(anno_ids), file, place, "as many obj_id as anno_id", row)
            if (TYPES[type_id] == "absent") == bool(anno_ids):
                complaints.note(f"{file}: {place}: want annotations for types 0 and 1 and none for 2, got {row}")
            yield Sample(
                dataset="revos",
                video=video,
                expression_id=expression_id,
                instruction=get(row, "exp", str, file, place),
                type=TYPES[type_id],
                frame_names=frames,
                frames_dir=folder,
                object_ids=object_ids,
                key=f"{video}/{expression_id}",
                size_wh=size_wh,
                source=RleTruth(
                    file=masks,
                    foreground_file=foreground,
                    video=video,
                    object_ids=object_ids,
                    anno_ids=anno_ids,
                    all_anno_ids=all_ids,
                    num_frames=len(frames),
                    size_wh=size_wh,
                    first_frame=first_frame,
                ),
            )


def meta_file(root: Path, split: str) -> Path:
    """Return the file with the expressions of a split; the published names end in an underscore."""
    plain = root / f"meta_expressions_{split}.json"
    return plain if plain.is_file() else root / f"meta_expressions_{split}_.json"


def id_list(row: Any, key: str) -> list[Any]:
    """Return the ids under `key`: some conversions of the format store a scalar where others store a list."""
    value = row.get(key, []) if isinstance(row, dict) else []
    return value if isinstance(value, list) else [value]


def write_revos(root: str | Path, videos: Iterable[WriteVideo], split: str = "valid") -> None:
    """Write videos as one split of a ReVOS dataset; other splits already there are kept.

    Args:
        root: folder of the dataset, made if it is not there.
        videos: taken one at a time; an earlier version of the split is gone once this starts.
        split: "train" or "valid".

    Raises:
        DataError: a video does not fit the format, or comes twice.
    """
    root = Path(root)
    root.mkdir(parents=True, exist_ok=True)
    meta = root / f"meta_expressions_{split}_.json"
    meta.unlink(missing_ok=True)
    kept_videos, kept_ids = _of_other_splits(root)
    entries: dict[str, Any] = {}
    next_id = 1 + max((int(key) for key in kept_ids), default=-1)
    with row_writer(root / MASKS) as write_masks, row_writer(root / FOREGROUND) as write_foreground:
        for key, value in _rows(root / MASKS, kept_ids, is_foreground=False):
            write_masks(key, value)
        for key, value in _rows(root / FOREGROUND, kept_videos, is_foreground=True):
            write_foreground(key, value)
        for video in videos:
            if video.name in entries or video.name in kept_videos:
                raise DataError(f"video {video.name!r} comes twice: names are unique over all splits")
            write_frames(root / "JPEGImages" / video.name, video)
            anno_ids = {object_id: next_id + place for place, object_id in enumerate(video.objects)}
            next_id += len(anno_ids)
            for object_id, masks in video.objects.items():
                write_masks(str(anno_ids[object_id]), masks_json(masks))
            write_foreground(video.name, foreground_json(video))
            entries[video.name] = meta_entry(video, anno_ids, len(kept_videos) + len(entries), has_types=True)
    write_json(meta, {"videos": entries})


def meta_entry(video: WriteVideo, anno_ids: dict[int, int], number: int, *, has_types: bool) -> dict[str, Any]:
    """Return the entry of one video; MeViS has the same without sizes and types."""
    expressions: dict[str, Any] = {}
    for name, item in video.numbered():
        expressions[name] = {
            "exp": item.text,
            "obj_id": list(item.object_ids),
            "anno_id": [anno_ids[object_id] for object_id in item.object_ids],
        }
        if has_types:
            expressions[name]["type_id"] = TYPES.index(item.type or ("referring" if item.object_ids else "absent"))
    width, height = video.size_wh
    sizes = {"height": height, "width": width} if has_types else {}
    return {"vid_id": number, **sizes, "frames": list(video.frame_names), "expressions": expressions}


def foreground_json(video: WriteVideo) -> bytes:
    """Return the foreground entry: union and covered share of every frame.

    Source: VISA tools/generate_foreground_mask.py: all objects that any expression of the video names.
    """
    named = {object_id for item in video.expressions for object_id in item.object_ids}
    masks = [frame_union(video, named, index) for index in range(len(video.frame_names))]
    width, height = video.size_wh
    return json.dumps(
        {
            "masks_rle": [coco_dict(mask) for mask in masks],
            "foreground_ratio": [mask_area(mask) / (width * height) for mask in masks],
        }
    ).encode()


def frame_union(video: WriteVideo, object_ids: Iterable[int], frame_index: int) -> Rle:
    """Return the union of the objects on one frame, an empty mask where there is none."""
    masks = [mask for object_id in object_ids if (mask := video.objects[object_id][frame_index]) is not None]
    return union_mask(masks) if masks else empty_mask(video.size_wh)


def _of_other_splits(root: Path) -> tuple[set[str], set[str]]:
    """Return the videos and annotation ids that the other splits below `root` still need."""
    videos: set[str] = set()
    ids: set[str] = set()
    for file in sorted(root.glob("meta_expressions_*.json")):
        for name, entry in read_videos(file, Complaints()):
            videos.add(name)
            rows = entry.get("expressions", {}).values()
            ids.update(str(number) for row in rows for number in id_list(row, "anno_id"))
    return videos, ids


def _rows(file: Path, wanted: Sequence[str] | set[str], *, is_foreground: bool) -> Iterator[tuple[str, bytes]]:
    if file.is_file() and wanted:
        yield from ((key, value) for key, value in raw_rows(file, is_foreground=is_foreground) if key in wanted)
