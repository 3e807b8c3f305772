"""What the two training formats share: the frames shown, the question in words, and the right answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from veason.answer import AnswerContext, context_for
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.masks import mask_area, mask_box
from veason.policy.prompt import build_messages
from veason.profile import Profile, sample_indices
from veason.types import Box

IMAGE = "<image>"
"""Stands for a picture in the text, in LLaMA-Factory and in verl."""

_MARKS = (IMAGE, "<video>", "<audio>")

_UNLABELLED = "questions without any mask"
_NOT_ACCEPTED = "questions that are not accepted (training takes no others)"


def trainable(videos: Iterable[LabelledVideo], tally: Tally) -> Iterator[tuple[LabelledVideo, LabelledQuestion]]:
    """Yield the accepted questions that have words, and masks where they name objects."""
    for video in videos:
        for question in video.questions:
            if not question.is_accepted:
                tally.left_out[_NOT_ACCEPTED] += 1
            elif not question.instruction.strip():
                tally.left_out["questions without an instruction"] += 1
            elif question.object_ids and not _is_visible(video, question):
                tally.left_out[_UNLABELLED] += 1
            else:
                yield video, question


def _is_visible(video: LabelledVideo, question: LabelledQuestion) -> bool:
    """Tell whether a target object has a pixel on any frame."""
    return any(not mask.is_empty for object_id in question.object_ids for mask in video.tracks[object_id].values())


def shown_frames(video: LabelledVideo, question: LabelledQuestion, profile: Profile) -> tuple[int, ...]:
    """Return the frames to train on: those the policy saw, or evenly spread ones, and the keyframe.

    Where a target is on none of them, the frame that shows most of it is added: an answer must be possible.
    """
    shown = set(question.shown) or set(sample_indices(video.info.num_frames, profile.frame_count))
    if question.object_ids and question.keyframe is not None:
        shown.add(question.keyframe)
    areas: dict[int, int] = {}
    for object_id in question.object_ids:
        for frame_index, mask in video.tracks[object_id].items():
            areas[frame_index] = areas.get(frame_index, 0) + mask_area(mask.rle)
    if areas and not any(areas.get(index) for index in shown):
        shown.add(max(sorted(areas), key=lambda index: areas[index]))
    return tuple(sorted(shown))


def context_of(video: LabelledVideo, shown: tuple[int, ...], profile: Profile) -> AnswerContext:
    """Return what the answer's text is read against."""
    return context_for(
        profile, shown, num_frames=video.info.num_frames, source_wh=video.info.size_wh, fps=video.info.fps
    )


def target_boxes(video: LabelledVideo, question: LabelledQuestion, frame_index: int) -> list[Box]:
    """Return the tight box of every target object that is visible on a frame.

    Where an object has no mask there, the box that prompted it counts; an object that is not there has none.
    """
    boxes = []
    prompts = {(prompt.object_id, prompt.frame_index): prompt.box for prompt in question.prompts}
    for object_id in question.object_ids:
        mask = video.tracks[object_id].get(frame_index)
        box = mask_box(mask.rle) if mask else prompts.get((object_id, frame_index))
        if box is not None:
            boxes.append(box)
    return boxes


def ask_in_text(profile: Profile, shown: tuple[int, ...], instruction: str) -> tuple[str, str]:
    """Return (system, user) texts with one IMAGE a frame; marks typed into the instruction lose their meaning."""
    system, user = build_messages(profile, shown, without_marks(instruction))
    return system["content"], "".join(part["text"] if part["type"] == "text" else IMAGE for part in user["content"])


def without_marks(text: str) -> str:
    """Return a text in which nothing stands for a picture."""
    for mark in _MARKS:
        text = text.replace(mark, mark.replace("<", "< "))
    return text
