"""Frames come through decord whatever form another library in the process has asked decord for."""

from pathlib import Path

import numpy as np
import pytest

from tests.videos import encode, needs_ffmpeg
from veason.video import open_video


@needs_ffmpeg
def test_a_bridge_that_another_library_set_changes_no_frame(tmp_path: Path) -> None:
    bridge = pytest.importorskip("decord.bridge", reason="decord is not installed: pip install decord")
    clip = encode(tmp_path / "clip.mp4", "-c:v libx264 -pix_fmt yuv420p", count=5)
    with open_video(clip, "decord") as video:
        wanted = [video.frame(index) for index in range(5)]
    bridge.set_bridge("torch")  # as sam2's own loader does
    try:
        with open_video(clip, "decord") as video:
            found = [video.frame(index) for index in range(5)]
    finally:
        bridge.reset_bridge()
    assert all(type(frame) is np.ndarray for frame in found)
    assert all(np.array_equal(*pair) for pair in zip(wanted, found, strict=True))
