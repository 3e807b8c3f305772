"""A split of a benchmark in memory, and samples as the videos they were written from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from veason.errors import DataError
from veason.formats.benchmarks.rows import Complaints
from veason.formats.benchmarks.videos import WriteExpression, WriteVideo
from veason.formats.labels.numbers import is_number
from veason.formats.record import Benchmark, Split
from veason.types import Rle, Sample


@dataclass(frozen=True, slots=True)
class Dataset(Sequence[Sample]):
    """The expressions of one split, in file order. Holds no mask and no picture."""

    kind: str
    root: Path
    split: str
    samples: tuple[Sample, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.samples)

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Sample]: ...
    def __getitem__(self, place: int | slice) -> Sample | Sequence[Sample]:
        return self.samples[place]


def read_dataset(benchmark: Benchmark, split: Split, complaints: Complaints) -> Dataset:
    """Read the expressions of a split; its masks and pictures are opened only when a sample is asked for them.

    Raises:
        DataError: a file is missing or not what the format promises, and the complaints are strict.
    """
    root = split.root
    if not root.is_dir():
        raise DataError(f"{root}: is not a folder; it should be the root of a {split.kind} dataset")
    samples = tuple(benchmark.read(split, complaints))
    keys: set[str] = set()
    for sample in samples:
        if sample.key in keys:
            with complaints.row():
                raise DataError(f"{root}: two expressions share the predictions folder {sample.key!r}: renumber them")
        keys.add(sample.key)
    if not samples and complaints.is_strict:
        raise DataError(f"{root}: split {split.name!r} holds no expression; the file of expressions should list some")
    return Dataset(split.kind, root, split.name, samples)


def to_videos(samples: Iterable[Sample]) -> Iterator[WriteVideo]:
    """Yield what has to be written to get the samples back, for moving a dataset into another format.

    Samples of one video must come together, and all frames need ground truth (where there is any).
    """
    group: list[Sample] = []
    for sample in samples:
        if group and group[-1].video != sample.video:
            yield _to_video(group)
            group = []
        group.append(sample)
    if group:
        yield _to_video(group)


def _to_video(group: Sequence[Sample]) -> WriteVideo:
    first = group[0]
    names = list(dict.fromkeys(object_id for sample in group for object_id in sample.object_ids))
    numbers = {name: int(name) if all(map(is_number, names)) else place for place, name in enumerate(names, 1)}
    objects: dict[int, list[Rle | None]] = {}
    for sample in group:
        if sample.has_truth and sample.truth_indices() != tuple(range(len(sample.frame_names))):
            raise DataError(f"{sample.key}: only some frames have ground truth, so it cannot be written again")
        wanted = [name for name in sample.object_ids if numbers[name] not in objects] if sample.has_truth else []
        for name in wanted:
            objects[numbers[name]] = [sample.object_truth(index)[name] for index in range(len(sample.frame_names))]
    return WriteVideo(
        name=first.video,
        frames=[first.frame_path(index) for index in range(len(first.frame_names))],
        objects=objects,
        expressions=[
            WriteExpression(
                sample.instruction,
                tuple(numbers[name] for name in sample.object_ids if numbers[name] in objects),
                sample.type,
                sample.expression_id,
                sample.models,
            )
            for sample in group
        ],
        frame_names=first.frame_names,
        source=first.key.split("_")[0] if first.dataset == "reasonvos" else "made",
    )
