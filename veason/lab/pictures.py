"""The moment of a case that tells most, as a picture: the keyframe, the target outlined, the prediction tinted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import binary_dilation

from veason.errors import DataError, VideoError
from veason.evaluate.live import open_sample
from veason.formats.datasets import open_dataset
from veason.lab.store import Run
from veason.masks import decode_mask
from veason.metrics import jaccard
from veason.types import Rle, Sample

TRUTH, PREDICTED, BOXED = (64, 220, 120), (255, 106, 61), (255, 255, 255)
"""Colours of the outline of the target, the tint of the prediction and the boxes of the answer, as RGB."""

_TINT = 0.5


@dataclass(frozen=True)
class CasePictures:
    """Pictures of the cases of a run, from its dataset. Without the dataset's files there is none, and it is told."""

    run: Run
    samples: Mapping[str, Sample]

    @classmethod
    def of(cls, run: Run) -> CasePictures:
        """Return the pictures of a run. Raises DataError where its dataset is gone."""
        about = run.info.dataset
        return cls(run, _samples(about["root"], about["kind"], about["split"]))

    def moment(self, case: Mapping[str, Any]) -> int:
        """Return the frame to show: the keyframe, else the one with the largest error, else the first."""
        sample = self.samples[case["key"]]
        keyframe = case["keyframe"]
        if keyframe is not None and 0 <= keyframe < len(sample.frame_names):
            return int(keyframe)
        return worst_frame(self.run, sample) or 0

    def draw(self, case: Mapping[str, Any], frame_index: int, *, width: int | None = None) -> Image.Image:
        """Return one frame of a case with target, prediction and, on the keyframe, the boxes.

        Raises:
            DataError: the picture or a mask cannot be read.
        """
        sample = self.samples[case["key"]]
        try:
            picture = open_sample(sample).frame(frame_index)
        except VideoError as error:
            raise DataError(str(error)) from error
        out = picture.astype(np.float32)
        predicted = self.predicted(sample.key).get(frame_index)
        if predicted is not None:
            mask = _of_size(predicted, picture)
            out[mask] = (1 - _TINT) * out[mask] + _TINT * np.array(PREDICTED, np.float32)
        if sample.has_truth and frame_index in sample.truth_indices():
            truth = sample.truth(frame_index)
            if truth.shape == picture.shape[:2]:
                out[outside_edge(truth)] = TRUTH
        image = Image.fromarray(out.astype(np.uint8))
        if frame_index == case["keyframe"] and case["boxes_xyxy"]:
            draw = ImageDraw.Draw(image)
            for x1, y1, x2, y2 in case["boxes_xyxy"]:
                draw.rectangle((min(x1, x2), min(y1, y2), max(x1, x2) - 1, max(y1, y2) - 1), outline=BOXED)
        if width is not None and image.width > width:
            image = image.resize((width, max(round(image.height * width / image.width), 1)), Image.Resampling.BOX)
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
