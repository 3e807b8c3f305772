"""COCO written: images and annotations that know their video and object."""

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
from veason.types import Rle

ANNOTATIONS = Path("annotations") / "instances_train.json"
"""Where the annotations lie below the folder."""


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write one COCO data set."""
    head = {"info": {"description": "labelled with Veason", "version": "1"}, "licenses": []}
    categories: dict[str, int] = {}
    with ListsFile(out / ANNOTATIONS, head, ("categories", "videos", "images", "annotations", "expressions")) as file:
        for video_id, video in enumerate(videos, start=1):
            _write_video(file, video, video_id, tally, categories)
            if options.has_pictures:
                write_pictures(video, video.labelled_frames(), out / "images" / video.name)
        for name, number in categories.items():
            file.append("categories", {"id": number, "name": name, "supercategory": ""})


def _write_video(
    file: ListsFile, video: LabelledVideo, video_id: int, tally: Tally, categories: dict[str, int]
) -> None:
    width, height = video.info.size_wh
    fields = {"id": video_id, "name": video.name, "width": width, "height": height}
    file.append("videos", {**fields, "length": video.info.num_frames, "fps": video.info.fps})
    for question in video.questions:
        if not question.instruction:
            continue
        tally.counts["instructions"] += 1
        file.append(
            "expressions",
            {
                "video_id": video_id,
                "name": question.name,
                "text": question.instruction,
                "track_ids": list(question.object_ids),
                **origin_of(question),
            },
        )
    for frame_index, masks in video.by_frame():
        tally.counts["frames"] += 1
        image_id = tally.counts["frames"]
        file.append(
            "images",
            {
                "id": image_id,
                "file_name": _file_name(video, frame_index),
                "width": width,
                "height": height,
                "video_id": video_id,
                "frame_index": frame_index,
                "frame_id": frame_index,
            },
        )
        for object_id, mask in masks.items():
            if mask.is_empty:
                continue
            tally.counts["masks"] += 1
            category_id = categories.setdefault(video.category(object_id), len(categories) + 1)
            row: dict[str, Any] = {
                "id": tally.counts["masks"],
                "image_id": image_id,
                "video_id": video_id,
                "category_id": category_id,
            }
            row |= {"track_id": object_id, "instance_id": object_id, "score": mask.score, **_shape(mask.rle)}
            row["attributes"] = {"track_id": object_id, "occluded": mask.is_occluded}  # as CVAT and Datumaro have it
            file.append("annotations", row)
    tally.counts["videos"] += 1
    tally.counts["objects"] += len(video.tracks)


def _shape(rle: Rle) -> dict[str, Any]:
    box = mask_box(rle)
    assert box is not None, "empty masks are not annotated"
    return {
        "segmentation": coco_dict(rle),
        "area": mask_area(rle),
        "bbox": [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1],
        "iscrowd": 0,
    }


def _file_name(video: LabelledVideo, frame_index: int) -> str:
    return f"{video.name}/{video.frame_name(frame_index)}.jpg"
