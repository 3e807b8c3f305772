"""The two protocols behind which models sit, and what a segmenter may do beyond its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from veason.profile import Profile
from veason.types.answers import PolicyEvent, Sampling, Turn
from veason.types.shapes import FrameMasks, FrameRange, Prompt, Rle
from veason.types.video import Frame, VideoSource

OnProgress = Callable[[int, int], object]
"""Called with how many parts of some work are done, and of how many: `(done, total)`."""

Order = Literal["stock", "nearest"]
"""How a pass walks: forward then backward, nearest frames first, or nearest first with early guesses."""


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

    @property
    def is_recorded(self) -> bool:
        """Whether it replays recorded answers, so that sampling changes nothing."""

    @property
    def gives_several(self) -> bool:
        """Whether more than one answer to a question can differ from the first."""

    def unknown_words(self, instruction: str) -> tuple[str, ...]:
        """Return the words of the instruction that it was never trained on, () where its vocabulary is open."""

    def stream(
        self,
        frames: Sequence[Frame],
        instruction: str,
        *,
        num_frames: int,
        fps: float | None = None,
        turns: Sequence[Turn] = (),
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield events while the model writes. `num_frames` is the length of the video, `fps` its rate.

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
        """Yield the masks of every prompted object: from its first prompted frame forward, then from it backward.

        An object starts at its first frame with a box or mask, else at its first positive click.
        `fixed[object_id][frame_index]` is a mask that must not change, or None for "absent here". `frames` limits the
        work to a half-open range, which must hold all prompts. A frame may be yielded more than once (for different
        objects); later values add to earlier ones. Everything needed is in the arguments: no state has to survive
        between calls. Closing the generator stops the work.

        Raises:
            PromptError: no prompt, a prompt outside the range or the picture, or an object with more than one meaning.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """


@runtime_checkable
class OrderedSegmenter(Protocol):
    """A Segmenter that can begin at any frame; `isinstance` tells whether one can."""

    @property
    def orders(self) -> tuple[Order, ...]:
        """The orders that its `track` understands."""

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
        order: Order = "stock",
        cursor: Callable[[], int] | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield masks as `Segmenter.track` does, in the order that is wanted.

        With "nearest" each object's last correction comes first (its start, where there is none), then its frames by
        distance from `cursor()`, which may move meanwhile; prompts may lie outside `frames`, whose masks equal those
        of a run over the whole video.
        """


@runtime_checkable
class EncodingSegmenter(OrderedSegmenter, Protocol):
    """An OrderedSegmenter that can encode frames before any prompt, and keeps what it made."""

    @property
    def device(self) -> str:
        """Where it computes, such as "cpu" or "cuda:0"."""

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """See `Segmenter.estimate_seconds`."""

    def encode(self, video: VideoSource, frame_indices: Iterable[int]) -> Iterator[int]:
        """Encode frames, one a step, and yield their indices; it ends early where no more can be kept.

        Raises:
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """
