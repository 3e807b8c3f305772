"""Which masks to compute (again): the one plan that the app, the command line and pre-labelling follow.

    plan = RecomputePlan.of(state, RecomputeRequest(frames=(0, 96)))
    for job in plan.jobs: ...                  # objects to track together, over neighbouring frames
        kept = plan.accept(arrived, state)     # of what arrived, only what was wanted
    plan.left                                  # what has not come yet

Every plan keeps away from what a person settled (verified, absent or painted frames, and clicks that began a track
which begins elsewhere by now) and from locked objects.

A plan that may settle follows each correction in a job of its own, and ends it in a direction where masks come out as
they were. What it left as it was is in `settled`, to be kept with the annotation.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from veason.annotation.edits import Settled
from veason.annotation.kept import track_start
from veason.annotation.settling import Settling, is_same
from veason.annotation.state import (
    FrameRuns,
    Place,
    State,
    count_frames,
    frames_of,
    has_frame,
    intersect_runs,
    runs_of,
    subtract_runs,
    unite_runs,
    without_frame,
)
from veason.types import FrameMasks, FrameRange, ObjectMask, Passes, Prompt, Rle

Extent = Literal["all", "pending", "rest", "here", "forward", "backward"]
"""How much to compute: every object on all frames; what does not follow from its prompts; that, and what runs left as
it was; one object on one frame; one object from a frame to where a person settled the matter, in one direction."""

LANDMARKS_APART = 32
"""Frames between those of a verified stretch that the segmenter is told."""


@dataclass(frozen=True, slots=True)
class RecomputeRequest:
    """What somebody wants to be computed.

    Attributes:
        frames: do no more than this half-open range; "here" does its one frame wherever it is.
        extent: how much.
        object_id: the object in hand: done first of what is pending, the only one of "here", "forward", "backward".
        frame_index: the frame in hand, for "here", "forward" and "backward".
        may_settle: whether a run that follows a correction ends where masks come out as they were; for "pending". With
            "here" it shows what a correction gives without following the other ones that wait.
    """

    frames: FrameRange
    extent: Extent = "pending"
    object_id: int | None = None
    frame_index: int | None = None
    may_settle: bool = False


@dataclass(frozen=True, slots=True)
class TrackJob:
    """Objects to track together, and the half-open range on which their masks are wanted.

    Attributes:
        object_ids: the objects.
        frames: the range.
        follows: the place of the correction of one object that this job follows, None where it follows all prompts.
        later: places of corrections that later jobs follow: as if they had not been made yet.
        is_glance: whether it only shows what the correction gives on its own frame, and masks follow it later.
    """

    object_ids: frozenset[int]
    frames: FrameRange
    follows: Place | None = None
    later: frozenset[Place] = frozenset()
    is_glance: bool = False

    def prompts(self, state: State) -> list[Prompt]:
        """Return the prompts of the objects, in the order they were made, the one that is followed last."""
        found = [
            prompt
            for place, prompt in state.prompts.items()
            if place[0] in self.object_ids and place not in self.later and place != self.follows
        ]
        return found if self.follows is None else [*found, state.prompts[self.follows]]

    def fixed(self, state: State) -> dict[int, dict[int, Rle | None]]:
        """Return the masks of the objects that must not change, see `fixed_masks`.

        A job that follows a correction leaves the track where it began; where that is a click, no click needs fixing.
        """
        if self.follows is None:
            return fixed_masks(state, self.object_ids)
        layered = {*state.touched, *state.passes}
        first = [prompt for place, prompt in state.prompts_of(self.follows[0]).items() if place not in layered]
        is_clicked = all(prompt.box is None and prompt.mask is None for prompt in first)
        prompts = {place: prompt for place, prompt in state.prompts.items() if place not in self.later}
        kept = frozenset() if is_clicked else state.kept
        return fixed_masks(replace(state, prompts=prompts, kept=kept), self.object_ids)


class RecomputePlan:
    """The masks that are wanted, as jobs to be done one after the other, and which of them have not come yet.

    Args:
        wanted: frames by object id, in the order to do them; objects that want the same frames are tracked together.
        following: jobs that each follow a correction, to be done first, with the frames they want and how they settle.

    Attributes:
        jobs: what to do, in order.
        num_frames: how many frames have to be looked at, each counted once.
        settled: what the jobs that ended early have come to.
    """

    def __init__(
        self, wanted: Mapping[int, FrameRuns], following: Mapping[TrackJob, tuple[FrameRuns, Settling]] | None = None
    ) -> None:
        self._following = dict(following or {})
        self._wanted = {object_id: runs for object_id, runs in wanted.items() if runs}
        self._left = dict(self._wanted)
        self._came: dict[Place, Rle] = {}
        self._job: TrackJob | None = None
        groups: dict[FrameRuns, set[int]] = {}
        for object_id, runs in self._wanted.items():
            groups.setdefault(runs, set()).add(object_id)
        followed = {job.follows: runs for job, (runs, _) in self._following.items()}
        for place, runs in followed.items():
            assert place is not None, "a job that settles follows a correction"
            self._left[place[0]] = unite_runs(self._left.get(place[0], ()), runs)
        everything: FrameRuns = functools.reduce(unite_runs, (*self._wanted.values(), *followed.values()), ())
        self.num_frames = count_frames(everything)
        whole = (TrackJob(frozenset(ids), run) for runs, ids in groups.items() for run in runs)
        self.jobs = (*self._following, *whole)
        self.settled: list[Settled] = []

    @classmethod
    def of(cls, state: State, request: RecomputeRequest) -> RecomputePlan:
        """Return the plan for a request; it has no jobs where nothing is left to do."""
        within = (request.frames,)
        if request.extent == "all":
            return cls(dict.fromkeys(_open_objects(state), within))
        if request.extent in ("pending", "rest"):
            ordered = sorted(_open_objects(state), key=lambda object_id: object_id != request.object_id)
            waiting = {one: intersect_runs(state.waiting_frames(one), within) for one in ordered}
            if request.extent == "rest":
                more = {one: intersect_runs(state.assumed_frames(one), within) for one in ordered}
                return cls({one: unite_runs(waiting[one], more[one]) for one in ordered})
            following = _following(state, waiting, request.frames) if request.may_settle else {}
            return cls(_without_followed(waiting, following), following)
        object_id, frame_index = request.object_id, request.frame_index
        if object_id not in _open_objects(state) or frame_index is None or not 0 <= frame_index < state.num_frames:
            return cls({})
        if request.extent == "here":
            glance = _glance(state, (object_id, frame_index)) if request.may_settle else {}
            return cls({} if glance else {object_id: ((frame_index, frame_index + 1),)}, glance)
        start, stop = state.reach((object_id, frame_index))
        one_way = (frame_index, stop) if request.extent == "forward" else (start, frame_index + 1)
        unsettled = subtract_runs((one_way,), state.settled_frames(object_id))
        return cls({object_id: intersect_runs(unsettled, within)})

    @property
    def left(self) -> dict[int, FrameRuns]:
        """The frames by object id that have not been accepted yet; objects of which all came are left out."""
        return {object_id: runs for object_id, runs in self._left.items() if runs}

    def begin(self, job: TrackJob) -> None:
        """Take what arrives from now on as that of a job."""
        self._job = job

    def passes(self, state: State) -> Passes | None:
        """Return how far runs have followed corrections so far, and the job at work at most; None for a whole run."""
        if self._job is None or self._job.follows is None:
            return None
        object_id, frame_index = self._job.follows
        earlier = {
            at: frames
            for (one, at), frames in state.passes.items()
            if one == object_id and (one, at) not in state.touched and (one, at) in state.prompts
        }
        here = {one.frame_index: one.frames for one in self.settled if one.object_id == object_id}
        return {object_id: {**earlier, **here, frame_index: self._job.frames}}

    def bounds(self, object_id: int) -> FrameRange:
        """Return the frames of an object that the job at work still wants."""
        assert self._job is not None, "a job has begun"
        return self._following[self._job][1].frames if self._job in self._following else self._job.frames

    def accept(self, arrived: FrameMasks, state: State) -> FrameMasks | None:
        """Return of arrived masks only what was wanted, and count it as done; None where that is nothing.

        Args:
            arrived: what the segmenter yielded.
            state: the annotation as it is by now: what was verified or locked meanwhile stays as it is.
        """
        frame_index = arrived.frame_index
        masks: dict[int, ObjectMask] = {}
        for object_id, mask in arrived.masks.items():
            place = (object_id, frame_index)
            if object_id in state.locked or not self._is_wanted(place):
                continue
            is_kept = state.is_settled(place) or place in state.kept
            old = state.mask_at(place)
            if not is_kept:
                self._note(place, mask.rle, old)
            masks[object_id] = old if is_kept and old is not None else mask
            self._came[place] = masks[object_id].rle
            self._left[object_id] = without_frame(self._left[object_id], frame_index)
        return FrameMasks(frame_index, masks) if masks else None

    def end(self) -> None:
        """Say that the job at work has done all it had to: what it left as it was goes to `settled`."""
        job = self._job
        if job is None or job.follows is None or job.is_glance:
            return
        object_id, frame_index = job.follows
        wanted, settling = self._following[job]
        beyond = subtract_runs(wanted, (settling.frames,))
        done = intersect_runs(wanted, (settling.frames,))
        if not all((object_id, at) in self._came for at in frames_of(done)):
            return  # the object was locked meanwhile: what has not come goes on waiting
        self.settled.append(Settled(object_id, frame_index, settling.frames, beyond))
        self._left[object_id] = subtract_runs(self._left[object_id], beyond)

    def _is_wanted(self, place: Place) -> bool:
        object_id, frame_index = place
        if self._job in self._following:
            return has_frame(self._following[self._job][0], frame_index)
        return has_frame(self._wanted.get(object_id, ()), frame_index)

    def _note(self, place: Place, mask: Rle, old: ObjectMask | None) -> None:
        """Compare a mask with the one before it, which may be so new that the annotation does not have it yet."""
        if self._job in self._following:
            before = self._came.get(place, None if old is None else old.rle)
            self._following[self._job][1].take(place[1], is_same=is_same(mask, before))


def _glance(state: State, place: Place) -> dict[TrackJob, tuple[FrameRuns, Settling]]:
    """Return the job that shows a correction on its own frame alone; none where it makes a track of its own."""
    object_id, frame_index = place
    begins = track_start(state, object_id, {*state.touched, *state.passes})
    if place not in state.touched or place not in state.prompts or begins is None:
        return {}
    frames = (frame_index, frame_index + 1)
    others = frozenset(one for one in state.touched if one[0] == object_id and one != place)
    job = TrackJob(frozenset({object_id}), frames, place, others, is_glance=True)
    return {job: ((frames,), Settling(frame_index, frames, ()))}


def _following(
    state: State, waiting: Mapping[int, FrameRuns], within: FrameRange
) -> dict[TrackJob, tuple[FrameRuns, Settling]]:
    """Return the jobs that follow corrections and may end early, in the order the corrections were made.

    An object is followed so where every edit of it that masks have not followed is a prompt that is there, and where
    the track begins as before: else everything is done again.
    """
    jobs: dict[TrackJob, tuple[FrameRuns, Settling]] = {}
    for object_id, pending in waiting.items():
        touched = [place for place in state.prompts if place in state.touched and place[0] == object_id]
        num_touched = sum(place[0] == object_id for place in state.touched)
        begins = track_start(state, object_id, {*state.touched, *state.passes})
        if not pending or len(touched) < num_touched or begins is None:
            continue
        masked = runs_of(state.frames_of(object_id))
        for number, place in enumerate(touched):
            start, stop = max(state.reach(place)[0], within[0]), min(state.reach(place)[1], within[1])
            if not start <= place[1] < stop:
                continue
            wanted = intersect_runs(pending, ((start, stop),))
            job = TrackJob(frozenset({object_id}), (start, stop), place, frozenset(touched[number + 1 :]))
            jobs[job] = (wanted, Settling(place[1], (start, stop), subtract_runs(wanted, masked)))
    return jobs


def _without_followed(
    waiting: Mapping[int, FrameRuns], following: Mapping[TrackJob, tuple[FrameRuns, Settling]]
) -> dict[int, FrameRuns]:
    """Return the frames that wait and that no job follows."""
    left = dict(waiting)
    for job, (wanted, _) in following.items():
        for object_id in job.object_ids:
            left[object_id] = subtract_runs(left[object_id], wanted)
    return left


def fixed_masks(state: State, object_ids: Iterable[int]) -> dict[int, dict[int, Rle | None]]:
    """Return the masks of objects that propagation must not change: painted, verified or kept; None where absent.

    Of a long verified stretch the ends and some frames between them are enough: every one of them is remembered by the
    segmenter and slows it down, and none is ever overwritten (see `RecomputePlan.accept`).
    """
    wanted = frozenset(object_ids)
    fixed: dict[int, dict[int, Rle | None]] = {}
    for (object_id, frame_index), prompt in state.prompts.items():
        if prompt.mask is not None and object_id in wanted:
            fixed.setdefault(object_id, {})[frame_index] = prompt.mask
    for object_id, frame_index in state.kept:
        mask = state.mask_at((object_id, frame_index))
        if object_id in wanted and mask is not None:
            fixed.setdefault(object_id, {})[frame_index] = mask.rle
    for (object_id, frame_index), mark in state.marks.items():
        if object_id not in wanted:
            continue
        mask = state.mask_at((object_id, frame_index))
        if mark == "absent":
            fixed.setdefault(object_id, {})[frame_index] = None
        elif mask is not None and _is_landmark(state, object_id, frame_index):
            fixed.setdefault(object_id, {})[frame_index] = mask.rle
    return fixed


def _is_landmark(state: State, object_id: int, frame_index: int) -> bool:
    """Tell whether a verified frame is an end of its stretch, or one of those between that the segmenter is told."""
    neighbours = (frame_index - 1, frame_index + 1)
    is_end = any(state.marks.get((object_id, other)) != "verified" for other in neighbours)
    return is_end or frame_index % LANDMARKS_APART == 0


def _open_objects(state: State) -> list[int]:
    """Return the ids of objects that can be computed: with a prompt, and not locked."""
    return sorted({object_id for object_id, _ in state.prompts} - state.locked)
