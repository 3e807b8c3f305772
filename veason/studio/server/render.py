"""Session -> plain values for the page. Masks travel as RLE and are painted in the browser."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from veason.answer import context_for, find_mentions
from veason.consistency import check, doubt
from veason.draw import PALETTE
from veason.pipeline import FramesShown, masks_by_frame
from veason.profile import Profile
from veason.project.runs import pack_places
from veason.project.state import Mark, Place, State
from veason.session import Session
from veason.studio.server.samples import Proposal, proposals_item
from veason.studio.server.spread import Pending, Stretch, outdated
from veason.studio.server.steps import describe
from veason.studio.server.store import Work
from veason.types import (
    Answer,
    Answered,
    BoxClosed,
    FrameMasks,
    FrameMention,
    FrameRange,
    KeyframeChosen,
    ObjectMask,
    PolicyEvent,
    Segmenter,
    ThoughtDelta,
    Unanswered,
)

Item = dict[str, Any]
"""One message to the page; `kind` says which."""

STEPS_SHOWN = 12
"""How many steps the lists of undo and redo show."""


def notice(text: str, level: str = "error") -> Item:
    """Return a message that is shown to the visitor until it is dismissed or out of date."""
    return {"kind": "notice", "level": level, "text": text}


def opened(work: Work, frame_count: int) -> Item:
    """Return what the page needs of a newly opened (or resumed) video."""
    info = work.video.info
    return {
        "kind": "opened",
        "work": work.id,
        "project": work.key,
        "title": work.title,
        "frames": info.num_frames,
        "width": info.size_wh[0],
        "height": info.size_wh[1],
        "fps": info.fps,
        "first": info.first_timestamp,
        "last": info.last_timestamp,
        "variable": info.has_variable_rate,
        "decoder": info.decoder,
        "range": list(work.frames),
        "home": list(work.home),
        "frame_count": frame_count,
        "palette": PALETTE,
    }


def span(work: Work, *, insists: bool = False) -> Item:
    """Return the range to propagate; a page that has another one chosen keeps it, unless this one `insists`."""
    return {"kind": "range", "range": list(work.frames), "home": list(work.home), "insists": insists}


def pace(segmenter: Segmenter) -> Item:
    """Return what one frame of one object costs in seconds: a guess at first, later as measured."""
    return {"kind": "pace", "secondsPerFrame": segmenter.estimate_seconds(1000, 1) / 1000}


def session_state(work: Work) -> Item:
    """Return objects, prompts, marks, keyframe and what can be undone; masks travel apart."""
    state, question = work.state, work.project.question(work.question_id)
    session = state.session
    return {
        "kind": "session",
        "seen": question.revision,
        "review": question.status,
        "assignee": question.assignee,
        "instruction": session.instruction or question.instruction,
        "shown": list(session.shown),
        "keyframe": session.keyframe,
        "objects": list(session.object_ids),
        "boxes": [
            {"object": object_id, "frame": frame_index, "xyxy": list(prompt.box.xyxy)}
            for (object_id, frame_index), prompt in session.prompts.items()
            if prompt.box is not None
        ],
        "clicks": [
            {"object": object_id, "frame": frame_index, "xy": [click.x, click.y], "positive": click.is_positive}
            for (object_id, frame_index), prompt in session.prompts.items()
            for click in prompt.clicks
        ],
        "stale": sorted(session.stale),
        "byHand": sorted(state.by_hand),
        "marks": mark_stretches(state.marks),
        "names": {str(object_id): name for object_id, name in state.names.items()},
        "locked": sorted(state.locked),
        "occluded": pack_places(state.occluded),
        "reasoning": state.reasoning,
        "rewritten": state.thought,
        "paintings": [list(place) for place, prompt in session.prompts.items() if prompt.mask is not None],
        "pending": waiting(state, work.pending),
        **steps(work),
    }


def steps(work: Work) -> dict[str, list[str]]:
    """Return what the next steps of undo and redo are called, the nearest one first."""
    (done, undone), names = work.steps(), work.state.names
    later = [*done, *undone[:STEPS_SHOWN]]
    undo = describe(done, names, STEPS_SHOWN)[::-1]
    return {"undoSteps": undo, "redoSteps": describe(later, names, len(later) - len(done))}


def waiting(state: State, pending: Pending) -> dict[str, list[list[int]]]:
    """Return by object the runs of frames whose masks are there but do not follow from its prompts."""
    found = {}
    for object_id in state.session.tracks:
        if frames := outdated(state, pending, object_id):
            found[str(object_id)] = runs_of(frames)
    return found


def propagating(stretches: Sequence[Stretch], frames: FrameRange, only: object) -> Item:
    """Return what is about to be computed: the range, and how many frames of it."""
    count = len({frame for stretch in stretches for frame in stretch.frames})
    return {"kind": "propagating", "start": frames[0], "stop": frames[1], "count": count, "only": only}


def runs_of(frames: Iterable[int]) -> list[list[int]]:
    """Return frames as half-open runs of neighbours.

    >>> runs_of({7, 3, 4})
    [[3, 5], [7, 8]]
    """
    runs: list[list[int]] = []
    for frame_index in sorted(frames):
        if runs and runs[-1][1] == frame_index:
            runs[-1][1] += 1
        else:
            runs.append([frame_index, frame_index + 1])
    return runs


def mark_stretches(marks: Mapping[Place, Mark]) -> list[dict[str, Any]]:
    """Return neighbouring frames with the same mark as one stretch each.

    >>> mark_stretches({(1, 4): "absent", (1, 5): "absent"})
    [{'object': 1, 'start': 4, 'stop': 6, 'mark': 'absent'}]
    """
    stretches: list[dict[str, Any]] = []
    for (object_id, frame_index), mark in sorted(marks.items()):
        last = stretches[-1] if stretches else None
        if last and (last["object"], last["stop"], last["mark"]) == (object_id, frame_index, mark):
            last["stop"] += 1
        else:
            stretches.append({"object": object_id, "start": frame_index, "stop": frame_index + 1, "mark": mark})
    return stretches


def recalled(work: Work, profile: Profile) -> Item:
    """Return the reasoning as the page showed it, for a refresh."""
    answer = work.now.answer
    if answer is None:
        return {"kind": "recalled", "text": "", "mentions": [], "failure": failure_text(work), "answered": None}
    own = next((one for one in work.proposals if one.answer == answer), None) or _as_proposal(work, answer, profile)
    mentions = [policy_event(mention) for mention in own.mentions]
    answered = policy_event(Answered(answer, own.speed))
    return {"kind": "recalled", "text": answer.thought, "mentions": mentions, "failure": "", "answered": answered}


def _as_proposal(work: Work, answer: Answer, profile: Profile) -> Proposal:
    """Return an answer with the frames that it names, found again in its text."""
    info, shown = work.video.info, work.now.shown
    context = context_for(profile, shown, num_frames=info.num_frames, source_wh=info.size_wh, fps=info.fps)
    return Proposal(answer, tuple(find_mentions(answer.thought, context)))


def failure_text(work: Work) -> str:
    """Return what the policy wrote where it gave no usable answer, "" where it gave one or was not asked."""
    if not work.project.question(work.question_id).failure or work.now.answer is not None:
        return ""
    changes = work.project.changes_since(0, work.question_id)
    return next((str(one.body.get("text", "")) for one in reversed(changes) if one.operation == "failure"), "")


def proposals(work: Work) -> Item:
    """Return all answers to the question, how far they agree, and which one counts."""
    return proposals_item(work.proposals, work.asked, work.now.answer)


def all_masks(session: Session) -> Item:
    """Return every mask of the session; the page forgets the ones it had."""
    frames = masks_by_frame(session.tracks)
    return {
        "kind": "masks",
        "reset": True,
        "frames": {str(index): frame_masks(masks) for index, masks in frames.items()},
    }


def new_masks(arrived: list[FrameMasks]) -> Item:
    """Return masks to lay over the ones the page has."""
    frames: dict[str, dict[str, list[Any]]] = {}
    for one in arrived:
        frames.setdefault(str(one.frame_index), {}).update(frame_masks(one.masks))
    return {"kind": "masks", "reset": False, "frames": frames}


def frame_masks(masks: Mapping[int, ObjectMask]) -> dict[str, list[Any]]:
    """Return `{object_id: [counts, score]}` (JSON keys are text); every mask has the size of the video."""
    return {str(object_id): [mask.rle.counts, round(mask.score, 3)] for object_id, mask in masks.items()}


def doubts(session: Session) -> Item:
    """Return the doubt in [0, 1] of every frame done, by object."""
    frames = {
        str(object_id): {str(index): round(value, 3) for index, value in doubt(track).items()}
        for object_id, track in session.tracks.items()
    }
    return {"kind": "doubt", "objects": frames}


def masks_of_answer(session: Session) -> dict[int, ObjectMask]:
    """Return the keyframe masks that follow from the policy's own boxes, not from boxes that a person has changed."""
    answer = session.answer
    if answer is None or answer.keyframe is None:
        return {}
    masks = {}
    for object_id, box in enumerate(answer.boxes, start=1):
        prompt = session.prompts.get((object_id, answer.keyframe))
        track = session.tracks.get(object_id)
        is_own = prompt is not None and prompt.box == box and object_id not in session.stale
        if is_own and track is not None and answer.keyframe in track.frames:
            masks[object_id] = track.frames[answer.keyframe]
    return masks


