"""A real clip with three hand-drawn objects through every format: from film to files and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.interchange.made import visible
from veason.interchange import FORMATS, IMPORTABLE, ExportOptions, LabelledVideo, export_labels, import_labels
from veason.interchange.projects import from_project
from veason.masks import encode_mask
from veason.project import Project, StoredMask
from veason.session import PutPrompt, Tracked
from veason.types import Prompt

BARE = ExportOptions(has_pictures=False)


@pytest.fixture(scope="module")
def real_video(real_clips: Path, tmp_path_factory: pytest.TempPathFactory) -> LabelledVideo:
    """Two hand-drawn objects and their shadow a few pixels off, with the frames on which one is away."""
    folder = next(path for path in sorted(real_clips.iterdir()) if path.is_dir())
    objects = sorted(path for path in folder.iterdir() if path.is_dir())[:2]
    with Project.create(tmp_path_factory.mktemp("real") / "project") as project:
        question = project.add_question(project.add_video(folder / "clip.mp4"), "all that moves")
        masks = []
        for object_id, place in enumerate(objects, start=1):
            for file in sorted(place.glob("*.png")):
                drawn = np.asarray(Image.open(file)) > 127
                masks.append(StoredMask(int(file.stem), object_id, encode_mask(drawn), 5.0, "propagated"))
                if object_id == 1:
                    moved = np.roll(drawn, (6, 9), (0, 1)) & ~drawn
                    masks.append(StoredMask(int(file.stem), 3, encode_mask(moved), 4.0, "propagated"))
        project.put_masks(question, masks, source="hand")
        away = masks[0].frame_index
        project.mark(question, 3, (away, away + 3), "absent", annotator="ann")
        project.record(question, PutPrompt(Prompt(1, away, mask=masks[0].rle)), annotator="ann")
        project.put_masks(question, [StoredMask(away, 1, masks[0].rle, 9.0, "corrected")])
        project.follow(question, [Tracked(frozenset({1, 2, 3}))])
        project.accept(question, annotator="ann")
        (video,) = from_project(project)
    return video


@pytest.mark.parametrize("format", [name for name in FORMATS if name not in ("sft", "overlay")])
def test_a_real_clip_goes_out_and_comes_back(format: str, real_video: LabelledVideo, tmp_path: Path) -> None:
    report = export_labels([real_video], format, tmp_path / "out", BARE)
    if format == "yolo-seg":
        assert report.lowest_iou is not None
        assert report.lowest_iou >= 0.98
    if format in IMPORTABLE and format not in ("davis", "youtube-vos"):
        (back,) = import_labels(tmp_path / "out", format, videos={"clip": real_video.info.path})
        assert visible(back, is_everything=True) == visible(real_video)
