"""The rows of a reinforcement learning, read and refused where an engine would drop or misread them without a word.

verl 0.9.1 drops prompts that are too long; TRL 1.16 cuts nothing and runs out of memory. Both resize pictures beyond
the processor's limits, and with them the space of the boxes. Neither looks for the footage, which the reward needs.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from veason.errors import DataError, VeasonError
from veason.formats.grpo.truth import footage_of, reward_case
from veason.formats.labels.training import IMAGE
from veason.libraries import library_imports
from veason.reward_service.client import RewardClient
from veason.rewards import RewardCase
from veason.training.base import Base
from veason.training.grpo_settings import GrpoTrainingSettings
from veason.training.refusals import TOKEN_MARKS, refuse_rows
from veason.training.wording import instruction_in

FILE = "train.parquet"
_COLUMNS = ["prompt", "images", "reward_model"]
_AT_ONCE = 16
_UNREADABLE = (VeasonError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)
"""How reading a row ends that somebody else wrote."""

_HINT = (
    "`veason export PROJECT --format grpo --profile FILE` or `veason train rows DATASET --policy BASE` writes them "
    "anew; --profile names another profile"
)


@dataclass(frozen=True, slots=True)
class RowsReport:
    """What is in rows that can be trained on.

    Attributes:
        file: the Parquet file.
        rows: how many.
        absent: how many of them have no target.
        footage: how many different videos they are about.
        longest: tokens of the longest question with its pictures.
        left_over: rows of an epoch that fill no step, and are not asked in it.
    """

    file: Path
    rows: int
    absent: int
    footage: int
    longest: int
    left_over: int


@dataclass(frozen=True, slots=True)
class _Row:
    case: RewardCase
    footage: str
    system: str
    asked: str


def read_grpo_rows(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file, a few in memory at a time.

    Raises:
        DataError: it cannot be read, or lacks a column.
        MissingBackend: pyarrow is not installed.
    """
    with library_imports():
        import pyarrow as pa
        import pyarrow.parquet as pq
    try:
        with pq.ParquetFile(file) as opened:
            missing = set(_COLUMNS) - set(opened.schema_arrow.names)
            if missing:
                raise DataError(f"{file}: has no column {', '.join(sorted(missing))}: give rows of the format grpo")
            for batch in opened.iter_batches(_AT_ONCE, columns=_COLUMNS):
                yield from batch.to_pylist()
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"{file}: cannot be read: {error}") from error


def check_grpo_rows(rows: Path, base: Base, settings: GrpoTrainingSettings, client: RewardClient | None) -> RowsReport:
    """Return what is in the rows of a training.

    Args:
        rows: a folder of `veason export --format grpo`, or its Parquet file.
        base: the checkpoint that would learn.
        settings: the limits, and the rules of the reward.
        client: asks the service that has the footage; None leaves that out.

    Raises:
        DataError: a row would not be learnt as it stands; the message names rows and reasons.
        EndpointError: the service cannot be reached.
    """
    _check_limits(base)
    file = rows / FILE if rows.is_dir() else rows
    if not file.is_file():
        raise DataError(f"{rows}: there is no {FILE}: `veason export PROJECT --format grpo` writes one")
    wrong: dict[int, list[str]] = {}
    read: list[_Row] = []
    for place, row in enumerate(read_grpo_rows(file)):
        found = _read(row, base, settings)
        if isinstance(found, _Row):
            read.append(found)
        else:
            wrong[place] = found
    total = len(read) + len(wrong)
    if total < settings.prompts:
        raise DataError(f"{file}: has {total} rows, a step asks {settings.prompts} (--prompts): there would be no step")
    refuse_rows(wrong, total, base, _HINT)
    lengths = _lengths(read, base)
    longest = min(settings.prompt_tokens, base.max_positions - settings.answer_tokens)
    too_long = {
        place: [f"its question has {length:,} tokens, at most {longest:,} are read: it would be dropped or cut"]
        for place, length in enumerate(lengths)
        if length > longest
    }
    refuse_rows(too_long, total, base, "--prompt-tokens and --answer-tokens name other limits")
    if client is not None:
        _check_footage(read, client, base)
    absent = sum(row.case.is_absent for row in read)
    footage = {row.footage for row in read}
    return RowsReport(file.resolve(), total, absent, len(footage), max(lengths), total % settings.prompts)


