"""What pictures nano-policy has seen: fitted on training clips, with the limit chosen on the validation split.

A clip is scored as the product scores it, from whole frames shrunk to the policy's size. The limit lies `MARGIN` above
the highest of the validation clips. Nothing of the test split decides anything here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from veason.policy.loading import load_qwen
from veason.policy.qwen import QwenPolicy
from veason.policy.seen_pictures import SeenPictures, fit_seen_pictures, write_seen_pictures
from veason.profile import PROFILE_FILE, load_profile, sample_indices, write_profile
from veason.types import Frame, ModelOptions
from veason_nano.dataset import clip_size, draw_scene
from veason_nano.policy.model import NUMBERS
from veason_nano.world.render import Renderer
from veason_nano.world.scene import Scene

SEEN_FILE = "seen_pictures.tensors"
"""Name of the file beside the weights. Servers take every file that ends with .safetensors for weights."""

MARGIN = 1.15
"""What the highest score of the validation clips is multiplied by, for clips that are stranger than those. A real clip
that was looked at while this was chosen scores more than twice as high."""

SEED = 3
"""Which clips of the splits are used."""


def clip_frames(scene: Scene, size_wh: tuple[int, int], count: int = 8) -> list[Frame]:
    """Return the frames of a scene that a policy is shown, drawn at `size_wh`."""
    renderer = Renderer(scene, size_wh)
    return [Frame(index, renderer.frame(index)) for index in sample_indices(scene.num_frames, count)]


def clips(split: Literal["train", "valid", "test"], count: int, seed: int = SEED) -> Iterator[list[Frame]]:
    """Yield the shown frames of clips of a split, at the size that clips are written in."""
    for number in range(count):
        scene = draw_scene(split, seed, number, 300)
        yield clip_frames(scene, clip_size(scene))


def write_limits(weights: Path, *, train: int = 250, valid: int = 100) -> SeenPictures:
    """Measure what the policy in `weights` has seen, and write the file and the profile beside the weights.

    Args:
        weights: folder of the policy.
        train: training clips to fit on, every fifth drawn at the size of clips, the others at the policy's own.
        valid: validation clips to choose the limit on.
    """
    profile = replace(load_profile(str(weights)), seen_pictures="", largest_label=NUMBERS - 1)
    policy = load_qwen(weights, profile, ModelOptions(device="cpu"))
    seen = fit_seen_pictures(torch.cat(list(training_features(policy, train))), limit=1.0)
    scores = [seen.score(policy.picture_features(frames)) for frames in clips("valid", valid)]
    seen = replace(seen, limit=MARGIN * max(scores))
    write_seen_pictures(seen, weights / SEEN_FILE)
    kept = replace(profile, seen_pictures=SEEN_FILE, prompt_template=Path(profile.prompt_template).name)
    write_profile(kept, weights / PROFILE_FILE)
    return seen


def training_features(policy: QwenPolicy, count: int) -> Iterator[torch.Tensor]:
    """Yield `(8, F)` features of the shown frames of training clips."""
    for number in range(count):
        scene = draw_scene("train", SEED, number, 300)
        size_wh = policy.profile.size_wh if number % 5 else clip_size(scene)
        yield policy.picture_features(clip_frames(scene, size_wh))
