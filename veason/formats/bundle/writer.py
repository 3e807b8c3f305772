"""The bundle written: labels.jsonl, a line a question."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from veason.formats.labels.options import ExportOptions
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.masks import coco_dict
from veason.types import Prompt

LABELS_FILE = "labels.jsonl"
BUNDLE_VERSION = 1


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write one line a question."""
    with (out / LABELS_FILE).open("w", encoding="utf-8") as stream:
        for video in videos:
            for question in video.questions:
                row = _row(video, question)
                stream.write(json.dumps(row, ensure_ascii=False) + "\n")
                tally.counts["questions"] += 1
            masks = (mask for track in video.tracks.values() for mask in track.values())
            tally.counts["masks"] += sum(not mask.is_empty for mask in masks)
            tally.counts["videos"] += 1
            tally.counts["objects"] += len(video.tracks)


def _row(video: LabelledVideo, question: LabelledQuestion) -> dict[str, Any]:
    info = video.info
    return {
        "version": BUNDLE_VERSION,
        "video": video.name,
        "path": info.path if video.limits.is_trusted else "",  # a stranger gets no path of the server
        "num_frames": info.num_frames,
        "width": info.size_wh[0],
        "height": info.size_wh[1],
        "fps": info.fps,
        "first_timestamp": info.first_timestamp,
        "last_timestamp": info.last_timestamp,
        "has_variable_rate": info.has_variable_rate,
        "decoder": info.decoder,
        "question": question.name,
        "instruction": question.instruction,
        "type": question.type,
        "status": question.status,
        "reasoning": question.thought,
        "reasoning_state": question.reasoning,
        "answer_text": question.answer_text,
        "frames_shown": list(question.shown),
        "keyframe": question.keyframe,
        "policy": question.policy,
        "segmenter": question.segmenter,
        "original": question.original,
        "disputed_by": list(question.disputed_by),
        "guess": question.guess,
        "objects": [
            {"object_id": object_id, "name": video.object_names.get(object_id, ""), **_class_of(video, object_id)}
            for object_id in question.object_ids
        ],
        "prompts": [_prompt_row(prompt, question) for prompt in question.prompts],
        "masks": [
            {
                "object_id": object_id,
                "frame_index": frame_index,
                "size": list(mask.rle.size_hw),
                "counts": mask.rle.counts,
                "score": mask.score,
                "provenance": mask.provenance,
                "is_occluded": mask.is_occluded,
            }
            for object_id in question.object_ids
            for frame_index, mask in sorted(video.tracks[object_id].items())
        ],
    }


def _class_of(video: LabelledVideo, object_id: int) -> dict[str, Any]:
    if object_id not in video.object_classes:
        return {}
    given = dict(video.object_attributes.get(object_id, {}))
    return {"class": video.object_classes[object_id], **({"attributes": given} if given else {})}


def _prompt_row(prompt: Prompt, question: LabelledQuestion) -> dict[str, Any]:
    return {
        "object_id": prompt.object_id,
        "frame_index": prompt.frame_index,
        "box": list(prompt.box.xyxy) if prompt.box else None,
        "clicks": [{"x": click.x, "y": click.y, "is_positive": click.is_positive} for click in prompt.clicks],
        "mask": coco_dict(prompt.mask) if prompt.mask else None,
        "is_by_hand": (prompt.object_id, prompt.frame_index) in question.by_hand,
    }
