"""What a policy is asked, what it writes and decides, and the events while it writes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from veason.errors import AnswerError, OptionError
from veason.types.shapes import Box

NoteKind = Literal[
    "keyframe_not_shown", "box_clipped", "box_dropped", "corners_swapped", "json_repaired", "key_renamed",
    "tags_repaired", "cut_off", "read_from_prose", "value_rounded", "repeated_answer", "keyframe_dropped",
    "keyframe_from_time", "box_scaled", "box_repeated", "boxes_left_out", "outside_training", "recorded",
    "only_frame_shown", "other_model", "prompt_cut", "pictures_enlarged", "seed_refused", "asked_again",
    "temperature_ignored",
]  # fmt: skip


LARGEST_SEED = 1 << 40
"""Largest absolute value of a seed: a sample multiplies it to get its own, and torch's generators take 64 bits."""


@dataclass(frozen=True, slots=True)
class Note:
    """One repair or oddity of an answer: a machine-readable `kind` and a sentence for people.

    "outside_training" says why the question lies outside of what the policy was trained on: the answer is a guess.
    "recorded" says that it was made earlier, by other models than those that run now.
    """

    kind: NoteKind
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision of a policy: a keyframe and the boxes of the target on it, with the reasoning.

    Attributes:
        thought: the reasoning without tags.
        keyframe: absolute frame index; None only where the target is absent and no frame was named.
        boxes: the target's objects on the keyframe, in source pixels; () where the target is absent.
        notes: repairs and oddities of the text, in its order.
        text: everything the model wrote.

    Raises:
        AnswerError: there are boxes without a keyframe, which lie nowhere, or the keyframe is negative.
    """

    thought: str
    keyframe: int | None
    boxes: tuple[Box, ...]
    notes: tuple[Note, ...] = ()
    text: str = ""

    def __post_init__(self) -> None:
        if self.keyframe is None and self.boxes:
            raise AnswerError("boxes need a keyframe to lie on, got none: name the frame", self.text)
        if self.keyframe is not None and self.keyframe < 0:
            raise AnswerError(f"a keyframe is a frame index, 0 or more, got {self.keyframe}", self.text)

    @property
    def is_absent(self) -> bool:
        """True where the policy says that the target is not in the video."""
        return not self.boxes

    @property
    def is_guess(self) -> bool:
        """True where the question lies outside of what the policy was trained on, and it was made to answer."""
        return any(note.kind == "outside_training" for note in self.notes)

    @property
    def is_recorded(self) -> bool:
        """True where it was made earlier and is only shown."""
        return any(note.kind == "recorded" for note in self.notes)


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier exchange about the same frames: what the policy wrote, and the correction that followed it."""

    answer_text: str
    correction: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """Decoding parameters. Source of the defaults: Veason-R1 inference (greedy, 1024 tokens).

    Attributes:
        temperature: 0 or more; 0 takes the likeliest token each time.
        top_p: share of the probability mass that is drawn from, above 0 and at most 1.
        max_new_tokens: tokens of the longest answer, 1 or more; a profile may allow fewer.
        num_samples: number of answers to draw, 1 or more.
        seed: seed of the random draws, between -2**40 and 2**40; each sample derives its own from it.

    Raises:
        OptionError: a value is outside of its range.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_new_tokens: int = 1024
    num_samples: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise OptionError(f"a temperature is 0 (the likeliest answer) or more, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise OptionError(f"top_p is a share above 0 and at most 1, got {self.top_p}")
        if self.max_new_tokens < 1:
            raise OptionError(f"the longest answer has 1 token or more, got {self.max_new_tokens}")
        if self.num_samples < 1:
            raise OptionError(f"the number of answers to draw is 1 or more, got {self.num_samples}")
        if abs(self.seed) > LARGEST_SEED:
            raise OptionError(f"a seed lies between -2**40 and 2**40, got {self.seed}")


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds to the first token, number of tokens, and seconds for the whole answer."""

    first_token_s: float
    num_tokens: int
    total_s: float


@dataclass(frozen=True, slots=True)
class Confidence:
    """How probable the model found the numbers that it wrote, each given everything before it: its own opinion alone.

    Attributes:
        keyframe: probability in [0, 1] of the keyframe's number, None where it is not known.
        boxes: for each box, the geometric mean over its four numbers' probabilities, in [0, 1]; () where not known.
    """

    keyframe: float | None
    boxes: tuple[float, ...] = ()

    @property
    def text(self) -> str:
        """The same in words.

        >>> Confidence(0.93, (0.5, 0.71)).text
        'the model gives its keyframe 93 % and its boxes 50 % and 71 %'
        """
        parts = [f"its keyframe {self.keyframe:.0%}"] if self.keyframe is not None else []
        if self.boxes:
            shares = " and ".join(f"{share:.0%}" for share in self.boxes)
            parts.append(f"its box{'es' if len(self.boxes) > 1 else ''} {shares}")
        return "the model gives " + " and ".join(parts).replace("%", " %")


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
    """The answer is complete; `confidence` is None where the model's probabilities are not known."""

    answer: Answer
    speed: Speed | None = None
    sample: int = 0
    confidence: Confidence | None = None


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The text ended without a usable answer; `text` is everything the model wrote."""

    reason: str
    text: str
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Withheld:
    """The policy was not asked, and why: the question lies outside of what it was trained on."""

    reasons: tuple[Note, ...]

    @property
    def text(self) -> str:
        """All reasons in one sentence."""
        return "; ".join(note.message for note in self.reasons)


AnswerEvent = ThoughtDelta | FrameMention | KeyframeChosen | BoxClosed
"""An event of the streaming parser, while text arrives."""

PolicyEvent = AnswerEvent | Answered | Unanswered
"""An event of a policy: parser events, then exactly one Answered or Unanswered for each sample."""
