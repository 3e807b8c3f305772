"""Replies about the models: those in use, those that can be had, and what is being done about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPart:
    """The models in use.

    Attributes:
        policy: its name.
        segmenter: its name.
        device: what the models run on.
        recorded: the policy's answers are.
        several: it makes sense to ask for more than one answer.
        trained_on: what the policy was, "" where nobody needs to be told.
        space: width and height that the policy's numbers are in.
        marks: what the steps of its reasoning begin with.
        doubt_threshold: a frame above it is doubtful.
        is_locked: they cannot be changed here.
    """

    policy: str
    segmenter: str
    device: Literal["CPU", "GPU"]
    recorded: bool
    several: bool
    trained_on: str
    space: tuple[int, int] | None
    marks: Sequence[str]
    doubt_threshold: float
    is_locked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRowPart:
    """A model of the list, in words; `fit` is "yes", "tight", "no" or "" where it is not known.

    Attributes:
        name: what it is chosen by.
        kind: what it does.
        about: what it is good for.
        here: how much of it is here.
        is_here: it can be used at once.
        is_part: a part of it was fetched.
        in_use: it is the one in use.
        memory: what it takes with a 720p clip.
        fits: whether it fits this machine.
        fit: the same, in a word.
        speed: as measured here, "" where it was not.
        licence: of the weights.
    """

    name: str
    kind: Literal["policy", "segmenter"]
    about: str
    here: str
    is_here: bool
    is_part: bool
    in_use: bool
    memory: str
    fits: str
    fit: str
    speed: str
    licence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWorkPart:
    """What is being done about a model.

    Attributes:
        what: the kind of work.
        name: the model, or the server.
        done: bytes that are here.
        total: bytes in all, 0 where they are not counted.
    """

    what: Literal["fetching", "loading", "testing"]
    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsReply:
    """The list of models.

    Attributes:
        now: those in use.
        machine: what this machine has, in words; "" where the list is not shown.
        rows: the models; none where they are locked.
        work: what is being done, null where nothing is.
        told: how the last work ended, "" where it ended well and there is nothing to say.
        failed: it ended with an error.
    """

    now: ModelPart
    machine: str
    rows: Sequence[ModelRowPart]
    work: ModelWorkPart | None
    told: str
    failed: bool
