"""The edits of an annotation, one frozen class each. Their names and fields are written into the log of projects."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field

from veason.annotation.state import FrameRuns, Mark
from veason.types import Answer, FrameMasks, FrameRange, Prompt


@dataclass(frozen=True, slots=True)
class Asked:
    """A new question: the answer to the last one, its objects and their masks give way."""

    instruction: str
    shown: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GotAnswer:
    """The policy answered; its boxes become the prompts of objects 1, 2, ..."""

    answer: Answer
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class MoveKeyframe:
    """A person made another frame the keyframe; boxes of the old one go along."""

    frame_index: int


@dataclass(frozen=True, slots=True)
class PutPrompt:
    """A box, click or mask was drawn or changed."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Drawn:
    """A person drew an object with a tool, on one frame or several: as if each prompt had been drawn by hand.

    Attributes:
        object_id: whose the prompts are.
        prompts: one a frame, each a painted mask or a box.
        how: the tool, for the list of steps.
    """

    object_id: int
    prompts: tuple[Prompt, ...]
    how: str


@dataclass(frozen=True, slots=True)
class DropPrompt:
    """A prompt was deleted; an object without any prompt is gone."""

    object_id: int
    frame_index: int


@dataclass(frozen=True, slots=True)
class Duplicated:
    """A person made a new object, `object_id`, with copies of the prompts and masks of `source_id`."""

    source_id: int
    object_id: int


@dataclass(frozen=True, slots=True)
class Merged:
    """A person said that two objects are one: `source_id` goes into `target_id`, frame by frame the union of both.

    On frames in `kept` the target stays as it is. Where the union is neither of the two masks and one of them was
    prompted, the union becomes the prompt, so that a box around one part does not take the other away later.
    """

    source_id: int
    target_id: int
    kept: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class GotMasks:
    """Masks arrived from the segmenter: what it says of these frames follows from the prompts now."""

    frame_masks: FrameMasks


@dataclass(frozen=True, slots=True)
class Settled:
    """A run that followed the prompt of an object on a frame has ended, early where masks came out as they were.

    Attributes:
        object_id: whose masks they are.
        frame_index: where the prompt is.
        frames: the half-open range that was followed.
        left: runs of frames whose masks were left as they were, () where the run went to the end.
    """

    object_id: int
    frame_index: int
    frames: FrameRange
    left: FrameRuns = ()


@dataclass(frozen=True, slots=True)
class Tracked:
    """The masks of these objects are all there will be, as after an import: nothing of them waits to be computed."""

    object_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Marked:
    """A person said of an object's masks on frames `start` to `stop - 1` that they are right, or that it is not there;
    None takes the mark away.
    """

    object_id: int
    start: int
    stop: int
    kind: Mark | None


@dataclass(frozen=True, slots=True)
class Occluded:
    """A person said that something hides a part of an object on frames `start` to `stop - 1`, or that nothing does."""

    object_id: int
    start: int
    stop: int
    is_occluded: bool = True


@dataclass(frozen=True, slots=True)
class Reasoned:
    """A person confirmed the reasoning as it stands, or wrote it anew where `thought` is given."""

    thought: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A person called an object by a name; "" takes the name away."""

    object_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Classed:
    """A person said of which class an object is, with the values of its attributes; "" is of none."""

    object_id: int
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reworded:
    """A person wrote the words of a question anew: its labels stay, its reasoning was about the old ones."""

    instruction: str


@dataclass(frozen=True, slots=True)
class Locked:
    """A person locked an object (no person changes its prompts and marks), or unlocked it."""

    object_id: int
    is_locked: bool


Edit = (
    Asked
    | GotAnswer
    | MoveKeyframe
    | PutPrompt
    | Drawn
    | DropPrompt
    | Duplicated
    | Merged
    | GotMasks
    | Settled
    | Tracked
    | Marked
    | Occluded
    | Reasoned
    | Named
    | Classed
    | Reworded
    | Locked
)

EDITS: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(Edit)}
"""All edits by the name under which the log keeps them."""


def subject(edit: Edit) -> int | None:
    """Return the id of the one object that an edit is about, None where it is about none or several."""
    match edit:
        case PutPrompt(prompt):
            return prompt.object_id
        case Drawn() | DropPrompt() | Duplicated() | Settled() | Marked() | Occluded() | Named() | Classed() | Locked():
            return edit.object_id
    return None
