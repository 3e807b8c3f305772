"""Import hostile files within 300 MB more than the libraries take, and print what came of each as JSON.

    python -m tests.formats.hostile FOLDER

FOLDER holds files called `<format>--<name>.<ending>`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from veason.errors import DataError
from veason.formats.catalogue import IMPORTABLE, format_named
from veason.formats.importing import import_labels

ROOM = 300 * 1024 * 1024


def main(folder: Path) -> None:
    """Import everything in a folder."""
    for format in IMPORTABLE:
        assert format_named(format).read
    warm_up(folder)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    told: dict[str, list[object]] = {}
    for file in sorted(folder.iterdir()):
        start = time.monotonic()
        try:
            videos = list(import_labels(file, file.name.split("--")[0]))
            outcome = f"imported {len(videos)}"
        except DataError as error:
            outcome = f"refused: {error}"
        told[file.name] = [outcome, round(time.monotonic() - start, 2)]
    print(json.dumps(told))


def warm_up(folder: Path) -> None:
    """Load every reader, so that libraries do not count."""
    for format in IMPORTABLE:
        try:
            list(import_labels(folder, format))
        except DataError:
            continue


if __name__ == "__main__":
    main(Path(sys.argv[1]))
