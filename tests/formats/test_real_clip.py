"""A real clip with three hand-drawn objects through every format: from film to files and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.formats.made import visible
from veason.formats.catalogue import EXPORTABLE, IMPORTABLE
from veason.formats.exporting import export_labels
from veason.formats.importing import import_labels
from veason.formats.labels.options import ExportOptions
from veason.formats.labels.values import LabelledVideo

BARE = ExportOptions(has_pictures=False)


@pytest.mark.parametrize("format", [name for name in EXPORTABLE if name not in ("sft", "overlay")])
def test_a_real_clip_goes_out_and_comes_back(format: str, real_video: LabelledVideo, tmp_path: Path) -> None:
    report = export_labels([real_video], format, tmp_path / "out", BARE)
    if format == "yolo-seg":
        assert report.lowest_iou is not None
        assert report.lowest_iou >= 0.98
    if format in IMPORTABLE and format not in ("davis", "youtube-vos"):
        (back,) = import_labels(tmp_path / "out", format, videos={"clip": real_video.info.path})
        assert visible(back, is_everything=True) == visible(real_video)
