"""How good masks are, with the numbers of the official tools: J, F, robustness R, and each benchmark's way to sum up.

Scores of a frame or a sequence are fractions in [0, 1]; summaries are percents, as the published tables print them.
A mask is an `(H, W)` array (every value but 0 counts as set) or an `Rle`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from veason.boxes import match_boxes
from veason.errors import DataError
from veason.masks import decode_mask, empty_mask, mask_area, mask_box, mask_iou, union_mask
from veason.types import Rle

Mask = np.ndarray | Rle
_L = TypeVar("_L")
_R = TypeVar("_R")

TOLERANCE = 0.008
"""Two boundaries agree where they are at most this share of the frame's diagonal apart. Source: DAVIS 2017."""

REFERRING, REASONING, ABSENT = 0, 1, 2
"""The `type_id` of a ReVOS expression."""


# --- one frame


def jaccard(prediction: Mask, truth: Mask) -> float:
    """Return J, intersection over union, in [0, 1]; 1.0 where both masks are empty.

    >>> jaccard(np.array([[1, 1, 0]]), np.array([[0, 1, 1]]))
    0.3333333333333333

    Raises:
        DataError: the masks differ in size.

    Source: davis2017-evaluation, davis2017/metrics.py db_eval_iou @30b698a.
    """
    _check_sizes(prediction, truth)
    if isinstance(prediction, Rle) and isinstance(truth, Rle):
        return mask_iou(prediction, truth)
    a, b = _dense(prediction), _dense(truth)
    both = int(np.count_nonzero(a & b))
    union = int(np.count_nonzero(a) + np.count_nonzero(b)) - both
    return both / union if union else 1.0


def boundary_f(prediction: Mask | Outline, truth: Mask | Outline) -> float:
    """Return F, how well the outlines agree, in [0, 1]; 1.0 where neither mask has an outline.

    Give an `Outline` for a mask that is compared more than once. A mask that fills the frame has no outline, since
    only pixels that differ from a neighbour inside the frame count; one outline alone gives 0.

    >>> half = np.repeat([[1, 1, 1, 0, 0, 0]], 6, axis=0)
    >>> boundary_f(half, half), boundary_f(half, np.ones((6, 6)))
    (1.0, 0.0)

    Raises:
        DataError: the masks differ in size.

    Source: davis2017-evaluation, davis2017/metrics.py f_measure @30b698a.
    """
    a = prediction if isinstance(prediction, Outline) else outline(prediction)
    b = truth if isinstance(truth, Outline) else outline(truth)
    _check_equal_sizes(a.size_hw, b.size_hw)
    if a.length == 0 or b.length == 0:
        return float(a.length == b.length)
    precision = (a.edge & b.reach).bit_count() / a.length
    recall = (b.edge & a.reach).bit_count() / b.length
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


@dataclass(frozen=True, slots=True)
class Outline:
    """The boundary of one mask in the form in which two boundaries compare fastest.

    `edge` holds the boundary pixels and `reach` all pixels within the tolerance of one, as the bits of one integer
    (bit `y * (width + radius) + x`; the gap between rows keeps shifts from running over). `length` counts `edge`.
    """

    size_hw: tuple[int, int]
    edge: int
    reach: int
    length: int


def outline(mask: Mask) -> Outline:
    """Return the outline of `mask`, to be compared with `boundary_f`.

    A pixel is on the boundary where it differs from its right, lower or lower-right neighbour in the frame.
    Source: davis2017-evaluation, davis2017/metrics.py _seg2bmap @30b698a; the disk is skimage.morphology.disk.
    """
    size_hw = _size_hw(mask)
    _, width = size_hw
    radius = math.ceil(TOLERANCE * float(np.linalg.norm(size_hw)))
    window = _window(mask)
    if window is None:
        return Outline(size_hw, 0, 0, 0)
    (y1, y2), (x1, x2) = window
    dense = decode_mask(mask) if isinstance(mask, Rle) else mask
    # Outside the window all is background, so its last row and column tell the truth unless they end the frame; there
    # the official map compares a pixel with itself, which is what repeating the edge does.
    inside = np.empty((y2 - y1 + 1, x2 - x1 + 1), bool)
    np.not_equal(dense[y1:y2, x1:x2], 0, out=inside[:-1, :-1])
    inside[-1] = inside[-2]
    inside[:, -1] = inside[:, -2]
    here, right, below, across = inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]
    stride = width + radius
    rows = np.zeros((y2 - y1, stride), bool)
    rows[:, x1:x2] = (here ^ right) | (here ^ below) | (here ^ across)
    edge = int.from_bytes(np.packbits(rows, bitorder="little").tobytes(), "little") << (y1 * stride)
    return Outline(size_hw, edge, _dilate(edge, radius, stride), edge.bit_count())


