"""Labels made to fit Ref-YouTube-VOS: one object an instruction, one object a pixel.

An instruction about several objects becomes one about their union where no other instruction names any of them, and is
left out otherwise; an absent target cannot be written. A pixel of several objects goes to the highest score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from veason.draw import palette_image
from veason.formats.benchmarks.referring import with_words
from veason.formats.labels.palettes import OVERLAP
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask, Track
from veason.masks import encode_mask, union_mask
from veason.types import ObjectMask

_ABSENT = "instructions about absent targets (the format cannot hold them)"
_SHARED = "instructions about several objects that others name as well (the format holds one object each)"
_MERGED = "object borders inside instructions about several objects"


def with_one_object_each(videos: Iterable[LabelledVideo], tally: Tally) -> Iterator[LabelledVideo]:
    """Yield the videos with those instructions that the format holds; what does not fit is counted."""
    for video in with_words(videos, tally):
        fitting = _cut_apart(_one_object_each(video, tally), tally)
        if fitting.questions:
            yield fitting


def _one_object_each(video: LabelledVideo, tally: Tally) -> LabelledVideo:
    """Return the video with the instructions that can be written, each about one object."""
    uses = Counter(object_id for question in video.questions for object_id in question.object_ids)
    tracks: dict[int, Track] = {}
    questions: list[LabelledQuestion] = []
    for question in video.questions:
        ids = question.object_ids
        if not ids:
            tally.left_out[_ABSENT] += 1
        elif len(ids) > 1 and any(uses[object_id] > 1 for object_id in ids):
            tally.left_out[_SHARED] += 1
        else:
            tracks[ids[0]] = _union([video.tracks[object_id] for object_id in ids])
            tally.lost[_MERGED] += len(ids) - 1
            questions.append(replace(question, object_ids=ids[:1], prompts=(), by_hand=frozenset()))
    return replace(video, questions=tuple(questions), tracks=tracks)


def _union(tracks: list[Track]) -> Track:
    if len(tracks) == 1:
        return tracks[0]
    frames = sorted({frame_index for track in tracks for frame_index in track})
    found = {index: [track[index] for track in tracks if index in track] for index in frames}
    return {
        index: LabelMask(union_mask([mask.rle for mask in masks]), max(mask.score for mask in masks))
        for index, masks in found.items()
    }


def _cut_apart(video: LabelledVideo, tally: Tally) -> LabelledVideo:
    """Return the video with masks that share no pixel."""
    cut: dict[int, dict[int, LabelMask]] = {object_id: {} for object_id in video.tracks}
    for frame_index, masks in video.by_frame() if video.tracks else ():
        objects = {object_id: ObjectMask(mask.rle, mask.score) for object_id, mask in masks.items()}
        image, lost = palette_image(objects, video.info.size_wh)
        tally.lost[OVERLAP] += lost
        picture = np.asarray(image)
        for object_id, mask in masks.items():
            kept = encode_mask(picture == object_id) if lost else mask.rle
            cut[object_id][frame_index] = replace(mask, rle=kept)
    return replace(video, tracks=cut)