def _read(row: dict[str, Any], base: Base, settings: GrpoTrainingSettings) -> _Row | list[str]:
    """Return a row, or what is wrong with it."""
    profile = base.profile
    try:
        system, user = row["prompt"]
        truth = row["reward_model"]["ground_truth"]
        case, footage, fields = reward_case(truth), footage_of(truth), json.loads(truth)
        texts = (system["content"], user["content"])
        is_ours = all(isinstance(text, str) for text in texts) and isinstance(row["images"], list)
    except _UNREADABLE as error:
        return [f"its prompt or ground truth cannot be read: {type(error).__name__} {error}"]
    if not is_ours:
        return ["its prompt is no two texts with a list of pictures: rows of the format grpo have <image> in the text"]
    wrong = []
    if (system.get("role"), user.get("role")) != ("system", "user"):
        return [f"it is asked by {system.get('role')!r} and {user.get('role')!r}, wanted are system and user"]
    asked = user["content"]
    if asked.count(IMAGE) != len(row["images"]) or len(row["images"]) != len(case.context.shown):
        wrong.append(
            f"{asked.count(IMAGE)} marks, {len(row['images'])} pictures, {len(case.context.shown)} frames shown"
        )
    if mark := TOKEN_MARKS.search(asked):
        wrong.append(f"it holds {mark[0]!r}, which stands for something else than text")
    if system["content"] != profile.system:
        wrong.append(f"its system text is {system['content']!r}, the profile's is {profile.system!r}")
    if instruction_in(asked, profile) is None:
        wrong.append("it asks in other words than the policy is asked with its profile")
    wanted = {"keyframe_key": profile.keyframe_key, "boxes_key": profile.boxes_key, "labels": profile.labels}
    other = [f"{key} {fields[key]!r} for {value!r}" for key, value in wanted.items() if fields[key] != value]
    if case.context.space_wh != _space(base):
        other.append(f"boxes in {case.context.space_wh} for {_space(base)}")
    wrong += [f"its answers are read otherwise than the policy writes them: {', '.join(other)}"] if other else []
    sizes = {_size(picture) for picture in row["images"]} - {profile.size_wh}
    wrong += [f"a picture is sized {sizes.pop()}, the profile wants {profile.size_wh}"] if sizes else []
    if not footage:
        wrong.append("it names no footage, which the reward for tracks needs")
    if case.is_absent and settings.rules == "paper":
        wrong.append("its target is absent, which no answer is rewarded for by the paper's rules: use --rules extended")
    return wrong or _Row(case, footage, system["content"], asked)


def _check_limits(base: Base) -> None:
    """Raise DataError where the checkpoint's processor would resize pictures of the profile's size."""
    pixels = base.profile.size_wh[0] * base.profile.size_wh[1]
    for name in ("processor_config.json", "preprocessor_config.json"):
        if (file := base.folder / name).is_file():
            told = json.loads(file.read_text(encoding="utf-8"))
            told = told.get("image_processor", told)
            size = told.get("size") or {}
            low = told.get("min_pixels") or size.get("shortest_edge") or 0
            high = told.get("max_pixels") or size.get("longest_edge") or pixels
            if not low <= pixels <= high:
                raise DataError(
                    f"{base.name}: its processor resizes pictures to {low:,} to {high:,} pixels, the profile's have "
                    f"{pixels:,}: boxes would be written in another space; --profile names one with another size_wh"
                )


def _space(base: Base) -> tuple[int, int]:
    from veason.answer import context_for

    return context_for(base.profile, (0,), num_frames=1, source_wh=base.profile.size_wh).space_wh


def _size(picture: dict[str, Any]) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(picture["bytes"])) as opened:
            opened.load()
            return opened.size
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, *_UNREADABLE):
        return None


def _lengths(rows: Sequence[_Row], base: Base) -> list[int]:
    from veason.policy.lengths import count_tokens

    turns = ((row.system, row.asked, "") for row in rows)
    return list(count_tokens(base.folder, base.profile, turns, image_mark=IMAGE))


def _check_footage(rows: Sequence[_Row], client: RewardClient, base: Base) -> None:
    known = asyncio.run(client.footage(list(dict.fromkeys(row.footage for row in rows))))
    wrong: dict[int, list[str]] = {}
    for place, row in enumerate(rows):
        there = known.get(row.footage)
        if there is None:
            wrong[place] = [f"the reward service has no footage with its digest {row.footage}"]
        elif there != (row.case.context.num_frames, row.case.context.source_wh):
            wrong[place] = [f"the footage has {there[0]} frames of {there[1]}, which are not those of the row"]
    refuse_rows(wrong, len(rows), base, "`veason reward-service --footage FOLDER` names a folder that holds it")
