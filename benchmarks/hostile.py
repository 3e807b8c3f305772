"""Every case of the hostile corpus once, in a process with bounds: crashes, files read, memory, what is told.

    python benchmarks/hostile.py [--every 1] [--scale 1] [--seed 0]

The corpus is that of `tests/hostile`, of which CI tries every ninth case. Gates:

    crashes    none: the process that tries them ends by itself
    failures   none: nothing raised but VeasonErrors, nothing raw told, no canary reached, nothing above 30 seconds
    memory     no case takes 500 MB beyond what was there before it, nor a confined process with all its libraries
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from report import write_result
from timing import machine_load

ROOT = Path(__file__).parent.parent
MOST_MB = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="try only every so many-th case (%(default)s)")
    parser.add_argument("--scale", type=int, default=1, help="so many times more that chance makes (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found = machine_load()
    options = [f"--{name}={value}" for name, value in vars(arguments).items()]
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.run", *options], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"gate failed: ended with {done.returncode} at {done.stderr.splitlines()[-1:]}")
    values = {**found, **vars(arguments), "crashes": 0, **json.loads(done.stdout)}
    print(json.dumps(values, indent=1))
    print("->", write_result("hostile", values))
    if values["failures"] or values["largest_growth_mb"][1] >= MOST_MB or values["confined_peak_mb"] >= MOST_MB:
        raise SystemExit("gate failed: see failures, largest_growth_mb and confined_peak_mb above")


if __name__ == "__main__":
    main()
