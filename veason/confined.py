"""Work on what strangers send, in a process of its own with bounds on memory, time, files and what it inherits.

    rows = run_confined("veason.project.foreign:copy_project", source, target, failure=ProjectError)

Whatever happens in there, a crash of a library included, ends as an error here. Arguments and results travel as JSON,
so that nothing a worker says is ever executed.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from veason import errors
from veason.errors import VeasonError

MAX_BYTES = 700_000_000
"""Memory that a worker may take beyond what its libraries need."""

MAX_S = 120.0
"""Seconds of computing, and twice as many on the clock."""

_MAX_FILES = 64
_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")


def run_confined(
    function: str,
    *arguments: Any,
    failure: type[VeasonError],
    what: str,
    max_bytes: int = MAX_BYTES,
    max_s: float = MAX_S,
    max_written: int | None = None,
) -> Any:
    """Return what a function returns that runs in a process of its own.

    Args:
        function: `module:name`.
        *arguments: its arguments, which JSON can hold.
        failure: the error to raise where the worker reaches a bound or dies.
        what: what it works on, for that error.
        max_bytes: memory beyond what the libraries need.
        max_s: seconds of computing.
        max_written: the largest file that it may write, in bytes.

    Raises:
        VeasonError: the one that the function raised, or `failure`.
    """
    request = json.dumps([function, list(arguments), max_bytes, max_s, max_written])
    command = [sys.executable, "-m", "veason.confined"]
    try:
        done = subprocess.run(
            command, input=request.encode(), capture_output=True, timeout=2 * max_s, env=_environment(), check=False
        )
    except subprocess.TimeoutExpired as error:
        raise failure(f"{what} takes longer than {max_s:.0f} seconds to read: send it in parts") from error
    try:
        answer = json.loads(done.stdout)
        kind, value = answer
    except (ValueError, TypeError) as error:
        raise failure(f"{what} needs too much memory or time to read, or is damaged: send it in parts") from error
    if kind == "result":
        return value
    raise _known_error(kind, failure)(value)


def _environment() -> dict[str, str]:
    """Return the environment of a worker: no secrets of the server, one thread a library."""
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **threads, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _known_error(kind: str, failure: type[VeasonError]) -> type[VeasonError]:
    found = getattr(errors, kind, None)
    return found if isinstance(found, type) and issubclass(found, VeasonError) else failure


def main() -> None:
    """Run what standard input asks for, and write the answer to standard output."""
    function, arguments, max_bytes, max_s, max_written = json.loads(sys.stdin.buffer.read())
    module, _, name = function.partition(":")
    work = getattr(importlib.import_module(module), name)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    _limit(max_bytes, max_s, max_written)
    try:
        answer: Sequence[Any] = ("result", work(*arguments))
    except VeasonError as error:
        answer = (type(error).__name__, str(error))
    with answers:
        json.dump(answer, answers)


def _limit(max_bytes: int, max_s: float, max_written: int | None) -> None:
    """Bound this process, as far as the system knows such bounds."""
    if sys.platform == "win32":
        return
    import resource

    bounds = {resource.RLIMIT_CPU: int(max_s) + 1, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: _MAX_FILES}
    if max_written is not None:
        bounds[resource.RLIMIT_FSIZE] = max_written
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            bounds[resource.RLIMIT_AS] = int(file.read().split()[0]) * resource.getpagesize() + max_bytes
    for kind, bound in bounds.items():
        most = resource.getrlimit(kind)[1]
        bound = bound if most == resource.RLIM_INFINITY else min(bound, most)
        resource.setrlimit(kind, (bound, bound))


if __name__ == "__main__":
    main()
