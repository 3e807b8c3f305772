"""A training run of nano-policy: as every run, with a folder of transformers as its export and a plot of its log."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from veason_nano.policy.model import Labels, Size, save_policy
from veason_nano.training.run import LOG_FILE, Length, TrainingRun, plot_log


class PolicyRun(TrainingRun):
    """One training run of nano-policy, gone on with where its folder has a checkpoint.

    `extras` are modules beside the model that are trained and kept in the checkpoint too; `labels` is how the policy
    calls frames.
    """

    labels: Labels = "absolute"

    def __init__(
        self,
        folder: Path,
        model: Any,
        size: Size,
        optimizers: Sequence[torch.optim.Optimizer],
        settings: Length,
        extras: Mapping[str, torch.nn.Module] | None = None,
    ) -> None:
        super().__init__(folder, {"model": model, **(extras or {})}, optimizers, settings)
        self.model, self.size = model, size
        self.resume()

    def describe(self) -> dict[str, Any]:
        """Return the configuration that is printed and kept, that of the network with it."""
        return {**super().describe(), **dataclasses.asdict(self.size)}

    def run(self) -> Path:
        """Train to the end, export, plot the log and return the folder of the weights."""
        weights = super().run()
        if self.rank == 0:
            plot_log(self.folder / LOG_FILE, self.folder / "log.png")
        return weights

    def export(self) -> Path:
        """Write the weights in the folder layout of transformers and return the folder."""
        if self.rank == 0:
            save_policy(self.model, self.folder / "export", self.size, self.labels)
        return self.folder / "export"
