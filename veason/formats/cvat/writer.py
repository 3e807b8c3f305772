"""CVAT for video written: a track for each mask and one for the boxes around them, all of one group.

CVAT's importer turns a track of masks into its first mask alone, so that a mask has a track of its own, ended by an
`outside` shape, as CVAT itself writes masks. Source: `load_anno` in cvat/apps/dataset_manager/formats/cvat.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO
from xml.sax.saxutils import quoteattr

import numpy as np

from veason.draw import color_of
from veason.formats.cvat.texts import ABSENT, MODELS, UNNAMED, fit_for_xml, join_frames, join_instructions, xml_text
from veason.formats.labels.made_with import made_with
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.masks import decode_mask, mask_box
from veason.types import Box, Rle

_ABSENT = "instructions about absent targets (the format has no place for them)"
_EMPTY = "objects without a mask or a box (the format has no place for them)"
_NO_SHAPES = "instructions about such objects alone"
_SAME_WORDS = "questions with the words of another, which become one"
_UNFIT = "texts with characters that XML cannot hold"
_ATTRIBUTES = (
    ("object_id", "number", "0;1000000;1"),
    ("instructions", "text", ""),
    *((name, "text", "") for name in MODELS.values()),
    (ABSENT, "text", ""),
)


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write `<video>.xml` for every video."""
    for video in videos:
        file = out / f"{video.name}.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8") as stream:
            _Writer(stream, video, tally).write()
        tally.counts["videos"] += 1
        empty = {object_id for object_id in video.tracks if not _has_shape(video, object_id)}
        tally.counts["objects"] += len(video.tracks) - len(empty)
        tally.left_out[_EMPTY] += len(empty)
        words = [question for question in video.questions if question.instruction]
        tally.left_out[_ABSENT] += sum(not question.object_ids for question in words)
        about = [question.instruction for question in words if not empty.issuperset(question.object_ids)]
        tally.left_out[_NO_SHAPES] += sum(bool(one.object_ids) and empty.issuperset(one.object_ids) for one in words)
        tally.lost[_SAME_WORDS] += len(about) - len(set(about))
        texts = [*set(about), *{video.category(object_id) for object_id in video.tracks}]
        tally.lost[_UNFIT] += sum(fit_for_xml(text) != text for text in texts)


