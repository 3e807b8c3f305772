"""Recorded answers of the embedded models about the example clips, which a Space shows at once and without a GPU.

    python -m veason_nano.recorded_answers

Each is made as pre-labelling makes any other: the clip, the first instruction of examples.json, the embedded policy and
segmenter. It is kept as a bundle of one question beside the clip; what shows it is `veason.studio.server.recorded`.
"""

from __future__ import annotations

import json
import tempfile
from collections import deque
from pathlib import Path

from veason.formats.exporting import export_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.projects.from_project import from_project
from veason.hub import ASSETS
from veason.pipeline import Pipeline, load_pipeline
from veason.project import Project
from veason.project.prelabel import prelabel
from veason.video import UNTRUSTED


def recorded_answer(clip: Path, instruction: str, pipeline: Pipeline) -> str:
    """Return what the models answer, and their masks, as a line of a bundle."""
    with tempfile.TemporaryDirectory() as name, Project.create(Path(name) / "project", limits=UNTRUSTED) as project:
        video = project.library.add_video(clip)
        project.library.add_question(video, instruction)
        deque(prelabel(project, pipeline), maxlen=0)
        options = ExportOptions(is_everything=True, has_pictures=False)
        export_labels(from_project(project), "veason", Path(name) / "out", options)
        return (Path(name) / "out" / "labels.jsonl").read_text(encoding="utf-8")


def main() -> None:
    """Record an answer about each example clip."""
    folder = ASSETS / "examples"
    pipeline = load_pipeline("nano", "nano")
    for row in json.loads((folder / "examples.json").read_text(encoding="utf-8")):
        line = recorded_answer(folder / row["file"], row["instructions"][0]["text"], pipeline)
        path = folder / f"{Path(row['file']).stem}.answer.jsonl"
        path.write_text(line, encoding="utf-8")
        print(f"{path.name}: {len(line) / 1000:.0f} KB")


if __name__ == "__main__":
    main()
