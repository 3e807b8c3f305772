"""One expression of a benchmark dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from veason.errors import DataError
from veason.types.shapes import Rle

if TYPE_CHECKING:
    import numpy as np

SampleType = Literal["referring", "reasoning", "absent"]
"""ReVOS type_id 0, 1 and 2: it describes the target, it implies the target, or the target is not in the video."""


class Truth(Protocol):
    """Where the ground truth of one expression lies; decodes on demand and holds no array. Can be pickled.

    Objects are named by their ids as stored, as text. All methods raise DataError where the files break their promise.
    """

    def frame_indices(self) -> Sequence[int]:
        """Return the places in `frame_names` that have ground truth, ascending: benchmarks score only these."""

    def objects(self, frame_index: int) -> Mapping[str, Rle | None]:
        """Return the mask of each target object, None where it is not in this frame."""

    def mask(self, frame_index: int) -> np.ndarray:
        """Return the `(H, W)` bool union of the target objects, all False where there is none."""

    def foreground(self, frame_index: int) -> Rle:
        """Return the union of all objects that any expression of the video is about."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One expression of a benchmark: a video, an instruction, and where its ground truth lies.

    Attributes:
        dataset: the kind, such as "revos".
        video: the video's name in the benchmark; it may hold slashes.
        expression_id: the expression's name within its video (for ReasonVOS: within its video and object).
        instruction: the expression, as stored.
        type: None where the format does not tell.
        frame_names: as stored, without ending; place in this tuple = frame index.
        frames_dir: the folder with `<frame name>.jpg`.
        object_ids: the target objects' ids as stored, as text; () for an absent target or unknown objects.
        key: unique in the dataset: the folder of its predictions below `Annotations/`.
        size_wh: None where only the pictures tell.
        source: the ground truth; None where the split has none in public.
        models: which models labelled it, (key, name), where a file tells.
    """

    dataset: str
    video: str
    expression_id: str
    instruction: str
    type: SampleType | None
    frame_names: tuple[str, ...]
    frames_dir: Path
    object_ids: tuple[str, ...]
    key: str
    size_wh: tuple[int, int] | None = None
    source: Truth | None = None
    models: tuple[tuple[str, str], ...] = ()

    @property
    def has_truth(self) -> bool:
        """Tell whether ground truth is public for this split."""
        return self.source is not None

    def frame_path(self, frame_index: int) -> Path:
        """Return the picture of frame `frame_index`."""
        return self.frames_dir / f"{self.frame_names[frame_index]}.jpg"

    def truth_indices(self) -> tuple[int, ...]:
        """Return the frame indices that have ground truth. Raises DataError where the split has none."""
        return tuple(self._truth().frame_indices())

    def truth(self, frame_index: int) -> np.ndarray:
        """Return the `(H, W)` bool union of the target objects on one frame. Raises DataError."""
        return self._truth().mask(frame_index)

    def object_truth(self, frame_index: int) -> Mapping[str, Rle | None]:
        """Return each target object's mask on one frame, None where it is not visible. Raises DataError."""
        return self._truth().objects(frame_index)

    def foreground(self, frame_index: int) -> Rle:
        """Return the union of everything that the video's expressions are about. Raises DataError."""
        return self._truth().foreground(frame_index)

    def _truth(self) -> Truth:
        if self.source is None:
            raise DataError(f"{self.dataset} {self.key}: this split has no public ground truth, choose another split")
        return self.source
