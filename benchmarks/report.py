"""Write what a benchmark measured as one JSON file, with all that is needed to read the numbers later.

    write_result("metrics", {"frames": 100, "cold_s": 2.4})    # -> benchmarks/results/2026-11-22-cpu-metrics.json

A second run on the same day and device takes the place of the first.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
CPU = "cpu"


def write_result(name: str, values: Mapping[str, Any], *, device: str = CPU, folder: Path = RESULTS) -> Path:
    """Write `values` and where they were measured, and return the file.

    Args:
        name: what was measured, in a word or two that fit a file name.
        values: what was measured, as JSON can hold it; units in the keys.
        device: "cpu", or the name of the accelerator as its driver gives it.
        folder: where to write.
    """
    date = datetime.date.today().isoformat()
    result = {
        "name": name, "date": date, "device": _cpu_name() if device == CPU else device, "cpu_count": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()], "python": platform.python_version(),
        "torch": _version("torch"), "commit": COMMIT, "values": dict(values),
    }  # fmt: skip
    slug = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    file = folder / f"{date}-{slug}-{name}.json"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return file


def _cpu_name() -> str:
    listed = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", listed.read_text(), re.MULTILINE) if listed.is_file() else None
    return found[1] if found else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    """Return the installed version without importing the package, None where it is not there."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the commit of the tree, with "-dirty" where tracked files differ from it, None outside of git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


COMMIT = _commit()
"""Of the tree as it was when the benchmark began: it may move on while a long one runs."""
