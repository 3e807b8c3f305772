"""What an answer about a drawn clip earns: the four rewards, with nano-SAM2 making the tracks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from veason.masks import encode_mask, union_mask
from veason.metrics import Mask
from veason.nano.corpus import image_context
from veason.nano.language import Question
from veason.nano.policy_model import nano_profile
from veason.nano.render import Renderer
from veason.nano.view import View
from veason.rewards import EXTENDED, RewardBreakdown, RewardCase, RewardRules, total_reward
from veason.types import Box, Frame, Prompt, Rle, Segmenter, VideoInfo

_GRID = 2.0
"""Boxes that agree to this many pixels share one propagation."""


class ShownVideo:
    """The shown frames of a view as a VideoSource: frame `n` is the n-th picture that the policy saw."""

    def __init__(self, view: View) -> None:
        self._images = view.images
        scene = view.facts.scene
        count = len(self._images)
        name = f"scene {scene.seed} {view.size_wh}"
        self.info = VideoInfo(name, count, view.size_wh, scene.fps, 0.0, (count - 1) / scene.fps, False, "images")

    def frame(self, frame_index: int) -> np.ndarray:
        """Return picture `frame_index`, `(H, W, 3)` uint8 RGB."""
        return self._images[frame_index]

    def frames(self, frame_indices: Sequence[int]) -> Iterator[Frame]:
        """Yield the wanted pictures in the given order."""
        for frame_index in frame_indices:
            yield Frame(frame_index, self._images[frame_index])


class Judge:
    """Scores answers about one view. Without a segmenter the reward for tracks is 0 and its weight should be, too."""

    def __init__(self, view: View, segmenter: Segmenter | None, rules: RewardRules = EXTENDED) -> None:
        self._view, self._segmenter, self._rules = view, segmenter, rules
        self._video = ShownVideo(view)
        self._context = image_context(view, nano_profile().space_wh)
        renderer = Renderer(view.facts.scene, view.size_wh)
        owners = [renderer.draw(frame)[1] for frame in view.shown]
        self._masks = {
            actor: {
                frame: encode_mask(owner == actor)
                for frame, owner in zip(view.shown, owners, strict=True)
                if (owner == actor).any()
            }
            for actor in view.facts.scene.objects
        }
        self._tracked: dict[tuple, dict[int, Rle]] = {}

    def score(self, question: Question, text: str) -> RewardBreakdown:
        """Return all four rewards of one answer."""
        case = RewardCase(self._context, tuple(self._masks[actor] for actor in question.targets))
        propagate = self._propagate if self._segmenter is not None and self._rules.weights.tracks else None
        return total_reward(text, case, propagate, self._rules)

    def _propagate(self, boxes: Sequence[Box], keyframe: int) -> Mapping[int, Mask]:
        key = (keyframe, tuple(sorted(tuple(round(value / _GRID) for value in box.xyxy) for box in boxes)))
        if key not in self._tracked:
            assert self._segmenter is not None
            place = self._view.shown.index(keyframe)
            prompts = [Prompt(number, place, box=box) for number, box in enumerate(boxes, start=1)]
            arrived = list(self._segmenter.track(self._video, prompts))
            found: dict[int, list[Rle]] = {frame: [] for frame in self._view.shown}
            for masks in arrived:
                found[self._view.shown[masks.frame_index]] += [mask.rle for mask in masks.masks.values()]
            self._tracked[key] = {frame: union_mask(parts) for frame, parts in found.items()}
        return self._tracked[key]
