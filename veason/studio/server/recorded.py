"""Answers of the embedded models about the example clips that were made earlier: shown at once, without the models.

They are bundles of one question, made by `veason_nano.recorded_answers`. What is shown says that it is recorded.
"""

from __future__ import annotations

from pathlib import Path

from veason.annotation import Asked, Edit, GotAnswer, Tracked
from veason.formats.importing import import_labels
from veason.formats.projects.into_project import own_videos
from veason.project import Project, StoredMask
from veason.types import Answer, Note

_TOLD = "made earlier by the embedded models"


def enter_recorded(project: Project, video_id: int, file: Path) -> int:
    """Put the recorded answer about a video of a project into a new question; return that, or the one that has it.

    A question of the same words that has no answer is the visitor's own, and stays as it is.

    Raises:
        DataError: the file is not a bundle.
        ProjectError: the project cannot be written to.
    """
    (labels,) = import_labels(file, "veason", own=own_videos(project))
    (made,) = labels.questions
    boxes = tuple(prompt.box for prompt in made.prompts if prompt.box and prompt.frame_index == made.keyframe)
    answer = Answer(made.thought, made.keyframe, boxes, (Note("recorded", _TOLD),), made.answer_text)
    masks = [
        StoredMask(frame_index, object_id, mask.rle, mask.score, mask.provenance, mask.is_occluded)
        for object_id in made.object_ids
        for frame_index, mask in sorted(labels.tracks[object_id].items())
    ]
    with project.atomic():  # with the look-up: two that open it at once get the same
        for known in project.library.questions(video_id=video_id):
            if known.instruction == made.instruction and project.labels.state(known.id).answer is not None:
                return known.id
        question = project.library.add_question(video_id, made.instruction)
        edits: list[Edit] = [Asked(made.instruction, made.shown), GotAnswer(answer, made.prompts)]
        project.labels.follow(question, edits, source=f"{made.policy} (recorded)")
        project.labels.put_masks(question, masks, source=f"{made.segmenter} (recorded)")
        project.labels.follow(question, [Tracked(frozenset(made.object_ids))], source=f"{made.segmenter} (recorded)")
    return question
