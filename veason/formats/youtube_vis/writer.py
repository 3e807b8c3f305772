"""YouTube-VIS written: one annotation an object."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from veason.formats.labels.jsonfile import ListsFile
from veason.formats.labels.made_with import origin_of
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo
from veason.masks import coco_dict, mask_area, mask_box

INSTANCES = Path("train") / "instances.json"
"""Where the annotations lie below the folder."""


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write one YouTube-VIS data set."""
    categories: dict[str, int] = {}
    head = {"info": {"description": "labelled with Veason", "version": "1"}, "licenses": []}
    with ListsFile(out / INSTANCES, head, ("categories", "videos", "annotations", "expressions")) as file:
        for video_id, video in enumerate(videos, start=1):
            frames = video.labelled_frames()
            _write_video(file, video, video_id, frames, tally, categories)
            if options.has_pictures:
                write_pictures(video, frames, out / "train" / "JPEGImages" / video.name)
        for name, number in categories.items():
            file.append("categories", {"id": number, "name": name, "supercategory": "object"})


def _write_video(
    file: ListsFile,
    video: LabelledVideo,
    video_id: int,
    frames: tuple[int, ...],
    tally: Tally,
    categories: dict[str, int],
) -> None:
    width, height = video.info.size_wh
    fields = {"id": video_id, "name": video.name, "width": width, "height": height, "length": len(frames)}
    fields |= {"file_names": [_file_name(video, index) for index in frames], "source_length": video.info.num_frames}
    file.append("videos", fields)
    for object_id in video.object_ids:
        category_id = categories.setdefault(video.category(object_id), len(categories) + 1)
        tally.counts["objects"] += 1
        row = {"id": tally.counts["objects"], "video_id": video_id, "category_id": category_id, "track_id": object_id}
        file.append("annotations", row | _shapes(video, object_id, frames, tally))
    for question in video.questions:
        if question.instruction:
            tally.counts["instructions"] += 1
            row = {"video_id": video_id, "name": question.name, "text": question.instruction}
            file.append("expressions", row | {"track_ids": list(question.object_ids)} | origin_of(question))
    tally.counts["videos"] += 1
    tally.counts["frames"] += len(frames)


def _shapes(video: LabelledVideo, object_id: int, frames: tuple[int, ...], tally: Tally) -> dict[str, Any]:
    track = video.tracks[object_id]
    masks = [track[index].rle if index in track and not track[index].is_empty else None for index in frames]
    boxes = [mask_box(mask) if mask else None for mask in masks]
    tally.counts["masks"] += sum(mask is not None for mask in masks)
    width, height = video.info.size_wh
    return {
        "width": width,
        "height": height,
        "iscrowd": 0,
        "segmentations": [coco_dict(mask) if mask else None for mask in masks],
        "bboxes": [[box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1] if box else None for box in boxes],
        "areas": [mask_area(mask) if mask else None for mask in masks],
    }


def _file_name(video: LabelledVideo, frame_index: int) -> str:
    return f"{video.name}/{video.frame_name(frame_index)}.jpg"
