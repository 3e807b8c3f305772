"""Frames of a case as pictures: target outlined and prediction tinted, the target alone, or where they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation

from veason.errors import DataError, VideoError
from veason.evaluate.live import open_sample
from veason.formats.datasets import open_dataset
from veason.lab.store import Run
from veason.masks import decode_mask, empty_mask, union_mask
from veason.metrics import jaccard
from veason.types import Rle, Sample, SampleType, Truth

TRUTH, PREDICTED, BOXED, MISSED = (64, 220, 120), (255, 106, 61), (255, 255, 255), (80, 160, 255)
"""Colours of the target, the prediction, the boxes of the answer, and what a prediction lacks, as RGB."""

MaskLayer = Literal["both", "truth", "difference"]
LAYERS: tuple[MaskLayer, ...] = ("both", "truth", "difference")
"""What is drawn over a frame: target and prediction, the target alone, or where the two differ."""

TRUTH_FILE = "truth.json"
"""Corrected labels of a run, in its folder."""

_TINT = 0.5


@dataclass(frozen=True, slots=True)
class DrawnBox:
    """A box in source pixels, its colour, and a word beside it."""

    xyxy: tuple[float, float, float, float]
    colour: tuple[int, int, int] = BOXED
    word: str = ""

    def scaled(self, scale: float) -> DrawnBox:
        """Return the box in a picture of another size."""
        x1, y1, x2, y2 = self.xyxy
        return replace(self, xyxy=(x1 * scale, y1 * scale, x2 * scale, y2 * scale))


@dataclass(frozen=True)
class CorrectedTruth:
    """Ground truth that people corrected in a project, in place of the dataset's.

    Attributes:
        frames: the frame indices that they labelled, ascending.
        tracks: masks by object and frame index, frames without the object left out.
        size_wh: size of the video.
        dataset: the dataset's own ground truth, which tells what else is in the picture.
    """

    frames: tuple[int, ...]
    tracks: Mapping[str, Mapping[int, Rle]]
    size_wh: tuple[int, int]
    dataset: Truth | None = None

    def frame_indices(self) -> Sequence[int]:
        """Return the frames that were labelled."""
        return self.frames

    def objects(self, frame_index: int) -> Mapping[str, Rle | None]:
        """Return the mask of each object, None where it is not in the frame."""
        return {name: track.get(frame_index) for name, track in self.tracks.items()}

    def mask(self, frame_index: int) -> np.ndarray:
        """Return the `(H, W)` bool union of the objects."""
        return decode_mask(self._union(frame_index))

    def foreground(self, frame_index: int) -> Rle:
        """Return the union of the objects and of everything that the dataset knows."""
        mine = self._union(frame_index)
        return mine if self.dataset is None else union_mask([mine, self.dataset.foreground(frame_index)])

    def _union(self, frame_index: int) -> Rle:
        there = [track[frame_index] for track in self.tracks.values() if frame_index in track]
        return union_mask(there) if there else empty_mask(self.size_wh)

    def put_into(self, sample: Sample) -> Sample:
        """Return a sample with this ground truth; absent and there are told by it, too."""
        kind: SampleType | None = sample.type
        if kind is not None and (kind == "absent") != (not self.tracks):
            kind = "referring" if self.tracks else "absent"
        return replace(sample, source=self, object_ids=tuple(self.tracks), type=kind)

    def as_values(self) -> dict[str, Any]:
        """Return the labels as JSON values."""
        objects = {
            name: {str(index): [*rle.size_hw, rle.counts] for index, rle in track.items()}
            for name, track in self.tracks.items()
        }
        return {"frames": list(self.frames), "size_wh": list(self.size_wh), "objects": objects}


def read_truths(file: Path, samples: Mapping[str, Sample]) -> dict[str, CorrectedTruth]:
    """Return the corrected labels of a run by key, none where it has no such file. Raises DataError for a bad one."""
    if not file.is_file():
        return {}
    try:
        return {key: _read_truth(value, samples[key]) for key, value in json.loads(file.read_bytes()).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file}: holds no corrected labels ({error!r}): correct the run again") from error


def _read_truth(value: Mapping[str, Any], sample: Sample) -> CorrectedTruth:
    tracks = {
        name: {int(index): Rle((height, width), counts) for index, (height, width, counts) in track.items()}
        for name, track in value["objects"].items()
    }
    width, height = value["size_wh"]
    return CorrectedTruth(tuple(value["frames"]), tracks, (width, height), sample.source)


@dataclass(frozen=True)
class CasePictures:
    """Pictures of the cases of a run, from its dataset. Without the dataset's files there is none, and it is told."""

    run: Run
    samples: Mapping[str, Sample]

    @classmethod
    def of(cls, run: Run) -> CasePictures:
        """Return the pictures of a run. Raises DataError where its dataset is gone."""
        about = run.info.dataset
        samples = _samples(about["root"], about["kind"], about["split"])
        corrected = read_truths(run.folder / TRUTH_FILE, samples)
        return cls(run, samples | {key: truth.put_into(samples[key]) for key, truth in corrected.items()})

    def moment(self, case: Mapping[str, Any]) -> int:
        """Return the frame to show: the keyframe, else the one with the largest error, else the first."""
        sample = self.samples[case["key"]]
        keyframe = case["keyframe"]
        if keyframe is not None and 0 <= keyframe < len(sample.frame_names):
            return int(keyframe)
        return worst_frame(self.run, sample) or 0

    def draw(
        self,
        case: Mapping[str, Any],
        frame_index: int,
        *,
        width: int | None = None,
        layer: MaskLayer = "both",
        boxes: Sequence[DrawnBox] | None = None,
    ) -> Image.Image:
        """Return one frame of a case with target and prediction, and with boxes.

        Args:
            case: its row.
            frame_index: which frame of the video.
            width: largest width in pixels; wider pictures are made smaller.
            layer: what is drawn over the frame.
            boxes: boxes to draw; by default those of the answer on its keyframe, and none on the truth alone.

        Raises:
            DataError: the picture or a mask cannot be read.
        """
        sample = self.samples[case["key"]]
        try:
            picture = open_sample(sample).frame(frame_index)
        except VideoError as error:
            raise DataError(str(error)) from error
        nothing = np.zeros(picture.shape[:2], bool)
        found = None if layer == "truth" else self.predicted(sample.key).get(frame_index)
        predicted = nothing if found is None else _of_size(found, picture)
        truth = None
        if sample.has_truth and frame_index in sample.truth_indices():
            truth = sample.truth(frame_index)
            truth = truth if truth.shape == nothing.shape else None
        image = Image.fromarray(_painted(picture, predicted, truth, layer))
        if boxes is None:
            is_keyframe = frame_index == case["keyframe"] and layer == "both"
            boxes = [DrawnBox(tuple(box)) for box in case["boxes_xyxy"] or ()] if is_keyframe else []
        if width is not None and image.width > width:
            scale = width / image.width
            image = image.resize((width, max(round(image.height * scale), 1)), Image.Resampling.BOX)
            boxes = [box.scaled(scale) for box in boxes]
        _draw_boxes(image, boxes)
        return image

    def keyframe(self, case: Mapping[str, Any]) -> np.ndarray | None:
        """Return the keyframe of a case as `(H, W, 3)` uint8 RGB, None where it has none or it cannot be read."""
        sample = self.samples[case["key"]]
        index = case["keyframe"]
        if index is None or not 0 <= index < len(sample.frame_names):
            return None
        try:
            return open_sample(sample).frame(index)
        except VideoError:
            return None

    def predicted(self, key: str) -> dict[int, Rle]:
        """Return the predicted masks of a case, none where the run was made without."""
        return self.run.masks(key) if self.run.info.has_masks else {}

    def overlaps(self, key: str) -> list[float | None]:
        """Return the IoU of prediction and target on every frame of the video, None where there is no ground truth."""
        sample = self.samples[key]
        if not sample.has_truth:
            return [None] * len(sample.frame_names)
        predicted = self.predicted(key)
        scored = set(sample.truth_indices())
        return [
            _overlap(predicted.get(index), sample.truth(index)) if index in scored else None
            for index in range(len(sample.frame_names))
        ]


