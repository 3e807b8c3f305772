"""What the rows of a project may hold: types, bounds, and that everything they name is there."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, get_args

from veason.annotation import EDITS, Mark, Provenance, Reasoning
from veason.annotation.plain import rebuild
from veason.errors import DataError, ProjectError
from veason.masks import check_runs
from veason.project import classes, gate, overlap_rule
from veason.project.edits import load
from veason.project.records import STATUSES
from veason.project.videos import is_plain_place
from veason.types import Answer, FrameRange, Prompt, Rle, Sampling
from veason.video.limits import ANY

Check = Callable[[object], object]
"""Returns a value as it is kept. Raises DataError."""

_LARGEST, _MOST_TEXT, _MOST_DEPTH = 2**53, 8_000_000, 40
_MOST_PIXELS = 1e6
"""How far from a picture's corner a coordinate may lie."""


def _whole(least: int = 0, most: int = _LARGEST) -> Check:
    def check(value: object) -> object:
        if not isinstance(value, int) or not least <= value <= most:
            raise DataError(f"should be a whole number from {least} to {most}")
        return value

    return check


def _real(most: float = 1e12) -> Check:
    def check(value: object) -> object:
        if not isinstance(value, int | float) or not math.isfinite(value) or abs(value) > most:
            raise DataError(f"should be a number up to {most:g}")
        return float(value)

    return check


def _text(most: int = 20_000, pattern: str = "") -> Check:
    def check(value: object) -> object:
        if (
            not isinstance(value, str)
            or len(value) > most
            or "\0" in value
            or not re.fullmatch(pattern or r"(?s).*", value)
        ):
            raise DataError(f"should be text of at most {most} characters")
        return value

    return check


def _one_of(values: Iterable[str]) -> Check:
    allowed = tuple(values)

    def check(value: object) -> object:
        if value not in allowed:
            raise DataError(f"should be one of {', '.join(allowed)}")
        return value

    return check


def _or_none(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _json(read: Callable[[Any], object] = lambda value: value) -> Check:
    """JSON of finite, bounded numbers that `read` can read."""

    def check(value: object) -> object:
        if not isinstance(value, str) or len(value) > _MOST_TEXT:
            raise DataError("should be JSON")
        read(_parsed(value))
        return value

    return check


def _parsed(text: str) -> Any:
    found = json.loads(text, parse_constant=_refuse)
    _check_numbers(found, _MOST_DEPTH)
    return found


def _refuse(name: str) -> object:
    raise DataError(f"holds the number {name}")


def _check_numbers(value: Any, depth: int) -> None:
    if depth == 0:
        raise DataError("is nested too deeply")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _check_numbers(item, depth - 1)
    elif isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= _LARGEST):
        raise DataError("holds a number out of bounds")


def _mask(value: object) -> object:
    """A blob of zlib; that its code fits the video is checked once the video is known."""
    if not isinstance(value, bytes):
        raise DataError("should be a mask")
    return value


def _prompt(value: Any) -> object:
    prompt: Prompt = rebuild(Prompt, value)
    corners = [] if prompt.box is None else [*prompt.box.xyxy]
    points = [number for click in prompt.clicks for number in (click.x, click.y)]
    if not all(abs(number) <= _MOST_PIXELS for number in (*corners, *points)):
        raise DataError("has a coordinate far outside any picture")
    return prompt


def _ids(value: Any) -> object:
    if not isinstance(value, list) or not all(isinstance(one, int) for one in value):
        raise DataError("should be a list of frames")
    return value


def _mapping(value: Any) -> object:
    if not isinstance(value, dict):
        raise DataError("should be an object")
    return value


_ID, _FRAME, _TIME = _whole(1), _whole(0, 100_000_000), _real()
_NAME = _or_none(_text(200))

