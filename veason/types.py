"""The vocabulary: frozen values that every part exchanges, and the two protocols behind which models sit.

Conventions, everywhere: `frame_index` is an absolute 0-based index into the source video, `sample_index` a
place among the frames shown to the policy; boxes are float xyxy in source pixels, half-open; masks are
`(H, W)` bool at source size and travel as RLE. All values here can be pickled: they cross process borders.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from veason.errors import DataError, PromptError
from veason.profile import Profile

FrameRange = tuple[int, int]
"""Half-open `(start, stop)` of absolute frame indices."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in source pixels: float xyxy, half-open, `x1 <= x2` and `y1 <= y2`."""

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self) -> None:
        values = self.xyxy
        if not all(math.isfinite(value) for value in values) or self.x1 > self.x2 or self.y1 > self.y2:
            raise PromptError(
                f"a box is x1,y1,x2,y2 with x1 <= x2 and y1 <= y2, got {values}: swap the corners or draw it again"
            )

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """The four numbers `(x1, y1, x2, y2)`."""
        return (self.x1, self.y1, self.x2, self.y2)

    @property
    def area(self) -> float:
        """Width times height in square pixels."""
        return (self.x2 - self.x1) * (self.y2 - self.y1)


@dataclass(frozen=True, slots=True)
class Click:
    """A point in source pixels that lies on the object (`is_positive`) or off it."""

    x: float
    y: float
    is_positive: bool = True


@dataclass(frozen=True, slots=True)
class Rle:
    """A binary mask as compressed COCO run-length code; `size_hw` is (height, width), `counts` is ASCII text."""

    size_hw: tuple[int, int]
    counts: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person or the policy says about one object on one frame.

    At least one of `box`, `clicks` and `mask` is given; a mask stands alone, since SAM2 takes either a mask or points.

    Raises:
        PromptError: nothing is given, a mask comes together with a box or clicks, or an index is negative.
    """

    object_id: int
    frame_index: int
    box: Box | None = None
    clicks: tuple[Click, ...] = ()
    mask: Rle | None = None

    def __post_init__(self) -> None:
        if self.object_id < 1:
            raise PromptError(f"object ids start at 1 (0 is background in palette masks), got {self.object_id}")
        if self.frame_index < 0:
            raise PromptError(f"a frame index is 0 or more, got {self.frame_index}")
        if self.mask is None and self.box is None and not self.clicks:
            raise PromptError(f"object {self.object_id} on frame {self.frame_index}: give a box, a click or a mask")
        if self.mask is not None and (self.box is not None or self.clicks):
            raise PromptError(
                f"object {self.object_id} on frame {self.frame_index}: a mask stands alone, drop the box and clicks"
            )


@dataclass(frozen=True, slots=True)
class ObjectMask:
    """One object on one frame. `score` is SAM2's object score (a logit: below 0 means "not visible")."""

    rle: Rle
    score: float


@dataclass(frozen=True, slots=True)
class FrameMasks:
    """The masks of all tracked objects on one frame, by object id."""

    frame_index: int
    masks: Mapping[int, ObjectMask]


@dataclass(frozen=True, slots=True)
class MaskTrack:
    """One object through the video: its mask by absolute frame index. Frames not done yet are missing."""

    object_id: int
    frames: Mapping[int, ObjectMask] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What is known of a video after its index was read, before any picture is decoded.

    `size_wh` is the size after rotation; `fps` is the average rate; timestamps are seconds of the first and the
    last frame; `has_variable_rate` tells that frame durations differ; `decoder` is "decord", "pyav" or "images".
    """

    path: str
    num_frames: int
    size_wh: tuple[int, int]
    fps: float
    first_timestamp: float
    last_timestamp: float
    has_variable_rate: bool
    decoder: str


class VideoSource(Protocol):
    """Random access to the exact frames of one video. Can be pickled (it is opened again from its path)."""

    @property
    def info(self) -> VideoInfo:
        """Count, size, rate and timestamps."""

    def frame(self, frame_index: int) -> np.ndarray:
        """Return frame `frame_index` as `(H, W, 3)` uint8 RGB. Raises VideoError."""

    def frames(self, frame_indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the wanted frames in the given order, decoding only what they need."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded picture and its place in the video: `image` is `(H, W, 3)` uint8 RGB at source size."""

    index: int
    image: np.ndarray


