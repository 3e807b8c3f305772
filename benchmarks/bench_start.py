"""How long Veason takes to start: `veason --help`, and the app until its page is answered.

    python benchmarks/bench_start.py [--other FOLDER] [--helps 11] [--apps 3]

Processor seconds of the whole process, all threads, so that a busy machine changes them little; medians. `--other`
names a checkout of another version, which is started in turn with ours in the same run: the ratio is ours to its own.
Linux only, as it reads /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from report import write_result

OURS = Path(__file__).parent.parent
WITHIN_S = 300.0
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


def environment(tree: Path) -> dict[str, str]:
    return {
        **os.environ, "PYTHONPATH": str(tree), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }  # fmt: skip


def help_seconds(tree: Path) -> float:
    """Return the processor seconds of `veason --help`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "veason", "--help"]
    subprocess.run(command, cwd=tree, env=environment(tree), check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def app_seconds(tree: Path) -> float:
    """Return the processor seconds of the app with the embedded models until its page has been answered."""
    command = [sys.executable, "-m", "veason", "serve", "--no-browser", "--policy", "nano", "--segmenter", "nano"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        with log.open("w") as stream:
            server = subprocess.Popen(
                [*command, "--project", f"{folder}/labels"],
                cwd=tree,
                env=environment(tree),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        try:
            address = wait_for_address(log, server)
            with urllib.request.urlopen(address, timeout=WITHIN_S) as page:
                assert page.status == 200
                page.read()
            return processor_seconds(server.pid)
        finally:
            server.terminate()
            server.wait(60)


def wait_for_address(log: Path, server: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        if found := ADDRESS.search(log.read_text()):
            return found[0]
        assert server.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"no address within {WITHIN_S} s: {log.read_text()}")


def processor_seconds(process: int) -> float:
    """Return the processor seconds, user and system, of a running process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", type=Path, metavar="FOLDER", help="a checkout to compare with")
    parser.add_argument("--helps", type=int, default=11, help="starts of `--help` (%(default)s)")
    parser.add_argument("--apps", type=int, default=3, help="starts of the app (%(default)s)")
    args = parser.parse_args()
    trees = {"ours": OURS, **({"other": args.other.resolve()} if args.other else {})}
    values: dict[str, Any] = {"helps": args.helps, "apps": args.apps}
    for what, measure, count in (("help", help_seconds, args.helps), ("app", app_seconds, args.apps)):
        found: dict[str, list[float]] = {name: [] for name in trees}
        for tree in trees.values():
            measure(tree)  # compiles, and warms the disk's cache
        for _ in range(count):
            for name, tree in trees.items():
                found[name].append(measure(tree))
        for name, seconds in found.items():
            values[f"{name}_{what}_s"] = round(statistics.median(seconds), 3)
            values[f"{name}_{what}_least_s"] = round(min(seconds), 3)
        if args.other:
            values[f"{what}_ratio"] = round(values[f"ours_{what}_s"] / values[f"other_{what}_s"], 3)
    print(json.dumps(values, indent=1))
    print("->", write_result("start", values))


if __name__ == "__main__":
    main()
