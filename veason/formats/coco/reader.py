"""COCO read: ours, CocoVID's, and plain images with annotations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.formats.coco.writer import ANNOTATIONS
from veason.formats.labels.footage import UNKNOWN_FPS, VideoFinder
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.jsonfile import read_json_file
from veason.formats.labels.values import ASSUMED_SCORE, LabelledQuestion, LabelledVideo, LabelMask, from_one, with_rest
from veason.libraries import library_imports
from veason.masks import empty_mask, rle_from_coco
from veason.types import Rle

_BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a COCO file, or of the folder that holds one.

    Images of plain COCO, without `video_id`, are taken as the frames of one video a folder; annotations without
    `track_id` as one object a category.

    Raises:
        DataError: the file is missing or not what COCO promises.
    """
    file = source / ANNOTATIONS if source.is_dir() else source
    others = sorted(source.glob("annotations/*.json")) or sorted(source.glob("*.json")) if source.is_dir() else []
    file = file if file.is_file() or len(others) != 1 else others[0]
    content = read_json_file(file, "COCO images and annotations")
    pictures = file.parent.parent / "images"
    try:
        videos, images = _group_images(content)
        by_image: dict[int, list[dict[str, Any]]] = {}
        for row in content["annotations"]:
            by_image.setdefault(row["image_id"], []).append(row)
        names = {row["id"]: str(row["name"]) for row in content.get("categories", [])}
        expressions = content.get("expressions", [])
    except _BROKEN as error:
        raise DataError(f"{file}: should hold images, annotations and categories as COCO does: {error!r}") from error
    for video_id, entry in videos.items():
        words = [row for row in expressions if row.get("video_id") == video_id]
        try:
            video = _read_video(entry, images[video_id], by_image, names, words, finder, pictures / entry["name"], file)
        except _BROKEN as error:
            raise DataError(f"{file}: video {entry.get('name')!r} is not what COCO promises: {error!r}") from error
        tally.take_whole(video)
        yield video


def _group_images(content: dict[str, Any]) -> tuple[dict[Any, dict[str, Any]], dict[Any, list[dict[str, Any]]]]:
    """Return the videos and their images by video id."""
    videos = {row["id"]: row for row in content.get("videos", [])}
    images: dict[Any, list[dict[str, Any]]] = {key: [] for key in videos}
    for row in content["images"]:
        folder = Path(row["file_name"]).parent.as_posix()
        key = row.get("video_id", folder)
        if key not in videos:
            videos[key] = {"id": key, "name": "video" if folder == "." else folder}
            images[key] = []
        images[key].append(row)
    return videos, images


def _read_video(
    entry: dict[str, Any],
    images: list[dict[str, Any]],
    by_image: dict[int, list[dict[str, Any]]],
    names: dict[int, str],
    expressions: list[dict[str, Any]],
    finder: VideoFinder,
    pictures: Path,
    file: Path,
) -> LabelledVideo:
    footage = finder.find(entry["name"], pictures)
    rows = sorted(
        ((_frame_index(row, footage.frame_names, place), row) for place, row in enumerate(images)),
        key=lambda pair: pair[0],
    )
    found: dict[int, dict[int, LabelMask]] = {}
    object_names: dict[int, str] = {}
    shown = [row for image in images for row in by_image.get(image["id"], [])]
    ids = from_one([*map(_object_id, shown), *(int(key) for row in expressions for key in row["track_ids"])])
    for frame_index, image in rows:
        for row in by_image.get(image["id"], []):
            object_id = ids[_object_id(row)]
            mask = LabelMask(_rle(row["segmentation"], image, file), float(row.get("score", ASSUMED_SCORE)))
            found.setdefault(object_id, {})[frame_index] = mask
            if (name := names.get(row["category_id"], "object")) != "object":
                object_names[object_id] = name
    for row in expressions:
        for object_id in row["track_ids"]:
            found.setdefault(ids[int(object_id)], {})
    size_wh = (int(images[0]["width"]), int(images[0]["height"])) if images else (entry["width"], entry["height"])
    nothing = LabelMask(empty_mask(size_wh), -ASSUMED_SCORE)
    tracks = {
        object_id: {frame_index: found[object_id].get(frame_index, nothing) for frame_index, _ in rows}
        for object_id in sorted(found)
    }
    questions = [
        LabelledQuestion(str(row["name"]), str(row["text"]), tuple(ids[int(key)] for key in row["track_ids"]))
        for row in expressions
    ]
    num_frames = max([int(entry.get("length", 0)), *(frame_index + 1 for frame_index, _ in rows)])
    return LabelledVideo(
        name=str(entry["name"]),
        info=footage.info_or(num_frames=num_frames, size_wh=size_wh, fps=float(entry.get("fps", UNKNOWN_FPS))),
        questions=with_rest(questions, tracks),
        tracks=tracks,
        object_names=object_names,
        frame_names=footage.frame_names,
        frame_files=footage.files,
    )


def _object_id(row: dict[str, Any]) -> int:
    return int(row.get("track_id", row.get("instance_id", row["category_id"])))


def _frame_index(row: dict[str, Any], frame_names: tuple[str, ...], place: int) -> int:
    stem = Path(row["file_name"]).stem
    if stem in frame_names:
        return frame_names.index(stem)
    for key in ("frame_index", "frame_id"):
        if isinstance(row.get(key), int):
            return int(row[key])
    return int(stem) if stem.isdecimal() else place


def _rle(segmentation: Any, image: dict[str, Any], file: Path) -> Rle:
    """Return a mask of any of the three ways in which COCO writes one."""
    if isinstance(segmentation, dict):
        return rle_from_coco(segmentation)
    with library_imports():
        from pycocotools import mask as coco

    if not segmentation:
        raise DataError(f"{file}: an annotation of image {image['file_name']!r} has a box but no mask")
    height, width = int(image["height"]), int(image["width"])
    return rle_from_coco(coco.merge(coco.frPyObjects(segmentation, height, width)))
