"""YouTube-VIS read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from veason.errors import DataError
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.jsonfile import read_json_file
from veason.formats.labels.values import ASSUMED_SCORE, LabelledQuestion, LabelledVideo, LabelMask, from_one, with_rest
from veason.formats.youtube_vis.writer import INSTANCES
from veason.masks import empty_mask, rle_from_coco

_BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError)


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a YouTube-VIS file, or of the folder that holds one.

    Raises:
        DataError: the file is missing or not what YouTube-VIS promises.
    """
    file = source / INSTANCES if source.is_dir() else source
    content = read_json_file(file, "YouTube-VIS videos and annotations")
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
            video = _read_video(row, shapes[row["id"]], words[row["id"]], names, finder, file)
        except _BROKEN as error:
            raise DataError(f"{file}: video {row.get('id')} is not what YouTube-VIS promises: {error!r}") from error
        tally.take_whole(video)
        yield video


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
    nothing = LabelMask(empty_mask(size_wh), -ASSUMED_SCORE)
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
