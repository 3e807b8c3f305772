"""The records that a project returns: one frozen dataclass per kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from veason.annotation import Edit, Provenance, Reasoning, State
from veason.errors import ProjectError
from veason.types import Answer, Prompt, Rle, Sampling

Status = Literal["new", "thinking", "proposed", "in review", "accepted", "rejected", "absent"]
STATUSES: tuple[Status, ...] = ("new", "thinking", "proposed", "in review", "accepted", "rejected", "absent")

ProposedVerdict = Literal["labels", "absent"]
"""The meaning of accepting a question: its labels are right, or its target is not in the video."""


class ChangedElsewhere(ProjectError):  # noqa: N818  # it says what happened, as a person would
    """Another tab or process changed the question first. Read its changes (`changes_since`) before trying again."""

    @classmethod
    def of(cls, question_id: int, revision: int, expected_revision: int) -> ChangedElsewhere:
        """Return the error for a question whose revision is not the expected one."""
        return cls(
            f"question {question_id} was changed elsewhere (it is at revision {revision}, you saw "
            f"{expected_revision}): look at it again before you change it"
        )


@dataclass(frozen=True, slots=True)
class StoredVideo:
    """A video of the project; `path` is absolute, the other fields are those of VideoInfo and its content's hash."""

    id: int
    path: Path
    sha256: str
    num_frames: int
    size_wh: tuple[int, int]
    fps: float
    first_timestamp: float
    last_timestamp: float
    has_variable_rate: bool
    decoder: str

    @property
    def title(self) -> str:
        """The name of the file or folder, without the mark that a copy inside the project carries."""
        return self.path.name.removeprefix(f"{self.sha256[:16]}-")


@dataclass(frozen=True, slots=True)
class Question:
    """One instruction about one video, and the state of the work on it.

    Attributes:
        revision: of the project when the question last changed; what `expected_revision` is compared with.
        reasoning: None where there is no reasoning.
        doubt: in [0, 1], None before masks were looked at (see `veason.project.queue`).
        failure: why the policy gave no usable answer, "" where it gave one.
        original_id: the question of which this is a second annotator's own version, if it is one.
        is_deleted: a person deleted it: it is kept, to be restored, and left out everywhere else.
    """

    id: int
    video_id: int
    instruction: str
    status: Status
    assignee: str | None
    revision: int
    reasoning: Reasoning | None
    doubt: float | None
    failure: str
    segmenter: str | None
    original_id: int | None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """A question and its labels at one moment.

    Attributes:
        question: its row.
        state: what is labelled.
        done: the edits that undo would take back, oldest first.
        undone: the edits that redo would bring, the next first.
        takes_words: whether a person still types its words: it was added without any, and never asked.
    """

    question: Question
    state: State
    done: Sequence[Edit]
    undone: Sequence[Edit]
    takes_words: bool


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The current answer, the frames shown for it, and its policy and sampling.

    `thought` is the reasoning as it stands, with a person's changes; `answer.thought` what the policy wrote.
    """

    answer: Answer
    thought: str
    shown: tuple[int, ...]
    policy: str | None
    sampling: Sampling | None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a question; `name` is "" until a person gives one."""

    object_id: int
    name: str


@dataclass(frozen=True, slots=True)
class StoredPrompt:
    """A prompt and whether a person made it."""

    prompt: Prompt
    is_by_hand: bool


@dataclass(frozen=True, slots=True)
class StoredMask:
    """The mask of one object on one frame, at the video's size; `is_occluded` as a person said."""

    frame_index: int
    object_id: int
    rle: Rle
    score: float
    provenance: Provenance
    is_occluded: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark about a frame, or about the whole question where `frame_index` is None. `time` is seconds since 1970."""

    id: int
    question_id: int
    frame_index: int | None
    annotator: str | None
    text: str
    time: float
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The opinion of a reviewer: "agree", "disagree", or a tag such as "wrong keyframe"."""

    question_id: int
    verdict: str
    annotator: str | None
    text: str
    time: float


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the log. `operation` is "record", "follow", "undo", "redo", or another kind of change such as
    "status"; `body` what came with it; `source` the model that did it, None for a person.
    """

    revision: int
    question_id: int | None
    operation: str
    body: Mapping[str, Any]
    source: str | None
    annotator: str | None
    time: float
