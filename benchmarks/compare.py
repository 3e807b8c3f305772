"""Run one benchmark in this checkout and in another one, in turn, and print how its figures have moved.

    python benchmarks/compare.py --rounds 3 ../veason-before bench_project.py -- --videos 150

Every round runs both, with the same interpreter and each with the package of its own checkout, so that what else the
machine does falls on both. A figure of a side is the least of its rounds: of times the one that was disturbed least.
Only figures that both sides have are compared. The results that the benchmark writes stay in either checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from report import write_result

HERE = Path(__file__).parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="folder of the other checkout")
    parser.add_argument("script", help="file name of the benchmark, in both checkouts")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("options", nargs="*", help="for the benchmark, after --")
    args = parser.parse_args()
    sides: dict[str, list[dict[str, float]]] = {"before": [], "after": []}
    commits = {}
    for number in range(args.rounds):
        for side, checkout in (("before", args.before.resolve()), ("after", HERE)):
            result = run(checkout, args.script, args.options)
            commits[side] = result["commit"]
            sides[side].append(dict(figures(result["values"])))
            print(f"round {number + 1} of {args.rounds}, {side}: done", flush=True)
    least = {side: {name: min(one[name] for one in rounds) for name in rounds[0]} for side, rounds in sides.items()}
    rows = {
        name: {"before": before, "after": least["after"][name], "ratio": round(least["after"][name] / before, 3)}
        for name, before in least["before"].items()
        if name in least["after"] and before
    }
    for name, row in rows.items():
        print(f"{name:60s} {row['before']:10.3f} {row['after']:10.3f} {row['ratio']:7.2f}")
    values = {"script": args.script, "options": args.options, "rounds": args.rounds, "commits": commits, "rows": rows}
    print(write_result(f"compare-{Path(args.script).stem.removeprefix('bench_').replace('_', '-')}", values))


def run(checkout: Path, script: str, options: list[str]) -> dict[str, Any]:
    """Run a benchmark in a checkout and return the result that it wrote. Ends the run where it fails or writes none."""
    start = time.time()
    command = [sys.executable, str(checkout / "benchmarks" / script), *options]
    done = subprocess.run(command, cwd=checkout, env={**os.environ, "PYTHONPATH": str(checkout)}, capture_output=True)
    if done.returncode:
        sys.exit(f"{script} failed in {checkout} ({done.returncode}):\n{done.stderr.decode(errors='replace')[-2000:]}")
    files = [file for file in (checkout / "benchmarks" / "results").glob("*.json") if file.stat().st_mtime >= start]
    if len(files) != 1:
        sys.exit(f"{script} wrote {len(files)} results in {checkout}, wanted one")
    result: dict[str, Any] = json.loads(files[0].read_text(encoding="utf-8"))
    return result


def figures(values: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers in a result by their keys, joined by dots; what lies in lists and yes or no is left out."""
    if isinstance(values, dict):
        for key, value in values.items():
            yield from figures(value, f"{name}.{key}" if name else key)
    elif isinstance(values, (int, float)) and not isinstance(values, bool):
        yield name, float(values)


if __name__ == "__main__":
    main()
