"""Annotation state: a frozen Session, the edits that turn one into the next, and undo.

Nothing here knows a model, a file or a page. `apply(session, edit)` gives the next Session; `History` keeps the way
back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from veason.errors import SessionError
from veason.masks import mask_area, union_mask
from veason.types import Answer, FrameMasks, MaskTrack, ObjectMask, Prompt


@dataclass(frozen=True, slots=True)
class Session:
    """One question about one video and what has come of it.

    Attributes:
        num_frames: length of the video.
        instruction: what was asked, "" before the first question.
        shown: absolute indices of the frames the policy was shown.
        answer: the policy's answer, None before it or when boxes were drawn by hand only.
        keyframe: the frame on which boxes are edited; the answer's, unless a person chose another.
        prompts: boxes, clicks and masks by (object id, frame index).
        tracks: masks by object id.
        stale: ids of objects whose masks do not yet follow from their prompts.
    """

    num_frames: int
    instruction: str = ""
    shown: tuple[int, ...] = ()
    answer: Answer | None = None
    keyframe: int | None = None
    prompts: Mapping[tuple[int, int], Prompt] = field(default_factory=dict)
    tracks: Mapping[int, MaskTrack] = field(default_factory=dict)
    stale: frozenset[int] = frozenset()

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The ids of all objects that have a prompt or a mask, ascending."""
        return tuple(sorted({object_id for object_id, _ in self.prompts} | set(self.tracks)))

    def mask_at(self, place: tuple[int, int]) -> ObjectMask | None:
        """Return the mask of (object id, frame index), None where there is none."""
        return self.tracks[place[0]].frames.get(place[1]) if place[0] in self.tracks else None


@dataclass(frozen=True, slots=True)
class Asked:
    """A new question: the answer to the last one, its objects and their masks give way."""

    instruction: str
    shown: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GotAnswer:
    """The policy answered; its boxes become the prompts of objects 1, 2, ..."""

    answer: Answer
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class MoveKeyframe:
    """A person made another frame the keyframe; boxes of the old one go along."""

    frame_index: int


@dataclass(frozen=True, slots=True)
class PutPrompt:
    """A box, click or mask was drawn or changed."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class DropPrompt:
    """A prompt was deleted; an object without any prompt is gone."""

    object_id: int
    frame_index: int


@dataclass(frozen=True, slots=True)
class Duplicated:
    """A person made a new object, `object_id`, with copies of the prompts and masks of `source_id`."""

    source_id: int
    object_id: int


@dataclass(frozen=True, slots=True)
class Merged:
    """A person said that two objects are one: `source_id` goes into `target_id`, frame by frame the union of both.

    On frames in `kept` the target stays as it is. Where the union is neither of the two masks and one of them was
    prompted, the union becomes the prompt, so that a box around one part does not take the other away later.
    """

    source_id: int
    target_id: int
    kept: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class GotMasks:
    """Masks arrived from the segmenter."""

    frame_masks: FrameMasks


@dataclass(frozen=True, slots=True)
class Tracked:
    """Propagation of these objects ran to its end: their masks now follow from their prompts."""

    object_ids: frozenset[int]


Edit = Asked | GotAnswer | MoveKeyframe | PutPrompt | DropPrompt | Duplicated | Merged | GotMasks | Tracked


def apply(session: Session, edit: Edit) -> Session:
    """Return the session after the edit.

    Raises:
        SessionError: the edit names a frame outside the video, or a prompt or object that is not there.
    """
    match edit:
        case Asked(instruction, shown):
            return Session(session.num_frames, instruction=instruction, shown=shown)
        case GotAnswer(answer, prompts):
            return _take_answer(session, answer, prompts)
        case MoveKeyframe(frame_index):
            return _move_keyframe(session, frame_index)
        case PutPrompt(prompt):
            return _put_prompt(session, prompt)
        case DropPrompt(object_id, frame_index):
            return _drop_prompt(session, object_id, frame_index)
        case Duplicated(source_id, object_id):
            return _duplicate(session, source_id, object_id)
        case Merged():
            return _merge(session, edit)
        case GotMasks(frame_masks):
            return dataclasses.replace(session, tracks=_lay_over(session.tracks, frame_masks))
        case Tracked(object_ids):
            return dataclasses.replace(session, stale=session.stale - object_ids)


def touched_frames(
    before: Mapping[tuple[int, int], Prompt], after: Mapping[tuple[int, int], Prompt]
) -> dict[int, frozenset[int]]:
    """Return the frames, by object, on which a prompt was added, changed or deleted; objects that are gone: nothing.

    >>> from veason.types import Box
    >>> box, other = Prompt(1, 4, box=Box(0, 0, 2, 2)), Prompt(1, 6, box=Box(0, 0, 3, 3))
    >>> touched_frames({(1, 4): box}, {(1, 4): box, (1, 6): other})
    {1: frozenset({6})}
    """
    remaining = {object_id for object_id, _ in after}
    found: dict[int, frozenset[int]] = {}
    for object_id, frame_index in sorted({*before, *after}):
        place = (object_id, frame_index)
        if object_id in remaining and before.get(place) != after.get(place):
            found[object_id] = found.get(object_id, frozenset()) | {frame_index}
    return found


def corrected_frames(now: Session, past: Sequence[Session]) -> dict[int, frozenset[int]]:
    """Return the frames, by object, that were corrected since the object's masks last followed from its prompts.

    This is what `Pipeline.refresh` wants. An object whose masks never followed counts wherever it has a prompt.

    Args:
        now: the session as it is; its stale objects count.
        past: what it was before each recorded edit, oldest first.
    """
    found: dict[int, frozenset[int]] = {}
    for object_id in sorted(now.stale):
        found |= touched_frames(_followed(object_id, now, past), _prompts_of(now, object_id))
    return found


def _followed(object_id: int, now: Session, past: Sequence[Session]) -> Mapping[tuple[int, int], Prompt]:
    """Return the prompts from which an object's masks last followed, {} where they never did."""
    for session in reversed(past):
        is_same_question = session.answer is now.answer and session.instruction == now.instruction
        if not is_same_question or object_id not in session.object_ids:
            return {}
        if object_id in session.tracks and object_id not in session.stale:
            return _prompts_of(session, object_id)
    return {}


