"""Labels that come in a second time: what a project has already is recognised, and never entered twice.

The same labels are those of the same video with the same words, masks and reasoning, whatever ids their objects have.
An empty mask is the same as none. Corrections made since an import do not make its labels new: a note keeps what came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.formats.projects.names import NO_WORDS
from veason.masks import mask_area
from veason.project import Project, Question, StoredVideo
from veason.types import Prompt, Rle, VideoInfo
from veason.video import open_video

_ALIKE = 4.0
"""A JPEG differs by less than this mean of 255 from the frame that it was made of. Source: ours."""

Seen = tuple[int, int, Rle]
"""(object id, frame index, mask)."""


class Earlier:
    """The questions about one video that a project had before an import."""

    def __init__(self, project: Project, video_id: int) -> None:
        self._project = project
        self._questions = project.library.questions(video_id=video_id)
        self._taken: set[int] = set()

    def same(self, video: LabelledVideo, question: LabelledQuestion) -> int | None:
        """Return the question that has these very labels or had them when it was imported, each question once."""
        print_ = _fingerprint(video, question)
        for each in self._of_words(question):
            if each.id not in self._taken and print_ in self._prints(each, with_thought=bool(question.thought)):
                self._taken.add(each.id)
                return each.id
        return None

    def first_version(self, question: LabelledQuestion) -> int | None:
        """Return the question with the same words that other labels belong to; None for labels without words.

        One that is among what comes in now is not it: those two stand beside each other there as well.
        """
        if not question.instruction.strip():
            return None
        found = (each for each in self._of_words(question) if each.original_id is None and each.id not in self._taken)
        return next((each.id for each in found if self._has_labels(each)), None)

    def _of_words(self, question: LabelledQuestion) -> list[Question]:
        wanted = question.instruction.strip()
        return [each for each in self._questions if each.instruction.replace(NO_WORDS, "") == wanted]

    def _has_labels(self, question: Question) -> bool:
        return question.status == "absent" or bool(self._project.labels.objects(question.id))

    def _prints(self, question: Question, *, with_thought: bool) -> tuple[str | None, ...]:
        """Return the fingerprint of the labels as they came and as they are now; of an untouched question none."""
        project = self._project
        noted = project.library.note(_note(question.id))
        if question.status in ("new", "thinking") and not self._has_labels(question):
            return (noted,)
        is_absent = question.status == "absent"
        seen = (
            ()
            if is_absent
            else ((one.object_id, one.frame_index, one.rle) for one in project.labels.masks(question.id))
        )
        prompts = () if is_absent else (one.prompt for one in project.labels.prompts(question.id))
        stored = project.labels.answer(question.id) if with_thought else None
        return noted, _print(seen, prompts, stored.thought if stored else "")


def is_picture_of(project: Project, info: VideoInfo, own: StoredVideo) -> bool:
    """Tell whether a folder of pictures shows a video of the project, or its beginning, frame for frame.

    Labels are exported with their frames as JPEG, whose content has another hash than the video.
    """
    is_same_form = own.num_frames >= info.num_frames and own.size_wh == info.size_wh and own.path.exists()
    if not is_same_form or info.decoder != "images":
        return False
    limits = project.library.limits
    with open_video(info.path, limits=limits) as pictures, project.library.open_video(own.id) as video:
        for index in {0, info.num_frames // 2, info.num_frames - 1}:
            difference = np.abs(pictures.frame(index).astype(np.int16) - video.frame(index))
            if difference.mean() > _ALIKE:
                return False
    return True


def remember(project: Project, question_id: int, video: LabelledVideo, question: LabelledQuestion) -> None:
    """Keep with which labels a question was imported."""
    project.library.keep_note(_note(question_id), _fingerprint(video, question))


def _fingerprint(video: LabelledVideo, question: LabelledQuestion) -> str:
    """Return a hash of what a question's labels say; of its prompts only where it has no masks."""
    seen = (
        (object_id, frame_index, mask.rle)
        for object_id in question.object_ids
        for frame_index, mask in sorted(video.tracks[object_id].items())
    )
    return _print(seen, question.prompts, question.thought)


def _note(question_id: int) -> str:
    return f"imported {question_id}"


def _print(seen: Iterable[Seen], prompts: Iterable[Prompt], thought: str) -> str:
    """Hash masks, given by ascending frames for each object; the ids of objects and their order do not count."""
    hashes: dict[int, hashlib._Hash] = {}
    for object_id, frame_index, rle in seen:
        if mask_area(rle):
            hashes.setdefault(object_id, hashlib.sha256()).update(repr((frame_index, rle)).encode())
    parts = sorted(each.hexdigest() for each in hashes.values())
    if not parts:
        parts = sorted(repr((one.frame_index, one.box, one.clicks, one.mask)) for one in prompts)
    return hashlib.sha256("\n".join([*parts, thought.strip()]).encode()).hexdigest()
