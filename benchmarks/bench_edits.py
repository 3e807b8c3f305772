"""What an edit costs the server, from the first to the last of a long sitting: 2,000 boxes on one question.

    python benchmarks/bench_edits.py [--edits N]

Processor time of the whole way from the page's event to its answer, on a project in a temporary folder with masks on 40
frames; a busy machine changes it little.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from report import write_result

sys.path.insert(0, str(Path(__file__).parent.parent))

from veason.pipeline import Pipeline
from veason.segmenter import load_segmenter
from veason.studio.server.examples import list_examples
from veason.studio.server.project_registry import ProjectRegistry
from veason.studio.server.settings import Settings
from veason.studio.server.studio import Studio
from veason.types import ModelOptions

EDITS = 2000
PART = 200


def milliseconds_per_edit(studio: Studio, work: str, first: int, count: int) -> float:
    """Move the box of object 1 to and fro; return the mean processor time of one edit."""
    start = time.process_time()
    for number in range(first, first + count):
        box = [10 + number % 7, 10, 60, 60]
        sent = {"work": work, "edit": "box", "object": 1, "frame": 0, "xyxy": box, "stamp": number}
        for _ in studio.answer("edit", sent):
            pass
    return (time.process_time() - start) / count * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=EDITS, help="how many edits to make (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        registry = ProjectRegistry(Settings(project=Path(folder) / "labels"))
        pipeline = Pipeline(None, load_segmenter("nano", ModelOptions(device="cpu")))
        studio = Studio(pipeline, registry, list_examples(), capacity=2)
        *_, opened = studio.answer("open", {"example": 0})
        work = opened["work"]
        milliseconds_per_edit(studio, work, 1, 1)
        for _ in studio.answer("propagate", {"work": work, "start": 0, "stop": 40, "only": None}):
            pass
        parts = [milliseconds_per_edit(studio, work, first, PART) for first in range(2, args.edits, PART)]
        studio.close()
    values = {"edits": args.edits, "ms_per_edit_by_part": [round(one, 2) for one in parts], "edits_in_a_part": PART}
    print(values)
    print("->", write_result("edits", values))


if __name__ == "__main__":
    main()
