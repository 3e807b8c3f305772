"""Running policy and segmenter on one expression and saving the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from veason.errors import AnswerError, VideoError
from veason.formats.benchmarks.predictions import SavedAnswer, write_prediction
from veason.masks import decode_mask, mask_area
from veason.profile import sample_indices
from veason.types import Answer, Answered, Frame, FrameMasks, ObjectMask, Sample, VideoInfo

if TYPE_CHECKING:
    from veason.pipeline import Pipeline

NOMINAL_FPS = 24.0
"""Frame rate assumed for benchmarks, which have no times; the policy gets frame indices only."""


@dataclass(frozen=True)
class Live:
    """Predictions from models.

    Attributes:
        make_pipeline: loads the models; called once per worker, so it must be picklable.
        label: the names of the models; a run is resumed only with the same label.
        threads: how many threads a worker computes with on the processor, which changes last bits; None leaves that to
            torch.
    """

    make_pipeline: Callable[[], Pipeline]
    label: Mapping[str, str | None] = field(default_factory=dict)
    threads: int | None = None


@dataclass(frozen=True)
class SampleVideo:
    """The frames listed by a sample, as a VideoSource. Their folder may contain further images."""

    sample: Sample
    info: VideoInfo

    def frame(self, frame_index: int) -> np.ndarray:
        """Return a frame as `(H, W, 3)` uint8 RGB. Raises VideoError."""
        path = self.sample.frame_path(frame_index)
        try:
            with Image.open(path) as picture:
                return np.asarray(picture.convert("RGB"))
        except OSError as error:
            raise VideoError(f"cannot read frame {frame_index} of {self.sample.video}: {path}: {error}") from error

    def frames(self, frame_indices: Sequence[int]) -> Iterator[Frame]:
        """Yield frames in the given order."""
        for index in frame_indices:
            yield Frame(index, self.frame(index))


def open_sample(sample: Sample) -> SampleVideo:
    """Return the frames of a sample as a video. Raises VideoError if the first one cannot be read."""
    path = sample.frame_path(0)
    try:
        with Image.open(path) as picture:
            size_wh = picture.size
    except OSError as error:
        raise VideoError(f"cannot read the first frame of {sample.video}: {path}: {error}") from error
    count = len(sample.frame_names)
    info = VideoInfo(
        path=str(sample.frames_dir),
        num_frames=count,
        size_wh=size_wh,
        fps=NOMINAL_FPS,
        first_timestamp=0.0,
        last_timestamp=(count - 1) / NOMINAL_FPS,
        has_variable_rate=False,
        decoder="images",
        files=tuple(str(sample.frame_path(index)) for index in range(count)),
    )
    return SampleVideo(sample, info)


def predict(pipeline: Pipeline, sample: Sample, root: Path) -> SavedAnswer:
    """Run the pipeline on a sample, save the union of its masks in `root`, and return the policy's answer.

    Without a usable answer the saved masks are empty and the answer is None, which the report counts separately.

    Raises:
        VideoError: a frame cannot be read.
        DeviceError: the accelerator ran out of memory.
    """
    assert pipeline.policy is not None
    video = open_sample(sample)
    shown = sample_indices(video.info.num_frames, pipeline.policy.frame_count)
    answer: Answer | None = None
    failure: AnswerError | None = None
    tracks: dict[int, dict[int, ObjectMask]] = {}
    try:
        for event in pipeline.ask(
            video, sample.instruction, shown=shown, guess=True
        ):  # what it guesses is measured too
            if isinstance(event, Answered) and answer is None:
                answer = event.answer
            elif isinstance(event, FrameMasks):
                tracks.setdefault(event.frame_index, {}).update(event.masks)
    except AnswerError as error:
        failure = error
    masks = {index: union(objects) for index, objects in tracks.items() if objects}
    write_prediction(root, sample, masks, video.info.size_wh)
    if failure is not None:
        return SavedAnswer(sample.key, sample.instruction, None, str(failure), failure.text, shown)
    text, score = answer.text if answer else "", mean_object_score(tracks)
    return SavedAnswer(sample.key, sample.instruction, answer, text=text, shown=shown, object_score=score)


def mean_object_score(tracks: Mapping[int, Mapping[int, ObjectMask]]) -> float | None:
    """Return the mean of the object scores after a sigmoid, 0 to 1, over masks by frame and object that are not empty.

    None where every mask is empty: where nothing is seen, a low score is right and says nothing of the masks.
    """
    scores = [mask.score for objects in tracks.values() for mask in objects.values() if mask_area(mask.rle)]
    return float(np.mean(0.5 + 0.5 * np.tanh(0.5 * np.array(scores)))) if scores else None


def union(objects: Mapping[int, ObjectMask]) -> np.ndarray:
    """Return the union of one or more objects' masks on a frame as `(H, W)` bool."""
    merged = None
    for mask in objects.values():
        part = decode_mask(mask.rle)
        merged = part if merged is None else merged | part
    assert merged is not None
    return merged
