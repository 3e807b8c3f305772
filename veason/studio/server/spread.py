"""Which masks to compute: whole ranges, or only the frames that a correction touches, object by object.

Every plan keeps away from what a person settled (verified, absent or painted frames) and from locked objects.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from veason.errors import PromptError
from veason.project.state import Marked, Place, State
from veason.session import Duplicated, Merged
from veason.types import FrameMasks, FrameRange, ObjectMask, Prompt

Pending = dict[int, frozenset[int]]
"""Frames by object whose masks do not follow from its prompts; a stale object that is not in it waits on all frames."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Objects to track together, and the neighbouring frames on which their masks are wanted."""

    object_ids: frozenset[int]
    frames: frozenset[int]

    @property
    def range(self) -> FrameRange:
        """The smallest half-open range that holds the frames."""
        return min(self.frames), max(self.frames) + 1


# --- what an edit touches


def span_around(state: State, place: Place) -> range:
    """Return the frames whose masks an edit at a place changes: up to the next frames that a person settled.

    Those are frames with a prompt by hand or a verified mask; the place itself is always inside.
    """
    object_id, frame_index = place
    barriers = [frame for one, frame in state.by_hand if one == object_id]
    barriers += [frame for (one, frame), mark in state.marks.items() if one == object_id and mark == "verified"]
    start = max((frame + 1 for frame in barriers if frame < frame_index), default=0)
    stop = min((frame for frame in barriers if frame > frame_index), default=state.session.num_frames)
    return range(start, stop)


def settled(state: State, object_id: int) -> frozenset[int]:
    """Return the frames whose masks only a person changes: verified, absent, or painted."""
    marked = {frame for one, frame in state.marks if one == object_id}
    painted = {frame for (one, frame), prompt in state.session.prompts.items() if one == object_id and prompt.mask}
    return frozenset(marked | painted)


def note_edit(pending: Pending, before: State, after: State, edit: object) -> None:
    """Keep account in `pending` of the frames that an edit of a person leaves to be done."""
    if isinstance(edit, Marked):
        places = range(edit.start, edit.stop)
        waiting = pending.get(edit.object_id, frozenset())
        freed = {frame for frame in places if before.marks.get((edit.object_id, frame)) == "absent"}
        if waiting or (freed and edit.kind is None):
            pending[edit.object_id] = waiting | freed if edit.kind is None else waiting.difference(places)
        return
    if isinstance(edit, Duplicated):
        pending |= {edit.object_id: pending[edit.source_id]} if edit.source_id in pending else {}
        return
    if isinstance(edit, Merged):
        both = waiting_frames(before, pending, edit.source_id) | waiting_frames(before, pending, edit.target_id)
        pending.pop(edit.source_id, None)
        pending[edit.target_id] = both - settled(after, edit.target_id)
        return
    old, new = before.session.prompts, after.session.prompts
    for place in old.keys() | new.keys():
        if old.get(place) is new.get(place):
            continue
        is_known = place[0] in pending or place[0] not in before.session.stale
        if is_known:
            pending[place[0]] = pending.get(place[0], frozenset()) | _redone(after, place)
    for object_id in set(pending).difference(after.session.object_ids):
        del pending[object_id]


def note_done(pending: Pending, state: State, arrived: FrameMasks) -> None:
    """Keep account in `pending` of a frame that was done."""
    for object_id in arrived.masks:
        if object_id in pending or object_id in state.session.stale:
            pending[object_id] = waiting_frames(state, pending, object_id) - {arrived.frame_index}


def waiting_frames(state: State, pending: Pending, object_id: int) -> frozenset[int]:
    """Return the frames of an object whose masks do not follow from its prompts; all where that is not known."""
    if object_id in pending:
        return pending[object_id]
    if object_id not in state.session.stale:
        return frozenset()
    return frozenset(range(state.session.num_frames)) - settled(state, object_id)


def around_absent(state: State, mark: Marked) -> list[Marked]:
    """Return a verified mark in the parts that leave frames out on which the object is marked absent; others whole."""
    if mark.kind != "verified":
        return [mark]
    places = range(mark.start, mark.stop)
    present = frozenset(frame for frame in places if state.marks.get((mark.object_id, frame)) != "absent")
    runs = [Marked(mark.object_id, min(run), max(run) + 1, "verified") for run in _runs(present)]
    return runs or [mark]


def _redone(state: State, place: Place) -> frozenset[int]:
    """Return the frames to do again after an edit at a place: those it reaches, and those that were never done."""
    track = state.session.tracks.get(place[0])
    done: Collection[int] = track.frames if track is not None else ()
    missing = {frame for frame in range(state.session.num_frames) if frame not in done}
    return frozenset(missing.union(span_around(state, place)) - settled(state, place[0]))


