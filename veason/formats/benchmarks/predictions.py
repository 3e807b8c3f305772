"""Saved predictions, as the official tools read them, with the answers beside them.

Annotations/<sample.key>/<frame name>.png     8-bit grey, 0 or 255, at the size of the video
answers.jsonl                                 one line an expression: what the policy wrote and decided
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from veason.atomic import atomic_file
from veason.errors import DataError, PromptError
from veason.formats.benchmarks.rows import check_row
from veason.types import Answer, Box, Note, Sample

ANSWERS = "answers.jsonl"
PARTIAL = "partial"
"""Folders are filled here and then renamed into Annotations."""


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """One line of answers.jsonl.

    Attributes:
        key: of the sample.
        instruction: as it was put.
        answer: None where the text held no usable answer.
        unanswered: why there is no answer, "" where there is one.
        text: everything the model wrote.
        shown: absolute indices of the frames the policy saw.
        object_score: mean object score of the masks that are not empty, after a sigmoid; None where there are none, or
            where nobody kept it.

    Raises:
        ValueError: the object score is no share from 0 to 1.
    """

    key: str
    instruction: str
    answer: Answer | None
    unanswered: str = ""
    text: str = ""
    shown: tuple[int, ...] = ()
    object_score: float | None = None

    def __post_init__(self) -> None:
        if self.object_score is not None and not 0 <= self.object_score <= 1:
            raise ValueError(f"an object score after a sigmoid is from 0 to 1, got {self.object_score}")

    def record(self) -> dict[str, Any]:
        """Return the line as JSON values; boxes are xyxy in source pixels, frame indices absolute."""
        answer = self.answer
        return {
            "key": self.key,
            "instruction": self.instruction,
            "thought": answer.thought if answer else None,
            "keyframe": answer.keyframe if answer else None,
            "boxes_xyxy": [list(box.xyxy) for box in answer.boxes] if answer else [],
            "notes": [asdict(note) for note in answer.notes] if answer else [],
            "absent": answer.is_absent if answer else None,
            "unanswered": self.unanswered or None,
            "text": self.text,
            "frames_shown": list(self.shown),
            "object_score": self.object_score,
        }


def parse_saved_answer(record: Any, file: Path, where: str) -> SavedAnswer:
    """Return a line of answers.jsonl as a value. Raises DataError naming the line and the key."""
    check_row(isinstance(record, dict) and isinstance(record.get("key"), str), file, where, "a text 'key'", record)
    answer = None
    try:
        if not record.get("unanswered"):
            answer = Answer(
                thought=record.get("thought") or "",
                keyframe=record["keyframe"],
                boxes=tuple(Box(*map(float, box)) for box in record["boxes_xyxy"]),
                notes=tuple(Note(note["kind"], note["message"]) for note in record.get("notes", [])),
                text=record.get("text") or "",
            )
        return SavedAnswer(
            key=record["key"],
            instruction=record.get("instruction") or "",
            answer=answer,
            unanswered=record.get("unanswered") or "",
            text=record.get("text") or "",
            shown=tuple(int(index) for index in record.get("frames_shown") or ()),
            object_score=None if record.get("object_score") is None else float(record["object_score"]),
        )
    except (KeyError, TypeError, ValueError, PromptError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{file}: {where} ({record['key']}): not an answer: {what}") from error


def write_saved_answers(root: Path, answers: Iterable[SavedAnswer]) -> None:
    """Write answers.jsonl, whole or not at all."""
    root.mkdir(parents=True, exist_ok=True)
    with atomic_file(root / ANSWERS) as stream:
        for answer in answers:
            stream.write((json.dumps(answer.record(), ensure_ascii=False) + "\n").encode())


def read_saved_answers(root: Path) -> dict[str, SavedAnswer] | None:
    """Return the saved answers by key, None where there is no answers.jsonl. Raises DataError for a broken line."""
    file = root / ANSWERS
    if not file.is_file():
        return None
    answers: dict[str, SavedAnswer] = {}
    with file.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                record = json.loads(line)
            except ValueError as error:
                raise DataError(f"{file}: line {number} is not JSON ({error}): delete the line") from error
            answer = parse_saved_answer(record, file, f"line {number}")
            answers[answer.key] = answer
    return answers


def prediction_folder(root: Path, sample: Sample) -> Path:
    """Return where the pictures of one expression are."""
    return root / "Annotations" / sample.key


def write_prediction(root: Path, sample: Sample, masks: Mapping[int, np.ndarray], size_wh: tuple[int, int]) -> None:
    """Write one picture a frame of the sample, 255 where `masks[frame_index]` is set, black for frames without one.

    The folder appears by rename once all pictures are in it; an earlier one is replaced.
    """
    folder = prediction_folder(root, sample)
    beside = root / PARTIAL / hashlib.blake2b(f"{sample.key} {os.getpid()}".encode(), digest_size=12).hexdigest()
    beside.mkdir(parents=True, exist_ok=True)
    for index, name in enumerate(sample.frame_names):
        mask = masks.get(index)
        grey = np.zeros(size_wh[::-1], np.uint8) if mask is None else mask.astype(np.uint8) * 255
        Image.fromarray(grey).save(beside / f"{name}.png", compress_level=1)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.exists():
        shutil.rmtree(folder)
    beside.replace(folder)


def sweep_partial(root: Path) -> None:
    """Remove the unfinished folders that a killed run left."""
    shutil.rmtree(root / PARTIAL, ignore_errors=True)


def read_prediction(root: Path, sample: Sample, frame_index: int) -> np.ndarray:
    """Return one saved picture as `(H, W)` uint8 grey, not made binary, as the official tools read it.

    Raises:
        DataError: the file is missing or not a picture.
    """
    file = prediction_folder(root, sample) / f"{sample.frame_names[frame_index]}.png"
    try:
        with Image.open(file) as picture:
            return np.asarray(picture.convert("L"))
    except OSError as error:
        raise DataError(f"{file}: not a readable picture ({error}); write the prediction again") from error


def missing_frames(root: Path, sample: Sample) -> tuple[str, ...]:
    """Return the names of frames that are scored and have no saved picture."""
    names = set(_file_names(prediction_folder(root, sample)))
    indices = sample.truth_indices() if sample.has_truth else range(len(sample.frame_names))
    return tuple(sample.frame_names[index] for index in indices if f"{sample.frame_names[index]}.png" not in names)


def stamp(root: Path, sample: Sample, *, with_times: bool) -> str:
    """Return a short text that changes when a picture of the sample is added, removed or gets another size.

    `with_times` also when it is written again.
    """
    digest = hashlib.blake2b(digest_size=8)
    folder = prediction_folder(root, sample)
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for name, size, modified in sorted(
                (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in entries
            ):
                digest.update(f"{name} {size} {modified if with_times else 0}\n".encode())
    return digest.hexdigest()


def _file_names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
