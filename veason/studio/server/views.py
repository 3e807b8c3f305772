"""Labels, answers and events of the models -> items for the page. Masks travel as RLE; the browser paints them."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from veason.annotation import Mark, Place, Settled, State
from veason.annotation.plain import pack_places
from veason.annotation.state import count_frames, runs_of
from veason.annotation.words import describe
from veason.answer import context_for, find_mentions
from veason.consistency import check, doubt
from veason.draw import PALETTE
from veason.pipeline import Pipeline
from veason.profile import Profile
from veason.project import Labelled
from veason.project.doubt import DoubtCurve
from veason.studio.server.messages import Item
from veason.studio.server.messages.labels import BoxPart, ClickPart, MarkPart, OpenedItem, RangeItem, SessionItem
from veason.studio.server.messages.masks import DoubtItem, MasksItem, PaceItem, SettledItem
from veason.studio.server.messages.thinking import (
    AnsweredItem,
    AnswerPart,
    BoxItem,
    FindingPart,
    FindingsItem,
    KeyframeItem,
    MentionItem,
    ProposalsItem,
    RecalledItem,
    ThoughtItem,
    UnansweredItem,
)
from veason.studio.server.messages.units import MaskCode
from veason.studio.server.proposals import Proposal, describe_agreement
from veason.studio.server.question.open_question import OpenQuestion
from veason.tracks import masks_by_frame
from veason.types import (
    Answer,
    Answered,
    BoxClosed,
    FrameMasks,
    FrameMention,
    KeyframeChosen,
    ObjectMask,
    PolicyEvent,
    ThoughtDelta,
    Unanswered,
)

STEPS_SHOWN = 12
"""How many steps the lists of undo and redo show."""


# --- the question


def opened_item(question: OpenQuestion) -> OpenedItem:
    """Return what the page needs of a newly opened (or resumed) question."""
    info = question.info
    return OpenedItem(
        work=question.id,
        project=question.key,
        title=question.title,
        frames=info.num_frames,
        width=info.size_wh[0],
        height=info.size_wh[1],
        fps=info.fps,
        first=info.first_timestamp,
        last=info.last_timestamp,
        variable=info.has_variable_rate,
        decoder=info.decoder,
        range=question.range.frames,
        home=question.range.home,
        palette=PALETTE,
    )


def label_items(question: OpenQuestion, now: Labelled, profile: Profile) -> Sequence[Item]:
    """Return all labels of a question, the reasoning and what follows from them."""
    state = now.state
    return (
        recalled_item(question, state, profile),
        proposals_item(question.proposals, question.asked, state.answer),
        session_item(now),
        all_masks(state),
        doubt_item(state, question.project.doubt.curve()),
        findings_item(state),
    )


def range_item(question: OpenQuestion, *, insists: bool = False) -> RangeItem:
    """Return the range to propagate; a page that has another one chosen keeps it, unless this one `insists`."""
    return RangeItem(range=question.range.frames, home=question.range.home, insists=insists)


def pace_item(pipeline: Pipeline) -> PaceItem:
    """Return what one frame of one object costs in seconds: a guess at first, later as measured."""
    return PaceItem(seconds_per_frame=pipeline.estimate_seconds(1000, 1) / 1000)


def session_item(now: Labelled) -> SessionItem:
    """Return objects, prompts, marks, keyframe and what can be undone; masks travel apart."""
    state = now.state
    marks, steps = mark_parts(state.marks), [*now.done, *now.undone[:STEPS_SHOWN]]
    return SessionItem(
        seen=now.question.revision,
        review=now.question.status,
        assignee=now.question.assignee,
        instruction=now.question.instruction or state.instruction,
        takes_words=now.takes_words,
        shown=state.shown,
        keyframe=state.keyframe,
        objects=state.object_ids,
        boxes=[
            BoxPart(object=object_id, frame=frame_index, xyxy=prompt.box.xyxy)
            for (object_id, frame_index), prompt in state.prompts.items()
            if prompt.box is not None
        ],
        clicks=[
            ClickPart(object=object_id, frame=frame_index, xy=(click.x, click.y), positive=click.is_positive)
            for (object_id, frame_index), prompt in state.prompts.items()
            for click in prompt.clicks
        ],
        stale=sorted(state.stale),
        by_hand=sorted(state.by_hand),
        marks=marks,
        names=state.names,
        classes=state.classes,
        attributes=state.attributes,
        locked=sorted(state.locked),
        occluded=[(object_id, start, stop) for object_id, start, stop in pack_places(state.occluded)],
        reasoning=state.reasoning,
        rewritten=state.thought,
        paintings=[place for place, prompt in state.prompts.items() if prompt.mask is not None],
        pending={one: runs for one in state.pending if (runs := state.outdated_frames(one))},
        assumed={one: runs for one in state.assumed if (runs := state.assumed_frames(one))},
        undo_steps=describe(now.done, state.names, STEPS_SHOWN)[::-1],
        redo_steps=describe(steps, state.names, len(steps) - len(now.done)),
    )


def mark_parts(marks: Mapping[Place, Mark]) -> list[MarkPart]:
    """Return neighbouring frames with the same mark as one part each.

    >>> mark_parts({(1, 4): "absent", (1, 5): "absent"})
    [MarkPart(object=1, start=4, stop=6, mark='absent')]
    """
    frames: dict[tuple[int, Mark], list[int]] = {}
    for (object_id, frame_index), mark in sorted(marks.items()):
        frames.setdefault((object_id, mark), []).append(frame_index)
    parts = [
        MarkPart(object=object_id, start=start, stop=stop, mark=mark)
        for (object_id, mark), marked in frames.items()
        for start, stop in runs_of(marked)
    ]
    return sorted(parts, key=lambda part: (part.object, part.start))


# --- reasoning and answers


def recalled_item(question: OpenQuestion, state: State, profile: Profile) -> RecalledItem:
    """Return the reasoning as the page showed it, for a refresh."""
    answer = state.answer
    if answer is None:
        reason = question.project.library.question(question.question_id).failure
        written = failure_text(question, state)
        return RecalledItem(text="", mentions=(), failure=written, reason=reason, answered=None)
    own = next((one for one in question.proposals if one.answer == answer), None)
    if own is None:  # the frames that it names are found again in its text
        info = question.info
        context = context_for(profile, state.shown, num_frames=info.num_frames, source_wh=info.size_wh, fps=info.fps)
        own = Proposal(answer, tuple(find_mentions(answer.thought, context)))
    mentions = [_mention(one) for one in own.mentions]
    answered = _answered(Answered(answer, own.speed, confidence=own.confidence))
    return RecalledItem(text=answer.thought, mentions=mentions, failure="", reason="", answered=answered)


def failure_text(question: OpenQuestion, state: State) -> str:
    """Return what the policy wrote where it gave no usable answer, "" where it gave one or was not asked."""
    if not question.project.library.question(question.question_id).failure or state.answer is not None:
        return ""
    changes = question.project.library.changes_since(0, question.question_id)
    return next((str(one.body.get("text", "")) for one in reversed(changes) if one.operation == "failure"), "")


def proposals_item(proposals: Sequence[Proposal], asked: int, current: Answer | None) -> ProposalsItem:
    """Return several answers and how far they agree, the one that counts marked; none where it is not among them."""
    if current not in [proposal.answer for proposal in proposals]:
        proposals = ()
    answers = [proposal.answer for proposal in proposals]
    parts = [
        AnswerPart(
            number=number,
            frame=answer.keyframe,
            absent=answer.is_absent,
            boxes=[box.xyxy for box in answer.boxes],
            current=answer == current,
            sureness=confidence.text if confidence else "",
        )
        for number, (answer, confidence) in enumerate((one.answer, one.confidence) for one in proposals)
    ]
    return ProposalsItem(agreement=describe_agreement(answers, asked) if len(answers) > 1 else "", answers=parts)


def policy_item(event: PolicyEvent) -> Item:
    """Return the page's form of one event of the policy."""
    match event:
        case ThoughtDelta(text):
            return ThoughtItem(text=text)
        case FrameMention():
            return _mention(event)
        case KeyframeChosen(frame_index, is_shown):
            return KeyframeItem(frame=frame_index, is_shown=is_shown)
        case BoxClosed(box, number):
            return BoxItem(object=number + 1, xyxy=box.xyxy)
        case Answered():
            return _answered(event)
        case Unanswered(reason, text):
            return UnansweredItem(text=text, reason=reason)


