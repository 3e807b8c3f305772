"""The tasks of a Label Studio export: what each is about, which of its annotations counts, and the regions of that.

A region is one shape that a person drew: an instance of its label, whatever else has the same label. Several rows of a
result with one id say several things of one region. A row that draws nothing (a choice, a text, a relation) is passed
over and counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from veason.errors import DataError
from veason.formats.labels.frame_numbers import ListedFrame, plain_path
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.numbers import shortened
from veason.project.videos import VIDEOS

SERVED = "/data/local-files/?d="
"""How Label Studio calls files of its local storage; what follows is quoted as in any address."""

_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_UPLOAD = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""

_DRAWN = {
    "brush": "brush mask", "bitmask": "bitmask", "polygon": "polygon", "rectangle": "box", "ellipse": "ellipse",
    "video": "track",
}  # fmt: skip
"""Kinds of regions, and what they are called when they are counted; of a track its boxes are."""

_TELLING = (
    ("rle", "brush"),
    ("imageDataURL", "bitmask"),
    ("points", "polygon"),
    ("radiusX", "ellipse"),
    ("sequence", "video"),
    ("width", "rectangle"),
)


@dataclass(frozen=True, slots=True)
class Region:
    """One region.

    Attributes:
        kind: "brush", "bitmask", "polygon", "rectangle", "ellipse" or "video".
        value: its geometry as the file has it.
        label: what it was labelled as, "" for nothing.
        size: (width, height) of its picture as the file has it, None where it does not say.
        is_turned: whether the picture was turned while it was drawn.
        place: begins the messages: file, task and region.
        target: what the labelling interface calls the picture or video it is drawn on, "" where it is not told.
    """

    kind: str
    value: Mapping[str, Any]
    label: str
    size: tuple[Any, Any] | None
    is_turned: bool
    place: str
    target: str = ""

    @property
    def counted_as(self) -> str:
        """What it is called when it is counted."""
        return _DRAWN[self.kind]


@dataclass(slots=True)
class LabelStudioTask:
    """One task.

    Attributes:
        data: what it is about, as the file has it.
        place: begins the messages: file and task.
        path: of its picture or video, without folders of Label Studio.
        is_picture: whether it is about a picture.
        is_ours: whether Veason wrote it, so that a label ends with the id of an object.
        is_labelled: whether an annotation or prediction counts, if only to say that there is nothing.
        regions: of the one that counts.
    """

    data: Mapping[str, Any]
    place: str
    path: PurePosixPath
    is_picture: bool
    is_ours: bool
    is_labelled: bool = False
    regions: list[Region] = field(default_factory=list)

    @property
    def frame(self) -> ListedFrame:
        """Its picture as one of a video."""
        name = self.data.get("name") if self.is_ours else None
        index = self.data.get("frame")
        is_index = isinstance(index, int) and not isinstance(index, bool)
        return ListedFrame(
            f"{name}.jpg" if isinstance(name, str) and name else self.path.name, index if is_index else None
        )


def parse_tasks(content: Any, file: str, tally: ImportTally) -> Iterator[LabelStudioTask]:
    """Yield the tasks of a file; every region is counted as found, and as left out where its annotation does not count.

    Raises:
        DataError: they are not what Label Studio exports as JSON.
    """
    rows = [content] if isinstance(content, dict) else content
    if not isinstance(rows, list):
        raise DataError(f"{file}: should be a list of Label Studio tasks, got {shortened(content)}")
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict) and isinstance(row.get("task"), dict) and "result" in row:  # as its storages export
            row = {**row["task"], "annotations": [row]}
        place = f"{file}: task {row['id']}" if isinstance(row, dict) and row.get("id") is not None else None
        place = place or f"{file}: task number {number}"
        data = row.get("data") if isinstance(row, dict) else None
        if not isinstance(data, dict):
            raise DataError(f"{place}: should be a Label Studio task with 'data' and 'annotations': export as JSON")
        yield from _parse_task(row, data, place, tally)


def _parse_task(
    row: Mapping[str, Any], data: dict[str, Any], place: str, tally: ImportTally
) -> Iterator[LabelStudioTask]:
    found = _address(data)
    is_ours = isinstance(data.get("name"), str) and ("frame" in data or "num_frames" in data)
    task = None if found is None else LabelStudioTask(data, place, _path(found.address), found.is_picture, is_ours)
    annotations = _entries(row, "annotations", place) or _entries(row, "completions", place)
    predictions, drafts = _entries(row, "predictions", place), _entries(row, "drafts", place)
    valid = [one for one in annotations if not one.get("was_cancelled")]
    counting = [one for one in valid if one.get("ground_truth")] or valid or predictions
    chosen = counting[-1] if counting else None
    left = [
        *((one, "of annotations that were skipped") for one in annotations if one.get("was_cancelled")),
        *((one, "of annotations beside the one that counts") for one in valid if one is not chosen),
        *((one, "of predictions beside what counts") for one in predictions if one is not chosen),
        *((one, "of drafts") for one in drafts),
    ]
    for one, reason in left:
        for region in _regions(one, place, tally):
            _leave(region, reason, tally)
    regions = list(_regions(chosen, place, tally)) if chosen is not None else []
    if task is None:
        for region in regions:
            _leave(region, "of tasks without a picture or a video", tally)
        return
    task.is_labelled = chosen is not None
    is_one = len({region.target for region in regions}) < 2
    for region in regions:
        if not is_one and found is not None and region.target != found.key:
            _leave(region, "on another picture of their task than the one that counts", tally)
        elif (region.kind == "video") == task.is_picture:
            _leave(region, "that do not fit what their task is about", tally)
        elif region.is_turned:
            _leave(region, "on pictures that were turned", tally)
        else:
            task.regions.append(region)
    yield task


def _leave(region: Region, reason: str, tally: ImportTally) -> None:
    tally.find(region.counted_as)
    tally.leave(region.counted_as, reason)


def _entries(row: Mapping[str, Any], key: str, place: str) -> list[dict[str, Any]]:
    entries = row.get(key) or []
    if not isinstance(entries, list):
        raise DataError(f"{place}: {key} should be a list, got {shortened(entries)}")
    for one in entries:
        if not isinstance(one, (dict, int)) or isinstance(one, bool):
            raise DataError(f"{place}: {key} should hold objects, got {shortened(one)}")
    return [one for one in entries if isinstance(one, dict)]  # ids alone, as some exports have drafts


def _regions(annotation: Mapping[str, Any], place: str, tally: ImportTally) -> Iterator[Region]:
    """Yield the regions of an annotation; rows that draw nothing are counted and passed over."""
    rows = annotation.get("result") or []
    if not isinstance(rows, list):
        raise DataError(f"{place}: a result should be a list, got {shortened(rows)}")
    labels: dict[Any, str] = {}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise DataError(f"{place}, region number {number}: should be an object, got {shortened(row)}")
        if (name := _label(row)) and _id(row) is not None:
            labels.setdefault(_id(row), name)
    seen: list[tuple[Any, str, dict[str, Any]]] = []
    for number, row in enumerate(rows, start=1):
        kind, value = _kind(row), row.get("value")
        if kind is None or not isinstance(value, dict):
            tally.find("result")
            tally.leave("result", f"of the type {shortened(row.get('type'))}, which draws nothing that is imported")
            continue
        drawn = {key: each for key, each in value.items() if not (key.endswith("labels") or key == "format")}
        if _id(row) is not None and (_id(row), kind, drawn) in seen:
            continue  # the same region, said again with its label
        seen.append((_id(row), kind, drawn))
        if num_more := len(_names(row)) - 1 if _names(row) else 0:
            tally.find("label", num_more)
            tally.leave("label", "beside the first one of its region", num_more)
        size = (row.get("original_width"), row.get("original_height"))
        yield Region(
            kind=kind,
            value=value,
            label=_label(row) or labels.get(_id(row), ""),
            size=None if size == (None, None) else size,
            is_turned=row.get("image_rotation") not in (None, 0, 0.0),
            place=f"{place}, region {shortened(row['id']) if row.get('id') is not None else f'number {number}'}",
            target=row["to_name"] if isinstance(row.get("to_name"), str) else "",
        )


def _id(row: Mapping[str, Any]) -> str | None:
    return str(row["id"]) if isinstance(row.get("id"), (str, int)) else None


def _kind(row: Mapping[str, Any]) -> str | None:
    """Return what a row draws, None for nothing."""
    type_, value = row.get("type"), row.get("value")
    if not isinstance(type_, str) or not isinstance(value, dict):
        return None
    if type_ == "labels":
        return next((kind for key, kind in _TELLING if key in value), None)
    kind = type_.removesuffix("labels")
    return "video" if kind == "videorectangle" else kind if kind in _DRAWN and kind != "video" else None


def _label(row: Mapping[str, Any]) -> str:
    """Return the first label that a row says, "" for none."""
    return next(iter(_names(row)), "")


def _names(row: Mapping[str, Any]) -> list[str]:
    value = row.get("value")
    if not isinstance(value, dict):
        return []
    for key in (str(row.get("type")), "labels"):
        names = value.get(key) if key.endswith("labels") else None
        if isinstance(names, list) and names and isinstance(names[0], str):
            return [name.strip() for name in names if isinstance(name, str)]
    return []


@dataclass(frozen=True, slots=True)
class _Found:
    """The address of a task's picture or video, and the key of the data under which it stands."""

    address: str
    is_picture: bool
    key: str


