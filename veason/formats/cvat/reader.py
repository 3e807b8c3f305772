"""CVAT's XML as CVAT and others write it: for video and for images, of tasks, jobs and projects.

A box becomes a mask nowhere: an object that has boxes alone gets them as prompts, to be tracked. CVAT knows no tracks
of masks and writes a track for each: those of one group, or of one label that is on no frame twice, are one object.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from xml.etree.ElementTree import Element

from veason.errors import DataError
from veason.formats.cvat.parts import TaskPart, parts_of
from veason.formats.cvat.shapes import BETWEEN, KINDS, NO_OUTLINE, attribute, flag, read_cvat_shape
from veason.formats.cvat.texts import ABSENT, MODELS, UNNAMED, split_frames, split_instructions
from veason.formats.labels.collected import CollectedObjects, ObjectKey, questions_about
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.frame_numbers import ListedFrame, frame_indices
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.made_with import ModelNames, models_from
from veason.formats.labels.numbers import ShapeError, frame_number, is_number, whole_number
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.formats.labels.xmlfile import read_xml_file

_OF_VIDEO = re.compile(r"frame_[0-9]{6}(?:\.png)?", re.IGNORECASE)
"""How CVAT calls the pictures of a video, by the number of their frame in it."""

_ATTRIBUTES = "of shapes, for which a project has no place"


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the videos of an XML file, or of all below a folder.

    Raises:
        DataError: no file is there, or one is not what CVAT promises.
    """
    if source.is_dir():
        files = [file for file in sorted(source.rglob("*.xml")) if not file.name.startswith(".")]
    else:
        files = [source]
    if not files:
        raise DataError(f"{source}: holds no .xml file: export the task from CVAT as 'CVAT for video 1.1'")
    for file in files:
        root = read_xml_file(file, "labels as CVAT 1.1 writes them")
        if root.tag != "annotations":
            raise DataError(f"{file}: should hold <annotations> as CVAT writes them, got <{root.tag}>")
        for part in parts_of(root, file):
            yield _Reader(part, file, finder, tally).read()


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A shape with where it belongs."""

    element: Element
    frame_index: int
    holder: int
    label: str
    group: int
    is_outside: bool


class _Reader:
    """Reads one video."""

    def __init__(self, part: TaskPart, file: Path, finder: VideoFinder, tally: ImportTally) -> None:
        self._part, self._tally = part, tally
        self._name = part.name(file, finder)
        self._place = f"{file}: video {self._name!r}"
        self._footage = finder.find(self._name)
        info = self._footage.info
        told = part.size_wh(self._place)
        if info and told and info.size_wh != told:
            raise DataError(
                f"{self._place}: its frames are {told[0]}x{told[1]}, those of the video of that name "
                f"{info.size_wh[0]}x{info.size_wh[1]}: name the video that was labelled"
            )
        size_wh = info.size_wh if info else told
        if size_wh is None:
            raise DataError(f"{file}: does not tell the size of its video: name the video as well")
        self._size_wh = size_wh
        self._known_frames = info.num_frames if info else None
        self._task_frames = part.frames(self._place)
        self._objects = CollectedObjects(size_wh, tally, self._place)
        self._words: dict[str, list[ObjectKey]] = {}
        self._models: dict[str, ModelNames] = {}
        self._marked: dict[ObjectKey, str] = {}

    def read(self) -> LabelledVideo:
        """Return the video with its labels."""
        drawn = [*self._of_tracks(), *self._of_images()]
        keys = self._keys(drawn)
        for shape, key in zip(drawn, keys, strict=True):
            self._put(shape, key)
        told = self._part.num_frames(self._place)
        last = max((shape.frame_index for shape in drawn), default=-1)
        num_frames = self._known_frames or max(told, last + 1, 1)
        said, supposed = self._absent(drawn, keys, num_frames)
        self._objects.fill_absent(said, is_said=True)
        self._objects.fill_absent(supposed)
        spoken = list(compress(self._words.items(), self._objects.keep_whole(list(self._words.values()))))
        numbers = self._objects.numbers()
        tracks = self._objects.tracks(numbers)
        words = [
            LabelledQuestion(
                str(place), text, tuple(sorted({numbers[key] for key in about})), **self._models.get(text, ModelNames())
            )
            for place, (text, about) in enumerate(spoken)
        ]
        return LabelledVideo(
            name=self._name,
            info=self._footage.info_or(num_frames=num_frames, size_wh=self._size_wh),
            questions=questions_about(words, tracks, self._objects.prompts(numbers)),
            tracks=tracks,
            object_names=self._objects.names(numbers),
            object_classes=self._objects.names(numbers),
            frame_names=self._footage.frame_names,
            file_name=self._part.file_name,
        )

    def _of_tracks(self) -> Iterator[_Drawn]:
        """Yield the shapes of tracks, those of one track by frame, also the `outside` ones that end a stretch."""
        for holder, track in enumerate(self._part.tracks):
            place = f"{self._place}: track {track.get('id')!r}"
            label, group = attribute(track, "label", place), _group(track, place)
            shapes = []
            for element in track:
                if element.tag == "attribute":
                    continue
                is_end = flag(element, "outside", place)  # it may stand behind the last frame
                frame = frame_number(
                    attribute(element, "frame", place),
                    f"{place}: a {element.tag}",
                    None if is_end else self._known_frames,
                )
                if not is_end:
                    self._check_in_task(frame, f"{place}: a {element.tag}")
                shapes.append(_Drawn(element, frame, holder, label, group, is_outside=is_end))
            yield from sorted(shapes, key=lambda shape: shape.frame_index)

    def _check_in_task(self, frame: int, place: str) -> None:
        """Raise DataError where a frame is none of those that the task is about: it is counted in another way then."""
        frames = self._task_frames
        if frames is not None and frame not in frames:
            raise DataError(
                f"{place}: is on frame {frame}, its task has the frames {frames.start} to {frames[-1]}"
                + (f" in steps of {frames.step}" if frames.step > 1 else "")
                + ": it is not told which one is meant; export the whole video as one task"
            )

    def _of_images(self) -> Iterator[_Drawn]:
        """Yield the shapes of pictures, each a holder of its own; the frame is told by the name or else the id."""
        images = self._part.images
        if not images:
            return
        frames = self._task_frames or range(1)
        listed = []
        for image in images:
            place = f"{self._place}: picture {image.get('name')!r}"
            told = image.get("frame")
            id = image.get("id")
            listed.append(
                ListedFrame(
                    image.get("name") or f"id {id}",
                    None if told is None else whole_number(told, f"{place}: frame"),
                    None if id is None else frames.start + frames.step * whole_number(id, f"{place}: id"),
                )
            )
        length = self._part.num_frames(self._place) or None
        holder = len(self._part.tracks)
        for index, image in zip(frame_indices(listed, self._footage, length, self._place), images, strict=True):
            place = f"{self._place}: frame {index}"
            if _OF_VIDEO.fullmatch(image.get("name") or ""):
                self._check_in_task(index, f"{self._place}: picture {image.get('name')!r}")
            for element in image:
                holder += 1
                is_outside = flag(element, "outside", place)
                label, group = element.get("label", "object"), _group(element, place)
                yield _Drawn(element, index, holder, label, group, is_outside=is_outside)

    def _keys(self, drawn: list[_Drawn]) -> list[ObjectKey]:
        """Return what each shape's object is told apart by."""
        ids = self._given_ids(drawn)
        seen = [shape for shape in drawn if not shape.is_outside]
        visible = Counter(shape.holder for shape in seen)
        num_tracks = len(self._part.tracks)
        loose = {
            shape.holder
            for shape in seen
            if shape.holder not in ids
            and (shape.holder >= num_tracks or (visible[shape.holder] == 1 and shape.element.tag == "mask"))
        }
        tied: dict[int, ObjectKey] = {}
        for use_group in (True, False):
            bundles: dict[tuple[str, int], list[_Drawn]] = {}
            for shape in seen:
                is_open = shape.holder in loose and shape.holder not in tied
                if is_open and (shape.group or not use_group):
                    bundles.setdefault((shape.label, shape.group if use_group else 0), []).append(shape)
            for (label, group), shapes in bundles.items():
                if len({shape.frame_index for shape in shapes}) == len(shapes):
                    tied |= dict.fromkeys(
                        (shape.holder for shape in shapes), ObjectKey(("tied", label, group), name=label)
                    )
        return [
            ids.get(shape.holder) or tied.get(shape.holder) or ObjectKey(("one", shape.holder), name=shape.label)
            for shape in drawn
        ]

    def _given_ids(self, drawn: list[_Drawn]) -> dict[int, ObjectKey]:
        """Return the objects of shapes that carry an id, which ours do, by holder; and note their instructions."""
        keys: dict[int, ObjectKey] = {}
        for shape in drawn:
            values = _attributes(shape.element)
            text = values.get("object_id", "").strip()
            if is_number(text) and int(text) > 0 and shape.holder not in keys:
                keys[shape.holder] = ObjectKey(int(text), True, shape.label)
            if shape.holder in keys and (marked := values.get(ABSENT, "").strip()):
                self._marked.setdefault(keys[shape.holder], marked)
        for shape in drawn:
            values = _attributes(shape.element)
            named = {key: split_instructions(values.get(attribute, "")) for key, attribute in MODELS.items()}
            for place, instruction in enumerate(split_instructions(values.get("instructions", ""))):
                key = keys.get(shape.holder)
                if key is not None:
                    told = {each: lines[place] for each, lines in named.items() if place < len(lines)}
                    models = models_from({each: name for each, name in told.items() if name != UNNAMED})
                    if self._models.setdefault(instruction, models) != models:
                        self._models[instruction] = ModelNames()  # one of the objects was labelled by others
                    about = self._words.setdefault(instruction, [])
                    about += [] if key in about else [key]
                    self._objects.add(key)
        return keys

    def _put(self, shape: _Drawn, key: ObjectKey) -> None:
        """Take a shape or leave it out."""
        element, index = shape.element, shape.frame_index
        self._count_attributes(element, has_id=isinstance(key.value, int))
        if shape.is_outside:
            return
        kind = element.tag if element.tag in KINDS else "element"
        self._tally.find(kind)
        place = f"{self._place}: frame {index}: {element.tag} of {shape.label!r}"
        if element.tag not in KINDS:
            self._tally.leave(kind, "of an unknown kind")
            return
        if element.tag == "box" and not flag(element, "keyframe", place, default=True):
            self._tally.leave(kind, BETWEEN)
            return
        try:
            read = read_cvat_shape(element, self._size_wh, place)
        except ShapeError as error:
            self._objects.leave_damaged(key, kind, error)
            return
        if read.reason == NO_OUTLINE:
            self._tally.leave(kind, NO_OUTLINE)
        elif read.reason:
            self._objects.leave(key, index, kind, read.reason)
        elif read.box is not None:
            self._objects.put_box(key, index, read.box, kind)
        elif read.rle is not None:
            is_occluded = flag(element, "occluded", place)
            self._objects.put_mask(key, index, LabelMask(read.rle, is_occluded=is_occluded), kind)

    def _count_attributes(self, element: Element, *, has_id: bool) -> None:
        values = _attributes(element)
        own = {"object_id", "instructions"} if has_id else set[str]()
        own |= set(MODELS.values()) if has_id and values.get("instructions") else set()
        own |= {ABSENT} if has_id and split_frames(values.get(ABSENT, "").strip(), 0) is not None else set()
        for each in element.iter("attribute"):
            if (each.text or "").strip() and each.get("name") not in own:
                self._tally.find("attribute")
                self._tally.leave("attribute", _ATTRIBUTES)

    def _absent(
        self, drawn: list[_Drawn], keys: list[ObjectKey], num_frames: int
    ) -> tuple[dict[ObjectKey, set[int]], dict[ObjectKey, set[int]]]:
        """Return the frames on which people say that objects are absent, and those on which nothing is drawn of them.

        Both end with the task. CVAT ends every single shape with an `outside` one, which says nothing; on a track, a
        person switches it on.
        """
        stop = min(num_frames, self._part.end(self._place) or num_frames)
        step = 1 if self._task_frames is None else self._task_frames.step
        by_holder: dict[int, list[_Drawn]] = {}
        of_key: dict[ObjectKey, dict[int, None]] = {}
        for shape, key in zip(drawn, keys, strict=True):
            if shape.element.tag in ("mask", "polygon", "ellipse"):
                by_holder.setdefault(shape.holder, []).append(shape)
                of_key.setdefault(key, {})[shape.holder] = None
        said: dict[ObjectKey, set[int]] = {}
        supposed: dict[ObjectKey, set[int]] = {}
        for key, holders in of_key.items():
            spans = {holder: _outside(by_holder[holder], stop) for holder in holders}
            told = [span for holder in holders if _is_track(by_holder[holder], step) for span in spans[holder]]
            found = [span for each in spans.values() for span in each]
            if len(holders) > 1 and found:
                found = [range(min(span.start for span in found), stop)]
            self._objects.check_room(sum(map(len, [*told, *found])))
            marked = split_frames(self._marked.get(key, ""), num_frames) or frozenset()
            said[key] = {at for span in told for at in span} | marked
            supposed[key] = {at for span in found for at in span}
        return said, supposed


def _outside(shapes: list[_Drawn], stop: int) -> list[range]:
    ends = [shape.frame_index for shape in shapes[1:]] + [stop]
    return [range(shape.frame_index, end) for shape, end in zip(shapes, ends, strict=True) if shape.is_outside]


def _is_track(shapes: list[_Drawn], step: int) -> bool:
    """Tell whether a person drew a track: CVAT knows none of masks, and writes every single shape as one."""
    visible = [shape.frame_index for shape in shapes if not shape.is_outside]
    is_single = len(visible) == 1 and all(shape.frame_index <= visible[0] + step for shape in shapes)
    return not is_single and all(shape.element.tag != "mask" for shape in shapes)


def _group(element: Element, place: str) -> int:
    return whole_number(element.get("group_id") or 0, f"{place}: group_id")


def _attributes(element: Element) -> dict[str, str]:
    return {each.get("name", ""): each.text or "" for each in element.iter("attribute")}