TABLES: Mapping[str, Mapping[str, Check]] = {
    "about": {"key": _text(200), "value": _text(1_000_000)},
    "videos": {
        "id": _ID,
        "path": _text(4000),
        "sha256": _text(64, "[0-9a-f]{64}"),
        "num_frames": _whole(1, ANY.max_frames),
        "width": _whole(1, 2**16),
        "height": _whole(1, 2**16),
        "fps": _real(1e6),
        "first_timestamp": _TIME,
        "last_timestamp": _TIME,
        "has_variable_rate": _whole(0, 1),
        "decoder": _text(40, "[A-Za-z0-9_.-]*"),
    },
    "questions": {
        "id": _ID,
        "video_id": _ID,
        "instruction": _text(20_000),
        "status": _one_of(STATUSES),
        "assignee": _NAME,
        "revision": _whole(),
        "position": _whole(0, 10_000_000),
        "state": _json(_mapping),
        "reasoning": _or_none(_one_of(get_args(Reasoning))),
        "answer_id": _or_none(_ID),
        "segmenter": _NAME,
        "doubt": _or_none(_real(1)),
        "failure": _or_none(_text()),
        "original_id": _or_none(_ID),
        "pending": _json(_mapping),
        "deleted_at": _or_none(_TIME),
    },
    "answers": {
        "id": _ID,
        "question_id": _ID,
        "answer": _json(lambda value: rebuild(Answer, value)),
        "shown": _json(_ids),
        "policy": _NAME,
        "sampling": _or_none(_json(lambda value: rebuild(Sampling, value))),
    },
    "objects": {"question_id": _ID, "object_id": _whole(1, 1_000_000), "name": _text(1000)},
    "prompts": {
        "question_id": _ID,
        "object_id": _whole(1, 1_000_000),
        "frame_index": _FRAME,
        "is_by_hand": _whole(0, 1),
        "prompt": _json(_prompt),
        "number": _whole(0, 2**53),
    },
    "masks": {
        "id": _ID,
        "question_id": _ID,
        "object_id": _whole(1, 1_000_000),
        "frame_index": _FRAME,
        "is_current": _whole(0, 1),
        "provenance": _one_of(get_args(Provenance)),
        "score": _real(),
        "counts": _mask,
    },
    "marks": {
        "question_id": _ID,
        "object_id": _whole(1, 1_000_000),
        "frame_index": _FRAME,
        "kind": _one_of(get_args(Mark)),
    },
    "steps": {"question_id": _ID, "step": _ID, "revision": _ID, "changes": _json()},
    "step_parts": {"question_id": _ID, "step": _ID, "part": _whole(-(2**53), 2**53), "changes": _json()},
    "log": {
        "revision": _ID,
        "question_id": _or_none(_ID),
        "operation": _text(40, "[a-z ]+"),
        "body": _json(_mapping),
        "source": _NAME,
        "annotator": _NAME,
        "time": _TIME,
    },
    "comments": {
        "id": _ID,
        "question_id": _ID,
        "frame_index": _or_none(_FRAME),
        "annotator": _NAME,
        "text": _text(),
        "time": _TIME,
        "is_resolved": _whole(0, 1),
    },
    "verdicts": {
        "id": _ID,
        "question_id": _ID,
        "verdict": _text(200),
        "annotator": _NAME,
        "text": _text(),
        "time": _TIME,
    },
}
"""What each column may hold, in the order in which tables are filled."""

_NOTES: Mapping[str, Callable[[str | None], object]] = {
    classes.NOTE: classes.read_classes,
    gate.NOTE: gate.read_gate,
    overlap_rule.NOTE: overlap_rule.read_rule,
}
"""How the notes that a page shows are read; one that cannot be is forgotten."""


def checked(table: str, row: dict[str, Any], *, keep_outside: bool) -> dict[str, Any] | None:
    """Return a foreign row as it may be kept, None where it is better forgotten. Raises ProjectError."""
    for column, value in row.items():
        try:
            row[column] = TABLES[table][column](value)
        except (DataError, ProjectError, ValueError, TypeError, LookupError, RecursionError) as error:
            raise ProjectError(f"this project holds a wrong row: {column} of {table} {error}") from error
    if table == "videos" and not keep_outside and not is_plain_place(row["path"]):
        name = PurePosixPath(row["path"].replace("\\", "/")).name
        row["path"] = f"videos/{name}" if is_plain_place(f"videos/{name}") else f"videos/{row['sha256'][:16]}"
    if table == "about" and row["key"].startswith("range ") and not _is_range(row["value"]):
        return None
    if table == "about" and row["key"] in _NOTES:
        try:
            _NOTES[row["key"]](row["value"])
        except ProjectError:
            return None
    if table == "log":
        _check_body(row["operation"], json.loads(row["body"]))
    return row


def _is_range(text: str) -> bool:
    try:
        found = _parsed(text)
        return isinstance(rebuild(FrameRange, found), tuple) and all(type(one) is int for one in found)
    except (DataError, ProjectError, ValueError):
        return False


def _check_body(operation: str, body: dict[str, Any]) -> None:
    """Raise ProjectError unless a line of the log says an edit that can be read."""
    if operation not in ("record", "follow"):
        return
    kind = body.get("type")
    if kind not in EDITS:
        raise ProjectError("this project holds a wrong row: body of log names no edit")
    if kind != "GotMasks":
        rebuild(EDITS[kind], {key: value for key, value in body.items() if key != "type"})


# --- what rows say together


