"""YouTube-VIS: one annotation an object, with a mask or null for each listed frame of its video.

    train/JPEGImages/<video>/<frame>.jpg   train/instances.json

`file_names` lists the labelled frames; a file is called by its frame's number in the whole video. `expressions` is
ours: the instructions and the annotations they are about. Source: the layout of YouTube-VIS 2019, whose tools read
compressed run-length code as well as plain counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.jsonfile import ListsFile, read_json
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.values import (
    SURE_SCORE,
    LabelledQuestion,
    LabelledVideo,
    LabelMask,
    from_one,
    with_rest,
)
from veason.masks import coco_dict, empty_mask, mask_area, mask_box, rle_from_coco

FILE = Path("train") / "instances.json"
_BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def write_youtube_vis(videos: Iterable[LabelledVideo], out: Path, tally: Tally, *, has_pictures: bool) -> None:
    """Write one YouTube-VIS data set."""
    categories: dict[str, int] = {}
    head = {"info": {"description": "labelled with Veason", "version": "1"}, "licenses": []}
    with ListsFile(out / FILE, head, ("categories", "videos", "annotations", "expressions")) as file:
        for video_id, video in enumerate(videos, start=1):
            frames = video.labelled_frames()
            _write_video(file, video, video_id, frames, tally, categories)
            if has_pictures:
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
        category_id = categories.setdefault(video.object_name(object_id), len(categories) + 1)
        tally.counts["objects"] += 1
        row = {"id": tally.counts["objects"], "video_id": video_id, "category_id": category_id, "track_id": object_id}
        file.append("annotations", row | _shapes(video, object_id, frames, tally))
    for question in video.questions:
        if question.instruction:
            tally.counts["instructions"] += 1
            row = {"video_id": video_id, "name": question.name, "text": question.instruction}
            file.append("expressions", row | {"track_ids": list(question.object_ids)})
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


def read_youtube_vis(source: Path, finder: VideoFinder) -> Iterator[LabelledVideo]:
    """Yield the videos of a YouTube-VIS file, or of the folder that holds one.

    Raises:
        DataError: the file is missing or not what YouTube-VIS promises.
    """
    file = source / FILE if source.is_dir() else source
    content = read_json(file, "YouTube-VIS videos and annotations")
    try:
        videos = content["videos"]
        names = {row["id"]: str(row["name"]) for row in content.get("categories", [])}
        shapes: dict[int, list[dict[str, Any]]] = {row["id"]: [] for row in videos}
        words: dict[int, list[dict[str, Any]]] = {row["id"]: [] for row in videos}
        for row in content["annotations"]:
            shapes[row["video_id"]].append(row)
        for row in content.get("expressions", []):
            words[row["video_id"]].append(row)
    except _BROKEN as error:
        raise DataError(f"{file}: should hold videos and annotations as YouTube-VIS does: {error!r}") from error
    for row in videos:
        try:
            yield _read_video(row, shapes[row["id"]], words[row["id"]], names, finder, file)
        except _BROKEN as error:
            raise DataError(f"{file}: video {row.get('id')} is not what YouTube-VIS promises: {error!r}") from error


def _read_video(
    entry: dict[str, Any],
    shapes: list[dict[str, Any]],
    words: list[dict[str, Any]],
    names: dict[int, str],
    finder: VideoFinder,
    file: Path,
) -> LabelledVideo:
    files = [Path(name) for name in entry["file_names"]]
    name = str(entry.get("name") or files[0].parent.as_posix())
    footage = finder.find(name, file.parent / "JPEGImages" / name)
    frames = [footage.index_of(each.stem, file) for each in files]
    size_wh = (int(entry["width"]), int(entry["height"]))
    nothing = LabelMask(empty_mask(size_wh), -SURE_SCORE)
    ids = from_one(int(row.get("track_id", row["id"])) for row in shapes)
    tracks, object_names = {}, {}
    for row in shapes:
        object_id = ids[int(row.get("track_id", row["id"]))]
        tracks[object_id] = {
            frame_index: LabelMask(rle_from_coco(mask)) if mask else nothing
            for frame_index, mask in zip(frames, row["segmentations"], strict=True)
        }
        if names.get(row["category_id"], "object") != "object":
            object_names[object_id] = names[row["category_id"]]
    questions = [
        LabelledQuestion(str(row["name"]), str(row["text"]), tuple(ids[int(key)] for key in row["track_ids"]))
        for row in words
    ]
    num_frames = max([int(entry.get("source_length", 0)), *(frame_index + 1 for frame_index in frames)])
    return LabelledVideo(
        name=name,
        info=footage.info_or(num_frames=num_frames, size_wh=size_wh),
        questions=with_rest(questions, tracks),
        tracks=tracks,
        object_names=object_names,
        frame_names=footage.frame_names,
        frame_files=footage.files,
    )
