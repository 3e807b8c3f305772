"""YouTube-VOS written: palette pictures and meta.json."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from veason.formats.labels.options import ExportOptions
from veason.formats.labels.palettes import write_palette_video
from veason.formats.labels.report import Tally
from veason.formats.labels.values import LabelledVideo
from veason.outputs import write_json


def write(videos: Iterable[LabelledVideo], out: Path, tally: Tally, options: ExportOptions) -> None:
    """Write the YouTube-VOS layout; meta.json lists the frames on which each object is visible."""
    entries: dict[str, Any] = {}
    for video in videos:
        root = out / "train"
        shown = write_palette_video(video, root / "Annotations", root / "JPEGImages", tally, options)
        objects = {
            str(object_id): {"category": video.category(object_id), "frames": seen} for object_id, seen in shown.items()
        }
        entries[video.name] = {"objects": objects}
    (out / "train").mkdir(exist_ok=True)
    write_json({"videos": entries}, out / "train" / "meta.json")
