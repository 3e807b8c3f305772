"""The rows of a corpus in LLaMA-Factory's sharegpt form, checked: also of one that was made elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from veason.answer import AnswerContext, parse_answer
from veason.answer.boxlike import find_box
from veason.answer.wording import load_json, split_blocks
from veason.consistency import check
from veason.errors import AnswerError, DataError
from veason.formats.labels.training import IMAGE
from veason.formats.sft.writer import SFT_FILE
from veason.profile import Profile
from veason.texts import has_half_letters
from veason.types import Answer


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file (a JSON list, or a row a line), or of the file in a folder.

    Raises DataError where there is none to be read.
    """
    file = path / SFT_FILE if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8-sig")
        is_lines = text.lstrip().startswith("{")
        rows = [json.loads(line) for line in text.split("\n") if line.strip()] if is_lines else json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{file}: no corpus can be read there: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{file}: a corpus is a JSON list of rows with conversations and images")
    return [{**row, "folder": file.parent} for row in rows]


def check_rows(rows: Sequence[dict[str, Any]], profile: Profile) -> dict[int, list[str]]:
    """Return what is wrong with rows of `read_rows`, by their place from 0; rows in which all is well are left out."""
    found = {place: broken_parts(row, profile) or _doubts(row, profile) for place, row in enumerate(rows)}
    return {place: wrong for place, wrong in found.items() if wrong}


def broken_parts(row: dict[str, Any], profile: Profile) -> list[str]:
    """Return what in a row of `read_rows` nothing can be trained on: lost pictures, marks, labels, unreadable answers.

    What a teacher should not have written is not among it; see `check_rows`.
    """
    try:
        (human, gpt), images = row["conversations"], list(row["images"])
        asked, written = str(human["value"]), str(gpt["value"])
    except (KeyError, TypeError, ValueError):
        return ["it has no conversation of a human and a gpt, or no images"]
    if has_half_letters(asked + written):
        return ["it holds half a letter, which cannot be written"]
    wrong = [f"the picture {name!r:.200} is missing" for name in images if not _is_there(row["folder"] / str(name))]
    if asked.count(IMAGE) != len(images):
        return [*wrong, f"it asks about {asked.count(IMAGE)} pictures and has {len(images)}"]
    labels = labels_in(asked, profile)
    if not labels or len(labels) != len(images) or sorted(set(labels)) != labels:
        return [*wrong, "the pictures have no labels before them that ascend"]
    try:
        answer = _read_answer(written, labels, profile)
    except AnswerError as error:
        return [*wrong, f"its answer cannot be read: {error}"]
    blocks = split_blocks(written)
    assert blocks is not None, "read strictly"
    if any(not any(box) for box in load_json(blocks[1])[profile.boxes_key]):
        wrong.append("a box of it is all zeros: an object that is not there has none")
    return wrong + [note.message for note in answer.notes]


def _doubts(row: dict[str, Any], profile: Profile) -> list[str]:
    """Return what a row that can be trained on should not teach."""
    labels = labels_in(str(row["conversations"][0]["value"]), profile)
    answer = answer_of(row, profile)
    numbers = find_box(answer.thought, labels)
    wrong = [f"its reasoning holds coordinates ({numbers})"] if numbers else []
    if not answer.thought.strip():
        wrong.append("it has no reasoning")
    return wrong + [one.message for one in check(answer, labels, {}) if one.severity == "warning"]


def _is_there(picture: Path) -> bool:
    try:
        return picture.is_file()
    except OSError:  # a name that no disk takes
        return False


def answer_of(row: dict[str, Any], profile: Profile) -> Answer:
    """Return the answer of a row in which nothing is broken (see `broken_parts`)."""
    human, gpt = row["conversations"]
    return _read_answer(str(gpt["value"]), labels_in(str(human["value"]), profile), profile)


def readable_answer(row: dict[str, Any], profile: Profile) -> Answer | None:
    """Return the answer of any row, None where none can be read; whether its pictures are there does not count."""
    try:
        return answer_of(row, profile)
    except (AnswerError, KeyError, IndexError, TypeError, ValueError):
        return None


def _read_answer(written: str, labels: Sequence[int], profile: Profile) -> Answer:
    context = AnswerContext(
        shown=tuple(labels), num_frames=labels[-1] + 1, source_wh=profile.size_wh, space_wh=profile.space_wh,
        keyframe_key=profile.keyframe_key, boxes_key=profile.boxes_key, labels=profile.labels,
    )  # fmt: skip
    return parse_answer(written, context, strict=True)


def labels_in(asked: str, profile: Profile) -> list[int]:
    """Return the numbers of the labels that stand right before the pictures, in the profile's form."""
    label = re.escape(profile.label_form).replace(re.escape("{index}"), r"(\d{1,18})")
    return [int(number) for number in re.findall(rf"{label}\s*{re.escape(IMAGE)}", asked)]
