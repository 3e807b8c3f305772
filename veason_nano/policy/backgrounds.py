"""The `background` stage: an eye that gives the same visual tokens whatever stands behind the objects.

Every picture is drawn twice, over its own backdrop and over a photograph. What the eye gave for the first before the
stage is what it learns to give for both. So nothing that reads the eye has to learn anew, and the world that it knows
stays as it was; training the eye on names and boxes instead moves its tokens away from what their readers know.

An eye that no backdrop moves cannot tell real video from the world either: `seen.py`, fitted to it, takes real clips
for familiar (docs/nano.md has the figures). Whoever serves such weights has to judge by other means what is asked.
"""

from __future__ import annotations

import argparse
import copy
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from veason_nano.policy.forward import see
from veason_nano.policy.model import Size, load_weights
from veason_nano.policy.recipe import TRAIN_SEED, LossTerms, Recipe
from veason_nano.policy.run import PolicyRun
from veason_nano.policy.train import make_optimizers
from veason_nano.world.photos import load_photos, with_photo
from veason_nano.world.render import Renderer
from veason_nano.world.scene import Scene
from veason_nano.world.stories import make_scene

_FIRST_SCENE = 5_000_000
"""Scenes are other ones than those of the pool."""

_PLAIN_WEIGHT = 2.0
"""What is known must not be lost: the pictures that the eye knows count this many times."""

_OBJECT_WEIGHT = 3.0
"""A cell that an object touches counts this many times."""


@dataclass(frozen=True, slots=True)
class BackgroundSettings:
    """Everything that decides a run of the stage; `minutes` or `steps` is its length.

    `photos` is read by `load_photos`. A step learns from `frames` pictures of each of `scenes` scenes.
    """

    photos: Path
    minutes: float = 10.0
    steps: int = 0
    rate: float = 3e-3
    scenes: int = 10
    frames: int = 3
    seed: int = 0
    threads: int = 1


def add_background_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `veason nano train background`."""
    photographs = "folder of photographs, or scikit-image for those in that package"
    parser.add_argument("--photos", type=Path, required=True, help=photographs)
    parser.add_argument("--start", type=Path, required=True, help="weights to start from")
    parser.add_argument("--out", type=Path, default=Path("runs/nano"), help="folder of runs (default: runs/nano)")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the run by the clock (default: 10)")
    parser.add_argument("--steps", type=int, default=0, help="length in steps instead: the same on every machine")
    rates = "learning rate of the matrices, by Muon, at its highest (default: 0.003)"
    parser.add_argument("--rate", type=float, default=3e-3, help=rates)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)


def train_background(args: argparse.Namespace) -> Path:
    """Run the stage as the command line says and return the folder of its exported weights."""
    settings = BackgroundSettings(
        args.photos, args.minutes, args.steps, args.rate, seed=args.seed, threads=args.threads
    )
    return BackgroundTrainer(settings, args.out / "background", args.start).run()


@dataclass(frozen=True, slots=True, eq=False)
class PicturePairs:
    """The same pictures over two backdrops.

    Attributes:
        plain: `(B, side, side, 3)` uint8 over the world's own backdrops.
        photographed: the same over photographs.
        weight: `(B, cells)` how much each visual token counts.
    """

    plain: torch.Tensor
    photographed: torch.Tensor
    weight: torch.Tensor


class BackgroundTrainer(PolicyRun):
    """A run of the stage: the vision tower learns, everything else stays as it is."""

    def __init__(self, settings: BackgroundSettings, folder: Path, start: Path, size: Size = Size()) -> None:
        torch.set_num_threads(settings.threads)
        self.photos, self.drawing = load_photos(settings.photos), settings
        model = load_weights(start)
        model.requires_grad_(False)
        self.before = copy.deepcopy(model.model.visual).eval()
        model.model.visual.requires_grad_(True)
        recipe = Recipe("see", steps=settings.steps, minutes=settings.minutes, rate=settings.rate)
        super().__init__(folder, model, size, make_optimizers(model, torch.nn.ModuleList(), recipe), settings)

    def learn(self) -> LossTerms:
        """Take one step and return its measurements: squared distances as a share of how the tokens vary."""
        share = min((self.step + 1) / 20, 1.0) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(self.progress, 1.0))))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["highest"] * share
            optimizer.zero_grad(set_to_none=True)
        pairs = draw_pairs(self.drawing, self.photos, self.step, self.size)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = see(self.before, pairs.plain).float()
            given = see(self.model.model.visual, torch.cat([pairs.photographed, pairs.plain])).float()
        varies = wanted.var((0, 1)).sum()
        far = (given.view(2, *wanted.shape) - wanted).square().sum(-1) / varies
        photographed, plain = (far * pairs.weight).sum((1, 2)) / pairs.weight.sum()
        loss = photographed + _PLAIN_WEIGHT * plain
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.model.visual.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        return {"loss": loss.detach(), "loss_photo": photographed.detach(), "loss_plain": plain.detach()}


def draw_pairs(settings: BackgroundSettings, photos: list[np.ndarray], step: int, size: Size) -> PicturePairs:
    """Return what one step learns from, the same every time it is asked."""
    rng = np.random.default_rng([settings.seed, step])
    plain, photographed, weights = [], [], []
    for number in range(settings.scenes):
        seed = TRAIN_SEED + _FIRST_SCENE + settings.seed * 1_000_000 + step * settings.scenes + number
        scene = make_scene(seed)
        for frame in rng.choice(scene.num_frames, settings.frames, replace=False):
            shown = [_draw(one, int(frame), size.picture) for one in (scene, with_photo(scene, photos, 1.0))]
            plain.append(shown[0][0])
            photographed.append(shown[1][0])
            weights.append(_cell_weights(shown[0][1], size.cells))
    return PicturePairs(*(torch.from_numpy(np.stack(part)) for part in (plain, photographed, weights)))


def _draw(scene: Scene, frame: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    return Renderer(scene, (side, side)).draw(frame)


def _cell_weights(owner: np.ndarray, cells: int) -> np.ndarray:
    """Return `(cells * cells,)` float32 weights, row by row, of the cells of an owner map."""
    side = len(owner) // cells
    touched = (owner >= 0).reshape(cells, side, cells, side).any((1, 3))
    return np.where(touched, _OBJECT_WEIGHT, 1.0).astype(np.float32).ravel()
