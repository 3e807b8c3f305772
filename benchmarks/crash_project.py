"""Kill a process that edits a project at random moments, and check after each kill that nothing saved is gone.

    python benchmarks/crash_project.py [--kills 300]

After each kill -9: every edit that the victim had told as saved is there, SQLite finds the file whole, all references
hold, and the rows are exactly what replaying the log through `veason.annotation` gives. A kill ends a process, not the
machine: what a power cut would do rests on SQLite's synchronous=FULL and on the disk.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # the tests' victim

from report import write_result

from tests.project.crash import crash
from tests.project.made import make_project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--kills-a-project", type=int, default=50, help="then a new one is begun (%(default)s)")
    args = parser.parse_args()
    start, crashes = time.perf_counter(), []
    while len(crashes) < args.kills:
        with tempfile.TemporaryDirectory() as made:
            project, question = make_project(Path(made))
            project.close()
            for _ in range(min(args.kills_a_project, args.kills - len(crashes))):
                crashes.append(crash(project.folder, question, seed=len(crashes)))
        print(f"{len(crashes)} kills, nothing lost, nothing damaged", flush=True)
    values = {
        "kills": len(crashes),
        "kills_after_the_first_save": sum(one.told > 0 for one in crashes),
        "kills_that_kept_more_than_was_told": sum(one.found > one.told > 0 for one in crashes),
        "saved_edits_lost": 0,
        "damaged_files": 0,
        "contradictions_with_the_log": 0,
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(values)
    write_result("project-crashes", values)


if __name__ == "__main__":
    main()
