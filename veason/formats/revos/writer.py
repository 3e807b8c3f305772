"""ReVOS written: one split at a time, beside the others that share its files of masks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.formats.benchmarks.files import write_compact_json
from veason.formats.benchmarks.pictures import write_frames
from veason.formats.benchmarks.rle_file import masks_json, raw_rows, row_writer
from veason.formats.benchmarks.rows import Complaints, id_list, read_videos
from veason.formats.benchmarks.videos import WriteVideo
from veason.formats.record import Split
from veason.formats.revos.reader import FOREGROUND_FILE, MASKS_FILE, TYPES_BY_ID
from veason.masks import coco_dict, empty_mask, mask_area, union_mask
from veason.types import Rle


def write(split: Split, videos: Iterable[WriteVideo]) -> None:
    """Write videos as one split of a ReVOS dataset; other splits already there are kept.

    Args:
        split: its folder is made if it is not there.
        videos: taken one at a time; an earlier version of the split is gone once this starts.

    Raises:
        DataError: a video does not fit the format, or comes twice.
    """
    root = split.root
    root.mkdir(parents=True, exist_ok=True)
    split.meta.unlink(missing_ok=True)
    kept_videos, kept_ids = _of_other_splits(root)
    entries: dict[str, Any] = {}
    next_id = 1 + max((int(key) for key in kept_ids), default=-1)
    with row_writer(root / MASKS_FILE) as write_masks, row_writer(root / FOREGROUND_FILE) as write_foreground:
        for key, value in _rows(root / MASKS_FILE, kept_ids, is_foreground=False):
            write_masks(key, value)
        for key, value in _rows(root / FOREGROUND_FILE, kept_videos, is_foreground=True):
            write_foreground(key, value)
        for video in videos:
            if video.name in entries or video.name in kept_videos:
                raise DataError(f"video {video.name!r} comes twice: names are unique over all splits")
            write_frames(root / "JPEGImages" / video.name, video)
            anno_ids = {object_id: next_id + place for place, object_id in enumerate(video.objects)}
            next_id += len(anno_ids)
            for object_id, masks in video.objects.items():
                write_masks(str(anno_ids[object_id]), masks_json(masks))
            write_foreground(video.name, _foreground_json(video))
            entries[video.name] = meta_entry(video, anno_ids, len(kept_videos) + len(entries), has_types=True)
    write_compact_json(split.meta, {"videos": entries})


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
            expressions[name]["type_id"] = TYPES_BY_ID.index(
                item.type or ("referring" if item.object_ids else "absent")
            )
        expressions[name] |= dict(item.models)
    width, height = video.size_wh
    sizes = {"height": height, "width": width} if has_types else {}
    return {"vid_id": number, **sizes, "frames": list(video.frame_names), "expressions": expressions}


def _foreground_json(video: WriteVideo) -> bytes:
    """Return the foreground entry: union and covered share of every frame.

    Source: VISA tools/generate_foreground_mask.py: all objects that any expression of the video names.
    """
    named = {object_id for item in video.expressions for object_id in item.object_ids}
    masks = [_frame_union(video, named, index) for index in range(len(video.frame_names))]
    width, height = video.size_wh
    return json.dumps(
        {
            "masks_rle": [coco_dict(mask) for mask in masks],
            "foreground_ratio": [mask_area(mask) / (width * height) for mask in masks],
        }
    ).encode()


def _frame_union(video: WriteVideo, object_ids: Iterable[int], frame_index: int) -> Rle:
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


def _rows(file: Path, wanted: set[str], *, is_foreground: bool) -> Iterator[tuple[str, bytes]]:
    if file.is_file() and wanted:
        yield from ((key, value) for key, value in raw_rows(file, is_foreground=is_foreground) if key in wanted)
