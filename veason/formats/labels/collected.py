"""The masks and boxes of one video as a reader meets them: nothing is overwritten, and everything is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from veason.errors import DataError
from veason.formats.labels.import_tally import ImportTally
from veason.formats.labels.numbers import check_entries
from veason.formats.labels.values import (
    ASSUMED_SCORE,
    LabelledQuestion,
    LabelMask,
    from_one,
    with_rest,
)
from veason.masks import empty_mask, mask_box
from veason.types import Box, Prompt

_ANOTHER = "of an object that has another one on the same frame"
_BESIDE = "beside a mask of the same object that says otherwise"
_OF_DAMAGED = "of a question with a shape that cannot be read"
_NEAR = 1.5
"""A box that a mask has as well differs by no more than this, in pixels. Source: ours; others count end pixels."""

_MOST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """What a file tells objects apart by.

    Attributes:
        value: the object's own id, the id of its class, or the shape itself where nothing else tells it apart.
        is_number: whether `value` may become the object's id.
        name: of its class, "" for none.
    """

    value: Hashable
    is_number: bool = False
    name: str = ""


class CollectedObjects:
    """Shapes of one video, by object and frame.

    Args:
        size_wh: of the video.
        tally: where shapes are counted as taken or left out; they are counted as found by the reader.
        place: begins the messages.
    """

    def __init__(self, size_wh: tuple[int, int], tally: ImportTally, place: str) -> None:
        self._size_wh, self._tally, self._place = size_wh, tally, place
        self._masks: dict[ObjectKey, dict[int, LabelMask]] = {}
        self._boxes: dict[ObjectKey, dict[int, tuple[Box, str]]] = {}
        self._unknown: set[tuple[ObjectKey, int]] = set()
        self._taken: dict[ObjectKey, Counter[str]] = {}
        self._damaged: set[ObjectKey] = set()

    def add(self, key: ObjectKey) -> None:
        """Have an object, with or without shapes."""
        self._masks.setdefault(key, {})
        self._boxes.setdefault(key, {})

    def named(self, ids: Iterable[int | str], called: dict[Hashable, list[ObjectKey]]) -> list[ObjectKey]:
        """Return the objects that an instruction names; an id that nothing is called by is an object without shapes.

        Args:
            ids: as the instruction has them.
            called: the objects by what they are called, several where one id is of several.
        """
        keys = [key for id in ids for key in called.setdefault(id, [ObjectKey(id, isinstance(id, int))])]
        for key in keys:
            self.add(key)
        return list(dict.fromkeys(keys))

    def put_mask(self, key: ObjectKey, frame_index: int, mask: LabelMask, kind: str) -> None:
        """Take a mask, unless the object has one on the frame."""
        self.add(key)
        if frame_index in self._masks[key]:
            self._tally.leave(kind, _ANOTHER)
            return
        self._masks[key][frame_index] = mask
        self.take(key, kind)

    def take(self, key: ObjectKey, kind: str) -> None:
        """Count a shape of an object as taken."""
        self._taken.setdefault(key, Counter())[kind] += 1
        self._tally.take(kind)

    def put_box(self, key: ObjectKey, frame_index: int, box: Box, kind: str) -> None:
        """Take a box, unless the object has one on the frame; what a mask says of the frame is known at the end."""
        self.add(key)
        if frame_index in self._boxes[key]:
            self._tally.leave(kind, _ANOTHER)
            return
        self._boxes[key][frame_index] = box, kind

    def has_mask(self, key: ObjectKey, frame_index: int) -> bool:
        """Tell whether a mask was taken for an object on a frame."""
        return frame_index in self._masks.get(key, {})

    def leave(self, key: ObjectKey, frame_index: int, kind: str, reason: str) -> None:
        """Leave a shape out: whether its object is on the frame is not known."""
        self._unknown.add((key, frame_index))
        self._tally.leave(kind, reason)

    def leave_damaged(self, key: ObjectKey, kind: str, error: DataError) -> None:
        """Leave out a shape that cannot be read; what that means for its question is known at the end."""
        self.add(key)
        self._damaged.add(key)
        self._tally.leave_damaged(kind, error)

    def keep_whole(self, about: Sequence[Collection[ObjectKey]]) -> list[bool]:
        """Drop the questions that are about an object with a damaged shape, and the objects of no other question.

        Args:
            about: the objects of each instruction; what none of them names is one question more.

        Returns:
            for each instruction whether it is kept. What is dropped is counted as left out.
        """
        if not self._damaged:
            return [True] * len(about)
        named = {key for keys in about for key in keys}
        rest = [key for key in self._masks if key not in named]
        is_kept = [self._damaged.isdisjoint(keys) for keys in about]
        kept = {key for keys, keep in zip(about, is_kept, strict=True) if keep for key in keys}
        if self._damaged.isdisjoint(rest):
            kept |= set(rest)
        for key in [key for key in self._masks if key not in kept]:
            for kind, number in self._taken.pop(key, Counter()).items():
                self._tally.leave_taken(kind, _OF_DAMAGED, number)
            for _, kind in self._boxes[key].values():
                self._tally.leave(kind, _OF_DAMAGED)
            del self._masks[key], self._boxes[key]
        num_dropped = is_kept.count(False)
        self._tally.find("instruction", num_dropped)
        self._tally.leave("instruction", "about an object with a shape that cannot be read", num_dropped)
        return is_kept

    def check_room(self, num_frames: int) -> None:
        """Raise DataError where telling absence on so many frames is more than can be held."""
        check_entries(max(len(self._masks), 1), num_frames, self._place)

    def fill_absent(self, frames: Mapping[ObjectKey, Iterable[int]] | Iterable[int], *, is_said: bool = False) -> None:
        """Say of each object with masks that it is not there on those of the frames on which nothing else is said.

        Args:
            frames: of each object, or of all.
            is_said: a person said so in the file, and it is not only that nothing stands there.

        Raises:
            DataError: that is more than can be held.
        """
        with_masks = [key for key, masks in self._masks.items() if masks]
        by_key = frames if isinstance(frames, Mapping) else dict.fromkeys(with_masks, tuple(frames))
        sizes = [len(tuple(by_key.get(key, ()))) for key in with_masks]
        check_entries(1, sum(sizes), self._place)
        nothing = LabelMask(empty_mask(self._size_wh), -ASSUMED_SCORE, "absent" if is_said else "propagated")
        for key in with_masks:
            for frame_index in by_key.get(key, ()):
                if frame_index not in self._boxes[key] and (key, frame_index) not in self._unknown:
                    self._masks[key].setdefault(frame_index, nothing)

    def numbers(self) -> dict[ObjectKey, int]:
        """Return ids from 1: those of the file where they can be ids, the next free ones for all others."""
        wanted: dict[int, ObjectKey] = {}
        for key in self._masks:
            if key.is_number and isinstance(key.value, int) and 0 <= key.value <= _MOST_ID:
                wanted.setdefault(key.value, key)
        shifted = from_one(wanted)
        ids = {key: shifted[number] for number, key in wanted.items()}
        free = max(ids.values(), default=0) + 1
        for key in self._masks:
            if key not in ids:
                ids[key] = free
                free += 1
        return ids

    def tracks(self, ids: Mapping[ObjectKey, int]) -> dict[int, dict[int, LabelMask]]:
        """Return the masks by object id and frame, both ascending."""
        tracks = {ids[key]: dict(sorted(masks.items())) for key, masks in self._masks.items()}
        return dict(sorted(tracks.items()))

    def names(self, ids: Mapping[ObjectKey, int]) -> dict[int, str]:
        """Return the names of objects that are called something else than "object"."""
        return {ids[key]: key.name for key in self._masks if key.name not in ("", "object")}

    def prompts(self, ids: Mapping[ObjectKey, int]) -> tuple[Prompt, ...]:
        """Return the boxes of frames on which their object has no mask, and count all boxes."""
        prompts = []
        for key, boxes in self._boxes.items():
            for frame_index, (box, kind) in sorted(boxes.items()):
                mask = self._masks[key].get(frame_index)
                if mask is None:
                    prompts.append(Prompt(ids[key], frame_index, box))
                    self._tally.take(kind)
                elif _is_near(mask_box(mask.rle), box):
                    self._tally.take(kind)
                else:
                    self._tally.leave(kind, _BESIDE)
        return tuple(sorted(prompts, key=lambda prompt: (prompt.object_id, prompt.frame_index)))


def questions_about(
    words: Iterable[LabelledQuestion], object_ids: Iterable[int], prompts: Iterable[Prompt]
) -> tuple[LabelledQuestion, ...]:
    """Return the questions with the prompts of their objects, and one without words about the rest of the objects."""
    by_object: dict[int, list[Prompt]] = {}
    for prompt in prompts:
        by_object.setdefault(prompt.object_id, []).append(prompt)
    questions = []
    for question in with_rest(words, object_ids):
        own = tuple(prompt for object_id in question.object_ids for prompt in by_object.get(object_id, ()))
        places = frozenset((prompt.object_id, prompt.frame_index) for prompt in own)
        questions.append(replace(question, prompts=own, by_hand=places))
    return tuple(questions)


def _is_near(of_mask: Box | None, box: Box) -> bool:
    if of_mask is None:
        return False
    return max(abs(a - b) for a, b in zip(of_mask.xyxy, box.xyxy, strict=True)) <= _NEAR