def _prompts_of(session: Session, object_id: int) -> dict[tuple[int, int], Prompt]:
    return {place: prompt for place, prompt in session.prompts.items() if place[0] == object_id}


def _check_frame(session: Session, frame_index: int) -> None:
    if not 0 <= frame_index < session.num_frames:
        last = session.num_frames - 1
        raise SessionError(
            f"frame {frame_index} is not in this video: it has {session.num_frames} frames (0 to {last})"
        )


def _take_answer(session: Session, answer: Answer, prompts: tuple[Prompt, ...]) -> Session:
    by_place = {(prompt.object_id, prompt.frame_index): prompt for prompt in prompts}
    stale = frozenset(prompt.object_id for prompt in prompts)
    keyframe = None if answer.is_absent else answer.keyframe
    return dataclasses.replace(session, answer=answer, keyframe=keyframe, prompts=by_place, tracks={}, stale=stale)


def _move_keyframe(session: Session, frame_index: int) -> Session:
    _check_frame(session, frame_index)
    old = session.keyframe
    if old == frame_index:
        return session
    prompts = dict(session.prompts)
    moved = [place for place in prompts if place[1] == old and prompts[place].box is not None]
    for object_id, _ in moved:
        prompt = prompts.pop((object_id, old))  # type: ignore[arg-type]  # old is in the key
        prompts.setdefault((object_id, frame_index), Prompt(object_id, frame_index, box=prompt.box))
    stale = session.stale | {object_id for object_id, _ in moved}
    return dataclasses.replace(session, keyframe=frame_index, prompts=prompts, stale=stale)


def _put_prompt(session: Session, prompt: Prompt) -> Session:
    _check_frame(session, prompt.frame_index)
    prompts = {**session.prompts, (prompt.object_id, prompt.frame_index): prompt}
    keyframe = prompt.frame_index if session.keyframe is None else session.keyframe
    return dataclasses.replace(session, prompts=prompts, keyframe=keyframe, stale=session.stale | {prompt.object_id})


def _drop_prompt(session: Session, object_id: int, frame_index: int) -> Session:
    prompts = dict(session.prompts)
    if prompts.pop((object_id, frame_index), None) is None:
        raise SessionError(f"object {object_id} has no box or click on frame {frame_index} to delete")
    if any(other == object_id for other, _ in prompts):
        return dataclasses.replace(session, prompts=prompts, stale=session.stale | {object_id})
    tracks = {other: track for other, track in session.tracks.items() if other != object_id}
    return dataclasses.replace(session, prompts=prompts, tracks=tracks, stale=session.stale - {object_id})


