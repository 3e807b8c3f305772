"""Broken files, read in a process of their own so that a crash is seen."""

import subprocess
import sys
from pathlib import Path

from tests.videos import CASES, needs_ffmpeg

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "fuzz_video.py"
KINDS = ("h264-b-frames", "hevc", "vp9-webm", "gif", "h264-ts", "mpeg4-avi", "rotated-90", "edit-list-trimmed")


@needs_ffmpeg
def test_a_hundred_broken_files_give_frames_or_a_video_error(tmp_path: Path) -> None:
    sources = [case.write(tmp_path) for case in CASES if case.name in KINDS]
    command = [sys.executable, SCRIPT, "--count", "100", "--seed", "1", *sources]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr[-2000:]
    assert "not opened" in result.stdout
    assert "frames by" in result.stdout
