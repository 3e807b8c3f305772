"""Questions to IoUs: every box of the same frames is tracked once, those that are new together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from veason.errors import DataError, VeasonError
from veason.masks import empty_mask, union_mask
from veason.metrics import jaccard
from veason.reward_service.footage import FootageIndex, ShownClip
from veason.reward_service.question import TracksQuestion
from veason.types import Box, Prompt, Rle, Segmenter
from veason.types.budgets import MIB

FrameIou = dict[int, float]
"""The IoU of masks and target by absolute frame index."""

_CLIP_BYTES = 512 * MIB
_MASK_BYTES = 256 * MIB
_TOGETHER = 32
"""Most boxes that are tracked together."""

_Value = TypeVar("_Value")
_Place = tuple[str, tuple[int, ...], int]
"""Digest, frames shown, keyframe."""


@dataclass
class WorkDone:
    """What a service has done: questions answered, boxes that were tracked, and boxes whose masks were known."""

    questions: int = 0
    tracked: int = 0
    cached: int = 0


class TrackScorer:
    """Answers questions with a segmenter. The same question has the same answer, whatever is asked beside it.

    Args:
        segmenter: makes the masks; each object for itself, as those of `veason.segmenter` do.
        footage: where digests lead.
    """

    def __init__(self, segmenter: Segmenter, footage: FootageIndex) -> None:
        self.segmenter, self.footage = segmenter, footage
        self.tally = WorkDone()
        self._clips: _Kept[ShownClip] = _Kept(_CLIP_BYTES)
        self._masks: _Kept[tuple[Rle, ...]] = _Kept(_MASK_BYTES)

    def score(self, questions: Sequence[TracksQuestion]) -> list[FrameIou | VeasonError]:
        """Return the IoUs of each question, or why it has none, in their order."""
        groups: dict[_Place, list[int]] = {}
        for number, question in enumerate(questions):
            groups.setdefault((question.footage, question.shown, question.keyframe), []).append(number)
        answers: dict[int, FrameIou | VeasonError] = {}
        for place in sorted(groups):
            asked = [questions[number] for number in groups[place]]
            answers |= zip(groups[place], self._score_group(place, asked), strict=True)
        self.tally.questions += len(questions)
        return [answers[number] for number in range(len(questions))]

    def told(self, waiting: int) -> dict[str, Any]:
        """Return what there is to tell of the service, as JSON values.

        Args:
            waiting: questions that wait.
        """
        named = {"segmenter": self.segmenter.name, "device": str(getattr(self.segmenter, "device", ""))}
        return {**named, "footage": len(self.footage), "waiting": waiting, **asdict(self.tally)}

    def _score_group(self, place: _Place, questions: Sequence[TracksQuestion]) -> list[FrameIou | VeasonError]:
        try:
            clip = self._clip(place)
        except VeasonError as error:
            return [error] * len(questions)
        size_wh = clip.info.size_wh
        fitting = [question for question in questions if question.size_wh == size_wh]
        masks = self._masks_of(place, clip, dict.fromkeys(box for one in fitting for box in one.boxes))
        return [_compare(question, masks, size_wh) for question in questions]

    def _clip(self, place: _Place) -> ShownClip:
        digest, shown, _ = place
        path = self.footage.find(digest)
        clip = self._clips.get((digest, shown))
        if clip is None:
            clip = ShownClip(path, digest, shown)
            self._clips.put((digest, shown), clip, clip.num_bytes)
        return clip

    def _masks_of(
        self, place: _Place, clip: ShownClip, boxes: Mapping[Box, None]
    ) -> dict[Box, tuple[Rle, ...] | VeasonError]:
        """Return, for each box, its masks on the frames shown in their order, or why there are none."""
        known = {box: found for box in boxes if (found := self._masks.get((*place, box))) is not None}
        new = [box for box in boxes if box not in known]
        self.tally.cached += len(known)
        self.tally.tracked += len(new)
        tracked: dict[Box, tuple[Rle, ...] | VeasonError] = {}
        for first in range(0, len(new), _TOGETHER):
            tracked |= self._track(clip, place[1].index(place[2]), new[first : first + _TOGETHER])
        for box, masks in tracked.items():
            if not isinstance(masks, VeasonError):
                self._masks.put((*place, box), masks, sum(len(rle.counts) for rle in masks))
        return {**known, **tracked}

    def _track(
        self, clip: ShownClip, frame_index: int, boxes: Sequence[Box]
    ) -> dict[Box, tuple[Rle, ...] | VeasonError]:
        nothing = empty_mask(clip.info.size_wh)
        masks = [[nothing] * clip.info.num_frames for _ in boxes]
        prompts = [Prompt(number, frame_index, box=box) for number, box in enumerate(boxes, start=1)]
        try:
            for arrived in self.segmenter.track(clip, prompts):
                for number, mask in arrived.masks.items():
                    masks[number - 1][arrived.frame_index] = mask.rle
        except VeasonError as error:
            if len(boxes) == 1:
                return {boxes[0]: error}
            alone = [
                self._track(clip, frame_index, [box]) for box in boxes
            ]  # one of them is to blame: the others count
            return {box: found for one in alone for box, found in one.items()}
        return {box: tuple(found) for box, found in zip(boxes, masks, strict=True)}


def _compare(
    question: TracksQuestion, masks: Mapping[Box, tuple[Rle, ...] | VeasonError], size_wh: tuple[int, int]
) -> FrameIou | VeasonError:
    if question.size_wh != size_wh:
        return DataError(f"the footage has frames of {size_wh}, the masks of the target are of {question.size_wh}")
    found = [masks[box] for box in question.boxes]
    for one in found:
        if isinstance(one, VeasonError):
            return one
    tracked = [one for one in found if not isinstance(one, VeasonError)]
    nothing = empty_mask(size_wh)
    return {
        index: jaccard(union_mask([one[place] for one in tracked]), question.truth.get(index, nothing))
        for place, index in enumerate(question.shown)
    }


class _Kept(Generic[_Value]):
    """Values by key, bounded in bytes; the one that was not asked for longest goes first."""

    def __init__(self, budget: int) -> None:
        self._budget, self._bytes = budget, 0
        self._values: OrderedDict[Hashable, tuple[_Value, int]] = OrderedDict()

    def get(self, key: Hashable) -> _Value | None:
        """Return a value, None where it is not kept."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Hashable, value: _Value, num_bytes: int) -> None:
        """Keep a value, unless it alone is over the budget."""
        if num_bytes > self._budget:
            return
        self._values[key] = (value, num_bytes)
        self._bytes += num_bytes
        while self._bytes > self._budget:
            _, (_, gone) = self._values.popitem(last=False)
            self._bytes -= gone
