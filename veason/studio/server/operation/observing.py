"""One line for every event and look-up: what kind it was, how long it took, how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from veason.errors import VeasonError

RequestKind = Literal["event", "look-up", "program"]
"""What asked: the page with an event or a look-up, or a program."""

RequestOutcome = Literal["done", "refused", "failed", "left"]
"""How a request ended: as it should, with an error for people, with a defect, or because whoever sent it went away."""


@dataclass(frozen=True, slots=True)
class Served:
    """A request that ended.

    Attributes:
        kind: what asked.
        name: of the event, look-up or endpoint.
        outcome: how it ended.
        seconds: how long it took, waiting included.
        by: who is signed in, "" where nobody has to.
    """

    kind: RequestKind
    name: str
    outcome: RequestOutcome
    seconds: float
    by: str = ""


@dataclass(slots=True)
class Ending:
    """How a request that is being served will have ended."""

    outcome: RequestOutcome = "done"

    def note(self, error: Exception) -> None:
        """It ended with an error."""
        self.outcome = "refused" if isinstance(error, VeasonError) else "failed"


@dataclass(slots=True)
class Observers:
    """Everybody who is told of every request that ended."""

    told: list[Callable[[Served], None]] = field(default_factory=list)

    @contextmanager
    def observe(self, kind: RequestKind, name: str, known: Collection[str], by: str = "") -> Iterator[Ending]:
        """Serve a request in the block, which notes how it ends; a name that is not among the known is not told."""
        ending, begun = Ending(), time.perf_counter()
        try:
            yield ending
        except GeneratorExit:
            ending.outcome = "left"
            raise
        finally:
            shown = name if name in known else "unknown"
            served = Served(kind, shown, ending.outcome, time.perf_counter() - begun, by)
            for tell in self.told:
                tell(served)