def _mention(event: FrameMention) -> MentionItem:
    return MentionItem(frame=event.frame_index, start=event.start, end=event.end)


def _answered(event: Answered) -> AnsweredItem:
    speed = event.speed
    return AnsweredItem(
        absent=event.answer.is_absent,
        guess=event.answer.is_guess,
        recorded=event.answer.is_recorded,
        notes=[note.message for note in event.answer.notes if note.kind != "recorded"],
        first_word=speed.first_token_s if speed else None,
        tokens_per_second=speed.num_tokens / max(speed.total_s - speed.first_token_s, 1e-3) if speed else None,
        sureness=event.confidence.text if event.confidence else "",
    )


# --- masks


def all_masks(state: State) -> MasksItem:
    """Return every mask of the annotation; the page forgets the ones it had."""
    frames = masks_by_frame(state.tracks)
    return MasksItem(reset=True, frames={index: mask_codes(masks) for index, masks in frames.items()})


def new_masks(arrived: FrameMasks) -> MasksItem:
    """Return masks of a frame to lay over the ones the page has."""
    return MasksItem(reset=False, frames={arrived.frame_index: mask_codes(arrived.masks)})


def settled_item(settled: Settled) -> SettledItem:
    """Return where a run that followed a correction ended."""
    start, stop = settled.frames
    left = count_frames(settled.left)
    return SettledItem(object=settled.object_id, frame=settled.frame_index, start=start, stop=stop, left=left)


