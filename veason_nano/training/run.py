"""What every training run has: a loop, a checkpoint, a log and an export in a folder; it goes on when killed."""

from __future__ import annotations

import csv
import dataclasses
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch

from veason.libraries import library_imports
from veason_nano.training.distributed import broadcast_scalar, join_processes, leave_processes

Metrics = Mapping[str, float | str | torch.Tensor]
"""Measurements of a step by name; those on a device are only read when they are logged. Text names a kind of step."""

LOG_FILE = "log.csv"

_PRINT_S = 15.0


class Length(Protocol):
    """A dataclass of settings that says how long a run is: `steps`, or `minutes` where steps is 0."""

    @property
    def minutes(self) -> float:
        """Length by the clock."""

    @property
    def steps(self) -> int:
        """Length in steps, the same on every machine; 0 leaves it to `minutes`."""


class TrainingRun(ABC):
    """One training run: the loop around `learn`, which a subclass gives, with `export`.

    Attributes:
        state_file: name of the checkpoint in the folder.
        log_every_s: seconds between two rows of the log, which are means over the steps between; 0 logs every step.
        save_every_s: seconds between two checkpoints.
    """

    state_file: ClassVar[str] = "checkpoint.pt"
    log_every_s: ClassVar[float] = 15.0
    save_every_s: ClassVar[float] = 60.0

    def __init__(
        self,
        folder: Path,
        modules: Mapping[str, torch.nn.Module],
        optimizers: Sequence[torch.optim.Optimizer],
        settings: Length,
    ) -> None:
        """Begin at step 0; `resume` goes on from a checkpoint.

        Args:
            folder: made when something is written.
            modules: by name, what is trained and kept in the checkpoint.
            optimizers: in the order in which they are kept.
            settings: a dataclass; printed at the start and kept beside the log.
        """
        self.folder, self.optimizers, self.settings = folder, optimizers, settings
        self.step, self.elapsed, self.rank = 0, 0.0, join_processes()
        self._modules = modules

    @abstractmethod
    def learn(self) -> Metrics:
        """Take one step and return its measurements; `step` still has the number of this one, from 0."""

    @abstractmethod
    def export(self) -> Path:
        """Write the weights in the form in which they are loaded and return their folder."""

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        if self.settings.steps:
            return self.step / self.settings.steps
        return self.elapsed / 60 / self.settings.minutes

    @property
    def is_done(self) -> bool:
        """Whether no step is left."""
        return self.progress >= 1

    def describe(self) -> dict[str, Any]:
        """Return the configuration that is printed and kept."""
        return {**dataclasses.asdict(self.settings), "resumed_at": self.step}  # type: ignore[call-overload]

    def is_save_due(self, since_s: float) -> bool:
        """Tell whether a checkpoint is wanted `since_s` seconds after the last one."""
        return since_s > self.save_every_s

    def run(self) -> Path:
        """Train to the end, save, export and return the folder of the weights. Prints its configuration first."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.rank == 0:
            text = json.dumps(self.describe(), indent=1, default=str)
            print(text, flush=True)
            (self.folder / "config.json").write_text(text + "\n", encoding="utf-8")
        for module in self._modules.values():
            module.train()
        log = Log(self.folder / LOG_FILE, is_writer=self.rank == 0)
        last_save = last_log = time.monotonic()
        while not self.is_done:
            start = time.monotonic()
            log.add(self.learn())
            self.step += 1
            now = time.monotonic()
            self.elapsed = broadcast_scalar(self.elapsed + now - start)
            if now - last_log >= self.log_every_s or self.is_done:
                log.write(self.step, self.elapsed / 60)
                last_log = now
            if self.is_save_due(now - last_save):
                self.save()
                last_save = now
        self.save()
        weights = self.export()
        leave_processes()
        return weights

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to go on."""
        return {
            **{name: module.state_dict() for name, module in self._modules.items()},
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "elapsed": self.elapsed,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what `state` returned; the time is 0 in checkpoints that do not tell it."""
        for name, module in self._modules.items():
            module.load_state_dict(state[name])
        for optimizer, values in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(values)
        self.step, self.elapsed = state["step"], state.get("elapsed", 0.0)

    def save(self) -> None:
        """Write the checkpoint by rename, so that a kill at any time leaves a whole one."""
        if self.rank > 0:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / self.state_file
        beside = file.with_suffix(".partial")
        torch.save(self.state(), beside)
        beside.replace(file)

    def resume(self) -> bool:
        """Go on from the checkpoint where there is one; tell whether there was."""
        file = self.folder / self.state_file
        if not file.is_file():
            return False
        self.load_state(torch.load(file, weights_only=True, map_location="cpu"))
        return True


class Log:
    """The log of a run: rows of a CSV file, some of them printed too; only a writer writes."""

    def __init__(self, file: Path, *, is_writer: bool) -> None:
        """Append to `file`, which gets a header where it is new."""
        self._file, self._is_writer = file, is_writer
        self._sums: dict[str, float | torch.Tensor] = {}
        self._kinds: dict[str, str] = {}
        self._count = 0
        self._printed = time.monotonic()

    def add(self, metrics: Metrics) -> None:
        """Take the measurements of a step into the next row."""
        self._count += 1
        for key, value in metrics.items():
            if isinstance(value, str):
                self._kinds[key] = value
            else:
                self._sums[key] = self._sums.get(key, 0.0) + value

    def write(self, step: int, minutes: float) -> None:
        """Write the means over the steps since the last row, and the last kind of step."""
        means = {key: f"{float(value) / self._count:.5g}" for key, value in self._sums.items()}
        row = {"step": step, "minutes": round(minutes, 3), **means, **self._kinds}
        self._sums, self._kinds, self._count = {}, {}, 0
        if not self._is_writer:
            return
        is_new = not self._file.is_file()
        with self._file.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(row))
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        if is_new or time.monotonic() - self._printed >= _PRINT_S:
            print(" ".join(f"{key} {value}" for key, value in row.items()), flush=True)
            self._printed = time.monotonic()


def read_log(file: Path) -> Iterator[dict[str, float]]:
    """Yield the rows of a log; one that a killed run has left half written is left out."""
    with file.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if None not in row and None not in row.values():
                yield {key: float(value) for key, value in row.items()}


def plot_log(file: Path, picture: Path) -> None:
    """Draw the losses, and the pixel errors or rewards, of a log over minutes."""
    with library_imports():
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
