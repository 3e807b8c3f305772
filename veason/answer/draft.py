"""The keyframe and boxes of one answer block: collected while they arrive, then validated."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from veason.answer.boxlike import find_box
from veason.answer.context import AnswerContext
from veason.errors import AnswerError
from veason.types import Answer, Box, BoxClosed, KeyframeChosen, Note

_DIGITS = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?"
_PLAIN_NUMBER = re.compile(rf"\s*({_DIGITS})\s*(?:s|px)?\s*")
_SOME_NUMBER = re.compile(_DIGITS)
_CLOCK = re.compile(r"\s*(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{2}(?:\.[0-9]{1,6})?)\s*")
_SECONDS = re.compile(r"\s*([0-9]{1,9}\.[0-9]{1,9})\s*(?:s|sec|secs|seconds?)\s*", re.IGNORECASE)
_MAX_NUMBER_LENGTH = 400
MAX_OBJECTS = 64
"""Most objects of one answer; further boxes, from a model that repeats itself, are left out."""
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
        self._num_unusable = self._num_zero = self._num_repeated = self._num_left_out = 0

    def take_keyframe(self, text: str) -> list[KeyframeChosen]:
        """Set the keyframe from its text; return an event if it is a frame of this video."""
        if text.strip().lower() in _EMPTY_VALUES:
            return []
        self._written.append(text.strip()[:40])
        seconds = _read_time(text)
        if seconds is not None:
            frame_index = self._context.frame_at(seconds)
            if frame_index is not None:
                self.note(Note("keyframe_from_time", f"{text.strip()[:40]} was read as a time: frame {frame_index}"))
        else:
            label = self._read_label(text)
            frame_index = None if label is None else self._context.frame_of(label)
        if frame_index is None or frame_index == self._keyframe or len(self._written) > 1:
            return []
        self._keyframe = frame_index
        return [KeyframeChosen(frame_index, frame_index in self._context.shown, self._sample)]

    def take_box(self, numbers: Sequence[float], *, is_fraction: bool = False) -> list[BoxClosed]:
        """Add the numbers of a complete box; return an event if they are a new box in the picture.

        `is_fraction` means that they have a decimal point.
        """
        self.has_boxes = True
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
        numbers = read_numbers(text)
        if not numbers or len(numbers) % 4:
            return self.take_box([math.nan])
        self.note(Note("json_repaired", "boxes were read from a string"))
        is_fraction = "." in text
        groups = [numbers[start : start + 4] for start in range(0, len(numbers), 4)]
        return [event for group in groups for event in self.take_box(group, is_fraction=is_fraction)]

    def to_answer(self, thought: str, text: str, notes: Sequence[Note] = ()) -> Answer:
        """Return the answer. Raises AnswerError if keyframe or boxes are missing, invalid or contradictory."""
        if not self.boxes:
            self._check_absence(text)
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
        if _read_time(self._written[0]) is not None and self._context.fps is None:
            valid = "a frame's number is wanted: how many frames a second there are is not known"
        raise AnswerError(f"{key!r} is {self._written[0]}, but {valid}: ask again", text)

    def _read_label(self, text: str) -> int | None:
        number = read_number(text)
        if math.isnan(number):
            found = [match[0] for match in _SOME_NUMBER.finditer(text[:_MAX_NUMBER_LENGTH])]
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
    if match := _SECONDS.fullmatch(text[:_MAX_NUMBER_LENGTH].strip(_AROUND_TIME)):
        return float(match[1])
    if match := _CLOCK.fullmatch(text[:_MAX_NUMBER_LENGTH].strip(_AROUND_TIME)):
        return int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
    return None


def read_numbers(text: str) -> list[float]:
    """Return all numbers in a text, in order; none if it has a percent sign, which is another coordinate space."""
    return [] if "%" in text else [read_number(match[0]) for match in _SOME_NUMBER.finditer(text)]


def read_number(text: str) -> float:
    """Parse a number ("128", "12.5", "128s"); NaN if `text` is not a number.

    Only the first digits of an absurdly long number are read, so the result is huge.
    """
    match = _PLAIN_NUMBER.fullmatch(text[:_MAX_NUMBER_LENGTH])
    return float(match[1]) if match else math.nan