def _address(data: Mapping[str, Any]) -> _Found | None:
    """Return where the picture or video of a task is."""
    for key, is_picture in (("image", True), ("video", False)):
        if isinstance(data.get(key), str) and data[key]:
            return _Found(data[key], is_picture, key)
    texts = {key: text for key, text in data.items() if isinstance(text, str)}
    for endings, is_picture in ((_PICTURES, True), (VIDEOS, False)):
        for key, text in texts.items():
            if _path(text).suffix.lower() in endings:
                return _Found(text, is_picture, key)
    return None


def _path(address: str) -> PurePosixPath:
    """Return the path that an address names, without what Label Studio puts before it."""
    if "?d=" in address:
        return PurePosixPath(plain_path(unquote(address.partition("?d=")[2])))
    if "://" in address:
        parts = urlsplit(address)
        return PurePosixPath(plain_path(unquote(parts.path)))
    path = PurePosixPath(plain_path(unquote(address) if address.startswith("/data/") else address))
    if path.parts[:2] == ("data", "upload"):  # below it is the number of the project, then what was uploaded
        below = (
            path.parts[3:] if path.parts[2:3] and path.parts[2].isdecimal() and len(path.parts) > 3 else path.parts[2:]
        )
        path = PurePosixPath(*below) if below else path
    return path.with_name(_UPLOAD.sub("", path.name)) if path.name else path
