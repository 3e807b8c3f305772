"""Processing of untrusted files in a separate process with limits on memory, time, files and environment.

    rows = run_confined("veason.project.foreign:copy_project", source, target, failure=ProjectError)

Any failure of the worker, also a crash of a library, becomes an error in the caller. Arguments and results are JSON, so
that nothing from the worker is ever executed.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any

from veason import errors
from veason.errors import VeasonError

MAX_BYTES = 700_000_000
"""Default memory limit of a worker in bytes, in addition to that of its libraries."""

MAX_S = 120.0
"""Default limit of processor time in seconds. The limit of elapsed time is twice as long."""

_MAX_FILES = 64
_MOST_ANSWER = 32_000_000
"""Limit of an answer in bytes, and of a file that a worker writes where no other limit is given."""

_WORKERS = threading.BoundedSemaphore(3)
"""Limits the number of workers at a time, and with it the memory of all of them."""

_PASSED_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH")


def run_confined(
    function: str,
    *arguments: Any,
    failure: type[VeasonError],
    what: str,
    max_bytes: int = MAX_BYTES,
    max_s: float = MAX_S,
    max_written: int | None = None,
) -> Any:
    """Run a function in a separate process and return its result.

    Args:
        function: `module:name`.
        *arguments: its arguments, JSON values.
        failure: the error to raise if the worker exceeds a limit or crashes.
        what: the name of the input, for that error's message.
        max_bytes: memory in bytes, in addition to that of the libraries.
        max_s: processor time in seconds.
        max_written: size in bytes of the largest file that it may write, at least 32 MB.

    Raises:
        VeasonError: the error that the function raised, or `failure`.
    """
    request = json.dumps([function, list(arguments), max_bytes, max_s, max_written])
    command = [sys.executable, "-m", "veason.confined"]
    with _WORKERS, tempfile.TemporaryFile() as answers:
        try:
            subprocess.run(
                command, input=request.encode(), stdout=answers, stderr=subprocess.DEVNULL, timeout=2 * max_s,
                env=_environment(), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise failure(f"{what} takes longer than {max_s:.0f} seconds to read: send it in parts") from error
        answers.seek(0)
        said = answers.read(_MOST_ANSWER)
    try:
        answer = json.loads(said)
        kind, value = answer
    except (ValueError, TypeError) as error:
        raise failure(f"{what} needs too much memory or time to read, or is damaged: send it in parts") from error
    if kind == "result":
        return value
    raise _known_error(kind, failure)(*value)


def _environment() -> dict[str, str]:
    """Return the environment of a worker: without the server's secrets, with one thread per library."""
    passed = {name: os.environ[name] for name in _PASSED_ENVIRONMENT if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**passed, **threads, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _known_error(kind: str, failure: type[VeasonError]) -> type[VeasonError]:
    found = getattr(errors, kind, None)
    return found if isinstance(found, type) and issubclass(found, VeasonError) else failure


def main() -> None:
    """Run the request on standard input and write the answer to standard output. The worker's entry point."""
    function, arguments, max_bytes, max_s, max_written = json.loads(sys.stdin.buffer.read())
    module, _, name = function.partition(":")
    work = getattr(importlib.import_module(module), name)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # keep the output of libraries out of the answer
    _limit(max_bytes, max_s, max_written)
    try:
        answer: Sequence[Any] = ("result", work(*arguments))
    except VeasonError as error:
        answer = (type(error).__name__, [str(sentence) for sentence in error.args])
    with answers:
        json.dump(answer, answers)


def _limit(max_bytes: int, max_s: float, max_written: int | None) -> None:
    """Set the limits of this process that the system supports."""
    if sys.platform == "win32":
        return
    import resource

    bounds = {resource.RLIMIT_CPU: int(max_s) + 1, resource.RLIMIT_CORE: 0, resource.RLIMIT_NOFILE: _MAX_FILES}
    bounds[resource.RLIMIT_FSIZE] = max(_MOST_ANSWER, max_written or 0)
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            bounds[resource.RLIMIT_AS] = int(file.read().split()[0]) * resource.getpagesize() + max_bytes
    for kind, bound in bounds.items():
        hard_limit = resource.getrlimit(kind)[1]
        bound = bound if hard_limit == resource.RLIM_INFINITY else min(bound, hard_limit)
        resource.setrlimit(kind, (bound, bound))


if __name__ == "__main__":
    main()
