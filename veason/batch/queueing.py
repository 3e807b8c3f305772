"""Results as questions of a project, proposed and waiting for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason.annotation import Asked, Edit, GotAnswer, GotMasks
from veason.batch.collect import results_of
from veason.batch.jobs import Job
from veason.batch.pictures import masks_by_frame_of
from veason.batch.results import ResultFolder
from veason.batch.videos import VideoFetcher, is_address
from veason.errors import VideoError
from veason.project import Project
from veason.project.database import PROJECT_FILE
from veason.project.statistics import rank
from veason.tracks import prompts_from_answer
from veason.types import Answer, Box, FrameMasks, Note

_SOURCE = "batch"
"""How the log of a project names this work."""


@dataclass(frozen=True, slots=True)
class Queued:
    """What came into a project.

    Attributes:
        added: questions.
        known: questions that it had already, with whatever has become of them; they stay as they are.
        left_out: a sentence for each question whose video is not there, or is another one by now.
    """

    added: int
    known: int
    left_out: tuple[str, ...]


def into_queue(folder: ResultFolder, jobs: Sequence[Job], place: Path) -> Queued:
    """Add the results of jobs to a project, which is made where there is none; each whole or not at all.

    Answers are proposals; an error is a question that failed, and says why. Videos of a store are copied into the
    project, others stay where they are.

    Raises:
        ProjectError: the project cannot be opened or written.
        ExportError: a result cannot be read.
    """
    footage = VideoFetcher()
    added = known = 0
    left_out: list[str] = []
    wanted = {(job.video, job.instruction): job for job in jobs}
    videos: dict[str, int] = {}
    with Project.open(place) if (place / PROJECT_FILE).exists() else Project.create(place) as project:
        there = {(one.video_id, one.instruction) for one in project.library.questions()}
        for record in results_of(folder, jobs):
            job = wanted[record["video"], record["instruction"]]
            try:
                if job.failure:
                    raise VideoError(job.failure)
                if job.video not in videos:
                    path = footage.path_of(job.video, job.digest)
                    videos[job.video] = project.library.add_video(path, copy=is_address(job.video))
            except VideoError as error:
                left_out.append(f"{job.instruction!r}: {error}")
                continue
            if (videos[job.video], job.instruction) in there:
                known += 1
                continue
            there.add((videos[job.video], job.instruction))
            with project.atomic():
                _enter(project, videos[job.video], record)
            added += 1
    return Queued(added, known, tuple(left_out))


def _enter(project: Project, video_id: int, record: dict[str, Any]) -> None:
    """Add one question with its answer and masks, or its failure."""
    question_id = project.library.add_question(video_id, record["instruction"])
    policy, segmenter = record["policy"] or _SOURCE, record["segmenter"] or _SOURCE
    answer = _answer_of(record)
    if answer is not None:
        edits: list[Edit] = [
            Asked(record["instruction"], tuple(record["frames_shown"])),
            GotAnswer(answer, prompts_from_answer(answer)),
        ]
        project.labels.follow(question_id, edits, source=policy)
        arrived = [GotMasks(FrameMasks(frame, masks)) for frame, masks in masks_by_frame_of(record).items()]
        if arrived:
            project.labels.follow(question_id, arrived, source=segmenter)
    if record["error"]:
        project.queue.fail(question_id, record["error"], text=record["text"], source=policy)
    else:
        rank(project, question_id)
        project.queue.set_status(question_id, "proposed", source=_SOURCE)


def _answer_of(record: dict[str, Any]) -> Answer | None:
    """Return the answer that a result holds, None where it holds none."""
    if record["think"] is None:
        return None
    boxes = tuple(Box(*box) for box in record["boxes_xyxy"])
    notes = tuple(Note(**note) for note in record["notes"])
    return Answer(record["think"], record["keyframe"], boxes, notes, record["text"])
