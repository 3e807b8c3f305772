"""TRL itself; left out where `VEASON_TRL` does not name the Python of an environment that has it.

Ten steps on the embedded policy with the reward service: killed in the middle, gone on with, and asked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.rewards_on_clips import serving
from veason.policy.lengths import count_tokens
from veason.training.base import find_base
from veason.training.grpo_rows import read_grpo_rows

PYTHON = os.environ.get("VEASON_TRL", "")

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="VEASON_TRL names no Python: make test-trl"),
    pytest.mark.timeout(3000),
]  # fmt: skip

READ = """
import json, sys
sys.path.insert(0, sys.argv[1])
import in_trl
from trl.data_utils import prepare_multimodal_messages
from transformers import AutoProcessor
processor = AutoProcessor.from_pretrained(sys.argv[3])
told = []
for row in in_trl.open_trl_rows(sys.argv[2], sys.argv[4], processor):
    messages = prepare_multimodal_messages(row["prompt"], images=row["images"])
    own = [{"role": "system", "content": sys.argv[5]}, row["prompt"][-1]]
    text = processor.apply_chat_template(own, tokenize=False, add_generation_prompt=True)
    ids = processor.apply_chat_template([messages], tokenize=True, return_dict=True, add_generation_prompt=True)
    wanted = processor(text=[text], images=row["images"])["input_ids"][0]
    told.append([len(ids["input_ids"][0]), list(ids["input_ids"][0]) == list(wanted), len(row["images"])])
print(json.dumps(told))
"""


def veason(*words: str) -> list[str]:
    return [sys.executable, "-m", "veason", *words]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("real") / "world"
    subprocess.run(veason("nano", "world", str(out), "--clips", "1", "--longest", "12"), check=True)
    rows = ("train", "rows", str(out), "--kind", "revos", "--policy", "nano", "--out", str(out.parent / "rows"))
    subprocess.run(veason(*rows), check=True)
    return out


def test_trl_makes_the_checkpoints_own_prompt_of_a_row(world: Path, tmp_path: Path) -> None:
    base, file = find_base("nano"), world.parent / "rows" / "train.parquet"
    here = Path(__file__).parent.parent.parent / "veason" / "training"
    done = subprocess.run(
        [PYTHON, "-c", READ, str(here), str(file), str(base.folder), str(tmp_path), base.profile.system],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    turns = [(*(message["content"] for message in row["prompt"]), "") for row in read_grpo_rows(file)]
    lengths = list(count_tokens(base.folder, base.profile, turns, image_mark="<image>"))
    told = json.loads(done.stdout.splitlines()[-1])
    ended = lengths[0] - told[0][0]
    assert ended in (1, 2)  # `count_tokens` counts the end of an answer
    assert told == [[length - ended, True, 8] for length in lengths]


def test_it_trains_is_killed_goes_on_and_what_comes_out_answers(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "a folder"
    with serving("--footage", str(world)) as (url, _):
        command = veason(
            "train", "grpo", str(world.parent / "rows"), "--policy", "nano", "--out", str(out), "--engine", "trl",
            "--engine-python", PYTHON, "--service", url, "--rules", "extended", "--group", "2", "--prompts", "2",
            "--micro", "4", "--max-steps", "10", "--prompt-tokens", "3000", "--answer-tokens", "200",
            "--save-steps", "3", "--learning-rate", "0.00001",
        )  # fmt: skip
        first = subprocess.Popen(command, start_new_session=True)
        while not (out / "checkpoints" / "checkpoint-3" / "trainer_state.json").exists():
            assert first.poll() is None
            time.sleep(0.2)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "step 10 of 10" in again.stderr
    assert "step 1 of 10" not in again.stderr
    rows = [json.loads(line) for line in (out / "trainer_log.jsonl").read_text().splitlines()]
    assert [row["current_steps"] for row in rows] == list(range(1, 11))
    for row in rows:
        terms = [row[f"rewards/reward_{term}/mean"] for term in ("format", "keyframe", "boxes", "tracks")]
        assert all(0 <= term <= 1 for term in terms)
        assert row["reward"] == pytest.approx(sum(terms), abs=1e-5)
    assert json.loads((out / "trained.json").read_text())["steps"] == 10
    policy = out / "policy"
    assert json.loads((policy / "profile.json").read_text())["name"] == "nano grpo"
    video = next((world / "JPEGImages").iterdir())
    words = ("--policy", str(policy), "--guess", "--out", str(tmp_path / "asked"))
    asked = subprocess.run(
        veason("ask", str(video), "the red object", *words), check=False, capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    assert json.loads((tmp_path / "asked" / "result.json").read_text())["policy"]