def _dilate(bits: int, radius: int, stride: int) -> int:
    """Return the bits within `radius` of a set one. Widen row by row, then stack each width at its heights."""
    if not bits:
        return 0
    first = (bits & -bits).bit_length() - 1
    lead = max(first // stride - radius, 0) * stride
    bits >>= lead  # the empty rows above cost nothing
    heights: dict[int, list[int]] = {}
    for dy in range(radius + 1):
        heights.setdefault(math.isqrt(radius * radius - dy * dy), []).append(dy)
    wide, reach = bits, 0
    for half in range(radius + 1):
        if half:
            wide |= (bits << half) | (bits >> half)
        for dy in heights.get(half, ()):
            reach |= (wide << (dy * stride)) | (wide >> (dy * stride))
    return reach << lead


def robustness_legacy(prediction: np.ndarray, truth: np.ndarray, foreground: np.ndarray) -> float:
    """Return R of one frame bit for bit as the published ReVOS tool computes it, quirks included, in [0, 1].

    All three are `(H, W)` uint8 arrays as that tool holds them: `prediction` is the grey PNG as read (0 or 255, never
    made binary, so a false pixel weighs 255), `truth` is the SUM of the masks of the target's objects (2 where two
    overlap: there 1 - 2 wraps to 255, and 255 times 255 wraps to 1), `foreground` the union of all objects of the video
    as 0 or 1. R is 1 for an empty prediction, and 0 for a false pixel on a frame without any foreground.

    Raises:
        DataError: the arrays differ in size, or one is not uint8.

    Source: VISA tools/metrics.py get_r2vos_robustness @40ae6e8.
    """
    for name, array in (("prediction", prediction), ("truth", truth), ("foreground", foreground)):
        if array.dtype != np.uint8:
            raise DataError(f"R_legacy wants uint8 arrays as read from the files, the {name} is {array.dtype}")
        _check_equal_sizes(array.shape, prediction.shape)
    false = int(((np.uint8(1) - truth) * prediction).sum(dtype=np.uint64))
    return float(max(1 - false / (int(foreground.sum(dtype=np.uint64)) + 1e-6), 0.0))


def robustness_binary(prediction: Mask, truth: Mask, foreground: Mask) -> float:
    """Return R of one frame as it was meant: max(0, 1 - false pixels / foreground pixels), masks counted as 0 or 1.

    On a frame without foreground it is 1.0 for an empty prediction and 0.0 otherwise.

    Raises:
        DataError: the masks differ in size.
    """
    _check_sizes(prediction, truth)
    _check_sizes(prediction, foreground)
    predicted = _dense(prediction)
    false = np.count_nonzero(predicted & ~_dense(truth))
    total = mask_area(foreground) if isinstance(foreground, Rle) else np.count_nonzero(foreground)
    if total == 0:
        return float(false == 0)
    return max(0.0, 1 - false / total)


# --- one sequence


class OutlineCache:
    """Outlines already worked out, by RLE mask; the oldest go when there are more than `limit`.

    One cache a process is enough: expressions of a video share their objects.
    """

    def __init__(self, limit: int = 512) -> None:
        self.limit = limit
        self._outlines: OrderedDict[Rle, Outline] = OrderedDict()

    def outline(self, mask: Rle) -> Outline:
        """Return `outline(mask)`, worked out at most once while it is kept."""
        found = self._outlines.get(mask)
        if found is None:
            found = self._outlines[mask] = outline(mask)
            if len(self._outlines) > self.limit:
                self._outlines.popitem(last=False)
        else:
            self._outlines.move_to_end(mask)
        return found


def jaccard_sequence(predictions: Iterable[Mask], truths: Iterable[Mask]) -> np.ndarray:
    """Return J of every frame as `(T,)` float64. Raises DataError where lengths or sizes differ."""
    return np.array([jaccard(a, b) for a, b in _pairs(predictions, truths)], dtype=np.float64)


def boundary_f_sequence(
    predictions: Iterable[Mask], truths: Iterable[Mask], *, cache: OutlineCache | None = None
) -> np.ndarray:
    """Return F of every frame as `(T,)` float64. `cache` keeps the outlines of RLE truths for the next prediction.

    Raises:
        DataError: lengths or sizes differ.
    """
    kept = cache or OutlineCache()
    return np.array(
        [boundary_f(a, kept.outline(b) if isinstance(b, Rle) else b) for a, b in _pairs(predictions, truths)],
        dtype=np.float64,
    )


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
    """Return J, F and R of one expression, frame by frame, so that only one frame is decoded at a time.

    `truths` gives the masks of the target's objects on each frame (none where it is absent). A prediction is best the
    grey PNG as read; an Rle or bool mask stands for one saved as 0 and 255. `foregrounds` holds everything annotated.

    Raises:
        DataError: lengths or sizes differ, or there are no frames.
    """
    kept = cache or OutlineCache()
    objects_of = list(truths)
    rows: list[tuple[float, float]] = []
    robust: list[tuple[float, float]] = []
    backgrounds = [None] * len(objects_of) if foregrounds is None else foregrounds
    for (predicted, objects), foreground in _pairs(_pairs(predictions, objects_of), backgrounds):
        picture = _grey(predicted)
        height, width = picture.shape
        truth = union_mask(objects) if objects else empty_mask((width, height))
        _check_sizes(picture, truth)
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


# --- one benchmark


@dataclass(frozen=True, slots=True)
class Summary:
    """Means in percent over `count` expressions, not rounded for print. R is None where it was not scored."""

    count: int
    j: float
    f: float
    r_legacy: float | None = None
    r_binary: float | None = None

    @property
    def jf(self) -> float:
        """J&F: the mean of J and F."""
        return (self.j + self.f) / 2


@dataclass(frozen=True, slots=True)
class RevosSummary:
    """ReVOS figures by type; a type without expressions is None, and so is `overall` unless both types are there."""

    referring: Summary | None
    reasoning: Summary | None
    overall: Summary | None


@dataclass(frozen=True, slots=True)
class Absence:
    """Percents: N-acc, absent targets answered with no mask; T-acc, present ones answered with one (None: no such)."""

    n_acc: float | None
    t_acc: float | None
    num_absent: int
    num_present: int


def summarise_mean(scores: Sequence[SequenceScore]) -> Summary | None:
    """Return the plain mean over expressions in percent (MeViS, ReasonVOS, Ref-DAVIS by expression), None of none.

    The official tools print it rounded to 2 decimals. Source: VISA tools/eval_mevis.py and tools/eval_davis17.py
    @40ae6e8, VideoLISA evaluation/reason_vos/eval_reason_vos.py @0273d32 (which leaves out missing expressions:
    here every expression must be given).
    """
    return _summarise(scores, decimals=None)


def summarise_revos(scores: Sequence[SequenceScore], type_ids: Sequence[int]) -> RevosSummary:
    """Return the ReVOS table: `overall` is the plain mean of the two types, whatever their counts.

    Every expression's percents are rounded to 2 decimals first. Type 2 (absent) enters none of the figures.

    Raises:
        DataError: there is not one `type_id` for each score.

    Source: VISA tools/eval_revos.py @40ae6e8.
    """
    pairs = list(_pairs(scores, type_ids))
    kinds = [
        _summarise([score for score, type_id in pairs if type_id == kind], decimals=2)
        for kind in (REFERRING, REASONING)
    ]
    referring, reasoning = kinds
    if referring is None or reasoning is None:
        return RevosSummary(referring, reasoning, None)
    overall = Summary(
        referring.count + reasoning.count,
        (referring.j + reasoning.j) / 2,
        (referring.f + reasoning.f) / 2,
        _middle(referring.r_legacy, reasoning.r_legacy),
        _middle(referring.r_binary, reasoning.r_binary),
    )
    return RevosSummary(referring, reasoning, overall)


def summarise_ref_davis(annotators: Sequence[Sequence[tuple[float, float]]]) -> Summary | None:
    """Return the official Ref-DAVIS17 figures: objects averaged for each annotator, then annotators averaged.

    `annotators` holds, for each of the 4 annotators, `(J, F)` of every object of every video as fractions, as
    `match_davis_objects` gives them. `count` is the number of objects and annotators together. The other protocol,
    each expression a binary mask of its own, is `summarise_mean`; its figures differ.

    Source: VideoLISA evaluation/refdavis/eval_davis.py @d4c87cc over davis2017-evaluation @30b698a.
    """
    filled = [np.array(objects, dtype=np.float64).mean(0) for objects in annotators if len(objects)]
    if not filled:
        return None
    j, f = 100 * np.mean(filled, axis=0)
    return Summary(sum(len(objects) for objects in annotators), float(j), float(f))


def match_davis_objects(j: np.ndarray, f: np.ndarray) -> list[tuple[float, float]]:
    """Return `(J, F)` of every true object, matched with the predicted objects so that summed J&F is largest.

    `j` and `f` are `(P, G)` means over the frames of one video, of every predicted with every true object; pad with
    rows of an empty prediction's scores where P is smaller than G.

    Raises:
        DataError: the tables differ in shape, or there are fewer predicted than true objects.

    Source: davis2017-evaluation, davis2017/evaluation.py _evaluate_unsupervised @30b698a.
    """
    if j.shape != f.shape or j.ndim != 2 or j.shape[0] < j.shape[1]:
        raise DataError(
            f"want two equal (predicted, true) tables with at least as many predicted as true objects, "
            f"got {j.shape} and {f.shape}: add a row for an empty prediction for each missing object"
        )
    pairs = sorted(match_boxes((j + f) / 2), key=lambda pair: pair[1])
    return [(float(j[predicted, true]), float(f[predicted, true])) for predicted, true in pairs]


def paint_objects(masks: np.ndarray) -> np.ndarray:
    """Return `(N, H, W)` binary masks as one `(H, W)` uint8 picture of object numbers 1..N, 0 for background.

    Where masks overlap the first one wins. Source: VideoLISA evaluation/refdavis/post_process_davis.py @d4c87cc.
    """
    is_set = np.asarray(masks) != 0
    return np.where(is_set.any(0), is_set.argmax(0) + 1, 0).astype(np.uint8)


def summarise_absence(is_absent: Sequence[bool], is_empty: Sequence[bool]) -> Absence:
    """Return N-acc and T-acc: `is_absent` is the truth of each expression, `is_empty` that no frame got a mask.

    >>> summarise_absence([True, False, False], [True, True, False])
    Absence(n_acc=100.0, t_acc=50.0, num_absent=1, num_present=2)

    Raises:
        DataError: there is not one answer for each expression.

    Source: MeViSv2 and LSVOS 2026, as described in arXiv 2608.23234.
    """
    pairs = list(_pairs(is_absent, is_empty))
    absent = [bool(empty) for gone, empty in pairs if gone]
    present = [not empty for gone, empty in pairs if not gone]
    return Absence(_percent(absent), _percent(present), len(absent), len(present))


def _percent(hits: Sequence[bool]) -> float | None:
    return 100 * sum(hits) / len(hits) if hits else None


def _middle(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else (a + b) / 2


def _summarise(scores: Sequence[SequenceScore], *, decimals: int | None) -> Summary | None:
    if not scores:
        return None

    def mean(values: list[float | None]) -> float | None:
        if any(value is None for value in values):
            return None
        percents = 100 * np.array(values, dtype=np.float64)
        return float(np.mean(percents if decimals is None else np.round(percents, decimals)))

    j, f = mean([score.j for score in scores]), mean([score.f for score in scores])
    assert j is not None
    assert f is not None
    r_legacy, r_binary = mean([score.r_legacy for score in scores]), mean([score.r_binary for score in scores])
    return Summary(len(scores), j, f, r_legacy, r_binary)


# --- sizes and forms


def _size_hw(mask: Mask) -> tuple[int, int]:
    if isinstance(mask, Rle):
        return mask.size_hw
    if mask.ndim != 2:
        raise DataError(f"a mask is (height, width), got an array of shape {mask.shape}")
    return (mask.shape[0], mask.shape[1])


def _check_sizes(a: Mask, b: Mask) -> None:
    _check_equal_sizes(_size_hw(a), _size_hw(b))


def _check_equal_sizes(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    if tuple(a) != tuple(b):
        raise DataError(
            f"two masks of one frame must have one size (height, width), got {a} and {b}: "
            "save predictions at the size of the video"
        )


def _pairs(left: Iterable[_L], right: Iterable[_R]) -> Iterator[tuple[_L, _R]]:
    """Yield both side by side; a DataError where one ends first."""
    try:
        yield from zip(left, right, strict=True)
    except ValueError as error:
        raise DataError(f"predictions and truth must cover the same frames or expressions: {error}") from error


def _dense(mask: Mask) -> np.ndarray:
    if isinstance(mask, Rle):
        return decode_mask(mask)
    return mask if mask.dtype == bool else mask != 0


def _grey(mask: Mask) -> np.ndarray:
    """Return the mask as a PNG of it would be read: uint8, 0 and 255 (or whatever grey the file holds)."""
    if isinstance(mask, np.ndarray) and mask.dtype == np.uint8:
        return mask
    return _dense(mask) * np.uint8(255)


def _window(mask: Mask) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return rows and columns, half-open, that hold every boundary pixel, or None for an empty mask."""
    height, width = _size_hw(mask)
    if isinstance(mask, Rle):
        box = mask_box(mask)
        if box is None:
            return None
        x1, y1, x2, y2 = (int(value) for value in box.xyxy)
    else:
        rows = np.flatnonzero(mask.any(1))
        if not len(rows):
            return None
        y1, y2 = int(rows[0]), int(rows[-1]) + 1
        columns = np.flatnonzero(mask[y1:y2].any(0))
        x1, x2 = int(columns[0]), int(columns[-1]) + 1
    return (max(y1 - 1, 0), min(y2 + 1, height)), (max(x1 - 1, 0), min(x2 + 1, width))