def mask_codes(masks: Mapping[int, ObjectMask]) -> dict[int, MaskCode]:
    """Return counts and score by object; every mask has the size of the video."""
    return {object_id: (mask.rle.counts, round(mask.score, 3)) for object_id, mask in masks.items()}


def doubt_item(state: State, curve: DoubtCurve) -> DoubtItem:
    """Return the doubt in [0, 1] of every frame done, by object, as people's judgements `curve` it."""
    return DoubtItem(
        objects={
            object_id: {index: round(curve(value), 3) for index, value in doubt(track).items()}
            for object_id, track in state.tracks.items()
        }
    )


def masks_of_answer(state: State) -> dict[int, ObjectMask]:
    """Return the keyframe masks that follow from the policy's own boxes, not from boxes that a person has changed."""
    answer = state.answer
    if answer is None or answer.keyframe is None:
        return {}
    masks, stale = {}, state.stale
    for object_id, box in enumerate(answer.boxes, start=1):
        prompt = state.prompts.get((object_id, answer.keyframe))
        track = state.tracks.get(object_id)
        is_own = prompt is not None and prompt.box == box and object_id not in stale
        if is_own and track is not None and answer.keyframe in track.frames:
            masks[object_id] = track.frames[answer.keyframe]
    return masks


def findings_item(state: State) -> FindingsItem:
    """Return what `veason.consistency` finds about the answer."""
    if state.answer is None:
        return FindingsItem(findings=(), has_masks=False)
    masks = masks_of_answer(state)
    found = check(state.answer, state.shown, masks)
    has_masks = 0 < len(masks) == len(state.answer.boxes)
    return FindingsItem(has_masks=has_masks, findings=[FindingPart(kind=one.kind, text=one.message) for one in found])


def jpeg(image: np.ndarray, longest: int | None = None) -> str:
    """Return `(H, W, 3)` uint8 RGB as a JPEG data URL, shrunk so that no side is longer than `longest` pixels."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes(image, longest)).decode("ascii")


def jpeg_bytes(image: np.ndarray, longest: int | None = None, *, quality: int = 85) -> bytes:
    """Return `(H, W, 3)` uint8 RGB as a JPEG file; `longest` as for `jpeg`."""
    picture = Image.fromarray(image)
    if longest is not None:
        picture.thumbnail((longest, longest), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality)
    return buffer.getvalue()
