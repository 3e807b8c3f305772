"""COCO read: ours, CocoVID's, CVAT's and Datumaro's, and plain pictures with annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path, PurePosixPath
from typing import Any

from veason.errors import DataError
from veason.formats.coco.rows import ImageRow, Rows, VideoRow, key_of, object_key_of, parse_rows
from veason.formats.coco.shapes import CocoShape, kind_of, leave_parts, read_coco_shape
from veason.formats.coco.writer import ANNOTATIONS
from veason.formats.labels.collected import CollectedObjects, ObjectKey, questions_about
from veason.formats.labels.footage import UNKNOWN_FPS, Footage, VideoFinder
from veason.formats.labels.frame_numbers import NAMELESS, frame_indices, plain_path
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.jsonfile import read_json_file
from veason.formats.labels.numbers import ShapeError, checked_size, frame_count, real_number, shortened
from veason.formats.labels.values import ASSUMED_SCORE, LabelledQuestion, LabelledVideo, LabelMask

_IDENTITIES = ("track_id", "instance_id", "object_id", "tracking_id")
"""Keys of an annotation that tell its object through the video; after `attributes.track_id`."""

_OWN_ATTRIBUTES = {"track_id", "keyframe", "occluded", "outside", "rotation"}


@dataclass(slots=True)
class _Group:
    """The pictures of one video."""

    entry: VideoRow
    images: list[ImageRow] = field(default_factory=list)


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of a COCO file, or of the folder that holds one.

    Pictures of plain COCO, without `video_id`, are taken as the frames of one video a folder. Objects are told apart by
    `attributes.track_id`, `track_id`, `instance_id`, `object_id` or `tracking_id`; without one, by their category where
    no frame has two of it, and else each annotation is an object of its own.

    Raises:
        DataError: the file is missing or not what COCO promises.
    """
    file = _file_of(source)
    rows = parse_rows(read_json_file(file, "COCO images and annotations"), str(file))
    for annotation in (one for each in rows.annotations.values() for one in each):
        tally.find(kind_of(annotation))
        for name, value in _attributes(annotation).items():
            is_own = name in _OWN_ATTRIBUTES and (name != "occluded" or _switch(value) is not None)
            if not is_own and value not in (None, "", False):
                tally.find("attribute")
                tally.leave("attribute", "of annotations, for which a project has no place")
    listed = {image.id for image in rows.images}
    for image_id, unlisted in rows.annotations.items():
        if image_id not in listed:
            for annotation in unlisted:
                tally.leave(kind_of(annotation), "of pictures that are not listed")
    for group in _groups(rows, finder, file):
        yield _Reader(group, rows, finder, file, tally).read()


def _file_of(source: Path) -> Path:
    """Return the one file with annotations. Raises DataError."""
    if not source.is_dir() or (source / ANNOTATIONS).is_file():
        return source / ANNOTATIONS if source.is_dir() else source
    for folder in (source / "annotations", source):
        files = [file for file in sorted(folder.glob("*.json")) if not file.name.startswith((".", "veason_export"))]
        if len(files) > 1:
            names = ", ".join(file.name for file in files)
            raise DataError(f"{source}: holds several files ({names}): name the one to import")
        if files:
            return files[0]
    raise DataError(f"{source}: holds no annotations/*.json: name the file that holds the annotations")


def _groups(rows: Rows, finder: VideoFinder, file: Path) -> list[_Group]:
    """Return the pictures by video, each video under the name by which it is known."""
    groups: dict[tuple[str, str], _Group] = {("id", key): _Group(row) for key, row in rows.videos.items()}
    for image in rows.images:
        folder = PurePosixPath(plain_path(image.frame.name)).parent
        key = ("id", image.video_id) if image.video_id is not None else ("folder", folder.as_posix())
        if key not in groups:
            groups[key] = _Group(VideoRow(key[1], _name(folder, finder)))
        groups[key].images.append(image)
    seen: dict[str, str] = {}
    for (_, id), group in groups.items():
        if not group.entry.name:
            _name_after_pictures(group, finder, file)
        name = group.entry.name
        if name in seen:
            raise DataError(f"{file}: the pictures of {seen[name]!r} and {id!r} are both about the video {name!r}")
        seen[name] = id
    return list(groups.values())


