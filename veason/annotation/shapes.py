"""Tools that a person uses on the masks of an object: each gives one edit, `Drawn`, over one frame or several.

What comes out is the person's: a mask becomes a painted prompt of its frame, and nothing overwrites it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, get_args

from veason.annotation.edits import Drawn
from veason.annotation.state import Place, State
from veason.errors import SessionError
from veason.masks import mask_area
from veason.shaping import (
    MaskInterpolator,
    drop_specks,
    fill_holes,
    grow_mask,
    interpolate_boxes,
    intersect,
    largest_part,
    shrink,
    smooth,
    subtract,
)
from veason.types import FrameRange, Prompt, Rle

Tool = Literal["fill", "despeck", "largest", "grow", "shrink", "smooth", "subtract", "intersect"]
"""What is done to one mask; "subtract" and "intersect" take that of another object on the same frame."""

_MOST_FRAMES = 300
"""The most frames that one edit draws on: it must not hold up the edits of others."""

_ALONE: Mapping[Tool, Callable[[Rle, int], Rle]] = {
    "fill": lambda rle, _: fill_holes(rle),
    "despeck": drop_specks,
    "largest": lambda rle, _: largest_part(rle),
    "grow": grow_mask,
    "shrink": shrink,
    "smooth": smooth,
}
_TOGETHER: Mapping[Tool, Callable[[Rle, Rle], Rle]] = {"subtract": subtract, "intersect": intersect}
assert {*_ALONE, *_TOGETHER} == {*get_args(Tool)}


def with_tool(state: State, place: Place, tool: Tool, *, pixels: int = 1, other_id: int | None = None) -> Drawn:
    """Return the edit that a tool makes of an object's mask on a frame.

    Args:
        state: the labels as they are.
        place: object id and frame index.
        tool: what is done.
        pixels: by how much, for tools that have a measure; the least size of a part for "despeck".
        other_id: whose mask is taken away or met with, for "subtract" and "intersect".

    Raises:
        SessionError: there is no mask, nothing of it would change, or nothing would be left.
    """
    mask = _mask(state, place)
    if tool in _TOGETHER:
        if other_id is None or other_id == place[0]:
            raise SessionError(f"{tool} takes the mask of another object: choose one")
        made = _TOGETHER[tool](mask, _mask(state, (other_id, place[1])))
    else:
        made = _ALONE[tool](mask, pixels)
    if mask_area(made) == 0:
        raise SessionError(f"nothing would be left of object {place[0]} on frame {place[1]}: mark it absent instead")
    if made == mask:
        raise SessionError(f"there is nothing to change about the mask of object {place[0]} on frame {place[1]}")
    return Drawn(place[0], (Prompt(*place, mask=made),), tool)


def copied(state: State, place: Place, frames: FrameRange) -> Drawn:
    """Return the edit that copies a mask to other frames of its object, and is a person's there.

    Frames that a person settled or drew on stay as they are.

    Raises:
        SessionError: there is no mask to copy, or no frame to copy it to, or there are too many.
    """
    mask = _mask(state, place)
    if mask_area(mask) == 0:
        raise SessionError(f"the mask of object {place[0]} on frame {place[1]} is empty: there is nothing to copy")
    object_id, source = place
    free = _free_frames(state, object_id, (at for at in range(*frames) if at != source))
    return _drawn(object_id, [Prompt(object_id, at, mask=mask) for at in free], "copy")


def interpolated(state: State, place: Place) -> Drawn:
    """Return the edit that draws an object between the two nearest frames on which it was drawn, one on either side.

    Where both hold a box and no painting, boxes are drawn between them; else masks, whose shapes go over into each
    other. Frames that a person settled or drew on stay as they are.

    Raises:
        SessionError: the object was not drawn on both sides, or has no mask there, or there is no frame between.
    """
    object_id, here = place
    drawn = {at: one for (_, at), one in state.prompts_of(object_id).items() if one.box or one.mask}
    before = max((at for at in drawn if at <= here), default=None)
    after = min((at for at in drawn if at > here), default=None)
    if before is None or after is None:
        missing = "before" if before is None else "after"
        raise SessionError(f"draw object {object_id} on a frame {missing} frame {here} too, with a box or the brush")
    free = _free_frames(state, object_id, range(before + 1, after))
    first, last = drawn[before], drawn[after]
    shares = {at: (at - before) / (after - before) for at in free}
    if first.mask is None and last.mask is None and first.box is not None and last.box is not None:
        box = first.box
        boxes = {at: interpolate_boxes(box, last.box, share) for at, share in shares.items()}
        return _drawn(object_id, [Prompt(object_id, at, box=one) for at, one in boxes.items()], "interpolate")
    between = MaskInterpolator(_mask(state, (object_id, before)), _mask(state, (object_id, after)))
    masks = {at: between.at(share) for at, share in shares.items()}
    prompts = [Prompt(object_id, at, mask=one) for at, one in masks.items() if mask_area(one)]
    return _drawn(object_id, prompts, "interpolate")


def _drawn(object_id: int, prompts: list[Prompt], how: Literal["copy", "interpolate"]) -> Drawn:
    if not prompts:
        raise SessionError(f"there is no frame to draw object {object_id} on that a person has not settled or drawn")
    return Drawn(object_id, tuple(prompts), how)


def _free_frames(state: State, object_id: int, frames: Iterable[int]) -> list[int]:
    """Return the frames on which a person neither settled nor drew an object."""
    places = ((object_id, at) for at in frames)
    free = [place[1] for place in places if not state.is_settled(place) and place not in state.by_hand]
    if len(free) > _MOST_FRAMES:
        raise SessionError(f"that would draw on {len(free)} frames, at most {_MOST_FRAMES} go at once: choose fewer")
    return free


def _mask(state: State, place: Place) -> Rle:
    mask = state.mask_at(place)
    if mask is None or state.marks.get(place) == "absent":
        raise SessionError(f"object {place[0]} has no mask on frame {place[1]}: draw it, or propagate first")
    return mask.rle
