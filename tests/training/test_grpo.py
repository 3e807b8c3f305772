"""Reinforcement learning: rows of a benchmark, what is refused in them, and what the engines are told."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file

from veason.cli import main
from veason.errors import DataError, OptionError, TrainingError
from veason.formats.datasets import open_dataset
from veason.formats.grpo.truth import footage_of, reward_case
from veason.project.videos import hash_video
from veason.training.base import Base, find_base
from veason.training.dataset_rows import label_samples
from veason.training.engine import VERL, Engine
from veason.training.grpo import GrpoOrder, write_order
from veason.training.grpo_rows import check_grpo_rows
from veason.training.grpo_settings import GrpoTrainingSettings
from veason.training.trl_files import trl_config
from veason.training.verl_files import Groups, VerlMachines, verl_overrides
from veason.training.verl_run import check_with_verl, train_with_verl, write_verl

pytest.importorskip("veason_nano.dataset")

EXTENDED = GrpoTrainingSettings(rules="extended", prompts=2, prompt_tokens=3000, answer_tokens=512)


@pytest.fixture(scope="module")
def base() -> Base:
    return find_base("nano")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("world") / "world"
    assert main(["nano", "world", str(out), "--clips", "1", "--longest", "12"]) == 0
    return out


@pytest.fixture(scope="module")
def made(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "rows"
    assert main(["train", "rows", str(world), "--kind", "revos", "--policy", "nano", "--out", str(out)]) == 0
    return out


@pytest.fixture
def rows(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "rows"))


def change(rows: Path, edit: Callable[[dict[str, Any]], object], place: int = 1) -> None:
    file = rows / "train.parquet"
    table = pq.read_table(file)
    values = table.to_pylist()
    edit(values[place])
    pq.write_table(pa.Table.from_pylist(values, table.schema), file)


def truth(edit: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    def change_truth(row: dict[str, Any]) -> None:
        fields = json.loads(row["reward_model"]["ground_truth"])
        edit(fields)
        row["reward_model"]["ground_truth"] = json.dumps(fields)

    return change_truth


def say(edit: Callable[[str], str], who: int = 1) -> Callable[[dict[str, Any]], object]:
    return lambda row: row["prompt"][who].update(content=edit(row["prompt"][who]["content"]))


def resized(row: dict[str, Any]) -> None:
    with Image.open(io.BytesIO(row["images"][0]["bytes"])) as picture:
        stream = io.BytesIO()
        picture.resize((140, 112)).save(stream, "JPEG")
    row["images"][0]["bytes"] = stream.getvalue()


def test_rows_of_a_benchmark_name_its_footage_and_hold_its_truth(world: Path, made: Path, base: Base) -> None:
    samples = list(open_dataset(world, "revos"))
    table = pq.read_table(made / "train.parquet").to_pylist()
    assert len(table) == len(samples)
    for sample, row in zip(samples, table, strict=True):
        case = reward_case(row["reward_model"]["ground_truth"])
        assert footage_of(row["reward_model"]["ground_truth"]) == hash_video(sample.frames_dir)
        assert case.context.num_frames == len(sample.frame_names)
        assert case.context.fps is not None
        for index in case.context.shown:
            assert case.union(index) == _union(sample, index)
    report = check_grpo_rows(made, base, EXTENDED, None)
    assert report.rows == len(samples)
    assert report.absent == sum(sample.type == "absent" for sample in samples)
    assert report.footage == 1
    assert 8 * 49 < report.longest < 1000


def _union(sample: Any, index: int) -> Any:
    from veason.masks import encode_mask

    return encode_mask(sample.truth(index))


def test_absent_targets_are_left_out_where_that_is_wanted(world: Path) -> None:
    everything = [question for video in label_samples(open_dataset(world, "revos")) for question in video.questions]
    present = label_samples(open_dataset(world, "revos"), is_present=True)
    left = [question for video in present for question in video.questions]
    assert left == [question for question in everything if question.object_ids]
    assert len(left) < len(everything)


def test_a_picture_too_many_in_the_folder_of_a_video_is_refused(world: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(world, tmp_path / "world"))
    frames = open_dataset(copy, "revos")[0].frames_dir
    shutil.copy(frames / "00000.jpg", frames / "00000b.jpg")
    with pytest.raises(DataError, match="keep the frames of a video"):
        list(label_samples(open_dataset(copy, "revos")))


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        pytest.param(lambda row: row["images"].pop(), "8 marks, 7 pictures, 8 frames", id="picture-left-out"),
        pytest.param(say(lambda text: "<image>" + text), "9 marks, 8 pictures", id="mark-too-many"),
        pytest.param(resized, "sized (140, 112), the profile wants (112, 112)", id="wrong-grid"),
        pytest.param(lambda row: row["images"][0].update(bytes=b"no"), "sized None", id="broken-picture"),
        pytest.param(say(lambda text: text.replace(", frame", " frame")), "in other words", id="other-wording"),
        pytest.param(say(lambda text: text + "<|im_end|>"), "'<|im_end|>'", id="end-mark"),
        pytest.param(say(lambda text: "You are a pirate.", 0), "a pirate", id="another-system-text"),
        pytest.param(lambda row: row["prompt"].pop(), "cannot be read", id="nobody-asks"),
        pytest.param(lambda row: row.update(images=None), "no two texts with a list of pictures", id="null-pictures"),
        pytest.param(lambda row: row.update(prompt=None), "cannot be read", id="null-prompt"),
        pytest.param(lambda row: row["prompt"][1].update(content=None), "no two texts", id="null-text"),
        pytest.param(truth(lambda one: one.update(objects=[5])), "cannot be read", id="objects-of-numbers"),
        pytest.param(lambda row: row["reward_model"].update(ground_truth="[" * 90_000), "cannot be read", id="deep"),
        pytest.param(lambda row: row["prompt"][1].update(role="bot"), "'bot'", id="another-role"),
        pytest.param(truth(lambda one: one.update(footage="")), "names no footage", id="no-footage"),
        pytest.param(truth(lambda one: one.pop("footage")), "names no footage", id="rows-of-an-older-export"),
        pytest.param(truth(lambda one: one.update(space_wh=[560, 560])), "boxes in (560, 560)", id="another-space"),
        pytest.param(truth(lambda one: one.update(labels="relative")), "labels 'relative'", id="other-labels"),
        pytest.param(truth(lambda one: one.update(boxes_key="box")), "boxes_key 'box'", id="another-key"),
        pytest.param(truth(lambda one: one["shown"].pop()), "7 frames shown", id="frame-left-out"),
        pytest.param(truth(lambda one: one.update(num_frames=2)), "cannot be read", id="frames-beyond-the-video"),
        pytest.param(lambda row: row["reward_model"].update(ground_truth="{"), "cannot be read", id="no-truth"),
    ],
)  # fmt: skip
def test_a_row_that_would_not_be_learnt_as_it_stands_is_refused(
    rows: Path, base: Base, edit: Callable[[dict[str, Any]], object], told: str
) -> None:
    change(rows, edit)
    with pytest.raises(DataError, match="1 of 4 rows") as refused:
        check_grpo_rows(rows, base, EXTENDED, None)
    assert "row 1: " in str(refused.value)
    assert told in str(refused.value)


def test_questions_longer_than_what_is_read_are_refused(rows: Path, base: Base) -> None:
    longest = check_grpo_rows(rows, base, EXTENDED, None).longest
    assert check_grpo_rows(rows, base, replace(EXTENDED, prompt_tokens=longest), None).longest == longest
    with pytest.raises(DataError, match=f"at most {longest - 1:,} are read"):
        check_grpo_rows(rows, base, replace(EXTENDED, prompt_tokens=longest - 1), None)
    with pytest.raises(DataError, match="dropped or cut"):
        check_grpo_rows(rows, base, replace(EXTENDED, answer_tokens=base.max_positions - longest + 1), None)


def test_too_few_rows_for_a_step_absent_targets_and_a_processor_that_resizes_are_refused(
    rows: Path, base: Base, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="there would be no step"):
        check_grpo_rows(rows, base, replace(EXTENDED, prompts=5), None)
    with pytest.raises(DataError, match="--rules extended"):
        check_grpo_rows(rows, base, replace(EXTENDED, rules="paper"), None)
    assert check_grpo_rows(rows, base, replace(EXTENDED, prompts=3), None).left_over == 1
    folder = Path(shutil.copytree(base.folder, tmp_path / "other"))
    file = folder / "processor_config.json"
    file.write_text(file.read_text().replace("12544", "10000"))
    with pytest.raises(DataError, match="its processor resizes pictures"):
        check_grpo_rows(rows, replace(base, folder=folder), EXTENDED, None)


def test_what_trl_is_told_is_what_the_released_code_says(rows: Path, base: Base) -> None:
    report = check_grpo_rows(rows, base, EXTENDED, None)
    config = trl_config(report, base, GrpoTrainingSettings(), service="http://127.0.0.1:1", is_half=True)
    wanted = {
        "num_generations": 8, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 128, "beta": 5e-3,
        "epsilon": 0.2, "entropy_coef": 1e-3, "learning_rate": 1e-6, "lr_scheduler_type": "constant",
        "weight_decay": 0.01, "max_grad_norm": 1.0, "temperature": 1.0, "max_completion_length": 1024,
        "num_train_epochs": 1, "seed": 42, "bf16": True,
    }  # fmt: skip
    assert {key: config["trl"][key] for key in wanted} == wanted
    with pytest.raises(OptionError, match="128 answers, which --micro 3"):
        trl_config(report, base, GrpoTrainingSettings(), service="", micro=3)


@pytest.mark.parametrize(
    "values", [{"group": 1}, {"prompts": 0}, {"kl": -1.0}, {"learning_rate": float("nan")}, {"temperature": 0.0}]
)
def test_numbers_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        GrpoTrainingSettings(**values)


def test_a_folder_holds_one_training(rows: Path, base: Base, tmp_path: Path) -> None:
    report = check_grpo_rows(rows, base, EXTENDED, None)
    order = GrpoOrder("trl", base, report, EXTENDED, False)
    write_order(order, tmp_path / "out", {"a": "1"})
    write_order(order, tmp_path / "out", {"a": "2"})
    assert (tmp_path / "out" / "a").read_text() == "2"
    with pytest.raises(DataError, match="settings differ"):
        write_order(replace(order, settings=replace(EXTENDED, kl=0.1)), tmp_path / "out", {})
    with pytest.raises(DataError, match="engine differ"):
        write_order(replace(order, engine="verl"), tmp_path / "out", {})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(DataError, match="something else"):
        write_order(order, tmp_path / "mine", {})


def test_footage_that_the_service_has_not_or_has_otherwise_is_refused(
    rows: Path, base: Base, world: Path, tmp_path: Path
) -> None:
    class Client:
        """A service that knows one video."""

        def __init__(self, *known: tuple[str, int, tuple[int, int]]) -> None:
            self.known = {digest: (count, size) for digest, count, size in known}

        async def footage(self, digests: list[str]) -> dict[str, Any]:
            return {digest: self.known[digest] for digest in digests if digest in self.known}

    sample = open_dataset(world, "revos")[0]
    digest, count = hash_video(sample.frames_dir), len(sample.frame_names)
    assert sample.size_wh
    there: Any = Client((digest, count, sample.size_wh))
    assert check_grpo_rows(rows, base, EXTENDED, there).footage == 1
    for client, told in ((Client(), "no footage with its digest"), (Client((digest, 3, sample.size_wh)), "3 frames")):
        other: Any = client
        with pytest.raises(DataError, match=told):
            check_grpo_rows(rows, base, EXTENDED, other)


def test_the_command_says_what_is_missing(
    rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", "grpo", str(rows), "--policy", "nano", "--out", str(tmp_path / "out"), "--rules", "extended"]
    words += ["--prompts", "2", "--prompt-tokens", "3000", "--answer-tokens", "512", "--engine", "trl"]
    words += ["--service", "http://127.0.0.1:9"]
    assert main([*words, "--engine-python", str(tmp_path / "none")]) == 4
    assert "make engine-trl" in capsys.readouterr().err
    monkeypatch.setattr("veason.cli.train.SERVICE_PATIENCE_S", 0.1)
    assert main([*words, "--write-only"]) == 2
    assert "veason reward-service" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def verl_order(rows: Path, base: Base, out: Path) -> tuple[GrpoOrder, Groups]:
    settings = replace(EXTENDED, prompts=2, epochs=1)
    report = check_grpo_rows(rows, base, settings, None)
    groups = verl_overrides(report, base, settings, VerlMachines(4, 2, 2), out, service="http://a:1")
    return GrpoOrder("verl", base, report, settings, True), groups


def test_verl_is_told_every_value_in_a_script_that_a_shell_reads(rows: Path, base: Base, tmp_path: Path) -> None:
    out = tmp_path / "a 'folder'"
    order, groups = verl_order(rows, base, out)
    write_verl(order, out, groups, "/bin/echo")
    said = subprocess.run([out / "train.sh", "more=1"], check=True, capture_output=True, text=True).stdout
    assert said.startswith("-m verl.trainer.main_ppo actor_rollout_ref.model.path=")
    assert said.endswith("more=1\n")
    lines = json.loads((out / "verl.json").read_text())["overrides"]
    assert all(line in said for line in lines)
    for wanted in (
        "algorithm.adv_estimator=grpo", "actor_rollout_ref.rollout.n=8", "actor_rollout_ref.actor.kl_loss_coef=0.005",
        "actor_rollout_ref.actor.entropy_coeff=0.001", "actor_rollout_ref.actor.optim.lr=1e-06",
        "actor_rollout_ref.rollout.tensor_model_parallel_size=2", "trainer.nnodes=2", "trainer.n_gpus_per_node=4",
        "+reward.custom_reward_function.reward_kwargs.service='http://a:1'", "data.filter_overlong_prompts=false",
    ):  # fmt: skip
        assert wanted in lines


@pytest.mark.parametrize(("gpus", "nodes", "together"), [(3, 1, 2), (3, 1, 1), (8, 4, 1)])
def test_gpus_that_do_not_divide_the_work_are_refused(
    rows: Path, base: Base, tmp_path: Path, gpus: int, nodes: int, together: int
) -> None:
    report = check_grpo_rows(rows, base, EXTENDED, None)
    with pytest.raises(OptionError, match="divide"):
        verl_overrides(report, base, EXTENDED, VerlMachines(gpus, nodes, together), tmp_path, service="")


def test_a_policy_is_made_of_verls_last_checkpoint_and_of_no_earlier_one(
    rows: Path, base: Base, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    order, groups = verl_order(rows, base, out)
    write_verl(order, out, groups, "python3")
    engine = Engine(VERL, Path("python3"), "0", False)
    assert train_with_verl(order, out, engine, "new") is None
    for step in (1, 2):
        weights = out / "checkpoints" / f"global_step_{step}" / "actor" / "huggingface"
        weights.mkdir(parents=True)
        if step == 1:
            with pytest.raises(TrainingError, match="step 1 of 2"):
                train_with_verl(order, out, engine, "new")
    with pytest.raises(TrainingError, match="left no weights"):
        train_with_verl(order, out, engine, "new")
    tensors = load_file(base.folder / "model.safetensors")
    first = next(iter(tensors))
    save_file({**tensors, first: tensors[first] + 1}, weights / "model.safetensors")
    policy = train_with_verl(order, out, engine, "new")
    assert policy == out / "policy"
    assert json.loads((policy / "profile.json").read_text())["name"] == "new"
    assert train_with_verl(order, out, engine, "new") == policy


def test_rows_that_verl_leaves_out_are_told(rows: Path, base: Base, tmp_path: Path) -> None:
    order, _ = verl_order(rows, base, tmp_path)
    python = tmp_path / "python"
    for told, words in (('{"rows": 3, "wrong": []}', "3 of 4 rows"), ('{"rows": 4, "wrong": [2]}', "prompt of row 2")):
        python.write_text(f"#!/bin/sh\necho 'dataset len: 3'; echo '{told}'\n")
        python.chmod(0o755)
        with pytest.raises(DataError, match=words):
            check_with_verl(order, tmp_path, Engine(VERL, python, "0", False))
