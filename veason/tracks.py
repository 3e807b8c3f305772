"""Around a segmenter: what an answer starts it with, over which frames and in which order, and its masks as tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeGuard

from veason.types import (
    Answer,
    Bounds,
    FrameMasks,
    FrameRange,
    MaskTrack,
    ObjectMask,
    Order,
    OrderedSegmenter,
    Passes,
    Prompt,
    Rle,
    Segmenter,
    VideoInfo,
    VideoSource,
)

MAX_STARTING_FRAMES = 600
"""Longest range, in frames, that `starting_range` proposes."""


def prompts_from_answer(answer: Answer) -> tuple[Prompt, ...]:
    """Return one box prompt per object on the keyframe, with ids from 1 in the order of the answer; () if absent."""
    if answer.is_absent or answer.keyframe is None:
        return ()
    return tuple(Prompt(number, answer.keyframe, box=box) for number, box in enumerate(answer.boxes, start=1))


def starting_range(info: VideoInfo, frame_index: int, limit: int = MAX_STARTING_FRAMES) -> FrameRange:
    """Return the half-open range to track first: the whole clip, or `limit` frames around `frame_index`."""
    if info.num_frames <= limit:
        return (0, info.num_frames)
    start = min(max(frame_index - limit // 2, 0), info.num_frames - limit)
    return (start, start + limit)


def include_prompt_frames(frames: FrameRange, prompts: Sequence[Prompt]) -> FrameRange:
    """Return the smallest half-open range that contains `frames` and the frame of every prompt."""
    places = [prompt.frame_index for prompt in prompts]
    return min([frames[0], *places]), max([frames[1] - 1, *places]) + 1


def is_ordered(segmenter: Segmenter, order: Order) -> TypeGuard[OrderedSegmenter]:
    """Tell whether a segmenter can be asked for an order of frames by its name."""
    return isinstance(segmenter, OrderedSegmenter) and order in segmenter.orders


def track_in_order(
    segmenter: Segmenter,
    video: VideoSource,
    prompts: tuple[Prompt, ...],
    fixed: Mapping[int, Mapping[int, Rle | None]] | None,
    frames: FrameRange | None,
    order: Order,
    cursor: Callable[[], int] | None,
    passes: Passes | None,
    bounds: Bounds | None,
) -> Iterator[FrameMasks]:
    """Yield masks of a segmenter in an order, in its own where it has not that one; see `Pipeline.propagate`."""
    if order == "stock":
        yield from segmenter.track(video, prompts, fixed=fixed, frames=frames)
    elif is_ordered(segmenter, order):
        yield from segmenter.track(
            video, prompts, fixed=fixed, frames=frames, order=order, cursor=cursor, passes=passes, bounds=bounds
        )
    else:
        wanted = frames or (0, video.info.num_frames)
        for masks in segmenter.track(video, prompts, fixed=fixed, frames=include_prompt_frames(wanted, prompts)):
            if wanted[0] <= masks.frame_index < wanted[1]:
                yield masks


def merge_tracks(tracks: Mapping[int, MaskTrack], received: Iterable[FrameMasks]) -> dict[int, MaskTrack]:
    """Return the tracks by object id, ascending, with new masks merged in; a later mask replaces an earlier one.

    Other frames and objects are unchanged. Merge all new masks in one call, because each call copies the frames of the
    tracks that it changes.
    """
    new: dict[int, dict[int, ObjectMask]] = {}
    for frame_masks in received:
        for object_id, mask in frame_masks.masks.items():
            new.setdefault(object_id, {})[frame_masks.frame_index] = mask
    changed = {
        object_id: (tracks.get(object_id) or MaskTrack(object_id)).with_masks(new[object_id]) for object_id in new
    }
    return dict(sorted({**tracks, **changed}.items()))


def masks_by_frame(tracks: Mapping[int, MaskTrack]) -> dict[int, dict[int, ObjectMask]]:
    """Return `{frame_index: {object_id: mask}}`, frames in ascending order."""
    frames: dict[int, dict[int, ObjectMask]] = {}
    for object_id, track in tracks.items():
        for frame_index, mask in track.frames.items():
            frames.setdefault(frame_index, {})[object_id] = mask
    return dict(sorted(frames.items()))
