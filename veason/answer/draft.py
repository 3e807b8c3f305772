"""The keyframe and boxes of one answer block: collected while they arrive, then validated."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from veason.answer.box_text import MAX_NUMBER_LENGTH, SOME_NUMBER, WrittenBox, boxes_in_string, read_number
from veason.answer.boxlike import find_box
from veason.answer.context import AnswerContext
from veason.answer.orders import find_other_order
from veason.errors import AnswerError
from veason.types import Answer, Box, BoxClosed, KeyframeChosen, Note

_CLOCK = re.compile(r"\s*(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{2}(?:\.[0-9]{1,6})?)\s*")
_SECONDS = re.compile(r"\s*([0-9]{1,9}\.[0-9]{1,9})\s*(?:s|sec|secs|seconds?)\s*", re.IGNORECASE)
_SURE = re.compile(
    r"[\s(\[<#]*(?:key[-_ ]?)?(?:frame|image|bild|кадр|帧|フレーム)?[-_ #:=]*\d+(?:\.0*)?"
    r"\s*(?:s|secs?|seconds?|帧)?[\s)\]>]*",
    re.IGNORECASE,
)
"""How the number of a frame is written; one that is made out of anything else has to be of a frame that was shown."""

MAX_OBJECTS = 64
"""So many different boxes of one answer become objects: a model that goes on and on means nothing by the rest."""
_MIN_OF_FRAME = 10
"""A smaller number as the key of a box is the id of an object."""

_AROUND_TIME = " ()[]<>t=@"
_EMPTY_VALUES = frozenset({"", "null", "none", "nil", "n/a", "undefined"})


class Draft:
    """The content of one answer block so far.

    Attributes:
        boxes: valid boxes in source pixels.
        notes: all repairs, in the order of the text.
        has_boxes: whether the list of boxes has started.
        is_cut_short: whether the text ended before or inside the list of boxes.
    """

    def __init__(self, context: AnswerContext, sample: int = 0) -> None:
        self.boxes: list[Box] = []
        self.notes: list[Note] = []
        self.has_boxes = False
        self.is_cut_short = False
        self._context = context
        self._sample = sample
        self._keyframe: int | None = None
        self._written: list[str] = []
        self._box_frames: dict[int, None] = {}
        self._has_bare_boxes = False
        self._num_unusable = 0
        self._num_zero = 0
        self._num_repeated = 0
        self._num_left_out = 0

    def note(self, note: Note) -> None:
        """Record a repair once."""
        if note not in self.notes:
            self.notes.append(note)

    def forget_keyframe(self) -> None:
        """Drop the keyframe, because the same key or a better one follows."""
        self._keyframe = None
        self._written.clear()

    def forget_boxes(self) -> None:
        """Drop the boxes, because the same key follows again."""
        self.boxes.clear()
        self._box_frames.clear()
        self._has_bare_boxes = False
        self._num_unusable = self._num_zero = self._num_repeated = self._num_left_out = 0

    def take_keyframe(self, text: str) -> list[KeyframeChosen]:
        """Set the keyframe from its text; return an event if it is a frame of this video."""
        if text.strip().lower() in _EMPTY_VALUES:
            return []
        self._written.append(text.strip()[:40])
        frame_index = self._read_frame(text)
        if frame_index is None or frame_index == self._keyframe or len(self._written) > 1:
            return []
        self._keyframe = frame_index
        return [KeyframeChosen(frame_index, frame_index in self._context.shown, self._sample)]

    def take_frame_of_box(self, text: str) -> None:
        """Take the frame that a box is said to be on; it has to be the keyframe."""
        frame_index = None if text.strip().lower() in _EMPTY_VALUES else self._read_frame(text)
        if frame_index is not None:
            self._box_frames[frame_index] = None

    def take_key_of_box(self, word: str) -> None:
        """Take the key under which a box stands: the name of an object, or a frame that was shown."""
        is_plain = word.strip().isdecimal()
        label = self._read_label(word) if _SURE.fullmatch(word[:MAX_NUMBER_LENGTH]) else None
        if label is not None and label in self._context.labels_shown and (not is_plain or label >= _MIN_OF_FRAME):
            self.take_frame_of_box(word)

    def take_box(
        self, numbers: Sequence[float], *, is_fraction: bool = False, is_named: bool = False
    ) -> list[BoxClosed]:
        """Take the numbers of a closed box; an event follows where they are a new box in the picture.

        `is_fraction` tells that they are written with a decimal point, `is_named` that each has a name of its own, so
        that the order in which they stand says nothing.
        """
        self.has_boxes = True
        self._has_bare_boxes |= not is_named and any(numbers)
        if not any(numbers):
            if len(numbers) != 4:
                self.note(Note("json_repaired", "an empty box was taken for no box"))
            self._num_zero += 1
            return []
        box, notes = self._context.to_source(numbers, is_fraction=is_fraction)
        for note in notes:
            self.note(note)
        if box is None:
            self._num_unusable += 1
            return []
        if box in self.boxes:
            self._num_repeated += 1
            return []
        if len(self.boxes) >= MAX_OBJECTS:
            self._num_left_out += 1
            return []
        self.boxes.append(box)
        return [BoxClosed(box, len(self.boxes) - 1, self._sample)]

    def take_box_text(self, text: str) -> list[BoxClosed]:
        """Add boxes written as a string, or none for a word such as "none"."""
        self.has_boxes = True
        if text.strip().lower() in _EMPTY_VALUES:
            self.note(Note("json_repaired", f"{text.strip()!r} was taken for an empty list of boxes"))
            return []
        written = boxes_in_string(text)
        if not written:
            return self.take_box([math.nan])
        self.note(Note("json_repaired", "boxes were read from a string"))
        return [event for box in written for event in self.take_written(box)]

    def take_written(self, box: WrittenBox) -> list[BoxClosed]:
        """Take a box that was found in a string or a sentence."""
        return self.take_box(box.numbers, is_fraction=box.is_fraction, is_named=box.is_named)

    def to_answer(self, thought: str, text: str, notes: Sequence[Note] = ()) -> Answer:
        """Return the answer. Raises AnswerError if keyframe or boxes are missing, invalid or contradictory."""
        if not self.boxes:
            self._check_absence(text)
        elif self._has_bare_boxes and (order := find_other_order(text)) is not None:
            raise AnswerError(
                f"the text gives boxes as {order!r}, in another order than x1, y1, x2, y2: ask again, or draw them",
                text,
            )
        elif self._num_zero:
            self.note(Note("box_dropped", f"{self._num_zero} of the boxes said that an object is not there"))
        if self._num_repeated:
            self.note(Note("box_repeated", f"{self._num_repeated} boxes equal earlier ones and were joined with them"))
        if self._num_left_out:
            message = f"the first {MAX_OBJECTS} different boxes were taken, {self._num_left_out} more were left out"
            self.note(Note("boxes_left_out", message))
        keyframe = self._checked_keyframe(text)
        if keyframe is not None and keyframe not in self._context.shown:
            self.note(Note("keyframe_not_shown", f"frame {keyframe} is not among the frames shown"))
        return Answer(thought, keyframe, tuple(self.boxes), (*notes, *self.notes), text)

    def _check_absence(self, text: str) -> None:
        key = self._context.boxes_key
        if self.is_cut_short:
            raise AnswerError(f"the text ends before a box of {key!r} is complete: allow more tokens", text)
        if not self.has_boxes:
            raise AnswerError(f"the answer has no list of boxes: {key!r} is missing; ask again", text)
        if self._num_unusable:
            raise AnswerError(
                f"no box of {key!r} lies in the picture ({self._num_unusable} given): draw one, or ask again", text
            )
        if (like := find_box(text, self._context.labels_shown)) is not None:
            raise AnswerError(
                f"the answer lists no box, yet the text holds {like!r}, which looks like one: draw one, or ask again",
                text,
            )

    def _checked_keyframe(self, text: str) -> int | None:
        key = self._context.keyframe_key
        is_absent = not self.boxes
        if len(set(self._written)) > 1:
            raise AnswerError(
                f"one keyframe is wanted, the answer names {' and '.join(self._written[:4])}: ask again", text
            )
        if not is_absent and self._box_frames and set(self._box_frames) != {self._keyframe}:
            frames = " and ".join(map(str, self._box_frames))
            raise AnswerError(
                f"a box is said to be on frame {frames}, {key!r} is {self._keyframe}: one frame is wanted; ask again",
                text,
            )
        if self._keyframe is not None or (is_absent and not self._written):
            return self._keyframe
        if is_absent:
            self.note(
                Note("keyframe_dropped", f"{self._written[0]} is no frame of this video; no box was given either")
            )
            return None
        if not self._written and len(self._context.shown) == 1:
            self.note(Note("only_frame_shown", "the answer names no frame; it is about the only one that was shown"))
            return self._context.shown[0]
        if not self._written:
            raise AnswerError(f"the answer has boxes and no keyframe: {key!r} is missing; ask again", text)
        valid = self._context.valid_labels
        written = self._written[0]
        if _read_time(written) is not None:
            if self._context.fps is None:
                valid = "a frame's number is wanted: how many frames a second there are is not known"
        elif not (_SURE.fullmatch(written) or math.isinf(read_number(written))) and SOME_NUMBER.search(written):
            valid = f"a number of the frames shown is wanted, such as {self._context.labels_shown[0]}, written alone"
        raise AnswerError(f"{key!r} is {written}, but {valid}: ask again", text)

    def _read_frame(self, text: str) -> int | None:
        """Return the absolute index of the frame that is written as a number or a time, None where it is none."""
        seconds = _read_time(text)
        if seconds is not None:
            frame_index = self._context.frame_at(seconds)
            if frame_index is not None:
                self.note(Note("keyframe_from_time", f"{text.strip()[:40]} was read as a time: frame {frame_index}"))
            return frame_index
        label = self._read_label(text)
        frame_index = None if label is None else self._context.frame_of(label)
        is_sure = _SURE.fullmatch(text[:MAX_NUMBER_LENGTH]) is not None
        return frame_index if is_sure or frame_index in self._context.shown else None

    def _read_label(self, text: str) -> int | None:
        number = read_number(text)
        if math.isnan(number):
            found = [match[0] for match in SOME_NUMBER.finditer(text[:MAX_NUMBER_LENGTH])]
            number = read_number(found[0]) if len(found) == 1 else math.nan
        if not math.isfinite(number):
            return None
        label = math.floor(number + 0.5)
        plain = text.strip()
        if label != number or (plain and not plain.lstrip("+-").isdecimal() and "." in plain):
            self.note(Note("value_rounded", f"the keyframe {plain[:40]} was read as {label}"))
        elif not plain.lstrip("+-").isdecimal():
            self.note(Note("json_repaired", f"the keyframe {plain[:40]!r} was read as {label}"))
        return label


def _read_time(text: str) -> float | None:
    """Return the seconds of a clock ("01:04", "1:02:03.5") or of a decimal time ("2.5s"), else None.

    A whole number with an "s" is the label of a frame, not a time.
    """
    if match := _SECONDS.fullmatch(text[:MAX_NUMBER_LENGTH].strip(_AROUND_TIME)):
        return float(match[1])
    if match := _CLOCK.fullmatch(text[:MAX_NUMBER_LENGTH].strip(_AROUND_TIME)):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    return None
