"""What an answer about a drawn clip earns: the four rewards, with nano-SAM2 making the tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from veason.answer import AnswerContext
from veason.metrics import Mask
from veason.rewards import EXTENDED, RewardBreakdown, RewardCase, RewardRules, total_reward
from veason.types import Box, Segmenter
from veason_nano.language.questions import WorldQuestion
from veason_nano.world.footage import BoxTracks, DrawnVideo
from veason_nano.world.view import View

_GRID = 2.0
"""Boxes that agree to this many pixels share one propagation."""


class Judge:
    """Scores answers about one view, read against `context`.

    Without a segmenter the reward for tracks is 0 and its weight should be, too.
    """

    def __init__(
        self, view: View, context: AnswerContext, segmenter: Segmenter | None, rules: RewardRules = EXTENDED
    ) -> None:
        self._shown, self._rules = view.shown, rules
        scene = view.facts.scene
        video = DrawnVideo(scene, view.size_wh, view.shown)
        self._tracks = BoxTracks(video, segmenter, _GRID) if segmenter is not None and rules.weights.tracks else None
        self._context = context
        seen = {frame: video.masks(scene.objects, place) for place, frame in enumerate(view.shown)}
        self._masks = {
            actor: {frame: masks[actor] for frame, masks in seen.items() if actor in masks} for actor in scene.objects
        }

    def case(self, question: WorldQuestion) -> RewardCase:
        """Return what answers to a question are compared with."""
        return RewardCase(self._context, tuple(self._masks[actor] for actor in question.targets))

    def score(self, question: WorldQuestion, text: str) -> RewardBreakdown:
        """Return all four rewards of one answer."""
        case = self.case(question)
        propagate = self._propagate if self._tracks is not None else None
        return total_reward(text, case, propagate, self._rules)

    def _propagate(self, boxes: Sequence[Box], keyframe: int) -> Mapping[int, Mask]:
        assert self._tracks is not None
        return dict(zip(self._shown, self._tracks.union(boxes, self._shown.index(keyframe)), strict=True))
