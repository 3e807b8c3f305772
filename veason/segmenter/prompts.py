"""Validation of the arguments of `track`, and their form per object: start frame, prompts, corrections, fixed masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from veason.boxes import clip_box
from veason.errors import PromptError
from veason.masks import mask_area
from veason.types import Click, FrameRange, Passes, Prompt, Rle, VideoInfo


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """The checked prompts and fixed masks of one object, by frame index. The mappings share no frame.

    Attributes:
        object_id: the number that the caller uses.
        start: the frame where tracking starts: the first with a box or a mask, else the first with a positive click.
        prompts: independent prompts: those with a box or a mask, and the one on `start`.
        corrections: prompts of clicks only on other frames; they refine the tracked mask there.
        locked: masks that must not change; they replace prompts on the same frame.
        absent: frames on which the object is marked as not visible.
        passes: the half-open range of frames that the passes of a correction cover; without an entry they cover all.
            A correction with an entry may also have a box or a mask.
    """

    object_id: int
    start: int
    prompts: Mapping[int, Prompt]
    corrections: Mapping[int, Prompt]
    locked: Mapping[int, Rle]
    absent: frozenset[int]
    passes: Mapping[int, FrameRange] = field(default_factory=dict)


def plan_objects(
    info: VideoInfo,
    prompts: Sequence[Prompt],
    fixed: Mapping[int, Mapping[int, Rle | None]],
    frames: FrameRange,
    passes: Passes | None = None,
) -> list[ObjectPlan]:
    """Return one plan per prompted object, sorted by start frame.

    Fixed masks of objects without a prompt, and those outside `frames`, are ignored. A prompt with an entry in `passes`
    is a correction even if it has a box or a mask, unless the object has no other prompt.

    Raises:
        PromptError: see `Segmenter.track`.
    """
    check_range(info, frames)
    if not prompts:
        raise PromptError("no prompt was given: draw a box, click on the object, or load a mask")
    by_object: dict[int, dict[int, Prompt]] = {}
    for prompt in prompts:
        of_object = by_object.setdefault(prompt.object_id, {})
        if prompt.frame_index in of_object:
            raise PromptError(f"{_label(prompt)} is prompted twice: put box and clicks into one prompt")
        of_object[prompt.frame_index] = _check_prompt(prompt, info, frames)
    ranges = passes or {}
    plans = [
        _plan(of_object, fixed.get(object_id, {}), info, frames, ranges.get(object_id, {}))
        for object_id, of_object in by_object.items()
    ]
    return sorted(plans, key=lambda plan: plan.start)


def check_prompts(info: VideoInfo, prompts: Sequence[Prompt], frames: FrameRange | None = None) -> None:
    """Check prompts against a video as `Segmenter.track` does, without a model. Raises PromptError."""
    plan_objects(info, prompts, {}, frames or (0, info.num_frames))


def group_by_start(plans: Iterable[ObjectPlan]) -> list[list[ObjectPlan]]:
    """Group plans by start frame, earliest first."""
    groups: dict[int, list[ObjectPlan]] = {}
    for plan in plans:
        groups.setdefault(plan.start, []).append(plan)
    return [groups[start] for start in sorted(groups)]


def _plan(
    prompts: Mapping[int, Prompt],
    fixed: Mapping[int, Rle | None],
    info: VideoInfo,
    frames: FrameRange,
    passes: Mapping[int, FrameRange],
) -> ObjectPlan:
    """Return the plan of one object from its checked prompts, fixed masks and passes, each by frame index."""
    first = {index: prompt for index, prompt in prompts.items() if index not in passes}
    start = _find_start(first or prompts)
    later = {index: covered for index, covered in passes.items() if index in prompts and index != start}
    object_id = prompts[start].object_id
    locked: dict[int, Rle] = {}
    absent: set[int] = set()
    for frame_index, rle in fixed.items():
        if not frames[0] <= frame_index < frames[1]:
            continue
        if rle is not None:
            _check_mask_size(rle, info, f"the locked mask of object {object_id} on frame {frame_index}")
        if rle is not None and mask_area(rle) > 0:
            if frame_index not in later:
                locked[frame_index] = rle
            continue
        if frame_index in prompts:
            raise PromptError(f"{_label(prompts[frame_index])} is marked absent and prompted: remove one of them")
        absent.add(frame_index)
    independent: dict[int, Prompt] = {}
    corrections: dict[int, Prompt] = {}
    for frame_index, prompt in prompts.items():
        if frame_index not in locked:
            is_independent = frame_index == start or (has_shape(prompt) and frame_index not in later)
            (independent if is_independent else corrections)[frame_index] = prompt
    return ObjectPlan(object_id, start, independent, corrections, locked, frozenset(absent), later)


def _find_start(prompts: Mapping[int, Prompt]) -> int:
    """Return the start frame of an object.

    Clicks before the first box are not the start: they correct the mask that the backward pass gives there.
    """
    with_shape = [index for index, prompt in prompts.items() if has_shape(prompt)]
    clicked = [index for index, prompt in prompts.items() if any(click.is_positive for click in prompt.clicks)]
    if with_shape or clicked:
        return min(with_shape or clicked)
    place = _label(prompts[min(prompts)])
    raise PromptError(f"{place} has only negative clicks: add a click on the object, or a box")


def has_shape(prompt: Prompt) -> bool:
    """Tell whether a prompt has a box or a mask, not clicks only."""
    return prompt.box is not None or prompt.mask is not None


def check_range(info: VideoInfo, frames: FrameRange) -> None:
    """Raise PromptError unless `frames` is a range within the video."""
    start, stop = frames
    if not 0 <= start < stop <= info.num_frames:
        raise PromptError(
            f"a frame range is start:stop with 0 <= start < stop <= {info.num_frames}, got {start}:{stop}: choose again"
        )


def _check_prompt(prompt: Prompt, info: VideoInfo, frames: FrameRange) -> Prompt:
    """Check a prompt against the video and the range; return it with its box clipped to the picture."""
    if prompt.frame_index >= info.num_frames:
        raise PromptError(
            f"{_label(prompt)}: the video has {info.num_frames} frames (0 to {info.num_frames - 1}), choose one of them"
        )
    if not frames[0] <= prompt.frame_index < frames[1]:
        raise PromptError(
            f"{_label(prompt)} lies outside the range {frames[0]}:{frames[1]}: widen the range or drop the prompt"
        )
    for click in prompt.clicks:
        _check_click(click, prompt, info)
    if prompt.mask is not None:
        _check_mask_size(prompt.mask, info, f"the mask of {_label(prompt)}")
        if mask_area(prompt.mask) == 0:
            raise PromptError(f"the mask of {_label(prompt)} is empty: mark the object as absent there instead")
    if prompt.box is None:
        return prompt
    if prompt.box.area == 0:
        raise PromptError(f"the box of {_label(prompt)} has no area, {prompt.box.xyxy}: draw it again")
    clipped = clip_box(prompt.box, info.size_wh)
    if clipped is None:
        width, height = info.size_wh
        raise PromptError(
            f"the box of {_label(prompt)}, {prompt.box.xyxy}, lies outside the {width}x{height} picture: draw it again"
        )
    return replace(prompt, box=clipped)


def _check_click(click: Click, prompt: Prompt, info: VideoInfo) -> None:
    width, height = info.size_wh
    if not (0 <= click.x <= width and 0 <= click.y <= height):
        raise PromptError(
            f"a click of {_label(prompt)}, ({click.x}, {click.y}), lies outside the {width}x{height} picture: "
            "click inside it"
        )


def _check_mask_size(rle: Rle, info: VideoInfo, name: str) -> None:
    width, height = info.size_wh
    if tuple(rle.size_hw) != (height, width):
        raise PromptError(
            f"{name} is {rle.size_hw[1]}x{rle.size_hw[0]} but the video is {width}x{height}: resize the mask"
        )


def _label(prompt: Prompt) -> str:
    return f"object {prompt.object_id} on frame {prompt.frame_index}"
