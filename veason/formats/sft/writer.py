"""The fine-tuning set written."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from veason.answer import render_answer
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.training import ask_in_text, context_of, shown_frames, target_boxes, trainable, without_marks
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.outputs import write_json
from veason.profile import Profile
from veason.types import Box

_FILE = "veason_sft.json"

_OUTDATED = "questions whose reasoning was not confirmed, edited or regenerated after the last correction"
_NO_KEYFRAME = "questions without a keyframe on which the target is visible"


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write one sharegpt data set of reasoning, keyframe and boxes."""
    with (out / _FILE).open("w", encoding="utf-8") as stream:
        stream.write("[")
        for video, question in trainable(videos, tally):
            if not question.is_reasoning_current:
                tally.left_out[_OUTDATED] += 1
                continue
            is_absent = not question.object_ids
            keyframe = None if is_absent else question.keyframe
            boxes = [] if keyframe is None else target_boxes(video, question, keyframe)
            if not is_absent and not boxes:
                tally.left_out[_NO_KEYFRAME] += 1
                continue
            row = _row(video, question, keyframe, boxes, options.profile, out)
            stream.write((",\n" if tally.counts["samples"] else "\n") + json.dumps(row, ensure_ascii=False))
            tally.counts["samples"] += 1
        stream.write("\n]\n")
    columns = {"messages": "conversations", "images": "images", "system": "system"}
    entry = {"file_name": _FILE, "formatting": "sharegpt", "columns": columns}
    write_json({"veason_sft": entry}, out / "dataset_info.json")


def _row(
    video: LabelledVideo,
    question: LabelledQuestion,
    keyframe: int | None,
    boxes: list[Box],
    profile: Profile,
    out: Path,
) -> dict[str, Any]:
    shown = shown_frames(video, question, profile)
    write_pictures(video, shown, out / "images" / video.name, size_wh=profile.size_wh)
    system, user = ask_in_text(profile, shown, question.instruction)
    context = context_of(video, shown, profile)
    return {
        "conversations": [
            {"from": "human", "value": user},
            {"from": "gpt", "value": render_answer(without_marks(question.thought), keyframe, boxes, context)},
        ],
        "system": system,
        "images": [f"images/{video.name}/{video.frame_name(index)}.jpg" for index in shown],
    }
