"""Labels in which objects of a question never overlap: each pixel goes to one of them, and what was cut is counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo, LabelMask
from veason.masks import mask_area
from veason.shaping import part_overlaps

CUT = "pixels of overlapping objects that were given to one of them, as was asked"
HIDDEN = "masks wholly under another object's, left out as objects were not to overlap"
_BY_PERSON = ("corrected", "verified")


def parted(video: LabelledVideo, tally: Tally) -> LabelledVideo:
    """Return a video's labels so that no two objects of a question share a pixel; the pixels cut are counted.

    A mask that a person drew or verified keeps its pixels from others; then the higher object score does; then the
    lower id. Where a mask comes from is said as before. A mask of which nothing is left is left out and counted: an
    empty one would say that the object is not there.
    """
    tracks = {object_id: dict(track) for object_id, track in video.tracks.items()}
    for question in video.questions:
        objects = [object_id for object_id in question.object_ids if tracks[object_id]]
        for frame_index in _shared_frames(tracks[object_id] for object_id in objects):
            here = {one: tracks[one][frame_index] for one in objects if frame_index in tracks[one]}
            order = sorted(here, key=lambda one, here=here: _rank(one, here[one]))  # type: ignore[misc]
            masks = part_overlaps([here[one].rle for one in order])
            for object_id, rle in zip(order, masks, strict=True):
                if rle is here[object_id].rle:
                    continue
                area = mask_area(rle)
                tally.lost[CUT] += mask_area(here[object_id].rle) - area
                tally.lost[HIDDEN] += area == 0
                if area:
                    tracks[object_id][frame_index] = replace(here[object_id], rle=rle)
                else:
                    del tracks[object_id][frame_index]
    return replace(video, tracks=tracks)


def _rank(object_id: int, mask: LabelMask) -> tuple[bool, float, int]:
    return (mask.provenance not in _BY_PERSON, -mask.score, object_id)


def _shared_frames(tracks: Iterable[dict[int, LabelMask]]) -> list[int]:
    """Return the frames on which two tracks or more have a mask that is not empty, ascending."""
    counts: dict[int, int] = {}
    for track in tracks:
        for frame_index, mask in track.items():
            counts[frame_index] = counts.get(frame_index, 0) + (not mask.is_empty)
    return sorted(frame_index for frame_index, count in counts.items() if count > 1)
