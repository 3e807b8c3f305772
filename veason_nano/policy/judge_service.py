"""The same rewards with the reward service making the tracks, as trainers of others have it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from veason.project.videos import hash_video
from veason.reward_service.client import RewardClient
from veason.reward_service.functions import score_answer
from veason.reward_service.question import TracksQuestion
from veason.rewards import RewardBreakdown, RewardCase, RewardRules
from veason_nano.world.footage import DrawnVideo
from veason_nano.world.view import View


class ShownFootage:
    """The shown frames of a view as pictures below a folder that a reward service has, and the client that asks there.

    Frames of a question are absolute; in the folder they are counted from 0.

    Args:
        view: what was shown.
        client: asks the service.
        folder: one of the service's; a folder in it is made, and removed by `close`.
    """

    def __init__(self, view: View, client: RewardClient, folder: Path) -> None:
        self._shown, self._client = view.shown, client
        self._folder = folder / f"scene-{view.facts.scene.seed}"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        drawn = DrawnVideo(view.facts.scene, view.size_wh, view.shown)
        for frame in drawn.frames(range(len(view.shown))):
            Image.fromarray(frame.image).save(self._folder / f"{frame.index:05d}.png")
        self.digest = hash_video(self._folder)

    async def frame_iou(self, question: TracksQuestion) -> dict[int, float]:
        """Return the IoUs of a question by absolute frame index; see `RewardClient.frame_iou`."""
        place = {frame: number for number, frame in enumerate(self._shown)}
        asked = replace(
            question, shown=tuple(range(len(self._shown))), keyframe=place[question.keyframe],
            truth={place[frame]: rle for frame, rle in question.truth.items()},
        )  # fmt: skip
        found = await self._client.frame_iou(asked)
        return {frame: found[number] for frame, number in place.items()}

    def close(self) -> None:
        """Remove the pictures."""
        shutil.rmtree(self._folder)


def score_with_service(
    answers: Sequence[tuple[RewardCase, str]], footage: ShownFootage, rules: RewardRules
) -> list[RewardBreakdown]:
    """Return the rewards of answers, which are asked about all at once.

    Args:
        answers: ground truth and text of each.
        footage: the view that all are about.
        rules: of the rewards.

    Raises:
        EndpointError: the service cannot be reached.
    """

    async def run() -> list[RewardBreakdown]:
        asked = (score_answer(text, case, footage.digest, footage, rules) for case, text in answers)
        return list(await asyncio.gather(*asked))

    return asyncio.run(run())
