"""One row of a run's table: what an evaluation says of an expression, what its answer claims, and its flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from veason.boxes import box_iou, boxes_array
from veason.errors import DataError, VideoError
from veason.evaluate.live import open_sample
from veason.formats.benchmarks.predictions import SavedAnswer
from veason.lab.claims import contradictions, read_claims
from veason.lab.flags import CaseFacts, raised
from veason.masks import mask_box
from veason.types import Answer, Sample

PERCENTS = ("j", "f", "r_legacy", "r_binary")


@dataclass(frozen=True, slots=True)
class Extra:
    """What is known of a case from elsewhere; None where it is not.

    Attributes:
        agreement: share of further answers that agree.
        object_score: mean object score of the masks, 0 to 1; where it is None, that of the answer counts.
        statements: statements of the reasoning that were measured.
        false_statements: those that are false.
        rewards: the four rewards by their column's name.
    """

    agreement: float | None = None
    object_score: float | None = None
    statements: int | None = None
    false_statements: int | None = None
    rewards: Mapping[str, float] | None = None


NOTHING_MORE = Extra()


def make_case(
    sample: Sample,
    row: Mapping[str, Any],
    saved: SavedAnswer | None,
    extra: Extra = NOTHING_MORE,
    *,
    neighbours: Mapping[str, Sample] | None = None,
    read_pictures: bool = True,
) -> dict[str, Any]:
    """Return the row of one case.

    Args:
        sample: the expression.
        row: its row of the evaluation's journal.
        saved: what the policy wrote, None where only pictures were saved.
        extra: what is known from elsewhere.
        neighbours: for each object id that the video's expressions are about, one of the samples that knows it: by
            these the boxes are held against other objects.
        read_pictures: open the keyframe to judge colours; without it they are unknown.

    Raises:
        DataError: the ground truth is broken.
    """
    answer = saved.answer if saved else None
    score = row["score"]
    figures = {name: 100 * score[name] if score and score[name] is not None else None for name in PERCENTS}
    facts = _facts(sample, row, saved, extra, neighbours or {}, read_pictures=read_pictures)
    object_score = saved.object_score if extra.object_score is None and saved else extra.object_score
    return {
        "key": sample.key,
        "video": sample.video,
        "expression": sample.expression_id,
        "instruction": sample.instruction,
        "type": sample.type,
        "words": len(sample.instruction.split()),
        "num_frames": score["num_frames"] if score else len(sample.frame_names),
        "absent": facts.is_absent,
        "said_absent": facts.says_absent,
        "empty": facts.is_empty,
        "missing": row["missing"],
        "keyframe": answer.keyframe if answer else None,
        "boxes": len(answer.boxes) if answer else None,
        "prominence": row["prominence"],
        **figures,
        "jf": facts.jf,
        "agreement": extra.agreement,
        "object_score": object_score,
        **dict.fromkeys(("reward_format", "reward_keyframe", "reward_boxes", "reward_tracks")),
        **(extra.rewards or {}),
        "statements": extra.statements,
        "false_statements": extra.false_statements,
        **raised(facts),
        "shown": list(saved.shown) if saved else None,
        "boxes_xyxy": [list(box.xyxy) for box in answer.boxes] if answer else None,
        "why_not": (saved.unanswered or None) if saved else None,
        "thought": answer.thought if answer else None,
        "text": saved.text if saved else None,
    }


def _facts(
    sample: Sample,
    row: Mapping[str, Any],
    saved: SavedAnswer | None,
    extra: Extra,
    neighbours: Mapping[str, Sample],
    *,
    read_pictures: bool,
) -> CaseFacts:
    """Return what the flags of a case are judged by."""
    answer, score = saved.answer if saved else None, row["score"]
    target_iou, other_iou, is_there = _on_keyframe(sample, answer, neighbours)
    found = frozenset[str]()
    if answer is not None and saved is not None:
        claims = read_claims(answer, saved.shown, _size(sample), _picture(sample, answer) if read_pictures else None)
        found = contradictions(answer, saved.shown, claims)
    return CaseFacts(
        is_read=None if saved is None else answer is not None,
        is_absent=_is_absent(sample),
        says_absent=answer.is_absent if answer else None,
        is_empty=bool(row["is_empty"]),
        contradictions=found,
        jf=50 * (score["j"] + score["f"]) if score else None,
        target_iou=target_iou,
        other_iou=other_iou,
        target_on_keyframe=is_there,
        false_statements=extra.false_statements,
    )


def samples_by_object(samples: list[Sample]) -> dict[str, Sample]:
    """Return, for each object that the expressions of one video are about alone, a sample that gives its masks."""
    return {sample.object_ids[0]: sample for sample in samples if len(sample.object_ids) == 1 and sample.has_truth}


def _is_absent(sample: Sample) -> bool | None:
    if sample.type is not None:
        return sample.type == "absent"
    return None if not sample.has_truth else not sample.object_ids


def _size(sample: Sample) -> tuple[int, int] | None:
    if sample.size_wh is not None:
        return sample.size_wh
    try:
        return open_sample(sample).info.size_wh
    except VideoError:
        return None


def _picture(sample: Sample, answer: Answer) -> np.ndarray | None:
    """Return the keyframe, None where there is no box on it or it cannot be read: then colours stay unknown."""
    if answer.keyframe is None or not answer.boxes or answer.keyframe >= len(sample.frame_names):
        return None
    try:
        return open_sample(sample).frame(answer.keyframe)
    except VideoError:
        return None


def _on_keyframe(
    sample: Sample, answer: Answer | None, neighbours: Mapping[str, Sample]
) -> tuple[float | None, float | None, bool | None]:
    """Return the best IoU of the boxes with a target object, with another object, and whether a target is there."""
    if answer is None or answer.keyframe is None or not answer.boxes or not sample.has_truth:
        return None, None, None
    if answer.keyframe not in sample.truth_indices():
        return None, None, None
    mine = _ious(sample, answer)
    others = [
        _ious(other, answer)
        for name, other in neighbours.items()
        if name not in sample.object_ids and answer.keyframe in other.truth_indices()
    ]
    return max(mine, default=0.0), max((iou for ious in others for iou in ious), default=None), bool(mine)


def _ious(sample: Sample, answer: Answer) -> list[float]:
    """Return, for each object of a sample that is on the keyframe, its best IoU with a box of the answer."""
    assert answer.keyframe is not None
    boxes = [mask_box(rle) for rle in sample.object_truth(answer.keyframe).values() if rle is not None]
    there = [box for box in boxes if box is not None]
    if not there:
        return []
    return [float(best) for best in box_iou(boxes_array(there), boxes_array(answer.boxes)).max(axis=1)]


def check_keys(rows: Mapping[str, Any], samples: list[Sample]) -> None:
    """Raise DataError unless every sample has its row."""
    missing = [sample.key for sample in samples if sample.key not in rows]
    if missing:
        raise DataError(
            f"the evaluation has no row for {len(missing)} of {len(samples)} expressions (first: {missing[0]}): "
            "let `veason eval` finish first"
        )
