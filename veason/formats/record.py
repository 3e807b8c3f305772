"""The record of a format: its name, what it is, what it can hold, and how it is written and read.

Everything that tells formats apart is told by their records (`veason.formats.catalogue`): the choices of the command
line, the lists of the page, the tables of the docs, and what an export counts as lost. A record loads nothing but
itself: its functions import their reader or writer when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from veason.errors import DataError

if TYPE_CHECKING:
    from veason.formats.benchmarks.rows import Complaints
    from veason.formats.benchmarks.videos import WriteVideo
    from veason.formats.labels.footage import VideoFinder
    from veason.formats.labels.import_tally import ImportTally
    from veason.formats.labels.options import ExportOptions
    from veason.formats.labels.report import Tally
    from veason.formats.labels.values import LabelledVideo
    from veason.types import Sample

Masks = Literal["exact", "one object a pixel", "outlines", "drawn", "boxes"]
"""What becomes of masks: kept bit for bit; so, but a pixel belongs to one object; polygons around them, with small
losses; colours over the picture; or nothing but the boxes around them."""

Pictures = Literal["on request", "needed", "video needed", "never"]
"""Whether frames are written with the labels. Where they are needed, labels whose pictures are not known cannot be
written; a drawn video needs all frames of its stretch, so the video itself."""


@dataclass(frozen=True, slots=True)
class Holds:
    """What a format can hold of labels; what it cannot is counted as left out or lost when labels are written.

    Attributes:
        masks: how exactly.
        identities: which object of a class a mask is of, through the video.
        names: what a person calls an object.
        text: instructions.
        several: instructions about several objects.
        absent: instructions whose target is not in the video.
        unlabelled: that nobody labelled an object on a frame, told apart from an object that is not there.
        occluded: that a part of an object is hidden.
        reasoning: the reasoning behind an answer.
        keyframe: the frame that an answer is about.
        boxes: boxes that were drawn or answered, of objects without masks.
        clicks: clicks, and which prompts a person made.
        review: how far the work on an instruction is, and where each mask comes from.
        guess: that the policy was not trained for an instruction and only guessed its answer.
        models: which models made the labels of an instruction.
    """

    masks: Masks = "exact"
    identities: bool = True
    names: bool = False
    text: bool = False
    several: bool = False
    absent: bool = False
    unlabelled: bool = False
    occluded: bool = False
    reasoning: bool = False
    keyframe: bool = False
    boxes: bool = False
    clicks: bool = False
    review: bool = False
    guess: bool = False
    models: bool = False


@dataclass(frozen=True, slots=True)
class Split:
    """One split of a dataset on disk.

    Attributes:
        kind: the name of its format.
        root: folder of the dataset.
        name: of the split, such as "valid".
        meta: the file with its expressions, there or not.
        has_truth: whether the format has public ground truth for it.
    """

    kind: str
    root: Path
    name: str
    meta: Path
    has_truth: bool


@dataclass(frozen=True, slots=True)
class Benchmark:
    """How a format that is scored lies on disk.

    Attributes:
        splits: their names; the first is the one that is scored by default.
        meta: places of a split's file of expressions below the root, "{split}" for its name; the last is what is
            written, the others are looked for first.
        without_truth: splits whose ground truth is not public.
        read: yields the samples of a split in file order, raises DataError.
        write: writes videos as a split, one at a time, raises DataError where they do not fit the format.
    """

    splits: tuple[str, ...]
    meta: tuple[str, ...]
    read: Callable[[Split, Complaints], Iterator[Sample]]
    write: Callable[[Split, Iterable[WriteVideo]], None]
    without_truth: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Format:
    """A format of labels, of a benchmark, or of both.

    Attributes:
        name: as the command line has it.
        about: what it is, in a line.
        holds: what it can hold.
        pictures: whether frames are written with the labels.
        accepted_only: whether it takes accepted questions only, whatever the options say.
        write: writes labelled videos, one at a time, into an empty folder and counts them; None where labels cannot be
            exported as this. Raises ExportError, or DataError where they do not fit a dataset.
        read: yields labelled videos from a file or folder and counts every shape in it as taken or left out, raises
            DataError; None where it cannot be imported.
        benchmark: how it is read and written as a dataset of samples; None for formats that are not scored.
    """

    name: str
    about: str
    holds: Holds
    pictures: Pictures = "on request"
    accepted_only: bool = False
    write: Callable[[Iterable[LabelledVideo], Path, Tally, ExportOptions], None] | None = None
    read: Callable[[Path, VideoFinder, ImportTally], Iterator[LabelledVideo]] | None = None
    benchmark: Benchmark | None = None

    def as_benchmark(self) -> Benchmark:
        """Return how the format is read and written as a dataset. Raises DataError where it is not scored."""
        if self.benchmark is None:
            raise DataError(f"{self.name} is a format of labels, not of a dataset with splits")
        return self.benchmark

    def split(self, root: Path, name: str | None = None) -> Split:
        """Return where a split lies, there or not; the one that is scored by default where it is not named.

        Raises:
            DataError: the format is no benchmark or has no such split.
        """
        benchmark = self.as_benchmark()
        name = name or benchmark.splits[0]
        if name not in benchmark.splits:
            raise DataError(f"{self.name} has the splits {', '.join(benchmark.splits)}, not {name!r}")
        places = [root / place.format(split=name) for place in benchmark.meta]
        meta = next((place for place in places if place.is_file()), places[-1])
        return Split(self.name, root, name, meta, name not in benchmark.without_truth)

    def present_splits(self, root: Path) -> tuple[Split, ...]:
        """Return the splits whose file of expressions is there. Raises DataError where the format is no benchmark."""
        splits = (self.split(root, name) for name in self.as_benchmark().splits)
        return tuple(split for split in splits if split.meta.is_file())
