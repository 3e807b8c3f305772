"""Run the test suite in two processes at once: the tests that drive a browser, and all others.

    python .ci/suite.py [arguments of pytest ...]

Each line begins with the part that it comes from, and the results of both parts stand at the end, whichever fails.
Every process computes on one thread, so two cores are used. JUnit files go to `test-results/`.

Exit status: 0 if both parts pass, else that of the first part that does not. An interrupt ends both parts, which still
report what they have; a second one kills them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

ROOT = Path(__file__).parent.parent
RESULTS = "test-results"
PARTS = {"browser": ["tests/browser"], "others": ["--ignore=tests/browser"]}
"""The arguments that choose the tests of each part."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
NO_TESTS = 5
"""The exit status of pytest where no test is chosen: fine for one part, as with `-k`, but not for both."""

INTERRUPTED = 130


def pytest_command(part: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs one part, with caches and results of its own."""
    own = [f"--junitxml={RESULTS}/{part}.xml", "-o", f"cache_dir=.pytest_cache/{part}", "--durations=15"]
    return [sys.executable, "-m", "pytest", *own, *PARTS[part], *arguments]


def run_together(commands: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Run commands at once, print their lines as they come, each with its name before it, and return how they ended.

    The first SIGINT or SIGTERM interrupts the commands and what they have started, a further one kills it.
    """
    width = max(map(len, commands))
    lock = threading.Lock()
    started = time.monotonic()
    processes: dict[str, subprocess.Popen[str]] = {}
    num_signals = 0

    def forward(number: int, frame: FrameType | None) -> None:
        nonlocal num_signals
        num_signals += 1
        for process in processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT if num_signals == 1 else signal.SIGKILL)

    def show(name: str, lines: IO[str]) -> None:
        for line in lines:
            with lock:
                print(f"{name:{width}} | {line.rstrip()}", flush=True)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        for name, command in commands.items():
            processes[name] = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **ONE_THREAD, "PYTHONUNBUFFERED": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # the terminal interrupts this process only, which then ends both
            )
        readers = []
        for name, process in processes.items():
            assert process.stdout is not None
            readers.append(threading.Thread(target=show, args=(name, process.stdout), daemon=True))
            readers[-1].start()
        codes = {name: process.wait() for name, process in processes.items()}
        for reader in readers:
            reader.join(timeout=5)  # a process left behind may hold the pipe
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if num_signals:
        codes = {name: code or INTERRUPTED for name, code in codes.items()}
    print(f"\n{time.monotonic() - started:.0f} s: " + ", ".join(f"{name} {word(code)}" for name, code in codes.items()))
    return codes


def word(code: int) -> str:
    """Return an exit status in words."""
    return {0: "passed", NO_TESTS: "had no tests to run"}.get(code, f"FAILED (exit status {code})")


def exit_status(codes: Sequence[int]) -> int:
    """Return the exit status of all parts together.

    >>> exit_status([0, 0]), exit_status([5, 0]), exit_status([5, 5]), exit_status([0, 1]), exit_status([2, 1])
    (0, 0, 5, 1, 2)
    """
    if all(code == NO_TESTS for code in codes):
        return NO_TESTS
    return next((code if code > 0 else 128 - code for code in codes if code not in (0, NO_TESTS)), 0)


def main(arguments: Sequence[str]) -> int:
    """Run both parts with further arguments of pytest; return the exit status."""
    return exit_status([*run_together({part: pytest_command(part, arguments) for part in PARTS}).values()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
