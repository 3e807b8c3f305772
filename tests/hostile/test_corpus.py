"""The committed corpus of hostile inputs, in bounded form: every kind of it, within 500 MB."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FEWEST, MOST_MB = 300, 500


@pytest.mark.skipif(sys.platform != "linux", reason="limits on memory are told by Linux alone")
def test_no_hostile_input_crashes_fills_the_memory_reads_a_file_or_is_told_raw() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.run", "--every", "9"], cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["failures"] == {}
    assert told["cases"] >= FEWEST
    assert told["tried"] >= told["cases"] // 9
    assert told["outcomes"]["refused"] > told["outcomes"]["taken"]
    assert told["largest_growth_mb"][1] < MOST_MB
    assert told["confined_peak_mb"] < MOST_MB
