"""Scoring of one expression, or of the objects of one Ref-DAVIS17 annotator, from saved mask images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from veason.consistency import check
from veason.errors import DataError
from veason.formats.benchmarks.predictions import SavedAnswer, missing_frames, read_prediction, stamp
from veason.masks import mask_area, union_mask
from veason.metrics import (
    OutlineCache,
    boundary_f,
    jaccard,
    match_davis_objects,
    outline,
    paint_objects,
    score_sequence,
)
from veason.types import Rle, Sample

OFFICIAL = "official:"
"""Prefix of the keys of rows with the objects of one video and annotator."""

DEFECTS = ("unparsable", "keyframe not shown", "box outside", "contradiction")
_CONTRADICTIONS = {"other_frame_named", "absent_but_boxes", "present_but_no_boxes", "count_differs"}


@dataclass(frozen=True, slots=True)
class Task:
    """One row to compute: an expression (one sample) or one annotator's objects of a video (several samples).

    Attributes:
        key: key of the row; it starts with OFFICIAL for objects.
        samples: the samples to score.
        answer: the answer saved with the masks, None if there is none.
    """

    key: str
    samples: tuple[Sample, ...]
    answer: SavedAnswer | None = None

    @property
    def is_official(self) -> bool:
        """True for the objects of one annotator, False for an expression."""
        return self.key.startswith(OFFICIAL)


def task_fingerprint(task: Task, predictions: Path, *, with_times: bool) -> str:
    """Return a fingerprint of the inputs of a row: its mask images and its answer.

    Without times, a copy of the folder has the same fingerprint.
    """
    parts = [stamp(predictions, sample, with_times=with_times) for sample in task.samples]
    if task.answer is not None:
        text = json.dumps(task.answer.record(), sort_keys=True)
        parts.append(hashlib.blake2b(text.encode(), digest_size=8).hexdigest())
    return " ".join(parts)


def score_task(task: Task, predictions: Path, cache: OutlineCache) -> dict[str, Any]:
    """Return the row of a task for the journal. Missing mask images are scored as empty masks and counted.

    Raises:
        DataError: a mask image or the ground truth cannot be read, or their sizes differ.
    """
    try:
        body = score_objects(task, predictions) if task.is_official else score_expression(task, predictions, cache)
    except DataError as error:
        raise DataError(f"{task.key}: {error}") from error
    except ValueError as error:
        if "RLE" not in str(error):  # pycocotools' word for run lengths that do not add up
            raise
        raise DataError(
            f"{task.key}: a mask of the ground truth is broken ({error}): run `veason data check`"
        ) from error
    return {"key": task.key, **body}


def score_expression(task: Task, predictions: Path, cache: OutlineCache) -> dict[str, Any]:
    """Return the scores of one expression and the assessment of its answer."""
    (sample,) = task.samples
    missing = set(missing_frames(predictions, sample))
    indices = sample.truth_indices() if sample.has_truth else tuple(range(len(sample.frame_names)))
    is_empty = True

    def pictures() -> Iterator[np.ndarray]:
        nonlocal is_empty
        for index in indices:
            if sample.frame_names[index] in missing:
                yield np.zeros(sample.truth(index).shape, np.uint8) if sample.has_truth else np.zeros((1, 1), np.uint8)
                continue
            picture = read_prediction(predictions, sample, index)
            if sample.size_wh is not None and picture.shape != sample.size_wh[::-1]:
                raise DataError(
                    f"frame {sample.frame_names[index]}: want a picture of (H, W) {sample.size_wh[::-1]}, "
                    f"got {picture.shape}: save predictions at the size of the video"
                )
            is_empty = is_empty and not picture.any()
            yield picture

    score = None
    if sample.has_truth:
        truths = [[rle for rle in sample.object_truth(index).values() if rle is not None] for index in indices]
        grounds = (sample.foreground(index) for index in indices) if sample.dataset == "revos" else None
        score = asdict(score_sequence(pictures(), truths, grounds, cache=cache))
    else:
        truths = []
        for _ in pictures():
            pass
    return {
        "score": score,
        "is_empty": is_empty,
        "missing": len(missing),
        **judge_answer(task.answer, dict(zip(indices, truths, strict=False))),
    }


def judge_answer(answer: SavedAnswer | None, truths: dict[int, list[Rle]]) -> dict[str, Any]:
    """Return keyframe, prominence and defects of an answer; all None if no answer was saved.

    Prominence is the target's area on the keyframe divided by its largest area; None if the target is never visible or
    the keyframe has no ground truth.
    """
    if answer is None:
        return {"keyframe": None, "prominence": None, "defects": None}
    if answer.answer is None:
        return {"keyframe": None, "prominence": None, "defects": ["unparsable"]}
    keyframe = answer.answer.keyframe
    kinds = {finding.kind for finding in check(answer.answer, answer.shown, {})}
    found = {
        "keyframe not shown": bool(answer.shown) and "keyframe_not_shown" in kinds,
        "box outside": "box_outside" in kinds,
        "contradiction": not kinds.isdisjoint(_CONTRADICTIONS),
    }
    prominence = None
    if keyframe in truths:
        areas = {index: mask_area(union_mask(rles)) if rles else 0 for index, rles in truths.items()}
        largest = max(areas.values())
        prominence = areas[keyframe] / largest if largest else None
    return {"keyframe": keyframe, "prominence": prominence, "defects": [name for name in DEFECTS if found.get(name)]}


def score_objects(task: Task, predictions: Path) -> dict[str, Any]:
    """Return `(J, F)` of every object of a Ref-DAVIS17 video for one annotator, by the official protocol.

    Overlapping pixels of predicted objects belong to the object listed first.
    """
    samples = task.samples
    count = len(samples)
    j, f = np.zeros((count, count)), np.zeros((count, count))
    indices = samples[0].truth_indices()
    missing = {sample.key: set(missing_frames(predictions, sample)) for sample in samples}
    for index in indices:
        saved = []
        for sample in samples:
            name = sample.frame_names[index]
            truth = sample.truth(index)
            is_missing = name in missing[sample.key]
            saved.append(np.zeros(truth.shape, np.uint8) if is_missing else read_prediction(predictions, sample, index))
        painted = paint_objects(np.stack(saved))
        predicted = [painted == number for number in range(1, count + 1)]
        true = [sample.truth(index) for sample in samples]
        predicted_outlines, true_outlines = [outline(mask) for mask in predicted], [outline(mask) for mask in true]
        for p in range(count):
            for g in range(count):
                j[p, g] += jaccard(predicted[p], true[g])
                f[p, g] += boundary_f(predicted_outlines[p], true_outlines[g])
    return {"pairs": match_davis_objects(j / len(indices), f / len(indices))}