def check_copy(db: sqlite3.Connection) -> None:
    """Raise ProjectError unless rows that were copied fit together: ids, frames, masks, states and steps."""
    wrong = db.execute("PRAGMA foreign_key_check").fetchone()
    if wrong is not None:
        raise ProjectError(f"this project holds a row of {wrong[0]} that belongs to no {wrong[2]}")
    for table in ("prompts", "masks", "marks", "comments"):
        found = db.execute(
            f"SELECT t.frame_index, v.num_frames FROM {table} t JOIN questions q ON q.id = t.question_id "
            "JOIN videos v ON v.id = q.video_id WHERE t.frame_index >= v.num_frames LIMIT 1"
        ).fetchone()
        if found is not None:
            raise ProjectError(f"this project has {table} on frame {found[0]} of a video of {found[1]} frames")
    for width, height in db.execute("SELECT width, height FROM videos"):
        if width * height > ANY.max_pixels:
            raise ProjectError(f"this project names a video of {width}x{height}: that is more than any can be")
    _check_masks(db)
    for question_id, num_frames, height, width in db.execute(
        "SELECT q.id, v.num_frames, v.height, v.width FROM questions q JOIN videos v ON v.id = q.video_id"
    ).fetchall():
        _check_question(db, question_id, num_frames, (height, width))


def _check_masks(db: sqlite3.Connection) -> None:
    for mask_id, counts, height, width in db.execute(
        "SELECT m.id, m.counts, v.height, v.width FROM masks m JOIN questions q ON q.id = m.question_id "
        "JOIN videos v ON v.id = q.video_id"
    ):
        try:
            packed = zlib.decompressobj()
            code = packed.decompress(counts, 2 * height * width + 64)
            if packed.unconsumed_tail or not packed.eof:
                raise DataError("its code is too long, or cut off")
            check_runs(code, (height, width))
        except (zlib.error, DataError) as error:
            raise ProjectError(f"mask {mask_id} of this project is damaged: {error}") from error


def _check_question(db: sqlite3.Connection, question_id: int, num_frames: int, size_hw: tuple[int, int]) -> None:
    """Check the frames that JSON names before anything counts them, then read the question as the program will."""
    state, pending = db.execute("SELECT state, pending FROM questions WHERE id = ?", (question_id,)).fetchone()
    values = json.loads(state)
    _check_scalars(values, num_frames)
    _check_runs(json.loads(pending).values(), num_frames)
    for (text,) in db.execute(
        "SELECT changes FROM steps WHERE question_id = ?1 UNION ALL "
        "SELECT changes FROM step_parts WHERE question_id = ?1",
        (question_id,),
    ):
        for row in json.loads(text):
            _check_change(row, num_frames)
    loaded = load(db, question_id)
    prompts = [*loaded.state.prompts.values()]
    for (body,) in db.execute("SELECT body FROM log WHERE question_id = ? AND body LIKE '%\"mask\"%'", (question_id,)):
        parsed = json.loads(body)
        values = [parsed["prompt"]] if "prompt" in parsed else parsed.get("prompts", ())
        prompts += [rebuild(Prompt, value) for value in values]
    for prompt in prompts:
        _check_prompt_mask(prompt.mask, size_hw)


def _check_prompt_mask(mask: Rle | None, size_hw: tuple[int, int]) -> None:
    if mask is None:
        return
    if tuple(mask.size_hw) != size_hw:
        raise ProjectError(f"this project has a painted mask of {mask.size_hw}, its video is {size_hw} (height, width)")
    check_runs(mask.counts.encode("ascii"), size_hw)


def _check_scalars(values: Mapping[str, Any], num_frames: int) -> None:
    """Check the frames in the small parts of a state (see `annotation.difference.scalars`)."""
    for name in ("occluded", "kept", "touched", "assumed"):
        _check_runs([[run[1:] for run in values.get(name, ())]], num_frames)
    _check_runs([[row[2:] for row in values.get("passes", ())]], num_frames)
    frames = [
        *values.get("shown", ()),
        *(row[1] for row in values.get("passes", ())),
        *([] if values.get("keyframe") is None else [values["keyframe"]]),
    ]
    if any(type(one) is not int or not 0 <= one < num_frames for one in frames):
        raise ProjectError(f"this project names a frame outside its video of {num_frames} frames")


def _check_change(row: Any, num_frames: int) -> None:
    """Check one change of a step: `[kind, ..., before, after]`."""
    kind, *place = row[:-2]
    for value in row[-2:]:
        if value is None:
            continue
        if kind in ("occluded", "kept", "touched", "assumed", "passes", "shown", "keyframe"):
            _check_scalars({kind: value}, num_frames)
        elif kind == "pending":
            _check_runs([value], num_frames)
        elif kind == "prompt":
            _prompt(value[1])
            for number in value[2:]:
                _whole()(number)
    if kind in ("prompt", "mark", "mask") and not (
        len(place) == 2 and all(type(one) is int for one in place) and 0 <= place[1] < num_frames
    ):
        raise ProjectError(f"a step of this project is about a frame outside its video of {num_frames} frames")


def _check_runs(lists: Iterable[Iterable[Any]], num_frames: int) -> None:
    for runs in lists:
        for start, stop in runs:
            if type(start) is not int or type(stop) is not int or not 0 <= start <= stop <= num_frames:
                raise ProjectError(f"this project names frames outside its video of {num_frames} frames")
