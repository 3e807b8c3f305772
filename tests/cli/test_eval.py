"""`veason eval` as a program: exit codes, killing and going on, live runs."""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests import live_eval
from tests.formats.made_datasets import HEIGHT, WIDTH, many_objects, moving, pictures
from tests.live_eval import Obedient, make_pipeline
from veason.cli import main
from veason.cli.evaluate import chosen_models
from veason.evaluate import Live, evaluate
from veason.formats.benchmarks.predictions import read_prediction, read_saved_answers, write_prediction
from veason.formats.datasets import Dataset, WriteExpression, WriteVideo, open_dataset, write_dataset
from veason.lab.store import Lab

ROOT = Path(__file__).parent.parent.parent
REPORT = ("report.json", "results.csv", "report.md")


def many_expressions(name: str, count: int, seed: int, *, obeyed: bool) -> WriteVideo:
    """`count` expressions on two objects; where `obeyed`, texts are answers for the stand-in policy."""
    chance = random.Random(f"{name} {seed}")
    expressions = []
    for number in range(count):
        ids = chance.choice([(), (1,), (2,), (1, 2)])
        kind = chance.choice(["referring", "reasoning"]) if ids else "absent"
        x, y = chance.randrange(20), chance.randrange(12)
        answer = chance.choice([f"{x},{y},{x + 8},{y + 9}@{chance.randrange(4)}"] * 6 + ["nothing@", "nonsense@"])
        text = f"{answer} {name} {number}" if obeyed else f"expression {number}"
        expressions.append(WriteExpression(text, ids, kind))
    return WriteVideo(name, pictures(seed), {1: moving(2), 2: moving(12, hidden=[0])}, expressions)


def make_200(root: Path, *, obeyed: bool) -> Dataset:
    write_dataset(root, "revos", (many_expressions(f"clip_{place}", 10, place, obeyed=obeyed) for place in range(20)))
    dataset = open_dataset(root, "revos")
    assert len(dataset) == 200
    return dataset


def save_noisy(dataset: Dataset, root: Path) -> None:
    for place, sample in enumerate(dataset):
        masks = {index: np.roll(sample.truth(index), place % 4, axis=1) for index in range(4)}
        if place % 9 == 0:
            masks[2] = np.ones((HEIGHT, WIDTH), bool)
        write_prediction(root, sample, masks, (WIDTH, HEIGHT))


def journal_keys(journal: Path) -> list[str]:
    """Return the keys of the whole lines of a journal, in order; the first line has none."""
    whole = journal.read_bytes().rpartition(b"\n")[0].splitlines()
    return [json.loads(line.partition(b" ")[2])["key"] for line in whole[1:]]


