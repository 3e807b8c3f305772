"""Run the test suite in two processes at once: the tests that drive a browser and then nano's, beside all others.

    python .ci/suite.py [arguments of pytest ...]

Each line begins with the part that it comes from, and the results of all parts stand at the end, whichever fails, with
the tests that failed. Every process computes on one thread, so two cores are used. JUnit files go to `test-results/`.

Tests in a browser that fail beside another part are run once more when all have ended. One that passes then is named as
unstable at the end: it found a race, in itself or in the page, that wants mending, but no change caused it.

Exit status: 0 if all parts pass, else that of the first part that does not. An interrupt ends the parts, which still
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
CACHE = ".pytest_cache"
PARTS = {
    "browser": ["tests/browser"],
    "others": ["--ignore=tests/browser", "--ignore=tests/nano"],
    "nano": ["tests/nano"],
}
"""The arguments that choose the tests of each part."""

AFTER = {"nano": "browser"}
"""The part that another one waits for, so that two run at a time and take about as long."""

RUN_AGAIN = "browser"
"""The part whose failed tests are run once more, alone."""

MOST_RUN_AGAIN = 5
"""More failed tests than this are no accident of a busy machine."""

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
WIDE = {"COLUMNS": "180"}
"""Keeps pytest from cutting the message of a failed test to the width of a terminal."""

TESTS_FAILED = 1
"""The exit status of pytest where tests were run and some failed."""

NO_TESTS = 5
"""The exit status of pytest where no test is chosen: fine for one part, as with `-k`, but not for both."""

INTERRUPTED = 130


def pytest_command(part: str, arguments: Sequence[str], results: str | None = None) -> list[str]:
    """Return the command that runs one part, with a cache and a file of results of its own."""
    own = [f"--junitxml={RESULTS}/{results or part}.xml", "-o", f"cache_dir={CACHE}/{part}", "--durations=15"]
    return [sys.executable, "-m", "pytest", *own, *PARTS[part], *arguments]


def failed_tests(lines: Sequence[str]) -> list[str]:
    """Return the lines of pytest's short summary that name a failed test or an error.

    >>> failed_tests(["tests/a.py .F", "FAILED tests/a.py::test_b - assert 1 == 2", "1 failed, 1 passed in 0.10s"])
    ['FAILED tests/a.py::test_b - assert 1 == 2']
    """
    return [line for line in lines if line.startswith(("FAILED ", "ERROR ")) and "::" in line]


def run_together(
    commands: Mapping[str, Sequence[str]], after: Mapping[str, str] | None = None
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Run commands at once, print their lines as they come, each with its name before it.

    Return how each ended, and its lines. The first SIGINT or SIGTERM interrupts the commands and what they have
    started, a further one kills it; what waits then is not started.

    Args:
        commands: by name.
        after: the name that another one waits for, by the one that waits.
    """
    width = max(map(len, commands))
    lock = threading.Lock()
    started = time.monotonic()
    processes: dict[str, subprocess.Popen[str]] = {}
    printed: dict[str, list[str]] = {name: [] for name in commands}
    codes: dict[str, int] = dict.fromkeys(commands, INTERRUPTED)
    num_signals = 0

    def forward(number: int, frame: FrameType | None) -> None:
        nonlocal num_signals
        num_signals += 1
        for process in list(processes.values()):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT if num_signals == 1 else signal.SIGKILL)

    def show(name: str, lines: IO[str]) -> None:
        for line in lines:
            with lock:
                printed[name].append(line.rstrip())
                print(f"{name:{width}} | {line.rstrip()}", flush=True)

    def run(name: str) -> None:
        process = processes[name] = subprocess.Popen(
            commands[name],
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD, **WIDE, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # the terminal interrupts this process only, which then ends the others
        )
        assert process.stdout is not None
        reader = threading.Thread(target=show, args=(name, process.stdout), daemon=True)
        reader.start()
        codes[name] = process.wait()
        reader.join(timeout=5)  # a process left behind may hold the pipe
        for other in (one for one, first in (after or {}).items() if first == name and one in commands):
            if not num_signals:
                run(other)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        first = [name for name in commands if (after or {}).get(name) not in commands]
        running = [threading.Thread(target=run, args=(name,)) for name in first]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if num_signals:
        codes = {name: code or INTERRUPTED for name, code in codes.items()}
    print(f"\n{time.monotonic() - started:.0f} s: " + ", ".join(f"{name} {word(code)}" for name, code in codes.items()))
    return codes, printed


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


def run_again(arguments: Sequence[str], failed: Sequence[str]) -> int:
    """Run the failed tests of `RUN_AGAIN` alone and return how that ended; name them as unstable if all pass now."""
    print(f"\n{len(failed)} of {RUN_AGAIN} failed beside another part; now alone:")
    command = [*pytest_command(RUN_AGAIN, arguments, f"{RUN_AGAIN}-again"), "--lf", "--lfnf=none"]
    codes, _ = run_together({RUN_AGAIN: command})
    if codes[RUN_AGAIN] == 0:
        for line in failed:
            print(f"UNSTABLE {line}")
    return codes[RUN_AGAIN]


def main(arguments: Sequence[str]) -> int:
    """Run all parts with further arguments of pytest; return the exit status."""
    codes, printed = run_together({part: pytest_command(part, arguments) for part in PARTS}, AFTER)
    failed = failed_tests(printed[RUN_AGAIN])
    if codes[RUN_AGAIN] == TESTS_FAILED and len(failed) <= MOST_RUN_AGAIN:
        codes[RUN_AGAIN] = run_again(arguments, failed)
    for part, code in codes.items():
        for line in failed_tests(printed[part]) if code else ():
            print(f"{part} | {line}")
    return exit_status([*codes.values()])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
