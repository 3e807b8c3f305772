"""Import and export labels made by chance, whole and damaged, and check that nothing is lost in silence.

    python benchmarks/conservation.py --count 5000 --seed 0 --out benchmarks/results/DATE-cpu-conservation.json

`tests/formats/generated.py` makes each file from a seed and counts what is in it apart from the readers. For every
import, what the file holds is what came in and what was told as left out; for every export, what the import rules of
others keep is what the report says; a benchmark reads as it was written. `--count` is the number of files in all. Ends
with status 1 where anything else than an error with its place is raised.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from tests.formats.generated import FILES, KEPT, check_export, check_import
from tests.formats.generated_benchmarks import SPLITS, check_benchmark


def main() -> int:
    """Run the check and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000, help="files in all")
    parser.add_argument("--seed", type=int, default=0, help="of the first file")
    parser.add_argument("--minutes", type=float, default=60.0, help="stop after so long, with fewer files")
    parser.add_argument("--out", metavar="FILE", help="where the result is written as JSON")
    args = parser.parse_args()
    ways = [(format, way) for format in FILES for way in ("whole", "damaged")] + [(format, "export") for format in KEPT]
    ways += [(kind, f"benchmark {way}") for kind in SPLITS for way in ("whole", "damaged")]
    outcomes: Counter[str] = Counter()
    broken: dict[str, int] = {}
    start = time.monotonic()
    for seed, (format, way) in itertools.islice(
        ((seed, way) for seed in itertools.count(args.seed) for way in ways), args.count
    ):
        with tempfile.TemporaryDirectory() as folder:
            try:
                if way == "export":
                    outcome = check_export(format, seed, Path(folder))
                elif way.startswith("benchmark"):
                    outcome = check_benchmark(format, seed, Path(folder), is_damaged=way.endswith("damaged"))
                else:
                    outcome = check_import(format, seed, Path(folder), is_damaged=way == "damaged")
            except Exception as error:  # noqa: BLE001  # whatever it is, it is counted and told
                outcome = f"BROKEN by {type(error).__name__}"
                if f"{format} {way}: {outcome}" not in broken:
                    traceback.print_exc()
                broken.setdefault(f"{format} {way}: {outcome}", seed)
        outcomes[f"{format} {way}: {outcome}"] += 1
        if time.monotonic() - start > 60 * args.minutes:
            break
    result = {
        "what": "labels made by chance, imported and exported",
        "files": outcomes.total(),
        "first_seed": args.seed,
        "seconds": round(time.monotonic() - start, 1),
        "outcomes": dict(sorted(outcomes.items())),
        "broken_seeds": broken,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if args.out:
        Path(args.out).write_text(f"{text}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