def kill_at(command: list[str], journal: Path, lines: int) -> list[str]:
    """Start the command, SIGKILL it once the journal has `lines` lines, and return the keys that are done."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.003)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    return journal_keys(journal)


def test_scoring_200_expressions_killed_three_times_ends_with_the_report_of_an_undisturbed_run(tmp_path: Path) -> None:
    dataset = make_200(tmp_path / "revos", obeyed=False)
    save_noisy(dataset, tmp_path / "saved")
    base = ["eval", str(tmp_path / "revos"), "--kind", "revos", "--predictions", str(tmp_path / "saved")]
    assert main([*base, "--out", str(tmp_path / "calm")]) == 0

    journal = tmp_path / "killed" / "results.journal"
    command = [sys.executable, "-m", "veason", *base, "--out", str(tmp_path / "killed")]
    stops = sorted(random.Random(7).sample(range(5, 190), 3))
    kept: list[str] = []
    for stop in stops:
        done = kill_at(command, journal, stop)
        assert done[: len(kept)] == kept
        assert len(done) >= stop - 1
        kept = done
    assert main([*base, "--out", str(tmp_path / "killed")]) == 0

    for name in REPORT:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes(), name
    assert set(Counter(journal_keys(journal)).values()) == {1}, "something was done twice"


def test_a_live_run_killed_three_times_asks_nothing_twice_that_it_had_finished(tmp_path: Path) -> None:
    make_200(tmp_path / "revos", obeyed=True)
    live_eval.main(str(tmp_path / "revos"), str(tmp_path / "calm"), "1")

    journal, log = tmp_path / "killed" / "results.journal", tmp_path / "log"
    arguments = [str(tmp_path / "revos"), str(tmp_path / "killed"), "1", str(log)]
    for stop in sorted(random.Random(3).sample(range(5, 190), 3)):
        kill_at([sys.executable, "-m", "tests.live_eval", *arguments], journal, stop)
    live_eval.main(*arguments)

    for name in REPORT:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "calm" / name).read_bytes(), name
    answers = "predictions/answers.jsonl"
    assert (tmp_path / "killed" / answers).read_bytes() == (tmp_path / "calm" / answers).read_bytes()
    asked = Counter(log.read_text().splitlines())
    assert len(asked) == 200
    assert sum(asked.values()) <= 203  # at most the one in work at each kill is asked again
    assert not (tmp_path / "killed" / "predictions" / "partial").exists()


def test_a_live_run_over_two_workers_saves_what_the_official_tools_read(tmp_path: Path) -> None:
    texts = ["2,1,8,6@0", "nothing@", "nonsense@", "2,1,8,6@3"]
    types = ["referring", "absent", "absent", "reasoning"]
    expressions = [
        WriteExpression(text, () if kind == "absent" else (1,), kind) for text, kind in zip(texts, types, strict=True)
    ]
    videos = [WriteVideo(name, pictures(0), {1: moving(2)}, expressions) for name in "ab"]
    write_dataset(tmp_path / "revos", "revos", videos)
    live_eval.main(str(tmp_path / "revos"), str(tmp_path / "out"), "2")

    content = json.loads((tmp_path / "out" / "report.json").read_text())
    assert content["defects"]["unparsable"] == 25
    assert content["absence"] == {
        "n_acc": 100, "t_acc": 100, "num_absent": 4, "num_present": 4, "num_absent_unparsable": 2,
    }  # fmt: skip
    assert content["keyframes"]["count"] == 4
    saved = tmp_path / "out" / "predictions"
    dataset = open_dataset(tmp_path / "revos", "revos")
    assert set(np.unique(read_prediction(saved, dataset[0], 2))) == {0, 255}
    answers = read_saved_answers(saved)
    assert answers is not None
    assert [answers[sample.key].answer is None for sample in dataset] == [False, False, True, False] * 2
    assert answers["a/0"].shown == (0, 3)
    seen = [answers[sample.key].object_score for sample in dataset]
    assert seen == [pytest.approx(1 / (1 + np.exp(-5.0))), None, None, pytest.approx(seen[0])] * 2
    assert main(["lab", "import", str(tmp_path / "lab"), "live", str(tmp_path / "out"), "--no-masks"]) == 0
    assert Lab(tmp_path / "lab").run("live").case("a/0")["object_score"] == pytest.approx(seen[0])

    rescore = ["eval", str(tmp_path / "revos"), "--kind", "revos", "--predictions", str(saved)]
    assert main([*rescore, "--out", str(tmp_path / "again")]) == 0
    again = json.loads((tmp_path / "again" / "report.json").read_text())
    for part in ("scores", "absence", "keyframes", "defects"):
        assert again[part] == content[part]


def test_the_real_pipeline_is_asked_in_the_same_way(tmp_path: Path) -> None:
    from tests.standins import BoxFiller
    from veason.pipeline import Pipeline

    write_dataset(tmp_path / "revos", "revos", [many_expressions("a", 9, 1, obeyed=True)])
    dataset = open_dataset(tmp_path / "revos", "revos")
    evaluate(dataset, Live(lambda: Pipeline(Obedient(None), BoxFiller())), tmp_path / "real")
    evaluate(dataset, Live(make_pipeline), tmp_path / "stand-in")  # type: ignore[arg-type]
    for name in (*REPORT, "predictions/answers.jsonl"):
        assert (tmp_path / "real" / name).read_bytes() == (tmp_path / "stand-in" / name).read_bytes(), name


def test_missing_predictions_are_listed_and_the_exit_code_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(tmp_path / "revos", "revos", [many_objects("a")])
    dataset = open_dataset(tmp_path / "revos", "revos")
    for sample in dataset[1:]:
        write_prediction(tmp_path / "saved", sample, {}, (WIDTH, HEIGHT))
    command = ["eval", str(tmp_path / "revos"), "--kind", "revos", "--predictions", str(tmp_path / "saved")]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "a/0: all frames" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "out"), "--allow-missing"]) == 0
    captured = capsys.readouterr()
    assert "| referring | 1 |" in captured.out
    assert "1 of 4 expressions lack pictures" in captured.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--predictions", "p", "--policy", "nano"], "either --predictions", id="both"),
        pytest.param(["--policy", "nano"], "give both --policy and --segmenter", id="unnamed"),
        pytest.param(["--predictions", "p", "--workers", "0"], "--workers is 1 or more", id="workers"),
        pytest.param(["--predictions", "p"], "meta_expressions_valid_.json", id="no-dataset"),
    ],
)
def test_wrong_options_say_what_to_do(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", str(tmp_path), "--kind", "revos", "--out", str(tmp_path / "out"), *options]) == 2
    assert said in capsys.readouterr().err


def test_weights_trained_on_in_their_folder_are_another_model(tmp_path: Path) -> None:
    weights = tmp_path / "policy" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    args = argparse.Namespace(
        policy=str(tmp_path / "policy"), segmenter="nano", profile=None, quantization=None, segmenter_config=None
    )
    before = chosen_models(args)
    assert before == chosen_models(args)
    assert before["segmenter"] == "nano"
    weights.write_bytes(b"two")
    os.utime(weights, ns=(1, 1))
    assert chosen_models(args) != before


def test_a_profile_or_weights_file_that_was_written_again_is_another_model(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("profile", "segmenter")}
    for file in files.values():
        file.write_text("one")
    args = argparse.Namespace(policy="nano", quantization=None, segmenter_config=None, **files)
    told = [chosen_models(args)]
    for number, file in enumerate(files.values(), start=1):
        os.utime(file, ns=(number, number))
        told.append(chosen_models(args))
    assert len({json.dumps(one) for one in told}) == 3
    assert chosen_models(args) == told[-1]