# --- what to compute


def plan(state: State, locked: Collection[int], pending: Pending, data: Any, frames: FrameRange) -> list[Stretch]:
    """Return what to compute for a page's request, the object in hand first; nothing where nothing is left to do.

    `data["only"]` says how much: None is every object on all of `frames`; "stale" what does not follow from its
    prompts; "here" the object in hand on its frame alone; "forward" and "backward" the object in hand from its frame
    to where a person settled the matter, or the range ends.

    Raises:
        PromptError: a value is not of its kind.
    """
    only = data.get("only")
    wanted = frozenset(range(*frames))
    open_ids = [one for one in state.session.object_ids if one not in locked and _has_prompt(state, one)]
    if only is None:
        return _grouped(dict.fromkeys(open_ids, wanted))
    if only == "stale":
        in_hand = data.get("object")
        ordered = sorted(open_ids, key=lambda one: one != in_hand)
        return _grouped({one: waiting_frames(state, pending, one) & wanted for one in ordered})
    object_id, frame_index = data.get("object"), data.get("frame")
    if object_id is None or frame_index is None:
        raise PromptError("masks of one object need to know which, and on which frame: choose an object first")
    if object_id not in open_ids or not 0 <= frame_index < state.session.num_frames:
        return []
    if only == "here":
        return _grouped({object_id: frozenset({frame_index})})
    if only not in ("forward", "backward"):
        raise PromptError(f"masks can go forward, backward, here or where they are stale, not {only!r}")
    reach = wanted & set(span_around(state, (object_id, frame_index)))
    one_way = {one for one in reach if (one >= frame_index if only == "forward" else one <= frame_index)}
    return _grouped({object_id: frozenset(one_way) - settled(state, object_id)})


def prompts_of(state: State, stretch: Stretch) -> list[Prompt]:
    """Return the prompts of the objects of a stretch."""
    return [prompt for prompt in state.session.prompts.values() if prompt.object_id in stretch.object_ids]


def kept(state: State, locked: Collection[int], stretch: Stretch, arrived: FrameMasks) -> FrameMasks | None:
    """Return of what arrived only what was wanted; settled masks as they are, None where nothing is left."""
    frame_index = arrived.frame_index
    if frame_index not in stretch.frames:
        return None
    masks: dict[int, ObjectMask] = {}
    for object_id, mask in arrived.masks.items():
        if object_id in locked:
            continue
        track = state.session.tracks.get(object_id)
        old = track.frames.get(frame_index) if track is not None else None
        is_settled = old is not None and _is_settled(state, (object_id, frame_index))
        masks[object_id] = old if is_settled and old is not None else mask
    return FrameMasks(frame_index, masks) if masks else None


def finished(state: State, pending: Mapping[int, frozenset[int]], stretches: list[Stretch]) -> frozenset[int]:
    """Return the objects of the stretches whose masks, as far as they reach, all follow from their prompts."""
    done = {object_id for stretch in stretches for object_id in stretch.object_ids}
    return frozenset(one for one in done if not outdated(state, pending, one))


def outdated(state: State, pending: Mapping[int, frozenset[int]], object_id: int) -> frozenset[int]:
    """Return the frames that have a mask of an object which does not follow from its prompts any more."""
    track = state.session.tracks.get(object_id)
    return waiting_frames(state, dict(pending), object_id).intersection(track.frames if track is not None else ())


def _has_prompt(state: State, object_id: int) -> bool:
    return any(one == object_id for one, _ in state.session.prompts)


def _is_settled(state: State, place: Place) -> bool:
    prompt = state.session.prompts.get(place)
    return place in state.marks or (prompt is not None and prompt.mask is not None)


def _grouped(wanted: Mapping[int, frozenset[int]]) -> list[Stretch]:
    """Return stretches of neighbouring frames; objects that want the same frames share one."""
    groups: dict[frozenset[int], set[int]] = {}
    for object_id, frames in wanted.items():
        groups.setdefault(frames, set()).add(object_id)
    return [Stretch(frozenset(ids), run) for frames, ids in groups.items() for run in _runs(frames)]


def _runs(frames: frozenset[int]) -> Iterator[frozenset[int]]:
    run: list[int] = []
    for frame_index in sorted(frames):
        if run and frame_index != run[-1] + 1:
            yield frozenset(run)
            run = []
        run.append(frame_index)
    if run:
        yield frozenset(run)
