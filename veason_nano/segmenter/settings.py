"""What decides a training run of the segmenter, and the options of the command that sets it."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from veason_nano.training.optimizer import OPTIMIZERS, OptimizerName

FIRST_PROMPTS = {
    "geometry": (("box",), (1.0,)),
    "echo": (("mask", "box"), (0.7, 0.3)),
    "image": (("box", "box+click", "click"), (0.75, 0.1, 0.15)),
    "clip": (("box", "box+click", "click", "mask"), (0.4, 0.05, 0.05, 0.5)),
}
"""How often each kind of first prompt is given in a stage."""


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """Everything that decides a run; printed at its start and written beside its results."""

    out: Path
    stage: str = "image"
    size: int = 256
    init: Path | None = None
    photos: Path | None = None
    cutouts: Path | None = None
    seed: int = 0
    steps: int = 20_000
    minutes: float = 90.0
    batch_size: int = 8
    targets: int = 4
    frames: int = 5
    lr: float = 8e-4
    optimizer: OptimizerName = "adamw"
    encoder_lr_factor: float = 1.0
    weight_decay: float = 0.05
    warmup: int = 150
    cooldown: float = 0.25
    ema: float = 0.998
    fresh_memory: int = 0
    deepen: int = 0
    trunk: Path | None = None
    frozen_trunk: int = 0
    chunk: int = 0
    spoilt: float = 0.0
    sprites: int = 4000
    story_share: float = 0.0
    threads: int = 1
    workers: int = 1
    save_every: int = 100

    def __post_init__(self) -> None:
        """Refuse a stage or an optimizer that there is not, which would train something else in silence."""
        if self.stage not in FIRST_PROMPTS:
            raise ValueError(f"want a stage of {', '.join(FIRST_PROMPTS)}, got {self.stage!r}")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"want an optimizer of {', '.join(OPTIMIZERS)}, got {self.optimizer!r}")

    @property
    def num_frames(self) -> int:
        """Frames in a clip of this stage."""
        return {"geometry": 1, "image": 1, "echo": 2, "clip": self.frames}[self.stage]


def add_segmenter_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one option a setting to `parser`; `settings_from` reads them back."""
    defaults = SegmenterSettings(Path("runs/segmenter"))
    helps = {
        "out": "folder of the run; an unfinished run in it goes on", "init": "export folder to start from",
        "size": "side of the training pictures, 128 or 256",
        "stage": "geometry (fill the box), image (prompt to mask) or clip (with memory)",
        "minutes": "stop after this long, to go on later",
        "photos": "folder of pictures for backgrounds and surfaces", "cutouts": "folder of transparent pictures",
        "steps": "length of the whole schedule", "frames": "frames in a clip (stage clip)",
        "fresh_memory": "1: forget the memory parts of --init and start them anew (first run of stage clip)",
        "deepen": "1: give the model of --init the blocks that it lacks, and go on from what it does",
        "trunk": "EfficientNet-Lite0's weight file, to take the place of the trunk of --init",
        "frozen_trunk": "1: the image trunk does not learn",
        "chunk": "frames after which the way back ends and a step's gradients are added up (0: the whole clip)",
        "spoilt": "share of the tracked masks that are remembered with a part missing or too much",
        "story_share": "share of the clips that are scenes of the policy's world instead of cut-outs",
        "optimizer": "adamw for everything, or muon for the weights of layers and adamw for the rest",
        "targets": "objects asked for in a clip", "cooldown": "share of the steps over which the rate falls",
    }  # fmt: skip
    for name, value in asdict(defaults).items():
        kind = Path if value is None or isinstance(value, Path) else type(value)
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=kind, default=value, help=helps.get(name, f"{value}"),
            choices={"stage": tuple(FIRST_PROMPTS), "optimizer": OPTIMIZERS}.get(name),
        )  # fmt: skip


def settings_from(arguments: argparse.Namespace) -> SegmenterSettings:
    """Return the settings that `add_segmenter_arguments` made options for."""
    return SegmenterSettings(**{field.name: getattr(arguments, field.name) for field in fields(SegmenterSettings)})
