"""What is asked of a policy and of a segmenter.

A `Policy` and a `Segmenter` are all that the product needs. Either may do more: where it also has the methods of
`ContinuingPolicy`, `LimitedPolicy`, `OrderedSegmenter` or `EncodingSegmenter`, they are used, and nothing has to be
declared (`isinstance` looks for them). Both may tell what their caches hold (`HoldingModel`).

    Policy              keyframe and boxes of an instruction       needed
    ContinuingPolicy    + goes on from a text that it is given     probes of the reasoning do not apply to it
    LimitedPolicy       + knows what it was not trained on         no guess passes for an answer
    Segmenter           masks of prompted objects                  needed
    OrderedSegmenter    + masks in the order that is looked at     corrections near the cursor come first
    EncodingSegmenter   + frames encoded before any prompt         work while the policy still writes
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from veason.profile import Profile
from veason.types.answers import Note, PolicyEvent, Sampling, Turn
from veason.types.budgets import Holding
from veason.types.shapes import FrameMasks, FrameRange, Prompt, Rle
from veason.types.video import Frame, VideoSource

OnProgress = Callable[[int, int], object]
"""A callback for progress, called with `(done, total)`: parts that are done, and all parts."""

Order = Literal["stock", "nearest"]
"""The order in which frames are tracked: "stock" goes forward from the first prompt and then backward, as SAM2 does;
"nearest" begins at the last correction and goes on by distance from the cursor."""


Passes = Mapping[int, Mapping[int, FrameRange]]
"""By object id and frame index of a correction, the half-open range of frames to which its passes went."""

Bounds = Callable[[int], FrameRange]
"""Tells which frames of an object, by its id, are still wanted, anew each time it is called; the range only shrinks."""


class Policy(Protocol):
    """A model that looks at frames, reasons, names a keyframe and boxes the target on it."""

    @property
    def name(self) -> str:
        """The name by which the user chose it, for example "nano" or "SitongGong/Veason-R1"."""

    @property
    def frame_count(self) -> int:
        """The number of frames to show it, 1 or more; a shorter video is shown whole."""

    @property
    def profile(self) -> Profile:
        """The sizes, labels and keys with which it is asked and answers."""

    @property
    def is_recorded(self) -> bool:
        """True where it replays recorded answers, so that sampling changes nothing."""

    @property
    def can_sample(self) -> bool:
        """True where further answers to a question can differ from the first."""

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
        """Yield events while the model writes: for each sample in turn, those of the text, then its end.

        Closing the generator stops the model within one token. A policy that waits for somebody else may yield a
        ThoughtDelta without text now and then, so that it can be closed while it waits.

        Args:
            frames: the frames to show, at source size, in the order to show them; 1 or more.
            instruction: what to look for, in words.
            num_frames: length of the video in frames.
            fps: frames a second of the video, None where it is not known.
            turns: earlier answers about the same frames and the corrections that followed, oldest first.
            sampling: how to decode, and how many samples to draw.

        Raises:
            PromptError: there are no frames.
            AnswerError: it replays recorded answers, and none is recorded for this question.
            ProfileError: the profile does not fit the model.
            EndpointError: the model's server cannot be reached, refuses, or breaks off.
            DeviceError: the accelerator ran out of memory.
        """


@runtime_checkable
class LimitedPolicy(Policy, Protocol):
    """What a policy may do beyond `Policy`: tell which questions lie outside of what it was trained on."""

    def outside_training(self, frames: Sequence[Frame], instruction: str) -> tuple[Note, ...]:
        """Return a reason, of the kind "outside_training", for everything it has not learnt; () where it knows all.

        Args:
            frames: the frames that it would be shown, at source size.
            instruction: what to look for, in words.

        Raises:
            DeviceError: the accelerator ran out of memory.
        """


@runtime_checkable
class ContinuingPolicy(Policy, Protocol):
    """What a policy may do beyond `Policy`: go on from a text that it is made to have written."""

    def go_on(
        self,
        frames: Sequence[Frame],
        instruction: str,
        begun: str,
        *,
        num_frames: int,
        fps: float | None = None,
        sampling: Sampling = Sampling(),
    ) -> Iterator[PolicyEvent]:
        """Yield events as `stream` does, for answers that begin with the text `begun`, which is in them.

        Raises:
            PromptError: there are no frames.
            DeviceError: the accelerator ran out of memory.
        """


class Segmenter(Protocol):
    """A promptable video segmenter, such as SAM2."""

    @property
    def name(self) -> str:
        """The name by which the user chose it, for example "nano" or "facebook/sam2.1-hiera-large"."""

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """Return the expected seconds for tracking `num_objects` over `num_frames`: a guess at first, then measured."""

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield the masks of every prompted object, at source size: from its start forward, then from it backward.

        An object starts on its first frame with a box or mask, else on that of its first positive click. A frame may
        be yielded more than once, for different objects. Everything needed is in the arguments: no state has to
        survive between calls. Closing the generator stops the work.

        Args:
            video: where the frames come from.
            prompts: what is known of the objects, in the order it was said; one prompt for an object and frame.
            fixed: masks that must not change, by object id and frame index; None where the object is absent.
            frames: the half-open range to do, which holds all prompts; None is the whole video.

        Raises:
            PromptError: no prompt, a prompt outside the range or the picture, or an object with more than one meaning.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """


@runtime_checkable
class OrderedSegmenter(Protocol):
    """What a segmenter may do beyond `Segmenter`: begin at any frame and follow a cursor."""

    @property
    def orders(self) -> tuple[Order, ...]:
        """The orders that `track` takes."""

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
        order: Order = "stock",
        cursor: Callable[[], int] | None = None,
        passes: Passes | None = None,
        bounds: Bounds | None = None,
    ) -> Iterator[FrameMasks]:
        """Yield masks as `Segmenter.track` does, in the order that is wanted.

        With "nearest" each object's last correction comes first (its start, where there is none), then its frames by
        distance from the cursor. Prompts may then lie outside `frames`, and the masks equal those of a run over the
        whole video.

        Args:
            video: as for `Segmenter.track`.
            prompts: as for `Segmenter.track`.
            fixed: as for `Segmenter.track`.
            frames: as for `Segmenter.track`; with "nearest" it may leave prompts out.
            order: one of `orders`.
            cursor: returns the index of the frame that is being looked at, anew for each frame; None stays on the
                first one.
            passes: with "nearest", corrections after which tracking went only so far: beyond, everything stayed as it
                was before that correction.
            bounds: with "nearest", asked before each frame; what it leaves out is not done.

        Raises:
            PromptError: as for `Segmenter.track`.
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """


@runtime_checkable
class EncodingSegmenter(OrderedSegmenter, Protocol):
    """What a segmenter may do beyond `OrderedSegmenter`: encode frames before any prompt, and keep the features."""

    @property
    def device(self) -> str:
        """The device on which it computes, such as "cpu" or "cuda:0"."""

    def estimate_seconds(self, num_frames: int, num_objects: int) -> float:
        """Return the expected seconds, as `Segmenter.estimate_seconds` does."""

    def encode(self, video: VideoSource, frame_indices: Iterable[int]) -> Iterator[int]:
        """Encode frames, one a step, and yield their absolute indices; end early where no more can be kept.

        Raises:
            VideoError: a frame cannot be read.
            DeviceError: the accelerator ran out of memory.
        """


@runtime_checkable
class HoldingModel(Protocol):
    """What a policy or segmenter may do beyond its protocol: tell what its caches hold."""

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """What is held of each budget now."""
