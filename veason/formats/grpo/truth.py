"""The `ground_truth` of a row: JSON text of what the rewards compare an answer with, and of the footage it is about."""

from __future__ import annotations

import json

from veason.answer import AnswerContext
from veason.masks import coco_dict, mask_area, rle_from_coco
from veason.rewards import RewardCase


def write_truth(case: RewardCase, keyframe: int | None, footage: str) -> str:
    """Return the text of a row.

    Args:
        case: the ground truth; masks without a pixel are left out.
        keyframe: the frame that a person or a policy chose, None where nobody did.
        footage: the digest of the video, "" where only its pictures are known.
    """
    context = case.context
    return json.dumps(
        {
            "shown": list(context.shown),
            "num_frames": context.num_frames,
            "source_wh": list(context.source_wh),
            "space_wh": list(context.space_wh),
            "keyframe_key": context.keyframe_key,
            "boxes_key": context.boxes_key,
            "labels": context.labels,
            "fps": context.fps,
            "keyframe": keyframe,
            "footage": footage,
            "objects": [
                {str(index): coco_dict(masks[index]) for index in sorted(masks) if mask_area(masks[index])}
                for masks in case.objects
            ],
        }
    )


def reward_case(ground_truth: str) -> RewardCase:
    """Return what `veason.rewards` compares an answer with, from the `ground_truth` of a row."""
    row = json.loads(ground_truth)
    context = AnswerContext(
        shown=tuple(row["shown"]),
        num_frames=row["num_frames"],
        source_wh=tuple(row["source_wh"]),
        space_wh=tuple(row["space_wh"]),
        keyframe_key=row["keyframe_key"],
        boxes_key=row["boxes_key"],
        labels=row["labels"],
        fps=row.get("fps"),
    )
    objects = ({int(index): rle_from_coco(mask) for index, mask in masks.items()} for masks in row["objects"])
    return RewardCase(context, tuple(objects))


def footage_of(ground_truth: str) -> str:
    """Return the digest of a row's video, "" where the row names none."""
    return str(json.loads(ground_truth).get("footage", ""))