def _check_object(session: Session, object_id: int) -> None:
    if object_id not in session.object_ids:
        raise SessionError(f"there is no object {object_id}: there are {list(session.object_ids)}")


def _duplicate(session: Session, source_id: int, object_id: int) -> Session:
    _check_object(session, source_id)
    if object_id in session.object_ids:
        raise SessionError(f"there is an object {object_id} already: a copy needs a free number")
    copies = {
        (object_id, frame_index): dataclasses.replace(prompt, object_id=object_id)
        for (_, frame_index), prompt in _prompts_of(session, source_id).items()
    }
    tracks = dict(session.tracks)
    if source_id in tracks:
        tracks[object_id] = MaskTrack(object_id, tracks[source_id].frames)
    stale = session.stale | ({object_id} if source_id in session.stale else set())
    return dataclasses.replace(session, prompts={**session.prompts, **copies}, tracks=tracks, stale=stale)


def _merge(session: Session, edit: Merged) -> Session:
    source, target = edit.source_id, edit.target_id
    for object_id in (source, target):
        _check_object(session, object_id)
    if source == target:
        raise SessionError(f"object {source} cannot be merged into itself: choose another one")
    tracks = {object_id: track for object_id, track in session.tracks.items() if object_id != source}
    given, own = _frames_of(session, source), _frames_of(session, target)
    frames = {**own, **{at: _united(own.get(at), mask) for at, mask in given.items() if at not in edit.kept}}
    if frames:
        tracks[target] = MaskTrack(target, frames)
    prompts = {place: prompt for place, prompt in session.prompts.items() if place[0] != source}
    for _, at in (*_prompts_of(session, source), *_prompts_of(session, target)):
        theirs, mask = session.prompts.get((source, at)), frames.get(at)
        if at in edit.kept:
            continue
        if mask is not None and mask is not own.get(at) and mask is not given.get(at):
            prompts[target, at] = Prompt(target, at, mask=mask.rle)
        elif theirs is not None and (mask is not own.get(at) or (target, at) not in prompts):
            prompts[target, at] = dataclasses.replace(theirs, object_id=target)
    stale = session.stale - {source} | ({target} if source in session.stale else set())
    return dataclasses.replace(session, prompts=prompts, tracks=tracks, stale=stale)


def _frames_of(session: Session, object_id: int) -> Mapping[int, ObjectMask]:
    return session.tracks[object_id].frames if object_id in session.tracks else {}


def _united(own: ObjectMask | None, given: ObjectMask) -> ObjectMask:
    """Return one of two masks where it covers the other (the own one first), else their union."""
    if own is None:
        return given
    union = union_mask([own.rle, given.rle])
    if mask_area(union) == mask_area(own.rle):
        return own
    if mask_area(union) == mask_area(given.rle):
        return given
    return ObjectMask(union, max(own.score, given.score))


def _lay_over(tracks: Mapping[int, MaskTrack], frame_masks: FrameMasks) -> dict[int, MaskTrack]:
    merged = dict(tracks)
    for object_id, mask in frame_masks.masks.items():
        old = merged[object_id].frames if object_id in merged else {}
        merged[object_id] = MaskTrack(object_id, {**old, frame_masks.frame_index: mask})
    return merged


@dataclass(frozen=True, slots=True)
class History:
    """A session with its past and future. Every recorded edit can be undone; Undo drops nothing but what came after."""

    now: Session
    past: tuple[Session, ...] = ()
    future: tuple[Session, ...] = ()

    def record(self, edit: Edit) -> History:
        """Apply an edit of a person: it can be undone, and what had been undone is forgotten."""
        return History(apply(self.now, edit), (*self.past, self.now))

    def follow(self, edit: Edit) -> History:
        """Apply what a model reports (answers, masks): it belongs to the edit before it and is no step of its own."""
        return dataclasses.replace(self, now=apply(self.now, edit))

    def undo(self) -> History:
        """Step back. Raises SessionError at the beginning."""
        if not self.past:
            raise SessionError("nothing to undo")
        return History(self.past[-1], self.past[:-1], (self.now, *self.future))

    def redo(self) -> History:
        """Step forward again. Raises SessionError where nothing was undone."""
        if not self.future:
            raise SessionError("nothing to redo")
        return History(self.future[0], (*self.past, self.now), self.future[1:])
