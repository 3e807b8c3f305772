"""MeViS written: one split at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from veason.errors import DataError
from veason.formats.benchmarks.files import write_compact_json
from veason.formats.benchmarks.pictures import write_frames
from veason.formats.benchmarks.rle_file import masks_json, row_writer
from veason.formats.benchmarks.videos import WriteVideo
from veason.formats.record import Split
from veason.formats.revos.reader import MASKS_FILE
from veason.formats.revos.writer import meta_entry


def write(split: Split, videos: Iterable[WriteVideo]) -> None:
    """Write videos as one split of a MeViS dataset, one at a time; for "valid" the ground truth is left out.

    Raises:
        DataError: a video does not fit the format, or comes twice.
    """
    folder = split.root / split.name
    folder.mkdir(parents=True, exist_ok=True)
    masks = folder / MASKS_FILE
    split.meta.unlink(missing_ok=True)
    entries: dict[str, Any] = {}
    next_id = 0
    with row_writer(masks) as write_row:
        for video in videos:
            if video.name in entries:
                raise DataError(f"video {video.name!r} comes twice: names are unique")
            write_frames(folder / "JPEGImages" / video.name, video)
            anno_ids = {object_id: next_id + place for place, object_id in enumerate(video.objects)}
            next_id += len(anno_ids)
            for object_id, rles in video.objects.items() if split.has_truth else ():
                write_row(str(anno_ids[object_id]), masks_json(rles))
            entry = meta_entry(video, anno_ids, len(entries), has_types=False)
            for row in entry["expressions"].values() if not split.has_truth else ():
                del row["obj_id"], row["anno_id"]
            entries[video.name] = entry
    if not split.has_truth:
        masks.unlink()
    write_compact_json(split.meta, {"videos": entries})
