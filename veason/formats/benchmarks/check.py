"""Walk a whole dataset: counts, and everything that is not as the format promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from veason.formats.benchmarks.files import picture_size
from veason.formats.benchmarks.rows import Category, Complaints, RowError
from veason.formats.datasets import Dataset, open_dataset
from veason.types import OnProgress, Sample

CATEGORIES: tuple[Category, ...] = (
    "missing file", "missing frame", "missing mask", "size mismatch", "unsorted frames", "malformed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a walk found. `types` counts expressions by type ("no type" where the format has none)."""

    kind: str
    split: str
    num_videos: int
    num_frames: int
    num_expressions: int
    types: dict[str, int]
    has_truth: bool
    problems: tuple[RowError, ...]

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.problems

    def lines(self, limit: int = 20) -> Iterator[str]:
        """Yield the report as text, at most `limit` problems of a category."""
        yield f"{self.kind} {self.split}: {self.num_videos} videos, {self.num_frames} frames"
        by_type = ", ".join(f"{count} {name}" for name, count in sorted(self.types.items()))
        yield f"{self.num_expressions} expressions: {by_type or 'none'}"
        yield f"absent targets: {self.types.get('absent', 0)}"
        if not self.has_truth:
            yield "no public ground truth in this split"
        for category in CATEGORIES:
            found = [str(problem) for problem in self.problems if problem.category == category]
            yield f"{category}: {len(found) or 'none'}"
            yield from (f"  {message}" for message in found[:limit])
            if len(found) > limit:
                yield f"  ... and {len(found) - limit} more"


def check_dataset(root: str | Path, kind: str, split: str, *, on_progress: OnProgress | None = None) -> CheckReport:
    """Read every expression, picture header and mask of a split and return what was found.

    `on_progress` hears how many expressions were looked at, and of how many.

    Raises:
        DataError: the file of expressions cannot be read at all.
    """
    complaints = Complaints(is_strict=False)
    dataset = open_dataset(root, kind, split, complaints=complaints)
    num_videos, num_frames = 0, 0
    done = 0
    for _, group in groupby(dataset, key=lambda sample: sample.video):
        samples = list(group)
        num_videos += 1
        num_frames += len(samples[0].frame_names)
        sizes = _check_pictures(samples[0], complaints)
        _check_masks(samples, sizes, complaints)
        done += len(samples)
        if on_progress:
            on_progress(done, len(dataset))
    return CheckReport(
        kind=kind,
        split=split,
        num_videos=num_videos,
        num_frames=num_frames,
        num_expressions=len(dataset),
        types=dict(Counter(sample.type or "no type" for sample in dataset)),
        has_truth=_has_truth(dataset),
        problems=tuple(complaints.found),
    )


def _has_truth(dataset: Dataset) -> bool:
    return any(sample.has_truth for sample in dataset)


def _check_pictures(sample: Sample, complaints: Complaints) -> dict[int, tuple[int, int]]:
    """Return the size of every picture that is there; complain about the others, and about sizes that differ."""
    sizes: dict[int, tuple[int, int]] = {}
    if not sample.frames_dir.is_dir():
        complaints.add(RowError(f"{sample.frames_dir}: is missing; it should hold the frames", "missing frame"))
        return sizes
    for index in range(len(sample.frame_names)):
        path = sample.frame_path(index)
        if not path.is_file():
            complaints.add(RowError(f"{path}: is missing; the expressions list this frame", "missing frame"))
            continue
        with complaints.row():
            sizes[index] = picture_size(path)
    wanted = sample.size_wh or next(iter(sizes.values()), None)
    for index, size_wh in sizes.items():
        if size_wh != wanted:
            complaints.add(
                RowError(
                    f"{sample.frame_path(index)}: want width and height {wanted} as the "
                    f"{'expressions say' if sample.size_wh else 'first frame has'}, got {size_wh}",
                    "size mismatch",
                )
            )
    return sizes


def _check_masks(samples: list[Sample], sizes: dict[int, tuple[int, int]], complaints: Complaints) -> None:
    """Read every object's masks once; the first thing wrong with an object is enough."""
    seen: set[str] = set()
    for sample in samples:
        if not sample.has_truth or set(sample.object_ids) <= seen:
            continue
        seen.update(sample.object_ids)
        with complaints.row():
            for index in sample.truth_indices():
                _check_objects(sample, index, sizes.get(index))
    if samples[0].has_truth and samples[0].dataset == "revos":
        with complaints.row():
            samples[0].foreground(0)


def _check_objects(sample: Sample, frame_index: int, size_wh: tuple[int, int] | None) -> None:
    sample.truth(frame_index)
    for object_id, rle in sample.object_truth(frame_index).items():
        if rle is not None and size_wh is not None and rle.size_hw != size_wh[::-1]:
            raise RowError(
                f"{sample.key}: object {object_id}, frame {sample.frame_names[frame_index]}: want a mask of (H, W) "
                f"{size_wh[::-1]} as the picture, got {rle.size_hw}",
                "size mismatch",
            )