def _name(folder: PurePosixPath, finder: VideoFinder) -> str:
    """Return the name of the video whose pictures lie in a folder, "" where the folder tells none."""
    parts = [part for part in folder.parts if part not in (".", "..")]
    telling = [part for part in parts if part.lower() not in NAMELESS]
    known = finder.choose(["/".join(parts), "/".join(telling), *telling[-1:]])
    return known or "/".join(parts if len(telling) == len(parts) else telling)


def _name_after_pictures(group: _Group, finder: VideoFinder, file: Path) -> None:
    """Name a video after its pictures, or take the only one that there is."""
    prefixes = dict.fromkeys(image.frame.prefix for image in group.images)
    known = finder.choose([prefix for prefix in prefixes if len(prefixes) == 1] + [file.stem])
    group.entry = VideoRow(group.entry.id, known or finder.only() or "video")


class _Reader:
    """Reads one video."""

    def __init__(self, group: _Group, rows: Rows, finder: VideoFinder, file: Path, tally: ImportTally) -> None:
        self._entry, self._images, self._rows, self._tally = group.entry, group.images, rows, tally
        self._place = f"{file}: video {self._entry.name!r}"
        pictures = file.parent.parent / "images" / plain_path(self._entry.name)
        self._footage: Footage = finder.find(self._entry.name, pictures)
        self._size_wh = self._size()
        self._objects = CollectedObjects(self._size_wh, tally, self._place)

    def read(self) -> LabelledVideo:
        """Return the video with its labels."""
        length = self._entry.length
        frames = [image.frame for image in self._images]
        indices = frame_indices(frames, self._footage, length, self._place) if frames else []
        annotated = [
            (index, row, self._row_place(row, image))
            for index, image in zip(indices, self._images, strict=True)
            for row in self._rows.annotations.get(image.id, [])
        ]
        keys, called = self._keys(annotated)
        for (index, row, place), key in zip(annotated, keys, strict=True):
            self._put(index, row, key, place)
        tracked = {key for key in keys if not (isinstance(key.value, tuple) and key.value[0] == "annotation")}
        self._objects.fill_absent({key: sorted(indices) for key in tracked})
        expressions = self._rows.expressions.get(self._entry.id, [])
        about = [self._objects.named(one.ids, called) for one in expressions]
        is_kept = self._objects.keep_whole(about)
        numbers = self._objects.numbers()
        tracks = self._objects.tracks(numbers)
        words = [
            LabelledQuestion(one.name, one.text, tuple(numbers[key] for key in named), **one.origin)
            for one, named in compress(zip(expressions, about, strict=True), is_kept)
        ]
        num_frames = frame_count(max([1, length or 0, *(index + 1 for index in indices)]), self._place)
        info = self._footage.info_or(num_frames=num_frames, size_wh=self._size_wh, fps=self._entry.fps or UNKNOWN_FPS)
        return LabelledVideo(
            name=self._entry.name,
            info=info,
            questions=questions_about(words, tracks, self._objects.prompts(numbers)),
            tracks=tracks,
            object_names=self._objects.names(numbers),
            object_classes=self._objects.names(numbers),
            frame_names=self._footage.frame_names,
            frame_files=self._footage.files,
        )

    def _size(self) -> tuple[int, int]:
        """Return the size that the pictures are said to have, which is that of the video."""
        known = self._footage.info.size_wh if self._footage.info else None
        found: tuple[int, int] | None = None
        told = [(each.size, f"{self._place}: picture {each.frame.name!r}") for each in self._images]
        for size, place in [*told, *([] if told else [(self._entry.size, self._place)])]:
            if size == (None, None) and known:
                continue
            size_wh = checked_size(*size, place)
            if size_wh != (known or found or size_wh):
                wanted = known or found
                raise DataError(
                    f"{place} is {size_wh[0]}x{size_wh[1]}, its video {wanted[0]}x{wanted[1]}" if wanted else ""
                )
            found = size_wh
        size_wh = known or found
        if size_wh is None:
            raise DataError(f"{self._place}: nothing tells the size of its frames: name the video as well")
        return size_wh

    def _row_place(self, row: Mapping[str, Any], image: ImageRow) -> str:
        return f"{self._place}: annotation {shortened(row.get('id'))} of {image.frame.name!r}"

    def _keys(
        self, annotated: list[tuple[int, Mapping[str, Any], str]]
    ) -> tuple[list[ObjectKey], dict[Hashable, list[ObjectKey]]]:
        """Return what each annotation is told apart by, and the objects by what instructions call them."""
        identities = [_identity(row, place) for _, row, place in annotated]
        categories = [
            _category_name(row)
            if row.get("category_id") is None
            else key_of(row["category_id"], f"{place}: category_id")
            for _, row, place in annotated
        ]
        of_id: dict[int | str, set[str | None]] = {}
        for identity, category in zip(identities, categories, strict=True):
            if identity is not None:
                of_id.setdefault(identity, set()).add(category)
        alone = [
            (index, category)
            for (index, _, _), identity, category in zip(annotated, identities, categories, strict=True)
            if identity is None
        ]
        crowded = {category for (_, category), number in Counter(alone).items() if number > 1}
        has_ids = bool(of_id)
        keys = []
        for place, (identity, category) in enumerate(zip(identities, categories, strict=True)):
            name = self._rows.categories.get(category or "") or _category_name(annotated[place][1]) or "object"
            if identity is not None and len(of_id[identity]) > 1:
                keys.append(
                    ObjectKey(("track", identity, category), name=name)
                )  # one id in two categories is two objects
            elif identity is not None:
                keys.append(ObjectKey(identity, isinstance(identity, int), name))
            elif category in crowded:
                keys.append(ObjectKey(("annotation", place), name=name))
            elif has_ids or category is None or not category.isdecimal():
                keys.append(ObjectKey(("category", category), name=name))
            else:
                keys.append(ObjectKey(int(category), True, name))
        called: dict[Hashable, list[ObjectKey]] = {}
        for identity, key in zip(identities, keys, strict=True):
            same = called.setdefault(key.value if identity is None else identity, [])
            if key not in same:
                same.append(key)
        return keys, called

    def _put(self, index: int, row: Mapping[str, Any], key: ObjectKey, place: str) -> None:
        attributes = _attributes(row)
        try:
            turned = real_number(attributes.get("rotation") or 0, f"{place}: rotation", least=-3600, most=3600)
            shape: CocoShape = read_coco_shape(
                row.get("segmentation"), row.get("bbox"), self._size_wh, place, turned=turned, mode=row.get("bbox_mode")
            )
        except ShapeError as error:
            self._objects.leave_damaged(key, kind_of(row), error)
            return
        is_outside = _switch(attributes.get("outside"))
        if is_outside is None:
            told = shortened(attributes["outside"])
            raise DataError(f"{place}: outside should be true or false, got {told}")
        if is_outside:
            self._objects.leave(key, index, shape.kind, "marked as outside, so not to be seen")
        elif shape.reason:
            self._objects.leave(key, index, shape.kind, shape.reason)
        elif shape.box is not None:
            self._objects.put_box(key, index, shape.box, shape.kind)
        elif shape.rle is not None:
            leave_parts(shape.lost_parts, self._tally)
            score = row.get("score")
            sure = ASSUMED_SCORE if score is None else real_number(score, f"{place}: score")
            self._objects.put_mask(
                key,
                index,
                LabelMask(shape.rle, sure, is_occluded=_switch(attributes.get("occluded")) is True),
                shape.kind,
            )


def _switch(value: Any) -> bool | None:
    """Return a switch among the attributes, which some write as text or a number; None for anything else."""
    if isinstance(value, str):
        value = {"": False, "0": False, "false": False, "1": True, "true": True}.get(value.strip().lower(), value)
    return bool(value) if value in (None, 0, 1) else None


def _category_name(row: Mapping[str, Any]) -> str | None:
    """Return what some write in place of a category's id."""
    name = row.get("category_name")
    return name if isinstance(name, str) and name else None


def _attributes(row: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = row.get("attributes")
    return attributes if isinstance(attributes, dict) else {}


def _identity(row: Mapping[str, Any], place: str) -> int | str | None:
    """Return the id that an object has through the video, None where nothing tells it."""
    told = (_attributes(row).get("track_id"), *(row.get(key) for key in _IDENTITIES))
    found = (object_key_of(value, f"{place}: track_id") for value in told)
    return next((value for value in found if value is not None), None)
