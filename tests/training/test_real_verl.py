"""verl itself, as far as a CPU goes; left out where `VEASON_VERL` does not name the Python of an environment with it.

verl reads the rows, checks every configuration, scores answers in Ray actors that ask the reward service, and compares
them in their groups. Its rollouts want a GPU: `train.sh` of `veason train grpo --engine verl` is what runs there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.rewards_on_clips import InProcess, serving
from veason.boxes import scale_box
from veason.formats.grpo.truth import footage_of, reward_case
from veason.project.videos import hash_video
from veason.reward_service.functions import REWARD_NAMES
from veason.reward_service.question import TracksQuestion
from veason.rewards import EXTENDED, RewardCase, group_advantages, masks_iou, total_reward
from veason.segmenter import load_segmenter
from veason.training.base import find_base
from veason.training.grpo_rows import check_grpo_rows, read_grpo_rows
from veason.training.grpo_settings import GrpoTrainingSettings
from veason.training.verl_files import VerlMachines, override_lines, verl_overrides

PYTHON = os.environ.get("VEASON_VERL", "")
SETTINGS = GrpoTrainingSettings(rules="extended", prompts=4, prompt_tokens=3000, answer_tokens=1024)

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="VEASON_VERL names no Python: make test-verl"),
    pytest.mark.timeout(1800),
]  # fmt: skip


def ask_verl(*words: str) -> Any:
    here = Path(__file__).parent
    training = here.parent.parent / "veason" / "training"
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [PYTHON, str(here / "verl_checks.py"), str(training), *words],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = tmp_path_factory.mktemp("real") / "world"
    start = [sys.executable, "-m", "veason"]
    subprocess.run([*start, "nano", "world", str(world), "--clips", "1", "--longest", "12"], check=True)
    out = world.parent / "rows"
    words = ["train", "rows", str(world), "--kind", "revos", "--policy", "nano", "--out", str(out)]
    subprocess.run([*start, *words], check=True)
    return out


def write_config(rows: Path, out: Path, machines: VerlMachines, service: str = "http://127.0.0.1:9") -> str:
    base = find_base("nano")
    report = check_grpo_rows(rows, base, SETTINGS, None)
    overrides = override_lines(verl_overrides(report, base, SETTINGS, machines, out, service=service))
    file = out / f"{machines.gpus}-{machines.nodes}.json"
    file.write_text(json.dumps({"overrides": overrides}))
    return str(file)


def test_verl_takes_every_configuration_and_reads_every_row(rows: Path, tmp_path: Path) -> None:
    all_machines = [VerlMachines(1), VerlMachines(4, 1, 2), VerlMachines(8, 1, 4), VerlMachines(8, 2, 2)]
    told = ask_verl("configs", *(write_config(rows, tmp_path, machines) for machines in all_machines))
    for one, machines in zip(told, all_machines, strict=True):
        assert (one["rows"], one["other prompts"]) == (4, [])
        assert one["pictures"] == [16 + 1]  # a label before each picture, and the question
        assert one["gpus"] == machines.total
        assert one["batch"] == [4, 4, 1]
        assert (one["n"], one["kl"], one["entropy"]) == (8, [True, 0.005, "low_var_kl"], 0.001)
        assert (one["clip"], one["lr"]) == ([0.2, 0.2], [1e-6, 0.01, [0.9, 0.999]])
        assert one["kwargs"] == {"service": "http://127.0.0.1:9", "rules": "extended"}


def answers_to(case: RewardCase) -> list[str]:
    """Right, a bit off, at another time, absent, without form, and nothing."""
    context = case.context
    frame = next((index for index in context.shown if any(case.boxes(index))), context.shown[0])
    boxes = [scale_box(box, context.source_wh, context.space_wh) for box in case.boxes(frame) if box]
    numbers = [[round(side) for side in box.xyxy] for box in boxes]
    off = [[side + 3 for side in box] for box in numbers]

    def write(keyframe: int, told: list[list[int]]) -> str:
        body = json.dumps({context.keyframe_key: keyframe, context.boxes_key: told})
        return f"<think>because</think>\n<answer>{body}</answer>"

    return [
        write(frame, numbers),
        write(frame, off),
        write(context.shown[-1], numbers),
        write(frame, []),
        "red",
        write(frame, numbers[:1]),
    ]


def test_rewards_in_ray_actors_and_advantages_are_ours(rows: Path, tmp_path: Path) -> None:
    world = rows.parent / "world"
    asked = []
    for group, row in enumerate(read_grpo_rows(rows / "train.parquet")):
        truth = row["reward_model"]["ground_truth"]
        asked += [(text, truth, group) for text in answers_to(reward_case(truth))]
    file = tmp_path / "answers.json"
    file.write_text(json.dumps(asked))
    with serving("--footage", str(world)) as (url, _):
        told = ask_verl("rewards", write_config(rows, tmp_path, VerlMachines(), url), str(file))
    assert told["texts"] == [text for text, _, _ in asked]
    segmenter, videos = load_segmenter("nano"), {hash_video(one): one for one in (world / "JPEGImages").iterdir()}
    wanted = []
    for number, (text, truth, _) in enumerate(asked):
        case = reward_case(truth)
        track = InProcess(segmenter, videos[footage_of(truth)], case.context.shown, tmp_path / str(number))
        wanted.append(total_reward(text, case, track, EXTENDED))
    assert told["totals"] == pytest.approx([one.total for one in wanted], abs=1e-6)  # verl keeps them in float32
    for term in REWARD_NAMES:
        assert told["terms"][term] == [getattr(one, term).value for one in wanted]
    groups = np.array([group for _, _, group in asked])
    totals = np.array([one.total for one in wanted])
    ours = np.concatenate([group_advantages(totals[groups == group].tolist()) for group in np.unique(groups)])
    assert told["advantages"] == pytest.approx(ours.tolist(), abs=1e-5)
    assert len({round(one, 3) for one in told["totals"]}) > 4


def test_behind_ray_serve_it_is_the_same_and_a_killed_replica_costs_a_retry(rows: Path, tmp_path: Path) -> None:
    world = rows.parent / "world"
    questions, wanted = [], []
    segmenter, videos = load_segmenter("nano"), {hash_video(one): one for one in (world / "JPEGImages").iterdir()}
    for number, row in enumerate(read_grpo_rows(rows / "train.parquet")):
        truth = row["reward_model"]["ground_truth"]
        case = reward_case(truth)
        frame = next((index for index in case.context.shown if any(case.boxes(index))), None)
        if frame is None:
            continue
        boxes = tuple(box for box in case.boxes(frame) if box)
        unions = {index: case.union(index) for index in case.context.shown}
        question = TracksQuestion(footage_of(truth), case.context.shown, frame, boxes, case.context.source_wh, unions)
        track = InProcess(segmenter, videos[question.footage], question.shown, tmp_path / str(number))
        questions.append(question.as_json())
        wanted.append({str(index): iou for index, iou in masks_iou(track(boxes, frame), case).items()})
    file = tmp_path / "questions.json"
    file.write_text(json.dumps(questions))
    told = ask_verl("serve", str(world), str(file))
    assert told["first"] == wanted
    assert told["again"] == [*wanted, *told["through"]]
    assert told["killed"] == 1
    assert told["retries"] >= 1
