"""Try hostile inputs within 500 MB beyond what the libraries take, and print what came of them as JSON.

    python -m tests.hostile.run [--every 3] [--scale 1] [--seed 0]

A case fails where something is raised that is no VeasonError, where the visitor is told of an error that nobody
expected, where the memory does not suffice, where it computes for longer than 30 seconds, or where the canary is
reached. A crash ends the process, and the last line of standard error names the case. Told are the most memory that a
case took beyond what was there before it, and the most that a confined process took with all its libraries.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import resource
import sys
import tempfile
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tests.hostile.corpus import Case, corpus
from tests.hostile.target import CANARY, RAW, Target

ROOM = 500_000_000
MAX_S = 30.0


def bound_memory() -> None:
    """Let this process take no more than ROOM beyond what it takes now."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))


def memory_mb(name: str) -> float:
    """Return a size that the kernel tells of this process, such as VmRSS, or VmHWM for the most since `forget_peak`."""
    return _status_mb(Path("/proc/self/status"), name)


def _status_mb(status: Path, name: str) -> float:
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1000


def forget_peak() -> None:
    """Let VmHWM begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


class ConfinedPeak:
    """Looks every few milliseconds at what the processes that this one began take of memory.

    What the system tells of processes that ended counts in this one, of which each is a copy at its beginning.

    Attributes:
        most_mb: the most that one of them took, with all its libraries.
    """

    def __init__(self) -> None:
        self.most_mb = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._is_over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._is_over.wait(0.005):
            tasks = Path("/proc/self/task").glob("*/children")
            for task in tasks:
                with suppress(OSError):  # a thread that ended meanwhile
                    for pid in task.read_text().split():
                        self._look_at(Path(f"/proc/{pid}"))

    def _look_at(self, process: Path) -> None:
        try:
            if b"veason.confined" in (process / "cmdline").read_bytes():
                self.most_mb = max(self.most_mb, _status_mb(process / "status", "VmHWM"))
        except (OSError, ValueError):  # it ended meanwhile
            return


def computed_s() -> float:
    """Return the seconds that this process and those it began have computed, whatever others do meanwhile."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def failure_of(case: Case, target: Target) -> tuple[str, str | None]:
    """Try a case; return what came of it, and why that is a failure, None where it is none."""
    start = computed_s()
    try:
        outcome = case.run()
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        return "raised", f"raised {type(error).__name__}: {str(error)[:300]}"
    kind = outcome.split(":")[0]
    seconds = computed_s() - start
    if any(raw in outcome for raw in RAW):
        return kind, f"told {outcome[:300]}"
    if CANARY.decode() in outcome or target.opened:
        return kind, f"reached the canary: {target.opened[:3]} {outcome[:200]}"
    if str(target.folder) in outcome and case.name.startswith(("event", "look-up", "archive of a project")):
        return kind, f"told a folder of the server: {outcome[:300]}"
    return kind, f"computed for {seconds:.0f} s" if seconds > MAX_S else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="try only every so many-th case (%(default)s)")
    parser.add_argument(
        "--scale", type=int, default=1, help="so many times more of those that chance makes (%(default)s)"
    )
    parser.add_argument("--only", default="", help="try only those with this in their name")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    faulthandler.enable()
    outcomes: Counter[str] = Counter()
    failures: dict[str, str] = {}
    confined = ConfinedPeak()
    slowest, largest = ("", 0.0), ("", 0.0)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        target = Target(Path(folder))
        cases = corpus(target, scale=arguments.scale, seed=arguments.seed)
        for number, case in enumerate(cases):
            count += 1
            if number % arguments.every or arguments.only not in case.name:
                continue
            if not outcomes:
                bound_memory()
            print(case.name.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
            start = computed_s()
            forget_peak()
            before_mb = memory_mb("VmRSS")
            kind, failure = failure_of(case, target)
            largest = max(largest, (case.name, round(memory_mb("VmHWM") - before_mb, 1)), key=lambda one: one[1])
            slowest = max(slowest, (case.name, round(computed_s() - start, 2)), key=lambda one: one[1])
            outcomes[kind] += 1
            if failure is not None:
                failures[case.name] = failure
                target.opened.clear()
        target.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = {"cases": count, "tried": outcomes.total(), "outcomes": dict(outcomes), "failures": failures}
    confined.close()
    sizes = {"largest_growth_mb": largest, "confined_peak_mb": round(confined.most_mb), "peak_mb": peak}
    print(json.dumps({**told, "slowest": slowest, **sizes}))


if __name__ == "__main__":
    main()