def _painted(picture: np.ndarray, predicted: np.ndarray, truth: np.ndarray | None, layer: MaskLayer) -> np.ndarray:
    out = picture.astype(np.float32)

    def tint(mask: np.ndarray, colour: tuple[int, int, int]) -> None:
        out[mask] = (1 - _TINT) * out[mask] + _TINT * np.array(colour, np.float32)

    if layer == "difference" and truth is not None:
        out[:] = out.mean(axis=2, keepdims=True) * 0.6  # a grey picture, so that the colours are the difference
        tint(predicted & truth, TRUTH)
        tint(predicted & ~truth, PREDICTED)
        tint(truth & ~predicted, MISSED)
    elif layer == "truth" and truth is not None:
        tint(truth, TRUTH)
    else:
        tint(predicted, PREDICTED)
        if truth is not None:
            out[outside_edge(truth)] = TRUTH
    return out.astype(np.uint8)


def _draw_boxes(image: Image.Image, boxes: Sequence[DrawnBox]) -> None:
    draw = ImageDraw.Draw(image)
    line = max(round(image.width / 400), 1)
    for box in boxes:
        x1, y1, x2, y2 = box.xyxy
        left, top, right, bottom = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
        draw.rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), outline=box.colour, width=line)
        if box.word:
            size = max(image.width / 55, 11)
            place = (left, max(top - size - 4, 0))
            draw.rectangle(draw.textbbox(place, f" {box.word} ", font_size=size), fill=box.colour)
            draw.text(place, f" {box.word} ", fill=(0, 0, 0), font_size=size)


@lru_cache(maxsize=4)
def _samples(root: str, kind: str, split: str) -> dict[str, Sample]:
    return {sample.key: sample for sample in open_dataset(root, kind, split)}


def worst_frame(run: Run, sample: Sample) -> int | None:
    """Return the frame on which prediction and target differ in most pixels, None where that is not known."""
    if not sample.has_truth or not run.info.has_masks:
        return None
    predicted = run.masks(sample.key)
    errors = {}
    for index in sample.truth_indices():
        truth = sample.truth(index)
        mask = predicted.get(index)
        errors[index] = int(truth.sum()) if mask is None else int(np.sum(_of_size(mask, truth) != truth))
    return max(errors, key=lambda index: (errors[index], -index), default=None)


def outside_edge(mask: np.ndarray) -> np.ndarray:
    """Return the pixels just outside of an `(H, W)` bool mask, a line of two pixels."""
    edge: np.ndarray = binary_dilation(mask, np.ones((5, 5), bool)) & ~mask
    return edge


def _of_size(rle: Rle, picture: np.ndarray) -> np.ndarray:
    mask = decode_mask(rle)
    if mask.shape != picture.shape[:2]:
        raise DataError(f"a mask is of (H, W) {mask.shape}, its picture of {picture.shape[:2]}: import the run anew")
    return mask


def _overlap(predicted: Rle | None, truth: np.ndarray) -> float:
    return jaccard(np.zeros_like(truth) if predicted is None else _of_size(predicted, truth), truth)