class _Writer:
    """Writes one video; tracks are numbered from 0 as CVAT does."""

    def __init__(self, stream: IO[str], video: LabelledVideo, tally: Tally) -> None:
        self._stream, self._video, self._tally = stream, video, tally
        self._num_tracks = 0

    def write(self) -> None:
        """Write the file."""
        self._head()
        for object_id in self._video.object_ids:
            self._object(object_id)
        self._stream.write("</annotations>\n")

    def _head(self) -> None:
        stream, video = self._stream, self._video
        labels = dict.fromkeys(video.category(object_id) for object_id in video.object_ids)
        specs = "".join(
            f"<attribute><name>{name}</name><mutable>False</mutable><input_type>{kind}</input_type>"
            f"<default_value>{values.split(';')[0]}</default_value><values>{values}</values></attribute>"
            for name, kind, values in _ATTRIBUTES
        )
        stream.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta><task>\n')
        stream.write(
            f"<name>{xml_text(video.name)}</name><size>{video.info.num_frames}</size><mode>interpolation</mode>\n"
        )
        stream.write(
            f"<overlap>0</overlap><start_frame>0</start_frame><stop_frame>{video.info.num_frames - 1}</stop_frame>"
        )
        stream.write("<frame_filter></frame_filter>\n<labels>\n")
        for number, name in enumerate(labels, start=1):
            stream.write(f"<label><name>{xml_text(name)}</name><color>{color_of(number)}</color><type>any</type>")
            stream.write(f"<attributes>{specs}</attributes></label>\n")
        width, height = video.info.size_wh
        stream.write(f"</labels>\n<original_size><width>{width}</width><height>{height}</height></original_size>\n")
        stream.write(f"<source>{xml_text(video.source_name)}</source>\n</task></meta>\n")

    def _object(self, object_id: int) -> None:
        """Write a track for each mask, since CVAT keeps the first of a track alone, and one of all boxes."""
        video = self._video
        about: dict[str, list[LabelledQuestion]] = {}
        for question in video.questions:
            if object_id in question.object_ids and question.instruction:
                about.setdefault(question.instruction, []).append(question)
        own = {"object_id": str(object_id)}
        spoken = own | {"instructions": join_instructions(list(about))} | _models(about.values())
        track = video.tracks[object_id]
        if absent := [index for index, mask in track.items() if mask.is_empty and mask.provenance == "absent"]:
            spoken |= {ABSENT: join_frames(absent)}
        masks = {index: mask.rle for index, mask in sorted(track.items()) if not mask.is_empty}
        boxes = {index: box for index, mask in masks.items() if (box := mask_box(mask))}
        for place, (index, rle) in enumerate(masks.items()):
            self._track(object_id, {index: _mask(rle)}, spoken if place == 0 else own)
        if not track:
            prompts = [prompt for question in video.questions for prompt in question.prompts]
            boxes = {p.frame_index: p.box for p in prompts if p.object_id == object_id and p.box}
        if boxes:  # CVAT's importer stops at a track without shapes
            shapes = {index: _box(box) for index, box in sorted(boxes.items())}
            self._track(object_id, shapes, own if masks else spoken, are_all=bool(track))
        self._tally.counts["masks"] += len(masks)
        self._tally.counts["boxes"] += len(boxes)

    def _track(
        self, object_id: int, shapes: Mapping[int, str], attributes: Mapping[str, str], *, are_all: bool = True
    ) -> None:
        """Write one track; `are_all` tells that the object is not there where no shape is given."""
        video = self._video
        label = quoteattr(fit_for_xml(video.category(object_id)))
        self._stream.write(f'<track id="{self._num_tracks}" label={label} source="manual" group_id="{object_id}">\n')
        self._num_tracks += 1
        for place, (frame_index, shape) in enumerate(shapes.items()):
            mask = video.tracks[object_id].get(frame_index)
            occluded = int(mask is not None and mask.is_occluded)
            self._shape(shape, frame_index, attributes if place == 0 else {}, outside=0, occluded=occluded)
            after = frame_index + 1
            if are_all and after not in shapes and after < video.info.num_frames:
                self._shape(shape, after, {}, outside=1)
        self._stream.write("</track>\n")

    def _shape(
        self, shape: str, frame_index: int, attributes: Mapping[str, str], *, outside: int, occluded: int = 0
    ) -> None:
        kind, _, geometry = shape.partition(" ")
        inner = "".join(f'<attribute name="{key}">{xml_text(value)}</attribute>' for key, value in attributes.items())
        self._stream.write(
            f'<{kind} frame="{frame_index}" keyframe="1" outside="{outside}" occluded="{occluded}" {geometry} '
            f'z_order="0">{inner}</{kind}>\n'
        )


def _models(about: Iterable[Sequence[LabelledQuestion]]) -> dict[str, str]:
    """Return the attributes with the models that labelled instructions, a line each, in the order of those.

    Of questions that become one the models are told only where they are the same.
    """
    each = [[made_with(question) for question in questions] for questions in about]
    named = [models[0] if all(one == models[0] for one in models) else {} for models in each]
    return {
        attribute: join_instructions([models.get(key, UNNAMED) for models in named])
        for key, attribute in MODELS.items()
        if any(key in models for models in named)
    }


def _has_shape(video: LabelledVideo, object_id: int) -> bool:
    """Tell whether anything of an object is written: a mask with a pixel, or a box where it has no masks."""
    track = video.tracks[object_id]
    if track:
        return any(not mask.is_empty for mask in track.values())
    return any(each.object_id == object_id and each.box for question in video.questions for each in question.prompts)


def _mask(rle: Rle) -> str:
    """Return a mask element's name and geometry."""
    box = mask_box(rle)
    assert box is not None, "empty masks have no shape"
    left, top, right, bottom = (int(value) for value in box.xyxy)
    part = decode_mask(rle)[top:bottom, left:right].ravel()
    changes = np.flatnonzero(np.diff(part)) + 1
    counts = np.diff([0, *changes, part.size]).tolist()
    counts = [0, *counts] if part[0] else counts
    text = ", ".join(map(str, counts))
    return f'mask rle="{text}" left="{left}" top="{top}" width="{right - left}" height="{bottom - top}"'


def _box(box: Box) -> str:
    return f'box xtl="{box.x1:.2f}" ytl="{box.y1:.2f}" xbr="{box.x2:.2f}" ybr="{box.y2:.2f}"'
