"""Small models whose masks tell which process made them, for workers to load."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.standins import BoxFiller
from veason.errors import MissingBackend, PromptError
from veason.pipeline import Pipeline
from veason.types import FrameMasks, FrameRange, ObjectMask, Prompt, Rle, VideoSource

DYING, RAISING, REFUSING = 61.0, 62.0, 63.0
"""A box whose right side is here kills the process, raises what nobody expects, and is refused."""


class ProcessFiller(BoxFiller):
    """Fills boxes; the score of a mask is the process that made it."""

    def track(
        self,
        video: VideoSource,
        prompts: Sequence[Prompt],
        *,
        fixed: Mapping[int, Mapping[int, Rle | None]] | None = None,
        frames: FrameRange | None = None,
    ) -> Iterator[FrameMasks]:
        for prompt in prompts:
            match prompt.box.x2 if prompt.box is not None else 0.0:
                case side if side == DYING:
                    os.kill(os.getpid(), signal.SIGKILL)
                case side if side == RAISING:
                    raise RuntimeError("the model broke")
                case side if side == REFUSING:
                    raise PromptError("no such box")
        for arrived in super().track(video, prompts, fixed=fixed, frames=frames):
            masks = {one: ObjectMask(mask.rle, float(os.getpid())) for one, mask in arrived.masks.items()}
            yield FrameMasks(arrived.frame_index, masks)


def load_filler() -> Pipeline:
    """Load what fills boxes."""
    return Pipeline(None, ProcessFiller())


def load_nothing() -> Pipeline:
    """Fail as a missing model does."""
    raise MissingBackend("no such model: fetch it")


def load_beside_one_that_fails(folder: Path) -> Pipeline:
    """Load what fills boxes a while after another worker could not, and leave the process in a folder."""
    if os.environ.get("FAILING"):
        while not list(folder.iterdir()):
            time.sleep(0.02)
        return load_nothing()
    (folder / str(os.getpid())).touch()
    time.sleep(1)
    return load_filler()


def load_and_die() -> Pipeline:
    """End as a process does for which there is no memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
