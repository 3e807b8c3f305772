"""CVAT for video 1.1 as CVAT and others write it: masks, polygons and boxes in tracks.

A box becomes a mask nowhere: an object that has boxes alone gets them as prompts, to be tracked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from veason.errors import DataError, PromptError
from veason.formats.labels.footage import VideoFinder
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.values import ASSUMED_SCORE, LabelledQuestion, LabelledVideo, LabelMask, with_rest
from veason.libraries import library_imports
from veason.masks import empty_mask, encode_mask, rle_from_coco
from veason.types import Box, Prompt, Rle

with library_imports():
    from pycocotools import mask as coco

_BROKEN = (KeyError, TypeError, ValueError, AttributeError, IndexError, PromptError)


def read(source: Path, finder: VideoFinder, tally: ImportTally) -> Iterator[LabelledVideo]:
    """Yield the video of an XML file, or of all below a folder.

    Raises:
        DataError: no file is there, or one is not what CVAT promises.
    """
    files = sorted(source.rglob("*.xml")) if source.is_dir() else [source]
    if not files:
        raise DataError(f"{source}: holds no .xml file: export the task from CVAT as 'CVAT for video 1.1'")
    for file in files:
        try:
            root = ElementTree.parse(file).getroot()
            video = _read_video(root, file, finder)
        except OSError as error:
            raise DataError(f"{file}: cannot be read ({error.strerror})") from error
        except ElementTree.ParseError as error:
            raise DataError(f"{file}: is not XML ({error}): download it again") from error
        except _BROKEN as error:
            raise DataError(f"{file}: is not what CVAT for video 1.1 promises: {error!r}") from error
        tally.take_whole(video)
        yield video


def _read_video(root: ElementTree.Element, file: Path, finder: VideoFinder) -> LabelledVideo:
    name = (root.findtext(".//meta//name") or file.stem).strip()
    footage = finder.find(name)
    info = footage.info
    size_wh = info.size_wh if info else _size(root, file)
    stop = int(root.findtext(".//stop_frame") or root.findtext(".//size") or 0)
    frames = [int(shape.attrib["frame"]) for track in root.iter("track") for shape in track]
    num_frames = info.num_frames if info else max([stop + 1, *(index + 1 for index in frames)])
    tracks: dict[int, dict[int, LabelMask]] = {}
    boxes: dict[int, dict[int, Box]] = {}
    names: dict[int, str] = {}
    words: dict[str, list[int]] = {}
    taken = {
        int(value) for track in root.iter("track") if (value := _attributes(track).get("object_id", "")).isdecimal()
    }
    for track in root.iter("track"):
        attributes = _attributes(track)
        given = attributes.get("object_id", "")
        object_id = int(given) if given.isdecimal() else _next_id(taken)
        tracks.setdefault(object_id, {})
        if track.attrib["label"] != "object":
            names[object_id] = track.attrib["label"]
        for instruction in filter(None, attributes.get("instructions", "").split("\n")):
            words.setdefault(instruction, [])
            words[instruction] += [] if object_id in words[instruction] else [object_id]
        tracks[object_id] |= _masks(track, size_wh, num_frames)
        boxes.setdefault(object_id, {}).update(_boxes(track))
    prompts = {
        object_id: tuple(Prompt(object_id, index, box) for index, box in sorted(boxes[object_id].items()))
        for object_id, track in tracks.items()
        if not track
    }
    questions = with_rest(
        (LabelledQuestion(str(number), text, tuple(ids)) for number, (text, ids) in enumerate(words.items())), tracks
    )
    return LabelledVideo(
        name=name,
        info=footage.info_or(num_frames=num_frames, size_wh=size_wh),
        questions=tuple(_with_prompts(question, prompts) for question in questions),
        tracks={object_id: dict(sorted(track.items())) for object_id, track in sorted(tracks.items())},
        object_names=names,
        frame_names=footage.frame_names,
        file_name=(root.findtext(".//meta//source") or "").strip(),
    )


def _with_prompts(question: LabelledQuestion, prompts: Mapping[int, tuple[Prompt, ...]]) -> LabelledQuestion:
    own = tuple(prompt for object_id in question.object_ids for prompt in prompts.get(object_id, ()))
    places = frozenset((prompt.object_id, prompt.frame_index) for prompt in own)
    return replace(question, prompts=own, by_hand=places)


def _size(root: ElementTree.Element, file: Path) -> tuple[int, int]:
    width, height = root.findtext(".//original_size/width"), root.findtext(".//original_size/height")
    if not width or not height:
        raise DataError(f"{file}: does not tell the size of its video: name the video as well")
    return int(width), int(height)


def _next_id(taken: set[int]) -> int:
    object_id = next(number for number in range(1, len(taken) + 2) if number not in taken)
    taken.add(object_id)
    return object_id


def _attributes(track: ElementTree.Element) -> dict[str, str]:
    """Return the attributes of the first shape that has any."""
    for shape in track:
        found = {each.attrib["name"]: (each.text or "") for each in shape.iter("attribute")}
        if found:
            return found
    return {}


def _masks(track: ElementTree.Element, size_wh: tuple[int, int], num_frames: int) -> dict[int, LabelMask]:
    """Return masks by frame; after an `outside` shape the object is not there until the next shape."""
    shapes = sorted((shape for shape in track if shape.tag in ("mask", "polygon")), key=_frame)
    nothing = LabelMask(empty_mask(size_wh), -ASSUMED_SCORE)
    masks: dict[int, LabelMask] = {}
    for place, shape in enumerate(shapes):
        frame_index = _frame(shape)
        if shape.attrib.get("outside") != "1":
            is_occluded = shape.attrib.get("occluded") == "1"
            masks[frame_index] = LabelMask(_rle(shape, size_wh), is_occluded=is_occluded)
            continue
        stop = _frame(shapes[place + 1]) if place + 1 < len(shapes) else num_frames
        masks |= {index: nothing for index in range(frame_index, stop)}
    return masks


def _boxes(track: ElementTree.Element) -> dict[int, Box]:
    return {
        _frame(shape): Box(*(float(shape.attrib[key]) for key in ("xtl", "ytl", "xbr", "ybr")))
        for shape in track
        if shape.tag == "box" and shape.attrib.get("outside") != "1" and shape.attrib.get("keyframe", "1") == "1"
    }


def _frame(shape: ElementTree.Element) -> int:
    return int(shape.attrib["frame"])


def _rle(shape: ElementTree.Element, size_wh: tuple[int, int]) -> Rle:
    width, height = size_wh
    if shape.tag == "polygon":
        points = [float(value) for pair in shape.attrib["points"].split(";") for value in pair.split(",")]
        return rle_from_coco(coco.merge(coco.frPyObjects([points], height, width)))
    left, top, across, down = (int(float(shape.attrib[key])) for key in ("left", "top", "width", "height"))
    counts = [int(value) for value in shape.attrib["rle"].split(",")]
    values = np.arange(len(counts)) % 2 == 1
    part = np.repeat(values, counts)
    if part.size != across * down or left < 0 or top < 0 or left + across > width or top + down > height:
        raise ValueError(
            f"the mask on frame {shape.attrib['frame']} does not fit its box or the {width}x{height} video"
        )
    mask = np.zeros((height, width), bool)
    mask[top : top + down, left : left + across] = part.reshape(down, across)
    return encode_mask(mask)
