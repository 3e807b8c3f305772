"""LLaMA-Factory itself; left out where `VEASON_LLAMAFACTORY` does not name the Python of an environment that has it.

A dozen steps on the embedded policy: killed in the middle, gone on with, merged, and asked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

PYTHON = os.environ.get("VEASON_LLAMAFACTORY", "")

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="VEASON_LLAMAFACTORY names no Python: make test-llamafactory"),
    pytest.mark.timeout(1800),
]  # fmt: skip


def veason(*words: str) -> list[str]:
    return [sys.executable, "-m", "veason", *words]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("real") / "corpus"
    words = (
        "nano",
        "corpus",
        str(out),
        "--clips",
        "2",
        "--questions",
        "2",
        "--longest",
        "16",
        "--photos",
        "scikit-image",
    )
    subprocess.run(veason(*words), check=True)
    return out


def test_it_trains_is_killed_goes_on_and_what_comes_out_answers(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "a folder"
    command = veason(
        "train", "sft", str(corpus), "--policy", "nano", "--out", str(out), "--engine-python", PYTHON,
        "--max-steps", "12", "--accumulation", "4", "--save-steps", "4", "--learning-rate", "0.001",
    )  # fmt: skip
    first = subprocess.Popen(command, start_new_session=True)
    while not (out / "adapter" / "checkpoint-4" / "trainer_state.json").exists():
        assert first.poll() is None
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "step 12 of 12" in again.stderr
    assert "step 1 of 12" not in again.stderr
    trained = json.loads((out / "trained.json").read_text())
    assert trained["steps"] == len(trained["losses"]) == 12
    assert np.mean(trained["losses"][-3:]) < np.mean(trained["losses"][:3])
    policy = out / "policy"
    assert json.loads((policy / "profile.json").read_text())["name"] == "nano sft"
    video = corpus / "images" / "train_007_00000"
    words = ("--policy", str(policy), "--guess", "--out", str(tmp_path / "asked"))
    asked = subprocess.run(
        veason("ask", str(video), "the red object", *words), check=False, capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    assert json.loads((tmp_path / "asked" / "result.json").read_text())["policy"]
