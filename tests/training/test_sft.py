"""Fine-tuning: what an engine would lose without a word is refused; it is told what profile and paper say."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from veason.cli import main
from veason.corpus.rows import read_rows
from veason.errors import DataError, MissingBackend, OptionError, TrainingError
from veason.training.base import Base, find_base
from veason.training.engine import LLAMAFACTORY, Engine, drop_broken_checkpoints, find_engine, locked_run, run_engine
from veason.training.files import write_files
from veason.training.policy_folder import make_policy_folder
from veason.training.refusals import check_corpus
from veason.training.settings import SftSettings, to_yaml
from veason.training.sft import prepare_sft

nano = pytest.importorskip("veason_nano.corpus")


@pytest.fixture(scope="module")
def base() -> Base:
    return find_base("nano")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, base: Base) -> Path:
    out = tmp_path_factory.mktemp("made") / "corpus"
    nano.write_corpus(out, base.profile, "train", 3, 2, longest=20, questions=3)
    return out


@pytest.fixture
def corpus(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "corpus"))


def change(corpus: Path, edit: Callable[[dict[str, Any]], object], place: int = 1) -> None:
    file = corpus / "veason_sft.json"
    rows = json.loads(file.read_text())
    edit(rows[place])
    file.write_text(json.dumps(rows))


def say(who: int, edit: Callable[[str], str]) -> Callable[[dict[str, Any]], object]:
    return lambda row: row["conversations"][who].update(value=edit(row["conversations"][who]["value"]))


def answering(answer: str) -> Callable[[dict[str, Any]], object]:
    return say(1, lambda _: f"<think>It is nowhere.</think><answer>{answer}</answer>")


def test_rows_without_a_target_are_counted_by_their_answer_however_it_is_written(corpus: Path, base: Base) -> None:
    before = check_corpus(read_rows(corpus), base, 6144).absent
    boxed = next(at for at, row in enumerate(read_rows(corpus)) if "[]" not in row["conversations"][1]["value"])
    change(corpus, answering('{"bbox_2d_list": [], "keyframe_timestamp": null}'), boxed)
    assert check_corpus(read_rows(corpus), base, 6144).absent == before + 1


def test_what_the_engine_reads_is_what_the_policy_is_asked(corpus: Path, base: Base, tmp_path: Path) -> None:
    change(corpus, say(0, lambda text: text.replace("\n", "\nPlease, ")))
    write_files(read_rows(corpus), base, tmp_path / "out", SftSettings(), is_half=False)
    rows = json.loads((tmp_path / "out" / "data" / "veason_sft.json").read_text())
    assert rows[1]["conversations"][0]["value"].partition("\n")[2].startswith("please, ")


def test_a_corpus_of_the_world_can_be_trained_on(corpus: Path, base: Base) -> None:
    rows = read_rows(corpus)
    report = check_corpus(rows, base, 6144)
    assert report.rows == len(rows) == 6
    assert report.pictures == 16
    assert report.absent == sum('"bbox_2d_list": []' in row["conversations"][1]["value"] for row in rows)
    assert 8 * 49 < report.longest < 4096


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        pytest.param(lambda row: row["images"].pop(), "8 pictures and has 7", id="picture-left-out"),
        pytest.param(lambda row: row["images"].__setitem__(2, "no.jpg"), "'no.jpg' is missing", id="picture-missing"),
        pytest.param(say(0, lambda text: "<image>" + text), "9 pictures and has 8", id="mark-too-many"),
        pytest.param(say(0, lambda text: text.replace("frame 0<", "at 0<")), "no labels", id="label-lost"),
        pytest.param(say(0, lambda text: text.replace("\n", "\nPlease, ")), None, id="another-instruction"),
        pytest.param(say(0, lambda text: text.partition("\n")[0] + "\n \n"), "other words", id="no-instruction"),
        pytest.param(say(0, lambda text: text + " \ud83d"), "half a letter", id="half-a-letter"),
        pytest.param(
            lambda row: (
                say(0, lambda text: re.sub(r"\d+(?=<image>\n)", "1000", text))(row),
                answering('{"keyframe_timestamp": null, "bbox_2d_list": []}')(row),
            ),
            "beyond 999",
            id="label-beyond-the-last",
        ),
        pytest.param(
            say(0, lambda text: re.sub(r"\d+(?=<image>\n)", "9" * 5000, text)), "no labels", id="endless-label"
        ),
        pytest.param(answering('{"keyframe_timestamp": 0, "bbox_2d_list": [[0, 0, 0, 0]]}'), "all zeros", id="zeros"),
        pytest.param(answering('{"bbox_2d_list": []}'), "cannot be read", id="no-keyframe"),
        pytest.param(say(0, lambda text: text.replace(", frame", " frame")), "in other words", id="other-wording"),
        pytest.param(say(0, lambda text: text[: text.index("\n") + 1]), "in other words", id="nothing-asked"),
        pytest.param(say(0, lambda text: text + "<|im_end|>"), "'<|im_end|>'", id="end-mark"),
        pytest.param(say(1, lambda text: text.replace("k>", "k><|x|>", 1)), "'<|x|>'", id="mark-in-answer"),
        pytest.param(say(1, lambda text: text.replace("k>", "k><image>", 1)), "answer holds", id="image-in-answer"),
        pytest.param(say(0, lambda text: text + "<video>"), "'<video>'", id="video-mark"),
        pytest.param(say(1, lambda text: ""), "cannot be read", id="no-answer"),
        pytest.param(say(1, lambda text: text.partition("<answer>")[0]), "cannot be read", id="no-target"),
        pytest.param(lambda row: row["conversations"].pop(), "no conversation", id="nobody-answers"),
        pytest.param(lambda row: row["conversations"][1].update({"from": "bot"}), "'bot'", id="another-role"),
        pytest.param(lambda row: row.update(system=None), None, id="no-system-text"),
        pytest.param(lambda row: row.update(system="You are a pirate."), "a pirate", id="another-system-text"),
    ],
)  # fmt: skip
def test_a_row_that_would_not_be_learnt_as_it_stands_is_refused(
    corpus: Path, base: Base, edit: Callable[[dict[str, Any]], object], told: str | None
) -> None:
    change(corpus, edit)
    if told is None:
        assert check_corpus(read_rows(corpus), base, 6144).rows == 6
        return
    with pytest.raises(DataError, match="1 of 6 rows") as refused:
        check_corpus(read_rows(corpus), base, 6144)
    assert "row 1: " in str(refused.value)
    assert told in str(refused.value)


def test_pictures_of_another_size_and_broken_ones_are_refused(corpus: Path, base: Base) -> None:
    first, second = sorted(corpus.glob("images/*/*.jpg"))[:2]
    with Image.open(first) as picture:
        picture.resize((140, 112)).save(first)
    with pytest.raises(DataError, match=r"sized \(140, 112\), the profile wants \(112, 112\)"):
        check_corpus(read_rows(corpus), base, 6144)
    first.write_bytes(second.read_bytes())
    second.write_bytes(b"no picture")
    with pytest.raises(DataError, match="cannot be read"):
        check_corpus(read_rows(corpus), base, 6144)


def test_rows_longer_than_the_cutoff_or_the_checkpoint_are_refused(corpus: Path, base: Base) -> None:
    longest = check_corpus(read_rows(corpus), base, 6144).longest
    assert check_corpus(read_rows(corpus), base, longest).longest == longest
    with pytest.raises(DataError, match=rf"has {longest:,} tokens, --cutoff is {longest - 1:,}"):
        check_corpus(read_rows(corpus), base, longest - 1)
    with pytest.raises(DataError, match=f"what the checkpoint can read is {longest - 1:,}"):
        check_corpus(read_rows(corpus), replace(base, max_positions=longest - 1), 6144)


def test_a_corpus_without_rows_is_refused(base: Base) -> None:
    with pytest.raises(DataError, match="no rows"):
        check_corpus([], base, 6144)


def test_the_length_of_a_row_is_what_the_policy_reads_and_writes(corpus: Path, base: Base) -> None:
    from transformers import AutoProcessor

    row = read_rows(corpus)[0]
    human, gpt = (turn["value"] for turn in row["conversations"])
    parts = [{"type": "text", "text": text} for text in human.split("<image>")]
    content = [part for one in parts for part in (one, {"type": "image"})][:-1]
    processor = AutoProcessor.from_pretrained(base.folder)
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    pictures = [Image.open(row["folder"] / name) for name in row["images"]]
    read = processor(text=[text + gpt + "<|im_end|>\n"], images=pictures, do_resize=False)["input_ids"][0]
    assert check_corpus([row], base, 6144).longest == len(read)


def test_what_the_engine_is_told(corpus: Path, base: Base, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare_sft(corpus, base, out, SftSettings(), is_half=True)
    told = yaml.safe_load((out / "train.yaml").read_text())
    wanted = {
        "model_name_or_path": str(base.folder), "template": "qwen2_vl", "default_system": "",
        "image_max_pixels": 12544, "image_min_pixels": 12544, "finetuning_type": "lora", "lora_rank": 8,
        "learning_rate": 1e-4, "lr_scheduler_type": "cosine", "gradient_accumulation_steps": 8,
        "num_train_epochs": 1.0, "cutoff_len": 6144, "bf16": True, "media_dir": str(corpus), "output_dir": "adapter",
    }  # fmt: skip
    assert {key: told[key] for key in wanted} == wanted
    merge = yaml.safe_load((out / "merge.yaml").read_text())
    assert (merge["adapter_name_or_path"], merge["infer_dtype"]) == ("adapter", "bfloat16")
    rows = json.loads((out / "data" / "veason_sft.json").read_text())
    assert [row["conversations"] for row in rows] == [row["conversations"] for row in read_rows(corpus)]
    entry = json.loads((out / "data" / "dataset_info.json").read_text())[told["dataset"]]
    assert entry["columns"] == {"messages": "conversations", "images": "images", "system": "system"}


@pytest.mark.parametrize("value", [1e-4, 1e-5, 2.5e-07, 1.0, 3e22, "", "a: b # c", "über \u2028 \U0001f600", True, 7])
def test_every_value_is_read_back_as_it_is(value: str | float | bool) -> None:
    read = yaml.safe_load(to_yaml({"source": {"key": value}}))["key"]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("wrong", [{"rank": 0}, {"learning_rate": float("nan")}, {"epochs": 0}, {"warmup": 1.0}])
def test_impossible_numbers_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(wrong))):
        SftSettings(**wrong)


def test_a_folder_goes_on_with_the_same_order_only(corpus: Path, base: Base, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare_sft(corpus, base, out, SftSettings(), is_half=False)
    prepare_sft(corpus, base, out, SftSettings(), is_half=False)
    with pytest.raises(DataError, match=r"another training \(settings differ\)"):
        prepare_sft(corpus, base, out, SftSettings(rank=16), is_half=False)
    change(corpus, say(1, lambda text: text.replace("What happens:", "What happens: ")))
    with pytest.raises(DataError, match=r"another training \(rows differ\)"):
        prepare_sft(corpus, base, out, SftSettings(), is_half=False)
    with pytest.raises(DataError, match="something else than a training"):
        prepare_sft(corpus, base, corpus, SftSettings(), is_half=False)


def test_nothing_is_written_where_a_training_runs(corpus: Path, base: Base, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare_sft(corpus, base, out, SftSettings(), is_half=False)
    with locked_run(out), pytest.raises(TrainingError, match="still running"):
        prepare_sft(corpus, base, out, SftSettings(), is_half=False)
    prepare_sft(corpus, base, out, SftSettings(), is_half=False)


def test_checkpoints_that_were_cut_off_are_not_gone_on_from(tmp_path: Path) -> None:
    for step, state in ((4, '{"global_step": 4}'), (8, '{"global_'), (12, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert drop_broken_checkpoints(tmp_path) == 4
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint-4"]
    assert drop_broken_checkpoints(tmp_path / "none") is None


def test_an_engine_that_is_not_built_is_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingBackend, match="make engine-llamafactory"):
        find_engine(LLAMAFACTORY, str(tmp_path / "python"))
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'No module named llamafactory' >&2; exit 1\n")
    python.chmod(0o755)
    with pytest.raises(MissingBackend, match="No module named llamafactory"):
        find_engine(LLAMAFACTORY, str(python))


def test_an_engine_that_fails_says_its_last_words(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'CUDA out of memory'; exit 3\n")
    python.chmod(0o755)
    with pytest.raises(TrainingError, match=r"ended with 3(.|\n)*CUDA out of memory"):
        run_engine(
            Engine(LLAMAFACTORY, python, "0", False), tmp_path, ["train", "train.yaml"], tmp_path / "steps.jsonl"
        )


@pytest.mark.parametrize("name", ["no/such/folder", "nobody/nothing", "./none"])
def test_a_base_that_is_not_here_is_told(name: str) -> None:
    with pytest.raises(MissingBackend, match=r"no policy|not on this machine"):
        find_base(name)


def test_a_base_of_another_kind_or_without_weights_is_told(tmp_path: Path, base: Base) -> None:
    with pytest.raises(MissingBackend, match=r"config\.json"):
        find_base(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(MissingBackend, match="weights"):
        find_base(str(tmp_path))
    shutil.copy(base.folder / "model.safetensors", tmp_path)
    with pytest.raises(TrainingError, match="is a llama model"):
        find_base(str(tmp_path))


def test_a_merge_that_changed_nothing_or_something_else_is_no_policy(base: Base, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    merged, out = tmp_path / "merged", tmp_path / "policy"
    merged.mkdir()
    shutil.copy(base.folder / "model.safetensors", merged)
    with pytest.raises(TrainingError, match="changed nothing"):
        make_policy_folder(base, merged, out, "new")
    import numpy as np

    save_file({"other": np.zeros(3, np.float32)}, merged / "model.safetensors")
    with pytest.raises(TrainingError, match="not the form"):
        make_policy_folder(base, merged, out, "new")
    assert not out.exists()


def test_the_command_writes_the_files_alone(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["train", "sft", str(corpus), "--policy", "nano", "--out", str(out)]
    assert main([*words, "--write-only"]) == 0
    assert "6 rows" in capsys.readouterr().err
    assert {one.name for one in out.iterdir()} == {"training.json", "data", "train.yaml", "merge.yaml", "running.lock"}
    assert main([*words, "--engine-python", str(tmp_path / "none")]) == 4
    assert "make engine-llamafactory" in capsys.readouterr().err
    assert main(["train", "sft", str(tmp_path / "no"), *words[3:], "--write-only"]) == 2
    assert "no corpus can be read" in capsys.readouterr().err


def test_a_folder_stays_held_while_an_engine_goes_on_alone(tmp_path: Path) -> None:
    python, pid = tmp_path / "python", tmp_path / "pid"
    python.write_text("#!/bin/sh\necho $$ > pid.part; mv pid.part pid; exec sleep 60\n")
    python.chmod(0o755)
    code = (
        "import sys; from pathlib import Path; from veason.training.engine import LLAMAFACTORY, Engine, run_engine\n"
        "out = Path(sys.argv[1]); engine = Engine(LLAMAFACTORY, out / 'python', '0', False)\n"
        "run_engine(engine, out, ['train'], out / 'steps')"
    )
    ours = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    while not pid.exists():
        assert ours.poll() is None
        time.sleep(0.05)
    ours.kill()
    ours.wait()
    with pytest.raises(TrainingError, match="still running"), locked_run(tmp_path):
        pass
    os.kill(int(pid.read_text()), signal.SIGKILL)
    for _ in range(200):
        try:
            with locked_run(tmp_path):
                return
        except TrainingError:
            time.sleep(0.05)
    pytest.fail("the folder is still held after its engine was killed")