NoteKind = Literal[
    "keyframe_not_shown", "box_clipped", "box_dropped", "corners_swapped", "json_repaired", "key_renamed",
    "tags_repaired", "cut_off", "read_from_prose", "value_rounded", "repeated_answer", "keyframe_dropped",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Note:
    """One repair or oddity of an answer: a machine-readable `kind` and a sentence for people."""

    kind: NoteKind
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the policy decided.

    `keyframe` is an absolute frame index (None only when the target is absent and no frame was named), `boxes` are in
    source pixels, `thought` is the reasoning without tags, `text` everything the model wrote.
    """

    thought: str
    keyframe: int | None
    boxes: tuple[Box, ...]
    notes: tuple[Note, ...] = ()
    text: str = ""

    @property
    def is_absent(self) -> bool:
        """True where the policy says that the target is not in the video."""
        return not self.boxes


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier exchange about the same frames: what the policy wrote, and the correction that followed it."""

    answer_text: str
    correction: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to decode. Temperature 0 is greedy. Source of the defaults: Veason-R1 inference (greedy, 1024 tokens)."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 1024
    num_samples: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds to the first token, number of tokens, and seconds for the whole answer."""

    first_token_s: float
    num_tokens: int
    total_s: float


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """Newly arrived reasoning text (tags removed)."""

    text: str
    sample: int = 0


@dataclass(frozen=True, slots=True)
class FrameMention:
    """The reasoning named a frame: characters `start:end` of the thought so far hold `frame_index`."""

    frame_index: int
    start: int
    end: int
    sample: int = 0


@dataclass(frozen=True, slots=True)
class KeyframeChosen:
    """The keyframe's number is complete in the text; `is_shown` tells whether the policy has seen that frame."""

    frame_index: int
    is_shown: bool
    sample: int = 0


@dataclass(frozen=True, slots=True)
class BoxClosed:
    """The `number`-th box (0-based) of the answer is complete, in source pixels."""

    box: Box
    number: int
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer is complete."""

    answer: Answer
    speed: Speed | None = None
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The text ended without a usable answer; `text` is everything the model wrote."""

    reason: str
    text: str
    sample: int = 0


AnswerEvent = ThoughtDelta | FrameMention | KeyframeChosen | BoxClosed
"""What the streaming parser emits while text arrives."""

PolicyEvent = AnswerEvent | Answered | Unanswered
"""What a policy yields: parser events, then exactly one Answered or Unanswered per sample."""


class Policy(Protocol):
    """A model that looks at frames, reasons, names a keyframe and boxes the target on it."""

    @property
    def name(self) -> str:
        """How the user calls it, for example "nano" or "SitongGong/Veason-R1"."""

    @property
    def frame_count(self) -> int:
        """How many frames it wants to see (its profile's count)."""

    @property
    def profile(self) -> Profile:
        """How it wants its frames and writes its answers."""

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return the words of the instruction that it was never trained on, () where its vocabulary is open."""

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield events while the model writes. `num_frames` is the length of the video.

        Closing the generator stops the model within one token.

        Raises:
            DeviceError: the accelerator ran out of memory.
        """


class Segmenter(Protocol):
    """A promptable video segmenter, such as SAM2."""

    @property
    def name(self) -> str:
        """How the user calls it, for example "nano" or "facebook/sam2.1-hiera-large"."""

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """Return the seconds that tracking so much is likely to take: a guess at first, later as measured."""

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield the masks of every prompted object: from the first prompted frame forward, then from it backward.

        Each object starts at its own first prompt. `fixed[object_id][frame_index]` is a mask that must not change, or
        None for "absent here". `frames` limits the work to a half-open range, which must hold all prompts. A frame may
        be yielded more than once (for different objects); later values add to earlier ones. Everything needed is in
        the arguments: no state has to survive between calls. Closing the generator stops the work.

        Raises:
            PromptError: no prompt, a prompt outside the range or the picture, or an object with more than one meaning.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """


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
