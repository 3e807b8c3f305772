"""What runs on a cluster: items, and the stages that they go through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from veason.errors import OptionError

MOST_DEATHS = 5
"""An item over which so many workers died is given up."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where work runs.

    Attributes:
        address: of a Ray cluster, such as "auto" on one of its machines; None starts Ray on this machine, while the
            work lasts.
        wait_s: seconds to wait until the cluster has the processors and GPUs that the stages ask for.
    """

    address: str | None = None
    wait_s: float = 600.0


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Something to work on.

    Attributes:
        name: tells it from all others.
        payload: picklable; what a stage returns for it takes its place.
    """

    name: str
    payload: Any


@dataclass(frozen=True, slots=True)
class WorkStage:
    """One step of the work, and the actors that do it.

    Attributes:
        name: for messages.
        make: called in each actor, for its first item: loads what is needed and returns what does one payload. A
            VeasonError of either ends the run.
        give_up: what comes of a payload over which so many actors died.
        workers: actors.
        cpus: processors that an actor asks for; may be a fraction, also 0.
        gpus: GPUs, likewise.
        threads: how many threads an actor computes with on the processor; None leaves that to Ray and torch.

    Raises:
        OptionError: a number makes no sense.
    """

    name: str
    make: Callable[[], Callable[[Any], Any]]
    give_up: Callable[[Any, int], Any]
    workers: int = 1
    cpus: float = 1.0
    gpus: float = 0.0
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.workers < 1 or self.cpus < 0 or self.gpus < 0 or (self.threads is not None and self.threads < 1):
            raise OptionError(
                f"the stage {self.name!r} takes one actor or more, and no negative number of processors and GPUs, got "
                f"{self.workers}, {self.cpus:g} and {self.gpus:g}"
            )