def findings(session: Session) -> Item:
    """Return what `veason.consistency` finds about the answer."""
    if session.answer is None:
        return {"kind": "findings", "findings": []}
    found = check(session.answer, session.shown, masks_of_answer(session))
    return {"kind": "findings", "findings": [{"kind": finding.kind, "text": finding.message} for finding in found]}


def policy_event(event: FramesShown | PolicyEvent) -> Item:
    """Return the page's form of one event of the policy."""
    match event:
        case FramesShown(frame_indices):
            return {"kind": "shown", "frames": list(frame_indices)}
        case ThoughtDelta(text):
            return {"kind": "thought", "text": text}
        case FrameMention(frame_index, start, end):
            return {"kind": "mention", "frame": frame_index, "start": start, "end": end}
        case KeyframeChosen(frame_index, is_shown):
            return {"kind": "keyframe", "frame": frame_index, "isShown": is_shown}
        case BoxClosed(box, number):
            return {"kind": "box", "object": number + 1, "xyxy": list(box.xyxy)}
        case Answered(answer, speed):
            return {
                "kind": "answered",
                "absent": answer.is_absent,
                "notes": [note.message for note in answer.notes],
                "firstWord": speed.first_token_s if speed else None,
                "tokensPerSecond": speed.num_tokens / max(speed.total_s - speed.first_token_s, 1e-3) if speed else None,
            }
        case Unanswered(reason, text):
            return {"kind": "unanswered", "text": text, "reason": reason}


def jpeg(image: np.ndarray, longest: int | None = None) -> str:
    """Return `(H, W, 3)` uint8 RGB as a JPEG data URL, shrunk so that no side is longer than `longest` pixels."""
    picture = Image.fromarray(image)
    if longest is not None:
        picture.thumbnail((longest, longest), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
