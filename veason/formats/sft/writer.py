"""The fine-tuning set written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from veason.answer import render_answer
from veason.atomic import atomic_file
from veason.formats.labels.made_with import model_columns
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.pictures import write_pictures
from veason.formats.labels.report import Tally
from veason.formats.labels.training import ask_in_text, context_of, shown_frames, target_boxes, trainable, without_marks
from veason.formats.labels.values import LabelledQuestion, LabelledVideo
from veason.outputs import write_json
from veason.profile import Profile
from veason.types import Box

SFT_FILE = "veason_sft.json"
"""The samples, a JSON list."""

_OUTDATED = "questions whose reasoning was not confirmed, edited or regenerated after the last correction"
_NO_KEYFRAME = "questions without a keyframe on which the target is visible"


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write one sharegpt data set of reasoning, keyframe and boxes."""
    tally.counts["samples"] += write_rows(out, _rows(videos, out, tally, options))


def _rows(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> Iterator[dict[str, Any]]:
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
        yield _row(video, question, keyframe, boxes, options.profile, out)


def write_rows(out: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows of `sharegpt_row` with what tells LLaMA-Factory of them; return how many they are.

    A file that is there is replaced whole, or stays as it is.
    """
    count = 0
    with atomic_file(out / SFT_FILE) as stream:
        stream.write(b"[")
        for row in rows:
            stream.write(((",\n" if count else "\n") + json.dumps(row, ensure_ascii=False)).encode())
            count += 1
        stream.write(b"\n]\n")
    columns = {"messages": "conversations", "images": "images", "system": "system"}
    entry = {"file_name": SFT_FILE, "formatting": "sharegpt", "columns": columns}
    write_json({"veason_sft": entry}, out / "dataset_info.json")
    return count


def sharegpt_row(system: str, user: str, answer: str, images: Sequence[str]) -> dict[str, Any]:
    """Return one sample: the question with an IMAGE a picture, the answer, and the pictures' files."""
    conversations = [{"from": "human", "value": user}, {"from": "gpt", "value": answer}]
    return {"conversations": conversations, "system": system, "images": list(images)}


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
    answer = render_answer(without_marks(question.thought), keyframe, boxes, context)
    images = [f"images/{video.name}/{video.frame_name(index)}.jpg" for index in shown]
    return {**sharegpt_row(system, user, answer, images), **model_columns(question)}
