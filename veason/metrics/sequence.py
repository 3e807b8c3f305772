"""Metrics of one expression over all its frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from veason.errors import DataError
from veason.masks import decode_mask, empty_mask, union_mask
from veason.metrics.forms import Mask, check_sizes, grey_mask, side_by_side
from veason.metrics.frames import boundary_f, jaccard, robustness_binary, robustness_legacy
from veason.metrics.outlines import OutlineCache, outline
from veason.types import Rle


@dataclass(frozen=True, slots=True)
class SequenceScore:
    """Means over all frames of one expression, as fractions. R is None where no foreground was given."""

    j: float
    f: float
    r_legacy: float | None = None
    r_binary: float | None = None
    num_frames: int = 0

    @property
    def jf(self) -> float:
        """The mean of J and F."""
        return (self.j + self.f) / 2


def score_sequence(
    predictions: Iterable[Mask],
    truths: Iterable[Sequence[Rle]],
    foregrounds: Iterable[Rle] | None = None,
    *,
    cache: OutlineCache | None = None,
) -> SequenceScore:
    """Return mean J, F and R of one expression; one frame is decoded at a time.

    Args:
        predictions: the predicted mask of each frame, best as the grey PNG holds it (`(H, W)` uint8); an Rle or bool
            mask counts as one saved with 0 and 255.
        truths: the masks of the target's objects on each frame, none where the target is absent.
        foregrounds: the union of everything annotated on each frame, for R; None leaves R out.
        cache: outlines of true masks, kept for further predictions about the same objects.

    Raises:
        DataError: lengths or sizes differ, or there are no frames.
    """
    kept = cache or OutlineCache()
    objects_of = list(truths)
    rows: list[tuple[float, float]] = []
    robust: list[tuple[float, float]] = []
    backgrounds = [None] * len(objects_of) if foregrounds is None else foregrounds
    for (predicted, objects), foreground in side_by_side(side_by_side(predictions, objects_of), backgrounds):
        picture = grey_mask(predicted)
        height, width = picture.shape
        truth = union_mask(objects) if objects else empty_mask((width, height))
        check_sizes(picture, truth)
        summed = np.zeros_like(picture)
        for rle in objects:
            summed += decode_mask(rle).view(np.uint8)
        rows.append((jaccard(picture, summed), boundary_f(outline(predicted), kept.outline(truth))))
        if foreground is not None:
            around = decode_mask(foreground).view(np.uint8)
            robust.append((robustness_legacy(picture, summed, around), robustness_binary(picture, summed, around)))
    if not rows:
        raise DataError("an expression without frames has no score: check the frames listed for its video")
    j, f = (float(np.mean(column)) for column in zip(*rows, strict=True))
    if not robust:
        return SequenceScore(j, f, num_frames=len(rows))
    legacy, binary = (float(np.mean(column)) for column in zip(*robust, strict=True))
    return SequenceScore(j, f, legacy, binary, len(rows))
