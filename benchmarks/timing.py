"""Seconds of two sides, run by run: by the clock and of the processor, since a clock alone lies on a busy machine.

    row = Row()
    found = row.time("stock", work)     # then "ours", turn by turn
    row.summary()                       # medians, minima and ratios of both kinds

Processor seconds are those of the whole process, all threads together; with one torch thread they are what the clock
would show on an idle core, but for caches that are shared with other work.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

QUIET_LOAD = 0.5
"""A one-minute load average above this at the start marks a result as loaded."""

Side = Literal["stock", "ours"]
T = TypeVar("T")


@dataclass
class Row:
    """One comparison: seconds of each run of both sides, and the gates that make it count."""

    clock_s: dict[Side, list[float]] = field(default_factory=lambda: {"stock": [], "ours": []})
    cpu_s: dict[Side, list[float]] = field(default_factory=lambda: {"stock": [], "ours": []})
    gates: dict[str, Any] = field(default_factory=dict)

    def time(self, side: Side, work: Callable[[], T]) -> T:
        """Run `work` once for a side and return what it gives."""
        clock, cpu = time.perf_counter(), time.process_time()
        given = work()
        self.cpu_s[side].append(time.process_time() - cpu)
        self.clock_s[side].append(time.perf_counter() - clock)
        return given

    def check(self, name: str, holds: bool) -> None:
        """Write down a gate; one that fails ends the benchmark, since its row does not count."""
        self.gates[name] = bool(holds)
        if not holds:
            raise SystemExit(f"gate failed: {name}, {self.gates}")

    def summary(self) -> dict[str, Any]:
        """Return the ratios stock / ours by clock and by processor, and the seconds they come from."""
        values: dict[str, Any] = {"runs": len(self.clock_s["ours"])}
        for kind, seconds in (("clock", self.clock_s), ("cpu", self.cpu_s)):
            for name, choose in (("median", statistics.median), ("min", min)):
                stock, ours = choose(seconds["stock"]), choose(seconds["ours"])
                values[f"{kind}_ratio_{name}"] = round(stock / max(ours, 1e-9), 2)
                values |= {f"stock_{kind}_s_{name}": round(stock, 5), f"ours_{kind}_s_{name}": round(ours, 5)}
        return values | {"gates": self.gates}


def machine_load() -> dict[str, Any]:
    """Return the load average of the last minute and whether it makes clocks unreliable, for the head of a result."""
    load = os.getloadavg()[0]
    return {"load_average_at_start": round(load, 2), "is_loaded": load > QUIET_LOAD}


def named(name: str, load: dict[str, Any]) -> str:
    """Return the name of a result, which says so where the machine was busy."""
    return f"{name}-loaded" if load["is_loaded"] else name


def show(rows: dict[str, dict[str, Any]], goals: dict[str, float]) -> None:
    """Print one line a row: both ratios, the goal, the seconds and the gates."""
    for name, row in rows.items():
        goal = f"goal {goals[name]}x" if name in goals else "no goal"
        limit = f", limit {row['limit_cpu_ratio']}x" if "limit_cpu_ratio" in row else ""
        print(
            f"{name:14} {row['cpu_ratio_median']:8.2f}x by processor, {row['clock_ratio_median']:8.2f}x by clock "
            f"({goal}{limit}); stock {row['stock_cpu_s_median']:.4f} s, ours {row['ours_cpu_s_median']:.4f} s "
            f"of processor, {row['runs']} runs\n{'':14} gates: {row['gates']}"
        )
