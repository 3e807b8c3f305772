"""The rows of a COCO file, parsed once: pictures, annotations, categories, videos and our instructions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from veason.errors import DataError
from veason.formats.labels.frame_numbers import ListedFrame
from veason.formats.labels.made_with import LabelOrigin, origin_from
from veason.formats.labels.numbers import frame_count, real_number, shortened, whole_number


@dataclass(frozen=True, slots=True)
class ImageRow:
    """A picture: its id as text, where it is, its `(width, height)` as they stand, the id of its video or None."""

    id: str
    frame: ListedFrame
    size: tuple[Any, Any]
    video_id: str | None


@dataclass(frozen=True, slots=True)
class VideoRow:
    """A video as its file tells it; `length` in frames, None where it is not told."""

    id: str
    name: str
    length: int | None = None
    fps: float | None = None
    size: tuple[Any, Any] = (None, None)


@dataclass(frozen=True, slots=True)
class Rows:
    """All of a COCO file.

    Attributes:
        images: in the order of the file.
        annotations: by the id of their picture, in the order of the file.
        categories: names by id.
        videos: by id.
        expressions: instructions by the id of their video.
    """

    images: list[ImageRow]
    annotations: dict[str, list[Mapping[str, Any]]]
    categories: dict[str, str]
    videos: dict[str, VideoRow]
    expressions: dict[str, list[ExpressionRow]] = field(default_factory=dict)


def parse_rows(content: Any, place: str) -> Rows:
    """Return the rows of a file. Raises DataError, with the place, for one that is not what COCO promises."""
    if isinstance(content, list) and content:
        content = _of_results(content, place)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        what = "a list" if isinstance(content, list) else "no images"
        raise DataError(f"{place}: should hold images, annotations and categories as COCO does, got {what}")
    images: dict[str, ImageRow] = {}
    for row in _rows(content, "images", place):
        image = _image(row, place)
        if image.id in images:
            raise DataError(f"{place}: two images have the id {image.id}: {image.frame.name!r} is the second")
        images[image.id] = image
    annotations: dict[str, list[Mapping[str, Any]]] = {}
    for row in _rows(content, "annotations", place):
        image_id = key_of(row.get("image_id"), f"{place}: annotation {shortened(row.get('id'))}: image_id")
        annotations.setdefault(image_id, []).append(row)
    videos: dict[str, VideoRow] = {}
    for video in (_video(each, place) for each in _rows(content, "videos", place)):
        if video.id in videos:
            raise DataError(f"{place}: two videos have the id {video.id}: {video.name!r} is the second")
        videos[video.id] = video
    categories = parse_categories(_rows(content, "categories", place), place)
    return Rows(list(images.values()), annotations, categories, videos, parse_expressions(content, place))


def _of_results(results: list[Any], place: str) -> dict[str, Any]:
    """Return a list of results, as detectors write predictions, as annotations of the pictures that they name.

    Raises:
        DataError: it is no such list, or pictures are told by numbers alone, which are ids of a list that is not here.
    """
    images: dict[str, dict[str, Any]] = {}
    for number, row in enumerate(results, start=1):
        where = f"{place}: result {number}"
        if not isinstance(row, dict) or "image_id" not in row:
            raise DataError(
                f"{place}: should hold images, annotations and categories as COCO does, got a list whose row {number} "
                "is no result with an image_id"
            )
        name = row.get("file_name", row["image_id"])
        if not isinstance(name, str) or not name.strip() or ("file_name" not in row and name.strip().isdecimal()):
            raise DataError(
                f"{where}: tells its picture by the id {shortened(row['image_id'])} alone, which says nothing without "
                "the list of images: write each result with its file_name, or put the results into annotations of the "
                "file that they were computed for"
            )
        code = row.get("segmentation")
        size = code.get("size") if isinstance(code, dict) else None
        width, height = (size[1], size[0]) if isinstance(size, list) and len(size) == 2 else (None, None)
        image = images.setdefault(key_of(row["image_id"], f"{where}: image_id"), {"file_name": name})
        if image["file_name"] != name:
            raise DataError(f"{where}: is of {name!r}, an earlier one of the same image_id of {image['file_name']!r}")
        if width is not None:
            image |= {"width": width, "height": height}
    return {"images": [{"id": id} | image for id, image in images.items()], "annotations": results}


def parse_categories(rows: Iterable[Mapping[str, Any]], place: str) -> dict[str, str]:
    """Return the names of categories by id. Raises DataError for two names of one id."""
    names: dict[str, str] = {}
    for row in rows:
        id, name = key_of(row.get("id"), f"{place}: the id of a category"), str(row.get("name") or "object")
        if names.setdefault(id, name) != name:
            raise DataError(f"{place}: the categories {names[id]!r} and {name!r} have the same id {id}")
    return names


@dataclass(frozen=True, slots=True)
class ExpressionRow:
    """An instruction that Veason wrote: its name and words, the ids of its objects, and which models labelled it."""

    name: str
    text: str
    ids: tuple[Any, ...]
    origin: LabelOrigin


def parse_expressions(content: Any, place: str) -> dict[str, list[ExpressionRow]]:
    """Return our instructions by the id of their video. Raises DataError."""
    expressions: dict[str, list[ExpressionRow]] = {}
    for row in _rows(content, "expressions", place):
        video_id = key_of(row.get("video_id"), f"{place}: the video_id of an instruction")
        ids = row.get("track_ids")
        if not isinstance(ids, list) or not isinstance(row.get("text"), str):
            raise DataError(f"{place}: an instruction should have text and track_ids, got {shortened(row.get('text'))}")
        keys = tuple(dict.fromkeys(object_key_of(key, f"{place}: track_ids of {row['text']!r}") for key in ids))
        if None in keys:
            raise DataError(f"{place}: the instruction {shortened(row['text'])} names an object without an id")
        expression = ExpressionRow(str(row.get("name")), row["text"], keys, origin_from(row))
        expressions.setdefault(video_id, []).append(expression)
    return expressions


def key_of(value: Any, place: str) -> str:
    """Return an id as text, so that 1, 1.0 and "1" are the same. Raises DataError where it is none."""
    if isinstance(value, str) and value.strip():
        text = value.strip()
        return str(int(text)) if text.isascii() and text.isdecimal() and len(text) < 20 else text
    return str(whole_number(value, place, least=-(2**63)))


def object_key_of(value: Any, place: str) -> int | str | None:
    """Return the id of an object, as a number where it is one; None for no id, which some write as -1 or "".

    Raises:
        DataError: it is neither a number of 64 bits nor text.
    """
    if value is None or isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
        return None
    key = key_of(value, place)
    is_number = key.removeprefix("-").isdecimal() and key.isascii()
    return (int(key) if int(key) >= 0 else None) if is_number and len(key) < 20 else key


def _rows(content: Mapping[str, Any], name: str, place: str) -> list[Mapping[str, Any]]:
    rows = content.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{place}: {name} should be a list of objects as in COCO")
    return rows


def _image(row: Mapping[str, Any], place: str) -> ImageRow:
    name = row.get("file_name")
    if not isinstance(name, str) or not name.strip():
        raise DataError(f"{place}: image {shortened(row.get('id'))} has no file_name")
    where = f"{place}: image {name!r}"
    index, frame_id = (
        None if row.get(key) is None else whole_number(row[key], f"{where}: {key}")
        for key in ("frame_index", "frame_id")
    )
    video_id = row.get("video_id")
    return ImageRow(
        id=key_of(row.get("id"), f"{where}: id"),
        frame=ListedFrame(name, index, frame_id),
        size=(row.get("width"), row.get("height")),
        video_id=None if video_id is None else key_of(video_id, f"{where}: video_id"),
    )


def _video(row: Mapping[str, Any], place: str) -> VideoRow:
    id = key_of(row.get("id"), f"{place}: the id of a video")
    name = str(row.get("name") or row.get("file_name") or id)
    where = f"{place}: video {name!r}"
    return VideoRow(
        id=id,
        name=name,
        length=None if row.get("length") is None else frame_count(row["length"], where),
        fps=None if row.get("fps") is None else real_number(row["fps"], f"{where}: fps", least=1e-3, most=1e5),
        size=(row.get("width"), row.get("height")),
    )
