"""A benchmark with ground truth as labels that a reinforcement learning asks about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from veason.errors import DataError
from veason.formats.labels.footage import frame_files_of
from veason.formats.labels.values import LabelledQuestion, LabelledVideo, LabelMask
from veason.masks import mask_area
from veason.types import Sample
from veason.video import open_video


def label_samples(samples: Iterable[Sample], *, is_present: bool = False) -> Iterator[LabelledVideo]:
    """Yield the videos of samples with their masks; every question counts as accepted, for the dataset says so.

    Args:
        samples: those of one video one after another, as `open_dataset` gives them.
        is_present: leave out those whose target is nowhere, and videos without any other.

    Raises:
        DataError: a sample has no ground truth, or a frame of it is missing.
    """
    for name, group in groupby(samples, key=lambda sample: sample.video):
        labelled = _label(name, list(group))
        there = tuple(question for question in labelled.questions if question.object_ids or not is_present)
        if there:
            yield labelled.only(there)


def _label(name: str, samples: Sequence[Sample]) -> LabelledVideo:
    first = samples[0]
    folder = Path(first.frame_path(0)).parent
    with open_video(folder) as video:
        info = video.info
    there = tuple(file.stem for file in frame_files_of(info))
    if there != first.frame_names:
        raise DataError(
            f"{folder} has {len(there)} pictures, which are not the {len(first.frame_names)} frames that expressions "
            "name, in their order: keep the frames of a video, and all of them, alone in its folder"
        )
    numbers: dict[str, int] = {}
    tracks: dict[int, dict[int, LabelMask]] = {}
    questions = []
    for sample in samples:
        if not sample.has_truth:
            raise DataError(f"{sample.key}: has no ground truth, so no answer to it can be rewarded")
        for object_id in sample.object_ids:
            if object_id not in numbers:
                numbers[object_id] = len(numbers) + 1
                tracks[numbers[object_id]] = {}
        for index in sample.truth_indices():
            for object_id, rle in sample.object_truth(index).items():
                if rle is not None and mask_area(rle):
                    tracks[numbers[object_id]].setdefault(index, LabelMask(rle))
        ids = tuple(numbers[object_id] for object_id in sample.object_ids)
        is_there = any(tracks[number] for number in ids)
        questions.append(
            LabelledQuestion(
                sample.expression_id,
                sample.instruction,
                ids if is_there else (),
                sample.type,
                "accepted" if is_there else "absent",
            )
        )
    used = {number for question in questions for number in question.object_ids}
    return LabelledVideo(name, info, tuple(questions), {number: tracks[number] for number in sorted(used)})
