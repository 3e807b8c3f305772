"""What a person has not looked at or said yet: shown before labels are accepted, and what a project may demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from veason.annotation.edits import Edit, Marked
from veason.annotation.marks import with_settled
from veason.annotation.state import FrameRuns, Place, State, count_frames, runs_of, subtract_runs
from veason.consistency import doubt
from veason.errors import SessionError
from veason.masks import mask_area

OpenPoint = Literal["missing", "assumed", "empty", "doubtful", "unverified"]
OPEN_POINTS: tuple[OpenPoint, ...] = get_args(OpenPoint)


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """Frames by object id that are left open; an object of which none is so is left out.

    Attributes:
        missing: without a mask, or with one that does not follow from the prompts.
        assumed: with a mask that a run which ended early left as it was, and that no person settled.
        empty: with an empty mask that nobody said to be absent.
        doubtful: with a mask whose doubt is above the threshold, and of which nobody said anything.
        unverified: with a mask that nobody drew or verified, the doubtful ones among them.
    """

    missing: Mapping[int, FrameRuns]
    assumed: Mapping[int, FrameRuns]
    empty: Mapping[int, FrameRuns]
    doubtful: Mapping[int, FrameRuns]
    unverified: Mapping[int, FrameRuns]

    def count(self, point: OpenPoint) -> int:
        """Return on how many frames a point is open, each object counted."""
        runs: Mapping[int, FrameRuns] = getattr(self, point)
        return sum(map(count_frames, runs.values()))


def left_open(state: State, threshold: float, curve: Callable[[float], float] = float) -> LeftOpen:
    """Return what is left open of an annotation.

    Args:
        state: the annotation.
        threshold: the doubt above which a frame is doubtful.
        curve: gives the doubt for the one of `consistency.doubt` (see `veason.project.doubt`).
    """
    found: dict[OpenPoint, dict[int, FrameRuns]] = {point: {} for point in OPEN_POINTS}
    for object_id in state.object_ids:
        masks = state.frames_of(object_id)
        said = state.confirmed_frames(object_id) | {at for (one, at) in state.marks if one == object_id}
        unsaid = [at for at in masks if at not in said]
        empty = {at for at in unsaid if not mask_area(masks[at].rle)}
        track = state.tracks.get(object_id)
        doubts = doubt(track) if track is not None else {}
        waiting = subtract_runs(((0, state.num_frames),), runs_of(masks))
        parts: dict[OpenPoint, FrameRuns] = {
            "missing": runs_of({*_frames(waiting), *_frames(state.waiting_frames(object_id))}),
            "assumed": state.assumed_frames(object_id),
            "empty": runs_of(empty),
            "doubtful": runs_of(at for at in unsaid if at not in empty and curve(doubts[at]) > threshold),
            "unverified": runs_of(at for at in unsaid if at not in empty),
        }
        for point, runs in parts.items():
            if runs:
                found[point][object_id] = runs
    return LeftOpen(**found)


def _frames(runs: FrameRuns) -> list[int]:
    return [at for run in runs for at in range(*run)]


def empty_as_absent(state: State, size_wh: tuple[int, int]) -> list[Edit]:
    """Return the edits that mark every empty frame of every object absent: one step, all of it or nothing.

    Frames with a box, click or painting of the object, and locked objects, are left as they are.

    Raises:
        SessionError: there is no such frame.
    """
    empty: list[Place] = [
        (object_id, at)
        for object_id, track in state.tracks.items()
        if object_id not in state.locked
        for at, mask in track.frames.items()
        if not mask_area(mask.rle) and (object_id, at) not in state.marks and (object_id, at) not in state.prompts
    ]
    if not empty:
        raise SessionError("there is no empty frame to mark absent: each has a mask, a mark or a box of its own")
    edits: list[Edit] = []
    for object_id in dict.fromkeys(one for one, _ in empty):
        for run in runs_of(at for one, at in empty if one == object_id):
            edits += with_settled(state, Marked(object_id, *run, "absent"), size_wh)
    return edits
