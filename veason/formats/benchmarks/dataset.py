"""Benchmark datasets: one file a format, reader and writer, all giving the same `Sample`.

dataset = open_dataset("ReVOS", "revos")          # reads the expressions; masks decode when asked for
dataset[0].truth(12)                              # (H, W) bool

write_revos("made", videos, split="train")        # an iterable of WriteVideo, taken one at a time
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import overload

from veason.errors import DataError
from veason.formats.benchmarks.read import Complaints
from veason.formats.benchmarks.write import WriteExpression, WriteVideo
from veason.formats.mevis import samples as mevis
from veason.formats.mevis.samples import write_mevis
from veason.formats.reasonvos import samples as reasonvos
from veason.formats.reasonvos.samples import write_reasonvos
from veason.formats.ref_davis17 import samples as ref_davis
from veason.formats.ref_davis17.samples import write_ref_davis
from veason.formats.ref_youtube_vos import samples as ref_youtube_vos
from veason.formats.ref_youtube_vos.samples import write_ref_youtube_vos
from veason.formats.revos import samples as revos
from veason.formats.revos.samples import write_revos
from veason.types import Rle, Sample

__all__ = [
    "KINDS",
    "Dataset",
    "WriteExpression",
    "WriteVideo",
    "open_dataset",
    "present_splits",
    "splits_of",
    "to_videos",
    "write_dataset",
    "write_mevis",
    "write_reasonvos",
    "write_ref_davis",
    "write_ref_youtube_vos",
    "write_revos",
]

KINDS = ("revos", "reasonvos", "mevis", "ref-youtube-vos", "ref-davis17")
"""The names of the formats."""


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


def open_dataset(
    root: str | Path, kind: str, split: str | None = None, *, complaints: Complaints | None = None
) -> Dataset:
    """Read the expressions of a dataset; its masks and pictures are opened only when a sample is asked for them.

    Args:
        root: folder of the dataset.
        kind: one of KINDS.
        split: one of `splits_of(kind)`, by default the first.
        complaints: collects what is wrong instead of raising (see `veason.formats.benchmarks.check`).

    Raises:
        DataError: the kind or split is unknown, or a file is missing or not what the format promises.
    """
    reader = _format(kind)
    root = Path(root)
    split = split or splits_of(kind)[0]
    if split not in splits_of(kind):
        raise DataError(f"{kind} has the splits {', '.join(splits_of(kind))}, not {split!r}")
    if not root.is_dir():
        raise DataError(f"{root}: is not a folder; it should be the root of a {kind} dataset")
    complaints = complaints or Complaints()
    samples = tuple(reader.read(root, split, complaints))
    keys: set[str] = set()
    for sample in samples:
        if sample.key in keys:
            with complaints.row():
                raise DataError(f"{root}: two expressions share the predictions folder {sample.key!r}: renumber them")
        keys.add(sample.key)
    if not samples and complaints.is_strict:
        raise DataError(f"{root}: split {split!r} holds no expression; the file of expressions should list some")
    return Dataset(kind, root, split, samples)


def splits_of(kind: str) -> tuple[str, ...]:
    """Return the splits of a format; the first is the one that is scored by default. Raises DataError."""
    return _format(kind).SPLITS


def present_splits(root: str | Path, kind: str) -> tuple[str, ...]:
    """Return the splits whose file of expressions is there. Raises DataError for an unknown kind."""
    return tuple(split for split in splits_of(kind) if _format(kind).meta_file(Path(root), split).is_file())


def write_dataset(root: str | Path, kind: str, videos: Iterable[WriteVideo], split: str | None = None) -> None:
    """Write videos as one split of a dataset of any kind. Raises DataError where they do not fit the format."""
    _format(kind)
    writers = {
        "revos": write_revos,
        "reasonvos": write_reasonvos,
        "mevis": write_mevis,
        "ref-youtube-vos": write_ref_youtube_vos,
        "ref-davis17": write_ref_davis,
    }
    writers[kind](root, videos, split or splits_of(kind)[0])


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
    numbers = {name: int(name) if all(map(str.isdecimal, names)) else place for place, name in enumerate(names, 1)}
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
            )
            for sample in group
        ],
        frame_names=first.frame_names,
        source=first.key.split("_")[0] if first.dataset == "reasonvos" else "made",
    )


def _format(kind: str) -> ModuleType:
    formats = dict(zip(KINDS, (revos, reasonvos, mevis, ref_youtube_vos, ref_davis), strict=True))
    if kind not in formats:
        raise DataError(f"unknown kind of dataset {kind!r}: choose one of {', '.join(KINDS)}")
    return formats[kind]
