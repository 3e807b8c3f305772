"""Numbers about a project: progress, time, edits, doubt, and how far two annotators agree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from scipy.optimize import linear_sum_assignment

from veason.consistency import check, doubt
from veason.errors import ProjectError
from veason.masks import empty_mask, mask_iou
from veason.project.project import Project
from veason.project.records import STATUSES, Status
from veason.types import Rle

IDLE_S = 60.0
"""A longer pause between two changes of one person does not count as work. Source: ours."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The work of people: seconds, and number of edits by kind (PutPrompt, undo, comment, ...)."""

    seconds: float = 0.0
    edits: Mapping[str, int] = field(default_factory=dict)

    @property
    def num_edits(self) -> int:
        """All edits together."""
        return sum(self.edits.values())


@dataclass(frozen=True, slots=True)
class Statistics:
    """A project in numbers; efforts are by question id, video id and annotator ("" for the nameless)."""

    num_videos: int
    num_questions: int
    num_masks: int
    by_status: Mapping[Status, int]
    total: Effort
    questions: Mapping[int, Effort]
    videos: Mapping[int, Effort]
    annotators: Mapping[str, Effort]


def statistics(project: Project) -> Statistics:
    """Count what is there and what was done, from the log.

    Time is the sum of the pauses up to IDLE_S before each change of a person, each given to the question changed.
    """
    with project.database.read() as db:
        num_videos = db.execute("SELECT count(*) FROM videos").fetchone()[0]
        counts = dict(
            db.execute("SELECT status, count(*) FROM questions WHERE deleted_at IS NULL GROUP BY status").fetchall()
        )
        num_masks = db.execute(
            "SELECT count(*) - (SELECT count(*) FROM masks WHERE is_current = 1 AND question_id IN "
            "(SELECT id FROM questions WHERE deleted_at IS NOT NULL)) FROM masks WHERE is_current = 1"
        ).fetchone()[0]
        rows = db.execute(
            "SELECT l.question_id, q.video_id, ifnull(l.annotator, ''), "
            "CASE l.operation WHEN 'record' THEN json_extract(l.body, '$.type') ELSE l.operation END, "
            "l.time - lag(l.time) OVER (PARTITION BY l.annotator ORDER BY l.revision) "
            "FROM log l JOIN questions q ON q.id = l.question_id "
            "WHERE l.source IS NULL AND l.operation NOT IN ('question', 'follow')"
        ).fetchall()
    groups: dict[str, dict[int | str, list[tuple[str, float]]]] = {
        name: defaultdict(list) for name in ("total", "questions", "videos", "annotators")
    }
    for question_id, video_id, annotator, kind, pause in rows:
        worked = pause if pause is not None and 0 <= pause <= IDLE_S else 0.0
        keys = {"total": 0, "questions": question_id, "videos": video_id, "annotators": annotator}
        for name, key in keys.items():
            groups[name][key].append((kind, worked))
    efforts = {name: {key: _effort(one) for key, one in group.items()} for name, group in groups.items()}
    return Statistics(
        num_videos=num_videos,
        num_questions=sum(counts.values()),
        num_masks=num_masks,
        by_status={status: counts.get(status, 0) for status in STATUSES},
        total=efforts["total"].get(0, Effort()),
        questions=efforts["questions"],  # type: ignore[arg-type]  # ids
        videos=efforts["videos"],  # type: ignore[arg-type]
        annotators=efforts["annotators"],  # type: ignore[arg-type]  # names
    )


@dataclass(frozen=True, slots=True)
class ObjectEffort:
    """What people have put into one object.

    Attributes:
        seconds: at work on it, counted as in `statistics`.
        clicks: that were made.
        boxes: that were drawn or moved, and paintings.
        corrections: clicks, boxes, paintings and deletions after what began the object, an answer or a first prompt.
    """

    seconds: float = 0.0
    clicks: int = 0
    boxes: int = 0
    corrections: int = 0


def object_efforts(project: Project, question_id: int) -> dict[int, ObjectEffort]:
    """Return what people have put into each object of a question, by its id; those untouched are left out."""
    with project.database.read() as db:
        answered = db.execute(
            "SELECT DISTINCT json_extract(p.value, '$.object_id') FROM log l, json_each(l.body, '$.prompts') p "
            "WHERE l.question_id = ? AND json_extract(l.body, '$.type') = 'GotAnswer'",
            (question_id,),
        ).fetchall()
        rows = db.execute(
            "SELECT object, kind, frame, clicks, pause FROM (SELECT l.question_id AS question, "
            "json_extract(l.body, '$.type') AS kind, json_extract(l.body, '$.prompt.frame_index') AS frame, "
            "coalesce(json_extract(l.body, '$.prompt.object_id'), json_extract(l.body, '$.object_id'), "
            "json_extract(l.body, '$.target_id')) AS object, "
            "ifnull(json_array_length(l.body, '$.prompt.clicks'), 0) AS clicks, l.operation AS operation, "
            "l.time - lag(l.time) OVER (PARTITION BY l.annotator ORDER BY l.revision) AS pause FROM log l "
            "WHERE l.source IS NULL AND l.operation NOT IN ('question', 'follow')) "
            "WHERE question = ? AND operation = 'record' AND object IS NOT NULL",
            (question_id,),
        ).fetchall()
    begun = {row[0] for row in answered}
    known: dict[tuple[int, int], int] = {}
    found: dict[int, ObjectEffort] = {}
    for object_id, kind, frame_index, clicks, pause in rows:
        now = found.get(object_id, ObjectEffort())
        is_prompt, is_correction = kind == "PutPrompt", kind in ("PutPrompt", "DropPrompt") and object_id in begun
        is_click = is_prompt and clicks > known.get((object_id, frame_index), 0)
        if is_prompt:
            known[object_id, frame_index] = clicks
            begun.add(object_id)
        found[object_id] = ObjectEffort(
            now.seconds + (pause if pause is not None and 0 <= pause <= IDLE_S else 0.0),
            now.clicks + is_click,
            now.boxes + (is_prompt and not is_click),
            now.corrections + is_correction,
        )
    return found


