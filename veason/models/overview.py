"""The list of models as people see it: what is here, what can be had, and what of it fits this machine."""

from __future__ import annotations

from dataclasses import dataclass

from veason.models.catalogue import CatalogueModel, ModelKind, find_model
from veason.models.fetch import gigabytes
from veason.models.local import LocalModel, local_models
from veason.models.machine import BYTES_A_WEIGHT, Machine, fit, this_machine
from veason.models.speed import known_speed

_PUBLISHED_BYTES = 2.0
_SAM2_BYTES = 4.0
"""Bytes a weight as published: bfloat16 for policies, float32 for segmenters."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model in the list.

    Attributes:
        name: what it is chosen by.
        kind: what it does.
        about: what it is good for.
        size: its class among its kin, "" where it is not known.
        here: how much of it is here, in words.
        is_here: whether it can be used at once.
        disk: what it takes on the disk, in words; about as much where it is not here.
        memory: what it takes in memory with a 720p clip, in words, "" where that is not known.
        fits: whether it fits this machine, in words.
        fit: "yes", "tight" or "no", "" where that is not known.
        speed: as measured on this machine, "" where it was not.
        licence: of the weights.
        is_part: whether a part of it was fetched.
    """

    name: str
    kind: ModelKind
    about: str
    size: str
    here: str
    is_here: bool
    disk: str
    memory: str
    fits: str
    fit: str
    speed: str
    licence: str
    is_part: bool


def overview() -> tuple[Machine, tuple[ModelRow, ...]]:
    """Return this machine and a row for every model; nothing is loaded and no network is used."""
    machine = this_machine()
    return machine, tuple(_row(local, machine) for local in local_models())


def kinds_of(name: str) -> tuple[ModelKind, ...]:
    """Return what a model that is here can be used as."""
    return tuple(one.kind for one in local_models() if one.name == name and one.is_whole)


def _row(local: LocalModel, machine: Machine) -> ModelRow:
    entry = find_model(local.name, local.kind)
    device = "cuda" if machine.gpu_mb else "cpu"
    speed = known_speed(local.name, local.kind, device)
    fitting = fit(entry, machine) if entry is not None else None
    disk = gigabytes(local.num_bytes) if local.is_whole else f"about {_published(entry)}" if entry else ""
    if local.is_whole:
        here = f"here, {disk}"
    else:
        here = f"{gigabytes(local.part_bytes)} of {disk} fetched" if local.part_bytes else f"to fetch, {disk}"
    return ModelRow(
        name=local.name,
        kind=local.kind,
        about=entry.about if entry else "found in the hub cache",
        size=entry.size if entry else "",
        here=here,
        is_here=local.is_whole,
        disk=disk,
        memory=gigabytes(entry.memory_mb(BYTES_A_WEIGHT[device]) * 1e6) if entry else "",
        fits=fitting.text if fitting else "not known",
        fit=fitting.level if fitting else "",
        speed=speed.text if speed else "",
        licence=entry.licence if entry else "see its page",
        is_part=local.part_bytes > 0,
    )


def _published(entry: CatalogueModel) -> str:
    return gigabytes(entry.weights * 1e6 * (_PUBLISHED_BYTES if entry.kind == "policy" else _SAM2_BYTES))
