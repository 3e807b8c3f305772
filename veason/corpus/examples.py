"""Examples: which expressions are taught, and their answers out of the ground truth.

The keyframe is the frame shown with the most of the target; a box is one object's own, and objects that are not on the
keyframe have none. (In the method's released script boxes grow into those of the objects before them, and objects that
are not there get a box of zeros.) Absent targets are taught only where they are asked for.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veason.answer import AnswerContext, context_for
from veason.errors import DataError
from veason.evaluate.live import open_sample
from veason.formats.benchmarks.files import keyed_lines
from veason.formats.datasets import Dataset
from veason.masks import mask_area, mask_box
from veason.profile import Profile, sample_indices
from veason.types import Box, Rle, Sample, VideoInfo

MOST_A_VIDEO = 10
"""Expressions of one video, at most. Source: the method's data script."""

Stratum = tuple[str, str]


@dataclass(frozen=True)
class CorpusExample:
    """An expression with its answer.

    Attributes:
        sample: the expression.
        info: its video.
        shown: absolute indices of the frames shown.
        keyframe: absolute index of the frame with the most of the target, None for an absent target.
        boxes: in source pixels, those of each object on each frame shown, by frame index.
        context: how answers are written.
    """

    sample: Sample
    info: VideoInfo
    shown: tuple[int, ...]
    keyframe: int | None
    boxes: Mapping[int, tuple[Box, ...]]
    context: AnswerContext

    @property
    def answer_boxes(self) -> tuple[Box, ...]:
        """The boxes of the answer: those on the keyframe."""
        return () if self.keyframe is None else self.boxes[self.keyframe]


def read_named(file: Path, dataset: Dataset) -> frozenset[str]:
    """Return the keys of expressions that a file of JSON lines names, such as the cases that people judged wrong.

    A line is {"key": ..., and anything else}; its "dataset", where it has one, must be of the same kind and split.

    Raises:
        DataError: a line is something else, or names what the dataset has not or has no ground truth for.
    """
    can_be_taught = {sample.key: sample.has_truth for sample in dataset}
    found: set[str] = set()
    for where, key, record in keyed_lines(file, 'names no expression: wanted {"key": "video/expression"}'):
        of = record.get("dataset")
        if of is not None and not _is_of(of, dataset):
            raise DataError(f"{where} is about another dataset than {dataset.kind} {dataset.split}: {of}")
        if not isinstance(key, str) or key not in can_be_taught:
            raise DataError(f"{where} names {key!r}, which {dataset.root} does not have")
        if not can_be_taught[key]:
            raise DataError(f"{where} names {key!r}, of which no ground truth is known: it cannot be taught")
        found.add(key)
    if not found:
        raise DataError(f"{file}: no expression is named there")
    return frozenset(found)


def _is_of(of: Any, dataset: Dataset) -> bool:
    return isinstance(of, dict) and (of.get("kind"), of.get("split")) == (dataset.kind, dataset.split)


def choose_samples(
    samples: Iterable[Sample],
    count: int,
    *,
    num_absent: int = 0,
    most_a_video: int = MOST_A_VIDEO,
    seed: int = 0,
    only: Set[str] = frozenset(),
) -> list[Sample]:
    """Return expressions to teach, in the dataset's order: `count` with a target, and `num_absent` without.

    Where `only` holds keys, no others are taken, and as many of one video as it names. Referring and reasoning, one
    object and several are taken in the proportions that the dataset has of each: a group gets the product of its two
    shares. What a group cannot fill is filled from the others. One seed gives one choice.
    """
    rng = random.Random(seed)
    taken: Counter[str] = Counter()
    order = [sample for sample in samples if not only or sample.key in only]
    most_a_video = len(order) if only else most_a_video
    drawn = [sample for sample in order if sample.has_truth]
    rng.shuffle(drawn)
    groups: dict[Stratum, list[Sample]] = defaultdict(list)
    absent = []
    for sample in drawn:
        if sample.object_ids:
            groups[_stratum(sample)].append(sample)
        elif sample.type == "absent":
            absent.append(sample)
    chosen: set[str] = set()

    def take(group: Sequence[Sample], number: int) -> None:
        for sample in group:
            if number <= 0:
                return
            if sample.key not in chosen and taken[sample.video] < most_a_video:
                chosen.add(sample.key)
                taken[sample.video] += 1
                number -= 1

    for stratum, quota in _quotas({stratum: len(group) for stratum, group in groups.items()}, count).items():
        take(groups[stratum], quota)
    take([sample for sample in drawn if sample.object_ids], count - len(chosen))
    take(absent, num_absent)
    return [sample for sample in order if sample.key in chosen]


def _stratum(sample: Sample) -> Stratum:
    return sample.type or "referring", "one" if len(sample.object_ids) == 1 else "several"


def _quotas(sizes: Mapping[Stratum, int], count: int) -> dict[Stratum, int]:
    """Return how many of each group are wanted, at most as many as there are."""
    total = sum(sizes.values())
    if not total:
        return {}
    marginals: Counter[tuple[int, str]] = Counter()
    for stratum, size in sizes.items():
        for place, name in enumerate(stratum):
            marginals[place, name] += size
    shares = {stratum: marginals[0, stratum[0]] * marginals[1, stratum[1]] / total**2 for stratum in sizes}
    whole = sum(shares.values())
    return {stratum: min(int(count * share / whole), sizes[stratum]) for stratum, share in shares.items()}


def make_corpus_example(sample: Sample, profile: Profile) -> CorpusExample | None:
    """Return the example of an expression, None where its target is on none of the frames shown that have ground truth.

    Raises:
        VeasonError: pictures or ground truth cannot be read.
    """
    info = open_sample(sample).info
    shown = sample_indices(info.num_frames, profile.frame_count)
    context = context_for(profile, shown, num_frames=info.num_frames, source_wh=info.size_wh, fps=info.fps)
    if not sample.object_ids:
        return CorpusExample(sample, info, shown, None, {}, context)
    known = set(sample.truth_indices())
    boxes: dict[int, tuple[Box, ...]] = {}
    areas: dict[int, int] = {}
    for index in shown:
        masks: list[Rle] = [rle for rle in sample.object_truth(index).values() if rle] if index in known else []
        found = [box for box in map(mask_box, masks) if box is not None]
        if found:
            boxes[index] = tuple(found)
            areas[index] = sum(map(mask_area, masks))
    if not areas:
        return None
    keyframe = max(areas, key=lambda index: (areas[index], -index))
    return CorpusExample(sample, info, shown, keyframe, boxes, context)