def _effort(parts: list[tuple[str, float]]) -> Effort:
    return Effort(sum(seconds for _, seconds in parts), dict(Counter(kind for kind, _ in parts)))


def rank(project: Project, question_id: int) -> float | None:
    """Compute the doubt of a question's proposal, store it for the order of the queue, and return it.

    It is the mean over frames of the largest `consistency.doubt` of any object, frames that a person marked left out;
    every warning of `consistency.check` halves the trust that is left. A failed answer has a doubt of 1, no answer and
    no masks have none. Source: ours.
    """
    state = project.labels.state(question_id)
    worst: dict[int, float] = defaultdict(float)
    for doubts in doubtful_frames(project, question_id).values():
        for frame_index, value in doubts.items():
            worst[frame_index] = max(worst[frame_index], value)
    warnings = 0
    if state.answer is not None and state.reasoning in ("fresh", "regenerated"):
        keyframe = state.answer.keyframe
        masks = {
            object_id: track.frames[keyframe]
            for object_id, track in state.tracks.items()
            if keyframe is not None and keyframe in track.frames
        }
        warnings = sum(one.severity == "warning" for one in check(state.answer, state.shown, masks))
    overall: float | None
    if project.library.question(question_id).failure and not state.tracks:
        overall = 1.0
    elif state.answer is None and not state.tracks:
        overall = None
    else:
        trust = 1 - (sum(worst.values()) / len(worst) if worst else 0.0)
        overall = 1 - trust * 0.5**warnings
    project.queue.set_doubt(question_id, overall)
    return overall


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of two versions of one question.

    Attributes:
        mean_iou: over pairs of objects and frames, in [0, 1]; an object without a partner counts 0.
        pairs: ids of the objects that were taken for the same, first version first, with their mean IoU.
        frames: mean IoU by frame, over the pairs; where it is low, there the annotators disagree.
    """

    mean_iou: float
    pairs: Mapping[tuple[int, int], float]
    frames: Mapping[int, float]


def agreement(project: Project, question_id: int, other_id: int) -> Agreement:
    """Compare two annotators' masks of the same video, objects paired as they fit best.

    A frame that only one of them has done counts as empty in the other; both empty agree fully.
    Two versions without any object agree fully.

    Raises:
        ProjectError: the questions are about different videos.
    """
    videos = {project.library.question(one).video_id for one in (question_id, other_id)}
    if len(videos) > 1:
        raise ProjectError(f"questions {question_id} and {other_id} are about different videos")
    nothing = empty_mask(project.library.video(videos.pop()).size_wh)
    ids = [tuple(one.object_id for one in project.labels.objects(number)) for number in (question_id, other_id)]
    if not ids[0] and not ids[1]:
        return Agreement(1.0, {}, {})
    ious: dict[int, np.ndarray] = {}
    for frame_index, first, second in _side_by_side(project, question_id, other_id):
        ious[frame_index] = np.array(
            [[mask_iou(first.get(a, nothing), second.get(b, nothing)) for b in ids[1]] for a in ids[0]]
        ).reshape(len(ids[0]), len(ids[1]))
    mean = np.mean(list(ious.values()), axis=0) if ious else np.zeros((len(ids[0]), len(ids[1])))
    rows, columns = linear_sum_assignment(-mean)
    num_pairs = max(len(ids[0]), len(ids[1]))
    return Agreement(
        float(mean[rows, columns].sum() / num_pairs),
        {(ids[0][a], ids[1][b]): float(mean[a, b]) for a, b in zip(rows, columns, strict=True)},
        {frame_index: float(table[rows, columns].sum() / num_pairs) for frame_index, table in ious.items()},
    )


def _side_by_side(
    project: Project, question_id: int, other_id: int
) -> Iterator[tuple[int, dict[int, Rle], dict[int, Rle]]]:
    sides = [_by_frame(project, number) for number in (question_id, other_id)]
    heads = [next(side, None) for side in sides]
    while any(head is not None for head in heads):
        frame_index = min(head[0] for head in heads if head is not None)
        found: list[dict[int, Rle]] = []
        for place, head in enumerate(heads):
            if head is not None and head[0] == frame_index:
                found.append(head[1])
                heads[place] = next(sides[place], None)
            else:
                found.append({})
        yield frame_index, found[0], found[1]


def _by_frame(project: Project, question_id: int) -> Iterator[tuple[int, dict[int, Rle]]]:
    for frame_index, masks in groupby(project.labels.masks(question_id), lambda one: one.frame_index):
        yield frame_index, {one.object_id: one.rle for one in masks}


def doubtful_frames(project: Project, question_id: int) -> dict[int, dict[int, float]]:
    """Return the doubt about every frame by object id, frames that a person marked left out."""
    state, curve = project.labels.state(question_id), project.doubt.curve()
    return {
        object_id: {
            frame_index: curve(value)
            for frame_index, value in doubt(track).items()
            if (object_id, frame_index) not in state.marks
        }
        for object_id, track in state.tracks.items()
    }
