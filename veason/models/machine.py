"""What this machine has, and whether a model fits it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil

from veason.models.catalogue import CatalogueModel

BYTES_A_WEIGHT = {"cuda": 2.0, "cpu": 4.0}
"""How weights are loaded: bfloat16 on a GPU, float32 on a processor."""

_4BIT = 0.6
"""Bytes a weight with `--quantization 4bit`, its scales included; the vision tower stays as it is."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory in megabytes: of the machine, and of its GPU (0 where there is none)."""

    memory_mb: int
    gpu_mb: int
    gpu_name: str = ""

    @property
    def text(self) -> str:
        """What it is, in words."""
        gpu = f"{self.gpu_name} with {self.gpu_mb / 1e3:.0f} GB" if self.gpu_mb else "no GPU"
        return f"{self.memory_mb / 1e3:.0f} GB of memory, {gpu}"


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a model fits a machine: `level` is "yes", "tight" (with 4 bits, or slowly) or "no"; `text` says why."""

    level: str
    text: str
    memory_mb: int


def this_machine() -> Machine:
    """Return what this machine has; memory is what the process may use, within a container too."""
    from veason.device import gpu_memory

    name, gpu_bytes = gpu_memory()
    return Machine(_memory_bytes() // 1_000_000, gpu_bytes // 1_000_000, name)


def fit(model: CatalogueModel, machine: Machine) -> Fit:
    """Return whether a model fits: weights and what a 720p clip takes, on the GPU where there is one."""
    on_gpu, on_cpu = model.memory_mb(BYTES_A_WEIGHT["cuda"]), model.memory_mb(BYTES_A_WEIGHT["cpu"])
    if machine.gpu_mb:
        if on_gpu <= machine.gpu_mb:
            return Fit("yes", "fits the GPU", on_gpu)
        if model.kind == "policy" and model.memory_mb(_4BIT) <= machine.gpu_mb:
            return Fit("tight", "fits the GPU in 4 bits (--quantization 4bit)", model.memory_mb(_4BIT))
    if on_cpu > machine.memory_mb:
        return Fit("no", f"needs {on_cpu / 1e3:.0f} GB of memory, there are {machine.memory_mb / 1e3:.0f}", on_cpu)
    is_slow = model.weights > _SLOW_ON_CPU[model.kind]
    return Fit("tight" if is_slow else "yes", "fits; slow without a GPU" if is_slow else "fits", on_cpu)


_SLOW_ON_CPU = {"policy": 500.0, "segmenter": 30.0}
"""Millions of weights above which a processor makes people wait."""


def free_disk_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that a folder lies on, or would."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _memory_bytes() -> int:
    limits = [int(psutil.virtual_memory().total)]
    for file in _CONTAINER_LIMITS:
        text = file.read_text(encoding="ascii").strip() if file.is_file() else ""
        limits += [int(text)] if text.isdecimal() else []
    return min(limits)


_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container says how much memory it may use, in its two generations."""
