"""Run pieces of code, each in a process in which one library cannot be imported.

    python tests/without_library.py '[["av", "import veason; veason.open_video"], ...]'

Prints JSON: of each piece the exit code and what it wrote to stderr. The processes are forked from one that has loaded
what most of them need, so that a dozen of them take little more than one.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from typing import Any


def run_without(library: str, code: str) -> dict[str, Any]:
    """Run code in a forked process in which `library` cannot be imported; nothing of Veason is loaded before."""
    with tempfile.TemporaryFile() as log:
        child = os.fork()
        if child == 0:
            os.dup2(log.fileno(), sys.stdout.fileno())
            os.dup2(log.fileno(), sys.stderr.fileno())
            sys.modules[library] = None  # type: ignore[assignment]
            exec(code, {"__name__": "__main__"})
            sys.exit()
        _, status = os.waitpid(child, 0)
        log.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "stderr": log.read().decode()}


def main() -> None:
    for name in ("numpy", "PIL.Image", "scipy.ndimage", "scipy.optimize", "torch"):
        importlib.import_module(name)
    assert not any(name.partition(".")[0] == "veason" for name in sys.modules)
    found = [run_without(library, code) for library, code in json.loads(sys.argv[1])]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
