"""Several answers of a policy to one question, as GRPO draws them: kept beside the run, clustered, with advantages.

    ask_group(run, pipeline, samples, count=8)      draws what is not there yet; killed, it goes on
    explain_group(read_group(run, key), sample)     clusters, rewards and the advantage each answer would get

The first answer is the likeliest one, the others are drawn. With a segmenter each box is tracked over the frames shown,
so that Ru is known; without one it is left out of the total, which is said.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from veason.errors import DataError, OptionError
from veason.evaluate.live import open_sample
from veason.formats.benchmarks.predictions import SavedAnswer, parse_saved_answer
from veason.lab.rewarding import Explained, explain_rewards
from veason.lab.store import Run
from veason.lab.verdicts import whole_lines
from veason.locks import locked
from veason.masks import empty_mask, union_mask
from veason.pipeline import Pipeline
from veason.profile import Profile, sample_indices
from veason.rewards import group_advantages
from veason.studio.server.proposals import box_agreement, samplings
from veason.types import (
    Answer,
    Answered,
    Box,
    OnProgress,
    Prompt,
    Rle,
    Sample,
    Segmenter,
    Unanswered,
    VideoSource,
)

GROUPS_FILE = "answers.jsonl"

SAME = 0.5
"""Answers whose boxes agree so far on one keyframe are of one cluster. Source: ours."""

BoxMasks = Mapping[int, Mapping[int, Rle]]
"""Masks by number of the box, from 0, and frame index."""


@dataclass(frozen=True, slots=True)
class DrawnAnswer:
    """One answer of a group. `masks` are those of its boxes on the frames shown, None where nobody tracked them."""

    saved: SavedAnswer
    masks: BoxMasks | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """What one answer of a group is worth: its cluster (0 is the largest), its rewards, and its advantage."""

    drawn: DrawnAnswer
    cluster: int
    rewards: Explained | None
    advantage: float | None


def ask_group(
    run: Run,
    pipeline: Pipeline,
    samples: Sequence[Sample],
    *,
    count: int,
    with_masks: bool = True,
    on_progress: OnProgress | None = None,
) -> int:
    """Draw answers to questions that have none in the run yet, and return to how many.

    Raises:
        OptionError: another process draws answers to questions of the run.
        VeasonError: a model failed, or a picture cannot be read.
    """
    assert pipeline.policy is not None
    file = run.folder / GROUPS_FILE
    with locked(file, waits=False) as is_ours, file.open("ab+") as stream:
        if not is_ours:
            raise OptionError(f"answers to questions of run {run.info.name} are being drawn: wait for them")
        known = {record["key"] for record in _records(run)}
        left = [sample for sample in samples if sample.key not in known]
        stream.truncate(whole_lines(stream))
        for done, sample in enumerate(left, start=1):
            segmenter = pipeline.segmenter if with_masks else None
            drawn = [_as_record(one) for one in _draw(pipeline, segmenter, sample, count)]
            stream.write((json.dumps({"key": sample.key, "answers": drawn}, ensure_ascii=False) + "\n").encode())
            stream.flush()
            os.fsync(stream.fileno())
            if on_progress:
                on_progress(done, len(left))
    return len(left)


def _draw(pipeline: Pipeline, segmenter: Segmenter | None, sample: Sample, count: int) -> Iterator[DrawnAnswer]:
    policy = pipeline.policy
    assert policy is not None
    video = open_sample(sample)
    shown = sample_indices(video.info.num_frames, policy.frame_count)
    frames = list(video.frames(shown))
    tracked: dict[tuple[int, Box], Mapping[int, Rle]] = {}
    for sampling in samplings(count, policy.is_recorded):
        asked = policy.stream(frames, sample.instruction, num_frames=video.info.num_frames, sampling=sampling)
        for event in asked:
            if isinstance(event, Unanswered):
                yield DrawnAnswer(SavedAnswer(sample.key, sample.instruction, None, event.reason, event.text, shown))
            elif isinstance(event, Answered):
                answer = event.answer
                saved = SavedAnswer(sample.key, sample.instruction, answer, text=answer.text, shown=shown)
                masks = _track(segmenter, video, answer, shown, tracked) if segmenter else None
                yield DrawnAnswer(saved, masks)


def _track(
    segmenter: Segmenter,
    video: VideoSource,
    answer: Answer,
    shown: Sequence[int],
    tracked: dict[tuple[int, Box], Mapping[int, Rle]],
) -> BoxMasks:
    """Return the masks of every box on the frames shown; a box that was tracked before is not tracked again."""
    new = [box for box in dict.fromkeys(answer.boxes) if (answer.keyframe, box) not in tracked]
    if answer.keyframe is not None and new:
        found: dict[int, dict[int, Rle]] = {number: {} for number in range(len(new))}
        prompts = [Prompt(number + 1, answer.keyframe, box=box) for number, box in enumerate(new)]
        for event in segmenter.track(video, prompts):
            if event.frame_index in shown:
                for number, mask in event.masks.items():
                    found[number - 1][event.frame_index] = mask.rle
        for number, box in enumerate(new):
            tracked[answer.keyframe, box] = found[number]
    return {number: tracked[answer.keyframe or 0, box] for number, box in enumerate(answer.boxes)}


# --- on disk


def read_group(run: Run, key: str) -> list[DrawnAnswer]:
    """Return the answers that were drawn to one question, none where nobody asked. Raises DataError for a bad line."""
    return next((drawn for _, drawn in read_groups(run, {key})), [])


def read_groups(run: Run, keys: Set[str]) -> Iterator[tuple[str, list[DrawnAnswer]]]:
    """Yield the key and the answers of every question of some that has any. Raises DataError for a bad line."""
    for record in _records(run):
        if record["key"] in keys:
            yield record["key"], [_from_record(one, run, record["key"]) for one in record["answers"]]


def _records(run: Run) -> Iterator[dict[str, Any]]:
    file = run.folder / GROUPS_FILE
    if not file.is_file():
        return
    for number, line in enumerate(file.read_bytes().split(b"\n")[:-1], start=1):
        try:
            record = json.loads(line)
            is_one = isinstance(record["key"], str) and isinstance(record["answers"], list)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{file}: line {number} holds no answers ({error!r}): delete the line") from error
        if not is_one:
            raise DataError(f"{file}: line {number} holds no answers: delete the line")
        yield record


def _as_record(drawn: DrawnAnswer) -> dict[str, Any]:
    if drawn.masks is None:
        return {**drawn.saved.record(), "masks": None}
    masks = [
        {str(frame): [*rle.size_hw, rle.counts] for frame, rle in drawn.masks[number].items()}
        for number in sorted(drawn.masks)
    ]
    return {**drawn.saved.record(), "masks": masks}


def _from_record(record: Any, run: Run, key: str) -> DrawnAnswer:
    file = run.folder / GROUPS_FILE
    saved = parse_saved_answer(record, file, key)
    if record.get("masks") is None:
        return DrawnAnswer(saved)
    try:
        masks = {
            number: {int(frame): Rle((height, width), counts) for frame, (height, width, counts) in frames.items()}
            for number, frames in enumerate(record["masks"])
        }
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{file}: the masks of {key} cannot be read ({error}): delete the line") from error
    return DrawnAnswer(saved, masks)


# --- what they come to


def explain_group(drawn: Sequence[DrawnAnswer], sample: Sample, profile: Profile | None = None) -> list[Member]:
    """Return clusters, rewards and advantages of the answers to one question, in the order they were drawn.

    Advantages are those of GRPO over the totals of the rewards that are known of all answers alike.
    """
    clusters = _clusters([one.saved.answer for one in drawn])
    rewards = [
        explain_rewards(
            sample, one.saved.answer, one.saved.text, one.saved.shown, profile=profile, propagate=_propagate(one)
        )
        for one in drawn
    ]
    totals = [None if one is None else one.total for one in rewards]
    known = [total for total in totals if total is not None]
    advantages = group_advantages(known) if len(known) == len(totals) else [None] * len(totals)
    return [
        Member(one, cluster, reward, None if advantage is None else float(advantage))
        for one, cluster, reward, advantage in zip(drawn, clusters, rewards, advantages, strict=True)
    ]


def _propagate(drawn: DrawnAnswer) -> Any:
    """Return the masks that were tracked as a function from matched boxes, None where none were."""
    answer, masks = drawn.saved.answer, drawn.masks
    if masks is None or answer is None:
        return None

    def propagate(boxes: Sequence[Box], keyframe: int) -> dict[int, Rle]:
        places = [answer.boxes.index(box) for box in boxes]
        found = {}
        for index in drawn.saved.shown:
            there = [masks[place][index] for place in places if index in masks[place]]
            sizes = [rle.size_hw for one in masks.values() for rle in one.values()]
            found[index] = union_mask(there) if there else empty_mask((sizes[0][1], sizes[0][0]))
        return found

    return propagate


def _clusters(answers: Sequence[Answer | None]) -> list[int]:
    """Return the cluster of each answer: unreadable, absent, or boxes that agree on a keyframe; 0 is the largest."""
    leaders: list[Answer | None] = []
    places = []
    for answer in answers:
        place = next((place for place, leader in enumerate(leaders) if _is_same(leader, answer)), len(leaders))
        if place == len(leaders):
            leaders.append(answer)
        places.append(place)
    order = sorted(range(len(leaders)), key=lambda place: (-places.count(place), place))
    return [order.index(place) for place in places]


def _is_same(a: Answer | None, b: Answer | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.is_absent or b.is_absent:
        return a.is_absent and b.is_absent
    overlap = box_agreement(a, b)
    return overlap is not None and overlap >= SAME


def group_agreement(drawn: Sequence[DrawnAnswer]) -> float | None:
    """Return the share of the further answers that say the same as the first; None where there are no others."""
    if len(drawn) < 2:
        return None
    first, *others = [one.saved.answer for one in drawn]
    return sum(_is_same(first, other) for other in others) / len(others)
