"""Before and after tracking: what an answer starts it with, over which frames, and the masks that arrive as tracks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from veason.types import Answer, FrameMasks, FrameRange, MaskTrack, ObjectMask, Prompt, VideoInfo

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
