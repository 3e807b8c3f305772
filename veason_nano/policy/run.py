"""What every training run of nano-policy has: checkpoint, log, plot and export in a folder; it goes on when killed."""

from __future__ import annotations

import csv
import dataclasses
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch

from veason_nano.policy.model import Labels, Size, save_policy
from veason_nano.policy.recipe import Measured
from veason_nano.training.distributed import follow, join_team, leave_team

_SAVE_S = 60.0
_LOG_S = 15.0


class Length(Protocol):
    """A dataclass of settings that says how long a run is: `steps`, or `minutes` where steps is 0."""

    @property
    def minutes(self) -> float:
        """Length by the clock."""

    @property
    def steps(self) -> int:
        """Length in steps, the same on every machine; 0 leaves it to `minutes`."""


class Run(ABC):
    """One training run.

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
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.model, self.size, self.optimizers, self.settings = folder, model, size, optimizers, settings
        self.step, self.elapsed, self.rank = 0, 0.0, join_team()
        self._modules = {"model": model, **(extras or {})}
        self._resume()

    @abstractmethod
    def learn(self) -> Measured:
        """Take one step and return its measurements."""

    def run(self) -> Path:
        """Train to the end and export. Prints its configuration first."""
        config = {**dataclasses.asdict(self.settings), **dataclasses.asdict(self.size), "resumed_at": self.step}  # type: ignore[call-overload]
        text = json.dumps(config, indent=1, default=str)
        if self.rank == 0:
            print(text, flush=True)
            (self.folder / "config.json").write_text(text + "\n", encoding="utf-8")
        last_save = last_log = time.monotonic()
        sums: dict[str, float | torch.Tensor] = {}
        count = 0
        self.model.train()
        while self.progress < 1:
            start = time.monotonic()
            for key, value in self.learn().items():
                sums[key] = sums.get(key, 0.0) + value
            count += 1
            self.step += 1
            now = time.monotonic()
            self.elapsed = follow(self.elapsed + now - start)
            if now - last_log > _LOG_S or self.progress >= 1:
                self._log({key: value / count for key, value in sums.items()})
                sums, count, last_log = {}, 0, now
            if now - last_save > _SAVE_S:
                self.save()
                last_save = now
        self.save()
        weights = self.export()
        if self.rank == 0:
            plot_log(self.folder / "log.csv", self.folder / "log.png")
        leave_team()
        return weights

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        if self.settings.steps:
            return self.step / self.settings.steps
        return self.elapsed / 60 / self.settings.minutes

    def export(self) -> Path:
        """Write the weights in the folder layout of transformers and return the folder."""
        if self.rank == 0:
            save_policy(self.model, self.folder / "export", self.size, self.labels)
        return self.folder / "export"

    def save(self) -> None:
        """Write the checkpoint by rename, so that a kill at any time leaves a whole one."""
        state = {
            **{name: module.state_dict() for name, module in self._modules.items()},
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "elapsed": self.elapsed,
        }
        if self.rank > 0:
            return
        beside = self.folder / "checkpoint.partial"
        torch.save(state, beside)
        beside.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        file = self.folder / "checkpoint.pt"
        if file.is_file():
            state = torch.load(file, weights_only=True, map_location="cpu")
            for name, module in self._modules.items():
                module.load_state_dict(state[name])
            for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(values)
            self.step, self.elapsed = state["step"], state["elapsed"]

    def _log(self, values: Measured) -> None:
        if self.rank > 0:
            return
        row = {
            "step": self.step,
            "minutes": round(self.elapsed / 60, 2),
            **{k: round(float(v), 4) for k, v in values.items()},
        }
        file = self.folder / "log.csv"
        is_new = not file.is_file()
        with file.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)


def read_log(file: Path) -> Iterator[dict[str, float]]:
    """Yield the rows of a log; one that a killed run has left half written is left out."""
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if None not in row and None not in row.values():
                yield {key: float(value) for key, value in row.items()}


def plot_log(file: Path, picture: Path) -> None:
    """Draw the losses, and the pixel errors or rewards, of a log over minutes."""
    from matplotlib.figure import Figure

    rows = list(read_log(file))
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    other = "pixels" if any("pixels" in key for key in rows[0]) else "reward"
    for place, word in enumerate(("loss", other)):
        axes: Any = figure.add_subplot(1, 2, place + 1)
        for key in rows[0]:
            if word in key:
                axes.plot([row["minutes"] for row in rows], [row[key] for row in rows], label=key)
        axes.set_xlabel("minutes")
        axes.legend(frameon=False)
    figure.savefig(picture, dpi=120)
