"""Labels between a project and a file format: frozen values that know neither.

A LabelledVideo holds the questions asked about one video and the objects they are about. Object ids are unique in the
video, so that several questions can share its masks. What does not fit together is refused where it is made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from veason.annotation import Provenance, Reasoning
from veason.errors import ExportError
from veason.masks import mask_area
from veason.project.records import STATUSES, Status
from veason.types import Prompt, Rle, SampleType, VideoInfo
from veason.video.limits import ANY, VideoLimits

ASSUMED_SCORE = 10.0
"""The object score (a logit) of a mask whose source gives none: about as sure as SAM2 ever is."""

CURRENT_REASONING: tuple[Reasoning, ...] = ("edited", "confirmed", "regenerated")
"""The states in which the reasoning is known to fit the labels."""

DONE: tuple[Status, ...] = ("accepted", "absent")
"""The states in which a person has said that the labels are right, or that nothing is to be seen."""


@dataclass(frozen=True, slots=True)
class LabelMask:
    """One object on one frame. An empty mask says that it is not there, `is_occluded` that a part of it is hidden.

    Attributes:
        rle: the mask at the size of the video.
        score: the object score (a logit: below 0 means "not visible").
        provenance: where the mask comes from.
        is_occluded: whether a part of the object is hidden.

    Raises:
        ExportError: the score is not a finite number, or nothing is called so that the mask could come from.
    """

    rle: Rle
    score: float = ASSUMED_SCORE
    provenance: Provenance = "propagated"
    is_occluded: bool = False

    def __post_init__(self) -> None:
        if not math.isfinite(self.score):
            raise ExportError(f"the score of a mask is a finite number, got {self.score}")
        if self.provenance not in get_args(Provenance):
            raise ExportError(
                f"a mask comes from one of {', '.join(get_args(Provenance))}, not from {self.provenance!r}"
            )

    @property
    def is_empty(self) -> bool:
        """Tell whether the object is not on this frame."""
        return mask_area(self.rle) == 0


Track = Mapping[int, LabelMask]
"""The masks of one object by absolute frame index, from 0; frames that nobody labelled are missing."""


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """One instruction and what it is about.

    Attributes:
        name: unique in its video.
        instruction: "" for labels that came without words.
        object_ids: () where the target is absent.
        type: None means "referring", or "absent" without objects.
        status: how far the work on it is.
        reasoning: whether `thought` fits the labels; None where there is no thought.
        thought: the reasoning as it stands.
        answer_text: everything that the policy wrote.
        shown: absolute indices of the frames that the policy saw.
        keyframe: the frame chosen by the policy or, since then, by a person.
        prompts: boxes, clicks and masks of its objects.
        by_hand: (object id, frame index) of the prompts that a person made.
        policy: the model that answered.
        segmenter: the model that made the masks.
        original: the name of the question of which this is a second annotator's version, "" otherwise.
        disputed_by: reviewers who disagree with labels that were accepted; the nameless are "".
        guess: why the policy was not trained for the instruction and only guessed, "" where it was.

    Raises:
        ExportError: a status or reasoning state does not exist, object ids repeat or are below 1, a frame index is
            negative, or a prompt is about an object of another question.
    """

    name: str
    instruction: str
    object_ids: tuple[int, ...] = ()
    type: SampleType | None = None
    status: Status = "in review"
    reasoning: Reasoning | None = None
    thought: str = ""
    answer_text: str = ""
    shown: tuple[int, ...] = ()
    keyframe: int | None = None
    prompts: tuple[Prompt, ...] = ()
    by_hand: frozenset[tuple[int, int]] = frozenset()
    policy: str = ""
    segmenter: str = ""
    original: str = ""
    disputed_by: tuple[str, ...] = ()
    guess: str = ""

    def __post_init__(self) -> None:
        said = f"the question {self.name!r}"
        if self.status not in STATUSES or self.reasoning not in (None, *get_args(Reasoning)):
            raise ExportError(
                f"{said}: there is no status {self.status!r} with reasoning {self.reasoning!r}: choose one of "
                f"{', '.join(STATUSES)}, and none or one of {', '.join(get_args(Reasoning))}"
            )
        if len(set(self.object_ids)) != len(self.object_ids) or min(self.object_ids, default=1) < 1:
            raise ExportError(f"{said}: object ids start at 1 and do not repeat, got {self.object_ids}")
        if min((*self.shown, self.keyframe or 0), default=0) < 0:
            raise ExportError(f"{said}: frames count from 0, got shown {self.shown}, keyframe {self.keyframe}")
        places = {(prompt.object_id, prompt.frame_index) for prompt in self.prompts}
        if not {object_id for object_id, _ in places} <= set(self.object_ids) or not self.by_hand <= places:
            raise ExportError(
                f"{said}: it is about objects {self.object_ids}, its prompts (object, frame) are {sorted(places)}, "
                f"those by hand {sorted(self.by_hand)}: each should be among the ones before"
            )

    @property
    def is_accepted(self) -> bool:
        """Tell whether a person has said that the labels are right."""
        return self.status in DONE

    @property
    def is_disputed(self) -> bool:
        """Tell whether the labels were accepted and a reviewer disagrees."""
        return self.is_accepted and bool(self.disputed_by)

    @property
    def is_reasoning_current(self) -> bool:
        """Tell whether the reasoning was confirmed, edited or regenerated after the last correction."""
        return bool(self.thought.strip()) and self.reasoning in CURRENT_REASONING


@dataclass(frozen=True, slots=True)
class LabelledVideo:
    """One video with its labels.

    Attributes:
        name: a relative path without ending, unique among the videos exported together.
        info: as the video reader gives it; `path` is "" where only labels are known.
        questions: each object belongs to at least one.
        tracks: masks by object id.
        object_names: names given by a person or in the answer, by object id.
        object_classes: classes of the project that objects have, by object id.
        object_attributes: values of their attributes by name, by object id.
        frame_names: name of each frame in file names, for videos that are folders; () gives 00000, 00001, ...
        file_name: how the labels call the file of the video, where its path is not known.
        frame_files: the pictures that are known, by frame index, where the whole video is not.
        limits: how much the file of the video may ask for when it is opened.

    Raises:
        ExportError: an object has no question, a question names an object without track, two questions have one name,
            frame names do not fit, or a mask or an index lies outside the video.
    """

    name: str
    info: VideoInfo
    questions: tuple[LabelledQuestion, ...]
    tracks: Mapping[int, Track] = field(default_factory=dict)
    object_names: Mapping[int, str] = field(default_factory=dict)
    object_classes: Mapping[int, str] = field(default_factory=dict)
    object_attributes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    frame_names: tuple[str, ...] = ()
    frame_files: Mapping[int, Path] = field(default_factory=dict)
    file_name: str = ""
    limits: VideoLimits = ANY

    def __post_init__(self) -> None:
        named = {object_id for question in self.questions for object_id in question.object_ids}
        if named != set(self.tracks):
            raise ExportError(
                f"video {self.name!r}: its questions are about objects {sorted(named)}, masks are of "
                f"{sorted(self.tracks)}: both should be the same"
            )
        if self.frame_names and len(self.frame_names) != self.info.num_frames:
            raise ExportError(
                f"video {self.name!r}: {self.info.num_frames} frames need as many names, got {len(self.frame_names)}"
            )
        names = [question.name for question in self.questions]
        if len(set(names)) != len(names):
            raise ExportError(f"video {self.name!r}: two questions have one name in {names}: rename one")
        self._check_masks()
        self._check_indices()

    def _check_masks(self) -> None:
        num_frames, size_hw = self.info.num_frames, self.size_hw
        for object_id, track in self.tracks.items():
            for frame_index, mask in track.items():
                if not 0 <= frame_index < num_frames or tuple(mask.rle.size_hw) != size_hw:
                    raise ExportError(
                        f"video {self.name!r} has {num_frames} frames of (H, W) {size_hw}; object {object_id} has a "
                        f"mask of {mask.rle.size_hw} on frame {frame_index}: label it again, or name the video that "
                        "was labelled"
                    )

    def _check_indices(self) -> None:
        for question in self.questions:
            prompted = (prompt.frame_index for prompt in question.prompts)
            last = max((*question.shown, *prompted, question.keyframe or 0))
            if last >= self.info.num_frames:
                raise ExportError(
                    f"video {self.name!r} has {self.info.num_frames} frames; the question {question.name!r} has a "
                    f"prompt, a keyframe or a frame that was shown on frame {last}: name the video that was labelled"
                )

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width, as masks have them."""
        return self.info.size_wh[1], self.info.size_wh[0]

    @property
    def source_name(self) -> str:
        """The name of the video's file, as far as it is known."""
        return self.file_name or Path(self.info.path or self.name).name

    @property
    def object_ids(self) -> tuple[int, ...]:
        """All objects, ascending."""
        return tuple(sorted(self.tracks))

    def frame_name(self, frame_index: int) -> str:
        """Return how files call a frame; its number in the video, unless the video is a folder of named frames."""
        return self.frame_names[frame_index] if self.frame_names else f"{frame_index:05d}"

    def object_name(self, object_id: int) -> str:
        """Return the name that a person gave, or "object"."""
        return self.object_names.get(object_id) or "object"

    def category(self, object_id: int) -> str:
        """Return what formats call the kind of an object: its class, else its name, else "object"."""
        return self.object_classes.get(object_id) or self.object_name(object_id)

    def labelled_frames(self) -> tuple[int, ...]:
        """Return the frames on which an object is labelled, ascending; all frames where there is no object."""
        if not self.tracks:
            return tuple(range(self.info.num_frames))
        return tuple(sorted({frame_index for track in self.tracks.values() for frame_index in track}))

    def by_frame(self) -> Iterator[tuple[int, dict[int, LabelMask]]]:
        """Yield (frame index, the masks on it by object id) for every labelled frame, ascending."""
        tracks = {object_id: self.tracks[object_id] for object_id in self.object_ids}
        for frame_index in self.labelled_frames():
            yield frame_index, {key: track[frame_index] for key, track in tracks.items() if frame_index in track}

    def only(self, questions: tuple[LabelledQuestion, ...]) -> LabelledVideo:
        """Return the video with these questions and their objects alone."""
        kept = {object_id for question in questions for object_id in question.object_ids}
        return replace(
            self,
            questions=questions,
            tracks={object_id: self.tracks[object_id] for object_id in self.object_ids if object_id in kept},
            object_names={key: name for key, name in self.object_names.items() if key in kept},
            object_classes={key: name for key, name in self.object_classes.items() if key in kept},
            object_attributes={key: given for key, given in self.object_attributes.items() if key in kept},
        )


def with_rest(questions: Iterable[LabelledQuestion], object_ids: Iterable[int]) -> tuple[LabelledQuestion, ...]:
    """Return the questions, and one without words about the objects that none of them names."""
    questions = tuple(questions)
    named = {object_id for question in questions for object_id in question.object_ids}
    rest = tuple(sorted(set(object_ids) - named))
    taken = {question.name for question in questions}
    name = next(str(number) for number in range(len(taken) + 1) if str(number) not in taken)
    return (*questions, LabelledQuestion(name, "", rest)) if rest else questions


def from_one(object_ids: Iterable[int]) -> dict[int, int]:
    """Return new ids of objects, counted from 1 where a format counts from 0; else they stay."""
    ids = sorted(set(object_ids))
    return {object_id: object_id + (1 if ids[0] == 0 else 0) for object_id in ids} if ids else {}
